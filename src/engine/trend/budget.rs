//! Error budgets: of what may be bad within a period, how much is left.
//!
//! As in Beyer et al., *The Site Reliability Workbook* (2018), chapters 2 and 5: an objective of 99 % lets one window of a
//! hundred be bad, and the budget is these.

use crate::engine::trend::rolling::{BUCKETS, Rolling};
use serde::{Deserialize, Serialize};

/// The period's buckets are days of UTC: today and 29 before.
pub const DAY_MS: i64 = 24 * 3_600_000;
pub const DAYS_BEFORE: i64 = BUCKETS - 1;

/// What stands for a contract as a whole among its service levels.
pub const PRODUCT: &str = "product";

/// How one objective stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Budget {
    /// The id of the service level's rule, or `PRODUCT`.
    pub sla: String,
    /// The share of windows that is to be good, 0 to 1.
    pub objective: f64,
    pub good: u64,
    /// Of the period, those that said pass, warn or fail.
    pub windows: u64,
}

impl Budget {
    pub fn of(sla: &str, objective: f64, windows: &Rolling, at_ms: i64) -> Budget {
        let (good, windows) = windows.sums(at_ms, DAY_MS, DAYS_BEFORE);
        Budget { sla: sla.to_owned(), objective, good, windows }
    }

    /// What is left of the budget: 1 where nothing is spent, 0 where all is, below 0 where more was spent than there was. `None`
    /// where no window was measured. An objective of 1 has no budget: 0 as soon as one window is bad.
    pub fn ratio(&self) -> Option<f64> {
        let bad = self.windows.saturating_sub(self.good) as f64;
        let allowed = (1.0 - self.objective) * self.windows as f64;
        match self.windows {
            0 => None,
            _ if bad == 0.0 => Some(1.0),
            _ if allowed <= 0.0 => Some(0.0),
            // To a millionth: what doubles have beyond it says nothing.
            _ => Some(((1.0 - bad / allowed) * 1e6).round() / 1e6),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_spent_by_bad_windows_and_may_be_overspent() {
        for (objective, good, windows, expected) in [
            (0.99, 0, 0, None),
            (0.99, 100, 100, Some(1.0)),
            (0.99, 199, 200, Some(0.5)),
            (0.99, 99, 100, Some(0.0)),
            (0.99, 97, 100, Some(-2.0)),
            (0.0, 0, 10, Some(0.0)),
            (1.0, 10, 10, Some(1.0)),
            (1.0, 9, 10, Some(0.0)),
        ] {
            let ratio = Budget { sla: String::new(), objective, good, windows }.ratio();
            assert_eq!(ratio, expected, "{objective} {good} of {windows}");
        }
    }

    #[test]
    fn what_is_older_than_thirty_days_is_not_held_against_anyone() {
        let mut windows = Rolling::default();
        windows.add(0, DAY_MS, 0, 10);
        (1..=30).for_each(|day| windows.add(day * DAY_MS, DAY_MS, 10, 10));
        let ratio = |day: i64| Budget::of("s", 0.9, &windows, day * DAY_MS).ratio();
        assert_eq!((ratio(30), ratio(59), ratio(60)), (Some(1.0), Some(1.0), None));
        let mut windows = Rolling::default();
        (0..30).for_each(|day| windows.add(day * DAY_MS, DAY_MS, if day == 0 { 0 } else { 10 }, 10));
        assert_eq!(Budget::of("s", 0.9, &windows, 29 * DAY_MS).good, 290);
        assert_eq!(Budget::of("s", 0.9, &windows, 30 * DAY_MS).windows, 290);
    }
}
