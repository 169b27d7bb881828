//! Contract files.
