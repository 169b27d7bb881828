//! The most frequent values: Apache's frequent items over texts.

use crate::engine::profile::sketch::{Held, Sketch};
use datasketches::frequencies::{ErrorType, FrequentItemsSketch};
use std::collections::BTreeMap;

/// `frequent_strings_sketch` of other languages.
pub type Frequent = FrequentItemsSketch<String>;

/// A value, and how often it came: between `lower` and `upper`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Often {
    pub value: String,
    pub lower: u64,
    pub upper: u64,
}

/// The most frequent first, at most so many; equal ones by their text, so that a repeat says the same.
pub fn most(sketch: &Frequent, at_most: usize) -> Vec<Often> {
    let rows = sketch.frequent_items(ErrorType::NoFalseNegatives);
    let often = |row: &datasketches::frequencies::Row<String>| Often {
        value: row.item().clone(),
        lower: row.lower_bound(),
        upper: row.upper_bound(),
    };
    let mut all: Vec<Often> = rows.iter().map(often).collect();
    all.sort_unstable_by(|a, b| b.lower.cmp(&a.lower).then_with(|| a.value.cmp(&b.value)));
    all.truncate(at_most);
    all
}

/// Of values and the counts that they have at least. Those that have none came at most `missed` times, those that have one at
/// most so many times more; `weight` is how many values there were in all.
pub fn of_counts(map: usize, counts: BTreeMap<String, u64>, weight: u64, missed: u64) -> Held<Frequent> {
    let mut list: Vec<(String, u64)> = counts.into_iter().collect();
    list.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
    // What has no room takes its count off all the others, as Misra and Gries do and Apache's purge does.
    let room = map * 3 / 4;
    let taken = list.get(room).map_or(0, |(_, count)| *count);
    list.retain_mut(|(_, count)| {
        *count -= taken.min(*count);
        *count > 0
    });
    let found = match weight {
        0 => Frequent::new(map).map_err(|e| e.to_string()),
        _ => Frequent::of_bytes(&image(map, &list, weight, missed.saturating_add(taken))),
    };
    found.map_or_else(Held::Broken, Held::Whole)
}

/// The bytes that Apache documents for `frequent_strings_sketch`: the library has no other door for what was missed.
fn image(map: usize, list: &[(String, u64)], weight: u64, missed: u64) -> Vec<u8> {
    let lg_map = map.trailing_zeros() as u8;
    // Preamble of 4 longs, serial version, family, the largest and the present map, no flags.
    let mut bytes = vec![4, 1, 10, lg_map, lg_map, 0, 0, 0];
    bytes.extend((list.len() as u64).to_le_bytes());
    bytes.extend(weight.to_le_bytes());
    bytes.extend(missed.to_le_bytes());
    list.iter().for_each(|(_, count)| bytes.extend(count.to_le_bytes()));
    for (value, _) in list {
        bytes.extend((value.len() as u32).to_le_bytes());
        bytes.extend(value.as_bytes());
    }
    bytes
}

/// Bytes that ask for a larger map than any of ours are refused before it is allocated.
const LG_MAP_MAX: u8 = 6;
/// Where a sketch's bytes say its largest and its present map.
const LG_MAPS_AT: std::ops::RangeInclusive<usize> = 3..=4;

impl Sketch for Frequent {
    fn to_bytes(&self) -> Vec<u8> {
        self.serialize()
    }

    fn of_bytes(bytes: &[u8]) -> Result<Frequent, String> {
        if bytes.get(LG_MAPS_AT).is_some_and(|maps| maps.iter().any(|lg| *lg > LG_MAP_MAX)) {
            return Err(format!("a frequent items sketch has a map of at most 2^{LG_MAP_MAX}"));
        }
        Frequent::deserialize(bytes).map_err(|e| format!("a frequent items sketch cannot be read: {e}"))
    }

    fn merge(&mut self, other: &Frequent) -> Result<(), String> {
        // The library panics beyond 64 bits.
        let fits = self.total_weight().checked_add(other.total_weight()).is_some()
            && self.maximum_error().checked_add(other.maximum_error()).is_some();
        if !fits {
            return Err("frequent items were counted beyond 64 bits".to_string());
        }
        FrequentItemsSketch::merge(self, other);
        Ok(())
    }

    fn size_bytes(&self) -> usize {
        // A count, a length and a text of which nothing is known but its bound; 24 is a usual one.
        32 + self.num_active_items() * 36
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_true_count_lies_between_the_bounds_merged_or_not() {
        // Value n comes about 40,000 / n times: a few are frequent, most are rare.
        let stream: Vec<String> = (0..40_000u64).map(|i| format!("v{}", 40_000 / (i * 7_919 % 40_000 + 1))).collect();
        let mut truth: BTreeMap<&str, u64> = BTreeMap::new();
        stream.iter().for_each(|v| *truth.entry(v).or_default() += 1);
        for parts in [1, 3, 50] {
            let mut merged = Frequent::new(64).expect("64");
            for part in stream.chunks(stream.len() / parts) {
                let mut sketch = Frequent::new(64).expect("64");
                part.iter().for_each(|v| sketch.update_ref(v.as_str()));
                Sketch::merge(&mut merged, &sketch).expect("small counts");
            }
            // What the library promises before it has seen anything.
            assert!(merged.maximum_error() as f64 <= merged.epsilon() * stream.len() as f64);
            let most = most(&merged, 10);
            assert!(!most.is_empty());
            for often in most {
                let count = truth[often.value.as_str()];
                assert!(often.lower <= count && count <= often.upper, "{parts} parts: {often:?}, truly {count}");
            }
            let bound = merged.maximum_error();
            for (value, count) in truth.iter().filter(|(_, count)| **count > bound) {
                assert!(merged.upper_bound(*value) >= *count, "{value} came {count} times and is lost");
            }
        }
    }
}
