//! Mesh Steward: a governance daemon for data meshes on Apache Kafka.
//!
//! The table of contents, in reading order. `engine` and `flow` are pure: they never wait, read or ask the
//! time. `kafka`, `catalog`, `http` and `worker` wait, and decide nothing. Imports run downward only.

pub mod engine; // what things mean: contracts, decoding, checks, verdicts, events
pub mod flow; // what to do next: a state machine for each stage

pub mod kafka; // does what the flow says
pub mod registry; // schemas, asked for on a thread of its own
pub mod catalog; // contract files, and the board that requests read
pub mod discovery; // who feeds whom: Connect, groups, transactions, what is declared
pub mod telemetry; // every metric's name, label and help; logs
pub mod clock; // the only reader of time
pub mod heap; // gives free memory back
pub mod systemd; // what a service manager is told
pub mod printable; // what others wrote, for terminals
pub mod table; // products in lines, for demo and top

pub mod config; // as typed, then usable
pub mod http; // health, metrics, products
pub mod page; // the same URLs for people, as HTML
pub mod worker; // starts, supervises, reloads and drains the tasks
pub mod demo; // a broker, a mesh with planted faults and the daemon in one process
pub mod cli; // one file for each subcommand
