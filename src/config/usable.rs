//! Checked once, then trusted.
