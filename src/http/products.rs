//! Products and topics, in the shapes that Connect gives its connectors. A product exists while a contract names it.

use crate::catalog::board::{Board, Info, Judged, TaskState};
use crate::engine::contract::name::ProductName;
use crate::engine::event::envelope::rfc3339;
use crate::engine::event::result::word;
use crate::flow::state::{ProductState, Summary};
use crate::http::problem::problem;
use crate::http::server::Site;
use crate::http::summary::latest;
use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Names, or with `?expand=status&expand=info` an object by name. Like Connect, words that nobody knows are ignored.
pub async fn list(State(site): State<Site>, RawQuery(query): RawQuery) -> Response {
    let query = query.unwrap_or_default();
    let expand: Vec<&str> = query.split('&').filter_map(|pair| pair.strip_prefix("expand=")).collect();
    let directory = site.board.directory();
    if expand.is_empty() {
        return Json(directory.products.keys().map(ToString::to_string).collect::<Vec<_>>()).into_response();
    }
    let mut products = Map::new();
    for (product, info) in &directory.products {
        let mut expanded = Map::new();
        if expand.contains(&"status") {
            expanded.insert("status".into(), status_of(&site, product, info));
        }
        if expand.contains(&"info") {
            expanded.insert("info".into(), info_of(product, info));
        }
        products.insert(product.to_string(), Value::Object(expanded));
    }
    Json(products).into_response()
}

/// How one product stands.
pub async fn status(State(site): State<Site>, Path((domain, name)): Path<(String, String)>) -> Response {
    let product = ProductName { domain, name };
    match site.board.directory().products.get(&product) {
        Some(info) => Json(status_of(&site, &product, info)).into_response(),
        None => {
            let detail = format!("product {product} is unknown: no contract names it; /products lists those that are");
            problem(StatusCode::NOT_FOUND, &detail)
        }
    }
}

/// Topics that contracts name, with their products, and those that none names.
pub async fn topics(State(site): State<Site>) -> Response {
    let directory = site.board.directory();
    let mut governed: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (product, info) in &directory.products {
        for topic in &info.topics {
            governed.entry(topic).or_default().push(product.to_string());
        }
    }
    let governed: Vec<Value> =
        governed.into_iter().map(|(topic, products)| json!({"topic": topic, "products": products})).collect();
    Json(json!({"governed": governed, "ungoverned": directory.ungoverned})).into_response()
}

fn info_of(product: &ProductName, info: &Info) -> Value {
    json!({
        "name": product.to_string(),
        "domain": product.domain,
        "owner": info.owner,
        "topics": info.topics,
        "contracts": contracts(info),
        "rules": info.rules.len(),
    })
}

fn status_of(site: &Site, product: &ProductName, info: &Info) -> Value {
    let judged = site.board.judged(product);
    let (state, worker_id) = match &judged {
        Some(judged) => (task_word(&site.board, &judged.task), &*site.worker_id),
        // Another worker owns it, or its ledger partition is on its way.
        None => (TaskState::Starting.word(), ""),
    };
    let findings: Vec<Value> = site
        .board
        .directory()
        .findings
        .iter()
        .filter(|finding| finding.product.as_ref() == Some(product))
        .map(|finding| json!({"path": finding.path, "problem": finding.problem, "error": finding.error}))
        .collect();
    json!({
        "name": product.to_string(),
        "product": {"state": state, "worker_id": worker_id},
        "tasks": tasks(site, info, judged.as_ref()),
        "type": "product",
        "domain": product.domain,
        "owner": info.owner,
        "contracts": contracts(info),
        "findings": findings,
        "quality": judged.map(|judged| quality(&judged.state)),
    })
}

fn task_word(board: &Board, task: &str) -> &'static str {
    board.tasks().get(task).map_or(TaskState::Starting.word(), |task| task.state.word())
}

/// This worker's tasks that have to do with the product: those that read its topics, and the ledger that owns it.
fn tasks(site: &Site, info: &Info, judged: Option<&Judged>) -> Vec<Value> {
    site.board
        .tasks()
        .into_iter()
        .filter(|(name, task)| {
            judged.is_some_and(|judged| judged.task == *name)
                || task.parts.iter().any(|part| info.topics.contains(&*part.topic))
        })
        .map(|(name, task)| {
            let mut value = json!({"id": name, "state": task.state.word(), "worker_id": &*site.worker_id});
            if let TaskState::Failed(why) = &task.state {
                value["trace"] = json!(why);
            }
            value
        })
        .collect()
}

fn contracts(info: &Info) -> Vec<Value> {
    info.contracts
        .iter()
        .map(|contract| json!({"id": contract.id, "version": contract.version, "hash": contract.hash.to_string()}))
        .collect()
}

fn quality(state: &ProductState) -> Value {
    let latest = latest(state);
    let incidents: Vec<Value> = state
        .incidents
        .iter()
        .map(|incident| {
            json!({
                "contract": incident.contract,
                "rule": incident.rule,
                "severity": incident.severity,
                "first_window": rfc3339(incident.first_window),
                "last_window": rfc3339(incident.last_window),
                "failing_windows": incident.failing,
                "worst_failed_row_count": incident.worst,
            })
        })
        .collect();
    let coverage: Vec<Value> = state
        .chains
        .iter()
        .map(|chain| {
            json!({
                "topic": chain.topic,
                "topic_id": chain.id.to_string(),
                "partition": chain.partition,
                "from": chain.from,
                "to": chain.to,
                "caught_up": chain.caught_up,
                "watermark": chain.watermark_ms.map(rfc3339),
            })
        })
        .collect();
    let totals = &state.totals;
    json!({
        "status": latest.as_ref().map_or("unknown", |latest| word(latest.status)),
        "score": latest.as_ref().and_then(|latest| latest.score),
        "last_window": latest.as_ref().and_then(|latest| latest.windows.last()).map(|summary| window(summary)),
        "recent_windows": state.recent.iter().map(window).collect::<Vec<_>>(),
        "watermark": state.watermark_ms.map(rfc3339),
        "closed_through": state.closed_through.map(rfc3339),
        "incidents": incidents,
        "coverage": coverage,
        "totals": {
            "records": totals.records,
            "undecodable": totals.undecodable,
            "late": totals.late,
            "gap_offsets": totals.gap_offsets,
            "windows": totals.windows,
            "overlaps": totals.overlaps,
        },
    })
}

fn window(summary: &Summary) -> Value {
    let findings: Vec<Value> = summary
        .findings
        .iter()
        .map(|(rule, status, failed)| json!({"rule": rule, "status": word(*status), "failed_row_count": failed}))
        .collect();
    json!({
        "start": rfc3339(summary.window.start),
        "end": rfc3339(summary.end_ms),
        "contract_hash": summary.window.hash.to_string(),
        "revision": summary.revision,
        "complete": summary.complete,
        "status": word(summary.status),
        "score": summary.score,
        "records": summary.records,
        "undecodable": summary.undecodable,
        "findings": findings,
    })
}
