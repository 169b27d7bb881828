//! The two stages alone: what is told of records that several contracts read, of repeats and of torn flushes.

use crate::sim::hands::{Hands, MINUTE_MS, T};
use mesh_steward::engine::record::Offset;
use mesh_steward::flow::io::Message;
use serde_json::Value;
use std::collections::BTreeMap;

/// Two contracts of one product; both read `orders`.
const CONTRACTS: [&str; 2] = [
    "
apiVersion: v3.1.0
kind: DataContract
id: first
version: 1.0.0
status: active
domain: sales
dataProduct: orders
schema:
  - {name: a, physicalType: topic, physicalName: orders, properties: [{name: id, logicalType: string, required: true}]}
",
    "
apiVersion: v3.1.0
kind: DataContract
id: second
version: 1.0.0
status: active
domain: sales
dataProduct: orders
schema:
  - {name: b, physicalType: topic, physicalName: orders, properties: [{name: n, logicalType: integer, required: true}]}
",
];

#[test]
fn a_record_that_two_contracts_of_a_product_read_is_one_record_of_the_product() {
    let mut hands = Hands::new(&CONTRACTS);
    hands.records(0, &[(T, Some("{\"id\":\"a\",\"n\":1}")), (T + 1, Some("{")), (T + 2, None)]);
    hands.flush(T + 10);
    let shown = hands.commit();
    let [update] = &shown.products[..] else { panic!("{:?}", shown.products) };
    assert_eq!((update.records, update.undecodable, update.tombstones, update.bytes), (3, 1, 1, 17));
    assert_eq!((update.state.totals.records, update.state.totals.undecodable), (3, 1));

    // Both windows close, each with all its records; one record is far too late, and late once.
    hands.records(3, &[(T + 60 * MINUTE_MS, None), (T, None)]);
    hands.flush(T + 60 * MINUTE_MS);
    hands.records(5, &[(T, None)]);
    hands.flush(T + 60 * MINUTE_MS);
    let shown = hands.commit();
    let closed = shown.windows.iter().filter(|w| w["window"]["start"] == "2025-11-24T16:00:00Z");
    let counted: Vec<_> = closed.map(|w| w["counts"]["records"].as_u64().unwrap_or(0)).collect();
    assert_eq!(counted, [4, 4], "{:?}", shown.windows);
    let late: Vec<_> = shown.products.iter().map(|p| (p.records, p.late, p.state.totals.late)).collect();
    assert_eq!(late, [(3, 1, 1)]);
}

#[test]
fn what_a_ledger_tells_at_once_is_bounded_and_the_same_in_the_end() {
    let mut hands = Hands::new(&CONTRACTS);
    for minute in 0..40 {
        let at_ms = T + minute * MINUTE_MS;
        hands.records(minute, &[(at_ms, Some("{\"id\":\"a\"}"))]);
        hands.flush(at_ms);
    }
    let events = |flush: &Vec<Message>| -> Vec<String> {
        let events =
            flush.iter().filter(|message| &*message.topic == "events").filter_map(|message| message.value.clone());
        events.map(|value| String::from_utf8(value).expect("an event in JSON")).collect()
    };
    let whole: Vec<String> = hands.read_at_once(usize::MAX).iter().flat_map(events).collect();
    let weight = |events: &[String]| events.iter().map(String::len).sum::<usize>();
    let bytes = weight(&whole);
    let bound = bytes / 10;
    let parted = hands.read_at_once(bound);
    assert!((8..=12).contains(&parted.len()), "{} flushes", parted.len());
    for flush in &parted {
        let weight = weight(&events(flush));
        // The delta that fills it is told to its end: one closes two windows.
        assert!(weight <= bound + bytes / 20, "{weight} bytes where {bound} are to go out");
    }
    assert_eq!(parted.iter().flat_map(events).collect::<Vec<_>>(), whole);
}

#[test]
fn a_replay_does_with_a_delta_what_was_done_with_it_before() {
    // Offsets 0 to 3 are read, then again (all counted before), then 1 to 5 (some counted before), and a restart follows.
    let check = |what: &str, again: &[(Offset, usize)], records: u64, exact: bool, restarts: usize| {
        let mut hands = Hands::new(&CONTRACTS[..1]);
        let at = |count: usize| vec![(T, Some("{\"id\":\"a\"}")); count];
        hands.records(0, &at(3));
        hands.flush(T + 10);
        for (from, count) in again {
            hands.start_at(*from);
            hands.records(*from, &at(*count));
            hands.flush(T + 20);
        }
        for _ in 0..restarts {
            hands.commit();
            hands.take_up();
        }
        let after = again.iter().map(|(from, count)| from + *count as Offset).max().unwrap_or(3).max(3);
        hands.start_at(after);
        hands.records(after, &[(T + 2 * MINUTE_MS, None)]);
        hands.flush(T + 2 * MINUTE_MS);
        let shown = hands.commit();
        let closed = &shown.windows[0];
        let said = (closed["counts"]["records"].as_u64(), closed["exact"].as_bool());
        assert_eq!(said, (Some(records), Some(exact)), "{what}, {restarts} restarts: {closed}");
        hands.flush(T + 2 * MINUTE_MS);
        let odd = hands.commit().products[0].state.odd.clone();
        assert_eq!(odd.len(), 0, "{what}: what no replay needs is forgotten");
    };
    for restarts in 0..3 {
        check("once", &[], 3, true, restarts);
        check("all again", &[(0, 3)], 3, true, restarts);
        check("some again", &[(1, 4)], 7, false, restarts);
        check("all, then some", &[(0, 3), (1, 4)], 7, false, restarts);
    }
}

/// Without transactions a crash leaves a flush of the ledger cut off anywhere: what is told in the end is the same.
#[test]
fn a_torn_flush_of_the_ledger_loses_nothing_and_counts_nothing_twice() {
    // The second contract as another product of the same topic, so that one state may be written and the other not.
    let contracts = [CONTRACTS[0].to_string(), CONTRACTS[1].replace("dataProduct: orders", "dataProduct: returns")];
    let told = |tear: Option<usize>| {
        let mut hands = Hands::new(&contracts.each_ref().map(String::as_str));
        hands.transactions = false;
        hands.take_up();
        let row = |time_ms| (time_ms, Some("{\"id\":\"a\",\"n\":1}"));
        hands.records(0, &[row(T), row(T + 1)]);
        hands.flush(T + 10);
        hands.commit();
        // The first window closes, the second has a record already.
        hands.records(2, &[row(T + 2), row(T + MINUTE_MS + 1)]);
        hands.flush(T + MINUTE_MS + 10);
        let (messages, _) = hands.cut();
        let whole = messages.len();
        hands.write(messages.into_iter().take(tear.unwrap_or(whole)).collect());
        if tear.is_some() {
            hands.take_up();
        }
        hands.records(4, &[row(T + MINUTE_MS + 2), row(T + 3 * MINUTE_MS)]);
        hands.flush(T + 3 * MINUTE_MS);
        hands.commit();
        let said = |w: &Value| {
            (w["product"].to_string(), w["window"].to_string(), w["counts"].to_string(), w["exact"] == true)
        };
        let windows: BTreeMap<String, _> = hands.told.iter().map(|(id, window)| (id.clone(), said(window))).collect();
        (windows, whole)
    };
    let (expected, whole) = told(None);
    // Two products, two windows each and one without records; the torn flush has two events, two states of products, and the partition's.
    assert_eq!((expected.len(), whole >= 5), (6, true), "{expected:#?}, {whole} messages");
    for written in 0..=whole {
        assert_eq!(told(Some(written)).0, expected, "{written} of {whole} messages were written");
    }
}
