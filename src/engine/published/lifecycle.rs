//! How far a product is in its life. The words are ODPS' and ODCS' `status`.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Lifecycle {
    Proposed,
    Draft,
    Active,
    /// Its consumers are to move on: to the successor, before the end of life.
    Deprecated,
    /// Its contracts are kept and judge nothing.
    Retired,
}

impl Lifecycle {
    pub const ALL: [Lifecycle; 5] =
        [Lifecycle::Proposed, Lifecycle::Draft, Lifecycle::Active, Lifecycle::Deprecated, Lifecycle::Retired];

    pub fn word(self) -> &'static str {
        match self {
            Lifecycle::Proposed => "proposed",
            Lifecycle::Draft => "draft",
            Lifecycle::Active => "active",
            Lifecycle::Deprecated => "deprecated",
            Lifecycle::Retired => "retired",
        }
    }

    /// Whatever its case; `None` for a word of one's own.
    pub fn parse(word: &str) -> Option<Lifecycle> {
        Lifecycle::ALL.into_iter().find(|lifecycle| lifecycle.word().eq_ignore_ascii_case(word))
    }

    /// Whether its contracts judge records. A draft's do, too: that is how it is known to be good.
    pub fn is_judged(self) -> bool {
        self != Lifecycle::Retired
    }

    /// Forward a step at a time, or past `draft`; back from `deprecated`, which consumers were told, and from nowhere else.
    /// What never was active may be retired at once. Else why not, and what to do.
    pub fn may_become(self, next: Lifecycle) -> Result<(), String> {
        use Lifecycle::*;
        let allowed: &[Lifecycle] = match self {
            Proposed => &[Proposed, Draft, Active, Retired],
            Draft => &[Draft, Active, Retired],
            Active => &[Active, Deprecated],
            Deprecated => &[Deprecated, Active, Retired],
            Retired => &[Retired],
        };
        if allowed.contains(&next) {
            return Ok(());
        }
        let remedy = match (self, next) {
            (Retired, _) => "withdraw it with DELETE and publish it anew",
            (Active, Retired) => "deprecate it first, so that its consumers are told",
            _ => "publish it under another name, or leave it as it is",
        };
        Err(format!("a product that is {} does not become {}: {remedy}", self.word(), next.word()))
    }
}

#[cfg(test)]
mod tests {
    use super::Lifecycle::{self, *};

    #[test]
    fn a_life_goes_forward_and_only_a_deprecation_is_taken_back() {
        // Rows: from; columns: to, in the order of `ALL`.
        let table = ["ooo-o", ".oo-o", "..oo-", "--ooo", "----o"];
        for (from, row) in Lifecycle::ALL.into_iter().zip(table) {
            for (to, mark) in Lifecycle::ALL.into_iter().zip(row.chars()) {
                assert_eq!(from.may_become(to).is_ok(), mark == 'o', "{} to {}", from.word(), to.word());
            }
        }
        assert!(Active.may_become(Retired).unwrap_err().contains("deprecate it first"));
    }

    #[test]
    fn words_are_read_as_they_are_written() {
        for lifecycle in Lifecycle::ALL {
            assert_eq!(Lifecycle::parse(&lifecycle.word().to_uppercase()), Some(lifecycle));
            assert_eq!(serde_json::to_value(lifecycle).unwrap(), lifecycle.word());
        }
        assert_eq!(Lifecycle::parse("in review"), None);
    }
}
