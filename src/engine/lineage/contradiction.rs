//! Where what is declared and what is seen disagree: a reader that nobody declared, a declared input that nobody reads.

use crate::engine::lineage::graph::{Graph, TOLD};
use crate::engine::lineage::node::{Edge, Node};
use crate::engine::lineage::sighting::Evidence;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;
use std::fmt;

/// A finding of the graph; it is settled when both sides agree again.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub enum Contradiction {
    /// The dataset's consumers are declared, and this job, which is none of them, reads it.
    UndeclaredConsumer { dataset: Node, job: Node },
    /// The output's inputs are declared, and this dataset, which is none of them, flows into it by way of the job.
    UndeclaredInput { dataset: Node, job: Node, output: Node },
    /// The flow is declared, and nothing that was seen or configured says that it is there.
    DeclaredNeverRead { dataset: Node, reader: Node },
}

impl Contradiction {
    /// The dataset whose owner is to know.
    pub fn dataset(&self) -> &Node {
        match self {
            Contradiction::UndeclaredConsumer { dataset, .. }
            | Contradiction::UndeclaredInput { dataset, .. }
            | Contradiction::DeclaredNeverRead { dataset, .. } => dataset,
        }
    }

    /// The dataset whose owner declared otherwise.
    pub fn declared_of(&self) -> &Node {
        match self {
            Contradiction::UndeclaredInput { output, .. } => output,
            Contradiction::DeclaredNeverRead { reader, .. } if reader.is_dataset() => reader,
            _ => self.dataset(),
        }
    }

    pub fn word(&self) -> &'static str {
        match self {
            Contradiction::UndeclaredConsumer { .. } => "undeclared-consumer",
            Contradiction::UndeclaredInput { .. } => "undeclared-input",
            Contradiction::DeclaredNeverRead { .. } => "declared-never-read",
        }
    }

    pub const WORDS: [&str; 3] = ["undeclared-consumer", "undeclared-input", "declared-never-read"];
}

impl fmt::Display for Contradiction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Contradiction::UndeclaredConsumer { dataset, job } => {
                write!(f, "{job} reads {dataset}, whose declared consumers do not name it: declare it, or stop it")
            }
            Contradiction::UndeclaredInput { dataset, job, output } => write!(
                f,
                "{dataset} flows into {output} by {job}, and is none of the declared inputs: declare it, or stop it"
            ),
            Contradiction::DeclaredNeverRead { dataset, reader } => write!(
                f,
                "{reader} is declared to read {dataset}, and nothing shows that it does: start it, or withdraw the declaration"
            ),
        }
    }
}

/// All that disagree now. A declaration is given `grace_ms` to be seen: what was declared a moment ago may not run yet.
pub fn of(graph: &Graph, now_ms: i64, grace_ms: i64) -> BTreeSet<Contradiction> {
    let mut found = BTreeSet::new();
    for (edge, _) in graph.edges_holding(Evidence::Declared).filter(|(edge, _)| declares(graph, &edge.from, &edge.to)) {
        let waited = graph.first_seen_ms(edge, Evidence::Declared).is_some_and(|first| now_ms - first >= grace_ms);
        let flows = match edge.to.is_dataset() {
            false => is_seen(graph, &edge.from, &edge.to),
            true => {
                is_seen(graph, &edge.from, &edge.to) || {
                    let into = graph.sources_of(&edge.to).filter(|job| is_seen(graph, job, &edge.to));
                    into.into_iter().any(|job| is_seen(graph, &edge.from, job))
                }
            }
        };
        if waited && !flows && edge.from.is_dataset() {
            found.insert(Contradiction::DeclaredNeverRead { dataset: edge.from.clone(), reader: edge.to.clone() });
        }
    }
    for (edge, claims) in graph.edges_holding(Evidence::Observed) {
        if !edge.from.is_dataset() || claims.keys().any(|claimant| claimant.evidence == Evidence::Declared) {
            continue;
        }
        // A hop from topic to topic names no job that somebody could declare.
        if graph.is_own(&edge.to) || edge.to.is_dataset() {
            continue;
        }
        let declared = |node: &Node| declares(graph, &edge.from, node);
        if graph.targets_of(&edge.from).any(|reader| !reader.is_dataset() && declared(reader)) {
            found.insert(Contradiction::UndeclaredConsumer { dataset: edge.from.clone(), job: edge.to.clone() });
        }
        for output in graph.targets_of(&edge.to).filter(|output| is_seen(graph, &edge.to, output)) {
            let names_inputs =
                graph.sources_of(output).any(|input| input.is_dataset() && declares(graph, input, output));
            if names_inputs && *output != edge.from && !declared(output) {
                found.insert(Contradiction::UndeclaredInput {
                    dataset: edge.from.clone(),
                    job: edge.to.clone(),
                    output: output.clone(),
                });
            }
        }
    }
    found
}

/// By a contract or a product. A job that tells of itself, as an OpenLineage JobEvent does, speaks for no other, and forbids none.
fn declares(graph: &Graph, from: &Node, to: &Node) -> bool {
    let claims = graph.claims(&Edge { from: from.clone(), to: to.clone() });
    claims.is_some_and(|claims| {
        claims.iter().any(|(claimant, claim)| {
            claim.holds() && claimant.evidence == Evidence::Declared && claimant.collector != TOLD
        })
    })
}

/// Seen, or configured in what runs.
fn is_seen(graph: &Graph, from: &Node, to: &Node) -> bool {
    graph.holds(from, to, Evidence::Observed) || graph.holds(from, to, Evidence::Configured)
}
