//! A sketch among counters: written as Apache DataSketches' own bytes, and where they cannot be read, the reason.

use datasketches::hll::{HllSketch, HllType, HllUnion};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A sketch that any Apache DataSketches can read.
pub trait Sketch: Sized + Clone + std::fmt::Debug {
    fn to_bytes(&self) -> Vec<u8>;
    /// The error says what is wrong with the bytes.
    fn of_bytes(bytes: &[u8]) -> Result<Self, String>;
    /// Adds what the other has seen.
    fn merge(&mut self, other: &Self) -> Result<(), String>;
    /// What `to_bytes` will be long, roughly, without making it.
    fn size_bytes(&self) -> usize;
}

/// A sketch, or why there is none any more. A broken one stays so whatever is merged: half a stream's estimate would
/// be a wrong one.
#[derive(Clone, Debug)]
pub enum Held<S> {
    Whole(S),
    Broken(String),
}

impl<S: Sketch> Held<S> {
    pub fn merge(&mut self, other: Held<S>) {
        let failed = match (&mut *self, other) {
            (Held::Broken(_), _) => return,
            (Held::Whole(mine), Held::Whole(other)) => mine.merge(&other).err(),
            (Held::Whole(_), Held::Broken(reason)) => Some(reason),
        };
        if let Some(reason) = failed {
            *self = Held::Broken(reason);
        }
    }

    pub fn whole(&self) -> Result<&S, &str> {
        match self {
            Held::Whole(sketch) => Ok(sketch),
            Held::Broken(reason) => Err(reason),
        }
    }

    pub fn size_bytes(&self) -> usize {
        match self {
            Held::Whole(sketch) => 3 + sketch.size_bytes(),
            Held::Broken(reason) => 2 + reason.len(),
        }
    }
}

/// The same bytes; two sketches of one stream may differ, for their compaction is random.
impl<S: Sketch> PartialEq for Held<S> {
    fn eq(&self, other: &Held<S>) -> bool {
        match (self, other) {
            (Held::Whole(a), Held::Whole(b)) => a.to_bytes() == b.to_bytes(),
            (Held::Broken(a), Held::Broken(b)) => a == b,
            _ => false,
        }
    }
}

impl<S: Sketch> Serialize for Held<S> {
    fn serialize<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
        let written: Result<Vec<u8>, &str> = self.whole().map(S::to_bytes);
        written.serialize(serializer)
    }
}

impl<'de, S: Sketch> Deserialize<'de> for Held<S> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Held<S>, D::Error> {
        Ok(match Result::<Vec<u8>, String>::deserialize(deserializer)? {
            Ok(bytes) => match S::of_bytes(&bytes) {
                Ok(sketch) => Held::Whole(sketch),
                Err(reason) => Held::Broken(reason),
            },
            Err(reason) => Held::Broken(reason),
        })
    }
}

/// Bytes that ask for more registers than any sketch of ours are refused before they are allocated: 2^18 are 256 KiB.
const LG_K_MAX: u8 = 18;
/// Where an HLL sketch's bytes say its lg_k.
const LG_K_AT: usize = 3;
/// Where they say what all registers are at least. The library shifts by it, and by 15 more.
const LEAST_AT: usize = 6;
const LEAST_MAX: u8 = 48;
/// Where they say whether there are registers, in the lowest two bits, and of how many bits, in the next two.
const MODE_AT: usize = 7;
const MODE_REGISTERS: u8 = 2;

/// Of so many registers, one byte each.
pub fn hll(lg_k: u8) -> Held<HllSketch> {
    match HllSketch::new(lg_k, HllType::Hll8) {
        Ok(sketch) => Held::Whole(sketch),
        Err(error) => Held::Broken(error.to_string()),
    }
}

impl Sketch for HllSketch {
    /// Counted in bytes, which is fast, and written in half bytes, which is small.
    fn to_bytes(&self) -> Vec<u8> {
        match HllUnion::new(self.lg_config_k()) {
            Ok(mut union) => {
                union.update(self);
                union.to_sketch(HllType::Hll4).serialize()
            }
            Err(_) => self.serialize(),
        }
    }

    fn of_bytes(bytes: &[u8]) -> Result<HllSketch, String> {
        if bytes.get(LG_K_AT).is_some_and(|lg_k| *lg_k > LG_K_MAX) {
            return Err(format!("an HLL sketch has at most lg_k {LG_K_MAX}"));
        }
        let registers = bytes.get(MODE_AT).is_some_and(|mode| mode & 3 == MODE_REGISTERS);
        let half_bytes = bytes.get(MODE_AT).is_some_and(|mode| mode >> 2 & 3 == 0);
        if registers && !(half_bytes && bytes.get(LEAST_AT).is_some_and(|least| *least <= LEAST_MAX)) {
            return Err(format!("an HLL sketch has registers of half a byte, none below 2^{LEAST_MAX}"));
        }
        HllSketch::deserialize(bytes).map_err(|e| format!("an HLL sketch cannot be read: {e}"))
    }

    fn merge(&mut self, other: &HllSketch) -> Result<(), String> {
        let mut union = HllUnion::new(self.lg_config_k()).map_err(|e| e.to_string())?;
        union.update(self);
        union.update(other);
        *self = union.to_sketch(HllType::Hll8);
        Ok(())
    }

    fn size_bytes(&self) -> usize {
        // While it is a list or a set: 4 bytes a value, up to an eighth of the registers; then half a byte a register,
        // and a tenth more for registers that half a byte does not hold.
        let registers = 1usize << self.lg_config_k();
        let values = self.estimate() as usize;
        if values < registers / 8 { 12 + 4 * values } else { 40 + registers / 2 + registers / 20 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::profile::frequent::Frequent;
    use crate::engine::profile::kll::Kll;
    use datasketches::kll::KllFloat;
    use proptest::prelude::*;

    fn of(range: std::ops::Range<u64>) -> HllSketch {
        let mut sketch = HllSketch::new(12, HllType::Hll8).expect("12");
        range.for_each(|n| sketch.update(n));
        sketch
    }

    #[test]
    fn a_sketch_is_written_small_and_says_the_same() {
        for values in [0, 1, 5, 300, 511, 513, 5_000, 200_000] {
            let sketch = of(0..values);
            let bytes = sketch.to_bytes();
            let read = HllSketch::of_bytes(&bytes).expect("its own bytes");
            assert!((read.estimate() - sketch.estimate()).abs() <= 1e-6 * sketch.estimate(), "{values}");
            assert!(bytes.len() <= sketch.size_bytes() * 5 / 4 + 16, "{values}: {} bytes", bytes.len());
            assert!(bytes.len() <= 2_400, "{values}: {} bytes", bytes.len());
        }
    }

    #[test]
    fn merged_registers_are_those_of_the_whole_in_any_order() {
        let parts: Vec<HllSketch> = [0..40_000, 20_000..90_000, 5..10, 7..1_000].map(of).to_vec();
        let merged = |order: [usize; 4]| {
            let mut sum = of(0..0);
            order.into_iter().for_each(|i| sum.merge(&parts[i]).expect("one size"));
            sum.estimate()
        };
        let (a, b) = (merged([0, 1, 2, 3]), merged([3, 1, 0, 2]));
        assert!((a - b).abs() < 1e-6 * a, "{a} {b}");
        // Three standard errors of 1.04 / sqrt(4096).
        assert!((a - 90_000.0).abs() <= 3.0 * 0.01625 * 90_000.0, "{a}");
    }

    fn broken<S: Sketch>(mut bytes: Vec<u8>, edits: &[(usize, u8)], cut: usize) {
        bytes.truncate(bytes.len() - cut.min(bytes.len()));
        for (at, byte) in edits {
            let len = bytes.len().max(1);
            if let Some(place) = bytes.get_mut(at % len) {
                *place = *byte;
            }
        }
        let wire = postcard::to_stdvec(&Ok::<Vec<u8>, String>(bytes)).expect("plain data");
        let mut held: Held<S> = postcard::from_bytes(&wire).expect("broken bytes are no error of the message");
        held.merge(held.clone());
        held.size_bytes();
        assert_eq!(held.clone(), held);
    }

    proptest! {
        #[test]
        fn bytes_that_are_no_sketch_break_that_sketch_alone(
            edits in proptest::collection::vec((0usize..64, any::<u8>()), 0..4), cut in 0usize..40, n in 0u64..2_000,
        ) {
            broken::<HllSketch>(of(0..n).to_bytes(), &edits, cut);
            let mut kll = Kll::new(50).expect("50");
            (0..n).for_each(|x| kll.update(KllFloat::<f64>::new(x as f64).expect("a number")));
            broken::<Kll>(kll.to_bytes(), &edits, cut);
            let mut frequent = Frequent::new(16).expect("16");
            (0..n).for_each(|x| frequent.update(format!("v{}", x % 40)));
            broken::<Frequent>(frequent.to_bytes(), &edits, cut);
        }
    }

    #[test]
    fn a_broken_sketch_stays_broken_and_says_why() {
        let wire = postcard::to_stdvec(&Ok::<Vec<u8>, String>(vec![1, 2, 3])).expect("plain data");
        let mut held: Held<HllSketch> = postcard::from_bytes(&wire).expect("a message");
        held.merge(Held::Whole(of(0..5)));
        assert!(held.whole().is_err_and(|reason| reason.contains("cannot be read")), "{held:?}");
        let mut whole = Held::Whole(of(0..5));
        whole.merge(held.clone());
        assert_eq!(whole, held);
    }
}
