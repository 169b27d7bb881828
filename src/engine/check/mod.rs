//! Records against rules, counts that merge in any order, and the verdict over them.

pub mod tally; // what one window has counted
pub mod record; // one record against a plan
pub mod verdict; // a window's counts against the thresholds
