//! The distinct keys of a uniqueness rule: exact up to a bound, beyond it an estimate that knows its error.

use crate::engine::profile::sketch::{self, Held};
use datasketches::common::NumStdDev;
use datasketches::hll::{Coupon, HllSketch};
use rustc_hash::FxHashSet;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;

/// Keys of one uniqueness rule in one window. A million keys are 8 MB of hashes, 18 MB in the set that holds them; the
/// odds that two of them collide are 2.7e-8 (`docs/semantics.md`).
pub const MAX_KEYS: usize = 1_000_000;

/// Registers beyond that: 2^18 are 256 KiB in memory and half of that in a delta, less than the set they take over from,
/// with a standard error of 1.04 / 2^9 = 0.2 %. A flush weighs 4 MiB with one product, half of `MAX_KEYS`, and 16 MiB with
/// hundreds that share them, so that deltas hardly ever hold one.
const LG_K: u8 = 18;

/// Distinct 64-bit keyed hashes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Keys {
    Exact(Distinct),
    /// More than `MAX_KEYS`: whatever comes, it stays so.
    Many(Held<HllSketch>),
}

/// A number of rows, and the bounds that it keeps with three standard deviations; equal where it is exact.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rows {
    pub value: f64,
    pub low: f64,
    pub high: f64,
}

impl Rows {
    pub fn exact(rows: u64) -> Rows {
        Rows { value: rows as f64, low: rows as f64, high: rows as f64 }
    }

    pub fn plus(self, other: Rows) -> Rows {
        Rows { value: self.value + other.value, low: self.low + other.low, high: self.high + other.high }
    }

    pub fn is_exact(self) -> bool {
        self.low == self.high
    }

    /// Each number as `change` has it; it must keep their order.
    pub fn map(self, change: impl Fn(f64) -> f64) -> Rows {
        Rows { value: change(self.value), low: change(self.low), high: change(self.high) }
    }
}

impl Default for Keys {
    fn default() -> Keys {
        Keys::Exact(Distinct::default())
    }
}

impl Keys {
    /// False: the key was seen before. Beyond the bound nobody knows, and it counts as new.
    pub fn insert(&mut self, key: u64) -> bool {
        match self {
            Keys::Exact(distinct) => {
                let new = distinct.insert(key);
                if distinct.len() > MAX_KEYS {
                    *self = Keys::Many(sketch(distinct));
                }
                new
            }
            Keys::Many(Held::Whole(sketch)) => {
                sketch.update_with_coupon(Coupon::from_value(key));
                true
            }
            Keys::Many(Held::Broken(_)) => true,
        }
    }

    /// The union. A part of a union within the bound is within it, so that the order of merging does not matter.
    pub fn merged(self, other: Keys) -> Keys {
        match (self, other) {
            (Keys::Exact(a), Keys::Exact(b)) => {
                let distinct = Distinct::of(union(a.into_sorted(), b.into_sorted()));
                if distinct.len() > MAX_KEYS { Keys::Many(sketch(&distinct)) } else { Keys::Exact(distinct) }
            }
            (Keys::Many(mut many), Keys::Exact(distinct)) | (Keys::Exact(distinct), Keys::Many(mut many)) => {
                many.merge(sketch(&distinct));
                Keys::Many(many)
            }
            (Keys::Many(mut a), Keys::Many(b)) => {
                a.merge(b);
                Keys::Many(a)
            }
        }
    }

    /// Of so many rows those beyond the first of their key. The error says why nobody knows.
    pub fn duplicates(&self, rows: u64) -> Result<Rows, String> {
        let sketch = match self {
            Keys::Exact(distinct) => return Ok(Rows::exact(rows.saturating_sub(distinct.len() as u64))),
            Keys::Many(held) => held.whole()?,
        };
        // There are more keys than the bound, and no more than rows.
        let beyond = |keys: f64| (rows as f64 - keys.max(MAX_KEYS as f64 + 1.0)).max(0.0).round();
        Ok(Rows {
            value: beyond(sketch.estimate()),
            low: beyond(sketch.upper_bound(NumStdDev::Three)),
            high: beyond(sketch.lower_bound(NumStdDev::Three)),
        })
    }

    /// How many there are. The error says why nobody knows.
    pub fn distinct(&self) -> Result<Rows, String> {
        let sketch = match self {
            Keys::Exact(set) => return Ok(Rows::exact(set.len() as u64)),
            Keys::Many(held) => held.whole()?,
        };
        let at_least = |keys: f64| keys.max(MAX_KEYS as f64 + 1.0).round();
        Ok(Rows {
            value: at_least(sketch.estimate()),
            low: at_least(sketch.lower_bound(NumStdDev::Three)),
            high: at_least(sketch.upper_bound(NumStdDev::Three)),
        })
    }

    /// The hashes, where they are held as such; nothing is left.
    pub fn take(&mut self) -> Vec<u64> {
        match self {
            Keys::Exact(distinct) => std::mem::take(distinct).into_sorted(),
            Keys::Many(_) => Vec::new(),
        }
    }

    pub fn weight_bytes(&self) -> usize {
        match self {
            Keys::Exact(distinct) => distinct.len() * KEY_BYTES,
            Keys::Many(held) => held.size_bytes(),
        }
    }
}

/// A varint of a difference of 64-bit hashes.
pub const KEY_BYTES: usize = 9;

/// Each key once. Whoever counts records asks whether a key is new, and has a set. Whoever merges only needs the union, and
/// has it of two sorted lists in less than half the memory, and without a jump through it. One of the two is empty.
#[derive(Clone, Debug, Default)]
pub struct Distinct {
    set: FxHashSet<u64>,
    sorted: Vec<u64>,
}

impl Distinct {
    /// Of an ascending list.
    pub fn of(sorted: Vec<u64>) -> Distinct {
        Distinct { set: FxHashSet::default(), sorted }
    }

    pub fn len(&self) -> usize {
        self.set.len() + self.sorted.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Each once, in no order.
    pub fn iter(&self) -> impl Iterator<Item = u64> {
        self.set.iter().chain(&self.sorted).copied()
    }

    #[inline]
    fn insert(&mut self, key: u64) -> bool {
        if !self.sorted.is_empty() {
            self.set = std::mem::take(&mut self.sorted).into_iter().collect();
        }
        self.set.insert(key)
    }

    /// Ascending.
    pub fn into_sorted(self) -> Vec<u64> {
        if self.set.is_empty() { self.sorted } else { sorted(&self.set) }
    }

    fn list(&self) -> Cow<'_, [u64]> {
        if self.set.is_empty() { Cow::Borrowed(&self.sorted) } else { Cow::Owned(sorted(&self.set)) }
    }
}

fn sorted(set: &FxHashSet<u64>) -> Vec<u64> {
    let mut list: Vec<u64> = set.iter().copied().collect();
    list.sort_unstable();
    list
}

impl PartialEq for Distinct {
    fn eq(&self, other: &Distinct) -> bool {
        self.len() == other.len() && self.list() == other.list()
    }
}

fn union(a: Vec<u64>, b: Vec<u64>) -> Vec<u64> {
    if a.is_empty() || b.is_empty() {
        return if a.is_empty() { b } else { a };
    }
    let mut all = Vec::with_capacity(a.len() + b.len());
    let (mut a, mut b) = (a.into_iter().peekable(), b.into_iter().peekable());
    while let (Some(x), Some(y)) = (a.peek(), b.peek()) {
        all.push(*x.min(y));
        let (past_a, past_b) = (x <= y, y <= x);
        if past_a {
            a.next();
        }
        if past_b {
            b.next();
        }
    }
    all.extend(a);
    all.extend(b);
    all
}

fn sketch(distinct: &Distinct) -> Held<HllSketch> {
    let mut held = sketch::hll(LG_K);
    if let Held::Whole(sketch) = &mut held {
        let keys = distinct.set.iter().chain(&distinct.sorted);
        keys.for_each(|key| sketch.update_with_coupon(Coupon::from_value(*key)));
    }
    held
}

/// Hashes in order, each as the difference from the one before: equal sets are equal bytes, and a large set is small.
impl Serialize for Distinct {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut keys = self.list().into_owned();
        let mut before = 0;
        for key in &mut keys {
            (*key, before) = (*key - before, *key);
        }
        keys.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Distinct {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Distinct, D::Error> {
        let mut keys = Vec::<u64>::deserialize(deserializer)?;
        let mut key = 0u64;
        for difference in &mut keys {
            key = key.wrapping_add(*difference);
            *difference = key;
        }
        // A writer's list ascends; of any other bytes the keys are taken for what they are.
        if !keys.is_sorted_by(|a, b| a < b) {
            keys.sort_unstable();
            keys.dedup();
        }
        Ok(Distinct::of(keys))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn of(range: std::ops::Range<u64>) -> Keys {
        let mut keys = Keys::default();
        // Hashes are spread over all 64 bits.
        range.for_each(|n| assert!(keys.insert(n.wrapping_mul(0x9E37_79B9_7F4A_7C15))));
        keys
    }

    #[test]
    fn beyond_the_bound_duplicates_are_estimated_within_three_standard_deviations() {
        let max = MAX_KEYS as u64;
        assert_eq!(of(0..max).duplicates(max + 5), Ok(Rows::exact(5)));
        let check = |what: &str, keys: &Keys, distinct: u64, rows: u64| {
            let found = keys.duplicates(rows).expect("whole");
            let truth = (rows - distinct) as f64;
            assert!(found.low <= truth && truth <= found.high, "{what}: {found:?}, truly {truth}");
            assert!(!found.is_exact() && found.high - found.low <= 0.014 * distinct as f64, "{what}: {found:?}");
        };
        check("one more", &of(0..max + 1), max + 1, 2 * max);
        let merged = of(0..700_000).merged(of(400_000..1_200_000));
        check("two parts", &merged, 1_200_000, 1_500_000);
        check("three parts", &of(1_100_000..1_400_000).merged(merged), 1_400_000, 1_900_000);
    }

    proptest! {
        #[test]
        fn a_union_is_that_of_sets_however_they_are_held(
            a in proptest::collection::vec(0u64..300, 0..200), b in proptest::collection::vec(0u64..300, 0..200),
            written in any::<(bool, bool)>(), late in 0u64..300,
        ) {
            let held = |keys: &[u64], written: bool| {
                let mut held = Keys::default();
                for key in keys {
                    held.insert(*key);
                }
                let bytes = postcard::to_stdvec(&held).expect("plain data");
                if written { postcard::from_bytes(&bytes).expect("its own bytes") } else { held }
            };
            let mut truth: std::collections::BTreeSet<u64> = a.iter().chain(&b).copied().collect();
            let mut merged = held(&a, written.0).merged(held(&b, written.1));
            prop_assert_eq!(&merged, &held(&truth.iter().copied().collect::<Vec<_>>(), false));
            prop_assert_eq!(merged.insert(late), truth.insert(late));
            prop_assert_eq!(merged.duplicates(500), Ok(Rows::exact(500 - truth.len() as u64)));
        }
    }

    #[test]
    fn many_keys_survive_the_wire() {
        let mut many = of(0..MAX_KEYS as u64 + 10);
        let bytes = postcard::to_stdvec(&many).expect("plain data");
        assert!(bytes.len() < 160_000, "{}", bytes.len());
        let mut read: Keys = postcard::from_bytes(&bytes).expect("its own bytes");
        assert_eq!(read.duplicates(2_000_000), many.duplicates(2_000_000));
        assert!(many.insert(0) && read.insert(0));
    }
}
