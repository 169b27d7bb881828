//! Does what the flow says, and decides nothing: clients, admin calls, the driver of a task.

pub mod driver; // a task's thread: inputs in, actions out
pub mod lanes; // the queues that a task's records come by
pub mod poll; // the consumer's queue: rebalances, errors; records of our own logs
pub mod assignment; // take partitions up, start, hold, give back
pub mod delivery; // how a flush is written and committed
pub mod producer; // exactly once: the transactional producer's calls
pub mod plain; // at least once: produce, then commit
pub mod quarantine; // quarantine topics: made when they are needed
pub mod outbox; // produces, and waits for every delivery report
pub mod atomic; // a batch as one transaction, outside of any group
pub mod compacted; // a compacted log of ours outside of transactions: followed, written to
pub mod inbox; // what others write to topics of theirs
pub mod log; // reads one of our own logs to an end
pub mod history; // what a topic holds, read once
pub mod admin; // internal topics: created when missing, verified when present
pub mod remedy; // what to do about a cluster that does not answer or allow
pub mod neighbours; // what others do on this cluster
pub mod wire; // questions that librdkafka has no call for
pub mod probe; // what `steward check --connect` asks
pub mod catalog; // contract bodies and cluster facts, durable in the catalog topic
pub mod configured; // the configuration, as clients and admin calls take it
pub mod tokens; // to log in with, asked of an OpenID provider
pub mod cluster; // Kafka, or librdkafka's mock cluster
pub mod client; // settings of each client, with their reasons; contexts
pub mod fault; // librdkafka's errors, classified
pub mod ffi; // what rdkafka hides: topic ids, both log ends, the generation
