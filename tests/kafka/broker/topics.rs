//! What an administrator does to the broker's topics and groups.

use crate::broker::Broker;
use rdkafka::admin::{
    AdminClient, AdminOptions, AlterConfig, NewPartitions, NewTopic, ResourceSpecifier, TopicReplication,
};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::KafkaError;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka::types::RDKafkaErrorCode;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

const TIMEOUT: Duration = Duration::from_secs(20);

/// KIP-464: `default.replication.factor`.
const AS_THE_BROKER_HAS_IT: i32 = -1;

/// Whether a broker answers there; waits for it up to a second.
pub fn answers(bootstrap: &str) -> bool {
    let consumer = consumer(bootstrap, &[]);
    consumer.fetch_metadata(None, Duration::from_secs(1)).is_ok_and(|m| !m.brokers().is_empty())
}

impl Broker {
    pub fn create_topic(&self, name: &str, partitions: i32, settings: &[(&str, &str)]) {
        let mut topic = NewTopic::new(name, partitions, TopicReplication::Fixed(AS_THE_BROKER_HAS_IT));
        for (key, value) in settings {
            topic = topic.set(key, value);
        }
        let admin = self.admin();
        // A topic just deleted may still be on its way out.
        let started = Instant::now();
        loop {
            match block_on(admin.create_topics([&topic], &options())).expect("create_topics").remove(0) {
                Ok(_) => break,
                Err((_, RDKafkaErrorCode::TopicAlreadyExists)) if started.elapsed() < TIMEOUT => {}
                Err((name, error)) => panic!("{name} cannot be created: {error}"),
            }
        }
        // Known to the controller is not yet known to every client.
        while self.partitions(name) != partitions {
            assert!(started.elapsed() < TIMEOUT, "{name} was created and is not seen");
        }
    }

    pub fn delete_topic(&self, name: &str) {
        let deleted = block_on(self.admin().delete_topics(&[name], &options())).expect("delete_topics");
        deleted.into_iter().for_each(|topic| drop(topic.unwrap_or_else(|(n, e)| panic!("{n} cannot be deleted: {e}"))));
    }

    pub fn add_partitions(&self, name: &str, total: i32) {
        let grown = block_on(self.admin().create_partitions([&NewPartitions::new(name, total as usize)], &options()));
        grown
            .expect("create_partitions")
            .into_iter()
            .for_each(|t| drop(t.unwrap_or_else(|(n, e)| panic!("{n} cannot grow: {e}"))));
    }

    /// Sets these of the topic's settings; all others are the broker's own again.
    pub fn configure_topic(&self, name: &str, settings: &[(&str, &str)]) {
        let of = ResourceSpecifier::Topic(name);
        let change = settings.iter().fold(AlterConfig::new(of), |change, (key, value)| change.set(key, value));
        let changed = block_on(self.admin().alter_configs([&change], &options())).expect("alter_configs");
        changed.into_iter().for_each(|topic| drop(topic.unwrap_or_else(|(of, e)| panic!("{of:?} cannot be set: {e}"))));
    }

    /// Deletes all records before `before`, as retention does.
    pub fn delete_records(&self, topic: &str, before: &[(i32, i64)]) {
        let mut list = TopicPartitionList::new();
        for (partition, offset) in before {
            list.add_partition_offset(topic, *partition, Offset::Offset(*offset)).expect("an offset");
        }
        let cut = block_on(self.admin().delete_records(&list, &options())).expect("delete_records");
        cut.elements().iter().for_each(|e| e.error().unwrap_or_else(|e| panic!("{topic} cannot be cut: {e}")));
    }

    /// 0 where the topic does not exist.
    pub fn partitions(&self, topic: &str) -> i32 {
        let metadata = consumer(&self.bootstrap, &[]).fetch_metadata(Some(topic), TIMEOUT).expect("metadata");
        metadata.topics().iter().filter(|t| t.error().is_none()).map(|t| t.partitions().len() as i32).sum()
    }

    /// Log start and end of each partition, as read_committed sees it.
    pub fn ends(&self, topic: &str) -> BTreeMap<i32, (i64, i64)> {
        let consumer = consumer(&self.bootstrap, &[]);
        let ends =
            |p| consumer.fetch_watermarks(topic, p, TIMEOUT).unwrap_or_else(|e| panic!("ends of {topic}/{p}: {e}"));
        (0..self.partitions(topic)).map(|p| (p, ends(p))).collect()
    }

    /// How many partitions are not on all of their replicas.
    pub fn behind(&self) -> usize {
        let metadata = consumer(&self.bootstrap, &[]).fetch_metadata(None, TIMEOUT).expect("metadata");
        let partitions = metadata.topics().iter().flat_map(|topic| topic.partitions());
        partitions.filter(|p| p.isr().len() < p.replicas().len()).count()
    }

    /// The group's committed offset of each partition; `None` where there is none.
    pub fn committed(&self, group: &str, topic: &str) -> BTreeMap<i32, Option<i64>> {
        let consumer = consumer(&self.bootstrap, &[("group.id", group)]);
        let mut list = TopicPartitionList::new();
        list.add_partition_range(topic, 0, self.partitions(topic) - 1);
        let committed = retry(|| consumer.committed_offsets(list.clone(), TIMEOUT)).expect("committed offsets");
        let offset = |o| if let Offset::Offset(o) = o { Some(o) } else { None };
        committed.elements().iter().map(|e| (e.partition(), offset(e.offset()))).collect()
    }

    /// Records that the group has not committed yet.
    pub fn lag(&self, group: &str, topic: &str) -> i64 {
        let committed = self.committed(group, topic);
        self.ends(topic).iter().map(|(p, (start, end))| end - committed[p].unwrap_or(*start).max(*start)).sum()
    }

    fn admin(&self) -> AdminClient<DefaultClientContext> {
        config(&self.bootstrap, &[]).create().expect("an admin client")
    }
}

pub fn config(bootstrap: &str, settings: &[(&str, &str)]) -> ClientConfig {
    let mut config = ClientConfig::new();
    // librdkafka's own lines are of no use here: what matters comes back as an error.
    config.set("bootstrap.servers", bootstrap).set("log_level", "0");
    for (key, value) in settings {
        config.set(*key, *value);
    }
    config
}

pub fn consumer(bootstrap: &str, settings: &[(&str, &str)]) -> BaseConsumer {
    config(bootstrap, settings).create().expect("a consumer")
}

fn options() -> AdminOptions {
    AdminOptions::new().operation_timeout(Some(TIMEOUT)).request_timeout(Some(TIMEOUT))
}

/// A coordinator that is just being made is no reason to fail.
fn retry<T>(mut call: impl FnMut() -> Result<T, KafkaError>) -> Result<T, KafkaError> {
    let started = Instant::now();
    loop {
        match call() {
            Err(_) if started.elapsed() < TIMEOUT => {}
            answer => return answer,
        }
    }
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(future)
}
