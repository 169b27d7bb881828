//! Incidents: open ones, and those that ended lately, of one product or of all.

use crate::catalog::fleet::Peer;
use crate::clock::now_ms;
use crate::engine::contract::name::ProductName;
use crate::engine::event::envelope::rfc3339;
use crate::engine::event::incident::{id_of, rule_of};
use crate::http::paged::page;
use crate::http::problem::problem;
use crate::http::products::known;
use crate::http::query::pairs;
use crate::http::server::Site;
use crate::http::{status, workers};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Of all products; `?state=open|resolved` one kind.
pub async fn all(State(site): State<Site>, uri: Uri) -> Response {
    listed(&uri, every(&site))
}

pub async fn of_product(State(site): State<Site>, Path((domain, name)): Path<(String, String)>, uri: Uri) -> Response {
    let product = ProductName { domain, name };
    match known(&site, &product) {
        Ok(info) => listed(&uri, of(&site, &product, &info.owner, &workers::heard(&site, now_ms()))),
        Err(unknown) => *unknown,
    }
}

/// One, with the records that broke its rule, the newest first and masked.
pub async fn one(State(site): State<Site>, Path(id): Path<String>) -> Response {
    let Some(mut found) = every(&site).into_iter().find(|incident| incident["id"] == id.as_str()) else {
        let detail = format!(
            "no incident {id} is open or ended lately; GET /incidents lists them, and the governance topic keeps every one as an event"
        );
        return problem(StatusCode::NOT_FOUND, &detail);
    };
    let name = found["product"].as_str().and_then(|name| name.split_once('/'));
    let product = name.map(|(domain, name)| ProductName { domain: domain.into(), name: name.into() });
    let evidence = product.and_then(|product| workers::known(&site, &product)).map(|known| known.evidence);
    let samples = evidence.iter().flat_map(|evidence| &evidence.samples);
    let records: Vec<Value> = samples
        .filter(|sample| found["rule"] == sample.rule.as_str())
        .map(|sample| {
            json!({
                "topic": sample.topic,
                "partition": sample.partition,
                "offset": sample.offset,
                "window": rfc3339(sample.window_ms),
                "reason": sample.reason,
                "value": sample.value,
            })
        })
        .collect();
    found["records"] = json!(records);
    Json(found).into_response()
}

fn every(site: &Site) -> Vec<Value> {
    let peers = workers::heard(site, now_ms());
    let directory = site.board.directory();
    let of = |(product, owner)| of(site, product, owner, &peers);
    directory.products.iter().map(|(product, info)| (product, info.owner.as_str())).flat_map(of).collect()
}

/// By product, the open ones first.
fn listed(uri: &Uri, found: Vec<Value>) -> Response {
    let key = |incident: Value| {
        let text = |name: &str| incident[name].as_str().unwrap_or_default().to_owned();
        (format!("{} {} {}", text("product"), text("state"), text("id")), incident)
    };
    let asked = pairs(uri).and_then(|pairs| {
        let state = pairs.word("state", &["open", "resolved"])?;
        let wanted = found.into_iter().filter(|incident| state.is_none_or(|state| incident["state"] == state));
        page(&pairs, wanted.map(key))
    });
    match asked {
        Ok(page) => page.answer(uri),
        Err(bad) => *bad,
    }
}

/// Of those that ended the ledger remembers what late records may open again (`window.late.accept`).
fn of(site: &Site, product: &ProductName, owner: &str, peers: &BTreeMap<String, Peer>) -> Vec<Value> {
    let state = workers::standing(site, product, peers, now_ms()).map(|standing| standing.owned.state);
    let lineage = site.lineage.read();
    let of_rules = state.iter().flat_map(|state| &state.incidents).map(|incident| {
        (id_of(product, &incident.contract, &incident.rule, incident.first_window), status::incident(incident))
    });
    let of_lineage = lineage.incidents(product).map(|(found, incident)| {
        (id_of(product, &incident.contract, &rule_of(found), incident.since_ms), status::contradiction(found, incident))
    });
    let open = of_rules.chain(of_lineage).map(|(id, mut value)| {
        value["state"] = json!("open");
        (id, value)
    });
    let ended = state.iter().flat_map(|state| state.ended.keys()).map(|(contract, rule, first)| {
        let value = json!({"state": "resolved", "contract": contract, "rule": rule, "first_window": rfc3339(*first)});
        (id_of(product, contract, rule, *first), value)
    });
    let named = |(id, mut value): (String, Value)| {
        value["id"] = json!(id);
        value["product"] = json!(product.to_string());
        value["owner"] = json!(owner);
        value
    };
    open.chain(ended).map(named).collect()
}
