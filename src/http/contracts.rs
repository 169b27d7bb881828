//! Contracts as they were loaded: `/contracts`, `/contracts/{id}`.

use crate::catalog::document::Document;
use crate::engine::contract::problem::Level;
use crate::engine::contract::standard::lint;
use crate::engine::published::contracts;
use crate::http::audit::Audited;
use crate::http::paged::{self, Page, page};
use crate::http::problem::problem;
use crate::http::publish::told;
use crate::http::query::{bad, pairs};
use crate::http::server::Site;
use axum::Json;
use axum::body::Bytes;
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

/// `POST /lint`: what `steward contract lint` finds in the documents of the body. A question whose text is too long for a
/// URL: it changes nothing, and no audit has it.
pub async fn lint(body: Bytes) -> Response {
    match std::str::from_utf8(&body) {
        Ok(text) => {
            let (valid, problems) = linted(text);
            let mut answer = Json(json!({"valid": valid, "problems": problems})).into_response();
            answer.extensions_mut().insert(Audited);
            answer
        }
        Err(why) => *bad(&format!("the body is no UTF-8: {why}; send a contract in YAML or JSON")),
    }
}

/// Whether nothing of it is an error, and all that is found; lines count within their document.
pub fn linted(text: &str) -> (bool, Vec<Value>) {
    let documents = contracts::documents(text);
    let problems: Vec<_> = documents.iter().flat_map(|text| lint::lint(text, &|_| false).problems).collect();
    let valid = !documents.is_empty() && problems.iter().all(|problem| problem.level != Level::Error);
    (valid, problems.iter().map(told).collect())
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
