//! Relationships (foreign keys) between objects: every reference has a key that it names.

use crate::engine::decode::path::FieldPath;

/// The keys of one object must stand in another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reference {
    /// The fields that refer, and those that are referred to, in the same order.
    pub from: Vec<FieldPath>,
    /// The object that is referred to, by its name.
    pub object: String,
    pub to: Vec<FieldPath>,
}

/// Keys that must stand in an object of another contract, which is not known where this one is read (`contract::referred`).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Elsewhere {
    /// As it is written before the `#`: an id, or the name of a file.
    pub contract: String,
    /// The object's name, or its topic.
    pub object: String,
    pub from: Vec<FieldPath>,
    /// The properties, as they are written there, in the order of `from`.
    pub to: Vec<String>,
}

impl Elsewhere {
    /// What the object is called in the contract that refers to it.
    pub fn key(&self) -> String {
        format!("{}#{}", self.contract, self.object)
    }
}

/// What a rule counts of a record: both sides' keys stand in one set, and the lowest two bits of a key say whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Refers,
    IsReferredTo,
    /// Instead of a key: a record that may be referred to and could not be read, by its place.
    Unread,
}

impl Side {
    /// A key of 62 bits, and its side.
    pub fn mark(self, key: u64) -> u64 {
        let side = match self {
            Side::IsReferredTo => 0b00,
            Side::Refers => 0b01,
            Side::Unread => 0b10,
        };
        key & !0b11 | side
    }

    pub fn of(marked: u64) -> Side {
        match marked & 0b11 {
            0b00 => Side::IsReferredTo,
            0b01 => Side::Refers,
            _ => Side::Unread,
        }
    }
}
