//! Figures as people read them: `7,118`, `7.1 k`, `0.14 %`, `18 min`.

use std::fmt::Write;

/// `128,124`
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut shown = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// `1 topic`, `2 topics`
pub fn counted(number: usize, thing: &str) -> String {
    format!("{} {thing}{}", count(number as u64), if number == 1 { "" } else { "s" })
}

/// A figure in four characters or so: `0.4`, `97.2`, `7.1 k`, `18.2 M`.
pub fn short(number: f64) -> String {
    match number.abs() {
        _ if !number.is_finite() => "–".to_owned(),
        n if n >= 1e9 => format!("{} G", plain(number / 1e9)),
        n if n >= 1e6 => format!("{} M", plain(number / 1e6)),
        n if n >= 10_000.0 => format!("{} k", plain(number / 1e3)),
        _ => plain(number),
    }
}

fn plain(number: f64) -> String {
    let digits = match number.abs() {
        n if n >= 100.0 || n == 0.0 => 0,
        n if n >= 1.0 => 1,
        n if n >= 0.01 => 2,
        _ => 4,
    };
    let text = format!("{number:.digits$}");
    let text = if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { &text };
    text.to_owned()
}

/// A contract's own number, whole: `5,000`, `0.5`, `-1`.
pub fn number(number: f64) -> String {
    match number {
        n if n.fract() == 0.0 && n.abs() < 1e15 => {
            format!("{}{}", if n < 0.0 { "−" } else { "" }, count(n.abs() as u64))
        }
        n => n.to_string(),
    }
}

/// How long ago or how long: `0.4 s`, `18 min`, `3 h`, `6 days`.
pub fn span(ms: i64) -> String {
    match ms.max(0) {
        ms if ms < 10_000 => format!("{} s", plain(ms as f64 / 1e3)),
        ms if ms < 120_000 => format!("{} s", ms / 1000),
        ms if ms < 2 * 3_600_000 => format!("{} min", ms / 60_000),
        ms if ms < 48 * 3_600_000 => format!("{} h", ms / 3_600_000),
        ms => format!("{} days", ms / 86_400_000),
    }
}

/// `0.14 %` of a whole; nothing of nothing is a dash.
pub fn share(part: u64, whole: u64) -> String {
    match whole {
        0 => "–".to_owned(),
        _ if part == 0 => "0 %".to_owned(),
        _ => format!("{} %", plain(100.0 * part as f64 / whole as f64)),
    }
}

/// `13:42` of `2026-11-29T13:42:00Z`.
pub fn clock(rfc3339: &str) -> &str {
    rfc3339.get(11..16).unwrap_or(rfc3339)
}

/// `13:42 to 13:43`, with seconds where they tell the two apart.
pub fn from_to(from: &str, to: &str) -> String {
    let seconds = |text: &str| text.get(11..19).unwrap_or(text).to_owned();
    match clock(from) == clock(to) || !from.ends_with(":00Z") {
        true => format!("{} to {}", seconds(from), seconds(to)),
        false => format!("{} to {}", clock(from), clock(to)),
    }
}

/// `29 Nov 13:42` of `2026-11-29T13:42:00Z`.
pub fn day_and_clock(rfc3339: &str) -> String {
    const MONTHS: [&str; 12] = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let part = |from: usize, to: usize| rfc3339.get(from..to).and_then(|digits| digits.parse::<usize>().ok());
    match (part(5, 7).and_then(|month| MONTHS.get(month.wrapping_sub(1))), part(8, 10)) {
        (Some(month), Some(day)) => format!("{day} {month} {}", clock(rfc3339)),
        _ => rfc3339.to_owned(),
    }
}

/// A part of a path or a query, percent-encoded (RFC 3986): all but what is never special.
pub fn encoded(text: &str) -> String {
    let mut shown = String::new();
    for byte in text.bytes() {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => shown.push(char::from(byte)),
            // Writing to a text does not fail.
            _ => _ = write!(shown, "%{byte:02X}"),
        }
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn figures_are_short_and_exact_where_they_can_be() {
        assert_eq!([0, 999, 1_000, 128_124].map(count), ["0", "999", "1,000", "128,124"]);
        assert_eq!(
            [0.0, 0.14, 97.25, 7_118.0, 18_240.0, 2.5e6].map(short),
            ["0", "0.14", "97.2", "7118", "18.2 k", "2.5 M"]
        );
        assert_eq!([400, 59_000, 1_080_000, 7_200_000].map(span), ["0.4 s", "59 s", "18 min", "2 h"]);
        assert_eq!((share(10, 7_118), share(0, 5), share(0, 0)), ("0.14 %".into(), "0 %".into(), "–".into()));
        assert_eq!((counted(1, "topic"), counted(4, "topic")), ("1 topic".into(), "4 topics".into()));
        assert_eq!([5_000.0, 0.5, -1.0].map(number), ["5,000", "0.5", "−1"]);
        assert_eq!(day_and_clock("2026-11-09T13:42:00Z"), "9 Nov 13:42");
        assert_eq!(encoded("a b/<ü>"), "a%20b%2F%3C%C3%BC%3E");
    }
}
