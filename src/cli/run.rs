//! `steward run`.
