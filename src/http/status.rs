//! How a product stands, in the shape of Connect's connector status, and what its windows said.

use crate::catalog::board::TaskState;
use crate::catalog::directory::{Directory, Info};
use crate::catalog::fleet::{Owned, PartitionBeat, Peer, TaskBeat};
use crate::clock::now_ms;
use crate::engine::check::score;
use crate::engine::contract::name::ProductName;
use crate::engine::event::envelope::rfc3339;
use crate::engine::event::incident::{LINEAGE_SEVERITY, rule_of};
use crate::engine::event::result::word;
use crate::engine::event::window::budget_value;
use crate::engine::lineage::contradiction::Contradiction;
use crate::engine::lineage::incident;
use crate::flow::state::{Incident, Summary};
use crate::http::lag;
use crate::http::products::{contracts, known};
use crate::http::server::Site;
use crate::http::summary::latest;
use crate::http::workers::{self, Standing};
use axum::Json;
use axum::extract::{Path, State};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::collections::BTreeMap;

pub async fn status(State(site): State<Site>, Path((domain, name)): Path<(String, String)>) -> Response {
    let product = ProductName { domain, name };
    match known(&site, &product) {
        Ok(info) => {
            let now = now_ms();
            let peers = workers::heard(&site, now);
            Json(of(&site, &product, &info, &peers, &Reading::of(&peers, now))).into_response()
        }
        Err(unknown) => *unknown,
    }
}

pub fn of(
    site: &Site,
    product: &ProductName,
    info: &Info,
    peers: &BTreeMap<String, Peer>,
    reading: &Reading<'_>,
) -> Value {
    let now = now_ms();
    let directory = site.board.directory();
    let standing = workers::standing(site, product, peers, now);
    let (state, worker_id) = state(&directory, product, standing.as_ref(), peers);
    let findings: Vec<Value> = directory
        .findings
        .iter()
        .filter(|finding| finding.product.as_ref() == Some(product))
        .map(|finding| json!({"path": finding.path, "problem": finding.problem, "error": finding.error}))
        .collect();
    let lag = standing.as_ref().and_then(|of| lag::of(&info.topics, &of.owned.state, &site.board.offsets(), now));
    let lineage = site.lineage.read();
    let contradictions: Vec<Value> =
        lineage.incidents(product).map(|(found, incident)| contradiction(found, incident)).collect();
    json!({
        "name": product.to_string(),
        "product": {"state": state, "worker_id": worker_id},
        "tasks": tasks(info, standing.as_ref(), reading),
        "type": "product",
        "domain": product.domain,
        "owner": info.owner,
        "contracts": contracts(info),
        "findings": findings,
        "as_of": standing.as_ref().map(|standing| rfc3339(standing.owned.at_ms)),
        "lag": lag.map(|lag| json!({"records": lag.records, "seconds": lag.seconds})),
        "quality": standing.map(|standing| quality(&standing.owned, info, &contradictions)),
    })
}

/// A word of Connect's, and the worker that owns the product's ledger partition.
pub fn state(
    directory: &Directory,
    product: &ProductName,
    standing: Option<&Standing>,
    peers: &BTreeMap<String, Peer>,
) -> (String, String) {
    let owner = standing.filter(|standing| standing.alive).map(|standing| &standing.owned);
    let worker_id = owner.map(|owned| owned.worker.clone()).unwrap_or_default();
    let task = owner.and_then(|owned| {
        let peer = peers.get(&owned.worker)?;
        peer.beat.tasks.iter().find(|task| task.id == owned.task)
    });
    // Another worker owns it and is not heard, or its ledger partition is on its way.
    let state = task.map_or(TaskState::Starting.word().to_owned(), |task| task.state.clone());
    let paused = directory.paused.contains(product) && state != "FAILED";
    (if paused { "PAUSED".to_owned() } else { state }, worker_id)
}

/// Who reads what: of all workers that live, each task, and by topic its partitions. Made once for many products.
pub struct Reading<'p> {
    tasks: BTreeMap<Place<'p>, &'p TaskBeat>,
    by_topic: BTreeMap<&'p str, Vec<(Place<'p>, &'p PartitionBeat)>>,
}

/// A worker, and a task of it.
type Place<'p> = (&'p str, &'p str);

impl<'p> Reading<'p> {
    pub fn of(peers: &'p BTreeMap<String, Peer>, now: i64) -> Reading<'p> {
        let mut reading = Reading { tasks: BTreeMap::new(), by_topic: BTreeMap::new() };
        for (worker, peer) in peers.iter().filter(|(_, peer)| peer.is_alive(now)) {
            for task in &peer.beat.tasks {
                let place = (worker.as_str(), task.id.as_str());
                reading.tasks.insert(place, task);
                for partition in &task.partitions {
                    reading.by_topic.entry(&partition.topic).or_default().push((place, partition));
                }
            }
        }
        reading
    }
}

/// The tasks that have to do with the product: those that read its topics, and the ledger that owns it.
fn tasks(info: &Info, standing: Option<&Standing>, reading: &Reading<'_>) -> Vec<Value> {
    let owner = standing.filter(|standing| standing.alive).map(|standing| &standing.owned);
    let mut mine: BTreeMap<Place<'_>, Vec<&PartitionBeat>> = BTreeMap::new();
    if let Some(owned) = owner {
        mine.insert((&owned.worker, &owned.task), Vec::new());
    }
    for (place, partition) in info.topics.iter().filter_map(|topic| reading.by_topic.get(topic.as_str())).flatten() {
        mine.entry(*place).or_default().push(partition);
    }
    let shown = |(place, partitions): (Place<'_>, Vec<&PartitionBeat>)| {
        let task = reading.tasks.get(&place)?;
        let words: Vec<&str> = partitions.iter().map(|part| part.state.as_str()).collect();
        let state = together(task, &words);
        let mut value = json!({"id": task.id, "state": state, "worker_id": place.0, "partitions": partitions});
        if let Some(trace) = &task.trace {
            value["trace"] = json!(trace);
        }
        Some(value)
    };
    mine.into_iter().filter_map(shown).collect()
}

/// A task's word as far as one product is concerned: what one of its partitions suffers, the product suffers.
fn together<'t>(task: &'t TaskBeat, partitions: &[&'t str]) -> &'t str {
    if task.state != "RUNNING" || partitions.is_empty() {
        return &task.state;
    }
    let any = |word: &str| partitions.contains(&word);
    match () {
        _ if any("FAILED") => "FAILED",
        _ if any("RESTARTING") => "RESTARTING",
        _ if partitions.iter().all(|word| *word == "PAUSED") => "PAUSED",
        _ => &task.state,
    }
}

/// What is said of an incident that is open.
pub fn incident(incident: &Incident) -> Value {
    json!({
        "contract": incident.contract,
        "rule": incident.rule,
        "severity": incident.severity,
        "first_window": rfc3339(incident.first_window),
        "last_window": rfc3339(incident.last_window),
        "failing_windows": incident.failing,
        "worst_failed_row_count": incident.worst,
    })
}

/// The same of a contradiction of lineage, which no window counts.
pub fn contradiction(found: &Contradiction, incident: &incident::Incident) -> Value {
    json!({
        "contract": incident.contract,
        "rule": rule_of(found),
        "severity": LINEAGE_SEVERITY,
        "first_window": rfc3339(incident.since_ms),
        "last_window": rfc3339(incident.since_ms),
        "failing_windows": 0,
        "worst_failed_row_count": 0,
        "lineage": {"kind": found.word(), "dataset": found.dataset().to_string(), "text": found.to_string()},
    })
}

/// `contradictions`: incidents of lineage, as they are said.
fn quality(Owned { state, budgets, .. }: &Owned, info: &Info, contradictions: &[Value]) -> Value {
    let latest = latest(state);
    let coverage: Vec<Value> = state
        .chains
        .iter()
        .map(|chain| {
            json!({
                "topic": chain.topic,
                "topic_id": chain.id.to_string(),
                "partition": chain.partition,
                "from": chain.from,
                "to": chain.to,
                "caught_up": chain.caught_up,
                "watermark": chain.watermark_ms.map(rfc3339),
            })
        })
        .collect();
    let totals = &state.totals;
    json!({
        "status": latest.as_ref().map_or("unknown", |latest| word(latest.status)),
        "score": latest.as_ref().and_then(|latest| latest.score),
        "score_version": score::VERSION,
        "last_window": latest.as_ref().and_then(|latest| latest.windows.last()).map(|summary| window(summary, info)),
        "recent_windows": state.recent.iter().map(|summary| window(summary, info)).collect::<Vec<_>>(),
        "watermark": state.watermark_ms.map(rfc3339),
        "newest_record": state.newest_ms.map(rfc3339),
        "closed_through": state.closed_through.map(rfc3339),
        "incidents": state.incidents.iter().map(incident).chain(contradictions.iter().cloned()).collect::<Vec<_>>(),
        "budgets": budgets.iter().map(budget_value).collect::<Vec<_>>(),
        "coverage": coverage,
        "totals": {
            "records": totals.records,
            "undecodable": totals.undecodable,
            "unmeasured": totals.unmeasured,
            "late": totals.late,
            "gap_offsets": totals.gap_offsets,
            "windows": totals.windows,
            "overlaps": totals.overlaps,
        },
    })
}

/// The mode of a finding's rule is that of the contracts in force.
fn window(summary: &Summary, info: &Info) -> Value {
    let mode = |id: &str| info.rules.iter().find(|rule| rule.rule == id).map(|rule| rule.mode.word());
    let findings: Vec<Value> = summary
        .findings
        .iter()
        .map(|(rule, status, failed)| {
            json!({"rule": rule, "status": word(*status), "mode": mode(rule), "failed_row_count": failed})
        })
        .collect();
    json!({
        "start": rfc3339(summary.window.start),
        "end": rfc3339(summary.end_ms),
        "contract_hash": summary.window.hash.to_string(),
        "revision": summary.revision,
        "complete": summary.complete,
        "status": word(summary.status),
        "score": summary.score,
        "records": summary.records,
        "undecodable": summary.undecodable,
        "findings": findings,
    })
}
