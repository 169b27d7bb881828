//! `io.meshsteward.quality.window.v1`: one window's verdict.

use crate::engine::check::tally::Counts;
use crate::engine::check::verdict::Verdict;
use crate::engine::contract::name::{ContractHash, ProductName};
use crate::engine::event::envelope::{Event, Source};
use crate::engine::record::{Interval, TopicId};
use std::collections::BTreeMap;

/// What a window event says beside its verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct Window<'a> {
    pub product: &'a ProductName,
    pub owner: &'a str,
    pub contract_id: &'a str,
    pub contract_version: &'a str,
    pub hash: ContractHash,
    pub start_ms: i64,
    pub end_ms: i64,
    pub revision: u32,
    pub complete: bool,
    /// Why it is not complete; empty where it is.
    pub incomplete: &'a str,
    pub late: bool,
    /// False where a record may have been counted twice.
    pub exact: bool,
    pub coverage: &'a [Coverage],
    pub counts: Counts,
    /// Records too late to be judged, told here and in no other event.
    pub too_late: u64,
    pub undecodable: &'a BTreeMap<String, u64>,
}

/// The offsets that a window's deltas cover in one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    pub topic: String,
    pub id: TopicId,
    pub partition: i32,
    pub interval: Interval,
}

/// The event; the same window, contract and revision give the same `ce_id`.
pub fn event(_source: &Source, _window: &Window<'_>, _verdict: &Verdict) -> Event {
    Event::default()
}
