//! Keys that stand in another product's topic: what they decide, and that nothing else of that topic is told.

use crate::sim::hands::{Hands, MINUTE_MS, T};
use mesh_steward::engine::contract::referred::{self, Referred};
use mesh_steward::engine::contract::{joined, odcs};
use serde_json::Value;
use std::collections::BTreeMap;

const CUSTOMERS: &str = "
apiVersion: v3.1.0
kind: DataContract
id: customers
version: 1.0.0
status: active
schema: [{name: customers, physicalType: topic, properties: [{name: id, logicalType: string}]}]
";

const ORDERS: &str = "
apiVersion: v3.1.0
kind: DataContract
id: shop
version: 1.0.0
status: active
domain: sales
dataProduct: orders
schema:
  - name: o
    physicalType: topic
    physicalName: orders
    quality: [{id: rows, metric: rowCount, mustBeGreaterThan: 0}]
    properties:
      - name: customer
        logicalType: string
        relationships: [{to: 'customers#/schema/customers/properties/id', customProperties: [{property: steward.referenceHorizon, value: 3m}]}]
";

/// The contract with what the other says of its keys.
fn shop() -> String {
    let wanted = referred::wanted(&odcs::parse(ORDERS).contract.expect("a contract"));
    let line = |object: &str, keys| referred::definition(CUSTOMERS, object, keys).expect("it is there");
    let referred: Referred = wanted.iter().map(|(of, keys)| (of.key(), line(&of.object, keys))).collect();
    joined::with_referred(ORDERS, &referred)
}

/// By minute, of windows that were told: status of the rule about references, its orphans, records, and status of the rule about rows.
fn told(hands: &Hands) -> BTreeMap<(i64, u64), (String, u64, u64, String)> {
    let of = |window: &Value| {
        let start: jiff::Timestamp = window["window"]["start"].as_str().expect("a start").parse().expect("a time");
        let minute = (start.as_millisecond() - T) / MINUTE_MS;
        let result = |id: &str| {
            window["results"].as_array().and_then(|all| all.iter().find(|r| r["id"] == id)).expect("a result").clone()
        };
        let (refers, rows) = (result("o.customer.relationships"), result("rows"));
        let word = |result: &Value| result["status"].as_str().unwrap_or_default().to_owned();
        let failed = refers["measure"]["failedRowCount"].as_u64().unwrap_or(99);
        let topics = window["coverage"].as_array().expect("coverage").iter().map(|of| of["topic"].as_str());
        assert!(topics.clone().all(|topic| topic == Some("orders")), "nothing of customers is covered: {window}");
        let key = (minute, window["window"]["revision"].as_u64().unwrap_or(99));
        (key, (word(&refers), failed, window["counts"]["records"].as_u64().unwrap_or(99), word(&rows)))
    };
    hands.told.values().map(of).collect()
}

enum Row {
    Customer(&'static str),
    Order(&'static str),
    /// An offset of customers that nobody reads.
    Lost,
}
use Row::{Customer, Lost, Order};

/// One flush and commit a row, at its minute; a restart of both stages behind a row.
fn run(rows: &[(i64, Row)], restart: Option<usize>) -> Hands {
    let mut hands = Hands::new(&[&shop()]);
    hands.read_also("customers");
    let mut customers = 0;
    for (n, (minute, row)) in rows.iter().enumerate() {
        let at = T + minute * MINUTE_MS;
        match row {
            Order(value) => {
                hands.records(hands.next, &[(at, Some(value))]);
                hands.next += 1;
            }
            Customer(value) => {
                hands.records_also(customers, &[(at, Some(value))]);
                customers += 1;
            }
            Lost => {
                customers += 1;
                hands.start_also_at(customers);
                continue;
            }
        }
        hands.flush(at + 10);
        hands.commit();
        if restart == Some(n) {
            hands.take_up();
            hands.read_aside();
            hands.start_at(hands.next);
            hands.start_also_at(customers);
        }
    }
    hands
}

fn said(refers: &str, failed: u64, records: u64, rows: &str) -> (String, u64, u64, String) {
    (refers.to_owned(), failed, records, rows.to_owned())
}

#[test]
fn a_reference_leads_to_a_key_of_another_products_topic_of_which_nothing_else_is_told() {
    let rows = [
        (0, Customer(r#"{"id":"a"}"#)),
        (0, Customer(r#"{"id":"b"}"#)),
        (1, Order(r#"{"customer":"a"}"#)),
        (1, Order(r#"{"customer":"nobody"}"#)),
        (2, Customer(r#"{"id":"c"}"#)),
        (2, Order(r#"{"customer":"c"}"#)),
        (3, Customer("{")),
        (4, Order(r#"{"customer":"no one"}"#)),
        (4, Order(r#"{"customer":"c"}"#)),
        (5, Customer(r#"{"id":"d"}"#)),
        (7, Order(r#"{"customer":"c"}"#)),
        (30, Order(r#"{"customer":null}"#)),
        (30, Customer(r#"{"id":"z"}"#)),
    ];
    let expected: BTreeMap<_, _> = [
        ((1, 0), said("fail", 1, 2, "pass")),
        ((2, 0), said("pass", 0, 1, "pass")),
        // The record of minute 3 may have been `no one`.
        ((4, 0), said("unknown", 1, 2, "pass")),
        ((7, 0), said("fail", 1, 1, "pass")),
    ]
    .into();
    for restart in std::iter::once(None).chain((0..rows.len() - 2).map(Some)) {
        let hands = run(&rows, restart);
        let told: BTreeMap<_, _> = told(&hands).into_iter().filter(|(_, (.., records, _))| *records > 0).collect();
        assert_eq!(told, expected, "restarted after {restart:?}");
        // Windows in which nothing but customers came are idle: those alone that say something else are told.
        assert!(hands.told.values().all(|w| w["counts"]["undecodable"] == 0), "{:?}", hands.told);
    }
}

#[test]
fn what_is_missing_of_the_other_topic_is_missing_to_its_references_alone() {
    let rows = [
        (0, Customer(r#"{"id":"a"}"#)),
        (0, Order(r#"{"customer":"a"}"#)),
        (1, Customer(r#"{"id":"b"}"#)),
        (1, Order(r#"{"customer":"a"}"#)),
        (2, Lost),
        (2, Customer(r#"{"id":"c"}"#)),
        (2, Order(r#"{"customer":"lost"}"#)),
        (3, Order(r#"{"customer":"b"}"#)),
        (3, Customer(r#"{"id":"d"}"#)),
        (8, Order(r#"{"customer":"nobody"}"#)),
        (8, Customer(r#"{"id":"e"}"#)),
        (30, Order(r#"{"customer":null}"#)),
        (30, Customer(r#"{"id":"z"}"#)),
    ];
    let told = told(&run(&rows, None));
    let of = |minute| told[&(minute, 0)].clone();
    // The window of minute 1 was open when the gap was found.
    let minutes = [0, 1, 2, 3, 8];
    assert_eq!(minutes.map(|minute| of(minute).0), ["pass", "unknown", "unknown", "unknown", "fail"], "{told:?}");
    assert_eq!(minutes.map(|minute| of(minute).3), ["pass"; 5], "other rules are judged by whole windows: {told:?}");
}

#[test]
fn a_topic_that_does_not_exist_holds_up_no_window_and_makes_no_orphans() {
    let mut hands = Hands::new(&[&shop()]);
    for (minute, value) in [(0, r#"{"customer":"a"}"#), (1, r#"{"customer":"b"}"#), (9, r#"{"customer":"c"}"#)] {
        hands.records(hands.next, &[(T + minute * MINUTE_MS, Some(value))]);
        hands.next += 1;
        hands.flush(T + minute * MINUTE_MS + 10);
        hands.commit();
    }
    let told = told(&hands);
    assert_eq!((&told[&(0, 0)], &told[&(1, 0)]), (&said("unknown", 0, 1, "pass"), &said("unknown", 0, 1, "pass")));
    let text = format!("{:?}", hands.told);
    assert!(text.contains("the topic customers, whose keys are referred to, does not exist"), "{text}");
}
