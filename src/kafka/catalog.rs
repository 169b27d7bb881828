//! What must be durable before a delta names it: contract bodies, and facts of the cluster, in the catalog topic.
//!
//! Keys are `kind/id`; the topic has one partition and is compacted.

use crate::engine::contract::name::{ContractHash, ProductName};
use crate::flow::io::{Fault, LogRecord, TopicInfo};
use crate::kafka::client::Settings;
use crate::kafka::compacted::{Follower, Writer};
use crate::kafka::fault;
use rdkafka::error::RDKafkaErrorCode as Code;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The deltas topic's partition count, held for ever: it decides which ledger owns a product.
pub const DELTAS_KEY: &str = "cluster/deltas";
const CONTRACT_PREFIX: &str = "contract/";

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

/// One record of another kind, or the end of one; returns when it is durable.
pub fn write_record(settings: &Settings, topic: &str, key: &str, value: Option<Vec<u8>>) -> Result<(), Fault> {
    Writer::open(settings, topic)?.write(vec![(key.to_string(), value)])
}

/// The whole catalog as it stands: the last value of each key, without the deleted.
pub fn read_catalog(settings: &Settings, topic: &str) -> Result<BTreeMap<String, Vec<u8>>, Fault> {
    let mut follower = Follower::new(settings, topic)?;
    let mut found = BTreeMap::new();
    let read = follower.look();
    follower.close();
    fold(&mut found, read?);
    Ok(found)
}

/// The catalog as far as it was read.
pub struct Copy {
    follower: Follower,
    pub records: BTreeMap<String, Vec<u8>>,
    news: bool,
}

impl Copy {
    /// Nothing is read yet.
    pub fn new(settings: &Settings, topic: &str) -> Result<Copy, Fault> {
        Ok(Copy { follower: Follower::new(settings, topic)?, records: BTreeMap::new(), news: false })
    }

    /// Reads on with another client.
    pub fn renew(&mut self, settings: &Settings, topic: &str) -> Result<(), Fault> {
        self.follower = Follower::new(settings, topic)?;
        Ok(())
    }

    /// Up to the log's end at this moment.
    pub fn look(&mut self) -> Result<(), Fault> {
        let records = self.follower.look()?;
        self.news |= !records.is_empty();
        fold(&mut self.records, records);
        Ok(())
    }

    /// Whether anything was read since this was last asked.
    pub fn take_news(&mut self) -> bool {
        std::mem::take(&mut self.news)
    }
}

/// Brings what is known of a catalog up to date.
fn fold(catalog: &mut BTreeMap<String, Vec<u8>>, records: Vec<LogRecord>) {
    for record in records {
        let key = String::from_utf8_lossy(&record.key.unwrap_or_default()).into_owned();
        match record.value {
            Some(value) => catalog.insert(key, value),
            None => catalog.remove(&key),
        };
    }
}

fn write(settings: &Settings, topic: &str, records: Vec<(String, Vec<u8>)>) -> Result<(), Fault> {
    if records.is_empty() {
        return Ok(());
    }
    Writer::open(settings, topic)?.write(records.into_iter().map(|(key, value)| (key, Some(value))).collect())
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, Fault> {
    serde_json::to_vec(value).map_err(|e| fault::of_question("write catalog", Code::ValueSerialization, &e.to_string()))
}
