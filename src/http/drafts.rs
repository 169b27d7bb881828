//! Drafts of contracts: inferred from a topic's records or begun by hand, edited with what lint finds, tried on what the topic holds,
//! published. Drafts live in the catalog, so that every worker shows them.

use crate::catalog::experiment::{Experiment, Extent, Failure, Inferred, Tried};
use crate::catalog::published::{Edited, NotDone, Petition};
use crate::engine::access::standing::Actor;
use crate::engine::audit;
use crate::engine::contract::name::ProductName;
use crate::engine::contract::odcs;
use crate::engine::event::envelope::rfc3339;
use crate::engine::published::change::{Change, Expected};
use crate::engine::published::contracts;
use crate::engine::published::draft::{Draft, Edit, Wanted};
use crate::http::access;
use crate::http::audit::{About, Audited};
use crate::http::call::Call;
use crate::http::contracts::linted;
use crate::http::problem::problem;
use crate::http::publish::{self, Publication, handed, refused};
use crate::http::query::{bad, pairs};
use crate::http::server::Site;
use crate::http::{matched, paged};
use crate::kafka::history::Bound;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header::{ETAG, LOCATION};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::time::Duration;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Of one answer, where the request says nothing.
const LIMIT: usize = 100;
/// What is read where the request says nothing, and at most.
const RECORDS: u64 = 10_000;
const RECORDS_MAX: u64 = 1_000_000;
const SECONDS: u64 = 10;
const SECONDS_MAX: u64 = 30;
/// One experiment before this one, and this one, each with what a broker takes to be found.
const TRIED_WITHIN: Duration = Duration::from_secs(2 * SECONDS_MAX + 20);

/// `GET /drafts`: without their texts, in the order of their ids.
pub async fn list(State(site): State<Site>, uri: Uri) -> Response {
    let (limit, after) = match pairs(&uri).and_then(|pairs| Ok((paged::limit(&pairs, LIMIT)?, pairs))) {
        Ok((limit, pairs)) => (limit, pairs.last("after").unwrap_or_default().to_owned()),
        Err(bad) => return *bad,
    };
    let directory = site.board.directory();
    let behind = directory.drafts.iter().filter(|(id, _)| **id > after);
    let found: Vec<(&String, &Draft)> = behind.take(limit + 1).collect();
    let next = found.get(limit).and_then(|_| found.get(limit - 1)).map(|(id, _)| id.as_str());
    let short = |(id, draft): &(&String, &Draft)| {
        let mut value = shown(id, draft);
        for long in ["contract", "problems"] {
            value.as_object_mut().and_then(|value| value.remove(long));
        }
        value
    };
    paged::answer(&uri, Value::Array(found.iter().take(limit).map(short).collect()), next)
}

/// `GET /drafts/{id}`.
pub async fn one(State(site): State<Site>, Path(id): Path<String>) -> Response {
    match site.board.directory().drafts.get(&id) {
        Some(draft) => tagged(StatusCode::OK, &id, draft),
        None => unknown(&id),
    }
}

/// The body of `POST /drafts`: one of the three.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Begin {
    /// Inferred from its records.
    topic: Option<String>,
    /// As it is published; publishing the draft changes it.
    product: Option<String>,
    /// Inferred from what this use case writes, and named like it.
    use_case: Option<String>,
    /// Begun by hand.
    contract: Option<String>,
    domain: Option<String>,
    name: Option<String>,
    records: Option<u64>,
    seconds: Option<u64>,
}

const BEGIN: &str = "send {\"topic\": \"shop.orders\", \"domain\": \"shop\", \"name\": \"orders\", \"records\": 10000, \"seconds\": 10}, of which \
                     only the topic must be there, or {\"product\": \"shop/orders\"}, {\"use_case\": \"shop/big\"}, or {\"contract\": \"…\", \"topic\": \"shop.orders\"}";

/// `POST /drafts`: 201 with the draft and its place.
pub async fn begin(State(site): State<Site>, call: Call, body: Bytes) -> Response {
    match begun(&site, call, &body).await {
        Ok(answer) => answer,
        Err(answer) => *answer,
    }
}

async fn begun(site: &Site, call: Call, body: &Bytes) -> Result<Response, Box<Response>> {
    let asked = of_use_case(site, read(body, BEGIN)?)?;
    let draft = match asked {
        Begin { topic, contract: Some(contract), product: None, .. } => {
            if let Some(topic) = &topic {
                may_be_read(site, topic)?;
            }
            Draft { topic: topic.unwrap_or_default(), contract, ..Draft::default() }
        }
        Begin { product: Some(product), topic: None, contract: None, .. } => of_product(site, &product)?,
        Begin { topic: Some(topic), domain, name, records, seconds, .. } => {
            may_be_read(site, &topic)?;
            let extent = extent(&topic, None, records, seconds)?;
            let experiment = |done| Experiment::Infer { extent, domain, name, done };
            let Inferred { contract, sample } = experience(site, experiment).await?;
            Draft { topic, contract, sample: Some(sample), ..Draft::default() }
        }
        _ => return Err(bad(&format!("the body names neither topic, product, use case nor contract; {BEGIN}"))),
    };
    let id = crate::engine::event::id::of(&["draft", &call.by.correlation, &call.by.path])[..12].to_owned();
    let wanted = Wanted { id: id.clone(), edit: Edit::Begin(draft), expected: Expected::Absent, by: call.by };
    let mut answer = edited(site, wanted, StatusCode::CREATED).await;
    if answer.status() == StatusCode::CREATED
        && let Ok(place) = format!("/drafts/{id}").parse()
    {
        answer.headers_mut().insert(LOCATION, place);
    }
    Ok(answer)
}

/// `PUT /drafts/{id}`, the contract as publishing takes it: it may be wrong, and the answer says where.
pub async fn edit(State(site): State<Site>, Path(id): Path<String>, call: Call, body: Bytes) -> Response {
    let text = match std::str::from_utf8(&body) {
        Ok(text) => text.to_owned(),
        Err(why) => return *bad(&format!("the body is no UTF-8: {why}; send a contract in YAML or JSON")),
    };
    let expected = match matched::expected(&call.headers) {
        Ok(expected) => expected.unwrap_or(Expected::Present),
        Err(bad) => return *bad,
    };
    edited(&site, Wanted { id, edit: Edit::Text(text), expected, by: call.by }, StatusCode::OK).await
}

/// `DELETE /drafts/{id}`.
pub async fn delete(State(site): State<Site>, Path(id): Path<String>, call: Call) -> Response {
    let expected = match matched::expected(&call.headers) {
        Ok(expected) => expected.unwrap_or(Expected::Present),
        Err(bad) => return *bad,
    };
    edited(&site, Wanted { id, edit: Edit::Delete, expected, by: call.by }, StatusCode::NO_CONTENT).await
}

/// The body of `POST /drafts/{id}/trial`; empty: nothing is said.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct Attempt {
    /// Another topic than the draft's.
    topic: Option<String>,
    /// The contract's object.
    schema: Option<String>,
    /// An offset of each partition, or a time; the newest records where nothing is said.
    from: Option<Value>,
    records: Option<u64>,
    seconds: Option<u64>,
}

const ATTEMPT: &str = "send nothing, or {\"topic\": \"shop.orders\", \"schema\": \"orders\", \"from\": \"2026-11-28T14:00:00Z\", \"records\": \
                       10000, \"seconds\": 10}, each if it matters";

/// `POST /drafts/{id}/trial`: what each rule would have said of the records that the topic holds. Nothing is changed by it.
pub async fn attempt(State(site): State<Site>, Path(id): Path<String>, body: Bytes) -> Response {
    match attempted(&site, &id, &body).await {
        Ok(answer) => answer,
        Err(answer) => *answer,
    }
}

async fn attempted(site: &Site, id: &str, body: &Bytes) -> Result<Response, Box<Response>> {
    let asked: Attempt = if body.is_empty() { Attempt::default() } else { read(body, ATTEMPT)? };
    let directory = site.board.directory();
    let draft = directory.drafts.get(id).ok_or_else(|| Box::new(unknown(id)))?;
    let text = contracts::documents(&draft.contract).into_iter().next().unwrap_or_default();
    let named = || odcs::parse(&text).contract.and_then(|c| c.objects.first().map(|object| object.topic.clone()));
    let topic = asked.topic.or_else(|| Some(draft.topic.clone()).filter(|topic| !topic.is_empty())).or_else(named);
    let Some(topic) = topic else {
        return Err(bad("neither the draft nor its contract names a topic; name one: {\"topic\": \"shop.orders\"}"));
    };
    may_be_read(site, &topic)?;
    let from = match &asked.from {
        None => None,
        Some(Value::Number(offset)) => offset.as_i64().filter(|offset| *offset >= 0).map(Bound::Offset),
        Some(Value::String(time)) => audit::moment(time).map(Bound::Time),
        Some(_) => None,
    };
    if asked.from.is_some() && from.is_none() {
        return Err(bad(&format!("from is neither an offset nor a time; {ATTEMPT}")));
    }
    let extent = extent(&topic, from, asked.records, asked.seconds)?;
    let experiment = |done| Experiment::Trial { extent, contract: text, schema: asked.schema, done };
    let Tried { report, progress } = experience(site, experiment).await?;
    let mut value = serde_json::to_value(&report).unwrap_or_default();
    value["topic"] = json!(topic);
    value["complete"] = json!(progress.is_complete());
    value["offsets"] = json!({"read": progress.done, "of": progress.all});
    Ok(Json(value).into_response())
}

/// `POST /drafts/{id}/publish`: as `POST /products`, or as a change of the product that it was begun of; the draft is gone then.
pub async fn publish(
    State(site): State<Site>,
    Extension(actor): Extension<Actor>,
    Path(id): Path<String>,
    call: Call,
) -> Response {
    let directory = site.board.directory();
    let Some(draft) = directory.drafts.get(&id) else { return unknown(&id) };
    match matched::expected(&call.headers) {
        Ok(Some(Expected::Tag(tag))) if tag != draft.tag() => {
            let detail = format!("draft {id} was edited meanwhile: it is {} by {}", draft.tag(), draft.changed_by);
            return problem(StatusCode::CONFLICT, &format!("{detail}; read it again, and publish what it says now"));
        }
        Ok(_) => {}
        Err(bad) => return *bad,
    }
    let texts = contracts::documents(&draft.contract);
    let product = match contracts::read(&texts) {
        Ok(read) => read.into_iter().next().map(|contract| contract.product),
        Err(refusal) => return refused(&refusal),
    };
    let Some(product) = product else { return *bad("the draft holds no contract") };
    if let Some(answer) = access::refusal(&actor, &product.domain) {
        let mut answer = *answer;
        answer.extensions_mut().insert(About(product.to_string()));
        return answer;
    }
    let expected = draft.base.clone().map_or(Expected::Absent, Expected::Tag);
    let change = Change::Publish { contracts: texts, product: None };
    publish::ask(&site, Publication { product, change, expected: Some(expected), draft: Some(id) }, call).await
}

/// What a use case writes, by its name.
fn of_use_case(site: &Site, asked: Begin) -> Result<Begin, Box<Response>> {
    let Begin { use_case: Some(case), topic: None, product: None, contract: None, .. } = &asked else {
        return Ok(asked);
    };
    let name = case.split_once('/').map(|(domain, name)| ProductName { domain: domain.into(), name: name.into() });
    let directory = site.board.directory();
    let Some((name, case)) = name.and_then(|name| directory.use_cases.get_key_value(&name)) else {
        let detail = format!("there is no use case {case}; GET /use-cases lists them");
        return Err(Box::new(problem(StatusCode::NOT_FOUND, &detail)));
    };
    let topic = Some(case.definition.output.clone());
    let (domain, own) = (name.domain.clone(), name.name.clone());
    let (domain, name) = (asked.domain.clone().or(Some(domain)), asked.name.clone().or(Some(own)));
    Ok(Begin { topic, domain, name, use_case: None, ..asked })
}

fn of_product(site: &Site, product: &str) -> Result<Draft, Box<Response>> {
    let directory = site.board.directory();
    let name = product.split_once('/').map(|(domain, name)| ProductName { domain: domain.into(), name: name.into() });
    let Some(entry) = name.and_then(|name| directory.published.get(&name)) else {
        let detail = format!(
            "product {product} was not published through the API; what lives in a file is changed there: GET /products/{product} \
             says which"
        );
        return Err(Box::new(problem(StatusCode::NOT_FOUND, &detail)));
    };
    Ok(Draft { contract: entry.contracts.join("---\n"), base: Some(entry.tag()), ..Draft::default() })
}

/// A topic that there is, and that contracts may name.
fn may_be_read(site: &Site, topic: &str) -> Result<(), Box<Response>> {
    let directory = site.board.directory();
    let refuse = |status, detail: String| Err(Box::new(problem(status, &detail)));
    match directory.topics.get(topic) {
        Some(facts) if facts.partitions > 0 && facts.may_be_governed() => Ok(()),
        Some(facts) if facts.partitions > 0 => {
            let why = facts.ungoverned.as_deref().unwrap_or_default();
            refuse(StatusCode::UNPROCESSABLE_ENTITY, format!("the topic {topic} is never governed: {why}"))
        }
        _ => refuse(
            StatusCode::NOT_FOUND,
            format!("there is no topic {topic} that this worker sees; GET /topics lists them"),
        ),
    }
}

fn extent(
    topic: &str,
    from: Option<Bound>,
    records: Option<u64>,
    seconds: Option<u64>,
) -> Result<Extent, Box<Response>> {
    let within = |name: &str, value: u64, most: u64| match value {
        0 => Err(bad(&format!("{name} is 0; {most} is the most"))),
        value if value > most => Err(bad(&format!("{name} is {value}; {most} is the most"))),
        value => Ok(value),
    };
    let records = within("records", records.unwrap_or(RECORDS), RECORDS_MAX)?;
    let seconds = within("seconds", seconds.unwrap_or(SECONDS), SECONDS_MAX)?;
    Ok(Extent { topic: topic.to_owned(), from, records, time: Duration::from_secs(seconds) })
}

/// Waits for what the worker's thread finds out.
async fn experience<T>(
    site: &Site,
    experiment: impl FnOnce(oneshot::Sender<Result<T, Failure>>) -> Experiment,
) -> Result<T, Box<Response>> {
    let unavailable = |why: &str| Box::new(problem(StatusCode::SERVICE_UNAVAILABLE, why));
    let (done, answer) = oneshot::channel();
    if site.board.cluster_id().is_empty() {
        return Err(unavailable("no broker has answered yet; see /ready, then ask again"));
    }
    site.experiments.try_send(experiment(done)).map_err(|_| {
        unavailable("too many samples and trials wait, or this worker is stopping; ask again, or ask another: /workers")
    })?;
    match timeout(TRIED_WITHIN, answer).await {
        Ok(Ok(Ok(found))) => Ok(found),
        Ok(Ok(Err(Failure::Unfit(why)))) => Err(Box::new(problem(StatusCode::UNPROCESSABLE_ENTITY, &why))),
        Ok(Ok(Err(Failure::Unread(why)))) => Err(unavailable(&format!("the records could not be read: {why}"))),
        Ok(Err(_)) => Err(unavailable("this worker stops; ask another: /workers")),
        Err(_) => Err(unavailable("no broker gave the records in time; ask again, or for fewer")),
    }
}

/// Hands the edit to the worker; answers when it is durable, or will not be.
async fn edited(site: &Site, wanted: Wanted, good: StatusCode) -> Response {
    let (done, answer) = oneshot::channel();
    let id = wanted.id.clone();
    match handed(site, Petition::Draft { wanted, done }, answer).await {
        Ok(Edited { draft, changes }) => {
            let mut answer = match &draft {
                Some(draft) => tagged(good, &id, draft),
                None => StatusCode::NO_CONTENT.into_response(),
            };
            if changes {
                answer.extensions_mut().insert(Audited);
            }
            answer
        }
        Err(NotDone::Refused(refusal)) => refused(&refusal),
        Err(NotDone::Failed(why)) => problem(StatusCode::SERVICE_UNAVAILABLE, &why),
    }
}

fn read<T: DeserializeOwned>(body: &Bytes, shape: &str) -> Result<T, Box<Response>> {
    serde_json::from_slice(body).map_err(|why| bad(&format!("the body is not read: {why}; {shape}")))
}

fn tagged(status: StatusCode, id: &str, draft: &Draft) -> Response {
    (status, [(ETAG, format!("\"{}\"", draft.tag()))], Json(shown(id, draft))).into_response()
}

/// A draft with what `steward contract lint` finds in it; lines count within their document.
fn shown(id: &str, draft: &Draft) -> Value {
    let (valid, problems) = linted(&draft.contract);
    let contract = contracts::documents(&draft.contract).first().and_then(|text| odcs::parse(text).contract);
    json!({
        "id": id,
        "revision": draft.revision,
        "etag": draft.tag(),
        "topic": Some(&draft.topic).filter(|topic| !topic.is_empty()),
        "product": contract.map(|contract| contract.product().to_string()),
        "base": draft.base,
        "sample": draft.sample,
        "valid": valid,
        "contract": draft.contract,
        "problems": problems,
        "created": rfc3339(draft.created_ms),
        "changed": rfc3339(draft.changed_ms),
        "changed_by": draft.changed_by,
    })
}

fn unknown(id: &str) -> Response {
    let detail = format!("there is no draft {id}; GET /drafts lists those that are, POST /drafts begins one");
    problem(StatusCode::NOT_FOUND, &detail)
}
