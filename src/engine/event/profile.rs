//! `io.meshsteward.quality.profile.v1`: what the values of one window look like.

use crate::engine::event::envelope::{self, About, Event, Source, clip, json, rfc3339};
use crate::engine::event::window::{self, ContractValue, Span, Window};
use crate::engine::profile::field::Lengths;
use crate::engine::profile::summary::{FieldSummary, QuantilesSummary, RANKS, Sketches, Summary, TopicSummary};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

pub const KIND: &str = "io.meshsteward.quality.profile.v1";

/// What the fields of an event may weigh, without their sketches: some 1.2 kB each, so 150 of them. With the sketches'
/// share and 16 KiB for names and the topic the event stays within 336 KiB.
pub const FIELDS_BYTES_MAX: usize = 192 * 1024;
/// What sketches may weigh in base64: eight fields of full ones at 15 kB, or a hundred of low cardinality.
pub const SKETCHES_BYTES_MAX: usize = 128 * 1024;
/// What they may weigh whatever the window's records weigh: one field of full ones, or a dozen of low cardinality.
const SKETCHES_BYTES_FREE: usize = 16 * 1024;
/// Beyond it sketches weigh one part of so many of the window's records: events, state and deltas are a fifth of the data together, and
/// deltas alone are a tenth and more.
const DATA_A_SKETCH: u64 = 20;

/// The event, and its value without sketches, which is what requests are answered with.
pub fn event(source: &Source, window: &Window<'_>, summary: &Summary) -> (Event, Vec<u8>) {
    let about = About {
        kind: KIND,
        schema: "quality.profile.v1.json",
        id: window::id(KIND, window),
        product: window.product,
        time_ms: window.end_ms,
        severity: None,
        // It judges nothing.
        verdict: "skip",
    };
    let mut value = fitting(window, summary);
    let event = envelope::event(source, about, &value);
    for field in &mut value.fields {
        field.sketches = None;
    }
    (event, json(&value))
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Value {
    product: String,
    domain: String,
    owner: String,
    contract: ContractValue,
    window: Span,
    exact: bool,
    /// The share of the records that the fields are of, where that is not all.
    #[serde(skip_serializing_if = "Option::is_none")]
    sampled: Option<f64>,
    /// Whether every field has all that a profile can say.
    complete: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    incomplete: Vec<String>,
    topic: TopicValue,
    fields: Vec<FieldValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    omitted: Option<Omitted>,
}

/// What did not fit.
#[derive(Debug, Default, Serialize)]
struct Omitted {
    fields: usize,
    /// Fields whose sketches are missing.
    sketches: usize,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct TopicValue {
    records: u64,
    bytes: u64,
    tombstones: u64,
    undecodable: u64,
    null_keys: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    record_bytes: Option<QuantilesValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    first_record: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_record: Option<String>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FieldValue {
    #[serde(skip_serializing_if = "Option::is_none")]
    object: Option<String>,
    path: String,
    classified: bool,
    count: u64,
    missing: u64,
    null: u64,
    types: Types,
    #[serde(skip_serializing_if = "Option::is_none")]
    numbers: Option<NumbersValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    moments: Option<MomentsValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    times: Option<MomentsValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    texts: Option<TextsValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    lengths: Option<LengthsValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    distinct: Option<DistinctValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequent: Option<FrequentValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sketches: Option<SketchesValue>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    errors: Vec<String>,
}

/// Zeros are left out.
#[derive(Debug, Serialize)]
struct Types {
    #[serde(skip_serializing_if = "is_zero")]
    boolean: u64,
    #[serde(skip_serializing_if = "is_zero")]
    integer: u64,
    #[serde(skip_serializing_if = "is_zero")]
    number: u64,
    #[serde(skip_serializing_if = "is_zero")]
    text: u64,
    #[serde(skip_serializing_if = "is_zero")]
    bytes: u64,
    #[serde(skip_serializing_if = "is_zero")]
    moment: u64,
    #[serde(skip_serializing_if = "is_zero")]
    array: u64,
    #[serde(skip_serializing_if = "is_zero")]
    object: u64,
}

/// What is no number any more (beyond doubles) is `null`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct NumbersValue {
    count: u64,
    min: f64,
    max: f64,
    mean: f64,
    standard_deviation: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    quantiles: Option<QuantilesValue>,
}

/// What its text cannot say is told in milliseconds.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct MomentsValue {
    #[serde(skip_serializing_if = "Option::is_none")]
    min: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    min_ms: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_ms: Option<i64>,
}

#[derive(Debug, Serialize)]
struct TextsValue {
    min: String,
    max: String,
}

#[derive(Debug, Serialize)]
struct LengthsValue {
    count: u64,
    min: u64,
    max: u64,
    mean: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    quantiles: Option<QuantilesValue>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct QuantilesValue {
    rank_error: f64,
    values: Vec<Quantile>,
}

#[derive(Debug, Serialize)]
struct Quantile {
    rank: f64,
    value: f64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct DistinctValue {
    estimate: f64,
    lower: f64,
    upper: f64,
    relative_standard_error: f64,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct FrequentValue {
    max_error: u64,
    values: Vec<OftenValue>,
}

#[derive(Debug, Serialize)]
struct OftenValue {
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    /// A keyed hash of the value.
    #[serde(skip_serializing_if = "Option::is_none")]
    hash: Option<String>,
    lower: u64,
    upper: u64,
}

/// Apache DataSketches' bytes in base64.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct SketchesValue {
    #[serde(skip_serializing_if = "Option::is_none")]
    hll: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kll_doubles: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    kll_doubles_of_lengths: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    frequent_strings: Option<String>,
}

/// Fields in their order, as long as there is room; sketches likewise, and they go first.
fn fitting(window: &Window<'_>, summary: &Summary) -> Value {
    let share = usize::try_from(summary.topic.counts.bytes / DATA_A_SKETCH).unwrap_or(SKETCHES_BYTES_MAX);
    let (mut fields_left, mut sketches_left) = (FIELDS_BYTES_MAX, share.clamp(SKETCHES_BYTES_FREE, SKETCHES_BYTES_MAX));
    let mut omitted = Omitted::default();
    let mut fields = Vec::new();
    for field in &summary.fields {
        let mut value = field_value(field);
        if !take(&mut fields_left, &value) {
            omitted.fields += 1;
            continue;
        }
        if let Some(sketches) = sketches_value(&field.sketches) {
            if take(&mut sketches_left, &sketches) {
                value.sketches = Some(sketches);
            } else {
                omitted.sketches += 1;
            }
        }
        fields.push(value);
    }
    let whole = omitted.fields + omitted.sketches == 0 && fields.iter().all(|field| field.errors.is_empty());
    Value {
        product: window.product.to_string(),
        domain: window.product.domain.clone(),
        owner: clip(window.owner),
        contract: window::contract_value(window.contract_id, window.contract_version, window.hash),
        window: window::span(window),
        exact: window.exact,
        sampled: window.sampled.map(|sampled| sampled.share),
        complete: summary.incomplete.is_empty() && whole,
        incomplete: summary.incomplete.clone(),
        topic: topic_value(&summary.topic),
        fields,
        omitted: (omitted.fields + omitted.sketches > 0).then_some(omitted),
    }
}

/// Whether the item and its comma still fit into what is left.
fn take(left: &mut usize, item: &impl Serialize) -> bool {
    match left.checked_sub(json(item).len() + 1) {
        Some(rest) => {
            *left = rest;
            true
        }
        None => false,
    }
}

fn topic_value(topic: &TopicSummary) -> TopicValue {
    TopicValue {
        records: topic.counts.records,
        bytes: topic.counts.bytes,
        tombstones: topic.counts.tombstones,
        undecodable: topic.counts.undecodable,
        null_keys: topic.null_keys,
        record_bytes: topic.sizes.as_ref().map(quantiles_value),
        first_record: topic.times_ms.map(|(first, _)| rfc3339(first)),
        last_record: topic.times_ms.map(|(_, last)| rfc3339(last)),
    }
}

fn field_value(field: &FieldSummary) -> FieldValue {
    let kinds = field.kinds;
    FieldValue {
        object: field.object.as_deref().map(clip),
        path: clip(&field.path),
        classified: field.classified,
        count: kinds.total(),
        missing: kinds.missing,
        null: kinds.null,
        types: Types {
            boolean: kinds.boolean,
            integer: kinds.integer,
            number: kinds.number,
            text: kinds.text,
            bytes: kinds.bytes,
            moment: kinds.moment,
            array: kinds.array,
            object: kinds.object,
        },
        numbers: field.numbers.map(|numbers| NumbersValue {
            count: numbers.count,
            min: numbers.min,
            max: numbers.max,
            mean: numbers.mean,
            standard_deviation: numbers.standard_deviation(),
            quantiles: field.quantiles.as_ref().map(quantiles_value),
        }),
        moments: field.moments_ms.map(|span| moments_value(span, moment)),
        times: field.times_ms.map(|span| moments_value(span, time_of_day)),
        texts: field.texts.clone().map(|(min, max)| TextsValue { min, max }),
        lengths: field.lengths.map(|lengths| lengths_value(lengths, field.length_quantiles.as_ref())),
        distinct: field.distinct.map(|distinct| DistinctValue {
            estimate: distinct.estimate,
            lower: distinct.lower,
            upper: distinct.upper,
            relative_standard_error: distinct.relative_standard_error,
        }),
        frequent: field.frequent.as_ref().map(|frequent| FrequentValue {
            max_error: frequent.max_error,
            values: frequent
                .values
                .iter()
                .map(|often| {
                    let hash = often.value.strip_prefix('#').filter(|_| frequent.hashed).map(str::to_owned);
                    let value = hash.is_none().then(|| often.value.clone());
                    OftenValue { value, hash, lower: often.lower, upper: often.upper }
                })
                .collect(),
        }),
        sketches: None,
        errors: field.errors.iter().map(|error| clip(error)).collect(),
    }
}

fn moments_value((min_ms, max_ms): (i64, i64), text: impl Fn(i64) -> Option<String>) -> MomentsValue {
    let (min, max) = (text(min_ms), text(max_ms));
    let untold = |ms: i64, told: &Option<String>| told.is_none().then_some(ms);
    MomentsValue { min_ms: untold(min_ms, &min), max_ms: untold(max_ms, &max), min, max }
}

/// RFC 3339 in UTC; `None` where it has no year for it.
fn moment(ms: i64) -> Option<String> {
    let epoch = jiff::civil::date(1970, 1, 1).at(0, 0, 0, 0);
    let moment = epoch.checked_add(jiff::SignedDuration::from_millis(ms)).ok()?;
    (moment.year() >= 0).then(|| format!("{moment}Z"))
}

/// `hh:mm:ss.fff`; `None` where it lies in no day.
fn time_of_day(ms: i64) -> Option<String> {
    let (seconds, fraction) = (ms.div_euclid(1_000), ms.rem_euclid(1_000));
    let text = || format!("{:02}:{:02}:{:02}.{fraction:03}", seconds / 3_600, seconds / 60 % 60, seconds % 60);
    (0..86_400).contains(&seconds).then(text)
}

fn lengths_value(lengths: Lengths, quantiles: Option<&QuantilesSummary>) -> LengthsValue {
    LengthsValue {
        count: lengths.count,
        min: lengths.min,
        max: lengths.max,
        mean: lengths.sum as f64 / lengths.count.max(1) as f64,
        quantiles: quantiles.map(quantiles_value),
    }
}

fn quantiles_value(quantiles: &QuantilesSummary) -> QuantilesValue {
    let values = RANKS.iter().zip(&quantiles.values).map(|(rank, value)| Quantile { rank: *rank, value: *value });
    QuantilesValue { rank_error: quantiles.rank_error, values: values.collect() }
}

fn sketches_value(sketches: &Sketches) -> Option<SketchesValue> {
    let text = |bytes: &Option<Vec<u8>>| bytes.as_ref().map(|bytes| STANDARD.encode(bytes));
    let value = SketchesValue {
        hll: text(&sketches.distinct),
        kll_doubles: text(&sketches.quantiles),
        kll_doubles_of_lengths: text(&sketches.length_quantiles),
        frequent_strings: text(&sketches.frequent),
    };
    (*sketches != Sketches::default()).then_some(value)
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}
