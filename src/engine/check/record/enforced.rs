//! Which records an enforced contract puts aside, and why: in the words of rules and faults, without a value.

use crate::engine::check::own::{self, DECODABLE, SCHEMA, SIZE};
use crate::engine::check::record::{Examiner, What};
use crate::engine::contract::mode::{Mode, names_records};
use crate::engine::contract::plan::Plan;
use crate::engine::contract::records::Action;
use crate::engine::decode::reason::{Reason, Undecodable};

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
    /// Whether the record that was just counted is put aside: it breaks an enforced rule, or is of a kind that the
    /// contract's policy copies. One that cannot be decoded could not be asked any rule, so it is where any is enforced.
    pub fn enforced(&self, plan: &Plan) -> Option<Bad> {
        let mut broken: Vec<(&str, String)> = Vec::new();
        match &self.found.what {
            What::Tombstone | What::Unmeasured => {}
            What::Undecodable(found) => {
                let (rule, action) = of_undecodable(plan, found);
                if action.copies(plan.enforces()) {
                    broken.push((rule, format!("{} at byte {}", found.reason.word(), found.at)));
                }
            }
            What::Decoded => broken.extend(self.found.broken.iter().filter_map(|broken| {
                let rule = plan.rules.get(broken.rule as usize)?;
                let enforced = rule.mode == Mode::Enforce && names_records(&rule.check, rule.threshold);
                enforced.then(|| (rule.id.as_str(), broken.fault.to_owned()))
            })),
        }
        if let Some(bytes) = self.found.oversized
            && plan.records.oversized().copies(false)
        {
            broken.push((SIZE, own::why_oversized(plan, bytes)));
        }
        let told = &broken[..broken.len().min(RULES_MAX)];
        let mut reason = match told {
            [] => return None,
            [(_, fault)] => fault.clone(),
            several => several.iter().map(|(id, fault)| format!("{id}: {fault}")).collect::<Vec<_>>().join("; "),
        };
        if broken.len() > RULES_MAX {
            reason.push_str(&format!("; and {} more", broken.len() - RULES_MAX));
        }
        Some(Bad { rules: told.iter().map(|(id, _)| (*id).to_owned()).collect(), reason })
    }
}

/// By which of the daemon's own questions such a record is judged, and what is done about it.
fn of_undecodable(plan: &Plan, found: &Undecodable) -> (&'static str, Action) {
    match plan.records.apart().filter(|_| found.reason == Reason::UnknownSchema) {
        Some(action) => (SCHEMA, action),
        None => (DECODABLE, plan.records.undecodable.unwrap_or(Action::Usual)),
    }
}
