//! Uniqueness over a horizon longer than a window: `steward.uniquenessHorizon`.

use crate::engine::contract::plan::{Check, ObjectPlan, Rule};
use sha2::{Digest, Sha256};

/// Keys are read again after a restart, from deltas that are kept for seven days: a window that is open for the longest
/// and a horizon before it must fit in them.
pub const HORIZON_MAX_MS: i64 = 3 * 86_400_000;

/// A rule whose keys are remembered beyond a window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Horizon {
    pub rule: usize,
    /// Equal in all versions of a contract that ask the same fields of the same topic: what was remembered stays.
    pub id: u64,
    pub span_ms: i64,
    /// What is remembered: all keys, or of a relationship those that are referred to.
    pub refers: bool,
}

/// Those of a plan.
pub fn of(contract_id: &str, objects: &[ObjectPlan], rules: &[Rule]) -> Vec<Horizon> {
    let horizon = |(number, rule): (usize, &Rule)| {
        let span_ms = rule.horizon_ms?;
        let topic = &objects.get(rule.object)?.topic;
        let mut parts = vec![contract_id.to_owned(), topic.clone()];
        match &rule.check {
            Check::Unique(fields) => parts.extend(fields.iter().map(ToString::to_string)),
            Check::Refers(reference) => {
                parts.extend(["refers to".to_owned(), reference.object.clone()]);
                parts.extend(reference.from.iter().chain(&reference.to).map(ToString::to_string));
            }
            _ => return None,
        }
        let mut hasher = Sha256::new();
        for part in parts {
            hasher.update(part.len().to_le_bytes());
            hasher.update(part);
        }
        let mut first = [0; 8];
        first.copy_from_slice(&hasher.finalize()[..8]);
        let refers = matches!(rule.check, Check::Refers(_));
        Some(Horizon { rule: number, id: u64::from_le_bytes(first), span_ms, refers })
    };
    rules.iter().enumerate().filter_map(horizon).collect()
}
