//! Reads one of our own logs to an end.
