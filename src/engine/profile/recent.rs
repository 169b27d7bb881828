//! Values that come again and again: a small table that knows them by themselves, so that they are not hashed again, and
//! counts them. What it has to leave out it bounds.
//!
//! A bucket of eight counters counts as Misra and Gries do (1982): a value that finds no counter free takes one off each.
//! So a count is at most that short of the truth, and all values left out come no more often. With w values in a
//! bucket beside those that it counts, at most w / 9 are taken off each.

use crate::engine::profile::frequent::{self, Frequent};
use crate::engine::profile::scalar::{Keyed, Words, hex, shown_of};
use crate::engine::profile::sketch::Held;
use std::collections::BTreeMap;

const WAYS: usize = 8;
const ONES: u64 = 0x0101_0101_0101_0101;
/// Buckets of a field whose frequent values nobody asks for: 32 values that need no hash.
const BUCKETS_MIN: usize = 4;

/// The table of a field in one window. It begins with one bucket, and grows with the values that are different: a bucket
/// is half a kilobyte, 16 of them are what a field has at most.
#[derive(Clone)]
pub struct Recent {
    pub keyed: Keyed,
    buckets: Vec<Bucket>,
    /// The size of the map that the counts are to go into; 0 where nobody asks for them.
    map: usize,
    /// Values that were counted.
    weight: u64,
}

/// Where a value is that `find` found, or is to be.
#[derive(Clone, Copy)]
pub struct Place {
    hash: u64,
}

#[derive(Clone, Default)]
#[repr(align(64))]
struct Bucket {
    /// Of each value a byte of its mix; what is equal is compared in full. A counter of 0 is free, but until it is taken its
    /// value is still known.
    tags: [u8; WAYS],
    counts: [u32; WAYS],
    values: [Known; WAYS],
    /// Taken off each counter.
    missed: u64,
}

#[derive(Clone, Default)]
struct Known {
    words: Words,
    name: Name,
}

/// What a value is called where values are told.
#[derive(Clone, Debug, Default)]
pub enum Name {
    /// As it is: its words say it.
    #[default]
    Itself,
    Hash(u64),
    Text(Box<str>),
}

impl Recent {
    /// `map`: the size of the map that the counts are to go into, 0 for none.
    pub fn new(keyed: Keyed, map: usize) -> Recent {
        Recent { keyed, buckets: vec![Bucket::default()], map, weight: 0 }
    }

    /// Counts the value if it is known.
    #[inline(always)]
    pub fn counts(&mut self, words: &Words) -> Result<(), Place> {
        let place = Place { hash: mix(words) };
        self.weight += 1;
        let tag = place.tag();
        let mask = self.buckets.len() - 1;
        let Some(bucket) = self.buckets.get_mut(place.bucket(mask)) else { return Err(place) };
        // Eight bytes at once: where one is the tag, its difference is 0, and only from a 0 or beside one is a bit borrowed.
        let differences = u64::from_le_bytes(bucket.tags) ^ (u64::from(tag) * ONES);
        let mut equal = differences.wrapping_sub(ONES) & !differences & ONES << 7;
        while equal != 0 {
            let way = equal.trailing_zeros() as usize / 8 % WAYS;
            if bucket.values[way].words == *words {
                bucket.counts[way] = bucket.counts[way].saturating_add(1);
                return Ok(());
            }
            equal &= equal - 1;
        }
        Err(place)
    }

    /// Takes in a value that `counts` did not know.
    #[inline]
    pub fn insert(&mut self, place: Place, words: Words, name: Name) {
        // Twice as many counters as the map has places.
        let most = (self.map / 4).max(BUCKETS_MIN);
        loop {
            let (buckets, mask) = (self.buckets.len(), self.buckets.len() - 1);
            let Some(bucket) = self.buckets.get_mut(place.bucket(mask)) else { return };
            if let Some(way) = bucket.counts.iter().position(|count| *count == 0) {
                bucket.tags[way] = place.tag();
                bucket.counts[way] = 1;
                bucket.values[way] = Known { words, name };
                return;
            }
            if buckets >= most {
                bucket.counts.iter_mut().for_each(|count| *count -= 1);
                bucket.missed += 1;
                return;
            }
            self.grow();
        }
    }

    fn grow(&mut self) {
        let mut buckets = vec![Bucket::default(); self.buckets.len() * 2];
        let mask = buckets.len() - 1;
        for bucket in std::mem::take(&mut self.buckets) {
            for ((tag, count), value) in bucket.tags.into_iter().zip(bucket.counts).zip(bucket.values) {
                // It is among eight that came from one bucket: there is room in either that they part into.
                let place = Place { hash: mix(&value.words) };
                let Some(into) = buckets.get_mut(place.bucket(mask)).filter(|_| count > 0) else { continue };
                if let Some(way) = into.counts.iter().position(|count| *count == 0) {
                    (into.tags[way], into.counts[way], into.values[way]) = (tag, count, value);
                }
            }
        }
        self.buckets = buckets;
    }

    /// Whether a count would not fit any more.
    pub fn is_full(&self) -> bool {
        self.weight >= u64::from(u32::MAX)
    }

    /// Values that have a counter.
    fn counted(&self) -> usize {
        self.buckets.iter().map(|bucket| bucket.counts.iter().filter(|count| **count > 0).count()).sum()
    }

    /// Roughly what `frequent` weighs when written.
    pub fn size_bytes(&self) -> usize {
        if self.map == 0 { 0 } else { 32 + 36 * self.counted().min(self.map * 3 / 4) }
    }

    /// What was counted, as a sketch; `None` where nobody asks for it.
    pub fn frequent(&self) -> Option<Held<Frequent>> {
        if self.map == 0 {
            return None;
        }
        let missed = self.buckets.iter().map(|bucket| bucket.missed).max().unwrap_or(0);
        let mut counts: BTreeMap<String, u64> = BTreeMap::new();
        for bucket in &self.buckets {
            for (count, value) in bucket.counts.iter().zip(&bucket.values).filter(|(count, _)| **count > 0) {
                *counts.entry(value.told()).or_default() += u64::from(*count);
            }
        }
        Some(frequent::of_counts(self.map, counts, self.weight, missed))
    }
}

impl Known {
    fn told(&self) -> String {
        match &self.name {
            Name::Itself => shown_of(&self.words).unwrap_or_default(),
            Name::Hash(hash) => hex(*hash),
            Name::Text(text) => text.to_string(),
        }
    }
}

/// Values do not stand in logs.
impl std::fmt::Debug for Recent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Recent({} values)", self.counted())
    }
}

impl Place {
    /// Never that of a counter which was never taken.
    fn tag(self) -> u8 {
        self.hash as u8 | 1
    }

    fn bucket(self, mask: usize) -> usize {
        (self.hash >> 32) as usize & mask
    }
}

/// Two words multiplied into two, and those added: good enough for a table that compares what it finds.
#[inline]
fn mix(words: &Words) -> u64 {
    let product = u128::from(words[0] ^ 0x9E37_79B9_7F4A_7C15)
        * u128::from(words[1] ^ words[2].rotate_left(29) ^ 0xD1B5_4A32_D192_ED03);
    product as u64 ^ (product >> 64) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::check::key::Hashes;
    use crate::engine::profile::scalar::Scalar;
    use proptest::prelude::*;

    fn count(recent: &mut Recent, text: &str) {
        let words = Scalar::Text(text).words().expect("a short one");
        if let Err(place) = recent.counts(&words) {
            recent.insert(place, words, Name::Itself);
        }
    }

    fn table(frequent: usize) -> Recent {
        Recent::new(Keyed::of(&Hashes::new(&[7; 16]), 1), frequent)
    }

    proptest! {
        #[test]
        fn the_true_count_lies_between_the_bounds(
            values in proptest::collection::vec(prop_oneof![0u32..5, 0u32..60, 0u32..2_000], 0..3_000),
        ) {
            for map in [16, 64] {
                let mut recent = table(map);
                let mut truth: BTreeMap<String, u64> = BTreeMap::new();
                for value in &values {
                    count(&mut recent, &format!("v{value}"));
                    *truth.entry(format!("v{value}")).or_default() += 1;
                }
                let held = recent.frequent().expect("asked for");
                let sketch = held.whole().expect("whole");
                prop_assert_eq!(sketch.total_weight(), values.len() as u64);
                for (value, count) in &truth {
                    prop_assert!(sketch.lower_bound(value) <= *count && *count <= sketch.upper_bound(value), "{} {}", value, count);
                }
                prop_assert!(truth.len() > 16 || sketch.maximum_error() == 0 || map == 16);
            }
        }
    }

    #[test]
    fn values_of_a_full_table_cost_no_more_than_was_promised() {
        let mut recent = table(64);
        (0..100_000).for_each(|i| count(&mut recent, &format!("order-{i}")));
        let held = recent.frequent().expect("asked for");
        // 16 buckets of nine shares each, were they filled alike; twice that is far beyond chance.
        assert!(held.whole().expect("whole").maximum_error() <= 2 * 100_000 / (16 * 9));
        assert_eq!(recent.buckets.len(), 16);
    }

    #[test]
    fn what_is_known_is_not_to_be_told() {
        let mut recent = table(64);
        count(&mut recent, "secret");
        assert_eq!(format!("{recent:?}"), "Recent(1 values)");
    }
}
