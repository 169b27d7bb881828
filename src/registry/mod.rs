//! The schema registry: asked on a thread of its own, so that no record's partition waits for another's schema.

pub mod subjects; // rule sets of the topics that are governed
pub mod keeper; // the thread: what is wanted goes in, what is known comes out
pub mod cache; // what is known, what is wanted, and when to ask again
pub mod client; // one question, at most
pub mod tls; // certificates for it
