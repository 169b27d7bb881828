//! `io.meshsteward.coverage.gap.v1`: offsets that nobody judged.

use crate::engine::check::verdict::Status;
use crate::engine::contract::name::ProductName;
use crate::engine::event::envelope::{self, About, Event, Source, clip, rfc3339};
use crate::engine::event::id;
use crate::engine::event::result::word;
use crate::engine::record::{Interval, Offset, TopicId};
use serde::Serialize;

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
pub fn event(source: &Source, gap: &Gap<'_>) -> Event {
    let about = About {
        kind: KIND,
        schema: "coverage.gap.v1.json",
        id: id::of(&[
            KIND,
            &gap.product.domain,
            &gap.product.name,
            &gap.id.to_string(),
            &gap.partition.to_string(),
            &gap.from.to_string(),
            // No number is empty: an unknown end is not any end.
            &gap.to.map(|to| to.to_string()).unwrap_or_default(),
        ]),
        product: gap.product,
        time_ms: gap.time_ms,
        severity: None,
        verdict: word(Status::Unknown),
    };
    envelope::event(source, about, &value(gap))
}

const KIND: &str = "io.meshsteward.coverage.gap.v1";

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Value {
    product: String,
    domain: String,
    owner: String,
    topic: String,
    topic_id: String,
    partition: i32,
    from: i64,
    /// `null`: the topic is gone and took its end along.
    to: Option<i64>,
    /// How many offsets; `null` where `to` is.
    offsets: Option<u64>,
    reason: &'static str,
    /// The reason in words.
    message: &'static str,
    found: String,
}

fn value(gap: &Gap<'_>) -> Value {
    let (reason, message) = match gap.reason {
        Reason::Deleted => {
            ("deleted", "the log's start overtook the reader: the records were deleted before they were judged")
        }
        Reason::Recreated => {
            ("recreated", "the topic was deleted and created again: what the old one still held was not judged")
        }
        Reason::DeltasLost => {
            ("deltas-lost", "the records were read, and what was learned of them was deleted before it was summed up")
        }
    };
    Value {
        product: gap.product.to_string(),
        domain: gap.product.domain.clone(),
        owner: clip(gap.owner),
        topic: clip(gap.topic),
        topic_id: gap.id.to_string(),
        partition: gap.partition,
        from: gap.from,
        to: gap.to,
        offsets: gap.to.map(|to| Interval { from: gap.from, to }.len()),
        reason,
        message,
        found: rfc3339(gap.time_ms),
    }
}
