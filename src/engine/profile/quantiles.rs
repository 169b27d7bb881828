//! Quantiles of numbers: a list while there are few different ones, then a KLL sketch.

use crate::engine::profile::sketch::{Held, Sketch};
use datasketches::common::SearchCriteria;
use datasketches::kll::{KllFloat, KllSketch};
use serde::{Deserialize, Serialize};

/// `kll_doubles_sketch` of other languages.
pub type Kll = KllSketch<KllFloat<f64>>;

/// Different numbers that are kept in a list, each with its count: at 10 bytes each it stays below what a sketch of 40
/// numbers weighs, and columns such as quantities or lengths of codes never need more.
const FEW: usize = 32;

/// Of the numbers that were added; infinities are numbers here, what is no number is not.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Quantiles {
    /// The sketch's size, also while there is none yet.
    k: u16,
    held: Numbers,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Numbers {
    /// Ascending, with counts.
    Few(Vec<(f64, u64)>),
    Many(Held<Kll>),
}

impl Quantiles {
    pub fn new(k: u16) -> Quantiles {
        Quantiles { k, held: Numbers::Few(Vec::new()) }
    }

    pub fn add(&mut self, number: f64) {
        self.add_times(number, 1);
    }

    fn add_times(&mut self, number: f64, times: u64) {
        // Minus zero is zero.
        let number = number + 0.0;
        let Ok(item) = KllFloat::<f64>::new(number) else { return };
        match &mut self.held {
            Numbers::Few(list) => {
                match list.binary_search_by(|(known, _)| known.total_cmp(&number)) {
                    Ok(at) => list[at].1 = list[at].1.saturating_add(times),
                    Err(at) => list.insert(at.min(list.len()), (number, times)),
                }
                if list.len() > FEW {
                    self.held = Numbers::Many(promoted(self.k, list));
                }
            }
            Numbers::Many(Held::Whole(sketch)) if times == 1 => sketch.update(item),
            Numbers::Many(held) => held.merge(repeated(self.k, item, times)),
        }
    }

    pub fn merge(&mut self, other: Quantiles) {
        match (&mut self.held, other.held) {
            (_, Numbers::Few(list)) => list.into_iter().for_each(|(number, times)| self.add_times(number, times)),
            (Numbers::Few(list), Numbers::Many(mut held)) => {
                held.merge(promoted(self.k, list));
                self.held = Numbers::Many(held);
            }
            (Numbers::Many(mine), Numbers::Many(other)) => mine.merge(other),
        }
    }

    /// The sketch of what was added, for those who merge it with their own.
    pub fn sketch(&self) -> Result<Kll, String> {
        match &self.held {
            Numbers::Few(list) => promoted(self.k, list).whole().cloned().map_err(str::to_owned),
            Numbers::Many(held) => held.whole().cloned().map_err(str::to_owned),
        }
    }

    /// The numbers at these ranks, 0 to 1, and by how much a rank may be off: nothing while there are few.
    pub fn at(&self, ranks: &[f64]) -> Result<(Vec<f64>, f64), String> {
        match &self.held {
            Numbers::Few(list) => Ok((ranks.iter().filter_map(|rank| of_list(list, *rank)).collect(), 0.0)),
            Numbers::Many(held) => {
                let sketch = held.whole()?;
                let found = sketch.quantiles(ranks, SearchCriteria::Inclusive).map_err(|e| e.to_string())?;
                let error = if sketch.is_estimation_mode() { sketch.normalized_rank_error() } else { 0.0 };
                Ok((found.unwrap_or_default().into_iter().map(KllFloat::into_inner).collect(), error))
            }
        }
    }

    /// Why there are none.
    pub fn broken(&self) -> Option<&str> {
        match &self.held {
            Numbers::Few(_) => None,
            Numbers::Many(held) => held.whole().err(),
        }
    }

    pub fn size_bytes(&self) -> usize {
        3 + match &self.held {
            Numbers::Few(list) => 10 * list.len(),
            Numbers::Many(held) => held.size_bytes(),
        }
    }
}

/// The smallest number whose rank, itself included, reaches `rank`.
fn of_list(list: &[(f64, u64)], rank: f64) -> Option<f64> {
    let total: u64 = list.iter().fold(0, |sum, (_, times)| sum.saturating_add(*times));
    let wanted = rank * total as f64;
    let mut reached = 0u64;
    let found = list.iter().find(|(_, times)| {
        reached = reached.saturating_add(*times);
        reached as f64 >= wanted
    });
    found.or(list.last()).map(|(number, _)| *number)
}

fn promoted(k: u16, list: &[(f64, u64)]) -> Held<Kll> {
    let mut sum = empty(k);
    for (number, times) in list {
        if let Ok(item) = KllFloat::<f64>::new(*number) {
            sum.merge(repeated(k, item, *times));
        }
    }
    sum
}

/// One number so many times, by doubling: a million times are 20 merges.
fn repeated(k: u16, item: KllFloat<f64>, times: u64) -> Held<Kll> {
    let mut sum = empty(k);
    let mut power = empty(k);
    if let Held::Whole(sketch) = &mut power {
        sketch.update(item);
    }
    let mut left = times;
    while left > 0 {
        if left & 1 == 1 {
            sum.merge(power.clone());
        }
        left >>= 1;
        if left > 0 {
            power.merge(power.clone());
        }
    }
    sum
}

fn empty(k: u16) -> Held<Kll> {
    match Kll::new(k) {
        Ok(sketch) => Held::Whole(sketch),
        Err(error) => Held::Broken(error.to_string()),
    }
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

    /// Numbers in an order that is far from sorted and equal in every run: a multiplicative generator modulo 2^61 - 1.
    fn shuffled(n: u64) -> impl Iterator<Item = f64> {
        (1..=n).map(move |i| (i.wrapping_mul(2_862_933_555_777_941_757) % n) as f64)
    }

    fn of(numbers: impl Iterator<Item = f64>, k: u16) -> Quantiles {
        let mut quantiles = Quantiles::new(k);
        numbers.for_each(|n| quantiles.add(n));
        quantiles
    }

    /// The published error is kept by 99 of 100 sketches, which is 2.6 standard deviations. Compaction is random, so twice
    /// the error is what a test may ask for: five deviations, once in a million.
    fn check(what: &str, quantiles: &Quantiles, mut all: Vec<f64>) {
        all.sort_unstable_by(f64::total_cmp);
        let ranks = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99];
        let (found, error) = quantiles.at(&ranks).expect("whole");
        for (rank, number) in ranks.iter().zip(found) {
            let below = all.partition_point(|n| *n < number) as f64 / all.len() as f64;
            let upto = all.partition_point(|n| *n <= number) as f64 / all.len() as f64;
            let off = (below - rank).max(rank - upto).max(0.0);
            assert!(off <= 2.0 * error + 1e-9, "{what}: {number} at {rank} is off by {off}, published {error}");
        }
    }

    #[test]
    fn a_quantile_is_within_the_published_error_of_its_rank() {
        for k in [50, 200] {
            for n in [1, 30, 1_000, 100_000] {
                check(&format!("{n} numbers, k {k}"), &of(shuffled(n), k), shuffled(n).collect());
            }
        }
    }

    #[test]
    fn merging_keeps_the_error_whatever_is_merged_into_what() {
        let all: Vec<f64> = shuffled(60_000).collect();
        for chunk in [7, 31, 500, 20_000] {
            let mut merged = Quantiles::new(200);
            for (i, part) in all.chunks(chunk).enumerate() {
                let part = of(part.iter().copied(), 200);
                if i % 2 == 0 {
                    merged.merge(part);
                } else {
                    let rest = std::mem::replace(&mut merged, part);
                    merged.merge(rest);
                }
            }
            check(&format!("parts of {chunk}"), &merged, all.clone());
        }
    }

    #[test]
    fn few_numbers_are_exact_however_many_times_they_come() {
        let many = of((0..100_000).map(|i| f64::from(i % 10)), 200);
        assert_eq!(many.at(&[0.0, 0.1, 0.5, 0.95, 1.0]), Ok((vec![0.0, 0.0, 4.0, 9.0, 9.0], 0.0)));
        assert!(many.size_bytes() < 110);
        let mut more = many.clone();
        (0..40).for_each(|i| more.add(f64::from(i)));
        let all = (0..100_000).map(|i| f64::from(i % 10)).chain((0..40).map(f64::from)).collect();
        check("promoted", &more, all);
        assert_eq!(more.sketch().expect("whole").n(), 100_040);
    }

    #[test]
    fn what_is_no_number_is_not_added() {
        let numbers = of([f64::NAN, -0.0, 0.0, f64::INFINITY].into_iter(), 200);
        assert_eq!(numbers.at(&[0.5, 1.0]), Ok((vec![0.0, f64::INFINITY], 0.0)));
    }
}
