//! What reads bytes and texts of others, and nothing around it: the engine, the flow, the configuration's text, what requests say.

#[path = "../src/engine/mod.rs"]
pub mod engine;
#[path = "../src/flow/mod.rs"]
pub mod flow;
#[path = "../src/printable.rs"]
pub mod printable;

/// As typed; what is made of it asks librdkafka.
#[path = "../src/config"]
pub mod config {
    pub mod error;
    pub mod keys;
    pub mod raw;
    pub mod secret;
    pub mod yaml;
}

/// What a request says, and how a refusal is told.
#[path = "../src/http"]
pub mod http {
    pub mod call;
    pub mod matched;
    pub mod paged;
    pub mod problem;
    pub mod query;
}

pub mod shown; // decoded values, to be compared
