//! Products published, changed, brought through their life and withdrawn. Whoever saw another state than there is gets 409.
//!
//! A product's `ETag` goes in `If-Match`; `If-None-Match: *` is for what must not be there yet. Without either, what this
//! worker shows when the request comes is what is expected.

use crate::catalog::directory::Directory;
use crate::catalog::files::FILE_BYTES_MAX;
use crate::catalog::published::{NotDone, Petition};
use crate::engine::access::standing::Actor;
use crate::engine::contract::diff::{Change as Difference, Direction, Level as Effect, Perspective};
use crate::engine::contract::name::ProductName;
use crate::engine::contract::problem::{Level, Problem};
use crate::engine::published::change::{Asked, Change, Decided, Expected, Refusal};
use crate::engine::published::contracts;
use crate::engine::published::entry::Entry;
use crate::engine::published::lifecycle::Lifecycle;
use crate::engine::published::odps;
use crate::http::access;
use crate::http::audit::{About, Audited};
use crate::http::call::Call;
use crate::http::problem::{problem, problem_with};
use crate::http::query::{bad, pairs};
use crate::http::server::Site;
use crate::http::{impact, matched};
use axum::body::Bytes;
use axum::extract::{DefaultBodyLimit, Path, State};
use axum::http::StatusCode;
use axum::http::header::{ETAG, LOCATION};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// A change is a transaction and a round of the worker; one that has no answer by then is in trouble.
const MADE_WITHIN: Duration = Duration::from_secs(30);

/// Contracts are larger than what else is sent: as large as the catalog takes them, and some for what JSON adds.
pub fn body() -> DefaultBodyLimit {
    DefaultBodyLimit::max(2 * FILE_BYTES_MAX as usize)
}

/// `POST /products`: a new product of the contracts in the body, named as they name it. 201 with its place.
pub async fn create(State(site): State<Site>, Extension(actor): Extension<Actor>, call: Call, body: Bytes) -> Response {
    let body = match parted(&body) {
        Ok(body) => body,
        Err(answer) => return *answer,
    };
    let product = match contracts::read(&body.contracts) {
        Ok(read) => read.into_iter().next().map(|contract| contract.product),
        Err(refusal) => return refused(&refusal),
    };
    let Some(product) = product else { return *bad("the body holds no contract") };
    if let Some(answer) = access::refusal(&actor, &product.domain) {
        let mut answer = *answer;
        answer.extensions_mut().insert(About(product.to_string()));
        return answer;
    }
    ask(&site, Publication::new(product, body.change(), Some(Expected::Absent)), call).await
}

/// `PUT /products/{domain}/{name}/contract`: the contracts in the body, and no others, are the product's.
pub async fn replace(
    State(site): State<Site>,
    Path((domain, name)): Path<(String, String)>,
    call: Call,
    body: Bytes,
) -> Response {
    match parted(&body) {
        Ok(Body { product: Some(_), .. }) => {
            let there = ProductName { domain, name };
            *bad(&format!("the body holds a data product, and this takes contracts; PUT it to /products/{there}"))
        }
        Ok(body) => ask(&site, Publication::new(ProductName { domain, name }, body.change(), None), call).await,
        Err(answer) => *answer,
    }
}

/// The body of a change of lifecycle.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Life {
    lifecycle: Lifecycle,
    successor: Option<String>,
    end_of_life: Option<String>,
}

/// `PUT /products/{domain}/{name}/lifecycle`.
pub async fn live(
    State(site): State<Site>,
    Path((domain, name)): Path<(String, String)>,
    call: Call,
    body: Bytes,
) -> Response {
    let Life { lifecycle, successor, end_of_life } = match serde_json::from_slice(&body) {
        Ok(life) => life,
        Err(why) => {
            let words = Lifecycle::ALL.map(Lifecycle::word).join("|");
            let shape = format!(
                "{{\"lifecycle\": \"{words}\", \"successor\": \"domain/name\", \"end_of_life\": \"2027-01-31\"}}"
            );
            return *bad(&format!("the body is not read: {why}; send {shape}, of which only the first must be there"));
        }
    };
    let change = Change::Live { lifecycle, successor, end_of_life };
    ask(&site, Publication::new(ProductName { domain, name }, change, None), call).await
}

/// `DELETE /products/{domain}/{name}`: its contracts judge nothing any more. The answer names whom that breaks.
pub async fn withdraw(State(site): State<Site>, Path((domain, name)): Path<(String, String)>, call: Call) -> Response {
    ask(&site, Publication::new(ProductName { domain, name }, Change::Withdraw, None), call).await
}

/// What was sent, in YAML or JSON.
pub struct Body {
    pub contracts: Vec<String>,
    /// The ODPS document among them.
    pub product: Option<String>,
}

impl Body {
    pub fn change(self) -> Change {
        Change::Publish { contracts: self.contracts, product: self.product }
    }
}

pub fn parted(body: &Bytes) -> Result<Body, Box<Response>> {
    match std::str::from_utf8(body).map(|text| odps::parted(contracts::documents(text))) {
        Ok(Ok((product, contracts))) => Ok(Body { contracts, product }),
        Ok(Err(refusal)) => Err(Box::new(refused(&refusal))),
        Err(why) => Err(bad(&format!("the body is no UTF-8: {why}; send a contract in YAML or JSON"))),
    }
}

/// A change that is asked for.
pub struct Publication {
    pub product: ProductName,
    pub change: Change,
    /// `None`: what the request says, or else what this worker shows.
    pub expected: Option<Expected>,
    /// A draft that is gone with it.
    pub draft: Option<String>,
}

impl Publication {
    pub fn new(product: ProductName, change: Change, expected: Option<Expected>) -> Publication {
        Publication { product, change, expected, draft: None }
    }
}

/// Has it made, or with `?dry_run=true` only decided, and answers with what it changes and whom that may break.
pub async fn ask(site: &Site, publication: Publication, call: Call) -> Response {
    let Publication { product, change, expected, draft } = publication;
    let directory = site.board.directory();
    let may_create = matches!(change, Change::Publish { .. });
    let shown = || expectation(&directory, &product, &call, may_create);
    let expected = match expected.map_or_else(shown, Ok) {
        Ok(expected) => expected,
        Err(answer) => return *answer,
    };
    let dry_run = match pairs(&call.uri).and_then(|pairs| pairs.word("dry_run", &["true", "false"])) {
        Ok(word) => word == Some("true"),
        Err(answer) => return *answer,
    };
    // Whom it breaks is asked before there is nothing left to ask of.
    let consumers = impact::consumers(site, &product);
    let is_new = !directory.published.contains_key(&product);
    let asked = Asked { product, change, expected, draft, dry_run, by: call.by };
    let (done, answer) = oneshot::channel();
    let mut answer = match handed(site, Petition::Product { asked: asked.clone(), done }, answer).await {
        Ok(decided) => {
            let mut answer = match &decided.after {
                Some(entry) => answered(&asked, entry, &decided, is_new, &consumers),
                None => {
                    let (name, withdrawn) = (asked.product.to_string(), !dry_run);
                    let body =
                        json!({"name": name, "withdrawn": withdrawn, "dry_run": dry_run, "consumers": consumers});
                    Json(body).into_response()
                }
            };
            if decided.changes && !dry_run {
                answer.extensions_mut().insert(Audited);
            }
            answer
        }
        Err(NotDone::Refused(refusal)) => refused(&refusal),
        Err(NotDone::Failed(why)) => problem(StatusCode::SERVICE_UNAVAILABLE, &why),
    };
    answer.extensions_mut().insert(About(asked.product.to_string()));
    answer
}

/// What the request says that the product must be, or else what this worker shows of it.
fn expectation(
    directory: &Directory,
    product: &ProductName,
    call: &Call,
    may_create: bool,
) -> Result<Expected, Box<Response>> {
    let shown = || match directory.published.get(product) {
        Some(entry) => Expected::Tag(entry.tag()),
        None if may_create => Expected::Absent,
        None => Expected::Present,
    };
    Ok(matched::expected(&call.headers)?.unwrap_or_else(shown))
}

/// Hands it to the worker; returns when it is durable and in force here, or will not be.
pub async fn handed<T>(
    site: &Site,
    petition: Petition,
    answer: oneshot::Receiver<Result<T, NotDone>>,
) -> Result<T, NotDone> {
    let failed = |why: &str| NotDone::Failed(why.to_owned());
    if site.board.cluster_id().is_empty() {
        return Err(failed(
            "no broker has answered yet, so that nothing can be made durable; see /ready, then ask again",
        ));
    }
    let busy = "too many changes wait, or this worker is stopping; ask again, or ask another worker: /workers";
    site.changes.try_send(petition).map_err(|_| failed(busy))?;
    match timeout(MADE_WITHIN, answer).await {
        Ok(Ok(outcome)) => outcome.map_err(|not_done| match not_done {
            NotDone::Failed(why) => NotDone::Failed(format!("it could not be made durable: {why}; ask again")),
            refused => refused,
        }),
        Ok(Err(_)) => Err(failed("this worker stops; ask another: /workers")),
        Err(_) => Err(failed("no broker took it in time; it may still be made: read it, and ask again")),
    }
}

fn answered(asked: &Asked, entry: &Entry, decided: &Decided, is_new: bool, consumers: &BTreeSet<String>) -> Response {
    let product = &asked.product;
    let contracts: Vec<Value> = decided
        .contracts
        .iter()
        .map(|contract| {
            let differences = decided.differences.get(&contract.id);
            let warnings: Vec<Value> = contract.problems.iter().map(told).collect();
            json!({
                "id": contract.id,
                "version": contract.version,
                "topics": contract.topics,
                "warnings": warnings,
                "changes": differences.map(|all| all.iter().map(difference).collect::<Vec<_>>()),
                "breaking": differences.is_some_and(|all| all.iter().any(breaks)),
            })
        })
        .collect();
    let body = json!({
        "name": product.to_string(),
        "revision": entry.revision,
        "etag": entry.tag(),
        "changed": decided.changes,
        "dry_run": asked.dry_run,
        "consumers": consumers,
        "lifecycle": entry.lifecycle,
        "successor": entry.successor,
        "end_of_life": entry.end_of_life,
        "contracts": contracts,
    });
    if asked.dry_run {
        return Json(body).into_response();
    }
    let status = if is_new { StatusCode::CREATED } else { StatusCode::OK };
    let mut answer = (status, [(ETAG, format!("\"{}\"", entry.tag()))], Json(body)).into_response();
    if is_new && let Ok(place) = format!("/products/{product}").parse() {
        answer.headers_mut().insert(LOCATION, place);
    }
    answer
}

fn breaks(change: &Difference) -> bool {
    change.level(Perspective::Consumer) == Effect::Breaking
}

/// In the words of `steward contract diff`.
fn difference(change: &Difference) -> Value {
    json!({
        "path": change.path,
        "old": change.old,
        "new": change.new,
        "direction": change.direction.map(Direction::word),
        "level": change.level(Perspective::Consumer).word(),
        "message": change.message,
    })
}

pub fn told(problem: &Problem) -> Value {
    json!({
        "severity": if problem.level == Level::Error { "error" } else { "warning" },
        "code": problem.code,
        "path": problem.path,
        "line": problem.line,
        "message": problem.message,
        "remedy": problem.remedy,
    })
}

pub fn refused(refusal: &Refusal) -> Response {
    match refusal {
        Refusal::Unknown(detail) => problem(StatusCode::NOT_FOUND, detail),
        Refusal::Conflict(detail) => problem(StatusCode::CONFLICT, detail),
        Refusal::Invalid { detail, problems } => {
            let problems: Vec<Value> = problems.iter().map(told).collect();
            problem_with(StatusCode::UNPROCESSABLE_ENTITY, detail, json!({"problems": problems}))
        }
    }
}
