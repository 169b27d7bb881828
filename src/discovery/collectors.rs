//! Which collectors run, by what is configured.

use crate::catalog::board::Board;
use crate::config::usable::Config;
use crate::discovery::acls::Acls;
use crate::discovery::connect::Connect;
use crate::discovery::declared::Declared;
use crate::discovery::groups::Groups;
use crate::discovery::known::Known;
use crate::discovery::ksqldb::Ksqldb;
use crate::discovery::producers::Producers;
use crate::discovery::topic::Cluster;
use crate::engine::lineage::collector::Collector;
use crate::kafka::client::Settings;
use std::sync::Arc;

/// Those whose witnesses have an address; what one knows of groups, others hear. None where catalogs are told nothing. One that
/// cannot be made is left out, with the reason in the log.
pub fn all(config: &Config, settings: &Settings, board: &Arc<Board>) -> Vec<Box<dyn Collector>> {
    let Some(lineage) = &config.lineage else { return Vec::new() };
    let cluster = Cluster::new(config, &lineage.namespace, board.clone());
    let known = Arc::new(Known::default());
    let mut collectors: Vec<Box<dyn Collector>> = Vec::new();
    let (connect, ksqldb) = (&config.discovery.connect, &config.discovery.ksqldb);
    if !connect.urls.is_empty() {
        match Connect::new(connect, cluster.clone(), known.clone()) {
            Ok(connect) => collectors.push(Box::new(connect)),
            Err(why) => tracing::error!(why, "Kafka Connect is not asked for lineage"),
        }
    }
    if !ksqldb.urls.is_empty() {
        match Ksqldb::new(ksqldb, cluster.clone(), known.clone()) {
            Ok(ksqldb) => collectors.push(Box::new(ksqldb)),
            Err(why) => tracing::error!(why, "ksqlDB is not asked for lineage"),
        }
    }
    collectors.push(Box::new(Declared::new(config, cluster.clone(), board.clone())));
    // librdkafka's own mock cluster answers none of their questions.
    if !config.kafka.embedded {
        let settings = |slot| Settings { stage: "lineage", slot, ..settings.clone() };
        collectors.push(Box::new(Groups::new(settings(1), cluster.clone(), known.clone())));
        collectors.push(Box::new(Producers::new(settings(2), cluster.clone(), known)));
        collectors.push(Box::new(Acls::new(settings(3), cluster)));
    }
    collectors
}
