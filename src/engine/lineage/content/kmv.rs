//! The values with the smallest hashes of all that were seen, each with the time at which it was first seen.
//!
//! K minimum values (Bar-Yossef et al. 2002; Beyer et al. 2007): the smallest hashes of a set are a uniform sample of it, and
//! sketches under one key sample the same values, so that what two sets share is read off their samples.

use serde::{Deserialize, Serialize};

/// Hashes that are kept: at 16 bytes each 16 KiB a sketch. Estimates of distinct values are off by 1 / sqrt(1022), 3.1 %.
pub const K: usize = 1_024;

/// `Kmv::default()` is the identity of `merge`, which is associative, commutative and idempotent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<(u64, i64)>", into = "Vec<(u64, i64)>")]
pub struct Kmv {
    /// Ascending by hash, each with when it was first seen, in milliseconds since 1970.
    kept: Vec<(u64, i64)>,
}

impl Kmv {
    /// `hash`: uniform in 64 bits, under the key that all sketches which are to be compared share. Whether it is kept and was not before.
    pub fn see(&mut self, hash: u64, at_ms: i64) -> bool {
        if self.is_full() && hash > self.last() {
            return false;
        }
        match self.kept.binary_search_by_key(&hash, |(known, _)| *known) {
            Ok(at) => {
                self.kept[at].1 = self.kept[at].1.min(at_ms);
                false
            }
            Err(at) => {
                self.kept.truncate(K - 1);
                self.kept.insert(at, (hash, at_ms));
                true
            }
        }
    }

    /// As if it had seen what the other has.
    pub fn merge(&mut self, other: &Kmv) {
        for (hash, at_ms) in &other.kept {
            self.see(*hash, *at_ms);
        }
    }

    /// How many values are distinct: exact below `K`.
    pub fn distinct(&self) -> f64 {
        if self.is_full() { (K - 1) as f64 / (self.last() as f64 / 2f64.powi(64)) } else { self.kept.len() as f64 }
    }

    /// The sample that both could have kept: each of mine, and when `other` saw it first.
    pub fn beside<'a>(&'a self, other: &'a Kmv) -> impl Iterator<Item = Beside> + 'a {
        let theta = [self, other].into_iter().filter(|s| s.is_full()).map(Kmv::last).min().unwrap_or(u64::MAX);
        self.kept.iter().take_while(move |(hash, _)| *hash <= theta).map(|&(hash, mine_ms)| Beside {
            hash,
            mine_ms,
            others_ms: other.first_seen_ms(hash),
        })
    }

    pub fn first_seen_ms(&self, hash: u64) -> Option<i64> {
        let at = self.kept.binary_search_by_key(&hash, |(known, _)| *known).ok()?;
        Some(self.kept[at].1)
    }

    fn is_full(&self) -> bool {
        self.kept.len() >= K
    }

    fn last(&self) -> u64 {
        self.kept.last().map_or(u64::MAX, |(hash, _)| *hash)
    }
}

/// As it was written: in whatever order it comes, it is a sketch.
impl From<Vec<(u64, i64)>> for Kmv {
    fn from(kept: Vec<(u64, i64)>) -> Kmv {
        let mut sketch = Kmv::default();
        for (hash, at_ms) in kept {
            sketch.see(hash, at_ms);
        }
        sketch
    }
}

impl From<Kmv> for Vec<(u64, i64)> {
    fn from(sketch: Kmv) -> Vec<(u64, i64)> {
        sketch.kept
    }
}

/// A value of one sketch, as another has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Beside {
    pub hash: u64,
    pub mine_ms: i64,
    /// `None`: it never saw it.
    pub others_ms: Option<i64>,
}
