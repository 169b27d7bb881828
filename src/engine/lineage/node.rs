//! What lineage is about: datasets and jobs, by OpenLineage's naming rules
//! (<https://openlineage.io/docs/spec/naming>), and edges between them.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A topic, an external table, a file; or what moves data between them.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum Node {
    Dataset { namespace: String, name: String },
    Job { namespace: String, name: String },
}

/// Data flows `from` -> `to`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Edge {
    pub from: Node,
    pub to: Node,
}

impl Node {
    pub fn dataset(namespace: impl Into<String>, name: impl Into<String>) -> Node {
        Node::Dataset { namespace: namespace.into(), name: name.into() }
    }

    pub fn job(namespace: impl Into<String>, name: impl Into<String>) -> Node {
        Node::Job { namespace: namespace.into(), name: name.into() }
    }

    pub fn namespace(&self) -> &str {
        match self {
            Node::Dataset { namespace, .. } | Node::Job { namespace, .. } => namespace,
        }
    }

    pub fn name(&self) -> &str {
        match self {
            Node::Dataset { name, .. } | Node::Job { name, .. } => name,
        }
    }

    pub fn is_dataset(&self) -> bool {
        matches!(self, Node::Dataset { .. })
    }

    /// Less than every other node: where a range begins.
    pub fn first() -> Node {
        Node::dataset("", "")
    }
}

/// Marquez' node id: `dataset:{namespace}:{name}`, `job:{namespace}:{name}`.
impl fmt::Display for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = if self.is_dataset() { "dataset" } else { "job" };
        write!(f, "{kind}:{}:{}", self.namespace(), self.name())
    }
}

impl fmt::Display for Edge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} -> {}", self.from, self.to)
    }
}
