//! Quantiles sketches of numbers: Apache's KLL, and how many numbers get into one at once.

use crate::engine::profile::sketch::{Held, Sketch};
use datasketches::kll::{KllFloat, KllSketch};

/// `kll_doubles_sketch` of other languages.
pub type Kll = KllSketch<KllFloat<f64>>;

/// Of numbers in ascending order, none of which is no number: what KLL does to a level that is full, so many levels at
/// once. Of each run of 2^`halvings` numbers the one at `offset` stands for all, and what is left over for itself.
///
/// A compaction of `B` numbers by `h` levels has a variance of at most Σ 4^i / 4 per B numbers, i < h; KLL itself
/// compacts these levels by as few as 8 numbers at a time (Karnin, Lang, Liberty 2016), with a larger one.
pub fn compacted(k: u16, sorted: &[f64], halvings: u32, offset: u64) -> Held<Kll> {
    let run = 1usize << halvings;
    let kept = sorted.chunks_exact(run).map(|run| run[(offset % run.len() as u64) as usize]);
    let mut levels = vec![Vec::new(); halvings as usize + 1];
    levels[halvings as usize] = kept.collect();
    if halvings > 0 {
        levels[0] = sorted.chunks_exact(run).remainder().to_vec();
    }
    of_levels(k, &levels, sorted)
}

/// Of different numbers in ascending order, each so many times: nothing is lost as long as they fit.
pub fn repeated(k: u16, list: &[(f64, u64)]) -> Held<Kll> {
    let most = list.iter().map(|(_, times)| *times).max().unwrap_or(0);
    let levels: Vec<Vec<f64>> = (0..64 - most.leading_zeros())
        .map(|bit| list.iter().filter(|(_, times)| times >> bit & 1 == 1).map(|(number, _)| *number).collect())
        .collect();
    let there: Vec<f64> = list.iter().filter(|(_, times)| *times > 0).map(|(number, _)| *number).collect();
    of_levels(k, &levels, &there)
}

/// A sketch of size `k` whose numbers of level l count 2^l times each. `sorted` says the least and the greatest.
fn of_levels(k: u16, levels: &[Vec<f64>], sorted: &[f64]) -> Held<Kll> {
    let merged = || -> Result<Kll, String> {
        let mut sum = Kll::new(k).map_err(|e| e.to_string())?;
        if let (Some(least), Some(greatest)) = (sorted.first(), sorted.last()) {
            Sketch::merge(&mut sum, &image(levels, *least, *greatest)?)?;
        }
        Ok(sum)
    };
    merged().map_or_else(Held::Broken, Held::Whole)
}

/// A `k` that has room for whatever is put into it; a sketch that takes such a one in keeps its own error, which is that of
/// the smallest `k` that ever compacted.
const ROOMY_K: u16 = u16::MAX;
/// The least that a level may hold before it is compacted; Apache's libraries know no other.
const M: u8 = 8;
/// Apache's libraries read no more.
const LEVELS_MAX: usize = 61;

/// By way of the bytes that Apache documents for `kll_doubles_sketch`: the library has no other door for weights.
fn image(levels: &[Vec<f64>], least: f64, greatest: f64) -> Result<Kll, String> {
    let beyond = || "numbers were counted beyond 61 bits".to_owned();
    let count = levels
        .iter()
        .enumerate()
        .try_fold(0u64, |sum, (level, numbers)| sum.checked_add((numbers.len() as u64).checked_mul(1 << level)?));
    let n = count.filter(|_| levels.len() <= LEVELS_MAX).ok_or_else(beyond)?;
    if n == 1 {
        let mut one = Kll::new(ROOMY_K).map_err(|e| e.to_string())?;
        KllFloat::<f64>::new(least).into_iter().for_each(|number| one.update(number));
        return Ok(one);
    }
    let retained: usize = levels.iter().map(Vec::len).sum();
    let mut bytes = Vec::with_capacity(36 + 4 * levels.len() + 8 * retained);
    // Preamble of 5 ints, serial version, family, flag: level zero is sorted.
    bytes.extend([5, 1, 15, 2]);
    bytes.extend(ROOMY_K.to_le_bytes());
    bytes.extend([M, 0]);
    bytes.extend(n.to_le_bytes());
    bytes.extend(ROOMY_K.to_le_bytes());
    bytes.extend([levels.len() as u8, 0]);
    let mut from = capacity(levels.len()) - retained as u64;
    for level in levels {
        bytes.extend((from as u32).to_le_bytes());
        from += level.len() as u64;
    }
    let numbers = levels.iter().flatten();
    [least, greatest].iter().chain(numbers).for_each(|number| bytes.extend(number.to_le_bytes()));
    Kll::of_bytes(&bytes)
}

/// What a sketch of `ROOMY_K` and so many levels can hold: k times (2/3)^depth each, rounded, the topmost having depth 0.
fn capacity(levels: usize) -> u64 {
    fn shallow(k: u64, depth: u32) -> u64 {
        ((k << (depth + 1)) / 3u64.pow(depth)).div_ceil(2)
    }
    let of_depth = |depth: u32| match depth {
        0..=30 => shallow(ROOMY_K.into(), depth),
        _ => shallow(shallow(ROOMY_K.into(), depth / 2), depth - depth / 2),
    };
    (0..levels as u32).map(|depth| of_depth(depth).max(M.into())).sum()
}

impl Sketch for Kll {
    fn to_bytes(&self) -> Vec<u8> {
        self.serialize()
    }

    fn of_bytes(bytes: &[u8]) -> Result<Kll, String> {
        Kll::deserialize(bytes).map_err(|e| format!("a KLL sketch cannot be read: {e}"))
    }

    fn merge(&mut self, other: &Kll) -> Result<(), String> {
        KllSketch::merge(self, other).map_err(|e| e.to_string())
    }

    fn size_bytes(&self) -> usize {
        // Preamble, the offsets of some 20 levels, the extremes, and each number that is kept.
        120 + 8 * self.num_retained()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use datasketches::common::SearchCriteria;
    use proptest::prelude::*;

    #[test]
    fn numbers_of_every_weight_are_taken_as_they_are() {
        for bits in 0..LEVELS_MAX {
            let list = [(-1.5, 1), (0.0, 1u64 << bits), (7.0, 1)];
            let Held::Whole(sketch) = repeated(200, &list) else { panic!("{bits} bits") };
            assert_eq!((sketch.n(), sketch.min_k()), (2 + (1 << bits), 200), "{bits} bits");
            let median = sketch.quantile(0.5, SearchCriteria::Inclusive).expect("a rank");
            assert_eq!(median.map(KllFloat::into_inner), Some(0.0), "{bits} bits");
        }
        let beyond = repeated(200, &[(1.0, 1 << LEVELS_MAX)]);
        assert!(beyond.whole().is_err_and(|reason| reason.contains("61 bits")), "{beyond:?}");
    }

    proptest! {
        #[test]
        fn a_compacted_block_counts_each_number_and_keeps_the_extremes(
            mut numbers in proptest::collection::vec(-1e9..1e9f64, 1..900), halvings in 0u32..6, offset in any::<u64>(),
        ) {
            numbers.sort_unstable_by(f64::total_cmp);
            let held = compacted(200, &numbers, halvings, offset);
            let sketch = held.whole().expect("whole");
            prop_assert_eq!(sketch.n(), numbers.len() as u64);
            prop_assert_eq!(sketch.min_item().copied().map(KllFloat::into_inner), numbers.first().copied());
            prop_assert_eq!(sketch.max_item().copied().map(KllFloat::into_inner), numbers.last().copied());
            prop_assert!(Kll::of_bytes(&sketch.to_bytes()).is_ok());
        }
    }
}
