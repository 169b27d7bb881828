//! One contract, window after window.

use super::*;
use crate::engine::check::sla::Told;
use crate::engine::contract::{compile, odcs};
use crate::engine::trend::budget::DAY_MS;

const CONTRACT: &str = "
apiVersion: v3.1.0
kind: DataContract
id: orders
version: 1.0.0
status: active
domain: sales
schema:
  - {name: orders, physicalType: topic, properties: [{name: at, logicalType: timestamp}]}
slaProperties:
  - {id: fresh, property: freshness, value: 15, unit: s}
  - {id: there, property: availability, value: 75}
customProperties:
  - {property: steward.objective, value: 90}
";
const SIZE_MS: i64 = 10_000;

fn plan(text: &str) -> Plan {
    compile::compile(&odcs::parse(text).contract.expect("a contract"))
}

/// Closes a window in which records came, or none.
fn close(history: &mut History, plan: &Plan, number: i64, came: bool, complete: bool) -> Verdict {
    let mut tally = Tally::default();
    let start_ms = number * SIZE_MS;
    if came {
        tally.counts.records = 1;
        for (number, rule, promise) in promises(plan) {
            let told = Told { timestamp_ms: Some(start_ms + 9_000), ..Told::default() };
            let times = tally.rule(number).times.get_or_insert_default();
            times.see(promise.sla, rule.threshold, told, None);
        }
    }
    let closing = Closing { start_ms, end_ms: start_ms + SIZE_MS, windows: 1, complete };
    history.close(plan, &tally, &Facts { complete, ..Facts::default() }, &closing)
}

fn status(verdict: &Verdict, id: &str) -> Status {
    verdict.results.iter().find(|result| result.id == id).expect("the rule").status
}

/// By name: good windows, all of them, and what is left of the budget.
fn budgets(history: &History, plan: &Plan, at_ms: i64) -> Vec<(String, u64, u64, Option<f64>)> {
    let all = history.budgets(plan, at_ms).into_iter();
    all.map(|b| (b.sla.clone(), b.good, b.windows, b.ratio())).collect()
}

#[test]
fn windows_are_judged_by_those_before_them_and_spend_the_budgets() {
    let (plan, mut history) = (plan(CONTRACT), History::default());
    let mut told = Vec::new();
    for (number, came) in [true, true, false, false, false, true].into_iter().enumerate() {
        let verdict = close(&mut history, &plan, number as i64, came, true);
        told.push((status(&verdict, "fresh"), verdict.status));
    }
    use Status::{Fail, Pass, Unknown};
    // An availability of three windows is not told yet, and then too low.
    let expected = [(Pass, Unknown), (Pass, Unknown), (Pass, Unknown), (Fail, Fail), (Fail, Fail), (Pass, Fail)];
    assert_eq!(told, expected);
    assert_eq!(
        budgets(&history, &plan, 6 * SIZE_MS),
        [
            ("product".into(), 0, 3, Some(-9.0)),
            ("fresh".into(), 4, 6, Some(-2.333_333)),
            ("there".into(), 3, 6, Some(-1.0))
        ]
    );
    assert_eq!(budgets(&history, &plan, 31 * DAY_MS)[1], ("fresh".into(), 0, 0, None));
}

#[test]
fn another_version_goes_on_with_what_it_promises_still() {
    let (old, mut history) = (plan(CONTRACT), History::default());
    close(&mut history, &old, 0, true, true);
    let new = plan(
        &CONTRACT
            .replace("version: 1.0.0", "version: 1.1.0")
            .replace("  - {id: there, property: availability, value: 75}\n", ""),
    );
    history.retain(&new);
    let verdict = close(&mut history, &new, 1, false, true);
    assert_eq!(status(&verdict, "fresh"), Status::Pass, "11 s after the newest record, which the old version read");
    assert_eq!(budgets(&history, &new, SIZE_MS).len(), 2);
}

#[test]
fn it_is_small_and_reads_back_as_it_was_written() {
    let many: String = (0..2 * LEVELS_MAX)
        .map(|n| format!("  - {{id: a-service-level-with-quite-a-long-name-{n}, property: throughput, value: 1, unit: records/d}}\n"))
        .collect();
    let (plan, mut history) =
        (plan(&CONTRACT.replace("slaProperties:\n", &format!("slaProperties:\n{many}"))), History::default());
    for number in 0..2_000 {
        close(&mut history, &plan, number * 2_000, true, true);
    }
    let bytes = postcard::to_stdvec(&history).expect("plain data");
    assert!(bytes.len() < 1_000 * (LEVELS_MAX + 1), "{} bytes", bytes.len());
    assert_eq!(postcard::from_bytes::<History>(&bytes), Ok(history));
}
