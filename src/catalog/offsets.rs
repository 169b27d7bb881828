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

impl Offsets {
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
