//! A cluster that asks who is there: each way in, each way to be refused with its cause and remedy, and rights that are just enough.

use crate::broker::provider::{CLIENT, ELSEWHERE, SECRET};
use crate::broker::secured::{Secured, USER};
use crate::collected::{config_of, settings};
use crate::mesh::Mesh;
use crate::worker::pause;
use mesh_steward::kafka::wire::brokers::Brokers;
use mesh_steward::kafka::wire::{groups, transactions};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

/// Java starts a broker in 5 s, and each command in 2; both of them many times that on a machine that runs other tests too.
pub fn secured() -> &'static Secured {
    static SECURED: OnceLock<Secured> = OnceLock::new();
    SECURED.get_or_init(Secured::start)
}

/// Lines of configuration for SASL_SSL.
fn sasl(mechanism: &str, password: &str, ca: &Path) -> String {
    format!(
        "kafka.security.protocol: SASL_SSL\nkafka.sasl.mechanism: {mechanism}\nkafka.sasl.username: {USER}\nkafka.sasl.password: {password}\n\
         kafka.ssl.ca.location: {}\n",
        ca.display()
    )
}

/// For SASL_SSL, with tokens of a provider.
fn oidc(secret: &str, endpoint: &str, more: &str) -> String {
    format!(
        "kafka.security.protocol: SASL_SSL\nkafka.sasl.mechanism: OAUTHBEARER\nkafka.sasl.oauthbearer.method: oidc\n\
         kafka.sasl.oauthbearer.client.id: {CLIENT}\nkafka.sasl.oauthbearer.client.secret: {secret}\n\
         kafka.sasl.oauthbearer.token.endpoint.url: {endpoint}\nkafka.ssl.ca.location: {}\n{more}",
        secured().file("ca.pem").display()
    )
}

/// For SSL, with this one's certificate.
fn ssl(of: Option<&str>) -> String {
    let ca = secured().file("ca.pem");
    let own = of.map_or(String::new(), |name| {
        let [certificate, key] = ["pem", "key"].map(|kind| secured().file(&format!("{name}.{kind}")));
        format!(
            "kafka.ssl.certificate.location: {}\nkafka.ssl.key.location: {}\n",
            certificate.display(),
            key.display()
        )
    });
    format!("kafka.security.protocol: SSL\nkafka.ssl.ca.location: {}\n{own}", ca.display())
}

/// Exit code and lines of `steward check --connect`.
fn check(config: &Path) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_steward"));
    let ended = command.args(["check", "--connect", "--config"]).arg(config).output().expect("steward starts");
    (ended.status.code(), String::from_utf8_lossy(&ended.stdout).into_owned())
}

#[test]
fn each_way_in_is_taken_and_each_refusal_has_its_cause_and_remedy() {
    let at = secured();
    let (ca, stranger) = (at.file("ca.pem"), at.file("stranger.pem"));
    let token = format!(
        "kafka.security.protocol: SASL_SSL\nkafka.sasl.mechanism: OAUTHBEARER\nkafka.enable.sasl.oauthbearer.unsecure.jwt: true\n\
         kafka.sasl.oauthbearer.config: principal={USER}\nkafka.ssl.ca.location: {}\n",
        ca.display()
    );
    let good = "steward-secret";
    let endpoint = format!("{}/token", at.provider.url);
    let elsewhere = format!("kafka.sasl.oauthbearer.scope: {ELSEWHERE}\n");
    let cases: Vec<(&'static str, &str, String, Option<&str>)> = vec![
        ("scram", &at.sasl, sasl("SCRAM-SHA-512", good, &ca), None),
        ("plain", &at.sasl, sasl("PLAIN", good, &ca), None),
        ("token", &at.sasl, token, None),
        ("mutual", &at.mutual, ssl(Some(USER)), None),
        ("signed", &at.tokens, oidc(SECRET, &endpoint, ""), None),
        ("secret", &at.tokens, oidc("wrong", &endpoint, ""), Some("the OpenID provider gives this client no token")),
        ("audience", &at.tokens, oidc(SECRET, &endpoint, &elsewhere), Some("the brokers refuse the token")),
        ("away", &at.tokens, oidc(SECRET, "http://127.0.0.1:1/token", ""), Some("there is no token to log in with")),
        ("password", &at.sasl, sasl("SCRAM-SHA-512", "wrong", &ca), Some("refuse this user or password")),
        ("mechanism", &at.sasl, sasl("SCRAM-SHA-256", good, &ca), Some("do not offer this SASL mechanism")),
        ("authority", &at.sasl, sasl("PLAIN", good, &stranger), Some("certificate is not trusted")),
        ("nothing", &at.sasl, String::new(), Some("no broker answers to security.protocol plaintext")),
        ("anonymous", &at.sasl, ssl(None), Some("no broker answers to security.protocol SSL")),
        ("cleartext", &at.broker.bootstrap, sasl("PLAIN", good, &ca), Some("this listener speaks no TLS")),
        ("unknown", &at.mutual, ssl(None), Some("wants a certificate of its clients")),
        ("untrusted", &at.mutual, ssl(Some("nobody")), Some("one that it trusts")),
    ];
    // A refusal takes the 10 s that a question is given: all at once.
    std::thread::scope(|scope| {
        for (name, listener, lines, cause) in &cases {
            scope.spawn(move || {
                let mesh = Mesh::new(&at.broker, name, 1, "").through(listener, lines);
                let (code, text) = check(&mesh.configuration("a"));
                match cause {
                    None => assert!(text.contains("ok    cluster "), "{name}: {text}"),
                    Some(cause) => {
                        let line = text.lines().find(|line| line.starts_with("fail  the cluster cannot be asked"));
                        let line = line.unwrap_or_else(|| panic!("{name}: {text}"));
                        assert!(line.contains(cause) && line.contains(" — "), "{name}: {line}");
                        assert_eq!(code, Some(2), "{name}");
                    }
                }
            });
        }
    });
}

/// What librdkafka has no call for is asked by the daemon itself.
#[test]
fn questions_of_its_own_go_each_way_in_and_each_refusal_has_its_cause() {
    let at = secured();
    let (ca, stranger) = (at.file("ca.pem"), at.file("stranger.pem"));
    let check = |listener: &str, lines: &str, refused: Option<&str>| {
        let settings = settings(&config_of(&at.broker, lines));
        let token = settings.tokens.as_ref().and_then(|tokens| tokens.token());
        let (host, port) = listener.split_once(':').expect("host:port");
        let place = (host.to_owned(), port.parse().expect("a port"));
        let (mut brokers, failed) = Brokers::open(&settings.admin, token.as_ref(), &BTreeMap::from([(1, place)]));
        let failed: Vec<String> = failed.iter().map(ToString::to_string).collect();
        match refused {
            None => {
                assert_eq!(failed, Vec::<String>::new(), "{lines}");
                let broker = brokers.get(1).expect("it is open");
                groups::listed(broker).expect("its groups");
                transactions::listed(broker).expect("its transactions");
            }
            Some(cause) => assert!(failed.len() == 1 && failed[0].contains(cause), "{lines}: {failed:?}"),
        }
    };
    check(&at.broker.bootstrap, "", None);
    check(&at.sasl, &sasl("PLAIN", "steward-secret", &ca), None);
    check(&at.sasl, &sasl("SCRAM-SHA-512", "steward-secret", &ca), None);
    check(&at.mutual, &ssl(Some(USER)), None);
    let endpoint = format!("{}/token", at.provider.url);
    check(&at.tokens, &oidc(SECRET, &endpoint, ""), None);
    let elsewhere = format!("kafka.sasl.oauthbearer.scope: {ELSEWHERE}\n");
    check(&at.tokens, &oidc(SECRET, &endpoint, &elsewhere), Some("kafka.sasl.oauthbearer.client.id"));
    check(&at.sasl, &sasl("PLAIN", "wrong", &ca), Some("kafka.sasl.password"));
    check(&at.sasl, &sasl("SCRAM-SHA-512", "wrong", &ca), Some("kafka.sasl.password"));
    check(&at.sasl, &sasl("SCRAM-SHA-256", "steward-secret", &ca), Some("SCRAM-SHA-256 is not offered"));
    check(&at.sasl, &sasl("PLAIN", "steward-secret", &stranger), Some("certificate"));
    check(&at.mutual, &ssl(Some("nobody")), Some("127.0.0.1"));
}

#[test]
fn a_daemon_that_is_refused_says_why_where_an_operator_looks() {
    let at = secured();
    let lines = sasl("SCRAM-SHA-512", "wrong", &at.file("ca.pem"));
    let mesh = Mesh::new(&at.broker, "refused", 1, "").through(&at.sasl, &lines);
    let worker = mesh.worker("a");
    let started = Instant::now();
    let said = loop {
        let (status, body) = worker.get("/ready");
        if body.contains("refuse this user or password") {
            break (status, body);
        }
        assert!(started.elapsed() < Duration::from_secs(60), "{status} {body}");
        pause(200);
    };
    assert_eq!(said.0, 503);
    assert!(said.1.contains("kafka.sasl.password"), "no remedy: {}", said.1);
    pause(15_000); // it tries again
    assert!(worker.metric("steward_kafka_errors_total").is_some_and(|errors| errors > 0.0));
    let log = worker.log();
    let told = log.lines().filter(|line| line.contains("the cluster cannot be set up yet")).count();
    assert_eq!(told, 1, "{log}");
    assert!(!log.contains("wrong"), "the password is in the log");
}

#[test]
fn rights_that_a_check_asks_for_are_enough_and_records_are_judged_with_them_by_tokens_that_are_renewed() {
    let at = secured();
    let endpoint = format!("{}/token", at.provider.url);
    let mesh = Mesh::new(&at.broker, "granted", 2, "").through(&at.tokens, &oidc(SECRET, &endpoint, ""));
    let config = mesh.configuration("a");
    let (code, text) = check(&config);
    assert_eq!(code, Some(1), "{text}");
    // Each remedy, to the letter.
    let mut granted = 0;
    for line in text.lines().filter(|line| line.starts_with("fail")) {
        let (_, remedy) = line.split_once(" — ").unwrap_or_else(|| panic!("no remedy: {line}"));
        at.kafka_acls(remedy);
        granted += 1;
    }
    let creating = text.lines().filter(|line| line.contains("cannot be created: Create is not granted")).count();
    assert!(creating >= 6, "its own topics: {text}");
    assert_eq!(granted, 4 + creating, "one topic, two groups, transactional ids, and what it would create: {text}");
    let (code, text) = check(&config);
    assert_eq!(code, Some(0), "{text}");
    assert!(!text.lines().any(|line| line.starts_with("fail")), "{text}");

    let worker = mesh.worker("a").ready();
    let given = at.provider.given();
    // A token is renewed after 16 s, and the brokers want to see one every 5 s.
    mesh.under_load(200, || pause(18_000));
    let verdicts = mesh.judged(&[&worker]);
    mesh.unbroken(&verdicts);
    assert!(at.provider.given() > given, "no token was renewed");
    assert!(!worker.log().contains("OAUTHBEARER"), "{}", worker.log());
    assert_eq!(check(&config).0, Some(0), "with its topics there");
}
