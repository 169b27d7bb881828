//! Probes, and who this is.

use crate::catalog::directory::Reloaded;
use crate::clock::now_ms;
use crate::engine::access::standing::{Actor, Standing};
use crate::engine::event::envelope::rfc3339;
use crate::http::server::Site;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde_json::{Value, json};

/// Connect's root: `{version, commit, kafka_cluster_id}`.
pub async fn root(State(site): State<Site>) -> Response {
    Json(json!({
        "version": env!("CARGO_PKG_VERSION"),
        "commit": env!("BUILT_COMMIT"),
        "kafka_cluster_id": site.board.cluster_id(),
    }))
    .into_response()
}

/// The process serves. Nothing else: a restart heals no broker and no contract.
pub async fn live() -> Response {
    Json(json!({"live": true})).into_response()
}

/// Partitions that nobody has, named in an answer that a person reads.
const UNOWNED_MAX: usize = 100;

/// Whether this worker does its part. A bad contract file stops its own product only, and a partition that no worker
/// has is none of this one's: they are told, and no reason.
/// Whoever may not read gets the bare word: reasons name brokers, and findings files.
pub async fn ready(State(site): State<Site>, Extension(actor): Extension<Actor>) -> Response {
    let reasons = site.board.ready(now_ms()).err().unwrap_or_default();
    let status = if reasons.is_empty() { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    if actor.standing(None) < Standing::Viewer {
        return (status, Json(json!({"ready": reasons.is_empty()}))).into_response();
    }
    let findings: Vec<_> = site
        .board
        .directory()
        .findings
        .iter()
        .map(|finding| json!({"path": finding.path, "problem": finding.problem, "error": finding.error}))
        .collect();
    let unowned: Vec<_> = site.board.unowned().iter().take(UNOWNED_MAX).map(|part| part.to_string()).collect();
    let mut body = json!({"ready": reasons.is_empty(), "reasons": reasons, "findings": findings, "unowned": unowned});
    if let Some(reloaded) = &site.board.directory().reloaded {
        body["reload"] = shown(reloaded);
    }
    (status, Json(body)).into_response()
}

/// What came of the last reload.
pub fn shown(reloaded: &Reloaded) -> Value {
    json!({
        "at": rfc3339(reloaded.at_ms),
        "refused": reloaded.refused,
        "changed": reloaded.changed,
        "waiting_for_restart": reloaded.waiting,
    })
}

/// Connect's form (KIP-1017): 200 healthy, 503 starting, 500 unhealthy.
pub async fn health(State(site): State<Site>) -> Response {
    let (status, word, message) = match site.board.ready(now_ms()) {
        Ok(()) => {
            (StatusCode::OK, "healthy", "Worker has completed startup and is ready to handle requests.".to_owned())
        }
        Err(reasons) if site.board.starting() => (StatusCode::SERVICE_UNAVAILABLE, "starting", reasons.join("; ")),
        Err(reasons) => (StatusCode::INTERNAL_SERVER_ERROR, "unhealthy", reasons.join("; ")),
    };
    (status, Json(json!({"status": word, "message": message}))).into_response()
}
