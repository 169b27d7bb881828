//! Records that others may refer to, and that could not be read.

use crate::engine::check::key::Hashes;
use crate::engine::check::tally::Tally;
use crate::engine::contract::asked::Subject;
use crate::engine::contract::plan::Plan;
use crate::engine::contract::relation::Side;
use crate::engine::record::{Offset, Position};

/// Each may have held one key: its place stands among the keys of the rules that would have found it there.
#[cold]
pub fn count(plan: &Plan, objects: &[usize], hashes: &Hashes, at: Position, offset: Offset, tally: &mut Tally) {
    for (rule, subject) in objects.iter().filter_map(|object| plan.asked.get(*object)).flat_map(|asked| &asked.rules) {
        if let Subject::Reference(Side::IsReferredTo, _) = subject {
            tally.rule(*rule).insert(Side::Unread.mark(hashes.place(at, offset)));
        }
    }
}
