//! One task's client: calls into requests, answers into news; one connection for each role.

use crate::sim::broker::{Reply, Request, Response};
use crate::sim::choice::Tape;
use crate::sim::consumer::{Consumer, News, Settings};
use crate::sim::log::{Refusal, Topic, Topics};
use crate::sim::producer::{Next, Producer, answer, fault, name};
use crate::sim::world::STATE;
use mesh_steward::engine::decode::schema::SchemaRef;
use mesh_steward::flow::io::{
    Action, Answer, Call, Ends, Exit, FaultKind, Ms, Part, Publication, SendFailure, TopicInfo,
};
use mesh_steward::flow::mutation::{Mutation, planted};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

pub const PRODUCER: usize = 0;
pub const GROUP: usize = 1;
pub const OTHER: usize = 2;
pub const AUTO_COMMIT: usize = 3;

/// A connection has one request under way: it is a queue, and this is its head.
#[derive(Default)]
struct Channel {
    token: u64,
    waiting: Option<Request>,
    again_ms: Option<Ms>,
}

/// How a task is known to the cluster.
#[derive(Clone, Debug)]
pub struct Identity {
    pub group: String,
    pub instance: Option<String>,
    pub transactional: String,
    /// KIP-848.
    pub incremental: bool,
    /// A KIP-848 client makes its own member id, new in every life.
    pub member: String,
}

pub struct Client {
    settings: Settings,
    group: String,
    identity: Identity,
    /// Consumers so far, beside the first.
    consumers: u32,
    channels: [Channel; 4],
    pub producer: Producer,
    pub consumer: Consumer,
    calling: Option<(Call, Ms)>,
    answers: VecDeque<Answer>,
    /// Requests for the wire: channel, token, request.
    pub out: Vec<(usize, u64, Request)>,
    pub published: Vec<Publication>,
    pub notes: Vec<String>,
    pub wanted: Vec<SchemaRef>,
    pub exit: Option<Exit>,
    auto_commit_ms: Ms,
    /// `Mutation::EndBeforeCommitted`: the state's ends as they stood when the offsets were asked for.
    early_ends: BTreeMap<Part, Ends>,
}

/// How long a call may take before it is answered as retriable; what it began goes on.
const CALL_MS: Ms = 5_000;
const BACKOFF_MS: Ms = 60;
const AUTO_COMMIT_MS: Ms = 5_000;

impl Client {
    pub fn new(identity: &Identity, settings: Settings) -> Client {
        let (group, instance) = (identity.group.clone(), identity.instance.clone());
        Client {
            settings,
            group: group.clone(),
            identity: identity.clone(),
            consumers: 0,
            channels: Default::default(),
            producer: Producer::new(identity.transactional.clone(), group.clone(), instance.clone()),
            consumer: Consumer::new(group, instance, identity.incremental, settings, identity.member.clone()),
            calling: None,
            answers: VecDeque::new(),
            out: Vec::new(),
            published: Vec::new(),
            notes: Vec::new(),
            wanted: Vec::new(),
            exit: None,
            auto_commit_ms: 0,
            early_ends: BTreeMap::new(),
        }
    }

    pub fn act(&mut self, now: Ms, action: Action, topics: &Topics) {
        match action {
            Action::Assign(parts) => self.consumer.assign(&parts),
            Action::Unassign(parts) => {
                if let Some(commit) = self.consumer.unassign(&parts) {
                    self.ask(AUTO_COMMIT, commit);
                }
            }
            Action::Start { part, offset } => self.consumer.start(&part, offset),
            Action::Hold(parts) => self.consumer.hold(&parts),
            Action::Want(schema) => self.wanted.push(schema),
            Action::Call(call) => self.call(now, call, topics),
            Action::DropProducer => {
                self.channels[PRODUCER] = Channel { token: self.channels[PRODUCER].token + 1, ..Channel::default() };
                self.producer.drop_handle();
            }
            Action::NewConsumer => {
                self.channels[GROUP] = Channel { token: self.channels[GROUP].token + 1, ..Channel::default() };
                self.consumers += 1;
                let Identity { group, instance, incremental, member, .. } = self.identity.clone();
                let member = format!("{member}.{}", self.consumers);
                self.consumer = Consumer::new(group, instance, incremental, self.settings, member);
            }
            Action::Publish(publication) => self.published.push(publication),
            Action::Note(note) => self.notes.push(note.text),
            Action::Exit(exit) => {
                if exit == Exit::Stopped {
                    let commit = self.consumer.auto_commit();
                    commit.into_iter().for_each(|c| self.ask(AUTO_COMMIT, c));
                }
                if let Some(leave) = self.consumer.close() {
                    self.ask(GROUP, leave);
                }
                self.exit = Some(exit);
            }
        }
    }

    fn call(&mut self, now: Ms, call: Call, topics: &Topics) {
        if let Some((other, _)) = &self.calling {
            self.producer.misuse.push(format!("{} while {} is outstanding", name(&call), name(other)));
        }
        self.calling = Some((call.clone(), now));
        let request = match call {
            Call::Begin => {
                let begun = self.producer.begin().map(|()| self.consumer.membership());
                return self.answer(Answer::Begin(begun));
            }
            Call::Committed(parts) => {
                if planted(Mutation::EndBeforeCommitted) {
                    self.early_ends = ends_of(STATE, topics);
                }
                let stable = !self.settings.reads_unstable_offsets;
                Request::OffsetFetch { group: self.group.clone(), parts, stable }
            }
            Call::Topics(names) => Request::Describe(names),
            Call::Quarantines(wanted) => Request::CreateTopics(wanted),
            Call::Ends(parts) if !parts.is_empty() && parts.iter().all(|p| self.early_ends.contains_key(p)) => {
                let early = parts.iter().filter_map(|p| Some((p.clone(), *self.early_ends.get(p)?)));
                return self.answer(Answer::Ends(Ok(early.collect())));
            }
            Call::Ends(parts) | Call::Highs(parts) => Request::Ends(parts),
            Call::OffsetAt { part, time_ms } => Request::OffsetAt { part, time_ms },
            Call::ReadLog { part, from, to } => Request::ReadLog { part, from, to },
            call => {
                let partitions = |t: &str| topics.live.get(t).map_or(1, |t| t.partitions.len() as i32);
                let next = self.producer.call(call, partitions);
                return self.next(now, next);
            }
        };
        self.ask(OTHER, request);
    }

    /// A reply, or the news that the connection broke with the request's fate unknown.
    pub fn reply(&mut self, now: Ms, channel: usize, token: u64, reply: Option<Reply>) {
        let slot = &mut self.channels[channel];
        if slot.token != token || slot.waiting.is_none() {
            return;
        }
        let Some(reply) = reply else {
            slot.again_ms = Some(now);
            return;
        };
        match channel {
            PRODUCER => {
                let waiting = slot.waiting.take();
                let next = self.producer.reply(reply);
                if matches!(next, Next::Again) {
                    self.channels[PRODUCER].waiting = waiting;
                }
                self.next(now, next);
            }
            GROUP => {
                slot.waiting = None;
                self.consumer.reply(now, reply);
            }
            OTHER => self.other(now, reply),
            _ => slot.waiting = None,
        }
    }

    fn other(&mut self, now: Ms, reply: Reply) {
        let Some((call, since)) = &self.calling else { return };
        let expired = now - since >= CALL_MS / 2;
        let stalls = matches!(&reply, Ok(Response::Chunk(c)) if c.records.is_empty() && !c.done);
        if (stalls || matches!(reply, Err(Refusal::UnstableOffsetCommit))) && !expired {
            self.channels[OTHER].again_ms = Some(now + BACKOFF_MS);
            return;
        }
        let refused = |r: Refusal| fault(FaultKind::Retriable, &format!("{r:?}"));
        let answer = match (call, reply) {
            (_, Ok(Response::Offsets(offsets))) => Answer::Committed(Ok(offsets)),
            (Call::Quarantines(_), Ok(Response::Topics(topics))) => {
                let standing = |(name, info): (Arc<str>, Option<TopicInfo>)| {
                    (name, info.map(|info| info.partitions).ok_or("it is not there".to_owned()))
                };
                Answer::Quarantines(Ok(topics.into_iter().map(standing).collect()))
            }
            (_, Ok(Response::Topics(topics))) => Answer::Topics(Ok(topics)),
            (Call::Highs(_), Ok(Response::Ends(ends))) => {
                Answer::Highs(Ok(ends.into_iter().map(|(part, ends)| (part, ends.high)).collect()))
            }
            (_, Ok(Response::Ends(ends))) => Answer::Ends(Ok(ends)),
            (_, Ok(Response::Offset(offset))) => Answer::OffsetAt(Ok(offset)),
            (_, Ok(Response::Chunk(chunk))) => Answer::ReadLog(Ok(chunk)),
            (Call::Committed(_), Err(r)) => Answer::Committed(Err(refused(r))),
            (Call::Topics(_), Err(r)) => Answer::Topics(Err(refused(r))),
            (Call::Quarantines(_), Err(r)) => Answer::Quarantines(Err(refused(r))),
            (Call::Highs(_), Err(r)) => Answer::Highs(Err(refused(r))),
            (Call::Ends(_), Err(r)) => Answer::Ends(Err(refused(r))),
            (Call::OffsetAt { .. }, Err(r)) => Answer::OffsetAt(Err(refused(r))),
            (_, Err(r)) => Answer::ReadLog(Err(refused(r))),
            _ => return,
        };
        self.channels[OTHER].waiting = None;
        self.answer(answer);
    }

    fn next(&mut self, now: Ms, next: Next) {
        match next {
            Next::Ask(request) => self.ask(PRODUCER, request),
            Next::Again => self.channels[PRODUCER].again_ms = Some(now + BACKOFF_MS),
            Next::Answer(found) => match &self.calling {
                // An empty transaction ends without a request, by whichever call ends it.
                Some((call @ Call::Abort, _)) if found == Answer::Commit(Ok(())) => {
                    let found = answer(call, Ok(()));
                    self.answer(found);
                }
                Some((call, _)) if fits(call, &found) => self.answer(found),
                _ => self.producer.keep(found),
            },
            Next::Wait => {}
        }
    }

    fn answer(&mut self, answer: Answer) {
        self.calling = None;
        self.answers.push_back(answer);
    }

    /// The background threads: retries, deadlines, heartbeats.
    pub fn tick(&mut self, now: Ms) {
        for channel in 0..self.channels.len() {
            let slot = &mut self.channels[channel];
            if slot.again_ms.is_some_and(|at| at <= now) {
                slot.again_ms = None;
                if let Some(request) = slot.waiting.clone() {
                    self.ask(channel, request);
                }
            }
        }
        self.deadline(now);
        if self.channels[GROUP].waiting.is_none()
            && let Some(request) = self.consumer.tick(now)
        {
            self.ask(GROUP, request);
        }
        if now - self.auto_commit_ms >= AUTO_COMMIT_MS {
            self.auto_commit_ms = now;
            let commit = self.consumer.auto_commit();
            commit.into_iter().for_each(|c| self.ask(AUTO_COMMIT, c));
        }
    }

    fn deadline(&mut self, now: Ms) {
        let Some((call, _)) = self.calling.as_ref().filter(|(_, since)| now - since >= CALL_MS) else { return };
        let timed_out = || fault(FaultKind::Retriable, "_TIMED_OUT");
        let answered = match call {
            Call::Committed(_) => Answer::Committed(Err(timed_out())),
            Call::Topics(_) => Answer::Topics(Err(timed_out())),
            Call::Quarantines(_) => Answer::Quarantines(Err(timed_out())),
            Call::Ends(_) => Answer::Ends(Err(timed_out())),
            Call::Highs(_) => Answer::Highs(Err(timed_out())),
            Call::OffsetAt { .. } => Answer::OffsetAt(Err(timed_out())),
            Call::ReadLog { .. } => Answer::ReadLog(Err(timed_out())),
            Call::Send(_) => {
                let fault = fault(FaultKind::Abortable, "_MSG_TIMED_OUT");
                Answer::Send(Err(vec![SendFailure { about: None, fault }]))
            }
            call => answer(call, Err(timed_out())),
        };
        let other = matches!(
            call,
            Call::Committed(_)
                | Call::Topics(_)
                | Call::Ends(_)
                | Call::Highs(_)
                | Call::OffsetAt { .. }
                | Call::Quarantines(_)
                | Call::ReadLog { .. }
        );
        if other {
            self.channels[OTHER].waiting = None;
        }
        self.answer(answered);
    }

    fn ask(&mut self, channel: usize, request: Request) {
        let slot = &mut self.channels[channel];
        slot.token += 1;
        slot.waiting = Some(request.clone());
        slot.again_ms = None;
        self.out.push((channel, slot.token, request));
    }

    pub fn next_answer(&mut self) -> Option<Answer> {
        self.answers.pop_front()
    }

    pub fn next_news(&mut self, tape: &mut Tape, with_records: bool) -> Option<News> {
        self.consumer.next(tape, with_records)
    }

    /// What it waits for, for a failure's report.
    pub fn waits(&self) -> String {
        let call =
            self.calling.as_ref().map_or("no call".to_owned(), |(c, since)| format!("{} since {since}", name(c)));
        let wire: Vec<String> = self.channels.iter().filter_map(|c| c.waiting.as_ref()).map(brief).collect();
        format!("{call}; consumer {}; on the wire {wire:?}", self.consumer.waits())
    }
}

/// One request in a line.
pub fn brief(request: &Request) -> String {
    match request {
        Request::InitPid { id, .. } => format!("InitPid {id}"),
        Request::AddPartitions { parts, .. } => format!("AddPartitions {}", list(parts)),
        Request::Produce { by, part, records, .. } => {
            format!("Produce {part} {} records, epoch {}", records.len(), by.epoch)
        }
        Request::AddOffsets { .. } => "AddOffsets".into(),
        Request::TxnOffsetCommit { as_member: m, offsets, .. } => {
            let offsets: Vec<String> = offsets.iter().map(|(p, o, meta)| format!("{p}@{o} {meta}")).collect();
            format!("TxnOffsetCommit [{}] {} gen {}", offsets.join(", "), m.member, m.generation)
        }
        Request::EndTxn { by, commit } => {
            format!("EndTxn {} epoch {}", if *commit { "commit" } else { "abort" }, by.epoch)
        }
        Request::OffsetCommit { .. } => "OffsetCommit".into(),
        Request::OffsetFetch { parts, .. } => format!("OffsetFetch {}", list(parts)),
        Request::Ends(parts) => format!("Ends {}", list(parts)),
        Request::CreateTopics(wanted) => format!("CreateTopics {wanted:?}"),
        Request::Describe(names) => format!("Describe {}", names.join(" ")),
        Request::OffsetAt { part, time_ms } => format!("OffsetAt {part} {time_ms}"),
        Request::ReadLog { part, from, to } => format!("ReadLog {part} [{from}, {to})"),
        Request::Join { member, owned, .. } => format!("Join {member:?} owning {}", owned.len()),
        Request::Sync { as_member: m, .. } => format!("Sync {} gen {}", m.member, m.generation),
        Request::Heartbeat { as_member: m, .. } => format!("Heartbeat {} gen {}", m.member, m.generation),
        Request::Beat { as_member: m, owned, .. } => format!(
            "Beat {} epoch {} owning {:?}",
            m.member,
            m.generation,
            owned.as_ref().map(std::collections::BTreeSet::len)
        ),
        Request::Leave { member, .. } => format!("Leave {member}"),
    }
}

fn ends_of(topic: &str, topics: &Topics) -> BTreeMap<Part, Ends> {
    let logs = topics.live.get_key_value(topic).into_iter();
    let ends = |(name, topic): (&Arc<str>, &Topic)| {
        let ends = topic.partitions.iter().enumerate().map(|(p, log)| (Part::new(name, p as i32), log.ends()));
        ends.collect::<Vec<_>>()
    };
    logs.flat_map(ends).collect()
}

fn list(parts: &[Part]) -> String {
    parts.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ")
}

fn fits(call: &Call, found: &Answer) -> bool {
    matches!(
        (call, found),
        (Call::InitProducer, Answer::InitProducer(_))
            | (Call::Send(_), Answer::Send(_))
            | (Call::SendOffsets { .. }, Answer::SendOffsets(_))
            | (Call::Commit, Answer::Commit(_))
            | (Call::Abort, Answer::Abort(_))
    )
}
