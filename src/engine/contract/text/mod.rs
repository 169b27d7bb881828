//! What a contract asks of a text.

pub mod pattern; // ECMA-262 patterns
pub mod steps; // the simple ones among them
pub mod moment; // dates, timestamps and times written as text
pub mod format; // string formats: email, uuid …
