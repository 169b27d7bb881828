//! Contracts from files into plans, durable in the catalog topic; the board that requests read.

pub mod files; // contract files into plans; a bad one is a finding
pub mod folder; // what lies in the folders, and whether it changed
pub mod plans; // what the flow's `Judge` answers from the plans in force
pub mod board; // what requests read
