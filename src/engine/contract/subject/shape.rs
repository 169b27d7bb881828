//! The fields of a schema, in whatever language it is written.

use crate::engine::contract::plan::{Check, JsonType};
use crate::engine::decode::path::{FieldPath, Step};
use crate::engine::expr::eval::FieldNames;

/// What a keyword of the schema asks, by the keyword; of a value that may be null the keyword asks nothing of null.
pub type Ask = (&'static str, Check);

/// A schema of records.
#[derive(Debug, Default)]
pub struct Shape {
    pub name: Option<String>,
    pub text: Option<String>,
    /// `confluent:rules` of the record.
    pub rules: Vec<serde_json::Value>,
    pub fields: Vec<Field>,
    /// Of the record as a whole.
    pub asks: Vec<Ask>,
}

/// A field, or what an array or a map holds.
#[derive(Debug)]
pub struct Field {
    /// Empty for what an array or a map holds.
    pub name: String,
    pub step: Step,
    /// As Confluent's clients name it: an Avro record's full name and the field, or `$.` and the way of a JSON Schema. Items
    /// have that of their array, and so have those of a map.
    pub full_name: String,
    /// For people.
    pub kind: String,
    /// What its values are to JSON; `None`: several things, or nothing that JSON knows.
    pub json_type: Option<JsonType>,
    /// STRING, BYTES, INT, LONG, FLOAT, DOUBLE or BOOLEAN, where it is primitive.
    pub type_name: Option<&'static str>,
    /// A record without it, or with null there, was written with another schema.
    pub required: bool,
    pub text: Option<String>,
    /// `confluent:tags`; items have those of their array.
    pub tags: Vec<String>,
    /// `confluent:rules`.
    pub rules: Vec<serde_json::Value>,
    pub fields: Vec<Field>,
    /// Beyond its type, and that it is there.
    pub asks: Vec<Ask>,
}

impl Shape {
    /// Every primitive field that may have one of these tags, all where none is named, with its path.
    pub fn primitives(&self, tags_of: &dyn Fn(&Field) -> Vec<String>) -> Vec<(FieldPath, FieldNames)> {
        let mut found = Vec::new();
        collect(&self.fields, &mut Vec::new(), ("", &[]), tags_of, &mut found);
        found
    }
}

/// `array`: the name and the tags of the array or map that items are of.
fn collect(
    fields: &[Field],
    path: &mut Vec<Step>,
    array: (&str, &[String]),
    tags_of: &dyn Fn(&Field) -> Vec<String>,
    found: &mut Vec<(FieldPath, FieldNames)>,
) {
    for field in fields {
        path.push(field.step.clone());
        let (name, tags) = match field.name.as_str() {
            "" => (array.0, array.1.to_vec()),
            name => (name, tags_of(field)),
        };
        if let Some(type_name) = field.type_name {
            let (full_name, name) = (field.full_name.clone(), name.to_owned());
            found.push((FieldPath(path.clone()), FieldNames { full_name, name, type_name, tags: tags.clone() }));
        }
        collect(&field.fields, path, (name, &tags), tags_of, found);
        path.pop();
    }
}

/// The texts of a list of texts.
pub fn texts(list: Option<&serde_json::Value>) -> Vec<String> {
    let list = list.and_then(serde_json::Value::as_array).map(Vec::as_slice).unwrap_or_default();
    list.iter().filter_map(|text| text.as_str()).map(str::to_owned).collect()
}

/// A list as it is; nothing where there is none.
pub fn list(list: Option<&serde_json::Value>) -> Vec<serde_json::Value> {
    list.and_then(serde_json::Value::as_array).cloned().unwrap_or_default()
}
