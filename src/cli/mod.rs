//! The command line: one file for each subcommand.

pub mod run; // the daemon
pub mod check; // its configuration
