//! As typed.
