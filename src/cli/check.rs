//! `steward check`.
