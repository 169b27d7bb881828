//! What a configuration that was read again changes: what a running worker takes up, and what waits for its next start.

use crate::config::access::Jwks;
use crate::config::http::Http;
use crate::config::kafka::{Kafka, Properties};
use crate::config::keys::KAFKA_SECTIONS;
use crate::config::peer::Login;
use crate::config::registry::Registry;
use crate::config::usable::{Config, Effective};
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

/// The difference between the configuration in force and the one that was read.
#[derive(Clone, Debug)]
pub struct Change {
    /// The one in force, with all that a running worker takes up.
    pub config: Config,
    /// Keys that it takes up.
    pub live: BTreeSet<String>,
    /// Keys that wait for a start.
    pub waiting: BTreeSet<String>,
}

/// Keys, or beginnings of such, that a running worker takes up; of Kafka's those in every section.
const LIVE: &[&str] = &[
    "contracts.paths",
    "policies.paths",
    "log.level",
    "registry.ssl.",
    "registry.basic.",
    "registry.bearer.",
    "http.ssl.",
    "http.insecure",
    "http.requests.per.second",
    "access.",
];
const LIVE_OF_KAFKA: &[&str] = &["ssl.", "sasl.", "security.protocol"];

pub fn between(running: &Config, fresh: Config) -> Change {
    let (live, waiting) = different(running, &fresh).into_iter().partition(|key| is_live(key));
    let of_kafka = |old: &Properties, new: &Properties| -> Properties {
        let kept = old.iter().filter(|(name, _)| !is_live_of_kafka(name));
        kept.chain(new.iter().filter(|(name, _)| is_live_of_kafka(name))).map(|(k, v)| (k.clone(), v.clone())).collect()
    };
    let (ours, read) = (&running.kafka, &fresh.kafka);
    let config = Config {
        kafka: Kafka {
            consumer: of_kafka(&ours.consumer, &read.consumer),
            producer: of_kafka(&ours.producer, &read.producer),
            admin: of_kafka(&ours.admin, &read.admin),
            ..ours.clone()
        },
        registry: Registry {
            login: fresh.registry.login,
            ca: fresh.registry.ca,
            certificate: fresh.registry.certificate,
            ..running.registry.clone()
        },
        contracts: fresh.contracts,
        http: Http { listen: running.http.listen, ..fresh.http },
        log: crate::config::usable::Log { level: fresh.log.level, ..running.log.clone() },
        effective: effective(&running.effective, fresh.effective),
        ..running.clone()
    };
    Change { config, live, waiting }
}

/// Whether one of these keys is about Kafka's clients.
pub fn is_of_clients(key: &str) -> bool {
    key.starts_with("kafka.")
}

/// Whether one of these keys is about the registry's clients.
pub fn is_of_registry(key: &str) -> bool {
    key.starts_with("registry.")
}

/// Whether one of these keys is about who is let in, and by which certificate.
pub fn is_of_door(key: &str) -> bool {
    key.starts_with("http.") || key.starts_with("access.")
}

/// The files that Kafka's clients, the registry's and HTTP read at their start, by the key that names them.
pub fn files(config: &Config) -> BTreeMap<PathBuf, String> {
    let mut files = BTreeMap::new();
    for properties in [&config.kafka.consumer, &config.kafka.producer, &config.kafka.admin] {
        let located = properties.iter().filter(|(name, _)| name.starts_with("ssl.") && name.ends_with(".location"));
        files.extend(located.map(|(name, path)| (PathBuf::from(path.expose()), format!("kafka.{name}"))));
    }
    let registry = &config.registry;
    files.extend(registry.ca.iter().map(|path| (path.clone(), "registry.ssl.ca.location".into())));
    if let Some((certificate, key)) = &registry.certificate {
        files.insert(certificate.clone(), "registry.ssl.certificate.location".into());
        files.insert(key.clone(), "registry.ssl.key.location".into());
    }
    let http = &config.http;
    if let Some(tls) = &http.tls {
        files.insert(tls.certificate.clone(), "http.ssl.certificate.location".into());
        files.insert(tls.key.clone(), "http.ssl.key.location".into());
        files.extend(tls.clients.iter().map(|path| (path.clone(), "http.ssl.client.ca.location".into())));
    }
    files.extend(http.access.file.iter().map(|path| (path.clone(), "access.file".into())));
    match http.access.oidc.as_ref().map(|oidc| &oidc.jwks) {
        Some(Jwks::File(path)) => drop(files.insert(path.clone(), "access.oidc.jwks".into())),
        Some(Jwks::Url(_, Some(ca))) => drop(files.insert(ca.clone(), "access.oidc.ssl.ca.location".into())),
        _ => {}
    }
    files
}

/// Keys whose values differ. Secrets are told apart by what they are, for they are all shown alike.
fn different(running: &Config, fresh: &Config) -> BTreeSet<String> {
    let shown = |config: &Config| -> BTreeMap<String, String> {
        config.effective.iter().map(|e| (e.key.clone(), e.value.clone())).collect()
    };
    let (old, new) = (shown(running), shown(fresh));
    let mut keys: BTreeSet<String> =
        old.keys().chain(new.keys()).filter(|k| old.get(*k) != new.get(*k)).cloned().collect();
    let sections = |kafka: &'_ Kafka| [kafka.consumer.clone(), kafka.producer.clone(), kafka.admin.clone()];
    for (old, new) in sections(&running.kafka).into_iter().zip(sections(&fresh.kafka)) {
        // A property that came or went is among the values shown.
        let differs = |name: &&String| new.get(*name).is_some_and(|text| text.expose() != old[*name].expose());
        keys.extend(old.keys().filter(differs).map(|name| format!("kafka.{name}")));
    }
    for (section, old, new) in [
        ("registry", &running.registry.login, &fresh.registry.login),
        ("connect", &running.discovery.connect.login, &fresh.discovery.connect.login),
        ("openlineage", &running.openlineage.peer.login, &fresh.openlineage.peer.login),
        ("flink", &running.discovery.flink.login, &fresh.discovery.flink.login),
        ("ksqldb", &running.discovery.ksqldb.login, &fresh.discovery.ksqldb.login),
    ] {
        if login(old) != login(new) {
            keys.insert(format!("{section}.{}", login(new).0));
        }
    }
    let hash_key = |config: &Config| config.privacy.hash_key.as_ref().map(|secret| secret.expose().to_owned());
    if hash_key(running) != hash_key(fresh) {
        keys.insert("privacy.hash.key".into());
    }
    keys
}

fn login(login: &Login) -> (&'static str, &str) {
    match login {
        Login::Anonymous => ("basic.auth.user.info", ""),
        Login::Basic(secret) => ("basic.auth.user.info", secret.expose()),
        Login::Bearer(secret) => ("bearer.auth.token", secret.expose()),
    }
}

/// The values in force: those that are taken up as they were read, all others as they were.
fn effective(running: &[Effective], fresh: Vec<Effective>) -> Vec<Effective> {
    let kept = running.iter().filter(|e| !is_live(&e.key)).cloned();
    kept.chain(fresh.into_iter().filter(|e| is_live(&e.key))).collect()
}

fn is_live(key: &str) -> bool {
    match KAFKA_SECTIONS.iter().find_map(|section| key.strip_prefix(section)) {
        Some(property) => is_live_of_kafka(property),
        None => LIVE.iter().any(|live| key.starts_with(live)),
    }
}

fn is_live_of_kafka(property: &str) -> bool {
    LIVE_OF_KAFKA.iter().any(|live| property.starts_with(live))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What two files make of each other, with the environment of each.
    fn check(running: &str, fresh: &str, live: &[&str], waiting: &[&str]) -> Change {
        let folder = tempfile::tempdir().unwrap();
        let load = |yaml: &str, password: &str| {
            let file = folder.path().join("f.yaml");
            std::fs::write(&file, format!("worker.id: w1\n{yaml}")).unwrap();
            let env = BTreeMap::from([("P".to_owned(), password.to_owned())]);
            Config::load_with(&file, &env).unwrap()
        };
        let change = between(&load(running, "old-secret-0123456"), load(fresh, "new-secret-0123456"));
        let keys = |keys: &[&str]| keys.iter().map(|key| key.to_string()).collect::<BTreeSet<_>>();
        assert_eq!((&change.live, &change.waiting), (&keys(live), &keys(waiting)), "{fresh}");
        change
    }

    #[test]
    fn what_a_running_worker_takes_up_is_told_from_what_waits_for_a_start() {
        check("", "", &[], &[]);
        check("", "log.level: debug", &["log.level"], &[]);
        check("log.level: debug\nwindow.size: 2m", "window.size: 1m", &["log.level"], &["window.size"]);
        check("", "contracts.paths: [a, b]", &["contracts.paths"], &[]);
        check("", "kafka.bootstrap.servers: a\nlog.format: json", &[], &["kafka.bootstrap.servers", "log.format"]);
        let added = check(
            "kafka.fetch.min.bytes: 1",
            "kafka: {fetch.min.bytes: 2, consumer.security.protocol: ssl, ssl.ca.location: ca.pem}",
            &["kafka.consumer.security.protocol", "kafka.ssl.ca.location"],
            &["kafka.fetch.min.bytes"],
        );
        let consumer = &added.config.kafka.consumer;
        assert_eq!((consumer["security.protocol"].expose(), consumer["fetch.min.bytes"].expose()), ("ssl", "1"));
        assert!(!added.config.kafka.admin.contains_key("security.protocol"));
        assert_eq!(files(&added.config), BTreeMap::from([("ca.pem".into(), "kafka.ssl.ca.location".into())]));
        let gone = between(&added.config, check("", "", &[], &[]).config);
        assert_eq!(gone.live.len(), 2, "{:?}", gone.live);
        assert!(!gone.config.kafka.consumer.contains_key("ssl.ca.location"));
    }

    #[test]
    fn secrets_that_changed_are_told_without_being_shown() {
        let secrets = "kafka.sasl.password: ${env:P}\nprivacy.hash.key: ${env:P}\nregistry: {url: 'http://r', bearer.auth.token: '${env:P}'}";
        let change =
            check(secrets, secrets, &["kafka.sasl.password", "registry.bearer.auth.token"], &["privacy.hash.key"]);
        assert_eq!(change.config.kafka.producer["sasl.password"].expose(), "new-secret-0123456");
        assert_eq!(change.config.privacy.hash_key.as_ref().unwrap().expose(), "old-secret-0123456");
        assert!(!format!("{change:?}").contains("secret-"), "{change:?}");
    }

    #[test]
    fn what_waits_goes_on_waiting_and_what_was_taken_up_is_no_news() {
        let first = check("", "log.level: debug\nwindow.size: 2m", &["log.level"], &["window.size"]);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("f.yaml");
        std::fs::write(&file, "worker.id: w1\nlog.level: debug\nwindow.size: 2m").unwrap();
        let again = between(&first.config, Config::load_with(&file, &BTreeMap::new()).unwrap());
        assert!(again.live.is_empty(), "{:?}", again.live);
        assert_eq!(again.waiting, BTreeSet::from(["window.size".to_owned()]));
    }
}
