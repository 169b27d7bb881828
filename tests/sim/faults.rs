//! What happens to the cluster, to the workers and to the data: the operations of a plan.

use crate::sim::bounds::Bounds;
use crate::sim::broker::Request;
use crate::sim::client::{Client, GROUP, Identity};
use crate::sim::engine;
use crate::sim::group::Address;
use crate::sim::judge::BROKEN;
use crate::sim::log::{Author, Data};
use crate::sim::process::{Cut, Power, Stage};
use crate::sim::schemas::framed;
use crate::sim::shape::Op;
use crate::sim::world::{DELTAS, INSPECTORS, LEDGERS, STATE, Step, World};
use mesh_steward::flow::io::{Exit, Input, Ms, Part};
use std::collections::BTreeSet;
use std::sync::Arc;

/// A process that ended with a fatal word is started again after this, as systemd would.
const RESTART_MS: Ms = 3_000;

impl World<'_> {
    pub fn apply(&mut self, op: Op) {
        if !matches!(op, Op::Data { .. }) {
            self.trace.say("plan", || format!("!! {op:?}"));
        }
        match op {
            Op::Start(worker) => self.start(worker),
            Op::Crash(worker) => self.crash(worker),
            Op::Stop(worker) => {
                if self.processes[worker].power == Power::Up {
                    self.processes[worker].stopping = true;
                    self.tasks_of(worker).into_iter().for_each(|task| self.feed(task, Input::Stop));
                }
            }
            Op::Pause(worker) => {
                if self.processes[worker].power == Power::Up {
                    self.processes[worker].power = Power::Paused;
                }
            }
            Op::Resume(worker) => self.resume(worker),
            Op::CutRequests(worker) => self.processes[worker].cut = Cut::Requests,
            Op::CutAnswers(worker) => self.processes[worker].cut = Cut::Answers,
            Op::Heal(worker) => self.processes[worker].cut = Cut::None,
            Op::Delete(topic) => {
                let name = self.topic(topic);
                self.broker.topics.delete(&name);
                self.broker.offsets.forget(|_, part| part.topic == name);
            }
            Op::Create(topic) => {
                let (name, partitions) = self.shape.topics[topic].clone();
                if self.broker.topics.info(&name).is_none() {
                    self.broker.topics.create(&name, partitions);
                }
            }
            Op::Grow(topic) => {
                let name = self.topic(topic);
                if let Some(info) = self.broker.topics.info(&name) {
                    self.broker.topics.grow(&name, info.partitions + 1);
                    self.shape.topics[topic].1 = info.partitions + 1;
                }
            }
            Op::DeleteRecords { topic, partition, half } => {
                let name = self.topic(topic);
                if let Some(log) = self.broker.topics.log_mut(&name, partition) {
                    let to = if half { (log.start + log.stable()) / 2 } else { log.stable() };
                    log.delete_records(to);
                }
            }
            Op::Contract { product, worker } => {
                self.processes[worker].contracts.borrow_mut().products[product].version = 2;
                let contracts = self.processes[worker].contracts.borrow().clone();
                for task in self.tasks_of(worker) {
                    if let Some(flow) = &mut self.slots[task].flow {
                        flow.know(&contracts);
                    }
                    if self.processes[worker].power == Power::Up {
                        self.feed(task, Input::Contracts);
                    }
                }
            }
            Op::Deny(product) => {
                let name = self.shape.contracts.products[product].name.to_string();
                self.broker.denied.insert(name);
            }
            Op::Allow(product) => {
                let name = self.shape.contracts.products[product].name.to_string();
                self.broker.denied.remove(&name);
            }
            Op::Govern { topic, paused } => {
                let name = self.topic(topic);
                match paused {
                    true => self.paused.insert(name),
                    false => self.paused.remove(&name),
                };
                (0..self.slots.len()).for_each(|task| self.tell_paused(task));
            }
            Op::CompactState => {
                let partitions = self.shape.delta_partitions;
                for partition in 0..partitions {
                    if let Some(log) = self.broker.topics.log_mut(STATE, partition) {
                        log.compact();
                    }
                }
            }
            Op::ForgetOffsets => self.broker.offsets.forget(|_, _| true),
            Op::DeleteDeltas => {
                for p in 0..self.shape.delta_partitions {
                    let part = Part::new(&DELTAS.into(), p);
                    let low = self.broker.offsets.get(LEDGERS, &part).map_or(0, |c| c.offset);
                    if let Some(log) = self.broker.topics.log_mut(DELTAS, p) {
                        log.delete_records((low + 2).min(log.stable()));
                    }
                }
            }
            Op::Rewind(by) => {
                for part in self.broker.parts(INSPECTORS) {
                    if let Some(found) = self.broker.offsets.get(INSPECTORS, &part) {
                        let back = [(part, (found.offset - by).max(0), found.metadata)];
                        // Metadata that was accepted once is not too long now.
                        let _ = self.broker.offsets.commit(INSPECTORS, None, &back);
                    }
                }
            }
            Op::Twin(worker) => {
                let twin = self.processes.len();
                self.add_process(worker, 0, self.shape.contracts.clone());
                self.processes[twin].twin = true;
                self.start(twin);
            }
            Op::JoinTwice(worker) => {
                for task in self.tasks_of(worker) {
                    let slot = &self.slots[task];
                    let Identity { group, instance: Some(instance), .. } = slot.identity.clone() else { continue };
                    // Requests are counted from 1.
                    let nobody = Address { task, life: slot.life, channel: GROUP, token: 0 };
                    let (member, owned) = (String::new(), BTreeSet::new());
                    let join = Request::Join { group, member, instance: Some(instance), owned };
                    self.broker.handle(self.now, nobody, &join);
                }
            }
            Op::Await(trigger) => self.triggers.push(*trigger),
            Op::Data { topic, partition, lag_ms } => self.data(topic, partition, lag_ms),
            Op::Fill { topic, times } => {
                for partition in 0..self.shape.topics[topic].1 {
                    (0..times).for_each(|_| self.data(topic, partition, 0));
                }
            }
            Op::OpenTransaction { topic, partition, lasts_ms, commit } => {
                self.transaction(topic, partition, lasts_ms, commit);
            }
        }
    }

    /// All faults end: whoever is down starts, whatever is cut heals.
    pub fn heal(&mut self) {
        self.shape.wire_faults = false;
        self.broker.denied.clear();
        self.paused.clear();
        (0..self.slots.len()).for_each(|task| self.tell_paused(task));
        for worker in 0..self.processes.len() {
            self.processes[worker].cut = Cut::None;
            if self.processes[worker].twin {
                self.crash(worker);
                continue;
            }
            match self.processes[worker].power {
                Power::Paused => self.resume(worker),
                Power::Down => self.start(worker),
                Power::Up if self.processes[worker].stopping => self.start(worker),
                Power::Up => {}
            }
        }
        for topic in 0..self.shape.topics.len() {
            self.apply(Op::Create(topic));
        }
    }

    fn start(&mut self, worker: usize) {
        self.crash(worker);
        let process = &mut self.processes[worker];
        (process.power, process.stopping) = (Power::Up, false);
        for task in self.tasks_of(worker) {
            let flow = self.build(task);
            let settings = self.settings;
            let slot = &mut self.slots[task];
            slot.identity.member = format!("{}-{}", slot.label, slot.life);
            slot.client = Client::new(&slot.identity, settings);
            slot.flow = Some(flow);
            slot.bounds = Bounds::default();
            self.tell_paused(task);
            self.poll_in(task, 1);
        }
    }

    /// What operators want held, to a task that inspects.
    fn tell_paused(&mut self, task: usize) {
        let slot = &self.slots[task];
        let up = self.processes[slot.worker].power == Power::Up;
        if matches!(slot.stage, Stage::Inspector(_)) && slot.flow.is_some() && up {
            self.feed(task, Input::Paused(self.paused.clone()));
        }
    }

    fn crash(&mut self, worker: usize) {
        self.processes[worker].power = Power::Down;
        self.forget_schemas(worker);
        for task in self.tasks_of(worker) {
            let slot = &mut self.slots[task];
            slot.life += 1;
            slot.flow = None;
            slot.held.clear();
        }
    }

    fn resume(&mut self, worker: usize) {
        if self.processes[worker].power != Power::Paused {
            return;
        }
        self.processes[worker].power = Power::Up;
        for task in self.tasks_of(worker) {
            for (to, reply) in std::mem::take(&mut self.slots[task].held) {
                self.slots[task].client.reply(self.now, to.channel, to.token, reply);
            }
            self.tell_paused(task);
            self.tell_schemas(task);
            self.poll_in(task, 1);
        }
    }

    pub fn exited(&mut self, task: usize, exit: Exit) {
        let worker = self.slots[task].worker;
        self.slots[task].flow = None;
        match exit {
            Exit::Stopped => {
                if self.tasks_of(worker).iter().all(|t| self.slots[*t].flow.is_none()) {
                    self.processes[worker].power = Power::Down;
                }
            }
            exit => {
                self.exits.push((task, exit));
                self.crash(worker);
                if !self.processes[worker].twin {
                    self.later(RESTART_MS, Step::Do(Op::Start(worker)));
                }
            }
        }
    }

    /// When the records of the shape are written, and where.
    pub fn plan_data(&mut self) {
        for _ in 0..self.shape.records {
            let at = self.tape.between(500, self.shape.data_ms);
            let topic = self.tape.below(self.shape.topics.len() as u32) as usize;
            let partition = self.tape.below(self.shape.topics[topic].1 as u32) as i32;
            let lag_ms = match self.tape.pick(&self.shape.lags) {
                0 => 0,
                1 => self.tape.between(0, 6_000),
                2 => self.tape.between(6_000, 30_000),
                _ => self.tape.between(30_000, 90_000),
            };
            let in_transaction = self.shape.transactions && self.tape.pick(&[1, 1]) == 1;
            let op = if in_transaction {
                let commit = self.tape.pick(&[7, 3]) == 0;
                let lasts_ms = [20, 1_000, 5_000][self.tape.pick(&[6, 2, 1])];
                Op::OpenTransaction { topic, partition, lasts_ms, commit }
            } else {
                Op::Data { topic, partition, lag_ms }
            };
            self.later(at, Step::Do(op));
        }
    }

    fn data(&mut self, topic: usize, partition: i32, lag_ms: Ms) {
        let record = self.record(lag_ms);
        let name = self.topic(topic);
        if let Some(log) = self.broker.topics.log_mut(&name, partition) {
            let offset = log.end();
            // Plain records are never refused.
            let _ = log.append(None, vec![record]);
            self.trace.say("data", || format!("{name}/{partition}@{offset}, {lag_ms} ms late"));
        }
    }

    fn transaction(&mut self, topic: usize, partition: i32, lasts_ms: Ms, commit: bool) {
        self.external_pids -= 1;
        let pid = self.external_pids;
        let records = vec![self.record(0), self.record(0)];
        let name = self.topic(topic);
        let Some(info) = self.broker.topics.info(&name) else { return };
        if let Some(log) = self.broker.topics.log_mut(&name, partition) {
            let _ = log.append(Some(Author { pid, epoch: 0, sequence: 0 }), records);
            let part = Part::new(&name, partition);
            self.later(lasts_ms, Step::EndTransaction { topic: info.id, part, pid, commit });
        }
    }

    fn record(&mut self, lag_ms: Ms) -> Data {
        let broken = self.tape.pick(&[14, 1]) == 1;
        let value = match self.shape.schemas {
            _ if self.shape.real => {
                self.written += 1;
                engine::record(self.written, broken)
            }
            _ if broken => BROKEN.to_vec(),
            0 => b"sound".to_vec(),
            schemas => framed(self.tape.below(schemas) as u8),
        };
        Data { key: None, value: Some(value), headers: Vec::new(), timestamp_ms: self.now - lag_ms }
    }

    pub fn tasks_of(&self, worker: usize) -> Vec<usize> {
        (0..self.slots.len()).filter(|t| self.slots[*t].worker == worker).collect()
    }

    fn topic(&self, topic: usize) -> Arc<str> {
        self.shape.topics[topic].0.clone()
    }

    /// What each running task waits for.
    pub fn waits(&self) -> Vec<String> {
        let groups = [INSPECTORS, LEDGERS].map(|g| format!("{g}: {} partitions", self.broker.parts(g).len()));
        let tasks = self.slots.iter().map(|s| {
            let power = self.processes[s.worker].power;
            format!("{} {power:?}, running {}: {}", s.label, s.flow.is_some(), s.client.waits())
        });
        groups.into_iter().chain(tasks).collect()
    }
}
