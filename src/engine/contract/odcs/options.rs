//! `logicalType`, `logicalTypeOptions` and `enum` of a property, each key into a clause of its own.

use crate::engine::contract::fields::{At, Fields};
use crate::engine::contract::keyword::{self, Takes};
use crate::engine::contract::model::{Clause, LogicalType};
use crate::engine::contract::plan::{Check, JsonType, Validity};
use crate::engine::contract::problem::{Place, Problems};
use crate::engine::contract::text::format::TextFormat;
use crate::engine::contract::text::moment::Moments;
use crate::engine::contract::values::Values;
use crate::engine::contract::yaml::Value;
use crate::engine::decode::moment::MomentKind;

/// Reads the type of a property and all that is asked of its values.
pub fn read(property: &mut Fields<'_>, relates_to: &str, problems: &Problems) -> Vec<Clause> {
    let valid = |metric, validity| Clause::schema(metric, "conformity", relates_to, Check::Valid(validity));
    let mut clauses = Vec::new();
    let logical = match property.text("logicalType") {
        None => None,
        Some(word) => {
            let known = LogicalType::named(&word);
            if known.is_none() {
                problems.schema(
                    &property.at,
                    format!("logicalType {word:?} is not known"),
                    "use string, date, timestamp, time, number, integer, object, array or boolean",
                );
                clauses.push(Clause::unmeasured(
                    "logicalType",
                    relates_to,
                    format!("logicalType {word:?} is not known"),
                ));
            }
            known
        }
    };
    let physical = property.text("physicalType");
    let options = property.get("logicalTypeOptions").and_then(|found| Fields::of(&found, problems));
    if logical == Some(LogicalType::Vector) && options.is_none() {
        problems.beyond(
            &property.at,
            "no-dimensions",
            "the vector does not say how many dimensions it has",
            "give it `logicalTypeOptions: {dimensions: …}`",
        );
    }
    let Some(logical) = logical else {
        for (key, at) in options.map(|mut o| o.unknown()).unwrap_or_default() {
            problems.beyond(
                &at,
                "no-type",
                format!("{key} has no known logicalType to be an option of"),
                "give the property a logicalType",
            );
            let clause =
                Clause::unmeasured(metric(key), relates_to, "an option without a known logicalType is not measured");
            clauses.push(clause.keyed(key));
        }
        clauses.extend(one_of(property, relates_to, problems));
        return clauses;
    };

    let mut options = options.map(|fields| Options { fields, relates_to, problems, clauses: Vec::new() });
    match moment_kind(logical) {
        None => clauses.push(valid("logicalType", Validity::Type(json_type(logical)))),
        // A format says what the text looks like; then the type asks for text and nothing more.
        Some(kind) if options.as_mut().is_some_and(|o| o.fields.get("format").is_some()) => {
            clauses.push(valid("logicalType", Validity::Written(kind)));
        }
        Some(kind) => {
            let epoch_ms = kind == MomentKind::Timestamp && is_numeric(physical.as_deref());
            let read = Moments::iso(kind).with_epoch_ms(epoch_ms);
            clauses.push(valid("logicalType", Validity::Moment { read, asks_type: true }));
        }
    }
    if let Some(options) = &mut options {
        match logical {
            LogicalType::String => options.string(),
            LogicalType::Number => options.number(false),
            LogicalType::Integer => options.number(true),
            LogicalType::Date => options.moment(MomentKind::Date, false),
            LogicalType::Time => options.moment(MomentKind::Time, false),
            LogicalType::Timestamp => options.moment(MomentKind::Timestamp, is_numeric(physical.as_deref())),
            LogicalType::Object => options.object(),
            LogicalType::Array => options.bounds(LogicalType::Array),
            LogicalType::Vector => options.vector(),
            LogicalType::Boolean | LogicalType::Map => {}
        }
        options.rest();
        clauses.append(&mut options.clauses);
    }
    clauses.extend(one_of(property, relates_to, problems));
    clauses
}

/// `enum` of v3.2.
fn one_of(property: &mut Fields<'_>, relates_to: &str, problems: &Problems) -> Option<Clause> {
    let found = property.get("enum")?;
    let entries = found.items().unwrap_or_default();
    let value = |entry: &At<'_>| match &entry.node.value {
        Value::Map(keys) => keys.iter().find(|(key, _)| key == "value").map(|(_, node)| node.json()),
        _ => None,
    };
    let values: Option<Vec<serde_json::Value>> = entries.iter().map(value).collect();
    let Some(values) = values.filter(|v| !v.is_empty()) else {
        problems.schema(
            &found.at,
            "the enum is no list of entries that each have a value",
            "write `- value: …` for each",
        );
        return Some(Clause::unmeasured("enum", relates_to, "the enum is no list of values"));
    };
    if (1..values.len()).any(|i| values[..i].contains(&values[i])) {
        problems.beyond(&found.at, "repeated-value", "the enum names a value twice", "remove one of them");
    }
    Some(Clause::schema("enum", "conformity", relates_to, Check::Valid(Validity::OneOf(Values::new(values)))))
}

struct Options<'a> {
    fields: Fields<'a>,
    relates_to: &'a str,
    problems: &'a Problems,
    clauses: Vec<Clause>,
}

impl Options<'_> {
    fn string(&mut self) {
        self.bounds(LogicalType::String);
        if let Some((text, at)) = self.text("format") {
            match TextFormat::named(&text) {
                Some(format) => self.valid("format", Validity::Format(format)),
                None if text == "password" || text == "binary" => {}
                None => {
                    let reason = format!("the format {text:?} is not measured");
                    self.problems.doubt(
                        &at,
                        "unmeasured-format",
                        &reason,
                        "use email, uuid, uri, hostname, ipv4, ipv6 or byte, or a pattern",
                    );
                    self.unmeasured("format", reason);
                }
            }
        }
    }

    /// What bounds values of a type, but for the format.
    fn bounds(&mut self, logical: LogicalType) {
        for (key, takes) in keyword::bounds(logical).filter(|(_, takes)| *takes != Takes::Word) {
            if takes == Takes::Flag {
                self.fields.flag(key);
            }
            let Some(found) = self.fields.get(key) else { continue };
            match keyword::validity(key, &found.node.json()) {
                Ok(validity) => validity.into_iter().for_each(|validity| self.valid(key, validity)),
                Err(reason) if takes == Takes::Pattern && found.text().is_some() => {
                    self.problems.beyond(&found.at, "bad-pattern", &reason, "write it without what is not supported");
                    self.unmeasured(key, reason);
                }
                Err(expected) => self.wrong(key, &found.at, &expected),
            }
        }
    }

    fn number(&mut self, integer: bool) {
        self.bounds(LogicalType::Number);
        let Some((text, at)) = self.text("format") else { return };
        match width(&text).filter(|_| integer != text.starts_with('f')) {
            Some(validity) => self.valid("format", validity),
            None => self.wrong("format", &at, if integer { "one of i8 … i128, u8 … u128" } else { "f32 or f64" }),
        }
    }

    fn moment(&mut self, kind: MomentKind, epoch_ms: bool) {
        let mut read = Ok(Moments::iso(kind).with_epoch_ms(epoch_ms));
        if let Some((text, at)) = self.text("format") {
            read = Moments::pattern(kind, &text);
            match &read {
                Ok(read) => self.valid("format", Validity::Moment { read: read.clone(), asks_type: false }),
                Err(reason) => {
                    self.problems.doubt(
                        &at,
                        "unmeasured-format",
                        reason,
                        "use y M d H m s S X, and quotes around other letters",
                    );
                    self.unmeasured("format", reason.clone());
                }
            }
        }
        let zoned = if kind == MomentKind::Date { None } else { self.fields.flag("timezone") };
        if let (Some(zoned), Ok(read)) = (zoned, &read) {
            self.valid("timezone", Validity::Zoned { read: read.clone(), zoned });
        } else if let (Some(_), Err(reason)) = (zoned, &read) {
            self.unmeasured("timezone", reason.clone());
        }
        if kind != MomentKind::Date
            && let Some((zone, _)) = self.text("defaultTimezone")
        {
            // It is no rule of its own: it says what a text without offset means where texts are compared.
            read = if zoned == Some(true) { read } else { read.and_then(|read| read.with_default_zone(&zone)) };
        }
        for key in ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"] {
            let Some((text, at)) = self.text(key) else { continue };
            let read = match &read {
                Ok(read) => read.clone(),
                Err(reason) => {
                    self.unmeasured(metric(key), reason.clone());
                    continue;
                }
            };
            // A bound is written as the values are; the standard's examples do so.
            let Some(bound) = read.read(&text).map(|m| m.nanos) else {
                self.wrong(key, &at, "a text of the property's own format");
                continue;
            };
            let given = |name: &str| (name == key).then_some(bound);
            let (minimum, maximum) = (given("minimum"), given("maximum"));
            let (exclusive_minimum, exclusive_maximum) = (given("exclusiveMinimum"), given("exclusiveMaximum"));
            self.valid(
                metric(key),
                Validity::MomentRange { read, minimum, maximum, exclusive_minimum, exclusive_maximum },
            );
        }
    }

    fn object(&mut self) {
        self.bounds(LogicalType::Object);
        if let Some(found) = self.fields.get("required") {
            match found.texts().filter(|names| !names.is_empty()) {
                Some(names) => {
                    let check = Check::Valid(Validity::Has(names));
                    let clause = Clause::schema("required", "completeness", self.relates_to, check);
                    self.clauses.push(clause.keyed("requiredProperties"));
                }
                None => self.wrong("required", &found.at, "a list of names"),
            }
        }
    }

    fn vector(&mut self) {
        self.fields.known(&["distanceMetric", "embeddingModel", "embeddingModelVersion"]);
        if let Some(found) = self.fields.get("dimensions") {
            match found.node.json().as_u64() {
                Some(n) => self.valid("dimensions", Validity::Items { min: Some(n), max: Some(n), unique: false }),
                None => self.wrong("dimensions", &found.at, "a whole number, not negative"),
            }
        }
        for key in ["elementType", "normalized"] {
            if self.fields.get(key).is_some() {
                self.unmeasured(metric(key), format!("{key} of a vector is not measured"));
            }
        }
    }

    /// Options that the type does not have.
    fn rest(&mut self) {
        for (key, at) in self.fields.unknown() {
            self.problems.schema(
                &at,
                format!("{key} is no option of this logicalType"),
                "remove it, or correct its name or the logicalType",
            );
            let clause =
                Clause::unmeasured(metric(key), self.relates_to, format!("{key} is no option of this logicalType"));
            self.clauses.push(clause.keyed(key));
        }
    }

    /// A text option; one that is no text is told, and unmeasured.
    fn text(&mut self, key: &str) -> Option<(String, Place)> {
        let found = self.fields.get(key)?;
        match found.text() {
            Some(text) => Some((text.to_owned(), found.at)),
            None => {
                self.wrong(key, &found.at, "a text");
                None
            }
        }
    }

    fn wrong(&mut self, key: &str, at: &Place, expected: &str) {
        self.problems.schema(at, format!("{key} is not understood"), format!("make it {expected}"));
        self.unmeasured(metric(key), format!("{key} is not {expected}"));
    }

    fn valid(&mut self, metric: &'static str, validity: Validity) {
        self.clauses.push(Clause::schema(metric, "conformity", self.relates_to, Check::Valid(validity)));
    }

    fn unmeasured(&mut self, metric: &'static str, reason: String) {
        self.clauses.push(Clause::unmeasured(metric, self.relates_to, reason));
    }
}

/// The option's name for as long as the program runs; an option that no type has is `logicalTypeOptions`.
fn metric(key: &str) -> &'static str {
    keyword::option(key).unwrap_or("logicalTypeOptions")
}

fn moment_kind(logical: LogicalType) -> Option<MomentKind> {
    match logical {
        LogicalType::Date => Some(MomentKind::Date),
        LogicalType::Timestamp => Some(MomentKind::Timestamp),
        LogicalType::Time => Some(MomentKind::Time),
        _ => None,
    }
}

/// What the value is in JSON.
fn json_type(logical: LogicalType) -> JsonType {
    match logical {
        LogicalType::String | LogicalType::Date | LogicalType::Timestamp | LogicalType::Time => JsonType::String,
        LogicalType::Number => JsonType::Number,
        LogicalType::Integer => JsonType::Integer,
        LogicalType::Object | LogicalType::Map => JsonType::Object,
        LogicalType::Array | LogicalType::Vector => JsonType::Array,
        LogicalType::Boolean => JsonType::Boolean,
    }
}

/// A `physicalType` that is a whole number in some system: then a timestamp is milliseconds since 1970.
fn is_numeric(physical: Option<&str>) -> bool {
    let words = ["long", "int64", "bigint", "int", "integer", "number", "timestamp-millis", "epoch-millis"];
    physical.is_some_and(|p| words.iter().any(|w| p.eq_ignore_ascii_case(w)))
}

fn width(format: &str) -> Option<Validity> {
    let fits = |min, max| Some(Validity::Fits { min, max });
    let float = |max: f64| {
        let (minimum, maximum) = (Some(-max), Some(max));
        Some(Validity::Number { minimum, maximum, exclusive_minimum: None, exclusive_maximum: None, multiple_of: None })
    };
    match format {
        "i8" => fits(i8::MIN.into(), i8::MAX as u128),
        "i16" => fits(i16::MIN.into(), i16::MAX as u128),
        "i32" => fits(i32::MIN.into(), i32::MAX as u128),
        "i64" => fits(i64::MIN.into(), i64::MAX as u128),
        "i128" => fits(i128::MIN, i128::MAX as u128),
        "u8" => fits(0, u8::MAX.into()),
        "u16" => fits(0, u16::MAX.into()),
        "u32" => fits(0, u32::MAX.into()),
        "u64" => fits(0, u64::MAX.into()),
        "u128" => fits(0, u128::MAX),
        "f32" => float(f32::MAX.into()),
        "f64" => float(f64::MAX),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::read;
    use crate::engine::contract::fields::{At, Fields};
    use crate::engine::contract::plan::{Check, Validity};
    use crate::engine::contract::problem::{Place, Problems};
    use crate::engine::contract::yaml;

    /// The clauses of a property as `metric: what is asked`, and the number of problems.
    fn check(property: &str, expected: &[&str], problems_expected: usize) {
        let node = yaml::parse(property).unwrap();
        let problems = Problems::default();
        let mut fields = Fields::of(&At { node: &node, at: Place::default() }, &problems).unwrap();
        let clauses = read(&mut fields, "schema/o/properties/a", &problems);
        let asked = |check: &Check| match check {
            Check::Valid(Validity::Type(json)) => format!("{json:?}"),
            Check::Valid(Validity::Written(kind)) => format!("written {kind:?}"),
            Check::Valid(Validity::Moment { read, asks_type }) => {
                format!("moment epoch={} type={asks_type}", read.epoch_ms)
            }
            Check::Valid(Validity::Zoned { zoned, .. }) => format!("zoned={zoned}"),
            Check::Valid(Validity::MomentRange { minimum, maximum, exclusive_minimum, exclusive_maximum, .. }) => {
                let s = |n: &Option<i128>| n.map_or("-".to_owned(), |n| (n / 1_000_000_000).to_string());
                format!("{} {} {} {}", s(minimum), s(maximum), s(exclusive_minimum), s(exclusive_maximum))
            }
            Check::Unmeasured(_) => "unmeasured".to_owned(),
            other => format!("{other:?}"),
        };
        let found: Vec<_> = clauses.iter().map(|c| format!("{}: {}", c.metric, asked(&c.check))).collect();
        assert_eq!(found, expected, "{property}");
        let told = problems.into_vec();
        assert_eq!(told.len(), problems_expected, "{property}: {told:?}");
    }

    #[test]
    fn dates_timestamps_and_times_are_compared_by_what_they_mean() {
        check(
            "{logicalType: date, logicalTypeOptions: {minimum: '1970-01-02'}}",
            &["logicalType: moment epoch=false type=true", "minimum: 86400 - - -"],
            0,
        );
        check(
            "{logicalType: timestamp, logicalTypeOptions: {format: 'yyyy-MM-dd HH:mm:ssZ', timezone: true, defaultTimezone: Australia/Sydney, maximum: '1970-01-01 10:00:00+10:00'}}",
            &[
                "logicalType: written Timestamp",
                "format: moment epoch=false type=false",
                "timezone: zoned=true",
                "maximum: - 0 - -",
            ],
            0,
        );
        check("{logicalType: timestamp, physicalType: long}", &["logicalType: moment epoch=true type=true"], 0);
        check(
            "{logicalType: time, logicalTypeOptions: {exclusiveMaximum: '00:01'}}",
            &["logicalType: moment epoch=false type=true", "exclusiveMaximum: - - - 60"],
            0,
        );
    }

    #[test]
    fn what_cannot_be_compared_is_unmeasured() {
        let timestamp = |options: &str| format!("{{logicalType: timestamp, logicalTypeOptions: {{{options}}}}}");
        let typed = "logicalType: moment epoch=false type=true";
        check(
            &timestamp("defaultTimezone: Australia/Sydney, minimum: '1970-01-01T00:00:00'"),
            &[typed, "minimum: unmeasured"],
            0,
        );
        check(&timestamp("minimum: yesterday"), &[typed, "minimum: unmeasured"], 1);
        check(
            &timestamp("format: dd MMM yyyy, minimum: 01 Jan 1970"),
            &["logicalType: written Timestamp", "format: unmeasured", "minimum: unmeasured"],
            1,
        );
    }

    #[test]
    fn options_of_another_type_and_without_a_type_are_told_and_unmeasured() {
        check(
            "{logicalType: number, logicalTypeOptions: {precision: 3, minLength: 1, format: i8}}",
            &["logicalType: Number", "format: unmeasured", "logicalTypeOptions: unmeasured", "minLength: unmeasured"],
            3,
        );
        check("{logicalTypeOptions: {minLength: 1}}", &["minLength: unmeasured"], 1);
        check("{logicalType: string, logicalTypeOptions: {format: password}}", &["logicalType: String"], 0);
        check(
            "{logicalType: string, logicalTypeOptions: {format: iban}}",
            &["logicalType: String", "format: unmeasured"],
            1,
        );
        check(
            "{logicalType: vector, logicalTypeOptions: {dimensions: 3, elementType: int8}}",
            &[
                "logicalType: Array",
                "dimensions: Valid(Items { min: Some(3), max: Some(3), unique: false })",
                "elementType: unmeasured",
            ],
            0,
        );
    }
}
