//! What a running worker reads again: all of it, or nothing.

use crate::broker::shared;
use crate::mesh::Mesh;
use crate::notify::Manager;
use crate::worker::{Worker, pause};
use serde_json::Value;
use std::fs;
use std::time::{Duration, Instant};

const WATCHDOG: Duration = Duration::from_secs(40);
/// Two looks, 2 s apart, and a round that asks a busy broker.
const SEEN_WITHIN: Duration = Duration::from_secs(15);

#[test]
fn a_reload_takes_up_what_it_may_and_a_bad_file_changes_nothing() {
    let mesh = Mesh::new(shared(), "reloads", 2, "");
    let manager = Manager::listen(mesh.folder());
    let worker = mesh.unit("a", &manager.environment(WATCHDOG)).ready();
    manager.hear(SEEN_WITHIN, |said| said == "READY=1");
    let file = mesh.folder().join("reloads-a.yaml");
    let written = fs::read_to_string(&file).unwrap();
    let write = |more: &str| fs::write(&file, format!("{written}{more}")).unwrap();

    write("log.level: debug\nwindow.late.accept: 1h\n");
    mesh.put_contract("1.1.0");
    let (status, body) = worker.ask("POST", "/admin/reload");
    let told: Value = serde_json::from_str(&body).unwrap();
    assert_eq!((status, &told["waiting_for_restart"]), (200, &serde_json::json!(["window.late.accept"])), "{body}");
    let changed = told["changed"].to_string();
    assert!(changed.contains("log.level") && changed.contains("1.1.0"), "{body}");
    assert_eq!(level(&worker), "DEBUG");
    manager.hear(SEEN_WITHIN, |said| said == "READY=1");

    // Its file says where: what was in force stays, and the unit hears that the reload is over.
    write("log.level: loud\n");
    worker.signal("HUP");
    let heard = manager.hear(SEEN_WITHIN, |said| said.starts_with("MONOTONIC_USEC="));
    assert!(heard.contains(&"RELOADING=1".to_owned()), "{heard:?}");
    manager.hear(SEEN_WITHIN, |said| said == "READY=1");
    let (status, body) = worker.get("/ready");
    let line = written.lines().count() + 1;
    let place = format!("reloads-a.yaml:{line}: log.level: loud");
    assert!(status == 200 && body.contains(&place), "{place}: {body}");
    assert_eq!((level(&worker), worker.metric("steward_config_last_reload_successful")), ("DEBUG".into(), Some(0.0)));
    let (status, body) = worker.ask("POST", "/admin/reload");
    assert!(status == 422 && body.contains(&place), "{status}: {body}");

    // A certificate that is none is refused before any client is.
    let ca = mesh.folder().join("ca.pem");
    fs::write(&ca, "no certificate").unwrap();
    write(&format!("kafka: {{security.protocol: ssl, ssl.ca.location: {}}}\n", ca.display()));
    let (status, body) = worker.ask("POST", "/admin/reload");
    assert!(status == 422 && body.contains("ssl.ca.location"), "{status}: {body}");

    // Nobody asks: the file is looked at.
    write("log.level: warn\n");
    until("the file is seen", || level(&worker) == "WARN");
    assert_eq!(worker.metric("steward_config_last_reload_successful"), Some(1.0));
}

#[test]
fn new_certificates_reach_every_client_and_no_record_is_lost_or_repeated() {
    let certificates = tempfile::tempdir().unwrap();
    let ca = certificates.path().join("ca.pem");
    // The broker speaks plaintext: the file is watched, and no client reads it.
    fs::write(&ca, "one").unwrap();
    let mesh = Mesh::new(shared(), "renews", 4, &format!("kafka.ssl.ca.location: {}", ca.display()));
    let (a, b) = (mesh.worker("a").ready(), mesh.worker("b").ready());
    mesh.under_load(1_000, || {
        fs::write(&ca, "two").unwrap();
        let renewed = |worker: &Worker| worker.log().contains("every task has new clients");
        until("new clients", || renewed(&a) && renewed(&b));
        until("ready again", || a.get("/ready").0 == 200 && b.get("/ready").0 == 200);
    });
    let verdicts = mesh.judged(&[&a, &b]);
    mesh.unbroken(&verdicts);
}

fn level(worker: &Worker) -> String {
    let (_, body) = worker.get("/admin/loggers/root");
    let told: Value = serde_json::from_str(&body).unwrap_or_default();
    told["level"].as_str().unwrap_or_default().to_owned()
}

fn until(what: &str, holds: impl Fn() -> bool) {
    let begun = Instant::now();
    while !holds() {
        assert!(begun.elapsed() < SEEN_WITHIN * 2, "not within {:?}: {what}", SEEN_WITHIN * 2);
        pause(200);
    }
}
