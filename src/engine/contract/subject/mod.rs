//! A subject version of a schema registry into the model: its fields, its tags, and its rules, which are observed and never executed.
//!
//! The shape is that of `GET /subjects/{s}/versions/{v}` of Confluent's registry: `subject`, `version`, `schemaType`, `schema`,
//! `metadata{properties,tags,sensitive}`, `ruleSet{domainRules}`; rules may also stand in the schema (`confluent:rules`).

pub mod shape; // the fields of a schema, in whatever language
pub mod avro; // of an Avro schema
pub mod json_schema; // of a JSON Schema
pub mod validity; // and what its keywords ask
pub mod protobuf; // of a Protobuf schema
pub mod tags; // which fields a tag of the metadata names
pub mod rules; // rules into clauses

use crate::engine::contract::compile;
use crate::engine::contract::fields::{At, Fields};
use crate::engine::contract::mode::Mode;
use crate::engine::contract::model::{Clause, Contract, Object, Property};
use crate::engine::contract::odcs::custom::marks_personal_data;
use crate::engine::contract::parsed::{self, Parsed};
use crate::engine::contract::plan::{Check, DEFAULT_OBJECTIVE, IncidentPolicy, Validity};
use crate::engine::contract::problem::{Place, Problems};
use crate::engine::contract::records::Policy;
use crate::engine::contract::subject::rules::Rules;
use crate::engine::contract::subject::shape::{Ask, Field, Shape};
use crate::engine::contract::subject::tags::Tags;
use crate::engine::contract::yaml::{Node, Value};
use crate::engine::decode::framing::Encoding;
use crate::engine::decode::path::{FieldPath, Step};
use std::panic::catch_unwind;

/// Reads one subject version, as JSON. Its records are those that name a schema of the registry; a reader that knows better
/// (records as plain JSON lines) sets the object's encoding.
pub fn parse(text: &str) -> Parsed {
    parsed::of(text, contract)
}

/// Reads what is a tree already. `None`: there is no schema.
pub fn read(root: &Node, problems: &Problems) -> Option<Contract> {
    parsed::of_tree(root, problems, contract)
}

fn contract(root: &At<'_>, problems: &Problems) -> Option<Contract> {
    let mut fields = Fields::of(root, problems)?;
    let at = fields.at.clone();
    let Some(found) = fields.get("schema") else {
        problems.schema(
            &at,
            "there is no schema",
            "give the file the answer of GET /subjects/{subject}/versions/{version}",
        );
        return None;
    };
    let said = fields.get("schemaType").map(|said| said.at);
    let language = fields.text("schemaType");
    // Where it is not known, the place of the word is told, and not that of the schema.
    let references = references(root);
    let said = said.as_ref().unwrap_or(&found.at);
    let shape = shape(language.as_deref().unwrap_or("AVRO"), &found, &references, said, problems);
    let subject = fields.text("subject").filter(|subject| !subject.is_empty());
    let name = match &subject {
        Some(subject) => subject.strip_suffix("-value").unwrap_or(subject).to_owned(),
        None => shape.name.clone().unwrap_or_else(|| "record".to_owned()),
    };
    if subject.as_ref().is_some_and(|subject| subject.ends_with("-key")) {
        problems.doubt(
            &at,
            "subject-of-keys",
            "the subject is of keys",
            "give it the subject of the values: rules are asked of them",
        );
    }
    let version = fields.get("version").map(|found| word(found.node)).unwrap_or_default();
    let mut metadata = fields.get("metadata").and_then(|found| Fields::of(&found, problems));
    let tags = metadata.as_mut().and_then(|m| m.get("tags")).map(|found| Tags::read(&found, problems));
    let owned = metadata.as_mut().and_then(|m| m.get("properties")).and_then(|found| Fields::of(&found, problems));
    let mut owned = owned;
    let mut told = |key: &str| owned.as_mut().and_then(|p| p.get(key)).map(|found| word(found.node));
    let (owner, domain, text) = (told("owner"), told("domain"), told("description"));

    let relates_to = format!("schema/{name}");
    let tags = tags.unwrap_or_default();
    let around = Around { path: "", field: &FieldPath::default(), relates_to: &relates_to, classified: false };
    let rules = Rules { tags: &tags, shape: &shape, relates_to: &relates_to, at: &found.at, problems };
    let properties = shape.fields.iter().map(|field| property(field, around, &rules)).collect();
    let mut clauses: Vec<Clause> = shape.asks.iter().map(|ask| keyword(ask, &relates_to)).collect();
    clauses.extend(rules.domain(&mut fields));
    clauses.extend(rules.of_record(&shape.rules));
    let object = Object {
        index: 0,
        name: name.clone(),
        topic: name.clone(),
        relates_to: relates_to.clone(),
        event_time: None,
        declared_delay_ms: 0,
        horizon_ms: None,
        encoding: Encoding::Registry(None),
        text: shape.text.clone(),
        properties,
        clauses,
    };
    let contract = Contract {
        id: subject.unwrap_or_else(|| name.clone()),
        version,
        name: Some(name),
        data_product: None,
        domain,
        owner_urn: owner.as_ref().map(|owner| format!("team:{owner}")),
        owner: owner.unwrap_or_default(),
        text,
        incident: IncidentPolicy { failing: 1, of: 1 },
        mode: Mode::default(),
        objective: DEFAULT_OBJECTIVE,
        records: Policy::default(),
        sample: None,
        objects: vec![object],
        ungoverned: Vec::new(),
        referred: Vec::new(),
        canonical: root.node.json().to_string(),
    };
    for (length, id) in compile::long_ids(&contract) {
        problems.doubt(
            &at,
            "long-id",
            format!("the id of a rule has {length} characters, and is told as {id}"),
            "shorten the name of the rule, or those of its fields",
        );
    }
    Some(contract)
}

/// What the schema says; of one that cannot be read nothing, and rules still are.
fn shape(language: &str, found: &At<'_>, references: &References, said: &Place, problems: &Problems) -> Shape {
    let json = || match &found.node.value {
        Value::Text(text) => serde_json::from_str(text).map_err(|e| e.to_string()),
        _ => Ok(found.node.json()),
    };
    let shape = match language {
        "AVRO" => json().and_then(|json| avro::shape(&json, &references.here)),
        "JSON" => json().and_then(|json| json_schema::shape(&json, &references.here)),
        "PROTOBUF" => {
            // A parser that meets the unforeseen is no reason to end.
            let read = |text: &String| catch_unwind(|| protobuf::shape(text, &references.here));
            match &found.node.value {
                Value::Text(text) => read(text).unwrap_or_else(|_| Err("it cannot be read".to_owned())),
                _ => Err("it is no text".to_owned()),
            }
        }
        other => {
            problems.schema(said, format!("schemaType {other:?} is not known"), "use AVRO, JSON or PROTOBUF");
            Ok(Shape::default())
        }
    };
    shape.unwrap_or_else(|reason| {
        let is_empty = reason == avro::NO_RECORD || reason == protobuf::NO_MESSAGE;
        if is_empty && matches!(found.node.value, Value::Text(_)) {
            problems.doubt(
                &found.at,
                "no-record",
                "the schema is no record",
                "expect its rules to be unknown: they ask fields",
            );
            return Shape::default();
        }
        let language = match language {
            "AVRO" => "Avro schema",
            "JSON" => "JSON Schema",
            _ => "Protobuf schema",
        };
        match references.lack {
            true => problems.doubt(
                &found.at,
                "no-reference",
                format!("the schema refers to others, which are not here, and its fields are not read: {reason}"),
                "put the text of each as `schema` beside its `name` in `references`",
            ),
            false => {
                problems.beyond(
                    &found.at,
                    "bad-schema",
                    format!("the schema is no {language}: {reason}"),
                    "correct the schema",
                );
            }
        }
        Shape::default()
    })
}

/// What a property stands in.
#[derive(Clone, Copy)]
struct Around<'a> {
    path: &'a str,
    field: &'a FieldPath,
    relates_to: &'a str,
    classified: bool,
}

fn property(field: &Field, around: Around<'_>, rules: &Rules<'_>) -> Property {
    let mut steps = around.field.0.clone();
    steps.push(field.step.clone());
    let (path, part) = match (&field.step, around.path) {
        (Step::Items, path) => (format!("{path}[]"), "items".to_owned()),
        (Step::Keys, path) => (format!("{path}{{key}}"), "map/key".to_owned()),
        (Step::Values, path) => (format!("{path}{{value}}"), "map/value".to_owned()),
        (Step::Name(_), "") => (field.name.clone(), format!("properties/{}", field.name)),
        (Step::Name(_), path) => (format!("{path}.{}", field.name), format!("properties/{}", field.name)),
    };
    let relates_to = format!("{}/{part}", around.relates_to);
    let at = FieldPath(steps);
    let marked = rules.tags.of(field).iter().any(|tag| marks_personal_data(tag));
    let classified = around.classified || marked;
    let inner = Around { path: &path, field: &at, relates_to: &relates_to, classified };
    let children: Vec<Property> = field.fields.iter().map(|field| property(field, inner, rules)).collect();
    let typed = |kind| Clause::schema("logicalType", "conformity", &relates_to, Check::Valid(Validity::Type(kind)));
    let mut clauses: Vec<Clause> = field.json_type.map(typed).into_iter().collect();
    clauses.extend(field.asks.iter().map(|ask| keyword(ask, &relates_to)));
    clauses.extend(rules.of_field(field, &relates_to));
    // A container is shown with all that is in it.
    let classified = classified || children.iter().any(|child| child.classified);
    Property {
        path,
        field: at,
        relates_to,
        kind: Some(field.kind.clone()),
        text: field.text.clone(),
        classified,
        show_values: false,
        required: field.required,
        unique: false,
        primary_key: None,
        clauses,
        children,
    }
}

/// What a keyword of the schema asks.
fn keyword((name, check): &Ask, relates_to: &str) -> Clause {
    let dimension = match check {
        Check::Missing(_) | Check::Null => "completeness",
        _ => "conformity",
    };
    match check {
        Check::Unmeasured(reason) => Clause::unmeasured(name, relates_to, reason),
        check => Clause::schema(name, dimension, relates_to, check.clone()),
    }
}

/// What the schema refers to: a registry has it apart, and whoever asks it puts each text beside its name.
struct References {
    /// Names and texts.
    here: Vec<(String, String)>,
    /// Some are named, and their texts are not here.
    lack: bool,
}

fn references(root: &At<'_>) -> References {
    let text = |of: &serde_json::Value, key: &str| Some(of.get(key)?.as_str()?.to_owned());
    let json = root.node.json();
    let all = json.get("references").and_then(serde_json::Value::as_array).map(Vec::as_slice).unwrap_or_default();
    let here: Vec<_> = all.iter().filter_map(|of| Some((text(of, "name")?, text(of, "schema")?))).collect();
    References { lack: here.len() < all.len(), here }
}

/// A number, a truth or a text as text.
fn word(node: &Node) -> String {
    match node.json() {
        serde_json::Value::String(text) => text,
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
