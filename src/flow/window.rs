//! A window in the ledger: what its deltas add up to, from which offsets, and since when it is open.

use crate::engine::check::verdict::Across;
use crate::engine::event::window::Coverage;
use crate::engine::record::{Interval, Offset, TopicId};
use crate::flow::delta::{Reports, WindowKey};
use crate::flow::io::Ms;
use crate::flow::judge::Merge;
use std::collections::BTreeMap;

/// A window that is not closed, or late records of one that is.
#[derive(Clone, Debug)]
pub struct Open<T> {
    pub tally: T,
    /// The first delta of it.
    pub first: Offset,
    pub opened_ms: Ms,
    pub covered: BTreeMap<(String, TopicId, i32), Interval>,
    /// False where a record may have been counted twice.
    pub exact: bool,
    /// What windows before it say of its keys; known when it is judged.
    pub across: Across,
}

/// A whole delta's place in the log.
#[derive(Clone, Copy, Debug)]
pub struct At {
    /// The first of its parts.
    pub first: Offset,
    /// The last of its parts.
    pub last: Offset,
    pub append_ms: Ms,
}

#[derive(Clone, Debug)]
pub struct WindowConfig {
    pub size_ms: Ms,
    pub grace_ms: Ms,
    pub late_accept_ms: Ms,
    /// A window closes this long after its first delta and its grace, whatever its partitions say.
    pub max_open_ms: Ms,
}

impl<T> Open<T> {
    /// Of the topics whose records it counts.
    pub fn coverage(&self, counts: &dyn Fn(&str) -> bool) -> Vec<Coverage> {
        let cover = |((topic, id, partition), interval): (&(String, TopicId, i32), &Interval)| Coverage {
            topic: topic.clone(),
            id: *id,
            partition: *partition,
            interval: *interval,
        };
        self.covered.iter().filter(|((topic, ..), _)| counts(topic)).map(cover).collect()
    }
}

/// Merges what one delta says of one window.
pub fn put<T: Merge>(
    windows: &mut BTreeMap<WindowKey, Open<T>>,
    at: &At,
    key: WindowKey,
    tally: T,
    reports: &Reports,
    exact: bool,
) {
    let open = windows.entry(key).or_insert_with(|| Open {
        tally: T::default(),
        first: at.first,
        opened_ms: at.append_ms,
        covered: BTreeMap::new(),
        exact: true,
        across: Across::new(),
    });
    open.tally.merge(tally);
    open.first = open.first.min(at.first);
    open.exact &= exact;
    for report in reports.partitions.iter().filter(|r| !r.interval.is_empty()) {
        let part = (report.topic.clone(), report.id, report.partition);
        let hull = open.covered.entry(part).or_insert(report.interval);
        hull.from = hull.from.min(report.interval.from);
        hull.to = hull.to.max(report.interval.to);
    }
}
