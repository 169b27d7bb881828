//! The wire: delays, losses, repetitions; and the faults that wait for a request.

use crate::sim::broker::{Reply, Request};
use crate::sim::client::{GROUP, brief};
use crate::sim::group::Address;
use crate::sim::process::{Cut, Power};
use crate::sim::shape::Trigger;
use crate::sim::world::{Step, World};
use mesh_steward::flow::io::Ms;

/// A broken connection is noticed after this; longer than any delay of the wire.
const DISCONNECT_MS: Ms = 2_000;

impl World<'_> {
    pub fn markers(&mut self) {
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
    pub fn choose(&mut self, weights: &[u32]) -> usize {
        if self.shape.wire_faults { self.tape.pick(weights) } else { 0 }
    }

    pub fn arrive(&mut self, from: Address, request: Request, again: bool, answered: bool) {
        let slot = &self.slots[from.task];
        let (worker, label) = (slot.worker, slot.label.clone());
        let reply = self.broker.handle(self.now, from, &request);
        self.changed = true;
        if let (Request::InitPid { id, .. }, Some(Ok(_))) = (&request, &reply) {
            self.twins.took(self.now, id, (from.task, from.life));
        }
        self.trace.say(&label, || format!("{} → {}", brief(&request), said(&reply)));
        self.pull_triggers(worker, &request, true);
        if again {
            let after = self.tape.between(1, 100);
            self.later(after, Step::Arrive { from, request, again: false, answered });
        } else if let (Some(reply), true) = (reply, answered) {
            self.send_reply(from, reply);
        }
    }

    pub fn send_reply(&mut self, to: Address, reply: Reply) {
        let after = if self.choose(&[12, 1]) == 0 { 1 } else { self.tape.between(1, 400) };
        self.later(after, Step::Reply { to, reply: Some(reply) });
    }

    pub fn reply(&mut self, to: Address, reply: Option<Reply>) {
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
