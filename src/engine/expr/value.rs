//! What expressions compute with: values of a record as they lie there, and values of their own.

use crate::engine::decode::moment::MomentKind;
use crate::engine::decode::number::Number;
use crate::engine::decode::tree::{Items, Kind, Members, Value};
use crate::engine::expr::decimal::{self, Decimal};
use crate::engine::expr::variant::Variant;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::rc::Rc;

/// Why an expression has no value. A rule that meets one is broken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Error(pub &'static str);

pub const NO_OVERLOAD: Error = Error("no such overload");
pub const NO_KEY: Error = Error("no such key");
pub const OVERFLOW: Error = Error("overflow");
pub const BAD_ARGUMENT: Error = Error("invalid argument");

/// A value, of one of CEL's types (cel-spec, *Values*). Of JSON a whole number is an int (above `i64::MAX` a uint), any other a
/// double, as Confluent's Java client has it; of Avro a timestamp or date is a timestamp, a time of day a duration since midnight.
#[derive(Clone, Debug)]
pub enum Val<'a> {
    Null,
    Bool(bool),
    Int(i64),
    Uint(u64),
    Double(f64),
    /// A number of the record that is no whole one of 64 bits, as it is written there: a double to all but decimals.
    Fraction(&'a str),
    /// Confluent's.
    Decimal(Rc<Decimal>),
    /// Confluent's too.
    Variant(Rc<Variant>),
    Text(Cow<'a, str>),
    Bytes(Cow<'a, [u8]>),
    /// Nanoseconds since 1970, within the years 1 to 9999.
    Timestamp(i128),
    /// Nanoseconds.
    Duration(i64),
    /// The record's own.
    Items(Items<'a>),
    /// The record's own.
    Members(Members<'a>),
    List(Rc<[Val<'a>]>),
    /// Pairs, in the order of their making; keys are distinct.
    Map(Rc<[(Val<'a>, Val<'a>)]>),
    /// The name of a type.
    Type(&'static str),
}

impl<'a> Val<'a> {
    pub fn of(value: Value<'a>) -> Val<'a> {
        match value.kind() {
            Kind::Null => Val::Null,
            Kind::Bool(b) => Val::Bool(b),
            Kind::Number(Number::Int(i)) => Val::Int(i),
            Kind::Number(Number::Unsigned(u)) => Val::Uint(u),
            Kind::Number(Number::Decimal(text)) => Val::Fraction(text),
            Kind::Number(other) => Val::Double(other.as_f64()),
            Kind::Text(text) => Val::Text(Cow::Borrowed(text)),
            Kind::Bytes(bytes) => Val::Bytes(Cow::Borrowed(bytes)),
            Kind::Moment(moment) => match (moment.kind, i64::try_from(moment.nanos)) {
                (MomentKind::Time, Ok(nanos)) => Val::Duration(nanos),
                _ => Val::Timestamp(moment.nanos),
            },
            Kind::Array(items) => Val::Items(items),
            Kind::Object(members) => Val::Members(members),
        }
    }

    /// What it is to arithmetic.
    pub fn plain(self) -> Val<'a> {
        match self {
            Val::Fraction(text) => Val::Double(double(text)),
            other => other,
        }
    }

    pub fn text(text: impl Into<Cow<'a, str>>) -> Val<'a> {
        Val::Text(text.into())
    }

    pub fn list(items: impl IntoIterator<Item = Val<'a>>) -> Val<'a> {
        Val::List(items.into_iter().collect())
    }

    /// As `type()` names it.
    pub fn type_name(&self) -> &'static str {
        match self {
            Val::Null => "null_type",
            Val::Bool(_) => "bool",
            Val::Int(_) => "int",
            Val::Uint(_) => "uint",
            Val::Double(_) | Val::Fraction(_) => "double",
            Val::Decimal(_) => "confluent.type.Decimal",
            Val::Variant(_) => "confluent.type.Variant",
            Val::Text(_) => "string",
            Val::Bytes(_) => "bytes",
            Val::Timestamp(_) => "google.protobuf.Timestamp",
            Val::Duration(_) => "google.protobuf.Duration",
            Val::Items(_) | Val::List(_) => "list",
            Val::Members(_) | Val::Map(_) => "map",
            Val::Type(_) => "type",
        }
    }

    /// The number of items of a list or map.
    pub fn count(&self) -> Option<usize> {
        match self {
            Val::Items(items) => Some(items.len()),
            Val::List(items) => Some(items.len()),
            Val::Members(members) => Some(members.len()),
            Val::Map(pairs) => Some(pairs.len()),
            _ => None,
        }
    }

    /// The items of a list, or the keys of a map: what macros and `in` go over.
    pub fn each(&self) -> Option<Each<'a>> {
        Some(match self {
            Val::Items(items) => Each::Items(*items),
            Val::Members(members) => Each::Names(*members),
            Val::List(items) => Each::List(items.clone(), 0),
            Val::Map(pairs) => Each::Keys(pairs.clone(), 0),
            _ => return None,
        })
    }

    /// The value of a key of a map. Keys are plain values.
    pub fn member(&self, key: &Val<'a>) -> Option<Val<'a>> {
        match (self, key) {
            (Val::Members(members), Val::Text(name)) => members.get(name).map(Val::of),
            (Val::Map(pairs), key) => {
                pairs.iter().find(|(k, _)| k.equals(key, &mut u32::MAX.clone())).map(|(_, value)| value.clone())
            }
            _ => None,
        }
    }

    /// CEL's equality (cel-spec, *Equality*): numbers by value whatever their types, values of different kinds are not equal,
    /// and a double that is no number is not equal to itself. Each comparison takes from `fuel`; where nothing is left of it
    /// the answer means nothing.
    pub fn equals(&self, other: &Val<'a>, fuel: &mut u32) -> bool {
        *fuel = fuel.saturating_sub(1);
        if *fuel == 0 {
            return false;
        }
        match (self, other) {
            (Val::Null, Val::Null) => true,
            (Val::Bool(a), Val::Bool(b)) => a == b,
            (Val::Text(a), Val::Text(b)) => a == b,
            (Val::Bytes(a), Val::Bytes(b)) => a == b,
            (Val::Timestamp(a), Val::Timestamp(b)) => a == b,
            (Val::Duration(a), Val::Duration(b)) => a == b,
            (Val::Type(a), Val::Type(b)) => a == b,
            (Val::Items(_) | Val::List(_), Val::Items(_) | Val::List(_)) => {
                let mut same = |(a, b): (Val<'a>, Val<'a>)| a.equals(&b, fuel);
                self.count() == other.count()
                    && self.each().zip(other.each()).is_some_and(|(a, b)| a.zip(b).all(&mut same))
            }
            (Val::Members(_) | Val::Map(_), Val::Members(_) | Val::Map(_)) => {
                // A member is looked for among all.
                let members = u32::try_from(self.count().unwrap_or(0)).unwrap_or(u32::MAX);
                let same = |key: Val<'a>| {
                    *fuel = fuel.saturating_sub(members);
                    match (self.member(&key), other.member(&key)) {
                        (Some(a), Some(b)) => a.equals(&b, fuel),
                        _ => false,
                    }
                };
                self.count() == other.count() && self.each().is_some_and(|mut keys| keys.all(same))
            }
            (Val::Decimal(_), _) | (_, Val::Decimal(_)) => match (decimal::of(self), decimal::of(other)) {
                (Ok(a), Ok(b)) => a.order(&b) == Ordering::Equal,
                _ => false,
            },
            _ => self.number_order(other) == Some(Ordering::Equal),
        }
    }

    /// CEL's order: of numbers whatever their types, of booleans, texts by code points, bytes, moments and durations. The error
    /// says that there is none; `Ok(None)` is a double that is no number.
    pub fn order(&self, other: &Val<'a>) -> Result<Option<Ordering>, Error> {
        Ok(Some(match (self, other) {
            (Val::Int(a), Val::Int(b)) => a.cmp(b),
            (Val::Bool(a), Val::Bool(b)) => a.cmp(b),
            (Val::Text(a), Val::Text(b)) => a.cmp(b),
            (Val::Bytes(a), Val::Bytes(b)) => a.cmp(b),
            (Val::Timestamp(a), Val::Timestamp(b)) => a.cmp(b),
            (Val::Duration(a), Val::Duration(b)) => a.cmp(b),
            (a, b) if a.is_number() && b.is_number() => return Ok(self.number_order(other)),
            _ => return Err(NO_OVERLOAD),
        }))
    }

    pub fn is_number(&self) -> bool {
        matches!(self, Val::Int(_) | Val::Uint(_) | Val::Double(_) | Val::Fraction(_))
    }

    /// As a double; `None` of what is no number.
    pub fn as_f64(&self) -> Option<f64> {
        match self {
            Val::Int(i) => Some(*i as f64),
            Val::Uint(u) => Some(*u as f64),
            _ => self.float(),
        }
    }

    fn float(&self) -> Option<f64> {
        match self {
            Val::Double(d) => Some(*d),
            Val::Fraction(text) => Some(double(text)),
            _ => None,
        }
    }

    fn number_order(&self, other: &Val<'a>) -> Option<Ordering> {
        match (self.float(), other.float()) {
            (Some(a), Some(b)) => a.partial_cmp(&b),
            (Some(a), None) => other.whole().and_then(|b| against(a, b)),
            (None, Some(b)) => self.whole().and_then(|a| against(b, a)).map(Ordering::reverse),
            (None, None) => Some(self.whole()?.cmp(&other.whole()?)),
        }
    }

    fn whole(&self) -> Option<i128> {
        match self {
            Val::Int(i) => Some((*i).into()),
            Val::Uint(u) => Some((*u).into()),
            _ => None,
        }
    }
}

fn double(text: &str) -> f64 {
    Number::Decimal(text).as_f64()
}

/// A double against a whole number, exactly: beyond 2^53 the number is not made a double, which would round it.
fn against(double: f64, whole: i128) -> Option<Ordering> {
    if double.is_nan() {
        return None;
    }
    // The cast saturates far beyond 64 bits.
    let floor = double.floor();
    let above = if double > floor { Ordering::Greater } else { Ordering::Equal };
    Some((floor as i128).cmp(&whole).then(above))
}

/// What a list or a map's keys give, one after the other.
#[derive(Clone, Debug)]
pub enum Each<'a> {
    Items(Items<'a>),
    Names(Members<'a>),
    List(Rc<[Val<'a>]>, usize),
    Keys(Rc<[(Val<'a>, Val<'a>)]>, usize),
}

impl<'a> Iterator for Each<'a> {
    type Item = Val<'a>;

    fn next(&mut self) -> Option<Val<'a>> {
        match self {
            Each::Items(items) => items.next().map(Val::of),
            Each::Names(members) => members.next().map(|(name, _)| Val::text(name)),
            Each::List(items, at) => {
                *at += 1;
                items.get(*at - 1).cloned()
            }
            Each::Keys(pairs, at) => {
                *at += 1;
                pairs.get(*at - 1).map(|(key, _)| key.clone())
            }
        }
    }
}
