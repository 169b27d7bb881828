//! Datasets, jobs and runs in Marquez' shapes.

use crate::catalog::directory::Directory;
use crate::catalog::lineage::Lineage;
use crate::engine::contract::described;
use crate::engine::event::envelope::rfc3339;
use crate::engine::lineage::claim::KnownJob;
use crate::engine::lineage::names;
use crate::engine::lineage::node::{Edge, Node};
use crate::engine::lineage::told::{Described, Run};
use crate::http::server::Site;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// One moment of what is known.
pub struct View {
    pub lineage: Arc<Lineage>,
    pub directory: Arc<Directory>,
}

impl View {
    pub fn of(site: &Site) -> View {
        View { lineage: site.lineage.read(), directory: site.board.directory() }
    }

    /// Every node: of edges that hold, of events, and topics that contracts name.
    pub fn nodes(&self) -> BTreeSet<Node> {
        let graph = &self.lineage.graph;
        let edges = graph.edges().keys().filter(|edge| graph.lives(edge));
        let mut nodes: BTreeSet<Node> = edges.flat_map(|edge| [edge.from.clone(), edge.to.clone()]).collect();
        nodes.extend(graph.told().nodes().keys().cloned());
        nodes.extend(graph.jobs().iter().filter(|(_, job)| job.holds()).map(|((node, _), _)| node.clone()));
        let topics = self.directory.products.values().flat_map(|info| &info.topics);
        nodes.extend(topics.map(|topic| Node::dataset(&self.lineage.namespace, topic)));
        nodes
    }

    pub fn knows(&self, node: &Node) -> bool {
        self.nodes().contains(node)
    }

    /// First and last word of it, milliseconds since 1970; 0 where only a contract names it.
    pub fn times(&self, node: &Node) -> (i64, i64) {
        let graph = &self.lineage.graph;
        let into = graph.sources_of(node).map(|from| Edge { from: from.clone(), to: node.clone() });
        let out = graph.targets_of(node).map(|to| Edge { from: node.clone(), to: to.clone() });
        let claims = into.chain(out).filter_map(|edge| graph.claims(&edge)).flatten().map(|(_, claim)| claim);
        let mut times: Vec<(i64, i64)> = claims.map(|claim| (claim.first_seen_ms, claim.last_seen_ms)).collect();
        times.extend(self.told(node).map(|told| (told.created_ms, told.updated_ms)));
        times.extend(graph.job(node).map(|job| (job.first_seen_ms, job.last_seen_ms)));
        let created = times.iter().map(|(created, _)| *created).min().unwrap_or_default();
        (created, times.iter().map(|(_, updated)| *updated).max().unwrap_or_default())
    }

    pub fn dataset(&self, node: &Node) -> Value {
        let (created_ms, updated_ms) = self.times(node);
        let facets = self.facets(node);
        let contract = self.contract(node);
        let told = facets.get("schema").and_then(|schema| schema["fields"].as_array());
        let fields: Vec<Value> = match (told, contract) {
            (Some(fields), _) => fields.iter().map(told_field).collect(),
            (None, Some(dataset)) => dataset.fields.iter().map(field).collect(),
            (None, None) => Vec::new(),
        };
        let documented = facets.get("documentation").and_then(|facet| facet["description"].as_str());
        let description = documented.or(contract.and_then(|dataset| dataset.text.as_deref())).unwrap_or_default();
        let version = names::uuid(&["dataset", &node.to_string(), &json!(fields).to_string()]);
        json!({
            "id": {"namespace": node.namespace(), "name": node.name()},
            "type": if node.namespace().starts_with("kafka://") { "STREAM" } else { "DB_TABLE" },
            "name": node.name(),
            "physicalName": node.name(),
            "createdAt": rfc3339(created_ms),
            "updatedAt": rfc3339(updated_ms),
            "namespace": node.namespace(),
            "sourceName": node.namespace(),
            "fields": fields,
            "tags": [],
            "lastModifiedAt": null,
            "lastLifecycleState": null,
            "description": description,
            "currentVersion": version,
            "columnLineage": null,
            "facets": facets,
            "deleted": false,
        })
    }

    pub fn job(&self, node: &Node) -> Value {
        let (created_ms, updated_ms) = self.times(node);
        let graph = &self.lineage.graph;
        let id = |node: &Node| json!({"namespace": node.namespace(), "name": node.name()});
        let lives = |from: &Node, to: &Node| graph.lives(&Edge { from: from.clone(), to: to.clone() });
        let inputs: Vec<Value> = graph.sources_of(node).filter(|input| lives(input, node)).map(id).collect();
        let outputs: Vec<Value> = graph.targets_of(node).filter(|output| lives(node, output)).map(id).collect();
        let facets = self.facets(node);
        let known = graph.job(node);
        let documented = facets.get("documentation").and_then(|facet| facet["description"].as_str());
        let description = documented.map(str::to_owned).or(known.and_then(|job| job.facts.description.clone()));
        let runs = self.runs(node);
        let version = names::uuid(&["job", &node.to_string(), &json!([inputs, outputs]).to_string()]);
        json!({
            "id": id(node),
            "type": kind(&facets, known),
            "name": node.name(),
            "simpleName": node.name().rsplit('.').next().unwrap_or_default(),
            "parentJobName": null,
            "parentJobUuid": null,
            "createdAt": rfc3339(created_ms),
            "updatedAt": rfc3339(updated_ms),
            "namespace": node.namespace(),
            "inputs": inputs,
            "outputs": outputs,
            "location": null,
            "description": description,
            "latestRun": runs.first(),
            "latestRuns": runs.iter().take(10).collect::<Vec<_>>(),
            "facets": facets,
            "currentVersion": version,
            "tags": [],
            "labels": [],
        })
    }

    /// The latest first. What was found and runs is one run since it began.
    pub fn runs(&self, node: &Node) -> Vec<Value> {
        let version = json!({"namespace": node.namespace(), "name": node.name(), "version": null});
        match self.told(node).filter(|told| !told.runs.is_empty()) {
            Some(told) => told.runs.iter().map(|run| shown(run, &version)).collect(),
            None => self.lineage.graph.job(node).map(|job| shown(&found(node, job), &version)).into_iter().collect(),
        }
    }

    /// Whether somebody told of the run; else a collector found it.
    pub fn is_told(&self, job: &Node, id: &str) -> bool {
        self.told(job).is_some_and(|told| told.runs.iter().any(|run| run.id == id))
    }

    pub fn facets(&self, node: &Node) -> Map<String, Value> {
        self.told(node).map(|told| told.facets.clone()).unwrap_or_default()
    }

    fn told(&self, node: &Node) -> Option<&Described> {
        self.lineage.graph.told().nodes().get(node).map(|told| &**told)
    }

    /// As a contract describes the topic.
    fn contract(&self, node: &Node) -> Option<&described::Dataset> {
        if !node.is_dataset() || node.namespace() != self.lineage.namespace {
            return None;
        }
        let mut datasets = self.directory.documents.iter().flat_map(|document| &document.described.datasets);
        datasets.find(|dataset| dataset.topic == node.name())
    }
}

/// A run of what was found: it has been running since it began.
fn found(node: &Node, job: &KnownJob) -> Run {
    let state = match job.facts.state.as_str() {
        "FAILED" => "FAILED",
        "COMPLETED" => "COMPLETED",
        "ABORTED" | "STOPPED" => "ABORTED",
        _ => "RUNNING",
    };
    Run {
        id: names::run(node, job.begun_ms),
        state: state.into(),
        created_ms: job.begun_ms,
        updated_ms: job.last_seen_ms,
        started_ms: Some(job.begun_ms),
        ..Run::default()
    }
}

fn shown(run: &Run, version: &Value) -> Value {
    let nominal = |key: &str| run.facets.get("nominalTime").and_then(|facet| facet[key].as_str());
    let duration_ms = run.started_ms.zip(run.ended_ms).map(|(started, ended)| ended - started);
    let mut facets = run.facets.clone();
    let args = facets.remove("args").unwrap_or_else(|| json!({}));
    json!({
        "id": run.id,
        "createdAt": rfc3339(run.created_ms),
        "updatedAt": rfc3339(run.updated_ms),
        "nominalStartTime": nominal("nominalStartTime"),
        "nominalEndTime": nominal("nominalEndTime"),
        "state": run.state,
        "startedAt": run.started_ms.map(rfc3339),
        "endedAt": run.ended_ms.map(rfc3339),
        "durationMs": duration_ms,
        "args": args,
        "jobVersion": version,
        "inputVersions": [],
        "outputVersions": [],
        "facets": facets,
    })
}

/// Marquez' words. What was found without anybody telling runs until it is stopped.
fn kind(facets: &Map<String, Value>, known: Option<&KnownJob>) -> &'static str {
    match facets.get("jobType").and_then(|facet| facet["processingType"].as_str()) {
        Some("STREAMING") => "STREAM",
        Some("SERVICE") => "SERVICE",
        Some(_) => "BATCH",
        None if known.is_some_and(|job| job.facts.kind != "openlineage") => "STREAM",
        None => "BATCH",
    }
}

fn told_field(field: &Value) -> Value {
    json!({"name": field["name"], "type": field["type"], "tags": [], "description": field["description"]})
}

fn field(field: &described::Field) -> Value {
    json!({"name": field.name, "type": field.kind, "tags": [], "description": field.text})
}
