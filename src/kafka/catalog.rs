//! What must be durable before a delta names it: contract bodies, and facts of the cluster, in the catalog topic.
//!
//! Keys are `kind/id`; the topic has one partition and is compacted.

use crate::engine::contract::name::{ContractHash, ProductName};
use crate::flow::io::{Fault, Message, Part, TopicInfo};
use crate::kafka::client::{self, Settings};
use crate::kafka::fault;
use crate::kafka::ffi::ask;
use crate::kafka::log::LogReader;
use crate::kafka::outbox::Outbox;
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::producer::Producer as _;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The deltas topic's partition count, held for ever: it decides which ledger owns a product.
pub const DELTAS_KEY: &str = "cluster/deltas";
const CONTRACT_PREFIX: &str = "contract/";
const ASK_MS: i32 = 10_000;
/// The catalog is small; a read that takes longer waits for something that does not come.
const READ: Duration = Duration::from_secs(60);

/// A contract version's body: enough to judge by its hash after a restart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContractBody {
    pub product: ProductName,
    /// The contract's text, without the path it was read from.
    pub source: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DeltasFact {
    pub partitions: i32,
    pub topic_id: String,
}

/// Writes contract bodies, each under the hash that deltas will name; returns when all are durable.
pub fn write_contracts(
    settings: &Settings,
    topic: &str,
    contracts: &[(ContractHash, ContractBody)],
) -> Result<(), Fault> {
    let mut records = Vec::with_capacity(contracts.len());
    for (hash, body) in contracts {
        records.push((format!("{CONTRACT_PREFIX}{hash}"), json(body)?));
    }
    write(settings, topic, records)
}

/// The contract bodies of a catalog, by hash; records that are none are left out.
pub fn contracts(catalog: &BTreeMap<String, Vec<u8>>) -> Vec<(ContractHash, ContractBody)> {
    let body = |(key, value): (&String, &Vec<u8>)| {
        let hash = ContractHash::parse(key.strip_prefix(CONTRACT_PREFIX)?)?;
        Some((hash, serde_json::from_slice(value).ok()?))
    };
    catalog.iter().filter_map(body).collect()
}

pub fn deltas_fact(settings: &Settings, topic: &str) -> Result<Option<DeltasFact>, Fault> {
    match read_catalog(settings, topic)?.get(DELTAS_KEY) {
        None => Ok(None),
        Some(value) => serde_json::from_slice(value)
            .map(Some)
            .map_err(|e| fault::of_question("read catalog", Code::BadMessage, &format!("{topic}: {DELTAS_KEY}: {e}"))),
    }
}

pub fn write_deltas_fact(settings: &Settings, topic: &str, deltas: TopicInfo) -> Result<(), Fault> {
    let fact = DeltasFact { partitions: deltas.partitions, topic_id: deltas.id.to_string() };
    write(settings, topic, vec![(DELTAS_KEY.to_string(), json(&fact)?)])
}

/// One record of another kind; returns when it is durable.
pub fn write_record(settings: &Settings, topic: &str, key: &str, value: Vec<u8>) -> Result<(), Fault> {
    write(settings, topic, vec![(key.to_string(), value)])
}

/// The whole catalog as it stands: the last value of each key, without the deleted.
pub fn read_catalog(settings: &Settings, topic: &str) -> Result<BTreeMap<String, Vec<u8>>, Fault> {
    let part = Part { topic: topic.into(), partition: 0 };
    let client = client::admin(settings).map_err(|e| fault::of_producer("admin client", &e))?;
    let ends = ask::ends(&client, std::slice::from_ref(&part), ASK_MS)?;
    let Some(ends) = ends.get(&part) else {
        return Err(fault::of_question("read catalog", Code::UnknownTopic, &format!("{topic} does not exist")));
    };
    let mut reader = LogReader::new(settings.clone());
    let deadline = Instant::now() + READ;
    let (mut from, mut found) = (ends.start, BTreeMap::new());
    let outcome = loop {
        let chunk = match reader.read(&part, from, ends.high) {
            Ok(chunk) => chunk,
            Err(fault) => break Err(fault),
        };
        for record in chunk.records {
            let key = String::from_utf8_lossy(&record.key.unwrap_or_default()).into_owned();
            match record.value {
                Some(value) => found.insert(key, value),
                None => found.remove(&key),
            };
        }
        from = chunk.next;
        if chunk.done {
            break Ok(found);
        }
        if Instant::now() > deadline {
            let why = format!("{topic}: stands at {from} of {}; is a transaction open there?", ends.high);
            break Err(fault::of_question("read catalog", Code::OperationTimedOut, &why));
        }
    };
    reader.close();
    outcome
}

fn write(settings: &Settings, topic: &str, records: Vec<(String, Vec<u8>)>) -> Result<(), Fault> {
    let topic: Arc<str> = topic.into();
    let message = |(key, value): (String, Vec<u8>)| Message {
        topic: topic.clone(),
        partition: Some(0),
        key: key.into_bytes(),
        headers: Vec::new(),
        value: Some(value),
        about: None,
    };
    let messages: Vec<Message> = records.into_iter().map(message).collect();
    if messages.is_empty() {
        return Ok(());
    }
    let producer = client::plain_producer(settings).map_err(|e| fault::of_producer("producer", &e))?;
    // A topic that was just created is known to the producer before the first message waits for it.
    let _ = producer.client().fetch_metadata(Some(&topic), Duration::from_millis(ASK_MS as u64));
    let mut outbox = Outbox::new(producer)
        .ok_or_else(|| fault::of_question("write catalog", Code::Fail, "the client gives no queue"))?;
    outbox.send(&messages).map_err(|failures| {
        let said = failures.into_iter().next().map(|f| f.fault.message).unwrap_or_default();
        fault::of_question("write catalog", Code::Fail, &said)
    })
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, Fault> {
    serde_json::to_vec(value).map_err(|e| fault::of_question("write catalog", Code::ValueSerialization, &e.to_string()))
}
