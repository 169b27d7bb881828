//! What stage 1 tells stage 2: the deltas topic's messages, and their codec.
//!
//! A message is one version byte and postcard. A delta that does not fit a message goes as parts, applied as a
//! unit; intervals, watermarks and topics stand in the last.

use crate::engine::check::tally::Counts;
use crate::engine::contract::name::{ContractHash, ProductName};
use crate::engine::record::{Interval, TopicId, WindowStart};
use crate::flow::io::Ms;
use serde::{Deserialize, Serialize, de::DeserializeOwned};

/// The codec's version; N and N-1 are read, anything else stops the partition.
pub const VERSION: u8 = 1;

/// Partitions in one message of idle products, which the ledger takes as one: at seven a product 70 products, whose windows say 1 MB
/// where they close together. At 100 bytes each, topic names included, far below what a message may weigh.
const IDLE_REPORTS_MAX: usize = 500;

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
    /// Parts of the same flush before this one.
    pub part: u32,
    /// `None`: another part of the same flush follows.
    pub reports: Option<Reports>,
    /// The flush's name, equal in all its parts and no other's: `InspectorConfig::task`, and a number that grows from 1.
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
    /// Each record once, however many contracts of the product read it; by the window that the first of them says.
    pub counts: Vec<(WindowStart, Counts)>,
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

/// Idle products in messages that are not too large.
pub fn in_messages(products: Vec<(ProductName, Reports)>) -> Vec<Vec<(ProductName, Reports)>> {
    let (mut chunks, mut reports) = (vec![Vec::new()], 0);
    for product in products {
        reports += product.1.partitions.len() + product.1.topics.len() + 1;
        if reports > IDLE_REPORTS_MAX {
            reports = 0;
            chunks.push(Vec::new());
        }
        if let Some(chunk) = chunks.last_mut() {
            chunk.push(product);
        }
    }
    chunks
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    type Tally = std::collections::BTreeMap<u64, u32>;

    fn product(name: &str) -> ProductName {
        ProductName { domain: "sales".into(), name: name.into() }
    }

    fn a_report() -> impl Strategy<Value = Report> {
        let id = any::<u128>().prop_map(TopicId);
        let interval = (any::<i64>(), any::<i64>()).prop_map(|(from, to)| Interval { from, to });
        ("[a-z.]{0,12}", id, any::<i32>(), interval, any::<Option<Ms>>(), any::<Option<Ms>>(), any::<bool>()).prop_map(
            |(topic, id, partition, interval, watermark_ms, caught_up_ms, begins)| Report {
                topic,
                id,
                partition,
                interval,
                watermark_ms,
                caught_up_ms,
                begins,
            },
        )
    }

    proptest! {
        #[test]
        fn a_delta_reads_back_as_it_was_written(
            reports in proptest::option::of(proptest::collection::vec(a_report(), 0..4)),
            tally in proptest::collection::btree_map(any::<u64>(), any::<u32>(), 0..8),
            start in any::<i64>(),
            hash in any::<[u8; 16]>(),
        ) {
            let windows = vec![(WindowKey { start, hash: ContractHash(hash) }, tally)];
            let counts = vec![(start, Counts { records: 7, ..Counts::default() })];
            let reports = reports.map(|partitions| Reports { partitions, counts, ..Reports::default() });
            let delta = Delta::Product(ProductDelta { product: product("orders"), windows, part: 3, reports, flush: ("t".into(), 7) });
            prop_assert_eq!(decode::<Delta<Tally>>("a delta", &encode(&delta)), Ok(delta));
        }

        #[test]
        fn bytes_from_elsewhere_are_an_error_and_no_panic(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
            let _ = decode::<Delta<Tally>>("a delta", &bytes);
        }
    }

    #[test]
    fn a_newer_version_is_named_and_not_skipped() {
        let mut bytes = encode(&Delta::<Tally>::Idle(Vec::new()));
        bytes[0] = VERSION + 1;
        let error = decode::<Delta<Tally>>("a delta", &bytes).map(drop);
        assert_eq!(error, Err(CodecError::Version { what: "a delta", found: VERSION + 1 }));
        assert!(matches!(decode::<Delta<Tally>>("a delta", &[]), Err(CodecError::Broken { .. })));
    }

    /// These are what running clusters hold: a change of them puts one product into two ledgers.
    #[test]
    fn a_product_keeps_its_delta_partition_for_ever() {
        let of = |name: &str| partition_of(&product(name), 12);
        assert_eq!([of("orders"), of("payments"), of("returns")], [11, 7, 0]);
    }
}
