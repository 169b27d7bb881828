//! Which way a value went.

use crate::engine::contract::diff::Direction::{self, Both, Loosens, Tightens, Undetermined};
use crate::engine::contract::diff::walk::{Sides, alike, at};
use crate::engine::contract::yaml::{Node, Value};
use std::cmp::Ordering;

/// Other data than before; what was not said is asked more, what is not said any more is promised no longer.
pub fn both(sides: &Sides<'_>) -> Option<Direction> {
    Some(appeared(sides).unwrap_or(Both))
}

/// Likewise, and nobody can say which way it went.
pub fn undetermined(sides: &Sides<'_>) -> Option<Direction> {
    Some(appeared(sides).unwrap_or(Undetermined))
}

/// However it came, changed or went, nobody can say what it means.
pub fn unknown(_: &Sides<'_>) -> Option<Direction> {
    Some(Undetermined)
}

/// Of a flag that asks for something; without one nothing is asked.
pub fn flag(sides: &Sides<'_>) -> Option<Direction> {
    match (is_true(sides.old), is_true(sides.new)) {
        (false, true) => Some(Tightens),
        (true, false) => Some(Loosens),
        _ => None,
    }
}

pub fn is_true(node: Option<&Node>) -> bool {
    node.is_some_and(|node| node.value == Value::Bool(true))
}

/// Of a number that must be reached.
pub fn least(sides: &Sides<'_>) -> Option<Direction> {
    Some(ordered(sides, number).map_or_else(|| appeared(sides).unwrap_or(Undetermined), higher_tightens))
}

/// Of a number that must not be exceeded.
pub fn most(sides: &Sides<'_>) -> Option<Direction> {
    Some(
        ordered(sides, number)
            .map_or_else(|| appeared(sides).unwrap_or(Undetermined), |order| opposite(higher_tightens(order))),
    )
}

/// Of a lower bound that may be written in two ways, inclusive and not.
pub fn lower_bound(sides: &Sides<'_>) -> Option<Direction> {
    bound(sides, ["minimum", "exclusiveMinimum"], Ordering::Greater)
}

pub fn upper_bound(sides: &Sides<'_>) -> Option<Direction> {
    bound(sides, ["maximum", "exclusiveMaximum"], Ordering::Less)
}

/// `further` is how a bound compares with one that it is stricter than. Moments are compared as texts of one length.
fn bound(sides: &Sides<'_>, [inclusive, exclusive]: [&str; 2], further: Ordering) -> Option<Direction> {
    // The stricter of the two that a mapping has.
    let strictest = |around: &'_ Node| -> Result<Option<(Bound, bool)>, ()> {
        let read = |key: &str| at(around, key).map(|node| Bound::of(node).ok_or(())).transpose();
        match (read(inclusive)?, read(exclusive)?) {
            (Some(a), Some(b)) => match b.compare(&a).ok_or(())? {
                order if order == further || order == Ordering::Equal => Ok(Some((b, true))),
                _ => Ok(Some((a, false))),
            },
            (a, b) => Ok(a.map(|a| (a, false)).or(b.map(|b| (b, true)))),
        }
    };
    let (Ok(old), Ok(new)) = (strictest(sides.in_old), strictest(sides.in_new)) else { return Some(Undetermined) };
    match (old, new) {
        (None, None) => None,
        (None, Some(_)) => Some(Tightens),
        (Some(_), None) => Some(Loosens),
        (Some((old, old_exclusive)), Some((new, new_exclusive))) => match new.compare(&old) {
            None => Some(Undetermined),
            Some(Ordering::Equal) => match (old_exclusive, new_exclusive) {
                (false, true) => Some(Tightens),
                (true, false) => Some(Loosens),
                _ => None,
            },
            Some(order) => Some(if order == further { Tightens } else { Loosens }),
        },
    }
}

enum Bound {
    Number(f64),
    Moment(String),
}

impl Bound {
    fn of(node: &Node) -> Option<Bound> {
        match &node.value {
            Value::Number(n) => n.as_f64().map(Bound::Number),
            Value::Text(text) => Some(Bound::Moment(text.clone())),
            _ => None,
        }
    }

    fn compare(&self, other: &Bound) -> Option<Ordering> {
        match (self, other) {
            (Bound::Number(a), Bound::Number(b)) => a.partial_cmp(b),
            (Bound::Moment(a), Bound::Moment(b)) => moments(a, b),
            _ => None,
        }
    }
}

/// Of texts that begin with the year and have one length.
pub fn moments(a: &str, b: &str) -> Option<Ordering> {
    let year_first = |text: &str| text.len() >= 4 && text.bytes().take(4).all(|b| b.is_ascii_digit());
    (a.len() == b.len() && year_first(a) && year_first(b)).then(|| a.cmp(b))
}

/// Of a number that values must be multiples of.
pub fn multiple(sides: &Sides<'_>) -> Option<Direction> {
    let (Some(old), Some(new)) = (sides.old.and_then(number), sides.new.and_then(number)) else { return both(sides) };
    let divides = |a: f64, b: f64| (b / a - (b / a).round()).abs() < 1e-9;
    Some(match (divides(old, new), divides(new, old)) {
        (true, _) => Tightens,
        (false, true) => Loosens,
        (false, false) => Both,
    })
}

/// Of the width of a number, as `i32` or `f64` name it.
pub fn width(sides: &Sides<'_>) -> Option<Direction> {
    let range = |node: &Node| {
        let Value::Text(text) = &node.value else { return None };
        let (kind, bits) = text.split_at_checked(1)?;
        let bits: f64 = bits.parse().ok()?;
        Some(match kind {
            "i" => (-(2f64.powf(bits - 1.0)), 2f64.powf(bits - 1.0)),
            "u" => (0.0, 2f64.powf(bits)),
            "f" => (-bits, bits),
            _ => return None,
        })
    };
    let (Some(old), Some(new)) = (sides.old.and_then(range), sides.new.and_then(range)) else { return both(sides) };
    Some(match (old.0 <= new.0 && new.1 <= old.1, new.0 <= old.0 && old.1 <= new.1) {
        (true, _) => Tightens,
        (false, true) => Loosens,
        (false, false) => Both,
    })
}

/// Of a list that asks for each of its items.
pub fn asked_items(sides: &Sides<'_>) -> Option<Direction> {
    let items = |side: Option<&Node>| match side.map(|node| &node.value) {
        Some(Value::List(items)) => items.clone(),
        _ => Vec::new(),
    };
    let (old, new) = (items(sides.old), items(sides.new));
    let more = |of: &[Node], than: &[Node]| of.iter().any(|item| !than.iter().any(|other| alike(item, other)));
    match (more(&new, &old), more(&old, &new)) {
        (true, true) => Some(Both),
        (true, false) => Some(Tightens),
        (false, true) => Some(Loosens),
        (false, false) => None,
    }
}

/// Of a list that allows each of its items, and nothing else.
pub fn allowed_items(sides: &Sides<'_>) -> Option<Direction> {
    match (sides.old, sides.new) {
        (Some(_), Some(_)) => asked_items(sides).map(opposite),
        _ => appeared(sides),
    }
}

/// A constraint that came asks more; one that went promises less. `None`: it was there, and is.
pub fn appeared(sides: &Sides<'_>) -> Option<Direction> {
    match (sides.old, sides.new) {
        (None, _) => Some(Tightens),
        (_, None) => Some(Loosens),
        _ => None,
    }
}

pub fn opposite(direction: Direction) -> Direction {
    match direction {
        Tightens => Loosens,
        Loosens => Tightens,
        other => other,
    }
}

pub fn number(node: &Node) -> Option<f64> {
    match &node.value {
        Value::Number(n) => n.as_f64(),
        _ => None,
    }
}

fn ordered(sides: &Sides<'_>, read: fn(&Node) -> Option<f64>) -> Option<Ordering> {
    read(sides.new?)?.partial_cmp(&read(sides.old?)?)
}

fn higher_tightens(order: Ordering) -> Direction {
    if order == Ordering::Less { Loosens } else { Tightens }
}
