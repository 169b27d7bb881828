//! `/search`, and `/events/lineage`: what is called so, and what clients sent.

use crate::engine::event::envelope::rfc3339;
use crate::engine::lineage::node::Node;
use crate::http::marquez::listed::bounds;
use crate::http::marquez::view::View;
use crate::http::query::{Pairs, bad, pairs};
use crate::http::server::Site;
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::cmp::Reverse;

/// Datasets and jobs whose name holds the text: `?q=&filter=DATASET|JOB&sort=NAME|UPDATED_AT&limit=&namespace=`.
pub async fn search(State(site): State<Site>, uri: Uri) -> Response {
    let view = View::of(&site);
    let read = |pairs: Pairs| {
        let upper = |name: &str| pairs.last(name).map(str::to_uppercase);
        let (filter, sort) = (upper("filter"), upper("sort"));
        let text = pairs.last("q").unwrap_or_default().to_lowercase();
        if text.is_empty() {
            return Err(bad("nothing to search for; write /api/v1/search?q=TEXT"));
        }
        let namespace = pairs.last("namespace").map(str::to_owned);
        Ok((text, filter, sort, namespace, bounds(&pairs)?.0))
    };
    let (text, filter, sort, namespace, limit) = match pairs(&uri).and_then(read) {
        Ok(asked) => asked,
        Err(answer) => return *answer,
    };
    let kind = |node: &Node| if node.is_dataset() { "DATASET" } else { "JOB" };
    let fits = |node: &Node| {
        filter.as_deref().is_none_or(|filter| filter == kind(node))
            && namespace.as_deref().is_none_or(|namespace| namespace == node.namespace())
            && node.name().to_lowercase().contains(&text)
    };
    let mut found: Vec<(Node, i64)> = view
        .nodes()
        .into_iter()
        .filter(fits)
        .map(|node| (view.times(&node).1, node))
        .map(|(at, node)| (node, at))
        .collect();
    match sort.as_deref() {
        Some("UPDATED_AT") => found.sort_by_key(|(node, at_ms)| (Reverse(*at_ms), node.name().to_owned())),
        _ => found.sort_by(|(a, _), (b, _)| a.name().cmp(b.name())),
    }
    let results: Vec<Value> = found
        .iter()
        .take(limit)
        .map(|(node, at_ms)| {
            json!({
                "type": kind(node),
                "name": node.name(),
                "updatedAt": rfc3339(*at_ms),
                "namespace": node.namespace(),
                "nodeId": node.to_string(),
            })
        })
        .collect();
    Json(json!({"totalCount": found.len(), "results": results})).into_response()
}

/// The last events that clients sent: `?before=&after=&limit=&offset=&sortDirection=asc|desc`.
pub async fn events(State(site): State<Site>, uri: Uri) -> Response {
    let lineage = site.lineage.read();
    let read = |pairs: Pairs| {
        let time = |name: &str| match pairs.last(name) {
            None => Ok(None),
            Some(text) => match text.parse::<jiff::Timestamp>() {
                Ok(time) => Ok(Some(time.as_millisecond())),
                Err(_) => Err(bad(&format!("{name}={text} is no time; write 2026-11-24T10:00:00Z"))),
            },
        };
        let ascending = pairs.last("sortDirection").is_some_and(|word| word.eq_ignore_ascii_case("asc"));
        Ok((time("before")?, time("after")?, ascending, bounds(&pairs)?))
    };
    let (before, after, ascending, (limit, offset)) = match pairs(&uri).and_then(read) {
        Ok(asked) => asked,
        Err(answer) => return *answer,
    };
    let fits = |at_ms: i64| before.is_none_or(|before| at_ms < before) && after.is_none_or(|after| at_ms >= after);
    let mut events: Vec<&Value> =
        lineage.graph.told().events().iter().filter(|(id, _)| fits(id.event_ms)).map(|(_, event)| &**event).collect();
    if !ascending {
        events.reverse();
    }
    let total = events.len();
    let shown: Vec<&Value> = events.into_iter().skip(offset).take(limit).collect();
    Json(json!({"events": shown, "totalCount": total})).into_response()
}
