//! Trails of records joined: a trace that stands in one topic and later in another is a hop between them, with its latency.
//!
//! A trace tells the order of topics, and not who read what. So the hop from its first topic to the second is one; a later one only
//! where another evidence knows a job between the two, since siblings of one parent come one after the other, too.

use crate::engine::lineage::node::Node;
use crate::engine::lineage::sighting::{Evidence, Round, Sighting};
use crate::engine::lineage::trail::{Letter, Trail};
use std::collections::{BTreeMap, BTreeSet};

/// The collector that they stand under.
pub const HEADERS: &str = "headers";
/// At 150 bytes and two topics each 1.5 MB; the largest trace goes first, as on the way here.
const TRACES_MAX: usize = 10_000;
const LETTERS_MAX: usize = 1_000;
/// That it was looked is said so often, where nothing was found, too.
const ROUND_EVERY_MS: i64 = 60_000;
/// The record's own word; a copy of headers beyond the way of the data is possible.
const CONFIDENCE: f64 = 0.9;

#[derive(Clone, Debug)]
pub struct Hops {
    /// After so long all that belongs to a trace has come.
    settled_ms: i64,
    traces: BTreeMap<u64, Trace>,
    letters: BTreeSet<Letter>,
    round_ms: i64,
}

#[derive(Clone, Debug)]
struct Trace {
    heard_ms: i64,
    /// When it was first in each topic.
    topics: BTreeMap<String, i64>,
}

impl Hops {
    pub fn new(settled_ms: i64) -> Hops {
        Hops { settled_ms, traces: BTreeMap::new(), letters: BTreeSet::new(), round_ms: 0 }
    }

    /// Takes in what one flush of one worker sampled. How many traces and letters were seen, there or here, and found no room.
    pub fn take(&mut self, trail: &Trail, now_ms: i64) -> u64 {
        let mut dropped = trail.dropped();
        for (topic, trace, at_ms) in trail.seen() {
            let known = self.traces.entry(trace).or_insert_with(|| Trace { heard_ms: now_ms, topics: BTreeMap::new() });
            let first_ms = known.topics.entry(topic.to_owned()).or_insert(at_ms);
            *first_ms = at_ms.min(*first_ms);
            if self.traces.len() > TRACES_MAX {
                self.traces.pop_last();
                dropped += 1;
            }
        }
        for letter in trail.letters() {
            if self.letters.len() < LETTERS_MAX || self.letters.contains(letter) {
                self.letters.insert(letter.clone());
            } else {
                dropped += 1;
            }
        }
        dropped
    }

    /// The hops of what is complete by now, each pair of topics once; `None`: there is nothing to say yet. `knows`: whether another evidence
    /// has a job that reads the first topic and writes the second.
    pub fn settle(&mut self, namespace: &str, now_ms: i64, knows: impl Fn(&Node, &Node) -> bool) -> Option<Round> {
        let topic = |name: &str| Node::dataset(namespace, name);
        let done: Vec<u64> = self
            .traces
            .iter()
            .filter(|(_, t)| now_ms - t.heard_ms >= self.settled_ms)
            .map(|(trace, _)| *trace)
            .collect();
        let mut lags_ms: BTreeMap<(String, String), Vec<i64>> = BTreeMap::new();
        for trace in done.iter().filter_map(|trace| self.traces.remove(trace)) {
            let mut way: Vec<(i64, String)> = trace.topics.into_iter().map(|(topic, at_ms)| (at_ms, topic)).collect();
            way.sort();
            for (n, two) in way.windows(2).enumerate() {
                let ((from_ms, from), (to_ms, to)) = (&two[0], &two[1]);
                // At one and the same time nothing says which was first.
                if to_ms > from_ms && (n == 0 || knows(&topic(from), &topic(to))) {
                    lags_ms.entry((from.clone(), to.clone())).or_default().push(to_ms - from_ms);
                }
            }
        }
        let sighting = |from: &str, to: &str, detail: Vec<(&str, String)>| Sighting {
            from: topic(from),
            to: topic(to),
            evidence: Evidence::Observed,
            confidence: CONFIDENCE,
            detail: detail.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
        };
        let mut sightings = Vec::new();
        for ((from, to), mut lags_ms) in lags_ms {
            lags_ms.sort_unstable();
            let (median_ms, hops) = (lags_ms[lags_ms.len() / 2], lags_ms.len());
            let by = ("by", "trace".to_owned());
            let detail = vec![by, ("latency_ms", median_ms.to_string()), ("hops", hops.to_string())];
            sightings.push(sighting(&from, &to, detail));
        }
        for Letter { from, to, by } in std::mem::take(&mut self.letters) {
            sightings.push(sighting(&from, &to, vec![("by", "dead-letter".to_owned()), ("job", by)]));
        }
        if sightings.is_empty() && now_ms - self.round_ms < ROUND_EVERY_MS {
            return None;
        }
        self.round_ms = now_ms;
        // A sample is never all: what is not seen again fades.
        let (collector, jobs, unresolved) = (HEADERS.to_owned(), Vec::new(), Vec::new());
        Some(Round { collector, at_ms: now_ms, complete: false, sightings, jobs, unresolved })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::record::RawRecord;

    const SETTLED_MS: i64 = 30_000;

    fn trail(trace: u64, topic: &str, at_ms: i64) -> Trail {
        let value = format!("00-0af7651916cd43dd{trace:016x}-b7ad6b7169203331-01");
        let list = vec![(b"traceparent".as_slice(), Some(value.as_bytes()))];
        let record = RawRecord { timestamp_ms: at_ms, headers: Some(&list), ..RawRecord::empty(0) };
        let mut trail = Trail::default();
        trail.look(0, topic, &[record]);
        trail
    }

    fn shown(round: Option<Round>) -> Vec<String> {
        let sightings = round.map(|round| round.sightings).unwrap_or_default();
        let of = |s: &Sighting| {
            let detail = |key: &str| s.detail.get(key).cloned().unwrap_or_default();
            format!("{}>{} {} ms of {}", s.from.name(), s.to.name(), detail("latency_ms"), detail("hops"))
        };
        sightings.iter().map(of).collect()
    }

    #[test]
    fn a_trace_in_two_topics_is_a_hop_with_its_latency_whatever_came_first() {
        let mut hops = Hops::new(SETTLED_MS);
        for (trace, lag_ms) in [(1, 10), (2, 30), (3, 20)] {
            hops.take(&trail(trace, "b", 100 + lag_ms), 1_000);
            hops.take(&trail(trace, "a", 100), 1_500);
        }
        assert_eq!(shown(hops.settle("k", 30_999, |_, _| false)), [""; 0], "others may still come");
        assert_eq!(shown(hops.settle("k", 31_000, |_, _| false)), ["a>b 20 ms of 3"]);
        assert!(hops.settle("k", 31_001, |_, _| false).is_none(), "told once");
        assert!(
            hops.settle("k", 91_000, |_, _| false).is_some_and(|round| round.sightings.is_empty()),
            "it was looked"
        );
    }

    #[test]
    fn a_later_hop_needs_a_job_that_is_known_and_one_moment_tells_no_order() {
        let check = |way: &[(&str, i64)], known: bool, want: &[&str]| {
            let mut hops = Hops::new(SETTLED_MS);
            for (topic, at_ms) in way {
                hops.take(&trail(1, topic, *at_ms), 0);
            }
            assert_eq!(shown(hops.settle("k", SETTLED_MS, |_, _| known)), want, "{way:?}");
        };
        check(&[("a", 1), ("b", 2), ("c", 4)], false, &["a>b 1 ms of 1"]);
        check(&[("a", 1), ("b", 2), ("c", 4)], true, &["a>b 1 ms of 1", "b>c 2 ms of 1"]);
        check(&[("a", 1), ("b", 1)], true, &[]);
        check(&[("a", 1)], true, &[]);
    }

    #[test]
    fn what_waits_is_bounded() {
        let mut hops = Hops::new(SETTLED_MS);
        let dropped: u64 = (1..=TRACES_MAX as u64 + 10).map(|trace| hops.take(&trail(trace, "a", 1), 0)).sum();
        assert_eq!((hops.traces.len(), dropped), (TRACES_MAX, 10));
    }
}
