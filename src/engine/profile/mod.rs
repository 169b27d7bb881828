//! What the values of a window look like, field by field: exact counts, and sketches that merge in any order.

pub mod field;
pub mod frequent;
pub mod kll;
pub mod quantiles;
pub mod recent;
pub mod scalar;
pub mod shape;
pub mod sketch;
pub mod state;
pub mod summary;
pub mod topic;
pub mod values;
pub mod walk;
