//! Topics: those that contracts name, with their products, and the others, each with its reason.

use crate::catalog::directory::{NO_CONTRACT, TopicFacts};
use crate::http::query::pairs;
use crate::http::server::Site;
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Both lists, or with `?governed=true|false` one of them.
pub async fn list(State(site): State<Site>, uri: Uri) -> Response {
    let governed = match pairs(&uri).and_then(|pairs| pairs.word("governed", &["true", "false"])) {
        Ok(governed) => governed,
        Err(bad) => return *bad,
    };
    let directory = site.board.directory();
    let mut shown = Map::new();
    if governed != Some("false") {
        let mut products: BTreeMap<&str, Vec<String>> = BTreeMap::new();
        for (product, info) in &directory.products {
            for topic in &info.topics {
                products.entry(topic).or_default().push(product.to_string());
            }
        }
        let topic = |(topic, products): (&str, Vec<String>)| {
            let partitions = directory.topics.get(topic).map_or(0, |facts: &TopicFacts| facts.partitions);
            json!({"topic": topic, "products": products, "exists": partitions > 0, "partitions": partitions})
        };
        shown.insert("governed".into(), products.into_iter().map(topic).collect());
    }
    if governed != Some("true") {
        let topic = |(topic, reason): (&String, &str)| {
            let remedy = (reason == NO_CONTRACT).then_some("write a contract whose physicalName it is");
            json!({"topic": topic, "reason": reason, "remedy": remedy})
        };
        shown.insert("ungoverned".into(), directory.ungoverned().map(topic).collect());
    }
    Json(Value::Object(shown)).into_response()
}
