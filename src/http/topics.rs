//! Topics: those that contracts name, with their products, and the others, each with its reason.

use crate::catalog::directory::{Directory, NO_CONTRACT, TopicFacts};
use crate::engine::contract::name::ProductName;
use crate::http::history;
use crate::http::paged::{self, page};
use crate::http::problem::problem;
use crate::http::query::pairs;
use crate::http::server::Site;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Both lists, or with `?governed=true|false` one of them; a page is of both together, in the order of their names.
pub async fn list(State(site): State<Site>, uri: Uri) -> Response {
    match listed(&site, &uri) {
        Ok(answer) => answer,
        Err(bad) => *bad,
    }
}

fn listed(site: &Site, uri: &Uri) -> Result<Response, Box<Response>> {
    let pairs = pairs(uri)?;
    let governed = pairs.word("governed", &["true", "false"])?;
    let directory = site.board.directory();
    let readers = readers(&directory);
    let mut all: Vec<(String, bool)> = Vec::new();
    let mut shown = Map::new();
    if governed != Some("false") {
        shown.insert("governed".into(), json!([]));
        all.extend(readers.keys().map(|topic| ((*topic).to_owned(), true)));
    }
    if governed != Some("true") {
        shown.insert("ungoverned".into(), json!([]));
        all.extend(directory.ungoverned().map(|(topic, _)| (topic.clone(), false)));
    }
    // A topic that a contract names and that is never governed stands in both.
    let keyed = all.into_iter().map(|of| (format!("{} {}", of.0, u8::from(!of.1)), of));
    let page = page(&pairs, keyed)?;
    for (topic, is_governed) in page.items {
        let (list, value) = match is_governed {
            true => ("governed", governed_one(&directory, &topic, readers.get(topic.as_str()))),
            false => ("ungoverned", ungoverned_one(&directory, &topic)),
        };
        if let Some(Value::Array(list)) = shown.get_mut(list) {
            list.push(value);
        }
    }
    Ok(paged::answer(uri, Value::Object(shown), page.next.as_deref()))
}

/// One topic: who reads it for which product, why nobody does, and what of its past can still be read.
pub async fn one(State(site): State<Site>, Path(name): Path<String>) -> Response {
    let directory = site.board.directory();
    let readers = readers(&directory);
    let of = readers.get(name.as_str());
    let Some(facts) = directory.topics.get(&name).filter(|facts| of.is_some() || facts.partitions > 0) else {
        let detail = format!("there is no topic {name} that this worker sees; GET /topics lists them");
        return problem(StatusCode::NOT_FOUND, &detail);
    };
    let ungoverned = ungoverned_one(&directory, &name);
    let mut value = governed_one(&directory, &name, of);
    value["governed"] = json!(facts.ungoverned.is_none());
    value["reason"] = ungoverned["reason"].clone();
    value["remedy"] = ungoverned["remedy"].clone();
    let contracts = directory.documents.iter().filter(|document| document.topics.contains(&name));
    value["contracts"] = contracts.map(|document| json!(document.id)).collect();
    value["history"] = history::of_topic(&site, &name);
    Json(value).into_response()
}

/// By topic, the products whose contracts name it.
pub fn readers(directory: &Directory) -> BTreeMap<&str, BTreeSet<&ProductName>> {
    let mut readers: BTreeMap<&str, BTreeSet<&ProductName>> = BTreeMap::new();
    for (product, info) in &directory.products {
        for topic in &info.topics {
            readers.entry(topic).or_default().insert(product);
        }
    }
    readers
}

fn governed_one(directory: &Directory, topic: &str, products: Option<&BTreeSet<&ProductName>>) -> Value {
    let partitions = directory.topics.get(topic).map_or(0, |facts: &TopicFacts| facts.partitions);
    let products: Vec<String> = products.into_iter().flatten().map(ToString::to_string).collect();
    json!({"topic": topic, "products": products, "exists": partitions > 0, "partitions": partitions})
}

fn ungoverned_one(directory: &Directory, topic: &str) -> Value {
    let reason = directory.topics.get(topic).and_then(|facts| facts.ungoverned.as_deref());
    let remedy = (reason == Some(NO_CONTRACT)).then_some("write a contract whose physicalName it is");
    json!({"topic": topic, "reason": reason, "remedy": remedy})
}
