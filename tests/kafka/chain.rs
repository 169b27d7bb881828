//! A chain from a file through two products to a file, found by a worker that knows nothing but addresses.

use crate::broker::records::Record;
use crate::broker::shared as broker;
use crate::connect::shared as connect;
use crate::mesh::Mesh;
use crate::verdicts::malformed;
use crate::worker::{Worker, pause};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Three rounds, one each 10 s: what moves is seen by two of them.
const FOUND_WITHIN: Duration = Duration::from_secs(30);
/// Headers are looked at in two seconds of twenty, and what was seen waits for five.
const LETTER_WITHIN: Duration = Duration::from_secs(60);
const WAIT: Duration = Duration::from_secs(10);

#[test]
fn a_chain_is_found_by_its_evidence_and_ends_with_its_connector() {
    let mesh = Mesh::new(broker(), "chained", 1, &format!("connect.url: {}\nlineage.headers: true", connect().url));
    let (orders, enriched, dead) = (mesh.topic.as_str(), "chained.enriched", "chained.dead");
    [enriched, dead, "chained.decoy", "chained.orders-copy"]
        .iter()
        .for_each(|topic| broker().create_topic(topic, 1, &[]));
    mesh.put_contract_of("enriched", enriched);
    mesh.put_contract_of("dead-letters", dead);
    let folder = tempfile::tempdir().expect("a folder");
    let at = |name: &str| folder.path().join(name).display().to_string();
    fs::write(at("orders.in"), "{\"order\":1}\n").expect("a file");
    let class = |kind: &str| format!("org.apache.kafka.connect.file.FileStream{kind}Connector");
    let source = json!({"connector.class": class("Source"), "file": at("orders.in"), "topic": orders});
    let sink = json!({"connector.class": class("Sink"), "file": at("orders.out"), "topics": enriched});
    // Lines have no schema, so that none of them comes through.
    let refusing = json!({"connector.class": class("Sink"), "file": at("none.out"), "topics": orders,
        "value.converter": "org.apache.kafka.connect.json.JsonConverter", "errors.tolerance": "all",
        "errors.deadletterqueue.topic.name": dead, "errors.deadletterqueue.topic.replication.factor": "1",
        "errors.deadletterqueue.context.headers.enable": "true"});
    connect().put("chained-source", &source);
    connect().put("chained-refusing", &refusing);
    connect().put("chained-sink", &sink);
    let app = Application::start(orders, enriched);
    // Nobody reads or writes what is only called alike.
    decoy();

    let worker = mesh.worker("a").ready();
    let (topic, file) = (
        |name: &str| format!("dataset:kafka://{}:{name}", broker().bootstrap),
        |name: &str| format!("dataset:file:{}", at(name)),
    );
    let connector = |name: &str| format!("job:{}:{name}", connect().url.replace("http", "connect"));
    let group = format!("job:kafka://{}:group:chained-app", broker().bootstrap);
    let expected: BTreeMap<(String, String), BTreeSet<&str>> = [
        ((file("orders.in"), connector("chained-source")), vec!["configured"]),
        ((connector("chained-source"), topic(orders)), vec!["configured", "observed"]),
        ((topic(orders), group.clone()), vec!["observed"]),
        ((group, topic(enriched)), vec!["observed"]),
        ((topic(enriched), connector("chained-sink")), vec!["configured", "observed"]),
        ((connector("chained-sink"), file("orders.out")), vec!["configured"]),
        // Connect counts a topic when the task has taken a record.
        ((topic(orders), connector("chained-refusing")), vec!["configured"]),
        ((connector("chained-refusing"), topic(dead)), vec!["configured"]),
        ((connector("chained-refusing"), file("none.out")), vec!["configured"]),
    ]
    .into_iter()
    .map(|(edge, kinds)| (edge, kinds.into_iter().collect()))
    .collect();
    let has = |found: &BTreeMap<(String, String), BTreeSet<String>>| {
        expected
            .iter()
            .all(|(edge, kinds)| found.get(edge).is_some_and(|seen| kinds.iter().all(|kind| seen.contains(*kind))))
    };
    let started = Instant::now();
    let mut found = edges(&worker);
    while !has(&found) {
        assert!(started.elapsed() < FOUND_WITHIN, "expected {expected:#?}\nfound {found:#?}");
        pause(200);
        found = edges(&worker);
    }
    println!("the chain was found after {:?}", started.elapsed());

    // A record that was given up tells where it came from, by Connect's headers.
    let letter = (topic(orders), topic(dead));
    let started = Instant::now();
    while !found.get(&letter).is_some_and(|kinds| kinds.contains("observed")) {
        assert!(started.elapsed() < LETTER_WITHIN, "no edge of a dead letter: {found:#?}");
        let mut lines = fs::OpenOptions::new().append(true).open(at("orders.in")).expect("the file");
        writeln!(lines, "{{\"order\":3}}").expect("a line");
        pause(500);
        found = edges(&worker);
    }

    // But for the steward's own reading there is no other edge.
    let others = found.keys().filter(|edge| !expected.contains_key(*edge) && **edge != letter);
    let others: Vec<_> = others.filter(|(from, to)| ![from, to].iter().any(|end| end.contains(&mesh.group))).collect();
    assert!(others.is_empty(), "{others:#?}");

    // Catalogs are told of all of it, and strictly.
    let told = broker().read(&mesh.events);
    let jobs: BTreeSet<String> =
        told.iter().filter_map(|event| Some(event.json()["job"]["name"].as_str()?.to_owned())).collect();
    for job in ["chained-source", "group:chained-app", "chained-sink"] {
        assert!(jobs.contains(job), "{job}: {jobs:?}");
    }
    assert_eq!(malformed(broker(), &mesh.events), Vec::<String>::new());

    connect().delete("chained-sink");
    let ended = (topic(enriched), connector("chained-sink"));
    let started = Instant::now();
    while edges(&worker).contains_key(&ended) {
        assert!(started.elapsed() < FOUND_WITHIN, "{ended:?} does not end");
        pause(200);
    }
    ["chained-source", "chained-refusing"].iter().for_each(|name| connect().delete(name));
    drop(app);
}

/// Edges around the product, each with the kinds of its evidence.
fn edges(worker: &Worker) -> BTreeMap<(String, String), BTreeSet<String>> {
    let (_, body) = worker.get("/products/shop/chained/lineage?direction=both&depth=10");
    let told: Value = serde_json::from_str(&body).unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let edge = |edge: &Value| {
        let kinds = edge["evidence"].as_array().into_iter().flatten().map(|evidence| text(&evidence["kind"]));
        ((text(&edge["from"]), text(&edge["to"])), kinds.collect())
    };
    told["edges"].as_array().into_iter().flatten().map(edge).collect()
}

/// Reads one topic and writes the other, transaction by transaction, until it is dropped.
struct Application {
    runs: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Application {
    fn start(from: &str, to: &str) -> Application {
        let (from, to, runs) = (from.to_owned(), to.to_owned(), Arc::new(AtomicBool::new(true)));
        let still = runs.clone();
        let thread = std::thread::spawn(move || {
            let reader: BaseConsumer = client().set("group.id", "chained-app").create().expect("a consumer");
            // As Kafka Streams calls it.
            let id = "chained-app-7a1f3c52-6a07-4c0b-9a8e-1d2c3b4a5f60-1";
            let writer: BaseProducer = client().set("transactional.id", id).create().expect("a producer");
            writer.init_transactions(WAIT).expect("a transactional id");
            let mut offset = 0;
            while still.load(Ordering::Relaxed) {
                // One more of the records that come.
                let written =
                    Record { timestamp_ms: 1_000, value: Some(b"{\"order\":2}".to_vec()), ..Record::default() };
                offset = broker().writer(&from).write(&[written])[0].max(offset) + 1;
                writer.begin_transaction().expect("a transaction");
                writer.send(BaseRecord::<(), [u8]>::to(&to).payload(b"{\"order\":2}")).expect("a record");
                let mut read = TopicPartitionList::new();
                read.add_partition_offset(&from, 0, Offset::Offset(offset)).expect("an offset");
                let group = reader.group_metadata().expect("a group");
                writer.send_offsets_to_transaction(&read, &group, WAIT).expect("offsets");
                writer.commit_transaction(WAIT).expect("a commit");
                pause(500);
            }
        });
        Application { runs, thread: Some(thread) }
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        self.runs.store(false, Ordering::Relaxed);
        // What it panicked with was shown when it did.
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// A group of the same name but for a letter, which committed once, and topics that are called alike.
fn decoy() {
    let reader: BaseConsumer = client().set("group.id", "chained-apps").create().expect("a consumer");
    let mut read = TopicPartitionList::new();
    read.add_partition_offset("chained.orders", 0, Offset::Offset(0)).expect("an offset");
    reader.commit(&read, rdkafka::consumer::CommitMode::Sync).expect("a commit");
    let record = Record { timestamp_ms: 1_000, value: Some(b"{}".to_vec()), ..Record::default() };
    broker().writer("chained.decoy").write(std::slice::from_ref(&record));
    broker().writer("chained.orders-copy").write(&[record]);
}

fn client() -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &broker().bootstrap);
    config
}
