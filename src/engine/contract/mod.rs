//! Data contracts: what an ODCS file says, and the plan of rules that is compiled from it.

pub mod name; // products, contract versions
pub mod model; // a contract as the standard words it
pub mod yaml; // YAML into a tree that knows its lines
pub mod odcs; // ODCS v3 YAML into the model
pub mod plan; // the model into numbered rules
pub mod pattern; // ECMA-262 patterns
pub mod moment; // dates, timestamps and times written as text
pub mod format; // string formats: email, uuid …
