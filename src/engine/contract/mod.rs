//! Data contracts: what an ODCS file says, and the plan of rules that is compiled from it.

pub mod name; // products, contract versions
pub mod plan; // numbered rules: what records and windows are asked
pub mod model; // a contract as the standard words it
pub mod compile; // the model into the plan
pub mod described; // the model for people and catalogs: names, types, texts
pub mod odcs; // ODCS v3 YAML into the model
pub mod subject; // a registry's subject version into the model
pub mod property; // its properties
pub mod options; // their types and options
pub mod quality; // quality rules
pub mod expression; // those that an expression states
pub mod promise; // service levels
pub mod sla; // what they promise
pub mod encoding; // how records are encoded
pub mod custom; // `steward.*` custom properties, classification
pub mod fields; // a mapping being read
pub mod problem; // what is wrong, where, and what to do
pub mod yaml; // YAML into a tree that knows its lines
pub mod diff; // what changed between two versions, and whom it breaks
pub mod standard; // what the standards allow, and what is wrong with a file
pub mod asked; // the plan by the places of a record
pub mod values; // lists of values
pub mod pattern; // ECMA-262 patterns
pub mod steps; // the simple ones among them
pub mod moment; // dates, timestamps and times written as text
pub mod format; // string formats: email, uuid …
