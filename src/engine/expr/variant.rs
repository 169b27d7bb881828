//! Confluent's variants: values that carry their own types, in Spark's binary form or parsed from JSON, as its Java client reads them
//! (`BuiltinOverload`, `VariantUtils`, `VariantPath` of `schema-rules`; Apache Parquet's *Variant Binary Encoding*).

pub mod binary; // the binary form
pub mod json; // as text
pub mod path; // $.a[0].b

use crate::engine::decode;
use crate::engine::decode::names::Names;
use crate::engine::decode::number::Number;
use crate::engine::decode::tree::{Kind, Tree, Value};
use crate::engine::expr::decimal::Decimal;
use crate::engine::expr::time;
use crate::engine::expr::value::{BAD_ARGUMENT, Error, NO_OVERLOAD, Val};
use std::ops::RangeInclusive;
use std::rc::Rc;

/// One value, with what it holds.
#[derive(Debug)]
pub enum Variant {
    Null,
    Bool(bool),
    Int(i64),
    Float(f32),
    Double(f64),
    Decimal(Decimal),
    /// Days since 1970.
    Date(i32),
    /// Microseconds since midnight.
    Time(i64),
    /// Nanoseconds since 1970, with a zone or without one.
    Timestamp {
        nanos: i128,
        zoned: bool,
    },
    Text(Box<str>),
    Bytes(Box<[u8]>),
    Uuid(u128),
    Array(Box<[Rc<Variant>]>),
    Object(Box<[(Box<str>, Rc<Variant>)]>),
}

/// A function of variants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Operation {
    /// `variant(x)`, `variant(value, metadata)`.
    Of,
    ParseJson,
    TryParseJson,
    Type,
    IsNull,
    Path,
    ToJson,
    Field,
    Element,
    As,
    TryAs,
}

/// By its name, with how many arguments it takes.
pub fn function(name: &str) -> Option<(Operation, RangeInclusive<usize>)> {
    Some(match name {
        "variant" => (Operation::Of, 1..=2),
        "variants.parseJson" => (Operation::ParseJson, 1..=1),
        "variants.tryParseJson" => (Operation::TryParseJson, 1..=1),
        "variants.type" => (Operation::Type, 1..=1),
        "variants.isNull" => (Operation::IsNull, 1..=1),
        "variants.toJson" => (Operation::ToJson, 1..=1),
        "variants.path" => (Operation::Path, 2..=2),
        "variants.field" => (Operation::Field, 2..=2),
        "variants.elem" => (Operation::Element, 2..=2),
        "variants.as" => (Operation::As, 2..=2),
        "variants.tryAs" => (Operation::TryAs, 2..=2),
        _ => return None,
    })
}

/// Calls a function. Where there is nothing at a place it is null, which is not a variant that is null.
pub fn apply<'a>(operation: Operation, first: Val<'a>, second: Option<Val<'a>>) -> Result<Val<'a>, Error> {
    let found = |found: Option<Rc<Variant>>| found.map_or(Val::Null, Val::Variant);
    match (operation, first, second) {
        (Operation::Of, Val::Null, None) => Ok(Val::Null),
        (Operation::Of, whole @ Val::Variant(_), None) => Ok(whole),
        (Operation::Of, holder @ (Val::Members(_) | Val::Map(_)), None) => {
            let part = |name: &'static str| holder.member(&Val::text(name));
            match (part("value"), part("metadata")) {
                (Some(Val::Bytes(value)), Some(Val::Bytes(metadata))) => of(&value, &metadata),
                _ => Err(BAD_ARGUMENT),
            }
        }
        (Operation::Of, Val::Bytes(value), Some(Val::Bytes(metadata))) => of(&value, &metadata),
        (Operation::ParseJson, Val::Text(text), None) => parse(&text).map(|of| Val::Variant(Rc::new(of))),
        (Operation::TryParseJson, Val::Text(text), None) => Ok(found(parse(&text).ok().map(Rc::new))),
        (Operation::Type, Val::Variant(of), None) => Ok(Val::text(of.type_name())),
        (Operation::IsNull, of, None) => Ok(Val::Bool(matches!(of, Val::Variant(of) if matches!(*of, Variant::Null)))),
        (Operation::ToJson, Val::Null, None) => Ok(Val::Null),
        (Operation::ToJson, Val::Variant(of), None) => json::write(&of).map(Val::text),
        (Operation::Path, of, Some(Val::Text(text))) => {
            let steps = path::parse(&text)?;
            match of {
                Val::Null => Ok(Val::Null),
                Val::Variant(of) => Ok(found(path::walk(of, &steps))),
                _ => Err(NO_OVERLOAD),
            }
        }
        (Operation::Field | Operation::Element | Operation::As | Operation::TryAs, Val::Null, Some(_)) => Ok(Val::Null),
        (Operation::Field, Val::Variant(of), Some(Val::Text(name))) => Ok(found(of.field(&name))),
        (Operation::Element, Val::Variant(of), Some(Val::Int(at))) => {
            Ok(found(usize::try_from(at).ok().and_then(|at| of.element(at))))
        }
        (Operation::As | Operation::TryAs, Val::Variant(of), Some(Val::Text(kind))) => {
            // These it cannot be given as, and says so whatever is asked.
            if ["object", "array", "null", "date", "time", "uuid"].contains(&kind.as_ref()) {
                return Err(BAD_ARGUMENT);
            }
            match (of.given_as(&kind)?, operation) {
                (Some(value), _) => Ok(value),
                (None, Operation::TryAs) => Ok(Val::Null),
                (None, _) => Err(BAD_ARGUMENT),
            }
        }
        _ => Err(NO_OVERLOAD),
    }
}

/// What has to be read of an argument, beside what it shows.
pub fn held_bytes(of: &Val<'_>) -> usize {
    match of.member(&Val::text("value")) {
        Some(Val::Bytes(bytes)) => bytes.len(),
        _ => 0,
    }
}

fn of<'a>(value: &[u8], metadata: &[u8]) -> Result<Val<'a>, Error> {
    binary::read(value, metadata).map(|of| Val::Variant(Rc::new(of))).ok_or(BAD_ARGUMENT)
}

/// A text of JSON. A number with a fraction or an exponent is a double.
fn parse(text: &str) -> Result<Variant, Error> {
    let mut tree = Tree::default();
    let value = decode::json::value(&mut tree, &mut Names::of(&Default::default()), text.as_bytes());
    of_json(value.map_err(|_| BAD_ARGUMENT)?)
}

/// Recursion goes as deep as the decoder lets records be.
fn of_json(value: Value<'_>) -> Result<Variant, Error> {
    Ok(match value.kind() {
        Kind::Null => Variant::Null,
        Kind::Bool(b) => Variant::Bool(b),
        Kind::Number(Number::Int(i)) => Variant::Int(i),
        Kind::Number(Number::Unsigned(u)) => Variant::Decimal(Decimal::read(&u.to_string())?),
        Kind::Number(Number::Decimal(text)) if !text.contains(['.', 'e', 'E']) => {
            Variant::Decimal(Decimal::read(text)?)
        }
        Kind::Number(other) => Variant::Double(other.as_f64()),
        Kind::Text(text) => Variant::Text(text.into()),
        // JSON has none of these.
        Kind::Bytes(_) | Kind::Moment(_) => return Err(BAD_ARGUMENT),
        Kind::Array(items) => Variant::Array(items.map(|item| of_json(item).map(Rc::new)).collect::<Result<_, _>>()?),
        Kind::Object(members) => {
            let member = |(name, of): (&str, Value<'_>)| Ok((Box::from(name), Rc::new(of_json(of)?)));
            let mut members = members.map(member).collect::<Result<Vec<(Box<str>, _)>, Error>>()?;
            // As the binary form has them, whatever the order of the text.
            members.sort_by(|(a, _), (b, _)| a.cmp(b));
            Variant::Object(members.into())
        }
    })
}

impl Variant {
    fn type_name(&self) -> &'static str {
        match self {
            Variant::Null => "null",
            Variant::Bool(_) => "boolean",
            Variant::Int(_) => "int",
            Variant::Float(_) | Variant::Double(_) => "double",
            Variant::Decimal(_) => "decimal",
            Variant::Date(_) => "date",
            Variant::Time(_) => "time",
            Variant::Timestamp { .. } => "timestamp",
            Variant::Text(_) => "string",
            Variant::Bytes(_) => "bytes",
            Variant::Uuid(_) => "uuid",
            Variant::Array(_) => "array",
            Variant::Object(_) => "object",
        }
    }

    fn field(&self, name: &str) -> Option<Rc<Variant>> {
        let Variant::Object(members) = self else { return None };
        members.iter().find(|(known, _)| **known == *name).map(|(_, of)| of.clone())
    }

    fn element(&self, at: usize) -> Option<Rc<Variant>> {
        let Variant::Array(items) = self else { return None };
        items.get(at).cloned()
    }

    /// `None`: it is of another type.
    fn given_as<'a>(&self, kind: &str) -> Result<Option<Val<'a>>, Error> {
        Ok(match (kind, self) {
            ("string", Variant::Text(text)) => Some(Val::text(text.to_string())),
            ("int", Variant::Int(i)) => Some(Val::Int(*i)),
            ("double", Variant::Double(d)) => Some(Val::Double(*d)),
            ("double", Variant::Float(f)) => Some(Val::Double(f64::from(*f))),
            ("boolean", Variant::Bool(b)) => Some(Val::Bool(*b)),
            ("decimal", Variant::Decimal(decimal)) => Some(Val::Decimal(Rc::new(decimal.clone()))),
            ("timestamp", Variant::Timestamp { nanos, .. }) => Some(time::timestamp(*nanos)?),
            ("bytes", Variant::Bytes(bytes)) => Some(Val::Bytes(bytes.to_vec().into())),
            _ => None,
        })
    }
}
