//! A window's counts against the thresholds of its contract version.

use crate::engine::check::keys::Rows;
use crate::engine::check::score::score;
use crate::engine::check::tally::{FUTURE, RuleTally, Sample, Tally};
use crate::engine::contract::plan::{Check, Plan, Rule, Threshold, Unit};
use serde_json::json;

/// The id of the built-in result that every verdict has: no record may be undecodable.
pub const DECODABLE: &str = "steward.decodable";
/// The id of the built-in result about timestamps too far ahead; there only where some were.
pub const TIMESTAMP: &str = "steward.timestamp";

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
}

/// The verdict over one window of one contract version.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Fail if a rule fails or a record is undecodable; else unknown, warn, pass in that order.
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
    pub severity: Option<String>,
    pub dimension: Option<String>,
    pub relates_to: String,
    /// `nullValues`, `required`, `decodable` …
    pub metric: String,
    /// The number that the operator compares; `None` where it could not be measured.
    pub value: Option<f64>,
    /// Where the value is an estimate: what it keeps between, with three standard deviations.
    pub bounds: Option<(f64, f64)>,
    pub unit: &'static str,
    /// ODCS operator and its operand, e.g. `{"mustBe": 0}`.
    pub threshold: serde_json::Value,
    pub asked: u64,
    pub failed: u64,
    /// Why it is unknown or skipped.
    pub reason: Option<String>,
    pub samples: Vec<Sample>,
}

/// Judges a window by its contract version.
pub fn judge(plan: &Plan, tally: &Tally, facts: &Facts) -> Verdict {
    let zeros = RuleTally::default();
    let counts = |number: usize| tally.rules.get(number).unwrap_or(&zeros);
    let mut results: Vec<RuleResult> = plan
        .rules
        .iter()
        .enumerate()
        .map(|(number, rule)| rule_result(number, rule, counts(number), tally, facts))
        .collect();
    let silent = !results.is_empty() && results.iter().all(|r| r.status == Status::Skip);
    results.push(decodable(tally));
    results.extend((tally.counts.future > 0).then(|| timestamp(tally)));
    let status = overall(&results, silent);
    let score = if silent && status == Status::Unknown { None } else { score(results.iter().map(|r| r.status)) };
    Verdict { status, score, results }
}

/// The results of the rules that can no longer hold in this window, whatever comes: a count that only grows has passed
/// what it may be. Never a percentage, which may still fall.
pub fn doomed(plan: &Plan, tally: &Tally) -> Vec<RuleResult> {
    let mut results = Vec::new();
    for (number, (rule, counts)) in plan.rules.iter().zip(&tally.rules).enumerate() {
        let measured = measure(rule, counts);
        if rule.unit == Unit::Rows && measured.is_ok_and(|value| never_again(rule.threshold, value.low)) {
            // What is doomed fails by the facts of any window.
            results.push(rule_result(number, rule, counts, tally, &Facts { complete: true, late: false }));
        }
    }
    if tally.counts.undecodable > 0 {
        results.push(decodable(tally));
    }
    results
}

/// Why there is no number.
enum Unmeasured {
    /// Asked of no row.
    Skip,
    Unknown(String),
}

/// The number that the operator compares.
fn measure(rule: &Rule, counts: &RuleTally) -> Result<Rows, Unmeasured> {
    if let Check::Unmeasured(reason) = &rule.check {
        return Err(Unmeasured::Unknown(reason.clone()));
    }
    if let Check::RowCount = rule.check {
        return match rule.unit {
            Unit::Rows => Ok(Rows::exact(counts.asked)),
            Unit::Percent => Err(Unmeasured::Unknown("rowCount has no whole to be a percentage of".into())),
        };
    }
    let failed = counts.failed_rows().map_err(Unmeasured::Unknown)?;
    match (rule.unit, counts.asked) {
        (_, 0) => Err(Unmeasured::Skip),
        (Unit::Rows, _) => Ok(failed),
        (Unit::Percent, asked) => Ok(failed.map(|rows| rows / asked as f64 * 100.0)),
    }
}

fn rule_result(number: usize, rule: &Rule, counts: &RuleTally, tally: &Tally, facts: &Facts) -> RuleResult {
    let measured = measure(rule, counts);
    let value = measured.as_ref().ok().copied();
    let failed = counts.failed_rows().map_or(0, |rows| rows.value as u64);
    let (status, reason) = match measured {
        Err(Unmeasured::Skip) if tally.counts.unmeasured > 0 => (Status::Unknown, Some(not_measured(tally))),
        Err(Unmeasured::Skip) => (Status::Skip, Some("asked of no row".to_string())),
        Err(Unmeasured::Unknown(reason)) => (Status::Unknown, Some(reason)),
        // Whatever those records hold, a count that only grows may be decided already.
        Ok(value) if tally.counts.unmeasured > 0 && !decided(rule, value.low) => {
            (Status::Unknown, Some(not_measured(tally)))
        }
        Ok(value) => match outcome(rule, value, facts) {
            Outcome::Holds => (Status::Pass, None),
            Outcome::Broken if rule.warns() => (Status::Warn, None),
            Outcome::Broken => (Status::Fail, None),
            Outcome::Open(why) => (Status::Unknown, Some(why)),
        },
    };
    RuleResult {
        id: rule.id.clone(),
        name: rule.name.clone(),
        status,
        severity: rule.severity.clone(),
        dimension: rule.dimension.clone(),
        relates_to: rule.relates_to.clone(),
        metric: rule.metric.to_string(),
        value: value.map(|rows| rows.value),
        bounds: value.filter(|rows| !rows.is_exact()).map(|rows| (rows.low, rows.high)),
        unit: match rule.unit {
            Unit::Rows => "rows",
            Unit::Percent => "percent",
        },
        threshold: threshold_json(rule.threshold),
        asked: counts.asked,
        failed: if matches!(rule.check, Check::RowCount) { 0 } else { failed },
        reason,
        samples: tally.samples.iter().filter(|s| s.rule == Some(number as u32)).cloned().collect(),
    }
}

/// Whether no further row can change what a count of at least `value` rows says.
fn decided(rule: &Rule, value: f64) -> bool {
    rule.unit == Unit::Rows && (never_again(rule.threshold, value) || ever_after(rule.threshold, value))
}

fn not_measured(tally: &Tally) -> String {
    let why = tally.unmeasured.values().map(|u| u.reason.as_str()).min().unwrap_or("see the log");
    format!("{} records were not measured: {why}", tally.counts.unmeasured)
}

enum Outcome {
    Holds,
    Broken,
    /// What was not counted may decide otherwise.
    Open(String),
}

/// In a window that is not whole, and in one of late records alone, counts are too low. What has passed an upper bound
/// stays broken and what has reached a lower one holds. Beyond that, a rule about each row on its own is judged by
/// the rows there are; the number of rows and the distinctness of all of them cannot be.
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
                "of so many distinct keys the number is an estimate: it lies between {} and {}, which does not decide",
                rows.low, rows.high
            )),
        };
    }
    if facts.complete && !facts.late || rule.unit == Unit::Percent && !matches!(rule.check, Check::Unique(_)) {
        return if holds { Outcome::Holds } else { Outcome::Broken };
    }
    let rows = rule.unit == Unit::Rows;
    let whole_window = matches!(rule.check, Check::RowCount | Check::Unique(_));
    if rows && never_again(rule.threshold, value) {
        Outcome::Broken
    } else if rows && ever_after(rule.threshold, value) || holds && !whole_window {
        Outcome::Holds
    } else if facts.late {
        Outcome::Open("records that came late are not the whole window".into())
    } else {
        Outcome::Open("the window is not complete".into())
    }
}

/// A count of `value` that only grows breaks the threshold for good.
fn never_again(threshold: Threshold, value: f64) -> bool {
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

fn decodable(tally: &Tally) -> RuleResult {
    // A tombstone has nothing to decode.
    let unmeasured = tally.counts.unmeasured;
    let asked = tally.counts.records.saturating_sub(tally.counts.tombstones + unmeasured);
    let failed = tally.counts.undecodable;
    let status = match (asked, failed) {
        (_, 0) if unmeasured > 0 => Status::Unknown,
        (0, _) => Status::Skip,
        (_, 0) => Status::Pass,
        _ => Status::Fail,
    };
    let result = built_in(DECODABLE, "undecodable", status, asked, failed, tally);
    match status {
        Status::Unknown => RuleResult { value: None, reason: Some(not_measured(tally)), ..result },
        _ => result,
    }
}

fn timestamp(tally: &Tally) -> RuleResult {
    built_in(TIMESTAMP, "futureTimestamps", Status::Warn, tally.counts.records, tally.counts.future, tally)
}

fn built_in(id: &str, metric: &str, status: Status, asked: u64, failed: u64, tally: &Tally) -> RuleResult {
    let future = id == TIMESTAMP;
    RuleResult {
        id: id.to_string(),
        name: None,
        status,
        severity: future.then(|| "warning".to_string()),
        dimension: Some(if future { "timeliness" } else { "conformity" }.to_string()),
        relates_to: String::new(),
        metric: metric.to_string(),
        value: (status != Status::Skip).then_some(failed as f64),
        bounds: None,
        unit: "rows",
        threshold: threshold_json(Threshold::MustBe(0.0)),
        asked,
        failed,
        reason: (status == Status::Skip).then(|| "asked of no row".to_string()),
        samples: tally.samples.iter().filter(|s| s.rule.is_none() && (s.reason == FUTURE) == future).cloned().collect(),
    }
}

/// `silent`: the contract has rules, and none was asked of any row; that records can be decoded says nothing of them.
fn overall(results: &[RuleResult], silent: bool) -> Status {
    let any = |status: Status| results.iter().any(|r| r.status == status);
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
mod tests {
    use super::*;
    use crate::engine::check::keys::{Keys, MAX_KEYS};
    use crate::engine::contract::name::{ContractHash, ProductName};
    use crate::engine::contract::plan::IncidentPolicy;
    use crate::engine::profile::shape::ProfilePlan;
    use Status::{Fail, Pass, Skip, Unknown, Warn};
    use Threshold::{Between, GreaterOrEqualTo, GreaterThan, LessOrEqualTo, LessThan, MustBe, MustNotBe, NotBetween};

    fn rule(check: Check, threshold: Threshold, unit: Unit, severity: Option<&str>) -> Rule {
        Rule {
            id: "r".into(),
            name: None,
            object: 0,
            field: None,
            metric: "test",
            dimension: None,
            severity: severity.map(Into::into),
            relates_to: String::new(),
            classified: false,
            check,
            threshold,
            unit,
        }
    }

    fn plan(rules: Vec<Rule>) -> Plan {
        Plan {
            hash: ContractHash([1; 16]),
            product: ProductName { domain: "sales".into(), name: "orders".into() },
            contract_id: String::new(),
            contract_version: String::new(),
            owner: String::new(),
            described: Default::default(),
            objects: vec![],
            rules,
            profile: ProfilePlan::default(),
            incident: IncidentPolicy { failing: 1, of: 1 },
        }
    }

    fn tally(rules: &[(u64, u64)]) -> Tally {
        let mut tally = Tally::default();
        tally.counts.records = 100;
        tally.rules = rules.iter().map(|&(asked, failed)| RuleTally { asked, failed, keys: None }).collect();
        tally
    }

    const WHOLE: Facts = Facts { complete: true, late: false };
    const PART: Facts = Facts { complete: false, late: false };
    const LATE: Facts = Facts { complete: true, late: true };

    #[test]
    fn records_that_were_not_measured_leave_open_what_they_might_decide() {
        let rows = |threshold| rule(Check::Present, threshold, Unit::Rows, None);
        let percent = |threshold| rule(Check::Present, threshold, Unit::Percent, None);
        let count = |threshold| rule(Check::RowCount, threshold, Unit::Rows, None);
        for (rule, asked, failed, expected) in [
            (rows(MustBe(0.0)), 10, 0, Unknown),
            (rows(MustBe(0.0)), 0, 0, Unknown),
            (rows(MustBe(0.0)), 10, 3, Fail),
            (rows(GreaterThan(2.0)), 10, 3, Pass),
            (percent(LessThan(31.0)), 10, 3, Unknown),
            (percent(LessThan(30.0)), 10, 3, Unknown),
            (count(GreaterThan(0.0)), 1, 0, Pass),
            (count(GreaterThan(5.0)), 1, 0, Unknown),
        ] {
            let mut tally = tally(&[(asked, failed)]);
            tally.counts.unmeasured = 5;
            let verdict = judge(&plan(vec![rule]), &tally, &WHOLE);
            let result = &verdict.results[0];
            assert_eq!(result.status, expected, "{result:?}");
            assert_eq!(verdict.status, if expected == Fail { Fail } else { Unknown }, "never a green light");
            assert!(
                expected != Unknown || result.reason.as_ref().is_some_and(|r| r.contains("5 records")),
                "{result:?}"
            );
        }
    }

    #[test]
    fn a_part_of_a_window_is_judged_as_far_as_it_goes() {
        let rows = |threshold| rule(Check::Present, threshold, Unit::Rows, None);
        let percent = |threshold| rule(Check::Present, threshold, Unit::Percent, None);
        let count = |threshold| rule(Check::RowCount, threshold, Unit::Rows, None);
        for (rule, asked, failed, whole, part, doomed) in [
            (rows(MustBe(0.0)), 10, 0, Pass, Pass, false),
            (rows(MustBe(0.0)), 10, 3, Fail, Fail, true),
            (rows(MustBe(0.0)), 0, 0, Skip, Skip, false),
            (rows(MustBe(4.0)), 10, 3, Fail, Unknown, false),
            (rows(MustNotBe(3.0)), 10, 3, Fail, Unknown, false),
            (rows(LessThan(3.0)), 10, 3, Fail, Fail, true),
            (rows(LessOrEqualTo(3.0)), 10, 3, Pass, Pass, false),
            (rows(GreaterThan(2.0)), 10, 3, Pass, Pass, false),
            (rows(GreaterOrEqualTo(4.0)), 10, 3, Fail, Unknown, false),
            (rows(Between(2.0, 4.0)), 10, 3, Pass, Pass, false),
            (rows(Between(1.0, 3.0)), 10, 3, Fail, Fail, true),
            (rows(NotBetween(1.0, 4.0)), 10, 3, Fail, Unknown, false),
            (percent(LessThan(30.0)), 10, 3, Fail, Fail, false),
            (percent(LessThan(31.0)), 10, 3, Pass, Pass, false),
            (percent(LessThan(31.0)), 0, 0, Skip, Skip, false),
            (count(GreaterThan(0.0)), 0, 0, Fail, Unknown, false),
            (count(GreaterThan(0.0)), 1, 0, Pass, Pass, false),
            (count(LessThan(10.0)), 9, 0, Pass, Unknown, false),
            (count(LessThan(10.0)), 10, 0, Fail, Fail, true),
            (count(Between(5.0, 10.0)), 7, 0, Pass, Unknown, false),
        ] {
            let name = format!("{:?} {:?} {asked} {failed}", rule.check, rule.threshold);
            let (plan, tally) = (plan(vec![rule]), tally(&[(asked, failed)]));
            let status = |facts: &Facts| judge(&plan, &tally, facts).results[0].status;
            assert_eq!(status(&WHOLE), whole, "{name}");
            assert_eq!(status(&PART), part, "{name}, incomplete");
            assert_eq!(status(&LATE), part, "{name}, late");
            assert_eq!(super::doomed(&plan, &tally).len(), usize::from(doomed), "{name}, doomed");
        }
    }

    #[test]
    fn uniqueness_is_measured_by_distinct_keys_up_to_a_bound() {
        let unique = |unit, threshold| plan(vec![rule(Check::Unique(vec![]), threshold, unit, None)]);
        let of = |keys: Keys| Tally { rules: vec![RuleTally { asked: 4, failed: 0, keys: Some(keys) }], ..tally(&[]) };
        let three = of(Keys::Exact([1, 2, 3].into_iter().collect()));
        let four = of(Keys::Exact([1, 2, 3, 4].into_iter().collect()));
        let first = |plan: &Plan, tally: &Tally, facts: &Facts| judge(plan, tally, facts).results.remove(0);

        let duplicate = first(&unique(Unit::Rows, MustBe(0.0)), &three, &PART);
        assert_eq!((duplicate.status, duplicate.value, duplicate.failed), (Fail, Some(1.0), 1));
        assert_eq!(first(&unique(Unit::Percent, LessThan(26.0)), &three, &WHOLE).value, Some(25.0));
        assert_eq!(first(&unique(Unit::Rows, MustBe(0.0)), &four, &WHOLE).status, Pass);
        // A duplicate may stand in what was not read.
        assert_eq!(first(&unique(Unit::Rows, MustBe(0.0)), &four, &PART).status, Unknown);
        assert_eq!(first(&unique(Unit::Percent, LessThan(26.0)), &three, &PART).status, Unknown);
        assert_eq!(doomed(&unique(Unit::Rows, MustBe(0.0)), &three).len(), 1);
    }

    #[test]
    fn an_estimate_decides_only_what_is_beyond_doubt() {
        let mut keys = Keys::default();
        (0..MAX_KEYS as u64 + 100_000).for_each(|n| assert!(keys.insert(n.wrapping_mul(0x9E37_79B9_7F4A_7C15))));
        let check = |threshold, unit, duplicates: u64, facts: &Facts, expected: Status| {
            let asked = MAX_KEYS as u64 + 100_000 + duplicates;
            let rules = vec![RuleTally { asked, failed: 0, keys: Some(keys.clone()) }];
            let plan = plan(vec![rule(Check::Unique(vec![]), threshold, unit, None)]);
            let result = judge(&plan, &Tally { rules, ..tally(&[]) }, facts).results.remove(0);
            assert_eq!(result.status, expected, "{threshold:?} {duplicates}: {result:?}");
            let (low, high) = result.bounds.expect("an estimate");
            let value = result.value.expect("a number");
            assert!(low <= value && value <= high && low < high, "{result:?}");
            assert_eq!(result.reason.is_some(), expected == Unknown);
        };
        // 1.1 million keys are known to 0.6 %, which is 6,600.
        check(MustBe(0.0), Unit::Rows, 0, &WHOLE, Unknown);
        check(MustBe(0.0), Unit::Rows, 20_000, &WHOLE, Fail);
        check(MustBe(0.0), Unit::Rows, 20_000, &PART, Fail);
        check(LessThan(30_000.0), Unit::Rows, 10_000, &WHOLE, Pass);
        check(LessThan(30_000.0), Unit::Rows, 10_000, &PART, Unknown);
        check(LessThan(10_000.0), Unit::Rows, 10_000, &WHOLE, Unknown);
        check(LessThan(5.0), Unit::Percent, 10_000, &WHOLE, Pass);
        check(MustBe(20_000.0), Unit::Rows, 20_000, &WHOLE, Unknown);
        check(Between(15.0, 90_000.0), Unit::Rows, 20_000, &WHOLE, Pass);
        check(NotBetween(15_000.0, 25_000.0), Unit::Rows, 20_000, &WHOLE, Unknown);
    }

    /// The product's status and score, from each rule's severity, rows asked and rows failed.
    fn product(rules: &[(Option<&str>, u64, u64)], undecodable: u64, future: u64) -> (Status, Option<f64>) {
        let plan = plan(rules.iter().map(|(s, ..)| rule(Check::Present, MustBe(0.0), Unit::Rows, *s)).collect());
        let mut tally = tally(&rules.iter().map(|(_, asked, failed)| (*asked, *failed)).collect::<Vec<_>>());
        (tally.counts.undecodable, tally.counts.future) = (undecodable, future);
        let verdict = judge(&plan, &tally, &WHOLE);
        (verdict.status, verdict.score)
    }

    #[test]
    fn a_product_fails_first_then_is_unknown_then_warns_then_passes() {
        let warning = Some("Warning");
        for (rules, undecodable, future, expected) in [
            (vec![(None, 9, 0)], 0, 0, (Pass, Some(1.0))),
            (vec![(None, 9, 1)], 0, 0, (Fail, Some(0.5))),
            (vec![(warning, 9, 1)], 0, 0, (Warn, Some(0.75))),
            (vec![(warning, 9, 1), (None, 9, 1)], 0, 0, (Fail, Some(0.5))),
            (vec![(None, 9, 0)], 1, 0, (Fail, Some(0.5))),
            (vec![(None, 9, 0)], 0, 1, (Warn, Some(2.5 / 3.0))),
            (vec![(None, 0, 0), (None, 9, 0)], 0, 0, (Pass, Some(1.0))),
            // That records can be decoded says nothing of rules that were asked of no row.
            (vec![(None, 0, 0)], 0, 0, (Unknown, None)),
            (vec![(None, 0, 0)], 1, 0, (Fail, Some(0.0))),
            (vec![], 0, 0, (Pass, Some(1.0))),
        ] {
            assert_eq!(product(&rules, undecodable, future), expected, "{rules:?} {undecodable} {future}");
        }
        let unmeasured = || rule(Check::Unmeasured("custom checks are not run".into()), MustBe(0.0), Unit::Rows, None);
        let failing = || rule(Check::Present, MustBe(0.0), Unit::Rows, None);
        let warning = || rule(Check::Present, MustBe(0.0), Unit::Rows, Some("info"));
        let of = |second: Rule| judge(&plan(vec![unmeasured(), second]), &tally(&[(0, 0), (9, 1)]), &WHOLE);
        assert_eq!(of(failing()).status, Fail);
        assert_eq!(of(warning()).status, Unknown);
        assert_eq!(of(warning()).results[0].reason.as_deref(), Some("custom checks are not run"));
    }

    #[test]
    fn nothing_read_is_nothing_known() {
        let plan = plan(vec![rule(Check::Present, MustBe(0.0), Unit::Rows, None)]);
        let verdict = judge(&plan, &Tally::default(), &WHOLE);
        assert_eq!((verdict.status, verdict.score), (Unknown, None));
        assert!(verdict.results.iter().all(|r| r.status == Skip && r.reason.is_some()));
        assert_eq!(doomed(&plan, &Tally::default()), []);
    }

    #[test]
    fn built_in_results_come_with_their_own_samples() {
        let sample = |reason: &str| Sample {
            rule: None,
            topic: crate::engine::record::TopicId(1),
            partition: 0,
            offset: 7,
            reason: reason.into(),
            value: String::new(),
        };
        let mut tally = tally(&[]);
        (tally.counts.undecodable, tally.counts.future) = (1, 1);
        tally.samples = vec![sample(FUTURE), sample("not_json at byte 1")];
        let results = judge(&plan(vec![]), &tally, &WHOLE).results;
        let seen: Vec<_> = results.iter().map(|r| (r.id.as_str(), r.status, r.samples[0].reason.as_str())).collect();
        assert_eq!(seen, [(DECODABLE, Fail, "not_json at byte 1"), (TIMESTAMP, Warn, FUTURE)]);
        assert_eq!(doomed(&plan(vec![]), &tally)[0], results[0]);
    }

    #[test]
    fn thresholds_are_written_in_the_standards_words() {
        assert_eq!(threshold_json(MustBe(0.0)).to_string(), r#"{"mustBe":0}"#);
        assert_eq!(threshold_json(Between(0.5, 1e300)).to_string(), r#"{"mustBeBetween":[0.5,1e+300]}"#);
    }
}
