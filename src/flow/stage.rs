//! What differs between the two stages of the one loop.

use crate::engine::record::{Offset, RawRecord};
use crate::flow::io::{Chunk, Committed, Ends, Message, Ms, Note, Part, Publication, TopicInfo};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A partition's way to live, step by step.
#[derive(Debug, PartialEq)]
pub enum Opened {
    /// Start at `offset`; out of transactions until the position is at least `replay_until`.
    Start { offset: Offset, replay_until: Option<Offset> },
    /// First read one of our own logs to its high watermark, from this offset or its start.
    Read { log: Part, from: Offset },
    /// It must not be read: the worker exits with this reason.
    Refuse(String),
}

/// What one flush carries.
#[derive(Debug)]
pub struct Outgoing {
    pub messages: Vec<Message>,
    /// The live partitions it speaks about, each with offset and metadata.
    pub offsets: Vec<(Part, Offset, String)>,
}

pub trait Stage {
    /// A flush's content, taken out of the stage when the flush begins.
    type Cut;

    /// The first step after the committed offset, the topic's id and both ends are known.
    fn open(&mut self, part: &Part, committed: Option<&Committed>, topic: TopicInfo, ends: Ends) -> Opened;
    /// The next step, after (more of) a log that `Opened::Read` asked for.
    fn read(&mut self, part: &Part, chunk: Chunk) -> Opened;

    fn records(&mut self, now: Ms, part: &Part, records: &[RawRecord<'_>]) -> Result<(), String>;
    fn passed(&mut self, now: Ms, part: &Part, offset: Offset);
    /// Next to read, as the stage holds it.
    fn position(&self, part: &Part) -> Option<Offset>;

    /// Whether a flush is due. `since_ms`: since the last one began.
    fn due(&self, now: Ms, since_ms: Ms) -> bool;
    /// Whether there is anything that a commit would save.
    fn dirty(&self) -> bool;
    /// Topics whose ids a flush must verify.
    fn topics(&self, live: &[Part]) -> Vec<Arc<str>>;
    /// Whether `outgoing` needs the ends of the live partitions.
    const NEEDS_ENDS: bool;
    fn cut(&mut self, now: Ms, live: &[Part]) -> Self::Cut;
    /// `asked_ms`: when topics and ends were asked for, which is not after they were answered.
    fn outgoing(
        &mut self,
        cut: &Self::Cut,
        asked_ms: Ms,
        topics: &BTreeMap<Arc<str>, Option<TopicInfo>>,
        ends: &BTreeMap<Part, Ends>,
    ) -> Outgoing;
    fn committed(&mut self, now: Ms, cut: Self::Cut) -> Publication;

    /// Forget everything about these that is not committed.
    fn drop_parts(&mut self, parts: &[Part]);
    fn contracts_changed(&mut self);
    /// Lines for the operator since the last call.
    fn notes(&mut self) -> Vec<Note>;
}
