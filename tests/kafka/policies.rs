//! What becomes of bad records, of a sample and of copies that cannot be written: planted against found, on a real broker.

use crate::broker::records::{Read, Record};
use crate::broker::{Broker, shared};
use crate::mesh::Mesh;
use crate::verdicts::Verdicts;
use crate::worker::{Worker, pause};
use mesh_steward::clock::now_ms;
use mesh_steward::engine::contract::sample::{Draw, Sampling};
use mesh_steward::engine::record::{Position, TopicId};
use serde_json::Value;
use std::process::Command;
use std::time::{Duration, Instant};

fn contract(mesh: &Mesh<'_>, custom: &str) -> String {
    format!(
        "apiVersion: v3.1.0\nkind: DataContract\nid: {0}-contract\nname: {0}\nversion: 1.0.0\nstatus: active\ndomain: shop\n\
         schema: [{{name: orders, physicalName: {1}, physicalType: topic, properties: [{{name: id, required: true}}]}}]\n\
         customProperties:\n{custom}",
        mesh.name, mesh.topic
    )
}

/// Writes so many records of the last minute, each as `value` has it, over two partitions.
fn write(mesh: &Mesh<'_>, custom: &str, count: usize, value: impl Fn(usize) -> Vec<u8>) {
    let file = mesh.folder().join("contracts/orders.odcs.yaml");
    std::fs::write(file, contract(mesh, custom)).expect("the contract");
    let start_ms = now_ms() - 60_000;
    let record = |n: usize| Record {
        partition: (n % 2) as i32,
        timestamp_ms: start_ms + (n * 40_000 / count) as i64,
        value: Some(value(n)),
        ..Record::default()
    };
    mesh.broker.writer(&mesh.topic).write(&(1..=count).map(record).collect::<Vec<_>>());
}

/// The windows' events, once they speak of so many records.
fn windows(mesh: &Mesh<'_>, worker: &Worker, count: u64) -> Vec<Value> {
    let began = Instant::now();
    loop {
        let verdicts = Verdicts::read(mesh.broker, &mesh.events);
        if verdicts.records >= count {
            return verdicts.windows;
        }
        assert!(began.elapsed() < Duration::from_secs(60), "{} of {count}: {}", verdicts.records, worker.log());
        pause(300);
    }
}

/// Summed up over windows.
fn sum(windows: &[Value], of: impl Fn(&Value) -> Option<u64>) -> u64 {
    windows.iter().filter_map(of).sum()
}

fn result<'v>(window: &'v Value, id: &str) -> Option<&'v Value> {
    window["results"].as_array()?.iter().find(|result| result["id"] == id)
}

/// Rows of a rule over all windows: asked and failed.
fn rows(windows: &[Value], id: &str) -> (u64, u64) {
    let of = |key: &str| sum(windows, |window| result(window, id)?["measure"][key].as_u64());
    (of("rowCount"), of("failedRowCount"))
}

const RECORDS: usize = 4_000;

/// Of which each so many-th is bad; three are larger than the producer takes.
const UNREADABLE: usize = 50;
const LARGE: usize = 70;
const HUGE: [usize; 3] = [1_001, 2_002, 3_003];
const NULL: usize = 10;

fn planted(n: usize) -> Vec<u8> {
    let padded = |bytes: usize| format!("{{\"id\":{n},\"pad\":\"{}\"}}", "x".repeat(bytes)).into_bytes();
    match () {
        _ if HUGE.contains(&n) => padded(700_000),
        _ if n.is_multiple_of(UNREADABLE) => format!("{{\"id\": {n}").into_bytes(),
        _ if n.is_multiple_of(LARGE) => padded(6_000),
        _ if n.is_multiple_of(NULL) => b"{\"id\":null}".to_vec(),
        _ => format!("{{\"id\":{n}}}").into_bytes(),
    }
}

#[test]
fn a_policy_and_a_sample_say_exactly_what_was_planted_and_copies_hold_it() {
    let settings = "delivery: at_least_once\nkafka.producer.message.max.bytes: 600000";
    let mesh = Mesh::new(shared(), "policies", 2, settings);
    let custom = "- {property: steward.records, value: {undecodable: quarantine, oversized: {bytes: 5000, then: quarantine}}}\n\
                  - {property: steward.sample, value: 0.2}\n";
    write(&mesh, custom, RECORDS, planted);
    let worker = mesh.worker("a").ready();
    let windows = windows(&mesh, &worker, RECORDS as u64);

    let all = || 1..=RECORDS;
    let unreadable = all().filter(|n| n.is_multiple_of(UNREADABLE) && !HUGE.contains(n)).count() as u64;
    let large = all().filter(|n| n.is_multiple_of(LARGE) && !n.is_multiple_of(UNREADABLE)).count() as u64;
    let huge = HUGE.len() as u64;
    let count = |key: &str| sum(&windows, |window| window["counts"][key].as_u64());
    let counted = (count("records"), count("undecodable"), count("oversized"), count("late"));
    assert_eq!(counted, (RECORDS as u64, unreadable, large + huge, 0));
    assert_eq!(rows(&windows, "steward.decodable"), (RECORDS as u64, unreadable));
    assert_eq!(rows(&windows, "steward.size"), (RECORDS as u64, large + huge));
    assert_eq!(rows(&windows, "steward.quarantine"), (unreadable + large + huge, huge));
    let why = windows.iter().filter_map(|window| result(window, "steward.quarantine")?["reason"].as_str()).next();
    assert!(why.is_some_and(|why| why.contains("raise its message.max.bytes")), "{why:?}");

    // Each copy is of a record that is bad, as it was, and none is missing.
    let quarantine = format!("{}.quarantine", mesh.topic);
    let mut copies: Vec<(Option<Vec<u8>>, String)> = mesh
        .broker
        .read(&quarantine)
        .into_iter()
        .map(|copy| (copy.value, copy.headers["steward.rules"].clone()))
        .collect();
    copies.sort();
    let rule = |n: usize| if n.is_multiple_of(UNREADABLE) { "steward.decodable" } else { "steward.size" };
    let bad = all().filter(|n| (n.is_multiple_of(UNREADABLE) || n.is_multiple_of(LARGE)) && !HUGE.contains(n));
    let mut expected: Vec<_> = bad.map(|n| (Some(planted(n)), rule(n).to_owned())).collect();
    expected.sort();
    assert_eq!(copies.len() as u64, unreadable + large);
    assert!(copies == expected, "the copies are not the bad records");
    assert_eq!(worker.metric("steward_quarantine_records_total"), Some((unreadable + large) as f64));

    // The sample, drawn again from where each record stands.
    let id = windows.iter().find_map(|window| window["coverage"][0]["topicId"].as_str()).and_then(TopicId::parse);
    let (sampling, topic) = (Sampling::of(0.2).expect("a share"), id.expect("the topic's id"));
    let taken = |read: &&Read| sampling.takes(Draw::of(Position { topic, partition: read.partition }), read.offset);
    let read = mesh.broker.read(&mesh.topic);
    let looked: Vec<Value> =
        read.iter().filter(taken).filter_map(|read| serde_json::from_slice(read.value.as_deref()?).ok()).collect();
    let nulls = looked.iter().filter(|value| value["id"].is_null()).count() as u64;
    assert!(nulls > 20 && looked.len() > 500, "{nulls} of {}", looked.len());
    assert_eq!(count("sampled"), looked.len() as u64);
    assert_eq!(rows(&windows, "orders.id.required"), (looked.len() as u64, nulls));
    for window in windows.iter().filter(|window| window["counts"]["records"] != 0) {
        assert_eq!((&window["sampled"], &window["exact"]), (&0.2.into(), &true.into()), "{window}");
        let rule = result(window, "orders.id.required").expect("the rule");
        assert!(
            rule["status"] != "pass" || rule["reason"].as_str().is_some_and(|why| why.contains("a sample of 20 %"))
        );
    }
}

#[test]
pub fn a_quarantine_that_may_not_be_written_loses_no_count_and_says_what_to_grant() {
    let broker = Broker::guarded();
    let mesh = Mesh::new(&broker, "denied", 2, "");
    let quarantine = format!("{}.quarantine", mesh.topic);
    broker.create_topic(&quarantine, 2, &[]);
    broker.allow_alone(&quarantine, &["Read", "Describe"]);
    let bad = |n: usize| {
        if n.is_multiple_of(10) { b"{\"id\":null}".to_vec() } else { format!("{{\"id\":{n}}}").into_bytes() }
    };
    write(&mesh, "- {property: steward.mode, value: enforce}\n", 500, bad);
    let worker = mesh.worker("a").ready();
    let windows = windows(&mesh, &worker, 500);
    assert_eq!(sum(&windows, |window| window["counts"]["records"].as_u64()), 500);
    assert_eq!(rows(&windows, "orders.id.required"), (500, 50));
    assert_eq!(rows(&windows, "steward.quarantine"), (50, 50), "what is not copied is counted as lost");
    let why = format!("{quarantine} may not be written: grant this principal Write on it");
    for lost in windows.iter().filter_map(|window| result(window, "steward.quarantine")) {
        assert_eq!(lost["status"], "warn");
        assert!(lost["reason"].as_str().is_some_and(|reason| reason.contains(&why)), "{lost}");
    }
    assert!(worker.log().contains(&why), "{}", worker.log());
    assert_eq!(broker.read(&quarantine).len(), 0);
    assert_eq!(broker.lag(&mesh.group, &mesh.topic), 0);

    let config = mesh.folder().join("denied-a.yaml");
    let check =
        Command::new(env!("CARGO_BIN_EXE_steward")).args(["check", "--connect", "--config"]).arg(config).output();
    let text = String::from_utf8_lossy(&check.expect("steward starts").stdout).into_owned();
    let line = format!("warn  rights on quarantine {quarantine}: [Write] not granted — ");
    assert!(text.lines().any(|found| found.starts_with(&line)), "no line `{line}` in\n{text}");
}
