//! What became of the records that were put aside: a rule of the daemon's own, whose counts stand behind those of the
//! contract's rules. Asked of every bad record, and broken by each that could not be copied.

use crate::engine::check::tally::{Sample, Tally};
use crate::engine::check::verdict::{RuleResult, Status};
use crate::engine::contract::mode::Mode;
use crate::engine::contract::plan::Plan;
use crate::engine::record::{Offset, Position};
use serde_json::json;

/// The id of the result, which is there where a record was put aside, or was to be.
pub const QUARANTINE: &str = "steward.quarantine";

/// Counts a record that was put aside; or could not be, and is `lost` for this reason.
pub fn count(plan: &Plan, at: Position, offset: Offset, lost: Option<&str>, tally: &mut Tally) {
    let number = plan.rules.len();
    let counts = tally.rule(number);
    counts.asked += 1;
    let Some(why) = lost else { return };
    counts.failed += 1;
    let rule = Some(number as u32);
    let (topic, partition) = (at.topic, at.partition);
    tally.sample(rule, why, offset, || Sample {
        rule,
        topic,
        partition,
        offset,
        reason: why.into(),
        value: String::new(),
    });
}

/// `None`: nothing was to be put aside.
pub fn result(plan: &Plan, tally: &Tally) -> Option<RuleResult> {
    let number = plan.rules.len();
    let counts = tally.rules.get(number).filter(|counts| counts.asked > 0)?;
    let samples: Vec<Sample> = tally.samples.iter().filter(|s| s.rule == Some(number as u32)).cloned().collect();
    let lost =
        samples.first().map(|sample| format!("{} records are not in quarantine: {}", counts.failed, sample.reason));
    Some(RuleResult {
        id: QUARANTINE.to_owned(),
        name: None,
        status: if counts.failed > 0 { Status::Warn } else { Status::Pass },
        mode: Mode::Enforce,
        severity: Some("warning".to_owned()),
        dimension: None,
        relates_to: String::new(),
        metric: "quarantineFailed".to_owned(),
        value: Some(counts.failed as f64),
        bounds: None,
        sampled: None,
        unit: "rows",
        threshold: json!({"mustBe": 0}),
        asked: counts.asked,
        failed: counts.failed,
        reason: lost,
        samples,
    })
}
