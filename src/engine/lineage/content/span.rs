//! Where the values of a column lie. So many that they fill their range, as numbers that count up do, prove nothing: whoever
//! counts up has them too.

use crate::engine::profile::scalar::{Keyed, Scalar};
use serde::{Deserialize, Serialize};

/// `Span::default()` is the identity of `merge`, which is associative, commutative and idempotent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Span {
    /// Which kinds of value there are, a bit each.
    kinds: u8,
    numbers: Option<(f64, f64)>,
    /// Decimal places of numbers, `PLACES_MAX` of more.
    places: u32,
    /// Of texts and bytes, in bytes.
    lengths: Option<(usize, usize)>,
    numbered: Numbered,
}

/// Texts that differ in one number alone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
enum Numbered {
    #[default]
    Unseen,
    /// `rest`: the text without its number, as a keyed hash. The numbers to the thousand (`LEAVES`): a text is no statistic, and this
    /// leaves the process.
    So {
        rest: u64,
        first: u64,
        last: u64,
    },
    Free,
}

/// What is cut off of the numbers of texts: far below the 16,000 that a thousand sparse ones lie in.
const LEAVES: u64 = 1_023;

const TEXT: u8 = 1;
const NUMBER: u8 = 2;
const BYTES: u8 = 4;
/// Dates, times, booleans: they prove nothing.
const OTHER: u8 = 8;

/// A number of more places is taken for one that no other has by chance.
const PLACES_MAX: u32 = 7;
/// Of values that were drawn at random from where others lie so many would be among them.
const CHANCE_MAX: f64 = 1.0 / 16.0;

impl Span {
    pub fn see(&mut self, scalar: Scalar<'_>, keyed: &Keyed) {
        let seen = match scalar {
            Scalar::Text(text) if is_moment(text) => Span { kinds: OTHER, ..Span::default() },
            Scalar::Text(text) => {
                let lengths = Some((text.len(), text.len()));
                Span { kinds: TEXT, lengths, numbered: numbered(text, keyed), ..Span::default() }
            }
            Scalar::Bytes(bytes) => Span { kinds: BYTES, lengths: Some((bytes.len(), bytes.len())), ..Span::default() },
            Scalar::Whole { value, .. } => number(value as f64, 0),
            Scalar::Fraction(double) => number(double, places(double)),
            Scalar::Number(large) => number(large.as_f64(), PLACES_MAX),
            Scalar::Bool(_) | Scalar::Moment(_) => Span { kinds: OTHER, ..Span::default() },
        };
        self.merge(seen);
    }

    pub fn merge(&mut self, other: Span) {
        self.kinds |= other.kinds;
        self.places = self.places.max(other.places);
        self.numbers = wider(self.numbers, other.numbers);
        self.lengths = wider(self.lengths, other.lengths);
        self.numbered = match (self.numbered, other.numbered) {
            (Numbered::Unseen, n) | (n, Numbered::Unseen) => n,
            (Numbered::So { rest, first, last }, Numbered::So { rest: r, first: f, last: l }) if rest == r => {
                Numbered::So { rest, first: first.min(f), last: last.max(l) }
            }
            _ => Numbered::Free,
        };
    }

    /// Whether values of it may be of use at all: of one kind, and none that time itself makes.
    pub fn is_plain(&self) -> bool {
        [TEXT, NUMBER, BYTES].contains(&self.kinds)
    }

    /// Whether so many distinct values are too few of those possible to be there by chance.
    pub fn is_sparse(&self, distinct: f64) -> bool {
        let possible = match (self.kinds, self.numbers, self.numbered) {
            (NUMBER, Some((min, max)), _) if self.places < PLACES_MAX => {
                (max - min) * 10f64.powi(self.places as i32) + 1.0
            }
            (TEXT, _, Numbered::So { first, last, .. }) => (last - first) as f64 + 1.0,
            _ => f64::INFINITY,
        };
        distinct <= CHANCE_MAX * possible
    }

    /// Whether what lies here may be among what lies there: the first two steps of R2D2's cascade (arXiv 2312.13427).
    pub fn may_be_within(&self, other: &Span) -> bool {
        let within = |mine: Option<(f64, f64)>, others: Option<(f64, f64)>| match (mine, others) {
            (Some((min, max)), Some((low, high))) => {
                // A few values may be older than what the other has seen.
                let slack = (high - low) * 0.1;
                min >= low - slack && max <= high + slack
            }
            (mine, others) => mine.is_none() && others.is_none(),
        };
        let lengths = |span: &Span| span.lengths.map(|(min, max)| (min as f64, max as f64));
        self.kinds == other.kinds && within(self.numbers, other.numbers) && within(lengths(self), lengths(other))
    }
}

fn number(double: f64, places: u32) -> Span {
    Span { kinds: NUMBER, numbers: double.is_finite().then_some((double, double)), places, ..Span::default() }
}

fn places(double: f64) -> u32 {
    let is_whole = |places: &u32| {
        let scaled = double * 10f64.powi(*places as i32);
        (scaled - scaled.round()).abs() <= scaled.abs() * 1e-12
    };
    (0..PLACES_MAX).find(is_whole).unwrap_or(PLACES_MAX)
}

fn wider<T: PartialOrd>(mine: Option<(T, T)>, other: Option<(T, T)>) -> Option<(T, T)> {
    match (mine, other) {
        (Some((min, max)), Some((low, high))) => {
            Some((if low < min { low } else { min }, if high > max { high } else { max }))
        }
        (mine, other) => mine.or(other),
    }
}

/// `2026-01-31…`: two topics that run at the same time share such texts.
fn is_moment(text: &str) -> bool {
    let bytes = text.as_bytes();
    let is_digit = |at: &usize| bytes.get(*at).is_some_and(u8::is_ascii_digit);
    [0, 1, 2, 3, 5, 6, 8, 9].iter().all(is_digit) && bytes.get(4) == Some(&b'-') && bytes.get(7) == Some(&b'-')
}

/// By its last run of digits.
fn numbered(text: &str, keyed: &Keyed) -> Numbered {
    let end = text.rfind(|c: char| c.is_ascii_digit()).map(|at| at + 1);
    let Some(end) = end else { return Numbered::Free };
    let start = text[..end]
        .rfind(|c: char| !c.is_ascii_digit())
        .map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8));
    let Ok(number) = text[start..end].parse::<u64>() else { return Numbered::Free };
    let rest = keyed.hash(Scalar::Text(&format!("{}\0{}", &text[..start], &text[end..])));
    Numbered::So { rest, first: number & !LEAVES, last: number | LEAVES }
}
