//! Contracts from files into plans, durable in the catalog topic; the board that requests read.

pub mod files; // contract files into plans; a bad one is a finding
pub mod folder; // what lies in the folders, and whether it changed
pub mod plans; // the plans in force, shared by all tasks; implements the flow's `Judge`
pub mod board; // what requests read
