//! Where a record stands and what it holds: topic ids, half-open offset intervals, raw records.

use serde::{Deserialize, Serialize};
use std::fmt;

/// The position *next to read*, everywhere, as Kafka commits it.
pub type Offset = i64;

/// A topic's identity (KIP-516): it changes when a topic is deleted and created again under its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TopicId(pub u128);

impl fmt::Display for TopicId {
    /// URL-safe base64 without padding, as Kafka's own tools print it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use base64::Engine;
        f.write_str(&base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(self.0.to_be_bytes()))
    }
}

impl TopicId {
    /// Reads what `Display` wrote; `None` for anything else.
    pub fn parse(text: &str) -> Option<TopicId> {
        use base64::Engine;
        let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(text).ok()?;
        Some(TopicId(u128::from_be_bytes(bytes.try_into().ok()?)))
    }
}

/// The offsets `[from, to)`: `from` was read, `to` was not. Offsets inside may be missing (control records,
/// aborted records, compaction).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Interval {
    pub from: Offset,
    pub to: Offset,
}

impl Interval {
    /// How many offsets it spans, 0 for an idle `[n, n)`.
    pub fn len(self) -> u64 {
        self.to.saturating_sub(self.from).max(0) as u64
    }

    pub fn is_empty(self) -> bool {
        self.to <= self.from
    }
}

/// A record as it came from the broker; the bytes are the consumer's.
#[derive(Clone, Copy, Debug)]
pub struct RawRecord<'a> {
    pub offset: Offset,
    /// The record's timestamp, or -1 where the producer sent none.
    pub timestamp_ms: i64,
    pub key: Option<&'a [u8]>,
    /// `None` is a tombstone.
    pub value: Option<&'a [u8]>,
    /// The header `__value_schema_id`, by which Confluent's serialisers name a schema outside the value: a magic byte 1
    /// and a GUID of 16 bytes, or a magic byte 0 and an id of 4.
    pub schema_header: Option<&'a [u8]>,
    /// `None`: nobody can say which it has, as of a line of a file. A record without headers has a list of none.
    pub headers: Option<&'a dyn Headers>,
}

/// A record's headers, in their order; they are read where they lie, and only when somebody asks.
pub trait Headers: fmt::Debug {
    /// The name and the value, which may be null; `None` beyond the last.
    fn at(&self, index: usize) -> Option<(&[u8], Option<&[u8]>)>;
}

impl dyn Headers + '_ {
    /// The value of the last of this name.
    pub fn last(&self, name: &[u8]) -> Option<Option<&[u8]>> {
        (0..).map_while(|index| self.at(index)).filter(|(found, _)| *found == name).map(|(_, value)| value).last()
    }
}

impl Headers for Vec<(&[u8], Option<&[u8]>)> {
    fn at(&self, index: usize) -> Option<(&[u8], Option<&[u8]>)> {
        self.get(index).copied()
    }
}

impl RawRecord<'_> {
    /// A tombstone without key, time and headers: what others are written as a difference to.
    pub fn empty(offset: Offset) -> RawRecord<'static> {
        RawRecord { offset, timestamp_ms: -1, key: None, value: None, schema_header: None, headers: None }
    }

    /// Whether the record may name a schema of a registry: by its header, or by a frame, which begins with a zero
    /// or a one.
    pub fn may_name_schema(&self) -> bool {
        self.schema_header.is_some() || self.value.is_some_and(|value| matches!(value.first(), Some(0 | 1)))
    }

    /// What it weighs in the profile: key and value, without headers and framing.
    pub fn bytes(&self) -> u64 {
        (self.key.map_or(0, <[u8]>::len) + self.value.map_or(0, <[u8]>::len)) as u64
    }
}

/// Where records are read: what a sample of a record needs beside its offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Position {
    pub topic: TopicId,
    pub partition: i32,
}

/// An event-time window `[start, start + size)`, named by its start.
pub type WindowStart = i64;

/// The start of the window of `size_ms` that holds `time_ms`; also right before 1970.
pub fn window_of(time_ms: i64, size_ms: i64) -> WindowStart {
    time_ms.div_euclid(size_ms) * size_ms
}
