//! Who feeds whom, with the evidence of each edge: of a product, who breaks if it changes, and how collecting goes.

use crate::catalog::directory::Directory;
use crate::catalog::lineage::Lineage;
use crate::engine::contract::name::ProductName;
use crate::engine::event::envelope::rfc3339;
use crate::engine::lineage::claim::Claim;
use crate::engine::lineage::contradiction::Contradiction;
use crate::engine::lineage::graph::{Claims, Graph};
use crate::engine::lineage::incident::Standing;
use crate::engine::lineage::node::{Edge, Node};
use crate::engine::lineage::sighting::Evidence;
use crate::engine::lineage::walk::{Direction, Reached, walk, walk_known};
use crate::http::products::known;
use crate::http::query::{Pairs, bad, pairs};
use crate::http::server::Site;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

const DEPTH: usize = 5;
/// Each product on the way is two edges more: nobody overlooks ten of them.
const DEPTH_MAX: usize = 20;

/// What feeds a product and what it feeds: `?direction=upstream|downstream|both&depth=5`.
pub async fn of_product(State(site): State<Site>, Path((domain, name)): Path<(String, String)>, uri: Uri) -> Response {
    let product = ProductName { domain, name };
    match asked(&site, &product, &uri) {
        Ok((direction, word, depth)) => {
            let (lineage, directory) = (site.lineage.read(), site.board.directory());
            let start = topics(&lineage, &directory, &product);
            let reached = walk(&lineage.graph, &start, direction, depth);
            let mut body = shown(&lineage, &directory, &reached);
            body["product"] = json!(product.to_string());
            body["direction"] = json!(word);
            body["depth"] = json!(depth);
            Json(body).into_response()
        }
        Err(answer) => *answer,
    }
}

/// Who breaks if the product changes: all that reads its topics, near and far, with owners, lag and when it was last seen.
pub async fn impact(State(site): State<Site>, Path((domain, name)): Path<(String, String)>, uri: Uri) -> Response {
    let product = ProductName { domain, name };
    match asked(&site, &product, &uri) {
        Ok((_, _, depth)) => {
            let (lineage, directory) = (site.lineage.read(), site.board.directory());
            let mut body = broken(&lineage, &directory, &product, depth);
            body["product"] = json!(product.to_string());
            Json(body).into_response()
        }
        Err(answer) => *answer,
    }
}

/// How collecting goes: each collector's last round, what it could not resolve and why, how many edges, what contradicts.
pub async fn standing(State(site): State<Site>) -> Response {
    let lineage = site.lineage.read();
    let graph = &lineage.graph;
    let collectors: Map<String, Value> = graph
        .looks()
        .iter()
        .map(|(name, look)| {
            let shown = json!({
                "last_round": (look.at_ms > 0).then(|| rfc3339(look.at_ms)),
                "complete": look.complete,
                "error": look.error,
                "unresolved": look.unresolved,
                "unresolved_total": look.unresolved_total,
            });
            (name.clone(), shown)
        })
        .collect();
    let counts: Map<String, Value> =
        graph.counts().into_iter().map(|(evidence, count)| (evidence.word().to_owned(), json!(count))).collect();
    Json(json!({
        "namespace": lineage.namespace,
        "collects_here": lineage.leads,
        "as_of": (lineage.at_ms > 0).then(|| rfc3339(lineage.at_ms)),
        "edges": counts,
        "refused": graph.refused(),
        "collectors": collectors,
        "contradictions": graph.contradictions().iter().map(contradiction).collect::<Vec<_>>(),
    }))
    .into_response()
}

fn asked(site: &Site, product: &ProductName, uri: &Uri) -> Result<(Direction, &'static str, usize), Box<Response>> {
    known(site, product)?;
    let pairs = pairs(uri)?;
    let word = pairs.word("direction", &["upstream", "downstream", "both"])?.unwrap_or("both");
    let direction = match word {
        "upstream" => Direction::Upstream,
        "downstream" => Direction::Downstream,
        _ => Direction::Both,
    };
    Ok((direction, word, depth(&pairs, DEPTH)?))
}

/// How many edges away; 400 for what is no number of them.
pub fn depth(pairs: &Pairs, default: usize) -> Result<usize, Box<Response>> {
    let Some(text) = pairs.last("depth") else { return Ok(default) };
    match text.parse::<usize>() {
        Ok(depth) => Ok(depth.min(DEPTH_MAX)),
        Err(_) => Err(bad(&format!("depth={text} is no number of edges; write 0 to {DEPTH_MAX}"))),
    }
}

pub fn topics(lineage: &Lineage, directory: &Directory, product: &ProductName) -> Vec<Node> {
    let info = directory.products.get(product);
    info.into_iter().flat_map(|info| &info.topics).map(|topic| Node::dataset(&lineage.namespace, topic)).collect()
}

/// The products that a dataset is a topic of, each with its owner.
fn products<'d>(lineage: &Lineage, directory: &'d Directory, node: &Node) -> Vec<(&'d ProductName, &'d str)> {
    if !node.is_dataset() || node.namespace() != lineage.namespace {
        return Vec::new();
    }
    let of = directory.products.iter().filter(|(_, info)| info.topics.contains(node.name()));
    of.map(|(product, info)| (product, info.owner.as_str())).collect()
}

fn shown(lineage: &Lineage, directory: &Directory, reached: &Reached) -> Value {
    let graph = &lineage.graph;
    let nodes: Vec<Value> = reached
        .nodes
        .iter()
        .map(|(node, distance)| {
            let mut value = json!({
                "id": node.to_string(),
                "type": if node.is_dataset() { "dataset" } else { "job" },
                "namespace": node.namespace(),
                "name": node.name(),
                "distance": distance,
            });
            let of = products(lineage, directory, node);
            if node.is_dataset() {
                value["products"] =
                    of.iter().map(|(product, owner)| json!({"name": product.to_string(), "owner": owner})).collect();
            } else if let Some(job) = graph.job(node) {
                value["kind"] = json!(job.facts.kind);
                value["state"] = json!(job.facts.state);
                value["description"] = json!(job.facts.description);
                value["detail"] = json!(job.facts.detail);
            }
            value
        })
        .collect();
    let edges: Vec<Value> = reached.edges.iter().map(|edge| edge_shown(edge, graph.claims(edge))).collect();
    let about = |(found, _): &(&Contradiction, &Standing)| reached.nodes.contains_key(found.dataset());
    let contradictions: Vec<Value> = graph.contradictions().iter().filter(about).map(contradiction).collect();
    json!({
        "namespace": lineage.namespace,
        "as_of": (lineage.at_ms > 0).then(|| rfc3339(lineage.at_ms)),
        "nodes": nodes,
        "edges": edges,
        "contradictions": contradictions,
        "truncated": reached.truncated,
    })
}

fn edge_shown(edge: &Edge, claims: Option<&Claims>) -> Value {
    let evidence = claims.into_iter().flatten().filter(|(_, claim)| claim.holds()).map(|(claimant, claim)| {
        json!({
            "kind": claimant.evidence.word(),
            "source": claimant.collector,
            "first_seen": rfc3339(claim.first_seen_ms),
            "last_seen": rfc3339(claim.last_seen_ms),
            "confidence": claim.confidence,
            "detail": claim.detail,
        })
    });
    json!({"from": edge.from.to_string(), "to": edge.to.to_string(), "evidence": evidence.collect::<Vec<_>>()})
}

fn contradiction((found, standing): (&Contradiction, &Standing)) -> Value {
    json!({
        "kind": found.word(),
        "dataset": found.dataset().to_string(),
        "text": found.to_string(),
        "since": rfc3339(standing.since_ms),
    })
}

/// Datasets that look like copies of what was reached, by their contents alone.
fn inferred(graph: &Graph, reached: &Reached) -> Vec<Value> {
    let out = |from: &Node| -> Vec<Value> {
        let edges = graph.targets_of(from).map(|to| Edge { from: from.clone(), to: to.clone() });
        let guessed = edges.filter(|edge| graph.lives(edge) && !graph.is_known(edge));
        guessed.map(|edge| edge_shown(&edge, graph.claims(&edge))).collect()
    };
    reached.nodes.keys().filter(|node| node.is_dataset()).flat_map(out).collect()
}

/// What may do is not what does: who is only permitted to read stands apart.
pub fn broken(lineage: &Lineage, directory: &Directory, product: &ProductName, depth: usize) -> Value {
    let graph = &lineage.graph;
    let start = topics(lineage, directory, product);
    let reached = walk_known(graph, &start, Direction::Downstream, depth);
    let mut by_kind: BTreeMap<&str, Vec<Value>> = ["groups", "connectors", "jobs"].map(|kind| (kind, vec![])).into();
    let (mut products_found, mut datasets, mut may_read) = (BTreeMap::new(), Vec::new(), Vec::new());
    let mut owners: BTreeSet<&str> = BTreeSet::new();
    for (node, distance) in reached.nodes.iter().filter(|(node, _)| !start.contains(node) && !graph.is_own(node)) {
        let into: Vec<&Edge> = reached.edges.iter().filter(|edge| edge.to == *node).collect();
        if node.is_dataset() {
            let of = products(lineage, directory, node);
            for (other, owner) in of.iter().filter(|(other, _)| *other != product) {
                owners.insert(owner);
                let near = products_found.entry((*other).clone()).or_insert((*owner, *distance));
                near.1 = near.1.min(*distance);
            }
            if of.is_empty() {
                let (namespace, name) = (node.namespace(), node.name());
                datasets.push(json!({"namespace": namespace, "name": name, "distance": distance}));
            }
            continue;
        }
        let claims: Vec<(Evidence, &Claim)> = into
            .iter()
            .filter_map(|edge| graph.claims(edge))
            .flatten()
            .filter(|(_, claim)| claim.holds())
            .map(|(claimant, claim)| (claimant.evidence, claim))
            .collect();
        let reads: Vec<&str> = into.iter().map(|edge| edge.from.name()).collect();
        let kinds: BTreeSet<&str> = claims.iter().map(|(evidence, _)| evidence.word()).collect();
        if claims.iter().all(|(evidence, _)| *evidence == Evidence::Permitted) {
            may_read.push(json!({"name": node.name(), "namespace": node.namespace(), "reads": reads}));
            continue;
        }
        let job = graph.job(node);
        let kind = job.map_or("", |job| job.facts.kind.as_str());
        let lag = |what: &str| {
            let lags = claims.iter().filter_map(|(_, claim)| claim.detail.get(what)?.parse::<f64>().ok());
            lags.fold(None, |most: Option<f64>, lag| Some(most.map_or(lag, |most| most.max(lag))))
        };
        let seen = claims.iter().filter(|(evidence, _)| *evidence == Evidence::Observed);
        let value = json!({
            "name": node.name(),
            "namespace": node.namespace(),
            "kind": kind,
            "state": job.map(|job| job.facts.state.as_str()),
            "owner": job.and_then(|job| job.facts.detail.get("owner")),
            "distance": distance,
            "reads": reads,
            "evidence": kinds,
            "lag_records": lag("lag_records"),
            "lag_seconds": lag("lag_seconds"),
            "last_seen": seen.map(|(_, claim)| claim.last_seen_ms).max().map(rfc3339),
        });
        let group = match kind {
            kind if kind.ends_with("group") => "groups",
            kind if kind.contains("connect") => "connectors",
            _ => "jobs",
        };
        by_kind.entry(group).or_default().push(value);
    }
    let downstream: Vec<Value> = products_found
        .iter()
        .map(|(name, (owner, distance))| json!({"name": name.to_string(), "owner": owner, "distance": distance}))
        .collect();
    json!({
        "as_of": (lineage.at_ms > 0).then(|| rfc3339(lineage.at_ms)),
        "topics": start.iter().map(Node::name).collect::<Vec<_>>(),
        "groups": by_kind["groups"],
        "connectors": by_kind["connectors"],
        "jobs": by_kind["jobs"],
        "products": downstream,
        "datasets": datasets,
        "owners": owners,
        "may_read": may_read,
        "inferred": inferred(graph, &reached),
        "truncated": reached.truncated,
    })
}
