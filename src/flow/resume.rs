//! Stage 1 without a committed offset.
