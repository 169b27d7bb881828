//! A distribution as ten bins: what they usually hold, and how far what they hold now lies from it.
//!
//! The population stability index of credit scoring, Σ (q - p) ln (q / p), and how it is distributed where nothing has changed:
//! Yurdakul and Naranjo, *Statistical properties of the population stability index* (Journal of Risk Model Validation, 2020). Beside it
//! the divergence of Jensen and Shannon (Lin 1991), 0 to 1.

use crate::engine::profile::field::Field;
use crate::engine::profile::frequent;
use crate::engine::profile::quantiles::Quantiles;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub const BINS: usize = 10;
/// Values before they are compared: those of several windows wait for each other.
pub const VALUES: u32 = 200;
/// Times that values were compared before anything is said of them.
pub const ENOUGH: u16 = 30;
/// The index beyond which a population has shifted, as credit scoring has it (Siddiqi 2006).
pub const SHIFTED: f64 = 0.2;
/// What was usual is a mean of so many comparisons.
const MEMORY: u16 = 500;
/// Standard deviations of the normal distribution that one of a million exceeds.
const RARE: f64 = 4.753;

/// 110 bytes at most.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Bins {
    cuts: Cuts,
    usual: [f32; BINS],
    compared: u16,
    /// How many values stand behind what is usual.
    weight: f32,
    waiting: [u32; BINS],
    /// The last comparison, where it found a shift.
    shift: Option<Shift>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Cuts {
    /// The deciles when it was first seen.
    Numbers([f32; BINS - 1]),
    /// The most frequent values then, as the first 4 bytes of their SHA-256; the last bin is of all others.
    Values([[u8; 4]; BINS - 1]),
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Shift {
    pub index: f32,
    pub threshold: f32,
    pub divergence: f32,
}

impl Bins {
    /// Cut by what a window holds; `None` where it holds too little, or nothing that may be counted.
    pub fn of(field: &Field) -> Option<Bins> {
        let enough = |n: u64| n >= VALUES.into();
        let cuts = match &field.quantiles {
            Some(numbers) if enough(field.kinds.integer + field.kinds.number) => {
                let ranks: [f64; BINS - 1] = std::array::from_fn(|i| (i + 1) as f64 / BINS as f64);
                let (at, _) = numbers.at(&ranks).ok()?;
                Cuts::Numbers(at.iter().map(|x| *x as f32).collect::<Vec<_>>().try_into().ok()?)
            }
            Some(_) => return None,
            None => {
                let held = field.values.frequent()?;
                let sketch = held.whole().ok().filter(|sketch| enough(sketch.total_weight()))?;
                let mut values = [[0; 4]; BINS - 1];
                for (value, often) in values.iter_mut().zip(frequent::most(sketch, BINS - 1)) {
                    *value = short(&often.value);
                }
                Cuts::Values(values)
            }
        };
        let (usual, waiting) = ([0.0; BINS], [0; BINS]);
        Some(Bins { cuts, usual, compared: 0, weight: 0.0, waiting, shift: None })
    }

    /// Takes what a window holds. Whether it was enough for a comparison.
    pub fn see(&mut self, field: &Field) {
        let Some(counts) = self.counts(field) else { return };
        for (waiting, count) in self.waiting.iter_mut().zip(counts) {
            *waiting = waiting.saturating_add(count.min(u32::MAX.into()) as u32);
        }
        let values = self.waiting.iter().fold(0, |sum: u32, n| sum.saturating_add(*n));
        if values >= VALUES {
            self.compare(f64::from(values));
        }
    }

    /// How it is shifted, as of the last comparison.
    pub fn shift(&self) -> Option<Shift> {
        self.shift
    }

    pub fn is_known(&self) -> bool {
        self.compared >= ENOUGH
    }

    fn compare(&mut self, values: f64) {
        let waiting = std::mem::take(&mut self.waiting);
        let share = waiting.map(|n| f64::from(n) / values);
        let weight = f64::from(self.weight);
        self.shift = None;
        if self.is_known() {
            // Half a value in each bin, so that none is empty.
            let filled = |share: f64, of: f64| (share * of + 0.5) / (of + 0.5 * BINS as f64);
            let pairs: Vec<(f64, f64)> =
                self.usual.iter().zip(share).map(|(p, q)| (filled(f64::from(*p), weight), filled(q, values))).collect();
            let index: f64 = pairs.iter().map(|(p, q)| (q - p) * (q / p).ln()).sum();
            let bins = self.usual.iter().zip(share).filter(|(p, q)| **p > 0.0 || *q > 0.0).count();
            let threshold = SHIFTED.max(by_chance(bins.saturating_sub(1).max(1)) * (1.0 / values + 1.0 / weight));
            if index > threshold {
                let divergence = divergence(&pairs) as f32;
                self.shift = Some(Shift { index: index as f32, threshold: threshold as f32, divergence });
            }
        }
        self.compared = self.compared.saturating_add(1).min(MEMORY);
        let part = 1.0 / f64::from(self.compared);
        for (usual, now) in self.usual.iter_mut().zip(share) {
            *usual = (f64::from(*usual) * (1.0 - part) + now * part) as f32;
        }
        let kept = if self.compared < MEMORY { 1.0 } else { 1.0 - part };
        self.weight = (weight * kept + values) as f32;
    }

    fn counts(&self, field: &Field) -> Option<[u64; BINS]> {
        match &self.cuts {
            Cuts::Numbers(cuts) => {
                let numbers: &Quantiles = field.quantiles.as_ref()?;
                let total = (field.kinds.integer + field.kinds.number) as f64;
                let ranks = numbers.ranks(&cuts.map(f64::from)).ok()?;
                let mut below = 0.0;
                let ends = ranks.into_iter().chain([1.0]);
                let count = |end: f64| ((end - std::mem::replace(&mut below, end)).max(0.0) * total).round() as u64;
                ends.map(count).collect::<Vec<_>>().try_into().ok()
            }
            Cuts::Values(values) => {
                let held = field.values.frequent()?;
                let sketch = held.whole().ok()?;
                let mut counts = [0; BINS];
                // Every value that it counts: a map has at most 64.
                for often in frequent::most(sketch, 64) {
                    let hash = short(&often.value);
                    if let Some(bin) = values.iter().position(|value| *value == hash) {
                        counts[bin] += often.lower.midpoint(often.upper);
                    }
                }
                let named: u64 = counts.iter().sum();
                counts[BINS - 1] = sketch.total_weight().saturating_sub(named);
                Some(counts)
            }
        }
    }
}

/// What a chi-squared of so many degrees of freedom exceeds at most once in a million times (Wilson and Hilferty 1931).
fn by_chance(degrees: usize) -> f64 {
    let k = degrees as f64;
    let root = 1.0 - 2.0 / (9.0 * k) + RARE * (2.0 / (9.0 * k)).sqrt();
    k * root.powi(3)
}

/// In bits: 0 for equal ones, 1 for those that share nothing.
fn divergence(pairs: &[(f64, f64)]) -> f64 {
    let half = |x: f64, m: f64| if x > 0.0 { x * (x / m).log2() } else { 0.0 };
    pairs.iter().map(|(p, q)| (half(*p, (p + q) / 2.0) + half(*q, (p + q) / 2.0)) / 2.0).sum()
}

fn short(value: &str) -> [u8; 4] {
    let digest = Sha256::digest(value.as_bytes());
    [digest[0], digest[1], digest[2], digest[3]]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bounds_of_chance_are_on_the_safe_side() {
        // What a chi-squared of so many degrees of freedom exceeds once in a million times, by its incomplete gamma function.
        for (degrees, exact) in [(1, 23.93), (5, 35.89), (9, 44.81)] {
            let bound = by_chance(degrees);
            assert!(exact <= bound && bound <= 1.16 * exact, "{degrees}: {bound} of {exact}");
        }
    }

    #[test]
    fn divergence_is_nothing_of_what_is_equal_and_a_bit_of_what_shares_nothing() {
        assert_eq!(divergence(&[(0.5, 0.5), (0.5, 0.5)]), 0.0);
        assert_eq!(divergence(&[(1.0, 0.0), (0.0, 1.0)]), 1.0);
    }
}
