//! One field in one window: exact counts, moments that merge, and sketches.

use crate::engine::decode::tree::Kind;
use crate::engine::profile::frequent::Frequent;
use crate::engine::profile::quantiles::Quantiles;
use crate::engine::profile::scalar::{Keyed, SHOWN_BYTES_MAX, Scalar, chars_of, is_time, measured};
use crate::engine::profile::shape::{How, Sight, Size};
use crate::engine::profile::sketch::Held;
use crate::engine::profile::values::{Values, merge_into};
use datasketches::hll::HllSketch;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::borrow::Cow;

/// `Field::default()` is the identity of `merge`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Field {
    pub kinds: Kinds,
    pub numbers: Option<Spread>,
    /// The first and the last date or timestamp, in milliseconds since 1970.
    pub moments_ms: Option<(i64, i64)>,
    /// The first and the last time of day, in milliseconds since midnight.
    pub times_ms: Option<(i64, i64)>,
    /// Characters of texts; bytes of bytes.
    pub lengths: Option<Lengths>,
    /// The first and the last text by its bytes, of those that may be shown.
    pub texts: Option<(Box<str>, Box<str>)>,
    pub values: Values,
    pub quantiles: Option<Quantiles>,
    pub length_quantiles: Option<Quantiles>,
}

/// What was found at the field's place, where the object around it was there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kinds {
    pub missing: u64,
    pub null: u64,
    pub boolean: u64,
    /// A number without a fraction.
    pub integer: u64,
    pub number: u64,
    pub text: u64,
    pub bytes: u64,
    /// A date, a timestamp or a time of Avro; JSON has them as texts or numbers.
    pub moment: u64,
    pub array: u64,
    pub object: u64,
}

/// Finite numbers: count, mean and squared distance from it, so that variances merge without cancellation
/// (Chan, Golub, LeVeque 1983).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Spread {
    pub count: u64,
    pub mean: f64,
    pub squares: f64,
    pub min: f64,
    pub max: f64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lengths {
    pub count: u64,
    pub sum: u64,
    pub min: u64,
    pub max: u64,
}

impl Kinds {
    /// How often the field was looked for.
    pub fn total(&self) -> u64 {
        self.missing + self.null + self.present()
    }

    /// Values that are not null.
    pub fn present(&self) -> u64 {
        self.boolean + self.integer + self.number + self.text + self.bytes + self.moment + self.array + self.object
    }

    fn merge(&mut self, other: Kinds) {
        self.missing += other.missing;
        self.null += other.null;
        self.boolean += other.boolean;
        self.integer += other.integer;
        self.number += other.number;
        self.text += other.text;
        self.bytes += other.bytes;
        self.moment += other.moment;
        self.array += other.array;
        self.object += other.object;
    }
}

impl Field {
    /// Looks at a value; what an array or object holds are fields of their own. `keyed` is asked once in a window.
    pub fn see(&mut self, value: Kind<'_>, how: &How, keyed: impl FnOnce() -> Keyed) {
        match value {
            Kind::Null => self.kinds.null += 1,
            Kind::Array(_) => self.kinds.array += 1,
            Kind::Object(_) => self.kinds.object += 1,
            Kind::Bool(b) => {
                self.kinds.boolean += 1;
                self.count(Scalar::Bool(b), how, keyed);
            }
            Kind::Number(number) => {
                let measured = measured(number);
                *(if measured.whole { &mut self.kinds.integer } else { &mut self.kinds.number }) += 1;
                if how.sight != Sight::Classified {
                    if measured.double.is_finite() {
                        self.numbers.get_or_insert(Spread::EMPTY).add(measured.double);
                    }
                    if how.size.quantiles_k > 0 {
                        of_size(&mut self.quantiles, how.size).add(measured.double);
                    }
                }
                self.count(measured.scalar, how, keyed);
            }
            Kind::Bytes(bytes) => {
                self.kinds.bytes += 1;
                self.add_length(bytes.len(), how);
                if !bytes.is_empty() {
                    self.count(Scalar::Bytes(bytes), how, keyed);
                }
            }
            Kind::Moment(moment) => {
                self.kinds.moment += 1;
                if how.sight != Sight::Classified {
                    let floor_ms = moment.nanos.div_euclid(1_000_000);
                    let ms = i64::try_from(floor_ms).unwrap_or(if floor_ms < 0 { i64::MIN } else { i64::MAX });
                    widen(if is_time(moment) { &mut self.times_ms } else { &mut self.moments_ms }, (ms, ms));
                }
                self.count(Scalar::Moment(moment), how, keyed);
            }
            Kind::Text(text) => {
                self.kinds.text += 1;
                let words = Scalar::Text(text).words();
                self.add_length(chars_of(text, words.as_ref()), how);
                // Apache's sketches take no empty text for a value.
                let may_be_new = text.is_empty() || self.values.see(Scalar::Text(text), words, how, keyed);
                if how.sight == Sight::Shown && may_be_new {
                    let text = &text[..text.floor_char_boundary(SHOWN_BYTES_MAX)];
                    self.stretch(text, text);
                }
            }
        }
    }

    #[inline(always)]
    fn count(&mut self, scalar: Scalar<'_>, how: &How, keyed: impl FnOnce() -> Keyed) {
        self.values.see(scalar, scalar.words(), how, keyed);
    }

    #[inline(always)]
    fn add_length(&mut self, length: usize, how: &How) {
        if how.sight != Sight::Classified {
            self.lengths.get_or_insert(Lengths::EMPTY).add(length as u64);
            if how.size.quantiles_k > 0 {
                of_size(&mut self.length_quantiles, how.size).add_whole(length);
            }
        }
    }

    fn stretch(&mut self, first: &str, last: &str) {
        match &mut self.texts {
            Some((min, max)) => {
                if first < &**min {
                    *min = first.into();
                }
                if last > &**max {
                    *max = last.into();
                }
            }
            None => self.texts = Some((first.into(), last.into())),
        }
    }

    pub fn merge(&mut self, other: Field) {
        self.kinds.merge(other.kinds);
        merge_into(&mut self.numbers, other.numbers, |mine, other| mine.merge(other));
        other.moments_ms.into_iter().for_each(|span| widen(&mut self.moments_ms, span));
        other.times_ms.into_iter().for_each(|span| widen(&mut self.times_ms, span));
        other.texts.into_iter().for_each(|(first, last)| self.stretch(&first, &last));
        merge_into(&mut self.lengths, other.lengths, |mine, other| mine.merge(other));
        self.values.merge(other.values);
        merge_into(&mut self.quantiles, other.quantiles, Quantiles::merge);
        merge_into(&mut self.length_quantiles, other.length_quantiles, Quantiles::merge);
    }

    /// Roughly what it weighs when written.
    pub fn size_bytes(&self) -> usize {
        let quantiles = |q: &Option<Quantiles>| q.as_ref().map_or(1, Quantiles::size_bytes);
        let spread = if self.numbers.is_some() { 36 } else { 1 };
        let lengths = if self.lengths.is_some() { 12 } else { 1 };
        let spans = 12 * (usize::from(self.moments_ms.is_some()) + usize::from(self.times_ms.is_some()));
        let texts = self.texts.as_ref().map_or(0, |(first, last)| 3 + first.len() + last.len());
        let fixed = 12 + spread + lengths + spans + texts;
        fixed + self.values.size_bytes() + quantiles(&self.quantiles) + quantiles(&self.length_quantiles)
    }
}

/// As it is written: what version 0.1.0 wrote is read, where it had no more to say.
#[derive(Serialize, Deserialize)]
struct Written<'a> {
    kinds: Kinds,
    numbers: Option<Spread>,
    moments_ms: Option<(i64, i64)>,
    lengths: Option<Lengths>,
    distinct: Option<Cow<'a, Held<HllSketch>>>,
    quantiles: Option<Cow<'a, Quantiles>>,
    length_quantiles: Option<Cow<'a, Quantiles>>,
    rest: Rest<'a>,
}

#[derive(Serialize, Deserialize)]
enum Rest<'a> {
    Nothing,
    Frequent(Cow<'a, Held<Frequent>>),
    All {
        frequent: Option<Cow<'a, Held<Frequent>>>,
        times_ms: Option<(i64, i64)>,
        texts: Option<(Cow<'a, str>, Cow<'a, str>)>,
    },
}

impl Serialize for Field {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let texts = self.texts.as_ref().map(|(first, last)| (Cow::Borrowed(&**first), Cow::Borrowed(&**last)));
        let rest = match (self.values.frequent(), self.times_ms, texts) {
            (None, None, None) => Rest::Nothing,
            (Some(frequent), None, None) => Rest::Frequent(frequent),
            (frequent, times_ms, texts) => Rest::All { frequent, times_ms, texts },
        };
        let written = Written {
            kinds: self.kinds,
            numbers: self.numbers,
            moments_ms: self.moments_ms,
            lengths: self.lengths,
            distinct: self.values.distinct().map(Cow::Borrowed),
            quantiles: self.quantiles.as_ref().map(Cow::Borrowed),
            length_quantiles: self.length_quantiles.as_ref().map(Cow::Borrowed),
            rest,
        };
        written.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Field {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Field, D::Error> {
        let written = Written::deserialize(deserializer)?;
        let (frequent, times_ms, texts) = match written.rest {
            Rest::Nothing => (None, None, None),
            Rest::Frequent(frequent) => (Some(frequent), None, None),
            Rest::All { frequent, times_ms, texts } => (frequent, times_ms, texts),
        };
        Ok(Field {
            kinds: written.kinds,
            numbers: written.numbers,
            moments_ms: written.moments_ms,
            times_ms,
            lengths: written.lengths,
            texts: texts.map(|(first, last)| (first.into(), last.into())),
            values: Values::new(written.distinct.map(Cow::into_owned), frequent.map(Cow::into_owned)),
            quantiles: written.quantiles.map(Cow::into_owned),
            length_quantiles: written.length_quantiles.map(Cow::into_owned),
        })
    }
}

fn widen(span: &mut Option<(i64, i64)>, (first, last): (i64, i64)) {
    let (from, to) = span.unwrap_or((first, last));
    *span = Some((from.min(first), to.max(last)));
}

fn of_size(quantiles: &mut Option<Quantiles>, size: Size) -> &mut Quantiles {
    quantiles.get_or_insert_with(|| Quantiles::new(size.quantiles_k))
}

impl Spread {
    const EMPTY: Spread = Spread { count: 0, mean: 0.0, squares: 0.0, min: f64::INFINITY, max: f64::NEG_INFINITY };

    fn add(&mut self, x: f64) {
        self.count += 1;
        let delta = x - self.mean;
        self.mean += delta / self.count as f64;
        self.squares += delta * (x - self.mean);
        (self.min, self.max) = (self.min.min(x), self.max.max(x));
    }

    fn merge(&mut self, other: Spread) {
        let (n, m) = (self.count as f64, other.count as f64);
        if m == 0.0 {
            return;
        }
        let delta = other.mean - self.mean;
        self.mean += delta * (m / (n + m));
        self.squares += other.squares + delta * delta * (n * m / (n + m));
        self.count += other.count;
        (self.min, self.max) = (self.min.min(other.min), self.max.max(other.max));
    }

    /// Of the numbers as a whole, not of a sample; `None` where doubles cannot say it.
    pub fn standard_deviation(&self) -> Option<f64> {
        let variance = self.squares / self.count as f64;
        (variance.is_finite() && variance >= 0.0).then(|| variance.sqrt())
    }
}

impl Lengths {
    const EMPTY: Lengths = Lengths { count: 0, sum: 0, min: u64::MAX, max: 0 };

    fn add(&mut self, length: u64) {
        self.count += 1;
        self.sum = self.sum.saturating_add(length);
        (self.min, self.max) = (self.min.min(length), self.max.max(length));
    }

    fn merge(&mut self, other: Lengths) {
        self.count += other.count;
        self.sum = self.sum.saturating_add(other.sum);
        (self.min, self.max) = (self.min.min(other.min), self.max.max(other.max));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::check::key::Hashes;
    use crate::engine::decode::moment::{Moment, MomentKind};
    use crate::engine::profile::shape::SIZES;
    use crate::engine::profile::sketch::Sketch;

    const SHOWN: How = How { sight: Sight::Shown, size: SIZES[0].1, scope: 1 };

    fn seen(values: &[Kind<'_>]) -> Field {
        let mut field = Field::default();
        let keyed = || Keyed::of(&Hashes::new(&[7; 16]), 1);
        values.iter().for_each(|value| field.see(*value, &SHOWN, keyed));
        field
    }

    #[test]
    fn what_version_0_1_0_wrote_is_read() {
        let field = seen(&[Kind::Bool(true), Kind::Bool(true)]);
        let sketch = |bytes: Vec<u8>| Some(Ok::<Vec<u8>, String>(bytes));
        let distinct = field.values.distinct().and_then(|d| d.whole().ok()).map(Sketch::to_bytes).expect("one");
        let frequent = field.values.frequent().and_then(|f| f.whole().ok().map(Sketch::to_bytes)).expect("one");
        let none = (None::<Spread>, None::<(i64, i64)>, None::<Lengths>);
        let old = (field.kinds, none, sketch(distinct), None::<Quantiles>, None::<Quantiles>, sketch(frequent));
        let bytes = postcard::to_stdvec(&old).expect("plain data");
        assert_eq!(postcard::from_bytes::<Field>(&bytes), Ok(field));
    }

    #[test]
    fn a_field_is_read_as_it_was_written() {
        let time = |nanos| Kind::Moment(Moment { kind: MomentKind::Time, nanos, zoned: false });
        let field = seen(&[Kind::Text("b"), Kind::Text("a"), time(5_000_000), Kind::Text(""), time(1_999_999)]);
        assert_eq!(field.texts, Some(("".into(), "b".into())));
        assert_eq!((field.times_ms, field.moments_ms), (Some((1, 5)), None));
        let bytes = postcard::to_stdvec(&field).expect("plain data");
        assert_eq!(postcard::from_bytes::<Field>(&bytes), Ok(field));
    }
}
