//! The daemon's custom properties: what is asked of a record's key and headers, for how long keys are unique, and the rest.

use crate::engine::contract::diff::Direction::{self, Loosens, Tightens, Undetermined};
use crate::engine::contract::diff::grade;
use crate::engine::contract::diff::rule::severity;
use crate::engine::contract::diff::walk::Treat::{Elsewhere, List, Mapping, Value};
use crate::engine::contract::diff::walk::{Element, Key, Listed, Sides, Walk, at, text, text_at};
use crate::engine::contract::mode::Mode;
use crate::engine::contract::odcs::custom::duration_ms;
use crate::engine::contract::yaml::Node;
use std::cmp::Ordering;

pub static CUSTOM_PROPERTIES: Listed = Listed {
    element: &CUSTOM_PROPERTY,
    name: "property",
    called: &["property"],
    meanings: &[],
    added: |node| if asks(node) { Some(Tightens) } else { custom(node, None, at(node, "value")) },
    removed: |node| if asks(node) { Some(Loosens) } else { custom(node, at(node, "value"), None) },
};

static CUSTOM_PROPERTY: Element = Element { besides: Some(value), keys: &[Key("value", Elsewhere)] };

/// A value is compared as what its property makes of it.
fn value(walk: &mut Walk, sides: &Sides<'_>, path: &str) {
    let (old, new) = (sides.in_old, sides.in_new);
    let treat = match text_at(new, "property") {
        Some("steward.headers") => List(&HEADERS),
        Some("steward.key") => Mapping(&TEXT),
        Some("steward.uniquenessHorizon") => Value(span),
        _ => Value(|sides| custom(sides.in_new, sides.old, sides.new)),
    };
    walk.key(
        &treat,
        Sides { old: at(old, "value"), new: at(new, "value"), in_old: old, in_new: new },
        &format!("{path}.value"),
    );
}

/// Those that are rules of their own.
fn asks(node: &Node) -> bool {
    matches!(text_at(node, "property"), Some("steward.headers" | "steward.key" | "steward.uniquenessHorizon"))
}

/// To be unique for longer asks more.
fn span(sides: &Sides<'_>) -> Option<Direction> {
    let ms = |side: Option<&Node>| side.map(text).and_then(|text| duration_ms(&text));
    match (ms(sides.old), ms(sides.new)) {
        (Some(old), Some(new)) => match new.cmp(&old) {
            Ordering::Greater => Some(Tightens),
            Ordering::Less => Some(Loosens),
            Ordering::Equal => None,
        },
        _ => Some(Undetermined),
    }
}

/// Those that say how records are read, which time is theirs, and how far a rule is rolled out; all others are words.
fn custom(node: &Node, old: Option<&Node>, new: Option<&Node>) -> Option<Direction> {
    match text_at(node, "property")? {
        "steward.encoding"
        | "steward.avroSchema"
        | "steward.eventTimeField"
        | "steward.declaredDelay"
        | "steward.referenceHorizon"
        | "steward.records"
        | "steward.sample" => Some(Undetermined),
        "steward.mode" => mode(old, new),
        _ => None,
    }
}

/// Each mode asks what those before it ask, and more. Where none is said, it is the default.
fn mode(old: Option<&Node>, new: Option<&Node>) -> Option<Direction> {
    let read = |side: Option<&Node>| side.map_or(Some(Mode::default()), |node| Mode::named(&text(node)));
    match (read(old), read(new)) {
        (Some(old), Some(new)) if old == new => None,
        (Some(old), Some(new)) => Some(if old < new { Tightens } else { Loosens }),
        _ => Some(Undetermined),
    }
}

static HEADERS: Listed = Listed {
    element: &TEXT,
    name: "name",
    called: &["name"],
    meanings: &[],
    added: |_| Some(Tightens),
    removed: |_| Some(Loosens),
};

/// What is asked of one text.
static TEXT: Element = Element {
    besides: None,
    keys: &[
        Key("name", Value(grade::both)),
        Key("severity", Value(severity)),
        Key("classification", Value(grade::unknown)),
        Key("required", Value(grade::flag)),
        Key("minLength", Value(grade::least)),
        Key("maxLength", Value(grade::most)),
        Key("pattern", Value(grade::undetermined)),
        Key("format", Value(grade::both)),
        Key("validValues", Value(grade::allowed_items)),
    ],
};
