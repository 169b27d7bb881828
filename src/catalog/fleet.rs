//! What workers tell each other, so that any of them answers for all: a heartbeat a worker, and how each product stands
//! by the word of its owner.
//!
//! Both stand in `_steward.workers`: under the worker's id as JSON, and under `product/{domain}/{name}` in the codec of
//! the ledger's state; beside them, what `lent` says. Who has not been heard for a while is gone, whatever he said last.

use crate::catalog::board::{Board, Counters, Judged, TaskState};
use crate::catalog::lent;
use crate::engine::contract::name::ProductName;
use crate::engine::trend::budget::Budget;
use crate::flow::delta::{decode, encode};
use crate::flow::io::{LogRecord, Ms};
use crate::flow::opening::Stands;
use crate::flow::state::ProductState;
use crate::kafka::compacted::Record;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// A heartbeat is sent this often, and at once when a task or a partition changes its state.
pub const BEAT_MS: Ms = 3_000;
/// Four beats missed and a slow broker: whoever was not heard for so long is gone.
pub const GONE_MS: Ms = 15_000;

/// Whoever was not heard for so long will not come back under its name: workers of containers have a new one each time.
pub const FORGOTTEN_MS: Ms = 24 * 3_600_000;

/// Bounds of one record: 2,500 partitions at 310 bytes, for a topic's name has at most 249, and 200 texts at 400 are 855 kB:
/// below a message's 1 MB.
const PARTITIONS_MAX: usize = 2_500;
const FINDINGS_MAX: usize = 100;
const TEXT_MAX: usize = 400;
/// Bounds of one product's record.
const CHAINS_MAX: usize = 2_000;
const INCIDENTS_MAX: usize = 200;
const ENDED_MAX: usize = 50;
const PRODUCT_BYTES_MAX: usize = 900_000;

const PRODUCT_PREFIX: &str = "product/";

/// What a worker says of itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Heartbeat {
    pub worker: String,
    /// Where its REST is reached.
    pub address: String,
    pub version: String,
    pub started_ms: Ms,
    pub at_ms: Ms,
    /// Why it does not do its part; empty: it does.
    pub reasons: Vec<String>,
    pub tasks: Vec<TaskBeat>,
    /// Faults of its contract files, the first of them.
    pub findings: Vec<String>,
    pub findings_total: usize,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct TaskBeat {
    pub id: String,
    /// Connect's words.
    pub state: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trace: Option<String>,
    pub partitions: Vec<PartitionBeat>,
    pub partitions_total: usize,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PartitionBeat {
    pub topic: String,
    pub partition: i32,
    pub state: String,
}

/// How a product stands, by the word of the worker that owns its ledger partition.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Owned {
    pub worker: String,
    pub task: String,
    pub at_ms: Ms,
    pub counters: Counters,
    pub state: Arc<ProductState>,
    pub budgets: Vec<Budget>,
}

/// A worker as it was last heard.
#[derive(Clone, Debug, PartialEq)]
pub struct Peer {
    pub beat: Heartbeat,
    pub heard_ms: Ms,
}

impl Peer {
    pub fn is_alive(&self, now: Ms) -> bool {
        now - self.heard_ms < GONE_MS
    }
}

/// Connect's word for a partition.
pub fn word(stands: Stands) -> &'static str {
    match stands {
        // Connect has no word for waiting; `/ready` says what for.
        Stands::Opening | Stands::Waiting => "RESTARTING",
        Stands::Live => "RUNNING",
        Stands::Paused => "PAUSED",
        Stands::Failed => "FAILED",
    }
}

/// What this worker says of itself now.
pub fn beat(board: &Board, worker: &str, address: &str, started_ms: Ms, now: Ms) -> Heartbeat {
    let tasks = board.tasks();
    let each = (PARTITIONS_MAX / tasks.len().max(1)).max(1);
    let tasks = tasks.into_iter().map(|(id, task)| {
        let partition = |(part, stands): (&crate::flow::io::Part, &Stands)| PartitionBeat {
            topic: part.topic.to_string(),
            partition: part.partition,
            state: word(*stands).to_owned(),
        };
        TaskBeat {
            id,
            state: task.state.word().to_owned(),
            trace: match &task.state {
                TaskState::Failed(why) => Some(cut(why)),
                _ => None,
            },
            partitions: task.parts.iter().take(each).map(partition).collect(),
            partitions_total: task.parts.len(),
        }
    });
    let directory = board.directory();
    Heartbeat {
        worker: worker.to_owned(),
        address: address.to_owned(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
        started_ms,
        at_ms: now,
        reasons: board.ready(now).err().unwrap_or_default().iter().take(FINDINGS_MAX).map(|why| cut(why)).collect(),
        tasks: tasks.collect(),
        findings: directory.findings.iter().take(FINDINGS_MAX).map(|finding| cut(&finding.to_string())).collect(),
        findings_total: directory.findings.len(),
    }
}

/// The record under a worker's id.
pub fn beat_record(beat: &Heartbeat) -> Record {
    // Plain structs with text keys have no failure of their own.
    (beat.worker.clone(), Some(serde_json::to_vec(beat).unwrap_or_default()))
}

/// Ends the records of workers that are long gone, if `worker` is the one to do it: the first by name of those who live.
pub fn forgotten(board: &Board, worker: &str, now: Ms) -> Vec<Record> {
    let peers = board.peers();
    if peers.iter().any(|(id, peer)| id.as_str() < worker && peer.is_alive(now)) {
        return Vec::new();
    }
    let gone = peers.iter().filter(|(id, peer)| *id != worker && now - peer.heard_ms >= FORGOTTEN_MS);
    gone.map(|(id, _)| (id.clone(), None)).collect()
}

/// The record of a product that this worker owns.
pub fn product_record(product: &ProductName, worker: &str, now: Ms, judged: &Judged) -> Record {
    let mut state = (*judged.state).clone();
    // Memory of the ledger that no status shows.
    state.revisions.clear();
    state.history.clear();
    state.marks.clear();
    state.chains.truncate(CHAINS_MAX);
    state.incidents.truncate(INCIDENTS_MAX);
    while state.ended.len() > ENDED_MAX {
        let oldest = state.ended.keys().min_by_key(|(_, _, first)| *first).cloned();
        oldest.map(|key| state.ended.remove(&key));
    }
    let (worker, task) = (worker.to_owned(), judged.task.clone());
    let (state, budgets) = (Arc::new(state), judged.budgets.clone());
    let owned = Owned { worker, task, at_ms: now, counters: judged.counters, state, budgets };
    let mut value = encode(&owned);
    if value.len() > PRODUCT_BYTES_MAX {
        value = encode(&Owned { state: Arc::new(ProductState::new(product.clone())), ..owned });
    }
    (format!("{PRODUCT_PREFIX}{product}"), Some(value))
}

/// The end of a product's record, once no contract names it.
pub fn product_gone(product: &ProductName) -> Record {
    (format!("{PRODUCT_PREFIX}{product}"), None)
}

/// Takes a record of the topic to the board. `at_once`: it was written since the last look; else it is as old as it says.
pub fn hear(board: &Board, record: LogRecord, at_once: bool, now: Ms) {
    let key = String::from_utf8_lossy(&record.key.unwrap_or_default()).into_owned();
    let named = |prefix: &str| {
        let (domain, name) = key.strip_prefix(prefix)?.split_once('/')?;
        Some(ProductName { domain: domain.into(), name: name.into() })
    };
    if let Some(product) = named(lent::PREFIX) {
        return board.set_lent(product, record.value);
    }
    match named(PRODUCT_PREFIX) {
        Some(product) => {
            // Another version's codec says nothing here; its worker answers for itself.
            let owned = record.value.and_then(|value| decode::<Owned>("a product's record", &value).ok());
            board.set_owned(product, owned);
        }
        None => {
            let beat = record.value.and_then(|value| serde_json::from_slice::<Heartbeat>(&value).ok());
            let heard_ms = if at_once { now } else { record.timestamp_ms.min(now) };
            board.set_peer(&key, beat.map(|beat| Peer { beat, heard_ms }));
        }
    }
}

/// Clocks that follow a time server differ by milliseconds.
const AHEAD_MS: Ms = 10_000;

/// Other workers whose clocks are ahead of this one's, and by how much: no heartbeat is heard before it is written.
pub fn ahead(board: &Board, worker: &str, now: Ms) -> Vec<(String, Ms)> {
    let peers = board.peers().into_iter().filter(|(id, peer)| id != worker && peer.is_alive(now));
    peers.map(|(id, peer)| (id, peer.beat.at_ms - peer.heard_ms)).filter(|(_, by_ms)| *by_ms > AHEAD_MS).collect()
}

fn cut(text: &str) -> String {
    text.chars().take(TEXT_MAX).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_ahead_is_told_of_others_alone_and_while_they_are_heard() {
        const NOW: Ms = 1_764_000_000_000;
        let board = Board::default();
        for (id, ahead_ms) in [("self", 90_000), ("fast", 60_000), ("right", 2_000), ("slow", -60_000)] {
            let beat = Heartbeat { at_ms: NOW + ahead_ms, ..Heartbeat::default() };
            board.set_peer(id, Some(Peer { beat, heard_ms: NOW }));
        }
        assert_eq!(ahead(&board, "self", NOW), [("fast".to_owned(), 60_000)]);
        assert_eq!(ahead(&board, "self", NOW + GONE_MS), [], "it is gone");
    }
}
