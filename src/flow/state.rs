//! What the ledger keeps beyond a window: the records of `_steward.state`, and their codec.

use crate::engine::check::verdict::Status;
use crate::engine::contract::name::{ContractHash, ProductName};
use crate::engine::record::{Offset, TopicId, WindowStart};
use crate::flow::delta::{Extent, WindowKey};
use crate::flow::io::Ms;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Key `partition//{p}`: how far the ledger has applied a delta partition.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PartitionState {
    pub deltas: TopicId,
    /// Next delta to apply.
    pub applied: Offset,
    /// The lowest delta that an open window still needs.
    pub low: Offset,
    /// The group that owns this state: two deployments on one prefix are refused.
    pub group: String,
}

/// Key `{domain}/{name}`: what outlives a window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProductState {
    pub product: ProductName,
    /// Next delta to apply to this product. Behind the partition's as long as nobody speaks of it; ahead of it only
    /// where a crash without transactions tore a flush apart.
    pub applied: Offset,
    pub chains: Vec<Chain>,
    pub topics: Vec<Extent>,
    pub current: Vec<ContractHash>,
    /// Every window that begins before this is closed; a multiple of the window's size, unless that was changed.
    pub closed_through: Option<Ms>,
    /// The lowest partition watermark, as of the last delta.
    pub watermark_ms: Option<Ms>,
    /// The highest event time of a record that was judged.
    pub newest_ms: Option<Ms>,
    /// Spans whose windows cannot be complete any more, and why.
    pub marks: Vec<Mark>,
    /// Revisions of closed windows that got late records; a window without has revision 0.
    pub revisions: BTreeMap<WindowKey, u32>,
    /// Late records of windows before this are too late: their revisions are forgotten.
    pub late_floor: Option<WindowStart>,
    pub incidents: Vec<Incident>,
    /// The last sequence of resolved incidents by contract, rule and first window, as long as late records may open
    /// them again: ids must not repeat.
    pub ended: BTreeMap<(String, String, WindowStart), u64>,
    /// The last outcomes by contract and rule, oldest first, for N of M; only of rules that failed lately.
    pub history: BTreeMap<(String, String), Vec<bool>>,
    /// What catalogs were told of its topics, by a hash of contract id and topic.
    pub told: BTreeMap<String, Told>,
    /// The last windows that had an event, newest last, at most `RECENT`.
    pub recent: Vec<Summary>,
    /// Deltas that an open window may still need and that were not merged as they stand, by their last part's offset.
    pub odd: BTreeMap<Offset, Odd>,
    /// Deltas before this may be odd too, and were too many to remember.
    pub odd_before: Offset,
    /// Records too late to be judged and not yet told in an event.
    pub too_late: u64,
    /// Since the product is known.
    pub totals: Totals,
}

impl ProductState {
    /// A product of which nothing is known.
    pub fn new(product: ProductName) -> ProductState {
        ProductState {
            product,
            applied: 0,
            chains: Vec::new(),
            topics: Vec::new(),
            current: Vec::new(),
            closed_through: None,
            watermark_ms: None,
            newest_ms: None,
            marks: Vec::new(),
            revisions: BTreeMap::new(),
            late_floor: None,
            incidents: Vec::new(),
            ended: BTreeMap::new(),
            history: BTreeMap::new(),
            told: BTreeMap::new(),
            recent: Vec::new(),
            odd: BTreeMap::new(),
            odd_before: 0,
            too_late: 0,
            totals: Totals::default(),
        }
    }

    /// Remembers a delta for a replay; of too many the oldest is forgotten, and what it spoke of is no longer exact.
    pub fn remember(&mut self, delta: Offset, odd: Odd) {
        self.odd.insert(delta, odd);
        if self.odd.len() > ODD_MAX
            && let Some((first, _)) = self.odd.pop_first()
        {
            self.odd_before = first + 1;
        }
    }

    /// How a replay merges a delta.
    pub fn how(&self, delta: Offset) -> Option<Odd> {
        self.odd.get(&delta).copied().or((delta < self.odd_before).then_some(Odd::Inexact))
    }

    /// Lets go of what can be done without, so that the record fits a message: a state that cannot be written would stop
    /// every product beside it. Late records of the windows that are forgotten are too late from now on.
    pub fn slim(&mut self) {
        let revised = self.revisions.keys().map(|k| k.start).max();
        let ended = self.ended.keys().map(|(_, _, first)| *first).max();
        self.late_floor = self.late_floor.max(revised.max(ended).map(|last| last + 1));
        self.revisions.clear();
        self.ended.clear();
        self.recent.clear();
        self.history.clear();
    }
}

/// A state beyond this is slimmed: a message takes 1 MB.
pub const STATE_BYTES_MAX: usize = 900_000;

/// How a delta was merged that was not merged as it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Odd {
    /// Every record of it was counted before: not at all.
    Dropped,
    /// Some records of it were counted before: its windows are not exact.
    Inexact,
}

/// Odd deltas of one product that are remembered: at 7 bytes each 14 kB of its state. A worker that dies makes a few,
/// and only where delivery is at least once or an operator moved the offsets.
pub const ODD_MAX: usize = 2_000;

/// Windows that overlap `[from_ms, to_ms)` are judged as incomplete.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    pub from_ms: Ms,
    pub to_ms: Ms,
    pub reason: String,
}

/// Recent summaries kept for the status: 20 windows are what a status page shows.
pub const RECENT: usize = 20;

/// One partition's intervals, end to end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chain {
    pub topic: String,
    pub id: TopicId,
    pub partition: i32,
    /// Where it began.
    pub from: Offset,
    /// Everything before this is accounted for.
    pub to: Offset,
    pub watermark_ms: Option<Ms>,
    pub caught_up: bool,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Incident {
    /// The contract's id.
    pub contract: String,
    /// The rule's id.
    pub rule: String,
    pub severity: Option<String>,
    pub first_window: WindowStart,
    pub last_window: WindowStart,
    /// Windows that failed since it opened.
    pub failing: u64,
    /// Events sent: 1 opened, then updates.
    pub sequence: u64,
    /// The worst number of failed rows in one window.
    pub worst: u64,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Summary {
    pub window: WindowKey,
    pub end_ms: Ms,
    pub revision: u32,
    pub complete: bool,
    pub status: Status,
    pub score: Option<f64>,
    pub records: u64,
    pub undecodable: u64,
    /// Results that are not pass or skip: rule id, status, failed rows.
    pub findings: Vec<(String, Status, u64)>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    pub records: u64,
    pub undecodable: u64,
    pub unmeasured: u64,
    pub late: u64,
    pub gap_offsets: u64,
    pub windows: u64,
    pub overlaps: u64,
}

/// What catalogs were told last of one topic.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    pub id: TopicId,
    pub hash: ContractHash,
    /// A digest of its schema.
    pub schema: [u8; 8],
    pub at_ms: Ms,
    /// Whether a contract in force names it.
    pub current: bool,
}

/// The key of a product's record.
pub fn product_key(product: &ProductName) -> Vec<u8> {
    product.to_string().into_bytes()
}

/// The key of a delta partition's record; no product has an empty part in its name.
pub fn partition_key(partition: i32) -> Vec<u8> {
    format!("partition//{partition}").into_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_state_that_is_too_large_forgets_and_says_what_is_too_late_now() {
        let mut state = ProductState::new(ProductName { domain: "d".into(), name: "p".into() });
        state.ended.insert(("c".into(), "r".into(), 60_000), 2);
        state.revisions.insert(WindowKey { start: 120_000, hash: ContractHash([0; 16]) }, 1);
        state.slim();
        assert_eq!((state.late_floor, state.ended.len(), state.revisions.len()), (Some(120_001), 0, 0));
    }
}
