//! `steward.headers` and `steward.key`: what a contract asks of a record beside its value. ODCS has no word for either.

use crate::engine::contract::beside::{Asks, Beside, What};
use crate::engine::contract::fields::{At, Fields};
use crate::engine::contract::model::Clause;
use crate::engine::contract::odcs::custom::Custom;
use crate::engine::contract::plan::Check;
use crate::engine::contract::problem::{Place, Problems};
use crate::engine::contract::standard::shape::nearest;
use crate::engine::contract::text::format::TextFormat;
use crate::engine::contract::text::pattern;
use crate::engine::contract::values::Values;
use crate::engine::contract::yaml::Value;

/// The keys of what is asked of one text.
const OPTIONS: [&str; 9] = [
    "description",
    "severity",
    "classification",
    "required",
    "minLength",
    "maxLength",
    "pattern",
    "format",
    "validValues",
];

/// Reads `steward.headers`: a list of headers, each with its `name`.
pub fn headers(found: &At<'_>, problems: &Problems) -> Vec<Clause> {
    let Some(items) = found.items().filter(|items| !items.is_empty()) else {
        wrong(&found.at, "steward.headers is no list", "list headers: `- {name: trace-id, required: true}`", problems);
        return Vec::new();
    };
    let (mut names, mut clauses) = (Vec::new(), Vec::new());
    for item in items {
        let remedy = "write a mapping with a `name`: `{name: trace-id, required: true}`";
        let Some(mut fields) = mapping(&item, problems) else {
            wrong(&item.at, "the header is no mapping", remedy, problems);
            continue;
        };
        let Some(name) = fields.text("name").filter(|name| !name.is_empty()) else {
            wrong(&item.at, "the header has no name", remedy, problems);
            continue;
        };
        if names.contains(&name) {
            let message = format!("the header {name} stands here twice");
            problems.beyond(&item.at, "repeated-name", message, "write all that is asked of it in one place");
        }
        clauses.extend(texts(fields, What::Header(name.as_str().into()), problems));
        names.push(name);
    }
    clauses
}

/// Reads `steward.key`.
pub fn key(found: &At<'_>, problems: &Problems) -> Vec<Clause> {
    match mapping(found, problems) {
        Some(fields) => texts(fields, What::Key, problems),
        None => {
            let remedy = "write what is asked of the key: `{required: true, format: uuid}`";
            wrong(&found.at, "steward.key is no mapping", remedy, problems);
            Vec::new()
        }
    }
}

/// What is asked of the object's records; what the object says of headers, or of the key, goes before what the contract says.
pub fn clauses(of_object: &Custom, of_contract: &Custom, relates_to: &str) -> Vec<Clause> {
    let said = |of: fn(&Custom) -> &Option<Vec<Clause>>| of(of_object).as_ref().or(of(of_contract).as_ref());
    let all = said(|custom| &custom.key).into_iter().chain(said(|custom| &custom.headers)).flatten();
    let below = |clause: &Clause| format!("{relates_to}/{}", clause.relates_to);
    all.map(|clause| Clause { relates_to: below(clause), ..clause.clone() }).collect()
}

fn mapping<'a>(found: &At<'a>, problems: &'a Problems) -> Option<Fields<'a>> {
    matches!(found.node.value, Value::Map(_)).then(|| Fields::of(found, problems)).flatten()
}

fn wrong(at: &Place, message: impl Into<String>, remedy: impl Into<String>, problems: &Problems) {
    problems.beyond(at, "steward-property", message, remedy);
}

/// Each option is a rule of its own, in the order of `OPTIONS`.
fn texts(mut fields: Fields<'_>, what: What, problems: &Problems) -> Vec<Clause> {
    fields.known(&["description"]);
    let severity = fields.text("severity");
    let labelled = fields.text("classification");
    let classified = labelled.is_some_and(|word| !word.is_empty() && !word.eq_ignore_ascii_case("public"));
    let relates_to = match &what {
        What::Key => "customProperties/steward.key".to_owned(),
        What::Header(name) => format!("customProperties/steward.headers/{name}"),
    };
    let mut clauses = Vec::new();
    let mut ask = |metric: &'static str, asks: Result<Asks, String>| {
        let dimension = if metric == "required" { "completeness" } else { "conformity" };
        let check = match asks {
            Ok(asks) => Check::Beside(Box::new(Beside { what: what.clone(), asks, classified })),
            Err(reason) => Check::Unmeasured(reason),
        };
        let clause = Clause::schema(metric, dimension, &relates_to, check);
        clauses.push(Clause { about: Some(what.to_string()), severity: severity.clone(), ..clause });
    };
    if fields.flag("required") == Some(true) {
        ask("required", Ok(Asks::Present));
    }
    for metric in ["minLength", "maxLength"] {
        let Some(found) = fields.get(metric) else { continue };
        let count = match &found.node.value {
            Value::Number(number) => number.as_u64(),
            _ => None,
        };
        let length = |count| match metric {
            "minLength" => Asks::Length { min: Some(count), max: None },
            _ => Asks::Length { min: None, max: Some(count) },
        };
        let refused = || refused(&found.at, metric, "a whole number, not negative", problems);
        ask(metric, count.map(length).ok_or_else(refused));
    }
    if let Some(found) = fields.get("pattern") {
        let asks = match found.text().map(pattern::compile) {
            Some(Ok(pattern)) => Ok(Asks::Pattern(pattern)),
            Some(Err(reason)) => {
                problems.beyond(&found.at, "bad-pattern", &reason, "write it without what is not supported");
                Err(reason)
            }
            None => Err(refused(&found.at, "pattern", "a text", problems)),
        };
        ask("pattern", asks);
    }
    if let Some(found) = fields.get("format") {
        let format = found.text().and_then(TextFormat::named).map(Asks::Format);
        let refused = || refused(&found.at, "format", "one of email, uuid, uri, hostname, ipv4, ipv6, byte", problems);
        ask("format", format.ok_or_else(refused));
    }
    if let Some(found) = fields.get("validValues") {
        let values = found.texts().filter(|texts| !texts.is_empty());
        let one_of = |texts: Vec<String>| Asks::OneOf(Values::new(texts.into_iter().map(Into::into).collect()));
        let refused = || refused(&found.at, "validValues", "a list of texts (put numbers in quotes)", problems);
        ask("validValues", values.map(one_of).ok_or_else(refused));
    }
    for (key, at) in fields.unknown() {
        let named = (what != What::Key).then_some("name");
        let known: Vec<&str> = named.into_iter().chain(OPTIONS).collect();
        let remedy = match nearest(key, &known) {
            Some(near) => format!("write `{near}`, if that is meant"),
            None => format!("use {}", known.join(", ")),
        };
        wrong(&at, format!("{key} asks nothing of {what}"), remedy, problems);
        ask("unknown", Err(format!("the option {key} is not understood")));
    }
    if clauses.is_empty() {
        let remedy = format!("give it one of {}", OPTIONS[3..].join(", "));
        problems.doubt(&fields.at, "unmeasured", format!("nothing is asked of {what}"), remedy);
    }
    clauses
}

fn refused(at: &Place, key: &str, expected: &str, problems: &Problems) -> String {
    wrong(at, format!("{key} is not {expected}"), format!("make it {expected}"), problems);
    format!("{key} is not {expected}")
}

#[cfg(test)]
mod tests {
    use crate::engine::contract::compile::compile;
    use crate::engine::contract::odcs;

    const HEAD: &str = "kind: DataContract\napiVersion: v3.1.0\nid: c\nversion: 1.0.0\nstatus: active\n";

    /// The rules of an object `o` as `id: property what is asked`, and the words of the problems.
    fn check(custom: &str, rules: &[&str], problems: &[&str]) {
        let object = format!("schema:\n- name: o\n  physicalType: topic\n  customProperties:\n  - {custom}\n");
        let parsed = odcs::parse(&format!("{HEAD}{object}"));
        let told: Vec<String> = parsed.problems.iter().map(|p| format!("{}; {}", p.message, p.remedy)).collect();
        assert_eq!(told.len(), problems.len(), "{custom}: {told:#?}");
        for (told, words) in told.iter().zip(problems) {
            assert!(told.contains(words), "{told} has no {words:?}");
        }
        let plan = compile(&parsed.contract.expect("a contract"));
        let shown = |rule: &crate::engine::contract::plan::Rule| {
            let property = rule.property.as_deref().unwrap_or("-");
            format!("{}: {property} {:?}", rule.id, rule.check)
        };
        let found: Vec<String> = plan.rules.iter().map(shown).collect();
        assert_eq!(found.len(), rules.len(), "{custom}: {found:#?}");
        for (found, words) in found.iter().zip(rules) {
            assert!(words.split(" … ").all(|part| found.contains(part)), "{found} has no {words:?}");
        }
    }

    #[test]
    fn each_option_of_a_header_and_of_the_key_is_a_rule_of_its_own() {
        check(
            "{property: steward.headers, value: [{name: trace-id, required: true, format: uuid}, {name: source, validValues: [web, app], pattern: '^[a-z]+$', minLength: 3, maxLength: 3}]}",
            &[
                "o.@headers.trace-id.required: @headers.trace-id … Present",
                "o.@headers.trace-id.format: @headers.trace-id … Format(Uuid)",
                "o.@headers.source.minLength … Length { min: Some(3), max: None }",
                "o.@headers.source.maxLength … Length { min: None, max: Some(3) }",
                "o.@headers.source.pattern … Pattern",
                "o.@headers.source.validValues … OneOf",
            ],
            &[],
        );
        check(
            "{property: steward.key, value: {required: true, pattern: '^o-'}}",
            &["o.@key.required: @key … Present", "o.@key.pattern: @key … Pattern"],
            &[],
        );
    }

    #[test]
    fn a_mistake_spoils_its_own_rule_and_is_told_with_what_is_likely_meant() {
        check(
            "{property: steward.headers, value: [{name: a, requird: true, required: true}, {name: b, pattern: '('}, {name: c, format: guid, minLength: x, validValues: [1]}]}",
            &[
                "o.@headers.a.required",
                "a.unknown … Unmeasured",
                "b.pattern … Unmeasured",
                "c.minLength … Unmeasured",
                "c.format … Unmeasured",
                "c.validValues … Unmeasured",
            ],
            &[
                "write `required`, if that is meant",
                "unclosed group",
                "format is not one of",
                "minLength is not",
                "put numbers in quotes",
            ],
        );
        check("{property: steward.headers, value: trace-id}", &[], &["steward.headers is no list"]);
        check("{property: steward.headers, value: [trace-id]}", &[], &["the header is no mapping"]);
        check("{property: steward.headers, value: [{required: true}]}", &[], &["the header has no name"]);
        check("{property: steward.headers, value: [{name: a}]}", &[], &["nothing is asked of @headers.a"]);
        check("{property: steward.key, value: uuid}", &[], &["steward.key is no mapping"]);
        check(
            "{property: steward.headers, value: [{name: a, required: true}, {name: a, pattern: x}]}",
            &["a.required", "a.pattern"],
            &["stands here twice"],
        );
    }
}
