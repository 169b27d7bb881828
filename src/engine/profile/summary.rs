//! A window's profile as its event says it: plain numbers, each estimate with its published error.

use crate::engine::check::tally::{Counts, Tally};
use crate::engine::contract::plan::Plan;
use crate::engine::profile::field::{Field, Kinds, Lengths, Spread};
use crate::engine::profile::frequent;
use crate::engine::profile::quantiles::Quantiles;
use crate::engine::profile::shape::{FIELDS_MAX, Sight, Size};
use crate::engine::profile::sketch::{Held, Sketch};
use crate::engine::profile::topic::Topic;
use datasketches::common::NumStdDev;
use datasketches::hll::HllSketch;

/// The ranks of published quantiles.
pub const RANKS: [f64; 7] = [0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99];
/// Frequent values that are published of one field.
pub const FREQUENT_MAX: usize = 10;

/// What is known of the values of one window.
#[derive(Clone, Debug, PartialEq)]
pub struct Summary {
    /// Why some of it is not known; empty where all is.
    pub incomplete: Vec<String>,
    pub topic: TopicSummary,
    pub fields: Vec<FieldSummary>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct TopicSummary {
    pub counts: Counts,
    pub null_keys: u64,
    /// Of key and value, in bytes.
    pub sizes: Option<QuantilesSummary>,
    /// The first and the last timestamp of a record.
    pub times_ms: Option<(i64, i64)>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct FieldSummary {
    /// The contract's object; `None` for a field that no contract describes.
    pub object: Option<String>,
    pub path: String,
    pub classified: bool,
    pub kinds: Kinds,
    pub numbers: Option<Spread>,
    pub moments_ms: Option<(i64, i64)>,
    /// Times of day.
    pub times_ms: Option<(i64, i64)>,
    /// The first and the last text.
    pub texts: Option<(String, String)>,
    pub lengths: Option<Lengths>,
    pub quantiles: Option<QuantilesSummary>,
    pub length_quantiles: Option<QuantilesSummary>,
    pub distinct: Option<Distinct>,
    pub frequent: Option<FrequentSummary>,
    /// Apache DataSketches' bytes.
    pub sketches: Sketches,
    /// What could not be read.
    pub errors: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct QuantilesSummary {
    /// By how much a quantile's rank may be off, 0 to 1, with a confidence of 99 %; 0 where they are exact.
    pub rank_error: f64,
    /// At `RANKS`.
    pub values: Vec<f64>,
}

/// How many values are distinct.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Distinct {
    pub estimate: f64,
    /// Two standard deviations below and above.
    pub lower: f64,
    pub upper: f64,
    /// Of the estimate: 1.04 / sqrt(2^lg_k) of registers, next to nothing while there are few.
    pub relative_standard_error: f64,
}

#[derive(Clone, Debug, PartialEq)]
pub struct FrequentSummary {
    /// No count is off by more.
    pub max_error: u64,
    pub values: Vec<frequent::Often>,
    /// The values are keyed hashes.
    pub hashed: bool,
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Sketches {
    pub distinct: Option<Vec<u8>>,
    pub quantiles: Option<Vec<u8>>,
    pub length_quantiles: Option<Vec<u8>>,
    pub frequent: Option<Vec<u8>>,
}

/// What a window's tally says, field by field in the order of the contract, then those that it does not describe.
pub fn summary(plan: &Plan, tally: &Tally) -> Summary {
    let profile = &tally.profile;
    let nothing = Field::default();
    let described = plan.profile.fields.iter().enumerate().map(|(number, planned)| {
        let seen = profile.fields.get(number).and_then(Option::as_deref).unwrap_or(&nothing);
        let object = plan.objects.get(planned.object).map(|object| object.name.clone());
        field(object.unwrap_or_default().into(), planned.path.to_string(), planned.how.sight, seen)
    });
    let extra = profile.extra.iter().map(|(path, seen)| field(None, path.clone(), Sight::Classified, seen));
    Summary {
        incomplete: incomplete(plan, tally),
        topic: topic(tally.counts, &profile.topic),
        fields: described.chain(extra).collect(),
    }
}

fn incomplete(plan: &Plan, tally: &Tally) -> Vec<String> {
    let mut reasons = Vec::new();
    let fields = plan.profile.fields.len();
    let size = plan.profile.fields.first().map(|f| f.how.size);
    match size {
        Some(Size { lg_k: 0, .. }) => {
            reasons.push(format!("{fields} fields are too many for sketches: they have counts"))
        }
        Some(Size { quantiles_k: 0, .. }) => {
            reasons.push(format!("{fields} fields are too many for quantiles and frequent values"));
        }
        _ => {}
    }
    if plan.profile.left_out > 0 {
        reasons.push(format!("{} fields beyond {FIELDS_MAX} have no profile", plan.profile.left_out));
    }
    if let Some(Err(reason)) = tally.profile.topic.sizes.as_ref().map(quantiles) {
        reasons.push(format!("sizes of records: {reason}"));
    }
    if tally.profile.folded > 0 {
        reasons.push(format!("{} values of fields outside the contract have no profile", tally.profile.folded));
    }
    reasons
}

fn topic(counts: Counts, topic: &Topic) -> TopicSummary {
    let sizes = topic.sizes.as_ref().and_then(|sizes| quantiles(sizes).ok());
    TopicSummary { counts, null_keys: topic.null_keys, sizes, times_ms: topic.times_ms }
}

fn field(object: Option<String>, path: String, sight: Sight, seen: &Field) -> FieldSummary {
    let (mut errors, mut sketches) = (Vec::new(), Sketches::default());
    let ranked = |from: &Option<Quantiles>, sketch: &mut Option<Vec<u8>>, errors: &mut Vec<String>| {
        let from = from.as_ref()?.settled();
        *sketch = from.sketch().ok().map(|kll| kll.to_bytes());
        quantiles(&from).map_err(|error| errors.push(error)).ok()
    };
    let of_numbers = ranked(&seen.quantiles, &mut sketches.quantiles, &mut errors);
    let of_lengths = ranked(&seen.length_quantiles, &mut sketches.length_quantiles, &mut errors);
    let distinct = whole(seen.values.distinct(), &mut errors).map(|sketch| {
        let bytes = sketch.to_bytes();
        let found = distinct(sketch, &bytes);
        sketches.distinct = Some(bytes);
        found
    });
    let frequent = seen.values.frequent();
    let frequent = whole(frequent.as_deref(), &mut errors).map(|sketch| {
        sketches.frequent = Some(sketch.to_bytes());
        FrequentSummary {
            max_error: sketch.maximum_error(),
            values: frequent::most(sketch, FREQUENT_MAX),
            hashed: sight != Sight::Shown,
        }
    });
    FieldSummary {
        object,
        path,
        classified: sight == Sight::Classified,
        kinds: seen.kinds,
        numbers: seen.numbers,
        moments_ms: seen.moments_ms,
        times_ms: seen.times_ms,
        texts: seen.texts.as_ref().map(|(first, last)| (first.to_string(), last.to_string())),
        lengths: seen.lengths,
        quantiles: of_numbers,
        length_quantiles: of_lengths,
        distinct,
        frequent,
        sketches,
        errors,
    }
}

fn whole<'s, S: Sketch>(held: Option<&'s Held<S>>, errors: &mut Vec<String>) -> Option<&'s S> {
    held?.whole().map_err(|reason| errors.push(reason.to_owned())).ok()
}

fn quantiles(from: &Quantiles) -> Result<QuantilesSummary, String> {
    from.at(&RANKS).map(|(values, rank_error)| QuantilesSummary { rank_error, values })
}

/// The asymptotic error of HyperLogLog without HIP, as Apache publishes it: sqrt(3 ln 2 - 1).
const HLL_FACTOR: f64 = 1.0389617614136892;
/// Where an HLL sketch's bytes say whether it holds registers, and that they do.
const MODE_AT: usize = 7;
const MODE_REGISTERS: u8 = 2;

pub fn distinct(sketch: &HllSketch, bytes: &[u8]) -> Distinct {
    let registers = bytes.get(MODE_AT).is_some_and(|mode| mode & 3 == MODE_REGISTERS);
    let error = if registers { HLL_FACTOR / f64::from(1u32 << sketch.lg_config_k()).sqrt() } else { 0.0 };
    Distinct {
        estimate: sketch.estimate(),
        lower: sketch.lower_bound(NumStdDev::Two),
        upper: sketch.upper_bound(NumStdDev::Two),
        relative_standard_error: error,
    }
}
