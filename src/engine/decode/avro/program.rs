//! What is read of a record's bytes, one thing after the other. Where a reader's schema asks for another form, for fewer
//! fields or for defaults, the program says so already: nothing is looked up by name while a record is read.

use crate::engine::decode::fields::{Fields, NOWHERE, Place};
use crate::engine::decode::moment::Stamp;
use std::sync::Arc;

/// A schema, compiled. A recursive type is a read that names one before it.
#[derive(Debug)]
pub struct Program {
    pub reads: Vec<Read>,
    pub root: ReadId,
    /// Of the schema's fields and symbols, and behind them those of the places.
    pub names: Arc<[Box<str>]>,
    /// Whose places are told; of a program that `place` has not made, the record's alone.
    pub fields: Arc<Fields>,
}

/// An index into `Program::reads`.
pub type ReadId = u32;
/// An index into `Program::names`.
pub type NameId = u32;

/// One value as it was written, and what becomes of it.
#[derive(Clone, Debug)]
pub enum Read {
    Null,
    Boolean,
    /// Of 32 bits.
    Int(As),
    /// Of 64 bits.
    Long(As),
    Float {
        /// The reader wants a double.
        widened: bool,
    },
    Double,
    Text,
    Bytes,
    Fixed(usize),
    /// In `bytes`, or in a fixed of so many.
    Decimal {
        size: Option<usize>,
        scale: u32,
    },
    /// Bytes that hold a decimal and its scale.
    BigDecimal,
    /// Sixteen bytes, alone or with a length before them.
    Uuid {
        sized: bool,
    },
    /// Months, days and milliseconds, by these names.
    Duration([NameId; 3]),
    /// The symbol of each index; `None`: the reader has none for it.
    Enum(Box<[Option<NameId>]>),
    Array(ReadId),
    Map {
        value: ReadId,
        /// The place of the map, and how the members that have places in it are read, by place.
        place: Place,
        named: Box<[(Place, ReadId)]>,
    },
    Union(Box<[ReadId]>),
    Record {
        fields: Box<[Field]>,
        defaults: Box<[Default]>,
    },
    /// What was written cannot be read as the reader wants it.
    Mismatch,
}

impl Read {
    /// A map of which nobody knows where it stands.
    pub fn map(value: ReadId) -> Read {
        Read::Map { value, place: NOWHERE, named: Box::default() }
    }
}

/// What becomes of a whole number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum As {
    Whole,
    /// The nearest float, or double: the reader's type.
    Single,
    Double,
    Moment(Stamp),
}

/// A field that was written, in its order.
#[derive(Clone, Debug)]
pub struct Field {
    /// The reader's name for it; `None`: it is passed over.
    pub name: Option<NameId>,
    pub read: ReadId,
}

/// A field that was not written, and has a default.
#[derive(Clone, Debug)]
pub struct Default {
    pub name: NameId,
    pub read: ReadId,
    /// Its value, encoded.
    pub bytes: Arc<[u8]>,
}
