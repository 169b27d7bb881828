//! A transactional producer as librdkafka has it: what each call sends, what its answers mean, what it refuses.

use crate::sim::broker::{self, Reply, Request, Response};
use crate::sim::log::{Data, Refusal};
use mesh_steward::flow::io::{Answer, Call, Fault, FaultKind, Message, Ms, Part, SendFailure, Whose};
use std::collections::{BTreeMap, BTreeSet};

/// What comes next on the producer's connection.
#[derive(Debug)]
pub enum Next {
    Ask(Request),
    /// The same request again, a little later: librdkafka does so itself.
    Again,
    Answer(Answer),
    /// The call goes on with what is under way already.
    Wait,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// No producer, or one that is not initialised.
    None,
    Idle,
    InTransaction,
    /// Commit was called; abort is refused from now on.
    Committing,
    Dead(FaultKind),
}

struct Batch {
    part: Part,
    about: Option<Whose>,
    records: Vec<Data>,
}

enum Work {
    Init,
    Send { todo: Vec<Batch>, adding: Vec<Part>, failures: Vec<SendFailure> },
    AddOffsets(Request),
    CommitOffsets,
    Commit,
    Abort,
}

pub struct Producer {
    id: String,
    group: String,
    instance: Option<String>,
    who: Option<(i64, i32)>,
    state: State,
    work: Option<Work>,
    /// A call's result that came after its caller had given up.
    late: Option<Answer>,
    abort_next: bool,
    must_abort: bool,
    added: BTreeSet<Part>,
    offsets_added: bool,
    sequences: BTreeMap<Part, i32>,
    /// Calls out of turn: the flow's own mistakes.
    pub misuse: Vec<String>,
}

/// `transaction.timeout.ms` of the design.
const TIMEOUT_MS: Ms = 10_000;

impl Producer {
    pub fn new(id: String, group: String, instance: Option<String>) -> Producer {
        Producer {
            id,
            group,
            instance,
            who: None,
            state: State::None,
            work: None,
            late: None,
            abort_next: false,
            must_abort: false,
            added: BTreeSet::new(),
            offsets_added: false,
            sequences: BTreeMap::new(),
            misuse: Vec::new(),
        }
    }

    /// Forgets the handle; what it sent may still arrive.
    pub fn drop_handle(&mut self) {
        let misuse = std::mem::take(&mut self.misuse);
        *self = Producer::new(self.id.clone(), self.group.clone(), self.instance.take());
        self.misuse = misuse;
    }

    pub fn call(&mut self, call: Call, partitions: impl Fn(&str) -> i32) -> Next {
        if let (State::Dead(kind), false) = (self.state, matches!(call, Call::InitProducer)) {
            return Next::Answer(answer(&call, Err(fault(kind, "the producer is dead"))));
        }
        if let Some(late) = self.late.take_if(|late| same(&call, late)) {
            return Next::Answer(late);
        }
        if let Some(work) = &self.work {
            let resumes = matches!(
                (&call, work),
                (Call::InitProducer, Work::Init)
                    | (Call::SendOffsets { .. }, Work::AddOffsets(_) | Work::CommitOffsets)
                    | (Call::Commit, Work::Commit)
                    | (Call::Abort, Work::Abort)
            );
            self.abort_next = matches!(call, Call::Abort) && !resumes;
            if self.abort_next && self.state == State::Committing {
                return self.out_of_turn(&call);
            }
            return if resumes || self.abort_next { Next::Wait } else { self.out_of_turn(&call) };
        }
        self.start(call, partitions)
    }

    fn start(&mut self, call: Call, partitions: impl Fn(&str) -> i32) -> Next {
        self.late = None;
        match (self.state, call) {
            (State::None | State::Dead(_), Call::InitProducer) => {
                self.work = Some(Work::Init);
                Next::Ask(Request::InitPid { id: self.id.clone(), timeout_ms: TIMEOUT_MS })
            }
            (State::Idle, Call::InitProducer) => Next::Answer(Answer::InitProducer(Ok(()))),
            (State::InTransaction, Call::Send(messages)) => self.send(messages, partitions),
            // Nothing to send is success without a request, and without fencing.
            (State::InTransaction, Call::SendOffsets { offsets, .. }) if offsets.is_empty() => {
                Next::Answer(Answer::SendOffsets(Ok(())))
            }
            (State::InTransaction, Call::SendOffsets { offsets, membership }) => {
                let commit = Request::TxnOffsetCommit {
                    by: self.name(),
                    group: self.group.clone(),
                    as_member: membership,
                    instance: self.instance.clone(),
                    offsets,
                };
                self.offsets_added = true;
                self.work = Some(Work::AddOffsets(commit));
                Next::Ask(Request::AddOffsets { by: self.name(), group: self.group.clone() })
            }
            (State::InTransaction, Call::Commit) if self.must_abort => {
                Next::Answer(Answer::Commit(Err(fault(FaultKind::Abortable, "a message of the transaction failed"))))
            }
            (State::InTransaction, Call::Commit | Call::Abort) if self.added.is_empty() && !self.offsets_added => {
                self.state = State::Idle;
                self.must_abort = false;
                Next::Answer(Answer::Commit(Ok(())))
            }
            (State::InTransaction | State::Committing, Call::Commit) => {
                self.state = State::Committing;
                self.work = Some(Work::Commit);
                Next::Ask(Request::EndTxn { by: self.name(), commit: true })
            }
            (State::InTransaction, Call::Abort) => self.abort(),
            (_, call) => self.out_of_turn(&call),
        }
    }

    /// Opens a transaction, locally.
    pub fn begin(&mut self) -> Result<(), Fault> {
        match self.state {
            State::Idle if self.work.is_none() => {
                self.state = State::InTransaction;
                self.must_abort = false;
                self.added.clear();
                self.offsets_added = false;
                Ok(())
            }
            State::Dead(kind) => Err(fault(kind, "the producer is dead")),
            state => {
                self.misuse.push(format!("begin_transaction in state {state:?}"));
                Err(fault(FaultKind::Fatal, "_STATE"))
            }
        }
    }

    /// What the broker said to the last request.
    pub fn reply(&mut self, reply: Reply) -> Next {
        let Some(work) = self.work.take() else { return Next::Wait };
        if matches!(reply, Err(Refusal::ConcurrentTransactions)) {
            self.work = Some(work);
            return Next::Again;
        }
        let mut work = work;
        if let (true, Work::Send { todo, .. }) = (self.abort_next, &mut work) {
            // Abort purges what was not sent.
            let current = todo.pop();
            todo.clear();
            todo.extend(current);
        }
        let next = self.done(work, reply);
        if self.abort_next && self.work.is_none() && matches!(self.state, State::InTransaction) {
            self.abort_next = false;
            return if self.added.is_empty() && !self.offsets_added {
                self.state = State::Idle;
                Next::Answer(Answer::Abort(Ok(())))
            } else {
                self.abort()
            };
        }
        if let (true, State::Dead(kind)) = (std::mem::take(&mut self.abort_next), self.state) {
            return Next::Answer(Answer::Abort(Err(fault(kind, "the producer is dead"))));
        }
        next
    }

    /// The caller waits no longer: the answer, if it still comes, is kept for the next call of this kind.
    pub fn keep(&mut self, answer: Answer) {
        self.late = Some(answer);
    }

    fn done(&mut self, work: Work, reply: Reply) -> Next {
        match work {
            Work::Init => match reply {
                Ok(Response::Pid(pid, epoch)) => {
                    self.who = Some((pid, epoch));
                    self.state = State::Idle;
                    self.sequences.clear();
                    Next::Answer(Answer::InitProducer(Ok(())))
                }
                other => Next::Answer(Answer::InitProducer(Err(self.fails(other)))),
            },
            Work::Send { todo, adding, failures } => self.sent(todo, adding, failures, reply),
            Work::AddOffsets(commit) => match reply {
                Ok(_) => {
                    self.work = Some(Work::CommitOffsets);
                    Next::Ask(commit)
                }
                Err(_) => Next::Answer(Answer::SendOffsets(Err(self.fails(reply)))),
            },
            Work::CommitOffsets => {
                let result = if reply.is_ok() { Ok(()) } else { Err(self.fails(reply)) };
                Next::Answer(Answer::SendOffsets(result))
            }
            Work::Commit | Work::Abort => {
                let result = if reply.is_ok() { Ok(()) } else { Err(self.fails(reply)) };
                if result.is_ok() {
                    self.state = State::Idle;
                    self.must_abort = false;
                }
                let commit = matches!(work, Work::Commit);
                Next::Answer(if commit { Answer::Commit(result) } else { Answer::Abort(result) })
            }
        }
    }

    fn abort(&mut self) -> Next {
        self.work = Some(Work::Abort);
        Next::Ask(Request::EndTxn { by: self.name(), commit: false })
    }

    fn send(&mut self, messages: Vec<Message>, partitions: impl Fn(&str) -> i32) -> Next {
        let mut todo: Vec<Batch> = Vec::new();
        for m in messages {
            let by_key = m.key.iter().flatten().map(|b| i32::from(*b)).sum::<i32>() % partitions(&m.topic).max(1);
            let part = Part::new(&m.topic, m.partition.unwrap_or(by_key));
            let data = Data { key: m.key, value: m.value, headers: m.headers, timestamp_ms: 0 };
            match todo.iter_mut().find(|b| b.part == part && b.about == m.about) {
                Some(batch) => batch.records.push(data),
                None => todo.push(Batch { part, about: m.about, records: vec![data] }),
            }
        }
        let adding: BTreeSet<Part> = todo.iter().map(|b| b.part.clone()).filter(|p| !self.added.contains(p)).collect();
        let adding: Vec<Part> = adding.into_iter().collect();
        todo.reverse();
        if adding.is_empty() {
            return self.produce(todo, Vec::new());
        }
        self.work = Some(Work::Send { todo, adding: adding.clone(), failures: Vec::new() });
        Next::Ask(Request::AddPartitions { by: self.name(), parts: adding })
    }

    fn sent(&mut self, mut todo: Vec<Batch>, adding: Vec<Part>, mut failures: Vec<SendFailure>, reply: Reply) -> Next {
        if !adding.is_empty() {
            if reply.is_err() {
                let fault = self.fails(reply);
                return Next::Answer(Answer::Send(Err(vec![SendFailure { about: None, fault }])));
            }
            self.added.extend(adding);
            return self.produce(todo, failures);
        }
        let batch = todo.pop();
        if let (Err(refusal), Some(batch)) = (&reply, batch) {
            let denied = *refusal == Refusal::TopicAuthorizationFailed;
            let fault = if *refusal == Refusal::InvalidTxnState {
                self.must_abort = true;
                fault(FaultKind::Abortable, "InvalidTxnState")
            } else {
                self.fails(reply)
            };
            failures.push(SendFailure { about: batch.about.filter(|_| denied), fault });
        }
        self.produce(todo, failures)
    }

    fn produce(&mut self, todo: Vec<Batch>, failures: Vec<SendFailure>) -> Next {
        let Some(batch) = todo.last().filter(|_| !matches!(self.state, State::Dead(_))) else {
            return Next::Answer(Answer::Send(if failures.is_empty() { Ok(()) } else { Err(failures) }));
        };
        let sequence = self.sequences.entry(batch.part.clone()).and_modify(|s| *s += 1).or_insert(0);
        let (part, records, sequence) = (batch.part.clone(), batch.records.clone(), *sequence);
        self.work = Some(Work::Send { todo, adding: Vec::new(), failures });
        Next::Ask(Request::Produce { by: self.name(), part, sequence, records })
    }

    /// librdkafka's classes of errors.
    fn fails(&mut self, reply: Reply) -> Fault {
        let refusal = reply.err().unwrap_or(Refusal::InvalidTxnState);
        let kind = match refusal {
            Refusal::InvalidProducerEpoch => FaultKind::Fenced,
            Refusal::InvalidTxnState => FaultKind::Fatal,
            _ => FaultKind::Abortable,
        };
        match kind {
            FaultKind::Abortable => self.must_abort = true,
            kind => self.state = State::Dead(kind),
        }
        fault(kind, &format!("{refusal:?}"))
    }

    fn out_of_turn(&mut self, call: &Call) -> Next {
        self.misuse.push(format!("{} in state {:?}", name(call), self.state));
        Next::Answer(answer(call, Err(fault(FaultKind::Fatal, "_STATE"))))
    }

    fn name(&self) -> broker::Producer {
        let (pid, epoch) = self.who.unwrap_or((-1, -1));
        broker::Producer { id: self.id.clone(), pid, epoch }
    }
}

pub fn fault(kind: FaultKind, message: &str) -> Fault {
    Fault { kind, message: message.to_owned() }
}

/// The answer of a call's shape; of those calls only that can fail without a value.
pub fn answer(call: &Call, result: Result<(), Fault>) -> Answer {
    match call {
        Call::InitProducer => Answer::InitProducer(result),
        Call::Send(_) => Answer::Send(result.map_err(|fault| vec![SendFailure { about: None, fault }])),
        Call::SendOffsets { .. } => Answer::SendOffsets(result),
        Call::Abort => Answer::Abort(result),
        _ => Answer::Commit(result),
    }
}

pub fn name(call: &Call) -> &'static str {
    match call {
        Call::InitProducer => "InitProducer",
        Call::Committed(_) => "Committed",
        Call::Topics(_) => "Topics",
        Call::Quarantines(_) => "Quarantines",
        Call::Ends(_) => "Ends",
        Call::Highs(_) => "Highs",
        Call::OffsetAt { .. } => "OffsetAt",
        Call::ReadLog { .. } => "ReadLog",
        Call::Begin => "Begin",
        Call::Send(_) => "Send",
        Call::SendOffsets { .. } => "SendOffsets",
        Call::Commit => "Commit",
        Call::Abort => "Abort",
    }
}

fn same(call: &Call, late: &Answer) -> bool {
    matches!(
        (call, late),
        (Call::InitProducer, Answer::InitProducer(_))
            | (Call::SendOffsets { .. }, Answer::SendOffsets(_))
            | (Call::Commit, Answer::Commit(_))
            | (Call::Abort, Answer::Abort(_))
    )
}
