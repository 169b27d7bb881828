//! Policies of the mesh and what they say: `/policies`, `/policies/{id}`.

use crate::catalog::directory::Directory;
use crate::catalog::policies::{Facts, Judgement};
use crate::engine::contract::name::ProductName;
use crate::http::paged::page;
use crate::http::problem::problem;
use crate::http::query::pairs;
use crate::http::server::Site;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

const WORDS: [&str; 4] = ["pass", "fail", "skip", "unknown"];

pub async fn list(State(site): State<Site>, uri: Uri) -> Response {
    let directory = site.board.directory();
    let keyed = directory.policies.policies.iter().map(|facts| (facts.id.clone(), shown(&directory, facts)));
    match pairs(&uri).and_then(|pairs| page(&pairs, keyed)) {
        Ok(page) => page.answer(&uri),
        Err(bad) => *bad,
    }
}

/// One policy with its expression, and what it says of each contract or product: what is broken first.
pub async fn one(State(site): State<Site>, Path(id): Path<String>) -> Response {
    let directory = site.board.directory();
    let Some(facts) = directory.policies.policies.iter().find(|facts| facts.id == id) else {
        let detail = format!("no policy is called {id}; /policies lists those that are in force");
        return problem(StatusCode::NOT_FOUND, &detail);
    };
    let mut value = shown(&directory, facts);
    let mut said: Vec<&Judgement> = said(&directory, facts).collect();
    said.sort_by_key(|judgement| !judgement.verdict.is_against());
    value["when"] = json!(facts.when);
    value["rule"] = json!(facts.rule);
    value["verdicts"] = said.into_iter().map(verdict).collect();
    Json(value).into_response()
}

/// What policies say of a product and its contracts, but for those that were not asked.
pub fn of_product(directory: &Directory, product: &ProductName) -> Vec<Value> {
    let of = directory.policies.of_product(product).iter();
    let mut found: Vec<&Judgement> = of.filter(|judgement| judgement.verdict.word() != "skip").collect();
    found.sort_by_key(|judgement| !judgement.verdict.is_against());
    let of = |judgement: &Judgement| {
        let mut value = verdict(judgement);
        value["policy"] = json!(judgement.policy);
        value["mode"] = json!(judgement.mode.word());
        value
    };
    found.into_iter().map(of).collect()
}

fn said<'d>(directory: &'d Directory, facts: &'d Facts) -> impl Iterator<Item = &'d Judgement> {
    directory.policies.judgements.iter().filter(|judgement| judgement.policy == facts.id)
}

fn shown(directory: &Directory, facts: &Facts) -> Value {
    let count = |word: &&str| said(directory, facts).filter(|judgement| judgement.verdict.word() == *word).count();
    let counts: serde_json::Map<String, Value> =
        WORDS.iter().map(|word| ((*word).to_owned(), json!(count(word)))).collect();
    json!({
        "id": facts.id,
        "title": facts.title,
        "about": facts.about.word(),
        "mode": facts.mode.word(),
        "remedy": facts.remedy,
        "path": facts.path,
        "counts": counts,
    })
}

fn verdict(judgement: &Judgement) -> Value {
    json!({
        "product": judgement.product.to_string(),
        "contract": judgement.contract,
        "status": judgement.verdict.word(),
        "reason": judgement.verdict.reason(),
    })
}
