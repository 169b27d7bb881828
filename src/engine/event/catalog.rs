//! `io.meshsteward.product.v1` and `io.meshsteward.contract.v1`: what somebody changed in the catalog.

use crate::engine::contract::diff::{self, Level, Perspective};
use crate::engine::contract::name::ProductName;
use crate::engine::contract::{compile, odcs};
use crate::engine::event::envelope::{self, Event, MAX_VALUE_BYTES, Source, clip, rfc3339};
use crate::engine::event::id;
use crate::engine::published::change::By;
use crate::engine::published::contracts::{self, Read};
use crate::engine::published::entry::Entry;
use serde::Serialize;
use std::collections::BTreeMap;

pub const PRODUCT: &str = "io.meshsteward.product.v1";
pub const CONTRACT: &str = "io.meshsteward.contract.v1";

/// Of a list that an event holds; the rest is counted. 100 differences with three texts of 1 KiB each are 300 KiB.
const LISTED_MAX: usize = 100;

/// One change of one product.
#[derive(Clone, Copy, Debug)]
pub struct Changed<'a> {
    pub product: &'a ProductName,
    /// `None`: it was not there.
    pub before: Option<&'a Entry>,
    /// `None`: it was withdrawn.
    pub after: Option<&'a Entry>,
    /// By contract id, against the version before.
    pub differences: &'a BTreeMap<String, Vec<diff::Change>>,
    pub by: &'a By,
    pub time_ms: i64,
}

/// What is told of a change: the product, then each contract that came, changed or went. Ids name the state that the change led to,
/// so that a change that is written twice is told once.
pub fn events(source: &Source, changed: &Changed<'_>) -> Vec<Event> {
    let of = |entry: Option<&Entry>| entry.and_then(|entry| contracts::read(&entry.contracts).ok()).unwrap_or_default();
    let (before, after) = (of(changed.before), of(changed.after));
    let owner = owner(if after.is_empty() { &before } else { &after });
    let mut events = vec![product(source, changed, &owner, &before, &after)];
    let gone = before.iter().filter(|old| after.iter().all(|new| new.id != old.id));
    for contract in after.iter().chain(gone) {
        let is = after.iter().find(|new| new.id == contract.id);
        let was = before.iter().find(|old| old.id == contract.id);
        if is.map(|read| &read.text) != was.map(|read| &read.text) {
            events.push(of_contract(source, changed, &owner, was, is));
        }
    }
    events
}

/// The team that the contracts name, as verdicts have it.
fn owner(contracts: &[Read]) -> String {
    let owners =
        contracts.iter().filter_map(|read| odcs::parse(&read.text).contract).map(|c| compile::compile(&c).owner);
    owners.into_iter().find(|owner| !owner.is_empty()).unwrap_or_default()
}

/// `published`, `changed` or `withdrawn`.
fn how(was: bool, is: bool) -> &'static str {
    match (was, is) {
        (false, _) => "published",
        (true, true) => "changed",
        (true, false) => "withdrawn",
    }
}

/// The state that a change leads to.
fn state(changed: &Changed<'_>) -> String {
    match (changed.after, changed.before) {
        (Some(after), _) => after.tag(),
        (None, Some(before)) => format!("{} withdrawn", before.tag()),
        (None, None) => String::new(),
    }
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Product {
    product: String,
    domain: String,
    owner: String,
    change: &'static str,
    revision: u64,
    lifecycle: Option<&'static str>,
    successor: Option<String>,
    end_of_life: Option<String>,
    contracts: Vec<Named>,
    before: Option<Before>,
    by: String,
    reason: Option<String>,
    correlation: String,
    changed: String,
    /// Contracts and topics that are not listed.
    omitted: usize,
}

#[derive(Debug, Serialize)]
struct Named {
    id: String,
    version: String,
    topics: Vec<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Before {
    revision: u64,
    lifecycle: &'static str,
}

fn product(source: &Source, changed: &Changed<'_>, owner: &str, before: &[Read], after: &[Read]) -> Event {
    let (was, is) = (changed.before, changed.after);
    let mut value = Product {
        product: changed.product.to_string(),
        domain: changed.product.domain.clone(),
        owner: clip(owner),
        change: how(was.is_some(), is.is_some()),
        revision: is.or(was).map_or(0, |entry| entry.revision),
        lifecycle: is.map(|entry| entry.lifecycle.word()),
        successor: is.and_then(|entry| entry.successor.as_deref()).map(clip),
        end_of_life: is.and_then(|entry| entry.end_of_life.as_deref()).map(clip),
        contracts: Vec::new(),
        before: was.map(|entry| Before { revision: entry.revision, lifecycle: entry.lifecycle.word() }),
        by: clip(&changed.by.actor),
        reason: changed.by.reason.as_deref().map(clip),
        correlation: clip(&changed.by.correlation),
        changed: rfc3339(changed.time_ms),
        omitted: 0,
    };
    let listed = if is.is_some() { after } else { before };
    let all = |contracts: &[Read]| contracts.iter().map(|read| 1 + read.topics.len()).sum::<usize>();
    // Names are short, and of hostile ones fewer are listed.
    let mut most = LISTED_MAX;
    let bytes = loop {
        value.contracts = listed.iter().take(most).map(|read| named(read, most)).collect();
        value.omitted = all(listed) - value.contracts.iter().map(|named| 1 + named.topics.len()).sum::<usize>();
        let bytes = envelope::json(&value);
        if bytes.len() <= MAX_VALUE_BYTES || most == 0 {
            break bytes;
        }
        most /= 2;
    };
    let id = id::of(&[PRODUCT, &changed.product.domain, &changed.product.name, &state(changed)]);
    event(source, PRODUCT, "product.v1.json", id, changed, bytes)
}

fn named(read: &Read, topics: usize) -> Named {
    let topics = read.topics.iter().take(topics).map(|topic| clip(topic)).collect();
    Named { id: clip(&read.id), version: clip(&read.version), topics }
}

#[derive(Debug, Serialize)]
struct Contract {
    product: String,
    domain: String,
    owner: String,
    change: &'static str,
    contract: Named,
    /// The version before.
    previous: Option<String>,
    /// Whether it breaks consumers.
    breaking: bool,
    changes: Vec<Difference>,
    revision: u64,
    by: String,
    reason: Option<String>,
    correlation: String,
    changed: String,
    /// Topics and changes that are not listed.
    omitted: usize,
}

#[derive(Debug, Serialize)]
struct Difference {
    path: String,
    change: &'static str,
    direction: Option<&'static str>,
    level: &'static str,
    message: String,
}

fn of_contract(source: &Source, changed: &Changed<'_>, owner: &str, was: Option<&Read>, is: Option<&Read>) -> Event {
    let Some(read) = is.or(was) else { return Event::default() };
    let contract = named(read, LISTED_MAX);
    let all: &[diff::Change] = changed.differences.get(&read.id).map_or(&[], Vec::as_slice);
    let breaks = |change: &diff::Change| change.level(Perspective::Consumer) == Level::Breaking;
    let mut worst: Vec<&diff::Change> = all.iter().collect();
    worst.sort_by_key(|change| std::cmp::Reverse(change.level(Perspective::Consumer)));
    let changes: Vec<Difference> = worst.iter().take(LISTED_MAX).map(|change| difference(change)).collect();
    let value = Contract {
        product: changed.product.to_string(),
        domain: changed.product.domain.clone(),
        owner: clip(owner),
        change: how(was.is_some(), is.is_some()),
        previous: was.map(|read| clip(&read.version)),
        // What is gone promises nothing.
        breaking: is.is_none() || all.iter().any(breaks),
        omitted: read.topics.len() - contract.topics.len() + all.len() - changes.len(),
        contract,
        changes,
        revision: changed.after.or(changed.before).map_or(0, |entry| entry.revision),
        by: clip(&changed.by.actor),
        reason: changed.by.reason.as_deref().map(clip),
        correlation: clip(&changed.by.correlation),
        changed: rfc3339(changed.time_ms),
    };
    let name = changed.product;
    let id = id::of(&[CONTRACT, &name.domain, &name.name, &read.id, &state(changed)]);
    event(source, CONTRACT, "contract.v1.json", id, changed, envelope::json(&value))
}

fn difference(change: &diff::Change) -> Difference {
    Difference {
        path: clip(&change.path),
        change: change.how.word(),
        direction: change.direction.map(diff::Direction::word),
        level: change.level(Perspective::Consumer).word(),
        message: clip(&change.message),
    }
}

fn event(source: &Source, kind: &str, schema: &str, id: String, changed: &Changed<'_>, value: Vec<u8>) -> Event {
    let mut headers = envelope::headers(source, kind, id, changed.product, changed.time_ms, envelope::schema(schema));
    headers.push(envelope::content_type());
    Event { key: changed.product.to_string().into_bytes(), headers, value }
}
