//! Avro's decimals, a whole number in two's complement and a scale, as the text of a number.

use crate::engine::decode::number;
use crate::engine::decode::reason::Reason;
use std::fmt::Write;

/// The largest double is just below 2^1024, 128 bytes and a sign: what needs more is beyond it, unless its scale is as
/// large.
const UNSCALED_MAX_BYTES: usize = 129;
/// A scale up to this is written out, as in 0.05; beyond it, as an exponent.
const PLAIN_SCALE_MAX: i64 = 40;

/// Returns the number where it is whole by its scale and fits; else adds its text to `out`.
pub fn write(unscaled: &[u8], scale: i64, out: &mut String) -> Result<Option<i64>, Reason> {
    let bytes = significant(unscaled);
    if bytes.len() > UNSCALED_MAX_BYTES {
        return Err(Reason::NumberOutOfRange);
    }
    let from = out.len();
    if bytes.len() <= 16 {
        let fill = if bytes.first().is_some_and(|b| *b >= 0x80) { 0xff } else { 0 };
        let mut wide = [fill; 16];
        wide[16 - bytes.len()..].copy_from_slice(bytes);
        let whole = i128::from_be_bytes(wide);
        if let (0, Ok(int)) = (scale, i64::try_from(whole)) {
            return Ok(Some(int));
        }
        let _ = write!(out, "{whole}");
    } else {
        long(bytes, out);
    }
    if (1..=PLAIN_SCALE_MAX).contains(&scale) {
        point(out, from, scale as usize);
    } else if scale != 0 {
        let _ = write!(out, "e{}", -i128::from(scale));
    }
    if number::out_of_range(&out[from..]) { Err(Reason::NumberOutOfRange) } else { Ok(None) }
}

/// Without the leading bytes that only repeat the sign.
fn significant(mut bytes: &[u8]) -> &[u8] {
    while let [0x00, next @ 0x00..=0x7f, ..] | [0xff, next @ 0x80..=0xff, ..] = bytes {
        let _ = next;
        bytes = &bytes[1..];
    }
    bytes
}

/// More than 128 bits: digits by nines, from the last, of a magnitude in 32-bit limbs.
fn long(bytes: &[u8], out: &mut String) {
    const NINE_DIGITS: u64 = 1_000_000_000;
    let negative = bytes[0] >= 0x80;
    let mut limbs: Vec<u32> = bytes
        .rchunks(4)
        .map(|chunk| {
            let mut limb = [if negative { 0xff } else { 0 }; 4];
            limb[4 - chunk.len()..].copy_from_slice(chunk);
            u32::from_be_bytes(limb)
        })
        .collect();
    if negative {
        let mut carry = true;
        for limb in &mut limbs {
            (*limb, carry) = (!*limb).overflowing_add(u32::from(carry));
        }
        limbs.extend(carry.then_some(1));
        out.push('-');
    }
    let mut nines = Vec::new();
    while !limbs.is_empty() {
        let mut rest = 0;
        for limb in limbs.iter_mut().rev() {
            let value = rest << 32 | u64::from(*limb);
            *limb = (value / NINE_DIGITS) as u32;
            rest = value % NINE_DIGITS;
        }
        nines.push(rest);
        while limbs.last() == Some(&0) {
            limbs.pop();
        }
    }
    for (i, nine) in nines.iter().rev().enumerate() {
        let _ = if i == 0 { write!(out, "{nine}") } else { write!(out, "{nine:09}") };
    }
}

/// Sets a decimal point before the last `scale` digits of `out[from..]`.
fn point(out: &mut String, from: usize, scale: usize) {
    let digits_from = from + usize::from(out[from..].starts_with('-'));
    while out.len() - digits_from <= scale {
        out.insert(digits_from, '0');
    }
    out.insert(out.len() - scale, '.');
}

#[cfg(test)]
mod tests {
    use super::write;
    use crate::engine::decode::reason::Reason;

    fn check(unscaled: &[u8], scale: i64, expected: Result<&str, Reason>) {
        let mut out = "before".to_string();
        let found = write(unscaled, scale, &mut out).map(|int| int.map_or(out[6..].to_string(), |int| int.to_string()));
        assert_eq!(found, expected.map(String::from), "{unscaled:?} {scale}");
    }

    #[test]
    fn a_decimal_is_its_unscaled_number_with_a_point() {
        check(&[], 2, Ok("0.00"));
        check(&[], 0, Ok("0"));
        check(&[0x07, 0xcf], 2, Ok("19.99"));
        check(&[0xff, 0xff, 0xfb], 2, Ok("-0.05"));
        check(&[0x80], 0, Ok("-128"));
        check(&[0, 0x80], 0, Ok("128"));
        check(&[5], -3, Ok("5e3"));
        check(&[5], 50, Ok("5e-50"));
        check(&[0; 1000], 0, Ok("0"));
        check(&[0xff; 1000], 0, Ok("-1"));
        check(&[0x7f; 16], 0, Ok("169473963133173273960190490760135540607"));
    }

    #[test]
    fn more_than_128_bits_are_written_in_full_and_more_than_a_double_holds_is_refused() {
        let two_to_the_128: Vec<u8> = [vec![1], vec![0; 16]].concat();
        check(&two_to_the_128, 0, Ok("340282366920938463463374607431768211456"));
        check(&two_to_the_128, 1, Ok("34028236692093846346337460743176821145.6"));
        let minus_two_to_the_128: Vec<u8> = [vec![0xff], vec![0; 16]].concat();
        check(&minus_two_to_the_128, 0, Ok("-340282366920938463463374607431768211456"));
        check(&[0x7f; 129], 0, Err(Reason::NumberOutOfRange));
        check(&[0x7f; 130], 40, Err(Reason::NumberOutOfRange));
        check(&[1], 400, Err(Reason::NumberOutOfRange));
        check(&[0], i64::MAX, Ok("0e-9223372036854775807"));
        check(&[1], i64::MIN, Err(Reason::NumberOutOfRange));
    }
}
