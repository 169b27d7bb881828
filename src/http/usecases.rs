//! Use cases: SQL that makes a topic of others, registered, run by an engine, followed and stopped. What it writes becomes a product by
//! a draft (`POST /drafts` with `use_case`). One that is registered may be run by its domain; what may run is an admin's to say, for an
//! engine does it with its own rights.

use crate::catalog::published::{Defined, NotDone, Petition};
use crate::engine::contract::name::ProductName;
use crate::engine::derived::usecase::{self, Definition, Edit, Engine, Run, UseCase, Wanted};
use crate::engine::event::envelope::rfc3339;
use crate::engine::published::change::Expected;
use crate::http::audit::{About, Audited};
use crate::http::call::Call;
use crate::http::matched;
use crate::http::paged::page;
use crate::http::problem::problem;
use crate::http::publish::{handed, refused};
use crate::http::query::{bad, pairs};
use crate::http::server::Site;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header::{ETAG, LOCATION};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use tokio::sync::oneshot;

const DEFINITION: &str = "send {\"engine\": \"flink\", \"title\": \"Big orders\", \"inputs\": [\"shop.orders\"], \"output\": \"shop.big\", \
                          \"statement\": \"CREATE TABLE …; INSERT INTO …\"}";

/// `GET /use-cases`, in the order of their names.
pub async fn list(State(site): State<Site>, uri: Uri) -> Response {
    let directory = site.board.directory();
    let keyed = directory.use_cases.iter().map(|(name, case)| (name.to_string(), shown(name, case)));
    match pairs(&uri).and_then(|pairs| page(&pairs, keyed)) {
        Ok(page) => page.answer(&uri),
        Err(bad) => *bad,
    }
}

/// `GET /use-cases/{domain}/{name}`.
pub async fn one(State(site): State<Site>, Path((domain, name)): Path<(String, String)>) -> Response {
    let name = ProductName { domain, name };
    match site.board.directory().use_cases.get(&name) {
        Some(case) => tagged(StatusCode::OK, &name, case),
        None => refused(&usecase::unknown(&name)),
    }
}

/// `PUT /use-cases/{domain}/{name}`: registered, or defined anew.
pub async fn register(
    State(site): State<Site>,
    Path((domain, name)): Path<(String, String)>,
    call: Call,
    body: Bytes,
) -> Response {
    let definition: Definition = match serde_json::from_slice(&body) {
        Ok(definition) => definition,
        Err(why) => return *bad(&format!("the body is not read: {why}; {DEFINITION}")),
    };
    if [&domain, &name].iter().any(|part| part.is_empty() || part.contains('/')) {
        return *bad("a use case is named like a product: domain/name");
    }
    edited(&site, ProductName { domain, name }, Edit::Register(definition), call).await
}

/// `DELETE /use-cases/{domain}/{name}`: what it made stays.
pub async fn delete(State(site): State<Site>, Path((domain, name)): Path<(String, String)>, call: Call) -> Response {
    edited(&site, ProductName { domain, name }, Edit::Delete, call).await
}

/// `POST /use-cases/{domain}/{name}/execute`: 202; the use case says how it goes.
pub async fn execute(State(site): State<Site>, Path((domain, name)): Path<(String, String)>, call: Call) -> Response {
    let name = ProductName { domain, name };
    let directory = site.board.directory();
    if let Some(case) = directory.use_cases.get(&name)
        && !directory.engines.contains(&case.definition.engine)
    {
        let engine = case.definition.engine.word();
        let detail = format!("no {engine} is configured: set {engine}.url, and start the workers anew");
        return problem(StatusCode::CONFLICT, &detail);
    }
    edited(&site, name, Edit::Execute, call).await
}

/// `POST /use-cases/{domain}/{name}/stop`: 202.
pub async fn stop(State(site): State<Site>, Path((domain, name)): Path<(String, String)>, call: Call) -> Response {
    edited(&site, ProductName { domain, name }, Edit::Stop, call).await
}

/// Hands the edit to the worker; answers when it is durable, or will not be.
async fn edited(site: &Site, name: ProductName, edit: Edit, call: Call) -> Response {
    let known = site.board.directory().use_cases.get(&name).map(UseCase::tag);
    let is_new = known.is_none();
    let shown = match (&edit, known) {
        (Edit::Register(_), None) => Expected::Absent,
        (Edit::Register(_), Some(tag)) => Expected::Tag(tag),
        _ => Expected::Present,
    };
    let expected = match matched::expected(&call.headers) {
        Ok(expected) => expected.unwrap_or(shown),
        Err(bad) => return *bad,
    };
    let status = match edit {
        Edit::Register(_) if is_new => StatusCode::CREATED,
        Edit::Execute | Edit::Stop => StatusCode::ACCEPTED,
        _ => StatusCode::OK,
    };
    let wanted = Wanted { name: name.clone(), edit, expected, by: call.by };
    let (done, answer) = oneshot::channel();
    let mut answer = match handed(site, Petition::UseCase { wanted, done }, answer).await {
        Ok(Defined { case, changes }) => {
            let mut answer = match &case {
                Some(case) => tagged(status, &name, case),
                None => StatusCode::NO_CONTENT.into_response(),
            };
            if status == StatusCode::CREATED
                && let Ok(place) = format!("/use-cases/{name}").parse()
            {
                answer.headers_mut().insert(LOCATION, place);
            }
            if changes {
                answer.extensions_mut().insert(Audited);
            }
            answer
        }
        Err(NotDone::Refused(refusal)) => refused(&refusal),
        Err(NotDone::Failed(why)) => problem(StatusCode::SERVICE_UNAVAILABLE, &why),
    };
    answer.extensions_mut().insert(About(name.to_string()));
    answer
}

fn tagged(status: StatusCode, name: &ProductName, case: &UseCase) -> Response {
    (status, [(ETAG, format!("\"{}\"", case.tag()))], Json(shown(name, case))).into_response()
}

fn shown(name: &ProductName, case: &UseCase) -> Value {
    let Definition { engine, title, description, inputs, output, statement } = &case.definition;
    let run = |run: &Run| {
        json!({
            "state": run.state.word(),
            "jobs": run.jobs,
            "message": run.message,
            "worker_id": run.worker,
            "asked_by": run.asked_by,
            "asked": rfc3339(run.asked_ms),
            "changed": rfc3339(run.changed_ms),
        })
    };
    json!({
        "name": name.to_string(),
        "revision": case.revision,
        "etag": case.tag(),
        "engine": Engine::word(*engine),
        "title": title,
        "description": description,
        "inputs": inputs,
        "output": output,
        "statement": statement,
        "run": case.run.as_ref().map(run),
        "changed": rfc3339(case.changed_ms),
        "changed_by": case.changed_by,
    })
}
