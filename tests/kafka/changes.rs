//! What changes around a running worker: its contracts, its brokers.

use crate::broker::{Broker, shared};
use crate::mesh::Mesh;
use crate::notify::Manager;
use crate::worker::pause;
use mesh_steward::clock::now_ms;
use serde_json::Value;
use std::time::{Duration, Instant};

#[test]
pub fn a_contract_changed_under_load_splits_windows_and_loses_nothing() {
    let mesh = Mesh::new(shared(), "changes", 4, "");
    mesh.orders().duplicates = false;
    let (a, b) = (mesh.worker("a").ready(), mesh.worker("b").ready());
    mesh.under_load(1_000, || {
        pause(7_000);
        mesh.put_contract("1.1.0");
        pause(9_000);
    });
    let verdicts = mesh.judged(&[&a, &b]);
    mesh.unbroken(&verdicts);
    assert_eq!(verdicts.versions, ["1.0.0", "1.1.0"].map(String::from).into());
    let split = verdicts.windows.iter().filter(|w| w["window"]["complete"] == false).count();
    assert!(split > 0, "no window says that it is only a part");

    // Catalogs were told the topic by each version, and a run for each window.
    let facets = verdicts.datasets.iter().map(|event| &event["dataset"]["facets"]);
    let tags: Vec<_> = facets.flat_map(|f| f["tags"]["tags"].as_array().into_iter().flatten()).collect();
    for version in ["1.0.0", "1.1.0"] {
        assert!(tags.iter().any(|t| t["key"] == "contractVersion" && t["value"] == version), "{version}: {tags:?}");
    }
    assert_eq!(verdicts.runs.len(), verdicts.windows.len());
    // And how the topic stands: not for each window, for the verdict stays the same.
    let assertions =
        |event: &Value| event["dataset"]["facets"]["dataQualityAssertions"]["assertions"].as_array().cloned();
    let stands: Vec<Vec<Value>> = verdicts.datasets.iter().filter_map(assertions).collect();
    assert!(stands.iter().flatten().any(|a| a["success"] == false), "{stands:?}");
    assert!(stands.len() < verdicts.windows.len(), "{} of {}", stands.len(), verdicts.windows.len());
}

#[test]
pub fn a_record_that_two_contracts_of_a_product_read_is_counted_once() {
    let mesh = Mesh::new(shared(), "twice", 2, "");
    mesh.put_second_contract();
    let worker = mesh.worker("a").ready();
    mesh.write(1_000, now_ms() - 1_000, now_ms());
    let expected = mesh.orders().expected.clone();
    let counted = || {
        ["records", "undecodable", "tombstones"]
            .map(|what| worker.metric(&format!("steward_product_{what}_total")).unwrap_or(0.0) as u64)
    };
    let started = Instant::now();
    while counted()[0] < expected.records {
        assert!(started.elapsed() < Duration::from_secs(60), "{:?} of {expected:?}", counted());
        pause(200);
    }
    pause(2_500); // two flushes: what would be counted twice is counted by then
    assert_eq!(counted(), [expected.records, expected.undecodable, expected.tombstones]);
}

/// Its unit hears READY=1 when it is, and goes on being fed: a restart would heal no broker.
#[test]
pub fn a_worker_without_brokers_is_alive_and_not_ready() {
    let broker = Broker::start();
    let mesh = Mesh::new(&broker, "alone", 1, "");
    let manager = Manager::listen(mesh.folder());
    let worker = mesh.unit("a", &manager.environment(WATCHDOG));
    let heard = manager.hear(Duration::from_secs(60), |said| said == "READY=1");
    assert_eq!(worker.get("/ready").0, 200, "{heard:?}");
    broker.kill();
    let lost = Instant::now();
    while worker.get("/ready").0 == 200 {
        assert!(lost.elapsed() < Duration::from_secs(30), "still ready");
        pause(200);
    }
    let (status, body) = worker.get("/ready");
    assert_eq!((status, worker.get("/live").0), (503, 200), "{body}");
    assert!(body.contains("broker"), "no reason is given: {body}");
    let heard = manager.hear(STATUS_WITHIN, |said| said.starts_with("STATUS=not ready: no broker has answered for"));
    assert!(heard.iter().any(|said| said.starts_with("STATUS=1 product: 1 ")), "{heard:?}");
    let fed = heard.iter().filter(|said| *said == "WATCHDOG=1").count();
    assert!(fed >= 2, "{fed} times in {:?}: {heard:?}", lost.elapsed());
}

/// Fed every 10 s by loops that turned within 20 s; nobody ends the process here.
const WATCHDOG: Duration = Duration::from_secs(40);
/// A status is at most 5 s old.
const STATUS_WITHIN: Duration = Duration::from_secs(10);
