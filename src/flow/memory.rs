//! What a product remembers of keys beyond its windows: what uniqueness over a horizon is judged by.
//!
//! It is fed by windows as they close, and after a restart by their deltas, which are read again beside the work
//! (`flow::rebuild`). Until that is done nobody knows what was seen before, and nothing is said to hold.

use crate::engine::check::horizon::{Seen, moment};
use crate::engine::check::keys::Keys;
use crate::engine::check::verdict::Across;
use crate::engine::contract::horizon::Horizon;
use crate::flow::delta::WindowKey;
use crate::flow::io::Ms;
use crate::flow::judge::Judge;
use crate::flow::state::Mark;
use std::collections::BTreeMap;

#[derive(Debug, Default)]
pub struct Memory {
    /// By the horizon's id.
    seen: BTreeMap<u64, Seen>,
    /// Windows that closed are being read again.
    rebuilding: bool,
    /// Keys of windows before this are nowhere to be read, and why.
    lost: Option<(Ms, String)>,
}

const REBUILDING: &str =
    "after a restart the keys of windows before this one are being read again: what they hold is not known yet";

impl Memory {
    /// What windows before this one say of its keys, by rule. From now on it is one of them. `marks`: spans of which not all
    /// was read. `is_missing`: whether a topic does not exist.
    pub fn judge<J: Judge>(
        &mut self,
        judge: &J,
        key: WindowKey,
        size_ms: Ms,
        marks: &[Mark],
        is_missing: &dyn Fn(&str) -> bool,
        tally: &J::Tally,
    ) -> Across {
        let (start_ms, end_ms) = (key.start, key.start + size_ms);
        let mut across = Across::new();
        for horizon in judge.horizons(key.hash) {
            let keys = judge.keys(tally, horizon.rule);
            let rebuilding = self.rebuilding;
            let seen = self.of(horizon);
            let repeated = match rebuilding {
                true => Err(REBUILDING.to_owned()),
                false if horizon.refers => match unread(marks, horizon.span_ms, end_ms) {
                    Some(mark) => Err(not_read(mark)),
                    None => match judge.referred_topic(key.hash, horizon.rule).filter(|topic| is_missing(topic)) {
                        Some(topic) => Err(format!("the topic {topic}, whose keys are referred to, does not exist")),
                        None => seen.orphans(keys, start_ms, end_ms),
                    },
                },
                false => seen.repeated(keys, start_ms, end_ms),
            };
            learn(seen, horizon, keys, start_ms, end_ms);
            seen.forget(end_ms);
            across.insert(horizon.rule, repeated);
        }
        across
    }

    /// Remembers what a delta says of a window that closed, or what it said before.
    pub fn learn<J: Judge>(&mut self, judge: &J, key: WindowKey, size_ms: Ms, tally: &J::Tally) {
        for horizon in judge.horizons(key.hash) {
            let keys = judge.keys(tally, horizon.rule);
            learn(self.of(horizon), horizon, keys, key.start, key.start + size_ms);
        }
    }

    /// Whether keys of closed windows must be read again: there is a horizon of which it knows nothing.
    pub fn lacks(&self, horizons: &[Horizon]) -> bool {
        self.rebuilding || horizons.iter().any(|horizon| !self.seen.contains_key(&horizon.id))
    }

    pub fn begin(&mut self) {
        self.rebuilding = true;
    }

    /// All that there is was read again.
    pub fn end(&mut self, horizons: &[Horizon]) {
        self.rebuilding = false;
        for horizon in horizons {
            self.of(horizon);
        }
    }

    pub fn lose(&mut self, until_ms: Ms, why: &str) {
        self.lost = Some((until_ms, why.to_owned())).max(self.lost.take());
        self.seen.values_mut().for_each(|seen| seen.lose(until_ms, why));
    }

    fn of(&mut self, horizon: &Horizon) -> &mut Seen {
        self.seen.entry(horizon.id).or_insert_with(|| {
            let mut seen = Seen::over(horizon.span_ms);
            if let Some((until_ms, why)) = &self.lost {
                seen.lose(*until_ms, why);
            }
            seen
        })
    }

    /// Of what nobody asks any more nothing is kept.
    pub fn retain(&mut self, horizons: &[Horizon]) {
        self.seen.retain(|id, _| horizons.iter().any(|horizon| horizon.id == *id));
    }

    pub fn size_bytes(&self) -> usize {
        self.seen.values().map(Seen::size_bytes).sum()
    }
}

/// A span within the horizon of which not all was read. What was not read may hold a key: who refers to it is no orphan.
fn unread(marks: &[Mark], span_ms: Ms, end_ms: Ms) -> Option<&Mark> {
    marks.iter().filter(|mark| mark.from_ms < end_ms && mark.to_ms > end_ms - span_ms).max_by_key(|mark| mark.to_ms)
}

fn not_read(mark: &Mark) -> String {
    format!("keys of windows before {} are not all known: {}", moment(mark.to_ms), mark.reason)
}

fn learn(seen: &mut Seen, horizon: &Horizon, keys: Option<&Keys>, start_ms: Ms, end_ms: Ms) {
    match horizon.refers {
        true => seen.learn_referred(keys, start_ms, end_ms),
        false => seen.learn(keys, start_ms, end_ms),
    }
}
