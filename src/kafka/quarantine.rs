//! Quarantine topics: made when the first record is put aside, and looked at before each flush that writes to them. A
//! transaction that meets one it may not write to is lost as a whole, so it is never begun.

use crate::flow::io::Fault;
use crate::kafka::client::Context;
use crate::kafka::cluster::Cluster;
use crate::kafka::ffi::ask::{self, NewTopic};
use crate::kafka::ffi::rights::{self, Right};
use rdkafka::client::Client;
use std::collections::BTreeMap;
use std::sync::Arc;

const RETENTION_MS: i64 = 7 * 24 * 3_600_000;

/// Each topic's partitions, or why it cannot be written. What is missing is created, with so many.
pub fn standing(
    client: &Client<Context>,
    cluster: Cluster,
    replication_factor: i32,
    wanted: &[(Arc<str>, i32)],
    timeout_ms: i32,
) -> Result<BTreeMap<Arc<str>, Result<i32, String>>, Fault> {
    let names: Vec<Arc<str>> = wanted.iter().map(|(name, _)| name.clone()).collect();
    let mut found = cluster.topics(client, &names, timeout_ms)?;
    // What stands is asked for its rights; a new topic is of who made it, and not known everywhere yet.
    let standing: Vec<String> =
        found.iter().filter(|(_, info)| info.is_some()).map(|(name, _)| name.to_string()).collect();
    let rights = match cluster {
        Cluster::Kafka => rights::of_topics(client, &standing, timeout_ms)?,
        Cluster::Embedded => BTreeMap::new(),
    };
    let mut told = BTreeMap::new();
    for (name, partitions) in wanted {
        let info = found.remove(name).flatten();
        let may_write = rights.get(&**name).is_none_or(|r| r.as_ref().is_none_or(|r| r.contains(&Right::Write)));
        let outcome = match info {
            Some(_) if !may_write => Err(format!("{name} may not be written: grant this principal Write on it")),
            Some(info) => Ok(info.partitions),
            None => create(client, name, *partitions, replication_factor, timeout_ms)?,
        };
        told.insert(name.clone(), outcome);
    }
    Ok(told)
}

fn create(
    client: &Client<Context>,
    name: &str,
    partitions: i32,
    replication_factor: i32,
    timeout_ms: i32,
) -> Result<Result<i32, String>, Fault> {
    let config = vec![
        ("cleanup.policy", "delete".to_owned()),
        ("retention.ms", RETENTION_MS.to_string()),
        // A copy has the time of its record.
        ("message.timestamp.type", "CreateTime".to_owned()),
    ];
    let new = NewTopic { name, partitions: partitions.max(1), replication_factor, config };
    Ok(match ask::try_create(client, &new, timeout_ms)? {
        Ok(_) => Ok(partitions.max(1)),
        Err((code, why)) => Err(format!(
            "{name} cannot be created ({code:?}: {why}): create it with {} partitions and 7 days of retention, or grant \
             this principal Create",
            partitions.max(1)
        )),
    })
}
