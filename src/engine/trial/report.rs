//! What is told of a dry run: one shape for JSON and for text.

use crate::engine::check::sampled;
use crate::engine::check::tally::Sample;
use crate::engine::check::verdict::{RuleResult, Status};
use crate::engine::contract::plan::{Check, Rule, Threshold};
use crate::engine::event::result::word;
use crate::engine::trial::run::Trial;
use serde::Serialize;
use std::collections::BTreeMap;

#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    pub contract: Named,
    pub records: Records,
    /// The share of the records that were asked the rules, where not all were (`steward.sample`).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sampled: Option<f64>,
    /// `pass`, `warn`, `fail` or `unknown`.
    pub verdict: &'static str,
    pub checks: Vec<CheckLine>,
    /// What the daemon itself asks of records: that they can be decoded, and what `steward.records` asks.
    pub own: Vec<CheckLine>,
    /// Why records could not be decoded: the numbers add up to `records.undecodable`.
    pub undecodable: BTreeMap<String, u64>,
    /// Some of these records.
    pub samples: Vec<Shown>,
}

/// The contract.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Named {
    pub id: String,
    pub version: String,
    /// `odcs` or `registry`.
    pub kind: &'static str,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct Records {
    pub read: u64,
    pub decoded: u64,
    pub undecodable: u64,
    pub tombstones: u64,
    /// Decoded records that were asked the rules, where not all were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sampled: Option<u64>,
    /// Records of whom nobody could tell: their schema could not be had.
    #[serde(skip_serializing_if = "is_zero")]
    pub unmeasured: u64,
}

/// One rule.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CheckLine {
    /// The object.
    pub schema: String,
    /// By dots, the items of an array by `[]`; `None` at object level.
    pub property: Option<String>,
    /// An ODCS metric, a key of the schema, an SLA property.
    pub rule: String,
    /// The contract's own.
    pub id: Option<String>,
    pub name: Option<String>,
    pub dimension: Option<String>,
    pub severity: Option<String>,
    /// `observe`, `warn` or `enforce`.
    pub mode: &'static str,
    /// `pass`, `warn`, `fail`, `unknown` or `skip`.
    pub verdict: &'static str,
    /// The number that the operator compares, in `unit`.
    pub measured: Option<f64>,
    /// Of an estimate: what it lies between, with three standard deviations.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub between: Option<(f64, f64)>,
    pub unit: Option<&'static str>,
    /// The share of the records that it was asked of, where that is not all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sampled: Option<f64>,
    /// Of a service level: the contract's own unit, `d` or `records/s`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub measured_in: Option<String>,
    /// `< 10`, `<= 4 d`.
    pub expected: Option<String>,
    /// Offending records.
    pub failed: u64,
    /// Records that the rule was asked of.
    pub total: u64,
    /// Why it is unknown or skipped.
    pub reason: Option<String>,
    pub samples: Vec<Shown>,
}

/// A record that broke a rule, or could not be decoded.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Shown {
    /// Of a topic.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partition: Option<i32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<i64>,
    /// Of a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<i64>,
    pub reason: String,
    /// Masked; empty for classified fields.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub value: String,
}

/// Where the records come from: what names one of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    File,
    Topic,
}

/// `kind`: what the contract is written in.
pub fn of(trial: &Trial, kind: &'static str, origin: Origin) -> Report {
    let (plan, counts) = (trial.plan(), &trial.tally().counts);
    let (verdict, sampled) = (trial.verdict(), sampled::of(plan, trial.tally()));
    let shown = |sample: &Sample| shown(sample, origin);
    // The results of the plan's rules come first and in its order; what follows is the engine's own.
    let of_rules = plan.rules.iter().zip(&verdict.results);
    let checks = of_rules.map(|(rule, result)| CheckLine {
        schema: plan.objects.get(rule.object).map(|object| object.name.clone()).unwrap_or_default(),
        samples: result.samples.iter().map(shown).collect(),
        ..line(rule, result)
    });
    let object = plan.objects.first().map(|object| object.name.clone()).unwrap_or_default();
    let texts = trial.texts().iter().map(|rule| CheckLine { schema: object.clone(), ..of_text(rule) });
    Report {
        contract: Named { id: plan.contract_id.clone(), version: plan.contract_version.clone(), kind },
        records: Records {
            read: counts.records,
            decoded: counts.records - counts.tombstones - counts.undecodable - counts.unmeasured,
            undecodable: counts.undecodable,
            tombstones: counts.tombstones,
            unmeasured: counts.unmeasured,
            sampled: sampled.map(|sampled| sampled.records),
        },
        sampled: sampled.map(|sampled| sampled.share),
        verdict: word(verdict.status),
        checks: checks.chain(texts).collect(),
        own: verdict.results.iter().skip(plan.rules.len()).map(|result| own(result, origin)).collect(),
        undecodable: trial.tally().undecodable.clone(),
        samples: trial.tally().samples.iter().filter(|sample| sample.rule.is_none()).map(shown).collect(),
    }
}

fn line(rule: &Rule, result: &RuleResult) -> CheckLine {
    let sla = match &rule.check {
        Check::Sla(sla) => Some(sla),
        _ => None,
    };
    let property = sla.and_then(|sla| match sla.times.as_slice() {
        [one] => Some(one.name.clone()),
        _ => None,
    });
    let asks = !matches!(rule.check, Check::Unmeasured(_));
    let expected = expected(rule.threshold);
    CheckLine {
        schema: String::new(),
        property: rule.property.clone().or(property),
        rule: sla.map_or_else(|| rule.metric.to_owned(), |sla| sla.property.clone()),
        id: rule.own_id.then(|| rule.id.clone()),
        name: rule.name.clone(),
        dimension: rule.dimension.clone(),
        severity: rule.severity.clone(),
        mode: rule.mode.word(),
        verdict: word(result.status),
        measured: result.value.filter(|_| result.status != Status::Skip),
        between: result.bounds,
        unit: (asks && sla.is_none()).then_some(result.unit),
        sampled: result.sampled,
        measured_in: sla.map(|sla| sla.unit.clone()),
        expected: asks.then(|| sla.map_or(expected.clone(), |sla| format!("{expected} {}", sla.unit))),
        failed: result.failed,
        total: result.asked,
        reason: result.reason.clone(),
        samples: Vec::new(),
    }
}

/// What is written for people is asked of nothing.
fn of_text(rule: &Rule) -> CheckLine {
    CheckLine {
        schema: String::new(),
        property: rule.property.clone(),
        rule: rule.metric.to_owned(),
        id: rule.own_id.then(|| rule.id.clone()),
        name: rule.name.clone(),
        dimension: rule.dimension.clone(),
        severity: rule.severity.clone(),
        mode: rule.mode.word(),
        verdict: word(Status::Skip),
        measured: None,
        between: None,
        unit: None,
        sampled: None,
        measured_in: None,
        expected: None,
        failed: 0,
        total: 0,
        reason: match &rule.check {
            Check::Unmeasured(reason) => Some(reason.clone()),
            _ => None,
        },
        samples: Vec::new(),
    }
}

fn own(result: &RuleResult, origin: Origin) -> CheckLine {
    CheckLine {
        schema: String::new(),
        property: None,
        rule: result.metric.clone(),
        id: Some(result.id.clone()),
        name: None,
        dimension: result.dimension.clone(),
        severity: result.severity.clone(),
        mode: result.mode.word(),
        verdict: word(result.status),
        measured: result.value,
        between: None,
        unit: Some(result.unit),
        sampled: None,
        measured_in: None,
        expected: Some(expected(Threshold::MustBe(0.0))),
        failed: result.failed,
        total: result.asked,
        reason: result.reason.clone(),
        samples: result.samples.iter().map(|sample| shown(sample, origin)).collect(),
    }
}

fn shown(sample: &Sample, origin: Origin) -> Shown {
    let of_topic = origin == Origin::Topic;
    Shown {
        partition: of_topic.then_some(sample.partition),
        offset: of_topic.then_some(sample.offset),
        line: (!of_topic).then_some(sample.offset),
        reason: sample.reason.clone(),
        value: sample.value.clone(),
    }
}

/// What the operator and its operand ask of the number.
pub fn expected(threshold: Threshold) -> String {
    match threshold {
        Threshold::MustBe(n) => format!("= {n}"),
        Threshold::MustNotBe(n) => format!("!= {n}"),
        Threshold::GreaterThan(n) => format!("> {n}"),
        Threshold::GreaterOrEqualTo(n) => format!(">= {n}"),
        Threshold::LessThan(n) => format!("< {n}"),
        Threshold::LessOrEqualTo(n) => format!("<= {n}"),
        Threshold::Between(low, high) => format!("> {low} and < {high}"),
        Threshold::NotBetween(low, high) => format!("<= {low} or >= {high}"),
    }
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde gives a reference")]
fn is_zero(count: &u64) -> bool {
    *count == 0
}
