//! Relationships (foreign keys) between objects of one contract: every reference has a key that it names.

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

/// What a rule counts of a record: both sides' keys stand in one set, and the lowest bit of a key says whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    Refers,
    IsReferredTo,
}

impl Side {
    /// A key of 63 bits, and its side.
    pub fn mark(self, key: u64) -> u64 {
        match self {
            Side::Refers => key | 1,
            Side::IsReferredTo => key & !1,
        }
    }

    pub fn of(marked: u64) -> Side {
        if marked & 1 == 1 { Side::Refers } else { Side::IsReferredTo }
    }
}
