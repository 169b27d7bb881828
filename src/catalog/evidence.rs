//! What stands behind a product's verdict, for people who look at it: how each rule was measured in its last window, records that broke
//! one, and how rules and fields went from window to window.
//!
//! It is what this worker saw since it took the product over, and of no consequence: nothing is decided by it.

use crate::engine::check::verdict::{RuleResult, Status};
use crate::engine::trend::drift::Finding;
use crate::flow::io::{Ms, ProductUpdate, Told};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::collections::{BTreeMap, VecDeque};

/// Windows that are looked back on: of 5 minutes four hours, and as many points as a small line shows.
pub const PAST: usize = 48;
/// Rules and fields of one product that have a past: 100 × 48 × 4 bytes and 60 × 48 × 12 are 54 kB at most, mostly 8 kB.
const RULES_MAX: usize = 100;
const FIELDS_MAX: usize = 60;
/// Records that broke a rule, the newest: at some 300 bytes 12 kB.
const SAMPLES_MAX: usize = 40;
/// Findings of drift, the newest.
const DRIFT_MAX: usize = 12;
/// A masked value is shorter than that, and a reason mostly.
const TEXT_MAX: usize = 200;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Evidence {
    /// The last window that closed.
    pub window_ms: Option<Ms>,
    /// By rule, of that window; of several contracts all rules.
    pub measured: BTreeMap<String, Measured>,
    /// By rule, oldest first; NaN where a window did not measure it.
    pub rules: BTreeMap<String, VecDeque<f32>>,
    /// By field, oldest first.
    pub fields: BTreeMap<String, VecDeque<Point>>,
    /// Newest first.
    pub samples: VecDeque<Sample>,
    /// What windows found to be another than usual, with their starts; newest first.
    pub drift: VecDeque<(Ms, Finding)>,
}

/// A rule in one window.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Measured {
    pub status: Status,
    /// What the operator compares; `None` where it could not be measured.
    pub value: Option<f64>,
    pub unit: Cow<'static, str>,
    pub asked: u64,
    pub failed: u64,
    /// Why it is unknown or skipped.
    pub reason: Option<String>,
}

/// A field in one window; NaN where a number is not known.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Point {
    /// Of all rows, the share of null and missing ones.
    pub absent: f32,
    /// The mean of numbers.
    pub mean: f32,
    pub distinct: f32,
}

/// A record that broke a rule.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sample {
    pub rule: String,
    pub topic: String,
    pub partition: i32,
    pub offset: i64,
    pub reason: String,
    /// Masked; empty where not even that may be shown.
    pub value: String,
    /// The window that it broke the rule in.
    pub window_ms: Ms,
}

impl Evidence {
    /// What a commit of the ledger has told.
    pub fn take(&mut self, update: &ProductUpdate) {
        for told in &update.told {
            self.window(told, update);
        }
        if let Some(profile) = &update.profile {
            self.profile(profile);
        }
    }

    fn window(&mut self, told: &Told, update: &ProductUpdate) {
        if self.window_ms.replace(told.start_ms) != Some(told.start_ms) {
            self.measured.clear();
        }
        for result in told.results.iter().take(RULES_MAX) {
            let value = result.value.filter(|_| !matches!(result.status, Status::Unknown | Status::Skip));
            push(&mut self.rules, &result.id, value.map_or(f32::NAN, |value| value as f32));
            self.measured.insert(result.id.clone(), measured(result));
            for sample in &result.samples {
                let chain = update.state.chains.iter().find(|chain| chain.id == sample.topic);
                self.samples.push_front(Sample {
                    rule: result.id.clone(),
                    topic: chain.map(|chain| chain.topic.clone()).unwrap_or_default(),
                    partition: sample.partition,
                    offset: sample.offset,
                    reason: cut(&sample.reason),
                    value: cut(&sample.value),
                    window_ms: told.start_ms,
                });
            }
        }
        self.samples.truncate(SAMPLES_MAX);
        for finding in &told.drift {
            self.drift.push_front((told.start_ms, finding.clone()));
        }
        self.drift.truncate(DRIFT_MAX);
        // Rules of contracts that are gone.
        if self.rules.len() > RULES_MAX {
            let named = &self.measured;
            self.rules.retain(|id, _| named.contains_key(id));
        }
    }

    fn profile(&mut self, profile: &[u8]) {
        // It is our own event: one that does not read has nothing to say here.
        let Ok(Profile { fields }) = serde_json::from_slice::<Profile>(profile) else { return };
        for field in fields.iter().take(FIELDS_MAX) {
            let rows = (field.count + field.null + field.missing) as f32;
            let point = Point {
                absent: if rows > 0.0 { (field.null + field.missing) as f32 / rows } else { f32::NAN },
                mean: field.numbers.as_ref().and_then(|numbers| numbers.mean).map_or(f32::NAN, |mean| mean as f32),
                distinct: field.distinct.as_ref().map_or(f32::NAN, |distinct| distinct.estimate as f32),
            };
            push(&mut self.fields, &field.path, point);
        }
        self.fields.retain(|path, _| fields.iter().any(|field| field.path == *path));
    }
}

fn push<T>(of: &mut BTreeMap<String, VecDeque<T>>, name: &str, next: T) {
    let past = of.entry(name.to_owned()).or_default();
    past.push_back(next);
    if past.len() > PAST {
        past.pop_front();
    }
}

fn measured(result: &RuleResult) -> Measured {
    Measured {
        status: result.status,
        value: result.value,
        unit: result.unit.into(),
        asked: result.asked,
        failed: result.failed,
        reason: result.reason.as_deref().map(cut),
    }
}

fn cut(text: &str) -> String {
    text.chars().take(TEXT_MAX).collect()
}

/// What is looked at of a profile.
#[derive(Deserialize)]
struct Profile {
    fields: Vec<Field>,
}

#[derive(Deserialize)]
struct Field {
    path: String,
    #[serde(default)]
    count: u64,
    #[serde(default)]
    null: u64,
    #[serde(default)]
    missing: u64,
    numbers: Option<Numbers>,
    distinct: Option<Distinct>,
}

#[derive(Deserialize)]
struct Numbers {
    mean: Option<f64>,
}

#[derive(Deserialize)]
struct Distinct {
    estimate: f64,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::check::tally;
    use crate::engine::contract::mode::Mode;
    use crate::engine::contract::name::ProductName;
    use crate::engine::record::TopicId;
    use crate::flow::state::{Chain, ProductState};
    use serde_json::json;
    use std::sync::Arc;

    fn result(value: Option<f64>) -> RuleResult {
        RuleResult {
            id: "amount.required".into(),
            name: None,
            status: if value.is_some() { Status::Fail } else { Status::Unknown },
            mode: Mode::Warn,
            severity: None,
            dimension: None,
            relates_to: String::new(),
            metric: "required".into(),
            value,
            bounds: None,
            sampled: None,
            unit: "rows",
            threshold: json!({"mustBe": 0}),
            asked: 10,
            failed: 1,
            reason: None,
            samples: vec![tally::Sample {
                rule: Some(0),
                topic: TopicId(7),
                partition: 2,
                offset: 41,
                reason: "null".into(),
                value: "\"…\"".into(),
            }],
        }
    }

    fn update(start_ms: Ms, value: Option<f64>) -> ProductUpdate {
        let product = ProductName { domain: "sales".into(), name: "orders".into() };
        let mut state = ProductState::new(product.clone());
        state.chains.push(Chain {
            topic: "shop.orders".into(),
            id: TopicId(7),
            partition: 2,
            from: 0,
            to: 50,
            watermark_ms: None,
            caught_up: true,
        });
        let field = json!({"path": "amount", "count": 6, "null": 3, "missing": 1, "numbers": {"mean": 2.5}});
        let profile = json!({"fields": [field]}).to_string().into_bytes();
        ProductUpdate {
            product,
            state,
            records: 0,
            bytes: 0,
            undecodable: 0,
            unmeasured: 0,
            tombstones: 0,
            late: 0,
            quarantined: 0,
            gap_offsets: 0,
            overlaps: 0,
            violations: Vec::new(),
            profile: Some(Arc::from(profile)),
            told: vec![Told { start_ms, results: vec![result(value)], drift: Vec::new() }],
            budgets: Vec::new(),
            latency_ms: 0,
        }
    }

    #[test]
    fn the_last_window_is_measured_and_those_before_are_its_past_within_a_bound() {
        let mut evidence = Evidence::default();
        for window in 0..100 {
            evidence.take(&update(window, (window != 99).then_some(window as f64)));
        }
        let past = &evidence.rules["amount.required"];
        assert_eq!((past.len(), past[0], past[PAST - 1].is_nan()), (PAST, 52.0, true));
        assert_eq!(evidence.measured["amount.required"].status, Status::Unknown);
        let point = evidence.fields["amount"][PAST - 1];
        assert_eq!((point.absent, point.mean, point.distinct.is_nan()), (0.4, 2.5, true));
        let newest = &evidence.samples[0];
        assert_eq!((newest.topic.as_str(), newest.offset, newest.window_ms), ("shop.orders", 41, 99));
        assert_eq!(evidence.samples.len(), SAMPLES_MAX);
    }
}
