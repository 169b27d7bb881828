//! Avro schemas (specification 1.12) into outlines.

use crate::engine::contract::exchange::outline::{DEPTH_MAX, FIELDS_MAX, Field, Object, Outline, below};
use crate::engine::contract::exchange::tree::Tree;
use crate::engine::contract::exchange::unsaid::Unsaid;
use crate::engine::contract::model::LogicalType;
use crate::engine::decode::schema::AvroSchema;
use std::collections::BTreeMap;

/// `references`: the schemas that it names, each by its name. The error says what is wrong with it.
pub fn outline(schema: &Tree, references: &[(&str, &str)], unsaid: &mut Unsaid) -> Result<Outline, String> {
    if schema.text("type") != Some("record") {
        return Err("the Avro schema is no record: a contract describes fields".to_owned());
    }
    AvroSchema::parse(&schema.json(), references).map_err(|why| format!("it is no Avro schema: {why}"))?;
    let others: Vec<Tree> = references
        .iter()
        .filter_map(|(_, text)| crate::engine::contract::yaml::parse(text).ok())
        .map(|node| Tree::of(&node))
        .collect();
    let mut reader = Reader { named: BTreeMap::new(), open: Vec::new(), count: 0, unsaid };
    others.iter().for_each(|other| reader.name_all(other, ""));
    reader.name_all(schema, "");
    let full_name = full_name(schema, "");
    let (space, name) = full_name.rsplit_once('.').unwrap_or(("", &full_name));
    let fields = reader.record(schema, space, "")?;
    let custom = (!space.is_empty()).then(|| ("avro.namespace".to_owned(), space.into()));
    let text = schema.text("doc").map(str::to_owned);
    let object =
        Object { name: name.to_owned(), text, custom: custom.into_iter().collect(), fields, ..Object::default() };
    Ok(Outline { id: full_name.clone(), name: Some(name.to_owned()), objects: vec![object], ..Outline::default() })
}

struct Reader<'s> {
    /// Types by their full names, with the name space that they stand in.
    named: BTreeMap<String, (&'s Tree, String)>,
    /// Records that are being read: one within itself has no end.
    open: Vec<String>,
    count: usize,
    unsaid: &'s mut Unsaid,
}

impl<'s> Reader<'s> {
    /// Notes every type that is defined in a schema.
    fn name_all(&mut self, schema: &'s Tree, space: &str) {
        match schema {
            Tree::List(branches) => branches.iter().for_each(|branch| self.name_all(branch, space)),
            Tree::Map(_) => {
                let kind = schema.text("type").unwrap_or_default();
                let mut space = space.to_owned();
                if ["record", "error", "enum", "fixed"].contains(&kind) {
                    let full_name = full_name(schema, &space);
                    full_name.rsplit_once('.').map_or("", |(space, _)| space).clone_into(&mut space);
                    self.named.insert(full_name, (schema, space.clone()));
                }
                schema.list("fields").iter().filter_map(|f| f.get("type")).for_each(|t| self.name_all(t, &space));
                for key in ["type", "items", "values"] {
                    schema.get(key).into_iter().for_each(|t| self.name_all(t, &space));
                }
            }
            _ => {}
        }
    }

    fn record(&mut self, schema: &'s Tree, space: &str, at: &str) -> Result<Vec<Field>, String> {
        schema.list("fields").iter().map(|field| self.field(field, space, at)).collect()
    }

    fn field(&mut self, of: &'s Tree, space: &str, at: &str) -> Result<Field, String> {
        self.count += 1;
        if self.count > FIELDS_MAX {
            return Err(format!("it has more than {FIELDS_MAX} fields"));
        }
        let name = of.text("name").unwrap_or_default();
        let at = below(at, name);
        let (field, nullable) = match of.get("type") {
            Some(kind) => self.of_type(kind, space, &at)?,
            None => (Field::default(), true),
        };
        if let Some(default) = of.get("default") {
            self.unsaid
                .tell(&at, format!("its default {} is not said: a contract asks what is written", default.json()));
        }
        if of.get("aliases").is_some() {
            self.unsaid.tell(&at, "its aliases are not said");
        }
        if of.get("confluent:rules").is_some() {
            self.unsaid
                .tell(&at, "its confluent:rules are not said: give the subject version itself to `contract test`");
        }
        Ok(Field {
            name: name.to_owned(),
            text: of.text("doc").map(str::to_owned).or(field.text.clone()),
            tags: of.texts("confluent:tags"),
            required: !nullable,
            ..field
        })
    }

    /// The type, and whether it may be null.
    fn of_type(&mut self, schema: &'s Tree, space: &str, at: &str) -> Result<(Field, bool), String> {
        match schema {
            Tree::Text(name) => self.called(name, space, at),
            Tree::List(branches) => {
                let is_null = |branch: &&Tree| branch.as_text() == Some("null") || branch.text("type") == Some("null");
                let nullable = branches.iter().any(|branch| is_null(&branch));
                let others: Vec<&Tree> = branches.iter().filter(|branch| !is_null(branch)).collect();
                match others.as_slice() {
                    [one] => Ok((self.of_type(one, space, at)?.0, nullable)),
                    several => {
                        let count = several.len();
                        self.unsaid.tell(at, format!("a union of {count} types is not said: it may be anything"));
                        Ok((Field::default(), nullable))
                    }
                }
            }
            _ => self.defined(schema, space, at),
        }
    }

    fn called(&mut self, name: &str, space: &str, at: &str) -> Result<(Field, bool), String> {
        let plain = |logical, options| (typed(logical, name, options), false);
        let format = |format: &str| vec![("format".to_owned(), format.into())];
        Ok(match name {
            "null" => (Field::default(), true),
            "string" => (Field::of(LogicalType::String), false),
            "bytes" => plain(LogicalType::String, Vec::new()),
            "int" => plain(LogicalType::Integer, format("i32")),
            "long" => plain(LogicalType::Integer, format("i64")),
            "float" => plain(LogicalType::Number, Vec::new()),
            "double" => plain(LogicalType::Number, Vec::new()),
            "boolean" => (Field::of(LogicalType::Boolean), false),
            _ => {
                let full =
                    if name.contains('.') || space.is_empty() { name.to_owned() } else { format!("{space}.{name}") };
                let found = self.named.get(&full).or_else(|| self.named.get(name)).cloned();
                let Some((schema, space)) = found else { return Err(format!("{at}: there is no type {name}")) };
                self.defined(schema, &space, at)?
            }
        })
    }

    fn defined(&mut self, schema: &'s Tree, space: &str, at: &str) -> Result<(Field, bool), String> {
        let Some(kind) = schema.get("type") else { return Ok((Field::default(), true)) };
        let text = schema.text("doc").map(str::to_owned);
        if schema.get("aliases").is_some() {
            self.unsaid.tell(at, "the aliases of its type are not said");
        }
        let field = match kind.as_text() {
            Some("record" | "error") => {
                let full_name = full_name(schema, space);
                if self.open.contains(&full_name) || self.open.len() >= DEPTH_MAX {
                    self.unsaid.tell(at, format!("{full_name} holds itself: the fields of the inner one are not said"));
                    return Ok((Field::of(LogicalType::Object), false));
                }
                self.open.push(full_name.clone());
                let space = full_name.rsplit_once('.').map_or("", |(space, _)| space);
                let fields = self.record(schema, space, at);
                self.open.pop();
                Field { fields: fields?, text, ..Field::of(LogicalType::Object) }
            }
            Some("array") => {
                let at = below(at, "");
                let (items, nullable) = match schema.get("items") {
                    Some(items) => self.of_type(items, space, &at)?,
                    None => (Field::default(), true),
                };
                let items = Field { required: !nullable, ..items };
                Field { items: Some(Box::new(items)), ..Field::of(LogicalType::Array) }
            }
            Some("map") => {
                let values = schema.get("values");
                let word = match values.and_then(Tree::as_text) {
                    Some(word) if PRIMITIVES.contains(&word) => format!("map<{word}>"),
                    _ => {
                        self.unsaid.tell(at, "what the values of the map are is not said");
                        "map".to_owned()
                    }
                };
                Field { physical_type: Some(word), ..Field::of(LogicalType::Object) }
            }
            Some("enum") => Field {
                values: schema.list("symbols").to_vec(),
                text,
                ..typed(LogicalType::String, "enum", Vec::new())
            },
            Some("fixed") => {
                let size = schema.get("size").map(Tree::json).unwrap_or_default();
                match schema.text("logicalType") {
                    Some("decimal") => decimal(schema),
                    Some("duration") => typed(LogicalType::Object, "duration", Vec::new()),
                    _ => typed(LogicalType::String, &format!("fixed({size})"), Vec::new()),
                }
            }
            _ => {
                let (field, nullable) = self.of_type(kind, space, at)?;
                let logical = schema.text("logicalType").unwrap_or_default();
                let physical = |logical_type| typed(logical_type, logical, Vec::new());
                let zoned =
                    |zoned: bool| typed(LogicalType::Timestamp, logical, vec![("timezone".to_owned(), zoned.into())]);
                let field = match (logical, kind.as_text()) {
                    ("decimal", Some("bytes")) => decimal(schema),
                    ("uuid", _) => typed(LogicalType::String, "uuid", vec![("format".to_owned(), "uuid".into())]),
                    ("date", Some("int")) => physical(LogicalType::Date),
                    ("time-millis", Some("int")) | ("time-micros", Some("long")) => physical(LogicalType::Time),
                    // Of milliseconds since 1970 no text says a zone.
                    ("timestamp-millis", Some("long")) => physical(LogicalType::Timestamp),
                    (word, Some("long")) if word.starts_with("timestamp-") => zoned(true),
                    (word, Some("long")) if word.starts_with("local-timestamp-") => zoned(false),
                    _ => field,
                };
                return Ok((field, nullable));
            }
        };
        Ok((field, false))
    }
}

pub const PRIMITIVES: [&str; 7] = ["string", "bytes", "int", "long", "float", "double", "boolean"];

fn typed(logical: LogicalType, physical: &str, options: Vec<(String, Tree)>) -> Field {
    Field { physical_type: Some(physical.to_owned()), options, ..Field::of(logical) }
}

fn decimal(schema: &Tree) -> Field {
    let number = |key: &str| schema.get(key).map(Tree::json);
    let scale = number("scale").unwrap_or_else(|| "0".to_owned());
    let physical = format!("decimal({},{scale})", number("precision").unwrap_or_default());
    typed(LogicalType::Number, &physical, Vec::new())
}

/// A name with dots is a full one (specification, *Names*).
fn full_name(schema: &Tree, space: &str) -> String {
    let name = schema.text("name").unwrap_or_default();
    let space = schema.text("namespace").unwrap_or(space);
    if name.contains('.') || space.is_empty() { name.to_owned() } else { format!("{space}.{name}") }
}
