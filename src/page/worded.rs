//! A rule as people say it: what a good record does, and what a bad one did.

use crate::engine::check::own::{DECODABLE, LATE, SCHEMA, SIZE, TIMESTAMP};
use crate::engine::contract::beside::{Asks, Beside, What};
use crate::engine::contract::plan::{Check, JsonType, Rule, Threshold, Unit, Validity};
use crate::engine::contract::sla::{Level, Sla};
use crate::engine::contract::text::format::TextFormat;
use crate::engine::contract::values::Values;
use crate::engine::decode::moment::MomentKind;
use crate::engine::decode::path::FieldPath;
use crate::page::words::{number, span};

/// Of a list of values so many are named; of more their number says enough.
const VALUES_NAMED_MAX: usize = 4;

/// `amount is at least 0`, and `amount is below 0`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Worded {
    pub good: String,
    pub bad: String,
}

impl Worded {
    /// What a bad one did, at the beginning of a sentence. A name of the contract stays as it is.
    pub fn bad_sentence(&self) -> String {
        const WORDS: [&str; 6] = ["the", "a", "no", "it", "fewer", "records"];
        match self.bad.split_once(' ') {
            Some((first, _)) if WORDS.contains(&first) => capital(&self.bad),
            _ => self.bad.clone(),
        }
    }
}

pub fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}

pub fn worded(rule: &Rule) -> Worded {
    let clause = clause(rule);
    match (rule.threshold, &rule.check) {
        // A service level and a number of rows compare a number of their own, which their clause says.
        (_, Check::Sla(_) | Check::RowCount | Check::Query(_)) => clause,
        (Threshold::MustBe(0.0), _) => clause,
        (threshold, _) => {
            let unit = match rule.unit {
                Unit::Rows => "records",
                Unit::Percent => "% of the records",
            };
            Worded { good: format!("{} in {} {unit}", clause.bad, compared(threshold)), bad: clause.bad }
        }
    }
}

/// What the daemon asks of every record, by the id of its result; it stands in no contract.
pub fn own(id: &str) -> Option<Worded> {
    let (good, bad) = match id {
        DECODABLE => ("every record can be read", "a record cannot be read"),
        TIMESTAMP => ("no record comes from the future", "a record's time lies in the future"),
        SCHEMA => ("the registry has every record's schema", "a record's schema is unknown to the registry"),
        SIZE => ("no record is too large", "a record is too large"),
        LATE => ("every record comes before its window has closed", "a record came after its window had closed"),
        _ => return None,
    };
    Some(said(good, bad))
}

/// `nullValues mustBeLessThan 5 %`, as the contract has it.
pub fn expression(rule: &Rule) -> String {
    let (operator, number) = match rule.threshold {
        Threshold::MustBe(n) => ("mustBe", number(n)),
        Threshold::MustNotBe(n) => ("mustNotBe", number(n)),
        Threshold::GreaterThan(n) => ("mustBeGreaterThan", number(n)),
        Threshold::GreaterOrEqualTo(n) => ("mustBeGreaterOrEqualTo", number(n)),
        Threshold::LessThan(n) => ("mustBeLessThan", number(n)),
        Threshold::LessOrEqualTo(n) => ("mustBeLessOrEqualTo", number(n)),
        Threshold::Between(a, b) => ("mustBeBetween", format!("{} and {}", number(a), number(b))),
        Threshold::NotBetween(a, b) => ("mustNotBeBetween", format!("{} and {}", number(a), number(b))),
    };
    let unit = if rule.unit == Unit::Percent { " %" } else { "" };
    match rule.threshold {
        Threshold::MustBe(0.0) => rule.metric.to_owned(),
        _ => format!("{} {operator} {number}{unit}", rule.metric),
    }
}

fn said(good: impl Into<String>, bad: impl Into<String>) -> Worded {
    Worded { good: good.into(), bad: bad.into() }
}

fn clause(rule: &Rule) -> Worded {
    let of = rule.property.as_deref().unwrap_or("the record");
    match &rule.check {
        Check::Present => said(format!("{of} is always there"), format!("{of} is missing or null")),
        Check::Null => said(format!("{of} is never null"), format!("{of} is null")),
        Check::Missing(_) => said(format!("{of} is never missing"), format!("{of} is missing")),
        Check::Valid(validity) => valid(of, validity),
        Check::Invalid { values: Some(values), .. } => listed(of, values),
        Check::Invalid { .. } => said(format!("{of} matches its pattern"), format!("{of} does not match its pattern")),
        Check::Beside(beside) => asked_beside(beside),
        Check::Unique(fields) => {
            let fields = if fields.is_empty() { of.to_owned() } else { named(fields) };
            let within = rule.horizon_ms.map_or("a window".to_owned(), span);
            said(format!("{fields} is not repeated within {within}"), format!("{fields} is repeated"))
        }
        Check::Refers(reference) => {
            let (from, object) = (named(&reference.from), &reference.object);
            said(format!("{from} exists in {object}"), format!("{from} is not in {object}"))
        }
        Check::RowCount => {
            let bad = match rule.threshold {
                Threshold::GreaterOrEqualTo(n) => format!("the window has fewer than {}", records(n)),
                Threshold::GreaterThan(n) => format!("the window has {} or fewer", records(n)),
                Threshold::LessOrEqualTo(n) => format!("the window has more than {}", records(n)),
                _ => "the window has another number of records".to_owned(),
            };
            said(format!("a window has {} records", compared(rule.threshold)).replace(" 1 records", " 1 record"), bad)
        }
        Check::Holds(_) => match &rule.name {
            Some(name) => said(name, format!("“{name}” does not hold")),
            None => said(format!("the condition on {of} holds"), format!("the condition on {of} does not hold")),
        },
        Check::Query(_) => match &rule.name {
            Some(name) => said(name, format!("“{name}” does not hold")),
            None => said(
                format!("the query gives {}", compared(rule.threshold)),
                format!("the query does not give {}", compared(rule.threshold)),
            ),
        },
        Check::Sla(sla) => promised(sla, rule.threshold),
        Check::Unmeasured(_) => {
            let name = rule.name.clone().unwrap_or_else(|| format!("{} of {of}", rule.metric));
            said(name.clone(), format!("{name} is not measured"))
        }
    }
}

fn valid(of: &str, validity: &Validity) -> Worded {
    let is = |what: String| said(format!("{of} is {what}"), format!("{of} is not {what}"));
    match validity {
        Validity::Type(kind) => is(kind_word(*kind).to_owned()),
        Validity::Types(kinds) => is(either(kinds.iter().map(|kind| kind_word(*kind).to_owned()))),
        Validity::Moment { read, .. } => is(moment_word(read.kind).to_owned()),
        Validity::Written(kind) => is(moment_word(*kind).to_owned()),
        Validity::MomentRange { .. } => {
            said(format!("{of} lies between its earliest and latest time"), format!("{of} is too early or too late"))
        }
        Validity::Zoned { zoned: true, .. } => {
            said(format!("{of} names its time zone"), format!("{of} names no time zone"))
        }
        Validity::Zoned { .. } => said(format!("{of} names no time zone"), format!("{of} names a time zone")),
        Validity::Length { min, max } => {
            let length = many(*min, *max, "character");
            said(format!("{of} has {length}"), format!("{of} has {}", too(*min, *max, "character")))
        }
        Validity::Pattern(_) => said(format!("{of} matches its pattern"), format!("{of} does not match its pattern")),
        Validity::Format(format) => is(format_word(*format).to_owned()),
        Validity::Number { minimum, maximum, exclusive_minimum, exclusive_maximum, multiple_of } => {
            ranged(of, (*minimum, *exclusive_minimum), (*maximum, *exclusive_maximum), *multiple_of)
        }
        Validity::Fits { min, max } => {
            said(format!("{of} fits into {min} to {max}"), format!("{of} does not fit into {min} to {max}"))
        }
        Validity::OneOf(values) => listed(of, values),
        Validity::Items { min, max, unique } => match (min, max, unique) {
            (None, None, true) => said(format!("{of} holds no item twice"), format!("{of} holds an item twice")),
            _ => {
                let items = many(*min, *max, "item");
                let twice = if *unique { ", none twice" } else { "" };
                said(format!("{of} has {items}{twice}"), format!("{of} has {}{twice}", too(*min, *max, "item")))
            }
        },
        Validity::Properties { min, max } => {
            let fields = many(*min, *max, "field");
            said(format!("{of} has {fields}"), format!("{of} has {}", too(*min, *max, "field")))
        }
        Validity::Has(names) => {
            let names = names.join(", ");
            said(format!("{of} has {names}"), format!("{of} lacks one of {names}"))
        }
        Validity::Only(_) => said(
            format!("{of} has no other fields than the schema's"),
            format!("{of} has a field that is not in the schema"),
        ),
    }
}

fn asked_beside(beside: &Beside) -> Worded {
    let of = match &beside.what {
        What::Key => "the key".to_owned(),
        What::Header(name) => format!("the header {name}"),
    };
    match &beside.asks {
        Asks::Present => said(format!("{of} is always there"), format!("{of} is missing")),
        Asks::Length { min, max } => {
            let length = many(*min, *max, "character");
            said(format!("{of} has {length}"), format!("{of} has {}", too(*min, *max, "character")))
        }
        Asks::Pattern(_) => said(format!("{of} matches its pattern"), format!("{of} does not match its pattern")),
        Asks::Format(format) => {
            let word = format_word(*format);
            said(format!("{of} is {word}"), format!("{of} is not {word}"))
        }
        Asks::OneOf(values) => listed(&of, values),
    }
}

fn promised(sla: &Sla, threshold: Threshold) -> Worded {
    let (Threshold::LessOrEqualTo(n) | Threshold::GreaterOrEqualTo(n)) = threshold else {
        return said(
            format!("{} keeps {}", sla.property, compared(threshold)),
            format!("{} is not kept", sla.property),
        );
    };
    let time = match n * sla.unit_ms {
        ms if ms.is_finite() && ms.abs() < 9e15 => span(ms as i64),
        _ => format!("{} {}", number(n), sla.unit),
    };
    let amount = format!("{} {}", number(n), sla.unit_word());
    match sla.level {
        Level::Freshness => {
            said(format!("the newest record is at most {time} old"), format!("no record came for {time}"))
        }
        Level::Latency => said(format!("a record arrives within {time}"), format!("a record took longer than {time}")),
        Level::Retention => {
            said(format!("the oldest record is at most {time} old"), format!("a record is older than {time}"))
        }
        Level::Frequency => {
            said(format!("records come at least every {time}"), format!("no record came within {time}"))
        }
        Level::Throughput => said(format!("at least {amount}"), format!("fewer than {amount}")),
        Level::Availability => said(
            format!("records can be read in at least {} % of the windows", number(n)),
            format!("records could be read in fewer than {} % of the windows", number(n)),
        ),
    }
}

fn ranged(
    of: &str,
    (low, above): (Option<f64>, Option<f64>),
    (high, below): (Option<f64>, Option<f64>),
    multiple: Option<f64>,
) -> Worded {
    let (mut good, mut bad) = (Vec::new(), Vec::new());
    match (low, high) {
        (Some(low), Some(high)) => {
            good.push(format!("{} to {}", number(low), number(high)));
            bad.push(format!("outside {} to {}", number(low), number(high)));
        }
        (Some(low), None) => {
            good.push(format!("at least {}", number(low)));
            bad.push(format!("below {}", number(low)));
        }
        (None, Some(high)) => {
            good.push(format!("at most {}", number(high)));
            bad.push(format!("above {}", number(high)));
        }
        (None, None) => {}
    }
    if let Some(above) = above {
        good.push(format!("above {}", number(above)));
        bad.push(format!("{} or less", number(above)));
    }
    if let Some(below) = below {
        good.push(format!("below {}", number(below)));
        bad.push(format!("{} or more", number(below)));
    }
    if let Some(multiple) = multiple {
        good.push(format!("a multiple of {}", number(multiple)));
        bad.push(format!("no multiple of {}", number(multiple)));
    }
    said(format!("{of} is {}", good.join(" and ")), format!("{of} is {}", bad.join(" or ")))
}

fn listed(of: &str, values: &Values) -> Worded {
    let word = |value: &serde_json::Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let all: Vec<String> = values.iter().map(word).collect();
    match all.len() {
        0..=VALUES_NAMED_MAX => {
            let named = either(all.into_iter());
            said(format!("{of} is {named}"), format!("{of} is not {named}"))
        }
        number => said(format!("{of} is one of {number} values"), format!("{of} is none of its {number} values")),
    }
}

fn records(n: f64) -> String {
    format!("{} record{}", number(n), if n == 1.0 { "" } else { "s" })
}

/// `3 to 5 characters`, `at least 1 item`.
fn many(min: Option<u64>, max: Option<u64>, thing: &str) -> String {
    let s = |n: u64| if n == 1 { "" } else { "s" };
    match (min, max) {
        (Some(min), Some(max)) if min == max => format!("{min} {thing}{}", s(min)),
        (Some(min), Some(max)) => format!("{min} to {max} {thing}s"),
        (Some(min), None) => format!("at least {min} {thing}{}", s(min)),
        (None, Some(max)) => format!("at most {max} {thing}{}", s(max)),
        (None, None) => format!("{thing}s"),
    }
}

/// What has not so many.
fn too(min: Option<u64>, max: Option<u64>, thing: &str) -> String {
    match (min, max) {
        (Some(min), None) => format!("fewer than {min} {thing}s"),
        (None, Some(max)) => format!("more than {max} {thing}s"),
        _ => format!("another number of {thing}s"),
    }
}

fn compared(threshold: Threshold) -> String {
    match threshold {
        Threshold::MustBe(n) => format!("exactly {}", number(n)),
        Threshold::MustNotBe(n) => format!("other than {}", number(n)),
        Threshold::GreaterThan(n) => format!("more than {}", number(n)),
        Threshold::GreaterOrEqualTo(n) => format!("at least {}", number(n)),
        Threshold::LessThan(n) => format!("less than {}", number(n)),
        Threshold::LessOrEqualTo(n) => format!("at most {}", number(n)),
        Threshold::Between(a, b) => format!("between {} and {}", number(a), number(b)),
        Threshold::NotBetween(a, b) => format!("at most {} or at least {}", number(a), number(b)),
    }
}

fn either(words: impl Iterator<Item = String>) -> String {
    let mut words: Vec<String> = words.collect();
    match words.pop() {
        None => "nothing".to_owned(),
        Some(last) if words.is_empty() => last,
        Some(last) => format!("{} or {last}", words.join(", ")),
    }
}

fn named(fields: &[FieldPath]) -> String {
    fields.iter().map(ToString::to_string).collect::<Vec<_>>().join(" with ")
}

fn kind_word(kind: JsonType) -> &'static str {
    match kind {
        JsonType::String => "text",
        JsonType::Number => "a number",
        JsonType::Integer => "a whole number",
        JsonType::Object => "an object",
        JsonType::Array => "a list",
        JsonType::Boolean => "true or false",
    }
}

fn moment_word(kind: MomentKind) -> &'static str {
    match kind {
        MomentKind::Date => "a date",
        MomentKind::Timestamp => "a timestamp",
        MomentKind::Time => "a time of day",
    }
}

fn format_word(format: TextFormat) -> &'static str {
    match format {
        TextFormat::Email => "an e-mail address",
        TextFormat::Uuid => "a UUID",
        TextFormat::Uri => "a URI",
        TextFormat::Hostname => "a host name",
        TextFormat::Ipv4 => "an IPv4 address",
        TextFormat::Ipv6 => "an IPv6 address",
        TextFormat::Byte => "base64",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::contract::{compile, odcs};

    const CONTRACT: &str = "
apiVersion: v3.1.0
kind: DataContract
id: trades
version: 1.0.0
status: active
name: trades
domain: trading
slaProperties:
  - {property: freshness, value: 30, unit: s}
  - {property: throughput, value: 3000, unit: records/min}
schema:
  - name: trades
    physicalType: topic
    quality:
      - {id: rows, metric: rowCount, mustBeGreaterThan: 10}
    properties:
      - {name: id, logicalType: string, primaryKey: true}
      - {name: user, logicalType: string, required: true, logicalTypeOptions: {minLength: 3, maxLength: 5}}
      - {name: quantity, logicalType: integer, logicalTypeOptions: {minimum: 1, maximum: 5000}}
      - {name: side, logicalType: string, quality: [{id: side, metric: invalidValues, mustBeLessThan: 5, unit: percent, arguments: {validValues: [BUY, SELL]}}]}
      - {name: account, logicalType: string, quality: [{id: nulls, metric: nullValues, mustBe: 0}]}
";

    #[test]
    fn a_rule_reads_as_somebody_would_say_it() {
        let plan = compile::compile(&odcs::parse(CONTRACT).contract.unwrap());
        let all: Vec<Worded> = plan.rules.iter().map(worded).collect();
        let has = |good: &str, bad: &str| {
            assert!(all.contains(&said(good, bad)), "{good} / {bad}: {all:#?}");
        };
        has("user is always there", "user is missing or null");
        has("user has at least 3 characters", "user has fewer than 3 characters");
        has("user has at most 5 characters", "user has more than 5 characters");
        has("quantity is at least 1", "quantity is below 1");
        has("quantity is at most 5,000", "quantity is above 5,000");
        has("quantity is a whole number", "quantity is not a whole number");
        has("side is not BUY or SELL in less than 5 % of the records", "side is not BUY or SELL");
        has("account is never null", "account is null");
        has("the newest record is at most 30 s old", "no record came for 30 s");
        has("at least 3,000 records/min", "fewer than 3,000 records/min");
        has("a window has more than 10 records", "the window has 10 records or fewer");
        has("id is not repeated within a window", "id is repeated");
        assert_eq!(own(DECODABLE).unwrap().good, "every record can be read");
    }
}
