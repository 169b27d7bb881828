//! The broker itself: what the other tests take for granted.

use crate::broker::records::Record;
use crate::broker::{Broker, shared};

#[test]
fn records_come_back_with_their_offsets_and_timestamps() {
    let broker = shared();
    broker.create_topic("harness.plain", 2, &[]);
    let records = [record(0, 1_000, "a"), record(1, 2_000, "b"), record(0, 3_000, "c")];
    assert_eq!(broker.writer("harness.plain").write(&records), [0, 0, 1]);
    let read: Vec<_> = broker
        .read("harness.plain")
        .iter()
        .map(|r| (r.partition, r.offset, r.timestamp_ms, r.json(), r.key.is_some(), r.headers.len()))
        .collect();
    assert_eq!(
        read,
        [(0, 0, 1_000, "a".into(), false, 0), (0, 1, 3_000, "c".into(), false, 0), (1, 0, 2_000, "b".into(), false, 0)]
    );
}

#[test]
fn aborted_records_take_offsets_and_are_not_read() {
    let broker = shared();
    broker.create_topic("harness.aborted", 1, &[]);
    let records = ["a", "b", "c"].map(|v| record(0, 1_000, v));
    // Each transaction ends with a control record, which takes an offset too.
    assert_eq!(broker.produce_in_transactions("harness.aborted", &records, 1, |n| n == 1), [0, 2, 4]);
    let read: Vec<_> = broker.read("harness.aborted").iter().map(|r| r.offset).collect();
    assert_eq!(read, [0, 4]);
}

#[test]
fn topics_grow_are_cut_and_start_again() {
    let broker = shared();
    broker.create_topic("harness.cut", 1, &[]);
    broker.writer("harness.cut").write(&["a", "b", "c"].map(|v| record(0, 1_000, v)));
    broker.delete_records("harness.cut", &[(0, 2)]);
    assert_eq!(broker.ends("harness.cut")[&0], (2, 3));
    assert_eq!(broker.lag("harness.group", "harness.cut"), 1);
    broker.add_partitions("harness.cut", 3);
    broker.delete_topic("harness.cut");
    broker.create_topic("harness.cut", 1, &[]);
    assert_eq!(broker.ends("harness.cut")[&0], (0, 0));
}

#[test]
fn a_killed_broker_is_gone_with_its_folder() {
    let broker = Broker::start();
    assert!(crate::broker::topics::answers(&broker.bootstrap));
    broker.kill();
    assert!(!crate::broker::topics::answers(&broker.bootstrap));
}

fn record(partition: i32, timestamp_ms: i64, value: &str) -> Record {
    Record { partition, timestamp_ms, key: None, value: Some(format!("\"{value}\"").into_bytes()), ..Record::default() }
}
