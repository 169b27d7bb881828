//! Exact sums: whatever the order, the same bits.
//!
//! A double is a whole multiple of 2^-1074, so a sum of doubles is one too: a whole number of 2,098 bits, and 64 more for how many
//! there are (R. M. Neal, *Fast exact summation using small and large superaccumulators*, 2015). It is held in limbs of 32
//! bits, each with room for carries.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// (2098 + 64) / 32, rounded up.
const LIMBS: usize = 68;
const LIMB_BITS: u32 = 32;
/// A limb takes so many additions of 32 bits, and itself, before carries must be passed on: 2^31 of 2^32 are 2^63.
const ADDITIONS_MAX: u32 = 1 << 30;

/// A sum of numbers, and how many they were.
#[derive(Clone, Debug, Default)]
pub struct Sum {
    pub count: u64,
    /// Of whole numbers: 2^63 of 64 bits fit.
    whole: i128,
    doubles: Option<Box<Doubles>>,
}

#[derive(Clone, Debug)]
struct Doubles {
    /// In two's complement: the last has the sign.
    limbs: [i64; LIMBS],
    additions: u32,
    /// What has no place in them: infinities, and what they come to.
    beyond: f64,
}

/// As it is written: what is not zero, by number.
#[derive(Serialize, Deserialize)]
struct Written {
    count: u64,
    whole: i128,
    limbs: Vec<(u8, i64)>,
    beyond: f64,
}

impl Sum {
    pub fn add_whole(&mut self, number: i128) {
        self.count += 1;
        self.whole += number;
    }

    pub fn add_double(&mut self, number: f64) {
        self.count += 1;
        self.doubles.get_or_insert_default().add(number);
    }

    pub fn merge(&mut self, other: &Sum) {
        self.count += other.count;
        self.whole += other.whole;
        if let Some(other) = &other.doubles {
            self.doubles.get_or_insert_default().merge(other);
        }
    }

    /// `None`: there was no number.
    pub fn total(&self) -> Option<f64> {
        let doubles = self.doubles.as_ref().map_or(0.0, |doubles| doubles.total());
        (self.count > 0).then_some(self.whole as f64 + doubles)
    }

    pub fn weight_bytes(&self) -> usize {
        // Of most sums a handful of limbs is not zero.
        16 + self.doubles.as_ref().map_or(0, |doubles| 7 * doubles.limbs.iter().filter(|limb| **limb != 0).count())
    }

    fn written(&self) -> Written {
        let doubles = self.doubles.as_ref().map(|doubles| doubles.settled());
        let limbs = doubles.iter().flat_map(|doubles| doubles.limbs.iter().enumerate());
        Written {
            count: self.count,
            whole: self.whole,
            limbs: limbs.filter(|(_, limb)| **limb != 0).map(|(i, limb)| (i as u8, *limb)).collect(),
            beyond: doubles.as_ref().map_or(0.0, |doubles| doubles.beyond),
        }
    }
}

impl Default for Doubles {
    fn default() -> Doubles {
        Doubles { limbs: [0; LIMBS], additions: 0, beyond: 0.0 }
    }
}

impl Doubles {
    fn add(&mut self, number: f64) {
        if !number.is_finite() {
            self.beyond += number;
            return;
        }
        let bits = number.to_bits();
        let exponent = ((bits >> 52) & 0x7ff) as u32;
        let fraction = bits & ((1 << 52) - 1);
        // Below the smallest normal number there is no leading one, and the exponent counts from the same place.
        let (mantissa, place) = if exponent == 0 { (fraction, 0) } else { (fraction | 1 << 52, exponent - 1) };
        let (limb, shift) = ((place / LIMB_BITS) as usize, place % LIMB_BITS);
        let mut left = u128::from(mantissa) << shift;
        for limb in &mut self.limbs[limb..] {
            if left == 0 {
                break;
            }
            let part = (left & 0xffff_ffff) as i64;
            *limb += if number < 0.0 { -part } else { part };
            left >>= LIMB_BITS;
        }
        self.additions += 1;
        if self.additions >= ADDITIONS_MAX {
            *self = self.settled();
        }
    }

    fn merge(&mut self, other: &Doubles) {
        *self = self.settled();
        let other = other.settled();
        self.limbs.iter_mut().zip(&other.limbs).for_each(|(limb, other)| *limb += other);
        self.beyond += other.beyond;
        *self = self.settled();
    }

    /// Each limb but the last within 32 bits: equal sums have equal limbs.
    fn settled(&self) -> Doubles {
        let mut settled = Doubles { additions: 0, ..self.clone() };
        let mut carry = 0;
        for (i, limb) in settled.limbs.iter_mut().enumerate() {
            *limb += carry;
            if i + 1 < LIMBS {
                carry = *limb >> LIMB_BITS;
                *limb &= 0xffff_ffff;
            }
        }
        settled
    }

    fn total(&self) -> f64 {
        if self.beyond != 0.0 {
            return self.beyond;
        }
        let mut settled = self.settled();
        let negative = settled.limbs[LIMBS - 1] < 0;
        if negative {
            settled.limbs.iter_mut().for_each(|limb| *limb = -*limb);
            settled = settled.settled();
        }
        // From the smallest, so that what is below the last bit rounds once; at most three limbs matter to it.
        let highest = settled.limbs.iter().rposition(|limb| *limb != 0).unwrap_or(0);
        let lowest = highest.saturating_sub(3);
        let mut total = 0.0;
        for (i, limb) in settled.limbs.iter().enumerate().take(highest + 1).skip(lowest) {
            total += scaled(*limb as f64, i as i32 * LIMB_BITS as i32 - 1074);
        }
        if negative { -total } else { total }
    }
}

/// `number` × 2^`exponent`, in two steps: one alone may leave a double's range on the way.
fn scaled(number: f64, exponent: i32) -> f64 {
    let half = exponent / 2;
    number * 2f64.powi(half) * 2f64.powi(exponent - half)
}

impl PartialEq for Sum {
    fn eq(&self, other: &Sum) -> bool {
        let (a, b) = (self.written(), other.written());
        // A sum that is no number is equal to itself.
        (a.count, a.whole, a.limbs, a.beyond.to_bits()) == (b.count, b.whole, b.limbs, b.beyond.to_bits())
    }
}

impl Serialize for Sum {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.written().serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Sum {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Sum, D::Error> {
        let Written { count, whole, limbs, beyond } = Written::deserialize(deserializer)?;
        let mut sum = Sum { count, whole, doubles: None };
        if !limbs.is_empty() || beyond != 0.0 {
            let mut doubles = Box::new(Doubles { beyond, ..Doubles::default() });
            for (i, limb) in limbs {
                match doubles.limbs.get_mut(usize::from(i)) {
                    Some(known) => *known = limb,
                    None => return Err(serde::de::Error::custom("a sum has more limbs than any")),
                }
            }
            sum.doubles = Some(doubles);
        }
        Ok(sum)
    }
}

#[cfg(test)]
mod tests {
    use super::Sum;
    use proptest::prelude::*;

    fn sum(numbers: &[f64]) -> Sum {
        let mut sum = Sum::default();
        numbers.iter().for_each(|number| sum.add_double(*number));
        sum
    }

    #[test]
    fn sums_are_exact_where_doubles_round() {
        for (numbers, total) in [
            (&[0.1, 0.2, -0.3][..], 0.1 + 0.2 - 0.3),
            (&[1e16, 1.0, -1e16], 1.0),
            (&[1e300, 1.0, 1e-300, -1e300, -1.0], 1e-300),
            (&[f64::MAX, f64::MAX, -f64::MAX], f64::MAX),
            (&[5e-324, 5e-324], 1e-323),
            (&[-1.5, -2.5], -4.0),
            (&[f64::INFINITY, 1.0], f64::INFINITY),
            (&[0.0, -0.0], 0.0),
        ] {
            let found = sum(numbers).total();
            // 0.1 + 0.2 - 0.3 is 2^-55 to be exact, and half of what doubles make of it.
            let right = found == Some(total) || numbers[0] == 0.1 && found == Some(total / 2.0);
            assert!(right, "{numbers:?}: {found:?}");
        }
        assert!(sum(&[f64::INFINITY, f64::NEG_INFINITY]).total().is_some_and(f64::is_nan));
        assert_eq!(Sum::default().total(), None);
        let mut whole = sum(&[0.5]);
        (0..3).for_each(|_| whole.add_whole(i128::from(i64::MAX)));
        assert_eq!((whole.count, whole.total()), (4, Some(3.0 * 2f64.powi(63))));
    }

    proptest! {
        #[test]
        fn sums_are_the_same_in_any_order_and_survive_the_wire(
            mut numbers in proptest::collection::vec(any::<f64>().prop_filter("a number", |n| n.is_finite()), 0..60),
            cut in 0usize..60,
        ) {
            let whole = sum(&numbers);
            let (a, b) = numbers.split_at(cut.min(numbers.len()));
            let (mut ab, mut ba) = (sum(a), sum(b));
            let (a, b) = (ab.clone(), ba.clone());
            ab.merge(&b);
            ba.merge(&a);
            prop_assert_eq!(&ab, &whole);
            prop_assert_eq!(&ba, &whole);
            prop_assert_eq!(ab.total(), whole.total());
            numbers.reverse();
            prop_assert_eq!(&sum(&numbers), &whole);
            let bytes = postcard::to_stdvec(&whole).expect("plain data");
            prop_assert_eq!(&postcard::from_bytes::<Sum>(&bytes).expect("its own bytes"), &whole);
            // Near what doubles make of it, where they do not cancel.
            let (plain, magnitude): (f64, f64) = (numbers.iter().sum(), numbers.iter().map(|n| n.abs()).sum());
            if let Some(total) = whole.total().filter(|_| magnitude.is_finite()) {
                prop_assert!((total - plain).abs() <= magnitude * 1e-13, "{total} {plain}");
            }
        }
    }
}
