//! Intervals end to end.
