//! What a collector says after it has looked once: edges with their evidence, jobs, and what it could not resolve.

use crate::engine::lineage::node::Node;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What kind of evidence stands behind an edge. Names alone are none.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Evidence {
    /// Somebody says so: ODPS `inputContracts`, ODCS `transformSourceObjects`, an OpenLineage JobEvent.
    Declared,
    /// The configuration of what runs says so: a connector's, a ksqlDB query's.
    Configured,
    /// It was seen: commits that move, a connector's active topics, producer ids, trace headers, a run that was told.
    Observed,
    /// Access control lets it.
    Permitted,
    /// Contents look like it.
    Inferred,
}

impl Evidence {
    pub const ALL: [Evidence; 5] =
        [Evidence::Declared, Evidence::Configured, Evidence::Observed, Evidence::Permitted, Evidence::Inferred];

    pub fn word(self) -> &'static str {
        match self {
            Evidence::Declared => "declared",
            Evidence::Configured => "configured",
            Evidence::Observed => "observed",
            Evidence::Permitted => "permitted",
            Evidence::Inferred => "inferred",
        }
    }

    /// Whether it grows old when it is not seen again. What is written down somewhere holds until it is there no more.
    pub fn fades(self) -> bool {
        matches!(self, Evidence::Observed | Evidence::Inferred)
    }
}

/// What one collector saw of one edge in one round: data flows `from` -> `to`. One end is a dataset, the other a job; from
/// dataset to dataset only for `Inferred`, `Declared` and what headers of records tell.
#[derive(Clone, Debug, PartialEq)]
pub struct Sighting {
    pub from: Node,
    pub to: Node,
    pub evidence: Evidence,
    /// 0 to 1.
    pub confidence: f64,
    /// What else is known of it: `group`, `lag_records`, `lag_seconds`, a connector's state.
    pub detail: BTreeMap<String, String>,
}

/// A job as its collector knows it: a connector, a consumer group, a ksqlDB query, a Flink job, the steward's own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobFacts {
    pub node: Node,
    /// `kafka-connect`, `consumer-group` …
    pub kind: String,
    pub state: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub detail: BTreeMap<String, String>,
}

/// What a collector could not resolve: counted, and shown with its reason.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Unresolved {
    pub what: String,
    pub why: String,
}

/// One round of one collector.
#[derive(Clone, Debug, PartialEq)]
pub struct Round {
    pub collector: String,
    /// When it was collected, milliseconds since 1970.
    pub at_ms: i64,
    /// Everything was asked and answered: only then do edges of this collector that are not among the sightings end.
    pub complete: bool,
    pub sightings: Vec<Sighting>,
    pub jobs: Vec<JobFacts>,
    pub unresolved: Vec<Unresolved>,
}
