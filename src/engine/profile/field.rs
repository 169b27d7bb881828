//! One field in one window: exact counts, moments that merge, and sketches.

use crate::engine::check::key::Hashes;
use crate::engine::decode::number::Number;
use crate::engine::decode::tree::{Kind, Value};
use crate::engine::profile::frequent::Frequent;
use crate::engine::profile::quantiles::Quantiles;
use crate::engine::profile::shape::{How, Sight, Size};
use crate::engine::profile::sketch::{Held, Sketch};
use datasketches::hash::value::{canonical_float, raw_bytes};
use datasketches::hll::{Coupon, HllSketch, HllType};
use serde::{Deserialize, Serialize};

/// `Field::default()` is the identity of `merge`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Field {
    pub kinds: Kinds,
    pub numbers: Option<Spread>,
    /// The first and the last moment, in milliseconds since 1970; of times, since midnight.
    pub moments_ms: Option<(i64, i64)>,
    /// Characters of texts; bytes of bytes.
    pub lengths: Option<Lengths>,
    /// Of values that are neither null nor composed.
    pub distinct: Option<Held<HllSketch>>,
    pub quantiles: Option<Quantiles>,
    pub length_quantiles: Option<Quantiles>,
    pub frequent: Option<Held<Frequent>>,
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

/// A longer text is shown as its hash: a sketch that keeps values must not grow with theirs.
pub const SHOWN_BYTES_MAX: usize = 64;

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
    /// Looks at a value; what an array or object holds are fields of their own.
    pub fn see(&mut self, value: Value<'_>, how: How, hashes: &Hashes) {
        match value.kind() {
            Kind::Null => self.kinds.null += 1,
            Kind::Array(_) => self.kinds.array += 1,
            Kind::Object(_) => self.kinds.object += 1,
            Kind::Bool(b) => {
                self.kinds.boolean += 1;
                self.count_value(value, how, hashes, || Coupon::from_value(i64::from(b)));
            }
            Kind::Number(number) => {
                let whole = number.is_whole();
                *(if whole { &mut self.kinds.integer } else { &mut self.kinds.number }) += 1;
                let double = number.as_f64();
                if how.sight != Sight::Classified {
                    if double.is_finite() {
                        self.numbers.get_or_insert(Spread::EMPTY).add(double);
                    }
                    add_to(&mut self.quantiles, how.size, double);
                }
                self.count_value(value, how, hashes, || coupon(number, double));
            }
            Kind::Bytes(bytes) => {
                self.kinds.bytes += 1;
                self.add_length(bytes.len(), how);
                if !bytes.is_empty() {
                    self.count_value(value, how, hashes, || Coupon::from_value(raw_bytes::from_slice(bytes)));
                }
            }
            Kind::Moment(moment) => {
                self.kinds.moment += 1;
                if how.sight != Sight::Classified {
                    let ms = moment.nanos.div_euclid(1_000_000) as i64;
                    self.span((ms, ms));
                }
                // As a long, of nanoseconds where 64 bits hold them.
                self.count_value(value, how, hashes, || match i64::try_from(moment.nanos) {
                    Ok(nanos) => Coupon::from_value(nanos),
                    Err(_) => Coupon::from_value(canonical_float::from_f64(moment.nanos as f64)),
                });
            }
            Kind::Text(text) => {
                self.kinds.text += 1;
                self.add_length(text.chars().count(), how);
                // Apache's sketches take no empty text for a value.
                if !text.is_empty() {
                    self.count_value(value, how, hashes, || Coupon::from_value(raw_bytes::from_str(text)));
                }
            }
        }
    }

    fn add_length(&mut self, length: usize, how: How) {
        if how.sight != Sight::Classified {
            self.lengths.get_or_insert(Lengths::EMPTY).add(length as u64);
            add_to(&mut self.length_quantiles, how.size, length as f64);
        }
    }

    fn span(&mut self, (first, last): (i64, i64)) {
        let (from, to) = self.moments_ms.unwrap_or((first, last));
        self.moments_ms = Some((from.min(first), to.max(last)));
    }

    fn count_value(&mut self, value: Value<'_>, how: How, hashes: &Hashes, coupon: impl FnOnce() -> Coupon) {
        if how.size.lg_k == 0 {
            return;
        }
        let coupon = match how.sight {
            // A keyed hash is a value as any other to the sketch. Apache's own hash needs no key, and so tells whoever
            // guesses a value whether it was there.
            Sight::Classified | Sight::Hashed => Coupon::from_value(hashes.within(how.scope).of([value])),
            Sight::Shown => coupon(),
        };
        let distinct = self.distinct.get_or_insert_with(|| distinct(how.size.lg_k));
        if let Held::Whole(sketch) = distinct {
            sketch.update_with_coupon(coupon);
        }
        if how.size.frequent == 0 || how.sight == Sight::Classified {
            return;
        }
        let frequent = self.frequent.get_or_insert_with(|| frequent(how.size.frequent));
        let Held::Whole(sketch) = frequent else { return };
        match (how.sight, value.kind()) {
            (Sight::Shown, Kind::Text(text)) if text.len() <= SHOWN_BYTES_MAX => sketch.update_ref(text),
            (Sight::Shown, Kind::Bool(b)) => sketch.update_ref(if b { "true" } else { "false" }),
            (Sight::Shown, Kind::Number(number)) => sketch.update(shown(number)),
            _ => sketch.update_ref(hex(hashes.within(how.scope).of([value]), &mut [0; 17])),
        }
    }

    pub fn merge(&mut self, other: Field) {
        self.kinds.merge(other.kinds);
        merge_into(&mut self.numbers, other.numbers, |mine, other| mine.merge(other));
        if let Some(span) = other.moments_ms {
            self.span(span);
        }
        merge_into(&mut self.lengths, other.lengths, |mine, other| mine.merge(other));
        merge_into(&mut self.distinct, other.distinct, Held::merge);
        merge_into(&mut self.quantiles, other.quantiles, Quantiles::merge);
        merge_into(&mut self.length_quantiles, other.length_quantiles, Quantiles::merge);
        merge_into(&mut self.frequent, other.frequent, Held::merge);
    }

    /// Roughly what it weighs when written.
    pub fn size_bytes(&self) -> usize {
        fn of<S: Sketch>(held: &Option<Held<S>>) -> usize {
            held.as_ref().map_or(1, Held::size_bytes)
        }
        let quantiles = |q: &Option<Quantiles>| q.as_ref().map_or(1, Quantiles::size_bytes);
        let spread = if self.numbers.is_some() { 36 } else { 1 };
        let lengths = if self.lengths.is_some() { 12 } else { 1 };
        12 + spread
            + lengths
            + of(&self.distinct)
            + of(&self.frequent)
            + quantiles(&self.quantiles)
            + quantiles(&self.length_quantiles)
    }
}

pub fn merge_into<T>(mine: &mut Option<T>, other: Option<T>, merge: impl FnOnce(&mut T, T)) {
    match (mine.as_mut(), other) {
        (Some(mine), Some(other)) => merge(mine, other),
        (None, other) => *mine = other,
        (Some(_), None) => {}
    }
}

fn add_to(quantiles: &mut Option<Quantiles>, size: Size, number: f64) {
    if size.quantiles_k > 0 {
        quantiles.get_or_insert_with(|| Quantiles::new(size.quantiles_k)).add(number);
    }
}

pub fn distinct(lg_k: u8) -> Held<HllSketch> {
    match HllSketch::new(lg_k, HllType::Hll8) {
        Ok(sketch) => Held::Whole(sketch),
        Err(error) => Held::Broken(error.to_string()),
    }
}

fn frequent(map: usize) -> Held<Frequent> {
    match Frequent::new(map) {
        Ok(sketch) => Held::Whole(sketch),
        Err(error) => Held::Broken(error.to_string()),
    }
}

/// What Apache's `update(long)` and `update(double)` hash, so that sketches of other tools merge with ours: a whole
/// number of 64 bits is a long, however a JSON record writes it; what Avro calls a float or double is a double.
fn coupon(number: Number<'_>, double: f64) -> Coupon {
    let typed = matches!(number, Number::Float(_) | Number::Single(_));
    match number.integer().filter(|_| !typed) {
        Some(whole) if i64::try_from(whole).is_ok() => Coupon::from_value(whole as i64),
        Some(whole) if u64::try_from(whole).is_ok() => Coupon::from_value(whole as u64),
        _ => Coupon::from_value(canonical_float::from_f64(double)),
    }
}

fn shown(number: Number<'_>) -> String {
    match number.integer() {
        Some(whole) => whole.to_string(),
        None => number.as_f64().to_string(),
    }
}

/// `#` and 16 hexadecimal digits: no JSON value that is shown begins so and is as long, unless it means to.
fn hex(hash: u64, into: &mut [u8; 17]) -> &str {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    into[0] = b'#';
    for (i, place) in into[1..].iter_mut().enumerate() {
        *place = DIGITS[(hash >> (60 - 4 * i)) as usize & 15];
    }
    std::str::from_utf8(into).unwrap_or_default()
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
        self.merge(Lengths { count: 1, sum: length, min: length, max: length });
    }

    fn merge(&mut self, other: Lengths) {
        self.count += other.count;
        self.sum = self.sum.saturating_add(other.sum);
        (self.min, self.max) = (self.min.min(other.min), self.max.max(other.max));
    }
}
