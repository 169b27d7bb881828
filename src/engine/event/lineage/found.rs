//! `io.meshsteward.lineage.run.v1`, `.job.v1` and `.dataset.v1` of what discovery found: each job that changed with all its
//! inputs and outputs, so that each event stands for itself.
//!
//! What runs is a RunEvent, RUNNING: its job streams, and catalogs must not wait for its end. What is only declared or
//! configured is a JobEvent. Who is merely permitted to read or write, and what contents only look like, is no input and no output; the evidence says so. What
//! catalogs told us is not told again.

use crate::engine::event::envelope::{Event, clip, rfc3339};
use crate::engine::event::lineage::speaker::{PRODUCER, Said, Speaker, facet, fitting};
use crate::engine::lineage::claim::{Claim, Claimant, KnownJob};
use crate::engine::lineage::columns;
use crate::engine::lineage::graph::{Change, Graph, OWN_KIND, TOLD};
use crate::engine::lineage::names;
use crate::engine::lineage::node::{Edge, Node};
use crate::engine::lineage::sighting::Evidence;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// How jobs are told.
#[derive(Clone, Copy, Debug)]
pub struct Pattern {
    /// They are looked at so often, and told where something changed.
    pub every_ms: i64,
}

/// What inputs, outputs and evidence may each weigh: with names and facets below the 512 KiB that an event may.
const PART_BYTES: usize = 128 * 1024;
/// What columns may.
const COLUMNS_BYTES: usize = 64 * 1024;

/// Events of whatever these changes are about.
pub fn events(
    speaker: &Speaker<'_>,
    graph: &Graph,
    changes: &BTreeSet<Change>,
    pattern: Pattern,
    now_ms: i64,
) -> Vec<Event> {
    let mut nodes: BTreeSet<&Node> = BTreeSet::new();
    for change in changes {
        match change {
            Change::Appeared(edge) | Change::Evidence(edge) | Change::Ended(edge) => {
                nodes.extend([&edge.from, &edge.to].into_iter().filter(|node| !node.is_dataset()));
                // From dataset to dataset nobody is named who does it: it is the receiving one's affair.
                nodes.extend(Some(&edge.to).filter(|to| to.is_dataset() && edge.from.is_dataset()));
            }
            Change::Job(node) | Change::JobEnded(node) => drop(nodes.insert(node)),
            Change::Forgotten(_) | Change::Found(_) | Change::Settled(_) => {}
        }
    }
    let told = |node: &&Node| match node.is_dataset() {
        true => dataset(speaker, graph, node, now_ms),
        false => job(speaker, graph, node, pattern, now_ms),
    };
    nodes.iter().filter_map(told).collect()
}

/// An edge of the node that was told about, and what supports it apart from events of others.
type Supported<'g> = (Edge, Vec<(&'g Claimant, &'g Claim)>);

fn job(speaker: &Speaker<'_>, graph: &Graph, node: &Node, pattern: Pattern, now_ms: i64) -> Option<Event> {
    let known = known(graph, node);
    if known.is_some_and(|job| job.facts.kind == OWN_KIND) {
        return None; // its windows are told, each
    }
    let inputs = supported(graph, graph.sources_of(node).map(|from| edge(from, node)));
    let outputs = supported(graph, graph.targets_of(node).map(|to| edge(node, to)));
    if known.is_none() && inputs.is_empty() && outputs.is_empty() && !ended(graph, node) {
        return None; // known by events of others alone
    }
    let state = known.filter(|job| job.holds()).map(|job| job.facts.state.as_str());
    let all = || inputs.iter().chain(&outputs);
    let is_seen = all().flat_map(|(_, claims)| claims).any(|(claimant, _)| claimant.evidence == Evidence::Observed);
    let kind = match (known, state) {
        (Some(_), None) => Some("COMPLETE"),
        (_, Some("FAILED")) => Some("FAIL"),
        (_, Some("RUNNING")) => Some("RUNNING"),
        _ if is_seen => Some("RUNNING"),
        _ => None,
    };
    let mut left = PART_BYTES;
    let used = |edges: &[Supported<'_>]| -> Vec<Edge> {
        let used = |(_, claims): &&Supported<'_>| claims.iter().any(|(c, _)| c.evidence != Evidence::Permitted);
        edges.iter().filter(used).map(|(edge, _)| edge.clone()).collect()
    };
    let input = |edge: Edge| json!({"namespace": edge.from.namespace(), "name": edge.from.name(), "facets": {}, "inputFacets": {}});
    let output = |edge: Edge| json!({"namespace": edge.to.namespace(), "name": edge.to.name(), "facets": {}, "outputFacets": {}});
    let (told_inputs, _) = fitting(used(&inputs).into_iter().map(input), &mut left.clone());
    let (told_outputs, _) = fitting(used(&outputs).into_iter().map(output), &mut left.clone());
    let evidence = fitting(all().map(|supported| evidence_of(node, supported)), &mut left);
    let mut value = json!({
        "job": { "namespace": node.namespace(), "name": node.name(), "facets": job_facets(known, evidence, pattern) },
        "inputs": told_inputs,
        "outputs": told_outputs,
    });
    let key = format!("job:{}/{}", node.namespace(), node.name());
    let said = |kind, event, identity| Said { kind, event, product: None, identity, key, time_ms: now_ms };
    let (namespace, name) = (node.namespace(), node.name());
    match kind {
        Some(kind) => {
            let run = names::run(node, known.map_or(0, |job| job.begun_ms));
            value["eventType"] = json!(kind);
            value["run"] = json!({ "runId": run, "facets": {} });
            Some(
                speaker.event(said("io.meshsteward.lineage.run.v1", "RunEvent", &[namespace, name, &run, kind]), value),
            )
        }
        None => Some(speaker.event(said("io.meshsteward.lineage.job.v1", "JobEvent", &[namespace, name]), value)),
    }
}

fn dataset(speaker: &Speaker<'_>, graph: &Graph, node: &Node, now_ms: i64) -> Option<Event> {
    let from = graph.sources_of(node).filter(|from| from.is_dataset()).map(|from| edge(from, node));
    let edges = supported(graph, from);
    let told = graph.sources_of(node).any(|from| from.is_dataset() && has_own(graph, &edge(from, node)));
    if !told {
        return None;
    }
    let mut left = PART_BYTES;
    let input = |(edge, _): &Supported<'_>| json!({"namespace": edge.from.namespace(), "name": edge.from.name(), "type": "DATASET"});
    // What only looks like it is told by the evidence, with its score: a catalog would take an input for a fact.
    let known = edges.iter().filter(|(_, claims)| claims.iter().any(|(c, _)| c.evidence != Evidence::Inferred));
    let (inputs, _) = fitting(known.map(input), &mut left.clone());
    let mut lineage = facet("LineageDatasetFacet", "1-0-0", json!({ "inputs": inputs }));
    lineage["_schemaURL"] =
        json!("https://openlineage.io/spec/facets/1-0-0/LineageFacet.json#/$defs/LineageDatasetFacet");
    let evidence = fitting(edges.iter().map(|supported| evidence_of(node, supported)), &mut left);
    let mut facets = json!({ "lineage": lineage, EVIDENCE: evidence_facet("StewardEvidenceDatasetFacet", evidence) });
    if let Some(columns) = column_lineage(&edges) {
        facets["columnLineage"] = columns;
    }
    let value = json!({ "dataset": { "namespace": node.namespace(), "name": node.name(), "facets": facets } });
    let said = Said {
        kind: "io.meshsteward.lineage.dataset.v1",
        event: "DatasetEvent",
        product: None,
        identity: &[node.namespace(), node.name(), "inputs"],
        key: format!("dataset:{}/{}", node.namespace(), node.name()),
        time_ms: now_ms,
    };
    Some(speaker.event(said, value))
}

/// Columns that are made of others, as far as they are declared: what they become is not said, and so is no transformation.
fn column_lineage(edges: &[Supported<'_>]) -> Option<Value> {
    let (mut fields, mut left) = (Map::new(), COLUMNS_BYTES);
    for (edge, claims) in edges {
        let declared = claims.iter().filter(|(claimant, _)| claimant.evidence == Evidence::Declared);
        for (from, to) in declared.flat_map(|(_, claim)| columns::of(claim)) {
            let input = json!({"namespace": edge.from.namespace(), "name": edge.from.name(), "field": from});
            let Some(rest) = left.checked_sub(input.to_string().len() + to.len() + 32) else { break };
            left = rest;
            let field = fields.entry(to).or_insert_with(|| json!({"inputFields": []}));
            field["inputFields"].as_array_mut().into_iter().for_each(|inputs| inputs.push(input.clone()));
        }
    }
    (!fields.is_empty()).then(|| facet("ColumnLineageDatasetFacet", "1-2-0", json!({ "fields": fields })))
}

/// The job as its collectors know it, or knew it last.
fn known<'g>(graph: &'g Graph, node: &Node) -> Option<&'g KnownJob> {
    let first = (node.clone(), String::new());
    let all = graph.jobs().range(first..).take_while(|((known, _), _)| known == node);
    let found = all.filter(|((_, collector), _)| collector != TOLD).map(|(_, job)| job);
    found.max_by_key(|job| (job.holds(), job.last_seen_ms))
}

fn ended(graph: &Graph, node: &Node) -> bool {
    graph.sources_of(node).any(|from| has_own(graph, &edge(from, node)))
        || graph.targets_of(node).any(|to| has_own(graph, &edge(node, to)))
}

/// Whether anybody but events of others has ever supported it.
fn has_own(graph: &Graph, edge: &Edge) -> bool {
    graph.claims(edge).is_some_and(|claims| claims.keys().any(|claimant| claimant.collector != TOLD))
}

fn supported<'g>(graph: &'g Graph, edges: impl Iterator<Item = Edge>) -> Vec<Supported<'g>> {
    let with_claims = edges.filter_map(|edge| {
        let own = |(claimant, claim): &(&Claimant, &Claim)| claim.holds() && claimant.collector != TOLD;
        let claims: Vec<_> = graph.claims(&edge)?.iter().filter(own).collect();
        (!claims.is_empty()).then_some((edge, claims))
    });
    with_claims.collect()
}

fn edge(from: &Node, to: &Node) -> Edge {
    Edge { from: from.clone(), to: to.clone() }
}

fn job_facets(known: Option<&KnownJob>, evidence: (Vec<Value>, usize), pattern: Pattern) -> Value {
    let kind = known.map_or("job", |job| job.facts.kind.as_str());
    let job_type = json!({
        "processingType": "STREAMING",
        "integration": clip(&kind.to_uppercase().replace('-', "_")),
        // Marquez wants it, which the standard lets out.
        "jobType": "JOB",
        "emissionPattern": {
            "eventTrigger": "PERIODIC",
            "eventContentMode": "COMPLETE_SNAPSHOT",
            "windowDuration": (pattern.every_ms / 1_000).max(1),
        },
    });
    let mut facets = json!({
        "jobType": facet("JobTypeJobFacet", "2-0-4", job_type),
        EVIDENCE: evidence_facet("StewardEvidenceJobFacet", evidence),
    });
    if let Some(text) = known.and_then(|job| job.facts.description.as_deref()) {
        facets["documentation"] = facet("DocumentationJobFacet", "1-1-0", json!({ "description": clip(text) }));
    }
    if let Some(owner) = known.and_then(|job| job.facts.detail.get("owner")) {
        let owners = json!({ "owners": [{ "name": clip(owner), "type": "OWNER" }] });
        facets["ownership"] = facet("OwnershipJobFacet", "1-0-1", owners);
    }
    facets
}

/// The key of our own facet: what supports each edge.
const EVIDENCE: &str = "steward_evidence";
const FACETS: &str = "https://github.com/mesh-steward/mesh-steward/blob/main/docs/facets/1-0-0";

fn evidence_facet(name: &str, (edges, omitted): (Vec<Value>, usize)) -> Value {
    let schema = format!("{FACETS}/{name}.json#/$defs/{name}");
    let mut facet = json!({ "_producer": PRODUCER, "_schemaURL": schema, "edges": edges });
    if omitted > 0 {
        facet["omitted"] = json!(omitted);
    }
    facet
}

fn evidence_of(node: &Node, (edge, claims): &Supported<'_>) -> Value {
    let (other, direction) = if edge.to == *node { (&edge.from, "input") } else { (&edge.to, "output") };
    let claim = |(claimant, claim): &(&Claimant, &Claim)| {
        json!({
            "kind": claimant.evidence.word(),
            "source": clip(&claimant.collector),
            "firstSeen": rfc3339(claim.first_seen_ms),
            "lastSeen": rfc3339(claim.last_seen_ms),
            "confidence": claim.confidence,
            "detail": claim.detail,
        })
    };
    json!({
        "namespace": other.namespace(),
        "name": other.name(),
        "direction": direction,
        "evidence": claims.iter().map(claim).collect::<Vec<_>>(),
    })
}
