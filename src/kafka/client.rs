//! Settings of each client, each with its reason, and the one context that all of them share.

use crate::kafka::cluster::Cluster;
use crate::kafka::tokens::Tokens;
use rdkafka::client::{Client, ClientContext};
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer, ConsumerContext, RebalanceProtocol};
use rdkafka::error::{KafkaError, KafkaResult, RDKafkaErrorCode};
use rdkafka::producer::{BaseProducer, DeliveryResult, NoCustomPartitioner, ProducerContext};
use rdkafka::topic_partition_list::TopicPartitionList;
use rdkafka::types::{RDKafkaRespErr, RDKafkaType};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Of a message, in bytes.
const MESSAGE_BYTES_MAX: &str = "1000000";

/// What a task's clients are made of. Later maps win over `properties`; what correctness hangs on wins over all.
#[derive(Clone)]
pub struct Settings {
    /// librdkafka properties of every client.
    pub properties: BTreeMap<String, String>,
    pub consumer: BTreeMap<String, String>,
    pub producer: BTreeMap<String, String>,
    pub admin: BTreeMap<String, String>,
    /// `worker.group.id`: what transactional and group instance ids begin with.
    pub family: String,
    /// The consumer group of this stage.
    pub group: String,
    pub protocol: GroupProtocol,
    pub cluster: Cluster,
    /// Exactly once; else at least once.
    pub transactions: bool,
    /// Records are read with the header that names their schema: there is a registry to ask.
    pub schema_headers: bool,
    /// Of topics that tasks create; -1: the broker's default.
    pub replication_factor: i32,
    pub worker_id: String,
    pub stage: &'static str,
    /// The task's number in this worker and stage.
    pub slot: usize,
    /// That the consumer of this stage subscribes to, as far as is known when it starts.
    pub topics: usize,
    /// What clients log in by, where an OpenID provider gives it.
    pub tokens: Option<Arc<Tokens>>,
    /// Where log lines and errors of all clients go; it limits them.
    pub events: Events,
}

/// How members of the group agree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupProtocol {
    /// Cooperative-sticky with static members: a restart within the session moves nothing.
    Classic,
    /// KIP-848. A static member of it that comes back before its session ends is refused, so members are dynamic.
    Consumer,
}

/// Takes what clients have to say; called on whatever thread polls.
pub type Events = Arc<dyn Fn(ClientEvent) + Send + Sync>;

/// A log line or an error of a client; librdkafka repeats errors up to 20 times a second.
#[derive(Clone, Debug, PartialEq)]
pub struct ClientEvent {
    /// `consumer`, `producer`, `reader` or `admin`, with stage and slot.
    pub client: String,
    /// `None`: a log line.
    pub code: Option<RDKafkaErrorCode>,
    /// syslog: 3 error, 4 warning, 5 notice, 6 info, 7 debug.
    pub level: i32,
    pub text: String,
}

impl Settings {
    /// `{worker.group.id}.{worker}.{stage}.{n}`: the transactional id and the group instance id. Stable, so that a restarted
    /// worker fences its own predecessor and nobody else.
    pub fn identity(&self) -> String {
        format!("{}.{}.{}.{}", self.family, self.worker_id, self.stage, self.slot)
    }

    fn client_id(&self, role: &str) -> String {
        format!("steward-{role}-{}-{}-{}", self.worker_id, self.stage, self.slot)
    }
}

/// The subscribing consumer of a task.
pub fn consumer(settings: &Settings) -> KafkaResult<BaseConsumer<Context>> {
    subscribing(settings).create_with_context(Context::new(settings, "consumer"))
}

fn subscribing(settings: &Settings) -> ClientConfig {
    let mut config = reading(settings, "consumer");
    let (wait_ms, gathered_bytes) = gathering(settings.topics);
    default(&mut config, "fetch.wait.max.ms", &wait_ms.to_string());
    default(&mut config, "fetch.min.bytes", &gathered_bytes.to_string());
    // A lane (`kafka::lanes`) holds 4,000 records or 1 MiB before its partitions are fetched no more.
    default(&mut config, QUEUED.0, QUEUED.1);
    default(&mut config, "queued.max.messages.kbytes", "1024");
    // What one more fetch brings on top, of a partition and of a broker: 1,200 records of 220 bytes instead of 5,000,
    // and 4 MiB instead of 50. A broker that is 10 ms away still sends 400 MB a second.
    default(&mut config, "max.partition.fetch.bytes", "262144");
    default(&mut config, "fetch.max.bytes", "4194304");
    // That lasts for 5 ms at a million records a second, and then the client looks again; the default of 1,000 ms stalls
    // every consumer slower than its fetcher to a quarter or an eighth.
    default(&mut config, "fetch.queue.backoff.ms", "5");
    // Absence of a poll for this long is a stuck thread: the loop polls ten times a second.
    default(&mut config, "max.poll.interval.ms", "60000");
    match settings.protocol {
        GroupProtocol::Classic => {
            // A stopped worker's partitions move when its session ends: 6 s is the broker's lowest by default.
            default(&mut config, "session.timeout.ms", "6000");
            // Only partitions that move are revoked.
            config.set("partition.assignment.strategy", "cooperative-sticky");
            config.set("group.instance.id", settings.identity());
        }
        GroupProtocol::Consumer => {
            config.set("group.protocol", "consumer");
        }
    }
    config
}

/// `fetch.wait.max.ms` and `fetch.min.bytes` for so many topics.
///
/// A fetch names every partition, some 15 ms of CPU for 5,000, and where nothing comes the broker answers after the wait: with its default
/// of 500 ms that is 3 % of an idle core. But a partition that is just taken up waits for the fetch that is under way, so it is no longer
/// than it must be: 2 ms a topic, within 500 ms and 2 s. And where records trickle into many topics each single one asks for all partitions
/// again (60 % of the CPU at 20,000 records/s in 200 topics), so that the broker gathers 512 bytes a topic within that wait. Up to 16 topics
/// it gathers nothing.
fn gathering(topics: usize) -> (usize, usize) {
    let gathered_bytes = if topics > 16 { (512 * topics).min(256 * 1024) } else { 1 };
    ((2 * topics).clamp(500, 2_000), gathered_bytes)
}

/// A consumer that only ever reads what it is told to, member of no group.
pub fn reader(settings: &Settings) -> KafkaResult<BaseConsumer<Context>> {
    told(settings).create_with_context(Context::new(settings, "reader"))
}

fn told(settings: &Settings) -> ClientConfig {
    let mut config = reading(settings, "reader");
    // Bounds of its one queue: 20,000 records or 16 MiB.
    default(&mut config, QUEUED.0, "20000");
    // The default of 1,000 ms stalls every consumer slower than its fetcher: 10 ms reads 4 to 8 times as much.
    default(&mut config, "fetch.queue.backoff.ms", "10");
    default(&mut config, "queued.max.messages.kbytes", "16384");
    // A restore waits for the last record: 10 ms at the end of a log instead of the default 500.
    default(&mut config, "fetch.wait.max.ms", "10");
    config
}

/// The transactional producer of a task.
pub fn producer(settings: &Settings) -> KafkaResult<BaseProducer<Context, NoCustomPartitioner>> {
    let mut config = writing(settings);
    config.set("transactional.id", settings.identity());
    // A transaction is open only while a flush lasts, 10 ms as a rule. A stopped worker's open one holds readers back
    // for this long and the broker's check, which runs every 10 s.
    default(&mut config, "transaction.timeout.ms", "10000");
    config.create_with_context(Context::new(settings, "producer"))
}

/// An idempotent producer without transactions: at least once, and for facts that must be durable before a delta names
/// them.
pub fn plain_producer(settings: &Settings) -> KafkaResult<BaseProducer<Context, NoCustomPartitioner>> {
    let mut config = writing(settings);
    config.set("enable.idempotence", "true");
    config.create_with_context(Context::new(settings, "catalog"))
}

/// The largest message that the producer takes: what is configured, else our default, which is Kafka's.
pub fn message_bytes_max(settings: &Settings) -> usize {
    let set = settings.producer.get("message.max.bytes").or(settings.properties.get("message.max.bytes"));
    set.map_or(MESSAGE_BYTES_MAX, String::as_str).parse().unwrap_or(0)
}

/// A handle for admin calls.
pub fn admin(settings: &Settings) -> KafkaResult<Client<Context>> {
    let mut config = base(settings, &settings.admin, "admin");
    config.set("client.id", settings.client_id("admin"));
    let native = config.create_native_config()?;
    crate::kafka::ffi::queue::want_errors(&native);
    Client::new(&config, native, RDKafkaType::RD_KAFKA_PRODUCER, Context::new(settings, "admin"))
}

/// Bound of each of a task's lanes in records, and what it is unless operators set it.
const QUEUED: (&str, &str) = ("queued.min.messages", "4000");

/// Records that a lane may hold before its partitions are fetched no more.
pub fn queue_max(settings: &Settings) -> f64 {
    let set = settings.consumer.get(QUEUED.0).or(settings.properties.get(QUEUED.0));
    set.and_then(|text| text.parse().ok()).filter(|max: &f64| *max >= 1.0).unwrap_or(4_000.0)
}

/// What all consumers share.
fn reading(settings: &Settings, role: &str) -> ClientConfig {
    let mut config = base(settings, &settings.consumer, role);
    config.set("group.id", &settings.group);
    // New partitions and re-created topics are seen within 5 s, not 5 min.
    default(&mut config, "topic.metadata.refresh.interval.ms", "5000");
    // Under read_uncommitted a stopped worker's late commit was counted twice.
    config.set("isolation.level", "read_committed");
    // To ask for a topic that is missing must not make it: see `worker::orphans`.
    config.set("allow.auto.create.topics", "false");
    // Offsets are committed only in the transaction that holds what they produced.
    config.set("enable.auto.commit", "false");
    config.set("enable.auto.offset.store", "false");
    // Every start offset is the flow's; a silent jump would be a gap that nobody reports.
    config.set("auto.offset.reset", "error");
    // "Caught up" is known by the end of the log, not by silence.
    config.set("enable.partition.eof", "true");
    config
}

/// What all producers share.
fn writing(settings: &Settings) -> ClientConfig {
    let mut config = base(settings, &settings.producer, "producer");
    // The default of 100 ms is waited out in nearly every transaction.
    default(&mut config, "retry.backoff.ms", "10");
    // 22 % of JSON is left for 0.3 ms of CPU in 100 kB; level 9 takes 10 times that.
    default(&mut config, "compression.type", "zstd");
    default(&mut config, "compression.level", "1");
    // A flush sends everything at once and waits: lingering only delays it.
    default(&mut config, "linger.ms", "1");
    // Checked before compression and below every broker's default of 1,048,588, so that an oversized message is
    // refused here, where it does no harm, and not there, where it poisons the transaction.
    default(&mut config, "message.max.bytes", MESSAGE_BYTES_MAX);
    // As Java's clients partition, so that keyed events land where their own tools expect them.
    default(&mut config, "partitioner", "murmur2_random");
    config
}

fn base(settings: &Settings, over: &BTreeMap<String, String>, role: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    for (key, value) in settings.properties.iter().chain(over) {
        config.set(key, value);
    }
    let client_id = settings.client_id(role);
    default(&mut config, "client.id", &client_id);
    // From 0.25 to 2 s: a broker that is back is used at once, one that is away is not asked 20 times a second.
    default(&mut config, "reconnect.backoff.ms", "250");
    default(&mut config, "reconnect.backoff.max.ms", "2000");
    // Brokers close idle connections as they please; that is no news.
    default(&mut config, "log.connection.close", "false");
    config.set_log_level(RDKafkaLogLevel::Info);
    config
}

/// Sets what the operator has not.
fn default(config: &mut ClientConfig, key: &str, value: &str) {
    if config.get(key).is_none() {
        config.set(key, value);
    }
}

/// The context of every client: hands on what it has to say, and touches no assignment.
pub struct Context {
    client: String,
    tokens: Option<Arc<Tokens>>,
    events: Events,
}

impl Context {
    pub fn new(settings: &Settings, role: &str) -> Context {
        let client = format!("{role} {}-{}", settings.stage, settings.slot);
        Context { client, tokens: settings.tokens.clone(), events: settings.events.clone() }
    }

    pub fn tokens(&self) -> Option<&Arc<Tokens>> {
        self.tokens.as_ref()
    }

    pub fn tell(&self, code: Option<RDKafkaErrorCode>, level: i32, text: String) {
        (self.events)(ClientEvent { client: self.client.clone(), code, level, text });
    }
}

impl ClientContext for Context {
    fn log(&self, level: RDKafkaLogLevel, facility: &str, text: &str) {
        self.tell(None, level as i32, format!("{facility}: {text}"));
    }

    fn error(&self, error: KafkaError, reason: &str) {
        // A reader that is closed at the end of its log; an end is no error.
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::PartitionEOF) {
            return;
        }
        self.tell(error.rdkafka_error_code(), RDKafkaLogLevel::Error as i32, reason.to_string());
    }
}

impl ConsumerContext for Context {
    /// Only the drop of a consumer polls through rdkafka: then everything is given back. A task's own rebalances come
    /// through `kafka::poll` and wait for the flow; the default would assign, and let the group go on, in mid-flush.
    fn rebalance(&self, consumer: &BaseConsumer<Self>, _: RDKafkaRespErr, parts: &mut TopicPartitionList) {
        let given_back = match consumer.rebalance_protocol() {
            RebalanceProtocol::Cooperative => consumer.incremental_unassign(parts),
            _ => consumer.unassign(),
        };
        if let Err(e) = given_back {
            self.tell(e.rdkafka_error_code(), RDKafkaLogLevel::Warning as i32, format!("closing: {e}"));
        }
    }
}

impl ProducerContext for Context {
    /// The message's index in its batch.
    type DeliveryOpaque = usize;

    /// Reports are taken from the queue by `Outbox::drain`; those that come here follow a drop, and nobody waits for them.
    fn delivery(&self, _: &DeliveryResult<'_>, _: usize) {}
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(protocol: GroupProtocol) -> Settings {
        Settings {
            properties: BTreeMap::from([("bootstrap.servers".into(), "127.0.0.1:1".into())]),
            consumer: BTreeMap::new(),
            producer: BTreeMap::new(),
            admin: BTreeMap::new(),
            family: "steward".into(),
            group: "steward-inspect".into(),
            protocol,
            cluster: Cluster::Kafka,
            transactions: true,
            schema_headers: true,
            replication_factor: -1,
            worker_id: "w1".into(),
            stage: "inspect",
            slot: 2,
            topics: 1,
            tokens: None,
            events: Arc::new(|_| ()),
        }
    }

    #[test]
    fn librdkafka_accepts_every_setting_of_every_client() {
        for protocol in [GroupProtocol::Classic, GroupProtocol::Consumer] {
            let settings = settings(protocol);
            assert!(consumer(&settings).is_ok(), "{protocol:?}: {:?}", consumer(&settings).err());
            assert!(reader(&settings).is_ok());
            assert!(producer(&settings).is_ok());
            assert!(plain_producer(&settings).is_ok());
            assert!(admin(&settings).is_ok());
        }
    }

    #[test]
    fn a_consumer_of_many_topics_waits_for_a_full_fetch_and_a_reader_of_our_logs_never_does() {
        for (topics, wait_ms, gathered_bytes) in
            [(0, 500, 1), (16, 500, 1), (400, 800, 204_800), (5_000, 2_000, 262_144)]
        {
            assert_eq!(gathering(topics), (wait_ms, gathered_bytes), "{topics} topics");
            let settings = Settings { topics, ..settings(GroupProtocol::Classic) };
            let set = |config: ClientConfig| {
                ["fetch.wait.max.ms", "fetch.min.bytes"].map(|name| config.get(name).map(str::to_owned))
            };
            assert_eq!(set(subscribing(&settings)), [wait_ms, gathered_bytes].map(|set| Some(set.to_string())));
            assert_eq!(set(told(&settings)), [Some("10".into()), None], "a restore waits for each fetch");
        }
        let mut tuned = Settings { topics: 5_000, ..settings(GroupProtocol::Classic) };
        tuned.consumer.insert("fetch.wait.max.ms".into(), "100".into());
        assert_eq!(subscribing(&tuned).get("fetch.wait.max.ms"), Some("100"), "what operators set stays");
    }

    #[test]
    fn operators_tune_what_no_correctness_hangs_on() {
        let mut settings = settings(GroupProtocol::Classic);
        settings.properties.insert("queued.min.messages".into(), "7".into());
        settings.consumer.insert("queued.min.messages".into(), "9".into());
        settings.properties.insert("isolation.level".into(), "read_uncommitted".into());
        let config = reading(&settings, "consumer");
        assert_eq!(config.get("queued.min.messages"), Some("9"), "a client's own map wins over the common one");
        assert_eq!(config.get("isolation.level"), Some("read_committed"), "what correctness hangs on wins over all");
        assert_eq!(settings.identity(), "steward.w1.inspect.2");
    }
}
