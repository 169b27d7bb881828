//! The fields of a JSON Schema: what stands under `properties`, of any draft, with the keywords that Confluent adds. What else
//! the schema asks is not asked here.

use crate::engine::contract::plan::JsonType;
use crate::engine::contract::subject::shape::{Field, Shape, list, texts};
use crate::engine::decode::path::Step;
use serde_json::Value;

/// Levels that are read: deeper than any record is, and the end of a schema that refers to itself.
const DEPTH_MAX: usize = 16;
/// Fields that are told: a schema that refers to itself at several places grows fast.
const FIELDS_MAX: usize = 10_000;

/// The error says what is wrong with the schema.
pub fn shape(schema: &Value) -> Result<Shape, String> {
    if !schema.is_object() {
        return Err("it is no object".to_owned());
    }
    let mut reader = Reader { root: schema, count: 0 };
    let text = |key: &str| schema.get(key).and_then(Value::as_str).map(str::to_owned);
    let mut fields = Vec::new();
    reader.fields(schema, "$", 0, &mut fields)?;
    Ok(Shape { name: text("title"), text: text("description"), rules: list(schema.get("confluent:rules")), fields })
}

struct Reader<'s> {
    root: &'s Value,
    count: usize,
}

impl<'s> Reader<'s> {
    /// A schema, or what it refers to within the document (`#/definitions/x`, `#/$defs/x`).
    fn resolved(&self, mut schema: &'s Value) -> &'s Value {
        for _ in 0..DEPTH_MAX {
            let reference = schema.get("$ref").and_then(Value::as_str).and_then(|r| r.strip_prefix('#'));
            match reference.and_then(|pointer| self.root.pointer(pointer)) {
                Some(other) => schema = other,
                None => break,
            }
        }
        schema
    }

    fn fields(&mut self, schema: &'s Value, path: &str, depth: usize, into: &mut Vec<Field>) -> Result<(), String> {
        if depth >= DEPTH_MAX {
            return Ok(());
        }
        let required = texts(schema.get("required"));
        for (name, of) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            if into.iter().any(|known| known.name == *name) {
                continue;
            }
            let full_name = format!("{path}.{name}");
            let mut field = self.field(of, name, Step::Name(name.clone()), full_name, depth)?;
            field.required &= required.contains(name);
            into.push(field);
        }
        for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            self.fields(self.resolved(part), path, depth + 1, into)?;
        }
        Ok(())
    }

    fn field(
        &mut self,
        schema: &'s Value,
        name: &str,
        step: Step,
        full_name: String,
        depth: usize,
    ) -> Result<Field, String> {
        self.count += 1;
        if self.count > FIELDS_MAX {
            return Err(format!("it has more than {FIELDS_MAX} fields"));
        }
        let (tags, mut rules) = (texts(schema.get("confluent:tags")), list(schema.get("confluent:rules")));
        let (of, nullable) = self.without_null(self.resolved(schema));
        if !std::ptr::eq(schema, of) {
            rules.extend(list(of.get("confluent:rules")));
        }
        let kind = match types(of).as_slice() {
            [one] => Some(*one),
            _ => None,
        };
        let is_plain = of.get("enum").is_none() && of.get("const").is_none();
        let (json_type, type_name) = match kind {
            Some("string") => (Some(JsonType::String), Some("STRING")),
            Some("integer") => (Some(JsonType::Integer), Some("INT")),
            Some("number") => (Some(JsonType::Number), Some("DOUBLE")),
            Some("boolean") => (Some(JsonType::Boolean), Some("BOOLEAN")),
            Some("object") => (Some(JsonType::Object), None),
            Some("array") => (Some(JsonType::Array), None),
            _ => (None, None),
        };
        let mut fields = Vec::new();
        self.fields(of, &full_name, depth + 1, &mut fields)?;
        if let Some(items) = of.get("items").filter(|items| items.is_object() && depth < DEPTH_MAX) {
            let items = self.field(items, "", Step::Items, full_name.clone(), depth + 1)?;
            fields.push(Field { required: false, ..items });
        }
        let text = schema.get("description").or(of.get("description")).and_then(Value::as_str).map(str::to_owned);
        Ok(Field {
            name: name.to_owned(),
            step,
            full_name,
            kind: kind.unwrap_or("any").to_owned(),
            // Null is told by its own rule: a field that may be null has no type that null lacks.
            json_type,
            type_name: type_name.filter(|_| is_plain),
            // Where nothing says what it is, it may be null.
            required: !nullable && kind.is_some(),
            text,
            tags,
            rules,
            fields,
        })
    }

    /// The one branch of `oneOf` or `anyOf` that is not null, and whether there is null beside it.
    fn without_null(&self, schema: &'s Value) -> (&'s Value, bool) {
        let listed =
            schema.get("type").and_then(Value::as_array).is_some_and(|types| types.iter().any(|t| t == "null"));
        let branches = schema.get("oneOf").or_else(|| schema.get("anyOf")).and_then(Value::as_array);
        let Some(branches) = branches else { return (schema, listed) };
        let branches: Vec<&Value> = branches.iter().map(|branch| self.resolved(branch)).collect();
        let is_null = |branch: &&&Value| branch.get("type").is_some_and(|t| t == "null");
        let others: Vec<&&Value> = branches.iter().filter(|branch| !is_null(branch)).collect();
        match others.as_slice() {
            [one] => (one, true),
            _ => (schema, true),
        }
    }
}

/// The types of a schema but null.
fn types(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(several)) => several.iter().filter_map(Value::as_str).filter(|t| *t != "null").collect(),
        _ => Vec::new(),
    }
}
