//! Numbers as the record's text has them: exact where integers are meant, doubles where bounds are.

use std::cmp::Ordering;

/// A JSON number. Whole numbers of 64 bits are held as such; every other keeps its text.
#[derive(Clone, Copy, Debug)]
pub enum Number<'a> {
    Int(i64),
    /// Above `i64::MAX`.
    Unsigned(u64),
    /// A fraction, an exponent, or more than 64 bits; within a double's range.
    Decimal(&'a str),
}

impl Number<'_> {
    /// The nearest double.
    pub fn as_f64(self) -> f64 {
        match self {
            Number::Int(i) => i as f64,
            Number::Unsigned(u) => u as f64,
            // The text was scanned: it parses.
            Number::Decimal(text) => text.parse().unwrap_or(f64::NAN),
        }
    }

    /// Its value where it is whole and has at most 38 digits: `1.0` and `10e-1` are 1.
    pub fn integer(self) -> Option<i128> {
        match self {
            Number::Int(i) => Some(i.into()),
            Number::Unsigned(u) => Some(u.into()),
            Number::Decimal(text) => Decimal::read(text).integer(),
        }
    }

    /// Whether it is whole and lies in `[min, max]`.
    pub fn fits(self, min: i128, max: u128) -> bool {
        match (self.integer(), self) {
            (Some(i), _) => min <= i && u128::try_from(i).map_or(true, |u| u <= max),
            (None, Number::Decimal(text)) => Decimal::read(text).unsigned().is_some_and(|u| u <= max),
            (None, _) => false,
        }
    }

    /// Whether it is whole, of any length.
    pub fn is_whole(self) -> bool {
        match self {
            Number::Int(_) | Number::Unsigned(_) => true,
            Number::Decimal(text) => Decimal::read(text).exponent >= 0,
        }
    }

    /// Against a bound of a contract. Whole numbers of 64 bits compare exactly; others as the nearest double, which is
    /// how the bound itself was read.
    pub fn compare(self, bound: f64) -> Option<Ordering> {
        let whole = match self {
            Number::Int(i) => i128::from(i),
            Number::Unsigned(u) => i128::from(u),
            Number::Decimal(_) => return self.as_f64().partial_cmp(&bound),
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
        // The shortest text that reads back as `step`: what the contract says.
        let step_text = step.to_string();
        let exact = || {
            let (value, value_exponent) = self.scaled()?;
            let (step, step_exponent) = Decimal::read(&step_text).scaled()?;
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
        if let Number::Decimal(text) = self {
            let decimal = Decimal::read(text);
            // 17 bytes or more before the digits: never as long as the 16 of a whole number.
            out(&[if decimal.negative { b'-' } else { b'+' }]);
            out(&i128::from(decimal.exponent).to_le_bytes());
            out(decimal.whole.as_bytes());
            out(decimal.fraction.as_bytes());
        }
    }

    fn scaled(self) -> Option<(i128, i64)> {
        match self {
            Number::Int(i) => Some((i.into(), 0)),
            Number::Unsigned(u) => Some((u.into(), 0)),
            Number::Decimal(text) => Decimal::read(text).scaled(),
        }
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
}

/// JSON's grammar of numbers, at the start of `bytes`; `None` where there is none.
pub fn scan(bytes: &[u8]) -> Option<Scanned> {
    let negative = bytes.first() == Some(&b'-');
    let begin = usize::from(negative);
    let mut integer = Some(0u64);
    let mut at = begin;
    while let Some(digit @ b'0'..=b'9') = bytes.get(at) {
        integer = integer.and_then(|i| i.checked_mul(10)?.checked_add(u64::from(digit - b'0')));
        at += 1;
    }
    // At least one digit, and no zero before others.
    if at == begin || (bytes[begin] == b'0' && at > begin + 1) {
        return None;
    }
    let digits = |from: usize| bytes[from..].iter().take_while(|b| b.is_ascii_digit()).count();
    if bytes.get(at) == Some(&b'.') {
        let count = digits(at + 1);
        if count == 0 {
            return None;
        }
        at += 1 + count;
        integer = None;
    }
    if let Some(b'e' | b'E') = bytes.get(at) {
        let sign = usize::from(matches!(bytes.get(at + 1), Some(b'+' | b'-')));
        let from = (at + 1 + sign).min(bytes.len());
        let count = digits(from);
        if count == 0 {
            return None;
        }
        at = from + count;
        integer = None;
    }
    Some(Scanned { len: at, negative, integer })
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

    proptest! {
        #[test]
        fn every_double_reads_back_as_itself(x in proptest::num::f64::NORMAL) {
            let text = format!("{x:e}");
            prop_assert_eq!(read(&text).as_f64(), x);
            prop_assert_eq!(read(&text).compare(x), Some(Ordering::Equal));
            prop_assert!(!out_of_range(&text));
        }
    }
}
