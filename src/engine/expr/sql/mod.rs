//! SQL: a query that gives one number of one topic, as parts that each record adds to and windows merge.
//!
//! What can be taken apart so is measured: aggregates of expressions about one record, and arithmetic between them. All else is
//! refused by the name of what it is.

pub mod query; // a query, taken apart
pub mod read; // text into a query
pub mod scalar; // its expressions about one record
pub mod function; // their functions
pub mod apply; // their operations, with SQL's null

#[cfg(test)]
mod tests;
