//! Runs told step by step, as Marquez' own clients do: created, then started, completed, failed or aborted. Each step is an
//! OpenLineage event of the run, kept as those are.

use crate::clock::now_ms;
use crate::engine::event::envelope::rfc3339;
use crate::engine::lineage::names;
use crate::engine::lineage::node::Node;
use crate::engine::lineage::statement::{About, Statement, Thing};
use crate::http::marquez::listed::{run_by, unknown};
use crate::http::marquez::view::View;
use crate::http::openlineage::keep;
use crate::http::problem::problem;
use crate::http::query::{bad, pairs};
use crate::http::server::Site;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header::LOCATION;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::sync::atomic::{AtomicU64, Ordering};

/// What a client says of a run that it creates; all of it may be left out.
#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct New {
    id: Option<String>,
    nominal_start_time: Option<String>,
    nominal_end_time: Option<String>,
    args: Map<String, Value>,
}

/// 201 with the run, which is `NEW`; 404 where the job is not known, 409 where the run is.
pub async fn create(
    State(site): State<Site>,
    Path((namespace, name)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    let view = View::of(&site);
    let job = Node::job(site.aliases.canonical(&namespace), name);
    if !view.knows(&job) {
        return unknown(&job.to_string());
    }
    let new: New = match body.trim_ascii() {
        [] => New::default(),
        text => match serde_json::from_slice(text) {
            Ok(new) => new,
            Err(error) => return *bad(&format!("the body is no run: {error}")),
        },
    };
    let id = match new.id {
        None => fresh(&site, &job),
        Some(id) if uuid::Uuid::try_parse(&id).is_err() => return *bad(&format!("id {id:?} is no UUID")),
        Some(id) => id,
    };
    if run_by(&view, &id).is_some() {
        return problem(
            StatusCode::CONFLICT,
            &format!("run {id} is there already; POST /api/v1/jobs/runs/{id}/start moves it"),
        );
    }
    let mut facets = Map::new();
    if new.nominal_start_time.is_some() || new.nominal_end_time.is_some() {
        let nominal = json!({"nominalStartTime": new.nominal_start_time, "nominalEndTime": new.nominal_end_time});
        facets.insert("nominalTime".into(), nominal);
    }
    if !new.args.is_empty() {
        facets.insert("args".into(), Value::Object(new.args));
    }
    let location = format!("/api/v1/jobs/runs/{id}");
    match told(&site, &view, &job, &id, (None, "NEW"), now_ms(), facets).await {
        Ok(run) => (StatusCode::CREATED, [(LOCATION, location)], Json(run)).into_response(),
        Err(answer) => *answer,
    }
}

pub async fn start(State(site): State<Site>, Path(id): Path<String>, uri: Uri) -> Response {
    step(&site, &id, &uri, ("START", "RUNNING")).await
}

pub async fn complete(State(site): State<Site>, Path(id): Path<String>, uri: Uri) -> Response {
    step(&site, &id, &uri, ("COMPLETE", "COMPLETED")).await
}

pub async fn fail(State(site): State<Site>, Path(id): Path<String>, uri: Uri) -> Response {
    step(&site, &id, &uri, ("FAIL", "FAILED")).await
}

pub async fn abort(State(site): State<Site>, Path(id): Path<String>, uri: Uri) -> Response {
    step(&site, &id, &uri, ("ABORT", "ABORTED")).await
}

/// `?at=`: when it was so; else now.
async fn step(site: &Site, id: &str, uri: &Uri, (kind, state): (&'static str, &'static str)) -> Response {
    let view = View::of(site);
    let Some((job, _)) = run_by(&view, id) else { return unknown(&format!("run {id}")) };
    if !view.is_told(&job, id) {
        let why = format!(
            "run {id} was found by a collector, which says how it stands; only runs that were told can be moved"
        );
        return problem(StatusCode::CONFLICT, &why);
    }
    let at = pairs(uri).and_then(|pairs| match pairs.last("at") {
        None => Ok(now_ms()),
        Some(text) => match text.parse::<jiff::Timestamp>() {
            Ok(time) => Ok(time.as_millisecond()),
            Err(_) => Err(bad(&format!("at={text} is no time; write 2026-11-24T10:00:00Z"))),
        },
    });
    let moved = match at {
        Ok(at_ms) => told(site, &view, &job, id, (Some(kind), state), at_ms, Map::new()).await,
        Err(answer) => Err(answer),
    };
    moved.map_or_else(|answer| *answer, |run| Json(run).into_response())
}

/// Keeps it; the run as it then stands. `kind`: of the event; a run that is only created has none.
async fn told(
    site: &Site,
    view: &View,
    job: &Node,
    id: &str,
    (kind, state): (Option<&'static str>, &'static str),
    at_ms: i64,
    facets: Map<String, Value>,
) -> Result<Value, Box<Response>> {
    let (namespace, name) = (job.namespace(), job.name());
    let event = kind.map_or(Value::Null, |kind| {
        json!({
            "eventType": kind,
            "eventTime": rfc3339(at_ms),
            "producer": PRODUCER,
            "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
            "run": {"runId": id, "facets": {}},
            "job": {"namespace": namespace, "name": name, "facets": {}},
            "inputs": [],
            "outputs": [],
        })
    });
    // What is known of the job stays: the step says nothing of it.
    let thing = Thing { node: job.clone(), facets: view.facets(job) };
    let statement = Statement {
        event_ms: at_ms,
        producer: PRODUCER.to_owned(),
        about: About::Run { job: thing, run: id.to_owned(), state, facets },
        inputs: Vec::new(),
        outputs: Vec::new(),
        event,
    };
    keep(site, vec![statement]).await?;
    match run_by(&View::of(site), id) {
        Some((_, run)) => Ok(run),
        None => Err(Box::new(unknown(&format!("run {id}")))),
    }
}

/// Who told it: a client of this API.
const PRODUCER: &str = "https://marquezproject.ai/docs/api";

/// An id that no other run has: of this worker, this moment, and a number of its own.
fn fresh(site: &Site, job: &Node) -> String {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    names::uuid(&["run", &site.worker_id, &now_ms().to_string(), &number.to_string(), &job.to_string()])
}
