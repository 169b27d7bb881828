//! Windows against thresholds: whole, in part, late, and with records that nobody could measure.

use super::*;
use crate::engine::check::keys::{Distinct, Keys, MAX_KEYS};
use crate::engine::check::own::{DECODABLE, TIMESTAMP};
use crate::engine::check::tally::FUTURE;
use crate::engine::contract::mode::Mode;
use crate::engine::contract::name::{ContractHash, ProductName};
use crate::engine::contract::plan::IncidentPolicy;
use crate::engine::profile::shape::ProfilePlan;
use Status::{Fail, Pass, Skip, Unknown, Warn};
use Threshold::{Between, GreaterOrEqualTo, GreaterThan, LessOrEqualTo, LessThan, MustBe, MustNotBe, NotBetween};

fn rule(check: Check, threshold: Threshold, unit: Unit, severity: Option<&str>) -> Rule {
    Rule {
        id: "r".into(),
        own_id: true,
        name: None,
        object: 0,
        property: None,
        field: None,
        metric: "test",
        dimension: None,
        severity: severity.map(Into::into),
        mode: Mode::Warn,
        relates_to: String::new(),
        classified: false,
        check,
        horizon_ms: None,
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
        asked: vec![],
        profile: ProfilePlan::default(),
        horizons: Vec::new(),
        incident: IncidentPolicy { failing: 1, of: 1 },
        mode: Mode::Warn,
        objective: 0.99,
        records: Default::default(),
        sample: None,
    }
}

fn tally(rules: &[(u64, u64)]) -> Tally {
    let mut tally = Tally::default();
    tally.counts.records = 100;
    tally.rules = rules.iter().map(|&(asked, failed)| RuleTally { asked, failed, ..RuleTally::default() }).collect();
    tally
}

const WHOLE: Facts = Facts { complete: true, late: false, too_late: 0, across: Across::new() };
const PART: Facts = Facts { complete: false, late: false, too_late: 0, across: Across::new() };
const LATE: Facts = Facts { complete: true, late: true, too_late: 0, across: Across::new() };

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
        assert!(expected != Unknown || result.reason.as_ref().is_some_and(|r| r.contains("5 records")), "{result:?}");
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
    let of = |keys: Keys| Tally {
        rules: vec![RuleTally { asked: 4, keys: Some(keys), ..RuleTally::default() }],
        ..tally(&[])
    };
    let three = of(Keys::Exact(Distinct::of(vec![1, 2, 3])));
    let four = of(Keys::Exact(Distinct::of(vec![1, 2, 3, 4])));
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
        let rules = vec![RuleTally { asked, keys: Some(keys.clone()), ..RuleTally::default() }];
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

#[test]
fn what_is_observed_is_told_and_counts_for_nothing() {
    use Mode::{Enforce, Observe};
    let ruled = |mode, severity| Rule { mode, ..rule(Check::Present, MustBe(0.0), Unit::Rows, severity) };
    let of = |rules: Vec<Rule>, mode, counts: &[(u64, u64)], undecodable| {
        let mut tally = tally(counts);
        tally.counts.undecodable = undecodable;
        judge(&Plan { mode, ..plan(rules) }, &tally, &WHOLE)
    };
    for (modes, of_contract, counts, undecodable, expected) in [
        // A failure that is observed is as if the rule were not there, beside one that holds and alone.
        (vec![Mode::Warn, Observe], Mode::Warn, vec![(9, 0), (9, 3)], 0, (Pass, Some(1.0))),
        (vec![Observe], Mode::Warn, vec![(9, 3)], 0, (Pass, Some(1.0))),
        // Nor does it lend a product a pass that was asked nothing else.
        (vec![Mode::Warn, Observe], Mode::Warn, vec![(0, 0), (9, 0)], 0, (Unknown, None)),
        (vec![Enforce, Observe], Mode::Warn, vec![(9, 1), (9, 3)], 0, (Fail, Some(0.5))),
        // Where all is observed there is nothing to say, undecodable records aside or not.
        (vec![Observe], Observe, vec![(9, 3)], 1, (Unknown, None)),
        (vec![Observe, Enforce], Observe, vec![(9, 3), (9, 0)], 1, (Pass, Some(1.0))),
        (vec![Observe], Enforce, vec![(9, 3)], 1, (Fail, Some(0.0))),
    ] {
        let verdict = of(modes.iter().map(|m| ruled(*m, None)).collect(), of_contract, &counts, undecodable);
        assert_eq!((verdict.status, verdict.score), expected, "{modes:?} in {of_contract:?}");
        let told: Vec<Mode> = verdict.results.iter().map(|r| r.mode).collect();
        assert_eq!(told, [modes.clone(), vec![of_contract]].concat());
        let failed: Vec<u64> = verdict.results.iter().map(|r| r.failed).collect();
        let counted: Vec<u64> = counts.iter().map(|c| c.1).chain([undecodable]).collect();
        assert_eq!(failed, counted, "what is observed is measured all the same");
    }
}

#[test]
fn what_other_windows_held_is_added_and_what_nobody_knows_of_them_is_unknown() {
    let unique = |threshold, unit| Rule { horizon_ms: Some(1), ..rule(Check::Unique(vec![]), threshold, unit, None) };
    let (rows, percent) = (|t| unique(t, Unit::Rows), |t| unique(t, Unit::Percent));
    let about = |value, low, high| Some(Ok(Rows { value, low, high }));
    let exactly = |n| about(n, n, n);
    let blind = || Some(Err("nobody knows".to_owned()));
    // Ten rows with eight keys: two repeat within the window.
    for (rule, across, expected, failed) in [
        (rows(MustBe(2.0)), exactly(0.0), Pass, 2),
        (rows(MustBe(0.0)), exactly(3.0), Fail, 5),
        (rows(LessThan(6.0)), exactly(3.0), Pass, 5),
        (percent(LessThan(50.0)), exactly(3.0), Fail, 5),
        (rows(LessThan(6.0)), blind(), Unknown, 2),
        (rows(LessThan(6.0)), None, Unknown, 2),
        (rows(LessThan(2.0)), blind(), Fail, 2),
        (percent(LessThan(20.0)), blind(), Unknown, 2),
        (rows(LessThan(6.0)), about(3.0, 1.0, 5.0), Unknown, 5),
        (rows(LessThan(8.0)), about(3.0, 1.0, 5.0), Pass, 5),
        (rows(LessThan(3.0)), about(3.0, 1.0, 5.0), Fail, 5),
    ] {
        let mut tally = tally(&[(10, 0)]);
        tally.rules[0].keys = Some(Keys::Exact(Distinct::of((0..8).collect())));
        let name = format!("{:?} {across:?}", rule.threshold);
        let known = across.as_ref().is_some_and(Result::is_ok);
        let facts = Facts { across: across.map(|across| (0, across)).into_iter().collect(), ..WHOLE };
        let result = judge(&plan(vec![rule]), &tally, &facts).results.remove(0);
        assert_eq!((result.status, result.failed), (expected, failed), "{name}: {result:?}");
        assert_eq!(result.bounds.is_some(), known && name.contains("low: 1.0"), "{name}: the error is told");
    }
}

#[test]
fn records_that_could_not_be_put_aside_are_a_warning_with_the_reason() {
    use crate::engine::check::aside::{self, QUARANTINE};
    use crate::engine::record::{Position, TopicId};
    let plan = plan(vec![rule(Check::Present, MustBe(0.0), Unit::Rows, None)]);
    let of = |lost: &[Option<&str>]| {
        let mut tally = tally(&[(100, 0)]);
        let at = Position { topic: TopicId(1), partition: 0 };
        lost.iter().enumerate().for_each(|(n, lost)| aside::count(&plan, at, n as i64, *lost, &mut tally));
        let pieces = tally.clone().split(1);
        let merged = pieces.into_iter().fold(Tally::default(), |mut all, piece| {
            all.merge(piece);
            all
        });
        assert_eq!(merged, tally);
        let verdict = judge(&plan, &merged, &WHOLE);
        let found = verdict.results.iter().find(|r| r.id == QUARANTINE).map(|r| (r.asked, r.failed, r.reason.clone()));
        (verdict.status, verdict.score, found)
    };
    assert_eq!(of(&[]), (Pass, Some(1.0), None));
    assert_eq!(of(&[None, None]), (Pass, Some(1.0), Some((2, 0, None))));
    let why = "1 records are not in quarantine: no right";
    assert_eq!(of(&[None, Some("no right")]), (Warn, Some(1.0), Some((2, 1, Some(why.to_owned())))));
}
