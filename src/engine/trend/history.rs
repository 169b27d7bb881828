//! What the windows of one contract leave to later ones.

use crate::engine::check::sla::Times;
use crate::engine::check::tally::Tally;
use crate::engine::check::verdict::{self, Facts, ServiceLevels, Status, Unmeasured, Verdict};
use crate::engine::contract::plan::{Check, Plan, Rule};
use crate::engine::trend::budget::{Budget, PRODUCT};
use crate::engine::trend::drift::{Baseline, Drift};
use crate::engine::trend::level::{self, Closing, Memory, Promise};
use crate::engine::trend::rolling::Rolling;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Service levels of one contract that are remembered: at 800 bytes each 26 kB.
pub const LEVELS_MAX: usize = 32;

/// Of one contract, whatever its version.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct History {
    /// By the ids of their rules.
    levels: BTreeMap<String, Memory>,
    /// Windows that did not fail, among those that were judged.
    sound: Rolling,
    baseline: Baseline,
}

impl History {
    pub fn is_empty(&self) -> bool {
        *self == History::default()
    }

    /// Judges windows that close, by what those before them have left, and keeps what later ones need.
    pub fn close(&mut self, plan: &Plan, tally: &Tally, facts: &Facts, closing: &Closing) -> Verdict {
        let mut levels = ServiceLevels::new();
        for (number, rule, promise) in promises(plan) {
            let times = times(tally, number);
            let Some(memory) = self.memory(rule, promise) else {
                let why = format!("of one contract {LEVELS_MAX} service levels are measured in windows");
                levels.insert(number, Err(Unmeasured::Unknown(why)));
                continue;
            };
            levels.insert(number, memory.measure(promise, times, closing));
            if tally.counts.unmeasured == 0 {
                memory.learn(promise, times, closing);
            }
        }
        let verdict = verdict::judge_with(plan, tally, facts, &levels);
        // Rules come first among the results, in their order.
        for (_, rule, result) in promises(plan).filter_map(|(n, rule, _)| Some((n, rule, verdict.results.get(n)?))) {
            if let Some(memory) = self.levels.get_mut(&rule.id) {
                memory.judged(result.status, closing);
            }
        }
        level::count(&mut self.sound, verdict.status != Status::Fail, verdict.status, closing);
        verdict
    }

    /// Compares windows that close with those before them. One that is not complete says nothing, and teaches nothing.
    pub fn drift(&mut self, plan: &Plan, tally: &Tally, closing: &Closing) -> Option<Drift> {
        closing.complete.then(|| self.baseline.see(plan, tally, closing))
    }

    /// How the objectives stand at this time: of the contract as a whole, then of each service level.
    pub fn budgets(&self, plan: &Plan, at_ms: i64) -> Vec<Budget> {
        let product = Budget::of(PRODUCT, plan.objective, &self.sound, at_ms);
        let level = |(_, rule, promise): (usize, &Rule, Promise<'_>)| {
            Some(self.levels.get(&rule.id)?.budget(&rule.id, promise, plan.objective, at_ms))
        };
        [product].into_iter().chain(promises(plan).filter_map(level)).collect()
    }

    /// Takes note of records that came after their window had closed.
    pub fn late(&mut self, plan: &Plan, tally: &Tally) {
        for (number, rule, promise) in promises(plan) {
            if let (Some(times), Some(memory)) = (times(tally, number), self.memory(rule, promise)) {
                memory.late(times);
            }
        }
    }

    /// Of windows without records, from `first_ms` on: where the verdict may become another, ascending.
    pub fn turns(&self, plan: &Plan, first_ms: i64, size_ms: i64) -> BTreeSet<i64> {
        let turn = |(_, rule, promise): (usize, &Rule, Promise<'_>)| {
            self.levels.get(&rule.id)?.turn(promise, first_ms, size_ms)
        };
        promises(plan).filter_map(turn).collect()
    }

    /// Forgets what the plan does not promise any more.
    pub fn retain(&mut self, plan: &Plan) {
        let promised: BTreeSet<&str> = promises(plan).map(|(_, rule, _)| rule.id.as_str()).collect();
        self.levels.retain(|id, _| promised.contains(id.as_str()));
    }

    /// `None`: there are too many.
    fn memory(&mut self, rule: &Rule, promise: Promise<'_>) -> Option<&mut Memory> {
        if !self.levels.contains_key(&rule.id) && self.levels.len() >= LEVELS_MAX {
            return None;
        }
        let memory = self.levels.entry(rule.id.clone()).or_default();
        memory.begin(promise);
        Some(memory)
    }
}

/// The service levels of a plan, by the number of their rules.
fn promises(plan: &Plan) -> impl Iterator<Item = (usize, &Rule, Promise<'_>)> {
    plan.rules.iter().enumerate().filter_map(|(number, rule)| {
        let Check::Sla(sla) = &rule.check else { return None };
        let event_time = plan.objects.get(rule.object).and_then(|object| object.event_time.as_ref());
        Some((number, rule, Promise { sla, threshold: rule.threshold, event_time }))
    })
}

fn times(tally: &Tally, number: usize) -> Option<&Times> {
    tally.rules.get(number)?.times.as_deref()
}

#[cfg(test)]
mod tests;
