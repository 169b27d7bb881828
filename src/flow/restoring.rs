//! What the ledger reads of the state topic before a partition starts.

use crate::engine::contract::name::ProductName;
use crate::engine::record::TopicId;
use crate::flow::delta::decode;
use crate::flow::history::{ProductHistory, history_key, is_history};
use crate::flow::io::{Committed, Ends, LogRecord};
use crate::flow::judge::Merge;
use crate::flow::product::Product;
use crate::flow::state::{PartitionState, ProductState, partition_key};
use std::collections::BTreeMap;

/// One partition.
pub struct Restoring {
    pub committed: Option<Committed>,
    pub id: TopicId,
    pub ends: Ends,
    pub partition: Option<PartitionState>,
    products: BTreeMap<Vec<u8>, ProductState>,
    histories: BTreeMap<ProductName, ProductHistory>,
    pub broken: Option<String>,
}

impl Restoring {
    pub fn new(committed: Option<Committed>, id: TopicId, ends: Ends) -> Restoring {
        let (products, histories) = (BTreeMap::new(), BTreeMap::new());
        Restoring { committed, id, ends, partition: None, products, histories, broken: None }
    }

    /// The products that stand there, each with what its windows have left.
    pub fn products<T: Merge>(&mut self) -> BTreeMap<ProductName, Product<T>> {
        let product = |state: ProductState| {
            let name = state.product.clone();
            let history = self.histories.remove(&name).unwrap_or_else(|| ProductHistory::new(name.clone()));
            (name, Product::new(state, history))
        };
        std::mem::take(&mut self.products).into_values().map(product).collect()
    }

    /// Takes a record of the state topic's `partition`.
    pub fn take(&mut self, partition: i32, record: LogRecord) {
        let key = record.key.unwrap_or_default();
        let result = match record.value {
            None => {
                self.products.remove(&key);
                self.histories.retain(|product, _| history_key(product) != key);
                Ok(())
            }
            Some(value) if is_history(&key) => decode::<ProductHistory>("a product's history", &value)
                .map(|history| drop(self.histories.insert(history.product.clone(), history))),
            Some(value) if key == partition_key(partition) => {
                decode("a partition's state", &value).map(|state| self.partition = Some(state))
            }
            Some(value) => decode("a product's state", &value).map(|state| drop(self.products.insert(key, state))),
        };
        if let Err(error) = result {
            self.broken = Some(format!("state at offset {}: {error}", record.offset));
        }
    }
}
