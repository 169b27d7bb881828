//! What the daemon itself asks of records, whatever the rules: that they can be decoded, are not from the future, come in
//! time and are not too large. What follows where they do not, the contract's policy says.

use crate::engine::check::mask::Mask;
use crate::engine::check::tally::{FUTURE, Sample, Tally};
use crate::engine::check::verdict::{ASKED_OF_NONE, Facts, RuleResult, Status, not_measured};
use crate::engine::contract::mode::Mode;
use crate::engine::contract::plan::Plan;
use crate::engine::contract::records::Action;
use crate::engine::decode::reason::Reason;
use crate::engine::record::{Position, RawRecord};
use serde_json::json;

/// The id of the result that every verdict has: no record may be undecodable.
pub const DECODABLE: &str = "steward.decodable";
/// About timestamps too far ahead; there only where some were.
pub const TIMESTAMP: &str = "steward.timestamp";
/// About schemas that the registry does not have; there where the policy tells them from other undecodable records.
pub const SCHEMA: &str = "steward.schema";
/// About keys and values too large together; there where their size is bounded.
pub const SIZE: &str = "steward.size";
/// About records that came after their window had closed; there where they count.
pub const LATE: &str = "steward.late";

/// Results that are not there where there is nothing to tell, or the policy that asks for them is gone: then their
/// incidents end.
pub const PASSING: [&str; 4] = [TIMESTAMP, SCHEMA, SIZE, LATE];

/// The number that stands for records too large among the broken rules: no plan has so many.
pub const OVERSIZED: u32 = u32::MAX - 2;
const TOO_LARGE: &str = "oversized";

/// Counts stand behind those of the contract's rules and of quarantine (`check::aside`).
fn size_number(plan: &Plan) -> usize {
    plan.rules.len() + 1
}

/// Counts a record that is too large; `bytes` long.
#[cold]
pub fn oversized(plan: &Plan, record: &RawRecord<'_>, at: Position, bytes: u64, tally: &mut Tally) {
    let number = size_number(plan);
    tally.rule(number).failed += 1;
    let rule = Some(number as u32);
    tally.sample(rule, TOO_LARGE, record.offset, || Sample {
        rule,
        topic: at.topic,
        partition: at.partition,
        offset: record.offset,
        reason: TOO_LARGE.to_owned(),
        value: Mask::Bytes(bytes as usize).to_string(),
    });
}

/// Why a record is too large, for whoever finds its copy.
pub fn why_oversized(plan: &Plan, bytes: u64) -> String {
    format!("{TOO_LARGE}: {bytes} bytes, {} at most", plan.records.oversized_bytes.unwrap_or_default())
}

/// Those of this window.
pub fn results(plan: &Plan, tally: &Tally, facts: &Facts) -> Vec<RuleResult> {
    let mut results = vec![decodable(plan, tally)];
    results.extend(schema(plan, tally));
    results.extend((tally.counts.future > 0).then(|| timestamp(plan, tally)));
    results.extend(size(plan, tally));
    results.extend(late(plan, tally, facts));
    results
}

/// Those that are broken for good, whatever comes.
pub fn broken(plan: &Plan, tally: &Tally) -> Vec<RuleResult> {
    let all = [Some(decodable(plan, tally)), schema(plan, tally), size(plan, tally)];
    all.into_iter().flatten().filter(|result| result.failed > 0).collect()
}

fn decodable(plan: &Plan, tally: &Tally) -> RuleResult {
    let apart = plan.records.apart().map_or(0, |_| unknown_schemas(tally));
    let (asked, failed) = (read(tally).saturating_sub(apart), tally.counts.undecodable.saturating_sub(apart));
    let of = |sample: &Sample| sample.rule.is_none() && sample.reason != FUTURE && !(apart > 0 && is_of_schema(sample));
    let samples = tally.samples.iter().filter(|sample| of(sample)).cloned().collect();
    let action = plan.records.undecodable.unwrap_or(Action::Usual);
    unreadable(DECODABLE, "undecodable", action, plan, tally, (asked, failed), samples)
}

fn schema(plan: &Plan, tally: &Tally) -> Option<RuleResult> {
    let action = plan.records.apart()?;
    let samples = tally.samples.iter().filter(|s| s.rule.is_none() && is_of_schema(s)).cloned().collect();
    let counts = (read(tally), unknown_schemas(tally));
    Some(unreadable(SCHEMA, "unknownSchemas", action, plan, tally, counts, samples))
}

/// Records that there is something to decode of; a tombstone has nothing.
fn read(tally: &Tally) -> u64 {
    tally.counts.records.saturating_sub(tally.counts.tombstones + tally.counts.unmeasured)
}

fn unknown_schemas(tally: &Tally) -> u64 {
    tally.undecodable.get(Reason::UnknownSchema.word()).copied().unwrap_or_default()
}

fn is_of_schema(sample: &Sample) -> bool {
    sample.reason.starts_with(Reason::UnknownSchema.word())
}

fn unreadable(
    id: &str,
    metric: &str,
    action: Action,
    plan: &Plan,
    tally: &Tally,
    counts: (u64, u64),
    samples: Vec<Sample>,
) -> RuleResult {
    let result = RuleResult { samples, ..of_action(id, metric, "conformity", action, plan, counts) };
    match counts {
        (_, 0) if tally.counts.unmeasured > 0 => {
            RuleResult { status: Status::Unknown, value: None, reason: Some(not_measured(tally)), ..result }
        }
        _ => result,
    }
}

fn timestamp(plan: &Plan, tally: &Tally) -> RuleResult {
    let samples = tally.samples.iter().filter(|s| s.rule.is_none() && s.reason == FUTURE).cloned().collect();
    let counts = (tally.counts.records, tally.counts.future);
    let warned = of_action(TIMESTAMP, "futureTimestamps", "timeliness", Action::Warn, plan, counts);
    RuleResult { mode: plan.mode, samples, ..warned }
}

fn size(plan: &Plan, tally: &Tally) -> Option<RuleResult> {
    plan.records.oversized_bytes?;
    let number = size_number(plan);
    let failed = tally.rules.get(number).map_or(0, |counts| counts.failed);
    let samples = tally.samples.iter().filter(|s| s.rule == Some(number as u32)).cloned().collect();
    let counts = (tally.counts.records, failed);
    Some(RuleResult { samples, ..of_action(SIZE, TOO_LARGE, "conformity", plan.records.oversized(), plan, counts) })
}

/// Late records are those of a revision, all of them, and those that came too late for any.
fn late(plan: &Plan, tally: &Tally, facts: &Facts) -> Option<RuleResult> {
    let action = plan.records.late()?;
    let of_revision = if facts.late { tally.counts.records } else { 0 };
    let counts = (tally.counts.records + facts.too_late, of_revision + facts.too_late);
    Some(of_action(LATE, "lateRecords", "timeliness", action, plan, counts))
}

/// `failed` of `asked` records, of which none should be.
fn of_action(
    id: &str,
    metric: &str,
    dimension: &str,
    action: Action,
    plan: &Plan,
    (asked, failed): (u64, u64),
) -> RuleResult {
    let status = match (asked, failed, action) {
        (0, ..) => Status::Skip,
        (_, 0, _) => Status::Pass,
        (.., Action::Warn) => Status::Warn,
        _ => Status::Fail,
    };
    RuleResult {
        id: id.to_owned(),
        name: None,
        status,
        mode: match action {
            Action::Usual => plan.mode,
            Action::Ignore => Mode::Observe,
            Action::Warn | Action::Fail => Mode::Warn,
            Action::Quarantine => Mode::Enforce,
        },
        severity: (action == Action::Warn).then(|| "warning".to_owned()),
        dimension: Some(dimension.to_owned()),
        relates_to: String::new(),
        metric: metric.to_owned(),
        value: (status != Status::Skip).then_some(failed as f64),
        bounds: None,
        sampled: None,
        unit: "rows",
        threshold: json!({"mustBe": 0}),
        asked,
        failed,
        reason: (status == Status::Skip).then(|| ASKED_OF_NONE.to_owned()),
        samples: Vec::new(),
    }
}

#[cfg(test)]
mod tests;
