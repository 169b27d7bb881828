//! Keys of windows that closed, read again beside the work: a restart forgets them, and the deltas still hold them.
//!
//! A read of its own: what the group commits is the lowest delta that an *open* window needs, and no horizon holds it back. It is
//! bounded by the horizon, found by the time at which deltas were written, and asks for a piece of the log whenever the task
//! has nothing else to do.

use crate::engine::record::Offset;
use crate::flow::io::{Answer, Call, Chunk, Ends, Ms, Part};

/// An event time may be ahead of the time at which its delta is written: by `window.future.tolerance`, five minutes by
/// default, and by what the clocks of worker and broker differ. An hour is beyond both.
const AHEAD_MS: Ms = 3_600_000;
/// After a failure it is tried again from the beginning: what was learnt twice was learnt once.
const RETRY_MS: Ms = 2_000;

/// One partition of the deltas topic, from a time on to where the live reading began, or stood.
#[derive(Debug)]
pub struct Rebuild {
    pub part: Part,
    /// Windows that begin before this are nobody's horizon any more.
    since_ms: Ms,
    /// `None`: where the live reading stands when all that it applied is committed. Late records that wait for a commit are not
    /// among what was seen before them.
    to: Option<Offset>,
    step: Step,
    not_before_ms: Ms,
}

#[derive(Debug)]
enum Step {
    Ends,
    Begin(Ends),
    Read {
        from: Offset,
        /// Deltas before the first were deleted: the next record says when.
        cut: bool,
    },
}

/// What an answer gave.
#[derive(Debug, PartialEq)]
pub enum Turn {
    /// Nothing yet.
    Wait,
    /// Deltas to be learnt from. `cut`: what was written before the first of them is deleted.
    Deltas { chunk: Chunk, cut: bool },
}

impl Rebuild {
    pub fn new(part: Part, since_ms: Ms, to: Option<Offset>) -> Rebuild {
        Rebuild { part, since_ms, to, step: Step::Ends, not_before_ms: Ms::MIN }
    }

    /// What it asks next. `committed`: where the live reading stands, if nothing that it applied waits for a commit.
    pub fn call(&mut self, now: Ms, committed: Option<Offset>) -> Option<Call> {
        self.to = self.to.or(committed);
        let (part, to) = (self.part.clone(), self.to?);
        (now >= self.not_before_ms).then(|| match self.step {
            Step::Ends => Call::Ends(vec![part]),
            Step::Begin(_) => Call::OffsetAt { part, time_ms: self.since_ms.saturating_sub(AHEAD_MS).max(0) },
            Step::Read { from, .. } => Call::ReadLog { part, from, to },
        })
    }

    /// Takes an answer; one that was asked for before a restart of it means nothing.
    pub fn answered(&mut self, now: Ms, answer: Answer) -> Turn {
        match (&self.step, answer) {
            (Step::Ends, Answer::Ends(Ok(ends))) if ends.contains_key(&self.part) => {
                if let Some(ends) = ends.get(&self.part) {
                    self.step = Step::Begin(*ends);
                }
            }
            (Step::Begin(ends), Answer::OffsetAt(Ok(found))) => {
                let from = found.unwrap_or(ends.high).max(ends.start);
                self.step = Step::Read { from, cut: ends.start > 0 && from == ends.start };
            }
            (Step::Read { cut, .. }, Answer::ReadLog(Ok(chunk))) => {
                let cut = *cut;
                let came = !chunk.records.is_empty();
                self.step = Step::Read { from: chunk.next, cut: cut && !came };
                return Turn::Deltas { chunk, cut: cut && came };
            }
            (_, Answer::Ends(_) | Answer::OffsetAt(_) | Answer::ReadLog(_)) => {
                self.step = Step::Ends;
                self.not_before_ms = now + RETRY_MS;
            }
            _ => {}
        }
        Turn::Wait
    }
}
