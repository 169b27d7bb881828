//! Records that others refer to: of those that are read for their keys alone nothing else is counted, and those that could not be
//! read may hold any.

use crate::engine::check::key::Hashes;
use crate::engine::check::record::{Examiner, What};
use crate::engine::check::tally::Tally;
use crate::engine::contract::asked::Subject;
use crate::engine::contract::plan::Plan;
use crate::engine::contract::relation::Side;
use crate::engine::record::{Offset, Position, RawRecord};

/// Each may have held one key: its place stands among the keys of the rules that would have found it there.
#[cold]
pub fn count(plan: &Plan, objects: &[usize], hashes: &Hashes, at: Position, offset: Offset, tally: &mut Tally) {
    for (rule, subject) in objects.iter().filter_map(|object| plan.asked.get(*object)).flat_map(|asked| &asked.rules) {
        if let Subject::Reference(Side::IsReferredTo, _) = subject {
            tally.rule(*rule).insert(Side::Unread.mark(hashes.place(at, offset)));
        }
    }
}

impl Examiner {
    /// Adds what `examine` just found of a record that only others refer to: its keys.
    pub fn count_keys(&mut self, plan: &Plan, record: &RawRecord<'_>, at: Position, tally: &mut Tally) {
        match &self.found.what {
            What::Tombstone => {}
            What::Undecodable(_) | What::Unmeasured => {
                count(plan, &self.objects, &self.hashes, at, record.offset, tally);
            }
            What::Decoded => {
                for (rule, key) in &self.found.references {
                    tally.rule(*rule as usize).insert(*key);
                }
            }
        }
    }
}
