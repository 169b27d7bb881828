//! Who feeds whom, by the contents of topics alone: sketches of columns, compared.
//!
//! Tasks gather sketches of the columns that they read (`gather`), the one worker that collects puts them together (`mesh`)
//! and compares them (`infer`).

pub mod kmv; // the values with the smallest hashes, and when each was first seen
pub mod span; // where values lie, and whether so many there prove anything
pub mod column; // one column of one window
pub mod gather; // columns of what a task reads
pub mod mesh; // those of all tasks, over the last minutes
pub mod compare; // whether one column holds another's values, later
pub mod infer; // edges between tables, and why all others are none
