//! Data contracts: what an ODCS file says, and the plan of rules that is compiled from it.

pub mod name; // products, contract versions
pub mod plan; // numbered rules: what records and windows are asked
pub mod mode; // how far a rule is rolled out
pub mod records; // what becomes of records that are undecodable, late or too large
pub mod model; // a contract as the standard words it
pub mod compile; // the model into the plan
pub mod described; // the model for people and catalogs: names, types, texts
pub mod parsed; // what a text gave, in whatever language
pub mod odcs; // ODCS v3 YAML into the model
pub mod subject; // a registry's subject version into the model
pub mod joined; // and a contract with the rule sets of its topics' subjects
pub mod standard; // what the standards allow, and what is wrong with a file
pub mod diff; // what changed between two versions, and whom it breaks
pub mod beside; // what is asked of keys and headers
pub mod exchange; // contracts and the schemas of other languages, each read into the other
pub mod sample; // which records of a huge topic are looked at
pub mod horizon; // uniqueness beyond a window
pub mod relation; // foreign keys
pub mod referred; // and those that stand in other contracts
pub mod sla; // what service levels promise
pub mod text; // what a text may be: patterns, formats, dates
pub mod keyword; // what each keyword of JSON Schema is to a contract
pub mod values; // lists of values
pub mod asked; // the plan by the places of a record
pub mod fields; // a mapping being read
pub mod problem; // what is wrong, where, and what to do
pub mod yaml; // YAML into a tree that knows its lines
