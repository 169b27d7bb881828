//! Domains: what a domain owns, and how it stands.

use crate::catalog::directory::Directory;
use crate::catalog::fleet::Peer;
use crate::clock::now_ms;
use crate::engine::event::result::word;
use crate::http::paged::page;
use crate::http::problem::problem;
use crate::http::query::pairs;
use crate::http::server::Site;
use crate::http::summary::latest;
use crate::http::{status, workers};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

pub async fn list(State(site): State<Site>, uri: Uri) -> Response {
    let directory = site.board.directory();
    let names: BTreeSet<&str> = directory.products.keys().map(|product| product.domain.as_str()).collect();
    let keyed = names.into_iter().map(|name| (name.to_owned(), Value::from(name)));
    match pairs(&uri).and_then(|pairs| page(&pairs, keyed)) {
        Ok(page) => page.answer(&uri),
        Err(bad) => *bad,
    }
}

pub async fn one(State(site): State<Site>, Path(domain): Path<String>) -> Response {
    let directory = site.board.directory();
    if !directory.products.keys().any(|product| product.domain == domain) {
        let detail = format!("domain {domain} is unknown: no contract names it; /domains lists those that are");
        return problem(StatusCode::NOT_FOUND, &detail);
    }
    Json(of(&site, &directory, &domain, &workers::heard(&site, now_ms()))).into_response()
}

fn of(site: &Site, directory: &Directory, domain: &str, peers: &BTreeMap<String, Peer>) -> Value {
    let now = now_ms();
    let (mut owners, mut topics, mut incidents) = (BTreeSet::new(), BTreeSet::new(), 0);
    let mut products = Vec::new();
    for (product, info) in directory.products.iter().filter(|(product, _)| product.domain == domain) {
        owners.insert(&info.owner);
        topics.extend(&info.topics);
        let standing = workers::standing(site, product, peers, now);
        let (state, _) = status::state(directory, product, standing.as_ref(), peers);
        let quality = standing.as_ref().and_then(|standing| latest(&standing.owned.state));
        let open = standing.as_ref().map_or(0, |standing| standing.owned.state.incidents.len());
        let open = open + site.lineage.read().incidents(product).count();
        incidents += open;
        products.push(json!({
            "name": product.to_string(),
            "owner": info.owner,
            "state": state,
            "status": quality.as_ref().map_or("unknown", |latest| word(latest.status)),
            "score": quality.as_ref().and_then(|latest| latest.score),
            "incidents": open,
        }));
    }
    json!({"name": domain, "owners": owners, "topics": topics, "products": products, "incidents": incidents})
}
