//! A field's default, JSON in the reader's schema, in Avro's binary encoding: then a default is read like what was
//! written.

use crate::engine::decode::avro::compile::Compiler;
use crate::engine::decode::json::MAX_DEPTH;
use apache_avro::Schema;
use apache_avro::schema::{InnerDecimalSchema, RecordField, UuidSchema};
use serde_json::Value as Json;

/// Values in one default. A hundred times more than anybody writes.
const VALUES_MAX: usize = 100_000;

impl<'s> Compiler<'s> {
    /// `None`: there is none, or it is no value of its field.
    pub fn default_of(&self, field: &'s RecordField) -> Option<Vec<u8>> {
        let mut out = Vec::new();
        self.encode(&field.schema, field.default.as_ref()?, MAX_DEPTH, &mut { VALUES_MAX }, &mut out)?;
        Some(out)
    }

    /// Recursion follows the JSON text, but a record that lacks a field takes the field's own default, which may hold such
    /// records again: so its depth is bounded as that of records is, and `left` values are looked at in all.
    fn encode(&self, schema: &'s Schema, json: &Json, depth: usize, left: &mut usize, out: &mut Vec<u8>) -> Option<()> {
        let depth = depth.checked_sub(1)?;
        *left = left.checked_sub(1)?;
        let schema = self.wanted.look_up(schema).ok()?;
        match (schema, json) {
            (Schema::Null, Json::Null) => {}
            (Schema::Boolean, Json::Bool(is)) => out.push(u8::from(*is)),
            (Schema::Int | Schema::Date | Schema::TimeMillis, json) => {
                long(i32::try_from(json.as_i64()?).ok()?.into(), out);
            }
            (
                Schema::Long
                | Schema::TimeMicros
                | Schema::TimestampMillis
                | Schema::TimestampMicros
                | Schema::TimestampNanos
                | Schema::LocalTimestampMillis
                | Schema::LocalTimestampMicros
                | Schema::LocalTimestampNanos,
                json,
            ) => long(json.as_i64()?, out),
            (Schema::Float, json) => out.extend((json.as_f64()? as f32).to_le_bytes()),
            (Schema::Double, json) => out.extend(json.as_f64()?.to_le_bytes()),
            (Schema::String | Schema::Uuid(UuidSchema::String), Json::String(text)) => sized(text.as_bytes(), out),
            (Schema::Bytes | Schema::BigDecimal | Schema::Uuid(UuidSchema::Bytes), Json::String(text)) => {
                sized(&code_points(text)?, out);
            }
            (Schema::Decimal(decimal), Json::String(text)) => match &decimal.inner {
                InnerDecimalSchema::Bytes => sized(&code_points(text)?, out),
                InnerDecimalSchema::Fixed(fixed) => exactly(fixed.size, &code_points(text)?, out)?,
            },
            (
                Schema::Fixed(fixed) | Schema::Duration(fixed) | Schema::Uuid(UuidSchema::Fixed(fixed)),
                Json::String(text),
            ) => exactly(fixed.size, &code_points(text)?, out)?,
            (Schema::Enum(of), Json::String(text)) => {
                long(of.symbols.iter().position(|symbol| symbol == text)? as i64, out);
            }
            (Schema::Array(array), Json::Array(items)) => {
                block(items.len(), out);
                items.iter().try_for_each(|item| self.encode(&array.items, item, depth, left, out))?;
                out.push(0);
            }
            (Schema::Map(map), Json::Object(entries)) => {
                block(entries.len(), out);
                for (key, value) in entries {
                    sized(key.as_bytes(), out);
                    self.encode(&map.types, value, depth, left, out)?;
                }
                out.push(0);
            }
            // By the letter, of the first branch; since 1.12 of any that it fits.
            (Schema::Union(union), json) => {
                let from = out.len();
                let branch = |(i, branch)| {
                    out.truncate(from);
                    long(i as i64, out);
                    self.encode(branch, json, depth, left, out)
                };
                union.variants().iter().enumerate().find_map(branch)?;
            }
            (Schema::Record(record), Json::Object(members)) => {
                for field in &record.fields {
                    self.encode(&field.schema, members.get(&field.name).or(field.default.as_ref())?, depth, left, out)?;
                }
            }
            _ => return None,
        }
        Some(())
    }
}

fn long(n: i64, out: &mut Vec<u8>) {
    let mut zigzag = ((n << 1) ^ (n >> 63)) as u64;
    while zigzag >= 0x80 {
        out.push(zigzag as u8 | 0x80);
        zigzag >>= 7;
    }
    out.push(zigzag as u8);
}

fn sized(bytes: &[u8], out: &mut Vec<u8>) {
    long(bytes.len() as i64, out);
    out.extend_from_slice(bytes);
}

fn exactly(size: usize, bytes: &[u8], out: &mut Vec<u8>) -> Option<()> {
    (bytes.len() == size).then(|| out.extend_from_slice(bytes))
}

/// One block of all items, where there are any; an empty block would be the end already.
fn block(items: usize, out: &mut Vec<u8>) {
    if items > 0 {
        long(items as i64, out);
    }
}

/// Bytes stand in JSON as the code points 0 to 255.
fn code_points(text: &str) -> Option<Vec<u8>> {
    text.chars().map(|c| u8::try_from(u32::from(c)).ok()).collect()
}
