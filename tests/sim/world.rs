//! The only loop: one queue of steps in virtual time. Every delay, loss and order is a choice on the tape.

use crate::sim::broker::{AnyGroup, Broker, Reply, Request, Subscribed};
use crate::sim::choice::Tape;
use crate::sim::client::{GROUP, Identity, brief};
use crate::sim::consumer::{News, Settings};
use crate::sim::consumer_group::ConsumerGroup;
use crate::sim::group::{Address, Group};
use crate::sim::invariants::{Failure, Watch};
use crate::sim::judge::Contracts;
use crate::sim::process::{self, Cut, Flow, Power, Process, Slot, Stage};
use crate::sim::producer::name;
use crate::sim::shape::{Op, Protocol, Shape, Trigger};
use crate::sim::trace::Trace;
use crate::sim::txn::Marker;
use mesh_steward::engine::record::{RawRecord, TopicId};
use mesh_steward::flow::io::{Action, Answer, Exit, Input, Ms, Part};
use std::cell::RefCell;
use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::rc::Rc;
use std::sync::Arc;

pub const DELTAS: &str = "_steward.deltas";
pub const STATE: &str = "_steward.state";
pub const EVENTS: &str = "governance.events";
pub const INSPECTORS: &str = "steward";
pub const LEDGERS: &str = "steward-ledger";

/// A step that is due some time.
pub enum Step {
    Poll { task: usize, life: u32, serial: u64 },
    Arrive { from: Address, request: Request, again: bool, answered: bool },
    Reply { to: Address, reply: Option<Reply> },
    WriteMarker(Marker),
    BrokerTick,
    Do(Op),
    EndTransaction { topic: TopicId, part: Part, pid: i64, commit: bool },
}

struct Due {
    at: Ms,
    seq: u64,
    step: Step,
}

impl PartialEq for Due {
    fn eq(&self, other: &Due) -> bool {
        self.seq == other.seq
    }
}
impl Eq for Due {}
impl PartialOrd for Due {
    fn partial_cmp(&self, other: &Due) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Due {
    fn cmp(&self, other: &Due) -> std::cmp::Ordering {
        (self.at, self.seq).cmp(&(other.at, other.seq))
    }
}

pub struct World<'t> {
    pub now: Ms,
    pub tape: &'t mut Tape,
    pub shape: Shape,
    pub broker: Broker,
    pub slots: Vec<Slot>,
    pub processes: Vec<Process>,
    pub trace: Trace,
    pub steps: u64,
    pub exits: Vec<(usize, Exit)>,
    pub external_pids: i64,
    pub triggers: Vec<Trigger>,
    pub settings: Settings,
    queue: BinaryHeap<Reverse<Due>>,
    seq: u64,
    changed: bool,
    ticks: u64,
}

/// Sessions, time-outs and join phases are looked at so often.
const BROKER_TICK_MS: Ms = 100;
const POLL_MS: Ms = 100;
/// A broken connection is noticed after this; longer than any delay of the wire.
const DISCONNECT_MS: Ms = 2_000;
/// The first virtual moment; not 0, so that nothing hides in a default.
const EPOCH_MS: Ms = 1_000_000;

impl<'t> World<'t> {
    pub fn new(tape: &'t mut Tape, shape: Shape, settings: Settings, traced: bool) -> World<'t> {
        let mut broker = Broker { uncommitted_reads: settings.reads_uncommitted, ..Broker::default() };
        for (topic, partitions) in &shape.topics {
            broker.topics.create(topic, *partitions);
        }
        let ours = [(DELTAS, shape.delta_partitions), (STATE, shape.delta_partitions), (EVENTS, 1)];
        ours.into_iter().for_each(|(topic, n)| broker.topics.create(&topic.into(), n));
        let group = || match shape.protocol {
            Protocol::Incremental => AnyGroup::Consumer(ConsumerGroup::new(!shape.strict_epochs)),
            _ => AnyGroup::Classic(Group::default()),
        };
        let inputs: BTreeSet<Arc<str>> = shape.topics.iter().map(|(t, _)| t.clone()).collect();
        broker.groups.insert(INSPECTORS.into(), Subscribed { group: group(), topics: inputs });
        broker.groups.insert(LEDGERS.into(), Subscribed { group: group(), topics: [Arc::from(DELTAS)].into() });
        let mut world = World {
            now: EPOCH_MS,
            tape,
            broker,
            slots: Vec::new(),
            processes: Vec::new(),
            trace: Trace::new(traced),
            steps: 0,
            exits: Vec::new(),
            external_pids: 0,
            triggers: shape.triggers.clone(),
            settings,
            queue: BinaryHeap::new(),
            seq: 0,
            changed: false,
            ticks: 0,
            shape,
        };
        world.populate();
        world
    }

    fn populate(&mut self) {
        for worker in 0..self.shape.workers {
            let skew_ms = [0, 2_000, -2_000][self.tape.pick(&[3, 1, 1])];
            self.add_process(worker, skew_ms, self.shape.contracts.clone());
            let after = if worker == 0 { 1 } else { [2, 4_000, 15_000][self.tape.pick(&[2, 1, 1])] };
            self.later(after, Step::Do(Op::Start(worker)));
        }
        self.plan_data();
        for (at, op) in self.shape.plan.clone() {
            self.later(at, Step::Do(op));
        }
        self.later(BROKER_TICK_MS, Step::BrokerTick);
    }

    /// A process; `named` is the worker id that it goes by.
    pub fn add_process(&mut self, named: usize, skew_ms: Ms, contracts: Contracts) {
        let worker = self.processes.len();
        let contracts = Rc::new(RefCell::new(contracts));
        self.processes.push(Process {
            power: Power::Down,
            skew_ms,
            cut: Cut::None,
            contracts,
            stopping: false,
            twin: false,
        });
        let stages = (0..self.shape.inspectors).map(Stage::Inspector).chain([Stage::Ledger]);
        for stage in stages {
            let group = if stage == Stage::Ledger { LEDGERS } else { INSPECTORS };
            let id = format!("{group}.w{named}.{stage}");
            let identity = Identity {
                group: group.into(),
                instance: (self.shape.protocol == Protocol::Static).then(|| id.clone()),
                transactional: id.clone(),
                incremental: self.shape.protocol == Protocol::Incremental,
                member: String::new(),
            };
            self.slots.push(Slot::new(worker, stage, format!("w{worker}.{stage}"), identity, self.settings));
        }
    }

    pub fn later(&mut self, after: Ms, step: Step) {
        self.seq += 1;
        self.queue.push(Reverse(Due { at: self.now + after, seq: self.seq, step }));
    }

    /// Runs until `until`; `watch` looks at what is committed.
    pub fn run(&mut self, until: Ms, watch: &mut Watch) -> Result<(), Failure> {
        while let Some(Reverse(due)) = self.queue.pop() {
            if due.at > EPOCH_MS + until {
                self.queue.push(Reverse(due));
                self.now = EPOCH_MS + until;
                return Ok(());
            }
            self.now = due.at;
            self.steps += 1;
            self.trace.now(self.now - EPOCH_MS);
            self.step(due.step);
            self.markers();
            watch.always(self)?;
            if std::mem::take(&mut self.changed) {
                watch.committed(self)?;
            }
        }
        Ok(())
    }

    pub fn elapsed(&self) -> Ms {
        self.now - EPOCH_MS
    }

    fn step(&mut self, step: Step) {
        match step {
            Step::Poll { task, life, serial } => {
                let slot = &self.slots[task];
                if slot.life == life && slot.serial == serial && self.processes[slot.worker].power == Power::Up {
                    self.poll(task);
                }
            }
            Step::Arrive { from, request, again, answered } => self.arrive(from, request, again, answered),
            Step::Reply { to, reply } => self.reply(to, reply),
            Step::WriteMarker(marker) => {
                self.trace.say("broker", || {
                    format!(
                        "marker {} {:?} of {}",
                        if marker.commit { "commit" } else { "abort" },
                        marker.place,
                        marker.id
                    )
                });
                self.broker.write_marker(self.now, &marker);
                self.changed = true;
            }
            Step::BrokerTick => {
                self.ticks += 1;
                for (to, reply) in self.broker.tick(self.now) {
                    self.trace.say("broker", || format!("join phase ends for {}: {reply:?}", to.task));
                    self.send_reply(to, reply);
                }
                if self.ticks.is_multiple_of(10) {
                    self.metadata();
                }
                self.later(BROKER_TICK_MS, Step::BrokerTick);
            }
            Step::Do(op) => self.apply(op),
            Step::EndTransaction { topic, part, pid, commit } => {
                let same = self.broker.topics.info(&part.topic).is_some_and(|i| i.id == topic);
                if let Some(log) = self.broker.topics.log_mut(&part.topic, part.partition).filter(|_| same) {
                    log.mark(self.now, pid, 0, commit);
                    self.trace.say("data", || format!("{part} transaction ends, commit {commit}"));
                }
            }
        }
    }

    /// The groups hear of topics that appeared, went or grew.
    fn metadata(&mut self) {
        let parts: Vec<_> = [INSPECTORS, LEDGERS].iter().map(|g| self.broker.parts(g)).collect();
        if self.trace.parts != parts {
            self.broker.topics_changed(self.now);
            self.trace.parts = parts;
        }
    }

    fn markers(&mut self) {
        for marker in std::mem::take(&mut self.broker.coordinator.unwritten) {
            let after = match self.choose(&[50, 20, 8, 3]) {
                0 => 1,
                1 => self.tape.between(1, 20),
                2 => self.tape.between(20, 300),
                _ => self.tape.between(300, 4_000),
            };
            self.later(after, Step::WriteMarker(marker));
        }
    }

    /// A choice of the wire, benign where it has no faults.
    fn choose(&mut self, weights: &[u32]) -> usize {
        if self.shape.wire_faults { self.tape.pick(weights) } else { 0 }
    }

    fn arrive(&mut self, from: Address, request: Request, again: bool, answered: bool) {
        let slot = &self.slots[from.task];
        let (worker, label) = (slot.worker, slot.label.clone());
        let reply = self.broker.handle(self.now, from, &request);
        self.changed = true;
        self.trace.say(&label, || format!("{} → {}", brief(&request), said(&reply)));
        self.pull_triggers(worker, &request, true);
        if again {
            let after = self.tape.between(1, 100);
            self.later(after, Step::Arrive { from, request, again: false, answered });
        } else if let (Some(reply), true) = (reply, answered) {
            self.send_reply(from, reply);
        }
    }

    fn send_reply(&mut self, to: Address, reply: Reply) {
        let after = if self.choose(&[12, 1]) == 0 { 1 } else { self.tape.between(1, 400) };
        self.later(after, Step::Reply { to, reply: Some(reply) });
    }

    fn reply(&mut self, to: Address, reply: Option<Reply>) {
        let slot = &mut self.slots[to.task];
        if slot.life != to.life {
            return;
        }
        match self.processes[slot.worker].power {
            Power::Down => {}
            Power::Paused => slot.held.push((to, reply)),
            Power::Up if self.processes[slot.worker].cut == Cut::Answers && reply.is_some() => {
                self.later(DISCONNECT_MS, Step::Reply { to, reply: None });
            }
            Power::Up => {
                slot.client.reply(self.now, to.channel, to.token, reply);
                self.wake(to.task);
            }
        }
    }

    pub fn wake(&mut self, task: usize) {
        let after = if self.choose(&[9, 1]) == 0 { 1 } else { self.tape.between(1, POLL_MS) };
        self.poll_in(task, after);
    }

    pub fn poll_in(&mut self, task: usize, after: Ms) {
        let slot = &mut self.slots[task];
        slot.serial += 1;
        let (life, serial) = (slot.life, slot.serial);
        self.later(after, Step::Poll { task, life, serial });
    }

    fn poll(&mut self, task: usize) {
        let worker = self.slots[task].worker;
        self.slots[task].client.tick(self.now);
        self.transmit(task);
        if self.processes[worker].cut == Cut::None {
            let slot = &mut self.slots[task];
            slot.client.consumer.fetch(&self.broker.topics);
        }
        let mut with_records = true;
        for _ in 0..200 {
            if self.slots[task].flow.is_none() {
                return;
            }
            if let Some(answer) = self.slots[task].client.next_answer() {
                self.tell(task, News::Answer(answer));
                continue;
            }
            let Some(news) = self.slots[task].client.next_news(self.tape, with_records) else { break };
            with_records = !matches!(news, News::Failed(_));
            self.tell(task, news);
        }
        self.feed(task, Input::Tick);
        self.poll_in(task, POLL_MS);
    }

    fn tell(&mut self, task: usize, news: News) {
        let label = self.slots[task].label.clone();
        match news {
            News::Answer(answer) => {
                self.trace.say(&label, || format!("  answer {}", answered(&answer)));
                self.feed(task, Input::Answer(answer));
            }
            News::Assigned(parts) => {
                self.trace.say(&label, || format!("  assigned {parts:?}"));
                self.feed(task, Input::Assigned(parts));
            }
            News::Revoking(parts) => {
                self.trace.say(&label, || format!("  revoking {parts:?}"));
                self.feed(task, Input::Revoking(parts));
            }
            News::Lost(parts) => {
                self.trace.say(&label, || format!("  lost {parts:?}"));
                self.feed(task, Input::Lost(parts));
            }
            News::Eof(part, offset) => self.feed(task, Input::Eof { part, offset }),
            News::OutOfRange(part) => {
                self.trace.say(&label, || format!("  out of range {part}"));
                self.feed(task, Input::OutOfRange { part });
            }
            News::Failed(fault) => self.feed(task, Input::ConsumerFailed(fault)),
            News::Records(part, records) => {
                self.trace.say(&label, || {
                    let offsets: Vec<i64> = records.iter().map(|(o, _)| *o).collect();
                    format!("  records {part} {offsets:?}")
                });
                let raw: Vec<RawRecord<'_>> = records
                    .iter()
                    .map(|(offset, d)| RawRecord {
                        offset: *offset,
                        timestamp_ms: d.timestamp_ms,
                        key: d.key.as_deref(),
                        value: d.value.as_deref(),
                    })
                    .collect();
                self.feed(task, Input::Records { part, records: &raw });
            }
        }
    }

    pub fn feed(&mut self, task: usize, input: Input<'_>) {
        let slot = &mut self.slots[task];
        let local = self.now + self.processes[slot.worker].skew_ms;
        let Some(flow) = &mut slot.flow else { return };
        let actions = flow.on(local, input);
        for action in actions {
            let line = acted(&action);
            let slot = &mut self.slots[task];
            if !line.is_empty() {
                self.trace.say(&slot.label, || format!("    {line}"));
            }
            slot.client.act(self.now, action, &self.broker.topics);
        }
        self.transmit(task);
        if let Some(exit) = self.slots[task].client.exit.take() {
            self.exited(task, exit);
        }
    }

    /// Puts a client's requests on the wire, each with its fate.
    pub fn transmit(&mut self, task: usize) {
        for (channel, token, request) in std::mem::take(&mut self.slots[task].client.out) {
            let (worker, life) = (self.slots[task].worker, self.slots[task].life);
            let from = Address { task, life, channel, token };
            self.pull_triggers(worker, &request, false);
            if self.slots[task].life != life || self.processes[worker].power == Power::Down {
                return;
            }
            if self.processes[worker].cut == Cut::Requests {
                self.later(DISCONNECT_MS, Step::Reply { to: from, reply: None });
                continue;
            }
            let (lost, mute, again) = match self.choose(&[300, 1, 2, 1]) {
                1 => (true, false, false),
                2 => (false, true, false),
                // A join that is asked again is answered by the join phase, before its repetition could come.
                3 => (false, false, channel != GROUP),
                _ => (false, false, false),
            };
            let after = match self.choose(&[60, 20, 6, 1]) {
                0 => 1,
                1 => self.tape.between(1, 20),
                2 => self.tape.between(20, 200),
                _ => self.tape.between(200, 1_500),
            };
            if lost || mute {
                self.trace.say("wire", || {
                    format!("!! {} {}", if lost { "lost request" } else { "lost answer" }, brief(&request))
                });
                self.later(DISCONNECT_MS, Step::Reply { to: from, reply: None });
            }
            if !lost {
                self.later(after, Step::Arrive { from, request, again, answered: !mute });
            }
        }
    }

    fn pull_triggers(&mut self, worker: usize, request: &Request, applied: bool) {
        if self.triggers.is_empty() {
            return;
        }
        let line = brief(request);
        let hit = |t: &Trigger| t.worker == worker && t.applied == applied && line.starts_with(t.request);
        let Some(i) = self.triggers.iter().position(hit) else { return };
        if self.triggers[i].skip > 0 {
            self.triggers[i].skip -= 1;
            return;
        }
        for (after, op) in self.triggers.remove(i).then {
            if after == 0 { self.apply(op) } else { self.later(after, Step::Do(op)) }
        }
    }

    pub fn build(&self, task: usize) -> Box<dyn Flow> {
        let slot = &self.slots[task];
        let process = &self.processes[slot.worker];
        process::build(slot, &self.shape, process.contracts.clone(), self.now + process.skew_ms)
    }
}

fn said(reply: &Option<Reply>) -> String {
    match reply {
        None => "waits".into(),
        Some(Ok(response)) => {
            let text = format!("{response:?}");
            if text.len() > 300 { format!("{}…", text.chars().take(300).collect::<String>()) } else { text }
        }
        Some(Err(refusal)) => format!("{refusal:?}"),
    }
}

fn answered(answer: &Answer) -> String {
    match answer {
        Answer::Committed(Ok(found)) => {
            let one = |(p, c): &(Part, Option<mesh_steward::flow::io::Committed>)| {
                format!("{p}: {}", c.as_ref().map_or("none".into(), |c| format!("{} {:?}", c.offset, c.metadata)))
            };
            format!("Committed {}", found.iter().map(one).collect::<Vec<_>>().join(", "))
        }
        Answer::ReadLog(Ok(chunk)) => {
            format!("ReadLog {} records, next {}, done {}", chunk.records.len(), chunk.next, chunk.done)
        }
        other => format!("{other:?}"),
    }
}

fn acted(action: &Action) -> String {
    match action {
        Action::Call(call) => format!("call {}", name(call)),
        Action::Publish(_) => String::new(),
        Action::Note(note) => format!("note: {}", note.text),
        other => format!("{other:?}"),
    }
}
