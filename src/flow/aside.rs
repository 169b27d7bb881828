//! Records put aside: copies of bad records, which go to quarantine with the flush that counts them.
//!
//! A copy is a message of the flush's transaction, beside the deltas and the offsets, so that a crash leaves neither a copy
//! without its count nor a record that is copied twice. The original stays where it is.

use crate::engine::contract::name::{ContractHash, ProductName};
use crate::engine::record::{Offset, Position, RawRecord};
use crate::flow::io::{Message, Ms, Original, Part, Whose};
use crate::flow::judge::{Judge, Lens, Why};
use crate::flow::learned::Learned;
use crate::flow::mutation::{Mutation, planted};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What a topic's quarantine is called after it. A topic so called is never governed, so a quarantine has none itself.
pub const SUFFIX: &str = ".quarantine";
/// Headers of a copy, behind those of its record.
pub const PRODUCT: &str = "steward.product";
pub const CONTRACT: &str = "steward.contract";
pub const VERSION: &str = "steward.version";
/// Ids, parted by commas.
pub const RULES: &str = "steward.rules";
pub const REASON: &str = "steward.reason";
pub const TOPIC: &str = "steward.topic";
pub const TOPIC_ID: &str = "steward.topic.id";
pub const PARTITION: &str = "steward.partition";
pub const OFFSET: &str = "steward.offset";
/// Milliseconds since 1970, or -1.
pub const TIMESTAMP: &str = "steward.timestamp";
/// Of a record that came out of quarantine: how often.
pub const REPLAYS: &str = "steward.replays";
/// What the headers of a copy say of it, in this order.
pub const SAID: [&str; 10] = [PRODUCT, CONTRACT, VERSION, RULES, REASON, TOPIC, TOPIC_ID, PARTITION, OFFSET, TIMESTAMP];

/// After a quarantine could not be written, nothing is copied to it for so long: what is bad meanwhile is counted as lost.
const REFUSED_MS: Ms = 60_000;
/// Names and values of our own headers, numbers and framing; 200 characters are what an id may have.
const HEADERS_BYTES: usize = 400;

/// Copies since the last flush.
#[derive(Clone, Debug, Default)]
pub struct Aside {
    copies: Vec<Copy>,
    bytes: usize,
    /// Quarantines that cannot be written: why, and until when nothing is copied to them.
    refused: BTreeMap<Arc<str>, (String, Ms)>,
    /// The largest message that the producer takes.
    copy_bytes_max: usize,
}

#[derive(Clone, Debug)]
struct Copy {
    message: Message,
    /// Where its record was read.
    partition: i32,
    at: Position,
    offset: Offset,
    hash: ContractHash,
    /// Where its record was counted.
    place: (usize, usize),
}

impl Aside {
    pub fn new(copy_bytes_max: usize) -> Aside {
        Aside { copy_bytes_max, ..Aside::default() }
    }

    /// Copies a bad record, which was counted in this place. The number of bytes that it adds to the flush, or why it cannot
    /// be copied.
    #[allow(clippy::too_many_arguments, reason = "each says where the record or its count stands")]
    pub fn take(
        &mut self,
        now: Ms,
        part: &Part,
        at: Position,
        record: &RawRecord<'_>,
        lens: &Lens,
        place: (usize, usize),
        why: Why,
    ) -> Result<usize, String> {
        let topic = quarantine_of(&part.topic);
        if let Some((why, until)) = self.refused.get(&topic) {
            if now < *until {
                return Err(why.clone());
            }
            self.refused.remove(&topic);
        }
        let owned = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
        let headers: Vec<_> = (0..)
            .map_while(|index| record.headers?.at(index))
            .map(|(name, value)| (String::from_utf8_lossy(name).into_owned(), owned(value)))
            .collect();
        let of_headers: usize =
            headers.iter().map(|(name, value)| 4 + name.len() + value.as_ref().map_or(0, Vec::len)).sum();
        let bytes = record.bytes() as usize + of_headers + HEADERS_BYTES + why.bytes();
        if bytes > self.copy_bytes_max {
            return Err(format!(
                "a copy of {bytes} bytes is larger than the {} that the producer takes: raise its message.max.bytes",
                self.copy_bytes_max
            ));
        }
        let message = Message {
            partition: None,
            key: owned(record.key),
            headers: said(&lens.product, part, at, record, &why),
            value: owned(record.value),
            copied: Some(Original { timestamp_ms: record.timestamp_ms, headers }),
            about: Some(Whose::Quarantine(topic.clone())),
            topic,
        };
        let partition = part.partition;
        self.copies.push(Copy { message, partition, at, offset: record.offset, hash: lens.hash, place });
        self.bytes += bytes;
        Ok(bytes)
    }

    /// What all copies weigh.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    pub fn is_empty(&self) -> bool {
        self.copies.is_empty()
    }

    /// What a flush takes along.
    pub fn cut(&mut self) -> Aside {
        let kept = Aside { refused: self.refused.clone(), ..Aside::new(self.copy_bytes_max) };
        if planted(Mutation::CopiesStay) { self.clone() } else { std::mem::replace(self, kept) }
    }

    /// Drops what is not committed.
    pub fn reset(&mut self) {
        self.copies.clear();
        self.bytes = 0;
    }

    pub fn refuse(&mut self, topic: Arc<str>, why: String, now: Ms) {
        self.refused.insert(topic, (why, now + REFUSED_MS));
    }

    /// The quarantines that these copies go to, and the partitions that a new one gets: `partitions` of its topic.
    pub fn quarantines(&self, partitions: impl Fn(&str) -> Option<i32>) -> Vec<(Arc<str>, i32)> {
        let mut found: BTreeMap<Arc<str>, i32> = BTreeMap::new();
        for copy in &self.copies {
            let known = found.entry(copy.message.topic.clone()).or_insert_with(|| {
                let original = copy.message.topic.strip_suffix(SUFFIX).unwrap_or_default();
                partitions(original).unwrap_or_default()
            });
            *known = (*known).max(copy.partition + 1);
        }
        found.into_iter().collect()
    }

    /// The copies that can be written, each counted in its window, as are those that cannot. `standing`: the partitions of
    /// each quarantine, or why it cannot be written.
    pub fn messages<J: Judge>(
        &mut self,
        judge: &J,
        learned: &mut Learned<J::Tally>,
        standing: &BTreeMap<Arc<str>, Result<i32, String>>,
    ) -> Vec<Message> {
        let unknown = Err("it was not looked at".to_owned());
        let mut messages = Vec::with_capacity(self.copies.len());
        for Copy { mut message, partition, at, offset, hash, place } in std::mem::take(&mut self.copies) {
            let lost = match standing.get(&message.topic).unwrap_or(&unknown) {
                Ok(partitions) => {
                    // A quarantine that has fewer, of a topic that has grown, takes them all the same.
                    message.partition = Some(partition % (*partitions).max(1));
                    messages.push(message);
                    None
                }
                Err(why) => Some(why.as_str()),
            };
            if let Some(tally) = learned.at(place) {
                judge.put_aside(hash, at, offset, lost, tally);
            }
        }
        messages
    }
}

pub fn quarantine_of(topic: &str) -> Arc<str> {
    format!("{topic}{SUFFIX}").into()
}

/// What a copy says of its record. Never a value of it.
fn said(
    product: &ProductName,
    part: &Part,
    at: Position,
    record: &RawRecord<'_>,
    why: &Why,
) -> Vec<(&'static str, String)> {
    vec![
        (PRODUCT, product.to_string()),
        (CONTRACT, why.contract.clone()),
        (VERSION, why.version.clone()),
        (RULES, why.rules.join(",")),
        (REASON, why.reason.clone()),
        (TOPIC, part.topic.to_string()),
        (TOPIC_ID, at.topic.to_string()),
        (PARTITION, part.partition.to_string()),
        (OFFSET, record.offset.to_string()),
        (TIMESTAMP, record.timestamp_ms.to_string()),
    ]
}

impl Why {
    fn bytes(&self) -> usize {
        let rules: usize = self.rules.iter().map(|rule| rule.len() + 1).sum();
        rules + self.reason.len() + self.contract.len() + self.version.len()
    }
}
