//! Internal topics.
