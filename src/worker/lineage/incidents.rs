//! Contradictions told as incidents of products, to the topic of verdicts.

use crate::catalog::directory::Directory;
use crate::engine::event::envelope::{Event, Source};
use crate::engine::event::incident::{self, LINEAGE_SEVERITY, State};
use crate::engine::lineage::graph::Graph;
use crate::engine::lineage::incident::{Incident, Move, moves};
use crate::engine::lineage::node::Node;
use crate::flow::io::Ms;

/// Events of what opens and is resolved since `stored` was written. `namespace`: the cluster's own.
pub fn events(
    source: &Source,
    namespace: &str,
    directory: &Directory,
    stored: &Graph,
    live: &mut Graph,
    now: Ms,
) -> Vec<Event> {
    let moves = moves(stored, live, |dataset| products(directory, namespace, dataset, now));
    moves.iter().map(|moved| event(source, moved, now)).collect()
}

fn products(directory: &Directory, namespace: &str, dataset: &Node, now: Ms) -> Vec<Incident> {
    if dataset.namespace() != namespace {
        return Vec::new();
    }
    let of = directory.products.iter().filter(|(_, info)| info.topics.contains(dataset.name()));
    let incident = of.filter_map(|(product, info)| {
        let contract = info.contracts.first()?;
        Some(Incident {
            product: product.clone(),
            owner: info.owner.clone(),
            contract: contract.id.clone(),
            version: contract.version.clone(),
            hash: contract.hash,
            since_ms: now,
        })
    });
    incident.collect()
}

fn event(source: &Source, moved: &Move, now: Ms) -> Event {
    let Incident { product, owner, contract, version, hash, since_ms } = &moved.incident;
    let told = incident::Incident {
        product,
        owner,
        contract_id: contract,
        contract_version: version,
        hash: *hash,
        state: if moved.opens { State::Opened } else { State::Resolved },
        rule: &incident::rule_of(&moved.contradiction),
        severity: Some(LINEAGE_SEVERITY),
        first_window_ms: *since_ms,
        last_window_ms: *since_ms,
        last_window_end_ms: now.max(*since_ms),
        failing_windows: 0,
        worst_failed: 0,
        sequence: if moved.opens { 1 } else { 2 },
        result: None,
        lineage: Some(&moved.contradiction),
    };
    incident::event(source, &told)
}
