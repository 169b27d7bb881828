//! The keywords of one JSON Schema as checks of a value.

use crate::engine::contract::keyword::{self, Draft, Role, Takes};
use crate::engine::contract::plan::{Check, Validity};
use crate::engine::contract::subject::json_schema::{self, At, unasked};
use crate::engine::contract::subject::shape::Ask;
use crate::engine::contract::text::format::TextFormat;
use crate::engine::contract::text::moment::Moments;
use crate::engine::contract::values::Values;
use crate::engine::decode::moment::MomentKind;
use serde_json::Value;

/// Adds what the schema's own keywords ask; types, and what stands in it, its reader asks.
pub fn asks(at: At<'_>, draft: Draft, asks: &mut Vec<Ask>) {
    let Value::Object(entries) = at.schema else { return };
    for (key, value) in entries {
        let Some((name, since, role)) = keyword::named(key) else { continue };
        match role {
            _ if since > draft => {}
            Role::Bound(_, Takes::Word) => asks.extend(format(value)),
            Role::Bound(_, takes) => asks.extend(bound(name, takes, value, at.schema)),
            Role::Structure if name == "enum" || name == "const" => {
                let values = match (name, value) {
                    ("enum", Value::Array(values)) => values.clone(),
                    ("enum", _) => continue,
                    _ => vec![value.clone()],
                };
                asks.push((name, Check::Valid(Validity::OneOf(Values::new(values)))));
            }
            Role::Unasked => asks.extend(unmeasured(name, value, at.schema)),
            Role::Structure | Role::Silent => {}
        }
    }
}

/// Draft 4 says beside a bound whether the bound itself is beyond.
fn bound(name: &'static str, takes: Takes, value: &Value, schema: &Value) -> Option<Ask> {
    let beyond = match name {
        "minimum" => "exclusiveMinimum",
        "maximum" => "exclusiveMaximum",
        _ => "",
    };
    let asked = match schema.get(beyond) {
        Some(Value::Bool(true)) => beyond,
        _ => name,
    };
    if takes == Takes::Number && value.is_boolean() {
        return None;
    }
    match keyword::validity(asked, value) {
        Ok(validity) => Some((name, Check::Valid(validity?))),
        Err(reason) if takes == Takes::Pattern && value.is_string() => Some(unasked(name, reason)),
        Err(expected) => Some(unasked(name, format!("{name} is not {expected}"))),
    }
}

/// Formats are asked, though the later drafts take them for annotations.
fn format(value: &Value) -> Vec<Ask> {
    let word = value.as_str().unwrap_or_default();
    let valid = |validity| ("format", Check::Valid(validity));
    let moment = |kind| Validity::Moment { read: Moments::iso(kind), asks_type: false };
    // RFC 3339 has an offset with every time.
    let zoned = |kind| vec![valid(moment(kind)), valid(Validity::Zoned { read: Moments::iso(kind), zoned: true })];
    match word {
        "date" => vec![valid(moment(MomentKind::Date))],
        "date-time" => zoned(MomentKind::Timestamp),
        "time" => zoned(MomentKind::Time),
        "int32" => vec![valid(Validity::Fits { min: i32::MIN.into(), max: i32::MAX as u128 })],
        "int64" => vec![valid(Validity::Fits { min: i64::MIN.into(), max: i64::MAX as u128 })],
        "float" | "double" | "password" | "binary" => Vec::new(),
        word => match TextFormat::named(word) {
            Some(format) => vec![valid(Validity::Format(format))],
            None => vec![unasked("format", format!("the format {word:?} is not measured"))],
        },
    }
}

/// What no clause asks; nothing where it asks nothing.
fn unmeasured(name: &'static str, value: &Value, schema: &Value) -> Option<Ask> {
    let has = |key: &str| schema.get(key).is_some();
    let anything = *value == Value::Bool(true) || value.as_object().is_some_and(|entries| entries.is_empty());
    match name {
        "then" | "else" if !has("if") => None,
        "if" if !has("then") && !has("else") => None,
        "minContains" | "maxContains" if !has("contains") => None,
        // Of items without places there are none behind them.
        "additionalItems" if !schema.get("items").is_some_and(Value::is_array) => None,
        "additionalProperties" | "unevaluatedProperties" | "additionalItems" | "unevaluatedItems" if anything => None,
        // Asked as the names and the values of a map.
        "propertyNames" if value.is_object() => None,
        "additionalProperties" if json_schema::values(schema).is_some() => None,
        "propertyNames" if anything => None,
        "additionalProperties" if *value == Value::Bool(false) && !has("patternProperties") => {
            let known = schema.get("properties").and_then(Value::as_object);
            let names = known.into_iter().flat_map(|of| of.keys()).map(|name| name.as_str().into()).collect();
            Some((name, Check::Valid(Validity::Only(names))))
        }
        "additionalProperties" | "patternProperties" | "propertyNames" => {
            Some(unasked(name, format!("what {name} asks of members that have no names of their own is not measured")))
        }
        _ => Some(unasked(name, format!("{name} is not measured"))),
    }
}
