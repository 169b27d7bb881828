//! A window's counts against the thresholds of its contract version.

use crate::engine::check::aggregate;
use crate::engine::check::aside;
use crate::engine::check::keys::Rows;
use crate::engine::check::own;
use crate::engine::check::sampled;
use crate::engine::check::score::score;
use crate::engine::check::sla::Measured;
use crate::engine::check::tally::{RuleTally, Sample, Tally};
use crate::engine::contract::mode::Mode;
use crate::engine::contract::plan::{Check, Plan, Rule, Threshold, Unit};
use crate::engine::contract::sample::Sampling;
use crate::engine::contract::sla::Level;
use serde_json::json;
use std::collections::BTreeMap;

/// OORS words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Pass,
    Fail,
    Warn,
    Error,
    Skip,
    Unknown,
}

/// What a window's verdict may lean on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// False: a gap, a contract change or a forced close; then nothing that needs the whole window is judged.
    pub complete: bool,
    /// Records that came after the window had closed.
    pub late: bool,
    /// Records that came too late to be judged, and are told with this window.
    pub too_late: u64,
    pub across: Across,
}

/// By the number of a rule with a horizon: of the window's distinct keys those that another window within it held. The error
/// says why nobody knows.
pub type Across = BTreeMap<usize, Result<Rows, String>>;

/// The verdict over one window of one contract version.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Fail if a rule fails or a record is undecodable (unless `steward.records` says otherwise); else unknown, warn, pass in that order. What is observed is as
    /// if it were not there; `unknown` where all is.
    pub status: Status,
    /// Passed over measured rules, weighted as `docs/score.md` says; `None` where nothing was measured.
    pub score: Option<f64>,
    pub results: Vec<RuleResult>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct RuleResult {
    pub id: String,
    pub name: Option<String>,
    pub status: Status,
    pub mode: Mode,
    pub severity: Option<String>,
    pub dimension: Option<String>,
    pub relates_to: String,
    /// `nullValues`, `required`, `decodable` …
    pub metric: String,
    /// The number that the operator compares; `None` where it could not be measured.
    pub value: Option<f64>,
    /// Where the value is an estimate: what it keeps between, with three standard deviations.
    pub bounds: Option<(f64, f64)>,
    /// The share of the records that it was asked of, where that is not all: 0 to 1.
    pub sampled: Option<f64>,
    pub unit: &'static str,
    /// ODCS operator and its operand, e.g. `{"mustBe": 0}`.
    pub threshold: serde_json::Value,
    pub asked: u64,
    pub failed: u64,
    /// Why it is unknown or skipped; of what was measured in a sample, that it was.
    pub reason: Option<String>,
    pub samples: Vec<Sample>,
}

/// Judges a window by its contract version.
pub fn judge(plan: &Plan, tally: &Tally, facts: &Facts) -> Verdict {
    judge_with(plan, tally, facts, &latencies(plan, tally))
}

/// Of all service levels, latency alone is each record's own: what others come to, a window that closes says
/// (`trend::level`).
fn latencies(plan: &Plan, tally: &Tally) -> ServiceLevels {
    let latency = |(number, (rule, counts)): (usize, (&Rule, &RuleTally))| match (&rule.check, &counts.times) {
        (Check::Sla(sla), Some(times)) if sla.level == Level::Latency => {
            Some((number, times.latency(sla).map_err(Unmeasured::Unknown)))
        }
        _ => None,
    };
    plan.rules.iter().zip(&tally.rules).enumerate().filter_map(latency).collect()
}

/// Why a service level has no number before its window closes, and none among late records.
const OF_CLOSED: &str = "it is told when its window closes, of all of its records";

/// By the number of their rules: what service levels come to.
pub type ServiceLevels = BTreeMap<usize, Result<Measured, Unmeasured>>;

/// Judges by what a tally does not hold, too.
pub fn judge_with(plan: &Plan, tally: &Tally, facts: &Facts, levels: &ServiceLevels) -> Verdict {
    let zeros = RuleTally::default();
    let counts = |number: usize| tally.rules.get(number).unwrap_or(&zeros);
    let mut results: Vec<RuleResult> = plan
        .rules
        .iter()
        .enumerate()
        .map(|(number, rule)| {
            let result = rule_result(number, rule, counts(number), tally, facts, plan.sample);
            match levels.get(&number) {
                Some(measured) => service_level(rule, measured, tally, facts, result),
                None => result,
            }
        })
        .collect();
    let silent = judged(&results).next().is_some() && judged(&results).all(|r| r.status == Status::Skip);
    results.extend(own::results(plan, tally, facts));
    let held = score(judged(&results).map(|r| r.status));
    // What the daemon could not do says nothing of the records.
    results.extend(aside::result(plan, tally));
    let status = overall(&results, silent);
    let score = if silent && status == Status::Unknown { None } else { held };
    Verdict { status, score, results }
}

/// Those that count against the product.
fn judged(results: &[RuleResult]) -> impl Iterator<Item = &RuleResult> {
    results.iter().filter(|result| result.mode.judges())
}

/// The results of the rules that can no longer hold in this window, whatever comes: a count that only grows has passed
/// what it may be. Never a percentage, which may still fall.
pub fn doomed(plan: &Plan, tally: &Tally) -> Vec<RuleResult> {
    let mut results = Vec::new();
    for (number, (rule, counts)) in plan.rules.iter().zip(&tally.rules).enumerate() {
        let measured = measure(number, rule, counts, &Across::new());
        if grows(rule) && measured.is_ok_and(|value| never_again(rule.threshold, value.low)) {
            // What is doomed fails by the facts of any window.
            let facts = Facts { complete: true, ..Facts::default() };
            results.push(rule_result(number, rule, counts, tally, &facts, plan.sample));
        }
    }
    let whole = Facts { complete: true, ..Facts::default() };
    for (number, measured) in latencies(plan, tally) {
        let Some((rule, counts)) = plan.rules.get(number).zip(tally.rules.get(number)) else { continue };
        if measured.as_ref().is_ok_and(|way| !rule.threshold.holds(way.value)) {
            let unjudged = rule_result(number, rule, counts, tally, &whole, plan.sample);
            results.push(service_level(rule, &measured, tally, &whole, unjudged));
        }
    }
    results.extend(own::broken(plan, tally));
    results
}

/// Why there is no number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Unmeasured {
    /// Asked of no row.
    Skip,
    Unknown(String),
}

/// The number that the operator compares.
fn measure(number: usize, rule: &Rule, counts: &RuleTally, across: &Across) -> Result<Rows, Unmeasured> {
    if let Check::Unmeasured(reason) = &rule.check {
        return Err(Unmeasured::Unknown(reason.clone()));
    }
    if let Check::Sla(_) = &rule.check {
        return Err(Unmeasured::Unknown(OF_CLOSED.to_owned()));
    }
    if let Check::RowCount = rule.check {
        return match rule.unit {
            Unit::Rows => Ok(Rows::exact(counts.asked)),
            Unit::Percent => Err(Unmeasured::Unknown("rowCount has no whole to be a percentage of".into())),
        };
    }
    if let Check::Query(query) = &rule.check {
        // Of a query no row fails: these could not be asked.
        if counts.failed > 0 {
            return Err(Unmeasured::Unknown(format!("of {} records the query takes too many steps", counts.failed)));
        }
        return match aggregate::number(query, &counts.aggregates).map_err(Unmeasured::Unknown)? {
            Some(number) => Ok(number),
            None if counts.asked == 0 => Err(Unmeasured::Skip),
            None => Err(Unmeasured::Unknown("the query gives null".into())),
        };
    }
    if let Check::Refers(_) = rule.check {
        return match across.get(&number) {
            _ if counts.asked == 0 => Err(Unmeasured::Skip),
            Some(found) => found.clone().map_err(Unmeasured::Unknown),
            None => Err(Unmeasured::Unknown("what other windows held is not known".to_owned())),
        };
    }
    let mut failed = counts.failed_rows().map_err(Unmeasured::Unknown)?;
    if rule.horizon_ms.is_some() && counts.asked > 0 {
        match across.get(&number) {
            Some(Ok(repeated)) => failed = failed.plus(*repeated),
            // What this window alone has broken stays so, whatever stood in others.
            _ if grows(rule) && never_again(rule.threshold, failed.low) => {}
            Some(Err(reason)) => return Err(Unmeasured::Unknown(reason.clone())),
            None => return Err(Unmeasured::Unknown("what other windows held is not known".to_owned())),
        }
    }
    match (rule.unit, counts.asked) {
        (_, 0) => Err(Unmeasured::Skip),
        (Unit::Rows, _) => Ok(failed),
        (Unit::Percent, asked) => Ok(failed.map(|rows| rows / asked as f64 * 100.0)),
    }
}

fn rule_result(
    number: usize,
    rule: &Rule,
    counts: &RuleTally,
    tally: &Tally,
    facts: &Facts,
    sample: Option<Sampling>,
) -> RuleResult {
    let sample = sample.filter(|_| sampled::is_of_sample(rule));
    let measured = measure(number, rule, counts, &facts.across).map(|found| match sample {
        Some(sample) => sampled::estimate(sample, rule, counts, found, facts),
        None => (Some(found), outcome(rule, found, facts)),
    });
    let value = measured.as_ref().ok().and_then(|(value, _)| *value);
    let repeated = facts.across.get(&number).and_then(|across| across.as_ref().ok()).map_or(0.0, |rows| rows.value);
    let failed = match rule.check {
        // Keys, not rows: which rows hold them nobody counts.
        Check::Refers(_) => repeated as u64,
        _ => counts.failed_rows().map_or(0, |rows| (rows.value + repeated) as u64),
    };
    let (status, reason) = match measured {
        Err(Unmeasured::Skip) if tally.counts.unmeasured > 0 => (Status::Unknown, Some(not_measured(tally))),
        Err(Unmeasured::Skip) => (Status::Skip, Some(ASKED_OF_NONE.to_string())),
        Err(Unmeasured::Unknown(reason)) => (Status::Unknown, Some(reason)),
        // Whatever those records hold, a count that only grows may be decided already.
        Ok((value, _)) if tally.counts.unmeasured > 0 && !value.is_some_and(|value| decided(rule, value.low)) => {
            (Status::Unknown, Some(not_measured(tally)))
        }
        Ok((_, Outcome::Holds)) => (Status::Pass, sample.map(sampled::stamp)),
        Ok((_, Outcome::Broken)) if rule.warns() => (Status::Warn, sample.map(sampled::stamp)),
        Ok((_, Outcome::Broken)) => (Status::Fail, sample.map(sampled::stamp)),
        Ok((_, Outcome::Open(why))) => (Status::Unknown, Some(why)),
    };
    RuleResult {
        id: rule.id.clone(),
        name: rule.name.clone(),
        status,
        mode: rule.mode,
        severity: rule.severity.clone(),
        dimension: rule.dimension.clone(),
        relates_to: rule.relates_to.clone(),
        metric: rule.metric.to_string(),
        value: value.map(|rows| rows.value),
        bounds: value.filter(|rows| !rows.is_exact()).map(|rows| (rows.low, rows.high)),
        sampled: sample.map(Sampling::share),
        unit: match (&rule.check, rule.unit) {
            (Check::Sla(sla), _) => sla.unit_word(),
            (_, Unit::Rows) => "rows",
            (_, Unit::Percent) => "percent",
        },
        threshold: threshold_json(rule.threshold),
        asked: counts.asked,
        failed: if matches!(rule.check, Check::RowCount | Check::Query(_)) { 0 } else { failed },
        reason,
        samples: tally.samples.iter().filter(|s| s.rule == Some(number as u32)).cloned().collect(),
    }
}

/// `unjudged`: the rule's result as it is without a measurement.
fn service_level(
    rule: &Rule,
    measured: &Result<Measured, Unmeasured>,
    tally: &Tally,
    facts: &Facts,
    unjudged: RuleResult,
) -> RuleResult {
    let told = |status, reason: &str| RuleResult { status, reason: Some(reason.to_owned()), ..unjudged.clone() };
    let Measured { value, failed, total } = match measured {
        _ if tally.counts.unmeasured > 0 => return told(Status::Unknown, &not_measured(tally)),
        Err(Unmeasured::Skip) => return told(Status::Skip, ASKED_OF_NONE),
        Err(Unmeasured::Unknown(reason)) => return told(Status::Unknown, reason),
        Ok(measured) => *measured,
    };
    let broken_for_good = matches!(&rule.check, Check::Sla(sla) if sla.level.worsens());
    let (status, reason) = match rule.threshold.holds(value) {
        true => (Status::Pass, None),
        false if !broken_for_good && facts.late => (Status::Unknown, Some(LATE.to_owned())),
        false if !broken_for_good && !facts.complete => (Status::Unknown, Some(NOT_COMPLETE.to_owned())),
        false if rule.warns() => (Status::Warn, None),
        false => (Status::Fail, None),
    };
    RuleResult { status, value: Some(value), asked: total, failed, reason, ..unjudged }
}

pub const ASKED_OF_NONE: &str = "asked of no row";
const LATE: &str = "records that came late are not the whole window";
const NOT_COMPLETE: &str = "the window is not complete";

/// Whether the number is a count, which only grows.
fn grows(rule: &Rule) -> bool {
    match &rule.check {
        Check::Query(query) => query.grows(),
        // What is referred to may still come.
        Check::Refers(_) => false,
        _ => rule.unit == Unit::Rows,
    }
}

/// Whether no further row can change what a count of at least `value` rows says.
fn decided(rule: &Rule, value: f64) -> bool {
    grows(rule) && (never_again(rule.threshold, value) || ever_after(rule.threshold, value))
}

pub fn not_measured(tally: &Tally) -> String {
    let why = tally.unmeasured.values().map(|u| u.reason.as_str()).min().unwrap_or("see the log");
    format!("{} records were not measured: {why}", tally.counts.unmeasured)
}

/// What a number says of a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Holds,
    Broken,
    /// What was not counted may decide otherwise.
    Open(String),
}

/// In a window that is not whole, and in one of late records alone, counts are too low. What has passed an upper bound
/// stays broken and what has reached a lower one holds. Beyond that, a rule about each row on its own is judged by
/// the rows there are; the number of rows, the distinctness of all of them and what a query computes of them cannot be.
///
/// An estimate decides only what all of its bounds decide; of a window that is not whole, what its lower one does.
fn outcome(rule: &Rule, rows: Rows, facts: &Facts) -> Outcome {
    let value = rows.low;
    let holds = rule.threshold.holds(value);
    if facts.complete && !facts.late && !rows.is_exact() {
        return match rule.threshold.decides(rows.low, rows.high) {
            Some(true) => Outcome::Holds,
            Some(false) => Outcome::Broken,
            None => Outcome::Open(format!(
                "{}: it lies between {} and {}, which does not decide",
                match rule.check {
                    Check::Refers(_) =>
                        "records that are referred to could not be read, or are too many to be remembered one by one",
                    _ => "of so many keys the number is an estimate",
                },
                rows.low,
                rows.high
            )),
        };
    }
    let whole_window = matches!(rule.check, Check::RowCount | Check::Unique(_) | Check::Refers(_) | Check::Query(_));
    if facts.complete && !facts.late || rule.unit == Unit::Percent && !whole_window {
        return if holds { Outcome::Holds } else { Outcome::Broken };
    }
    let rows = grows(rule);
    if rows && never_again(rule.threshold, value) {
        Outcome::Broken
    } else if rows && ever_after(rule.threshold, value) || holds && !whole_window {
        Outcome::Holds
    } else {
        Outcome::Open(partial(facts).unwrap_or(NOT_COMPLETE).into())
    }
}

/// Why the records are not all of the window; `None`: they are.
pub fn partial(facts: &Facts) -> Option<&'static str> {
    match (facts.late, facts.complete) {
        (true, _) => Some(LATE),
        (false, false) => Some(NOT_COMPLETE),
        (false, true) => None,
    }
}

/// A count of `value` that only grows breaks the threshold for good.
pub fn never_again(threshold: Threshold, value: f64) -> bool {
    match threshold {
        Threshold::MustBe(n) | Threshold::LessOrEqualTo(n) => value > n,
        Threshold::LessThan(n) | Threshold::Between(_, n) => value >= n,
        // A large enough count keeps these.
        Threshold::MustNotBe(_)
        | Threshold::GreaterThan(_)
        | Threshold::GreaterOrEqualTo(_)
        | Threshold::NotBetween(..) => false,
    }
}

/// A count of `value` that only grows keeps the threshold for good.
fn ever_after(threshold: Threshold, value: f64) -> bool {
    match threshold {
        Threshold::GreaterThan(n) | Threshold::MustNotBe(n) => value > n,
        Threshold::GreaterOrEqualTo(n) | Threshold::NotBetween(_, n) => value >= n,
        Threshold::MustBe(_) | Threshold::LessThan(_) | Threshold::LessOrEqualTo(_) | Threshold::Between(..) => false,
    }
}

/// `silent`: the contract has rules, and none was asked of any row; that records can be decoded says nothing of them.
fn overall(results: &[RuleResult], silent: bool) -> Status {
    let any = |status: Status| judged(results).any(|r| r.status == status);
    let order = [Status::Fail, Status::Unknown, Status::Warn, Status::Pass];
    let worst = order.into_iter().find(|status| any(*status)).unwrap_or(Status::Unknown);
    if silent && worst != Status::Fail { Status::Unknown } else { worst }
}

/// The operator and its operand, in ODCS' words.
fn threshold_json(threshold: Threshold) -> serde_json::Value {
    // A whole operand is written without a fraction, as the contract has it.
    let number = |n: f64| if n.fract() == 0.0 && n.abs() < 1e15 { json!(n as i64) } else { json!(n) };
    match threshold {
        Threshold::MustBe(n) => json!({"mustBe": number(n)}),
        Threshold::MustNotBe(n) => json!({"mustNotBe": number(n)}),
        Threshold::GreaterThan(n) => json!({"mustBeGreaterThan": number(n)}),
        Threshold::GreaterOrEqualTo(n) => json!({"mustBeGreaterOrEqualTo": number(n)}),
        Threshold::LessThan(n) => json!({"mustBeLessThan": number(n)}),
        Threshold::LessOrEqualTo(n) => json!({"mustBeLessOrEqualTo": number(n)}),
        Threshold::Between(low, high) => json!({"mustBeBetween": [number(low), number(high)]}),
        Threshold::NotBetween(low, high) => json!({"mustNotBeBetween": [number(low), number(high)]}),
    }
}

#[cfg(test)]
mod tests;
