//! What the parts of a property mean: tables.

use crate::engine::contract::diff::Direction::{self, Both, Loosens, Tightens, Undetermined};
use crate::engine::contract::diff::contract::CUSTOM;
use crate::engine::contract::diff::grade;
use crate::engine::contract::diff::rule::RULES;
use crate::engine::contract::diff::walk::Treat::{Elsewhere, List, Mapping, Value};
use crate::engine::contract::diff::walk::{Element, Key, Listed, Sides, Treat, Walk, at, text, text_at};
use crate::engine::contract::yaml::{self, Node};

pub static PROPERTIES: Listed = Listed {
    element: &PROPERTY,
    name: "name",
    called: &["name", "id"],
    meanings: &[|node| text_at(node, "physicalName").map(str::to_owned)],
    // One that need not be there asks nothing.
    added: |node| is_needed(node).then_some(Tightens),
    removed: |_| Some(Loosens),
};

/// A default is what registries' schemas have.
fn is_needed(property: &Node) -> bool {
    let asked = grade::is_true(at(property, "required")) || grade::is_true(at(property, "primaryKey"));
    asked && at(property, "default").is_none()
}

pub static PROPERTY: Element = Element {
    besides: Some(renamed),
    keys: &[
        Key("name", Elsewhere),
        Key("physicalName", Elsewhere),
        Key("logicalType", Value(grade::both)),
        Key("physicalType", Value(physical_type)),
        Key("logicalTypeOptions", Mapping(&OPTIONS)),
        Key("required", Value(grade::flag)),
        Key("unique", Value(grade::flag)),
        Key("primaryKey", Value(grade::flag)),
        // How data lie, which readers may count on.
        Key("partitioned", Value(grade::unknown)),
        Key("partitionKeyPosition", Value(grade::unknown)),
        // Whoever handles the values may have other duties.
        Key("classification", Value(grade::unknown)),
        Key("encryptedName", Value(grade::unknown)),
        // Values may be made in another way.
        Key("transformSourceObjects", Value(grade::unknown)),
        Key("transformLogic", Value(grade::unknown)),
        // What a JSON Schema asks and ODCS has no word for.
        Key("keywords", Value(grade::undetermined)),
        Key("semanticType", Value(grade::unknown)),
        Key("enum", Elsewhere),
        Key("properties", List(&PROPERTIES)),
        Key("items", Elsewhere),
        Key("map", Mapping(&MAP)),
        Key("relationships", List(&RELATIONSHIPS)),
        Key("quality", List(&RULES)),
        CUSTOM,
    ],
};

static MAP: Element =
    Element { besides: None, keys: &[Key("key", Mapping(&PROPERTY)), Key("value", Mapping(&PROPERTY))] };

/// A field is where its physical name says, else its name: only that matters to data. Lists that are asked as wholes when
/// they come or go are compared here too.
pub fn renamed(walk: &mut Walk, sides: &Sides<'_>, path: &str) {
    let (old, new) = (sides.in_old, sides.in_new);
    let place = |node: &Node| text_at(node, "physicalName").or_else(|| text_at(node, "name")).map(str::to_owned);
    let moved = place(old) != place(new);
    for key in ["name", "physicalName"] {
        let of = Sides { old: at(old, key), new: at(new, key), in_old: old, in_new: new };
        let is_place = key == "physicalName" || at(new, "physicalName").or(at(old, "physicalName")).is_none();
        let path = format!("{path}.{key}");
        match moved && is_place {
            true => walk.value(of, &path, |_| Some(Both)),
            false => walk.value(of, &path, |_| None),
        }
    }
    let of = |key: &str| Sides { old: at(old, key), new: at(new, key), in_old: old, in_new: new };
    whole_or_parts(walk, of("enum"), &format!("{path}.enum"), List(&ENUM));
    whole_or_parts(walk, of("items"), &format!("{path}.items"), Mapping(&PROPERTY));
}

/// What came or went as a whole is a constraint that did; else its parts are compared.
fn whole_or_parts(walk: &mut Walk, sides: Sides<'_>, path: &str, parts: Treat) {
    match (sides.old, sides.new) {
        (Some(_), Some(_)) => walk.key(&parts, sides, path),
        _ => walk.value(sides, path, grade::appeared),
    }
}

/// Case says nothing in a type.
pub fn physical_type(sides: &Sides<'_>) -> Option<Direction> {
    match (sides.old, sides.new) {
        (Some(old), Some(new)) if text(old).eq_ignore_ascii_case(&text(new)) => None,
        (Some(_), Some(_)) => Some(Both),
        _ => Some(Undetermined),
    }
}

/// A value that came may be met by readers who do not know it; one that went may no longer be written.
static ENUM: Listed = Listed {
    element: &Element { besides: None, keys: &[Key("value", Value(grade::both))] },
    name: "value",
    called: &["value"],
    meanings: &[|node| at(node, "value").map(text)],
    added: |_| Some(Loosens),
    removed: |_| Some(Tightens),
};

pub static RELATIONSHIPS: Listed = Listed {
    element: &Element {
        besides: None,
        keys: &[
            Key("type", Value(grade::both)),
            Key("from", Value(grade::both)),
            Key("to", Value(grade::both)),
            CUSTOM,
        ],
    },
    name: "id",
    called: &["id"],
    meanings: &[
        |node| Some(format!("{}->{}", at(node, "from").map(text).unwrap_or_default(), text(at(node, "to")?))),
        |node| at(node, "from").map(text),
    ],
    added: |_| Some(Tightens),
    removed: |_| Some(Loosens),
};

static OPTIONS: Element = Element {
    besides: None,
    keys: &[
        Key("minLength", Value(grade::least)),
        Key("maxLength", Value(grade::most)),
        Key("pattern", Value(grade::undetermined)),
        Key("format", Value(format)),
        Key("minimum", Value(grade::lower_bound)),
        Key("exclusiveMinimum", Value(grade::lower_bound)),
        Key("maximum", Value(grade::upper_bound)),
        Key("exclusiveMaximum", Value(grade::upper_bound)),
        Key("multipleOf", Value(grade::multiple)),
        Key("timezone", Value(grade::both)),
        Key("defaultTimezone", Value(grade::both)),
        Key("minProperties", Value(grade::least)),
        Key("maxProperties", Value(grade::most)),
        Key("required", Value(grade::asked_items)),
        Key("minItems", Value(grade::least)),
        Key("maxItems", Value(grade::most)),
        Key("uniqueItems", Value(grade::flag)),
        Key("dimensions", Value(grade::both)),
        Key("elementType", Value(grade::both)),
        Key("embeddingModel", Value(grade::both)),
        Key("embeddingModelVersion", Value(grade::both)),
        Key("normalized", Value(grade::flag)),
    ],
};

/// A number's format is its width; any other says how a text is written.
fn format(sides: &Sides<'_>) -> Option<Direction> {
    let is_number = |node: Option<&Node>| matches!(node.map(|n| &n.value), Some(yaml::Value::Text(text)) if text.get(1..).is_some_and(|bits| bits.parse::<u8>().is_ok()));
    if is_number(sides.old) && is_number(sides.new) { grade::width(sides) } else { grade::both(sides) }
}
