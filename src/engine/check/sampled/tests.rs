//! A sample against all records: what is counted of all is exact, what is not says so, and nothing passes unmeasured.

use super::*;
use crate::engine::check::record::{Examined, Examiner};
use crate::engine::check::verdict::{RuleResult, Status, judge};
use crate::engine::contract::{compile, odcs};
use crate::engine::record::{Position, RawRecord, TopicId};
use std::collections::BTreeMap;

const AT: Position = Position { topic: TopicId(5), partition: 2 };

const RULES: &str = "
schema:
- name: o
  physicalType: topic
  properties:
  - {name: id, required: true, unique: true}
  - name: n
    quality:
    - {id: few, metric: nullValues, mustBeLessThan: 5, unit: percent}
    - {id: never, metric: nullValues, mustBe: 0}
    - {id: hundreds, metric: nullValues, mustBeLessThan: 1000}
  quality:
  - {id: rows, metric: rowCount, mustBe: 10000}
  - {id: sums, type: sql, query: 'SELECT SUM(n) FROM o', mustBeGreaterThan: 0}
slaProperties:
- {id: fresh, property: freshness, value: 1, unit: h}
";

fn plan(sample: &str) -> Plan {
    let head = "apiVersion: v3.1.0\nkind: DataContract\nid: c\nversion: 1.0.0\nstatus: active\n";
    let text = format!("{head}{RULES}customProperties: [{{property: steward.sample, value: {sample}}}]\n");
    compile::compile(&odcs::parse(&text).contract.expect("a contract"))
}

/// 10,000 records, the `missing`-th of which each have no `n`, and every hundredth cannot be decoded.
fn tally(plan: &Plan, missing: i64, batch: usize) -> Tally {
    let mut examiner = Examiner::new(&[3; 16]);
    let (mut whole, mut tally) = (Tally::default(), Tally::default());
    for offset in 0..10_000 {
        if (offset as usize).is_multiple_of(batch) {
            whole.merge(std::mem::take(&mut tally));
            examiner.reads(AT);
        }
        let n = if offset % missing == 0 { "null" } else { "3" };
        let value =
            if offset % 100 == 7 { "{".to_owned() } else { format!("{{\"id\":\"i{}\",\"n\":{n}}}", offset % 9_000) };
        let record = RawRecord { timestamp_ms: offset, value: Some(value.as_bytes()), ..RawRecord::empty(offset) };
        assert_eq!(examiner.examine(plan, &[0], &record), Examined::At(None));
        examiner.count(plan, &record, AT, false, &mut tally);
    }
    whole.merge(tally);
    whole
}

fn results(plan: &Plan, tally: &Tally) -> BTreeMap<String, RuleResult> {
    let facts = Facts { complete: true, ..Facts::default() };
    judge(plan, tally, &facts).results.into_iter().map(|result| (result.id.clone(), result)).collect()
}

#[test]
fn records_are_counted_as_without_a_sample_and_rules_and_profile_are_of_the_sample_alone() {
    let (all, sampled) = (plan("1"), plan("0.1"));
    assert_eq!((all.sample, of(&all, &Tally::default())), (None, None));
    let (whole, some) = (tally(&all, 20, 10_000), tally(&sampled, 20, 10_000));
    assert_eq!((some.counts, &some.undecodable), (whole.counts, &whole.undecodable));
    assert_eq!(some.profile.topic, whole.profile.topic);
    let looked = of(&sampled, &some).expect("a sample");
    assert_eq!(looked.share, 0.1);
    assert!((850..1_130).contains(&looked.records), "{looked:?} of 9,900");
    let (found, of_all) = (results(&sampled, &some), results(&all, &whole));
    for id in ["rows", "fresh", "steward.decodable"] {
        assert_eq!(found[id], of_all[id], "{id} is of all records");
    }
    for id in ["o.id.required", "few", "never", "hundreds"] {
        assert_eq!((found[id].asked, found[id].sampled), (looked.records, Some(0.1)), "{id}");
        assert_eq!((of_all[id].asked, of_all[id].sampled), (9_900, None), "{id}");
        let (low, high) = found[id].bounds.expect("an estimate");
        let truth = of_all[id].value.expect("measured");
        assert!(low <= truth && truth <= high, "{id}: {truth} in {low} to {high}");
    }
    let fields = some.profile.fields.iter().flatten().map(|field| field.kinds.total());
    assert_eq!(fields.collect::<Vec<_>>(), [looked.records; 2]);
}

#[test]
fn whoever_reads_again_takes_the_same_records_however_they_come() {
    let plan = plan("\"1 %\"");
    let once = tally(&plan, 3, 10_000);
    assert!(of(&plan, &once).is_some_and(|sampled| sampled.records > 50));
    for batch in [1, 7, 256] {
        let again = tally(&plan, 3, batch);
        assert_eq!((&again.rules, &again.samples, again.counts), (&once.rules, &once.samples, once.counts), "{batch}");
    }
}

#[test]
fn a_rule_passes_as_one_of_a_sample_fails_where_that_is_beyond_doubt_and_is_else_unknown() {
    use Status::{Fail, Pass, Unknown};
    let plan = plan("0.1");
    let check = |missing: i64, id: &str, status: Status, reason: &str| {
        let result = results(&plan, &tally(&plan, missing, 256)).remove(id).expect("a result");
        assert_eq!(result.status, status, "{id} of each {missing}th: {result:?}");
        let said = result.reason.clone().unwrap_or_default();
        assert!(said.contains(reason) && said.contains("10 %"), "{id}: {result:?}");
    };
    let stamp = "measured in a sample of 10 % of the records";
    // Of each 20th 5 % are missing, as much as nearly is allowed; of each 40th half of it, of each 10th twice.
    check(20, "few", Unknown, "which does not decide");
    check(60, "few", Pass, stamp);
    check(8, "few", Fail, stamp);
    check(20_000, "few", Pass, stamp);
    check(20, "never", Fail, stamp);
    check(20_000, "o.id.required", Pass, stamp);
    check(10, "hundreds", Unknown, "which does not decide");
    check(5, "hundreds", Fail, stamp);
    check(40, "hundreds", Pass, stamp);
    check(20, "sums", Unknown, "a query is about all records");
    check(20, "o.id.unique", Fail, stamp);
}

#[test]
fn keys_that_differ_in_a_sample_show_nothing() {
    let plan = plan("0.001");
    let found = results(&plan, &tally(&plan, 20, 256));
    let unique = &found["o.id.unique"];
    assert!(unique.asked > 0 && unique.failed == 0, "{unique:?}");
    assert_eq!((unique.status, unique.value), (Status::Unknown, None));
    assert!(unique.reason.as_ref().is_some_and(|why| why.contains("whether keys repeat")), "{unique:?}");
}

#[test]
fn bounds_hold_the_truth_and_no_failure_at_all_has_an_upper_one() {
    let close = |found: Rows, expected: (f64, f64, f64)| {
        let (value, low, high) = expected;
        let near = |a: f64, b: f64| (a - b).abs() < 0.01 * b.abs().max(0.01);
        assert!(near(found.value, value) && near(found.low, low) && near(found.high, high), "{found:?} {expected:?}");
    };
    close(count_of_all(0.0, 0.1), (0.0, 0.0, 90.0));
    // 4.5 ± 3 √(100 + 2.25) around 100, of a tenth.
    close(count_of_all(100.0, 0.1), (1_000.0, 741.6, 1_348.4));
    close(count_of_all(2.0, 0.9), (2.222, 2.0, 14.09));
    close(share(0.0, 91.0), (0.0, 0.0, 0.09));
    close(share(50.0, 100.0), (0.5, 0.3563, 0.6437));
    close(share(7.0, 7.0), (1.0, 0.4375, 1.0));
}
