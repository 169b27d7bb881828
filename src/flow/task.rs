//! The one loop of both stages: take up, flush, abort, lose, recover, stop.
//!
//! One call is outstanding at most, and `next` decides what comes after it, in this order: what the group waits
//! for, a stop, a flush that is due, partitions on their way to live. There is one recovery: stop taking records,
//! drop what is not committed, decide the transaction, and open every partition again.

use crate::engine::record::{Offset, RawRecord};
use crate::flow::flush::{Flush, Turn};
use crate::flow::io::{Action, Answer, Call, Exit, Input, Level, Ms, Note, Part, Publication};
use crate::flow::mutation::{Mutation, planted};
use crate::flow::opening::{Parts, Phase, Refused, Why};
use crate::flow::stage::Stage;
use crate::flow::task::faults::Failing;
use crate::flow::task::rebalance::Rebalance;
use std::collections::{BTreeMap, VecDeque};

/// Back-off of recoveries without a commit between them: 100 ms, doubled, at most 10 s.
const RECOVERY_BACKOFF_MS: Ms = 100;
const RECOVERY_BACKOFF_MAX_MS: Ms = 10_000;
/// A call that failed and may be made again is made again after this.
const RETRY_MS: Ms = 100;
/// How long a partition sits out whose records this version cannot read.
const UNREADABLE_MS: Ms = 60_000;

mod faults; // errors into recoveries and exits
mod aside; // what a stage reads beside its work
mod rebalance; // what the group gives and wants back
mod hold; // partitions set down: out of the log's range, paused, restarted
mod wait; // partitions that wait for a schema

pub struct Task<S: Stage> {
    stage: S,
    parts: Parts,
    group_wants: VecDeque<Rebalance>,
    /// Whether `init_transactions` succeeded and nothing has spoiled the producer since.
    producer: bool,
    /// The one outstanding call.
    calling: Option<Call>,
    /// It is the stage's own, beside its work.
    calling_aside: bool,
    flush: Option<Flush<S::Cut>>,
    /// The transaction must be aborted before anything else.
    aborting: bool,
    last_flush_ms: Ms,
    /// The last thing begun was a flush: a partition on its way to live is next.
    flushed_last: bool,
    not_before_ms: Ms,
    /// Since the last commit.
    recoveries: u32,
    recovered: u64,
    fenced_ms: Option<Ms>,
    instance_fenced_ms: Option<Ms>,
    /// Partitions whose flush failed, until one of theirs commits.
    failing: BTreeMap<Part, Failing>,
    /// Flushes begun.
    flushes: u64,
    stopping: bool,
    stop_flushed: bool,
    exited: bool,
    /// Mutations only: what a sloppy flow would still send offsets for.
    ghosts: Vec<(Part, Offset, String)>,
    out: Vec<Action>,
}

impl<S: Stage> Task<S> {
    pub fn new(now: Ms, stage: S) -> Task<S> {
        Task {
            stage,
            parts: Parts::default(),
            group_wants: VecDeque::new(),
            producer: false,
            calling: None,
            calling_aside: false,
            flush: None,
            aborting: false,
            last_flush_ms: now,
            flushed_last: false,
            not_before_ms: now,
            recoveries: 0,
            recovered: 0,
            fenced_ms: None,
            instance_fenced_ms: None,
            failing: BTreeMap::new(),
            flushes: 0,
            stopping: false,
            stop_flushed: false,
            exited: false,
            ghosts: Vec::new(),
            out: Vec::new(),
        }
    }

    /// What happened, and what to do about it.
    pub fn on(&mut self, now: Ms, input: Input<'_>) -> Vec<Action> {
        if !self.exited {
            let read = matches!(input, Input::Records { .. } | Input::Eof { .. });
            self.take(now, input);
            if !(read && self.only_reads(now)) {
                self.next(now);
            }
            let notes = self.stage.notes();
            self.out.extend(notes.into_iter().map(Action::Note));
            let retired = self.stage.retired();
            if !retired.is_empty() {
                self.out.push(Action::Publish(Publication { retired, ..Publication::default() }));
            }
        }
        std::mem::take(&mut self.out)
    }

    /// The stage, for whoever shows it.
    pub fn stage(&self) -> &S {
        &self.stage
    }

    /// Partitions that the group gave, and how they stand.
    pub fn parts(&self) -> &Parts {
        &self.parts
    }

    /// Partitions that are neither live nor paused, or whose flushes fail: what each waits for, and since when where that is known.
    pub fn waits(&self) -> BTreeMap<Part, (String, Option<Ms>)> {
        let producer = || {
            "the transactional producer, which the coordinator has not let in yet (first all topics of the transaction before it \
             must take writes)"
                .to_string()
        };
        let of = |(part, wait): (&Part, String)| (part.clone(), (if self.producer { wait } else { producer() }, None));
        let mut waits: BTreeMap<_, _> = self.parts.waits().map(of).collect();
        for (part, failing) in &self.failing {
            let (wait, since_ms) =
                waits.entry(part.clone()).or_insert_with(|| ("a flush that commits".to_owned(), None));
            *wait = format!("{wait}; its last flush failed: {}", failing.why);
            *since_ms = Some(failing.since_ms);
        }
        waits
    }

    /// Recoveries since it began.
    pub fn recoveries(&self) -> u64 {
        self.recovered
    }

    pub fn stage_mut(&mut self) -> &mut S {
        &mut self.stage
    }

    fn take(&mut self, now: Ms, input: Input<'_>) {
        match input {
            Input::Assigned(_) | Input::Revoking(_) | Input::Lost(_) if self.leaves_consumer() => {}
            Input::Assigned(parts) => self.group_wants.push_back(Rebalance::Assigned(parts)),
            Input::Revoking(parts) => self.group_wants.push_back(Rebalance::Revoking { parts, flushed: false }),
            Input::Lost(parts) => {
                if planted(Mutation::CompletedTooEarly) {
                    self.parts.phases.retain(|part, _| !parts.contains(part));
                    self.out.push(Action::Unassign(parts));
                } else {
                    self.group_wants.push_back(Rebalance::Lost(parts));
                }
            }
            Input::Records { part, records } => self.records(now, &part, records),
            Input::Eof { part, offset } => self.passed(&part, offset),
            Input::OutOfRange { part } => self.set_down(&part, now + RETRY_MS),
            Input::Contracts => {
                self.stage.contracts_changed();
                self.read_on(|_, _| true);
            }
            Input::Schemas => self.read_on(|stage, wait| wait.schemas.first().is_none_or(|s| stage.knows(*s))),
            Input::Paused(topics) => self.paused(now, topics),
            Input::Restart(parts) => self.restarted(now, &parts),
            Input::Answer(answer) => self.answered(now, answer),
            Input::ConsumerFailed(fault) => self.consumer_failed(now, fault),
            Input::Tick => self.wish_again(now),
            Input::Stop => self.stopping = true,
        }
    }

    fn records(&mut self, now: Ms, part: &Part, records: &[RawRecord<'_>]) {
        if !self.hears(part) {
            return;
        }
        match self.stage.records(now, part, records) {
            Ok(schemas) => {
                self.replayed(part);
                if !schemas.is_empty() || self.stage.is_full() {
                    self.wait(now, part, schemas);
                }
            }
            Err(why) => {
                self.note(Level::Error, format!("{part} is stopped: {why}"));
                self.stage.forget(std::slice::from_ref(part));
                self.out.push(Action::Hold(vec![part.clone()]));
                let until = now + UNREADABLE_MS;
                let phase = Phase::SittingOut { until, position: None, why: Why::Unreadable(why) };
                self.parts.phases.insert(part.clone(), phase);
            }
        }
    }

    fn passed(&mut self, part: &Part, offset: Offset) {
        if self.hears(part) {
            self.stage.passed(part, offset);
            self.replayed(part);
        }
    }

    /// Whether records of this partition are taken: it was started, waits for nothing, and the group does not want it
    /// back.
    fn hears(&self, part: &Part) -> bool {
        let leaving = self.group_wants.iter().any(|r| match r {
            Rebalance::Revoking { parts, .. } => parts.contains(part),
            // Whatever is kept of the others is dropped with the lost ones.
            Rebalance::Lost(_) | Rebalance::Fenced => true,
            Rebalance::Assigned(_) => false,
        });
        let reading = matches!(
            self.parts.phases.get(part),
            Some(Phase::Replaying { .. } | Phase::Live { reopen: None, waits: None, .. })
        );
        reading && !leaving && !self.aborting
    }

    fn replayed(&mut self, part: &Part) {
        let position = self.stage.position(part);
        if let Some(phase) = self.parts.phases.get_mut(part)
            && let Phase::Replaying { id, until } = phase
            && position.is_some_and(|p| p >= *until)
        {
            *phase = Phase::Live { id: *id, reopen: None, waits: None };
            let text = format!("{part} is restored and live");
            self.note(Level::Info, text);
        }
    }

    fn answered(&mut self, now: Ms, answer: Answer) {
        let Some(call) = self.calling.take() else { return };
        if std::mem::take(&mut self.calling_aside) {
            return self.stage.aside_answered(now, answer);
        }
        match (&call, answer) {
            (Call::InitProducer, Answer::InitProducer(result)) => match result {
                Ok(()) => self.producer = true,
                Err(fault) => self.spoiled(now, fault, "init_transactions"),
            },
            (Call::Abort, Answer::Abort(result)) => {
                self.aborting = false;
                if let Err(fault) = result {
                    self.spoiled(now, fault, "abort");
                }
            }
            (_, answer) => {
                if let Some(mut flush) = self.flush.take() {
                    let turn = flush.answered(now, &mut self.stage, &self.parts, answer);
                    self.turn(now, flush, turn);
                } else {
                    match self.parts.answered(now, &mut self.stage, &call, answer, &mut self.out) {
                        Ok(()) => {}
                        Err(Refused::Exit(why)) => self.exit(Exit::Fatal(why)),
                        Err(Refused::Call(fault)) => self.fault(now, fault, "opening"),
                    }
                }
            }
        }
    }

    fn turn(&mut self, now: Ms, flush: Flush<S::Cut>, turn: Turn) {
        match turn {
            Turn::Call => self.flush = Some(flush),
            Turn::Again(fault) => {
                self.failing(&flush, flush.live(), &fault.message);
                self.not_before_ms = now + RETRY_MS;
                self.flush = Some(flush);
            }
            Turn::NewProducer => {
                self.drop_producer();
                self.flush = Some(flush);
            }
            Turn::Done => {
                if planted(Mutation::DoubtMeansDone) && flush.in_doubt() {
                    self.drop_producer();
                }
                self.finished(now, flush);
            }
            Turn::Recreated(part) => {
                let text = format!(
                    "{part} belongs to a topic that was deleted or created again: what was read since the last flush is dropped"
                );
                self.note(Level::Warn, text);
                self.recover(now);
            }
            Turn::Failed { fault, abort, whose } => self.flush_failed(now, &flush, fault, abort, whose),
        }
    }

    fn finished(&mut self, now: Ms, flush: Flush<S::Cut>) {
        self.recoveries = 0;
        self.failing.retain(|part, _| !flush.speaks_of(part));
        if !flush.published {
            let publication = flush.publication(now, &self.stage, &self.parts);
            self.out.push(Action::Publish(publication));
        }
        for (part, phase) in &mut self.parts.phases {
            // Set down before this flush began: nothing of it is held any more.
            if matches!(phase, Phase::Live { reopen: Some(n), .. } if *n < flush.number) && flush.speaks_of(part) {
                self.stage.forget(std::slice::from_ref(part));
                *phase = Phase::Opening(crate::flow::opening::Step::Offset);
            }
        }
        // There is room again.
        self.read_on(|_, wait| wait.schemas.is_empty());
    }

    /// What comes next, where nothing is outstanding.
    fn next(&mut self, now: Ms) {
        while !self.exited && self.calling.is_none() {
            if self.aborting {
                return self.call(Call::Abort);
            }
            if self.lost() && self.flush.as_ref().is_some_and(|f| !f.committing()) {
                self.abandon_flush();
                continue;
            }
            if self.flush.is_some() {
                return self.go_on(now);
            }
            if self.rebalance(now) {
                continue;
            }
            if self.stopping {
                if self.stop_flushed || !self.flushable(now, true) {
                    return self.exit(Exit::Stopped);
                }
                self.stop_flushed = true;
                self.begin_flush(now);
                continue;
            }
            if self.parts.phases.is_empty() || now < self.not_before_ms {
                return;
            }
            if !self.producer {
                return self.call(Call::InitProducer);
            }
            let paused = self.parts.wake(now);
            self.stage.forget(&paused);
            let opening = self.parts.next_call();
            // Where a flush takes as long as its interval one is always due, and no partition would ever get to live.
            if self.flushable(now, false) && !(self.flushed_last && opening.is_some()) {
                self.flushed_last = true;
                self.begin_flush(now);
                continue;
            }
            self.flushed_last = false;
            match opening {
                Some(call) => return self.call(call),
                None => return self.ask_aside(now),
            }
        }
    }

    /// Whether all that is to be done is to read. Then what was read asks for no look at thousands of partitions: for
    /// those that wait for a time to come the next tick is soon enough.
    fn only_reads(&self, now: Ms) -> bool {
        let idle = self.flush.is_none() && self.group_wants.is_empty() && !self.aborting && !self.stopping;
        self.calling.is_some() || idle && self.producer && !self.stage.due(now - self.last_flush_ms)
    }

    /// The flush's next call.
    fn go_on(&mut self, now: Ms) {
        if now < self.not_before_ms {
            return;
        }
        if !self.producer {
            return self.call(Call::InitProducer);
        }
        let Some(flush) = &mut self.flush else { return };
        if planted(Mutation::CountersBeforeCommit) && flush.sends() && !flush.published {
            flush.published = true;
            let publication = flush.publication(now, &self.stage, &self.parts);
            self.out.push(Action::Publish(publication));
        }
        let call = flush.call(&self.ghosts, &self.parts);
        self.call(call);
    }

    /// Whether a flush can begin; where it is not `forced`, whether it is due.
    fn flushable(&self, now: Ms, forced: bool) -> bool {
        let reopening = || self.parts.phases.values().any(|p| matches!(p, Phase::Live { reopen: Some(_), .. }));
        let wanted = if forced { self.stage.dirty() } else { self.stage.due(now - self.last_flush_ms) || reopening() };
        wanted && self.producer && !self.lost() && self.live().next().is_some()
    }

    /// Partitions that a transaction may speak about.
    fn live(&self) -> impl Iterator<Item = &Part> {
        let live = |(_, phase): &(&Part, &Phase)| matches!(phase, Phase::Live { .. });
        self.parts.phases.iter().filter(live).map(|(part, _)| part).filter(|part| self.stage.whole(part))
    }

    fn begin_flush(&mut self, now: Ms) {
        self.last_flush_ms = now;
        self.flushes += 1;
        let live: Vec<Part> = self.live().cloned().collect();
        let cut = self.stage.cut(now, &live);
        self.flush = Some(Flush::new(now, self.flushes, &self.stage, live, cut));
    }

    /// The one recovery: nothing uncommitted is kept, every partition is opened again.
    fn recover(&mut self, now: Ms) {
        self.recoveries += 1;
        self.recovered += 1;
        let wait = RECOVERY_BACKOFF_MS << (self.recoveries - 1).min(10);
        self.not_before_ms = now + wait.min(RECOVERY_BACKOFF_MAX_MS);
        self.drop_uncommitted();
    }

    fn drop_uncommitted(&mut self) {
        self.flush = None;
        self.stage.reset();
        let started = self.parts.reopen_all();
        if !started.is_empty() {
            self.out.push(Action::Hold(started));
        }
    }

    fn drop_producer(&mut self) {
        self.producer = false;
        self.aborting = false;
        self.out.push(Action::DropProducer);
    }

    fn call(&mut self, call: Call) {
        // The messages themselves are not kept: only which call it was.
        self.calling = Some(match &call {
            Call::Send(_) => Call::Send(Vec::new()),
            call => call.clone(),
        });
        self.out.push(Action::Call(call));
    }

    fn note(&mut self, level: Level, text: String) {
        self.out.push(Action::Note(Note { level, text }));
    }

    fn exit(&mut self, exit: Exit) {
        self.exited = true;
        self.out.push(Action::Exit(exit));
    }
}
