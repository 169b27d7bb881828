//! Records against rules, counts that merge in any order, and the verdict over them.

pub mod record; // one record against a plan
pub mod clause; // one value against one clause
pub mod beside; // its key and headers
pub mod key; // values as keyed hashes
pub mod mask; // what a sample shows of a value
pub mod keys; // distinct keys of uniqueness rules
pub mod horizon; // keys that were seen lately
pub mod sum; // exact sums
pub mod aggregate; // what a query's aggregates have come to
pub mod wire; // a rule's counts as bytes
pub mod tally; // what one window has counted
pub mod sla; // the times of records against service levels
pub mod verdict; // a window's counts against the thresholds
pub mod own; // what the daemon itself asks
pub mod sampled; // what a sample says of all records
pub mod score; // how much of it held, as one number
pub mod aside; // what became of records that were put aside
