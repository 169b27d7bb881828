//! A registry of schemas: records that name one can be judged only by a worker that has asked for it.

use crate::sim::process::{Power, Stage};
use crate::sim::world::{Step, World};
use mesh_steward::engine::decode::schema::SchemaRef;
use mesh_steward::engine::record::RawRecord;
use mesh_steward::flow::io::{Input, Ms};
use std::collections::BTreeSet;

/// How long the registry takes: a moment, a retry, a grace that ends, an outage that is given up. What it says in the end
/// is all one to the flow.
const ANSWERS_MS: [Ms; 4] = [20, 1_000, 10_000, 25_000];

/// What one worker knows of the registry.
#[derive(Debug, Default)]
pub struct Registry {
    known: BTreeSet<SchemaRef>,
    asked: BTreeSet<SchemaRef>,
}

impl Registry {
    pub fn knows(&self, schema: SchemaRef) -> bool {
        self.known.contains(&schema)
    }
}

/// A record's value that names this schema: Confluent's frame.
pub fn framed(schema: u8) -> Vec<u8> {
    vec![0, 0, 0, 0, schema, b'x']
}

pub fn named_schema(record: &RawRecord<'_>) -> Option<SchemaRef> {
    match record.value? {
        [0, 0, 0, 0, id, ..] => Some(SchemaRef::Id(u32::from(*id))),
        _ => None,
    }
}

impl World<'_> {
    /// Asks for what the task wants, once for each worker.
    pub fn ask_registry(&mut self, task: usize) {
        let worker = self.slots[task].worker;
        for schema in std::mem::take(&mut self.slots[task].client.wanted) {
            if self.processes[worker].registry.borrow_mut().asked.insert(schema) {
                let after = if self.shape.wire_faults {
                    ANSWERS_MS[self.tape.pick(&[4, 2, 1, 1])]
                } else {
                    ANSWERS_MS[self.tape.pick(&[1, 1, 1, 1])]
                };
                let life = self.slots[task].life;
                self.later(after, Step::Schema { worker, life, schema });
            }
        }
    }

    /// The registry's answer, unless the process that asked is gone.
    pub fn schema_known(&mut self, worker: usize, life: u32, schema: SchemaRef) {
        let tasks = self.tasks_of(worker);
        if self.slots[tasks[0]].life != life {
            return;
        }
        self.trace.say("registry", || format!("{schema} is known to worker {worker}"));
        self.processes[worker].registry.borrow_mut().known.insert(schema);
        tasks.into_iter().for_each(|task| self.tell_schemas(task));
    }

    /// A task that was paused hears of it when it goes on.
    pub fn tell_schemas(&mut self, task: usize) {
        let up = self.processes[self.slots[task].worker].power == Power::Up;
        if matches!(self.slots[task].stage, Stage::Inspector(_)) && up {
            self.feed(task, Input::Schemas);
        }
    }

    /// A process that ended knows nothing.
    pub fn forget_schemas(&mut self, worker: usize) {
        *self.processes[worker].registry.borrow_mut() = Registry::default();
    }
}
