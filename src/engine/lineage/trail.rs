//! What headers of records tell of their way: which trace, event or dead letter stands in which topics. Sampled by who reads
//! records anyway, in a bound of its own, and joined by `lineage::hops`.
//!
//! Read are `traceparent` (<https://www.w3.org/TR/trace-context/>, 3.2), `ce_source` with `ce_id` (CloudEvents' Kafka binding,
//! binary mode), and the headers of dead letters by Kafka Connect (KIP-298) and Spring for Apache Kafka.

use crate::engine::event::id;
use crate::engine::record::{Headers, RawRecord};
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Looked at are the records that come in the first 2 s of 20, on all workers: a hop that takes less is seen at both ends, and nine
/// records of ten cost nothing.
const EVERY_MS: i64 = 20_000;
const OPEN_MS: i64 = 2_000;
/// Of one flush. The smallest traces are kept, so that all workers keep the same ones: at 50 bytes each 13 kB.
const SEEN_MAX: usize = 256;
const LETTERS_MAX: usize = 64;
/// Headers of one record: who writes more is not looked at further.
const HEADERS_MAX: usize = 64;

/// What was sampled since the last flush.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trail {
    /// The first time at which a trace was seen in a topic, by the record's timestamp, milliseconds since 1970.
    seen: BTreeMap<String, BTreeMap<u64, i64>>,
    letters: BTreeSet<Letter>,
    /// Traces and letters that were seen and found no room.
    #[serde(default, skip_serializing_if = "is_none")]
    dropped: u64,
}

fn is_none(count: &u64) -> bool {
    *count == 0
}

/// A record that could not be processed, and where it came from.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Letter {
    pub from: String,
    pub to: String,
    /// The connector or consumer group that gave it up, where it says so.
    pub by: String,
}

impl Trail {
    /// Takes records of a topic in, `now_ms` when they came.
    pub fn look(&mut self, now_ms: i64, topic: &str, records: &[RawRecord<'_>]) {
        if now_ms.rem_euclid(EVERY_MS) >= OPEN_MS {
            return;
        }
        for record in records {
            let Some(headers) = record.headers else { continue };
            let at_ms = if record.timestamp_ms < 0 { now_ms } else { record.timestamp_ms };
            self.see(topic, at_ms, headers);
        }
    }

    fn see(&mut self, topic: &str, at_ms: i64, headers: &dyn Headers) {
        let (mut source, mut event, mut from, mut by) = (None, None, None, None);
        for (name, value) in (0..HEADERS_MAX).map_while(|index| headers.at(index)) {
            let Some(value) = value else { continue };
            match name {
                b"traceparent" => trace(value).into_iter().for_each(|trace| self.insert(topic, trace, at_ms)),
                b"ce_source" => source = Some(value),
                b"ce_id" => event = Some(value),
                b"__connect.errors.topic" | b"kafka_dlt-original-topic" => from = Some(value),
                b"__connect.errors.connector.name" | b"kafka_dlt-original-consumer-group" => by = Some(value),
                _ => {}
            }
        }
        if let (Some(source), Some(event)) = (source.and_then(text), event.and_then(text)) {
            let hash = id::of(&[source, event]);
            hash.get(..16).and_then(|hex| u64::from_str_radix(hex, 16).ok()).into_iter().for_each(|trace| {
                self.insert(topic, trace, at_ms);
            });
        }
        if let Some(from) = from.and_then(text).filter(|from| *from != topic) {
            let by = by.and_then(text).unwrap_or_default().to_owned();
            let letter = Letter { from: from.to_owned(), to: topic.to_owned(), by };
            if self.letters.len() < LETTERS_MAX || self.letters.contains(&letter) {
                self.letters.insert(letter);
            } else {
                self.dropped += 1;
            }
        }
    }

    fn insert(&mut self, topic: &str, trace: u64, at_ms: i64) {
        if !self.seen.contains_key(topic) {
            self.seen.insert(topic.to_owned(), BTreeMap::new());
        }
        let Some(of_topic) = self.seen.get_mut(topic) else { return };
        let first_ms = of_topic.entry(trace).or_insert(at_ms);
        *first_ms = at_ms.min(*first_ms);
        if self.seen.values().map(BTreeMap::len).sum::<usize>() > SEEN_MAX {
            let largest = |of_topic: &BTreeMap<u64, i64>| of_topic.last_key_value().map(|(trace, _)| *trace);
            let topic = self.seen.iter().max_by_key(|(_, of_topic)| largest(of_topic)).map(|(topic, _)| topic.clone());
            topic.and_then(|topic| self.seen.get_mut(&topic)).and_then(BTreeMap::pop_last);
            self.dropped += 1;
        }
    }

    pub fn is_empty(&self) -> bool {
        self.seen.values().all(BTreeMap::is_empty) && self.letters.is_empty()
    }

    /// Topic, trace, and the time at which it was first there.
    pub fn seen(&self) -> impl Iterator<Item = (&str, u64, i64)> {
        self.seen.iter().flat_map(|(topic, of)| of.iter().map(move |(trace, at_ms)| (topic.as_str(), *trace, *at_ms)))
    }

    pub fn letters(&self) -> &BTreeSet<Letter> {
        &self.letters
    }

    /// How often a trace or letter was seen that found no room.
    pub fn dropped(&self) -> u64 {
        self.dropped
    }
}

/// The lower half of a trace id, which is random where any of it is (3.2.2.3).
fn trace(value: &[u8]) -> Option<u64> {
    let value = text(value)?;
    let mut parts = value.split('-');
    let (version, trace) = (parts.next()?, parts.next()?);
    let is_id = version.len() == 2 && trace.len() == 32 && trace.bytes().all(|byte| byte.is_ascii_hexdigit());
    let id = u64::from_str_radix(trace.get(16..)?, 16).ok()?;
    (is_id && id != 0).then_some(id)
}

fn text(value: &[u8]) -> Option<&str> {
    std::str::from_utf8(value).ok().filter(|text| !text.is_empty() && text.len() <= 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    type List<'a> = Vec<(&'a [u8], Option<&'a [u8]>)>;

    fn look(trail: &mut Trail, now_ms: i64, topic: &str, at_ms: i64, headers: &[(&str, &str)]) {
        let list: List<'_> = headers.iter().map(|(name, value)| (name.as_bytes(), Some(value.as_bytes()))).collect();
        let record = RawRecord { timestamp_ms: at_ms, headers: Some(&list), ..RawRecord::empty(0) };
        trail.look(now_ms, topic, &[record]);
    }

    const TRACE: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

    #[test]
    fn a_trace_is_where_it_was_first_seen() {
        let mut trail = Trail::default();
        for (topic, at_ms) in [("a", 7), ("a", 5), ("b", 9)] {
            look(&mut trail, 60_001, topic, at_ms, &[("other", "x"), ("traceparent", TRACE)]);
        }
        let seen: Vec<_> = trail.seen().collect();
        assert_eq!(seen, [("a", 0x8448_eb21_1c80_319c, 5), ("b", 0x8448_eb21_1c80_319c, 9)]);
    }

    #[test]
    fn what_is_no_trace_is_none() {
        let check = |headers: &[(&str, &str)], seen: usize| {
            let mut trail = Trail::default();
            look(&mut trail, 0, "a", 1, headers);
            assert_eq!(trail.seen().count(), seen, "{headers:?}");
        };
        check(&[("traceparent", TRACE)], 1);
        check(&[("traceparent", "")], 0);
        check(&[("traceparent", "00-0af7-b7ad-01")], 0);
        check(&[("traceparent", "00-00000000000000000000000000000000-b7ad6b7169203331-01")], 0);
        check(&[("traceparent", "00-zzf7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")], 0);
        check(&[("ce_id", "1"), ("ce_source", "/shop")], 1);
        check(&[("ce_id", "1")], 0);
    }

    #[test]
    fn two_seconds_of_twenty_are_looked_at() {
        for (now_ms, seen) in [(0, 1), (1_999, 1), (2_000, 0), (19_999, 0), (20_000, 1)] {
            let mut trail = Trail::default();
            look(&mut trail, now_ms, "a", 1, &[("traceparent", TRACE)]);
            assert_eq!(trail.seen().count(), seen, "{now_ms}");
        }
    }

    #[test]
    fn a_dead_letter_names_where_it_came_from_and_who_gave_it_up() {
        let mut trail = Trail::default();
        let connect = [("__connect.errors.topic", "orders"), ("__connect.errors.connector.name", "sink")];
        look(&mut trail, 0, "dead", 1, &connect);
        look(&mut trail, 0, "orders.DLT", 1, &[("kafka_dlt-original-topic", "orders")]);
        look(&mut trail, 0, "orders", 1, &[("kafka_dlt-original-topic", "orders")]);
        let letters: Vec<_> = trail.letters().iter().map(|l| (l.from.as_str(), l.to.as_str(), l.by.as_str())).collect();
        assert_eq!(letters, [("orders", "dead", "sink"), ("orders", "orders.DLT", "")]);
    }

    #[test]
    fn of_many_the_same_are_kept_wherever_they_are_seen() {
        let kept = |topic: &str, order: &mut dyn Iterator<Item = u64>| {
            let mut trail = Trail::default();
            order.for_each(|trace| trail.insert(topic, trace * 7, 1));
            assert_eq!(trail.dropped(), 1_000 - SEEN_MAX as u64, "{topic}: the others are counted");
            trail.seen().map(|(_, trace, _)| trace).collect::<Vec<_>>()
        };
        let (up, down) = (kept("a", &mut (0..1_000)), kept("b", &mut (0..1_000).rev()));
        assert_eq!(up, down);
        assert_eq!(up.len(), SEEN_MAX);
    }
}
