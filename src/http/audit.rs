//! `/audit`: who asked what of the mesh, when, why, and what came of it. And the layer that notes each such request.

use crate::catalog::trail::{Entry, LINES_MAX};
use crate::clock::now_ms;
use crate::engine::access::standing::Actor;
use crate::engine::audit::{Filter, Line, moment, named, outcome};
use crate::engine::event::envelope::{clip, rfc3339};
use crate::http::call::{self, REQUEST_ID};
use crate::http::paged;
use crate::http::problem::Detail;
use crate::http::query::{Pairs, bad, pairs};
use crate::http::server::Site;
use axum::extract::{Request, State};
use axum::http::Uri;
use axum::middleware::Next;
use axum::response::Response;
use serde_json::Value;

/// Of one answer, where the request says nothing.
const LIMIT: usize = 100;

/// Stands on an answer whose line was written with the change itself.
#[derive(Clone, Copy)]
pub struct Audited;

/// Stands on an answer that is about a product, whatever the path says: `shop/orders`.
#[derive(Clone)]
pub struct About(pub String);

/// `?actor=&product=&action=&outcome=&since=&until=&contains=&limit=&after=`, the newest first, of the newest 10,000.
pub async fn list(State(site): State<Site>, uri: Uri) -> Response {
    match asked(&site, &uri) {
        Ok(answer) => answer,
        Err(bad) => *bad,
    }
}

fn asked(site: &Site, uri: &Uri) -> Result<Response, Box<Response>> {
    let pairs = pairs(uri)?;
    let text = |name: &str| pairs.last(name).unwrap_or_default();
    let filter = Filter {
        actor: text("actor"),
        product: text("product"),
        action: text("action"),
        outcome: pairs.word("outcome", &["done", "refused", "failed"])?.unwrap_or_default(),
        since_ms: time(&pairs, "since")?,
        until_ms: time(&pairs, "until")?,
        contains: text("contains"),
    };
    let limit = paged::limit(&pairs, LIMIT)?;
    let gone =
        |id: &str| bad(&format!("after={id} is none of the newest {LINES_MAX} lines; begin anew, without after"));
    let after = pairs.last("after").map(|id| id.parse().map_err(|_| gone(id))).transpose()?;
    let takes = |entry: &Entry| filter.takes(entry.at_ms, &entry.line);
    // One more than is told says whether there is another page.
    let Some(mut found) = site.trail.newest(takes, after, limit + 1) else {
        return Err(gone(text("after")));
    };
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|last| last.id.to_string());
    Ok(paged::answer(uri, Value::Array(found.iter().map(shown).collect()), next.as_deref()))
}

fn time(pairs: &Pairs, name: &str) -> Result<Option<i64>, Box<Response>> {
    let Some(text) = pairs.last(name).filter(|text| !text.is_empty()) else { return Ok(None) };
    let wrong = || bad(&format!("{name}={text} is no time; write 2026-11-29, or 2026-11-29T08:00:00Z"));
    moment(text).map(Some).ok_or_else(wrong)
}

fn shown(entry: &Entry) -> Value {
    let mut value = serde_json::to_value(&entry.line).unwrap_or_default();
    value["id"] = entry.id.into();
    value
}

/// Notes what would change something and is not noted yet. Events of others (`/api/v1`) are data, and no change.
pub async fn note(State(site): State<Site>, request: Request, next: Next) -> Response {
    if request.method().is_safe() || request.uri().path().starts_with("/api/") {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let correlation = call::correlation(&parts.headers, &site.worker_id, now_ms());
    parts.extensions.insert(correlation.clone());
    let by = call::by(&parts);
    let mut answer = next.run(Request::from_parts(parts, body)).await;
    if let Some(id) = correlation.header() {
        answer.headers_mut().insert(REQUEST_ID, id);
    }
    if answer.extensions().get::<Audited>().is_some() {
        return answer;
    }
    let (action, product) = named(&by.method, &by.path);
    let said = answer.extensions();
    let line = Line {
        at: rfc3339(now_ms()),
        actor: said.get::<Actor>().map_or(by.actor, |actor| clip(&actor.subject)),
        action,
        product: said.get::<About>().map(|About(product)| clip(product)).or(product),
        outcome: outcome(answer.status().as_u16()).to_owned(),
        status: answer.status().as_u16(),
        method: by.method,
        path: by.path,
        correlation: by.correlation,
        worker: site.worker_id.to_string(),
        reason: by.reason,
        detail: said.get::<Detail>().map(|Detail(detail)| clip(detail)),
        before: None,
        after: None,
    };
    let call = format!("{} {}", line.method, line.path);
    if let Err(error) = site.audit.try_send(line) {
        tracing::error!(%error, call, "a request is missing in the audit");
    }
    answer
}
