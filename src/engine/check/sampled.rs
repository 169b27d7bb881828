//! What a sample of the records says of all of them: a number with its bounds, and whether that decides.
//!
//! Bounds are score intervals of three standard deviations: Wilson's (1927) of a share, and of a count the same for Poisson's
//! distribution. They need no normal numbers: of no failed row at all they have an upper end too.

use crate::engine::check::keys::Rows;
use crate::engine::check::tally::{RuleTally, Tally};
use crate::engine::check::verdict::{Facts, Outcome, never_again, partial};
use crate::engine::contract::plan::{Check, Plan, Rule, Unit};
use crate::engine::contract::sample::Sampling;

/// Standard deviations of all bounds.
const DEVIATIONS: f64 = 3.0;

/// Counts of decoded records that were asked the rules stand behind those of sizes (`check::own`).
fn number(plan: &Plan) -> usize {
    plan.rules.len() + 2
}

/// Counts a decoded record that is of the sample.
pub fn count(plan: &Plan, tally: &mut Tally) {
    tally.rule(number(plan)).asked += 1;
}

/// What was looked at of a window's records.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Sampled {
    /// Of all records, 0 to 1.
    pub share: f64,
    /// Decoded records that were profiled and asked the rules.
    pub records: u64,
}

/// `None`: all were.
pub fn of(plan: &Plan, tally: &Tally) -> Option<Sampled> {
    let share = plan.sample?.share();
    Some(Sampled { share, records: tally.rules.get(number(plan)).map_or(0, |counts| counts.asked) })
}

/// Whether the rule was asked of the sample alone. How many rows there are and when they came is known of all records.
pub fn is_of_sample(rule: &Rule) -> bool {
    !matches!(rule.check, Check::RowCount | Check::Sla(_) | Check::Unmeasured(_))
}

/// What was said of it, for people.
pub fn stamp(sample: Sampling) -> String {
    format!("measured in a sample of {} of the records", sample.percent())
}

/// The number of all records, and what it says. `None`: nobody knows the number.
pub fn estimate(
    sample: Sampling,
    rule: &Rule,
    counts: &RuleTally,
    found: Rows,
    facts: &Facts,
) -> (Option<Rows>, Outcome) {
    if let Check::Unique(_) = rule.check {
        // Two equal keys of the sample are two of all records; that none are equal says little.
        if rule.unit == Unit::Rows && never_again(rule.threshold, found.low) {
            return (Some(found), Outcome::Broken);
        }
        let why = format!("whether keys repeat cannot be seen in a sample of {} of the records", sample.percent());
        return (None, Outcome::Open(why));
    }
    let rows = match rule.unit {
        Unit::Rows => count_of_all(counts.failed as f64, sample.share()),
        Unit::Percent => share(counts.failed as f64, counts.asked as f64).map(|share| share * 100.0),
    };
    let outcome = if counts.failed == 0 && rule.threshold.holds(0.0) {
        Outcome::Holds
    } else if rule.unit == Unit::Rows && never_again(rule.threshold, rows.low) {
        Outcome::Broken
    } else if let Some(why) = partial(facts) {
        Outcome::Open(why.to_owned())
    } else {
        match rule.threshold.decides(rows.low, rows.high) {
            Some(true) => Outcome::Holds,
            Some(false) => Outcome::Broken,
            None => Outcome::Open(format!(
                "in a sample of {} of the records the number is an estimate: it lies between {:.3} and {:.3}, which does not decide",
                sample.percent(),
                rows.low,
                rows.high
            )),
        }
    };
    (Some(rows), outcome)
}

/// Of all records, where so many of a share of them were found. It is no less than what was found.
fn count_of_all(found: f64, share: f64) -> Rows {
    let (middle, reach) =
        (found + DEVIATIONS * DEVIATIONS / 2.0, DEVIATIONS * (found + DEVIATIONS * DEVIATIONS / 4.0).sqrt());
    Rows { value: found / share, low: ((middle - reach) / share).max(found), high: (middle + reach) / share }
}

/// The share of rows that failed, 0 to 1, where so many did of so many that were asked.
fn share(failed: f64, asked: f64) -> Rows {
    let square = DEVIATIONS * DEVIATIONS;
    let (middle, whole) = (failed + square / 2.0, asked + square);
    let reach = DEVIATIONS * (failed * (asked - failed) / asked + square / 4.0).sqrt();
    Rows { value: failed / asked, low: ((middle - reach) / whole).max(0.0), high: ((middle + reach) / whole).min(1.0) }
}

#[cfg(test)]
mod tests;
