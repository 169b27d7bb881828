//! `steward`: arguments, logging, exit code.

fn main() {}
