//! CloudEvents 1.0 in Kafka's binary mode: headers, key, bare JSON value.

use serde::Serialize;

/// A message for the governance topic.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Event {
    /// The product: events of one product keep their order.
    pub key: Vec<u8>,
    /// `ce_id`, `ce_source` … and `content-type`.
    pub headers: Vec<(&'static str, String)>,
    pub value: Vec<u8>,
}

/// Who speaks: `/clusters/{cluster}/steward/{group}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Source {
    pub cluster: String,
    pub group: String,
}
