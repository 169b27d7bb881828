//! One run's cluster, contracts, data and faults, all chosen by the tape.

use crate::sim::judge::{Contracted, Contracts};
use mesh_steward::engine::contract::name::ProductName;
use mesh_steward::flow::io::Ms;
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    Static,
    Dynamic,
    Incremental,
}

#[derive(Clone, Debug)]
pub struct Shape {
    pub protocol: Protocol,
    /// Before KIP-1251.
    pub strict_epochs: bool,
    pub workers: usize,
    pub inspectors: usize,
    /// Data topics and their partitions.
    pub topics: Vec<(Arc<str>, i32)>,
    pub contracts: Contracts,
    pub delta_partitions: i32,
    /// Messages are cut so small that a delta goes in parts.
    pub small_messages: bool,
    /// Whether the real engine judges, with contracts and JSON, in place of the judge that names records.
    pub real: bool,
    /// Whether the wire delays, loses and repeats.
    pub wire_faults: bool,
    /// Whether data is written in transactions, some of them aborted.
    pub transactions: bool,
    pub records: u32,
    /// Schemas that records are written with, each to be asked for; 0: they name none.
    pub schemas: u32,
    /// How often a record is on time, 6 s late at most, 30 s, 90 s.
    pub lags: [u32; 4],
    pub plan: Vec<(Ms, Op)>,
    pub triggers: Vec<Trigger>,
    /// The last record of the data is written before this.
    pub data_ms: Ms,
}

/// What happens to the cluster and to the workers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Op {
    Start(usize),
    Crash(usize),
    /// SIGTERM; the process ends by itself, or is killed later.
    Stop(usize),
    Pause(usize),
    Resume(usize),
    /// No request arrives.
    CutRequests(usize),
    /// No answer arrives.
    CutAnswers(usize),
    Heal(usize),
    Delete(usize),
    Create(usize),
    Grow(usize),
    /// Everything in a partition up to its end is deleted, or half of it.
    DeleteRecords {
        topic: usize,
        partition: i32,
        half: bool,
    },
    /// A new version of a product's contract, seen by one worker.
    Contract {
        product: usize,
        worker: usize,
    },
    Deny(usize),
    Allow(usize),
    CompactState,
    /// Operators pause a topic's products, or resume them; every worker hears of it.
    Govern {
        topic: usize,
        paused: bool,
    },
    /// Both groups' offsets expire.
    ForgetOffsets,
    /// The deltas' start moves past `low`.
    DeleteDeltas,
    /// An operator sets stage 1's offsets back, metadata and all.
    Rewind(i64),
    /// Another process with the worker's ids.
    Twin(usize),
    /// Each static member of the worker is joined a second time, as where a coordinator moved: the answer is heard by nobody,
    /// and what stood there is fenced.
    JoinTwice(usize),
    /// From now on this fault waits for its moment.
    Await(Box<Trigger>),
    Data {
        topic: usize,
        partition: i32,
        lag_ms: Ms,
    },
    /// One record a partition of the topic, `times` over.
    Fill {
        topic: usize,
        times: u32,
    },
    /// A producer's transaction that stays open, then ends.
    OpenTransaction {
        topic: usize,
        partition: i32,
        lasts_ms: Ms,
        commit: bool,
    },
}

/// A fault that waits for its moment: when the request that begins like this is sent, or has been applied.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trigger {
    pub request: &'static str,
    pub worker: usize,
    pub applied: bool,
    /// So many such requests pass first.
    pub skip: u32,
    pub then: Vec<(Ms, Op)>,
}

/// Most data is on time.
pub const LAGS: [u32; 4] = [12, 4, 2, 1];
pub const WINDOW_MS: Ms = 10_000;
pub const GRACE_MS: Ms = 2_000;
pub const MAX_OPEN_MS: Ms = 60_000;
pub const LATE_ACCEPT_MS: Ms = 40_000;
pub const FLUSH_MS: Ms = 2_000;

impl Shape {
    /// An inspector flushes when so much waits.
    pub fn flush_bytes(&self) -> usize {
        if self.small_messages { 1_200 } else { 8 << 20 }
    }

    /// Small and calm; scenarios start from it.
    pub fn calm() -> Shape {
        Shape {
            protocol: Protocol::Static,
            strict_epochs: false,
            workers: 1,
            inspectors: 1,
            topics: vec![("orders".into(), 2)],
            contracts: contracts(&[&["orders"]]),
            delta_partitions: 1,
            small_messages: false,
            real: false,
            wire_faults: false,
            transactions: false,
            records: 30,
            schemas: 0,
            lags: LAGS,
            plan: Vec::new(),
            triggers: Vec::new(),
            data_ms: 30_000,
        }
    }
}

/// One product for each list of topics.
pub fn contracts(lists: &[&[&str]]) -> Contracts {
    let product = |(i, topics): (usize, &&[&str])| Contracted {
        name: ProductName { domain: "d".into(), name: format!("p{i}") },
        topics: topics.iter().map(|t| Arc::from(*t)).collect(),
        version: 1,
    };
    Contracts { products: lists.iter().enumerate().map(product).collect() }
}
