//! Lineage by real consumer groups and transactions: who reads while commits move, who writes, and whose a transaction is.

use crate::broker::held::Held;
use crate::broker::records::Record;
use crate::broker::{Broker, LOG4J, fresh_folder, java, kafka_libs, shared as broker, streams_libs};
use crate::collected::{cluster, config, config_of, settings, shown};
use crate::worker::pause;
use mesh_steward::discovery::acls::Acls;
use mesh_steward::discovery::groups::Groups;
use mesh_steward::discovery::known::Known;
use mesh_steward::discovery::producers::Producers;
use mesh_steward::engine::lineage::collector::Collector;
use mesh_steward::engine::lineage::sighting::Round;
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::collections::BTreeSet;
use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

const WAIT: Duration = Duration::from_secs(20);

#[test]
fn a_group_reads_while_its_commits_move() {
    broker().create_topic("flow.read", 1, &[]);
    write("flow.read", 5);
    let config = config("");
    let mut groups = Groups::new(settings(&config), cluster(&config, &[]), Arc::new(Known::default()));
    // As Flink does: offsets without any member.
    let reader = consumer("flow-reader", &[]);
    commit(&reader, "flow.read", 2);
    let first = groups.collect(0).expect("brokers answer");
    assert_eq!(shown(&first, "flow-reader"), BTreeSet::new(), "what was committed once may be long ago");
    let job = |round: &Round| round.jobs.iter().find(|job| job.node.name() == "group:flow-reader").cloned();
    assert_eq!(job(&first).map(|job| (job.kind, job.state)), Some(("consumer-group".into(), "Empty".into())));
    commit(&reader, "flow.read", 3);
    let second = groups.collect(10_000).expect("brokers answer");
    let reads = BTreeSet::from(["topic flow.read -> job group:flow-reader observed".to_owned()]);
    assert_eq!(shown(&second, "flow-reader"), reads);
    let sighting = second.sightings.iter().find(|s| s.to.name() == "group:flow-reader").expect("it is among them");
    assert_eq!(sighting.detail["lag_records"], "2");
    assert!(!sighting.detail.contains_key("lag_seconds"), "what was written before the first look has no time");
    let third = groups.collect(20_000).expect("brokers answer");
    assert_eq!(shown(&third, "flow-reader"), BTreeSet::new(), "nothing moved");
    assert!(job(&third).is_some(), "it is there all the same");
    assert!(third.complete, "{:?}", third.unresolved);
    // Where it stands was written between the last two looks: half-way, as near as is known.
    write("flow.read", 2);
    commit(&reader, "flow.read", 5);
    let fourth = groups.collect(30_000).expect("brokers answer");
    let sighting = fourth.sightings.iter().find(|s| s.to.name() == "group:flow-reader").expect("it moved");
    let lag = ["lag_records", "lag_seconds"].map(|lag| sighting.detail[lag].as_str());
    assert_eq!(lag, ["2", "5.0"]);
}

#[test]
fn groups_of_newer_kinds_read_as_others_do() {
    broker().create_topic("flow.newer", 1, &[]);
    write("flow.newer", 5);
    let config = config("");
    let mut groups = Groups::new(settings(&config), cluster(&config, &[]), Arc::new(Known::default()));
    let member = consumer("flow-newer", &[("group.protocol", "consumer"), ("auto.offset.reset", "earliest")]);
    member.subscribe(&["flow.newer"]).expect("a subscription");
    let share = share_group("flow-share", "flow.newer");
    let expected: BTreeSet<String> =
        ["flow-newer", "flow-share"].map(|group| format!("topic flow.newer -> job group:{group} observed")).into();
    let (mut found, started) = (BTreeSet::new(), Instant::now());
    while found != expected {
        assert!(started.elapsed() < 3 * WAIT, "only {found:?}\n{}", share.log());
        write("flow.newer", 1);
        while let Some(message) = member.poll(Duration::from_millis(100)) {
            member.commit_message(&message.expect("a record"), CommitMode::Sync).expect("a commit");
        }
        let round = groups.collect(0).expect("brokers answer");
        found.extend(shown(&round, "flow.newer"));
        pause(200);
    }
    let round = groups.collect(0).expect("brokers answer");
    let kinds: BTreeSet<_> = round.jobs.iter().map(|job| (job.node.name(), job.kind.as_str())).collect();
    assert!(kinds.contains(&("group:flow-share", "share-group")), "{kinds:?}");
    let member = round.jobs.iter().find(|job| job.node.name() == "group:flow-newer").expect("it is among them");
    assert_eq!((member.detail["type"].as_str(), member.detail["members"].as_str()), ("Consumer", "1"));
}

/// By the newer protocol (KIP-1071) a streams application tells its broker what it is made of; what it writes at its end, by its
/// transactions, is told by its producers.
#[test]
fn a_streams_application_is_found_with_its_topology_and_what_it_keeps_inside() {
    let libs = match streams_libs() {
        Ok(libs) => libs,
        Err(why) => return println!("skipped: {why}"),
    };
    // The example's own names.
    let (input, output) = ("streams-plaintext-input", "streams-wordcount-output");
    [input, output].iter().for_each(|topic| broker().create_topic(topic, 1, &[]));
    let folder = fresh_folder("streams");
    fs::write(folder.join("log4j.properties"), LOG4J).expect("log settings");
    let properties = format!(
        "bootstrap.servers={}\napplication.id=flow-words\ngroup.protocol=streams\ncommit.interval.ms=500\nstate.dir={}\n\
         processing.guarantee=exactly_once_v2\n\
         dsl.store.suppliers.class=org.apache.kafka.streams.state.BuiltInDslStoreSuppliers$InMemoryDslStoreSuppliers\n",
        broker().bootstrap,
        folder.display()
    );
    fs::write(folder.join("application.properties"), properties).expect("the application's settings");
    let mut command = java(&libs, &folder, "64m");
    command.arg("org.apache.kafka.streams.examples.wordcount.WordCountDemo").arg(folder.join("application.properties"));
    let application = Held::start(folder, &command);

    let config = config("");
    let mut groups = Groups::new(settings(&config), cluster(&config, &[]), Arc::new(Known::default()));
    let mut producers = Producers::new(settings(&config), cluster(&config, &[]), Arc::new(Known::default()));
    let inside = |what: &str| format!("topic flow-words-KSTREAM-AGGREGATE-STATE-STORE-0000000003-{what}");
    let job = "job group:flow-words";
    let expected = BTreeSet::from([
        format!("topic {input} -> {job} configured"),
        format!("topic {input} -> {job} observed"),
        format!("{job} -> {} configured", inside("repartition")),
        format!("{} -> {job} configured", inside("repartition")),
        format!("{} -> {job} observed", inside("repartition")),
        format!("{job} -> {} configured", inside("changelog")),
        format!("{job} -> {} observed", inside("repartition")),
        format!("{job} -> {} observed", inside("changelog")),
        format!("{job} -> topic {output} observed"),
    ]);
    let (mut found, started) = (BTreeSet::new(), Instant::now());
    while !found.is_superset(&expected) {
        assert!(started.elapsed() < 3 * WAIT, "only {found:#?}\n{}", application.log());
        let words = Record { timestamp_ms: 1_000, value: Some(b"who feeds whom".to_vec()), ..Record::default() };
        broker().writer(input).write(&[words]);
        pause(500);
        found.extend(shown(&groups.collect(0).expect("brokers answer"), "flow-words"));
        found.extend(shown(&producers.collect(0).expect("brokers answer"), "flow-words"));
    }
    // Before its group has committed with a transaction, what writes is known by its transactional id alone.
    let alone = |edge: &String| edge.contains("job transaction:flow-words-");
    found.retain(|edge| !alone(edge));
    assert_eq!(found, expected, "and no other edge");
    let now = shown(&producers.collect(0).expect("brokers answer"), "flow-words");
    assert!(!now.iter().any(alone), "{now:#?}");
    let round = groups.collect(0).expect("brokers answer");
    let kinds: Vec<_> = round.jobs.iter().filter(|job| job.node.name() == "group:flow-words").collect();
    assert_eq!(kinds.iter().map(|job| job.kind.as_str()).collect::<Vec<_>>(), ["kafka-streams"]);
}

#[test]
fn a_transaction_is_the_groups_whose_offsets_it_commits() {
    ["flow.in", "flow.out", "flow.alike"].iter().for_each(|topic| broker().create_topic(topic, 1, &[]));
    write("flow.in", 5);
    let config = config("");
    let mut producers = Producers::new(settings(&config), cluster(&config, &[]), Arc::new(Known::default()));
    let reader = consumer("flow-app", &[]);
    let app = transactional("flow-app-0c5dfe1a-9d3c-4d3e-8f8e-2b1a6d5c4b3a-1");
    // It is called alike, and commits nobody's offsets.
    let alike = transactional("flow-app-1c5dfe1a-9d3c-4d3e-8f8e-2b1a6d5c4b3a-1");
    process(&app, "flow.out", Some((&reader, "flow.in", 1)));
    process(&alike, "flow.alike", None);
    let first = producers.collect(0).expect("brokers answer");
    assert_eq!(shown(&first, "flow."), BTreeSet::new(), "what was written once may be long ago");
    process(&app, "flow.out", Some((&reader, "flow.in", 2)));
    process(&alike, "flow.alike", None);
    write("flow.in", 1);
    let second = producers.collect(10_000).expect("brokers answer");
    let expected = [
        "job group:flow-app -> topic flow.out observed",
        "job transaction:flow-app-1c5dfe1a-9d3c-4d3e-8f8e-2b1a6d5c4b3a-1 -> topic flow.alike observed",
    ];
    assert_eq!(shown(&second, "flow."), expected.map(str::to_owned).into());
    let nameless: Vec<_> = second.unresolved.iter().filter(|u| u.what.ends_with(" flow.in")).collect();
    assert_eq!(nameless.len(), 1, "{:?}", second.unresolved);
    let third = producers.collect(20_000).expect("brokers answer");
    assert_eq!(shown(&third, "flow."), BTreeSet::new(), "nothing moved");
}

#[test]
fn who_may_read_is_told_where_acls_are_in_force() {
    let config = config("");
    let open = Acls::new(settings(&config), cluster(&config, &["ruled.read"])).collect(0).expect("brokers answer");
    assert!(open.complete && open.sightings.is_empty(), "nobody holds ACLs in force: {open:?}");
    let guarded = Broker::guarded();
    guarded.create_topic("ruled.read", 1, &[]);
    guarded.allow_alone("ruled.read", &["Read", "Describe"]);
    let config = config_of(&guarded, "");
    let mut acls = Acls::new(settings(&config), cluster(&config, &["ruled.read", "ruled.other"]));
    let round = acls.collect(0).expect("brokers answer");
    let expected = BTreeSet::from(["topic ruled.read -> job principal:User:* permitted".to_owned()]);
    assert_eq!(shown(&round, "ruled"), expected);
    assert!(round.complete, "{:?}", round.unresolved);
}

fn write(topic: &str, count: usize) {
    let record = Record { timestamp_ms: 1_000, value: Some(b"{}".to_vec()), ..Record::default() };
    broker().writer(topic).write(&vec![record; count]);
}

fn consumer(group: &str, more: &[(&str, &str)]) -> BaseConsumer {
    let mut config = client();
    config.set("group.id", group).set("enable.auto.commit", "false");
    for (key, value) in more {
        config.set(*key, *value);
    }
    config.create().expect("a consumer")
}

fn commit(consumer: &BaseConsumer, topic: &str, offset: i64) {
    consumer.commit(&place(topic, offset), CommitMode::Sync).expect("a commit");
}

fn place(topic: &str, offset: i64) -> TopicPartitionList {
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, 0, Offset::Offset(offset)).expect("an offset");
    list
}

fn transactional(id: &str) -> BaseProducer {
    let producer: BaseProducer = client().set("transactional.id", id).create().expect("a producer");
    producer.init_transactions(WAIT).expect("a transactional id");
    producer
}

/// One transaction: a record, and offsets of a group where it has read.
fn process(producer: &BaseProducer, to: &str, read: Option<(&BaseConsumer, &str, i64)>) {
    producer.begin_transaction().expect("a transaction");
    producer.send(BaseRecord::<(), [u8]>::to(to).payload(b"{}")).expect("a record");
    if let Some((reader, topic, offset)) = read {
        let group = reader.group_metadata().expect("a group");
        producer.send_offsets_to_transaction(&place(topic, offset), &group, WAIT).expect("offsets");
    }
    producer.commit_transaction(WAIT).expect("a commit");
}

fn client() -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", &broker().bootstrap);
    config
}

/// A share consumer (KIP-932), which librdkafka has not: Kafka's own.
fn share_group(group: &str, topic: &str) -> Held {
    let folder = fresh_folder(group);
    fs::write(folder.join("log4j.properties"), LOG4J).expect("log settings");
    let mut tool = java(&kafka_libs(), &folder, "64m");
    tool.args(["org.apache.kafka.tools.consumer.ConsoleShareConsumer", "--bootstrap-server", &broker().bootstrap]);
    tool.args(["--topic", topic, "--group", group]);
    Held::start(folder, &tool)
}
