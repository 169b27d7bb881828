//! Contracts as they were loaded: `/contracts`, `/contracts/{id}`.

use crate::catalog::document::Document;
use crate::http::paged::{self, Page, page};
use crate::http::problem::problem;
use crate::http::query::pairs;
use crate::http::server::Site;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// In the order of their ids.
pub async fn list(State(site): State<Site>, uri: Uri) -> Response {
    let directory = site.board.directory();
    // Two files may have one id.
    let keyed = directory.documents.iter().map(|document| (format!("{} {}", document.id, document.hash), document));
    match pairs(&uri).and_then(|pairs| page(&pairs, keyed)) {
        Ok(Page { items, next }) => {
            let shown: Vec<Value> = items.into_iter().map(shown).collect();
            paged::answer(&uri, Value::Array(shown), next.as_deref())
        }
        Err(bad) => *bad,
    }
}

/// One contract with its text, and what is wrong with its file; where two files have one id, both.
pub async fn one(State(site): State<Site>, Path(id): Path<String>) -> Response {
    let directory = site.board.directory();
    let mut found: Vec<Value> = Vec::new();
    for document in directory.documents.iter().filter(|document| document.id == id) {
        let findings = directory.findings.iter().filter(|finding| finding.path.contains(&document.path));
        let findings: Vec<Value> =
            findings.map(|finding| json!({"problem": finding.problem, "error": finding.error})).collect();
        let mut value = shown(document);
        value["findings"] = json!(findings);
        value["odcs"] = json!(document.text);
        found.push(value);
    }
    match found.len() {
        0 => {
            let detail = format!("no contract has the id {id}; /contracts lists those that are loaded");
            problem(StatusCode::NOT_FOUND, &detail)
        }
        1 => Json(found.remove(0)).into_response(),
        _ => Json(found).into_response(),
    }
}

fn shown(document: &Document) -> Value {
    json!({
        "id": document.id,
        "version": document.version,
        "hash": document.hash.to_string(),
        "product": document.product.to_string(),
        "owner": document.owner,
        "path": document.path,
        "topics": document.topics,
        "fields": document.fields.len(),
        "rules": document.rules,
    })
}
