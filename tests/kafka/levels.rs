//! What windows come to one after the other, in a running daemon: a product that falls idle goes stale by itself, and recovers;
//! a field that loses its values is told.

use crate::broker::records::Record;
use crate::broker::shared;
use crate::mesh::Mesh;
use crate::oracle;
use crate::verdicts::{self, Verdicts};
use crate::worker::pause;
use mesh_steward::clock::now_ms;
use serde_json::Value;
use std::fs;
use std::time::{Duration, Instant};

/// Freshness (6 s), window (5 s), grace (2 s) and two flushes make 15 s; the rest is for a busy machine.
const WITHIN: Duration = Duration::from_secs(120);

#[test]
fn an_idle_product_goes_stale_by_itself_and_recovers() {
    let mesh = Mesh::new(shared(), "levels", 2, "");
    let promise = "slaProperties:\n  - {id: fresh, property: freshness, value: 6, unit: s}\n";
    let contract = oracle::contract(mesh.name, &mesh.topic, "1.0.0") + promise;
    fs::write(mesh.folder().join("contracts/orders.odcs.yaml"), contract).expect("the contract");
    let write = |number: i64| {
        let now = now_ms();
        let records: Vec<Record> = (0..100).map(|n| order(number + n, now - 1_000 + n * 10, "")).collect();
        mesh.broker.writer(&mesh.topic).write(&records);
    };
    write(0);
    let _worker = mesh.worker("a").ready();
    until(&mesh, "fail", |told| told.ends_with(&["fail".into()]));
    write(100);
    let verdicts = until(&mesh, "pass again", |told| {
        told.iter().rposition(|s| s == "pass") > told.iter().position(|s| s == "fail")
    });
    assert_eq!(verdicts.opened.get("fresh"), Some(&1), "one incident, however long it lasts");
    assert_eq!(verdicts::malformed(mesh.broker, &mesh.events), Vec::<String>::new());
}

/// Waits until what is told of the service level is as expected.
fn until(mesh: &Mesh<'_>, what: &str, holds: impl Fn(&[String]) -> bool) -> Verdicts {
    let started = Instant::now();
    loop {
        let verdicts = Verdicts::read(mesh.broker, &mesh.events);
        let told: Vec<String> = verdicts.windows.iter().filter_map(status).collect();
        if holds(&told) {
            return verdicts;
        }
        let spans: Vec<String> = verdicts.windows.iter().map(|w| format!("{} {}", w["window"], w["status"])).collect();
        assert!(started.elapsed() < WITHIN, "not {what}: {told:?} of {spans:#?}");
        pause(500);
    }
}

fn status(window: &Value) -> Option<String> {
    let results = window["results"].as_array()?;
    let fresh = results.iter().find(|result| result["id"] == "fresh")?;
    fresh["status"].as_str().map(str::to_owned)
}

/// The mesh's windows.
const WINDOW_MS: i64 = 5_000;

#[test]
fn a_field_that_loses_its_values_is_told_before_a_rule_fails() {
    let mesh = Mesh::new(shared(), "drift", 1, "");
    let contract = oracle::contract(mesh.name, &mesh.topic, "1.0.0")
        .replace("logicalType: integer", "logicalType: integer\n      - name: note");
    fs::write(mesh.folder().join("contracts/orders.odcs.yaml"), contract).expect("the contract");
    let writer = mesh.broker.writer(&mesh.topic);
    let first = now_ms() / WINDOW_MS * WINDOW_MS - 60 * WINDOW_MS;
    for window in 0..50 {
        // In the last ten windows nobody writes notes.
        let note = if window < 40 { ",\"note\":\"as usual\"" } else { "" };
        let record = |n: i64| order(window * 100 + n, first + window * WINDOW_MS + n * 40, note);
        writer.write(&(0..100).map(record).collect::<Vec<_>>());
    }
    let _worker = mesh.worker("a").ready();
    let started = Instant::now();
    let opened = |verdicts: &Verdicts| verdicts.opened.get("steward.drift.schema").copied().unwrap_or(0);
    let mut verdicts = Verdicts::read(mesh.broker, &mesh.events);
    while opened(&verdicts) == 0 {
        assert!(started.elapsed() < WITHIN, "no incident of {} windows: {:?}", verdicts.windows.len(), verdicts.opened);
        pause(500);
        verdicts = Verdicts::read(mesh.broker, &mesh.events);
    }
    let told = |window: &Value| {
        let all = window["drift"]["findings"].as_array().cloned().unwrap_or_default();
        all.iter().any(|f| f["what"] == "fieldVanished" && f["field"] == "orders.note")
    };
    assert!(verdicts.windows.iter().filter(|window| told(window)).count() >= 3, "it holds");
    let failed: Vec<_> = verdicts.windows.iter().filter(|w| told(w) && w["status"] != "pass").collect();
    assert!(failed.is_empty(), "a finding changes no verdict: {failed:?}");
    assert_eq!(verdicts::malformed(mesh.broker, &mesh.events), Vec::<String>::new());
}

/// One that keeps every rule.
fn order(id: i64, timestamp_ms: i64, more: &str) -> Record {
    let value = format!(
        "{{\"id\":\"o{id}\",\"customer\":\"ada\",\"status\":\"new\",\"sku\":\"ABC-1234\",\"amount\":1,\"quantity\":1{more}}}"
    );
    Record { partition: 0, timestamp_ms, key: None, value: Some(value.into_bytes()), headers: Vec::new() }
}
