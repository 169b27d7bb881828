//! `io.meshsteward.quality.window.v1`: one window's verdict.

use crate::engine::check::own;
use crate::engine::check::sampled::Sampled;
use crate::engine::check::score;
use crate::engine::check::tally::{Counts, Unmeasured};
use crate::engine::check::verdict::{Status, Verdict};
use crate::engine::contract::name::{ContractHash, ProductName};
use crate::engine::event::drift::{self, DriftValue};
use crate::engine::event::envelope::{self, About, Event, MAX_VALUE_BYTES, Source, clip, json, rfc3339};
use crate::engine::event::id;
use crate::engine::event::result::{ResultValue, result_value, word, worst_severity};
use crate::engine::record::{Interval, TopicId};
use crate::engine::trend::budget::Budget;
use crate::engine::trend::drift::Drift;
use serde::Serialize;
use std::collections::BTreeMap;

/// What a window event says beside its verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct Window<'a> {
    pub product: &'a ProductName,
    pub owner: &'a str,
    pub contract_id: &'a str,
    pub contract_version: &'a str,
    pub hash: ContractHash,
    pub start_ms: i64,
    pub end_ms: i64,
    pub revision: u32,
    pub complete: bool,
    /// Why it is not complete; empty where it is.
    pub incomplete: &'a str,
    pub late: bool,
    /// False where a record may have been counted twice.
    pub exact: bool,
    pub coverage: &'a [Coverage],
    pub counts: Counts,
    /// Records too late to be judged, told here and in no other event.
    pub too_late: u64,
    pub undecodable: &'a BTreeMap<String, u64>,
    /// Where records were counted and not measured.
    pub unmeasured: Option<&'a BTreeMap<(TopicId, i32), Unmeasured>>,
    /// What was looked at of the records; `None`: all of them.
    pub sampled: Option<Sampled>,
    /// How the contract's objectives stand since.
    pub budgets: &'a [Budget],
    /// What its records look like against those of earlier windows; `None`: nothing can be said.
    pub drift: Option<&'a Drift>,
}

/// The offsets that a window's deltas cover in one partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Coverage {
    pub topic: String,
    pub id: TopicId,
    pub partition: i32,
    pub interval: Interval,
}

/// The event; the same window, contract and revision give the same `ce_id`.
pub fn event(source: &Source, window: &Window<'_>, verdict: &Verdict) -> Event {
    let about = About {
        kind: KIND,
        schema: "quality.window.v1.json",
        id: id(KIND, window),
        product: window.product,
        time_ms: window.end_ms,
        severity: worst_severity(&verdict.results),
        verdict: word(verdict.status),
    };
    envelope::event(source, about, &fitting(window, verdict))
}

const KIND: &str = "io.meshsteward.quality.window.v1";

/// More kinds of undecodable records than these are summed up under `other`.
const MAX_REASONS: usize = 32;

/// Where not everything fits: what coverage and results may weigh, each. JSON writes a byte as at most 6 (`\u0000`),
/// so 2 * 128 KiB, 16 KiB of budgets, 32 reasons and 4 texts of 6 KiB make 488 KiB, and 24 KiB remain for the numbers and names.
const SHARE_BYTES: usize = 128 * 1024;

/// The same of budgets: 33 are 5 kB, as long as ids are what people write.
const BUDGETS_BYTES: usize = 16 * 1024;

/// Of an event of this kind about the window.
pub fn id(kind: &str, window: &Window<'_>) -> String {
    id::of(&[
        kind,
        &window.product.domain,
        &window.product.name,
        &window.hash.to_string(),
        &window.start_ms.to_string(),
        &window.end_ms.to_string(),
        &window.revision.to_string(),
    ])
}

/// The event's value.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Value {
    product: String,
    domain: String,
    owner: String,
    contract: ContractValue,
    window: Span,
    exact: bool,
    /// The share of the records that was asked the rules and profiled.
    sampled: f64,
    coverage: Vec<CoverageValue>,
    counts: CountsValue,
    /// Why records could not be decoded; the numbers add up to `counts.undecodable`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    undecodable: BTreeMap<String, u64>,
    /// Where records were counted and not measured: rules that needed them are unknown.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    unmeasured: Vec<UnmeasuredValue>,
    status: Status,
    score: Option<f64>,
    score_version: u32,
    results: Vec<ResultValue>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    budgets: Vec<BudgetValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    drift: Option<DriftValue>,
    /// The event would have been too large, and something was left out.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    truncated: bool,
    /// What was left out.
    #[serde(skip_serializing_if = "Option::is_none")]
    omitted: Option<Omitted>,
}

#[derive(Debug, Serialize)]
pub struct ContractValue {
    pub id: String,
    pub version: String,
    pub hash: String,
}

#[derive(Debug, Serialize)]
pub struct Span {
    start: String,
    end: String,
    revision: u32,
    complete: bool,
    #[serde(skip_serializing_if = "String::is_empty")]
    incomplete: String,
    late: bool,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct CoverageValue {
    topic: String,
    topic_id: String,
    partition: i32,
    from: i64,
    to: i64,
}

#[derive(Debug, Serialize)]
struct UnmeasuredValue {
    #[serde(flatten)]
    offsets: CoverageValue,
    reason: String,
}

#[derive(Debug, Serialize)]
struct CountsValue {
    records: u64,
    bytes: u64,
    tombstones: u64,
    undecodable: u64,
    #[serde(skip_serializing_if = "none")]
    unmeasured: u64,
    late: u64,
    future: u64,
    /// There where their size is bounded.
    #[serde(skip_serializing_if = "Option::is_none")]
    oversized: Option<u64>,
    /// Decoded records that were looked at, where not all were.
    #[serde(skip_serializing_if = "Option::is_none")]
    sampled: Option<u64>,
}

#[derive(Debug, Serialize)]
pub struct BudgetValue {
    sla: String,
    objective: f64,
    /// ISO 8601.
    period: &'static str,
    good: u64,
    windows: u64,
    ratio: Option<f64>,
}

#[derive(Debug, Default, Serialize)]
struct Omitted {
    samples: usize,
    coverage: usize,
    /// How many, by status.
    results: BTreeMap<&'static str, usize>,
}

/// The value, no larger than an event may be: samples go first, then results that pass, then those that did not
/// fail, at last what failures and coverage exceed their share. Whatever goes is counted in `omitted`.
fn fitting(window: &Window<'_>, verdict: &Verdict) -> Value {
    let mut value = whole(window, verdict);
    for step in [drop_samples, fold_passing, fold_rest] {
        if fits(&value) {
            return value;
        }
        value.truncated = true;
        step(&mut value);
    }
    value
}

fn whole(window: &Window<'_>, verdict: &Verdict) -> Value {
    Value {
        product: window.product.to_string(),
        domain: window.product.domain.clone(),
        owner: clip(window.owner),
        contract: contract_value(window.contract_id, window.contract_version, window.hash),
        window: span(window),
        exact: window.exact,
        sampled: window.sampled.map_or(1.0, |sampled| sampled.share),
        coverage: window.coverage.iter().map(coverage_value).collect(),
        counts: CountsValue {
            records: window.counts.records,
            bytes: window.counts.bytes,
            tombstones: window.counts.tombstones,
            undecodable: window.counts.undecodable,
            unmeasured: window.counts.unmeasured,
            late: window.too_late,
            future: window.counts.future,
            oversized: verdict.results.iter().find(|result| result.id == own::SIZE).map(|result| result.failed),
            sampled: window.sampled.map(|sampled| sampled.records),
        },
        undecodable: reasons(window.undecodable),
        unmeasured: unmeasured(window),
        status: verdict.status,
        score: verdict.score,
        score_version: score::VERSION,
        results: verdict.results.iter().map(result_value).collect(),
        budgets: window.budgets.iter().map(budget_value).collect(),
        drift: window.drift.map(drift::value),
        truncated: false,
        omitted: None,
    }
}

pub fn span(window: &Window<'_>) -> Span {
    Span {
        start: rfc3339(window.start_ms),
        end: rfc3339(window.end_ms),
        revision: window.revision,
        complete: window.complete,
        incomplete: clip(window.incomplete),
        late: window.late,
    }
}

pub fn contract_value(id: &str, version: &str, hash: ContractHash) -> ContractValue {
    ContractValue { id: clip(id), version: clip(version), hash: hash.to_string() }
}

/// As events and requests are told it.
pub fn budget_value(budget: &Budget) -> BudgetValue {
    let Budget { sla, objective, good, windows } = budget;
    BudgetValue {
        sla: clip(sla),
        objective: *objective,
        period: "P30D",
        good: *good,
        windows: *windows,
        ratio: budget.ratio(),
    }
}

fn coverage_value(coverage: &Coverage) -> CoverageValue {
    CoverageValue {
        topic: clip(&coverage.topic),
        topic_id: coverage.id.to_string(),
        partition: coverage.partition,
        from: coverage.interval.from,
        to: coverage.interval.to,
    }
}

fn unmeasured(window: &Window<'_>) -> Vec<UnmeasuredValue> {
    let value = |((id, partition), of): (&(TopicId, i32), &Unmeasured)| {
        let covered = window.coverage.iter().find(|c| c.id == *id && c.partition == *partition);
        let topic = covered.map(|c| c.topic.clone()).unwrap_or_default();
        let offsets = Coverage { topic, id: *id, partition: *partition, interval: of.interval };
        UnmeasuredValue { offsets: coverage_value(&offsets), reason: clip(&of.reason) }
    };
    window.unmeasured.into_iter().flatten().map(value).collect()
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn none(count: &u64) -> bool {
    *count == 0
}

fn reasons(all: &BTreeMap<String, u64>) -> BTreeMap<String, u64> {
    let mut kept = BTreeMap::new();
    for (i, (reason, count)) in all.iter().enumerate() {
        let name = if i < MAX_REASONS { clip(reason) } else { "other".to_owned() };
        *kept.entry(name).or_default() += count;
    }
    kept
}

fn fits(value: &Value) -> bool {
    json(value).len() <= MAX_VALUE_BYTES
}

fn drop_samples(value: &mut Value) {
    let omitted = value.omitted.get_or_insert_default();
    for result in &mut value.results {
        omitted.samples += std::mem::take(&mut result.samples).len();
    }
}

fn fold_passing(value: &mut Value) {
    fold_results(value, |result| result.status != Status::Pass);
}

fn fold_rest(value: &mut Value) {
    fold_results(value, |result| result.status == Status::Fail);
    let mut left = SHARE_BYTES;
    fold_results(value, |result| take(&mut left, result));
    let mut left = BUDGETS_BYTES;
    value.budgets.retain(|budget| take(&mut left, budget));
    let before = value.coverage.len();
    let mut left = SHARE_BYTES;
    value.coverage.retain(|coverage| take(&mut left, coverage));
    value.omitted.get_or_insert_default().coverage += before - value.coverage.len();
}

fn fold_results(value: &mut Value, mut keep: impl FnMut(&ResultValue) -> bool) {
    let omitted = value.omitted.get_or_insert_default();
    value.results.retain(|result| {
        let kept = keep(result);
        if !kept {
            *omitted.results.entry(word(result.status)).or_default() += 1;
        }
        kept
    });
}

/// Whether the item and its comma still fit into what is left.
fn take(left: &mut usize, item: &impl Serialize) -> bool {
    match left.checked_sub(json(item).len() + 1) {
        Some(rest) => {
            *left = rest;
            true
        }
        None => false,
    }
}
