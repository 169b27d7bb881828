//! Topics that a product reads for the keys that it refers to, and for nothing else: they have no events, and what is missing of
//! them is missing to the rules about references alone.

use crate::engine::check::verdict::Across;
use crate::flow::chain::Link;
use crate::flow::delta::{Report, WindowKey};
use crate::flow::io::Ms;
use crate::flow::judge::{Judge, Merge};
use crate::flow::product::Product;
use crate::flow::state::Mark;
use crate::flow::tell::Teller;

impl<T: Merge> Product<T> {
    pub fn only_refers_to<J: Judge<Tally = T>>(&self, judge: &J, topic: &str) -> bool {
        judge.refers_to(&self.state.product, topic)
    }

    /// A window in which nothing but such keys came is one without a record.
    pub fn close_without_records<J: Judge<Tally = T>>(
        &mut self,
        tell: &Teller<'_, J>,
        keys: &[WindowKey],
        end_ms: Ms,
        forced: &str,
        now: Ms,
    ) {
        for key in keys {
            if let Some(open) = self.open.remove(key) {
                self.across(tell, *key, &open.tally); // Its keys are remembered, and those that are too old forgotten.
            }
        }
        self.idle_until(tell, end_ms, forced, now);
    }

    /// What windows before this one, and this one, say of its keys.
    pub fn across<J: Judge<Tally = T>>(&mut self, tell: &Teller<'_, J>, key: WindowKey, tally: &T) -> Across {
        let topics = &self.state.topics;
        let is_missing = |topic: &str| topics.iter().any(|known| known.topic == topic && known.id.is_none());
        self.memory.judge(tell.judge, key, tell.window.size_ms, &self.state.marks, &is_missing, tally)
    }

    /// No event tells it: who governs that topic does.
    pub fn gap_of_referred<J: Judge<Tally = T>>(
        &mut self,
        tell: &Teller<'_, J>,
        report: &Report,
        link: Link,
        reached: Option<Ms>,
    ) {
        let why = match link {
            Link::Gap(_) => "offsets were deleted before they were read",
            Link::Recreated(_) => "it was deleted and created again",
            Link::Begins if report.interval.from > 0 => "reading began behind its first offset",
            Link::Begins | Link::Next | Link::Behind | Link::Overlap => return,
        };
        self.mark_open(tell, reached, &Mark::reason_of_referred(&report.topic, why));
    }
}

/// Begins the reason of a mark that is of such a topic. It is told in verdicts.
const REFERRED: &str = "of a topic that is referred to, ";

impl Mark {
    /// Why not all keys of a topic are known, in the place of a reason why windows are not whole.
    pub fn reason_of_referred(topic: &str, why: &str) -> String {
        format!("{REFERRED}{topic}: {why}")
    }

    pub fn is_of_referred(&self) -> bool {
        self.reason.starts_with(REFERRED)
    }
}
