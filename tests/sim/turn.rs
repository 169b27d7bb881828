//! A task's turn: its client's threads, then everything there is to tell the flow, then what the flow wants done.

use crate::sim::consumer::News;
use crate::sim::process::{self, Cut, Flow};
use crate::sim::producer::name;
use crate::sim::world::{Step, World};
use mesh_steward::engine::record::RawRecord;
use mesh_steward::flow::io::{Action, Answer, Input, Ms, Part};

const POLL_MS: Ms = 100;

impl World<'_> {
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

    pub fn poll(&mut self, task: usize) {
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
                        schema_header: None,
                        headers: None,
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
        let (held, flush_bytes, products) =
            (flow.held(), self.shape.flush_bytes(), self.shape.contracts.products.len());
        let serving = slot.client.consumer.is_serving();
        let broken = slot.bounds.look(self.now, held, flush_bytes, products, serving);
        self.unbounded.extend(broken.map(|what| format!("{}: {what}", slot.label)));
        for action in actions {
            let line = acted(&action);
            let slot = &mut self.slots[task];
            if !line.is_empty() {
                self.trace.say(&slot.label, || format!("    {line}"));
            }
            slot.client.act(self.now, action, &self.broker.topics);
        }
        self.ask_registry(task);
        self.transmit(task);
        if let Some(exit) = self.slots[task].client.exit.take() {
            self.exited(task, exit);
        }
    }

    pub fn build(&self, task: usize) -> Box<dyn Flow> {
        let slot = &self.slots[task];
        let process = &self.processes[slot.worker];
        process::build(slot, &self.shape, process, self.now + process.skew_ms)
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
