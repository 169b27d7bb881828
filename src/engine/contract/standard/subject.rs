//! A version of a subject, as `GET /subjects/{subject}/versions/{version}` of a schema registry with Confluent's API gives
//! it: the schema itself, its metadata, and the rules.

use crate::engine::contract::problem::{Place, Problem, Problems};
use crate::engine::contract::standard::Edition;
use crate::engine::contract::standard::shape::{
    self, FLAG, INTEGER, Key, Mapping, OPEN, Shape, TEXT, TEXTS, Word, get, key, list, mapping,
};
use crate::engine::contract::yaml::{Node, Value};
use crate::engine::decode::schema::AvroSchema;

/// Tells everything that is wrong. What registries give as null is as if it were not there.
pub fn check(root: &Node) -> Vec<Problem> {
    let root = without_nulls(root);
    let (at, problems) = (Place::root(&root), Problems::default());
    // The API has one edition.
    shape::check(&VERSION, &root, &at, Edition::Odcs31, &problems);
    if let Value::Map(entries) = &root.value {
        schema(entries, &at, &problems);
        if let Some(set) = get(entries, "ruleSet") {
            let at = at.below("ruleSet", set);
            for of in ["domainRules", "migrationRules", "encodingRules"] {
                rules(set, of, &at, &problems);
            }
        }
    }
    problems.into_vec()
}

/// Registries add keys to their answers: unknown ones are taken.
static VERSION: Shape = Shape::Mapping(Mapping {
    open: true,
    ..Mapping::of(
        "subject version",
        fixed!([
            key("subject", &TEXT),
            key("version", &INTEGER),
            key("id", &INTEGER),
            key("guid", &TEXT),
            key("schemaType", &Shape::Words(&[Word("AVRO", None), Word("JSON", None), Word("PROTOBUF", None)])),
            key("schema", &TEXT).required(),
            key("references", fixed!(list(fixed!(mapping("reference", REFERENCE))))),
            key("metadata", fixed!(Shape::Mapping(Mapping { open: true, ..Mapping::of("set of metadata", METADATA) }))),
            key("ruleSet", fixed!(Shape::Mapping(Mapping { open: true, ..Mapping::of("rule set", RULE_SET) }))),
        ]),
    )
});

const REFERENCE: &[Key] =
    // `schema`: its text, where somebody put it beside the name.
    &[
        key("name", &TEXT).required(),
        key("subject", &TEXT).required(),
        key("version", &INTEGER).required(),
        key("schema", &TEXT),
    ];
const METADATA: &[Key] = &[key("tags", &OPEN), key("properties", &OPEN), key("sensitive", &TEXTS)];
const RULE_SET: &[Key] = &[
    key("domainRules", &RULES),
    key("migrationRules", &RULES),
    key("encodingRules", &RULES),
    key("enableAt", &PLACES),
];
static PLACES: Shape = Shape::Words(&[
    Word("ALL", None),
    Word("CLIENT", None),
    Word("GATEWAY", None),
    Word("SERVER", None),
    Word("NONE", None),
]);

static RULES: Shape = list(fixed!(mapping(
    "rule",
    fixed!([
        key("name", &TEXT).required(),
        key("doc", &TEXT),
        key("kind", &Shape::Words(&[Word("CONDITION", None), Word("TRANSFORM", None)])).required(),
        key("mode", &MODES).required(),
        key("type", &TEXT).required(),
        key("tags", &TEXTS),
        key("params", &OPEN),
        key("expr", &TEXT),
        key("onSuccess", &TEXT),
        key("onFailure", &TEXT),
        key("disabled", &FLAG),
    ])
)));
static MODES: Shape = Shape::Words(&[
    Word("WRITE", None),
    Word("READ", None),
    Word("WRITEREAD", None),
    Word("UPGRADE", None),
    Word("DOWNGRADE", None),
    Word("UPDOWN", None),
]);

/// An Avro schema parses, a JSON one is JSON. One that refers to others is not whole without them.
fn schema(entries: &[(String, Node)], at: &Place, problems: &Problems) {
    let Some((node, Value::Text(text))) = get(entries, "schema").map(|node| (node, &node.value)) else { return };
    let at = at.below("schema", node);
    let refers = matches!(get(entries, "references").map(|n| &n.value), Some(Value::List(items)) if !items.is_empty());
    let kind = match get(entries, "schemaType").map(|n| &n.value) {
        None => "AVRO",
        Some(Value::Text(kind)) => kind,
        Some(_) => return,
    };
    let refuse = |message: String| problems.beyond(&at, "bad-schema", message, "correct the schema's text");
    match kind {
        "AVRO" if !refers => {
            if let Err(error) = AvroSchema::parse(text, &[]) {
                refuse(format!("the schema is no Avro schema: {error}"));
            }
        }
        // A name alone is an Avro schema, and it need not be in quotes there.
        "AVRO" | "JSON" => match serde_json::from_str::<serde_json::Value>(text) {
            Err(error) if kind == "JSON" || text.trim_start().starts_with(['{', '[', '"']) => {
                refuse(format!("the schema is no JSON: {error}"));
            }
            Ok(value) if kind == "JSON" && !value.is_object() && !value.is_boolean() => {
                refuse("the schema is no JSON Schema: it is neither an object nor a boolean".to_owned());
            }
            _ => {}
        },
        _ if text.trim().is_empty() => refuse("the schema is empty".to_owned()),
        _ => {}
    }
}

fn rules(set: &Node, of: &str, at: &Place, problems: &Problems) {
    let Value::Map(entries) = &set.value else { return };
    let Some((node, Value::List(rules))) = get(entries, of).map(|node| (node, &node.value)) else { return };
    let (at, mut names) = (at.below(of, node), Vec::new());
    for (i, rule) in rules.iter().enumerate() {
        let at = at.below(&i.to_string(), rule);
        let Value::Map(entries) = &rule.value else { continue };
        let text = |key: &str| match get(entries, key).map(|node| &node.value) {
            Some(Value::Text(text)) => Some(text.as_str()),
            _ => None,
        };
        let name = text("name").unwrap_or_default();
        if !name.is_empty() && names.contains(&name) {
            problems.beyond(&at, "repeated-name", format!("two rules are named {name}"), "rename one of them");
        }
        names.push(name);
        one(of, &at, &text, problems);
    }
}

/// Names and modes as Confluent's registry takes them.
fn one<'r>(of: &str, at: &Place, text: &dyn Fn(&str) -> Option<&'r str>, problems: &Problems) {
    const NAME_MAX: usize = 256;
    if let Some(name) = text("name") {
        let begins = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
        let holds = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
        if !begins || !holds || name.len() > NAME_MAX {
            let message = format!("a rule cannot be named {name:?}");
            let remedy = format!("begin with a letter or _, go on with letters, digits, _ and -, {NAME_MAX} at most");
            problems.beyond(at, "bad-name", message, remedy);
        }
    }
    let mode = text("mode").unwrap_or_default();
    let modes =
        if of == "migrationRules" { ["UPGRADE", "DOWNGRADE", "UPDOWN"] } else { ["WRITE", "READ", "WRITEREAD"] };
    let known = ["UPGRADE", "DOWNGRADE", "UPDOWN", "WRITE", "READ", "WRITEREAD"].contains(&mode);
    if known && !modes.contains(&mode) {
        let message = format!("{mode} is no mode of {of}");
        problems.beyond(at, "wrong-mode", message, format!("use {}, or move the rule", modes.join(", ")));
    }
    for key in ["onSuccess", "onFailure"] {
        let Some(actions) = text(key).filter(|actions| actions.contains(',')) else { continue };
        if !["WRITEREAD", "UPDOWN"].contains(&mode) || actions.split(',').count() > 2 {
            let message = format!("{key} has a pair of actions, and the rule is run in one direction");
            problems.beyond(at, "wrong-action", message, "give one action, or the mode WRITEREAD or UPDOWN");
        }
    }
    if matches!(text("type"), Some("CEL" | "CEL_FIELD")) && text("expr").is_none_or(|expr| expr.trim().is_empty()) {
        problems.beyond(at, "no-expression", "the rule has no expression", "give it an `expr`");
    }
}

fn without_nulls(node: &Node) -> Node {
    let value = match &node.value {
        Value::Map(entries) => {
            let given = entries.iter().filter(|(_, node)| node.value != Value::Null);
            Value::Map(given.map(|(key, node)| (key.clone(), without_nulls(node))).collect())
        }
        Value::List(items) => Value::List(items.iter().map(without_nulls).collect()),
        other => other.clone(),
    };
    Node { value, ..*node }
}
