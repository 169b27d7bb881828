//! What lineage's collectors are made of in a test, and their sightings in words.

use crate::broker::{Broker, shared as broker};
use mesh_steward::catalog::board::Board;
use mesh_steward::catalog::directory::TopicFacts;
use mesh_steward::config::usable::Config;
use mesh_steward::discovery::topic::Cluster;
use mesh_steward::engine::lineage::node::Node;
use mesh_steward::engine::lineage::sighting::{Round, Sighting};
use mesh_steward::kafka::client::Settings;
use mesh_steward::kafka::configured;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::sync::Arc;

pub const NAMESPACE: &str = "kafka://mesh.example.com:9092";

/// A configuration for the shared broker, `more` lines added.
pub fn config(more: &str) -> Config {
    config_of(broker(), more)
}

/// For a broker of one's own.
pub fn config_of(broker: &Broker, more: &str) -> Config {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("steward.yaml");
    let bootstrap = &broker.bootstrap;
    let settings =
        format!("worker.id: w1\nkafka.bootstrap.servers: {bootstrap}\nlineage.namespace: {NAMESPACE}\n{more}\n");
    fs::write(&file, settings).expect("the configuration");
    Config::load_with(&file, &BTreeMap::new()).expect("a configuration")
}

/// The broker's cluster, on which a worker has seen these topics.
pub fn cluster(config: &Config, topics: &[&str]) -> Cluster {
    let board = Arc::new(Board::default());
    let facts = TopicFacts { partitions: 1, ungoverned: None };
    board.set_topics(topics.iter().map(|topic| ((*topic).to_owned(), facts.clone())).collect());
    Cluster::new(config, NAMESPACE, board)
}

pub fn settings(config: &Config) -> Settings {
    configured::settings(config, &config.worker.group_id, "lineage", 0, Arc::new(|_| ()))
}

/// Sightings that name this, as `topic orders -> job billing observed`.
pub fn shown(round: &Round, naming: &str) -> BTreeSet<String> {
    round.sightings.iter().map(words).filter(|words| words.contains(naming)).collect()
}

fn words(sighting: &Sighting) -> String {
    format!("{} -> {} {}", end(&sighting.from), end(&sighting.to), sighting.evidence.word())
}

fn end(node: &Node) -> String {
    let kind = match node {
        Node::Job { .. } => "job",
        Node::Dataset { namespace, .. } if namespace == NAMESPACE => "topic",
        Node::Dataset { .. } => node.namespace(),
    };
    format!("{kind} {}", node.name())
}
