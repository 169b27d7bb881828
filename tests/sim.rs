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

    pub mod shape; // one run: cluster, contracts, data, faults
    pub mod draw; // what a seed draws of it
    pub mod judge; // tallies that name records
    pub mod engine; // the real one, with a contract
    pub mod process; // workers and their tasks
    pub mod schemas; // a registry that records need
    pub mod world; // the only loop
    pub mod wire; // delays, losses, repetitions
    pub mod turn; // a task's turn
    pub mod faults; // what happens to it
    pub mod trace; // one line a step

    pub mod bounds; // of memory and of patience
    pub mod twins; // who took whose id
    pub mod fold; // a naive ledger
    pub mod events; // what a consumer of the governance topic sees
    pub mod quarantine; // what stands in quarantines
    pub mod invariants; // what must hold after every step
    pub mod oracle; // what must hold at rest
    pub mod harness; // one run, from its tape to its verdict
    pub mod shrink; // a failing tape made short
    pub mod hands; // the two stages alone, hand to hand
    pub mod stages; // what they tell
    pub mod openings; // many partitions at once
    pub mod failing; // flushes that fail
    pub mod horizon; // of keys that repeat across windows
    pub mod referred; // of keys in another product's topic
    pub mod seeds; // ten thousand of them
    pub mod scenarios; // the moments that are known to hurt
    pub mod mutations; // planted bugs, each of which must be found
}
