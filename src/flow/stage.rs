//! What differs between the two stages of the one loop.

use crate::engine::contract::name::ProductName;
use crate::engine::decode::schema::SchemaRef;
use crate::engine::record::{Offset, RawRecord};
use crate::flow::io::{Answer, Call, Chunk, Committed, Ends, Message, Ms, Note, Part, Publication, TopicInfo};
use std::collections::BTreeMap;
use std::sync::Arc;

/// A partition's way to live, step by step.
#[derive(Debug, PartialEq)]
pub enum Opened {
    /// Start at `offset`; out of transactions until the position is at least `replay_until`.
    Start { offset: Offset, replay_until: Offset },
    /// First read one of our own logs to its high watermark, from this offset or its start.
    Read { log: Part, from: Offset },
    /// What was read does not fit together, as if another owner had committed in between: begin again.
    Again,
    /// It must not be read: the task exits with this reason.
    Refuse(String),
}

/// What one flush sends.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Outgoing {
    pub messages: Vec<Message>,
    /// The live partitions it speaks about, each with offset and metadata.
    pub offsets: Vec<(Part, Offset, String)>,
}

/// Topics and high watermarks as a flush saw them, asked for at `asked_ms`, after the last record of its cut was read.
#[derive(Clone, Debug, Default)]
pub struct Seen {
    pub asked_ms: Ms,
    pub topics: BTreeMap<Arc<str>, Option<TopicInfo>>,
    pub highs: BTreeMap<Part, Offset>,
    /// Of quarantines that the cut copies to: their partitions, or why they cannot be written.
    pub quarantines: BTreeMap<Arc<str>, Result<i32, String>>,
}

/// What a stage has in memory that no commit covers yet.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Held {
    /// Windows, over all products and contract versions.
    pub windows: usize,
    /// What the next flush would write, roughly.
    pub bytes: usize,
}

pub trait Stage {
    /// A flush's content, taken out of the stage when the flush begins.
    type Cut;
    /// Whether `outgoing` needs the high watermarks of the live partitions.
    const NEEDS_HIGHS: bool;

    /// The first step, after the committed offset, the topic's id and both ends are known.
    fn open(&mut self, now: Ms, part: &Part, committed: Option<&Committed>, topic: TopicInfo, ends: Ends) -> Opened;
    /// The next step, after a piece of the log that `Opened::Read` asked for; `None` until it is `done`.
    fn read(&mut self, part: &Part, chunk: Chunk) -> Option<Opened>;

    /// Takes records, all of them or those before the first that needs a schema which is not known yet. Returns that
    /// schema, then others that the rest of them need; nothing where all were taken, or no more fit (`is_full`). An error stops this partition, and
    /// only this one.
    fn records(&mut self, now: Ms, part: &Part, records: &[RawRecord<'_>]) -> Result<Vec<SchemaRef>, String>;
    /// Whether a flush must come before any more records are taken.
    fn is_full(&self) -> bool {
        false
    }
    /// Whether records that name this schema can be taken.
    fn knows(&self, schema: SchemaRef) -> bool;
    /// Everything before `offset` was read.
    fn passed(&mut self, part: &Part, offset: Offset);
    /// Next to read.
    fn position(&self, part: &Part) -> Option<Offset>;
    /// Whether the partition may be in a transaction now: false between the parts of one delta.
    fn whole(&self, part: &Part) -> bool;

    /// What it asks for beside its work, when nothing else is to be done. A failure is its own matter.
    fn aside(&mut self, _now: Ms) -> Option<Call> {
        None
    }
    /// The answer, which may come after a `reset`.
    fn aside_answered(&mut self, _now: Ms, _answer: Answer) {}

    /// Whether a flush is due, `since_ms` after the last one began.
    fn due(&self, since_ms: Ms) -> bool;
    /// Whether there is anything that a commit would save.
    fn dirty(&self) -> bool;
    /// What it holds now: bounded by `due`, and by how long a flush may take.
    fn held(&self) -> Held;
    /// Topics that a flush must look at: those of the live partitions, and others that it speaks about.
    fn topics(&self, live: &[Part]) -> Vec<Arc<str>>;
    fn cut(&mut self, now: Ms, live: &[Part]) -> Self::Cut;
    /// The quarantines that the cut copies to, and the partitions that each gets where it is missing.
    fn quarantines(&self, _cut: &Self::Cut, _seen: &Seen) -> Vec<(Arc<str>, i32)> {
        Vec::new()
    }
    /// This quarantine could not be written: nothing is copied to it for a while.
    fn refused(&mut self, _now: Ms, _quarantine: &Arc<str>, _why: &str) {}
    fn outgoing(&mut self, cut: &mut Self::Cut, seen: &Seen) -> Outgoing;
    /// What the commit of this cut lets the world see.
    fn publication(&self, now: Ms, cut: &Self::Cut) -> Publication;

    /// The partitions, among these, that a product's failed output holds back.
    fn parts_of(&self, product: &ProductName, parts: &[Part]) -> Vec<Part>;
    /// These left, and everything of them is committed.
    fn forget(&mut self, parts: &[Part]);
    /// Drop all that is not committed, and every partition.
    fn reset(&mut self);
    fn contracts_changed(&mut self);
    /// Products that left with their partitions or their contracts, since the last call.
    fn retired(&mut self) -> Vec<ProductName> {
        Vec::new()
    }
    /// Lines for the operator since the last call.
    fn notes(&mut self) -> Vec<Note>;
}
