//! What each part of an ODCS contract means to those who live by it: tables. Keys that are not in one have no effect on data.

use crate::engine::contract::diff::Direction::{Loosens, Tightens, Undetermined};
use crate::engine::contract::diff::beside::CUSTOM_PROPERTIES;
use crate::engine::contract::diff::grade;
use crate::engine::contract::diff::property::{PROPERTIES, RELATIONSHIPS};
use crate::engine::contract::diff::rule::RULES;
use crate::engine::contract::diff::sla::SLAS;
use crate::engine::contract::diff::walk::Treat::{Elsewhere, List, Value};
use crate::engine::contract::diff::walk::{Element, Key, Listed, Sides, text, text_at};
use crate::engine::contract::diff::{Direction, property};
use crate::engine::contract::yaml::Node;

pub static CONTRACT: Element = Element {
    besides: None,
    keys: &[
        Key("kind", Value(grade::both)),
        // Whoever refers to the contract refers to another one.
        Key("id", Value(grade::unknown)),
        Key("status", Value(status)),
        Key("servers", List(&SERVERS)),
        Key("schema", List(&OBJECTS)),
        Key("slaDefaultElement", Value(grade::unknown)),
        Key("slaProperties", List(&SLAS)),
        CUSTOM,
    ],
};

pub const CUSTOM: Key = Key("customProperties", List(&CUSTOM_PROPERTIES));

/// A contract that is retired promises nothing. Any other word has no effect on data.
pub fn status(sides: &Sides<'_>) -> Option<Direction> {
    let retired = |node: Option<&Node>| node.is_some_and(|node| text(node).eq_ignore_ascii_case("retired"));
    match (retired(sides.old), retired(sides.new)) {
        (false, true) => Some(Loosens),
        (true, false) => Some(Tightens),
        _ => None,
    }
}

static SERVERS: Listed = Listed {
    element: &SERVER,
    name: "server",
    called: &["server"],
    meanings: &[
        |node| Some(format!("{} {}", text_at(node, "type")?, text_at(node, "environment")?)),
        |node| text_at(node, "type").map(str::to_owned),
    ],
    // One more place where the same data are.
    added: |_| None,
    removed: |_| Some(Loosens),
};

/// Where data are, and how they are written: readers and writers must both follow.
static SERVER: Element = Element {
    besides: None,
    keys: &[
        Key("type", Value(grade::both)),
        Key("environment", Value(grade::unknown)),
        Key("host", Value(moved)),
        Key("port", Value(moved)),
        Key("database", Value(moved)),
        Key("schema", Value(moved)),
        Key("catalog", Value(moved)),
        Key("dataset", Value(moved)),
        Key("project", Value(moved)),
        Key("account", Value(moved)),
        Key("location", Value(moved)),
        Key("path", Value(moved)),
        Key("stream", Value(moved)),
        Key("endpointUrl", Value(moved)),
        Key("serviceName", Value(moved)),
        Key("region", Value(moved)),
        Key("regionName", Value(moved)),
        Key("warehouse", Value(moved)),
        Key("namespace", Value(moved)),
        Key("catalogUrl", Value(moved)),
        Key("format", Value(moved)),
        Key("delimiter", Value(moved)),
        Key("encoding", Value(moved)),
        Key("stagingDir", Value(grade::unknown)),
        Key("workgroup", Value(grade::unknown)),
    ],
};

/// What was not said before, or is not said any more, may be as it was.
fn moved(sides: &Sides<'_>) -> Option<Direction> {
    match (sides.old, sides.new) {
        (Some(_), Some(_)) => Some(Direction::Both),
        _ => Some(Undetermined),
    }
}

static OBJECTS: Listed = Listed {
    element: &OBJECT,
    name: "name",
    called: &["name", "id"],
    meanings: &[|node| text_at(node, "physicalName").map(str::to_owned)],
    added: |_| Some(Tightens),
    removed: |_| Some(Loosens),
};

static OBJECT: Element = Element {
    besides: Some(property::renamed),
    keys: &[
        Key("name", Elsewhere),
        Key("physicalName", Elsewhere),
        Key("physicalType", Value(property::physical_type)),
        Key("logicalType", Value(logical_type)),
        Key("properties", List(&PROPERTIES)),
        Key("relationships", List(&RELATIONSHIPS)),
        Key("quality", List(&RULES)),
        CUSTOM,
    ],
};

/// An object is one, whether it is said or not.
fn logical_type(sides: &Sides<'_>) -> Option<Direction> {
    match (sides.old, sides.new) {
        (Some(_), Some(_)) => Some(Direction::Both),
        _ => None,
    }
}
