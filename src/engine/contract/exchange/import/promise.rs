//! `servicelevels` of the Data Contract Specification as `slaProperties`.

use crate::engine::contract::exchange::tree::{Entries, Tree};
use crate::engine::contract::exchange::unsaid::Unsaid;

/// Those with a number or a duration; the rest is told.
pub fn levels(levels: &Tree, unsaid: &mut Unsaid) -> Vec<Tree> {
    levels.entries().iter().filter_map(|(name, level)| of(name, level, unsaid)).collect()
}

fn of(name: &str, level: &Tree, unsaid: &mut Unsaid) -> Option<Tree> {
    let at = format!("servicelevels.{name}");
    let (property, value_key, fields): (_, _, &[&str]) = match name {
        "availability" => ("availability", "percentage", &[]),
        "retention" => ("retention", "period", &["timestampField"]),
        "latency" => ("latency", "threshold", &["sourceTimestampField", "processedTimestampField"]),
        "freshness" => ("freshness", "threshold", &["timestampField"]),
        "frequency" => ("frequency", "interval", &[]),
        _ => {
            unsaid.tell(&at, "it is not said");
            return None;
        }
    };
    for (key, value) in level.entries() {
        let read = key == value_key || key == "description" || fields.contains(&key.as_str());
        if !read && *value != Tree::Bool(false) {
            unsaid.tell(&at, format!("{key} is not said"));
        }
    }
    let Some((value, unit)) = level.get(value_key).map(Tree::word).and_then(|text| promised(&text)) else {
        unsaid.tell(&at, format!("it is not said: there is no {value_key} that is a number with a unit, such as 24h"));
        return None;
    };
    let elements: Vec<String> = fields.iter().filter_map(|key| level.text(key)).map(str::to_owned).collect();
    let element = (!elements.is_empty()).then(|| elements.join(","));
    Some(
        Entries::default()
            .with("property", property)
            .with("value", value)
            .maybe("unit", unit)
            .maybe("element", element)
            .maybe("description", level.text("description"))
            .into(),
    )
}

/// `99.9%`, `25h`, `15 minutes`; a duration of ISO 8601 stands for itself.
fn promised(text: &str) -> Option<(Tree, Option<String>)> {
    let text = text.trim();
    if text.starts_with('P') {
        return Some((text.into(), None));
    }
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    let number: serde_json::Number = number.parse().ok()?;
    let unit = match unit.trim() {
        "" => return None,
        "%" => "percent",
        unit => unit,
    };
    Some((Tree::Number(number), Some(unit.to_owned())))
}
