//! One run's cluster, contracts, data and faults, all chosen by the tape.

use crate::sim::choice::Tape;
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
    /// Whether the wire delays, loses and repeats.
    pub wire_faults: bool,
    /// Whether data is written in transactions, some of them aborted.
    pub transactions: bool,
    pub records: u32,
    /// Schemas that records are written with, each to be asked for; 0: they name none.
    pub schemas: u32,
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
#[derive(Clone, Debug)]
pub struct Trigger {
    pub request: &'static str,
    pub worker: usize,
    pub applied: bool,
    /// So many such requests pass first.
    pub skip: u32,
    pub then: Vec<(Ms, Op)>,
}

/// Where a fault hurts most.
const MOMENTS: [&str; 6] = ["EndTxn commit", "TxnOffsetCommit", "Produce", "InitPid", "OffsetFetch", "ReadLog"];

pub const WINDOW_MS: Ms = 10_000;
pub const GRACE_MS: Ms = 2_000;
pub const MAX_OPEN_MS: Ms = 60_000;
pub const LATE_ACCEPT_MS: Ms = 40_000;
pub const FLUSH_MS: Ms = 2_000;

impl Shape {
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
            wire_faults: false,
            transactions: false,
            records: 30,
            schemas: 0,
            plan: Vec::new(),
            triggers: Vec::new(),
            data_ms: 30_000,
        }
    }

    pub fn draw(tape: &mut Tape) -> Shape {
        let protocol = [Protocol::Static, Protocol::Dynamic, Protocol::Incremental][tape.pick(&[3, 2, 2])];
        let workers = 1 + tape.pick(&[2, 3, 1]);
        let topics: Vec<(Arc<str>, i32)> =
            (0..1 + tape.pick(&[3, 2, 1])).map(|i| (Arc::from(format!("t{i}")), 1 + tape.below(3) as i32)).collect();
        let mut products: Vec<Vec<&str>> = topics.iter().map(|(t, _)| vec![&**t]).collect();
        if tape.pick(&[3, 1]) == 1 {
            // One product reads all topics, so that each topic is read by two.
            products.push(topics.iter().map(|(t, _)| &**t).collect());
        }
        let lists: Vec<&[&str]> = products.iter().map(Vec::as_slice).collect();
        let mut shape = Shape {
            protocol,
            strict_epochs: tape.pick(&[3, 1]) == 1,
            workers,
            inspectors: 1 + tape.pick(&[3, 1]),
            contracts: contracts(&lists),
            delta_partitions: 1 + tape.below(2) as i32,
            small_messages: tape.pick(&[5, 1]) == 1,
            wire_faults: tape.pick(&[1, 2]) == 1,
            transactions: tape.pick(&[2, 1]) == 1,
            records: 10 + tape.below(40),
            schemas: [0, 1, 5][tape.pick(&[4, 1, 1])],
            plan: Vec::new(),
            triggers: Vec::new(),
            data_ms: 15_000 + i64::from(tape.below(20_000)),
            topics,
        };
        let faults = tape.below(7);
        for _ in 0..faults {
            shape.draw_fault(tape);
        }
        shape.plan.sort_by_key(|(at, _)| *at);
        shape
    }

    fn draw_fault(&mut self, tape: &mut Tape) {
        let at = 1_000 + i64::from(tape.below(self.data_ms as u32 + 3_000));
        let worker = tape.below(self.workers as u32) as usize;
        let topic = tape.below(self.topics.len() as u32) as usize;
        let partition = tape.below(self.topics[topic].1 as u32) as i32;
        let product = tape.below(self.contracts.products.len() as u32) as usize;
        // Short ones end before sessions and transactions do; long ones after both.
        let lasts = [300, 3_000, 8_000, 14_000, 25_000][tape.pick(&[3, 3, 2, 2, 1])] + i64::from(tape.below(1_000));
        let kind = tape.pick(&[6, 5, 5, 3, 3, 3, 2, 1, 2, 2, 1, 1, 2, 1, 2, 2]);
        if kind == 0 {
            let request = MOMENTS[tape.pick(&[5, 4, 2, 2, 1, 1])];
            let (hurts, heals) = match tape.pick(&[2, 2, 1, 2]) {
                0 => (Op::Crash(worker), Op::Start(worker)),
                1 => (Op::Pause(worker), Op::Resume(worker)),
                2 => (Op::CutRequests(worker), Op::Heal(worker)),
                _ => (Op::CutAnswers(worker), Op::Heal(worker)),
            };
            let (applied, skip) = (tape.pick(&[1, 1]) == 1, tape.below(16));
            self.triggers.push(Trigger { request, worker, applied, skip, then: vec![(0, hurts), (lasts, heals)] });
            return;
        }
        if kind == 14 {
            // A zombie's state hides its successor's, which dies soon and restores below it.
            let zombie = vec![(0, Op::Pause(worker)), (25_000, Op::Resume(worker))];
            let other = (worker + 1) % self.workers;
            let successor = vec![(0, Op::Crash(other)), (300, Op::Start(other))];
            let trigger = |request, worker, applied, skip, then| Trigger { request, worker, applied, skip, then };
            self.triggers.push(trigger("Produce _steward.state", worker, true, tape.below(8), zombie));
            self.triggers.push(trigger("EndTxn commit", other, true, tape.below(16), successor));
            return;
        }
        let mut add = |after: Ms, op: Op| self.plan.push((at + after, op));
        match kind {
            1 => {
                add(0, Op::Crash(worker));
                add(lasts, Op::Start(worker));
            }
            2 => {
                add(0, Op::Pause(worker));
                add(lasts, Op::Resume(worker));
            }
            3 => {
                add(0, Op::CutRequests(worker));
                add(lasts, Op::Heal(worker));
            }
            4 => {
                add(0, Op::CutAnswers(worker));
                add(lasts, Op::Heal(worker));
            }
            5 => {
                add(0, Op::Stop(worker));
                add(lasts.max(1_000), Op::Start(worker));
            }
            6 => {
                add(0, Op::Delete(topic));
                // At once, or so late that the groups hear of it.
                let after = [20, 4_000][tape.pick(&[2, 1])];
                add(after, Op::Create(topic));
                add(after + 100, Op::Fill { topic, times: 1 + tape.below(8) });
            }
            7 => add(0, Op::Grow(topic)),
            8 => add(0, Op::DeleteRecords { topic, partition, half: tape.pick(&[1, 1]) == 1 }),
            9 => {
                for worker in 0..self.workers {
                    add(i64::from(tape.below(3_000)), Op::Contract { product, worker });
                }
            }
            10 => {
                add(0, Op::Deny(product));
                add(lasts, Op::Allow(product));
            }
            11 => add(0, Op::CompactState),
            15 => {
                add(0, Op::Govern { topic, paused: true });
                add(lasts, Op::Govern { topic, paused: false });
            }
            12 => {
                let commit = tape.pick(&[1, 1]) == 1;
                add(0, Op::OpenTransaction { topic, partition, lasts_ms: lasts, commit });
            }
            _ => {
                for w in 0..self.workers {
                    add(0, Op::Crash(w));
                    add(lasts.max(7_000), Op::Start(w));
                }
                add(1, Op::ForgetOffsets);
            }
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
