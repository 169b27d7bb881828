//! Namespaces as clients write them, and the canonical one of each; node ids, which nobody can split without knowing them.

use crate::engine::event::id;
use crate::engine::lineage::node::Node;
use std::collections::{BTreeMap, BTreeSet};

/// Other names of namespaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Aliases(pub BTreeMap<String, String>);

impl Aliases {
    /// The namespace that is meant. A list of brokers, as `kafka://a:9092,b:9092`, is the cluster that one of them is of.
    pub fn canonical(&self, namespace: &str) -> String {
        let namespace = namespace.trim().trim_end_matches('/');
        if let Some(canonical) = self.0.get(namespace) {
            return canonical.clone();
        }
        let Some(brokers) = namespace.strip_prefix("kafka://").filter(|brokers| brokers.contains(',')) else {
            return namespace.to_owned();
        };
        let own: BTreeSet<&String> = self.0.values().collect();
        let each = brokers.split(',').map(|broker| format!("kafka://{}", broker.trim()));
        let known = each.filter_map(|broker| self.0.get(&broker).or(own.get(&broker).copied()).cloned()).next();
        // As Flink does: a cluster that is not ours is called by the first of its addresses.
        known.unwrap_or_else(|| format!("kafka://{}", brokers.split(',').next().unwrap_or_default().trim()))
    }
}

/// What a node id may name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NodeId {
    Node(Node),
    Field { dataset: Node, field: String },
}

/// Reads `dataset:{namespace}:{name}`, `datasetField:{namespace}:{name}:{field}` or `job:{namespace}:{name}`, whose
/// namespaces and names hold colons themselves: the longest known namespace that fits is meant, else the namespace ends where
/// Marquez would end it, before a colon that is followed neither by `//` nor by a digit. A version (`#…`) is left out.
pub fn node_id<'n>(text: &str, known: impl Iterator<Item = &'n str>) -> Option<NodeId> {
    let text = text.split_once('#').map_or(text, |(text, _)| text);
    let (kind, rest) = text.split_once(':')?;
    let fits = |namespace: &&str| {
        rest.strip_prefix(*namespace).is_some_and(|rest| rest.starts_with(':') && !rest.starts_with("://"))
    };
    let namespace = match known.filter(fits).max_by_key(|namespace| namespace.len()) {
        Some(namespace) => namespace,
        None => &rest[..end_of_namespace(rest)?],
    };
    let name = rest.get(namespace.len() + 1..).filter(|name| !name.is_empty())?;
    match kind {
        "dataset" => Some(NodeId::Node(Node::dataset(namespace, name))),
        "job" => Some(NodeId::Node(Node::job(namespace, name))),
        "datasetField" => {
            let (name, field) = name.rsplit_once(':')?;
            Some(NodeId::Field { dataset: Node::dataset(namespace, name), field: field.to_owned() })
        }
        _ => None,
    }
}

fn end_of_namespace(rest: &str) -> Option<usize> {
    let colons = rest.char_indices().filter(|(_, c)| *c == ':').map(|(at, _)| at);
    let mut ends = colons.filter(|at| {
        let behind = &rest[at + 1..];
        !behind.starts_with("//") && !behind.starts_with(|c: char| c.is_ascii_digit())
    });
    ends.next()
}

/// A UUID of version 8 (RFC 9562, 5.8) whose bits are a hash of the parts.
pub fn uuid(parts: &[&str]) -> String {
    let bits = u128::from_str_radix(&id::of(parts), 16).unwrap_or_default();
    uuid::Builder::from_custom_bytes(bits.to_be_bytes()).into_uuid().to_string()
}

/// The run of a job that was found running since then: a restart is another run.
pub fn run(job: &Node, begun_ms: i64) -> String {
    uuid(&["found", job.namespace(), job.name(), &begun_ms.to_string()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cluster_has_one_name_whatever_its_clients_call_it() {
        let canonical = "kafka://prod:9092".to_owned();
        let aliases =
            Aliases([("kafka://b1:9092".into(), canonical.clone()), ("pg://db".into(), "postgres://db".into())].into());
        for (namespace, meant) in [
            ("kafka://b1:9092", "kafka://prod:9092"),
            ("kafka://b1:9092/", "kafka://prod:9092"),
            ("kafka://b0:9092,b1:9092", "kafka://prod:9092"),
            ("kafka://b0:9092, prod:9092", "kafka://prod:9092"),
            ("kafka://other:9092,more:9092", "kafka://other:9092"),
            ("pg://db", "postgres://db"),
            ("spark", "spark"),
        ] {
            assert_eq!(aliases.canonical(namespace), meant, "{namespace}");
        }
    }

    #[test]
    fn a_node_id_is_split_by_the_namespaces_that_are_known() {
        let known = ["kafka://b:9092", "kafka", "spark", "spark:9"];
        let check = |text: &str, want: Option<NodeId>| assert_eq!(node_id(text, known.into_iter()), want, "{text}");
        let dataset = |namespace: &str, name: &str| Some(NodeId::Node(Node::dataset(namespace, name)));
        check("dataset:kafka://b:9092:orders", dataset("kafka://b:9092", "orders"));
        check("dataset:kafka://b:9092:9orders", dataset("kafka://b:9092", "9orders"));
        check("dataset:kafka://other:9092:orders", dataset("kafka://other:9092", "orders"));
        check("dataset:kafka://b:9092:orders#abc", dataset("kafka://b:9092", "orders"));
        check("dataset:postgres://db:5432:shop.public.orders", dataset("postgres://db:5432", "shop.public.orders"));
        check("job:spark:a:b", Some(NodeId::Node(Node::job("spark", "a:b"))));
        check("job:spark:9:b", Some(NodeId::Node(Node::job("spark:9", "b"))));
        let field = NodeId::Field { dataset: Node::dataset("kafka://b:9092", "orders"), field: "id".into() };
        check("datasetField:kafka://b:9092:orders:id", Some(field));
        for text in
            ["", "dataset", "dataset:", "dataset:kafka", "dataset:kafka://b:9092:", "run:x:y", "datasetField:spark:a"]
        {
            check(text, None);
        }
    }
}
