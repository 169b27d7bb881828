//! `io.meshsteward.coverage.gap.v1`: offsets that nobody judged.

use crate::engine::contract::name::ProductName;
use crate::engine::event::envelope::{Event, Source};
use crate::engine::record::{Offset, TopicId};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reason {
    /// The log's start overtook the reader: retention or DeleteRecords.
    Deleted,
    /// The topic was deleted and created again; the end of the old one is not known.
    Recreated,
    /// Deltas were deleted before the ledger had read them.
    DeltasLost,
}

/// What a gap event says.
#[derive(Clone, Debug, PartialEq)]
pub struct Gap<'a> {
    pub product: &'a ProductName,
    pub owner: &'a str,
    pub topic: &'a str,
    pub id: TopicId,
    pub partition: i32,
    pub from: Offset,
    /// `None`: unknown, the topic is gone.
    pub to: Option<Offset>,
    pub reason: Reason,
    /// When it was found: the delta's append time.
    pub time_ms: i64,
}

/// The event; the same topic id, partition and interval of a product give the same `ce_id`.
pub fn event(_source: &Source, _gap: &Gap<'_>) -> Event {
    Event::default()
}
