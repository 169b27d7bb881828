//! Protobuf's wire format, compiled: the messages of a schema become tables, by which a walker reads a record.

pub mod schema; // a registry's text or descriptor, and its imports
pub mod program; // messages as tables, alone or with the places of a contract's fields
pub mod walk; // a record by its program
pub mod known; // messages that stand for one value: timestamps, wrappers, decimals
pub mod wire; // tags, and where a field's bytes are

#[cfg(test)]
mod tests;
