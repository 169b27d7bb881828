//! `/admin/loggers`, as Connect has it: levels of this process's log, changed while it runs.

use crate::http::problem::problem;
use crate::http::query::{bad, pairs};
use crate::telemetry::levels::{self, LevelError, Logger, ROOT};
use axum::Json;
use axum::body::Bytes;
use axum::extract::Path;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

/// Loggers with a level of their own, and `root`.
pub async fn list() -> Response {
    let loggers = levels::all().into_iter().map(|(name, logger)| (name, shown(&logger)));
    Json(loggers.collect::<Map<String, Value>>()).into_response()
}

pub async fn one(Path(name): Path<String>) -> Response {
    match levels::all().remove(&name) {
        Some(logger) => Json(shown(&logger)).into_response(),
        None => {
            let detail = format!(
                "logger {name} has no level of its own; /admin/loggers lists those that have, and a PUT of \
                 {{\"level\": \"debug\"}} gives it one"
            );
            problem(StatusCode::NOT_FOUND, &detail)
        }
    }
}

/// `{"level": "debug"}`; answers with the loggers that changed.
pub async fn set(Path(name): Path<String>, uri: Uri, body: Bytes) -> Response {
    let scope = match pairs(&uri).and_then(|pairs| pairs.word("scope", &["worker", "cluster"])) {
        Ok(scope) => scope,
        Err(bad) => return *bad,
    };
    if scope == Some("cluster") {
        let detail = "levels of a whole cluster are not set in this version; ask each worker of /workers for its own";
        return problem(StatusCode::NOT_IMPLEMENTED, detail);
    }
    let body: Value = serde_json::from_slice(&body).unwrap_or_default();
    let Some(level) = body["level"].as_str() else {
        return *bad("the body names no level; send {\"level\": \"debug\"}");
    };
    match levels::set(&name, level, crate::clock::now_ms()) {
        Ok(()) => {
            tracing::info!(logger = name, level, "a log level was changed");
            Json(json!([name])).into_response()
        }
        Err(error @ LevelError::NotSetUp) => problem(StatusCode::SERVICE_UNAVAILABLE, &error.to_string()),
        Err(error) => *bad(&format!("{error} ({ROOT} is the logger of all that have no level of their own)")),
    }
}

fn shown(logger: &Logger) -> Value {
    json!({"level": logger.level.to_uppercase(), "last_modified": logger.modified_ms})
}
