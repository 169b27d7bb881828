//! What a window event says of drift.

use crate::engine::event::envelope::clip;
use crate::engine::trend::drift::{Drift, Finding, Learning};
use serde::Serialize;

/// Findings that are told one by one: at 200 bytes 4 kB, and no more than 130 kB whatever fields are called.
const FINDINGS_MAX: usize = 20;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct DriftValue {
    #[serde(skip_serializing_if = "Vec::is_empty")]
    learning: Vec<Learning>,
    findings: Vec<FindingValue>,
    /// Findings beyond those.
    #[serde(skip_serializing_if = "is_zero")]
    omitted: usize,
    /// Fields that are too many to be remembered.
    #[serde(skip_serializing_if = "is_zero")]
    fields_left_out: usize,
}

#[derive(Debug, Serialize)]
struct FindingValue {
    what: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    field: Option<String>,
    value: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    usual: Option<f64>,
    threshold: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    divergence: Option<f64>,
}

pub fn value(drift: &Drift) -> DriftValue {
    DriftValue {
        learning: drift.learning.clone(),
        findings: drift.findings.iter().take(FINDINGS_MAX).map(finding).collect(),
        omitted: drift.findings.len().saturating_sub(FINDINGS_MAX),
        fields_left_out: drift.left_out,
    }
}

fn finding(finding: &Finding) -> FindingValue {
    FindingValue {
        what: finding.what.word(),
        field: finding.field.as_deref().map(clip),
        value: short(finding.value),
        usual: finding.usual.map(short),
        threshold: short(finding.threshold),
        divergence: finding.divergence.map(short),
    }
}

/// To a ten-thousandth: nothing of it is known better.
fn short(number: f64) -> f64 {
    (number * 1e4).round() / 1e4
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(count: &usize) -> bool {
    *count == 0
}
