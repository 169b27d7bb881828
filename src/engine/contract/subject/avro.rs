//! The fields of an Avro schema (specification 1.12, *Schema Declaration*), with the attributes that Confluent adds.

use crate::engine::contract::plan::JsonType;
use crate::engine::contract::subject::shape::{Field, Shape, list, texts};
use crate::engine::decode::path::Step;
use serde_json::Value;
use std::collections::BTreeMap;

/// Why a schema that is right in itself has no fields.
pub const NO_RECORD: &str = "it is no record";

/// Deeper than any record is read.
const DEPTH_MAX: usize = 64;
/// Fields that are told: a schema that names its types again and again grows fast.
const FIELDS_MAX: usize = 10_000;

/// `references`: schemas of types that it names. The error says what is wrong with the schema.
pub fn shape(schema: &Value, references: &[(String, String)]) -> Result<Shape, String> {
    if schema.get("type").and_then(Value::as_str) != Some("record") {
        return Err(NO_RECORD.to_owned());
    }
    // What cannot be read is missed where it is named.
    let others: Vec<Value> = references.iter().filter_map(|(_, text)| serde_json::from_str(text).ok()).collect();
    let named = |of| (self::full_name(of, ""), (of, String::new()));
    let mut reader = Reader { named: others.iter().map(named).collect(), open: Vec::new(), count: 0 };
    let full_name = full_name(schema, "");
    let fields = reader.record(schema, "")?;
    let name = full_name.rsplit('.').next().map(str::to_owned);
    let text = schema.get("doc").and_then(Value::as_str).map(str::to_owned);
    Ok(Shape { name, text, rules: list(schema.get("confluent:rules")), fields, asks: Vec::new() })
}

struct Reader<'s> {
    /// Types by their full names, with the name space that they stand in.
    named: BTreeMap<String, (&'s Value, String)>,
    /// Records that are being read: one within itself has no end.
    open: Vec<String>,
    count: usize,
}

/// What a type says of a field that has it.
#[derive(Default)]
struct Type {
    kind: String,
    json_type: Option<JsonType>,
    type_name: Option<&'static str>,
    nullable: bool,
    rules: Vec<Value>,
    fields: Vec<Field>,
}

impl<'s> Reader<'s> {
    fn record(&mut self, schema: &'s Value, space: &str) -> Result<Vec<Field>, String> {
        let name = full_name(schema, space);
        self.named.insert(name.clone(), (schema, space.to_owned()));
        if self.open.contains(&name) || self.open.len() >= DEPTH_MAX {
            return Ok(Vec::new());
        }
        let inner = name.rsplit_once('.').map_or("", |(space, _)| space).to_owned();
        let fields = schema.get("fields").and_then(Value::as_array).ok_or("a record has no fields")?;
        self.open.push(name.clone());
        let fields = fields.iter().map(|field| self.field(field, &name, &inner)).collect();
        self.open.pop();
        fields
    }

    fn field(&mut self, field: &'s Value, record: &str, space: &str) -> Result<Field, String> {
        self.count += 1;
        if self.count > FIELDS_MAX {
            return Err(format!("it has more than {FIELDS_MAX} fields"));
        }
        let name = field.get("name").and_then(Value::as_str).ok_or("a field has no name")?;
        let full_name = format!("{record}.{name}");
        let found = self.of_type(field.get("type").unwrap_or(&Value::Null), space, &full_name)?;
        let required = !found.nullable && field.get("default").is_none();
        let mut made = made(name, Step::Name(name.to_owned()), full_name, found);
        made.required = required;
        made.text = field.get("doc").and_then(Value::as_str).map(str::to_owned);
        made.tags = texts(field.get("confluent:tags"));
        made.rules.extend(list(field.get("confluent:rules")));
        Ok(made)
    }

    fn of_type(&mut self, schema: &'s Value, space: &str, full_name: &str) -> Result<Type, String> {
        match schema {
            Value::String(name) => match simple(name) {
                Some(found) => Ok(found),
                None => {
                    let whole =
                        if name.contains('.') || space.is_empty() { name.clone() } else { format!("{space}.{name}") };
                    let known = self.named.get(&whole).or_else(|| self.named.get(name)).cloned();
                    let (schema, space) = known.ok_or_else(|| format!("there is no type {name}"))?;
                    self.of_type(schema, &space, full_name)
                }
            },
            Value::Array(branches) => self.union(branches, space, full_name),
            Value::Object(_) => self.composed(schema, space, full_name),
            _ => Err("a field has no type".to_owned()),
        }
    }

    fn union(&mut self, branches: &'s [Value], space: &str, full_name: &str) -> Result<Type, String> {
        let nullable = branches.iter().any(|branch| branch == "null");
        let others: Vec<&Value> = branches.iter().filter(|branch| *branch != "null").collect();
        if let [one] = others.as_slice() {
            return Ok(Type { nullable, ..self.of_type(one, space, full_name)? });
        }
        // Which of several it is, only the record tells; types that are defined in them are known all the same.
        for branch in others {
            self.of_type(branch, space, full_name)?;
        }
        Ok(Type { kind: "union".to_owned(), nullable, ..Type::default() })
    }

    fn composed(&mut self, schema: &'s Value, space: &str, full_name: &str) -> Result<Type, String> {
        let kind = schema.get("type").ok_or("a type has no name")?;
        match kind.as_str() {
            Some("record" | "error") => Ok(Type {
                kind: self::full_name(schema, space),
                json_type: Some(JsonType::Object),
                rules: list(schema.get("confluent:rules")),
                fields: self.record(schema, space)?,
                ..Type::default()
            }),
            Some("array") => {
                let items = schema.get("items").ok_or("an array has no items")?;
                let found = self.of_type(items, space, full_name)?;
                let items = made("", Step::Items, full_name.to_owned(), found);
                Ok(Type {
                    kind: "array".to_owned(),
                    json_type: Some(JsonType::Array),
                    fields: vec![items],
                    ..Type::default()
                })
            }
            Some("map") => {
                let found = self.of_type(schema.get("values").ok_or("a map has no values")?, space, full_name)?;
                let values = made("", Step::Values, full_name.to_owned(), found);
                Ok(Type {
                    kind: "map".to_owned(),
                    json_type: Some(JsonType::Object),
                    fields: vec![values],
                    ..Type::default()
                })
            }
            Some(name @ ("enum" | "fixed")) => {
                self.named.insert(self::full_name(schema, space), (schema, space.to_owned()));
                let json_type = (name == "enum").then_some(JsonType::String);
                Ok(Type { kind: name.to_owned(), json_type, ..Type::default() })
            }
            _ => {
                let found = self.of_type(kind, space, full_name)?;
                match schema.get("logicalType").and_then(Value::as_str) {
                    // A moment or a decimal is to JSON what its producer makes of it.
                    Some(logical) => Ok(Type { kind: logical.to_owned(), json_type: None, ..found }),
                    None => Ok(found),
                }
            }
        }
    }
}

fn made(name: &str, step: Step, full_name: String, found: Type) -> Field {
    Field {
        name: name.to_owned(),
        step,
        full_name,
        kind: found.kind,
        json_type: found.json_type,
        type_name: found.type_name,
        required: false,
        text: None,
        tags: Vec::new(),
        rules: found.rules,
        fields: found.fields,
        asks: Vec::new(),
    }
}

fn simple(name: &str) -> Option<Type> {
    let (json_type, type_name) = match name {
        "string" => (Some(JsonType::String), "STRING"),
        "bytes" => (None, "BYTES"),
        "int" => (Some(JsonType::Integer), "INT"),
        "long" => (Some(JsonType::Integer), "LONG"),
        "float" => (Some(JsonType::Number), "FLOAT"),
        "double" => (Some(JsonType::Number), "DOUBLE"),
        "boolean" => (Some(JsonType::Boolean), "BOOLEAN"),
        "null" => return Some(Type { kind: name.to_owned(), nullable: true, ..Type::default() }),
        _ => return None,
    };
    Some(Type { kind: name.to_owned(), json_type, type_name: Some(type_name), ..Type::default() })
}

/// A name with dots is a full one (specification, *Names*).
fn full_name(schema: &Value, space: &str) -> String {
    let name = schema.get("name").and_then(Value::as_str).unwrap_or_default();
    let space = schema.get("namespace").and_then(Value::as_str).unwrap_or(space);
    if name.contains('.') || space.is_empty() { name.to_owned() } else { format!("{space}.{name}") }
}
