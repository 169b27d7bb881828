//! Records into topics: as many as can be, or so many a second.

use crate::broker::topics::config;
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::metadata::MetadataTopic;
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// A thousand topics of five partitions take a broker some 20 s, and a busy machine many times that.
const TIMEOUT: Duration = Duration::from_secs(300);
/// Topics of one request: a thousand of five partitions at once take the broker longer than a request may.
const TOPICS_AT_ONCE: usize = 50;

pub struct Load {
    producer: BaseProducer<Delivered>,
    sent: u64,
}

impl Load {
    /// `compression` in Kafka's words, with `none`.
    pub fn new(bootstrap: &str, compression: &str) -> Load {
        let settings = [
            ("enable.idempotence", "true"),
            ("linger.ms", "20"),
            ("batch.num.messages", "10000"),
            ("queue.buffering.max.messages", "1000000"),
            ("compression.type", compression),
        ];
        let producer = config(bootstrap, &settings).create_with_context(Delivered::default()).expect("a producer");
        Load { producer, sent: 0 }
    }

    pub fn send(&mut self, topic: &str, partition: i32, timestamp_ms: i64, value: &[u8]) {
        let mut next = BaseRecord::<(), [u8]>::to(topic).partition(partition).timestamp(timestamp_ms).payload(value);
        while let Err((error, back)) = self.producer.send(next) {
            let full = KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull);
            assert_eq!(error, full, "{topic} cannot be written");
            next = back;
            self.producer.poll(Duration::from_millis(10));
        }
        self.sent += 1;
        if self.sent.is_multiple_of(1_000) {
            self.producer.poll(Duration::ZERO);
        }
    }

    /// Waits, at most until `at`, and serves delivery reports.
    pub fn wait(&self, at: Instant) {
        loop {
            let left = at.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            self.producer.poll(left.max(Duration::from_millis(1)));
        }
    }

    /// Waits until the broker has all of them; fails where it refused one.
    pub fn finish(&self) {
        self.producer.flush(TIMEOUT).expect("all records delivered");
        let Delivered { good, bad } = &**self.producer.context();
        assert_eq!((good.load(Ordering::Relaxed), bad.load(Ordering::Relaxed)), (self.sent, 0), "delivered, failed");
    }
}

#[derive(Default)]
struct Delivered {
    good: AtomicU64,
    bad: AtomicU64,
}

impl rdkafka::ClientContext for Delivered {}

impl ProducerContext for Delivered {
    type DeliveryOpaque = ();

    fn delivery(&self, result: &DeliveryResult<'_>, _: ()) {
        let count = if result.is_ok() { &self.good } else { &self.bad };
        count.fetch_add(1, Ordering::Relaxed);
    }
}

/// Creates many topics; each is there when this returns.
pub fn create_topics(bootstrap: &str, names: &[String], partitions: i32) {
    let admin: AdminClient<DefaultClientContext> = config(bootstrap, &[]).create().expect("an admin client");
    let options = AdminOptions::new().operation_timeout(Some(TIMEOUT)).request_timeout(Some(TIMEOUT));
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    for names in names.chunks(TOPICS_AT_ONCE) {
        let topics: Vec<_> = names.iter().map(|n| NewTopic::new(n, partitions, TopicReplication::Fixed(1))).collect();
        for created in runtime.block_on(admin.create_topics(&topics, &options)).expect("create_topics") {
            created.unwrap_or_else(|(name, error)| panic!("{name} cannot be created: {error}"));
        }
    }
    let started = Instant::now();
    let wanted: BTreeSet<&str> = names.iter().map(String::as_str).collect();
    let seen = || {
        let metadata = admin.inner().fetch_metadata(None, TIMEOUT).expect("metadata");
        let whole = |t: &&MetadataTopic| wanted.contains(t.name()) && t.partitions().len() == partitions as usize;
        metadata.topics().iter().filter(whole).count()
    };
    while seen() < names.len() {
        assert!(started.elapsed() < TIMEOUT, "topics were created and are not seen");
    }
}
