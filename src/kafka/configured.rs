//! The configuration, as clients and admin calls take it.

use crate::config::kafka::{GroupProtocol as Configured, exposed};
use crate::config::usable::{Config, Delivery};
use crate::kafka::admin::Topics;
use crate::kafka::client::{Events, GroupProtocol, Settings};
use crate::kafka::cluster::Cluster;
use crate::kafka::tokens::Tokens;
use std::sync::Arc;

/// The clients of one task. `group` is the stage's: `worker.group.id`, or what is made of it.
pub fn settings(config: &Config, group: &str, stage: &'static str, slot: usize, events: Events) -> Settings {
    Settings {
        // Each kind of client has the common properties already, overridden by its own.
        properties: Default::default(),
        consumer: exposed(&config.kafka.consumer),
        producer: exposed(&config.kafka.producer),
        admin: exposed(&config.kafka.admin),
        family: config.worker.group_id.clone(),
        group: group.into(),
        protocol: match config.kafka.protocol {
            Configured::Classic => GroupProtocol::Classic,
            Configured::Consumer => GroupProtocol::Consumer,
        },
        cluster: if config.kafka.embedded { Cluster::Embedded } else { Cluster::Kafka },
        transactions: config.delivery == Delivery::ExactlyOnce,
        schema_headers: !config.registry.urls.is_empty(),
        replication_factor: config.governance.replication_factor,
        worker_id: config.worker.id.clone(),
        stage,
        slot,
        topics: 1,
        tokens: config.kafka.oauth.as_ref().map(|oauth| Arc::new(Tokens::start(oauth))),
        events,
    }
}

/// Our own topics.
pub fn topics(config: &Config) -> Topics {
    let governance = &config.governance;
    Topics {
        governance: governance.topic.clone(),
        lineage: config.lineage.as_ref().map(|l| l.topic.clone()).filter(|topic| *topic != governance.topic),
        governance_partitions: governance.partitions,
        prefix: governance.internal_prefix.clone(),
        internal_partitions: governance.internal_partitions,
        replication_factor: governance.replication_factor,
        // What an open window still needs, and as much again for an outage.
        deltas_keep_ms: 2 * (config.window.max_open_ms + config.window.late_accept_ms),
    }
}
