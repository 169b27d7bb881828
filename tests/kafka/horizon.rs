//! Uniqueness over a horizon on the real broker: duplicates across windows, and a worker that is killed between.

use crate::broker::records::Record;
use crate::broker::shared;
use crate::mesh::Mesh;
use crate::verdicts::Verdicts;
use crate::worker::{Worker, pause};
use mesh_steward::clock::now_ms;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};

const RULE: &str = "id-is-unique-for-an-hour";
/// In each of the two halves: over six windows, on three partitions.
const RECORDS: u64 = 6_000;

#[test]
fn duplicates_across_windows_are_found_though_a_worker_is_killed_between() {
    let mesh = Mesh::new(shared(), "horizon", 3, "");
    let contract = format!(
        "apiVersion: v3.1.0\nkind: DataContract\nid: horizon\nname: horizon\nversion: 1.0.0\nstatus: active\ndomain: shop\n\
         schema:\n- name: orders\n  physicalName: {}\n  physicalType: topic\n  properties:\n  - name: id\n    quality:\n\
         \x20   - id: {RULE}\n      metric: duplicateValues\n      mustBe: 0\n\
         \x20     customProperties: [{{property: steward.uniquenessHorizon, value: 1h}}]\n",
        mesh.topic
    );
    std::fs::write(mesh.folder().join("contracts/orders.odcs.yaml"), contract).expect("the contract");
    let (mut keys, mut written) = (BTreeSet::new(), 0);
    let writer = mesh.broker.writer(&mesh.topic);
    // Every seventh record has the key of one that was written before it, most of them in other windows and partitions.
    let mut write = |from_ms: i64| {
        let record = |n: u64| {
            let key = if n.is_multiple_of(7) { n / 3 } else { n };
            keys.insert(key);
            let timestamp_ms = from_ms + 30_000 * (n % RECORDS) as i64 / RECORDS as i64;
            let value = Some(format!(r#"{{"id":"k{key}"}}"#).into_bytes());
            Record { partition: (n % 3) as i32, timestamp_ms, value, ..Record::default() }
        };
        let records: Vec<Record> = (written..written + RECORDS).map(record).collect();
        writer.write(&records);
        written += RECORDS;
        written - keys.len() as u64
    };

    let mut worker = mesh.worker("a").ready();
    let planted = write(now_ms() - 45_000);
    judged(&mesh, RECORDS, planted, &worker);
    worker.kill_9();
    let worker = mesh.worker("a").ready();
    let began = Instant::now();
    while !worker.log().contains("keys of closed windows are known again") {
        assert!(began.elapsed() < Duration::from_secs(30), "keys are not read again: {}", worker.log());
        pause(100);
    }
    let planted = write(now_ms() - 40_000);
    judged(&mesh, 2 * RECORDS, planted, &worker);
    assert!(worker.metric("steward_horizon_bytes").is_some_and(|bytes| bytes > 0.0), "what it weighs is shown");
}

/// Waits until so many records are judged: as many as were planted must have been found, and no window may say unknown.
fn judged(mesh: &Mesh<'_>, records: u64, planted: u64, worker: &Worker) {
    let began = Instant::now();
    let mut verdicts = Verdicts::read(mesh.broker, &mesh.events);
    while verdicts.records < records {
        assert!(
            began.elapsed() < Duration::from_secs(60),
            "{} of {records} judged: {}",
            verdicts.records,
            worker.log()
        );
        pause(500);
        verdicts = Verdicts::read(mesh.broker, &mesh.events);
    }
    assert_eq!(verdicts.records, records);
    assert_eq!(verdicts.failed.get(RULE).copied(), Some(planted), "duplicates found, and planted");
    for window in verdicts.windows.iter().filter(|window| window["counts"]["records"] != 0) {
        let results = window["results"].as_array().map_or(&[][..], Vec::as_slice);
        let unknown = results.iter().find(|result| result["id"] == RULE && result["status"] == "unknown");
        assert!(unknown.is_none(), "{unknown:?}");
    }
}
