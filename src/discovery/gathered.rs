//! What a round has come to so far.

use crate::engine::lineage::node::Node;
use crate::engine::lineage::sighting::{Evidence, JobFacts, Round, Sighting, Unresolved};
use std::collections::BTreeMap;

/// Cases that are told one by one; a mesh of 10,000 connectors that all fail alike is told as one more line.
const UNRESOLVED_MAX: usize = 500;

#[derive(Debug, Default)]
pub struct Gathered {
    sightings: Vec<Sighting>,
    jobs: Vec<JobFacts>,
    unresolved: Vec<Unresolved>,
    /// Of `unresolved` that were not kept.
    more: usize,
    incomplete: bool,
}

pub type Detail = BTreeMap<String, String>;

/// `[("group", "billing")]` as details.
pub fn detail<const N: usize>(pairs: [(&str, &str); N]) -> Detail {
    pairs.into_iter().map(|(key, value)| (key.to_owned(), value.to_owned())).collect()
}

impl Gathered {
    pub fn saw(&mut self, from: &Node, to: &Node, evidence: Evidence, confidence: f64, detail: Detail) {
        self.sightings.push(Sighting { from: from.clone(), to: to.clone(), evidence, confidence, detail });
    }

    pub fn job(&mut self, job: JobFacts) {
        self.jobs.push(job);
    }

    /// The answers do not decide it.
    pub fn unresolved(&mut self, what: impl Into<String>, why: impl Into<String>) {
        match self.unresolved.len() < UNRESOLVED_MAX {
            true => self.unresolved.push(Unresolved { what: what.into(), why: why.into() }),
            false => self.more += 1,
        }
    }

    /// There was no answer, so that what was seen before may hold all the same.
    pub fn failed(&mut self, what: impl Into<String>, why: impl Into<String>) {
        self.incomplete = true;
        self.unresolved(what, why);
    }

    pub fn round(mut self, collector: &str, at_ms: i64) -> Round {
        if self.more > 0 {
            let what = format!("{} more", self.more);
            self.unresolved.push(Unresolved { what, why: format!("the first {UNRESOLVED_MAX} are told") });
        }
        Round {
            collector: collector.to_owned(),
            at_ms,
            complete: !self.incomplete,
            sightings: self.sightings,
            jobs: self.jobs,
            unresolved: self.unresolved,
        }
    }
}
