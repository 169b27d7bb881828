//! Transforms that send a record to another topic than its connector names, where the configuration alone decides which.

use crate::discovery::connect::answer::{Settings, list};
use fancy_regex::{Captures, Regex};

/// Transforms that leave a record's topic as it is: Kafka's own, and Debezium's that take an event apart.
const KEEPING: &[&str] = &[
    "Cast",
    "DropHeaders",
    "ExtractField",
    "Filter",
    "Flatten",
    "HeaderFrom",
    "HoistField",
    "InsertField",
    "InsertHeader",
    "MaskField",
    "ReplaceField",
    "SetSchemaMetadata",
    "TimestampConverter",
    "ValueToKey",
];

/// Where a record of this topic is after all transforms of the connector. The error says which of them leaves it open.
pub fn route(config: &Settings, topic: &str) -> Result<String, String> {
    let mut topic = topic.to_owned();
    for name in list(config, "transforms") {
        let of = |key: &str| config.get(&format!("transforms.{name}.{key}")).map(String::as_str);
        let class = of("type").unwrap_or_default();
        let short = class.rsplit('.').next().unwrap_or_default().split('$').next().unwrap_or_default();
        let keys = match short {
            "RegexRouter" => ("regex", "replacement"),
            "ByLogicalTableRouter" => ("topic.regex", "topic.replacement"),
            // Debezium's; they route where they are told a field to route by.
            "ExtractNewRecordState" | "ExtractNewDocumentState" if of("route.by.field").is_none_or(str::is_empty) => {
                continue;
            }
            _ if KEEPING.contains(&short) => continue,
            _ => return Err(format!("transform {name} ({class}) may send each record to a topic of its own")),
        };
        if of("predicate").is_some() {
            return Err(format!("transform {name} ({class}) routes only records for which its predicate holds"));
        }
        let (Some(regex), Some(replacement)) = (of(keys.0), of(keys.1)) else {
            return Err(format!("transform {name} ({class}) lacks {} or {}", keys.0, keys.1));
        };
        topic = replaced(regex, replacement, &topic).map_err(|why| format!("transform {name} ({class}): {why}"))?;
    }
    Ok(topic)
}

/// As Java has it: where the whole topic matches, the first place that the expression finds is replaced.
fn replaced(regex: &str, replacement: &str, topic: &str) -> Result<String, String> {
    if regex.contains("${") || replacement.contains("${file:") || replacement.contains("${env:") {
        return Err("its value is looked up elsewhere".into());
    }
    let unknown = |e: fancy_regex::Error| format!("{regex:?} cannot be evaluated here: {e}");
    let whole = Regex::new(&format!("^(?:{regex})$")).map_err(unknown)?;
    if !whole.is_match(topic).map_err(unknown)? {
        return Ok(topic.to_owned());
    }
    let Some(found) = Regex::new(regex).map_err(unknown)?.captures(topic).map_err(unknown)? else {
        return Ok(topic.to_owned());
    };
    let Some(place) = found.get(0) else { return Ok(topic.to_owned()) };
    Ok(format!("{}{}{}", &topic[..place.start()], expanded(replacement, &found)?, &topic[place.end()..]))
}

/// `$1`, `${name}` and `\` as `java.util.regex.Matcher` reads them: a group's number is as long as there is such a group.
fn expanded(replacement: &str, found: &Captures<'_, str>) -> Result<String, String> {
    let mut out = String::new();
    let mut rest = replacement;
    while let Some(c) = rest.chars().next() {
        rest = &rest[c.len_utf8()..];
        match c {
            '\\' => {
                let next = rest.chars().next().ok_or("the replacement ends with \\")?;
                out.push(next);
                rest = &rest[next.len_utf8()..];
            }
            '$' => {
                let (group, after) = match rest.strip_prefix('{') {
                    Some(named) => {
                        let (name, after) = named.split_once('}').ok_or("a ${ of the replacement is not closed")?;
                        (found.name(name), after)
                    }
                    None => {
                        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
                        let number = |length: usize| rest[..length].parse::<usize>().ok().filter(|n| *n < found.len());
                        let length = (1..=digits).rev().find(|length| number(*length).is_some());
                        let length = length.ok_or("the replacement names a group that is not there")?;
                        (number(length).and_then(|n| found.get(n)), &rest[length..])
                    }
                };
                out.push_str(group.map_or("", |group| group.as_str()));
                rest = after;
            }
            c => out.push(c),
        }
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(transforms: &[(&str, &[(&str, &str)])], topic: &str, expected: Result<&str, &str>) {
        let names: Vec<&str> = transforms.iter().map(|(name, _)| *name).collect();
        let mut config = Settings::from([("transforms".to_owned(), names.join(","))]);
        for (name, keys) in transforms {
            config.extend(keys.iter().map(|(k, v)| (format!("transforms.{name}.{k}"), (*v).to_owned())));
        }
        match (route(&config, topic), expected) {
            (Ok(routed), Ok(expected)) => assert_eq!(routed, expected, "{transforms:?}"),
            (Err(why), Err(part)) => assert!(why.contains(part), "{why}"),
            (other, _) => panic!("{other:?} of {transforms:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn a_router_by_pattern_decides_where_a_topic_goes() {
        const REGEX: &str = "org.apache.kafka.connect.transforms.RegexRouter";
        let router = |regex: &'static str, replacement: &'static str| {
            [("type", REGEX), ("regex", regex), ("replacement", replacement)]
        };
        check(&[], "a", Ok("a"));
        check(&[("r", &router("(.*)", "raw.$1"))], "orders", Ok("raw.orders"));
        check(&[("r", &router("shop\\.(.*)", "$1"))], "shop.orders", Ok("orders"));
        check(&[("r", &router("shop\\.(.*)", "$1"))], "other", Ok("other"));
        check(&[("r", &router("rder", "x"))], "orders", Ok("orders"));
        check(&[("r", &router("(o)(.*)", "$12-\\$2"))], "orders", Ok("o2-$2"));
        check(&[("r", &router("(?<head>[^.]+)\\.(.*)", "${head}"))], "a.b.c", Ok("a"));
        check(&[("r", &router("(a)", "$2"))], "a", Err("not there"));
        check(&[("r", &router("(", "x"))], "a", Err("cannot be evaluated"));
        check(&[("r", &[("type", REGEX), ("regex", "a")])], "a", Err("lacks"));
        check(&[("a", &router("(.*)", "x.$1")), ("b", &router("x\\.(.*)", "y.$1"))], "t", Ok("y.t"));
        check(
            &[("r", &[("type", REGEX), ("regex", "a"), ("replacement", "b"), ("predicate", "p")])],
            "a",
            Err("predicate"),
        );
    }

    #[test]
    fn what_may_route_each_record_leaves_it_open() {
        for (class, open) in [
            ("org.apache.kafka.connect.transforms.InsertField$Value", false),
            ("org.apache.kafka.connect.transforms.TimestampRouter", true),
            ("io.debezium.transforms.outbox.EventRouter", true),
            ("io.debezium.transforms.ExtractNewRecordState", false),
            ("com.example.Mine", true),
        ] {
            let expected = if open { Err("of its own") } else { Ok("a") };
            check(&[("t", &[("type", class)])], "a", expected);
        }
        let by_field = [("type", "io.debezium.transforms.ExtractNewRecordState"), ("route.by.field", "kind")];
        check(&[("t", &by_field)], "a", Err("of its own"));
    }
}
