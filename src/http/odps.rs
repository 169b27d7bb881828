//! A product as ODPS has it: `/products/{domain}/{name}/odps`, and `PUT /products/{domain}/{name}` with its contracts beside it.

use crate::catalog::published;
use crate::engine::contract::joined;
use crate::engine::contract::name::ProductName;
use crate::engine::published::lifecycle::Lifecycle;
use crate::engine::published::odps::{Facts, json, made};
use crate::http::call::Call;
use crate::http::problem::problem;
use crate::http::products::known;
use crate::http::publish::{self, Body, Publication};
use crate::http::query::pairs;
use crate::http::routes::{JSON, YAML};
use crate::http::server::Site;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::Value;

/// The document that was published, word by word; where none was, one made of what the contracts say. `?contracts=true`: with the
/// contracts behind it, as `PUT /products/{domain}/{name}` takes them. YAML, or JSON for whoever asks for it.
pub async fn one(
    State(site): State<Site>,
    Path((domain, name)): Path<(String, String)>,
    uri: Uri,
    headers: HeaderMap,
) -> Response {
    let product = ProductName { domain, name };
    let with = match pairs(&uri).and_then(|pairs| pairs.word("contracts", &["true", "false"])) {
        Ok(with) => with == Some("true"),
        Err(bad) => return *bad,
    };
    let (info, directory) = match known(&site, &product) {
        Ok(info) => (info, site.board.directory()),
        Err(unknown) => return *unknown,
    };
    let entry = directory.published.get(&product);
    let documents = directory.documents_of(&product);
    let of_file = documents.iter().any(|document| document.path != published::place(&product));
    let mut texts: Vec<&str> = documents.iter().map(|document| joined::own(&document.text)).collect();
    if let Some(entry) = entry.filter(|_| texts.is_empty()) {
        texts = entry.contracts.iter().map(String::as_str).collect();
    }
    let entry = entry.filter(|_| !of_file);
    let described = entry.and_then(|entry| entry.product.clone());
    let lifecycle = entry.map(|entry| entry.lifecycle);
    let lifecycle = lifecycle.or(documents.iter().filter_map(|document| document.lifecycle).max());
    let place = format!("{}/products/{product}", site.origin());
    let made = || {
        let lifecycle = lifecycle.unwrap_or(Lifecycle::Active);
        made(&Facts { product: &product, lifecycle, owner: &info.owner, place: &place, events: &site.events }, &texts)
    };
    let own = described.unwrap_or_else(|| made().yaml());
    let all: Vec<&str> = [own.as_str()].into_iter().chain(texts.iter().copied().filter(|_| with)).collect();
    texted(&headers, &all)
}

/// Documents as they are, in YAML; one of them as JSON, or several in a list, for whoever asks for that.
pub fn texted(headers: &HeaderMap, texts: &[&str]) -> Response {
    let body = match (wants_json(headers), texts) {
        (true, [one]) => json(one).to_string(),
        (true, several) => Value::from_iter(several.iter().map(|text| json(text))).to_string(),
        (false, _) => texts.iter().map(|text| text.trim_end()).collect::<Vec<_>>().join("\n---\n") + "\n",
    };
    let media = if wants_json(headers) { JSON } else { YAML };
    ([(CONTENT_TYPE, media)], body).into_response()
}

/// Named before any kind of YAML; what takes everything takes YAML.
pub fn wants_json(headers: &HeaderMap) -> bool {
    let accept = headers.get(ACCEPT).and_then(|accept| accept.to_str().ok()).unwrap_or_default();
    let mut kinds = accept.split(',').map(|range| range.split(';').next().unwrap_or_default().trim());
    kinds.find(|kind| kind.ends_with("json") || kind.ends_with("yaml")).is_some_and(|kind| kind.ends_with("json"))
}

/// `PUT /products/{domain}/{name}`: the ODPS document and the contracts in the body are the product's from now on; of what is not
/// there it keeps what it has.
pub async fn replace(
    State(site): State<Site>,
    Path((domain, name)): Path<(String, String)>,
    call: Call,
    body: Bytes,
) -> Response {
    match publish::parted(&body) {
        Ok(Body { contracts, product: None }) if contracts.is_empty() => {
            problem(StatusCode::UNPROCESSABLE_ENTITY, "the body is empty; send an ODPS document, contracts, or both")
        }
        Ok(body) => {
            publish::ask(&site, Publication::new(ProductName { domain, name }, body.change(), None), call).await
        }
        Err(answer) => *answer,
    }
}
