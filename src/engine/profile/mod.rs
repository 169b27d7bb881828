//! What the values of a window look like, field by field: exact counts, and sketches that merge in any order.

pub mod shape; // which fields, how closely; the tree by which a walk finds them
pub mod walk; // one walk over a record, which every field sees
pub mod state; // the profile of one window, and how it goes in parts
pub mod topic; // what is counted of the topic as a whole
pub mod field; // one field: counts, moments, and what stands below
pub mod values; // how many different values, and which come most often
pub mod recent; // values that come again are counted without a hash
pub mod scalar; // a value, read once for all that is asked of it
pub mod frequent; // the most frequent, as Apache's frequent items
pub mod quantiles; // few numbers as they are, many in a KLL sketch
pub mod kll; // numbers compacted a block at a time
pub mod sketch; // what every sketch is: bytes, a merge, a size
pub mod summary; // what is told of a profile
