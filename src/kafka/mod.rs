//! Does what the flow says, and decides nothing: clients, admin calls, the driver of a task.

pub mod client; // settings of each client, with their reasons; contexts
pub mod fault; // librdkafka's errors, classified
pub mod ffi; // what rdkafka hides: topic ids, both log ends, the generation
pub mod log; // reads one of our own logs to an end
pub mod driver; // a task's thread: inputs in, actions out
pub mod producer; // the transactional producer's calls
pub mod admin; // internal topics: created when missing, verified when present
