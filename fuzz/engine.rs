//! The engine of the daemon, and nothing around it.

#[path = "../src/engine/mod.rs"]
pub mod engine;
