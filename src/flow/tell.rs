//! What the ledger says of a product: window, incident and gap events, and the numbers that move with them.

use crate::engine::check::aside::QUARANTINE;
use crate::engine::check::own;
use crate::engine::check::tally::Counts;
use crate::engine::check::verdict::{Facts, RuleResult, Status, Verdict};
use crate::engine::contract::mode::Mode;
use crate::engine::contract::name::ContractHash;
use crate::engine::contract::plan::IncidentPolicy;
use crate::engine::event::envelope::{Event, Source};
use crate::engine::event::gap::{Gap, Reason};
use crate::engine::event::window::{Coverage, Window};
use crate::engine::event::{gap, incident, profile, window};
use crate::engine::record::{Interval, Offset, TopicId, window_of};
use crate::engine::trend::budget::Budget;
use crate::engine::trend::drift::Drift;
use crate::engine::trend::level::Closing;
use crate::flow::delta::WindowKey;
use crate::flow::history::{CONTRACTS_MAX, ProductHistory};
use crate::flow::incident::{Change, Run, bad_already, closed, contract_gone, rules_gone};
use crate::flow::io::{Ms, Told, Violation};
use crate::flow::judge::{ContractFacts, Judge};
use crate::flow::lineage::LineageConfig;
use crate::flow::state::{ProductState, RECENT, Summary};
use crate::flow::window::{Open, WindowConfig};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// An idle product is heard of once an hour.
const IDLE_EVERY_MS: Ms = 3_600_000;

/// Of a longer time without records only the last of it is judged: a clock that was wrong by decades makes no decades of
/// failing windows.
const IDLE_MAX_MS: Ms = 7 * 24 * 3_600_000;

/// Findings kept of one window for its status: 20 windows of 20 findings of 60 bytes are 24 kB of state.
const FINDINGS_MAX: usize = 20;

/// What the events of a product need beside its state.
pub struct Teller<'a, J> {
    pub judge: &'a J,
    pub window: &'a WindowConfig,
    pub source: &'a Source,
    /// The topic that events go to.
    pub events: &'a str,
    /// `None`: catalogs are told nothing.
    pub lineage: Option<&'a LineageConfig>,
}

/// A window, and what is said of it.
pub struct Said<'a, T> {
    pub key: WindowKey,
    pub revision: u32,
    pub tally: &'a T,
    pub exact: bool,
    pub coverage: &'a [Coverage],
    /// Why it cannot be whole, or nothing.
    pub incomplete: &'a str,
    pub late: bool,
    pub verdict: &'a Verdict,
    pub drift: Option<&'a Drift>,
    /// How the objectives stand since.
    pub budgets: &'a [Budget],
    /// When its first delta was written, and that which closed it.
    pub times: (Ms, Ms),
}

/// What happened to a product since the last transaction.
#[derive(Debug, Default)]
pub struct Moved {
    pub events: Vec<Event>,
    /// For catalogs; they may go to a topic of their own.
    pub lineage: Vec<Event>,
    pub counts: Counts,
    pub late: u64,
    /// Copies in quarantine, of the windows that were told.
    pub quarantined: u64,
    pub gap_offsets: u64,
    pub overlaps: u64,
    pub violations: BTreeMap<String, Violation>,
    /// The profile of the last window that closed, as JSON.
    pub profile: Option<Arc<[u8]>>,
    /// The windows that closed, in order.
    pub told: Vec<Told>,
    /// The deltas of this partition were deleted before they were applied.
    pub deltas_lost: bool,
    /// What windows leave to later ones is another than before.
    pub history: bool,
    /// Mutations only.
    pub fragments_told: bool,
}

impl<J: Judge> Teller<'_, J> {
    /// A window closes at `now`; `incomplete` says why it cannot be whole, or nothing.
    #[allow(clippy::too_many_arguments, reason = "each is a field of the event")]
    pub fn window(
        &self,
        (state, history): (&mut ProductState, &mut ProductHistory),
        moved: &mut Moved,
        key: WindowKey,
        open: &Open<J::Tally>,
        coverage: &[Coverage],
        incomplete: &str,
        now: Ms,
    ) {
        let facts = Facts { across: open.across.clone(), too_late: state.too_late, ..facts(incomplete, false) };
        let contract = self.contract(key);
        let run = Run::one(key.start);
        let Closed { verdict, drift } = self.close(history, moved, key.hash, &contract, &open.tally, run, &facts);
        let said = Said {
            key,
            revision: 0,
            tally: &open.tally,
            exact: open.exact,
            coverage,
            incomplete,
            late: false,
            verdict: &verdict,
            drift: drift.as_ref(),
            budgets: &self.budgets(history, key.hash, key.start + self.window.size_ms),
            times: (open.opened_ms, now),
        };
        self.say(state, moved, &said);
        let mut changes = closed(state, &contract.id, contract.incident, run, &verdict.results);
        if state.current.contains(&key.hash) {
            changes.extend(rules_gone(state, &contract.id, key.start, &verdict.results));
        }
        changes.extend(drifted(state, &contract, run, drift.as_ref()));
        self.incidents(state, moved, key, &contract, changes);
        state.totals.windows += 1;
    }

    /// Other contracts govern: incidents of those that do no longer are resolved.
    pub fn contracts_gone(&self, state: &mut ProductState, history: &mut ProductHistory, moved: &mut Moved) {
        let known: Option<Vec<_>> = state.current.iter().map(|h| self.judge.contract(*h)).collect();
        let (Some(known), Some(&hash)) = (known, state.current.first()) else { return };
        let Some(governing) = known.first() else { return };
        let before = history.contracts.len();
        history.contracts.retain(|id, _| known.iter().any(|contract| contract.id == *id));
        moved.history |= history.contracts.len() < before;
        let gone: BTreeSet<String> =
            state.incidents.iter().map(|i| i.contract.clone()).filter(|id| known.iter().all(|c| c.id != *id)).collect();
        let window = state.closed_through.unwrap_or_default();
        for id in gone {
            let changes = contract_gone(state, &id, window);
            let contract = ContractFacts { id, ..governing.clone() };
            self.incidents(state, moved, WindowKey { start: window, hash }, &contract, changes);
        }
    }

    /// Late records of a closed window: one more revision of it, with these records alone.
    pub fn late(
        &self,
        state: &mut ProductState,
        moved: &mut Moved,
        key: WindowKey,
        revision: u32,
        fragment: &Open<J::Tally>,
        coverage: &[Coverage],
    ) {
        let incomplete = "only the records that came late";
        let facts = Facts { across: fragment.across.clone(), too_late: state.too_late, ..facts(incomplete, true) };
        let verdict = self.verdict(key, &fragment.tally, &facts);
        let contract = self.contract(key);
        let said = Said {
            key,
            revision,
            tally: &fragment.tally,
            exact: fragment.exact,
            coverage,
            incomplete,
            late: true,
            verdict: &verdict,
            drift: None,
            budgets: &[],
            times: (fragment.opened_ms, fragment.opened_ms),
        };
        self.say(state, moved, &said);
        let changes = bad_already(state, &contract.id, contract.incident, key.start, &verdict.results);
        self.incidents(state, moved, key, &contract, changes);
    }

    /// Rules that can no longer hold in an open window open their incident now.
    pub fn doomed(&self, state: &mut ProductState, moved: &mut Moved, key: WindowKey, tally: &J::Tally) {
        let results = self.judge.doomed(key.hash, tally);
        if !results.is_empty() {
            let contract = self.contract(key);
            let changes = bad_already(state, &contract.id, contract.incident, key.start, &results);
            self.incidents(state, moved, key, &contract, changes);
        }
    }

    /// Windows without a record, `span` half-open, closed at `now`: judged by the contracts in force, told when the status changes and
    /// once an hour.
    pub fn idle(
        &self,
        (state, history): (&mut ProductState, &mut ProductHistory),
        moved: &mut Moved,
        span: (Ms, Ms),
        incomplete: &str,
        now: Ms,
    ) {
        let (from, until) = span;
        let size_ms = self.window.size_ms;
        // Whole windows only: the size may have been changed since the last one closed.
        let from = from.max(until - IDLE_MAX_MS);
        let first = window_of(from + size_ms - 1, size_ms);
        let times = (until - first).max(0) / size_ms;
        if times == 0 {
            return;
        }
        for hash in state.current.clone() {
            // Another worker's contract that this one has not read yet: nothing happened, and nothing is said.
            let Some(contract) = self.judge.contract(hash) else { continue };
            let left = history.contracts.get(&contract.id);
            let turns = left.map_or_else(BTreeSet::new, |left| self.judge.turns(hash, left, first, size_ms));
            let end = first + times * size_ms;
            let ends = turns.into_iter().filter(|turn| (first + 1..end).contains(turn)).chain([end]);
            let mut from = first;
            for end in ends {
                let run = Run { first: from, last: end - size_ms, times: ((end - from) / size_ms) as u64 };
                self.idle_alike((state, history), moved, hash, &contract, run, incomplete, now);
                from = end;
            }
        }
    }

    /// Windows without a record that one contract judges alike.
    #[allow(clippy::too_many_arguments, reason = "each is a field of the event")]
    fn idle_alike(
        &self,
        (state, history): (&mut ProductState, &mut ProductHistory),
        moved: &mut Moved,
        hash: ContractHash,
        contract: &ContractFacts,
        run: Run,
        incomplete: &str,
        now: Ms,
    ) {
        let nothing = J::Tally::default();
        let told = state.recent.iter().rev().find(|s| s.window.hash == hash).map(|s| (s.status, s.end_ms));
        // The first is what is told of a change, and its numbers are its own.
        let (first, facts) = (Run::one(run.first), facts(incomplete, false));
        let told_first = Facts { too_late: state.too_late, ..facts.clone() };
        let begun = self.close(history, moved, hash, contract, &nothing, first, &told_first);
        let late: Vec<_> =
            begun.verdict.results.iter().filter(|r| r.id == own::LATE && r.failed > 0).cloned().collect();
        let changed = !late.is_empty() || told.is_none_or(|(status, _)| status != begun.verdict.status);
        let end_ms = run.last + self.window.size_ms;
        let silent = told.is_none_or(|(_, before_ms)| end_ms - before_ms >= IDLE_EVERY_MS);
        let rest = Run { first: run.first + self.window.size_ms, times: run.times - 1, ..run };
        let ended = (rest.times > 0).then(|| self.close(history, moved, hash, contract, &nothing, rest, &facts));
        let ended = ended.as_ref().unwrap_or(&begun);
        if changed || silent {
            let (start, Closed { verdict, drift }) = if changed { (run.first, &begun) } else { (run.last, ended) };
            let said = Said {
                key: WindowKey { start, hash },
                revision: 0,
                tally: &nothing,
                exact: true,
                coverage: &[],
                incomplete,
                late: false,
                verdict,
                drift: drift.as_ref(),
                budgets: &self.budgets(history, hash, end_ms),
                times: (now, now),
            };
            self.say(state, moved, &said);
        }
        let mut changes = closed(state, &contract.id, contract.incident, run, &ended.verdict.results);
        changes.extend(drifted(state, contract, run, ended.drift.as_ref()));
        changes.extend(bad_already(state, &contract.id, contract.incident, run.first, &late));
        self.incidents(state, moved, WindowKey { start: run.last, hash }, contract, changes);
        state.totals.windows += run.times;
    }

    #[allow(clippy::too_many_arguments, reason = "each is a field of the event")]
    pub fn gap(
        &self,
        state: &mut ProductState,
        moved: &mut Moved,
        of: (&str, TopicId, i32),
        from: Offset,
        to: Option<Offset>,
        reason: Reason,
        time_ms: Ms,
    ) {
        let lost = to.map_or(0, |to| Interval { from, to }.len());
        moved.gap_offsets += lost;
        state.totals.gap_offsets += lost;
        let owner = state.current.iter().find_map(|h| self.judge.contract(*h)).map(|c| c.owner).unwrap_or_default();
        let (topic, id, partition) = of;
        let gap = Gap { product: &state.product, owner: &owner, topic, id, partition, from, to, reason, time_ms };
        moved.events.push(gap::event(self.source, &gap));
    }

    fn say(&self, state: &mut ProductState, moved: &mut Moved, said: &Said<'_, J::Tally>) {
        let &Said { key, revision, tally, exact, coverage, incomplete, late, verdict, .. } = said;
        let contract = self.contract(key);
        let end_ms = key.start + self.window.size_ms;
        let counts = self.judge.counts(tally);
        let window = Window {
            product: &state.product,
            owner: &contract.owner,
            contract_id: &contract.id,
            contract_version: &contract.version,
            hash: key.hash,
            start_ms: key.start,
            end_ms,
            revision,
            complete: incomplete.is_empty(),
            incomplete,
            late,
            exact,
            coverage,
            counts,
            too_late: std::mem::take(&mut state.too_late),
            undecodable: self.judge.undecodable(tally),
            unmeasured: self.judge.unmeasured(tally),
            sampled: self.judge.sampled(key.hash, tally),
            budgets: said.budgets,
            drift: said.drift,
        };
        moved.events.push(window::event(self.source, &window, verdict));
        let summary = self.judge.profile(key.hash, tally);
        if let Some(summary) = &summary {
            let (event, shown) = profile::event(self.source, &window, summary);
            moved.events.push(event);
            // Late records alone are no picture of their window.
            if !late {
                moved.profile = Some(shown.into());
            }
        }
        self.inspection(state, &mut moved.lineage, said, counts, summary.as_ref());
        let aside = verdict.results.iter().find(|r| r.id == QUARANTINE);
        moved.quarantined += aside.map_or(0, |r| r.asked.saturating_sub(r.failed));
        for result in verdict.results.iter().filter(|r| r.failed > 0) {
            let violation = moved.violations.entry(result.id.clone()).or_insert_with(|| Violation {
                rule: result.id.clone(),
                severity: result.severity.clone().unwrap_or_default(),
                dimension: result.dimension.clone().unwrap_or_default(),
                mode: result.mode,
                failed: 0,
            });
            violation.failed += result.failed;
        }
        if !late {
            let drift = said.drift.map(|drift| drift.findings.clone()).unwrap_or_default();
            moved.told.push(Told { start_ms: key.start, results: verdict.results.clone(), drift });
            // After a long silence many close at once, and nobody looks further back.
            let excess = moved.told.len().saturating_sub(RECENT);
            moved.told.drain(..excess);
        }
        let findings = verdict.results.iter().filter(|r| !matches!(r.status, Status::Pass | Status::Skip));
        state.recent.push(Summary {
            window: key,
            end_ms,
            revision,
            complete: incomplete.is_empty(),
            status: verdict.status,
            score: verdict.score,
            records: counts.records,
            undecodable: counts.undecodable,
            findings: findings.take(FINDINGS_MAX).map(|r| (r.id.clone(), r.status, r.failed)).collect(),
        });
        let excess = state.recent.len().saturating_sub(RECENT);
        state.recent.drain(..excess);
    }

    fn incidents(
        &self,
        state: &ProductState,
        moved: &mut Moved,
        key: WindowKey,
        contract: &ContractFacts,
        changes: Vec<Change>,
    ) {
        for change in changes {
            let told = incident::Incident {
                product: &state.product,
                owner: &contract.owner,
                contract_id: &contract.id,
                contract_version: &contract.version,
                hash: key.hash,
                state: change.state,
                rule: &change.incident.rule,
                severity: change.incident.severity.as_deref(),
                first_window_ms: change.incident.first_window,
                last_window_ms: change.incident.last_window,
                last_window_end_ms: change.incident.last_window + self.window.size_ms,
                failing_windows: change.incident.failing,
                worst_failed: change.incident.worst,
                sequence: change.incident.sequence,
                result: change.result.as_ref(),
                lineage: None,
            };
            moved.events.push(incident::event(self.source, &told));
        }
    }

    /// What is said of windows that close alike, by those before them; it is left to those after them.
    #[allow(clippy::too_many_arguments, reason = "each is another thing")]
    fn close(
        &self,
        history: &mut ProductHistory,
        moved: &mut Moved,
        hash: ContractHash,
        contract: &ContractFacts,
        tally: &J::Tally,
        run: Run,
        facts: &Facts,
    ) -> Closed {
        let end_ms = run.last + self.window.size_ms;
        let closing = Closing { start_ms: run.first, end_ms, windows: run.times, complete: facts.complete };
        let counted = history.through_ms.is_some_and(|through| run.first < through);
        let known = history.contracts.get(&contract.id).filter(|_| counted).cloned();
        let mut left = known.or_else(|| history.contracts.remove(&contract.id)).unwrap_or_default();
        let verdict = self.judge.close(hash, tally, facts, &closing, &mut left);
        let drift = self.judge.drift(hash, tally, &closing, &mut left);
        if !counted && !left.is_empty() && history.contracts.len() < CONTRACTS_MAX {
            history.contracts.insert(contract.id.clone(), left);
            moved.history = true;
        }
        let key = WindowKey { start: run.first, hash };
        Closed { verdict: verdict.unwrap_or_else(|| unknown_contract(key)), drift }
    }

    /// How the objectives of a contract stand when its windows have closed up to this time.
    pub fn budgets(&self, history: &ProductHistory, hash: ContractHash, end_ms: Ms) -> Vec<Budget> {
        let contract = self.judge.contract(hash);
        let left = contract.and_then(|contract| history.contracts.get(&contract.id));
        left.map_or_else(Vec::new, |left| self.judge.budgets(hash, left, end_ms - 1))
    }

    /// Records of a window that has closed: how new they are counts, for the windows that are still to close.
    pub fn late_times(&self, history: &mut ProductHistory, moved: &mut Moved, key: WindowKey, tally: &J::Tally) {
        let Some(contract) = self.judge.contract(key.hash) else { return };
        if let Some(history) = history.contracts.get_mut(&contract.id) {
            self.judge.late(key.hash, tally, history);
            moved.history = true;
        }
    }

    /// The verdict; `unknown` where nobody knows the contract version.
    fn verdict(&self, key: WindowKey, tally: &J::Tally, facts: &Facts) -> Verdict {
        self.judge.verdict(key.hash, tally, facts).unwrap_or_else(|| unknown_contract(key))
    }

    fn contract(&self, key: WindowKey) -> ContractFacts {
        self.judge.contract(key.hash).unwrap_or(ContractFacts {
            id: String::new(),
            version: String::new(),
            owner: String::new(),
            incident: IncidentPolicy { failing: 1, of: 1 },
        })
    }
}

/// What is said of windows that close.
struct Closed {
    verdict: Verdict,
    drift: Option<Drift>,
}

/// Findings open an incident when they hold for so many windows.
const DRIFT_HOLDS: IncidentPolicy = IncidentPolicy { failing: 3, of: 3 };

fn drifted(state: &mut ProductState, contract: &ContractFacts, run: Run, drift: Option<&Drift>) -> Vec<Change> {
    drift.map_or_else(Vec::new, |drift| closed(state, &contract.id, DRIFT_HOLDS, run, &drift.results()))
}

/// The verdict over a window whose contract version nobody knows: nothing was measured.
pub fn unknown_contract(key: WindowKey) -> Verdict {
    let result = RuleResult {
        id: "steward.contract".into(),
        name: None,
        status: Status::Unknown,
        mode: Mode::Warn,
        severity: None,
        dimension: None,
        relates_to: String::new(),
        metric: "contract".into(),
        value: None,
        bounds: None,
        sampled: None,
        unit: "rows",
        threshold: serde_json::Value::Null,
        asked: 0,
        failed: 0,
        reason: Some(format!("contract {} is not in the catalog", key.hash)),
        samples: Vec::new(),
    };
    Verdict { status: Status::Unknown, score: None, results: vec![result] }
}

fn facts(incomplete: &str, late: bool) -> Facts {
    Facts { complete: incomplete.is_empty(), late, ..Facts::default() }
}
