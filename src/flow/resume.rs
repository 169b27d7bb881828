//! Stage 1 without a committed offset: a group that expired, was deleted or reset. The ledger's chain, and the deltas
//! that it has not applied yet, say where reading ended; so nothing is counted twice and nothing is left out.

use crate::engine::contract::name::ProductName;
use crate::engine::record::{Offset, TopicId};
use crate::flow::delta::{Delta, Report, decode, partition_of};
use crate::flow::io::{Ends, LogRecord, Part};
use crate::flow::judge::Merge;
use crate::flow::state::{PartitionState, ProductState, partition_key, product_key};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// The search for one data partition's resume point.
#[derive(Debug)]
pub struct Resume {
    part: Part,
    pub topic: TopicId,
    ends: Ends,
    products: BTreeSet<ProductName>,
    /// Delta partitions still to look into; the first is being read.
    todo: Vec<i32>,
    reading: Log,
    /// Where each product's chain ends.
    chains: BTreeMap<ProductName, Offset>,
    /// A chain of this name under another topic id.
    other_id: bool,
    /// Other partitions of this very topic have chains: this one is new, and all of it is to be read.
    grown: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Log {
    State { applied: Offset },
    Deltas { applied: Offset },
}

impl Resume {
    pub fn new(
        part: Part,
        topic: TopicId,
        ends: Ends,
        products: BTreeSet<ProductName>,
        delta_partitions: i32,
    ) -> Resume {
        let todo: BTreeSet<i32> = products.iter().map(|p| partition_of(p, delta_partitions)).collect();
        let todo = todo.into_iter().collect();
        let reading = Log::State { applied: 0 };
        Resume { part, topic, ends, products, todo, reading, chains: BTreeMap::new(), other_id: false, grown: false }
    }

    /// What to read next, if anything.
    pub fn next_log(&self, state: &Arc<str>, deltas: &Arc<str>) -> Option<(Part, Offset)> {
        let partition = *self.todo.first()?;
        Some(match self.reading {
            Log::State { .. } => (Part::new(state, partition), 0),
            Log::Deltas { applied } => (Part::new(deltas, partition), applied),
        })
    }

    /// Records of the log that `next_log` named.
    pub fn take<T: Merge>(&mut self, records: Vec<LogRecord>) {
        for record in records {
            match &mut self.reading {
                Log::State { applied } => {
                    let key = record.key.unwrap_or_default();
                    if self.todo.first().is_some_and(|p| key == partition_key(*p)) {
                        let state = record.value.and_then(|v| decode::<PartitionState>("a partition's state", &v).ok());
                        *applied = state.map_or(0, |s| s.applied);
                    } else if let Some(product) = self.products.iter().find(|p| product_key(p) == key).cloned() {
                        self.chains.remove(&product);
                        let state = record.value.and_then(|v| decode::<ProductState>("a product's state", &v).ok());
                        for chain in state.into_iter().flat_map(|s| s.chains) {
                            self.chain(&product, &chain.topic, chain.partition, chain.id, chain.to);
                        }
                    }
                }
                Log::Deltas { .. } => {
                    let Some(Ok(delta)) = record.value.map(|v| decode::<Delta<T>>("a delta", &v)) else { continue };
                    match delta {
                        Delta::Product(delta) => {
                            let reports = delta.reports.map(|r| r.partitions).unwrap_or_default();
                            self.reports(&delta.product, reports);
                        }
                        Delta::Idle(products) => {
                            products.into_iter().for_each(|(product, r)| self.reports(&product, r.partitions));
                        }
                    }
                }
            }
        }
    }

    /// The log was read to its end.
    pub fn log_done(&mut self) {
        self.reading = match self.reading {
            Log::State { applied } => Log::Deltas { applied },
            Log::Deltas { .. } => {
                self.todo.remove(0);
                Log::State { applied: 0 }
            }
        };
    }

    /// Where to start, and whether a chain begins there.
    pub fn start(&self, earliest: bool) -> (Offset, bool) {
        match self.chains.values().min() {
            Some(&to) => (to.clamp(self.ends.start, self.ends.high.max(self.ends.start)), false),
            None if earliest || self.other_id || self.grown => (self.ends.start, true),
            None => (self.ends.stable, true),
        }
    }

    fn reports(&mut self, product: &ProductName, reports: Vec<Report>) {
        if self.products.contains(product) {
            for report in reports {
                self.chain(product, &report.topic, report.partition, report.id, report.interval.to);
            }
        }
    }

    fn chain(&mut self, product: &ProductName, topic: &str, partition: i32, id: TopicId, to: Offset) {
        if topic != &*self.part.topic || partition != self.part.partition {
            self.grown |= topic == &*self.part.topic && id == self.topic;
            return;
        }
        if id != self.topic {
            self.other_id = true;
            return;
        }
        let end = self.chains.entry(product.clone()).or_insert(to);
        *end = (*end).max(to);
    }
}
