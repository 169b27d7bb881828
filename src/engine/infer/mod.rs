//! A contract drafted from records: what they have in common, and how sure one may be of it.

pub mod gather; // records in, what each field was seen to be
pub mod guess; // what a field is likely meant to be
pub mod draft; // the contract as commented YAML
