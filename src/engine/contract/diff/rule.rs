//! Quality rules: what is measured, and which measures are allowed.

use crate::engine::contract::diff::Direction::{self, Both, Loosens, Tightens, Undetermined};
use crate::engine::contract::diff::contract::CUSTOM;
use crate::engine::contract::diff::grade;
use crate::engine::contract::diff::walk::Treat::{Elsewhere, Value};
use crate::engine::contract::diff::walk::{Element, Key, Listed, Sides, Walk, alike, at, text, text_at};
use crate::engine::contract::yaml::{self, Node};

pub static RULES: Listed = Listed {
    element: &RULE,
    name: "name",
    called: &["id", "name"],
    meanings: &[
        |rule| Some(format!("{} {} {}", measured(rule), operator(rule)?.0, given(rule, "arguments"))),
        |rule| Some(format!("{} {}", measured(rule), given(rule, "arguments"))),
        |rule| Some(measured(rule)),
        // The last names a rule in paths, and is too little to pair by where there are several.
        |rule| metric(rule).or_else(|| text_at(rule, "type").map(str::to_owned)),
    ],
    added: |rule| (!is_text(rule)).then_some(Tightens),
    removed: |rule| (!is_text(rule)).then_some(Loosens),
};

/// Words for people ask nothing of data.
fn is_text(rule: &Node) -> bool {
    text_at(rule, "type") == Some("text")
}

/// `rule` is the old name of `metric`.
fn metric(rule: &Node) -> Option<String> {
    at(rule, "metric").or_else(|| at(rule, "rule")).map(text)
}

fn measured(rule: &Node) -> String {
    let parts =
        [metric(rule).unwrap_or_default(), given(rule, "query"), given(rule, "engine"), given(rule, "implementation")];
    parts.join(" ")
}

fn given(rule: &Node, key: &str) -> String {
    at(rule, key).map(text).unwrap_or_default()
}

static RULE: Element = Element {
    besides: Some(compare),
    keys: &[
        Key("type", Value(kind)),
        Key("metric", Elsewhere),
        Key("rule", Elsewhere),
        Key("unit", Value(unit)),
        Key("arguments", Elsewhere),
        Key("query", Value(grade::undetermined)),
        Key("engine", Value(grade::both)),
        Key("implementation", Value(grade::undetermined)),
        Key("severity", Value(severity)),
        Key("mustBe", Elsewhere),
        Key("mustNotBe", Elsewhere),
        Key("mustBeGreaterThan", Elsewhere),
        Key("mustBeGreaterOrEqualTo", Elsewhere),
        Key("mustBeLessThan", Elsewhere),
        Key("mustBeLessOrEqualTo", Elsewhere),
        Key("mustBeBetween", Elsewhere),
        Key("mustNotBeBetween", Elsewhere),
        CUSTOM,
    ],
};

fn compare(walk: &mut Walk, sides: &Sides<'_>, path: &str) {
    let (old, new) = (sides.in_old, sides.in_new);
    let of = |key: &str| Sides { old: at(old, key), new: at(new, key), in_old: old, in_new: new };
    if metric(old) != metric(new) {
        let metric_of = |rule| at(rule, "metric").or_else(|| at(rule, "rule"));
        walk.tell(&format!("{path}.metric"), Sides { old: metric_of(old), new: metric_of(new), ..*sides }, Some(Both));
    }
    arguments(walk, of("arguments"), &format!("{path}.arguments"));
    let (before, after) = (operator(old), operator(new));
    let same = match (before, after) {
        (Some((a, x)), Some((b, y))) => a == b && alike(x, y),
        (a, b) => a.is_none() && b.is_none(),
    };
    if same {
        return;
    }
    let name = after.or(before).map_or("mustBe", |(name, _)| name);
    let renamed = before.zip(after).is_some_and(|((a, _), (b, _))| a != b);
    let words = |side: Option<(&'static str, &Node)>| {
        side.map(|(name, node)| if renamed { format!("{name} {}", text(node)) } else { text(node) })
    };
    let sides = Sides { old: before.map(|b| b.1), new: after.map(|a| a.1), ..*sides };
    let direction = match (before.map(allowed), after.map(allowed)) {
        (Some(Some(before)), Some(Some(after))) => match (within(&after, &before), within(&before, &after)) {
            (true, true) => None,
            (true, false) => Some(Tightens),
            (false, true) => Some(Loosens),
            (false, false) => Some(Both),
        },
        _ => grade::both(&sides),
    };
    walk.tell_as(&format!("{path}.{name}"), sides, (words(before), words(after)), direction);
}

const OPERATORS: [&str; 8] = [
    "mustBe",
    "mustNotBe",
    "mustBeGreaterThan",
    "mustBeGreaterOrEqualTo",
    "mustBeLessThan",
    "mustBeLessOrEqualTo",
    "mustBeBetween",
    "mustNotBeBetween",
];

fn operator(rule: &Node) -> Option<(&'static str, &Node)> {
    OPERATORS.into_iter().find_map(|name| Some((name, at(rule, name)?)))
}

/// An interval of measures: its ends, and whether each belongs to it.
type Interval = ((f64, bool), (f64, bool));

const BELOW_ALL: (f64, bool) = (f64::NEG_INFINITY, false);
const ABOVE_ALL: (f64, bool) = (f64::INFINITY, false);

/// The measures that an operator allows; the ends of ranges belong to none, as docs/semantics.md decides.
fn allowed((name, node): (&'static str, &Node)) -> Option<Vec<Interval>> {
    let ends = || match &node.value {
        yaml::Value::List(items) => match items.as_slice() {
            [low, high] => Some((grade::number(low)?, grade::number(high)?)),
            _ => None,
        },
        _ => None,
    };
    let number = || grade::number(node);
    Some(match name {
        "mustBe" => vec![((number()?, true), (number()?, true))],
        "mustNotBe" => vec![(BELOW_ALL, (number()?, false)), ((number()?, false), ABOVE_ALL)],
        "mustBeGreaterThan" => vec![((number()?, false), ABOVE_ALL)],
        "mustBeGreaterOrEqualTo" => vec![((number()?, true), ABOVE_ALL)],
        "mustBeLessThan" => vec![(BELOW_ALL, (number()?, false))],
        "mustBeLessOrEqualTo" => vec![(BELOW_ALL, (number()?, true))],
        "mustBeBetween" => {
            let (low, high) = ends()?;
            vec![((low, false), (high, false))]
        }
        _ => {
            let (low, high) = ends()?;
            vec![(BELOW_ALL, (low, true)), ((high, true), ABOVE_ALL)]
        }
    })
}

/// No measure is negative: what both allow below 0 decides nothing.
fn within(inner: &[Interval], outer: &[Interval]) -> bool {
    let from_zero = |(low, high): &Interval| (if low.0 < 0.0 { (0.0, true) } else { *low }, *high);
    let is_empty = |(low, high): &Interval| low.0 > high.0 || (low.0 == high.0 && !(low.1 && high.1));
    inner.iter().map(from_zero).filter(|interval| !is_empty(interval)).all(|(low, high)| {
        outer.iter().map(from_zero).any(|(outer_low, outer_high)| {
            let from = outer_low.0 < low.0 || (outer_low.0 == low.0 && (outer_low.1 || !low.1));
            let to = outer_high.0 > high.0 || (outer_high.0 == high.0 && (outer_high.1 || !high.1));
            from && to
        })
    })
}

/// Arguments say which records are counted. Where few may be, to count more of them asks more; where many must be, less.
fn arguments(walk: &mut Walk, sides: Sides<'_>, path: &str) {
    let empty = Node { value: yaml::Value::Map(Vec::new()), ..*sides.in_new };
    let (old, new) = (sides.old.unwrap_or(&empty), sides.new.unwrap_or(&empty));
    for key in keys(old, new) {
        let of = Sides { old: at(old, &key), new: at(new, &key), ..sides };
        let grade: fn(&Sides<'_>) -> Option<Direction> = match key.as_str() {
            // To allow another value is to count fewer as invalid.
            "validValues" => |sides| turned(sides, grade::allowed_items),
            "missingValues" => |sides| turned(sides, grade::asked_items),
            // Unique in fewer properties is unique in more.
            "properties" => |sides| turned(sides, |sides| grade::asked_items(sides).map(grade::opposite)),
            "pattern" => grade::undetermined,
            _ => grade::unknown,
        };
        walk.value(of, &format!("{path}.{key}"), grade);
    }
}

fn keys(old: &Node, new: &Node) -> Vec<String> {
    let of = |node: &Node| match &node.value {
        yaml::Value::Map(entries) => entries.iter().map(|(key, _)| key.clone()).collect(),
        _ => Vec::new(),
    };
    let mut keys: Vec<String> = of(old);
    keys.extend(of(new).into_iter().filter(|key| at(old, key).is_none()));
    keys.dedup();
    keys
}

/// A grade as it is where the measure has an upper end alone, its opposite where it has a lower one alone.
fn turned(sides: &Sides<'_>, grade: fn(&Sides<'_>) -> Option<Direction>) -> Option<Direction> {
    let direction = grade(sides)?;
    let name = |rule: &Node| operator(rule).map(|(name, node)| (name, grade::number(node) == Some(0.0)));
    Some(match (name(sides.in_old), name(sides.in_new)) {
        (Some((a, _)), Some((b, _))) if a.starts_with("mustBeLess") && b.starts_with("mustBeLess") => direction,
        (Some(("mustBe", true)), Some(("mustBe", true))) => direction,
        (Some((a, _)), Some((b, _))) if a.starts_with("mustBeGreater") && b.starts_with("mustBeGreater") => {
            grade::opposite(direction)
        }
        _ => Undetermined,
    })
}

/// A rule without a type is one of the library.
fn kind(sides: &Sides<'_>) -> Option<Direction> {
    let of = |node: Option<&Node>| node.map_or("library".to_owned(), text);
    (of(sides.old) != of(sides.new)).then_some(Both)
}

fn unit(sides: &Sides<'_>) -> Option<Direction> {
    let of = |node: Option<&Node>| node.map_or("rows".to_owned(), text);
    (of(sides.old) != of(sides.new)).then_some(Both)
}

/// A rule whose breach is but a warning promises less than one that fails.
pub fn severity(sides: &Sides<'_>) -> Option<Direction> {
    let is_mild = |node: Option<&Node>| {
        let word = node.map(|n| text(n).to_lowercase()).unwrap_or_default();
        ["warning", "warn", "info", "low", "minor"].contains(&word.as_str())
    };
    match (is_mild(sides.old), is_mild(sides.new)) {
        (false, true) => Some(Loosens),
        (true, false) => Some(Tightens),
        _ => None,
    }
}
