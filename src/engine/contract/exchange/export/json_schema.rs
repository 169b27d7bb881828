//! An object of a contract as JSON Schema 2020-12.

use crate::engine::contract::exchange::export::outline::tell_lost;
use crate::engine::contract::exchange::outline::{Field, Object, below};
use crate::engine::contract::exchange::tree::{Entries, Tree};
use crate::engine::contract::exchange::unsaid::Unsaid;
use crate::engine::contract::keyword;
use crate::engine::contract::model::LogicalType;

pub fn schema(id: &str, object: &Object, unsaid: &mut Unsaid) -> Tree {
    if !object.quality.is_empty() {
        unsaid.tell("", "quality of the object: not said");
    }
    let comment = (!id.is_empty()).then(|| format!("of the data contract {id}"));
    let (properties, required) = fields(&object.fields, "", unsaid);
    Entries::default()
        .with("$schema", "https://json-schema.org/draft/2020-12/schema")
        .maybe("$comment", comment)
        .with("title", object.name.as_str())
        .maybe("description", object.text.clone().or(object.title.clone()))
        .with("type", "object")
        .maybe("properties", Some(properties))
        .maybe("required", Some(required))
        .into()
}

/// The properties by name, and the names that are required.
fn fields(fields: &[Field], at: &str, unsaid: &mut Unsaid) -> (Tree, Vec<String>) {
    let (mut properties, mut required): (Vec<(String, Tree)>, Vec<String>) = Default::default();
    for field in fields {
        let name = field.physical_name.as_deref().unwrap_or(&field.name);
        let at = below(at, &field.name);
        if properties.iter().any(|(known, _)| known == name) {
            unsaid.tell(&at, format!("a second property {name:?} is not said"));
            continue;
        }
        properties.push((name.to_owned(), of(field, &at, unsaid)));
        required.extend(field.required.then(|| name.to_owned()));
    }
    (Tree::Map(properties), required)
}

fn of(field: &Field, at: &str, unsaid: &mut Unsaid) -> Tree {
    let (kind, format) = match field.logical {
        None => (None, None),
        Some(LogicalType::String) => (Some("string"), field.option("format").and_then(Tree::as_text)),
        Some(LogicalType::Date) => (Some("string"), Some("date")),
        Some(LogicalType::Timestamp) => (Some("string"), Some("date-time")),
        Some(LogicalType::Time) => (Some("string"), Some("time")),
        Some(LogicalType::Number) => (Some("number"), None),
        Some(LogicalType::Integer) => (Some("integer"), None),
        Some(LogicalType::Boolean) => (Some("boolean"), None),
        Some(LogicalType::Object | LogicalType::Map) => (Some("object"), None),
        Some(LogicalType::Array | LogicalType::Vector) => (Some("array"), None),
    };
    let is_moment = matches!(field.logical, Some(LogicalType::Date | LogicalType::Timestamp | LogicalType::Time));
    // A moment written in a form of its own is text, and one without a zone is no `date-time`.
    let own_form = is_moment && field.option("format").is_some();
    let zoneless =
        field.logical == Some(LogicalType::Timestamp) && field.option("timezone") == Some(&Tree::Bool(false));
    let format = format.filter(|_| !own_form && !zoneless);
    let has_zone = field.logical == Some(LogicalType::Timestamp) && format.is_some();
    // A number's format is its width, which JSON Schema does not say.
    let is_text = field.logical == Some(LogicalType::String);
    let bounds = field.logical.into_iter().flat_map(keyword::bounds).map(|(key, _)| key);
    let mut said: Vec<&str> = bounds.filter(|key| is_text || *key != "format").collect();
    match field.logical {
        Some(LogicalType::Object) => said.push("required"),
        Some(LogicalType::Timestamp) if has_zone => said.push("timezone"),
        _ => {}
    }
    tell_lost(field, at, &said, &["title", "tags", "examples"], unsaid);
    let mut entries = Entries::default().maybe("title", field.title.clone()).maybe("description", field.text.clone());
    // Null is what is not required; JSON Schema tells it from what is not there.
    entries = match kind {
        Some(kind) if field.required => entries.with("type", kind),
        Some(kind) => entries.with("type", vec![kind, "null"]),
        None => entries,
    };
    if !field.values.is_empty() {
        let null = (!field.required).then_some(Tree::Null);
        entries = entries.with("enum", field.values.iter().cloned().chain(null).collect::<Vec<Tree>>());
    }
    entries = entries.maybe("format", format);
    for (key, value) in &field.options {
        if said.contains(&key.as_str()) && key != "format" && key != "required" && key != "timezone" {
            entries = entries.with(key, value.clone());
        }
    }
    let (properties, mut required) = fields(&field.fields, at, unsaid);
    if let Some(Tree::List(names)) = field.option("required") {
        required.extend(names.iter().filter_map(Tree::as_text).map(str::to_owned));
        required.sort();
        required.dedup();
    }
    entries = entries.maybe("properties", Some(properties)).maybe("required", Some(required));
    let inner = field.items.as_deref().map(|items| of(items, &field.within(at), unsaid));
    let key = if field.logical == Some(LogicalType::Map) { "additionalProperties" } else { "items" };
    entries
        .maybe(key, inner)
        .maybe("examples", Some(field.examples.clone()))
        .maybe("confluent:tags", Some(field.tags.clone()))
        .into()
}
