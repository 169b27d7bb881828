//! MirrorMaker 2 (KIP-382): which topic of the other cluster a mirror is a copy of.

use crate::discovery::connect::answer::{Connector, list};
use crate::discovery::topic::Cluster;
use crate::engine::lineage::node::Node;
use std::collections::BTreeSet;

/// A topic of the source cluster and its copy.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Copy {
    pub from: String,
    pub to: String,
}

/// Heartbeats, checkpoints and offset syncs, which MirrorMaker writes for itself.
pub fn is_bookkeeping(topic: &str) -> bool {
    topic == "heartbeats"
        || topic.ends_with(".heartbeats")
        || topic.ends_with(".checkpoints.internal")
        || topic.starts_with("mm2-offset-syncs.")
}

/// The cluster that a mirror copies from.
pub fn origin(connector: &Connector, cluster: &Cluster) -> Option<String> {
    cluster.namespace_of(connector.plain("source.cluster.bootstrap.servers")?)
}

/// Topics that it has copied, by its offsets: `{"cluster": "west", "partition": 0, "topic": "orders"}`.
pub fn copied(connector: &Connector) -> Result<BTreeSet<Copy>, String> {
    let read = connector.offsets.iter().filter_map(|place| place.partition["topic"].as_str());
    copies(connector, read.filter(|topic| !is_bookkeeping(topic)))
}

/// Topics that its configuration names, where none of them is a pattern.
pub fn configured(connector: &Connector) -> Result<BTreeSet<Copy>, String> {
    let topics = list(&connector.config, "topics");
    let legal = |topic: &&str| topic.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c));
    match topics.iter().find(|topic| !legal(topic)) {
        // `topics` are patterns; a name with dots stands for itself, too, and for no other topic that is likely.
        Some(pattern) => Err(format!("topics holds the pattern {pattern}")),
        None if topics.is_empty() => Err("topics is not given: it copies whatever there is".into()),
        None => copies(connector, topics.into_iter()),
    }
}

fn copies<'a>(connector: &Connector, topics: impl Iterator<Item = &'a str>) -> Result<BTreeSet<Copy>, String> {
    let policy = connector.plain("replication.policy.class").unwrap_or("DefaultReplicationPolicy");
    let prefix = match policy.rsplit('.').next().unwrap_or_default() {
        "IdentityReplicationPolicy" => String::new(),
        "DefaultReplicationPolicy" => {
            let separator = connector.config.get("replication.policy.separator").map_or(".", String::as_str);
            let alias = connector.plain("source.cluster.alias").ok_or("source.cluster.alias is not given")?;
            format!("{alias}{separator}")
        }
        other => return Err(format!("how {other} names copies is not known here")),
    };
    Ok(topics.map(|topic| Copy { from: topic.to_owned(), to: format!("{prefix}{topic}") }).collect())
}

/// A source topic as a dataset of its cluster.
pub fn dataset(namespace: &str, topic: &str) -> Node {
    Node::dataset(namespace, topic)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(config: &[(&str, &str)], expected: Result<&[(&str, &str)], &str>) {
        let config = config.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let copies = configured(&Connector { config, ..Connector::default() });
        match (copies, expected) {
            (Ok(copies), Ok(expected)) => {
                let pairs: Vec<_> = copies.iter().map(|copy| (copy.from.as_str(), copy.to.as_str())).collect();
                assert_eq!(pairs, expected);
            }
            (Err(why), Err(part)) => assert!(why.contains(part), "{why}"),
            (other, _) => panic!("{other:?}, expected {expected:?}"),
        }
    }

    #[test]
    fn a_copy_is_named_by_its_policy() {
        let west = ("source.cluster.alias", "west");
        let policy = |class: &'static str| ("replication.policy.class", class);
        check(&[west, ("topics", "a, b.c")], Ok(&[("a", "west.a"), ("b.c", "west.b.c")]));
        check(&[west, ("topics", "a"), ("replication.policy.separator", "_")], Ok(&[("a", "west_a")]));
        check(&[policy("o.a.k.c.mirror.IdentityReplicationPolicy"), ("topics", "a")], Ok(&[("a", "a")]));
        check(&[west, policy("com.example.Mine"), ("topics", "a")], Err("Mine"));
        check(&[west, ("topics", "a.*")], Err("pattern"));
        check(&[west], Err("whatever"));
        check(&[("topics", "a")], Err("alias"));
    }
}
