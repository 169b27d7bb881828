//! `/search?q=`: products, topics and fields whose name holds the text, whatever its case.

use crate::http::query::{bad, pairs};
use crate::http::server::Site;
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// Of each kind; a longer list helps nobody to find anything, and `truncated` says that there is more.
const FOUND_MAX: usize = 100;

pub async fn search(State(site): State<Site>, uri: Uri) -> Response {
    let text = match pairs(&uri) {
        Ok(pairs) => pairs.last("q").unwrap_or_default().trim().to_lowercase(),
        Err(bad) => return *bad,
    };
    if text.is_empty() {
        return *bad("nothing to search for; write /search?q=TEXT");
    }
    let directory = site.board.directory();
    let holds = |name: &str| name.to_lowercase().contains(&text);
    let products =
        directory.products.iter().filter(|(product, info)| holds(&product.to_string()) || holds(&info.owner));
    let products = products.map(|(product, info)| json!({"product": product.to_string(), "owner": info.owner}));
    let topics = directory.topics.iter().filter(|(topic, _)| holds(topic));
    let topics = topics.map(|(topic, facts)| json!({"topic": topic, "governed": facts.ungoverned.is_none()}));
    let fields = directory.documents.iter().flat_map(|document| {
        let found = document.fields.iter().filter(|field| holds(&field.path));
        found.map(|field| json!({"product": document.product.to_string(), "topic": field.topic, "field": field.path}))
    });
    let (products, topics, fields) = (first(products), first(topics), first(fields));
    let truncated = products.1 || topics.1 || fields.1;
    Json(json!({"products": products.0, "topics": topics.0, "fields": fields.0, "truncated": truncated}))
        .into_response()
}

fn first(found: impl Iterator<Item = Value>) -> (Vec<Value>, bool) {
    let mut found: Vec<Value> = found.take(FOUND_MAX + 1).collect();
    let more = found.len() > FOUND_MAX;
    found.truncate(FOUND_MAX);
    (found, more)
}
