//! Versions of a registry's subject: a schema is compared as the contract's properties that it amounts to, rules by name.

use crate::engine::contract::diff::Direction::{self, Loosens, Tightens, Undetermined};
use crate::engine::contract::diff::grade;
use crate::engine::contract::diff::property::PROPERTY;
use crate::engine::contract::diff::walk::Treat::{Elsewhere, List, Mapping, Value};
use crate::engine::contract::diff::walk::{Element, Key, Listed, Sides, Walk, at, text, text_at};
use crate::engine::contract::keyword;
use crate::engine::contract::standard::lint;
use crate::engine::contract::yaml::{self, Node};

pub fn compare(walk: &mut Walk, old: &Node, new: &Node) {
    walk.mapping(&VERSION, old, new, "");
}

static VERSION: Element = Element {
    besides: Some(schemas),
    keys: &[
        // What the registry counts, and what it calls it.
        Key("id", Elsewhere),
        Key("guid", Elsewhere),
        Key("version", Elsewhere),
        Key("subject", Value(grade::unknown)),
        Key("schemaType", Value(kind)),
        Key("schema", Elsewhere),
        Key("references", Value(grade::unknown)),
        Key("ruleSet", Mapping(&RULE_SET)),
    ],
};

static RULE_SET: Element = Element {
    besides: None,
    keys: &[
        Key("domainRules", List(&RULES)),
        Key("migrationRules", Value(grade::unknown)),
        Key("encodingRules", Value(grade::unknown)),
        Key("enableAt", Value(grade::unknown)),
    ],
};

static RULES: Listed = Listed {
    element: &Element {
        besides: None,
        keys: &[
            Key("kind", Value(grade::both)),
            Key("mode", Value(grade::unknown)),
            Key("type", Value(grade::both)),
            Key("expr", Value(grade::undetermined)),
            Key("params", Value(grade::unknown)),
            Key("onSuccess", Value(grade::unknown)),
            Key("onFailure", Value(grade::unknown)),
            Key("disabled", Value(|sides| grade::flag(sides).map(grade::opposite))),
        ],
    },
    name: "name",
    called: &["name"],
    meanings: &[|rule| at(rule, "expr").map(text)],
    added: |_| Some(Tightens),
    removed: |_| Some(Loosens),
};

/// No type is AVRO.
fn kind(sides: &Sides<'_>) -> Option<Direction> {
    let of = |node: Option<&Node>| node.map_or("AVRO".to_owned(), text);
    (of(sides.old) != of(sides.new)).then_some(Direction::Both)
}

fn schemas(walk: &mut Walk, sides: &Sides<'_>, _: &str) {
    let (old, new) = (at(sides.in_old, "schema"), at(sides.in_new, "schema"));
    let kind = |version: &Node| at(version, "schemaType").map_or("AVRO".to_owned(), text);
    let property = |version: &Node, schema: Option<&Node>| {
        let node = schema?;
        let read = lint::read(&text(node)).ok()?;
        match kind(version).as_str() {
            "AVRO" => Some(placed(avro(&read, None), node)),
            "JSON" => Some(placed(json(&read, None, false), node)),
            _ => None,
        }
    };
    match (property(sides.in_old, old), property(sides.in_new, new)) {
        (Some(old), Some(new)) if kind(sides.in_old) == kind(sides.in_new) => {
            walk.mapping(&PROPERTY, &old, &new, "schema");
        }
        _ => walk.value(Sides { old, new, ..*sides }, "schema", |_| Some(Undetermined)),
    }
}

/// Its text is one value: all of it stands where the text does.
fn placed(node: Node, at: &Node) -> Node {
    let value = match node.value {
        yaml::Value::List(items) => yaml::Value::List(items.into_iter().map(|item| placed(item, at)).collect()),
        yaml::Value::Map(entries) => {
            yaml::Value::Map(entries.into_iter().map(|(key, node)| (key, placed(node, at))).collect())
        }
        other => other,
    };
    Node { value, line: at.line, column: at.column }
}

/// An Avro schema as a property: a union with null need not be there; a field with a default need not be written.
fn avro(schema: &Node, name: Option<&str>) -> Node {
    let mut made: Vec<(String, Node)> = Vec::new();
    let mut set = |key: &str, value: yaml::Value| made.push((key.to_owned(), node(value)));
    let (branches, nullable) = match &schema.value {
        yaml::Value::List(branches) => {
            let is_null = |branch: &&Node| matches!(&branch.value, yaml::Value::Text(text) if text == "null");
            (branches.iter().filter(|b| !is_null(b)).collect(), branches.iter().any(|b| is_null(&b)))
        }
        _ => (vec![schema], false),
    };
    if let Some(name) = name {
        set("name", yaml::Value::Text(name.to_owned()));
    }
    set("required", yaml::Value::Bool(!nullable));
    let list = |schema: &Node, key: &str| match at(schema, key).map(|n| &n.value) {
        Some(yaml::Value::List(items)) => items.clone(),
        _ => Vec::new(),
    };
    match branches.as_slice() {
        [only] => {
            let kind = text_at(only, "type").map_or_else(|| text(at(only, "type").unwrap_or(only)), str::to_owned);
            let logical =
                ["logicalType", "precision", "scale", "size"].iter().filter_map(|key| at(only, key)).map(text);
            let kind = [kind].into_iter().chain(logical).collect::<Vec<_>>().join(" ");
            set("physicalType", yaml::Value::Text(kind));
            if let Some(doc) = at(only, "doc") {
                set("description", doc.value.clone());
            }
            let fields = list(only, "fields");
            if !fields.is_empty() {
                set("properties", yaml::Value::List(fields.iter().map(avro_field).collect()));
            }
            let symbols = list(only, "symbols");
            if !symbols.is_empty() {
                let value = |symbol: &Node| node(yaml::Value::Map(vec![("value".to_owned(), symbol.clone())]));
                set("enum", yaml::Value::List(symbols.iter().map(value).collect()));
            }
            if let Some(items) = at(only, "items").or_else(|| at(only, "values")) {
                set("items", avro(items, None).value);
            }
        }
        several => {
            let mut kinds: Vec<String> = several.iter().map(|branch| text(branch)).collect();
            kinds.sort();
            set("physicalType", yaml::Value::Text(kinds.join(" or ")));
        }
    }
    node(yaml::Value::Map(made))
}

fn avro_field(field: &Node) -> Node {
    let Some(of_type) = at(field, "type") else { return field.clone() };
    let mut made = avro(of_type, text_at(field, "name"));
    if let (yaml::Value::Map(entries), yaml::Value::Map(of_field)) = (&mut made.value, &field.value) {
        for key in ["default", "doc", "aliases"] {
            // A default of null is one too.
            let found = of_field.iter().find(|(name, _)| name == key);
            entries.extend(found.map(|(_, value)| (key.to_owned(), node(yaml::Value::Text(text(value))))));
        }
    }
    made
}

/// A JSON Schema as a property. Of what a property has no word for nobody can say which way it went.
fn json(schema: &Node, name: Option<&str>, required: bool) -> Node {
    let yaml::Value::Map(entries) = &schema.value else { return schema.clone() };
    let mut made: Vec<(String, Node)> = Vec::new();
    let mut options: Vec<(String, Node)> = Vec::new();
    let mut keywords: Vec<(String, Node)> = Vec::new();
    let needed: Vec<String> = match at(schema, "required").map(|n| &n.value) {
        Some(yaml::Value::List(names)) => names.iter().map(text).collect(),
        _ => Vec::new(),
    };
    if let Some(name) = name {
        made.push(("name".to_owned(), node(yaml::Value::Text(name.to_owned()))));
    }
    made.push(("required".to_owned(), node(yaml::Value::Bool(required))));
    for (key, value) in entries {
        match (key.as_str(), &value.value) {
            ("type", _) => made.push(("logicalType".to_owned(), value.clone())),
            ("properties", yaml::Value::Map(of)) => {
                let of = of.iter().map(|(name, schema)| json(schema, Some(name), needed.contains(name)));
                made.push(("properties".to_owned(), node(yaml::Value::List(of.collect()))));
            }
            ("items", yaml::Value::Map(_)) => made.push(("items".to_owned(), json(value, None, false))),
            ("enum", yaml::Value::List(values)) => {
                let value = |value: &Node| node(yaml::Value::Map(vec![("value".to_owned(), value.clone())]));
                made.push(("enum".to_owned(), node(yaml::Value::List(values.iter().map(value).collect()))));
            }
            ("required", _) => {}
            ("title" | "description" | "examples" | "default" | "$id" | "$schema" | "$comment", _) => {
                made.push((key.clone(), value.clone()));
            }
            _ if keyword::is_bound(key) => options.push((key.clone(), value.clone())),
            _ => keywords.push((key.clone(), value.clone())),
        }
    }
    if !keywords.is_empty() {
        made.push(("keywords".to_owned(), node(yaml::Value::Map(keywords))));
    }
    made.push(("logicalTypeOptions".to_owned(), node(yaml::Value::Map(options))));
    node(yaml::Value::Map(made))
}

fn node(value: yaml::Value) -> Node {
    Node { value, line: 1, column: 1 }
}
