//! The steward's own jobs: the inspection of each product, which reads its topics and writes verdicts.

use crate::catalog::board::Board;
use crate::engine::lineage::collector::Collector;
use crate::engine::lineage::graph::OWN_KIND;
use crate::engine::lineage::node::Node;
use crate::engine::lineage::sighting::{Evidence, JobFacts, Round, Sighting};
use std::collections::BTreeMap;
use std::sync::Arc;

pub struct Own {
    pub board: Arc<Board>,
    /// The cluster's canonical one.
    pub namespace: String,
    /// `worker.group.id`.
    pub group: String,
    /// The topic of verdicts.
    pub governance: String,
}

impl Collector for Own {
    fn name(&self) -> &'static str {
        "steward"
    }

    fn collect(&mut self, now_ms: i64) -> Result<Round, String> {
        let (directory, offsets) = (self.board.directory(), self.board.offsets());
        let (mut sightings, mut jobs) = (Vec::new(), Vec::new());
        for (product, info) in &directory.products {
            // As events of its windows call it.
            let job = Node::job(&self.namespace, format!("{}/{product}", self.group));
            jobs.push(JobFacts {
                node: job.clone(),
                kind: OWN_KIND.into(),
                state: if directory.paused.contains(product) { "PAUSED" } else { "RUNNING" }.into(),
                description: Some(format!("Holds every record of {product} to its data contract")),
                detail: BTreeMap::new(),
            });
            let sighting = |from: &Node, to: &Node, evidence, detail| Sighting {
                from: from.clone(),
                to: to.clone(),
                evidence,
                confidence: 1.0,
                detail,
            };
            for topic in &info.topics {
                let dataset = Node::dataset(&self.namespace, topic);
                let contract = info.contracts.first().map(|contract| ("contract".to_owned(), contract.id.clone()));
                sightings.push(sighting(&dataset, &job, Evidence::Configured, contract.into_iter().collect()));
                let of_topic = [topic.clone()].into();
                let read: Vec<_> = offsets.of(&of_topic).filter(|(_, reach)| reach.committed.is_some()).collect();
                if !read.is_empty() {
                    let lag: i64 = read.iter().map(|(_, reach)| reach.lag()).sum();
                    let detail =
                        [("group".to_owned(), self.group.clone()), ("lag_records".to_owned(), lag.to_string())];
                    sightings.push(sighting(&dataset, &job, Evidence::Observed, detail.into()));
                }
            }
            let verdicts = Node::dataset(&self.namespace, &self.governance);
            sightings.push(sighting(&job, &verdicts, Evidence::Configured, BTreeMap::new()));
        }
        let collector = self.name().to_owned();
        Ok(Round { collector, at_ms: now_ms, complete: true, sightings, jobs, unresolved: Vec::new() })
    }
}
