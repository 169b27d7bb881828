//! OpenLineage events of others: `POST /api/v1/lineage` and `/lineage/batch`, as clients send them, gzip too.

use crate::catalog::lineage::Post;
use crate::engine::lineage::statement::{Statement, read};
use crate::http::problem::problem;
use crate::http::server::Site;
use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::header::CONTENT_ENCODING;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use flate2::read::MultiGzDecoder;
use serde_json::{Value, json};
use std::io::Read;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// As it comes; a Spark plan's event is some 200 kB.
pub const BODY_BYTES_MAX: usize = 4 * 1024 * 1024;
/// Unpacked: gzip makes a thousandth of some bodies, and the memory is ours.
const TEXT_BYTES_MAX: usize = 16 * 1024 * 1024;
const BATCH_MAX: usize = 1_000;
/// A transaction takes some milliseconds; a broker that is away for so long is in trouble.
const DURABLE_WITHIN: Duration = Duration::from_secs(20);

/// 201 when the event is durable, as Marquez answers.
pub async fn one(State(site): State<Site>, headers: HeaderMap, body: Bytes) -> Response {
    let event = match json_of(&headers, &body) {
        Ok(event) => event,
        Err(answer) => return *answer,
    };
    // Some clients send a batch here, of one kind or another.
    if event.is_array() {
        return batch_of(&site, event).await;
    }
    match read(event, &site.aliases) {
        Ok(statement) => match keep(&site, vec![statement]).await {
            Ok(()) => StatusCode::CREATED.into_response(),
            Err(answer) => *answer,
        },
        Err(why) => problem(StatusCode::BAD_REQUEST, &why),
    }
}

/// 200 with what became of each, as the standard's API has it: what is good is kept, whatever stands beside it.
pub async fn batch(State(site): State<Site>, headers: HeaderMap, body: Bytes) -> Response {
    match json_of(&headers, &body) {
        Ok(events) => batch_of(&site, events).await,
        Err(answer) => *answer,
    }
}

async fn batch_of(site: &Site, events: Value) -> Response {
    let Value::Array(events) = events else {
        return problem(StatusCode::BAD_REQUEST, "a batch is a JSON array of OpenLineage events");
    };
    let received = events.len();
    if received > BATCH_MAX {
        let why = format!("a batch of {received} events is more than {BATCH_MAX}: send several");
        return problem(StatusCode::PAYLOAD_TOO_LARGE, &why);
    }
    let (mut good, mut failed) = (Vec::new(), Vec::new());
    for (index, event) in events.into_iter().enumerate() {
        match read(event, &site.aliases) {
            Ok(statement) => good.push(statement),
            Err(reason) => failed.push(json!({"index": index, "reason": reason, "retriable": false})),
        }
    }
    let successful = good.len();
    if let Err(answer) = keep(site, good).await {
        return *answer;
    }
    let status = if failed.is_empty() { "success" } else { "partial_success" };
    let summary = json!({"received": received, "successful": successful, "failed": failed.len()});
    Json(json!({"status": status, "summary": summary, "failed_events": failed})).into_response()
}

/// Hands the events to the thread that keeps lineage; returns when they are durable.
pub async fn keep(site: &Site, statements: Vec<Statement>) -> Result<(), Box<Response>> {
    if statements.is_empty() {
        return Ok(());
    }
    let unavailable = |why: &str| Box::new(problem(StatusCode::SERVICE_UNAVAILABLE, why));
    if site.lineage.read().at_ms == 0 {
        return Err(unavailable(
            "lineage is not kept yet, or lineage.enabled is false; see /ready, then send it again",
        ));
    }
    let (done, answer) = oneshot::channel();
    let post = Post { statements, done };
    site.posts.try_send(post).map_err(|_| unavailable("too many events wait; send it again a little later"))?;
    match timeout(DURABLE_WITHIN, answer).await {
        Ok(Ok(Ok(()))) => Ok(()),
        Ok(Ok(Err(why))) => Err(unavailable(&format!("the event could not be made durable: {why}; send it again"))),
        Ok(Err(_)) => Err(unavailable("this worker stops; send it to another: /workers")),
        Err(_) => Err(unavailable("no broker took it in time; send it again, a repeat harms nothing")),
    }
}

fn json_of(headers: &HeaderMap, body: &[u8]) -> Result<Value, Box<Response>> {
    let refuse = |status, why: &str| Err(Box::new(problem(status, why)));
    let encoding = headers.get(CONTENT_ENCODING).map_or(Ok(""), |value| value.to_str()).unwrap_or("?");
    let unpacked;
    let text = match encoding.to_ascii_lowercase().as_str() {
        "" | "identity" => body,
        "gzip" | "x-gzip" => {
            let mut text = Vec::new();
            let read = MultiGzDecoder::new(body).take(TEXT_BYTES_MAX as u64 + 1).read_to_end(&mut text);
            match read {
                Err(_) => return refuse(StatusCode::BAD_REQUEST, "the body is no gzip, as its Content-Encoding says"),
                Ok(_) if text.len() > TEXT_BYTES_MAX => {
                    let why = format!("the body is larger than {TEXT_BYTES_MAX} bytes when it is unpacked");
                    return refuse(StatusCode::PAYLOAD_TOO_LARGE, &why);
                }
                Ok(_) => {
                    unpacked = text;
                    &unpacked
                }
            }
        }
        other => {
            let why = format!("Content-Encoding {other} is not read here; send gzip, or none");
            return refuse(StatusCode::UNSUPPORTED_MEDIA_TYPE, &why);
        }
    };
    serde_json::from_slice(text)
        .or_else(|error| refuse(StatusCode::BAD_REQUEST, &format!("the body is no JSON: {error}")))
}
