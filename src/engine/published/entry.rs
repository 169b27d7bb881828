//! What the catalog holds of one published product, as the JSON value of its record.

use crate::engine::contract::name::ProductName;
use crate::engine::published::lifecycle::Lifecycle;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Keys are `product/{domain}/{name}`.
pub const PREFIX: &str = "product/";

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// 1 when it is published, one more with each change.
    pub revision: u64,
    pub lifecycle: Lifecycle,
    /// `domain/name` of the product that takes its place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub successor: Option<String>,
    /// The last day that it is served, `YYYY-MM-DD`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end_of_life: Option<String>,
    /// ODCS texts as they were published, comments and all.
    pub contracts: Vec<String>,
    /// Its ODPS document, as it was sent; `None`: nobody sent one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub product: Option<String>,
    pub changed_ms: i64,
    pub changed_by: String,
}

impl Entry {
    /// Tells one state of the product from every other, also where it was withdrawn and published again.
    pub fn tag(&self) -> String {
        tag(self.revision, self.changed_ms)
    }

    pub fn bytes(&self) -> usize {
        self.contracts.iter().chain(&self.product).map(String::len).sum()
    }
}

/// Of a revision and when it was made.
pub fn tag(revision: u64, changed_ms: i64) -> String {
    format!("{revision}-{changed_ms:x}")
}

pub fn key(product: &ProductName) -> String {
    format!("{PREFIX}{product}")
}

/// The published products of a catalog; a record that this version cannot read is left out.
pub fn entries(catalog: &BTreeMap<String, Vec<u8>>) -> BTreeMap<ProductName, Entry> {
    let entry = |(key, value): (&String, &Vec<u8>)| {
        let (domain, name) = key.strip_prefix(PREFIX)?.split_once('/')?;
        let product = ProductName { domain: domain.into(), name: name.into() };
        Some((product, serde_json::from_slice(value).ok()?))
    };
    catalog.iter().filter_map(entry).collect()
}
