//! The fields of a Protobuf schema (proto2 and proto3), with the tags that Confluent adds (`confluent.field_meta`). What a value is
//! to a contract stands in `docs/semantics.md`, *Records*.

use crate::engine::contract::exchange::import::protobuf::comment;
use crate::engine::contract::plan::JsonType;
use crate::engine::contract::subject::shape::{Field, Shape};
use crate::engine::decode::path::Step;
use crate::engine::decode::protobuf::known::Known;
use crate::engine::decode::protobuf::schema;
use prost_reflect::{Cardinality, DescriptorPool, FieldDescriptor, Kind, MessageDescriptor, Value};

/// Why a schema that is right in itself has no fields.
pub const NO_MESSAGE: &str = "it has no message";

/// Deeper than any record is read.
const DEPTH_MAX: usize = 64;
/// Fields that are told: a schema that names its messages again and again grows fast.
const FIELDS_MAX: usize = 10_000;

/// The fields of the first message. `references`: the files that it imports, each by its name. The error says what is wrong with
/// the schema.
pub fn shape(text: &str, references: &[(String, String)]) -> Result<Shape, String> {
    let references: Vec<(&str, &str)> = references.iter().map(|(name, text)| (name.as_str(), text.as_str())).collect();
    let (pool, file) = schema::compiled(text, &references)?;
    let message = file.messages().next().ok_or(NO_MESSAGE)?;
    let mut reader = Reader { pool: &pool, open: Vec::new(), count: 0 };
    let fields = reader.message(&message)?;
    let text = comment(&file, message.path());
    Ok(Shape { name: Some(message.name().to_owned()), text, rules: Vec::new(), fields, asks: Vec::new() })
}

struct Reader<'s> {
    pool: &'s DescriptorPool,
    /// Messages that are being read: one within itself has no end.
    open: Vec<String>,
    count: usize,
}

/// What a type says of a field that has it.
#[derive(Default)]
struct Type {
    kind: String,
    json_type: Option<JsonType>,
    type_name: Option<&'static str>,
    fields: Vec<Field>,
}

impl Reader<'_> {
    fn message(&mut self, message: &MessageDescriptor) -> Result<Vec<Field>, String> {
        let name = message.full_name();
        if self.open.iter().any(|open| open == name) || self.open.len() >= DEPTH_MAX {
            return Ok(Vec::new());
        }
        self.open.push(name.to_owned());
        // As they are written, not as they are numbered.
        let mut fields: Vec<FieldDescriptor> = message.fields().collect();
        fields.sort_by_key(|field| field.path().last().copied());
        let fields = fields.iter().map(|field| self.field(field)).collect();
        self.open.pop();
        fields
    }

    fn field(&mut self, of: &FieldDescriptor) -> Result<Field, String> {
        self.count += 1;
        if self.count > FIELDS_MAX {
            return Err(format!("it has more than {FIELDS_MAX} fields"));
        }
        let made = |name: &str, step, found: Type| Field {
            name: name.to_owned(),
            step,
            full_name: of.full_name().to_owned(),
            kind: found.kind,
            json_type: found.json_type,
            type_name: found.type_name,
            required: false,
            text: None,
            tags: Vec::new(),
            rules: Vec::new(),
            fields: found.fields,
            asks: Vec::new(),
        };
        let of_kind = |kind: &str, json_type| Type { kind: kind.to_owned(), json_type, ..Type::default() };
        let found = if of.is_map() {
            let entry =
                if let Kind::Message(entry) = of.kind() { Some(entry.map_entry_value_field().kind()) } else { None };
            let values = entry.map(|kind| self.of_kind(&kind)).transpose()?.map(|found| made("", Step::Values, found));
            Type { fields: values.into_iter().collect(), ..of_kind("map", Some(JsonType::Object)) }
        } else if of.is_list() {
            let items = made("", Step::Items, self.of_kind(&of.kind())?);
            Type { fields: vec![items], ..of_kind("array", Some(JsonType::Array)) }
        } else {
            self.of_kind(&of.kind())?
        };
        let field = made(of.name(), Step::Name(of.name().to_owned()), found);
        Ok(Field {
            required: of.cardinality() == Cardinality::Required,
            text: comment(&of.parent_message().parent_file(), of.path()),
            tags: self.tags(of),
            ..field
        })
    }

    fn of_kind(&mut self, kind: &Kind) -> Result<Type, String> {
        let (json_type, type_name) = match kind {
            Kind::Double => (Some(JsonType::Number), "DOUBLE"),
            Kind::Float => (Some(JsonType::Number), "FLOAT"),
            Kind::Int32 | Kind::Sint32 | Kind::Uint32 | Kind::Fixed32 | Kind::Sfixed32 => {
                (Some(JsonType::Integer), "INT")
            }
            Kind::Int64 | Kind::Sint64 | Kind::Uint64 | Kind::Fixed64 | Kind::Sfixed64 => {
                (Some(JsonType::Integer), "LONG")
            }
            Kind::Bool => (Some(JsonType::Boolean), "BOOLEAN"),
            Kind::String => (Some(JsonType::String), "STRING"),
            // What bytes are to JSON their producer decides.
            Kind::Bytes => (None, "BYTES"),
            Kind::Enum(symbols) => {
                let kind = symbols.full_name().to_owned();
                return Ok(Type { kind, json_type: Some(JsonType::String), ..Type::default() });
            }
            Kind::Message(message) => return self.nested(message),
        };
        Ok(Type { kind: format!("{kind:?}"), json_type, type_name: Some(type_name), fields: Vec::new() })
    }

    fn nested(&mut self, message: &MessageDescriptor) -> Result<Type, String> {
        let (json_type, fields) = match Known::named(message.full_name()) {
            // A moment is to JSON what its producer makes of it, and a value anything.
            Known::Timestamp | Known::Date | Known::Value => (None, Vec::new()),
            Known::Duration | Known::FieldMask => (Some(JsonType::String), Vec::new()),
            Known::Decimal => (Some(JsonType::Number), Vec::new()),
            Known::Struct => (Some(JsonType::Object), Vec::new()),
            Known::List => (Some(JsonType::Array), Vec::new()),
            Known::Wrapper => {
                let value = message.get_field(1).map(|value| self.of_kind(&value.kind())).transpose()?;
                (value.and_then(|value| value.json_type), Vec::new())
            }
            Known::Message => (Some(JsonType::Object), self.message(message)?),
        };
        Ok(Type { kind: message.full_name().to_owned(), json_type, type_name: None, fields })
    }

    /// `[(confluent.field_meta).tags = "PII"]`.
    fn tags(&self, of: &FieldDescriptor) -> Vec<String> {
        let Some(meta) = self.pool.get_extension_by_name("confluent.field_meta") else { return Vec::new() };
        let options = of.options();
        let told = options.get_extension(&meta);
        let tags = told.as_message().and_then(|meta| meta.get_field_by_name("tags"));
        let texts = tags.as_deref().and_then(Value::as_list).unwrap_or_default();
        texts.iter().filter_map(Value::as_str).map(str::to_owned).collect()
    }
}
