//! How far behind its log a product is, for `/metrics` and for its status.

use crate::catalog::offsets::Offsets;
use crate::flow::io::{Ms, Part};
use crate::flow::state::ProductState;
use std::collections::BTreeSet;

#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Lag {
    /// Offsets that are not read yet.
    pub records: i64,
    /// Since the time that the slowest of the partitions behind is read up to; `None`: one was never read from.
    pub seconds: Option<f64>,
}

/// `None` until the first look at the log's ends, and where nobody can look any more: the last value would say that all is well.
pub fn of(topics: &BTreeSet<String>, state: &ProductState, offsets: &Offsets, now: Ms) -> Option<Lag> {
    let mine: Vec<_> = offsets.of(topics).collect();
    if mine.is_empty() || !offsets.are_fresh(now) {
        return None;
    }
    let records = mine.iter().map(|(_, reach)| reach.lag()).sum();
    let behind = mine.into_iter().filter(|(_, reach)| reach.lag() > 0).map(|(part, _)| part);
    let read_up_to = |part: &Part| {
        let chain = state.chains.iter().find(|c| *c.topic == *part.topic && c.partition == part.partition);
        chain.and_then(|chain| chain.watermark_ms)
    };
    let seconds = match behind.map(read_up_to).min() {
        None => Some(0.0),
        Some(since) => since.map(|since| (now - since).max(0) as f64 / 1000.0),
    };
    Some(Lag { records, seconds })
}
