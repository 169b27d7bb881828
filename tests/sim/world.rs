//! The only loop: one queue of steps in virtual time. Every delay, loss and order is a choice on the tape.

use crate::sim::broker::{AnyGroup, Broker, Reply, Request, Subscribed};
use crate::sim::choice::Tape;
use crate::sim::client::Identity;
use crate::sim::consumer::Settings;
use crate::sim::consumer_group::ConsumerGroup;
use crate::sim::group::{Address, Group};
use crate::sim::invariants::{Failure, Watch};
use crate::sim::judge::Contracts;
use crate::sim::process::{Cut, Power, Process, Slot, Stage};
use crate::sim::shape::{Op, Protocol, Shape, Trigger};
use crate::sim::trace::Trace;
use crate::sim::twins::Twins;
use crate::sim::txn::Marker;
use mesh_steward::engine::decode::schema::SchemaRef;
use mesh_steward::engine::record::TopicId;
use mesh_steward::flow::io::{Exit, Ms, Part};
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
    Poll {
        task: usize,
        life: u32,
        serial: u64,
    },
    Arrive {
        from: Address,
        request: Request,
        again: bool,
        answered: bool,
    },
    Reply {
        to: Address,
        reply: Option<Reply>,
    },
    WriteMarker(Marker),
    BrokerTick,
    Do(Op),
    /// The registry tells a worker of a schema that one of its tasks asked for.
    Schema {
        worker: usize,
        life: u32,
        schema: SchemaRef,
    },
    EndTransaction {
        topic: TopicId,
        part: Part,
        pid: i64,
        commit: bool,
    },
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
    pub twins: Twins,
    /// Bounds that a task broke.
    pub unbounded: Vec<String>,
    /// Topics that operators want held.
    pub paused: BTreeSet<Arc<str>>,
    pub external_pids: i64,
    /// Records written so far, where each has a number.
    pub written: u64,
    pub triggers: Vec<Trigger>,
    pub settings: Settings,
    queue: BinaryHeap<Reverse<Due>>,
    seq: u64,
    pub changed: bool,
    ticks: u64,
}

/// Sessions, time-outs and join phases are looked at so often.
const BROKER_TICK_MS: Ms = 100;
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
            twins: Twins::default(),
            unbounded: Vec::new(),
            paused: BTreeSet::new(),
            external_pids: 0,
            written: 0,
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
        self.processes.push(Process {
            power: Power::Down,
            skew_ms,
            cut: Cut::None,
            contracts: Rc::new(RefCell::new(contracts)),
            registry: Rc::default(),
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
            Step::Schema { worker, life, schema } => self.schema_known(worker, life, schema),
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
}
