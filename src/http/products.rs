//! Products, in the shapes that Connect gives its connectors. A product exists while a contract names it.

use crate::catalog::directory::{Directory, Info};
use crate::catalog::fleet::Peer;
use crate::catalog::offsets::Reach;
use crate::catalog::published;
use crate::clock::now_ms;
use crate::engine::contract::joined;
use crate::engine::contract::name::ProductName;
use crate::engine::event::envelope::rfc3339;
use crate::flow::io::Part;
use crate::http::facets::Facets;
use crate::http::history;
use crate::http::odps;
use crate::http::paged::{self, page};
use crate::http::policies;
use crate::http::problem::problem;
use crate::http::query::pairs;
use crate::http::server::Site;
use crate::http::status::{self, Reading};
use crate::http::workers;
use axum::Json;
use axum::extract::{Path, State};
use axum::http::header::{CONTENT_TYPE, ETAG, IF_NONE_MATCH, LOCATION};
use axum::http::{HeaderMap, HeaderValue, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Map, Value, json};

/// Names, or with `?expand=status&expand=info` an object by name; of all, or of those that `http::facets` takes. Like Connect, words
/// that nobody knows are ignored.
pub async fn list(State(site): State<Site>, uri: Uri) -> Response {
    let pairs = match pairs(&uri) {
        Ok(pairs) => pairs,
        Err(bad) => return *bad,
    };
    let directory = site.board.directory();
    let (now, facets) = match Facets::of(&pairs) {
        Ok(facets) => (now_ms(), facets),
        Err(bad) => return *bad,
    };
    let peers = workers::heard(&site, now);
    let asked = directory.products.iter().filter(|of| facets.fit(&site, &directory, &peers, *of, now));
    let keyed = asked.map(|(product, info)| (product.to_string(), (product, info)));
    let page = match page(&pairs, keyed) {
        Ok(page) => page,
        Err(bad) => return *bad,
    };
    if pairs.last("expand").is_none() {
        let names = page.items.iter().map(|(product, _)| Value::from(product.to_string())).collect();
        return paged::answer(&uri, names, page.next.as_deref());
    }
    let mut products = Map::new();
    let reading = Reading::of(&peers, now);
    for (product, info) in page.items {
        let mut expanded = Map::new();
        if pairs.has("expand", "status") {
            expanded.insert("status".into(), status::of(&site, product, info, &peers, &reading));
        }
        if pairs.has("expand", "info") {
            expanded.insert("info".into(), info_of(&site, &directory, product, info));
        }
        products.insert(product.to_string(), Value::Object(expanded));
    }
    paged::answer(&uri, Value::Object(products), page.next.as_deref())
}

/// One product: what its contracts say, and how it stands.
pub async fn one(State(site): State<Site>, Path((domain, name)): Path<(String, String)>) -> Response {
    let product = ProductName { domain, name };
    match known(&site, &product) {
        Ok(info) => {
            let mut value = info_of(&site, &site.board.directory(), &product, &info);
            let now = now_ms();
            let peers = workers::heard(&site, now);
            value["status"] = status::of(&site, &product, &info, &peers, &Reading::of(&peers, now));
            Json(value).into_response()
        }
        Err(unknown) => *unknown,
    }
}

/// The text of its contract as it was loaded; of several, one YAML document each.
pub async fn contract(
    State(site): State<Site>,
    Path((domain, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let product = ProductName { domain, name };
    if let Err(unknown) = known(&site, &product) {
        return *unknown;
    }
    let directory = site.board.directory();
    let documents = directory.documents_of(&product);
    let mut texts: Vec<&str> = documents.iter().map(|document| document.text.trim_end()).collect();
    let entry = directory.published.get(&product);
    // What is retired is not in force, and still to be read.
    if let Some(entry) = entry.filter(|_| texts.is_empty()) {
        texts = entry.contracts.iter().map(|text| text.trim_end()).collect();
    }
    let of_file = documents.iter().any(|document| document.path != published::place(&product));
    let tag = match entry.filter(|_| !of_file) {
        Some(entry) => entry.tag(),
        None => documents.iter().map(|document| document.hash.to_string()).collect::<Vec<_>>().join("."),
    };
    let tag = format!("\"{tag}\"");
    if headers.get(IF_NONE_MATCH).is_some_and(|known| known.as_bytes() == tag.as_bytes()) {
        return (StatusCode::NOT_MODIFIED, [(ETAG, tag)]).into_response();
    }
    if odps::wants_json(&headers) && !texts.is_empty() {
        let own: Vec<&str> = texts.iter().map(|text| joined::own(text)).collect();
        let mut answer = odps::texted(&headers, &own);
        if let Ok(tag) = HeaderValue::from_str(&tag) {
            answer.headers_mut().insert(ETAG, tag);
        }
        return answer;
    }
    if texts.is_empty() {
        // Between a change of files and the round that takes it up.
        return problem(StatusCode::NOT_FOUND, &format!("the contract of {product} was not loaded here; ask again"));
    }
    ([(CONTENT_TYPE, "application/yaml".to_owned()), (ETAG, tag)], texts.join("\n---\n") + "\n").into_response()
}

/// What the values of its last closed window look like. Where another worker owns the product and has not lent it yet, the answer
/// leads there.
pub async fn profile(State(site): State<Site>, Path((domain, name)): Path<(String, String)>, uri: Uri) -> Response {
    let product = ProductName { domain, name };
    if let Err(unknown) = known(&site, &product) {
        return *unknown;
    }
    if let Some(profile) = workers::known(&site, &product).and_then(|known| known.profile) {
        return ([(CONTENT_TYPE, "application/json")], profile.to_vec()).into_response();
    }
    let now = now_ms();
    let peers = workers::heard(&site, now);
    let owner = workers::standing(&site, &product, &peers, now).filter(|standing| standing.alive);
    match owner.and_then(|standing| peers.get(&standing.owned.worker)) {
        Some(Peer { beat, .. }) if *beat.worker != *site.worker_id => {
            let there = format!("{}{}", site.at(&beat.address), uri.path());
            let detail = format!("worker {} owns product {product} and has its profile: {there}", beat.worker);
            ([(LOCATION, there)], problem(StatusCode::TEMPORARY_REDIRECT, &detail)).into_response()
        }
        _ => {
            let detail = format!(
                "product {product} has no profile here yet: one is there when a window with records has closed since \
                 this worker took its ledger partition over; every profile is an event of the governance topic"
            );
            problem(StatusCode::NOT_FOUND, &detail)
        }
    }
}

/// How far stage 1 has come in each partition of its topics, in Connect's shape.
pub async fn offsets(State(site): State<Site>, Path((domain, name)): Path<(String, String)>, uri: Uri) -> Response {
    let product = ProductName { domain, name };
    let info = match known(&site, &product) {
        Ok(info) => info,
        Err(unknown) => return *unknown,
    };
    let offsets = site.board.offsets();
    let row = |(part, reach): (&Part, &Reach)| {
        let key = format!("{}/{:010}", part.topic, part.partition);
        let value = json!({
                "partition": {"kafka_topic": part.topic, "kafka_partition": part.partition},
                "offset": reach.committed.map(|offset| json!({"kafka_offset": offset})),
                "start": reach.ends.start,
                "end": reach.ends.stable,
                "high_watermark": reach.ends.high,
                "lag": reach.lag(),
        });
        (key, value)
    };
    let page = match pairs(&uri).and_then(|pairs| page(&pairs, offsets.of(&info.topics).map(row))) {
        Ok(page) => page,
        Err(bad) => return *bad,
    };
    let as_of = (offsets.at_ms > 0).then(|| rfc3339(offsets.at_ms));
    paged::answer(&uri, json!({"offsets": page.items, "as_of": as_of}), page.next.as_deref())
}

/// What contracts say of a product, or the 404 that says that none does.
pub fn known(site: &Site, product: &ProductName) -> Result<Info, Box<Response>> {
    site.board.directory().products.get(product).cloned().ok_or_else(|| {
        let detail = format!("product {product} is unknown: no contract names it; /products lists those that are");
        Box::new(problem(StatusCode::NOT_FOUND, &detail))
    })
}

pub fn contracts(info: &Info) -> Vec<Value> {
    info.contracts
        .iter()
        .map(|contract| {
            let (id, version, hash) = (&contract.id, &contract.version, contract.hash.to_string());
            let mut value = json!({"id": id, "version": version, "hash": hash});
            // Said only where not all records are looked at.
            if let Some(sample) = contract.sample {
                value["sampled"] = json!(sample.share());
            }
            value
        })
        .collect()
}

fn info_of(site: &Site, directory: &Directory, product: &ProductName, info: &Info) -> Value {
    let document = directory.documents_of(product).first();
    // A file is authoritative, whatever was published.
    let place = document.map(|document| document.path.as_str()).filter(|path| *path != published::place(product));
    let entry = directory.published.get(product).filter(|_| place.is_none());
    let source = match (place, entry) {
        (_, Some(entry)) => json!({
            "kind": "catalog",
            "revision": entry.revision,
            "etag": entry.tag(),
            "changed": rfc3339(entry.changed_ms),
            "changed_by": entry.changed_by,
        }),
        (Some(path), None) => json!({"kind": "file", "path": path}),
        (None, None) => Value::Null,
    };
    let portrait = directory.portraits.get(product).cloned().unwrap_or_default();
    let channel = |(channel, url): &(String, Option<String>)| json!({"channel": channel, "url": url});
    let sources: Map<String, Value> =
        portrait.sources.iter().map(|(name, source)| ((*name).to_owned(), json!(source.word()))).collect();
    json!({
        "lifecycle": directory.lifecycle(product),
        "description": portrait.text,
        "contact": portrait.contact,
        "tier": portrait.tier,
        "quality": portrait.quality,
        "tags": portrait.tags,
        "support": portrait.support.iter().map(channel).collect::<Vec<_>>(),
        "links": portrait.links.iter().map(|(kind, url)| json!({"type": kind, "url": url})).collect::<Vec<_>>(),
        "said_by": sources,
        "successor": entry.and_then(|entry| entry.successor.as_ref()),
        "end_of_life": entry.and_then(|entry| entry.end_of_life.as_ref()),
        "source": source,
        "name": product.to_string(),
        "domain": product.domain,
        "owner": info.owner,
        "topics": info.topics,
        "contracts": contracts(info),
        "rules": info.rules.len(),
        "policies": policies::of_product(directory, product),
        "history": history::of_topics(site, &info.topics),
    })
}
