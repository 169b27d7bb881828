//! Spans of which not all was read: no window in them is whole.

use crate::engine::record::window_of;
use crate::flow::io::Ms;
use crate::flow::judge::{Judge, Merge};
use crate::flow::product::Product;
use crate::flow::state::Mark;
use crate::flow::tell::Teller;

impl<T: Merge> Product<T> {
    /// Everything from the first open window up to the one that holds `reached`.
    pub fn mark_open<J: Judge<Tally = T>>(&mut self, tell: &Teller<'_, J>, reached: Option<Ms>, reason: &str) {
        let first = self.open.keys().next().map(|k| k.start);
        let Some(to) = reached.or(first) else { return };
        let to_ms = window_of(to, tell.window.size_ms) + tell.window.size_ms;
        let from_ms = self.state.closed_through.or(first).unwrap_or(to_ms - tell.window.size_ms);
        self.mark(from_ms, to_ms, reason);
    }

    pub fn mark(&mut self, from_ms: Ms, to_ms: Ms, reason: &str) {
        // One fault found in many partitions is one mark.
        if let Some(last) =
            self.state.marks.last_mut().filter(|m| m.reason == reason && m.from_ms <= to_ms && from_ms <= m.to_ms)
        {
            (last.from_ms, last.to_ms) = (last.from_ms.min(from_ms), last.to_ms.max(to_ms));
        } else if from_ms < to_ms {
            self.state.marks.push(Mark { from_ms, to_ms, reason: reason.to_string() });
        }
    }

    /// Lets go of marks of closed windows, but for the last that the horizon of a relationship reaches back to.
    pub fn forget_marks<J: Judge<Tally = T>>(&mut self, judge: &J) {
        let Some(closed) = self.state.closed_through.filter(|_| !self.state.marks.is_empty()) else { return };
        let spans = self.horizons(judge).into_iter().filter(|horizon| horizon.refers).map(|horizon| horizon.span_ms);
        let needed_ms = closed - spans.max().unwrap_or(0);
        let of_closed = self.state.marks.iter().map(|m| m.to_ms).filter(|to_ms| *to_ms <= closed);
        let last = of_closed.max().filter(|to_ms| *to_ms > needed_ms);
        self.state.marks.retain(|m| m.to_ms > closed || Some(m.to_ms) == last);
    }

    /// Why the windows of a span are not whole.
    pub fn marked(&self, start_ms: Ms, end_ms: Ms) -> Option<String> {
        let own = self.state.marks.iter().filter(|m| !m.is_of_referred());
        own.filter(|m| m.from_ms < end_ms && start_ms < m.to_ms).map(|m| m.reason.clone()).next()
    }
}
