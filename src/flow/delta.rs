//! What stage 1 tells stage 2: the deltas topic's messages, and their codec.
//!
//! A message is one version byte and postcard. A delta that does not fit a message goes as parts, applied as a
//! unit; intervals, watermarks and topics stand in the last.

use crate::engine::contract::name::{ContractHash, ProductName};
use crate::engine::record::{Interval, TopicId, WindowStart};
use crate::flow::io::Ms;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// The codec's version; N and N-1 are read, anything else stops the partition.
pub const VERSION: u8 = 1;

/// A message of the deltas topic.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound(deserialize = "T: DeserializeOwned"))]
pub enum Delta<T> {
    /// What one flush learned of one product.
    Product(ProductDelta<T>),
    /// All products of one delta partition of which a flush learned nothing but the time.
    Idle(Vec<(ProductName, Reports)>),
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(bound(deserialize = "T: DeserializeOwned"))]
pub struct ProductDelta<T> {
    pub product: ProductName,
    pub windows: Vec<(WindowKey, T)>,
    /// `None`: another part of the same flush follows.
    pub reports: Option<Reports>,
    /// The flush's name, equal in all its parts: transactional id and a number that grows.
    pub flush: (String, u64),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WindowKey {
    pub start: WindowStart,
    pub hash: ContractHash,
}

/// What a flush covered.
#[derive(Clone, Debug, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Reports {
    pub partitions: Vec<Report>,
    /// Every topic of the product, so that a partition nobody reported yet holds the watermark.
    pub topics: Vec<Extent>,
    /// The contract versions in force: an idle window is judged by them.
    pub current: Vec<ContractHash>,
}

/// One partition in one flush.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    pub topic: String,
    pub id: TopicId,
    pub partition: i32,
    /// `[n, n)` where nothing was read.
    pub interval: Interval,
    /// The highest event time read, future ones aside; `None` where none was read since this owner took over.
    pub watermark_ms: Option<Ms>,
    /// The worker's clock when the position was the high watermark and nothing was open: time that may pass without
    /// records. Already less the declared delay.
    pub caught_up_ms: Option<Ms>,
    /// The chain begins here and offsets before it were never promised to be read.
    pub begins: bool,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extent {
    pub topic: String,
    /// `None`: it does not exist.
    pub id: Option<TopicId>,
    pub partitions: i32,
}

/// Bytes that this version cannot read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CodecError {
    #[error(
        "version {found} of {what} is newer than {VERSION}, which this steward reads: upgrade all workers before the first writes it"
    )]
    Version { what: &'static str, found: u8 },
    #[error("{what} cannot be read: {reason}")]
    Broken { what: &'static str, reason: String },
}

/// One version byte, then postcard.
pub fn encode<V: Serialize>(value: &V) -> Vec<u8> {
    // Serialising plain structs into a vector has no failure of its own.
    postcard::to_extend(value, vec![VERSION]).unwrap_or_default()
}

pub fn decode<V: DeserializeOwned>(what: &'static str, bytes: &[u8]) -> Result<V, CodecError> {
    match bytes.split_first() {
        Some((&VERSION, body)) => {
            postcard::from_bytes(body).map_err(|e| CodecError::Broken { what, reason: e.to_string() })
        }
        Some((&found, _)) => Err(CodecError::Version { what, found }),
        None => Err(CodecError::Broken { what, reason: "no bytes".into() }),
    }
}

/// The delta partition of a product: the first 8 bytes of SHA-256 of its name, modulo. Stable for ever: it is why the
/// partition count is stored and checked.
pub fn partition_of(product: &ProductName, partitions: i32) -> i32 {
    use sha2::{Digest, Sha256};
    let digest = Sha256::digest(product.to_string().as_bytes());
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    (u64::from_be_bytes(first) % partitions.max(1) as u64) as i32
}
