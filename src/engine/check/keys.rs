//! The distinct keys of a uniqueness rule: exact up to a bound, beyond it an estimate that knows its error.

use crate::engine::profile::sketch::{self, Held};
use datasketches::common::NumStdDev;
use datasketches::hll::{Coupon, HllSketch};
use rustc_hash::FxHashSet;
use serde::{Deserialize, Serialize};

/// Keys of one uniqueness rule in one window. A million keys are 8 MB of hashes, 18 MB in the set that holds them; the
/// odds that two of them collide are 2.7e-8 (`docs/semantics.md`).
pub const MAX_KEYS: usize = 1_000_000;

/// Registers beyond that: 2^18 are 256 KiB in memory and half of that in a delta, less than the set they take over from,
/// with a standard error of 1.04 / 2^9 = 0.2 %. A flush weighs 8 MiB at most, as many as `MAX_KEYS`, so that deltas
/// hardly ever hold one.
const LG_K: u8 = 18;

/// Distinct 64-bit keyed hashes.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Keys {
    Exact(#[serde(with = "differences")] FxHashSet<u64>),
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
        Keys::Exact(FxHashSet::default())
    }
}

impl Keys {
    /// False: the key was seen before. Beyond the bound nobody knows, and it counts as new.
    pub fn insert(&mut self, key: u64) -> bool {
        match self {
            Keys::Exact(set) => {
                let new = set.insert(key);
                if set.len() > MAX_KEYS {
                    *self = Keys::Many(sketch(set));
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
                let (mut large, small) = if a.len() < b.len() { (b, a) } else { (a, b) };
                large.extend(small);
                if large.len() > MAX_KEYS { Keys::Many(sketch(&large)) } else { Keys::Exact(large) }
            }
            (Keys::Many(mut many), Keys::Exact(set)) | (Keys::Exact(set), Keys::Many(mut many)) => {
                many.merge(sketch(&set));
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
            Keys::Exact(set) => return Ok(Rows::exact(rows.saturating_sub(set.len() as u64))),
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

    pub fn weight_bytes(&self) -> usize {
        match self {
            Keys::Exact(set) => set.len() * KEY_BYTES,
            Keys::Many(held) => held.size_bytes(),
        }
    }
}

/// A varint of a difference of 64-bit hashes.
pub const KEY_BYTES: usize = 9;

fn sketch(set: &FxHashSet<u64>) -> Held<HllSketch> {
    let mut held = sketch::hll(LG_K);
    if let Held::Whole(sketch) = &mut held {
        set.iter().for_each(|key| sketch.update_with_coupon(Coupon::from_value(*key)));
    }
    held
}

/// Hashes in order, each as the difference from the one before: equal sets are equal bytes, and a large set is small.
mod differences {
    use rustc_hash::FxHashSet;
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub fn serialize<S: Serializer>(set: &FxHashSet<u64>, serializer: S) -> Result<S::Ok, S::Error> {
        let mut keys: Vec<u64> = set.iter().copied().collect();
        keys.sort_unstable();
        let mut before = 0;
        for key in &mut keys {
            (*key, before) = (*key - before, *key);
        }
        keys.serialize(serializer)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<FxHashSet<u64>, D::Error> {
        let mut key = 0u64;
        let differences = Vec::<u64>::deserialize(deserializer)?;
        Ok(differences
            .into_iter()
            .map(|d| {
                key = key.wrapping_add(d);
                key
            })
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

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
