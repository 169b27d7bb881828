//! A value that is neither null nor composed, read once for all that a profile asks of it.

use crate::engine::check::key::Hashes;
use crate::engine::decode::moment::{Moment, MomentKind};
use crate::engine::decode::number::Number;
use datasketches::hash::value::{canonical_float, raw_bytes};
use datasketches::hll::Coupon;
use siphasher::sip::SipHasher13;
use std::hash::Hasher;

#[derive(Clone, Copy, Debug)]
pub enum Scalar<'a> {
    Bool(bool),
    Text(&'a str),
    Bytes(&'a [u8]),
    Moment(Moment),
    /// `double`: what Avro calls a float or double.
    Whole {
        value: i64,
        double: bool,
    },
    /// No whole number, and no other has this nearest double.
    Fraction(f64),
    /// Any other: of more digits than a double has, or no number at all.
    Number(Number<'a>),
}

/// A number, for statistics and as a value.
#[derive(Clone, Copy, Debug)]
pub struct Measured<'a> {
    /// The nearest.
    pub double: f64,
    pub whole: bool,
    pub scalar: Scalar<'a>,
}

/// Three words that say a value in full, so that comparing it is comparing them: the last byte is the length of a text of
/// up to 23 bytes, or tells the others apart.
pub type Words = [u64; 3];

/// A text of more bytes does not fit.
const WORDS_TEXT_BYTES_MAX: usize = 23;

/// Beyond it not every whole number is a double.
const EXACT_DOUBLES: f64 = (1u64 << 53) as f64;
/// So many digits make a number of their own of each double.
const DOUBLE_DIGITS: usize = 15;
const POWERS: [f64; DOUBLE_DIGITS + 1] =
    [1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15];

/// As `Number` has it; this only gets there sooner.
pub fn measured(number: Number<'_>) -> Measured<'_> {
    match number {
        Number::Int(value) => {
            Measured { double: value as f64, whole: true, scalar: Scalar::Whole { value, double: false } }
        }
        Number::Float(double) if double.abs() < EXACT_DOUBLES => of_double(double, true),
        Number::Decimal(text) => match short(text) {
            Some(double) => of_double(double, false),
            None => long(number),
        },
        _ => long(number),
    }
}

fn of_double<'a>(double: f64, typed: bool) -> Measured<'a> {
    let value = double as i64;
    let whole = value as f64 == double;
    let scalar = if whole { Scalar::Whole { value, double: typed } } else { Scalar::Fraction(double) };
    Measured { double, whole, scalar }
}

/// A decimal of at most 15 digits without an exponent: digits and power of ten are doubles, so that their quotient is the
/// nearest one (Clinger 1990), which is whole only where the number is.
fn short(text: &str) -> Option<f64> {
    let (negative, digits) = match text.as_bytes() {
        [b'-', digits @ ..] => (true, digits),
        digits => (false, digits),
    };
    if digits.len() > DOUBLE_DIGITS + 1 {
        return None;
    }
    let (mut mantissa, mut point) = (0u64, digits.len());
    for (at, digit) in digits.iter().enumerate() {
        match digit {
            b'0'..=b'9' => mantissa = mantissa * 10 + u64::from(digit - b'0'),
            b'.' => point = at,
            _ => return None,
        }
    }
    let places = digits.len().saturating_sub(point + 1);
    if digits.len() > DOUBLE_DIGITS && point == digits.len() {
        return None;
    }
    let double = mantissa as f64 / POWERS.get(places)?;
    Some(if negative { -double } else { double })
}

fn long(number: Number<'_>) -> Measured<'_> {
    let (double, typed) = (number.as_f64(), matches!(number, Number::Float(_) | Number::Single(_)));
    let small = number.integer().and_then(|whole| i64::try_from(whole).ok());
    let scalar = match small {
        Some(value) => Scalar::Whole { value, double: typed },
        None if double.is_finite() && !number.is_whole() && canonical(number) == canonical(Number::Float(double)) => {
            Scalar::Fraction(double)
        }
        None => Scalar::Number(number),
    };
    Measured { double, whole: number.is_whole(), scalar }
}

fn canonical(number: Number<'_>) -> Vec<u8> {
    let mut bytes = vec![5];
    number.canonical(|piece| bytes.extend_from_slice(piece));
    bytes
}

impl Scalar<'_> {
    /// `None`: it is too long for that.
    #[inline(always)]
    pub fn words(self) -> Option<Words> {
        let tagged = |tag: u64, first: u64, second: u64| Some([first, second, tag << 56]);
        match self {
            Scalar::Text(text) => words_of(text.as_bytes()),
            Scalar::Whole { value, double: false } => tagged(WHOLE_TAG, value as u64, 0),
            Scalar::Whole { value, double: true } => tagged(DOUBLE_TAG, value as u64, 0),
            Scalar::Fraction(double) => tagged(FRACTION_TAG, double.to_bits(), 0),
            Scalar::Bool(b) => tagged(BOOL_TAG, b.into(), 0),
            Scalar::Moment(Moment { kind, nanos, zoned }) => {
                tagged(MOMENT_TAG + kind as u64 * 2 + u64::from(zoned), nanos as u64, (nanos >> 64) as u64)
            }
            Scalar::Bytes(_) | Scalar::Number(_) => None,
        }
    }

    /// What Apache's `update` hashes, so that sketches of other tools merge with ours: a whole number of 64 bits is a long,
    /// however a JSON record writes it; a moment a long of nanoseconds where 64 bits hold them.
    pub fn coupon(self) -> Coupon {
        match self {
            Scalar::Bool(b) => Coupon::from_value(i64::from(b)),
            Scalar::Text(text) => Coupon::from_value(raw_bytes::from_str(text)),
            Scalar::Bytes(bytes) => Coupon::from_value(raw_bytes::from_slice(bytes)),
            Scalar::Moment(moment) => match i64::try_from(moment.nanos) {
                Ok(nanos) => Coupon::from_value(nanos),
                Err(_) => Coupon::from_value(canonical_float::from_f64(moment.nanos as f64)),
            },
            Scalar::Whole { value, double: false } => Coupon::from_value(value),
            Scalar::Whole { value, double: true } => Coupon::from_value(canonical_float::from_f64(value as f64)),
            Scalar::Fraction(double) => Coupon::from_value(canonical_float::from_f64(double)),
            Scalar::Number(number) => {
                let typed = matches!(number, Number::Float(_) | Number::Single(_));
                match number.integer().filter(|_| !typed).and_then(|whole| u64::try_from(whole).ok()) {
                    Some(whole) => Coupon::from_value(whole),
                    None => Coupon::from_value(canonical_float::from_f64(number.as_f64())),
                }
            }
        }
    }

    /// What may be shown of it: `None` of what is too long, or has no text of its own.
    pub fn shown(self) -> Option<String> {
        match self {
            Scalar::Bool(b) => Some(b.to_string()),
            Scalar::Text(text) => (text.len() <= SHOWN_BYTES_MAX).then(|| text.to_owned()),
            Scalar::Whole { value, .. } => Some(value.to_string()),
            Scalar::Fraction(double) => Some(double.to_string()),
            Scalar::Number(number) => Some(match number.integer() {
                Some(whole) => whole.to_string(),
                None => number.as_f64().to_string(),
            }),
            Scalar::Bytes(_) | Scalar::Moment(_) => None,
        }
    }
}

/// A longer text is shown as its hash: a sketch that keeps values must not grow with theirs.
pub const SHOWN_BYTES_MAX: usize = 64;

/// A text's bytes, and its length in the last one.
#[inline(always)]
fn words_of(bytes: &[u8]) -> Option<Words> {
    let len = bytes.len();
    if len > WORDS_TEXT_BYTES_MAX {
        return None;
    }
    let (whole, rest) = bytes.as_chunks::<8>();
    // The rest ends where the text does, so that one word read there holds it, with bytes before it to be shifted out.
    let last = match (rest.len(), bytes.last_chunk::<8>()) {
        (0, _) => 0,
        (short, Some(last)) => u64::from_le_bytes(*last) >> (64 - 8 * short),
        (_, None) => rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    };
    let word = |at: usize| match whole.get(at) {
        Some(word) => u64::from_le_bytes(*word),
        None if at == whole.len() => last,
        None => 0,
    };
    Some([word(0), word(1), word(2) | (len as u64) << 56])
}

/// What may be shown of the value that these words say: `None` of a moment.
pub fn shown_of(words: &Words) -> Option<String> {
    match words[2] >> 56 {
        WHOLE_TAG | DOUBLE_TAG => Some((words[0] as i64).to_string()),
        FRACTION_TAG => Some(f64::from_bits(words[0]).to_string()),
        BOOL_TAG => Some((words[0] == 1).to_string()),
        _ => text_of(words),
    }
}

fn text_of(words: &Words) -> Option<String> {
    let mut bytes = [0; 24];
    for (eight, word) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(words) {
        *eight = word.to_le_bytes();
    }
    let text = bytes.get(..usize::from(bytes[23])).filter(|text| text.len() <= WORDS_TEXT_BYTES_MAX)?;
    String::from_utf8(text.to_vec()).ok()
}

/// Characters of a text: all bytes but those that go on with one.
#[inline(always)]
pub fn chars_of(text: &str, words: Option<&Words>) -> usize {
    const ONES: u64 = 0x0101_0101_0101_0101;
    match words {
        // The length in the last byte is below that, too.
        Some([first, second, third]) if (first | second | third) & ONES << 7 == 0 => text.len(),
        // `10xxxxxx`, in eight bytes at a time.
        Some(words) => {
            let further = words.iter().map(|word| (word >> 7 & !(word >> 6) & ONES).count_ones() as usize);
            text.len() - further.sum::<usize>()
        }
        None => text.chars().count(),
    }
}

/// Keyed hashes of one field: whoever has not the key can ask them for no value, and compare them with no other field's.
///
/// SipHash-1-3 under keys that SipHash-2-4 makes of the uniqueness key and the field's scope (Aumasson, Bernstein 2012).
#[derive(Clone, Copy)]
pub struct Keyed {
    /// As keys, for a hasher whose state is known to the compiler costs half.
    words: (u64, u64),
    texts: SipHasher13,
    bytes: SipHasher13,
    numbers: SipHasher13,
}

impl Keyed {
    pub fn of(hashes: &Hashes, scope: u64) -> Keyed {
        let within = hashes.within(scope);
        let keys = |of: &str| (within.text(of, ".0"), within.text(of, ".1"));
        let hasher = |of: &str| SipHasher13::new_with_keys(keys(of).0, keys(of).1);
        Keyed {
            words: keys("profile.words"),
            texts: hasher("profile.texts"),
            bytes: hasher("profile.bytes"),
            numbers: hasher("profile.numbers"),
        }
    }

    /// Equal for equal values, however they are written; types are told apart.
    pub fn hash(&self, scalar: Scalar<'_>) -> u64 {
        match scalar {
            Scalar::Text(text) if text.len() > WORDS_TEXT_BYTES_MAX => self.texts.hash(text.as_bytes()),
            Scalar::Bytes(bytes) => self.bytes.hash(bytes),
            Scalar::Number(number) => self.numbers.hash(&canonical(number)),
            _ => self.hash_words(&scalar.words().unwrap_or_default()),
        }
    }

    /// Of a value that has words.
    #[inline]
    pub fn hash_words(&self, words: &Words) -> u64 {
        let [first, second, mut third] = *words;
        // A number is the same whether it is a double or a long.
        if third == DOUBLE_TAG << 56 {
            third = WHOLE_TAG << 56;
        }
        let (k0, k1) = self.words;
        let mut hasher = SipHasher13::new_with_keys(k0, k1);
        [first, second, third].into_iter().for_each(|word| hasher.write_u64(word));
        hasher.finish()
    }
}

/// The last bytes of words that are no text's.
const WHOLE_TAG: u64 = 0x40;
const DOUBLE_TAG: u64 = 0x41;
const FRACTION_TAG: u64 = 0x42;
const BOOL_TAG: u64 = 0x43;
/// And so many more, by their kind.
const MOMENT_TAG: u64 = 0x50;
/// Of a value that is known by its hash.
const HASH_TAG: u64 = 0x60;

/// Words of a value that has none of its own, out of its keyed hash.
pub fn words_of_hash(hash: u64) -> Words {
    [hash, 0, HASH_TAG << 56]
}

/// `#` and 16 hexadecimal digits: no JSON value that is shown begins so and is as long, unless it means to.
pub fn hex(hash: u64) -> String {
    format!("#{hash:016x}")
}

/// Whether a moment is one of a day, which is no moment in time.
pub fn is_time(moment: Moment) -> bool {
    moment.kind == MomentKind::Time
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn same(a: Number<'_>, b: Number<'_>) -> bool {
        canonical(a) == canonical(b)
    }

    fn check(number: Number<'_>) {
        let measured = measured(number);
        assert_eq!(measured.double.to_bits(), number.as_f64().to_bits(), "{number:?}");
        assert_eq!(measured.whole, number.is_whole(), "{number:?}");
        match measured.scalar {
            Scalar::Whole { value, .. } => assert!(same(Number::Int(value), number), "{number:?}"),
            Scalar::Fraction(double) => assert!(same(Number::Float(double), number), "{number:?}"),
            Scalar::Number(as_it_is) => assert!(same(as_it_is, number), "{number:?}"),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_number_is_what_it_is_by_the_long_way() {
        let texts = [
            "0.0",
            "-0.0",
            "1.0",
            "-1.5",
            "0.1",
            "100.00",
            "1e3",
            "1E-2",
            "10e-1",
            "0.10000000000000000001",
            "123456789012345.0",
            "12345678901234.5",
            "1234567890123.45",
            "99999999999999.9",
            "999999999999999.9",
            "123456789012345678901234567890",
            "9007199254740993.0",
            "9007199254740993.5",
            "1e300",
            "0.000000000000001",
            "18446744073709551616",
            "-0.000",
            "1.7976931348623157e308",
        ];
        texts.into_iter().for_each(|text| check(Number::Decimal(text)));
        for float in [0.0, -0.0, 0.1, 1.0, 1e15, 9e15, 1e16, 1e22, 1e23, 1e300, f64::INFINITY, f64::NEG_INFINITY] {
            check(Number::Float(float));
            check(Number::Single(float as f32));
        }
        for whole in [0, 1, -1, i64::MAX, i64::MIN] {
            check(Number::Int(whole));
        }
        check(Number::Unsigned(u64::MAX));
    }

    proptest! {
        #[test]
        fn any_number_is_what_it_is_by_the_long_way(
            decimal in "-?(0|[1-9][0-9]{0,17})\\.[0-9]{1,18}", double in any::<f64>(), single in any::<f32>(),
        ) {
            check(Number::Decimal(&decimal));
            prop_assume!(!double.is_nan() && !single.is_nan());
            check(Number::Float(double));
            check(Number::Single(single));
        }

        #[test]
        fn words_hold_a_text_in_full(text in "\\PC{0,26}", other in "[a-c]{0,4}") {
            let words = Scalar::Text(&text).words();
            prop_assert_eq!(words.is_some(), text.len() <= 23);
            prop_assert_eq!(words.and_then(|w| shown_of(&w)), words.map(|_| text.clone()));
            prop_assert_eq!(chars_of(&text, words.as_ref()), text.chars().count());
            prop_assert_eq!(words == Scalar::Text(&other).words(), text == other);
        }
    }

    #[test]
    fn values_of_other_types_are_other_values() {
        let moment = |kind, zoned| Scalar::Moment(Moment { kind, nanos: 1, zoned });
        let all = [
            Scalar::Text("\u{1}"),
            Scalar::Bytes(&[1]),
            Scalar::Bool(true),
            Scalar::Whole { value: 1, double: false },
            Scalar::Fraction(f64::from_bits(1)),
            Scalar::Number(Number::Unsigned(u64::MAX)),
            moment(MomentKind::Date, false),
            moment(MomentKind::Timestamp, false),
            moment(MomentKind::Timestamp, true),
            moment(MomentKind::Time, false),
        ];
        let keyed = Keyed::of(&Hashes::new(&[1; 16]), 7);
        for (i, a) in all.iter().enumerate() {
            for b in &all[..i] {
                assert_ne!(keyed.hash(*a), keyed.hash(*b), "{a:?} {b:?}");
                assert!(a.words().is_none() || a.words() != b.words(), "{a:?} {b:?}");
            }
        }
        let [whole, double] = [false, true].map(|double| keyed.hash(Scalar::Whole { value: 1, double }));
        assert_eq!(whole, double);
    }

    #[test]
    fn the_hash_is_the_same_in_every_build_and_another_under_every_key_and_scope() {
        let of = |key: u8, scope| Keyed::of(&Hashes::new(&[key; 16]), scope).hash(Scalar::Text("a-1"));
        assert_eq!(of(7, 1), PINNED);
        assert!(of(7, 1) != of(8, 1) && of(7, 1) != of(7, 2));
    }

    /// Hashes of several workers and releases meet in one window.
    const PINNED: u64 = 2_878_530_953_197_642_391;
}
