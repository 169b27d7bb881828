//! Incidents: open ones, and those that ended lately, of one product or of all.

use crate::catalog::fleet::Peer;
use crate::clock::now_ms;
use crate::engine::contract::name::ProductName;
use crate::engine::event::envelope::rfc3339;
use crate::http::products::known;
use crate::http::query::pairs;
use crate::http::server::Site;
use crate::http::{status, workers};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// Of all products; `?state=open|resolved` one kind.
pub async fn all(State(site): State<Site>, uri: Uri) -> Response {
    let state = match pairs(&uri).and_then(|pairs| pairs.word("state", &["open", "resolved"])) {
        Ok(state) => state,
        Err(bad) => return *bad,
    };
    let peers = workers::heard(&site, now_ms());
    let directory = site.board.directory();
    let of = |(product, owner)| of(&site, product, owner, &peers);
    let mut found: Vec<Value> =
        directory.products.iter().map(|(p, info)| (p, info.owner.as_str())).flat_map(of).collect();
    found.retain(|incident| state.is_none_or(|state| incident["state"] == state));
    Json(found).into_response()
}

pub async fn of_product(State(site): State<Site>, Path((domain, name)): Path<(String, String)>) -> Response {
    let product = ProductName { domain, name };
    match known(&site, &product) {
        Ok(info) => Json(of(&site, &product, &info.owner, &workers::heard(&site, now_ms()))).into_response(),
        Err(unknown) => *unknown,
    }
}

/// Of those that ended the ledger remembers what late records may open again (`window.late.accept`).
fn of(site: &Site, product: &ProductName, owner: &str, peers: &BTreeMap<String, Peer>) -> Vec<Value> {
    let state = workers::standing(site, product, peers, now_ms()).map(|standing| standing.owned.state);
    let lineage = site.lineage.read();
    let of_rules = state.iter().flat_map(|state| &state.incidents).map(status::incident);
    let of_lineage = lineage.incidents(product).map(|(found, incident)| status::contradiction(found, incident));
    let open = of_rules.chain(of_lineage).map(|mut value| {
        value["state"] = json!("open");
        value
    });
    let ended = state.iter().flat_map(|state| state.ended.keys()).map(|(contract, rule, first)| {
        json!({"state": "resolved", "contract": contract, "rule": rule, "first_window": rfc3339(*first)})
    });
    let mut found: Vec<Value> = open.chain(ended).collect();
    for value in &mut found {
        value["product"] = json!(product.to_string());
        value["owner"] = json!(owner);
    }
    found
}
