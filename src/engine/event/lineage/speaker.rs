//! Who speaks OpenLineage, and in which form: names by its naming rules, ids that a repeat shares, the message.
//!
//! Written against the core specification 2-0-2, <https://openlineage.io/spec/2-0-2/OpenLineage.json>.

use crate::engine::contract::name::ProductName;
use crate::engine::event::envelope::{Event, Source, clip, content_type, headers, headers_of, json, rfc3339};
use crate::engine::event::id;
use serde_json::Value;

/// Who speaks of which cluster.
#[derive(Clone, Copy, Debug)]
pub struct Speaker<'a> {
    pub source: &'a Source,
    /// The cluster by OpenLineage's naming rules: `kafka://host:port` of the first bootstrap server.
    pub namespace: &'a str,
    /// The topic that verdicts go to.
    pub governance: &'a str,
}

/// What the headers of a lineage event say.
#[derive(Debug)]
pub struct Said<'a> {
    pub kind: &'static str,
    /// `RunEvent`, `DatasetEvent`.
    pub event: &'static str,
    /// `None`: it is of no one product; then the key is its subject.
    pub product: Option<&'a ProductName>,
    /// What the event is about, apart from its time.
    pub identity: &'a [&'a str],
    pub key: String,
    pub time_ms: i64,
}

/// The `producer` of every event and facet.
pub const PRODUCER: &str = "https://github.com/mesh-steward/mesh-steward";

impl Speaker<'_> {
    /// The name of the job that inspects a product; its namespace is the cluster's. Neither a group nor a domain holds
    /// a slash, so that two of them never make one name.
    pub fn job(&self, product: &ProductName) -> String {
        format!("{}/{product}", self.source.group)
    }

    /// The message: bare OpenLineage in the value, CloudEvents around it. `value` lacks what every event has.
    pub fn event(&self, said: Said<'_>, mut value: Value) -> Event {
        let time = rfc3339(said.time_ms);
        let schema = format!("https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/{}", said.event);
        let mut parts = vec![said.kind];
        parts.extend(said.identity);
        parts.push(&time);
        let (id, url) = (id::of(&parts), schema.clone());
        let mut headers = match said.product {
            Some(product) => headers(self.source, said.kind, id, product, said.time_ms, url),
            None => headers_of(self.source, said.kind, id, clip(&said.key), said.time_ms, url),
        };
        headers.push(content_type());
        value["eventTime"] = time.into();
        value["producer"] = PRODUCER.into();
        value["schemaURL"] = schema.into();
        Event { key: said.key.into_bytes(), headers, value: json(&value) }
    }
}

/// A facet of OpenLineage's own: its fields, and what every facet has. `version` is that of its schema.
pub fn facet(name: &str, version: &str, fields: Value) -> Value {
    let mut facet = fields;
    facet["_producer"] = PRODUCER.into();
    facet["_schemaURL"] = format!("https://openlineage.io/spec/facets/{version}/{name}.json#/$defs/{name}").into();
    facet
}

/// As many items, in their order, as fit into what is left, and how many do not.
pub fn fitting(items: impl IntoIterator<Item = Value>, left: &mut usize) -> (Vec<Value>, usize) {
    let (mut kept, mut omitted) = (Vec::new(), 0);
    for item in items {
        match left.checked_sub(item.to_string().len() + 1) {
            Some(rest) => {
                *left = rest;
                kept.push(item);
            }
            None => omitted += 1,
        }
    }
    (kept, omitted)
}
