//! How far a rule is rolled out: `steward.mode`, of a rule, else of its contract.

use crate::engine::contract::fields::Fields;
use crate::engine::contract::plan::{Check, Threshold};
use crate::engine::contract::problem::{Place, Problems};
use serde::Serialize;

/// Each does what those before it do, and more.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// Measured and told; it moves neither the product's status nor its score, and opens no incident.
    Observe,
    /// It counts, and opens incidents.
    #[default]
    Warn,
    /// Records that break it are copied to quarantine.
    Enforce,
}

impl Mode {
    pub const ALL: [Mode; 3] = [Mode::Observe, Mode::Warn, Mode::Enforce];

    /// As contracts, events, metrics and answers spell it.
    pub fn word(self) -> &'static str {
        match self {
            Mode::Observe => "observe",
            Mode::Warn => "warn",
            Mode::Enforce => "enforce",
        }
    }

    pub fn named(word: &str) -> Option<Mode> {
        Mode::ALL.into_iter().find(|mode| mode.word() == word)
    }

    /// Whether what it finds counts against the product.
    pub fn judges(self) -> bool {
        self > Mode::Observe
    }
}

/// Whether a row that fails the rule is a bad record by itself: the rule looks at one record at a time, and its operator
/// wants few of them. Which of two equal keys is the bad one, and which record makes a sum too large, nobody can say.
pub fn names_records(check: &Check, threshold: Threshold) -> bool {
    let of_a_record = match check {
        Check::Present | Check::Null | Check::Missing(_) | Check::Valid(_) | Check::Invalid { .. } => true,
        Check::Holds(_) | Check::Beside(_) => true,
        Check::Unique(_) | Check::Refers(_) | Check::RowCount => false,
        Check::Query(_) | Check::Sla(_) | Check::Unmeasured(_) => false,
    };
    of_a_record && threshold.holds(0.0)
}

/// Tells of a rule that is to enforce and has no record to put aside.
pub fn tell_idle(mode: Option<Mode>, check: &Check, threshold: Threshold, rule: &Fields<'_>, problems: &Problems) {
    if mode == Some(Mode::Enforce) && !matches!(check, Check::Unmeasured(_)) && !names_records(check, threshold) {
        tell(&rule.at, problems);
    }
}

fn tell(at: &Place, problems: &Problems) {
    problems.doubt(
        at,
        "steward-property",
        "steward.mode: enforce puts no record aside here: the rule is about many records together",
        "write warn, which tells the same and opens the same incidents",
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_rule_about_single_records_that_wants_few_failures_names_bad_ones() {
        for (check, threshold, expected) in [
            (Check::Present, Threshold::MustBe(0.0), true),
            (Check::Null, Threshold::LessThan(5.0), true),
            (Check::Null, Threshold::Between(-1.0, 3.0), true),
            (Check::Null, Threshold::GreaterThan(0.0), false),
            (Check::Null, Threshold::MustBe(3.0), false),
            (Check::Unique(vec![]), Threshold::MustBe(0.0), false),
            (Check::RowCount, Threshold::GreaterOrEqualTo(0.0), false),
            (Check::Unmeasured(String::new()), Threshold::MustBe(0.0), false),
        ] {
            assert_eq!(names_records(&check, threshold), expected, "{check:?} {threshold:?}");
        }
    }

    #[test]
    fn a_mode_is_read_by_the_word_that_it_writes() {
        for mode in Mode::ALL {
            assert_eq!(Mode::named(mode.word()), Some(mode));
            assert_eq!(serde_json::to_value(mode).ok(), Some(mode.word().into()));
        }
        assert_eq!(Mode::named("Enforce"), None);
        assert!(!Mode::Observe.judges() && Mode::Warn.judges() && Mode::Enforce.judges());
    }
}
