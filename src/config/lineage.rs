//! The keys of `lineage` and `openlineage`: where events for catalogs go, and what they call the cluster.

use crate::config::peer::{self, Peer};
use crate::config::typed::Typed;
use crate::config::usable::Lineage;
use std::collections::BTreeMap;
use std::path::Path;

/// Kafka's own port, where a bootstrap server is given without one.
const PORT: &str = "9092";

/// A longer one would take what an event may weigh; no host name is as long (RFC 1035, 2.3.4).
const NAMESPACE_BYTES_MAX: usize = 255;

/// `None` where catalogs are told nothing; whatever is wrong is reported all the same.
pub fn check(typed: &mut Typed<'_>) -> Option<Lineage> {
    let enabled = typed.flag("lineage.enabled");
    let mut topic = typed.text("lineage.topic");
    if topic.is_empty() {
        topic = typed.text("governance.topic");
    } else {
        typed.name("lineage.topic", &topic);
        let prefix = typed.text("governance.internal.prefix");
        if topic.strip_prefix(&prefix).is_some_and(|rest| rest.starts_with('.')) {
            let problem = "lies below governance.internal.prefix, where the daemon keeps its own topics";
            typed.wrong("lineage.topic", problem.into(), "choose a name outside of it");
        }
    }
    let mut namespace = typed.text("lineage.namespace");
    if namespace.is_empty() {
        namespace = of_bootstrap(&typed.text("kafka.bootstrap.servers"));
    } else if !is_namespace(&namespace) {
        let problem = format!("{namespace:?} is no name that catalogs know a cluster by");
        typed.wrong("lineage.namespace", problem, "write kafka:// and one of the cluster's addresses, host:port");
    }
    let aliases = aliases(typed, &namespace);
    let (interval_ms, edge_ttl_ms) = (typed.duration("lineage.interval"), typed.duration("lineage.edge.ttl"));
    let edges_max = typed.whole("lineage.edges.max") as usize;
    let headers = typed.flag("lineage.headers");
    let content = typed.flag("lineage.content");
    let inbox: Vec<String> = typed.list("lineage.inbox").iter().map(|topic| topic.expose().to_owned()).collect();
    for topic in &inbox {
        typed.name("lineage.inbox", topic);
    }
    enabled.then_some(Lineage {
        topic,
        namespace,
        aliases,
        interval_ms,
        edge_ttl_ms,
        edges_max,
        headers,
        content,
        inbox,
    })
}

/// Catalogs that are sent lineage events over HTTP.
#[derive(Clone, Debug)]
pub struct OpenLineage {
    /// Each address is a catalog of its own.
    pub peer: Peer,
    /// The path behind an address, without a slash at either end.
    pub endpoint: String,
}

/// `file`: the configuration's own path, which relative ones go out from.
pub fn openlineage(typed: &mut Typed<'_>, file: &Path, notes: &mut Vec<String>) -> OpenLineage {
    let peer = peer::check(typed, "openlineage", "http://marquez:5000", file, notes);
    let key = "openlineage.endpoint";
    let endpoint = typed.text(key).trim_matches('/').to_owned();
    if endpoint.is_empty() || endpoint.contains(['?', '#', ' ']) || endpoint.contains("://") {
        typed.wrong(key, format!("{endpoint:?} is no path"), "write one like api/v1/lineage");
    }
    if !peer.urls.is_empty() && !typed.flag("lineage.enabled") {
        notes.push("openlineage.url is set and lineage.enabled is false: no events are made, and none are sent".into());
    }
    OpenLineage { peer, endpoint }
}

/// Every bootstrap server, and what the operator names.
fn aliases(typed: &mut Typed<'_>, namespace: &str) -> BTreeMap<String, String> {
    let servers = typed.text("kafka.bootstrap.servers");
    let mut aliases: BTreeMap<String, String> =
        servers.split(',').map(|server| (of_bootstrap(server), namespace.to_owned())).collect();
    for alias in typed.list("lineage.aliases") {
        let text = alias.expose().trim();
        let (from, to) = text.split_once('=').map_or((text, namespace), |(from, to)| (from.trim(), to.trim()));
        if from.is_empty() || to.is_empty() {
            let remedy = "write a namespace, or ALIAS=NAMESPACE";
            typed.wrong("lineage.aliases", format!("{text:?} names nothing"), remedy);
        }
        aliases.insert(from.to_owned(), to.to_owned());
    }
    // A name is no other name of itself.
    aliases.remove(namespace);
    aliases
}

/// `kafka://host:port` of the first bootstrap server, as OpenLineage's naming rules say.
fn of_bootstrap(servers: &str) -> String {
    let first = servers.split(',').next().unwrap_or_default().trim();
    // librdkafka takes `SASL_SSL://host:port` too.
    let address = first.split_once("://").map_or(first, |(_, address)| address);
    // An IPv6 address has colons of its own, within brackets.
    let has_port = address.rsplit(']').next().is_some_and(|end| end.contains(':'));
    if has_port { format!("kafka://{address}") } else { format!("kafka://{address}:{PORT}") }
}

/// `kafka://` and what a URI may hold as an authority (RFC 3986, 3.2).
fn is_namespace(text: &str) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || "-._~:[]".contains(c);
    let address = text.strip_prefix("kafka://").unwrap_or_default();
    !address.is_empty() && text.len() <= NAMESPACE_BYTES_MAX && address.chars().all(legal)
}

#[cfg(test)]
mod tests {
    use super::{is_namespace, of_bootstrap};

    #[test]
    fn a_cluster_is_called_by_its_first_address() {
        for (servers, namespace) in [
            ("broker:9092", "kafka://broker:9092"),
            ("b1.example.com:9093, b2.example.com:9093", "kafka://b1.example.com:9093"),
            ("broker", "kafka://broker:9092"),
            ("SASL_SSL://broker:9094", "kafka://broker:9094"),
            ("[::1]:9092", "kafka://[::1]:9092"),
            ("[::1]", "kafka://[::1]:9092"),
        ] {
            assert_eq!(of_bootstrap(servers), namespace, "{servers}");
        }
    }

    #[test]
    fn a_namespace_is_an_address_as_catalogs_write_it() {
        for (text, good) in [
            ("kafka://prod.example.com:9092", true),
            ("kafka://prod", true),
            ("prod", false),
            ("kafka://", false),
            ("kafka://a b", false),
            ("kafka://a/b", false),
        ] {
            assert_eq!(is_namespace(text), good, "{text}");
        }
        assert!(!is_namespace(&format!("kafka://{}", "a".repeat(255))));
    }
}
