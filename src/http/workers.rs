//! Workers and their tasks, this one and those that are heard: `/workers`, and who owns what.

use crate::catalog::board::Judged;
use crate::catalog::fleet::{self, Owned, Peer, TaskBeat};
use crate::catalog::lent::{self, Lent};
use crate::clock::now_ms;
use crate::engine::contract::name::ProductName;
use crate::engine::event::envelope::rfc3339;
use crate::flow::io::Ms;
use crate::http::paged::page;
use crate::http::query::pairs;
use crate::http::server::Site;
use axum::extract::State;
use axum::http::Uri;
use axum::response::Response;
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub async fn list(State(site): State<Site>, uri: Uri) -> Response {
    let now = now_ms();
    let keyed = heard(&site, now).into_iter().map(|(id, peer)| (id, shown(&peer, now)));
    match pairs(&uri).and_then(|pairs| page(&pairs, keyed)) {
        Ok(page) => page.answer(&uri),
        Err(bad) => *bad,
    }
}

/// Every worker as it was last heard; this one as it is.
pub fn heard(site: &Site, now: Ms) -> BTreeMap<String, Peer> {
    let mut peers = site.board.peers();
    let beat = fleet::beat(&site.board, &site.worker_id, &site.address, site.started_ms, now);
    peers.insert(site.worker_id.to_string(), Peer { beat, heard_ms: now });
    peers
}

/// A product by the word of its owner. `alive`: the owner still is, else it is the last word that is known.
pub struct Standing {
    pub owned: Owned,
    pub alive: bool,
}

/// `None`: nobody has judged it yet.
pub fn standing(site: &Site, product: &ProductName, peers: &BTreeMap<String, Peer>, now: Ms) -> Option<Standing> {
    let own = |judged: &Judged| Owned {
        worker: site.worker_id.to_string(),
        task: judged.task.clone(),
        at_ms: now,
        counters: judged.counters,
        state: judged.state.clone(),
        budgets: judged.budgets.clone(),
    };
    if let Some(owned) = site.board.judged_as(product, own) {
        return Some(Standing { owned, alive: true });
    }
    let owned = site.board.owned(product)?;
    // What stands there under this worker's own name was said in a former life, or before another took it over.
    let alive = *owned.worker != *site.worker_id && peers.get(&owned.worker).is_some_and(|peer| peer.is_alive(now));
    Some(Standing { owned, alive })
}

/// How many incidents of its rules are open, by the same word.
pub fn open_incidents(site: &Site, product: &ProductName) -> usize {
    let own = site.board.judged_as(product, |judged| judged.state.incidents.len());
    own.or_else(|| Some(site.board.owned(product)?.state.incidents.len())).unwrap_or_default()
}

/// What stands behind a product's verdict, and its last profile: this worker's own, or what its owner lends.
pub fn known(site: &Site, product: &ProductName) -> Option<Lent> {
    let own = |judged: &Judged| Lent {
        worker: site.worker_id.to_string(),
        at_ms: now_ms(),
        evidence: judged.evidence.clone(),
        profile: judged.profile.clone(),
    };
    site.board.judged_as(product, own).or_else(|| lent::of(&site.board, product))
}

fn shown(peer: &Peer, now: Ms) -> Value {
    let beat = &peer.beat;
    let tasks: Vec<Value> = beat.tasks.iter().map(task).collect();
    json!({
        "worker_id": beat.worker,
        "state": if peer.is_alive(now) { "RUNNING" } else { "UNASSIGNED" },
        "ready": beat.reasons.is_empty() && peer.is_alive(now),
        "reasons": beat.reasons,
        "address": beat.address,
        "version": beat.version,
        "started": rfc3339(beat.started_ms),
        "last_heartbeat": rfc3339(beat.at_ms),
        "tasks": tasks,
        "findings": beat.findings,
        "findings_total": beat.findings_total,
    })
}

fn task(task: &TaskBeat) -> Value {
    let mut value = json!({
        "id": task.id,
        "state": task.state,
        "partitions": task.partitions,
        "partitions_total": task.partitions_total,
    });
    if let Some(trace) = &task.trace {
        value["trace"] = json!(trace);
    }
    value
}
