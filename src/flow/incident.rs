//! A rule that fails.
