//! How many different values there are, and which of them come most often.

use crate::engine::profile::frequent::Frequent;
use crate::engine::profile::recent::{Name, Place, Recent};
use crate::engine::profile::scalar::{Keyed, SHOWN_BYTES_MAX, Scalar, Words, words_of_hash};
use crate::engine::profile::shape::{How, Sight};
use crate::engine::profile::sketch::{self, Held};
use datasketches::hll::{Coupon, HllSketch};
use std::borrow::Cow;

/// `Values::default()` is the identity of `merge`.
#[derive(Clone, Debug, Default)]
pub struct Values {
    /// Of values that are neither null nor composed.
    distinct: Option<Held<HllSketch>>,
    frequent: Option<Held<Frequent>>,
    /// All that it knows is in `distinct`; what it counts is in `frequent` only once it is settled. Whoever reads, merges or
    /// writes sees it there.
    recent: Option<Box<Recent>>,
}

impl Values {
    pub fn new(distinct: Option<Held<HllSketch>>, frequent: Option<Held<Frequent>>) -> Values {
        Values { distinct, frequent, recent: None }
    }

    /// `words` are the value's own. `keyed` is asked once in a window. Returns whether the value may be one that was not seen
    /// before.
    #[inline(always)]
    pub fn see(&mut self, scalar: Scalar<'_>, words: Option<Words>, how: &How, keyed: impl FnOnce() -> Keyed) -> bool {
        if how.size.lg_k == 0 {
            return true;
        }
        let recent = self.recent.get_or_insert_with(|| {
            let map = if how.sight == Sight::Classified { 0 } else { how.size.frequent };
            Box::new(Recent::new(keyed(), map))
        });
        let (words, hash) = match words {
            Some(words) => (words, None),
            // What is too long for words is known by its keyed hash.
            None => {
                let hash = recent.keyed.hash(scalar);
                (words_of_hash(hash), Some(hash))
            }
        };
        match recent.counts(&words) {
            Ok(()) => false,
            Err(place) => {
                self.meet(scalar, words, hash, place, how);
                true
            }
        }
    }

    /// A value that is not known, or not any more.
    #[inline(never)]
    fn meet(&mut self, scalar: Scalar<'_>, words: Words, hash: Option<u64>, place: Place, how: &How) {
        let Some(recent) = &mut self.recent else { return };
        let hash = || hash.unwrap_or_else(|| recent.keyed.hash_words(&words));
        let (coupon, name) = match how.sight {
            // A keyed hash is a value as any other to the sketch. Apache's own hash needs no key, and so tells whoever
            // guesses a value whether it was there.
            Sight::Classified | Sight::Hashed => {
                let hash = hash();
                (Coupon::from_value(hash), Name::Hash(hash))
            }
            Sight::Shown => (scalar.coupon(), shown(scalar, hash)),
        };
        recent.insert(place, words, name);
        let full = recent.is_full();
        let distinct = self.distinct.get_or_insert_with(|| sketch::hll(how.size.lg_k));
        if let Held::Whole(sketch) = distinct {
            sketch.update_with_coupon(coupon);
        }
        if full {
            self.settle();
        }
    }

    fn settle(&mut self) {
        let counted = self.recent.take().and_then(|recent| recent.frequent());
        merge_into(&mut self.frequent, counted, Held::merge);
    }

    pub fn merge(&mut self, mut other: Values) {
        other.settle();
        merge_into(&mut self.distinct, other.distinct, Held::merge);
        merge_into(&mut self.frequent, other.frequent, Held::merge);
    }

    pub fn distinct(&self) -> Option<&Held<HllSketch>> {
        self.distinct.as_ref()
    }

    pub fn frequent(&self) -> Option<Cow<'_, Held<Frequent>>> {
        let counted = self.recent.as_ref().and_then(|recent| recent.frequent());
        match (&self.frequent, counted) {
            (held, None) => held.as_ref().map(Cow::Borrowed),
            (None, Some(counted)) => Some(Cow::Owned(counted)),
            (Some(held), Some(counted)) => {
                let mut sum = held.clone();
                sum.merge(counted);
                Some(Cow::Owned(sum))
            }
        }
    }

    /// Roughly what they weigh when written.
    pub fn size_bytes(&self) -> usize {
        let frequent = self.frequent.as_ref().map_or(1, Held::size_bytes);
        let recent = self.recent.as_ref().map_or(0, |recent| recent.size_bytes());
        self.distinct.as_ref().map_or(1, Held::size_bytes) + frequent.max(recent)
    }
}

impl PartialEq for Values {
    fn eq(&self, other: &Values) -> bool {
        self.distinct == other.distinct && self.frequent() == other.frequent()
    }
}

fn shown(scalar: Scalar<'_>, hash: impl FnOnce() -> u64) -> Name {
    match scalar {
        Scalar::Moment(_) | Scalar::Bytes(_) => Name::Hash(hash()),
        Scalar::Text(text) if text.len() > SHOWN_BYTES_MAX => Name::Hash(hash()),
        _ if scalar.words().is_some() => Name::Itself,
        _ => scalar.shown().map_or_else(|| Name::Hash(hash()), |text| Name::Text(text.into())),
    }
}

pub fn merge_into<T>(mine: &mut Option<T>, other: Option<T>, merge: impl FnOnce(&mut T, T)) {
    match (mine.as_mut(), other) {
        (Some(mine), Some(other)) => merge(mine, other),
        (None, other) => *mine = other,
        (Some(_), None) => {}
    }
}
