//! Lineage as requests read it, and the way by which they tell of it.

use crate::engine::contract::name::ProductName;
use crate::engine::lineage::contradiction::Contradiction;
use crate::engine::lineage::graph::Graph;
use crate::engine::lineage::incident::Incident;
use crate::engine::lineage::statement::Statement;
use crate::flow::io::Ms;
use std::sync::{Arc, PoisonError, RwLock};
use tokio::sync::oneshot;

/// What is known of lineage at one moment. Every worker knows the same, but for what moved within the last minute.
#[derive(Clone, Debug, Default)]
pub struct Lineage {
    /// The cluster's canonical namespace.
    pub namespace: String,
    pub graph: Graph,
    /// This worker collects now.
    pub leads: bool,
    /// 0: the log was not read yet.
    pub at_ms: Ms,
}

impl Lineage {
    /// What is declared against what is seen, as incidents of the product that are open.
    pub fn incidents<'l>(
        &'l self,
        product: &'l ProductName,
    ) -> impl Iterator<Item = (&'l Contradiction, &'l Incident)> {
        self.graph.contradictions().iter().flat_map(move |(found, standing)| {
            let of = standing.incidents.iter().filter(move |incident| incident.product == *product);
            of.map(move |incident| (found, incident))
        })
    }
}

/// Replaced as a whole, so that a request sees one moment.
#[derive(Debug, Default)]
pub struct LineageBoard(RwLock<Arc<Lineage>>);

impl LineageBoard {
    pub fn set(&self, lineage: Lineage) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(lineage);
    }

    pub fn read(&self) -> Arc<Lineage> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// OpenLineage events on their way to the thread that keeps lineage; answered when they are durable.
#[derive(Debug)]
pub struct Post {
    pub statements: Vec<Statement>,
    pub done: oneshot::Sender<Result<(), String>>,
}
