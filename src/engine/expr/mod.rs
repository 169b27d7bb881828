//! Expressions over one record: CEL and SQL as text, one tree of operations, evaluated on the decoded values themselves.

pub mod program; // an expression, compiled: the tree of operations, and the fields that it asks
pub mod condition; // a rule that an expression states
pub mod value; // what it computes with
pub mod eval; // its value for one record, within a bound of steps
pub mod decimal; // Confluent's numbers in tens
pub mod variant; // Confluent's values that carry their types
pub mod arithmetic; // numbers, moments and spans of time
pub mod call; // functions by their names
pub mod convert; // from type to type
pub mod text; // functions of text
pub mod time; // timestamps and durations
pub mod regex; // patterns: two engines
pub mod weight; // and what they weigh
pub mod cel; // CEL into the tree
pub mod sql; // SQL into parts that merge
