//! How far stage 1 has come, as the last survey found it.

use crate::engine::record::Offset;
use crate::flow::io::{Ends, Ms, Part};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// How far stage 1 has come in each governed partition, at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Offsets {
    /// 0: not looked yet.
    pub at_ms: Ms,
    pub parts: BTreeMap<Part, Reach>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reach {
    /// Next to read, as the group has it; `None`: nothing was committed yet.
    pub committed: Option<Offset>,
    pub ends: Ends,
}

/// What of a topic's past can still be read, as brokers last told it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Kept {
    pub at_ms: Ms,
    /// The time of the earliest record of all partitions; `None`: the topic is empty, or it was not told.
    pub earliest_ms: Option<Ms>,
    /// `None`: the brokers do not let us see it.
    pub retention: Option<Retention>,
}

/// In Kafka's words: -1 is for ever, or without bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    pub ms: i64,
    /// Of each partition.
    pub bytes: i64,
    /// `cleanup.policy` says `compact`: of each key the newest record stays.
    pub compacts: bool,
    /// It says `delete`: records go by age and size.
    pub deletes: bool,
}

impl Retention {
    /// Of a topic's settings; `None` where they do not say it.
    pub fn of(config: &BTreeMap<String, String>) -> Option<Retention> {
        let number = |key: &str| config.get(key)?.parse().ok();
        let policy = config.get("cleanup.policy")?;
        let says = |word: &str| policy.split(',').any(|said| said.trim() == word);
        let (ms, bytes) = (number("retention.ms")?, number("retention.bytes")?);
        Some(Retention { ms, bytes, compacts: says("compact"), deletes: says("delete") })
    }
}

/// From one look to the next. Of more than 1,250 partitions they are looked at less often: a look takes some 35 µs of CPU for each, here
/// and in librdkafka's threads, which is then a hundredth of a core however many there are. 5,000 are looked at each 20 s.
pub fn look_every_ms(partitions: usize) -> Ms {
    (4 * partitions as Ms).max(5_000)
}

impl Offsets {
    /// Whether they say how things stand: six looks long.
    pub fn are_fresh(&self, now: Ms) -> bool {
        now - self.at_ms <= 6 * look_every_ms(self.parts.len())
    }

    /// Those of these topics, in their order.
    pub fn of<'o>(&'o self, topics: &'o BTreeSet<String>) -> impl Iterator<Item = (&'o Part, &'o Reach)> {
        topics.iter().flat_map(|topic| {
            let topic: Arc<str> = topic.as_str().into();
            self.parts.range(Part::new(&topic, 0)..=Part::new(&topic, i32::MAX))
        })
    }
}

impl Reach {
    /// Offsets that can be read and were not committed: up to the last stable offset, control records too.
    pub fn lag(&self) -> i64 {
        (self.ends.stable - self.committed.unwrap_or(self.ends.start).max(self.ends.start)).max(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retention_is_read_as_brokers_word_it() {
        let check = |policy: &str, ms: &str, expected: Option<(i64, bool, bool)>| {
            let pairs = [("cleanup.policy", policy), ("retention.ms", ms), ("retention.bytes", "-1")];
            let found = Retention::of(&pairs.map(|(key, value)| (key.to_owned(), value.to_owned())).into());
            assert_eq!(found.map(|found| (found.ms, found.deletes, found.compacts)), expected, "{policy} {ms}");
        };
        check("delete", "604800000", Some((604_800_000, true, false)));
        check("compact,delete", "-1", Some((-1, true, true)));
        check("compact", "1", Some((1, false, true)));
        check("delete", "", None);
        assert_eq!(Retention::of(&BTreeMap::new()), None, "nothing is told");
    }

    #[test]
    fn offsets_stay_fresh_for_six_looks_however_many_there_are() {
        let reach = Reach { committed: None, ends: Ends { start: 0, stable: 0, high: 0 } };
        let topic: Arc<str> = "orders".into();
        for (partitions, for_ms) in [(0, 30_000), (1_250, 30_000), (10_000, 240_000)] {
            let parts = (0..partitions).map(|n| (Part::new(&topic, n), reach)).collect();
            let offsets = Offsets { at_ms: 1_000, parts };
            assert!(offsets.are_fresh(1_000 + for_ms) && !offsets.are_fresh(1_001 + for_ms), "{partitions} partitions");
        }
        assert!(!Offsets::default().are_fresh(1_790_000_000_000), "nobody has looked yet");
    }
}
