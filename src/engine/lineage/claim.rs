//! What one collector says of one edge, over time; and of one job.

use crate::engine::lineage::sighting::{Evidence, JobFacts, Unresolved};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Whose word it is, and of which kind.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Claimant {
    pub evidence: Evidence,
    pub collector: String,
}

/// Evidence of an edge. Times are milliseconds since 1970, by the clock of whoever collected.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Claim {
    pub first_seen_ms: i64,
    pub last_seen_ms: i64,
    /// It holds no more since; `None`: it holds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_ms: Option<i64>,
    /// 0 to 1.
    pub confidence: f64,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub detail: BTreeMap<String, String>,
}

/// How a collector's last round went.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Look {
    /// Of the last round that was answered, in part at least; 0: none yet.
    pub at_ms: i64,
    /// All was answered.
    pub complete: bool,
    /// What could not be resolved then; of many the first ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unresolved: Vec<Unresolved>,
    /// How many that were.
    pub unresolved_total: usize,
    /// Why nothing could be asked since, where it is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// A job by one collector's word.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KnownJob {
    pub facts: JobFacts,
    pub first_seen_ms: i64,
    pub last_seen_ms: i64,
    /// Since when it runs as it does: since it came, came back, or went on after a failure.
    pub begun_ms: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_ms: Option<i64>,
}

impl Claim {
    pub fn holds(&self) -> bool {
        self.ended_ms.is_none()
    }

    /// Both words as one: seen as early and as late as either says, and otherwise as the later one has it. In any order
    /// the same comes of it.
    pub fn merge(&mut self, other: Claim) {
        let first_seen_ms = self.first_seen_ms.min(other.first_seen_ms);
        if other.age() > self.age() {
            *self = other;
        }
        self.first_seen_ms = first_seen_ms;
    }

    /// What makes one word later than another: its last moment, its end, then its content, so that there is always one.
    fn age(&self) -> (i64, Option<i64>, i64, i64, &BTreeMap<String, String>) {
        let moment_ms = self.ended_ms.unwrap_or(i64::MIN).max(self.last_seen_ms);
        (moment_ms, self.ended_ms, self.last_seen_ms, (self.confidence * 1e9) as i64, &self.detail)
    }
}

impl KnownJob {
    pub fn holds(&self) -> bool {
        self.ended_ms.is_none()
    }

    /// As claims merge.
    pub fn merge(&mut self, other: KnownJob) {
        let first_seen_ms = self.first_seen_ms.min(other.first_seen_ms);
        if other.age() > self.age() {
            *self = other;
        }
        self.first_seen_ms = first_seen_ms;
    }

    fn age(&self) -> impl Ord + '_ {
        let moment_ms = self.ended_ms.unwrap_or(i64::MIN).max(self.last_seen_ms);
        let JobFacts { state, kind, description, detail, .. } = &self.facts;
        (moment_ms, self.ended_ms, self.last_seen_ms, state, kind, description, detail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn claims() -> impl Strategy<Value = Claim> {
        let detail = proptest::option::of(0..3).prop_map(|lag| {
            lag.into_iter().map(|lag: i32| ("lag_records".to_owned(), lag.to_string())).collect::<BTreeMap<_, _>>()
        });
        (0..5i64, 0..5i64, proptest::option::of(0..12i64), 0..3u8, detail).prop_map(
            |(first, more, ended_ms, tenths, detail)| Claim {
                first_seen_ms: first,
                last_seen_ms: first + more,
                ended_ms,
                confidence: f64::from(tenths) / 10.0,
                detail,
            },
        )
    }

    fn merged(of: &[&Claim]) -> Claim {
        let mut claim = of[0].clone();
        of[1..].iter().for_each(|other| claim.merge((*other).clone()));
        claim
    }

    proptest! {
        #[test]
        fn words_of_several_workers_merge_in_any_order(a in claims(), b in claims(), c in claims()) {
            let one = merged(&[&a, &b, &c]);
            for order in [[&a, &c, &b], [&b, &a, &c], [&b, &c, &a], [&c, &a, &b], [&c, &b, &a]] {
                prop_assert_eq!(&merged(&order), &one);
            }
            prop_assert_eq!(merged(&[&one, &a]), one, "said twice is said once");
        }
    }
}
