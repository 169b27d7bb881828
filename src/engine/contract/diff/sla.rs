//! Service levels: what each promises, and whether more is better.

use crate::engine::contract::diff::Direction::{self, Both, Loosens, Tightens, Undetermined};
use crate::engine::contract::diff::contract::CUSTOM;
use crate::engine::contract::diff::grade;
use crate::engine::contract::diff::walk::Treat::Value;
use crate::engine::contract::diff::walk::{Element, Key, Listed, Sides, at, text, text_at};
use crate::engine::contract::sla::{self, unit_ms};
use crate::engine::contract::yaml::{self, Node};
use std::cmp::Ordering;

pub static SLAS: Listed = Listed {
    element: &SLA,
    // Two may promise the same of different elements.
    name: "id",
    called: &["property"],
    meanings: &[
        |sla| Some(format!("{} {} {}", property(sla)?, words(sla, "element"), words(sla, "driver"))),
        |sla| Some(format!("{} {}", property(sla)?, words(sla, "element"))),
        property,
    ],
    added: |_| Some(Tightens),
    removed: |_| Some(Loosens),
};

static SLA: Element = Element {
    besides: None,
    keys: &[
        Key("property", Value(renamed)),
        Key("value", Value(promised)),
        Key("valueExt", Value(grade::unknown)),
        Key("unit", Value(promised)),
        Key("element", Value(grade::both)),
        CUSTOM,
    ],
};

/// The standard's name where it has one: `ly` is latency.
fn property(sla: &Node) -> Option<String> {
    let word = text_at(sla, "property")?;
    Some(sla::name(word).map_or_else(|| word.to_lowercase(), str::to_owned))
}

fn words(sla: &Node, key: &str) -> String {
    at(sla, key).map(text).unwrap_or_default()
}

fn renamed(sides: &Sides<'_>) -> Option<Direction> {
    (property(sides.in_old) != property(sides.in_new)).then_some(Both)
}

/// Value and unit together are what is promised.
fn promised(sides: &Sides<'_>) -> Option<Direction> {
    let (old, new) = (sides.in_old, sides.in_new);
    let Some(more) = property(new).and_then(|name| what_more_means(&name)) else { return Some(Undetermined) };
    match amounts(old, new) {
        None => Some(Undetermined),
        Some(Ordering::Equal) => None,
        Some(Ordering::Greater) => Some(more),
        Some(Ordering::Less) => Some(grade::opposite(more)),
    }
}

/// What a higher value, or a later one, does. The standard's words; freshness is a common one beside them.
fn what_more_means(property: &str) -> Option<Direction> {
    Some(match property {
        "availability" | "throughput" | "endOfSupport" | "endOfLife" | "retention" => Tightens,
        // The frequency is given as the span between two updates.
        "frequency"
        | "latency"
        | "freshness"
        | "errorRate"
        | "generalAvailability"
        | "timeToDetect"
        | "timeToNotify"
        | "timeToRepair"
        | "timeOfAvailability" => Loosens,
        _ => return None,
    })
}

/// How the new amount compares with the old. Texts compare as moments that begin with the year, or as times of day.
fn amounts(old: &Node, new: &Node) -> Option<Ordering> {
    let (old_value, new_value) = (at(old, "value")?, at(new, "value")?);
    let unit = |sla| words(sla, "unit").to_lowercase();
    let (old_unit, new_unit) = (unit(old), unit(new));
    match (&old_value.value, &new_value.value) {
        (yaml::Value::Number(_), yaml::Value::Number(_)) => {
            let (a, b) = (grade::number(old_value)?, grade::number(new_value)?);
            if old_unit == new_unit {
                return b.partial_cmp(&a);
            }
            let (a_ms, b_ms) = (a * unit_ms(or_day(&old_unit))?, b * unit_ms(or_day(&new_unit))?);
            // 60 minutes are an hour, whatever the last bit says.
            if (a_ms - b_ms).abs() <= 1e-9 * a_ms.abs() { Some(Ordering::Equal) } else { b_ms.partial_cmp(&a_ms) }
        }
        (yaml::Value::Text(a), yaml::Value::Text(b)) if old_unit == new_unit => {
            grade::moments(b, a).or_else(|| (is_time(a) && is_time(b) && a.len() == b.len()).then(|| b.cmp(a)))
        }
        _ => None,
    }
}

/// `09:00`, and what may follow: seconds, an offset.
fn is_time(text: &str) -> bool {
    matches!(text.as_bytes(), [a, b, b':', c, d, ..] if [a, b, c, d].iter().all(|d| d.is_ascii_digit()))
}

fn or_day(unit: &str) -> &str {
    if unit.is_empty() { sla::DEFAULT_UNIT } else { unit }
}
