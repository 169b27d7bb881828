//! Planted drift in streams of records, and streams in which nothing changes.

use super::*;
use crate::engine::check::key::Hashes;
use crate::engine::contract::{compile, odcs};
use crate::engine::decode::tree::Kind;
use crate::engine::profile::quantiles::Quantiles;
use crate::engine::profile::scalar::Keyed;
use crate::engine::profile::shape::{How, SIZES, Sight};
use crate::engine::trend::dice::{normal, uniform};

const SIZE_MS: i64 = 60_000;
const RECORDS: u64 = 250;

fn plan() -> Plan {
    let text = "
apiVersion: v3.1.0
kind: DataContract
id: orders
version: 1.0.0
status: active
domain: sales
schema:
  - name: orders
    physicalType: topic
    properties: [{name: amount, logicalType: integer}]
";
    compile::compile(&odcs::parse(text).contract.expect("a contract"))
}

fn closing(number: i64) -> Closing {
    Closing { start_ms: number * SIZE_MS, end_ms: (number + 1) * SIZE_MS, windows: 1, complete: true }
}

/// Numbers, of which the nth part is null.
fn numbers(n: u64, nulls: u64, mut number: impl FnMut() -> f64) -> Field {
    let mut quantiles = Quantiles::new(200);
    (nulls..n).for_each(|_| quantiles.add(number()));
    let kinds = Kinds { integer: n - nulls, null: nulls, ..Kinds::default() };
    Field { kinds, quantiles: Some(quantiles), ..Field::default() }
}

fn texts(words: impl Iterator<Item = String>) -> Field {
    let how = How { sight: Sight::Hashed, size: SIZES[0].1, scope: 1 };
    let (mut field, hashes) = (Field::default(), Hashes::new(&[7; 16]));
    words.for_each(|word| field.see(Kind::Text(&word), &how, || Keyed::of(&hashes, 1)));
    field
}

/// A window of such records; `extra` is a field that the contract does not know.
fn window(field: Field, extra: Option<Field>) -> Tally {
    let mut tally = Tally::default();
    tally.counts.records = RECORDS;
    tally.profile.fields = vec![Some(Box::new(field))];
    tally.profile.extra = extra.map(|field| ("note".to_owned(), Box::new(field))).into_iter().collect();
    tally
}

/// Windows of what was usual, then of what is planted: after how many of these the finding is told, which no other is before.
fn check(usual: impl Fn(i64) -> Tally, planted: impl Fn(i64) -> Tally, what: What, within: i64) -> Baseline {
    let (plan, mut baseline) = (plan(), Baseline::default());
    for number in 0..100 {
        let drift = baseline.see(&plan, &usual(number), &closing(number));
        assert_eq!(drift.findings, [], "{what:?}: window {number}");
        assert_eq!(drift.learning.iter().any(|l| l.what == "schema"), number < i64::from(ENOUGH), "window {number}");
    }
    let found = (0..within).find(|number| {
        let drift = baseline.see(&plan, &planted(100 + number), &closing(100 + number));
        drift.findings.iter().any(|finding| finding.what == what)
    });
    assert!(found.is_some(), "{what:?} is not found within {within} windows");
    baseline
}

fn steady(number: i64) -> Tally {
    let mut dice = uniform(number as u64 * 31 + 7);
    window(numbers(RECORDS, RECORDS / 50, || (dice() * 20.0).floor()), None)
}

#[test]
fn a_planted_shift_is_found_within_two_windows() {
    let shifted = |number: i64| {
        let mut dice = uniform(number as u64 * 31 + 7);
        window(numbers(RECORDS, 5, || (dice() * 20.0).floor() + 8.0), None)
    };
    check(steady, shifted, What::Distribution, 2);
    let nulls = |number: i64| {
        let mut dice = uniform(number as u64 * 31 + 7);
        window(numbers(RECORDS, 60, || (dice() * 20.0).floor()), None)
    };
    check(steady, nulls, What::NullShare, 1);
    check(steady, |_| window(numbers(RECORDS, RECORDS, || 0.0), None), What::Vanished, 1);
    let typed = |number: i64| {
        let mut tally = steady(number);
        if let Some(Some(field)) = tally.profile.fields.first_mut() {
            (field.kinds.integer, field.kinds.text) = (field.kinds.integer - 30, 30);
        }
        tally
    };
    check(steady, typed, What::Type, 1);
    let more = |number: i64| {
        let mut dice = uniform(number as u64);
        window(numbers(RECORDS, 5, || (dice() * 20.0).floor()), Some(numbers(RECORDS, 0, || 1.0)))
    };
    check(steady, more, What::Appeared, 1);
}

#[test]
fn values_that_come_more_often_than_they_did_are_found() {
    let words = |skew: f64| {
        move |number: i64| {
            let mut dice = uniform(number as u64 * 77 + 5);
            window(texts((0..RECORDS).map(|_| format!("w{}", (dice().powf(skew) * 6.0).floor()))), None)
        }
    };
    check(words(1.0), words(3.0), What::Distribution, 2);
}

#[test]
fn what_stays_is_usual_one_day() {
    let more = |number: i64| {
        let mut dice = uniform(number as u64);
        window(numbers(RECORDS, 5, || (dice() * 20.0).floor() + 8.0), Some(numbers(RECORDS, 0, || 1.0)))
    };
    let mut baseline = check(steady, more, What::Appeared, 1);
    let plan = plan();
    let told = (101..1_500).map(|number| baseline.see(&plan, &more(number), &closing(number)).findings.len());
    let told: Vec<usize> = told.collect();
    assert_eq!((told[5], told[1_300]), (2, 0), "the new field and the shift, then neither");
}

#[test]
fn ten_thousand_windows_in_which_nothing_changes_have_no_finding_that_holds() {
    let (plan, mut baseline) = (plan(), Baseline::default());
    let (mut dice, mut findings, mut held, mut longest) = (uniform(42), 0, 0, 0);
    for number in 0..10_000 {
        let records = (RECORDS as f64 * (1.0 + 0.05 * normal(&mut dice))) as u64;
        let nulls = (0..records).filter(|_| dice() < 0.02).count() as u64;
        let mut tally = window(numbers(records, nulls, || (dice() * 20.0).floor()), None);
        tally.counts.records = records;
        let drift = baseline.see(&plan, &tally, &closing(number));
        findings += drift.findings.len();
        held = if drift.findings.is_empty() { 0 } else { held + 1 };
        longest = longest.max(held);
    }
    assert!(
        findings <= 10 && longest < 3,
        "{findings} findings, {longest} in a row; docs/drift.md says one of 1,000 at most"
    );
}

#[test]
fn a_planted_distribution_change_would_be_missed_without_the_index() {
    // The threshold is what decides: the index of the planted shift lies beyond it, and that of chance below.
    let bins = |offset: f64| {
        let mut bins = Bins::of(&numbers(RECORDS, 0, {
            let mut d = uniform(1);
            move || (d() * 20.0).floor()
        }))
        .expect("enough");
        for seed in 0..40u64 {
            let mut dice = uniform(seed + 2);
            let shift = if seed == 39 { offset } else { 0.0 };
            bins.see(&numbers(RECORDS, 0, || (dice() * 20.0).floor() + shift));
        }
        bins.shift()
    };
    assert_eq!(bins(0.0), None);
    assert!(bins(5.0).is_some_and(|shift| f64::from(shift.index) > bins::SHIFTED && shift.divergence > 0.0));
}

#[test]
fn five_hundred_fields_are_remembered_in_little_room() {
    let properties: String = (0..600).map(|n| format!("{{name: f{n}, logicalType: integer}}, ")).collect();
    let text = format!(
        "apiVersion: v3.1.0\nkind: DataContract\nid: wide\nversion: 1.0.0\nstatus: active\ndomain: d\nschema:\n  - {{name: w, physicalType: topic, properties: [{properties}]}}\n"
    );
    let plan = compile::compile(&odcs::parse(&text).contract.expect("a contract"));
    let mut baseline = Baseline::default();
    let mut left_out = 0;
    for number in 0..40 {
        let mut tally = steady(number);
        let field = tally.profile.fields[0].clone();
        tally.profile.fields = vec![field; 600];
        left_out = baseline.see(&plan, &tally, &closing(number)).left_out;
    }
    let bytes = postcard::to_stdvec(&baseline).expect("plain data");
    assert_eq!((baseline.fields.len(), left_out), (FIELDS_MAX, 100));
    assert!(bytes.len() < BYTES_MAX, "{} bytes", bytes.len());
    assert_eq!(postcard::from_bytes::<Baseline>(&bytes), Ok(baseline));
}
