//! Where a contract looks at a sample of its records: what is asked of those beside it as well.

use crate::engine::check::record::{Examiner, Found, times};
use crate::engine::check::sampled;
use crate::engine::check::tally::Tally;
use crate::engine::contract::asked::{Asked, Subject};
use crate::engine::contract::plan::Plan;
use crate::engine::contract::sample::Draw;
use crate::engine::decode::tree::Value;
use crate::engine::record::{Position, RawRecord};

impl Examiner {
    /// The records that follow stand there: of which are taken, that decides.
    pub fn reads(&mut self, at: Position) {
        self.draw = Draw::of(at);
    }
}

/// That there is a record, and when it came: a count of all records, and a pause between two, no sample tells.
#[cold] // so that what is asked of a record that is looked at stays in one piece
pub(super) fn ask_of_all(plan: &Plan, asked: &Asked, record: Value<'_>, raw: &RawRecord<'_>, found: &mut Found) {
    for (number, subject) in &asked.rules {
        let Some(rule) = plan.rules.get(*number) else { continue };
        let number = *number as u32;
        match subject {
            Subject::Row => found.asked.push(number),
            Subject::Times(routes) => {
                let told = times::told(rule, routes, record, &asked.fields, raw);
                found.times.extend(told.map(|told| (number, told)));
            }
            _ => {}
        }
    }
}

/// Counts a decoded record that is looked at, where others are not.
pub(super) fn count(plan: &Plan, tally: &mut Tally) {
    if plan.sample.is_some() {
        sampled::count(plan, tally);
    }
}
