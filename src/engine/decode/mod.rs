//! Bytes into values that rules can ask.

pub mod path; // where a field stands in a record
pub mod fields; // the fields of a contract, by place
pub mod names; // what is remembered of the names in records
pub mod tree; // a decoded record
pub mod number; // its numbers, exact where they are whole
pub mod moment; // dates, timestamps and times
pub mod json; // JSON, or the reason why it is none
pub mod avro; // Avro, likewise
pub mod protobuf; // and Protobuf
pub mod reason; // why bytes are no record
pub mod schema; // schemas of a registry
pub mod framing; // what a value is encoded in
pub mod decoder; // records into values
pub mod rows; // the rows that a path finds
