//! A dry run: records against a contract as one closed window, without a broker.

pub mod run; // records in, a verdict out
pub mod firsts; // which records are duplicates
pub mod report; // what is told of it
