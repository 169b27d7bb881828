//! What one window of one contract version has counted: a commutative monoid, so that it merges in any order.

use crate::engine::record::{Offset, TopicId};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Counts of one (product, contract hash, window). `Tally::default()` is the identity of `merge`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    pub counts: Counts,
    /// Why records could not be decoded, by reason.
    pub undecodable: BTreeMap<String, u64>,
    /// By rule number; an empty vector stands for all zeros.
    pub rules: Vec<RuleTally>,
    /// A capped number for each rule, the lowest positions first.
    pub samples: Vec<Sample>,
}

/// Every record of the window is in `records`, tombstones and undecodable ones too.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counts {
    pub records: u64,
    pub bytes: u64,
    pub tombstones: u64,
    pub undecodable: u64,
    /// Timestamps too far ahead of the clock; judged in the window of their arrival.
    pub future: u64,
}

/// What one rule has counted.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct RuleTally {
    /// Rows it was asked of.
    pub asked: u64,
    /// Rows that broke it.
    pub failed: u64,
    /// Uniqueness only: the keyed hashes seen.
    pub keys: Option<Keys>,
}

/// Distinct 64-bit keyed hashes, up to a bound; beyond it the set is dropped and the rule is `unknown`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Keys {
    /// Sorted, distinct.
    Exact(Vec<u64>),
    TooMany,
}

/// One record that broke a rule, or could not be decoded.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Sample {
    /// The rule's number; `None` for undecodable records and timestamps from the future.
    pub rule: Option<u32>,
    pub topic: TopicId,
    pub partition: i32,
    pub offset: Offset,
    pub reason: String,
    /// Masked; empty for classified fields.
    pub value: String,
}
