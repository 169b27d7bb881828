//! What a running worker reads again: all of it, or nothing.

use crate::broker::shared;
use crate::mesh::Mesh;
use crate::notify::Manager;
use crate::worker::{Worker, pause};
use mesh_steward::registry::tls;
use serde_json::Value;
use sha2::{Digest, Sha256};
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

/// Who is let in, and by which certificate: nobody starts the worker anew, and a bad file changes nothing.
#[test]
fn logins_and_certificates_are_taken_up_and_bad_ones_leave_the_old_in_force() {
    let mesh = Mesh::new(shared(), "admits", 1, "");
    let worker = mesh.worker("a").ready();
    let at = |name: &str| mesh.folder().join(name);
    let written = fs::read_to_string(at("admits-a.yaml")).unwrap();
    let configure = |more: &str| fs::write(at("admits-a.yaml"), format!("{written}{more}")).unwrap();
    let admit = |token: &str| {
        let hash: String = Sha256::digest(token).iter().map(|byte| format!("{byte:02x}")).collect();
        fs::write(at("access.yaml"), format!("logins:\n- {{name: anna, sha256: {hash}, roles: [admin]}}\n")).unwrap();
    };
    let certify = |name: &str| {
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        fs::write(at(name), made.cert.pem()).unwrap();
        fs::write(at("own.pem"), made.cert.pem()).unwrap();
        fs::write(at("own.key"), made.signing_key.serialize_pem()).unwrap();
    };
    // Status and body; 0 where nobody answers to whoever trusts this certificate.
    let ask = |method: &str, path: &str, token: &str, trusts: Option<&str>| -> (u16, String) {
        let config = ureq::Agent::config_builder().timeout_global(Some(SEEN_WITHIN)).http_status_as_error(false);
        let (config, scheme) = match trusts {
            Some(name) => (config.tls_config(tls::config("x", Some(&at(name)), None).unwrap()), "https"),
            None => (config, "http"),
        };
        let port = worker.address().rsplit(':').next().unwrap();
        let host = if trusts.is_some() { "localhost" } else { "127.0.0.1" };
        let request = ureq::http::Request::builder().method(method).uri(format!("{scheme}://{host}:{port}{path}"));
        let request = request.header("authorization", format!("Bearer {token}")).body(()).unwrap();
        match ureq::Agent::from(config.build()).run(request) {
            Ok(mut answer) => (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap_or_default()),
            Err(_) => (0, String::new()),
        }
    };
    let status = |token: &str, trusts: Option<&str>| ask("GET", "/products", token, trusts).0;

    admit("steward_first");
    let access = format!("access.file: {}\n", at("access.yaml").display());
    configure(&access);
    worker.signal("HUP");
    until("logins are asked for", || status("steward_none", None) == 401);
    assert_eq!(status("steward_first", None), 200);

    fs::write(at("access.yaml"), "logins: [{name: anna}]\n").unwrap();
    worker.signal("HUP");
    // Whoever has no login hears whether it is ready, and no more.
    let ready_tells =
        |token: &str, trusts: Option<&str>, what: &str| ask("GET", "/ready", token, trusts).1.contains(what);
    until("a bad file is told", || ready_tells("steward_first", None, "access.yaml"));
    assert_eq!((status("steward_first", None), status("steward_none", None)), (200, 401), "the old ones are in force");

    admit("steward_second");
    let (done, told) = ask("POST", "/admin/reload", "steward_first", None);
    assert!(done == 200 && told.contains("access.file"), "{done}: {told}");
    assert_eq!((status("steward_second", None), status("steward_first", None)), (200, 401));

    certify("first.pem");
    let (certificate, key) = (at("own.pem"), at("own.key"));
    configure(&format!(
        "{access}http.ssl.certificate.location: {}\nhttp.ssl.key.location: {}\n",
        certificate.display(),
        key.display()
    ));
    worker.signal("HUP");
    until("HTTPS is served", || status("steward_second", Some("first.pem")) == 200);
    assert_eq!(status("steward_second", None), 0, "and HTTP no more");

    certify("second.pem");
    worker.signal("HUP");
    until("the new certificate is shown", || status("steward_second", Some("second.pem")) == 200);
    assert_eq!(status("steward_second", Some("first.pem")), 0);

    fs::write(&key, "no key").unwrap();
    worker.signal("HUP");
    until("a bad key is told", || ready_tells("steward_second", Some("second.pem"), "http.ssl.key.location"));
    assert_eq!(status("steward_second", Some("second.pem")), 200, "the old one is in force");
}
