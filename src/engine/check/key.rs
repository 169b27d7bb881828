//! Values as keyed 64-bit hashes: equal for equal values, however they are written, and of no use without the key.

use crate::engine::decode::number::Number;
use crate::engine::decode::tree::{Kind, Value};
use crate::engine::expr::value::Val;
use crate::engine::record::{Offset, Position};
use siphasher::sip::SipHasher24;
use std::hash::Hasher;

/// The uniqueness key of all workers; `Hashes` of one key agree.
#[derive(Clone, Copy)]
pub struct Hashes {
    start: SipHasher24,
}

impl std::fmt::Debug for Hashes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Hashes(…)")
    }
}

impl Hashes {
    pub fn new(key: &[u8; 16]) -> Hashes {
        Hashes { start: SipHasher24::new_with_key(key) }
    }

    /// Hashes of their own, which no hash of another scope can be compared with.
    pub fn within(&self, scope: u64) -> Hashes {
        let mut start = self.start;
        start.write(&[9]);
        start.write(&scope.to_le_bytes());
        Hashes { start }
    }

    /// Values in their order; types are told apart: text "1" is not the number 1, and 1 is 1.0.
    pub fn of<'a>(&self, values: impl IntoIterator<Item = Value<'a>>) -> u64 {
        let mut hasher = self.start;
        for value in values {
            self.add(&mut hasher, value);
        }
        hasher.finish()
    }

    /// Values that an expression computed, told apart as those of records are; containers are all one.
    pub fn values(&self, values: &[Val<'_>]) -> u64 {
        let mut hasher = self.start;
        for value in values {
            match value {
                Val::Bool(b) => hasher.write(&[1 + u8::from(*b)]),
                Val::Int(i) => write(&mut hasher, [&[3], &i128::from(*i).to_le_bytes(), &[]]),
                Val::Uint(u) => write(&mut hasher, [&[3], &i128::from(*u).to_le_bytes(), &[]]),
                Val::Double(d) => {
                    let number = Number::Float(*d);
                    hasher.write(&[3]);
                    number.canonical(|bytes| hasher.write(bytes));
                }
                Val::Fraction(text) => {
                    hasher.write(&[3]);
                    Number::Decimal(text).canonical(|bytes| hasher.write(bytes));
                }
                Val::Text(text) => write(&mut hasher, [&[4], &(text.len() as u64).to_le_bytes(), text.as_bytes()]),
                Val::Bytes(bytes) => write(&mut hasher, [&[7], &(bytes.len() as u64).to_le_bytes(), bytes]),
                Val::Timestamp(nanos) => write(&mut hasher, [&[8], &nanos.to_le_bytes(), &[]]),
                Val::Duration(nanos) => write(&mut hasher, [&[10], &nanos.to_le_bytes(), &[]]),
                Val::Null
                | Val::Decimal(_)
                | Val::Variant(_)
                | Val::Type(_)
                | Val::Items(_)
                | Val::List(_)
                | Val::Members(_)
                | Val::Map(_) => {
                    hasher.write(&[0]);
                }
            }
        }
        hasher.finish()
    }

    /// Where a record stands.
    pub fn place(&self, at: Position, offset: Offset) -> u64 {
        let mut hasher = self.start;
        write(&mut hasher, [&[11], &at.topic.0.to_le_bytes(), &at.partition.to_le_bytes()]);
        hasher.write(&offset.to_le_bytes());
        hasher.finish()
    }

    /// A name in two pieces; "a" and "b" are "ab".
    pub fn text(&self, prefix: &str, name: &str) -> u64 {
        let mut hasher = self.start;
        hasher.write(prefix.as_bytes());
        hasher.write(name.as_bytes());
        hasher.finish()
    }

    /// Each value begins with a tag below `-`, and what has no fixed length says its own or ends at the next tag: no
    /// two lists of values are the same bytes. It goes as deep as the decoder went.
    fn add(&self, hasher: &mut SipHasher24, value: Value<'_>) {
        match value.kind() {
            Kind::Null => hasher.write(&[0]),
            Kind::Bool(b) => hasher.write(&[1 + u8::from(b)]),
            Kind::Number(number) => match number.integer() {
                Some(whole) => write(hasher, [&[3], &whole.to_le_bytes(), &[]]),
                None => {
                    hasher.write(&[3]);
                    number.canonical(|bytes| hasher.write(bytes));
                }
            },
            Kind::Text(text) => write(hasher, [&[4], &(text.len() as u64).to_le_bytes(), text.as_bytes()]),
            Kind::Bytes(bytes) => write(hasher, [&[7], &(bytes.len() as u64).to_le_bytes(), bytes]),
            Kind::Moment(moment) => {
                hasher.write(&[8, moment.kind as u8, u8::from(moment.zoned)]);
                hasher.write(&moment.nanos.to_le_bytes());
            }
            Kind::Array(items) => {
                hasher.write(&[5]);
                hasher.write(&(items.len() as u64).to_le_bytes());
                items.for_each(|item| self.add(hasher, item));
            }
            Kind::Object(members) => {
                hasher.write(&[6]);
                hasher.write(&(members.len() as u64).to_le_bytes());
                // The order of members means nothing, so their hashes are added up.
                let sum = members.fold(0u64, |sum, (name, value)| {
                    let mut member = self.start;
                    member.write(&(name.len() as u64).to_le_bytes());
                    member.write(name.as_bytes());
                    self.add(&mut member, value);
                    sum.wrapping_add(member.finish())
                });
                hasher.write(&sum.to_le_bytes());
            }
        }
    }
}

/// The pieces as one: the hasher takes eight bytes at a time, and a piece that is no multiple of them costs it twice.
fn write(hasher: &mut SipHasher24, pieces: [&[u8]; 3]) {
    let mut together = [0; 64];
    let mut len = 0;
    for piece in pieces {
        let Some(room) = together.get_mut(len..len + piece.len()) else {
            hasher.write(&together[..len]);
            len = 0;
            hasher.write(piece);
            continue;
        };
        room.copy_from_slice(piece);
        len += piece.len();
    }
    hasher.write(&together[..len]);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::decode::json;
    use crate::engine::decode::names::Names;
    use crate::engine::decode::tree::Tree;

    fn hash(key: u8, text: &str) -> u64 {
        Hashes::new(&[key; 16]).of([json::value(
            &mut Tree::default(),
            &mut Names::of(&Default::default()),
            text.as_bytes(),
        )
        .expect(text)])
    }

    #[test]
    fn equal_values_have_one_hash_and_others_another() {
        for (a, b, equal) in [
            ("1", "1.0", true),
            ("100", "1e2", true),
            ("-0", "0.0", true),
            (r#""é""#, r#""\u00e9""#, true),
            (r#"{"a":1,"b":[2,null]}"#, r#"{ "b":[2.0,null], "a":1 }"#, true),
            ("1", "\"1\"", false),
            ("null", "\"\"", false),
            ("null", "false", false),
            ("[1,2]", "[2,1]", false),
            ("[1,[2]]", "[[1],2]", false),
            ("[12]", "[1,2]", false),
            (r#"["ab","c"]"#, r#"["a","bc"]"#, false),
            (r#"{"a":1,"b":2}"#, r#"{"a":2,"b":1}"#, false),
            (r#"{"a":null}"#, "{}", false),
            ("9007199254740992", "9007199254740993", false),
            ("0.1", "0.10000000000000000001", false),
        ] {
            assert_eq!(hash(1, a) == hash(1, b), equal, "{a} {b}");
        }
        assert_ne!(hash(1, "\"x\""), hash(2, "\"x\""));
    }

    #[test]
    fn a_value_has_another_hash_in_each_scope() {
        let hashes = Hashes::new(&[1; 16]);
        let of = |hashes: Hashes| {
            hashes.of([json::value(&mut Tree::default(), &mut Names::of(&Default::default()), b"7").expect("a number")])
        };
        assert_eq!(of(hashes.within(1)), of(hashes.within(1)));
        assert_ne!(of(hashes.within(1)), of(hashes.within(2)));
        assert_ne!(of(hashes.within(0)), of(hashes));
    }

    #[test]
    fn the_hash_is_the_same_in_every_build() {
        assert_eq!(hash(7, r#"{"id":"a-1","n":[1.5,true]}"#), PINNED);
    }

    /// Hashes of several workers and releases meet in one window.
    const PINNED: u64 = 15_514_102_396_400_996_697;
}
