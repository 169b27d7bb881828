//! Contracts from files into plans, durable in the catalog topic; the board that requests read.

pub mod files; // contract files and folders, and when they change
pub mod plans; // the plans in force, shared by all tasks; implements the flow's `Judge`
pub mod board; // what requests read
