//! Sketches that tasks gathered of columns, taken up by the one that leads: compared on a collector's thread, and then deleted from the
//! log.

use crate::engine::lineage::collector::Collector;
use crate::engine::lineage::content::infer::edges;
use crate::engine::lineage::content::mesh::{CONTENTS, Mesh};
use crate::engine::lineage::record::{Record, sketch};
use crate::engine::lineage::sighting::Round;
use crate::flow::io::Ms;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Rounds of other collectors in the time that a task gathers for, and between two comparisons: a minute by default.
const ROUNDS: Ms = 6;
/// Times of gathering in one half of what is compared: ten minutes by default.
const TIMES: Ms = 10;

/// How long a task gathers before it sends.
pub fn every_ms(interval_ms: Ms) -> Ms {
    ROUNDS * interval_ms
}

pub struct Contents {
    mesh: Arc<Mutex<Mesh>>,
    every_ms: Ms,
    /// Keys of what was taken up, and stands in the log.
    taken: Vec<String>,
}

impl Contents {
    /// `interval_ms`: `lineage.interval`.
    pub fn new(interval_ms: Ms) -> Contents {
        let every_ms = every_ms(interval_ms);
        Contents { mesh: Arc::new(Mutex::new(Mesh::new(TIMES * every_ms))), every_ms, taken: Vec::new() }
    }

    /// `namespace`: the cluster's own.
    pub fn collector(&self, namespace: &str) -> Box<dyn Collector> {
        let (mesh, namespace) = (self.mesh.clone(), namespace.to_owned());
        Box::new(Comparer { mesh, namespace, every_ms: self.every_ms, compared_ms: None })
    }

    /// `of`: topic and column.
    pub fn take(&mut self, key: &[u8], (topic, column): (&str, &str), value: Option<&[u8]>, now: Ms) {
        let Some(value) = value else { return };
        if let Some(part) = sketch(value) {
            held(&self.mesh).take(topic, column, &part, now);
        }
        self.taken.extend(std::str::from_utf8(key).map(str::to_owned));
    }

    /// What is to be written: nobody needs them any more.
    pub fn deletions(&self) -> impl Iterator<Item = Record> {
        self.taken.iter().map(|key| (key.clone(), None))
    }

    pub fn written(&mut self) {
        self.taken.clear();
    }
}

struct Comparer {
    mesh: Arc<Mutex<Mesh>>,
    namespace: String,
    every_ms: Ms,
    compared_ms: Option<Ms>,
}

impl Collector for Comparer {
    fn name(&self) -> &'static str {
        CONTENTS
    }

    /// Rounds in between have nothing new to say.
    fn collect(&mut self, now_ms: Ms) -> Result<Round, String> {
        let mut found = Vec::new();
        if self.compared_ms.is_none_or(|compared_ms| now_ms - compared_ms >= self.every_ms) {
            self.compared_ms = Some(now_ms);
            let tables = held(&self.mesh).tables();
            // Not held meanwhile: of hundreds of columns it takes seconds.
            let shown = edges(&tables);
            found = held(&self.mesh).settle(shown);
        }
        Ok(held(&self.mesh).round(&self.namespace, &found, now_ms))
    }
}

fn held(mesh: &Mutex<Mesh>) -> MutexGuard<'_, Mesh> {
    mesh.lock().unwrap_or_else(PoisonError::into_inner)
}
