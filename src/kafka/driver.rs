//! A task's thread.
