//! What a product's windows leave to later ones: a record of `_steward.state` of its own, written when a window closes.

use crate::engine::contract::name::ProductName;
use crate::engine::trend::history::History;
use crate::flow::io::Ms;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Contracts of one product whose windows leave something: at 92 kB each, with 32 service levels and 500 fields, 740 kB of the
/// 1 MB that a message takes.
pub const CONTRACTS_MAX: usize = 8;

/// Key `history//{domain}/{name}`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProductHistory {
    pub product: ProductName,
    /// Windows that begin before this have left what they leave. Ahead of the product's state only where a crash without
    /// transactions tore a flush apart: such a window is judged again, and counts once.
    pub through_ms: Option<Ms>,
    /// By contract id, whatever the version.
    pub contracts: BTreeMap<String, History>,
}

impl ProductHistory {
    pub fn new(product: ProductName) -> ProductHistory {
        ProductHistory { product, through_ms: None, contracts: BTreeMap::new() }
    }
}

const PREFIX: &[u8] = b"history//";

/// The key of a product's record; no product has an empty part in its name.
pub fn history_key(product: &ProductName) -> Vec<u8> {
    [PREFIX, product.to_string().as_bytes()].concat()
}

pub fn is_history(key: &[u8]) -> bool {
    key.starts_with(PREFIX)
}
