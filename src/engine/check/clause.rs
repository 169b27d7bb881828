//! One value against one clause of a contract.

use crate::engine::check::key::Hashes;
use crate::engine::contract::plan::{JsonType, Validity};
use crate::engine::contract::text::moment::Moments;
use crate::engine::contract::values::Values;
use crate::engine::decode::moment::Moment;
use crate::engine::decode::number::Number;
use crate::engine::decode::tree::{Items, Kind, Value};
use std::cmp::Ordering;

/// Why a row breaks a rule: one of a closed set of words.
pub type Fault = &'static str;

/// `None`: the clause is not asked of such a value. `Some(Some(fault))`: the value breaks it.
pub fn ask(validity: &Validity, value: Value<'_>, hashes: &Hashes) -> Option<Option<Fault>> {
    use Kind::{Array, Bytes, Moment, Number as Num, Object, Text};
    let broken = match (validity, value.kind()) {
        (_, Kind::Null) => return None,
        (Validity::Type(kind), found) => fault_if(!is_of(*kind, found), "wrong_type"),
        (Validity::Types(kinds), found) => fault_if(!kinds.iter().any(|kind| is_of(*kind, found)), "wrong_type"),
        (Validity::OneOf(allowed), _) => fault_if(!is_among(value, allowed), "not_allowed"),

        (Validity::Written(kind), found) => match found {
            Text(_) => None,
            Moment(moment) if moment.kind == *kind => fault_if(!moment.is_real(), "no_such_time"),
            _ => Some("wrong_type"),
        },
        (Validity::Moment { read, .. }, Text(text)) => fault_if(read.read(text).is_none(), "no_such_time"),
        (Validity::Moment { asks_type: false, .. }, _) => return None,
        (Validity::Moment { read, .. }, Moment(moment)) if moment.kind == read.kind => {
            fault_if(!moment.is_real(), "no_such_time")
        }
        (Validity::Moment { read, .. }, found) => fault_if(epoch_nanos(read, found).is_none(), "wrong_type"),
        (Validity::MomentRange { read, minimum, maximum, exclusive_minimum, exclusive_maximum }, found) => {
            let at = nanos(read, found)?;
            let early = minimum.is_some_and(|min| at < min) || exclusive_minimum.is_some_and(|min| at <= min);
            let late = maximum.is_some_and(|max| at > max) || exclusive_maximum.is_some_and(|max| at >= max);
            fault_if(early, "too_early").or(fault_if(late, "too_late"))
        }
        (Validity::Zoned { read, zoned }, Text(text)) => offset(read.read(text)?, *zoned),
        (Validity::Zoned { read, zoned }, Moment(moment)) if moment.kind == read.kind => offset(moment, *zoned),

        (Validity::Length { min, max }, Text(text)) => {
            within(text.chars().count(), *min, *max, "too_short", "too_long")
        }
        (Validity::Length { min, max }, Bytes(bytes)) => within(bytes.len(), *min, *max, "too_short", "too_long"),
        (Validity::Pattern(pattern), Text(text)) => fault_if(!pattern.is_match(text), "no_match"),
        (Validity::Format(format), Text(text)) => fault_if(!format.holds(text), "bad_format"),

        (Validity::Number { minimum, maximum, exclusive_minimum, exclusive_maximum, multiple_of }, Num(number)) => {
            let is = |bound: &Option<f64>, wrong: &[Ordering]| {
                bound.is_some_and(|bound| number.compare(bound).is_none_or(|order| wrong.contains(&order)))
            };
            let small = is(minimum, &[Ordering::Less]) || is(exclusive_minimum, &[Ordering::Less, Ordering::Equal]);
            let large =
                is(maximum, &[Ordering::Greater]) || is(exclusive_maximum, &[Ordering::Greater, Ordering::Equal]);
            let between = multiple_of.is_some_and(|step| !number.is_multiple_of(step));
            fault_if(small, "too_small").or(fault_if(large, "too_large")).or(fault_if(between, "no_multiple"))
        }
        (Validity::Fits { min, max }, Num(number)) if number.is_whole() => {
            fault_if(!number.fits(*min, *max), "does_not_fit")
        }

        (Validity::Items { min, max, unique }, Array(items)) => {
            within(items.len(), *min, *max, "too_few_items", "too_many_items")
                .or_else(|| fault_if(*unique && repeats(items, hashes), "repeated_item"))
        }
        (Validity::Properties { min, max }, Object(members)) => {
            within(members.len(), *min, *max, "too_few_fields", "too_many_fields")
        }
        (Validity::Has(names), Object(members)) => {
            let lacks = |name: &String| members.get(name).is_none_or(|value| value.is_null());
            fault_if(names.iter().any(lacks), "lacks_field")
        }
        (Validity::Only(names), Object(mut members)) => {
            fault_if(members.any(|(name, _)| !names.contains(name)), "unknown_field")
        }
        // A value of another type is one fault, and `Type` finds it.
        _ => return None,
    };
    Some(broken)
}

/// Whether a value equals one of a list.
pub fn is_among(value: Value<'_>, values: &Values) -> bool {
    match value.kind() {
        Kind::Text(text) => values.has_text(text),
        _ => values.iter().any(|one| equals(value, one)),
    }
}

/// As JSON means it: numbers by value, objects whatever their order. Bytes are equal to the text that they spell in
/// UTF-8, a moment to the ISO 8601 text that names it.
fn equals(value: Value<'_>, other: &serde_json::Value) -> bool {
    use serde_json::Value as Json;
    match (value.kind(), other) {
        (Kind::Null, Json::Null) => true,
        (Kind::Bool(a), Json::Bool(b)) => a == *b,
        (Kind::Text(a), Json::String(b)) => a == b,
        (Kind::Number(a), Json::Number(b)) => same_number(a, b),
        (Kind::Bytes(a), Json::String(b)) => a == b.as_bytes(),
        (Kind::Moment(a), Json::String(b)) => {
            let read = Moments::iso(a.kind);
            read.read(b).is_some_and(|b| read.place(a) == Some(b.nanos))
        }
        (Kind::Array(a), Json::Array(b)) => a.len() == b.len() && a.zip(b).all(|(a, b)| equals(a, b)),
        (Kind::Object(mut a), Json::Object(b)) => {
            a.len() == b.len() && a.all(|(name, a)| b.get(name).is_some_and(|b| equals(a, b)))
        }
        _ => false,
    }
}

fn same_number(a: Number<'_>, b: &serde_json::Number) -> bool {
    match b.as_i128() {
        Some(whole) => a.integer() == Some(whole),
        // A fraction, or beyond 64 bits: the contract itself was read as a double.
        None => b.as_f64().is_some_and(|double| a.as_f64() == double),
    }
}

fn is_of(kind: JsonType, found: Kind<'_>) -> bool {
    match (kind, found) {
        (JsonType::String, Kind::Text(_) | Kind::Bytes(_))
        | (JsonType::Number, Kind::Number(_))
        | (JsonType::Object, Kind::Object(_))
        | (JsonType::Array, Kind::Array(_))
        | (JsonType::Boolean, Kind::Bool(_)) => true,
        (JsonType::Integer, Kind::Number(number)) => number.is_whole(),
        _ => false,
    }
}

fn nanos(read: &Moments, found: Kind<'_>) -> Option<i128> {
    match found {
        Kind::Text(text) => Some(read.read(text)?.nanos),
        Kind::Moment(moment) => read.place(moment),
        other => epoch_nanos(read, other),
    }
}

fn epoch_nanos(read: &Moments, found: Kind<'_>) -> Option<i128> {
    match found {
        Kind::Number(Number::Int(ms)) if read.epoch_ms => Some(i128::from(ms) * 1_000_000),
        _ => None,
    }
}

/// Compared by their hashes: n items of one array are mistaken with a chance of n²/2^65.
fn repeats(items: Items<'_>, hashes: &Hashes) -> bool {
    // Of most arrays the hashes have room here.
    let (mut few, mut many) = ([0; 32], Vec::new());
    let seen = match few.get_mut(..items.len()) {
        Some(few) => few,
        None => {
            many.resize(items.len(), 0);
            many.as_mut_slice()
        }
    };
    seen.iter_mut().zip(items).for_each(|(hash, item)| *hash = hashes.of([item]));
    seen.sort_unstable();
    seen.windows(2).any(|pair| pair[0] == pair[1])
}

fn offset(moment: Moment, zoned: bool) -> Option<Fault> {
    fault_if(moment.zoned != zoned, if zoned { "no_offset" } else { "has_offset" })
}

fn within(count: usize, min: Option<u64>, max: Option<u64>, below: Fault, above: Fault) -> Option<Fault> {
    let count = count as u64;
    fault_if(min.is_some_and(|min| count < min), below).or(fault_if(max.is_some_and(|max| count > max), above))
}

fn fault_if(broken: bool, fault: Fault) -> Option<Fault> {
    broken.then_some(fault)
}
