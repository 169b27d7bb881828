//! Small lines and bars of windows: no axis, a sentence for those who do not see them.

use maud::{Markup, html};
use std::fmt::Write;

const WIDE: f64 = 120.0;
const HIGH: f64 = 28.0;

/// How a line is coloured: data, or a verdict about it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    Data,
    Fail,
    Warn,
}

impl Tone {
    fn class(self) -> &'static str {
        match self {
            Tone::Data => "",
            Tone::Fail => " f",
            Tone::Warn => " w",
        }
    }
}

/// Values oldest first on a scale from 0 (or the least, where that is below) to the most; a gap where one is NaN.
pub fn line(values: &[f64], tone: Tone, what: &str) -> Markup {
    let known = || values.iter().copied().filter(|value| value.is_finite());
    let (low, high) = (known().fold(0.0, f64::min), known().fold(f64::MIN_POSITIVE, f64::max));
    if known().count() < 2 {
        return html! {};
    }
    let last = (values.len() - 1) as f64;
    let y = |value: f64| HIGH - 2.0 - (HIGH - 4.0) * (value - low) / (high - low);
    let (mut path, mut area, mut begun) = (String::new(), String::new(), None);
    for (at, value) in values.iter().enumerate() {
        let x = WIDE * at as f64 / last;
        // Writing to a text does not fail.
        if !value.is_finite() {
            if let Some(from) = begun.take() {
                let _ = write!(area, "V{HIGH}H{from:.1}Z");
            }
            continue;
        }
        let (step, y) = (if begun.is_none() { 'M' } else { 'L' }, y(*value));
        begun.get_or_insert(x);
        let _ = write!(path, "{step}{x:.1} {y:.1}");
        let _ = write!(area, "{step}{x:.1} {y:.1}");
    }
    if let Some(from) = begun {
        let _ = write!(area, "V{HIGH}H{from:.1}Z");
    }
    html! {
        svg.spark viewBox="0 0 120 28" preserveAspectRatio="none" role="img" aria-label=(what) {
            path class={ "ar" (tone.class()) } d=(area) {}
            path class={ "ln1" (tone.class()) } d=(path) {}
        }
    }
}

/// One bar a window, hatched: what broke a rule. `ends`: the words below its ends.
pub fn bars(values: &[u64], most: &str, ends: (&str, &str), what: &str) -> Markup {
    let highest = values.iter().copied().max().unwrap_or(0).max(1) as f64;
    let step = 600.0 / values.len().max(1) as f64;
    let mut path = String::new();
    for (at, value) in values.iter().enumerate().filter(|(_, value)| **value > 0) {
        let height = (100.0 * *value as f64 / highest).max(2.0);
        let _ =
            write!(path, "M{:.1} 132v-{height:.1}h{:.1}v{height:.1}Z", at as f64 * step + 1.0, (step - 2.0).max(1.0));
    }
    html! {
        svg.chart height="150" role="img" aria-label=(what) {
            svg viewBox="0 0 600 150" width="100%" height="150" preserveAspectRatio="none" {
                path.ax opacity=".5" d="M0 32H600" {}
                path.f2 d=(path) {}
                path fill="url(#hatch)" d=(path) {}
                path.ax d="M0 132H600" {}
            }
            text x="0" y="26" { (most) }
            text x="0" y="147" { (ends.0) }
            text x="100%" y="147" text-anchor="end" { (ends.1) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_has_a_gap_where_nothing_is_known_and_is_none_of_one_point() {
        let text = line(&[1.0, 2.0, f64::NAN, 2.0, 1.0], Tone::Fail, "score").into_string();
        assert!(text.contains("d=\"M0.0 14.0L30.0 2.0M90.0 2.0L120.0 14.0\""), "{text}");
        assert_eq!(line(&[1.0], Tone::Data, "score").into_string(), "");
        assert_eq!(line(&[f64::NAN, f64::NAN], Tone::Data, "score").into_string(), "");
    }
}
