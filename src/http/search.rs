//! `/search?q=`: products whose name, owner, description or tag holds the text, and topics and fields whose name does, whatever its case.

use crate::catalog::directory::Info;
use crate::clock::now_ms;
use crate::engine::contract::name::ProductName;
use crate::http::facets::Facets;
use crate::http::query::{bad, pairs};
use crate::http::server::Site;
use crate::http::workers;
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// Of each kind; a longer list helps nobody to find anything, and `truncated` says that there is more.
const FOUND_MAX: usize = 100;

pub async fn search(State(site): State<Site>, uri: Uri) -> Response {
    match found(&site, &uri) {
        Ok(answer) => answer,
        Err(bad) => *bad,
    }
}

fn found(site: &Site, uri: &Uri) -> Result<Response, Box<Response>> {
    let pairs = pairs(uri)?;
    let text = pairs.last("q").unwrap_or_default().trim().to_lowercase();
    if text.is_empty() {
        return Err(bad("nothing to search for; write /search?q=TEXT"));
    }
    let (directory, now) = (site.board.directory(), now_ms());
    let (facets, peers) = (Facets::of(&pairs)?, workers::heard(site, now));
    let fits = |of: (&ProductName, &Info)| facets.fit(site, &directory, &peers, of, now);
    let holds = |name: &str| name.to_lowercase().contains(&text);
    let described = |product: &ProductName| {
        let portrait = directory.portraits.get(product);
        portrait.is_some_and(|of| of.text.as_deref().is_some_and(holds) || of.tags.iter().any(|tag| holds(tag)))
    };
    let products = directory.products.iter().filter(|(product, info)| {
        (holds(&product.to_string()) || holds(&info.owner) || described(product)) && fits((product, info))
    });
    let products = products.map(|(product, info)| json!({"product": product.to_string(), "owner": info.owner}));
    let topics = directory.topics.iter().filter(|(topic, _)| holds(topic));
    let topics = topics.map(|(topic, facts)| json!({"topic": topic, "governed": facts.ungoverned.is_none()}));
    let of_product = |product: &ProductName| directory.products.get(product).is_none_or(|info| fits((product, info)));
    let fields = directory.documents.iter().filter(|document| of_product(&document.product)).flat_map(|document| {
        let found = document.fields.iter().filter(|field| holds(&field.path));
        found.map(|field| json!({"product": document.product.to_string(), "topic": field.topic, "field": field.path}))
    });
    let (products, topics, fields) = (first(products), first(topics), first(fields));
    let truncated = products.1 || topics.1 || fields.1;
    let body = json!({"products": products.0, "topics": topics.0, "fields": fields.0, "truncated": truncated});
    Ok(Json(body).into_response())
}

fn first(found: impl Iterator<Item = Value>) -> (Vec<Value>, bool) {
    let mut found: Vec<Value> = found.take(FOUND_MAX + 1).collect();
    let more = found.len() > FOUND_MAX;
    found.truncate(FOUND_MAX);
    (found, more)
}
