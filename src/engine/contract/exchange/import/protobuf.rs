//! Protobuf schemas (proto2 and proto3) into outlines: fields as Protobuf's own JSON has their values.

use crate::engine::contract::exchange::outline::{DEPTH_MAX, FIELDS_MAX, Field, Object, Outline, below};
use crate::engine::contract::exchange::unsaid::Unsaid;
use crate::engine::contract::model::LogicalType;
use crate::engine::decode::protobuf::known::Known;
use crate::engine::decode::protobuf::schema;
use prost_reflect::{Cardinality, FieldDescriptor, FileDescriptor, Kind, MessageDescriptor};

/// `references`: the files that it imports, each by its name. `message`: which of its messages, by its name with or without
/// the package; else the first of the file. The error says what is wrong with it.
pub fn outline(
    text: &str,
    references: &[(&str, &str)],
    message: Option<&str>,
    unsaid: &mut Unsaid,
) -> Result<Outline, String> {
    let (pool, file) = schema::compiled(text, references).map_err(|why| format!("it is no Protobuf schema: {why}"))?;
    let found = match message {
        None => file.messages().next(),
        Some(name) => {
            let full = format!("{}.{name}", file.package_name());
            pool.get_message_by_name(name).or_else(|| pool.get_message_by_name(&full))
        }
    };
    let Some(found) = found else {
        let names: Vec<String> = file.messages().map(|message| message.name().to_owned()).collect();
        return Err(match message {
            Some(name) => format!("there is no message {name}; there are {}", names.join(", ")),
            None => "it has no message".to_owned(),
        });
    };
    if message.is_none() {
        for other in file.messages().skip(1) {
            // What the first holds is said with it.
            if !pool.all_messages().any(|message| message.fields().any(|field| holds(&field, &other))) {
                unsaid.tell("", format!("the message {} is not said: ask for it by its name", other.name()));
            }
        }
    }
    let mut reader = Reader { open: Vec::new(), count: 0, unsaid };
    let fields = reader.message(&found, "")?;
    let package = file.package_name();
    let custom = (!package.is_empty()).then(|| ("protobuf.package".to_owned(), package.into()));
    let object = Object {
        name: found.name().to_owned(),
        text: comment(&found.parent_file(), found.path()),
        custom: custom.into_iter().collect(),
        fields,
        ..Object::default()
    };
    Ok(Outline {
        id: found.full_name().to_owned(),
        name: Some(found.name().to_owned()),
        objects: vec![object],
        ..Outline::default()
    })
}

fn holds(field: &FieldDescriptor, message: &MessageDescriptor) -> bool {
    matches!(field.kind(), Kind::Message(of) if of == *message)
}

struct Reader<'s> {
    /// Messages that are being read: one within itself has no end.
    open: Vec<String>,
    count: usize,
    unsaid: &'s mut Unsaid,
}

impl Reader<'_> {
    fn message(&mut self, message: &MessageDescriptor, at: &str) -> Result<Vec<Field>, String> {
        self.open.push(message.full_name().to_owned());
        for oneof in message.oneofs().filter(|oneof| !oneof.is_synthetic()) {
            let names: Vec<String> = oneof.fields().map(|field| field.name().to_owned()).collect();
            self.unsaid.tell(at, format!("that only one of {} is there is not said", names.join(", ")));
        }
        // As they are written, not as they are numbered.
        let mut fields: Vec<FieldDescriptor> = message.fields().collect();
        fields.sort_by_key(|field| field.path().last().copied());
        let fields = fields.iter().map(|field| self.field(field, at)).collect();
        self.open.pop();
        fields
    }

    fn field(&mut self, of: &FieldDescriptor, at: &str) -> Result<Field, String> {
        self.count += 1;
        if self.count > FIELDS_MAX {
            return Err(format!("it has more than {FIELDS_MAX} fields"));
        }
        let at = below(at, of.name());
        let text = comment(&of.parent_message().parent_file(), of.path());
        let named = |field: Field| Field { name: of.name().to_owned(), text: text.clone(), ..field };
        if of.is_map() {
            let Kind::Message(entry) = of.kind() else { return Ok(named(Field::of(LogicalType::Object))) };
            let value = entry.map_entry_value_field();
            let physical_type = match value.kind() {
                Kind::Message(_) | Kind::Enum(_) => {
                    self.unsaid.tell(&at, "what the values of the map are is not said");
                    "map".to_owned()
                }
                kind => format!("map<{kind:?}>"),
            };
            return Ok(named(Field { physical_type: Some(physical_type), ..Field::of(LogicalType::Object) }));
        }
        if of.is_list() {
            let items = Field { required: true, ..self.of_kind(of, &below(&at, ""))? };
            return Ok(named(Field { items: Some(Box::new(items)), ..Field::of(LogicalType::Array) }));
        }
        let field = self.of_kind(of, &at)?;
        Ok(Field { required: of.cardinality() == Cardinality::Required, ..named(field) })
    }

    fn of_kind(&mut self, of: &FieldDescriptor, at: &str) -> Result<Field, String> {
        let typed = |logical, physical: &str| Field { physical_type: Some(physical.to_owned()), ..Field::of(logical) };
        let whole = |physical: &str, width: &str| Field {
            options: vec![("format".to_owned(), width.into())],
            ..typed(LogicalType::Integer, physical)
        };
        Ok(match of.kind() {
            Kind::Double => typed(LogicalType::Number, "double"),
            Kind::Float => typed(LogicalType::Number, "float"),
            Kind::Int32 => whole("int32", "i32"),
            Kind::Sint32 => whole("sint32", "i32"),
            Kind::Sfixed32 => whole("sfixed32", "i32"),
            Kind::Int64 => whole("int64", "i64"),
            Kind::Sint64 => whole("sint64", "i64"),
            Kind::Sfixed64 => whole("sfixed64", "i64"),
            Kind::Uint32 => whole("uint32", "u32"),
            Kind::Fixed32 => whole("fixed32", "u32"),
            Kind::Uint64 => whole("uint64", "u64"),
            Kind::Fixed64 => whole("fixed64", "u64"),
            Kind::Bool => Field::of(LogicalType::Boolean),
            Kind::String => Field::of(LogicalType::String),
            Kind::Bytes => typed(LogicalType::String, "bytes"),
            Kind::Enum(symbols) => Field {
                values: symbols.values().map(|value| value.name().into()).collect(),
                ..typed(LogicalType::String, "enum")
            },
            Kind::Message(message) => self.nested(&message, at)?,
        })
    }

    fn nested(&mut self, message: &MessageDescriptor, at: &str) -> Result<Field, String> {
        let name = message.full_name();
        let typed = |logical| Field { physical_type: Some(name.to_owned()), ..Field::of(logical) };
        Ok(match Known::named(name) {
            Known::Timestamp => {
                Field { options: vec![("timezone".to_owned(), true.into())], ..typed(LogicalType::Timestamp) }
            }
            Known::Date => typed(LogicalType::Date),
            Known::Duration | Known::FieldMask => typed(LogicalType::String),
            Known::Decimal => typed(LogicalType::Number),
            Known::Struct => typed(LogicalType::Object),
            Known::List => typed(LogicalType::Array),
            Known::Value => Field { physical_type: Some(name.to_owned()), ..Field::default() },
            Known::Wrapper => match message.get_field(1) {
                Some(value) => Field { physical_type: Some(name.to_owned()), ..self.of_kind(&value, at)? },
                None => Field::default(),
            },
            Known::Message if self.open.iter().any(|open| open == name) || self.open.len() >= DEPTH_MAX => {
                self.unsaid.tell(at, format!("{name} holds itself: the fields of the inner one are not said"));
                Field::of(LogicalType::Object)
            }
            Known::Message => Field { fields: self.message(message, at)?, ..Field::of(LogicalType::Object) },
        })
    }
}

/// The comment before what stands at this path, else the one behind it.
pub fn comment(file: &FileDescriptor, path: &[i32]) -> Option<String> {
    let places = file.file_descriptor_proto().source_code_info.as_ref()?;
    let place = places.location.iter().find(|place| place.path == path)?;
    let text = place.leading_comments.as_deref().or(place.trailing_comments.as_deref())?;
    let lines: Vec<&str> = text.lines().map(str::trim).collect();
    let text = lines.join("\n").trim().to_owned();
    (!text.is_empty()).then_some(text)
}
