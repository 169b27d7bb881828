//! `io.meshsteward.policy.v1`: what a policy says of a product or one of its contracts, whenever it says something else than before.

use crate::engine::contract::name::ProductName;
use crate::engine::event::envelope::{self, Event, Source, clip, rfc3339};
use crate::engine::event::id;
use serde::{Deserialize, Serialize};

const KIND: &str = "io.meshsteward.policy.v1";

/// What was told last of one policy and product or contract: the value of its record in the catalog.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Told {
    /// 1 for the first, one more with each that says something else.
    pub revision: u64,
    /// `pass`, `fail`, `skip` or `unknown`.
    pub status: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub reason: String,
    pub since_ms: i64,
}

/// Of whom it is told.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    pub policy: String,
    pub product: ProductName,
    /// `None`: the product as a whole.
    pub contract: Option<String>,
}

/// What a policy event says.
#[derive(Clone, Copy, Debug)]
pub struct Said<'a> {
    pub place: &'a Place,
    pub title: &'a str,
    pub remedy: &'a str,
    /// `None`: the policy is gone.
    pub mode: Option<&'static str>,
    pub owner: &'a str,
    /// `None`: nobody asks it any more; the policy, the contract or the product is gone.
    pub is: Option<&'a Told>,
    pub was: Option<&'a Told>,
    pub time_ms: i64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Value {
    product: String,
    domain: String,
    owner: String,
    policy: String,
    title: String,
    remedy: String,
    mode: Option<&'static str>,
    contract: Option<String>,
    revision: u64,
    status: Option<String>,
    reason: String,
    previous: Option<Previous>,
    changed: String,
}

#[derive(Debug, Serialize)]
struct Previous {
    status: String,
    reason: String,
    since: String,
}

/// The event; the same policy, product, contract and revision give the same `ce_id`.
pub fn event(source: &Source, said: &Said<'_>) -> Event {
    let Place { policy, product, contract } = said.place;
    let revision = said.is.map_or_else(|| said.was.map_or(0, |was| was.revision) + 1, |is| is.revision);
    let since = said.is.map_or(said.time_ms, |is| is.since_ms);
    let contract_ = contract.as_deref().unwrap_or_default();
    // A policy that was gone and came back begins with 1 again.
    let id =
        id::of(&[KIND, policy, &product.domain, &product.name, contract_, &revision.to_string(), &since.to_string()]);
    let schema = envelope::schema("policy.v1.json");
    let mut headers = envelope::headers(source, KIND, id, product, since, schema);
    let status = said.is.map(|is| is.status.clone());
    headers.push(("ce_verdict", status.clone().unwrap_or_else(|| "skip".to_owned())));
    headers.push(envelope::content_type());
    let value = Value {
        product: product.to_string(),
        domain: product.domain.clone(),
        owner: clip(said.owner),
        policy: clip(policy),
        title: clip(said.title),
        remedy: clip(said.remedy),
        mode: said.mode,
        contract: contract.as_deref().map(clip),
        revision,
        status,
        reason: said.is.map_or_else(String::new, |is| clip(&is.reason)),
        previous: said.was.map(|was| Previous {
            status: was.status.clone(),
            reason: clip(&was.reason),
            since: rfc3339(was.since_ms),
        }),
        changed: rfc3339(since),
    };
    Event { key: product.to_string().into_bytes(), headers, value: envelope::json(&value) }
}
