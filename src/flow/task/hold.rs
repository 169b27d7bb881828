//! Partitions set down for a while: out of the log's range, paused, or restarted by an operator.
//!
//! What was read of them is still good: a flush commits it first, and only then the partition is opened again, or held.
//! So nothing is read twice, and a resumed partition goes on at the offset that its last flush committed.

use crate::flow::io::{Action, Level, Ms, Part};
use crate::flow::mutation::{Mutation, planted};
use crate::flow::opening::{Phase, Why};
use crate::flow::stage::Stage;
use crate::flow::task::Task;
use std::collections::BTreeSet;
use std::sync::Arc;

impl<S: Stage> Task<S> {
    /// Opens the partition again after the next flush, or at `until` where no flush may speak about it now.
    pub(super) fn set_down(&mut self, part: &Part, until: Ms) {
        let whole = self.stage.whole(part);
        match self.parts.phases.get_mut(part) {
            Some(Phase::Live { reopen, .. }) if whole => *reopen = reopen.or(Some(self.flushes)),
            Some(phase @ (Phase::Live { .. } | Phase::Replaying { .. })) => {
                *phase = Phase::SittingOut { until, position: None, why: Why::SetDown };
                self.stage.forget(std::slice::from_ref(part));
            }
            _ => {}
        }
    }

    /// Operators want exactly these topics held. Partitions of others that are paused are opened by `Parts::wake`.
    pub(super) fn paused(&mut self, now: Ms, topics: BTreeSet<Arc<str>>) {
        let newly: Vec<Part> = self.being_read(|part| topics.contains(&part.topic));
        let list = topics.iter().map(|topic| &**topic).collect::<Vec<_>>().join(", ");
        self.note(Level::Info, format!("topics held for operators: {}", if list.is_empty() { "none" } else { &list }));
        self.parts.paused = topics;
        if planted(Mutation::PausedUnflushed) {
            newly.iter().for_each(|part| drop(self.parts.phases.insert(part.clone(), Phase::Paused)));
        }
        self.stop_reading(now, newly);
    }

    pub(super) fn restarted(&mut self, now: Ms, parts: &[Part]) {
        for part in parts {
            if let Some(Phase::SittingOut { until, .. }) = self.parts.phases.get_mut(part) {
                *until = now;
            }
        }
        let reading = self.being_read(|part| parts.contains(part));
        self.stop_reading(now, reading);
    }

    fn stop_reading(&mut self, now: Ms, parts: Vec<Part>) {
        parts.iter().for_each(|part| self.set_down(part, now));
        if !parts.is_empty() {
            self.out.push(Action::Hold(parts));
        }
    }

    fn being_read(&self, wanted: impl Fn(&Part) -> bool) -> Vec<Part> {
        let reading = |phase: &Phase| matches!(phase, Phase::Live { .. } | Phase::Replaying { .. });
        let these = self.parts.phases.iter().filter(|(part, phase)| reading(phase) && wanted(part));
        these.map(|(part, _)| part.clone()).collect()
    }
}
