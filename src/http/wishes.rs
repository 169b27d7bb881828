//! Pause, resume, restart, reload: what operators want, made durable before it is answered, as Connect answers it.

use crate::catalog::directory::Directory;
use crate::catalog::wish::{Order, Wish};
use crate::engine::contract::name::ProductName;
use crate::http::health;
use crate::http::problem::problem;
use crate::http::products::known;
use crate::http::server::Site;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::json;
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// A round of the worker asks brokers; one that has no answer by then is in trouble, and says so in the log.
const CARRIED_OUT_WITHIN: Duration = Duration::from_secs(20);

pub async fn pause(State(site): State<Site>, Path((domain, name)): Path<(String, String)>) -> Response {
    let product = ProductName { domain, name };
    match known(&site, &product) {
        Err(unknown) => *unknown,
        Ok(_) => match shared(&site.board.directory(), &product) {
            Some(why) => problem(StatusCode::CONFLICT, &why),
            None => answered(&site, Wish::Pause(product), StatusCode::ACCEPTED).await,
        },
    }
}

pub async fn resume(State(site): State<Site>, Path((domain, name)): Path<(String, String)>) -> Response {
    let product = ProductName { domain, name };
    // A product whose contract was withdrawn while it was paused must not come back paused for ever.
    let paused = site.board.directory().paused.contains(&product);
    match known(&site, &product) {
        Err(unknown) if !paused => *unknown,
        _ => answered(&site, Wish::Resume(product), StatusCode::ACCEPTED).await,
    }
}

pub async fn restart(State(site): State<Site>, Path((domain, name)): Path<(String, String)>) -> Response {
    let product = ProductName { domain, name };
    match known(&site, &product) {
        Err(unknown) => *unknown,
        Ok(_) => answered(&site, Wish::Restart(product), StatusCode::NO_CONTENT).await,
    }
}

/// Reads this worker's configuration, certificates and contract files now: 422 with all that is wrong where they are refused.
pub async fn reload(State(site): State<Site>) -> Response {
    match carry_out(&site, Wish::Reload).await {
        Ok(()) => {
            let directory = site.board.directory();
            let reloaded = directory.reloaded.clone().unwrap_or_default();
            if !reloaded.refused.is_empty() {
                let why = format!("nothing was changed, what is in force stays: {}", reloaded.refused.join("; "));
                return problem(StatusCode::UNPROCESSABLE_ENTITY, &why);
            }
            let mut body = health::shown(&reloaded);
            body["contracts"] = json!(directory.documents.len());
            body["findings"] = json!(directory.findings.len());
            body["faults"] = directory.findings.iter().filter(|f| f.error).map(|f| f.to_string()).collect();
            Json(body).into_response()
        }
        Err(why) => problem(StatusCode::SERVICE_UNAVAILABLE, &why),
    }
}

async fn answered(site: &Site, wish: Wish, good: StatusCode) -> Response {
    match carry_out(site, wish).await {
        Ok(()) => good.into_response(),
        Err(why) => problem(StatusCode::SERVICE_UNAVAILABLE, &why),
    }
}

async fn carry_out(site: &Site, wish: Wish) -> Result<(), String> {
    let (done, answer) = oneshot::channel();
    if site.board.cluster_id().is_empty() {
        return Err(
            "no broker has answered yet, so that nothing can be made durable; see /ready, then ask again".into()
        );
    }
    let busy = "too many wishes wait, or this worker is stopping; ask again, or ask another worker: /workers";
    site.orders.try_send(Order { wish, done }).map_err(|_| busy.to_owned())?;
    match timeout(CARRIED_OUT_WITHIN, answer).await {
        Ok(Ok(outcome)) => outcome.map_err(|why| format!("it could not be made durable: {why}; ask again")),
        Ok(Err(_)) => Err("this worker stops; ask another: /workers".into()),
        Err(_) => Err("no broker took it in time; it may still be carried out: see /status, and ask again".into()),
    }
}

/// Why pausing would hold nothing: every topic of the product is read by another one, too, that is not paused.
fn shared(directory: &Directory, product: &ProductName) -> Option<String> {
    let info = directory.products.get(product)?;
    let mut others = BTreeSet::new();
    for topic in &info.topics {
        let readers = directory.products.iter().filter(|(name, other)| {
            *name != product && other.topics.contains(topic) && !directory.paused.contains(*name)
        });
        let readers: Vec<String> = readers.map(|(name, _)| name.to_string()).collect();
        if readers.is_empty() {
            return None;
        }
        others.extend(readers);
    }
    let others = others.into_iter().collect::<Vec<_>>().join(", ");
    Some(format!(
        "pausing {product} would hold nothing: every topic of it is read by {others} as well; pause those first"
    ))
}
