//! The planter's book: what was written, and which faults stand in it. The daemon never sees it.

use crate::demo::mesh::key;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

#[derive(Default)]
pub struct Book(Mutex<Entries>);

#[derive(Clone, Debug, Default)]
pub struct Entries {
    /// Faults by `domain/product#rule`.
    pub planted: BTreeMap<String, u64>,
    /// Records by `domain/product`.
    pub written: BTreeMap<&'static str, u64>,
    /// What went wrong with the producers, in their words.
    pub failed: Option<String>,
    /// By product: an event time whose window is known to be closed, so that a record with it is late.
    pub closed_ms: BTreeMap<String, i64>,
}

impl Book {
    pub fn entries(&self) -> Entries {
        self.edit(|entries| entries.clone())
    }

    pub fn written(&self, product: &'static str) {
        self.edit(|entries| *entries.written.entry(product).or_default() += 1);
    }

    pub fn planted(&self, product: &str, rule: &str) {
        self.edit(|entries| *entries.planted.entry(key(product, rule)).or_default() += 1);
    }

    pub fn failed(&self, why: String) {
        self.edit(|entries| entries.failed.get_or_insert(why).truncate(500));
    }

    pub fn closed(&self, product: &str, start_ms: i64) {
        self.edit(|entries| {
            let latest = entries.closed_ms.entry(product.into()).or_insert(start_ms);
            *latest = start_ms.max(*latest);
        });
    }

    pub fn closed_ms(&self, product: &str) -> Option<i64> {
        self.edit(|entries| entries.closed_ms.get(product).copied())
    }

    fn edit<T>(&self, change: impl FnOnce(&mut Entries) -> T) -> T {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
