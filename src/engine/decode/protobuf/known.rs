//! Messages that stand for one value: what Protobuf's own JSON writes as such, and decimals as Kafka Connect writes them.

use crate::engine::decode::avro::decimal;
use crate::engine::decode::moment::Stamp;
use crate::engine::decode::protobuf::wire::{Content, Wire, zigzag};
use crate::engine::decode::reason::Reason;
use crate::engine::decode::tree::{Node, Span};
use std::fmt::Write;

/// What a message is by its full name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Known {
    /// A message of fields.
    #[default]
    Message,
    /// `google.protobuf.Timestamp`.
    Timestamp,
    /// `google.protobuf.Duration`: as text, `1.5s`.
    Duration,
    /// `google.protobuf.Int32Value` and its like: its field 1.
    Wrapper,
    /// `google.protobuf.Struct`: an object.
    Struct,
    /// `google.protobuf.Value`: anything that JSON has.
    Value,
    /// `google.protobuf.ListValue`: an array.
    List,
    /// `google.protobuf.FieldMask`: as text, its paths with commas between them.
    FieldMask,
    /// `google.type.Date`.
    Date,
    /// `confluent.type.Decimal`.
    Decimal,
}

impl Known {
    pub fn named(full_name: &str) -> Known {
        match full_name {
            "google.protobuf.Timestamp" => Known::Timestamp,
            "google.protobuf.Duration" => Known::Duration,
            "google.protobuf.Struct" => Known::Struct,
            "google.protobuf.Value" => Known::Value,
            "google.protobuf.ListValue" => Known::List,
            "google.protobuf.FieldMask" => Known::FieldMask,
            "google.type.Date" => Known::Date,
            "confluent.type.Decimal" => Known::Decimal,
            wrapper if is_wrapper(wrapper) => Known::Wrapper,
            _ => Known::Message,
        }
    }
}

fn is_wrapper(full_name: &str) -> bool {
    let kind = full_name.strip_prefix("google.protobuf.").and_then(|name| name.strip_suffix("Value"));
    let kinds = ["Double", "Float", "Int64", "UInt64", "Int32", "UInt32", "Bool", "String", "Bytes"];
    kind.is_some_and(|kind| kinds.contains(&kind))
}

/// The last content of each of the first three fields, whatever form it has.
fn contents(bytes: &[u8]) -> Result<[Content; 3], Reason> {
    let (mut found, mut wire) = ([Content::default(); 3], Wire::new(bytes));
    while !wire.is_done() {
        let (number, form) = wire.tag()?;
        let content = wire.content(number, form)?;
        if let Some(slot) = found.get_mut(number as usize - 1) {
            *slot = content;
        }
    }
    Ok(found)
}

/// Seconds and nanoseconds since 1970. What is beyond the years that 64 bits of nanoseconds reach (1677 to 2262) is told to
/// the microsecond; what is beyond all years becomes a moment that is none.
pub(in crate::engine::decode) fn timestamp(bytes: &[u8]) -> Result<Node, Reason> {
    let [seconds, nanos, _] = contents(bytes)?.map(|content| content.bits as i64);
    let nanos = i64::from(nanos as i32);
    let of = |unit: i64, part: i64| seconds.checked_mul(unit)?.checked_add(part);
    Ok(match (nanos, of(1_000_000_000, nanos), of(1_000_000, nanos.div_euclid(1_000))) {
        (_, Some(count), _) => Node::Moment(Stamp::TimestampNanos, count),
        (_, None, Some(count)) => Node::Moment(Stamp::TimestampMicros, count),
        _ => Node::Moment(Stamp::TimestampMillis, if seconds < 0 { i64::MIN } else { i64::MAX }),
    })
}

/// `-1.500s`, with as many digits as it needs.
pub(in crate::engine::decode) fn duration(bytes: &[u8], texts: &mut String) -> Result<Node, Reason> {
    let [seconds, nanos, _] = contents(bytes)?.map(|content| content.bits as i64);
    let nanos = i64::from(nanos as i32);
    let total = i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    let (sign, total) = (if total < 0 { "-" } else { "" }, total.unsigned_abs());
    let from = texts.len() as u32;
    let _ = write!(texts, "{sign}{}", total / 1_000_000_000);
    match total % 1_000_000_000 {
        0 => {}
        nanos if nanos % 1_000_000 == 0 => drop(write!(texts, ".{:03}", nanos / 1_000_000)),
        nanos if nanos % 1_000 == 0 => drop(write!(texts, ".{:06}", nanos / 1_000)),
        nanos => drop(write!(texts, ".{nanos:09}")),
    }
    texts.push('s');
    Ok(Node::Text(Span { from, to: texts.len() as u32 }))
}

/// A day of the proleptic Gregorian calendar; one that is none becomes a moment that is none.
pub(in crate::engine::decode) fn date(bytes: &[u8]) -> Result<Node, Reason> {
    let [year, month, day] = contents(bytes)?.map(|content| content.bits as i32);
    let narrow = |part: i32| i8::try_from(part).ok();
    let civil = i16::try_from(year).ok().and_then(|year| {
        let date = jiff::civil::Date::new(year, narrow(month)?, narrow(day)?).ok()?;
        Some(date.duration_since(jiff::civil::date(1970, 1, 1)).as_secs() / 86_400)
    });
    Ok(Node::Moment(Stamp::Date, civil.unwrap_or(i64::MAX)))
}

/// An unscaled number of two's complement in field 1, its scale in field 3.
pub(in crate::engine::decode) fn decimal(bytes: &[u8], texts: &mut String) -> Result<Node, Reason> {
    let [unscaled, _, scale] = contents(bytes)?;
    let from = texts.len() as u32;
    let unscaled = bytes.get(unscaled.from as usize..unscaled.to as usize).unwrap_or_default();
    Ok(match decimal::write(unscaled, i64::from(scale.bits as i32), texts)? {
        Some(int) => Node::Int(int),
        None => Node::Decimal(Span { from, to: texts.len() as u32 }),
    })
}

/// Every path of field 1, with commas between them.
pub(in crate::engine::decode) fn field_mask(bytes: &[u8], texts: &mut String) -> Result<Node, Reason> {
    let (begun, mut wire) = (texts.len(), Wire::new(bytes));
    while !wire.is_done() {
        let (number, form) = wire.tag()?;
        let content = wire.content(number, form)?;
        if number == 1 {
            let path = bytes.get(content.from as usize..content.to as usize).unwrap_or_default();
            texts.push_str(if texts.len() > begun { "," } else { "" });
            texts.push_str(std::str::from_utf8(path).map_err(|_| Reason::NotUtf8)?);
        }
    }
    Ok(Node::Text(Span { from: begun as u32, to: texts.len() as u32 }))
}

/// A message's index path before the message: a count and so many indexes, all zigzag; a count of 0 is the first message.
/// Returns the path and the length of what was read.
pub fn message_path(bytes: &[u8]) -> Result<(Vec<i32>, usize), Reason> {
    let mut wire = Wire::new(bytes);
    let mut next = || wire.varint().map(zigzag);
    let count = next()?;
    let path = match count {
        0 => vec![0],
        // As deep as messages may be nested.
        1..=64 => (0..count)
            .map(|_| next().and_then(|index| i32::try_from(index).map_err(|_| Reason::WrongMessageIndex)))
            .collect::<Result<_, _>>()?,
        _ => return Err(Reason::WrongMessageIndex),
    };
    Ok((path, wire.at))
}
