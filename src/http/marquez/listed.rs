//! Namespaces, and the datasets, jobs and runs in them.

use crate::engine::event::envelope::rfc3339;
use crate::engine::lineage::node::Node;
use crate::http::marquez::view::View;
use crate::http::problem::problem;
use crate::http::query::{Pairs, bad, pairs};
use crate::http::server::Site;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const LIMIT: usize = 100;
const LIMIT_MAX: usize = 1_000;

pub async fn namespaces(State(site): State<Site>, uri: Uri) -> Response {
    let all = every_namespace(&View::of(&site));
    let shown = all.iter().map(|(name, times)| namespace_shown(name, *times));
    page(&uri, shown.collect(), "namespaces")
}

pub async fn namespace(State(site): State<Site>, Path(namespace): Path<String>) -> Response {
    match every_namespace(&View::of(&site)).get(&namespace) {
        Some(times) => Json(namespace_shown(&namespace, *times)).into_response(),
        None => unknown(&format!("namespace {namespace}")),
    }
}

pub async fn datasets(State(site): State<Site>, Path(namespace): Path<String>, uri: Uri) -> Response {
    let view = View::of(&site);
    let mine = view.nodes().into_iter().filter(|node| node.is_dataset() && node.namespace() == namespace);
    page(&uri, mine.map(|node| view.dataset(&node)).collect(), "datasets")
}

pub async fn dataset(State(site): State<Site>, Path((namespace, name)): Path<(String, String)>) -> Response {
    known(&site, Node::dataset(namespace, name), |view, node| Json(view.dataset(node)).into_response())
}

/// The one that is known; what came before it is not kept.
pub async fn dataset_versions(State(site): State<Site>, Path((namespace, name)): Path<(String, String)>) -> Response {
    known(&site, Node::dataset(namespace, name), |view, node| {
        let mut version = view.dataset(node);
        version["version"] = version["currentVersion"].clone();
        version["id"]["version"] = version["currentVersion"].clone();
        version["createdByRun"] = Value::Null;
        Json(json!({"versions": [version], "totalCount": 1})).into_response()
    })
}

pub async fn jobs(State(site): State<Site>, Path(namespace): Path<String>, uri: Uri) -> Response {
    jobs_of(&View::of(&site), Some(&namespace), &uri)
}

pub async fn all_jobs(State(site): State<Site>, uri: Uri) -> Response {
    jobs_of(&View::of(&site), None, &uri)
}

pub async fn job(State(site): State<Site>, Path((namespace, name)): Path<(String, String)>) -> Response {
    known(&site, Node::job(namespace, name), |view, node| Json(view.job(node)).into_response())
}

pub async fn runs(State(site): State<Site>, Path((namespace, name)): Path<(String, String)>, uri: Uri) -> Response {
    known(&site, Node::job(namespace, name), |view, node| page(&uri, view.runs(node), "runs"))
}

/// The one that is known; what came before it is not kept.
pub async fn job_versions(State(site): State<Site>, Path((namespace, name)): Path<(String, String)>) -> Response {
    known(&site, Node::job(namespace, name), |view, node| {
        let mut version = view.job(node);
        version["version"] = version["currentVersion"].clone();
        version["id"]["version"] = version["currentVersion"].clone();
        Json(json!({"versions": [version], "totalCount": 1})).into_response()
    })
}

pub async fn run(State(site): State<Site>, Path(id): Path<String>) -> Response {
    match run_by(&View::of(&site), &id) {
        Some((_, run)) => Json(run).into_response(),
        None => unknown(&format!("run {id}")),
    }
}

/// `?type=run|job`: both are the run's here.
pub async fn run_facets(State(site): State<Site>, Path(id): Path<String>) -> Response {
    match run_by(&View::of(&site), &id) {
        Some((_, run)) => Json(json!({"runId": id, "facets": run["facets"]})).into_response(),
        None => unknown(&format!("run {id}")),
    }
}

/// The systems behind datasets, each by its namespace.
pub async fn sources(State(site): State<Site>, uri: Uri) -> Response {
    let view = View::of(&site);
    let mut sources = BTreeMap::new();
    for node in view.nodes().into_iter().filter(Node::is_dataset) {
        let (created_ms, updated_ms) = view.times(&node);
        let kind = node.namespace().split("://").next().unwrap_or_default().to_uppercase();
        let (name, created) = (node.namespace().to_owned(), rfc3339(created_ms));
        let shown = json!({
            "type": kind, "name": name, "connectionUrl": name, "description": null,
            "createdAt": created, "updatedAt": rfc3339(updated_ms),
        });
        sources.entry(name).or_insert(shown);
    }
    page(&uri, sources.into_values().collect(), "sources")
}

/// Tags are the contracts' affair: none are kept here.
pub async fn tags() -> Response {
    Json(json!({"tags": []})).into_response()
}

fn jobs_of(view: &View, namespace: Option<&str>, uri: &Uri) -> Response {
    let mine = |node: &Node| !node.is_dataset() && namespace.is_none_or(|namespace| node.namespace() == namespace);
    let nodes = view.nodes();
    page(uri, nodes.iter().filter(|node| mine(node)).map(|node| view.job(node)).collect(), "jobs")
}

/// Of which job it is, and the run.
pub fn run_by(view: &View, id: &str) -> Option<(Node, Value)> {
    let jobs = view.nodes().into_iter().filter(|node| !node.is_dataset());
    let mut runs = jobs.flat_map(|job| view.runs(&job).into_iter().map(move |run| (job.clone(), run)));
    runs.find(|(_, run)| run["id"] == id)
}

fn every_namespace(view: &View) -> BTreeMap<String, (i64, i64)> {
    let mut namespaces: BTreeMap<String, (i64, i64)> = BTreeMap::new();
    for node in view.nodes() {
        let (created_ms, updated_ms) = view.times(&node);
        let times = namespaces.entry(node.namespace().to_owned()).or_insert((created_ms, updated_ms));
        *times = (times.0.min(created_ms), times.1.max(updated_ms));
    }
    namespaces
}

fn namespace_shown(name: &str, (created_ms, updated_ms): (i64, i64)) -> Value {
    json!({
        "name": name,
        "createdAt": rfc3339(created_ms),
        "updatedAt": rfc3339(updated_ms),
        "ownerName": "",
        "description": null,
        "isHidden": false,
    })
}

fn known(site: &Site, node: Node, answer: impl FnOnce(&View, &Node) -> Response) -> Response {
    let view = View::of(site);
    match view.knows(&node) {
        true => answer(&view, &node),
        false => unknown(&node.to_string()),
    }
}

pub fn unknown(what: &str) -> Response {
    problem(StatusCode::NOT_FOUND, &format!("{what} is not known; /api/v1/search?q= finds what is"))
}

/// `?limit=&offset=` of all, and how many all are.
fn page(uri: &Uri, all: Vec<Value>, name: &str) -> Response {
    match pairs(uri).and_then(|pairs| bounds(&pairs)) {
        Ok((limit, offset)) => {
            let total = all.len();
            let shown: Vec<Value> = all.into_iter().skip(offset).take(limit).collect();
            Json(json!({name: shown, "totalCount": total})).into_response()
        }
        Err(answer) => *answer,
    }
}

/// How many, and after how many; 400 for what is no number.
pub fn bounds(pairs: &Pairs) -> Result<(usize, usize), Box<Response>> {
    let number = |name: &str, default: usize| match pairs.last(name) {
        None => Ok(default),
        Some(text) => text.parse().map_err(|_| bad(&format!("{name}={text} is no number; write 0 or more"))),
    };
    Ok((number("limit", LIMIT)?.min(LIMIT_MAX), number("offset", 0)?))
}
