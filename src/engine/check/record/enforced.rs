//! Which records an enforced contract puts aside, and why: in the words of rules and faults, without a value.

use crate::engine::check::record::{Examiner, What};
use crate::engine::check::verdict::DECODABLE;
use crate::engine::contract::mode::{Mode, names_records};
use crate::engine::contract::plan::Plan;

/// Rules of one record that are named; the others are counted.
const RULES_MAX: usize = 20;

/// A bad record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bad {
    /// The ids of the rules that it broke.
    pub rules: Vec<String>,
    /// `missing`; of several rules each with its id: `orders.id.required: missing; …`.
    pub reason: String,
}

impl Examiner {
    /// Whether the record that was just counted is put aside: it breaks an enforced rule, or cannot be decoded and so not be
    /// asked any.
    pub fn enforced(&self, plan: &Plan) -> Option<Bad> {
        match &self.found.what {
            What::Tombstone | What::Unmeasured => None,
            What::Undecodable(found) => enforces(plan).then(|| Bad {
                rules: vec![DECODABLE.to_owned()],
                reason: format!("{} at byte {}", found.reason.word(), found.at),
            }),
            What::Decoded => {
                let broken = self.found.broken.iter().filter_map(|broken| {
                    let rule = plan.rules.get(broken.rule as usize)?;
                    let enforced = rule.mode == Mode::Enforce && names_records(&rule.check, rule.threshold);
                    enforced.then_some((rule.id.as_str(), broken.fault))
                });
                let broken: Vec<(&str, &str)> = broken.collect();
                let told = &broken[..broken.len().min(RULES_MAX)];
                let mut reason = match told {
                    [] => return None,
                    [(_, fault)] => (*fault).to_owned(),
                    several => {
                        several.iter().map(|(id, fault)| format!("{id}: {fault}")).collect::<Vec<_>>().join("; ")
                    }
                };
                if broken.len() > RULES_MAX {
                    reason.push_str(&format!("; and {} more", broken.len() - RULES_MAX));
                }
                Some(Bad { rules: told.iter().map(|(id, _)| (*id).to_owned()).collect(), reason })
            }
        }
    }
}

/// Whether anything of the contract is enforced.
fn enforces(plan: &Plan) -> bool {
    plan.mode == Mode::Enforce || plan.rules.iter().any(|rule| rule.mode == Mode::Enforce)
}
