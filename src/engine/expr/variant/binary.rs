//! The binary form of a variant (Apache Parquet, *Variant Binary Encoding*, version 1): a dictionary of names, and a value that
//! points into it.

use crate::engine::expr::decimal::Decimal;
use crate::engine::expr::variant::Variant;
use num_bigint::BigInt;
use std::rc::Rc;

/// As deep as records are read.
const DEPTH_MAX: usize = 64;

/// `None`: the bytes are no variant. It takes time as they are long, for offsets that overlap could ask for more.
pub fn read(value: &[u8], metadata: &[u8]) -> Option<Variant> {
    let mut reader = Reader { names: names(metadata)?, left: value.len() };
    reader.value(value, 0)
}

struct Reader<'b> {
    names: Vec<&'b str>,
    /// Values that may still be read: each takes a byte, where none is read twice.
    left: usize,
}

fn names(metadata: &[u8]) -> Option<Vec<&str>> {
    let (header, rest) = metadata.split_first()?;
    if header & 0x0f != 1 {
        return None;
    }
    let size = usize::from(header >> 6) + 1;
    let (count, rest) = number(rest, size)?;
    let (offsets, bytes) = rest.split_at_checked(count.checked_add(1)?.checked_mul(size)?)?;
    let offset = |at: usize| number(offsets.get(at * size..)?, size).map(|(offset, _)| offset);
    (0..count).map(|at| std::str::from_utf8(bytes.get(offset(at)?..offset(at + 1)?)?).ok()).collect()
}

/// A little-endian number of so many bytes, four at most, and what follows it.
fn number(bytes: &[u8], size: usize) -> Option<(usize, &[u8])> {
    let (number, rest) = bytes.split_at_checked(size)?;
    Some((number.iter().rev().fold(0, |sum, byte| sum << 8 | usize::from(*byte)), rest))
}

impl Reader<'_> {
    fn value(&mut self, bytes: &[u8], depth: usize) -> Option<Variant> {
        self.left = self.left.checked_sub(1)?;
        let (first, rest) = bytes.split_first()?;
        let header = first >> 2;
        match first & 0b11 {
            0 => primitive(header, rest),
            1 => Some(Variant::Text(text(rest.get(..usize::from(header))?)?)),
            _ if depth >= DEPTH_MAX => None,
            2 => {
                let (offset_size, id_size) = (usize::from(header & 0b11) + 1, usize::from(header >> 2 & 0b11) + 1);
                let (count, rest) = number(rest, if header >> 4 & 1 == 1 { 4 } else { 1 })?;
                let (ids, rest) = rest.split_at_checked(count.checked_mul(id_size)?)?;
                let values = self.each(count, offset_size, rest, depth)?;
                let name = |at: usize| self.names.get(number(ids.get(at * id_size..)?, id_size)?.0).copied();
                let members = values.into_iter().enumerate().map(|(at, of)| Some((Box::from(name(at)?), of)));
                Some(Variant::Object(members.collect::<Option<_>>()?))
            }
            _ => {
                let (count, rest) = number(rest, if header >> 2 & 1 == 1 { 4 } else { 1 })?;
                Some(Variant::Array(self.each(count, usize::from(header & 0b11) + 1, rest, depth)?.into()))
            }
        }
    }

    /// Offsets, one more than there are values, and the values.
    fn each(&mut self, count: usize, size: usize, rest: &[u8], depth: usize) -> Option<Vec<Rc<Variant>>> {
        let (offsets, values) = rest.split_at_checked(count.checked_add(1)?.checked_mul(size)?)?;
        let mut one = |at: usize| {
            let (offset, _) = number(offsets.get(at * size..)?, size)?;
            self.value(values.get(offset..)?, depth + 1).map(Rc::new)
        };
        (0..count).map(&mut one).collect()
    }
}

fn primitive(kind: u8, rest: &[u8]) -> Option<Variant> {
    let i64_of = |rest: &[u8]| rest.first_chunk().map(|bytes| i64::from_le_bytes(*bytes));
    let timestamp =
        |count: i64, unit_nanos: i128, zoned| Variant::Timestamp { nanos: i128::from(count) * unit_nanos, zoned };
    Some(match kind {
        0 => Variant::Null,
        1 => Variant::Bool(true),
        2 => Variant::Bool(false),
        3 => Variant::Int(i8::from_le_bytes(*rest.first_chunk()?).into()),
        4 => Variant::Int(i16::from_le_bytes(*rest.first_chunk()?).into()),
        5 => Variant::Int(i32::from_le_bytes(*rest.first_chunk()?).into()),
        6 => Variant::Int(i64_of(rest)?),
        7 => Variant::Double(f64::from_le_bytes(*rest.first_chunk()?)),
        8..=10 => {
            let (scale, unscaled) = rest.split_first()?;
            let unscaled = unscaled.get(..4 << (kind - 8))?;
            Variant::Decimal(Decimal::within(BigInt::from_signed_bytes_le(unscaled), (*scale).into()).ok()?)
        }
        11 => Variant::Date(i32::from_le_bytes(*rest.first_chunk()?)),
        12 | 13 => timestamp(i64_of(rest)?, 1_000, kind == 12),
        14 => Variant::Float(f32::from_le_bytes(*rest.first_chunk()?)),
        15 => Variant::Bytes(sized(rest)?.into()),
        16 => Variant::Text(text(sized(rest)?)?),
        17 => Variant::Time(i64_of(rest)?),
        18 | 19 => timestamp(i64_of(rest)?, 1, kind == 18),
        // The one number of the form that is written from its highest byte on.
        20 => Variant::Uuid(u128::from_be_bytes(*rest.first_chunk()?)),
        _ => return None,
    })
}

fn sized(rest: &[u8]) -> Option<&[u8]> {
    let (len, rest) = number(rest, 4)?;
    rest.get(..len)
}

fn text(bytes: &[u8]) -> Option<Box<str>> {
    std::str::from_utf8(bytes).ok().map(Box::from)
}
