//! Which records of a dry run are duplicates: the same ones in whatever order, and in however many parts, they are read.
//!
//! Of the records that share a key, the first by offset, then by partition, is none; each other is. A record that another comes
//! before stays a duplicate whatever is read later, so that of duplicates the lowest suffice.

use crate::engine::check::mask::Mask;
use crate::engine::check::tally::MAX_SAMPLES_PER_RULE;
use crate::engine::record::Offset;
use rustc_hash::FxHashMap;
use std::collections::BTreeMap;

/// Keys of one rule whose first record is known for certain: those that stand lowest. At 41 bytes a place, and up to twice as
/// many, a rule has 21 MB.
const KEPT: usize = 229_376;

/// Where keys were first seen, by rule.
#[derive(Debug, Default)]
pub struct Firsts(BTreeMap<u32, OfRule>);

/// A record: by offset before partition, as samples stand.
pub type Place = (Offset, i32);

/// A record with a key, and what is shown of that.
#[derive(Clone, Copy, Debug)]
pub struct Sighting {
    pub place: Place,
    pub mask: Mask,
}

#[derive(Debug, Default)]
struct OfRule {
    firsts: FxHashMap<u64, Sighting>,
    /// The lowest that another comes before, ascending.
    later: Vec<Sighting>,
    /// No record that stands there or beyond is remembered: `KEPT` keys stand before it.
    reach: Option<Place>,
}

impl Firsts {
    /// A record with this key. `mask` is asked for what is shown, where it may be.
    pub fn see(&mut self, rule: u32, key: u64, place: Place, mask: &dyn Fn() -> Mask) {
        let of_rule = self.0.entry(rule).or_default();
        if of_rule.minds(place) {
            of_rule.see(key, Sighting { place, mask: mask() });
        }
    }

    /// What another has seen of other records. Nothing of it is left there but how far it need look.
    pub fn merge(&mut self, other: &mut Firsts) {
        for (rule, theirs) in &mut other.0 {
            let ours = self.0.entry(*rule).or_default();
            let reaches = ours.reach.into_iter().chain(theirs.reach);
            ours.reach = reaches.min();
            theirs.later.drain(..).for_each(|seen| ours.later(seen));
            theirs.firsts.drain().for_each(|(key, seen)| {
                if ours.minds(seen.place) {
                    ours.see(key, seen);
                }
            });
            theirs.reach = ours.reach;
        }
    }

    /// The lowest duplicates of a rule, ascending: all that there are, up to `MAX_SAMPLES_PER_RULE`, as far as `KEPT` keys reach.
    pub fn later(&self, rule: u32) -> &[Sighting] {
        self.0.get(&rule).map_or(&[], |of_rule| &of_rule.later)
    }
}

impl OfRule {
    /// Whether a record there may be told of, or make another one be.
    fn minds(&self, place: Place) -> bool {
        let told = self.later.get(MAX_SAMPLES_PER_RULE - 1).is_none_or(|last| place < last.place);
        told && self.reach.is_none_or(|reach| place < reach)
    }

    fn see(&mut self, key: u64, seen: Sighting) {
        let later = match self.firsts.get_mut(&key) {
            Some(first) if seen.place < first.place => std::mem::replace(first, seen),
            Some(_) => seen,
            None => {
                self.firsts.insert(key, seen);
                if self.firsts.len() > 2 * KEPT {
                    self.cut();
                }
                return;
            }
        };
        self.later(later);
    }

    fn later(&mut self, seen: Sighting) {
        let at = self.later.partition_point(|other| other.place < seen.place);
        self.later.insert(at, seen);
        self.later.truncate(MAX_SAMPLES_PER_RULE);
    }

    /// Forgets the keys that stand highest. What is kept was kept in any order of reading: so many keys stand before what goes.
    fn cut(&mut self) {
        let mut places: Vec<Place> = self.firsts.values().map(|seen| seen.place).collect();
        let (_, reach, _) = places.select_nth_unstable(KEPT);
        let reach = *reach;
        self.firsts.retain(|_, seen| seen.place < reach);
        self.reach = Some(reach);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn named(firsts: &Firsts) -> Vec<Place> {
        firsts.later(3).iter().map(|seen| seen.place).collect()
    }

    fn see(firsts: &mut Firsts, key: u64, place: Place) {
        firsts.see(3, key, place, &|| Mask::Integer);
    }

    proptest! {
        #[test]
        fn duplicates_are_the_same_in_any_order_and_in_any_parts(
            records in proptest::collection::vec((0u64..40, 0usize..4), 1..120).prop_shuffle(),
            merges in proptest::collection::vec(any::<bool>(), 120),
        ) {
            // A key, the part that reads it, and a place of its own.
            let place = |number: usize| (number as i64 / 3, number as i32 % 3);
            let mut seen: Vec<(u64, usize, Place)> =
                records.iter().enumerate().map(|(n, (key, part))| (*key, *part, place((n * 37) % records.len()))).collect();
            // 37 may share a divisor with the length: of records at one place one is enough.
            seen.sort_by_key(|(_, _, place)| *place);
            seen.dedup_by_key(|(_, _, place)| *place);
            let mut known = std::collections::BTreeSet::new();
            let mut truth: Vec<Place> =
                seen.iter().filter(|(key, _, _)| !known.insert(*key)).map(|(_, _, place)| *place).collect();
            truth.truncate(MAX_SAMPLES_PER_RULE);
            for backwards in [false, true] {
                if backwards {
                    seen.reverse();
                }
                let (mut whole, mut parts) = (Firsts::default(), [(); 4].map(|()| Firsts::default()));
                for ((key, part, place), merge) in seen.iter().zip(&merges) {
                    see(&mut parts[*part], *key, *place);
                    if *merge {
                        whole.merge(&mut parts[*part]);
                    }
                }
                parts.iter_mut().for_each(|part| whole.merge(part));
                prop_assert_eq!(&named(&whole), &truth);
            }
        }
    }

    #[test]
    fn beyond_what_is_kept_the_duplicates_of_the_lowest_keys_are_found_from_either_end() {
        let keys = 3 * KEPT as i64;
        let low = [10, 500, KEPT as i64 - 10];
        for backwards in [false, true] {
            let mut firsts = Firsts::default();
            for n in 0..keys {
                let offset = if backwards { keys - 1 - n } else { n };
                see(&mut firsts, offset as u64, (offset, 1));
                if low.contains(&offset) {
                    see(&mut firsts, offset as u64, (offset, 2));
                }
                assert!(firsts.0[&3].firsts.len() <= 2 * KEPT);
            }
            assert_eq!(named(&firsts), low.map(|offset| (offset, 2)), "backwards: {backwards}");
        }
    }
}
