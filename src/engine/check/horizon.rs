//! Keys that were seen lately: which of a window's keys stood in one of the windows before it, up to a horizon.
//!
//! Exact up to `EXACT_MAX` keys; beyond it a row of split block Bloom filters, one for each eighth of the horizon, so that the
//! oldest goes as a whole. The filters' error is not assumed: it is read off their bits.

use crate::engine::check::keys::{Distinct, Keys, MAX_KEYS, Rows};
use crate::engine::contract::relation::Side;
use rustc_hash::{FxHashMap, FxHashSet};
use std::collections::BTreeMap;

/// Milliseconds since 1970, or a span of them.
type Ms = i64;

/// Keys of one rule that are remembered one by one: 2^21 places of a hash table, of which 7 in 8 are used, of 17 bytes
/// each are 36 MB.
pub const EXACT_MAX: usize = (1 << 21) / 8 * 7;

/// A filter's eighths: a key is remembered for the horizon, and for an eighth of it more at most.
const SLICES: i64 = 8;

/// Blocks of 32 bytes in a slice: 8 MiB. With nine slices a rule holds 72 MiB, and at 50 million keys a horizon, 10.7 bits
/// a key, some 8 % of new keys are taken for old ones.
const BLOCKS: usize = 1 << 18;

/// Records that could not be read: 2^17 places of 17 bytes are 2 MB, and who refers to any of so many is known by nobody.
const UNREAD_MAX: usize = 100_000;

/// What one rule remembers.
#[derive(Debug)]
pub struct Seen {
    span_ms: Ms,
    held: Held,
    /// Records that may be referred to and could not be read, with the start of their window.
    unread: FxHashMap<u64, Ms>,
    /// Keys of windows that ended by then are not wholly known, and why.
    gap: Option<(Ms, String)>,
    /// What is too old was last looked for so far.
    swept_ms: Ms,
}

#[derive(Debug)]
enum Held {
    /// By key the start of the last window that held it.
    Exact(FxHashMap<u64, Ms>),
    /// By number: the start of a window, divided by an eighth of the horizon.
    Slices(BTreeMap<i64, Filter>),
}

impl Seen {
    /// Remembers windows that begin within `span_ms` before another's end.
    pub fn over(span_ms: Ms) -> Seen {
        Seen {
            span_ms: span_ms.max(1),
            held: Held::Exact(FxHashMap::default()),
            unread: FxHashMap::default(),
            gap: None,
            swept_ms: Ms::MIN,
        }
    }

    /// Of a window's distinct keys those that another window within the horizon held. The error says why nobody knows.
    /// The window's own keys are not among what is remembered: `learn` them afterwards.
    pub fn repeated(&self, keys: Option<&Keys>, start_ms: Ms, end_ms: Ms) -> Result<Rows, String> {
        let from = end_ms.saturating_sub(self.span_ms);
        if let Some((gap_ms, why)) = self.gap.as_ref().filter(|(gap_ms, _)| *gap_ms > from) {
            return Err(format!("keys of windows before {} are not known: {why}", moment(*gap_ms)));
        }
        let keys = match keys {
            None => return Ok(Rows::exact(0)),
            Some(Keys::Exact(keys)) => keys,
            Some(Keys::Many(_)) => return Err(too_many()),
        };
        match &self.held {
            Held::Exact(all) => {
                // A window that comes late may stand before others that hold its keys.
                let near = from..start_ms.saturating_add(self.span_ms);
                let held = |key: &u64| all.get(key).is_some_and(|at| near.contains(at));
                Ok(Rows::exact(keys.iter().filter(held).count() as u64))
            }
            Held::Slices(slices) => {
                let (first, last) = (self.slice(from), self.slice(start_ms.saturating_add(self.span_ms)));
                let near: Vec<&Filter> = slices.range(first..=last).map(|(_, filter)| filter).collect();
                let hits = keys.iter().filter(|key| near.iter().any(|filter| filter.may_hold(*key))).count();
                let miss = near.iter().map(|filter| 1.0 - filter.false_positive()).product::<f64>();
                Ok(among(hits as f64, keys.len() as f64, 1.0 - miss))
            }
        }
    }

    /// Of the distinct references among a window's marked keys those whose key stands neither in the window nor in one within
    /// the horizon. A filter may hide some, and each record that could not be read may hold the key of one.
    pub fn orphans(&self, keys: Option<&Keys>, start_ms: Ms, end_ms: Ms) -> Result<Rows, String> {
        let Sides { refer, referred, unread } = sides(keys)?;
        let here: FxHashSet<u64> = referred.iter().collect();
        let elsewhere: Vec<u64> =
            refer.iter().map(|key| Side::IsReferredTo.mark(key)).filter(|key| !here.contains(key)).collect();
        let count = elsewhere.len() as f64;
        let held = self.repeated(Some(&Keys::Exact(sorted(elsewhere))), start_ms, end_ms)?;
        let here: FxHashSet<u64> = unread.iter().collect();
        let near = end_ms.saturating_sub(self.span_ms)..start_ms.saturating_add(self.span_ms);
        let before = self.unread.iter().filter(|(place, at)| near.contains(*at) && !here.contains(*place)).count();
        let low = count - held.high - (here.len() + before) as f64;
        Ok(Rows { value: count - held.value, low: low.max(0.0), high: count - held.low })
    }

    /// Remembers which keys may be referred to, and what might hold others.
    pub fn learn_referred(&mut self, keys: Option<&Keys>, start_ms: Ms, end_ms: Ms) {
        let Sides { referred, unread, .. } = match sides(keys) {
            Ok(sides) => sides,
            Err(why) => return self.lose(end_ms, why),
        };
        self.learn(Some(&Keys::Exact(referred)), start_ms, end_ms);
        for place in unread.iter() {
            let at = self.unread.entry(place).or_insert(start_ms);
            *at = start_ms.max(*at);
        }
        if self.unread.len() > UNREAD_MAX {
            self.unread = FxHashMap::default();
            self.lose(end_ms, format!("more than {UNREAD_MAX} records that are referred to could not be read"));
        }
    }

    /// Remembers a window's keys; to say so twice is to say it once.
    pub fn learn(&mut self, keys: Option<&Keys>, start_ms: Ms, end_ms: Ms) {
        match keys {
            None => {}
            Some(Keys::Many(_)) => self.lose(end_ms, too_many()),
            Some(Keys::Exact(keys)) => {
                for key in keys.iter() {
                    self.insert(key, start_ms);
                }
            }
        }
    }

    /// Keys of windows that ended by `until_ms` are not wholly known.
    pub fn lose(&mut self, until_ms: Ms, why: impl Into<String>) {
        if self.gap.as_ref().is_none_or(|(known, _)| *known < until_ms) {
            self.gap = Some((until_ms, why.into()));
        }
    }

    /// Forgets what no window that ends after `now_ms` needs. It looks through all of them, and so once in an eighth of the
    /// horizon alone.
    pub fn forget(&mut self, now_ms: Ms) {
        if now_ms.saturating_sub(self.swept_ms) < self.span_ms / SLICES && self.swept_ms != Ms::MIN {
            return;
        }
        self.swept_ms = now_ms;
        self.sweep(now_ms.saturating_sub(self.span_ms));
    }

    /// Keys, or of filters how often one was put in.
    pub fn len(&self) -> u64 {
        match &self.held {
            Held::Exact(all) => all.len() as u64,
            Held::Slices(slices) => slices.values().map(|filter| filter.keys).sum(),
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    pub fn size_bytes(&self) -> usize {
        let held = match &self.held {
            Held::Exact(all) => all.capacity() * 8 / 7 * 17,
            Held::Slices(slices) => slices.len() * BLOCKS * size_of::<Block>(),
        };
        held + self.unread.capacity() * 8 / 7 * 17
    }

    fn insert(&mut self, key: u64, start_ms: Ms) {
        let slice = self.slice(start_ms);
        match &mut self.held {
            Held::Exact(all) => {
                let at = all.entry(key).or_insert(start_ms);
                *at = start_ms.max(*at);
                if all.len() > EXACT_MAX {
                    self.outgrow(start_ms);
                }
            }
            Held::Slices(slices) => slices.entry(slice).or_insert_with(Filter::new).insert(key),
        }
    }

    /// More than are remembered one by one, even without those that are too old.
    fn outgrow(&mut self, now_ms: Ms) {
        self.sweep(now_ms.saturating_sub(self.span_ms));
        // Room for a good many more, or the next key would look through all of them again.
        let Held::Exact(all) = &mut self.held else { return };
        if all.len() <= EXACT_MAX / 8 * 7 {
            return;
        }
        let mut slices: BTreeMap<i64, Filter> = BTreeMap::new();
        let width = self.span_ms.div_euclid(SLICES).max(1);
        for (key, at) in std::mem::take(all) {
            slices.entry(at.div_euclid(width)).or_insert_with(Filter::new).insert(key);
        }
        self.held = Held::Slices(slices);
    }

    fn sweep(&mut self, before_ms: Ms) {
        let first = self.slice(before_ms);
        self.unread.retain(|_, at| *at >= before_ms);
        match &mut self.held {
            Held::Exact(all) => {
                all.retain(|_, at| *at >= before_ms);
                if all.capacity() / 4 > all.len() {
                    all.shrink_to(all.len() * 2);
                }
            }
            Held::Slices(slices) => {
                *slices = slices.split_off(&first);
                if slices.is_empty() {
                    self.held = Held::Exact(FxHashMap::default());
                }
            }
        }
    }

    fn slice(&self, at_ms: Ms) -> i64 {
        at_ms.div_euclid(self.span_ms.div_euclid(SLICES).max(1))
    }
}

/// Marked keys, side by side.
struct Sides {
    refer: Distinct,
    referred: Distinct,
    unread: Distinct,
}

fn sides(keys: Option<&Keys>) -> Result<Sides, String> {
    let (mut refer, mut referred, mut unread) = (Vec::new(), Vec::new(), Vec::new());
    match keys {
        None => {}
        Some(Keys::Many(_)) => return Err(too_many()),
        Some(Keys::Exact(keys)) => keys.iter().for_each(|key| match Side::of(key) {
            Side::Refers => refer.push(key),
            Side::IsReferredTo => referred.push(key),
            Side::Unread => unread.push(key),
        }),
    }
    Ok(Sides { refer: sorted(refer), referred: sorted(referred), unread: sorted(unread) })
}

fn sorted(mut keys: Vec<u64>) -> Distinct {
    keys.sort_unstable();
    Distinct::of(keys)
}

fn too_many() -> String {
    format!("a window held more than {MAX_KEYS} keys, which are not remembered one by one")
}

/// As it is told in reasons.
pub fn moment(ms: Ms) -> String {
    jiff::Timestamp::from_millisecond(ms).map_or_else(|_| format!("{ms} ms"), |at| at.to_string())
}

/// How many of `hits` are old keys, where each of `keys` that is new is a hit with this probability. Of the false ones there
/// are as many as a Poisson distribution of their mean allows with 99.865 %, which are three standard deviations of a normal one.
fn among(hits: f64, keys: f64, false_positive: f64) -> Rows {
    let expected = keys * false_positive;
    let value = ((hits - expected) / (1.0 - false_positive).max(f64::MIN_POSITIVE)).clamp(0.0, hits).round();
    let low = (hits - most_of(expected)).max(0.0);
    Rows { value: value.max(low), low, high: hits }
}

/// The smallest number that a Poisson distribution of this mean exceeds with a probability of 0.135 % at most.
fn most_of(mean: f64) -> f64 {
    const TAIL: f64 = 0.001_35;
    if mean > 100.0 {
        // Its own approximation by a normal distribution, with one more for its skew.
        return (mean + 3.0 * mean.sqrt() + 1.0).ceil();
    }
    let (mut most, mut one) = (0.0, (-mean).exp());
    let mut up_to = one;
    while 1.0 - up_to > TAIL {
        most += 1.0;
        one *= mean / most;
        up_to += one;
    }
    most
}

/// 256 bits: one of each word's 32 is a key's.
type Block = [u32; 8];

/// A split block Bloom filter (Putze, Sanders, Singler: Cache-, Hash- and Space-Efficient Bloom Filters, 2007), with the block
/// and the salts of Apache Parquet's specification. A key is a hash already.
#[derive(Debug)]
struct Filter {
    blocks: Box<[Block]>,
    keys: u64,
}

const SALTS: Block =
    [0x47b6_137b, 0x4497_4d91, 0x8824_ad5b, 0xa2b7_289d, 0x7054_95c7, 0x2df1_424b, 0x9efc_4947, 0x5c6b_fb31];

impl Filter {
    fn new() -> Filter {
        Filter { blocks: vec![[0; 8]; BLOCKS].into_boxed_slice(), keys: 0 }
    }

    fn place(key: u64) -> (usize, Block) {
        let block = ((key >> 32) * BLOCKS as u64) >> 32;
        (block as usize, SALTS.map(|salt| 1 << ((key as u32).wrapping_mul(salt) >> 27)))
    }

    fn insert(&mut self, key: u64) {
        let (place, bits) = Filter::place(key);
        if let Some(block) = self.blocks.get_mut(place) {
            block.iter_mut().zip(bits).for_each(|(word, bit)| *word |= bit);
            self.keys += 1;
        }
    }

    fn may_hold(&self, key: u64) -> bool {
        let (place, bits) = Filter::place(key);
        self.blocks.get(place).is_some_and(|block| block.iter().zip(bits).all(|(word, bit)| word & bit != 0))
    }

    /// The probability that a key that was never put in seems to be: of each block the chance that eight random bits, one in
    /// each word, are set.
    fn false_positive(&self) -> f64 {
        let of = |block: &Block| block.iter().map(|word| f64::from(word.count_ones()) / 32.0).product::<f64>();
        self.blocks.iter().map(of).sum::<f64>() / BLOCKS as f64
    }
}

#[cfg(test)]
mod tests;
