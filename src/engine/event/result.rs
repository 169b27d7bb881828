//! One rule's result, as events word it: OORS' field names and status words.

use crate::engine::check::tally::Sample;
use crate::engine::check::verdict::{RuleResult, Status};
use crate::engine::contract::mode::Mode;
use crate::engine::event::envelope::clip;
use serde::{Serialize, Serializer};

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResultValue {
    pub id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    pub status: Status,
    /// `observe`, `warn` or `enforce`.
    pub mode: Mode,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub severity: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dimension: Option<String>,
    pub relates_to: String,
    /// `exact` or `approximate`.
    pub method: &'static str,
    pub measure: Measure,
    /// The share of the records that it was asked of, where that is not all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sampled: Option<f64>,
    /// Why it is unknown or skipped; of what was measured in a sample, that it was.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub samples: Vec<SampleValue>,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Measure {
    pub metric: String,
    /// `null`: it could not be measured.
    #[serde(serialize_with = "number")]
    pub value: Option<f64>,
    /// Of an approximate value: it lies between these, with three standard deviations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lower: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub upper: Option<f64>,
    pub unit: &'static str,
    pub threshold: serde_json::Value,
    pub row_count: u64,
    pub failed_row_count: u64,
}

/// A record that broke the rule.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SampleValue {
    pub topic_id: String,
    pub partition: i32,
    pub offset: i64,
    pub reason: String,
    /// Masked; absent for classified fields.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub value: String,
}

pub fn result_value(result: &RuleResult) -> ResultValue {
    ResultValue {
        id: clip(&result.id),
        name: result.name.as_deref().map(clip),
        status: result.status,
        mode: result.mode,
        severity: result.severity.as_deref().map(clip),
        dimension: result.dimension.as_deref().map(clip),
        relates_to: clip(&result.relates_to),
        method: if result.bounds.is_some() { "approximate" } else { "exact" },
        measure: Measure {
            metric: clip(&result.metric),
            value: result.value,
            lower: result.bounds.map(|(lower, _)| lower),
            upper: result.bounds.map(|(_, upper)| upper),
            unit: result.unit,
            threshold: result.threshold.clone(),
            row_count: result.asked,
            failed_row_count: result.failed,
        },
        sampled: result.sampled,
        reason: result.reason.as_deref().map(clip),
        samples: result.samples.iter().map(sample_value).collect(),
    }
}

pub fn sample_value(sample: &Sample) -> SampleValue {
    SampleValue {
        topic_id: sample.topic.to_string(),
        partition: sample.partition,
        offset: sample.offset,
        reason: clip(&sample.reason),
        value: clip(&sample.value),
    }
}

/// A status as events, metrics and REST answers spell it.
pub fn word(status: Status) -> &'static str {
    match status {
        Status::Pass => "pass",
        Status::Fail => "fail",
        Status::Warn => "warn",
        Status::Error => "error",
        Status::Skip => "skip",
        Status::Unknown => "unknown",
    }
}

/// The gravest severity of the results that did not hold and count against the product. ODCS leaves the word to the contract: a word that is
/// not in this list ranks between `medium` and `high`, because whoever named one of their own meant something by it.
pub fn worst_severity(results: &[RuleResult]) -> Option<&str> {
    let rank = |severity: &str| match severity.to_ascii_lowercase().as_str() {
        "critical" | "blocker" | "fatal" => 5,
        "high" | "error" | "major" => 4,
        "medium" | "warning" | "warn" => 2,
        "low" | "minor" => 1,
        "info" | "none" => 0,
        _ => 3,
    };
    results
        .iter()
        .filter(|result| result.mode.judges())
        .filter(|result| matches!(result.status, Status::Fail | Status::Warn | Status::Error))
        .filter_map(|result| result.severity.as_deref())
        .max_by_key(|severity| rank(severity))
}

/// `3`, not `3.0`, for a whole number that a double holds exactly; what is no number is `null`.
fn number<S: Serializer>(value: &Option<f64>, serializer: S) -> Result<S::Ok, S::Error> {
    const EXACT: f64 = 9_007_199_254_740_992.0; // 2^53
    match value {
        Some(x) if x.fract() == 0.0 && x.abs() <= EXACT => serializer.serialize_i64(*x as i64),
        Some(x) if x.is_finite() => serializer.serialize_f64(*x),
        _ => serializer.serialize_none(),
    }
}
