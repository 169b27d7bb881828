//! `slaProperties` into clauses: each of the object that its `element` names, of the first where it names none.

use crate::engine::contract::fields::{At, Fields};
use crate::engine::contract::model::{Clause, Object, Property, property_at};
use crate::engine::contract::plan::{Check, Threshold, Validity};
use crate::engine::contract::problem::Problems;
use crate::engine::contract::sla::{self, DEFAULT_UNIT, Level, Sla, TimeField};
use crate::engine::contract::text::moment::Moments;
use crate::engine::contract::yaml::Value;
use crate::engine::decode::moment::MomentKind;

/// Topics come first: an SLA that names no object is one of the first topic, if there is any.
pub fn read(root: &mut Fields<'_>, topics: &mut [Object], others: &mut [Object], problems: &Problems) {
    let default_element = root.text("slaDefaultElement");
    let mut objects: Vec<&mut Object> = topics.iter_mut().chain(others).collect();
    for (i, found) in root.list("slaProperties").iter().enumerate() {
        let Some(mut fields) = Fields::of(found, problems) else { continue };
        let Some(property) = fields.text("property") else {
            problems.schema(&fields.at, "the SLA names no property", "give it a `property`, such as latency");
            continue;
        };
        if !fields.has("value") {
            problems.schema(&fields.at, "the SLA has no value", "give it a `value`");
        }
        let element = fields.text("element").or_else(|| default_element.clone()).unwrap_or_default();
        let elements: Vec<&str> = element.split(',').map(str::trim).filter(|part| !part.is_empty()).collect();
        let place = place(&elements, &objects);
        let Some(object) = objects.get_mut(place) else { continue };
        let id = fields.text("id");
        let relates_to = format!("slaProperties/{}", id.clone().unwrap_or_else(|| i.to_string()));
        let name = sla::name(&property);
        let (check, threshold) = match one(&mut fields, name.unwrap_or(&property), &elements, object, problems) {
            Ok((sla, threshold)) => (Check::Sla(Box::new(sla)), threshold),
            Err(reason) => (Check::Unmeasured(reason), Threshold::MustBe(0.0)),
        };
        let clause = Clause::schema(name.unwrap_or("sla"), "", &relates_to, check).keyed(format!("sla.{property}"));
        object.clauses.push(Clause { id, dimension: None, threshold, ..clause });
    }
}

/// The object that the first element names.
fn place(elements: &[&str], objects: &[&mut Object]) -> usize {
    let named = elements
        .first()
        .and_then(|element| objects.iter().position(|object| element.split('.').next() == Some(object.name.as_str())));
    named.unwrap_or(0)
}

/// Why it is not measured; the problem, where it is one, is already told.
type Reason = String;

fn one(
    fields: &mut Fields<'_>,
    name: &str,
    elements: &[&str],
    object: &Object,
    problems: &Problems,
) -> Result<(Sla, Threshold), Reason> {
    let level = sla::level(name)?;
    let unit = fields.text("unit");
    let at = fields.at.clone();
    let (number, unit, unit_ms) = match fields.get("value") {
        Some(value) => promised(&value, level, unit.as_deref()),
        None => Err(format!("the SLA {name} has no value")),
    }
    .inspect_err(|why| {
        problems.doubt(&at, "unmeasured-level", why, "give it a number and a unit: `value: 4`, `unit: h`");
    })?;
    let mut times = Vec::new();
    for element in elements {
        let path =
            element.strip_prefix(object.name.as_str()).map_or(Some(*element), |rest| match rest.strip_prefix('.') {
                Some(path) => Some(path),
                // The object alone: its records' own timestamps.
                None if rest.is_empty() => None,
                None => Some(element),
            });
        let Some(path) = path else { continue };
        match property_at(&object.properties, path) {
            Some(property) if property.field.is_many() => {
                return Err(format!("{element} is a list of values, and no time of a record"));
            }
            Some(property) => times.push(time(property)),
            // Lint tells it, as it tells of every reference.
            None => return Err(format!("{element} is no property of {}", object.name)),
        }
    }
    let most = if level == Level::Latency { 2 } else { 1 };
    if times.len() > most {
        return Err(format!("the SLA {name} is measured on {most} of its elements, and names {}", times.len()));
    }
    Ok((Sla { property: name.to_owned(), level, unit, unit_ms, times }, level.threshold(number)))
}

/// The number, its unit and how long one of it is.
fn promised(value: &At<'_>, level: Level, unit: Option<&str>) -> Result<(f64, String, f64), Reason> {
    let number = match &value.node.value {
        Value::Number(number) => number.as_f64(),
        Value::Text(text) => match (sla::duration_ms(text), unit) {
            (Some(ms), None) if level != Level::Throughput => {
                return Ok((ms / 1_000.0, "s".to_owned(), 1_000.0));
            }
            _ => text.trim().parse().ok(),
        },
        _ => None,
    };
    let number = number.filter(|n| *n >= 0.0).ok_or("the value of the SLA is no number")?;
    if level == Level::Availability {
        let unit = unit.unwrap_or("percent");
        let percent = ["percent", "%", "pct"].iter().any(|word| unit.trim().eq_ignore_ascii_case(word));
        return match (percent, number <= 100.0) {
            (true, true) => Ok((number, unit.to_owned(), 1.0)),
            (true, false) => Err(format!("an availability of {number} percent is more than there is")),
            (false, _) => Err(format!("the unit {unit:?} is no percentage")),
        };
    }
    if level == Level::Throughput {
        let unit = unit.unwrap_or("records/s");
        return Ok((number, unit.to_owned(), sla::per_ms(unit)?));
    }
    let unit = unit.unwrap_or(DEFAULT_UNIT);
    let ms = sla::unit_ms(unit).ok_or_else(|| format!("the unit {unit:?} is no unit of time"))?;
    Ok((number, unit.to_owned(), ms))
}

/// As the property's own type reads it; without one as a timestamp of ISO 8601.
fn time(property: &Property) -> TimeField {
    let read = property.clauses.iter().find_map(|clause| match &clause.check {
        Check::Valid(Validity::Moment { read, .. }) => Some(read.clone()),
        _ => None,
    });
    TimeField {
        name: property.path.clone(),
        path: property.field.clone(),
        read: read.unwrap_or_else(|| Moments::iso(MomentKind::Timestamp)),
        classified: property.classified,
    }
}
