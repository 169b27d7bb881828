//! What one window of one contract version has counted: a commutative monoid, so that it merges in any order.

use crate::engine::check::aggregate::{self, Addend, Aggregate};
use crate::engine::check::keys::{KEY_BYTES, Keys, Rows};
use crate::engine::check::sla::Times;
use crate::engine::profile::state::Profile;
use crate::engine::record::{Interval, Offset, TopicId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Samples of one rule: enough to see a pattern.
pub const MAX_SAMPLES_PER_RULE: usize = 5;
/// Samples of a window: at some 150 bytes each they stay within 8 KB of an event.
pub const MAX_SAMPLES: usize = 50;
/// Partitions of a window of which it is said where records were not measured: at 100 bytes each, 10 KB of an event.
pub const MAX_UNMEASURED: usize = 100;

/// Counts of one (product, contract hash, window). `Tally::default()` is the identity of `merge`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    pub counts: Counts,
    /// Why records could not be decoded, by reason.
    pub undecodable: BTreeMap<String, u64>,
    /// Where records were counted and not measured, for the first `MAX_UNMEASURED` partitions.
    pub unmeasured: BTreeMap<(TopicId, i32), Unmeasured>,
    /// By rule number; an empty vector stands for all zeros.
    pub rules: Vec<RuleTally>,
    /// A capped number for each rule, the lowest positions first.
    pub samples: Vec<Sample>,
    /// What the values look like.
    pub profile: Profile,
}

/// Every record of the window is in `records`, tombstones and undecodable ones too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub records: u64,
    pub bytes: u64,
    pub tombstones: u64,
    pub undecodable: u64,
    /// Records that nobody could read for a reason that is not theirs: their schema could not be had.
    pub unmeasured: u64,
    /// Timestamps too far ahead of the clock; judged in the window of their arrival.
    pub future: u64,
}

impl Counts {
    pub fn add(&mut self, other: &Counts) {
        self.records += other.records;
        self.bytes += other.bytes;
        self.tombstones += other.tombstones;
        self.undecodable += other.undecodable;
        self.unmeasured += other.unmeasured;
        self.future += other.future;
    }
}

/// Where a partition's records were not measured.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unmeasured {
    /// From the first such record to the last; others may lie between them.
    pub interval: Interval,
    pub reason: String,
}

/// What one rule has counted.
///
/// On the wire it is two numbers and one optional thing, keys, aggregates or times: a rule has one of them (`check::wire`).
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleTally {
    /// Rows it was asked of.
    pub asked: u64,
    /// Rows that broke it; of uniqueness 0, for only the merged keys tell (`failed_rows`).
    pub failed: u64,
    /// Uniqueness only: the keyed hashes seen.
    pub keys: Option<Keys>,
    /// A query only: what its aggregates have come to; empty where it was asked of nothing.
    pub aggregates: Vec<Aggregate>,
    /// A service level only: what the times of its records have shown.
    pub times: Option<Box<Times>>,
}

/// One record that broke a rule, or could not be decoded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Sample {
    /// The rule's number; `None` for undecodable records and timestamps from the future.
    pub rule: Option<u32>,
    pub topic: TopicId,
    pub partition: i32,
    pub offset: Offset,
    pub reason: String,
    /// Masked; empty for classified fields.
    pub value: String,
}

impl Tally {
    /// Adds what another has counted of other records.
    pub fn merge(&mut self, other: Tally) {
        self.counts.add(&other.counts);
        for (reason, count) in other.undecodable {
            *self.undecodable.entry(reason).or_default() += count;
        }
        for (place, other) in other.unmeasured {
            self.not_measured(place, other);
        }
        if self.rules.len() < other.rules.len() {
            self.rules.resize_with(other.rules.len(), RuleTally::default);
        }
        for (rule, other) in self.rules.iter_mut().zip(other.rules) {
            rule.merge(other);
        }
        if !other.samples.is_empty() {
            self.samples.extend(other.samples);
            cap(&mut self.samples);
        }
        self.profile.merge(other.profile);
    }

    /// Widens the partition's interval; of several reasons the first by the alphabet stands, whatever the order.
    pub fn not_measured(&mut self, place: (TopicId, i32), other: Unmeasured) {
        match self.unmeasured.get_mut(&place) {
            Some(known) => {
                known.interval.from = known.interval.from.min(other.interval.from);
                known.interval.to = known.interval.to.max(other.interval.to);
                if other.reason < known.reason {
                    known.reason = other.reason;
                }
            }
            None => drop(self.unmeasured.insert(place, other)),
        }
        // The lowest stay, so that what is dropped early would be dropped late as well.
        while self.unmeasured.len() > MAX_UNMEASURED {
            self.unmeasured.pop_last();
        }
    }

    /// The rule's counts, zeros where it has none yet.
    pub fn rule(&mut self, number: usize) -> &mut RuleTally {
        if self.rules.len() <= number {
            self.rules.resize_with(number + 1, RuleTally::default);
        }
        &mut self.rules[number]
    }

    pub fn undecodable(&mut self, reason: &str) {
        self.counts.undecodable += 1;
        match self.undecodable.get_mut(reason) {
            Some(count) => *count += 1,
            None => drop(self.undecodable.insert(reason.to_string(), 1)),
        }
    }

    /// Keeps the sample if it is among the first; it is made only where it may be, so that a flood costs little.
    pub fn sample(&mut self, rule: Option<u32>, reason: &str, offset: Offset, make: impl FnOnce() -> Sample) {
        // They stand by offset (`cap`).
        let before = &self.samples[..self.samples.partition_point(|s| s.offset < offset)];
        let mut alike = before.iter().filter(|s| s.rule == rule && (s.reason == FUTURE) == (reason == FUTURE));
        if before.len() < MAX_SAMPLES && alike.nth(MAX_SAMPLES_PER_RULE - 1).is_none() {
            self.samples.push(make());
            cap(&mut self.samples);
        }
    }

    /// Roughly what it weighs when written.
    pub fn weight_bytes(&self) -> usize {
        let undecodable: usize = self.undecodable.keys().map(|reason| reason.len() + 6).sum();
        let rules: usize = self.rules.iter().map(RuleTally::weight_bytes).sum();
        let samples: usize = self.samples.iter().map(|s| 40 + s.reason.len() + s.value.len()).sum();
        let unmeasured: usize = self.unmeasured.values().map(|u| 40 + u.reason.len()).sum();
        32 + undecodable + unmeasured + rules + samples + self.profile.weight_bytes()
    }

    /// Pieces of at most about `max_bytes`, whose merge is the whole. Keys and the fields of the profile are parted: all
    /// else is bounded by the contract's rules and `MAX_SAMPLES`.
    pub fn split(mut self, max_bytes: usize) -> Vec<Tally> {
        if self.weight_bytes() <= max_bytes {
            return vec![self];
        }
        let fields = self.profile.take_pieces();
        let mut keys = Vec::new();
        for (number, rule) in self.rules.iter_mut().enumerate() {
            if let Some(Keys::Exact(set)) = rule.keys.take_if(|k| matches!(k, Keys::Exact(set) if !set.is_empty())) {
                keys.extend(set.into_sorted().into_iter().map(|key| (number, key)));
            }
        }
        let mut parted = Vec::new();
        for (number, rule) in self.rules.iter_mut().enumerate() {
            let none: Vec<Aggregate> = rule.aggregates.iter().map(Aggregate::none).collect();
            for (part, aggregate) in rule.aggregates.iter_mut().enumerate() {
                let keys = aggregate.take_keys();
                if !keys.is_empty() {
                    parted.push((number, part, none.clone(), keys));
                }
            }
        }
        let mut pieces = Pieces { weight: self.weight_bytes(), piece: self, done: Vec::new(), max_bytes };
        for field in fields {
            pieces.room(field.weight_bytes(), 0).profile.put(field);
        }
        for (number, key) in keys {
            pieces.room(KEY_BYTES, (number + 1) * RULE_BYTES).rule(number).insert(key);
        }
        for (number, part, none, keys) in parted {
            let first_bytes = (number + 1) * RULE_BYTES + none.iter().map(Aggregate::weight_bytes).sum::<usize>();
            for key in keys {
                let rule = pieces.room(KEY_BYTES, first_bytes).rule(number);
                if rule.aggregates.is_empty() {
                    rule.aggregates.clone_from(&none);
                }
                if let Some(aggregate) = rule.aggregates.get_mut(part) {
                    aggregate.add(Addend::Key(key));
                }
            }
        }
        pieces.done.push(pieces.piece);
        pieces.done
    }
}

/// The pieces of a tally being filled, one after the other.
struct Pieces {
    done: Vec<Tally>,
    piece: Tally,
    weight: usize,
    max_bytes: usize,
}

impl Pieces {
    /// A piece that has room for so much; a new one begins with `first_bytes` more, and takes at least this.
    fn room(&mut self, bytes: usize, first_bytes: usize) -> &mut Tally {
        if self.weight + bytes > self.max_bytes {
            self.done.push(std::mem::take(&mut self.piece));
            self.weight = self.piece.weight_bytes() + first_bytes;
        }
        self.weight += bytes;
        &mut self.piece
    }
}

/// Two varints and a tag.
const RULE_BYTES: usize = 7;

impl RuleTally {
    fn merge(&mut self, other: RuleTally) {
        self.asked += other.asked;
        self.failed += other.failed;
        aggregate::merge(&mut self.aggregates, other.aggregates);
        if let Some(times) = other.times {
            self.times.get_or_insert_default().merge(*times);
        }
        self.keys = match (self.keys.take(), other.keys) {
            (Some(a), Some(b)) => Some(a.merged(b)),
            (a, b) => a.or(b),
        };
    }

    /// False: the key was seen before.
    pub fn insert(&mut self, key: u64) -> bool {
        self.keys.get_or_insert_default().insert(key)
    }

    /// Rows that broke the rule. Of uniqueness: rows beyond the first of their key, which is an estimate beyond
    /// `MAX_KEYS`; the error says why there is none.
    pub fn failed_rows(&self) -> Result<Rows, String> {
        match &self.keys {
            None => Ok(Rows::exact(self.failed)),
            Some(keys) => keys.duplicates(self.asked),
        }
    }

    fn weight_bytes(&self) -> usize {
        let aggregates: usize = self.aggregates.iter().map(Aggregate::weight_bytes).sum();
        let times = self.times.as_ref().map_or(0, |times| times.weight_bytes());
        RULE_BYTES + self.keys.as_ref().map_or(0, Keys::weight_bytes) + aggregates + times
    }
}

impl Sample {
    /// What `MAX_SAMPLES_PER_RULE` counts together: a rule's, undecodable records', those of the future.
    fn group(&self) -> (Option<u32>, bool) {
        (self.rule, self.reason == FUTURE)
    }
}

/// The first samples of each rule, then the first of all. Both cuts follow one total order, so that a sample that is
/// dropped early would be dropped late as well: merging in any order keeps the same.
fn cap(samples: &mut Vec<Sample>) {
    // By offset before partition, so that the first partition does not take all places.
    samples.sort_unstable_by(|a, b| (a.offset, a.partition, a).cmp(&(b.offset, b.partition, b)));
    let mut kept: BTreeMap<(Option<u32>, bool), usize> = BTreeMap::new();
    samples.retain(|sample| {
        let count = kept.entry(sample.group()).or_default();
        *count += 1;
        *count <= MAX_SAMPLES_PER_RULE
    });
    samples.truncate(MAX_SAMPLES);
}

/// The reason of a sample whose timestamp lies too far ahead; it belongs to no rule of the contract.
pub const FUTURE: &str = "future_timestamp";

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// What one record adds: a rule's outcome, a key, a sample.
    #[derive(Clone, Debug)]
    struct Event {
        rule: u32,
        key: Option<u64>,
        broken: bool,
        undecodable: Option<&'static str>,
        partition: i32,
        offset: i64,
    }

    fn event() -> impl Strategy<Value = Event> {
        let reasons = proptest::option::weighted(0.2, prop_oneof![Just("not_json"), Just("too_deep")]);
        (0u32..13, proptest::option::of(0u64..20), any::<bool>(), reasons, 0i32..3, 0i64..1000).prop_map(
            |(rule, key, broken, undecodable, partition, offset)| Event {
                rule,
                key,
                broken,
                undecodable,
                partition,
                offset,
            },
        )
    }

    fn count(events: &[Event]) -> Tally {
        let mut tally = Tally::default();
        for e in events {
            tally.counts.records += 1;
            let sample = |rule, reason: &str| Sample {
                rule,
                topic: TopicId(7),
                partition: e.partition,
                offset: e.offset,
                reason: reason.into(),
                value: "text(3)".into(),
            };
            if let Some(reason) = e.undecodable {
                tally.undecodable(reason);
                tally.sample(None, reason, e.offset, || sample(None, reason));
                continue;
            }
            let rule = tally.rule(e.rule as usize);
            rule.asked += 1;
            rule.failed += u64::from(e.broken);
            if let Some(key) = e.key {
                rule.insert(key);
            }
            if e.broken {
                tally.sample(Some(e.rule), "null", e.offset, || sample(Some(e.rule), "null"));
            }
        }
        tally
    }

    fn merged(parts: impl IntoIterator<Item = Tally>) -> Tally {
        let mut whole = Tally::default();
        parts.into_iter().for_each(|part| whole.merge(part));
        whole
    }

    proptest! {
        #[test]
        fn merging_is_associative_and_commutative_and_has_an_identity(
            a in proptest::collection::vec(event(), 0..120),
            b in proptest::collection::vec(event(), 0..120),
            c in proptest::collection::vec(event(), 0..120),
        ) {
            let (a, b, c) = (count(&a), count(&b), count(&c));
            let left = merged([merged([a.clone(), b.clone()]), c.clone()]);
            let right = merged([a.clone(), merged([b.clone(), c.clone()])]);
            prop_assert_eq!(&left, &right);
            prop_assert_eq!(&left, &merged([c, b, a.clone()]));
            let mut same = a.clone();
            same.merge(Tally::default());
            prop_assert_eq!(&same, &a);
            prop_assert_eq!(merged([a.clone()]), a);
        }

        #[test]
        fn counting_in_parts_is_counting_the_whole(events in proptest::collection::vec(event(), 0..200), parts in 1usize..9) {
            let whole = count(&events);
            let mut dealt = vec![Vec::new(); parts];
            for (i, e) in events.into_iter().enumerate() {
                dealt[i % parts].push(e);
            }
            let parted = merged(dealt.iter().map(|part| count(part)));
            prop_assert_eq!(&parted, &whole);
        }

        #[test]
        fn pieces_fit_and_merge_to_the_whole_and_survive_the_wire(
            events in proptest::collection::vec(event(), 0..200),
            keys in proptest::collection::vec((0usize..5, any::<u64>()), 0..3000),
            max_bytes in 1usize..20_000,
        ) {
            let mut whole = count(&events);
            for (rule, key) in keys {
                whole.rule(rule).insert(key);
            }
            let pieces = whole.clone().split(max_bytes);
            let floor = Tally { rules: vec![], ..whole.clone() }.weight_bytes() + 13 * RULE_BYTES + KEY_BYTES;
            for piece in &pieces {
                let bytes = postcard::to_stdvec(piece).expect("plain data");
                prop_assert_eq!(&postcard::from_bytes::<Tally>(&bytes).expect("its own bytes"), piece);
                prop_assert!(bytes.len() <= max_bytes.max(floor) * 10 / 9 + 16, "{} of {max_bytes}", bytes.len());
            }
            prop_assert_eq!(merged(pieces), whole);
        }
    }
}
