//! The keywords of JSON Schema, draft 4 to 2020-12, in one table: what each is to a contract. Those that bound a value ODCS
//! took over as `logicalTypeOptions`.
//!
//! Sources: json-schema.org's drafts (Core, Validation), ODCS v3.1 `logicalTypeOptions`.

use crate::engine::contract::model::LogicalType;
use crate::engine::contract::plan::Validity;
use crate::engine::contract::text::pattern;
use serde_json::Value;

/// What a keyword is to a contract.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// It bounds values of one kind, and a clause does the same.
    Bound(Of, Takes),
    /// Types, values and other schemas stand there: it is read where it stands.
    Structure,
    /// It asks what no clause asks.
    Unasked,
    /// It asks nothing of a value.
    Silent,
}

/// The values that it bounds; of all others it says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Of {
    Text,
    Number,
    /// Texts to JSON Schema, texts and numbers to ODCS.
    TextOrNumber,
    Object,
    Array,
}

/// What stands behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Takes {
    /// A whole number, not negative.
    Count,
    /// A number; `exclusive…` of draft 4 a truth.
    Number,
    /// A number above 0.
    Step,
    Pattern,
    Flag,
    /// A word, whose meaning is the reader's.
    Word,
}

/// Drafts, in their order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Draft {
    D4,
    D6,
    D7,
    D2019,
    D2020,
}

impl Draft {
    /// As `$schema` says; without it draft 7, as Confluent's serialisers have it.
    pub fn of(schema: &Value) -> Draft {
        let said = schema.get("$schema").and_then(Value::as_str).unwrap_or_default();
        let drafts =
            [("draft-04", Draft::D4), ("draft-06", Draft::D6), ("2019-09", Draft::D2019), ("2020-12", Draft::D2020)];
        drafts.into_iter().find(|(word, _)| said.contains(word)).map_or(Draft::D7, |(_, draft)| draft)
    }
}

use Draft::{D4, D6, D7, D2019, D2020};
use Role::{Bound, Silent, Structure, Unasked};

/// Each with the draft that it came with. Bounds stand in the order in which a contract asks them.
static KEYWORDS: &[(&str, Draft, Role)] = &[
    ("minLength", D4, Bound(Of::Text, Takes::Count)),
    ("maxLength", D4, Bound(Of::Text, Takes::Count)),
    ("pattern", D4, Bound(Of::Text, Takes::Pattern)),
    ("minimum", D4, Bound(Of::Number, Takes::Number)),
    ("maximum", D4, Bound(Of::Number, Takes::Number)),
    ("exclusiveMinimum", D4, Bound(Of::Number, Takes::Number)),
    ("exclusiveMaximum", D4, Bound(Of::Number, Takes::Number)),
    ("multipleOf", D4, Bound(Of::Number, Takes::Step)),
    ("format", D4, Bound(Of::TextOrNumber, Takes::Word)),
    ("minProperties", D4, Bound(Of::Object, Takes::Count)),
    ("maxProperties", D4, Bound(Of::Object, Takes::Count)),
    ("minItems", D4, Bound(Of::Array, Takes::Count)),
    ("maxItems", D4, Bound(Of::Array, Takes::Count)),
    ("uniqueItems", D4, Bound(Of::Array, Takes::Flag)),
    ("type", D4, Structure),
    ("enum", D4, Structure),
    ("const", D6, Structure),
    ("properties", D4, Structure),
    ("required", D4, Structure),
    ("items", D4, Structure),
    ("allOf", D4, Structure),
    ("anyOf", D4, Structure),
    ("oneOf", D4, Structure),
    ("$ref", D4, Structure),
    ("definitions", D4, Structure),
    ("$defs", D4, Structure),
    ("additionalProperties", D4, Unasked),
    ("patternProperties", D4, Unasked),
    ("propertyNames", D6, Unasked),
    ("unevaluatedProperties", D2019, Unasked),
    ("additionalItems", D4, Unasked),
    ("prefixItems", D2020, Unasked),
    ("unevaluatedItems", D2019, Unasked),
    ("contains", D6, Unasked),
    ("minContains", D2019, Unasked),
    ("maxContains", D2019, Unasked),
    ("dependencies", D4, Unasked),
    ("dependentRequired", D2019, Unasked),
    ("dependentSchemas", D2019, Unasked),
    ("not", D4, Unasked),
    ("if", D7, Unasked),
    ("then", D7, Unasked),
    ("else", D7, Unasked),
    ("$recursiveRef", D2019, Unasked),
    ("$dynamicRef", D2020, Unasked),
    ("$schema", D4, Silent),
    ("$vocabulary", D4, Silent),
    ("$id", D4, Silent),
    ("id", D4, Silent),
    ("$anchor", D4, Silent),
    ("$comment", D4, Silent),
    ("title", D4, Silent),
    ("description", D4, Silent),
    ("examples", D4, Silent),
    ("example", D4, Silent),
    ("confluent:tags", D4, Silent),
    ("javaType", D4, Silent),
    ("connect.index", D4, Silent),
    ("connect.type", D4, Silent),
];

/// Options that ODCS has and JSON Schema has not, or of which ODCS means another thing.
const OF_ODCS: [&str; 6] = ["timezone", "defaultTimezone", "required", "dimensions", "elementType", "normalized"];

/// Its name for as long as the program runs, and what it is; `None`: no draft has it, so it asks nothing.
pub fn named(keyword: &str) -> Option<(&'static str, Draft, Role)> {
    KEYWORDS.iter().find(|(name, ..)| *name == keyword).copied()
}

/// Whether it bounds a value, and means to ODCS what it means to JSON Schema.
pub fn is_bound(keyword: &str) -> bool {
    matches!(named(keyword), Some((_, _, Bound(..))))
}

/// An option of ODCS, its name for as long as the program runs.
pub fn option(key: &str) -> Option<&'static str> {
    let bound = named(key).filter(|(_, _, role)| matches!(role, Bound(..))).map(|(name, ..)| name);
    bound.or_else(|| OF_ODCS.into_iter().find(|name| *name == key))
}

/// The bounds of values of a type, with what each takes.
pub fn bounds(logical: LogicalType) -> impl Iterator<Item = (&'static str, Takes)> {
    let is_of = move |of: Of| match logical {
        LogicalType::String => matches!(of, Of::Text | Of::TextOrNumber),
        LogicalType::Number | LogicalType::Integer => matches!(of, Of::Number | Of::TextOrNumber),
        LogicalType::Object => of == Of::Object,
        LogicalType::Array => of == Of::Array,
        _ => false,
    };
    KEYWORDS.iter().filter_map(move |(name, _, role)| match role {
        Bound(of, takes) if is_of(*of) => Some((*name, *takes)),
        _ => None,
    })
}

/// What a bound asks; `None`: nothing. The error says what it should be.
pub fn validity(bound: &str, value: &Value) -> Result<Option<Validity>, String> {
    let Some((name, _, Bound(_, takes))) = named(bound) else { return Ok(None) };
    match takes {
        Takes::Count => count(value).map(|n| counted(name, n)).ok_or("a whole number, not negative".to_owned()),
        Takes::Number => value.as_f64().map(|n| Some(numbered(name, n))).ok_or("a number".to_owned()),
        Takes::Step => {
            let step = value.as_f64().filter(|n| *n > 0.0);
            step.map(|n| Some(numbered(name, n))).ok_or("a number above 0".to_owned())
        }
        Takes::Pattern => match value.as_str() {
            Some(text) => pattern::compile(text).map(|pattern| Some(Validity::Pattern(pattern))),
            None => Err("a text".to_owned()),
        },
        Takes::Flag => {
            let unique = Validity::Items { min: None, max: None, unique: true };
            Ok((*value == Value::Bool(true)).then_some(unique))
        }
        Takes::Word => Ok(None),
    }
}

/// 2.0 is a whole number too (draft 6, *mathematical integer*).
fn count(value: &Value) -> Option<u64> {
    let whole = |n: &f64| *n >= 0.0 && n.fract() == 0.0 && *n < 2f64.powi(53);
    value.as_u64().or_else(|| value.as_f64().filter(whole).map(|n| n as u64))
}

fn counted(bound: &str, n: u64) -> Option<Validity> {
    Some(match bound {
        "minLength" => Validity::Length { min: Some(n), max: None },
        "maxLength" => Validity::Length { min: None, max: Some(n) },
        "minProperties" => Validity::Properties { min: Some(n), max: None },
        "maxProperties" => Validity::Properties { min: None, max: Some(n) },
        "minItems" => Validity::Items { min: Some(n), max: None, unique: false },
        "maxItems" => Validity::Items { min: None, max: Some(n), unique: false },
        _ => return None,
    })
}

fn numbered(bound: &str, n: f64) -> Validity {
    let given = |name: &str| (name == bound).then_some(n);
    Validity::Number {
        minimum: given("minimum"),
        maximum: given("maximum"),
        exclusive_minimum: given("exclusiveMinimum"),
        exclusive_maximum: given("exclusiveMaximum"),
        multiple_of: given("multipleOf"),
    }
}
