//! Avro's binary encoding, compiled: a schema becomes a program of reads, which a walker follows over a record.

pub mod program; // what is read, one thing after the other
pub mod walk; // a record by its program
pub mod cursor; // scalars at a place
pub mod decimal; // decimal numbers as text
pub mod compile; // a schema into a program
pub mod resolve; // a writer's schema and a reader's into one
pub mod place; // a program that tells the places of fields
pub mod default; // the values of fields that the writer did not have

#[cfg(test)]
mod tests;
