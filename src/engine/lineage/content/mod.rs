//! Who feeds whom, by the contents of topics alone: sketches of columns, compared. A library so far: no task feeds it.

pub mod kmv; // the values with the smallest hashes, and when each was first seen
pub mod span; // where values lie, and whether so many there prove anything
pub mod column; // one column of one window
pub mod compare; // whether one column holds another's values, later
pub mod infer; // edges between tables, and why all others are none
