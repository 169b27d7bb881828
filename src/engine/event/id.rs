//! Event ids: a hash of what the event is about, so that a repeat has the same.
