//! What operators want of the governance of a product: paused, resumed, begun again. A wish is durable in the catalog
//! before it is answered, under `pause/{product}` and `restart/{product}`, and every worker obeys it.

use crate::engine::contract::name::ProductName;
use crate::engine::contract::plan::Plans;
use crate::flow::io::Ms;
use crate::kafka::compacted::Record;
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use tokio::sync::oneshot;

const PAUSE_PREFIX: &str = "pause/";
const RESTART_PREFIX: &str = "restart/";

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Wish {
    Pause(ProductName),
    Resume(ProductName),
    Restart(ProductName),
    /// Configuration, certificates and contract files are read now, without waiting for two looks that saw the same.
    Reload,
}

/// A wish on its way to the worker's thread that writes it; answered when it is durable and this worker obeys.
#[derive(Debug)]
pub struct Order {
    pub wish: Wish,
    pub done: oneshot::Sender<Result<(), String>>,
}

impl Wish {
    /// The record that makes it durable; `None`: nothing to write.
    pub fn record(&self, worker: &str, now: Ms) -> Option<Record> {
        let value = || Some(json!({"at_ms": now, "worker": worker}).to_string().into_bytes());
        match self {
            Wish::Pause(product) => Some((format!("{PAUSE_PREFIX}{product}"), value())),
            Wish::Resume(product) => Some((format!("{PAUSE_PREFIX}{product}"), None)),
            Wish::Restart(product) => Some((format!("{RESTART_PREFIX}{product}"), value())),
            Wish::Reload => None,
        }
    }
}

/// The products that are to be paused.
pub fn paused(catalog: &BTreeMap<String, Vec<u8>>) -> BTreeSet<ProductName> {
    of(catalog, PAUSE_PREFIX).map(|(product, _)| product).collect()
}

/// The last restart asked for of each product: what tells it from the one before.
pub fn restarts(catalog: &BTreeMap<String, Vec<u8>>) -> BTreeMap<ProductName, Vec<u8>> {
    of(catalog, RESTART_PREFIX).map(|(product, value)| (product, value.clone())).collect()
}

fn of<'c>(
    catalog: &'c BTreeMap<String, Vec<u8>>,
    prefix: &'static str,
) -> impl Iterator<Item = (ProductName, &'c Vec<u8>)> {
    catalog.iter().filter_map(move |(key, value)| {
        let (domain, name) = key.strip_prefix(prefix)?.split_once('/')?;
        Some((ProductName { domain: domain.into(), name: name.into() }, value))
    })
}

/// The topics of which every reader is paused: their partitions are held.
pub fn held_topics(plans: &Plans, paused: &BTreeSet<ProductName>) -> BTreeSet<Arc<str>> {
    let held = plans.by_topic.iter().filter(|(_, readers)| readers.iter().all(|r| paused.contains(&r.plan.product)));
    held.map(|(topic, _)| topic.as_str().into()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wish_is_read_as_it_was_written_until_it_is_taken_back() {
        let product = ProductName { domain: "shop".into(), name: "orders".into() };
        let mut catalog = BTreeMap::from([("contract/abc".to_string(), b"{}".to_vec())]);
        let mut write = |wish: Wish| {
            let (key, value) = wish.record("w1", 7).expect("a record");
            match value {
                Some(value) => catalog.insert(key, value),
                None => catalog.remove(&key),
            };
            (paused(&catalog), restarts(&catalog))
        };
        assert_eq!(write(Wish::Pause(product.clone())), ([product.clone()].into(), BTreeMap::new()));
        let (still, asked) = write(Wish::Restart(product.clone()));
        assert_eq!((still.len(), asked[&product].as_slice()), (1, br#"{"at_ms":7,"worker":"w1"}"#.as_slice()));
        assert!(write(Wish::Resume(product)).0.is_empty());
        assert_eq!(Wish::Reload.record("w1", 7), None);
    }
}
