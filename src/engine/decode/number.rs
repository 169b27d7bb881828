//! Numbers as the record has them: exact where integers are meant, doubles where bounds are.

use std::cmp::Ordering;

/// A number. Whole ones of 64 bits are held as such; of others JSON's and Avro's decimals keep their text, and a float
/// counts as the shortest decimal that reads back as it: 0.1 is 0.1, in 32 bits and in 64.
#[derive(Clone, Copy, Debug)]
pub enum Number<'a> {
    Int(i64),
    /// Above `i64::MAX`.
    Unsigned(u64),
    /// A fraction, an exponent, or more than 64 bits; within a double's range.
    Decimal(&'a str),
    /// May be infinite or no number at all.
    Float(f64),
    Single(f32),
}

/// Beyond it not every whole number is a double.
const EXACT_DOUBLES: f64 = (1u64 << 53) as f64;

impl Number<'_> {
    /// The nearest double.
    pub fn as_f64(self) -> f64 {
        match self {
            Number::Int(i) => i as f64,
            Number::Unsigned(u) => u as f64,
            // The text was scanned: it parses.
            Number::Decimal(text) => text.parse().unwrap_or(f64::NAN),
            Number::Float(double) => double,
            Number::Single(single) if single.is_finite() => Digits::of(single).text().parse().unwrap_or(f64::NAN),
            Number::Single(single) => single.into(),
        }
    }

    /// Its value where it is whole and has at most 38 digits: `1.0` and `10e-1` are 1.
    pub fn integer(self) -> Option<i128> {
        match self {
            Number::Int(i) => Some(i.into()),
            Number::Unsigned(u) => Some(u.into()),
            Number::Float(double) if double.abs() < EXACT_DOUBLES => (double.fract() == 0.0).then_some(double as i128),
            Number::Decimal(text) if ends_in_fraction(text) => None,
            _ => self.decimal(|decimal| decimal.integer())?,
        }
    }

    /// Whether it is whole and lies in `[min, max]`.
    pub fn fits(self, min: i128, max: u128) -> bool {
        match self.integer() {
            Some(i) => min <= i && u128::try_from(i).map_or(true, |u| u <= max),
            None => self.decimal(|decimal| decimal.unsigned().is_some_and(|u| u <= max)).unwrap_or(false),
        }
    }

    /// Whether it is whole, of any length.
    pub fn is_whole(self) -> bool {
        match self {
            Number::Int(_) | Number::Unsigned(_) => true,
            // The shortest decimal of a float has a fraction where the float has one: where it has none, the whole
            // number itself is shorter than anything with a fraction.
            Number::Float(double) => double.is_finite() && double.fract() == 0.0,
            Number::Single(single) => single.is_finite() && single.fract() == 0.0,
            Number::Decimal(text) => !ends_in_fraction(text) && Decimal::read(text).exponent >= 0,
        }
    }

    /// Against a bound of a contract. Whole numbers of 64 bits compare exactly; others as the nearest double, which is
    /// how the bound itself was read.
    pub fn compare(self, bound: f64) -> Option<Ordering> {
        let whole = match self {
            // Of most bounds a cast and a comparison tell it all.
            Number::Int(i) if bound.abs() < EXACT_DOUBLES && (bound as i64) as f64 == bound => {
                return Some(i.cmp(&(bound as i64)));
            }
            Number::Int(i) => i128::from(i),
            Number::Unsigned(u) => i128::from(u),
            // The most frequent bound. Within a double's range only zeros are zero.
            Number::Decimal(text) if bound == 0.0 => return Some(sign(text)),
            _ => return self.as_f64().partial_cmp(&bound),
        };
        // The cast saturates, far beyond 64 bits; a bound that is no number compares with nothing.
        let floor = bound.floor();
        let below = if bound > floor { Ordering::Less } else { Ordering::Equal };
        (!bound.is_nan()).then(|| whole.cmp(&(floor as i128)).then(below))
    }

    /// Whether it is `step` times a whole number. In decimals, so that 19.99 is a multiple of 0.01; as doubles, to
    /// nine digits of the quotient, where 38 digits do not suffice.
    pub fn is_multiple_of(self, step: f64) -> bool {
        if step == 0.0 || !step.is_finite() {
            return false;
        }
        // As a decimal, `step` is what the contract says.
        let exact = || {
            let (value, value_exponent) = self.scaled()?;
            let (step, step_exponent) = Number::Float(step).scaled()?;
            let shift = |mantissa: i128, by: i64| mantissa.checked_mul(10i128.checked_pow(u32::try_from(by).ok()?)?);
            let common = value_exponent.min(step_exponent);
            shift(value, value_exponent - common)?.checked_rem(shift(step, step_exponent - common)?)
        };
        match exact() {
            Some(rest) => rest == 0,
            None => {
                let quotient = self.as_f64() / step;
                (quotient - quotient.round()).abs() <= 1e-9 * quotient.abs().max(1.0)
            }
        }
    }

    /// The same bytes for equal numbers, however they are written; different ones for different numbers.
    pub fn canonical(self, mut out: impl FnMut(&[u8])) {
        if let Some(i) = self.integer() {
            return out(&i.to_le_bytes());
        }
        // 17 bytes or more: never as long as the 16 of a whole number.
        let written = self.decimal(|decimal| {
            out(&[if decimal.negative { b'-' } else { b'+' }]);
            out(&i128::from(decimal.exponent).to_le_bytes());
            out(decimal.whole.as_bytes());
            out(decimal.fraction.as_bytes());
        });
        if written.is_none() {
            let double = self.as_f64();
            out(&[if double.is_nan() {
                b'?'
            } else if double > 0.0 {
                b'>'
            } else {
                b'<'
            }; 17]);
        }
    }

    /// What its text says in decimals; `None` of a float that is not finite.
    fn decimal<T>(self, read: impl FnOnce(Decimal<'_>) -> T) -> Option<T> {
        match self {
            Number::Int(i) => Some(read(Decimal::read(Digits::of(i).text()))),
            Number::Unsigned(u) => Some(read(Decimal::read(Digits::of(u).text()))),
            Number::Decimal(text) => Some(read(Decimal::read(text))),
            Number::Float(double) => double.is_finite().then(|| read(Decimal::read(Digits::of(double).text()))),
            Number::Single(single) => single.is_finite().then(|| read(Decimal::read(Digits::of(single).text()))),
        }
    }

    fn scaled(self) -> Option<(i128, i64)> {
        match self {
            Number::Int(i) => Some((i.into(), 0)),
            Number::Unsigned(u) => Some((u.into(), 0)),
            _ => self.decimal(|decimal| decimal.scaled())?,
        }
    }
}

/// A decimal's text against zero.
fn sign(text: &str) -> Ordering {
    let mantissa = text.bytes().take_while(|byte| !matches!(byte, b'e' | b'E'));
    match (mantissa.into_iter().any(|byte| matches!(byte, b'1'..=b'9')), text.starts_with('-')) {
        (false, _) => Ordering::Equal,
        (true, true) => Ordering::Less,
        (true, false) => Ordering::Greater,
    }
}

/// Whether a decimal without an exponent has digits after its point, the last of which is no zero: what most have that
/// are not whole.
fn ends_in_fraction(text: &str) -> bool {
    let bytes = text.as_bytes();
    bytes.last().is_some_and(|last| matches!(last, b'1'..=b'9'))
        && bytes.iter().rev().find(|b| !b.is_ascii_digit()) == Some(&b'.')
}

/// The text of a number, in place: `-1.2345678901234567e-308` is the longest of a double, and an integer is no longer.
struct Digits {
    bytes: [u8; 32],
    len: usize,
}

impl Digits {
    /// With an exponent, for a double may have 300 zeros.
    fn of(number: impl std::fmt::LowerExp) -> Digits {
        use std::fmt::Write;
        let mut digits = Digits { bytes: [0; 32], len: 0 };
        // It cannot fail: 32 bytes hold every number.
        let _ = write!(digits, "{number:e}");
        digits
    }

    fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes[..self.len]).unwrap_or_default()
    }
}

impl std::fmt::Write for Digits {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        let end = self.len + text.len();
        self.bytes.get_mut(self.len..end).ok_or(std::fmt::Error)?.copy_from_slice(text.as_bytes());
        self.len = end;
        Ok(())
    }
}

/// `whole` and `fraction` end to end, times ten to the `exponent`; no zeros before or after, so that equal numbers
/// have equal digits and exponents.
#[derive(Debug)]
struct Decimal<'a> {
    negative: bool,
    whole: &'a str,
    fraction: &'a str,
    exponent: i64,
}

impl<'a> Decimal<'a> {
    fn read(text: &'a str) -> Decimal<'a> {
        let (negative, text) = match text.strip_prefix('-') {
            Some(rest) => (true, rest),
            None => (false, text),
        };
        let (mantissa, power) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let (whole, fraction) = (whole.trim_start_matches('0'), fraction.trim_end_matches('0'));
        let kept = if fraction.is_empty() { whole.trim_end_matches('0') } else { whole };
        let zeros = whole.len() - kept.len();
        let power = power.parse::<i64>().unwrap_or(if power.starts_with('-') { i64::MIN / 2 } else { i64::MAX / 2 });
        let exponent = power.saturating_add(zeros as i64).saturating_sub(fraction.len() as i64);
        let fraction = if kept.is_empty() { fraction.trim_start_matches('0') } else { fraction };
        let zero = kept.is_empty() && fraction.is_empty();
        Decimal { negative: negative && !zero, whole: kept, fraction, exponent: if zero { 0 } else { exponent } }
    }

    /// Its digits as a number, and the exponent; `None` beyond 38 digits.
    fn scaled(&self) -> Option<(i128, i64)> {
        let mantissa = i128::try_from(self.mantissa()?).ok()?;
        Some((if self.negative { -mantissa } else { mantissa }, self.exponent))
    }

    fn mantissa(&self) -> Option<u128> {
        let mut digits = self.whole.bytes().chain(self.fraction.bytes());
        digits.try_fold(0u128, |sum, digit| sum.checked_mul(10)?.checked_add(u128::from(digit - b'0')))
    }

    /// Whole, not negative, within 128 bits.
    fn unsigned(&self) -> Option<u128> {
        let power = u32::try_from(self.exponent).ok().filter(|_| !self.negative)?;
        self.mantissa()?.checked_mul(10u128.checked_pow(power)?)
    }

    fn integer(&self) -> Option<i128> {
        let power = u32::try_from(self.exponent).ok()?;
        self.scaled()?.0.checked_mul(10i128.checked_pow(power)?)
    }
}

/// What the scan of a number's text found.
pub struct Scanned {
    pub len: usize,
    pub negative: bool,
    /// The magnitude of a whole number within 64 bits, written without fraction and exponent.
    pub integer: Option<u64>,
    pub exponent: bool,
}

/// JSON's grammar of numbers, at the start of `bytes`; `None` where there is none.
#[inline]
pub fn scan(bytes: &[u8]) -> Option<Scanned> {
    let negative = bytes.first() == Some(&b'-');
    let begin = usize::from(negative);
    let mut magnitude = 0u64;
    let mut at = begin;
    for byte in &bytes[begin..] {
        let digit = byte.wrapping_sub(b'0');
        if digit > 9 {
            break;
        }
        magnitude = magnitude.wrapping_mul(10).wrapping_add(u64::from(digit));
        at += 1;
    }
    // At least one digit, and no zero before others.
    if at == begin || (bytes[begin] == b'0' && at > begin + 1) {
        return None;
    }
    // Nineteen nines are within 64 bits; what is longer is read again, and may not be.
    let mut integer = match at - begin {
        ..=19 => Some(magnitude),
        _ => bytes[begin..at].iter().try_fold(0u64, |i, b| i.checked_mul(10)?.checked_add(u64::from(b - b'0'))),
    };
    let digits = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    if bytes.get(at) == Some(&b'.') {
        let count = digits(at + 1);
        if count == 0 {
            return None;
        }
        at += 1 + count;
        integer = None;
    }
    let exponent = matches!(bytes.get(at), Some(b'e' | b'E'));
    if exponent {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        let from = (at + 1 + sign).min(bytes.len());
        let count = digits(from);
        if count == 0 {
            return None;
        }
        at = from + count;
        integer = None;
    }
    Some(Scanned { len: at, negative, integer, exponent })
}

/// A number that a double takes for infinity, or for zero where it is none.
pub fn out_of_range(text: &str) -> bool {
    // Without an exponent, 300 characters stay within 1e300 and 1e-300.
    if text.len() <= 300 && !text.bytes().any(|b| b == b'e' || b == b'E') {
        return false;
    }
    let mantissa = text.split(['e', 'E']).next().unwrap_or_default();
    match text.parse::<f64>() {
        Ok(0.0) => mantissa.bytes().any(|b| matches!(b, b'1'..=b'9')),
        Ok(double) => !double.is_finite(),
        Err(_) => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &str) -> Number<'_> {
        let scanned = scan(text.as_bytes()).expect(text);
        assert_eq!(scanned.len, text.len(), "{text}");
        match scanned.integer.map(i128::from).map(|i| if scanned.negative { -i } else { i }) {
            Some(i) if i64::try_from(i).is_ok() => Number::Int(i as i64),
            Some(i) if u64::try_from(i).is_ok() => Number::Unsigned(i as u64),
            _ => Number::Decimal(text),
        }
    }

    fn bytes(text: &str) -> Vec<u8> {
        let mut all = Vec::new();
        read(text).canonical(|b| all.extend_from_slice(b));
        all
    }

    #[test]
    fn equal_numbers_have_one_form_and_different_ones_two() {
        for (a, b, equal) in [
            ("1", "1.0", true),
            ("1", "10e-1", true),
            ("0", "-0", true),
            ("0", "0e99999999999999999999", true),
            ("100", "1e2", true),
            ("0.1", "0.10", true),
            ("0.1", "1e-1", true),
            ("-2.50", "-25e-1", true),
            ("1e40", "10000000000000000000000000000000000000000", true),
            ("18446744073709551615", "18446744073709551615.0", true),
            ("9007199254740992", "9007199254740993", false),
            ("0.1", "0.10000000000000000001", false),
            ("123456789012345678901234567890", "123456789012345678901234567891", false),
            ("1.5", "-1.5", false),
            ("12e39", "1.2e39", false),
        ] {
            assert_eq!(bytes(a) == bytes(b), equal, "{a} {b}");
        }
    }

    #[test]
    fn whole_numbers_compare_exactly_with_bounds() {
        for (text, bound, expected) in [
            ("9007199254740993", 9007199254740992.0, Ordering::Greater),
            ("9007199254740992", 9007199254740992.0, Ordering::Equal),
            ("18446744073709551615", 18446744073709551616.0, Ordering::Less),
            ("2", 2.5, Ordering::Less),
            ("-2", -2.5, Ordering::Greater),
            ("-3", -2.5, Ordering::Less),
            ("0.1", 0.1, Ordering::Equal),
            ("1e300", 1e299, Ordering::Greater),
            ("5", f64::INFINITY, Ordering::Less),
            ("5", f64::NEG_INFINITY, Ordering::Greater),
        ] {
            assert_eq!(read(text).compare(bound), Some(expected), "{text} against {bound}");
        }
    }

    #[test]
    fn multiples_are_told_in_decimals() {
        for (text, step, expected) in [
            ("19.99", 0.01, true),
            ("0.3", 0.1, true),
            ("19.995", 0.01, false),
            ("10", 5.0, true),
            ("-10", 5.0, true),
            ("11", 5.0, false),
            ("0", 7.0, true),
            ("1e3", 2.5, true),
            ("9007199254740993", 2.0, false),
            ("7", 0.0, false),
        ] {
            assert_eq!(read(text).is_multiple_of(step), expected, "{text} of {step}");
        }
    }

    #[test]
    fn whole_is_what_has_no_fraction_left() {
        for (text, expected) in
            [("1", true), ("1.0", true), ("1.5", false), ("15e-1", false), ("1e400", true), ("0.0", true)]
        {
            assert_eq!(read(text).is_whole(), expected, "{text}");
        }
    }

    #[test]
    fn what_is_no_number_is_equal_to_itself_and_keeps_no_bound() {
        let all = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY];
        let forms = all.map(|x| {
            let mut form = Vec::new();
            Number::Float(x).canonical(|b| form.extend_from_slice(b));
            assert!(!Number::Float(x).is_whole() && !Number::Float(x).fits(i128::MIN, u128::MAX), "{x}");
            form
        });
        assert!(forms[0] != forms[1] && forms[1] != forms[2] && forms[0] != forms[2]);
        assert_eq!(Number::Float(f64::NAN).compare(1.0), None);
        assert_eq!(Number::Single(f32::INFINITY).compare(1e300), Some(Ordering::Greater));
        assert!(Number::Single(0.3).is_multiple_of(0.1), "in 32 bits too");
    }

    proptest! {
        #[test]
        fn every_double_reads_back_as_itself(x in proptest::num::f64::NORMAL) {
            let text = format!("{x:e}");
            prop_assert_eq!(read(&text).as_f64(), x);
            prop_assert_eq!(read(&text).compare(x), Some(Ordering::Equal));
            prop_assert!(!out_of_range(&text));
        }

        #[test]
        fn shortcuts_compare_as_doubles_do(
            whole in any::<i64>(), near in -3i64..3, text in "-?(0|[1-9][0-9]{0,3})(\\.[0-9]{1,4})?([eE]-?[0-9]{1,2})?",
        ) {
            let number = read(&text);
            prop_assert_eq!(number.compare(0.0), number.as_f64().partial_cmp(&0.0), "{}", text);
            prop_assert_eq!(number.is_whole(), Decimal::read(&text).exponent >= 0, "{}", text);
            prop_assert_eq!(number.integer(), Decimal::read(&text).integer(), "{}", text);
            let bound = whole.wrapping_add(near) as f64;
            prop_assert_eq!(Number::Int(whole).compare(bound), Some(i128::from(whole).cmp(&(bound as i128))));
        }

        #[test]
        fn a_float_is_the_decimal_that_it_is_written_as(x in proptest::num::f64::NORMAL, single in proptest::num::f32::NORMAL) {
            for (float, text) in [(Number::Float(x), format!("{x:e}")), (Number::Single(single), format!("{single:e}"))] {
                let mut canonical = Vec::new();
                float.canonical(|b| canonical.extend_from_slice(b));
                prop_assert_eq!(canonical, bytes(&text));
                prop_assert_eq!(float.as_f64(), read(&text).as_f64());
                prop_assert_eq!(float.is_whole(), read(&text).is_whole());
                prop_assert_eq!(float.integer(), read(&text).integer());
            }
        }
    }
}
