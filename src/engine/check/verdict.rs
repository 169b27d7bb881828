//! A window's counts against the thresholds of its contract version.

use crate::engine::check::tally::Sample;

/// OORS words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    Pass,
    Fail,
    Warn,
    Error,
    Skip,
    Unknown,
}

/// What a window's verdict may lean on.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Facts {
    /// False: a gap, a contract change or a forced close; then nothing that needs the whole window is judged.
    pub complete: bool,
    /// Records that came after the window had closed.
    pub late: bool,
}

/// The verdict over one window of one contract version.
#[derive(Clone, Debug, PartialEq)]
pub struct Verdict {
    /// Fail if a rule fails or a record is undecodable; else unknown, warn, pass in that order.
    pub status: Status,
    /// Passed over measured rules, weighted as `docs/score.md` says; `None` where nothing was measured.
    pub score: Option<f64>,
    pub results: Vec<RuleResult>,
}

#[derive(Clone, Debug, PartialEq)]
pub struct RuleResult {
    pub id: String,
    pub name: Option<String>,
    pub status: Status,
    pub severity: Option<String>,
    pub dimension: Option<String>,
    pub relates_to: String,
    /// `nullValues`, `required`, `decodable` …
    pub metric: String,
    /// The number that the operator compares; `None` where it could not be measured.
    pub value: Option<f64>,
    pub unit: &'static str,
    /// ODCS operator and its operand, e.g. `{"mustBe": 0}`.
    pub threshold: serde_json::Value,
    pub asked: u64,
    pub failed: u64,
    /// Why it is unknown or skipped.
    pub reason: Option<String>,
    pub samples: Vec<Sample>,
}
