//! Topics as datasets, and those that are nobody's data.

use crate::catalog::board::Board;
use crate::config::usable::Config;
use crate::discovery::gathered::Gathered;
use crate::engine::lineage::node::Node;
use std::collections::BTreeSet;
use std::sync::Arc;

/// The cluster that the steward stands beside.
#[derive(Clone)]
pub struct Cluster {
    /// `kafka://host:port`, as catalogs know it.
    pub namespace: String,
    /// Addresses that mean this cluster, `host:port`.
    addresses: BTreeSet<String>,
    config: Arc<Config>,
    board: Arc<Board>,
}

impl Cluster {
    pub fn new(config: &Config, namespace: &str, board: Arc<Board>) -> Cluster {
        let servers = config.kafka.admin.get("bootstrap.servers").map(|text| text.expose().to_owned());
        let servers = servers.unwrap_or_default();
        let addresses = servers.split(',').map(address).filter(|address| !address.is_empty()).collect();
        Cluster { namespace: namespace.to_owned(), addresses, config: Arc::new(config.clone()), board }
    }

    pub fn topic(&self, name: &str) -> Node {
        Node::dataset(&self.namespace, name)
    }

    /// A job that is known by the cluster alone, as a consumer group.
    pub fn job(&self, name: impl Into<String>) -> Node {
        Node::job(&self.namespace, name)
    }

    /// What a cluster with these bootstrap servers is called: this one, or as OpenLineage's naming rules say.
    pub fn namespace_of(&self, servers: &str) -> Option<String> {
        let first = address(servers.split(',').next()?);
        match () {
            () if first.is_empty() || first.contains(['$', '{']) => None,
            () if servers.split(',').any(|server| self.addresses.contains(&address(server))) => {
                Some(self.namespace.clone())
            }
            () => Some(format!("kafka://{first}")),
        }
    }

    /// Whether what flows through a topic is data: not Kafka's own, not what the steward keeps for itself. Its verdicts are.
    pub fn is_data(&self, topic: &str) -> bool {
        let prefix = &self.config.governance.internal_prefix;
        !topic.starts_with("__") && !topic.strip_prefix(prefix.as_str()).is_some_and(|rest| rest.starts_with('.'))
    }

    /// Whether a consumer group is one of the steward's two.
    pub fn is_own_group(&self, group: &str) -> bool {
        group.strip_prefix(self.config.worker.group_id.as_str()).is_some_and(|rest| matches!(rest, "" | "-ledger"))
    }

    /// Whether a transactional id is one of the steward's tasks.
    pub fn is_own_transaction(&self, id: &str) -> bool {
        id.strip_prefix(self.config.worker.group_id.as_str()).is_some_and(|rest| rest.starts_with('.'))
    }

    /// The topics that there are, as the worker last saw them; the steward's own are not among them. Before it has looked at all, the
    /// round is not complete.
    pub fn topics(&self, gathered: &mut Gathered) -> BTreeSet<String> {
        let directory = self.board.directory();
        if directory.topics.is_empty() {
            gathered.failed("topics", "this worker has not listed the cluster's topics yet");
        }
        let there = directory.topics.iter().filter(|(name, facts)| facts.partitions > 0 && self.is_data(name));
        there.map(|(name, _)| name.clone()).collect()
    }
}

/// `host:port` of a bootstrap server, which may have a protocol before it and lack the port.
fn address(server: &str) -> String {
    let server = server.trim();
    let server = server.split_once("://").map_or(server, |(_, address)| address);
    // An IPv6 address has colons of its own, within brackets.
    match server.rsplit(']').next().is_some_and(|end| end.contains(':')) || server.is_empty() {
        true => server.to_owned(),
        false => format!("{server}:9092"),
    }
}
