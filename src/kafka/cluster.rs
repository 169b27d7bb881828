//! What kind of cluster answers: Kafka, or librdkafka's mock cluster inside this process, which knows no admin call but
//! the ends of logs.

use crate::engine::record::TopicId;
use crate::flow::io::{Fault, TopicInfo};
use crate::kafka::client::Context;
use crate::kafka::fault;
use crate::kafka::ffi::ask;
use rdkafka::client::Client;
use rdkafka::error::RDKafkaErrorCode as Code;
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cluster {
    Kafka,
    /// Its topics are created with it, and never again: their settings are not looked at.
    Embedded,
}

impl Cluster {
    /// Ids and partition counts; `None` for what does not exist.
    pub fn topics(
        self,
        client: &Client<Context>,
        names: &[Arc<str>],
        timeout_ms: i32,
    ) -> Result<BTreeMap<Arc<str>, Option<TopicInfo>>, Fault> {
        match self {
            Cluster::Kafka => ask::topics(client, names, timeout_ms),
            Cluster::Embedded => by_metadata(client, names, timeout_ms),
        }
    }
}

/// The mock cluster's topic ids are in no answer that librdkafka shows, and a topic of it is never created again: its
/// name is as good, hashed.
fn by_metadata(
    client: &Client<Context>,
    names: &[Arc<str>],
    timeout_ms: i32,
) -> Result<BTreeMap<Arc<str>, Option<TopicInfo>>, Fault> {
    let metadata = client
        .fetch_metadata(None, Duration::from_millis(timeout_ms.max(0) as u64))
        .map_err(|e| fault::of_question("metadata", e.rdkafka_error_code().unwrap_or(Code::Fail), &e.to_string()))?;
    let info = |name: &Arc<str>| {
        let topic = metadata.topics().iter().find(|t| *t.name() == **name)?;
        let mut id = [0; 16];
        id.copy_from_slice(&Sha256::digest(name.as_bytes())[..16]);
        Some(TopicInfo { id: TopicId(u128::from_be_bytes(id)), partitions: topic.partitions().len() as i32 })
    };
    Ok(names.iter().map(|name| (name.clone(), info(name))).collect())
}
