//! Lineage by a real Kafka Connect: files into topics into files, expressions, mirrors; paused, stopped, failed and deleted.

use crate::broker::shared as broker;
use crate::collected::{cluster, config, shown};
use crate::connect::shared as connect;
use crate::worker::pause;
use mesh_steward::discovery::connect::Connect;
use mesh_steward::discovery::known::Known;
use mesh_steward::engine::lineage::collector::Collector;
use mesh_steward::engine::lineage::sighting::Round;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

const TOPICS: [&str; 4] = ["linked.orders", "linked.payments", "west.linked.orders", "linked.decoy"];

#[test]
fn connectors_are_found_with_all_that_they_move() {
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).display().to_string();
    TOPICS.iter().for_each(|topic| broker().create_topic(topic, 1, &[]));
    fs::write(at("orders.in"), "{\"order\":1}\n{\"order\":2}\n").expect("a file");
    fs::write(at("payments.in"), "{\"payment\":1}\n").expect("a file");
    let file = |kind: &str, more: Value| {
        let mut config = json!({"connector.class": format!("org.apache.kafka.connect.file.FileStream{kind}Connector")});
        more.as_object().into_iter().flatten().for_each(|(key, value)| config[key] = value.clone());
        config
    };
    let running = ["RUNNING", "RUNNING"];
    connect().put("l-source", &file("Source", json!({"file": at("orders.in"), "topic": "linked.orders"})));
    // A transform decides the topic.
    let routed = json!({"file": at("payments.in"), "topic": "raw", "transforms": "r",
        "transforms.r.type": "org.apache.kafka.connect.transforms.RegexRouter",
        "transforms.r.regex": "raw", "transforms.r.replacement": "linked.payments"});
    connect().put("l-routed", &file("Source", routed));
    connect().put("l-sink", &file("Sink", json!({"file": at("orders.out"), "topics": "linked.orders"})));
    let matching = json!({"file": at("all.out"), "topics.regex": "linked\\.(orders|payments)"});
    connect().put("l-matching", &file("Sink", matching));
    connect().put("l-paused", &file("Sink", json!({"file": at("paused.out"), "topics": "linked.orders"})));
    connect().put("l-stopped", &file("Sink", json!({"file": at("stopped.out"), "topics": "linked.payments"})));
    // Lines are no JSON with a schema, so that its task fails.
    let failing = json!({"file": at("failed.out"), "topics": "linked.orders",
        "value.converter": "org.apache.kafka.connect.json.JsonConverter"});
    connect().put("l-failed", &file("Sink", failing));
    connect().put("l-deleted", &file("Sink", json!({"file": at("deleted.out"), "topics": "linked.orders"})));
    connect().put("l-mirror", &mirror(&broker().bootstrap));
    ["l-source", "l-routed", "l-sink", "l-matching", "l-mirror"].iter().for_each(|c| connect().stands(c, &running));
    connect().stands("l-failed", &["RUNNING", "FAILED"]);
    connect().order("l-paused", "pause");
    connect().stands("l-paused", &["PAUSED", "PAUSED"]);
    connect().order("l-stopped", "stop");
    connect().stands("l-stopped", &["STOPPED"]);

    let mut collector = collector(&connect().url);
    let job = |name: &str| format!("job {name}");
    let path = |name: &str| format!("file {}", at(name));
    let topic = |name: &str| format!("topic {name}");
    let edge = |from: String, to: String, evidence: &str| format!("{from} -> {to} {evidence}");
    let mut expected = BTreeSet::new();
    for evidence in ["configured", "observed"] {
        expected.insert(edge(job("l-source"), topic("linked.orders"), evidence));
        expected.insert(edge(job("l-routed"), topic("linked.payments"), evidence));
        expected.insert(edge(topic("linked.orders"), job("l-sink"), evidence));
        expected.insert(edge(topic("linked.orders"), job("l-matching"), evidence));
        expected.insert(edge(topic("linked.payments"), job("l-matching"), evidence));
        expected.insert(edge(topic("linked.orders"), job("l-mirror"), evidence));
        expected.insert(edge(job("l-mirror"), topic("west.linked.orders"), evidence));
    }
    for (from, to) in [
        (path("orders.in"), job("l-source")),
        (path("payments.in"), job("l-routed")),
        (job("l-sink"), path("orders.out")),
        (job("l-matching"), path("all.out")),
        (topic("linked.orders"), job("l-paused")),
        (job("l-paused"), path("paused.out")),
        (topic("linked.payments"), job("l-stopped")),
        (job("l-stopped"), path("stopped.out")),
        (topic("linked.orders"), job("l-failed")),
        (job("l-failed"), path("failed.out")),
    ] {
        expected.insert(edge(from, to, "configured"));
    }
    let deleted: BTreeSet<String> = [
        edge(topic("linked.orders"), job("l-deleted"), "configured"),
        edge(topic("linked.orders"), job("l-deleted"), "observed"),
        edge(job("l-deleted"), path("deleted.out"), "configured"),
    ]
    .into();
    let round = sees(&mut collector, &expected.union(&deleted).cloned().collect());
    let states: BTreeMap<&str, &str> = round
        .jobs
        .iter()
        .map(|job| (job.node.name(), job.state.as_str()))
        .filter(|(n, _)| n.starts_with("l-"))
        .collect();
    assert_eq!(
        states,
        BTreeMap::from([
            ("l-deleted", "RUNNING"),
            ("l-failed", "FAILED"),
            ("l-matching", "RUNNING"),
            ("l-mirror", "RUNNING"),
            ("l-paused", "PAUSED"),
            ("l-routed", "RUNNING"),
            ("l-sink", "RUNNING"),
            ("l-source", "RUNNING"),
            ("l-stopped", "STOPPED"),
        ])
    );
    let failed = round.jobs.iter().find(|job| job.node.name() == "l-failed").expect("it is among them");
    assert!(failed.detail["trace"].contains("Exception"), "{:?}", failed.detail);

    connect().delete("l-deleted");
    let round = sees(&mut collector, &expected);
    assert!(round.complete, "{:?}", round.unresolved);
    assert!(!round.jobs.iter().any(|job| job.node.name() == "l-deleted"));
    // Whoever comes after this test finds no connector of it.
    states.keys().filter(|name| **name != "l-deleted").for_each(|name| connect().delete(name));
}

#[test]
fn who_does_not_answer_ends_no_edge() {
    let none = collector("http://127.0.0.1:1").collect(0);
    assert!(none.as_ref().is_err_and(|why| why.contains("connect.url")), "{none:?}");
    let half = format!("{}, http://127.0.0.1:1", connect().url);
    let half = collector(&half).collect(0).expect("one of two answers");
    assert!(!half.complete);
    assert!(half.unresolved.iter().any(|u| u.what == "http://127.0.0.1:1"), "{:?}", half.unresolved);
}

/// Looks until it sees these edges of this test's connectors and no others; fails after half a minute.
fn sees(collector: &mut Connect, expected: &BTreeSet<String>) -> Round {
    let started = Instant::now();
    loop {
        let round = collector.collect(0).expect("it answers");
        let found = shown(&round, " l-");
        if found == *expected {
            return round;
        }
        if started.elapsed() > Duration::from_secs(30) {
            let missing: Vec<_> = expected.difference(&found).collect();
            let more: Vec<_> = found.difference(expected).collect();
            panic!("missing: {missing:#?}\ntoo many: {more:#?}\nunresolved: {:#?}", round.unresolved);
        }
        pause(250);
    }
}

fn collector(url: &str) -> Connect {
    let config = config(&format!("connect.url: '{url}'"));
    Connect::new(&config.discovery.connect, cluster(&config, &TOPICS), Arc::new(Known::default())).expect("a collector")
}

fn mirror(bootstrap: &str) -> Value {
    json!({
        "connector.class": "org.apache.kafka.connect.mirror.MirrorSourceConnector", "tasks.max": "1",
        "source.cluster.alias": "west", "target.cluster.alias": "east",
        "source.cluster.bootstrap.servers": bootstrap, "target.cluster.bootstrap.servers": bootstrap,
        "topics": "linked.orders", "replication.factor": "1", "offset-syncs.topic.replication.factor": "1",
        "refresh.topics.interval.seconds": "1", "sync.topic.acls.enabled": "false", "sync.topic.configs.enabled": "false",
        "key.converter": "org.apache.kafka.connect.converters.ByteArrayConverter",
        "value.converter": "org.apache.kafka.connect.converters.ByteArrayConverter",
    })
}
