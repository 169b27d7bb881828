//! Rules about headers and keys: every planted fault is found, by the daemon and by a dry run of the topic.

use crate::broker::records::Record;
use crate::broker::shared;
use crate::mesh::Mesh;
use crate::verdicts::Verdicts;
use crate::worker::pause;
use mesh_steward::clock::now_ms;
use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

const RECORDS: usize = 3_000;
const UUID: &[u8] = b"123e4567-e89b-12d3-a456-426614174000";

/// By rule: every how many-th record breaks it.
const FAULTS: [(&str, usize); 5] = [
    ("orders.@headers.trace-id.required", 7),
    ("orders.@headers.trace-id.format", 11),
    ("orders.@headers.source.validValues", 13),
    ("orders.@key.required", 17),
    ("orders.@key.pattern", 19),
];

#[test]
fn faults_of_headers_and_keys_are_found_exactly() {
    let mesh = Mesh::new(shared(), "beside", 2, "");
    let contract = mesh.folder().join("contracts/orders.odcs.yaml");
    let asked = format!(
        "apiVersion: v3.1.0\nkind: DataContract\nid: beside\nname: beside\nversion: 1.0.0\nstatus: active\ndomain: shop\n\
         schema:\n- name: orders\n  physicalName: {}\n  physicalType: topic\n  customProperties:\n\
         \x20 - property: steward.headers\n    value:\n    - {{name: trace-id, required: true, format: uuid}}\n\
         \x20   - {{name: source, validValues: [web, app]}}\n\
         \x20 - {{property: steward.key, value: {{required: true, pattern: '^o-[0-9]+$'}}}}\n",
        mesh.topic
    );
    std::fs::write(&contract, asked).expect("the contract");
    let (end, mut planted) = (now_ms() - 15_000, BTreeMap::<String, u64>::new());
    let mut record = |n: usize| {
        let mut breaks = |fault: usize| {
            let (rule, every) = FAULTS[fault];
            let broken = n.is_multiple_of(every);
            *planted.entry(rule.to_owned()).or_default() += u64::from(broken);
            broken
        };
        let mut headers = vec![("other", Some(b"x".to_vec())), ("source", Some(b"nobody".to_vec()))];
        let is_missing = breaks(0);
        if !is_missing {
            headers.push(("trace-id", Some(if breaks(1) { b"none".to_vec() } else { UUID.to_vec() })));
        }
        // The last of a name counts.
        headers.push(("source", if breaks(2) { Some(b"\xff".to_vec()) } else { Some(b"app".to_vec()) }));
        let key = match breaks(3) {
            true => None,
            false if breaks(4) => Some(b"order".to_vec()),
            false => Some(format!("o-{n}").into_bytes()),
        };
        let timestamp_ms = end - 20_000 + 20_000 * n as i64 / RECORDS as i64;
        Record { partition: n as i32 % 2, timestamp_ms, key, value: Some(b"{}".to_vec()), headers }
    };
    let records: Vec<Record> = (1..=RECORDS).map(&mut record).collect();
    mesh.broker.writer(&mesh.topic).write(&records);

    let worker = mesh.worker("a").ready();
    let began = Instant::now();
    let mut verdicts = Verdicts::read(mesh.broker, &mesh.events);
    while verdicts.records < RECORDS as u64 {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "{} of {RECORDS} judged: {}",
            verdicts.records,
            worker.log()
        );
        pause(500);
        verdicts = Verdicts::read(mesh.broker, &mesh.events);
    }
    let of = |rule: &str| verdicts.failed.get(rule).copied().unwrap_or_default();
    let found: BTreeMap<String, u64> = FAULTS.iter().map(|(rule, _)| ((*rule).to_owned(), of(rule))).collect();
    assert_eq!(found, planted, "found by the daemon");

    let mut command = Command::new(env!("CARGO_BIN_EXE_steward"));
    command.args([
        "contract",
        "test",
        "--format",
        "json",
        "--topic",
        &mesh.topic,
        "--bootstrap",
        &mesh.broker.bootstrap,
    ]);
    let ended = command.arg("--contract").arg(&contract).output().expect("steward starts");
    let report: serde_json::Value = serde_json::from_slice(&ended.stdout).expect("a report in JSON");
    let checks = report["checks"].as_array().expect("checks");
    let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
    let id = |check: &serde_json::Value| format!("orders.{}.{}", text(&check["property"]), text(&check["rule"]));
    let tried: BTreeMap<String, u64> =
        checks.iter().map(|check| (id(check), check["failed"].as_u64().unwrap_or_default())).collect();
    assert_eq!(tried, planted, "found by a dry run");
}
