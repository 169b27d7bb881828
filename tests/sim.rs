//! A simulated Kafka, against which the flow runs unchanged: ten thousand clusters, each with its own faults.

mod sim {
    pub mod choice; // every decision is one number on a tape
    pub mod log; // topics: offsets, transactions' records, deletion, compaction
    pub mod txn; // the transaction coordinator
    pub mod offsets; // committed offsets of groups
    pub mod group; // membership, classic
    pub mod consumer_group; // membership, KIP-848
    pub mod broker; // requests in, answers out
    pub mod producer; // the client: transactions
    pub mod consumer; // the client: membership and prefetch
    pub mod client; // the client: one task's connections
}
