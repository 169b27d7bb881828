//! Bytes into values that rules can ask.

pub mod path; // where a field stands in a record
pub mod json; // JSON, or the reason why it is none
