//! A variant as JSON text, in the one form that all of Confluent's clients write (`VariantUtils.toJsonString` and
//! `CanonicalNumber` of `schema-types`): decimals without an exponent, doubles as Java writes them, times as ISO 8601 with their
//! seconds. What JSON has no numbers for is a bare `NaN`, `Infinity` or `-Infinity`.

use crate::engine::expr::value::{BAD_ARGUMENT, Error};
use crate::engine::expr::variant::Variant;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::civil::Date;
use std::fmt::{LowerExp, Write};

/// The error: a date, a time or a timestamp that has no such form, as its year has not four digits.
pub fn write(of: &Variant) -> Result<String, Error> {
    let mut out = String::new();
    value(of, &mut out)?;
    Ok(out)
}

/// Recursion goes as deep as variants are read.
fn value(of: &Variant, out: &mut String) -> Result<(), Error> {
    match of {
        Variant::Null => out.push_str("null"),
        Variant::Bool(b) => out.push_str(if *b { "true" } else { "false" }),
        Variant::Int(i) => show(i, out),
        Variant::Float(f) => out.push_str(&number(*f, f64::from(*f))),
        Variant::Double(d) => out.push_str(&number(*d, *d)),
        Variant::Decimal(decimal) => show(decimal, out),
        Variant::Date(days) => text(&date(i64::from(*days))?, out),
        Variant::Time(micros) => text(&time(i128::from(*micros) * 1_000)?, out),
        Variant::Timestamp { nanos, zoned } => {
            let days = i64::try_from(nanos.div_euclid(NANOS_PER_DAY)).map_err(|_| BAD_ARGUMENT)?;
            let zone = if *zoned { "Z" } else { "" };
            text(&format!("{}T{}{zone}", date(days)?, time(nanos.rem_euclid(NANOS_PER_DAY))?), out);
        }
        Variant::Text(of) => text(of, out),
        Variant::Bytes(bytes) => text(&STANDARD.encode(bytes), out),
        Variant::Uuid(id) => text(&uuid(*id), out),
        Variant::Array(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                separate(i, out);
                value(item, out)?;
            }
            out.push(']');
        }
        Variant::Object(members) => {
            out.push('{');
            for (i, (name, member)) in members.iter().enumerate() {
                separate(i, out);
                text(name, out);
                out.push(':');
                value(member, out)?;
            }
            out.push('}');
        }
    }
    Ok(())
}

const NANOS_PER_DAY: i128 = 86_400_000_000_000;

fn show(of: &impl std::fmt::Display, out: &mut String) {
    // Writing to a text does not fail.
    let _ = write!(out, "{of}");
}

fn separate(at: usize, out: &mut String) {
    if at > 0 {
        out.push(',');
    }
}

/// The shortest digits that read back as the number, which Rust chooses too; in Java's layout of them: with a point between a thousandth
/// and ten millions, else with an exponent, and always a digit on both sides of the point.
fn number(of: impl LowerExp, value: f64) -> String {
    if !value.is_finite() {
        let word = if value.is_nan() { "NaN" } else { "Infinity" };
        return if value < 0.0 { format!("-{word}") } else { word.to_owned() };
    }
    let shown = format!("{of:e}");
    let (mantissa, exponent) = shown.split_once('e').unwrap_or((&shown, "0"));
    let (sign, mantissa) = mantissa.strip_prefix('-').map_or(("", mantissa), |rest| ("-", rest));
    let digits = mantissa.replace('.', "");
    let digit_or_zero = |rest: &str| if rest.is_empty() { "0".to_owned() } else { rest.to_owned() };
    match exponent.parse().unwrap_or(0) {
        exponent @ -3..0 => format!("{sign}0.{}{digits}", "0".repeat(-exponent as usize - 1)),
        exponent @ 0..7 => {
            let whole = exponent as usize + 1;
            let digits = format!("{digits:0<whole$}");
            let (whole, fraction) = digits.split_at(whole);
            format!("{sign}{whole}.{}", digit_or_zero(fraction))
        }
        exponent => format!("{sign}{}.{}E{exponent}", &digits[..1], digit_or_zero(&digits[1..])),
    }
}

/// Days since 1970, in the years 1 to 9999.
fn date(days: i64) -> Result<String, Error> {
    let since = jiff::Span::new().try_days(days).map_err(|_| BAD_ARGUMENT)?;
    let date = Date::constant(1970, 1, 1).checked_add(since).map_err(|_| BAD_ARGUMENT)?;
    if date.year() < 1 { Err(BAD_ARGUMENT) } else { Ok(date.to_string()) }
}

/// Nanoseconds since midnight. The fraction has three, six or nine digits, or none.
fn time(nanos: i128) -> Result<String, Error> {
    if !(0..NANOS_PER_DAY).contains(&nanos) {
        return Err(BAD_ARGUMENT);
    }
    let (seconds, fraction) = ((nanos / 1_000_000_000) as i32, (nanos % 1_000_000_000) as i32);
    let at = format!("{:02}:{:02}:{:02}", seconds / 3_600, seconds / 60 % 60, seconds % 60);
    Ok(match fraction {
        0 => at,
        milli if milli % 1_000_000 == 0 => format!("{at}.{:03}", milli / 1_000_000),
        micro if micro % 1_000 == 0 => format!("{at}.{:06}", micro / 1_000),
        nano => format!("{at}.{nano:09}"),
    })
}

fn uuid(id: u128) -> String {
    let hex = format!("{id:032x}");
    [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| &hex[part]).join("-")
}

/// As Jackson writes it: what need not be escaped is not, and of what has no letter the code is in capitals.
fn text(of: &str, out: &mut String) {
    out.push('"');
    for c in of.chars() {
        match c {
            '"' => out.push_str("\\\""),
            '\\' => out.push_str("\\\\"),
            '\u{8}' => out.push_str("\\b"),
            '\t' => out.push_str("\\t"),
            '\n' => out.push_str("\\n"),
            '\u{c}' => out.push_str("\\f"),
            '\r' => out.push_str("\\r"),
            c if c < ' ' => out.push_str(&format!("\\u{:04X}", c as u32)),
            c => out.push(c),
        }
    }
    out.push('"');
}
