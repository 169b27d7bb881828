//! An object of a contract as an Avro schema (specification 1.12).

use crate::engine::contract::exchange::export::names::{Names, is_identifier, type_name};
use crate::engine::contract::exchange::export::outline::tell_lost;
use crate::engine::contract::exchange::import::avro::PRIMITIVES;
use crate::engine::contract::exchange::outline::{Field, Object, below};
use crate::engine::contract::exchange::tree::{Entries, Tree};
use crate::engine::contract::exchange::unsaid::Unsaid;
use crate::engine::contract::model::LogicalType;

pub fn schema(object: &Object, unsaid: &mut Unsaid) -> Tree {
    let namespace =
        object.custom.iter().find(|(name, _)| name == "avro.namespace").and_then(|(_, value)| value.as_text());
    let namespace = namespace.filter(|space| space.split('.').all(is_identifier));
    if !object.quality.is_empty() {
        unsaid.tell("", "quality of the object: not said");
    }
    let mut writer = Writer { types: Names::default(), unsaid };
    let name = writer.types.legal(&object.name, "", writer.unsaid);
    Entries::default()
        .with("type", "record")
        .with("name", name)
        .maybe("namespace", namespace)
        .maybe("doc", object.text.clone().or(object.title.clone()))
        .with("fields", writer.fields(&object.fields, ""))
        .into()
}

struct Writer<'u> {
    /// Of records, enums and fixed: each is defined once.
    types: Names,
    unsaid: &'u mut Unsaid,
}

impl Writer<'_> {
    fn fields(&mut self, fields: &[Field], at: &str) -> Vec<Tree> {
        let mut names = Names::default();
        fields.iter().map(|field| self.field(field, &mut names, &below(at, &field.name))).collect()
    }

    fn field(&mut self, field: &Field, names: &mut Names, at: &str) -> Tree {
        let name = names.legal(field.physical_name.as_deref().unwrap_or(&field.name), at, self.unsaid);
        let kind = self.kind(field, at);
        let (kind, default) = match field.required || kind == Tree::from("null") {
            true => (kind, None),
            false => (Tree::List(vec!["null".into(), kind]), Some(Tree::Null)),
        };
        Entries::default()
            .with("name", name)
            .with("type", kind)
            .maybe("doc", field.text.clone())
            .maybe("default", default)
            .maybe("confluent:tags", Some(field.tags.clone()))
            .into()
    }

    /// Without null.
    fn kind(&mut self, field: &Field, at: &str) -> Tree {
        let physical = field.physical_type.as_deref().unwrap_or_default();
        let logical =
            |base: &str, name: &str| Tree::from(Entries::default().with("type", base).with("logicalType", name));
        let mut said: &[&str] = &[];
        let zoned = field.option("timezone") != Some(&Tree::Bool(false));
        let by_format = |field: &Field| field.option("format").and_then(Tree::as_text).map(str::to_owned);
        let kind: Tree = match field.logical {
            Some(LogicalType::String) if self.is_enum(field) => {
                let symbols: Vec<&str> = field.values.iter().filter_map(Tree::as_text).collect();
                let name = self.types.free(&type_name(at));
                tell_lost(field, at, &[], &["tags"], self.unsaid);
                return Entries::default().with("type", "enum").with("name", name).with("symbols", symbols).into();
            }
            Some(LogicalType::String) if by_format(field).as_deref() == Some("uuid") => {
                said = &["format"];
                logical("string", "uuid")
            }
            Some(LogicalType::String) => match fixed_size(physical) {
                Some(size) => {
                    let name = self.types.free(&type_name(at));
                    Entries::default().with("type", "fixed").with("name", name).with("size", size).into()
                }
                None => (if physical == "bytes" { "bytes" } else { "string" }).into(),
            },
            Some(LogicalType::Date | LogicalType::Timestamp | LogicalType::Time) if by_format(field).is_some() => {
                // Text of a form of its own.
                "string".into()
            }
            Some(LogicalType::Date) => logical("int", "date"),
            Some(LogicalType::Time) if physical == "time-micros" => logical("long", "time-micros"),
            Some(LogicalType::Time) => logical("int", "time-millis"),
            Some(LogicalType::Timestamp) => {
                said = &["timezone"];
                let known = ["timestamp-micros", "timestamp-nanos", "local-timestamp-micros", "local-timestamp-nanos"];
                let default = if zoned { "timestamp-millis" } else { "local-timestamp-millis" };
                logical("long", known.into_iter().find(|known| *known == physical).unwrap_or(default))
            }
            Some(LogicalType::Integer) => {
                let format = by_format(field).unwrap_or_default();
                said = if ["i32", "i64"].contains(&format.as_str()) { &["format"] } else { &[] };
                let small = physical == "int" || ["i8", "i16", "i32", "u8", "u16"].contains(&format.as_str());
                (if small { "int" } else { "long" }).into()
            }
            Some(LogicalType::Number) => match decimal(physical) {
                Some((precision, scale)) => Entries::default()
                    .with("type", "bytes")
                    .with("logicalType", "decimal")
                    .with("precision", precision)
                    .with("scale", scale)
                    .into(),
                None => {
                    said = &["format"];
                    let small = physical == "float" || by_format(field).as_deref() == Some("f32");
                    (if small { "float" } else { "double" }).into()
                }
            },
            Some(LogicalType::Boolean) => "boolean".into(),
            Some(LogicalType::Object) => {
                let name = self.types.free(&type_name(at));
                if field.fields.is_empty() {
                    self.unsaid.tell(at, "its fields are not said by the contract: it is an empty record");
                }
                let fields = self.fields(&field.fields, at);
                Entries::default().with("type", "record").with("name", name).with("fields", fields).into()
            }
            Some(LogicalType::Array | LogicalType::Vector) => {
                let items = self.inner(field, at, LogicalType::Number);
                Entries::default().with("type", "array").with("items", items).into()
            }
            Some(LogicalType::Map) => {
                let values = self.inner(field, at, LogicalType::String);
                Entries::default().with("type", "map").with("values", values).into()
            }
            None if PRIMITIVES.contains(&physical) => physical.into(),
            None => {
                self.unsaid.tell(at, "the contract says no type: it is a string");
                "string".into()
            }
        };
        if !field.values.is_empty() {
            self.unsaid.tell(at, "the list of its values is not said: they are no symbols");
        }
        tell_lost(field, at, said, &["tags"], self.unsaid);
        kind
    }

    /// What an array or a map holds.
    fn inner(&mut self, field: &Field, at: &str, otherwise: LogicalType) -> Tree {
        let at = field.within(at);
        match field.items.as_deref() {
            Some(items) => {
                let kind = self.kind(items, &at);
                if items.required { kind } else { Tree::List(vec!["null".into(), kind]) }
            }
            None => {
                let kind = if otherwise == LogicalType::Number { "double" } else { "string" };
                self.unsaid.tell(&at, format!("the contract does not say what it holds: it is a {kind}"));
                kind.into()
            }
        }
    }

    fn is_enum(&self, field: &Field) -> bool {
        let is_symbol = |value: &Tree| value.as_text().is_some_and(is_identifier);
        let distinct = field.values.iter().enumerate().all(|(place, value)| !field.values[..place].contains(value));
        !field.values.is_empty() && field.values.iter().all(is_symbol) && distinct
    }
}

fn fixed_size(physical: &str) -> Option<i64> {
    physical.strip_prefix("fixed(")?.strip_suffix(')')?.parse().ok().filter(|size| *size >= 0)
}

/// `decimal(9,2)`; also `numeric`, and without a scale.
pub fn decimal(physical: &str) -> Option<(i64, i64)> {
    let inner = physical.strip_prefix("decimal(").or(physical.strip_prefix("numeric("))?.strip_suffix(')')?;
    let (precision, scale) = inner.split_once(',').unwrap_or((inner, "0"));
    let (precision, scale) = (precision.trim().parse().ok()?, scale.trim().parse().ok()?);
    (precision > 0 && (0..=precision).contains(&scale)).then_some((precision, scale))
}
