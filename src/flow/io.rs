//! The closed sets between flow and shell: what may happen, what may be asked for, what may be answered.
//!
//! At most one `Call` is outstanding. Everything else in a `Vec<Action>` is done in order, without an answer.

use crate::engine::check::verdict::RuleResult;
use crate::engine::contract::mode::Mode;
use crate::engine::contract::name::ProductName;
use crate::engine::decode::schema::SchemaRef;
use crate::engine::record::{Offset, RawRecord, TopicId};
use crate::engine::trend::budget::Budget;
use crate::engine::trend::drift::Finding;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Milliseconds since 1970 UTC, or a span of them.
pub type Ms = i64;

/// A partition by its topic's *name*: what groups and committed offsets know.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Part {
    pub topic: Arc<str>,
    pub partition: i32,
}

impl Part {
    pub fn new(topic: &Arc<str>, partition: i32) -> Part {
        Part { topic: topic.clone(), partition }
    }
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.topic, self.partition)
    }
}

/// What the shell drives: a task of either stage, or a test's own.
pub trait Machine {
    /// Everything that happens comes in here, and everything to be done comes out.
    fn on(&mut self, now: Ms, input: Input<'_>) -> Vec<Action>;
}

/// What happened.
#[derive(Debug)]
pub enum Input<'a> {
    /// The group gave these. The shell has *not* taken them up: `Action::Assign` does.
    Assigned(Vec<Part>),
    /// The group wants these back; still ours until `Action::Unassign`.
    Revoking(Vec<Part>),
    /// These may be another's already.
    Lost(Vec<Part>),
    /// Records of one started partition, ascending.
    Records { part: Part, records: &'a [RawRecord<'a>] },
    /// The position passed everything up to `offset` (next to read); under read_committed that is the last stable offset.
    Eof { part: Part, offset: Offset },
    /// The position left the log; the partition stands still until it is started again.
    OutOfRange { part: Part },
    /// The contracts changed; the judge already holds the new ones.
    Contracts,
    /// More of the registry's schemas are known; the judge already holds them.
    Schemas,
    /// Operators want these topics held, and no others: all of them, each time.
    Paused(BTreeSet<Arc<str>>),
    /// Operators want these opened again, whatever keeps them back.
    Restart(Vec<Part>),
    /// The one outstanding call ended.
    Answer(Answer),
    /// The consumer cannot go on.
    ConsumerFailed(Fault),
    /// Time passed; comes at least every 100 ms of a running task.
    Tick,
    /// Flush, commit, give everything back and exit.
    Stop,
}

/// What the shell does.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// Take the partitions up, held: nothing is fetched yet. This completes the group's rebalance.
    Assign(Vec<Part>),
    /// Give the partitions back. This completes the group's rebalance; an empty list completes a rebalance that took nothing.
    Unassign(Vec<Part>),
    /// Seek to the offset and fetch; what was fetched before is dropped.
    Start { part: Part, offset: Offset },
    /// Stop fetching; what was fetched is dropped.
    Hold(Vec<Part>),
    /// Ask the registry for this schema; it comes with some `Input::Schemas`. Said again as long as a partition waits.
    Want(SchemaRef),
    /// One call; its answer comes as `Input::Answer`.
    Call(Call),
    /// Forget the producer, whatever its transaction's fate; `Call::InitProducer` settles it.
    DropProducer,
    /// Forget the consumer with all that the group gave it, and join the group anew. Nothing that the old one has still to
    /// say is heard.
    NewConsumer,
    /// Committed: may be shown.
    Publish(Publication),
    /// A line for the operator.
    Note(Note),
    /// The task is over.
    Exit(Exit),
}

/// What waits for an answer.
#[derive(Clone, Debug, PartialEq)]
pub enum Call {
    /// Create the producer where there is none, then `init_transactions`: returns when the predecessor's transaction is decided.
    InitProducer,
    /// The group's committed offsets, stable ones: waits for open transactions that hold offsets.
    Committed(Vec<Part>),
    /// Ids and partition counts by name.
    Topics(Vec<Arc<str>>),
    /// Log start, last stable offset, high watermark.
    Ends(Vec<Part>),
    /// The high watermarks alone.
    Highs(Vec<Part>),
    /// The first offset whose record was appended at this time or later; of a log whose topic says `LogAppendTime`.
    OffsetAt { part: Part, time_ms: Ms },
    /// Records of `[from, to)` under read_committed; answered in chunks, `done` when the position passed `to`.
    ReadLog { part: Part, from: Offset, to: Offset },
    /// Quarantines that copies go to, created with so many partitions where they are missing.
    Quarantines(Vec<(Arc<str>, i32)>),
    /// Open a transaction; answers with the group membership as it stands on the thread that serves rebalances.
    Begin,
    /// Produce all, then drain: every delivery report is in.
    Send(Vec<Message>),
    /// `send_offsets_to_transaction`; the list is never empty.
    SendOffsets { offsets: Vec<(Part, Offset, String)>, membership: Membership },
    /// Commit, or resume a commit whose fate is unknown.
    Commit,
    /// Drain, then abort.
    Abort,
}

/// The answer to the call of the same shape.
#[derive(Clone, Debug, PartialEq)]
pub enum Answer {
    InitProducer(Result<(), Fault>),
    /// A partition without a committed offset is `None`.
    Committed(Result<Vec<(Part, Option<Committed>)>, Fault>),
    /// A topic that does not exist is `None`.
    Topics(Result<BTreeMap<Arc<str>, Option<TopicInfo>>, Fault>),
    /// A partition that does not exist is absent.
    Ends(Result<BTreeMap<Part, Ends>, Fault>),
    /// A partition that does not exist is absent.
    Highs(Result<BTreeMap<Part, Offset>, Fault>),
    /// `None`: there is no such record.
    OffsetAt(Result<Option<Offset>, Fault>),
    ReadLog(Result<Chunk, Fault>),
    /// The partitions of each, or why it cannot be written.
    Quarantines(Result<BTreeMap<Arc<str>, Result<i32, String>>, Fault>),
    Begin(Result<Membership, Fault>),
    Send(Result<(), Vec<SendFailure>>),
    SendOffsets(Result<(), Fault>),
    Commit(Result<(), Fault>),
    Abort(Result<(), Fault>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Committed {
    pub offset: Offset,
    /// Empty where the committer set none, or bytes that are not UTF-8.
    pub metadata: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TopicInfo {
    pub id: TopicId,
    pub partitions: i32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ends {
    pub start: Offset,
    /// Last stable offset: where read_committed ends.
    pub stable: Offset,
    /// High watermark: where read_uncommitted ends.
    pub high: Offset,
}

#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub struct Chunk {
    pub records: Vec<LogRecord>,
    /// Where to go on.
    pub next: Offset,
    pub done: bool,
}

/// A record of one of our own topics, kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogRecord {
    pub offset: Offset,
    pub timestamp_ms: Ms,
    pub key: Option<Vec<u8>>,
    pub value: Option<Vec<u8>>,
}

/// The group membership that fences a transaction (KIP-447). One without member is refused by the flow.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Membership {
    pub generation: i32,
    pub member: String,
}

/// A message of a transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Message {
    pub topic: Arc<str>,
    /// `None`: by key.
    pub partition: Option<i32>,
    pub key: Option<Vec<u8>>,
    pub headers: Vec<(&'static str, String)>,
    /// `None`: a tombstone.
    pub value: Option<Vec<u8>>,
    /// Of a copy of a record: what it has of it beside key and value.
    pub copied: Option<Original>,
    /// Whose failure it is if it cannot be written.
    pub about: Option<Whose>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Original {
    /// -1: the record has none.
    pub timestamp_ms: Ms,
    /// They stand before the message's own.
    pub headers: Vec<(String, Option<Vec<u8>>)>,
}

/// What a message that cannot be written holds back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Whose {
    Product(ProductName),
    /// Copies into this quarantine, and no more.
    Quarantine(Arc<str>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SendFailure {
    /// `None`: not one output's failure (a broker is away, an abort is on its way).
    pub about: Option<Whose>,
    pub fault: Fault,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    pub kind: FaultKind,
    /// The client's own words, with the error's name.
    pub message: String,
}

/// All that error classification says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FaultKind {
    /// Not known whether it was applied; the same call may be made again.
    Retriable,
    /// The transaction must be aborted.
    Abortable,
    /// The producer is of no more use.
    Fatal,
    /// Another producer took the transactional id, or our transaction was timed out.
    Fenced,
    /// Another consumer took the group instance id: two workers with one id, or this one twice, as a coordinator that moved
    /// may have it.
    InstanceFenced,
    /// No retry heals it: rights, unsupported features, invalid settings.
    Configuration,
}

/// What a committed flush lets the world see; counters are increments.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Publication {
    /// Stage 1: records inspected by this task.
    pub records: u64,
    /// Bytes written to deltas, state and events.
    pub written_bytes: u64,
    /// From the flush's start to its commit.
    pub flush_ms: Ms,
    /// Partitions owned, and those of them that are not to be read: paused, or sitting out.
    pub partitions: usize,
    pub held: usize,
    /// Stage 2: what keys of closed windows weigh.
    pub horizon_bytes: usize,
    /// Stage 2: what changed, by product.
    pub products: Vec<ProductUpdate>,
    /// Stage 2: products whose ledger partition left.
    pub retired: Vec<ProductName>,
}

/// One product after a committed ledger transaction.
#[derive(Clone, Debug, PartialEq)]
pub struct ProductUpdate {
    pub product: ProductName,
    pub state: crate::flow::state::ProductState,
    pub records: u64,
    pub bytes: u64,
    pub undecodable: u64,
    /// Records whose schema could not be had.
    pub unmeasured: u64,
    pub tombstones: u64,
    /// Records too late to be judged.
    pub late: u64,
    /// Copies in quarantine, of the windows that were told.
    pub quarantined: u64,
    pub gap_offsets: u64,
    pub overlaps: u64,
    /// By rule id: rows that broke it.
    pub violations: Vec<Violation>,
    /// The profile of the last window that closed since the transaction before, as JSON.
    pub profile: Option<Arc<[u8]>>,
    /// Windows that closed since the transaction before, in order; late records' fragments are none.
    pub told: Vec<Told>,
    /// How the objectives of its contracts stand.
    pub budgets: Vec<Budget>,
    /// From the last delta's append to now.
    pub latency_ms: Ms,
}

/// A closed window as its contract judged it.
#[derive(Clone, Debug, PartialEq)]
pub struct Told {
    pub start_ms: Ms,
    pub results: Vec<RuleResult>,
    pub drift: Vec<Finding>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    pub rule: String,
    pub severity: String,
    pub dimension: String,
    pub mode: Mode,
    pub failed: u64,
}

/// A line for the operator: what happened, to what, and what to do about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Note {
    pub level: Level,
    pub text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    Info,
    Warn,
    Error,
}

/// Why a task ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Exit {
    /// As asked; everything committed.
    Stopped,
    /// Exit code 70: what no retry heals and no setting caused.
    Fatal(String),
    /// Exit code 78.
    Configuration(String),
}
