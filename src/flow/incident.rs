//! A rule that fails, until it holds again: one incident for sixty failing windows, not sixty.
//!
//! It opens when a rule fails in N of the last M windows, is updated when its failing windows reach 2, 4, 8 …, and is
//! resolved when fewer than N of the last M failed. A window in which the rule was unknown or skipped moves nothing.

use crate::engine::check::own;
use crate::engine::check::verdict::{RuleResult, Status};
use crate::engine::contract::plan::IncidentPolicy;
use crate::engine::event::incident::State;
use crate::engine::record::WindowStart;
use crate::flow::state::{Incident, ProductState};

/// An incident that moved.
#[derive(Clone, Debug, PartialEq)]
pub struct Change {
    pub state: State,
    pub incident: Incident,
    /// The result that moved it; `None` where its rule is gone.
    pub result: Option<RuleResult>,
}

/// Windows with the same outcome, one after the other: `times` of them, the first starting at `first`, the last at `last`.
#[derive(Clone, Copy, Debug)]
pub struct Run {
    pub first: WindowStart,
    pub last: WindowStart,
    pub times: u64,
}

impl Run {
    pub fn one(window: WindowStart) -> Run {
        Run { first: window, last: window, times: 1 }
    }
}

/// Takes the results of closed windows of one contract.
pub fn closed(
    state: &mut ProductState,
    contract: &str,
    policy: IncidentPolicy,
    run: Run,
    results: &[RuleResult],
) -> Vec<Change> {
    let mut changes = Vec::new();
    for result in results.iter().filter(|result| result.mode.judges()) {
        let failing = match result.status {
            Status::Fail | Status::Warn => true,
            Status::Pass => false,
            Status::Error | Status::Skip | Status::Unknown => continue,
        };
        let key = (contract.to_string(), result.id.clone());
        let history = state.history.entry(key).or_default();
        for _ in 0..run.times.min(policy.of as u64) {
            history.push(failing);
        }
        let excess = history.len().saturating_sub(policy.of as usize);
        history.drain(..excess);
        let bad = history.iter().filter(|f| **f).count() as u32;
        if !history.contains(&true) {
            // A rule that holds needs no memory; most do, always.
            state.history.remove(&(contract.to_string(), result.id.clone()));
        }
        match position(state, contract, &result.id) {
            None if failing && bad >= policy.failing => changes.push(open(state, contract, run, result)),
            Some(i) if failing => changes.extend(fail_again(&mut state.incidents[i], run, result)),
            // A window that was before it says nothing of it: it may have opened while its window was open.
            Some(i) if bad < policy.failing && run.last >= state.incidents[i].first_window => {
                changes.push(resolve(state, i, run.last, Some(result)))
            }
            _ => {}
        }
    }
    changes
}

/// Takes results that are bad whatever else comes: of an open window, or of late records. They only ever open.
pub fn bad_already(
    state: &mut ProductState,
    contract: &str,
    policy: IncidentPolicy,
    window: WindowStart,
    results: &[RuleResult],
) -> Vec<Change> {
    let mut changes = Vec::new();
    for result in results {
        let failing = result.mode.judges() && matches!(result.status, Status::Fail | Status::Warn);
        if failing && policy.failing <= 1 && position(state, contract, &result.id).is_none() {
            changes.push(open(state, contract, Run::one(window), result));
        }
    }
    changes
}

/// Resolves the incidents of rules that the contract in force no longer has, or only observes.
pub fn rules_gone(
    state: &mut ProductState,
    contract: &str,
    window: WindowStart,
    results: &[RuleResult],
) -> Vec<Change> {
    let mut changes = Vec::new();
    let is_gone = |rule: &str| match results.iter().find(|r| r.id == rule) {
        Some(result) => !result.mode.judges(),
        // The daemon's own findings are told where there are some.
        None => !rule.starts_with("steward.") || own::PASSING.contains(&rule),
    };
    while let Some(i) = state.incidents.iter().position(|i| i.contract == contract && is_gone(&i.rule)) {
        changes.push(resolve(state, i, window, None));
    }
    changes
}

/// Resolves the incidents of a contract that no longer governs.
pub fn contract_gone(state: &mut ProductState, contract: &str, window: WindowStart) -> Vec<Change> {
    let mut changes = Vec::new();
    while let Some(i) = state.incidents.iter().position(|i| i.contract == contract) {
        changes.push(resolve(state, i, window, None));
    }
    changes
}

fn position(state: &ProductState, contract: &str, rule: &str) -> Option<usize> {
    state.incidents.iter().position(|i| i.contract == contract && i.rule == rule)
}

fn open(state: &mut ProductState, contract: &str, run: Run, result: &RuleResult) -> Change {
    let incident = Incident {
        contract: contract.to_string(),
        rule: result.id.clone(),
        severity: result.severity.clone(),
        first_window: run.first,
        last_window: run.last,
        failing: run.times,
        sequence: state.ended.remove(&(contract.to_string(), result.id.clone(), run.first)).unwrap_or(0) + 1,
        worst: result.failed,
    };
    state.incidents.push(incident.clone());
    Change { state: State::Opened, incident, result: Some(result.clone()) }
}

/// One update at 2, 4, 8 … failing windows: sixty windows make five.
fn fail_again(incident: &mut Incident, run: Run, result: &RuleResult) -> Option<Change> {
    // The window that opened it while it was open itself is counted already.
    let fresh = if run.first <= incident.last_window { run.times - 1 } else { run.times };
    let before = incident.failing;
    incident.failing += fresh;
    incident.last_window = incident.last_window.max(run.last);
    incident.worst = incident.worst.max(result.failed);
    let doubled = incident.failing.checked_ilog2() > before.checked_ilog2();
    doubled.then(|| {
        incident.sequence += 1;
        Change { state: State::Updated, incident: incident.clone(), result: Some(result.clone()) }
    })
}

fn resolve(state: &mut ProductState, i: usize, window: WindowStart, result: Option<&RuleResult>) -> Change {
    let mut incident = state.incidents.remove(i);
    state.history.remove(&(incident.contract.clone(), incident.rule.clone()));
    incident.sequence += 1;
    incident.last_window = incident.last_window.max(window);
    state.ended.insert((incident.contract.clone(), incident.rule.clone(), incident.first_window), incident.sequence);
    Change { state: State::Resolved, incident, result: result.cloned() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::contract::mode::Mode;
    use crate::engine::contract::name::ProductName;

    fn result(status: Status) -> RuleResult {
        RuleResult {
            id: "r".into(),
            name: None,
            status,
            mode: Mode::Warn,
            severity: None,
            dimension: None,
            relates_to: String::new(),
            metric: "nullValues".into(),
            value: None,
            bounds: None,
            sampled: None,
            unit: "rows",
            threshold: serde_json::Value::Null,
            asked: 1,
            failed: 1,
            reason: None,
            samples: Vec::new(),
        }
    }

    /// `f`, `p`, `u`: one window each, failing, passing, unknown; `F`: late records that fail.
    fn check(failing: u32, of: u32, windows: &str, expected: &str) {
        let mut state = ProductState::new(ProductName { domain: "d".into(), name: "p".into() });
        let policy = IncidentPolicy { failing, of };
        let mut told = String::new();
        for (i, w) in windows.chars().enumerate() {
            let at = i as i64 * 10;
            let changes = match w {
                'F' => bad_already(&mut state, "c", policy, at, &[result(Status::Fail)]),
                'f' => closed(&mut state, "c", policy, Run::one(at), &[result(Status::Fail)]),
                'p' => closed(&mut state, "c", policy, Run::one(at), &[result(Status::Pass)]),
                _ => closed(&mut state, "c", policy, Run::one(at), &[result(Status::Unknown)]),
            };
            for c in changes {
                told += match c.state {
                    State::Opened => "o",
                    State::Updated => "u",
                    State::Resolved => "r",
                };
            }
        }
        assert_eq!(told, expected, "{failing} of {of}: {windows}");
    }

    #[test]
    fn an_incident_opens_once_is_updated_rarely_and_resolves() {
        check(1, 1, "p", "");
        check(1, 1, "fp", "or");
        check(1, 1, "ffff", "ouu");
        check(1, 1, &"f".repeat(60), "ouuuuu");
        check(1, 1, "fufp", "our");
        check(1, 1, "fu", "o");
        check(2, 3, "fpp", "");
        check(2, 3, "fpf", "o");
        check(2, 3, "ffppp", "or");
        check(1, 1, "Fpf", "oro");
        check(2, 3, "FFF", "");
    }

    #[test]
    fn an_incident_of_a_later_window_outlives_an_earlier_one_that_passes() {
        let mut state = ProductState::new(ProductName { domain: "d".into(), name: "p".into() });
        let policy = IncidentPolicy { failing: 1, of: 1 };
        assert_eq!(bad_already(&mut state, "c", policy, 10, &[result(Status::Fail)]).len(), 1);
        assert!(closed(&mut state, "c", policy, Run::one(0), &[result(Status::Pass)]).is_empty());
        assert!(closed(&mut state, "c", policy, Run::one(10), &[result(Status::Fail)]).is_empty());
        assert_eq!(closed(&mut state, "c", policy, Run::one(20), &[result(Status::Pass)]).len(), 1);
    }

    #[test]
    fn late_records_that_open_an_incident_again_go_on_in_its_sequence() {
        let mut state = ProductState::new(ProductName { domain: "d".into(), name: "p".into() });
        let policy = IncidentPolicy { failing: 1, of: 1 };
        let mut told = closed(&mut state, "c", policy, Run::one(0), &[result(Status::Fail)]);
        told.extend(closed(&mut state, "c", policy, Run::one(10), &[result(Status::Pass)]));
        told.extend(bad_already(&mut state, "c", policy, 0, &[result(Status::Fail)]));
        let sequences: Vec<u64> = told.iter().map(|c| c.incident.sequence).collect();
        assert_eq!(sequences, [1, 2, 3], "an id is made of the first window and the sequence");
    }

    #[test]
    fn a_run_of_windows_counts_as_so_many() {
        let mut state = ProductState::new(ProductName { domain: "d".into(), name: "p".into() });
        let policy = IncidentPolicy { failing: 1, of: 1 };
        closed(&mut state, "c", policy, Run { first: 0, last: 590, times: 60 }, &[result(Status::Fail)]);
        assert_eq!(state.incidents[0].failing, 60);
    }

    #[test]
    fn a_window_that_opened_its_incident_early_is_counted_once() {
        let mut state = ProductState::new(ProductName { domain: "d".into(), name: "p".into() });
        let policy = IncidentPolicy { failing: 1, of: 1 };
        bad_already(&mut state, "c", policy, 10, &[result(Status::Fail)]);
        assert!(closed(&mut state, "c", policy, Run::one(10), &[result(Status::Fail)]).is_empty());
        assert_eq!(state.incidents[0].failing, 1);
    }

    #[test]
    fn a_rule_that_left_the_contract_resolves_its_incident() {
        let mut state = ProductState::new(ProductName { domain: "d".into(), name: "p".into() });
        closed(&mut state, "c", IncidentPolicy { failing: 1, of: 1 }, Run::one(0), &[result(Status::Fail)]);
        assert!(rules_gone(&mut state, "other", 10, &[]).is_empty());
        assert_eq!(rules_gone(&mut state, "c", 10, &[]).len(), 1);
        assert!(state.incidents.is_empty());
    }

    #[test]
    fn what_the_daemon_asks_itself_ends_where_it_is_asked_no_more() {
        let mut state = ProductState::new(ProductName { domain: "d".into(), name: "p".into() });
        let policy = IncidentPolicy { failing: 1, of: 1 };
        let ids = ["steward.timestamp", "steward.size", "steward.late", "steward.schema", "steward.drift.schema"];
        let warned = ids.map(|id| RuleResult { id: id.into(), ..result(Status::Warn) });
        assert_eq!(closed(&mut state, "c", policy, Run::one(0), &warned).len(), ids.len());
        assert_eq!(rules_gone(&mut state, "c", 0, &warned), [], "all are told");
        assert_eq!(rules_gone(&mut state, "c", 10, &[]).len(), ids.len() - 1);
        // What windows look like over time is told when it changes.
        let left: Vec<&str> = state.incidents.iter().map(|incident| incident.rule.as_str()).collect();
        assert_eq!(left, ["steward.drift.schema"]);
    }

    #[test]
    fn a_rule_that_is_observed_opens_nothing_and_ends_what_was_open() {
        let mut state = ProductState::new(ProductName { domain: "d".into(), name: "p".into() });
        let policy = IncidentPolicy { failing: 1, of: 1 };
        let observed = |id: &str| RuleResult { id: id.into(), mode: Mode::Observe, ..result(Status::Fail) };
        let rules = ["r", "steward.decodable"];
        assert_eq!(closed(&mut state, "c", policy, Run::one(0), &rules.map(observed)), []);
        assert_eq!(bad_already(&mut state, "c", policy, 0, &rules.map(observed)), []);
        let warned = rules.map(|id| RuleResult { id: id.into(), ..result(Status::Fail) });
        assert_eq!(closed(&mut state, "c", policy, Run::one(60), &warned).len(), 2);
        assert_eq!(rules_gone(&mut state, "c", 60, &warned), []);
        let ended = rules_gone(&mut state, "c", 120, &rules.map(observed));
        assert_eq!(ended.iter().map(|c| c.state).collect::<Vec<_>>(), [State::Resolved; 2]);
        assert!(state.incidents.is_empty());
    }
}
