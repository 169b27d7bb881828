//! From a bad record to the owner's pager: the daemon, Prometheus with our rules, Alertmanager with our route. And each query of our
//! dashboards asked while it goes on.

use crate::boards;
use crate::broker::records::Record;
use crate::broker::shared;
use crate::mesh::{Mesh, OnDrop};
use crate::oracle;
use crate::watch::Watch;
use crate::worker::pause;
use mesh_steward::clock::now_ms;
use serde_json::{Value, json};
use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Of the mesh.
const WINDOW: Duration = Duration::from_secs(5);
/// A page comes within two windows; as much again for a machine that runs other tests too.
const PAGED_WITHIN: Duration = Duration::from_secs(4 * WINDOW.as_secs());
/// The window with the last bad record ends, its grace (2 s) and two flushes pass: 10 s; the rest is for a busy machine.
const WITHIN: Duration = Duration::from_secs(60);

#[test]
fn a_planted_violation_pages_its_owner_once_and_resolves() {
    let mesh = Mesh::new(shared(), "paged", 2, "");
    let contract = oracle::contract(mesh.name, &mesh.topic, "1.0.0").replace("order desk", "order-desk");
    fs::write(mesh.folder().join("contracts/orders.odcs.yaml"), contract).expect("the contract");
    let worker = mesh.worker("a").ready();
    let Some(watch) = Watch::start(worker.address()) else { return };
    let (bad, ended) = (AtomicBool::new(false), AtomicBool::new(false));
    std::thread::scope(|scope| {
        scope.spawn(|| write(&mesh, &bad, &ended));
        let _end = OnDrop(&ended);
        until("every query of the dashboards has an answer", WITHIN, || unanswered(&watch));
        assert_eq!(watch.hook.told(), [], "nothing is wrong yet");

        bad.store(true, Ordering::Relaxed);
        until("the owner is paged", PAGED_WITHIN, || (watch.hook.told().is_empty()).then(|| alerts(&watch)));
        bad.store(false, Ordering::Relaxed);
        let resolved = |(_, message): &(String, Value)| message["status"] == "resolved";
        until("it is over", WITHIN, || (!watch.hook.told().iter().any(resolved)).then(|| alerts(&watch)));
        pause(3_000); // what would be told twice is told by then
    });
    let told = watch.hook.told();
    let heads: Vec<Value> = told.iter().map(|(path, message)| head(path, message)).collect();
    let head = |status: &str| {
        json!({"path": "/order-desk-pager", "status": status, "alerts": [{"alertname": "ContractViolated", "severity": "critical",
            "product": format!("shop/{}", mesh.name), "domain": "shop", "owner": "order-desk"}]})
    };
    assert_eq!(heads, [head("firing"), head("resolved")], "{told:#?}");
    let says = |key: &str| told[0].1["alerts"][0]["annotations"][key].as_str().unwrap_or_default().to_owned();
    assert!(says("runbook_url").ends_with("/docs/runbooks/ContractViolated.md"), "{told:#?}");
    assert_eq!(says("summary"), format!("shop/{} of order-desk violates its contract; rules broken: 1", mesh.name));
}

/// Records of now, ten times a second, some of them with an amount below the least while `bad` says so.
fn write(mesh: &Mesh<'_>, bad: &AtomicBool, ended: &AtomicBool) {
    let writer = mesh.broker.writer(&mesh.topic);
    let mut next = 0;
    while !ended.load(Ordering::Relaxed) {
        let least = if bad.load(Ordering::Relaxed) { -1 } else { 1 };
        let record = |n: i32| {
            let (id, amount) = (next + n, if n == 0 { least } else { 1 });
            let value = format!(
                "{{\"id\":\"o{id}\",\"customer\":\"ada\",\"status\":\"new\",\"sku\":\"ABC-1234\",\"amount\":{amount},\"quantity\":1}}"
            );
            Record { partition: n % 2, timestamp_ms: now_ms(), value: Some(value.into_bytes()), ..Record::default() }
        };
        writer.write(&(0..10).map(record).collect::<Vec<_>>());
        next += 10;
        pause(100);
    }
}

/// A query without an answer, as Grafana would ask it with all variables at All.
fn unanswered(watch: &Watch) -> Option<String> {
    let of_boards = boards::boards().into_iter().flat_map(|(name, board)| boards::queries(&name, &board));
    let of_boards = of_boards.map(|query| (query.place, query.expr));
    let recorded = boards::rules().into_iter().filter(|rule| !rule.alerts).map(|rule| {
        let expr = rule.value["expr"].as_str().unwrap_or_default();
        (format!("{} of {expr}", rule.name), rule.name)
    });
    let unanswered: Vec<String> = of_boards
        .chain(recorded)
        .filter(|(_, expr)| {
            // Ten scrapes; one product has all that is asked of `$product`.
            let filled = expr.replace("$__rate_interval", "10s").replace("\"$product\"", "\"shop/paged\"");
            let filled = ["job", "instance", "domain", "worker"]
                .iter()
                .fold(filled, |filled, variable| filled.replace(&format!("\"${variable}\""), "\".+\""));
            assert!(!filled.contains('$'), "a variable is left in {filled}");
            watch.ask(&filled).is_none_or(|series| series.is_empty())
        })
        .map(|(place, expr)| format!("{place}: {expr}"))
        .collect();
    (!unanswered.is_empty()).then(|| unanswered.join("\n"))
}

/// What of a message is to be as it is.
fn head(path: &str, message: &Value) -> Value {
    let labels: Vec<&Value> = boards::elements(&message["alerts"]).map(|alert| &alert["labels"]).collect();
    json!({"path": path, "status": message["status"], "alerts": labels})
}

fn alerts(watch: &Watch) -> String {
    format!("told {:#?}\nalerts {:#?}", watch.hook.told(), watch.ask("ALERTS"))
}

/// Waits until `missing` is nothing.
fn until(what: &str, limit: Duration, missing: impl Fn() -> Option<String>) {
    let started = Instant::now();
    while let Some(missing) = missing() {
        assert!(started.elapsed() < limit, "not within {limit:?}: {what}\n{missing}");
        pause(250);
    }
}
