//! Trails that readers of records sampled, taken up by the one that leads: joined to hops, and then deleted from the log.

use crate::engine::lineage::graph::Graph;
use crate::engine::lineage::hops::Hops;
use crate::engine::lineage::node::{Edge, Node};
use crate::engine::lineage::record::{Record, trail};
use crate::engine::lineage::sighting::Round;
use crate::flow::io::Ms;
use crate::telemetry;

/// What readers sample goes out with their flushes: so many of them have come, unless a worker is in trouble.
const FLUSHES: Ms = 3;
/// A transaction, and a turn of this thread.
const ON_THE_WAY_MS: Ms = 2_000;

pub struct Headers {
    hops: Hops,
    /// Keys of what was taken up, and stands in the log.
    taken: Vec<String>,
}

impl Headers {
    pub fn new(flush_interval_ms: Ms) -> Headers {
        Headers { hops: Hops::new(FLUSHES * flush_interval_ms + ON_THE_WAY_MS), taken: Vec::new() }
    }

    pub fn take(&mut self, key: &[u8], value: Option<&[u8]>, now: Ms) {
        let Some(value) = value else { return };
        if let Some(trail) = trail(value) {
            telemetry::lineage_traces_dropped(self.hops.take(&trail, now));
        }
        self.taken.extend(std::str::from_utf8(key).map(str::to_owned));
    }

    pub fn round(&mut self, namespace: &str, live: &Graph, now: Ms) -> Option<Round> {
        let lives = |from: &Node, to: &Node| live.lives(&Edge { from: from.clone(), to: to.clone() });
        let knows = |from: &Node, to: &Node| {
            live.targets_of(from)
                .any(|job| !job.is_dataset() && !live.is_own(job) && lives(from, job) && lives(job, to))
        };
        self.hops.settle(namespace, now, knows)
    }

    /// What is to be written: nobody needs them any more.
    pub fn deletions(&self) -> impl Iterator<Item = Record> {
        self.taken.iter().map(|key| (key.clone(), None))
    }

    pub fn written(&mut self) {
        self.taken.clear();
    }
}
