//! What the group gives and wants back, served in its order.

use crate::flow::flush::Flush;
use crate::flow::io::{Action, Level, Ms, Part};
use crate::flow::mutation::{Mutation, planted};
use crate::flow::stage::Stage;
use crate::flow::task::Task;

/// What the group asked for, in its order.
pub(super) enum Rebalance {
    Assigned(Vec<Part>),
    /// `flushed`: one flush was tried for them; it committed what they held, or recovery dropped it.
    Revoking {
        parts: Vec<Part>,
        flushed: bool,
    },
    Lost(Vec<Part>),
    /// Another took this consumer's place: all that it was given is lost, and it joins anew.
    Fenced,
}

impl<S: Stage> Task<S> {
    /// Serves the group's oldest wish; false where there is none.
    pub(super) fn rebalance(&mut self, now: Ms) -> bool {
        if self.group_wants.is_empty() {
            return false; // asked at each tick: then nothing looks at thousands of partitions
        }
        let dirty = self.flushable(now, true);
        match self.group_wants.front_mut() {
            None => return false,
            Some(Rebalance::Revoking { flushed, .. }) if dirty && !*flushed => {
                *flushed = true;
                self.begin_flush(now);
                return true;
            }
            Some(_) => {}
        }
        match self.group_wants.pop_front() {
            None => {}
            Some(Rebalance::Assigned(parts)) => {
                parts.iter().for_each(|part| self.parts.open(part.clone()));
                self.out.push(Action::Assign(parts));
            }
            Some(Rebalance::Revoking { parts, .. }) => {
                if planted(Mutation::RevokedStaysInOffsets) {
                    let ghosts = parts.iter().filter_map(|p| Some((p.clone(), self.stage.position(p)?, String::new())));
                    self.ghosts = ghosts.collect();
                }
                self.parts.phases.retain(|part, _| !parts.contains(part));
                self.stage.forget(&parts);
                self.out.push(Action::Unassign(parts));
            }
            Some(Rebalance::Lost(parts)) => {
                self.parts.phases.retain(|part, _| !parts.contains(part));
                self.stage.forget(&parts);
                if !planted(Mutation::LostDeltasSurvive) {
                    self.drop_uncommitted();
                }
                self.note(Level::Warn, format!("lost {} partitions: the group's session ended", parts.len()));
                self.out.push(Action::Unassign(parts));
            }
            Some(Rebalance::Fenced) => {
                let parts: Vec<Part> = std::mem::take(&mut self.parts.phases).into_keys().collect();
                self.stage.forget(&parts);
                self.drop_uncommitted();
                self.out.push(Action::NewConsumer);
            }
        }
        self.failing.retain(|part, _| self.parts.phases.contains_key(part));
        true
    }

    pub(super) fn lost(&self) -> bool {
        self.group_wants.iter().any(|r| matches!(r, Rebalance::Lost(_) | Rebalance::Fenced))
    }

    /// The consumer is of no more use; what it still says is of a membership that is over.
    pub(super) fn leaves_consumer(&self) -> bool {
        self.group_wants.iter().any(|r| matches!(r, Rebalance::Fenced))
    }

    pub(super) fn abandon_flush(&mut self) {
        self.aborting = self.flush.as_ref().is_some_and(Flush::is_open);
        self.drop_uncommitted();
    }
}
