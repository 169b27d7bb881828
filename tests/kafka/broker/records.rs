//! Records into and out of the broker: with their own timestamps, aborted or committed, read to the end.

use crate::broker::Broker;
use crate::broker::topics::{config, consumer};
use rdkafka::client::ClientContext;
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::{BaseProducer, BaseRecord, DeliveryResult, Producer, ProducerContext};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

const TIMEOUT: Duration = Duration::from_secs(60);

/// A record to be written.
#[derive(Clone, Debug, Default)]
pub struct Record {
    pub partition: i32,
    pub timestamp_ms: i64,
    pub key: Option<Vec<u8>>,
    /// `None`: a tombstone.
    pub value: Option<Vec<u8>>,
    pub headers: Vec<(&'static str, Option<Vec<u8>>)>,
}

/// A record that was read.
#[derive(Clone, Debug)]
pub struct Read {
    pub partition: i32,
    pub offset: i64,
    pub timestamp_ms: i64,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
    pub headers: BTreeMap<String, String>,
}

impl Read {
    /// The value as JSON.
    pub fn json(&self) -> serde_json::Value {
        let value = self.value.as_deref().unwrap_or(b"null");
        serde_json::from_slice(value).unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(value)))
    }
}

/// Writes to one topic, again and again.
pub struct Writer {
    producer: BaseProducer<Deliveries>,
    topic: String,
}

impl Writer {
    /// Writes all and returns the offset of each, in the order given.
    pub fn write(&self, records: &[Record]) -> Vec<i64> {
        send(&self.producer, &self.topic, records);
        finish(&self.producer, records.len())
    }
}

impl Broker {
    pub fn writer(&self, topic: &str) -> Writer {
        Writer { producer: self.producer(&[("enable.idempotence", "true")]), topic: topic.to_string() }
    }

    /// Batches are compressed by this codec of Kafka's, `none` included.
    pub fn writer_in(&self, topic: &str, codec: &str) -> Writer {
        Writer { producer: self.producer(&[("compression.type", codec)]), topic: topic.to_string() }
    }

    /// Writes in transactions of `size`, every one for which `abort` says so (by its number) aborted after its records
    /// have reached the log. Returns the offset of each record, of aborted ones too.
    pub fn produce_in_transactions(
        &self,
        topic: &str,
        records: &[Record],
        size: usize,
        abort: impl Fn(usize) -> bool,
    ) -> Vec<i64> {
        let producer = self.producer(&[("transactional.id", &format!("test-{topic}"))]);
        producer.init_transactions(TIMEOUT).expect("init_transactions");
        let mut offsets = Vec::new();
        for (number, records) in records.chunks(size).enumerate() {
            producer.begin_transaction().expect("begin_transaction");
            send(&producer, topic, records);
            offsets.extend(finish(&producer, records.len()));
            match abort(number) {
                true => producer.abort_transaction(TIMEOUT).expect("abort_transaction"),
                false => producer.commit_transaction(TIMEOUT).expect("commit_transaction"),
            }
        }
        offsets
    }

    /// Everything that read_committed shows now, by partition and offset.
    pub fn read(&self, topic: &str) -> Vec<Read> {
        let settings = [
            ("group.id", "test-reader"),
            ("isolation.level", "read_committed"),
            ("enable.auto.commit", "false"),
            ("enable.partition.eof", "true"),
        ];
        let consumer = consumer(&self.bootstrap, &settings);
        let mut open: Vec<i32> = (0..self.partitions(topic)).collect();
        let mut list = TopicPartitionList::new();
        for partition in &open {
            list.add_partition_offset(topic, *partition, Offset::Beginning).expect("the beginning");
        }
        consumer.assign(&list).expect("an assignment");
        let mut read = Vec::new();
        let started = Instant::now();
        while !open.is_empty() {
            assert!(started.elapsed() < TIMEOUT, "{topic}: partitions {open:?} do not end");
            match consumer.poll(Duration::from_millis(200)) {
                Some(Ok(message)) => read.push(Read {
                    partition: message.partition(),
                    offset: message.offset(),
                    timestamp_ms: message.timestamp().to_millis().unwrap_or(-1),
                    key: message.key().map(<[u8]>::to_vec),
                    value: message.payload().map(<[u8]>::to_vec),
                    headers: headers(&message),
                }),
                Some(Err(KafkaError::PartitionEOF(partition))) => open.retain(|p| *p != partition),
                // Of several brokers one is away: the others have what it has.
                Some(Err(KafkaError::MessageConsumption(RDKafkaErrorCode::BrokerTransportFailure))) => {}
                Some(Err(error)) => panic!("{topic} cannot be read: {error}"),
                None => {}
            }
        }
        read.sort_by_key(|r| (r.partition, r.offset));
        read
    }

    fn producer(&self, settings: &[(&str, &str)]) -> BaseProducer<Deliveries> {
        let usual = [("linger.ms", "20"), ("batch.num.messages", "10000"), ("compression.type", "lz4")];
        let config = config(&self.bootstrap, &[&usual, settings].concat());
        config.create_with_context(Deliveries::default()).expect("a producer")
    }
}

/// What became of the records since the last `finish`.
#[derive(Default)]
struct Deliveries(Mutex<Delivered>);

#[derive(Default)]
struct Delivered {
    /// The offset of each record, after its place in the list.
    offsets: Vec<(usize, i64)>,
    errors: Vec<String>,
}

impl ClientContext for Deliveries {}

impl ProducerContext for Deliveries {
    type DeliveryOpaque = usize;

    fn delivery(&self, result: &DeliveryResult<'_>, place: usize) {
        let mut deliveries = self.0.lock().expect("no delivery panics");
        match result {
            Ok(message) => deliveries.offsets.push((place, message.offset())),
            Err((error, _)) => deliveries.errors.push(error.to_string()),
        }
    }
}

fn send(producer: &BaseProducer<Deliveries>, topic: &str, records: &[Record]) {
    for (place, record) in records.iter().enumerate() {
        let mut next = BaseRecord::<[u8], [u8], usize>::with_opaque_to(topic, place)
            .partition(record.partition)
            .timestamp(record.timestamp_ms);
        next.key = record.key.as_deref();
        next.payload = record.value.as_deref();
        if !record.headers.is_empty() {
            let with = |headers: OwnedHeaders, (key, value): &(&'static str, Option<Vec<u8>>)| {
                headers.insert(Header { key, value: value.as_ref() })
            };
            next.headers = Some(record.headers.iter().fold(OwnedHeaders::new(), with));
        }
        while let Err((error, back)) = producer.send(next) {
            assert_eq!(error.rdkafka_error_code(), Some(RDKafkaErrorCode::QueueFull), "{topic}: {error}");
            next = back;
            producer.poll(Duration::from_millis(10));
        }
    }
}

fn finish(producer: &BaseProducer<Deliveries>, records: usize) -> Vec<i64> {
    producer.flush(TIMEOUT).expect("all records delivered");
    let mut delivered = std::mem::take(&mut *producer.context().0.lock().expect("no delivery panics"));
    assert_eq!(delivered.errors.first(), None, "{} of {records} failed", delivered.errors.len());
    assert_eq!(delivered.offsets.len(), records, "records delivered");
    delivered.offsets.sort_unstable();
    delivered.offsets.into_iter().map(|(_, offset)| offset).collect()
}

fn headers<M: Message>(message: &M) -> BTreeMap<String, String> {
    let text = |bytes: Option<&[u8]>| String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned();
    message.headers().map(|h| h.iter().map(|h| (h.key.to_string(), text(h.value))).collect()).unwrap_or_default()
}
