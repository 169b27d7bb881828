//! From a clean machine to the owner's pager: the daemon as its package installs it, with least rights at a cluster that asks who is there,
//! Prometheus with our rules, Alertmanager with our route, each query of our dashboards asked while it goes on; then an upgrade in place.

use crate::boards;
use crate::broker::Broker;
use crate::broker::records::Record;
use crate::installed::Installed;
use crate::mesh::OnDrop;
use crate::oracle;
use crate::secured::secured;
use crate::verdicts::Verdicts;
use crate::watch::Watch;
use crate::worker::{Worker, pause};
use mesh_steward::clock::now_ms;
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Of the configuration.
const WINDOW: Duration = Duration::from_secs(5);
/// A page comes within two windows; as much again for a machine that runs other tests too.
const PAGED_WITHIN: Duration = Duration::from_secs(4 * WINDOW.as_secs());
/// The window with the last bad record ends, its grace (2 s) and two flushes pass: 10 s; the rest is for a busy machine.
const WITHIN: Duration = Duration::from_secs(60);
/// `worker.shutdown.deadline`, and as much for a busy machine.
const STOPS_WITHIN: Duration = Duration::from_secs(10);
/// That docs/acls.md grants rights on, and of the defaults.
const TOPIC: &str = "orders";
const EVENTS: &str = "governance.events";

#[test]
fn a_planted_violation_pages_its_owner_once_and_resolves_and_an_upgrade_loses_nothing() {
    let at = secured();
    at.broker.create_topic(TOPIC, 2, &[]);
    let ca = at.file("ca.pem");
    // Within the folder of the test; its package has none.
    let policies = concat!(env!("CARGO_MANIFEST_DIR"), "/config/policies");
    let settings = format!(
        "kafka.ssl.ca.location: {}\nwindow: {{size: 5s, grace: 2s}}\nflush.interval: 1s\npolicies.paths: [{policies}]\n",
        ca.display()
    );
    let installed = Installed::unpack("paged", &at.sasl, "steward-secret", &settings);
    installed.put_contract(&oracle::contract("paged", TOPIC, "1.0.0").replace("order desk", "order-desk"));
    let checked = installed.check();
    assert!(checked.status.success(), "{checked:?}");
    std::thread::scope(|scope| granted().into_iter().for_each(|line| drop(scope.spawn(move || at.kafka_acls(&line)))));
    let checked = installed.check_connect();
    assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stdout));
    let worker = installed.start();

    let (bad, ended, written) = (AtomicBool::new(false), AtomicBool::new(false), AtomicU64::new(0));
    let (watch, worker) = std::thread::scope(|scope| {
        scope.spawn(|| write(&at.broker, &bad, &ended, &written));
        let _end = OnDrop(&ended);
        let watch = watched(&worker, &bad);
        // Both at once, as a package does it: the file, then the service.
        installed.upgrade();
        let worker = restarted(worker, &installed);
        pause(3_000); // it reads on
        (watch, worker)
    });
    judged(&at.broker, written.load(Ordering::Relaxed));
    let refused: Vec<String> =
        worker.log().lines().filter(|line| line.contains("uthorization")).map(str::to_owned).collect();
    assert_eq!(refused, Vec::<String>::new(), "a right that docs/acls.md does not grant");
    assert_eq!(worker.metric("steward_chain_overlaps_total"), Some(0.0), "chain overlaps");
    if let Some(watch) = watch {
        told_once(&watch);
    }
}

/// Prometheus scrapes it, the dashboards have their answers, a violation is planted, told and over. `None` where they are not installed.
fn watched(worker: &Worker, bad: &AtomicBool) -> Option<Watch> {
    let watch = Watch::start(worker.address())?;
    until("every query of the dashboards has an answer", WITHIN, || unanswered(&watch));
    assert_eq!(watch.hook.told(), [], "nothing is wrong yet");
    bad.store(true, Ordering::Relaxed);
    until("the owner is paged", PAGED_WITHIN, || (watch.hook.told().is_empty()).then(|| alerts(&watch)));
    bad.store(false, Ordering::Relaxed);
    let resolved = |(_, message): &(String, Value)| message["status"] == "resolved";
    until("it is over", WITHIN, || (!watch.hook.told().iter().any(resolved)).then(|| alerts(&watch)));
    Some(watch)
}

/// What would be told twice is told by now.
fn told_once(watch: &Watch) {
    let told = watch.hook.told();
    let heads: Vec<Value> = told.iter().map(|(path, message)| head(path, message)).collect();
    let head = |status: &str| {
        json!({"path": "/order-desk-pager", "status": status, "alerts": [{"alertname": "ContractViolated", "severity": "critical",
            "product": "shop/paged", "domain": "shop", "owner": "order-desk"}]})
    };
    assert_eq!(heads, [head("firing"), head("resolved")], "{told:#?}");
    let says = |key: &str| told[0].1["alerts"][0]["annotations"][key].as_str().unwrap_or_default().to_owned();
    assert!(says("runbook_url").ends_with("/docs/runbooks/ContractViolated.md"), "{told:#?}");
    assert_eq!(says("summary"), "shop/paged of order-desk violates its contract; rules broken: 1");
}

/// Stopped and started as the unit does it.
fn restarted(mut worker: Worker, installed: &Installed) -> Worker {
    worker.signal("TERM");
    installed.manager.hear(STOPS_WITHIN, |said| said == "STOPPING=1");
    assert!(worker.wait(STOPS_WITHIN).success(), "{}", worker.log());
    drop(worker);
    installed.start()
}

/// Every record stands in one window, and in one only; nothing was told twice.
fn judged(broker: &Broker, written: u64) {
    until("every record is judged", WITHIN, || {
        let records = Verdicts::read(broker, EVENTS).records;
        (records < written).then(|| format!("{records} of {written}"))
    });
    pause(2_500); // two flushes: what would be said twice is said by then
    let verdicts = Verdicts::read(broker, EVENTS);
    assert_eq!((verdicts.records, verdicts.too_late), (written, 0));
    assert_eq!(verdicts.gaps, Vec::<Value>::new());
    assert!(verdicts.windows.iter().all(|window| window["exact"] == true), "{:#?}", verdicts.windows);
    let opened: u64 = verdicts.opened.values().sum();
    assert_eq!(opened, 1, "{:?}", verdicts.opened);
}

/// The commands of docs/acls.md, to the letter.
fn granted() -> Vec<String> {
    let page = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/acls.md")).expect("the page");
    let (_, block) = page.split_once("```sh\n").expect("a block of commands");
    let block = block.split("```").next().unwrap_or_default().replace("\\\n", " ");
    let head =
        block.lines().find_map(|line| line.strip_prefix("acl=\"")?.strip_suffix('"')).expect("what all begin with");
    // Whoever grants is known here by the listener.
    let head = head.replace(" --command-config ADMIN.properties", "");
    let lines: Vec<String> = block.lines().filter_map(|line| Some(head.clone() + line.strip_prefix("$acl")?)).collect();
    assert_eq!(lines.len(), 5, "{block}");
    lines
}

/// Records of now, ten times a second, some of them with an amount below the least while `bad` says so.
fn write(broker: &Broker, bad: &AtomicBool, ended: &AtomicBool, written: &AtomicU64) {
    let writer = broker.writer(TOPIC);
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
        written.fetch_add(10, Ordering::Relaxed);
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
