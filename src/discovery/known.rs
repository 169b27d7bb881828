//! What one collector tells another of jobs: a sink connector's group is the connector, a ksqlDB query's is the query, and
//! connectors are known by their names.

use crate::engine::lineage::node::Node;
use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

#[derive(Debug, Default)]
pub struct Known(Mutex<BTreeMap<&'static str, Vec<Job>>>);

#[derive(Clone, Debug)]
pub struct Job {
    pub node: Node,
    /// The consumer group by which it reads.
    pub group: Option<String>,
}

impl Known {
    /// All jobs that a collector knows, instead of those that it knew.
    pub fn set(&self, collector: &'static str, jobs: Vec<Job>) {
        self.jobs().insert(collector, jobs);
    }

    /// The job behind a group, where it is not the group itself.
    pub fn job_of(&self, group: &str) -> Option<Node> {
        let jobs = self.jobs();
        let job = jobs.values().flatten().find(|job| job.group.as_deref() == Some(group))?;
        Some(job.node.clone())
    }

    /// By name, all jobs of a collector that share it with no other.
    pub fn named(&self, collector: &str) -> BTreeMap<String, Node> {
        let mut named: BTreeMap<String, Option<Node>> = BTreeMap::new();
        for job in self.jobs().get(collector).into_iter().flatten() {
            let several = named.contains_key(job.node.name());
            named.insert(job.node.name().to_owned(), (!several).then(|| job.node.clone()));
        }
        named.into_iter().filter_map(|(name, node)| Some((name, node?))).collect()
    }

    fn jobs(&self) -> MutexGuard<'_, BTreeMap<&'static str, Vec<Job>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
