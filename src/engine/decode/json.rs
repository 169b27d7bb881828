//! JSON into slots, or the reason why it is none.
