//! A place on the broker for one case: names, topics, records, settings.

use crate::broker::shared;
use mesh_steward::kafka::client::{GroupProtocol, Settings};
use mesh_steward::kafka::cluster::Cluster;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use std::collections::BTreeMap;
use std::sync::{Arc, mpsc};
use std::time::Duration;

/// Patience: a broker that makes topics for other tests answers in its time.
pub const LONG: Duration = Duration::from_secs(60);

/// The broker's address and a name that no other case uses.
pub fn broker(case: &str) -> (String, String) {
    (shared().bootstrap.clone(), format!("{case}.{}", mesh_steward::clock::now_ms()))
}

pub fn settings(address: &str, group: &str, worker: &str) -> Settings {
    let worker = worker.to_string();
    let name = worker.clone();
    Settings {
        properties: BTreeMap::from([("bootstrap.servers".into(), address.into())]),
        consumer: BTreeMap::new(),
        producer: BTreeMap::new(),
        admin: BTreeMap::new(),
        family: group.into(),
        group: group.into(),
        protocol: GroupProtocol::Classic,
        cluster: Cluster::Kafka,
        transactions: true,
        schema_headers: true,
        replication_factor: -1,
        worker_id: worker,
        stage: "inspect",
        slot: 0,
        topics: 1,
        tokens: None,
        events: Arc::new(move |event| {
            if std::env::var("STEWARD_TEST_EVENTS").is_ok() {
                println!("{name} {event:?}");
            }
        }),
    }
}

pub fn config(address: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", address);
    config
}

pub fn admin<T>(address: &str, act: impl AsyncFnOnce(AdminClient<DefaultClientContext>) -> T) -> T {
    let client: AdminClient<_> = config(address).create().unwrap();
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(act(client))
}

pub fn create(address: &str, topic: &str, partitions: i32) {
    admin(address, async |client| {
        let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
        client.create_topics([&new], &AdminOptions::new()).await.unwrap()[0].as_ref().unwrap();
    });
}

pub fn delete(address: &str, topic: &str) {
    admin(address, async |client| {
        client.delete_topics(&[topic], &AdminOptions::new()).await.unwrap()[0].as_ref().unwrap();
    });
}

/// Records with their numbers as values, spread over the partitions.
pub fn produce(address: &str, topic: &str, partitions: i32, numbers: std::ops::Range<i64>) {
    write(address, topic, partitions, numbers.map(|number| (number, number.to_string())));
}

/// The same of 200 bytes each.
pub fn produce_wide(address: &str, topic: &str, partitions: i32, numbers: std::ops::Range<i64>) {
    write(address, topic, partitions, numbers.map(|number| (number, format!("{number:0200}"))));
}

fn write(address: &str, topic: &str, partitions: i32, values: impl Iterator<Item = (i64, String)>) {
    let producer: BaseProducer = config(address).set("linger.ms", "1").create().unwrap();
    for (number, value) in values {
        let partition = (number % i64::from(partitions)) as i32;
        while producer.send(BaseRecord::<(), str>::to(topic).payload(&value).partition(partition)).is_err() {
            producer.poll(Duration::from_millis(10));
        }
    }
    producer.flush(LONG).unwrap();
}

/// Waits without a clock that clippy forbids: the tests have no loop to serve.
pub fn wait(time: Duration) {
    let (_keep, never) = mpsc::channel::<()>();
    let _ = never.recv_timeout(time);
}
