//! What a sample shows of a value: its kind and its size, and nothing of what it says.

use crate::engine::decode::moment::MomentKind;
use crate::engine::decode::tree::{Kind, Value};
use std::fmt;

/// Written as `text(12)`, `number`, `array(3)` …: lengths are characters, items or members.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mask {
    /// Nothing is there to be shown.
    Nothing,
    Null,
    Boolean,
    /// A number without a fraction.
    Integer,
    Number,
    Text(usize),
    Moment(MomentKind),
    Array(usize),
    Object(usize),
    /// A value of bytes, or a record that could not be decoded.
    Bytes(usize),
}

impl Mask {
    pub fn of(value: Value<'_>) -> Mask {
        match value.kind() {
            Kind::Null => Mask::Null,
            Kind::Bool(_) => Mask::Boolean,
            Kind::Number(number) if number.is_whole() => Mask::Integer,
            Kind::Number(_) => Mask::Number,
            Kind::Text(text) => Mask::Text(text.chars().count()),
            Kind::Bytes(bytes) => Mask::Bytes(bytes.len()),
            Kind::Moment(moment) => Mask::Moment(moment.kind),
            Kind::Array(items) => Mask::Array(items.len()),
            Kind::Object(members) => Mask::Object(members.len()),
        }
    }
}

impl fmt::Display for Mask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mask::Nothing => Ok(()),
            Mask::Null => f.write_str("null"),
            Mask::Boolean => f.write_str("boolean"),
            Mask::Integer => f.write_str("integer"),
            Mask::Number => f.write_str("number"),
            Mask::Text(characters) => write!(f, "text({characters})"),
            Mask::Moment(MomentKind::Date) => f.write_str("date"),
            Mask::Moment(MomentKind::Timestamp) => f.write_str("timestamp"),
            Mask::Moment(MomentKind::Time) => f.write_str("time"),
            Mask::Array(items) => write!(f, "array({items})"),
            Mask::Object(members) => write!(f, "object({members})"),
            Mask::Bytes(bytes) => write!(f, "bytes({bytes})"),
        }
    }
}
