//! Topics of the daemon's own that somebody deleted: products stop then, and no error of a client says why.

use crate::catalog::board::Board;
use crate::kafka::admin::Topics;
use std::collections::{BTreeMap, BTreeSet};

#[derive(Default)]
pub struct Gone {
    /// At the last look.
    missing: BTreeSet<String>,
    told: BTreeSet<String>,
}

impl Gone {
    /// `all`: every topic that is there. Gone is what is missing twice: a broker that has just started may not know all of them yet.
    pub fn look(&mut self, board: &Board, own: &Topics, all: &BTreeMap<String, i32>) {
        let needed = [
            // What stood in these cannot be had again, and what stands elsewhere does not fit without it.
            (own.deltas(), ANEW),
            (own.state(), ANEW),
            (own.catalog(), ANEW),
            (own.workers(), MADE_AGAIN),
            (own.governance.clone(), MADE_AGAIN),
        ];
        let missing: BTreeMap<String, &str> =
            needed.into_iter().filter(|(topic, _)| !all.contains_key(topic)).collect();
        let gone: BTreeMap<_, _> =
            missing.iter().filter(|(topic, _)| self.missing.contains(*topic)).map(|(t, r)| (t.clone(), *r)).collect();
        for (topic, remedy) in gone.iter().filter(|(topic, _)| !self.told.contains(*topic)) {
            tracing::error!(topic, remedy, "a topic of the daemon's own is gone");
        }
        self.told = gone.keys().cloned().collect();
        self.missing = missing.into_keys().collect();
        board.set_gone(gone);
    }
}

const ANEW: &str = "stop all workers, and begin anew with another governance.internal.prefix and worker.group.id";
const MADE_AGAIN: &str = "restart a worker, which creates it again; what was told in it is lost";
