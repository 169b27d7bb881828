//! One flush: topic ids and high watermarks, then one short transaction. Begin, send and drain, offsets, commit.
//!
//! The ids are asked for after the last record of the cut was read, so an id that still holds was the id of every
//! record in it. A commit whose answer is missing is resumed, never aborted; at the deadline a new producer settles it.

use crate::engine::record::Offset;
use crate::flow::io::{Answer, Call, Fault, FaultKind, Membership, Ms, Part, Publication, Whose};
use crate::flow::mutation::{Mutation, planted};
use crate::flow::opening::{Parts, Phase};
use crate::flow::stage::{Outgoing, Seen, Stage};
use std::sync::Arc;

/// The broker aborts a transaction that is open for longer; ours are opened at flush and short.
pub const TRANSACTION_TIMEOUT_MS: Ms = 10_000;
/// A call of a transaction is repeated for so long: the timeout, the broker's check every 10 s, and as much again for a
/// coordinator that moves.
const DEADLINE_MS: Ms = 30_000;

pub struct Flush<C> {
    cut: C,
    live: Vec<Part>,
    step: Step,
    seen: Seen,
    /// Asked for, where the cut copies to some.
    quarantines: Vec<(Arc<str>, i32)>,
    outgoing: Outgoing,
    membership: Option<Membership>,
    started_ms: Ms,
    /// When the transaction was opened.
    begun_ms: Option<Ms>,
    /// When the outstanding step was first tried.
    since_ms: Ms,
    written_bytes: u64,
    needs_highs: bool,
    doubt: bool,
    pub published: bool,
    /// Flushes of this task, from 1.
    pub number: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    Topics,
    Quarantines,
    Highs,
    Begin,
    Send,
    Offsets,
    Commit,
}

/// What an answer means for the flush.
#[derive(Debug)]
pub enum Turn {
    /// Go on with the next call.
    Call,
    /// The same call again, a little later: why.
    Again(Fault),
    /// Committed.
    Done,
    /// A partition's topic is not the one that was read.
    Recreated(Part),
    /// Recover: after an abort, or with a new producer; without the outputs that could not be written, each with the reason.
    Failed { fault: Fault, abort: bool, whose: Vec<(Whose, String)> },
    /// Mutations only: the same cut again with a new producer.
    NewProducer,
}

impl<C> Flush<C> {
    pub fn new<S: Stage<Cut = C>>(now: Ms, number: u64, stage: &S, live: Vec<Part>, cut: C) -> Flush<C> {
        let topics = stage.topics(&live).into_iter().map(|t| (t, None)).collect();
        Flush {
            cut,
            live,
            step: Step::Topics,
            seen: Seen { asked_ms: now, topics, ..Seen::default() },
            quarantines: Vec::new(),
            outgoing: Outgoing::default(),
            membership: None,
            started_ms: now,
            begun_ms: None,
            since_ms: now,
            written_bytes: 0,
            needs_highs: S::NEEDS_HIGHS,
            doubt: false,
            published: false,
            number,
        }
    }

    /// The call of this step.
    pub fn call(&mut self, ghosts: &[(Part, Offset, String)], parts: &Parts) -> Call {
        match self.step {
            Step::Topics => Call::Topics(self.seen.topics.keys().cloned().collect()),
            Step::Quarantines => Call::Quarantines(self.quarantines.clone()),
            Step::Highs => Call::Highs(self.live.clone()),
            Step::Begin => Call::Begin,
            Step::Send if planted(Mutation::DoubtMeansAborted) => Call::Send(self.outgoing.messages.clone()),
            Step::Send => Call::Send(std::mem::take(&mut self.outgoing.messages)),
            Step::Offsets => Call::SendOffsets {
                offsets: self.offsets(ghosts, parts),
                membership: self.membership.clone().unwrap_or(Membership { generation: -1, member: String::new() }),
            },
            Step::Commit => Call::Commit,
        }
    }

    fn offsets(&self, ghosts: &[(Part, Offset, String)], parts: &Parts) -> Vec<(Part, Offset, String)> {
        if planted(Mutation::EmptyOffsets) {
            return Vec::new();
        }
        let mut offsets = self.outgoing.offsets.clone();
        offsets.extend(ghosts.iter().filter(|g| !self.live.contains(&g.0)).cloned());
        if planted(Mutation::SittingOutIsCommitted) {
            offsets.extend(parts.phases.iter().filter_map(|(part, phase)| match phase {
                Phase::SittingOut { position: Some(at), .. } => Some((part.clone(), *at, String::new())),
                _ => None,
            }));
        }
        offsets
    }

    pub fn answered<S: Stage<Cut = C>>(&mut self, now: Ms, stage: &mut S, parts: &Parts, answer: Answer) -> Turn {
        match (self.step, answer) {
            (Step::Topics, Answer::Topics(Ok(topics))) => {
                self.seen.topics = topics;
                if let Some(part) = self.recreated(parts) {
                    return Turn::Recreated(part);
                }
                self.quarantines = stage.quarantines(&self.cut, &self.seen);
                if !self.quarantines.is_empty() {
                    return self.go(now, Step::Quarantines);
                }
                self.highs(now, stage)
            }
            (Step::Quarantines, Answer::Quarantines(Ok(standing))) => {
                self.seen.quarantines = standing;
                self.highs(now, stage)
            }
            (Step::Highs, Answer::Highs(Ok(highs))) => {
                self.seen.highs = highs;
                self.outgoing(now, stage)
            }
            (Step::Begin, Answer::Begin(Ok(membership))) => {
                self.begun_ms = Some(now);
                if membership.generation < 0 || membership.member.is_empty() {
                    let message = "this task is not a member of its group at the moment".to_string();
                    return Turn::Failed {
                        fault: Fault { kind: FaultKind::Abortable, message },
                        abort: true,
                        whose: Vec::new(),
                    };
                }
                self.membership = Some(membership);
                self.go(now, if planted(Mutation::OffsetsBeforeDrain) { Step::Offsets } else { Step::Send })
            }
            (Step::Send, Answer::Send(Ok(()))) => {
                let fenced = planted(Mutation::FlushWithoutOffsets) || planted(Mutation::OffsetsBeforeDrain);
                self.go(now, if fenced { Step::Commit } else { Step::Offsets })
            }
            (Step::Offsets, Answer::SendOffsets(Ok(()))) => {
                self.go(now, if planted(Mutation::OffsetsBeforeDrain) { Step::Send } else { Step::Commit })
            }
            (Step::Commit, Answer::Commit(Ok(()))) => Turn::Done,
            (Step::Send, Answer::Send(Err(failures))) => {
                // A producer that failed to deliver is not used again: its sequence has a hole.
                let mut failures = failures;
                failures.sort_by_key(|failure| failure.about.is_none());
                let whose = failures.iter().filter_map(|f| Some((f.about.clone()?, f.fault.message.clone()))).collect();
                match failures.into_iter().next() {
                    None => self.go(now, Step::Offsets),
                    Some(worst) => Turn::Failed { fault: worst.fault, abort: false, whose },
                }
            }
            (Step::Commit, Answer::Commit(Err(fault))) if fault.kind == FaultKind::Retriable => {
                self.doubt = true;
                if planted(Mutation::DoubtMeansDone) {
                    return Turn::Done;
                }
                if planted(Mutation::DoubtMeansAborted) {
                    self.step = Step::Begin;
                    return Turn::NewProducer;
                }
                self.again(now, fault)
            }
            (
                _,
                Answer::Topics(Err(fault))
                | Answer::Quarantines(Err(fault))
                | Answer::Highs(Err(fault))
                | Answer::Begin(Err(fault))
                | Answer::SendOffsets(Err(fault))
                | Answer::Commit(Err(fault)),
            ) => self.failed(now, fault),
            // An answer to another call than the one that was made.
            (step, _) => {
                let message = format!("an answer out of turn at {step:?}");
                Turn::Failed { fault: Fault { kind: FaultKind::Fatal, message }, abort: false, whose: Vec::new() }
            }
        }
    }

    fn failed(&mut self, now: Ms, fault: Fault) -> Turn {
        let open = self.begun_ms.is_some();
        match fault.kind {
            FaultKind::Retriable => self.again(now, fault),
            FaultKind::Abortable | FaultKind::InstanceFenced => Turn::Failed { fault, abort: open, whose: Vec::new() },
            FaultKind::Fatal | FaultKind::Fenced | FaultKind::Configuration => {
                Turn::Failed { fault, abort: false, whose: Vec::new() }
            }
        }
    }

    fn again(&self, now: Ms, fault: Fault) -> Turn {
        if now - self.since_ms < DEADLINE_MS {
            return Turn::Again(fault);
        }
        Turn::Failed { fault, abort: false, whose: Vec::new() }
    }

    fn highs<S: Stage<Cut = C>>(&mut self, now: Ms, stage: &mut S) -> Turn {
        if self.needs_highs { self.go(now, Step::Highs) } else { self.outgoing(now, stage) }
    }

    fn outgoing<S: Stage<Cut = C>>(&mut self, now: Ms, stage: &mut S) -> Turn {
        self.outgoing = stage.outgoing(&mut self.cut, &self.seen);
        let bytes =
            |m: &crate::flow::io::Message| m.key.as_ref().map_or(0, Vec::len) + m.value.as_ref().map_or(0, Vec::len);
        self.written_bytes = self.outgoing.messages.iter().map(|m| bytes(m) as u64).sum();
        self.go(now, Step::Begin)
    }

    fn go(&mut self, now: Ms, step: Step) -> Turn {
        self.step = step;
        self.since_ms = now;
        Turn::Call
    }

    /// The first live partition whose topic is another one now, or gone.
    fn recreated(&self, parts: &Parts) -> Option<Part> {
        if planted(Mutation::IdsAtAssignOnly) {
            return None;
        }
        let changed = |part: &&Part| match parts.phases.get(*part) {
            Some(Phase::Live { id, .. }) => {
                self.seen.topics.get(&part.topic).copied().flatten().is_none_or(|info| info.id != *id)
            }
            _ => false,
        };
        self.live.iter().find(changed).cloned()
    }

    pub fn publication<S: Stage<Cut = C>>(&self, now: Ms, stage: &S, parts: &Parts) -> Publication {
        Publication {
            written_bytes: self.written_bytes,
            flush_ms: now - self.started_ms,
            partitions: parts.phases.len(),
            held: parts.held(),
            ..stage.publication(now, &self.cut)
        }
    }

    pub fn speaks_of(&self, part: &Part) -> bool {
        self.live.contains(part)
    }

    /// The partitions that its transaction names.
    pub fn live(&self) -> &[Part] {
        &self.live
    }

    pub fn started_ms(&self) -> Ms {
        self.started_ms
    }

    /// The transaction's messages are about to go out.
    pub fn sends(&self) -> bool {
        self.step == Step::Send
    }

    /// The commit was asked for: from here on it is resumed, never aborted.
    pub fn committing(&self) -> bool {
        self.step == Step::Commit
    }

    /// A transaction is open.
    pub fn is_open(&self) -> bool {
        self.begun_ms.is_some()
    }

    pub fn in_doubt(&self) -> bool {
        self.doubt
    }

    /// How long the transaction is open.
    pub fn open_ms(&self, now: Ms) -> Ms {
        self.begun_ms.map_or(0, |at| now - at)
    }
}
