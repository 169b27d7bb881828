//! A dry run in parts says what a dry run of the whole does, to the letter.

use super::*;
use crate::engine::contract::odcs;
use crate::engine::trial::report::{self, Origin};
use proptest::prelude::*;

/// 2026-11-28T14:00:00Z.
const NOW: i64 = 1_795_874_400_000;

/// Rules of each kind that a tally keeps in another way.
const CONTRACT: &str = r"kind: DataContract
apiVersion: v3.1.0
id: c
version: 1.0.0
status: active
customProperties:
- {property: steward.records, value: {oversized: {bytes: 100, then: warn}}}
schema:
- name: orders
  customProperties:
  - {property: steward.headers, value: [{name: source, required: true}]}
  properties:
  - {name: id, logicalType: integer, unique: true}
  - {name: line, logicalType: integer, required: true}
  - name: parent
    relationships:
    - {to: orders.id, customProperties: [{property: steward.referenceHorizon, value: 1d}]}
  - {name: state, logicalType: string, logicalTypeOptions: {pattern: '^[a-c]$'}}
  - name: amount
    logicalType: number
    logicalTypeOptions: {minimum: 0}
    quality:
    - {metric: invalidValues, arguments: {validValues: [1, 2, 3]}, mustBeLessThan: 30, unit: percent}
    - {type: custom, engine: cel, implementation: value == null || value < 40.5}
  - {name: at, logicalType: timestamp, physicalType: long}
  quality:
  - {metric: duplicateValues, arguments: {properties: [id, line]}, mustBe: 0}
  - {metric: rowCount, mustBeGreaterThan: 10}
  - {type: sql, query: 'SELECT AVG(amount) FROM orders', mustBeLessThan: 3}
  - {type: sql, query: 'SELECT COUNT(DISTINCT state) FROM orders', mustBe: 2}
slaProperties:
- {property: freshness, value: 30, unit: m, element: orders.at}
- {property: latency, value: 2, unit: s, element: orders.at}
- {property: frequency, value: 1, unit: m, element: orders.at}
- {property: throughput, value: 10, unit: records/s, element: orders.at}
- {property: retention, value: 1, unit: h, element: orders.at}
";

#[derive(Clone, Debug)]
struct Record {
    partition: i32,
    part: usize,
    merged: bool,
    sourced: bool,
    value: Option<String>,
}

fn record() -> impl Strategy<Value = Record> {
    let fields = (0u8..24, 0u8..3, proptest::option::of(0u8..40), 0usize..5, -20i32..900, 0i64..4_000_000);
    let value = fields.prop_map(|(id, line, parent, state, amount, ago)| {
        let state = ["a", "b", "c", "d", "a state that nobody has heard of, and that is far too long to be one"][state];
        let (parent, at) = (parent.map_or("null".to_owned(), |parent| parent.to_string()), NOW - ago);
        let id = if id == 0 { "null".to_owned() } else { id.to_string() };
        let amount = f64::from(amount) / 10.0;
        format!(r#"{{"id":{id},"line":{line},"parent":{parent},"state":"{state}","amount":{amount},"at":{at}}}"#)
    });
    let value = prop_oneof![12 => value.prop_map(Some), 1 => Just(None), 1 => Just(Some("{".to_owned()))];
    (0i32..3, 0usize..4, proptest::bool::weighted(0.1), any::<bool>(), value)
        .prop_map(|(partition, part, merged, sourced, value)| Record { partition, part, merged, sourced, value })
}

/// Partition and offset of each, as they come one after the other.
fn placed(records: &[Record]) -> Vec<(Position, i64, &Record)> {
    let mut next = [0; 3];
    let mut place = |record: &Record| {
        let next = &mut next[record.partition as usize];
        *next += 1;
        (Position { topic: TopicId(0), partition: record.partition }, *next - 1)
    };
    records.iter().map(|record| (place(record), record)).map(|((at, offset), record)| (at, offset, record)).collect()
}

fn try_on(trial: &mut Trial, (at, offset, record): &(Position, i64, &Record)) {
    let sourced: Vec<(&[u8], Option<&[u8]>)> = vec![(b"source", Some(b"web"))];
    let none: Vec<(&[u8], Option<&[u8]>)> = Vec::new();
    let raw = RawRecord {
        timestamp_ms: NOW,
        value: record.value.as_deref().map(str::as_bytes),
        headers: Some(if record.sourced { &sourced } else { &none }),
        ..RawRecord::empty(*offset)
    };
    trial.record(&raw, *at).expect("JSON needs no schema");
}

fn told(trial: &Trial) -> serde_json::Value {
    serde_json::to_value(report::of(trial, "odcs", Origin::Topic)).expect("plain data")
}

proptest! {
    // Each case judges some hundred records twice by twenty rules.
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn parts_in_any_number_and_order_say_what_the_whole_does(
        records in proptest::collection::vec(record(), 0..250), backwards in any::<bool>(), sampled in any::<bool>(),
    ) {
        let mut text = CONTRACT.to_owned();
        if sampled {
            text = text.replace("customProperties:\n- {", "customProperties:\n- {property: steward.sample, value: 0.5}\n- {");
        }
        let parsed = odcs::parse(&text);
        let contract = parsed.contract.unwrap_or_else(|| panic!("{:?}", parsed.problems));
        let trial = || Trial::of(&contract, None, NOW).expect("an object");
        let (mut one, mut whole) = (trial(), trial());
        let mut placed = placed(&records);
        placed.iter().for_each(|record| try_on(&mut one, record));
        if backwards {
            placed.reverse();
        }
        let mut parts: Vec<Trial> = (0..4).map(|_| whole.part()).collect();
        for record in &placed {
            let part = &mut parts[record.2.part];
            try_on(part, record);
            if record.2.merged {
                whole.merge(part);
            }
        }
        parts.iter_mut().for_each(|part| whole.merge(part));
        prop_assert_eq!(told(&whole), told(&one));
    }
}

#[test]
fn what_is_tried_in_parts_fails_where_it_is_meant_to() {
    let contract = odcs::parse(CONTRACT).contract.expect("a contract");
    let value =
        |n: i32| Some(format!(r#"{{"id":{},"line":0,"parent":{},"state":"e","amount":-1,"at":{NOW}}}"#, n % 20, n + 7));
    let records: Vec<Record> =
        (0..30).map(|n| Record { partition: n % 3, part: 0, merged: false, sourced: false, value: value(n) }).collect();
    let mut trial = Trial::of(&contract, None, NOW).expect("an object");
    placed(&records).iter().for_each(|record| try_on(&mut trial, record));
    let report = report::of(&trial, "odcs", Origin::Topic);
    let of = |property: Option<&str>, rule: &str| {
        let found = report.checks.iter().find(|c| c.property.as_deref() == property && c.rule == rule);
        let found = found.unwrap_or_else(|| panic!("{rule} of {property:?} in {:?}", report.checks));
        let places: Vec<_> =
            found.samples.iter().map(|s| (s.partition.unwrap_or(-1), s.offset.unwrap_or(-1))).collect();
        (found.verdict, found.failed, places)
    };
    // Of the ids 0 to 9 the second record is 20 after the first: at offset 6 of partition 2, and so on.
    let second = vec![(2, 6), (0, 7), (1, 7), (2, 7), (0, 8)];
    assert_eq!(of(Some("id"), "unique"), ("fail", 10, second.clone()));
    assert_eq!(of(None, "duplicateValues"), ("fail", 10, second));
    assert_eq!(of(Some("@headers.source"), "required").0, "fail");
    assert_eq!(of(Some("amount"), "minimum").1, 30);
}
