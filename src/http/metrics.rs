//! `/metrics`: what was recorded, and the board's series at this moment. A product that left the board has none.

use crate::catalog::board::{Board, Judged, TaskState};
use crate::catalog::directory::{Info, NO_CONTRACT, RuleLabels};
use crate::catalog::lineage::Lineage;
use crate::catalog::offsets::Offsets;
use crate::clock::now_ms;
use crate::engine::check::verdict::Status;
use crate::engine::contract::name::ProductName;
use crate::engine::event::incident::LINEAGE_SEVERITY;
use crate::engine::event::result::word;
use crate::engine::lineage::contradiction::Contradiction;
use crate::engine::trend::drift::GROUPS;
use crate::flow::io::Ms;
use crate::flow::opening::Stands;
use crate::flow::state::ProductState;
use crate::http::lag;
use crate::http::server::Site;
use crate::http::summary::latest;
use crate::telemetry::Sample;
use crate::telemetry::names::{self, Metric};
use crate::telemetry::process;
use axum::extract::State;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use std::collections::{BTreeMap, BTreeSet};

pub async fn metrics(State(site): State<Site>) -> Response {
    let now = now_ms();
    let lineage = site.lineage.read();
    let mut samples = samples(&site.board, &lineage, &site.worker_id, site.series_max, now);
    of_lineage(&mut samples, &lineage, now);
    ([(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")], site.telemetry.render(&samples)).into_response()
}

/// The words of `steward_product_status`: a product is never `skip`.
const STATUSES: [Status; 5] = [Status::Pass, Status::Warn, Status::Unknown, Status::Error, Status::Fail];

/// The board as series: at most `series_max` of products, where rules can be folded to reach that.
fn samples(board: &Board, lineage: &Lineage, worker: &str, series_max: usize, now: Ms) -> Vec<Sample> {
    let (directory, offsets) = (board.directory(), board.offsets());
    let mut fixed = Vec::new();
    let mut by_rule: BTreeMap<ProductName, Vec<Sample>> = BTreeMap::new();
    for (product, info) in &directory.products {
        if let Some(judged) = board.judged(product) {
            of_product(&mut fixed, product, info, &judged, lineage.incidents(product).count());
            of_time(&mut fixed, product, info, &judged.state, &offsets, now);
            by_rule.insert(product.clone(), of_rules(product, info, &judged));
        }
    }
    let rules = by_rule.values().map(Vec::len).sum::<usize>();
    let folded = fold(&mut by_rule, (fixed.len() + rules).saturating_sub(series_max));
    let mut samples = fixed;
    samples.extend(by_rule.into_values().flatten());
    let series = samples.len();

    for (task, entry) in board.tasks() {
        for state in TaskState::WORDS {
            let value = f64::from(u8::from(state == entry.state.word()));
            samples.push(sample(&names::TASK_STATE, &[worker, &task, state], value));
        }
        samples.push(sample(&names::LIVE_PARTITIONS, &[worker, &task], entry.count(&[Stands::Live]) as f64));
        let held = entry.count(&[Stands::Paused, Stands::Failed, Stands::Waiting]);
        samples.push(sample(&names::PAUSED_PARTITIONS, &[worker, &task], held as f64));
        samples.push(sample(&names::QUEUE_FILL, &[worker, &task], entry.queue_fill));
    }
    let ungoverned = directory.ungoverned().filter(|(_, reason)| *reason == NO_CONTRACT).count();
    samples.push(sample(&names::UNGOVERNED_TOPICS, &[], ungoverned as f64));
    for facts in &directory.policies.policies {
        let said = directory.policies.judgements.iter().filter(|j| j.policy == facts.id && j.verdict.is_against());
        let count = said.filter(|j| board.judged_as(&j.product, |_| ()).is_some()).count();
        samples.push(sample(&names::POLICY_VIOLATIONS, &[&facts.id, facts.mode.word()], count as f64));
    }
    let others = board.peers().iter().filter(|(id, peer)| *id != worker && peer.is_alive(now)).count();
    samples.push(sample(&names::WORKERS, &[], (1 + others) as f64));
    samples.push(sample(&names::UNOWNED_PARTITIONS, &[], board.unowned().len() as f64));
    let errors = directory.findings.iter().filter(|finding| finding.error).count();
    samples.push(sample(&names::CONTRACT_FINDINGS, &[], errors as f64));
    samples.push(sample(&names::METRIC_SERIES, &[], series as f64));
    samples.push(sample(&names::METRIC_SERIES_FOLDED, &[], folded as f64));
    samples.extend(process::cpu_seconds().map(|seconds| sample(&names::CPU_SECONDS, &[], seconds)));
    samples.extend(process::resident_bytes().map(|bytes| sample(&names::RESIDENT_BYTES, &[], bytes)));
    samples
}

/// By the worker that collects alone, so that sums are right.
fn of_lineage(samples: &mut Vec<Sample>, lineage: &Lineage, now: Ms) {
    if !lineage.leads {
        return;
    }
    let graph = &lineage.graph;
    for (evidence, count) in graph.counts() {
        samples.push(sample(&names::LINEAGE_EDGES, &[evidence.word()], count as f64));
    }
    for kind in Contradiction::WORDS {
        let count = graph.contradictions().keys().filter(|found| found.word() == kind).count();
        samples.push(sample(&names::LINEAGE_CONTRADICTIONS, &[kind], count as f64));
    }
    samples.push(sample(&names::LINEAGE_REFUSED, &[], graph.refused() as f64));
    for (collector, look) in graph.looks().iter().filter(|(_, look)| look.at_ms > 0) {
        let age_s = (now - look.at_ms).max(0) as f64 / 1000.0;
        samples.push(sample(&names::LINEAGE_AGE, &[collector], age_s));
    }
}

/// Counters stay below 2^53 for some centuries, so that a double holds each exactly.
fn of_product(samples: &mut Vec<Sample>, product: &ProductName, info: &Info, judged: &Judged, contradictions: usize) {
    let name = product.to_string();
    let labels = [name.as_str(), &product.domain, &info.owner];
    let counters = judged.counters;
    for (metric, value) in [
        (&names::PRODUCT_RECORDS, counters.records),
        (&names::PRODUCT_BYTES, counters.bytes),
        (&names::PRODUCT_UNDECODABLE, counters.undecodable),
        (&names::PRODUCT_UNMEASURED, counters.unmeasured),
        (&names::PRODUCT_TOMBSTONES, counters.tombstones),
        (&names::PRODUCT_LATE, counters.late),
        (&names::QUARANTINE_RECORDS, counters.quarantined),
        (&names::PRODUCT_GAP_OFFSETS, counters.gap_offsets),
    ] {
        samples.push(sample(metric, &labels, value as f64));
    }
    let latest = latest(&judged.state);
    let now = latest.as_ref().map_or(Status::Unknown, |latest| latest.status);
    for status in STATUSES {
        let value = f64::from(u8::from(status == now));
        samples.push(sample(&names::PRODUCT_STATUS, &[labels[0], labels[1], labels[2], word(status)], value));
    }
    if let Some(score) = latest.and_then(|latest| latest.score) {
        samples.push(sample(&names::PRODUCT_SCORE, &labels, score));
    }
    for (sla, (ratio, windows)) in budgets(judged) {
        let labels = [labels[0], labels[1], labels[2], sla];
        samples.push(sample(&names::PRODUCT_SLA_BUDGET, &labels, ratio));
        samples.push(sample(&names::PRODUCT_SLA_WINDOWS, &labels, windows as f64));
    }
    for (severity, count) in incidents(info, judged, contradictions) {
        samples.push(sample(&names::PRODUCT_INCIDENTS, &[labels[0], labels[1], labels[2], &severity], count));
    }
    for (id, _) in GROUPS {
        let kind = id.rsplit('.').next().unwrap_or(id);
        let open = judged.state.incidents.iter().filter(|incident| incident.rule == id).count();
        samples.push(sample(&names::PRODUCT_DRIFT, &[labels[0], labels[1], labels[2], kind], open as f64));
    }
}

/// How far behind: the newest record, and what is not read yet.
fn of_time(
    samples: &mut Vec<Sample>,
    product: &ProductName,
    info: &Info,
    state: &ProductState,
    offsets: &Offsets,
    now: Ms,
) {
    let name = product.to_string();
    let labels = [name.as_str(), &product.domain, &info.owner];
    if let Some(newest) = state.newest_ms {
        let seconds = (now - newest).max(0) as f64 / 1000.0;
        samples.push(sample(&names::PRODUCT_FRESHNESS, &labels, seconds));
    }
    if let Some(lag) = lag::of(&info.topics, state, offsets, now) {
        samples.push(sample(&names::PRODUCT_LAG_RECORDS, &labels, lag.records as f64));
        samples.extend(lag.seconds.map(|seconds| sample(&names::PRODUCT_LAG_SECONDS, &labels, seconds)));
    }
}

/// By service level what is left, and of how many windows; of several contracts that name one alike, the worst.
fn budgets(judged: &Judged) -> BTreeMap<&str, (f64, u64)> {
    let mut worst: BTreeMap<&str, (f64, u64)> = BTreeMap::new();
    for (budget, ratio) in judged.budgets.iter().filter_map(|budget| Some((budget, budget.ratio()?))) {
        let known = worst.entry(&budget.sla).or_insert((ratio, budget.windows));
        if ratio < known.0 {
            *known = (ratio, budget.windows);
        }
    }
    worst
}

/// Open incidents by severity, 0 for those that the rules name and no incident has.
fn incidents(info: &Info, judged: &Judged, contradictions: usize) -> BTreeMap<String, f64> {
    let mut open: BTreeMap<String, f64> = info.rules.iter().map(|rule| (rule.severity.clone(), 0.0)).collect();
    open.entry(String::new()).or_default();
    for incident in &judged.state.incidents {
        *open.entry(incident.severity.clone().unwrap_or_default()).or_default() += 1.0;
    }
    if contradictions > 0 {
        *open.entry(LINEAGE_SEVERITY.to_owned()).or_default() += contradictions as f64;
    }
    open
}

/// One series a rule, at 0 before its first violation: `increase` needs a point to start from.
fn of_rules(product: &ProductName, info: &Info, judged: &Judged) -> Vec<Sample> {
    let rules: BTreeSet<&RuleLabels> = info.rules.iter().chain(judged.violations.keys()).collect();
    rules
        .into_iter()
        .map(|rule| {
            let name = product.to_string();
            let of_rule = [&rule.rule, &rule.severity, &rule.dimension].map(String::as_str);
            let labels =
                [&[&name, &product.domain, &info.owner].map(String::as_str), &of_rule[..], &[rule.mode.word()]];
            let value = judged.violations.get(rule).copied().unwrap_or_default();
            sample(&names::PRODUCT_VIOLATIONS, &labels.concat(), value as f64)
        })
        .collect()
}

/// Sums up the rules of the products with the most of them under `rule="other"`, until `excess` series are saved.
/// Answers how many series went.
fn fold(by_rule: &mut BTreeMap<ProductName, Vec<Sample>>, mut excess: usize) -> usize {
    let mut largest: Vec<&mut Vec<Sample>> = by_rule.values_mut().filter(|rules| rules.len() > 1).collect();
    largest.sort_by_key(|rules| std::cmp::Reverse(rules.len()));
    let mut folded = 0;
    for rules in largest {
        if excess == 0 {
            break;
        }
        folded += rules.len();
        excess = excess.saturating_sub(rules.len() - 1);
        let labels = [&rules[0].labels[0], &rules[0].labels[1], &rules[0].labels[2], "other", "", "", ""];
        *rules = vec![sample(&names::PRODUCT_VIOLATIONS, &labels, rules.iter().map(|rule| rule.value).sum())];
    }
    folded
}

fn sample(metric: &'static Metric, labels: &[&str], value: f64) -> Sample {
    Sample { metric, labels: labels.iter().map(|label| (*label).to_owned()).collect(), value }
}
