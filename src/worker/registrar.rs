//! Makes changes of published products, each against what the catalog says at that moment and in one transaction.
//!
//! The catalog has one writer of products at a time, by fencing and without a group: all workers share one transactional
//! id, and whoever initialises it fences the one before and waits until their transaction is decided (KIP-98). What is
//! read after that stands until the commit, or the commit fails because another worker took over, and all begins again.
//! So any worker takes any change at once, and of two changes of one revision the second finds another one.

use crate::catalog::files::{FILE_BYTES_MAX, Source};
use crate::catalog::policies::PolicyFiles;
use crate::catalog::published::NotDone;
use crate::config::usable::Config;
use crate::engine::audit::{self, Line};
use crate::engine::contract::name::ProductName;
use crate::engine::event::envelope::rfc3339;
use crate::engine::published::change::{Asked, By, Change, Decided, Refusal, Standing, decide};
use crate::engine::published::contracts;
use crate::engine::published::entry::{self, Entry};
use crate::flow::io::{Fault, Message};
use crate::kafka::atomic::Atomic;
use crate::kafka::catalog::Copy;
use crate::kafka::client::Settings;
use crate::kafka::configured::topics;
use crate::worker::auditor;
use serde_json::{Value, json};
use std::path::Path;

/// Each worker that asks at the same time fences the others once; so many at a time come through.
const TRIES: usize = 5;

pub struct Registrar<'k> {
    pub settings: &'k Settings,
    pub config: &'k Config,
    pub catalog: &'k mut Copy,
    /// Contracts in force here, of files and of the API.
    pub sources: &'k [Source],
    pub policies: &'k PolicyFiles,
}

impl Registrar<'_> {
    /// Returns when the change is durable, or will not be made. The copy of the catalog has it then.
    pub fn make(&mut self, asked: &Asked) -> Result<Decided, NotDone> {
        let failed = |fault: Fault| NotDone::Failed(fault.message);
        // What changes nothing or may not be made needs no writer.
        self.catalog.look().map_err(failed)?;
        let decided = self.decide(asked)?;
        if !decided.changes {
            return Ok(decided);
        }
        let (worker_id, stage, slot) = ("all".to_owned(), "catalog", 0);
        let mut writer = Atomic::new(Settings { worker_id, stage, slot, transactions: true, ..self.settings.clone() });
        let mut made = Err(NotDone::Failed(String::new()));
        let mut written: Option<Decided> = None;
        for _ in 0..TRIES {
            made = self.hold_and_write(&mut writer, asked, &mut written);
            match &made {
                Err(NotDone::Failed(why)) => tracing::info!(why, "a change of the catalog is tried again"),
                _ => break,
            }
        }
        writer.let_go();
        made
    }

    fn hold_and_write(
        &mut self,
        writer: &mut Atomic,
        asked: &Asked,
        written: &mut Option<Decided>,
    ) -> Result<Decided, NotDone> {
        let failed = |fault: Fault| NotDone::Failed(fault.message);
        writer.hold().map_err(failed)?;
        self.catalog.look().map_err(failed)?;
        // A commit that was in doubt may have been one.
        if let Some(written) = written.take().filter(|written| written.after.as_ref() == self.entry(asked).as_ref()) {
            return Ok(written);
        }
        let decided = self.decide(asked)?;
        if !decided.changes {
            return Ok(decided);
        }
        let value = match &decided.after {
            Some(entry) => Some(serde_json::to_vec(entry).map_err(|why| NotDone::Failed(why.to_string()))?),
            None => None,
        };
        *written = Some(decided.clone());
        let ours = topics(self.config);
        let (actor, line) = auditor::record(&self.line(asked, &decided));
        let messages = [message(ours.catalog(), entry::key(&asked.product), value), message(ours.audit(), actor, line)];
        writer.write(&messages).map_err(failed)?;
        self.catalog.look().map_err(failed)?;
        tracing::info!(product = %asked.product, actor = asked.by.actor, call = %format!("{} {}", asked.by.method, asked.by.path), "the catalog was changed");
        Ok(decided)
    }

    /// What is told of a change, in the transaction that makes it.
    fn line(&self, asked: &Asked, decided: &Decided) -> Line {
        let By { actor, reason, method, path, correlation } = asked.by.clone();
        let before = self.entry(asked);
        let (action, _) = audit::named(&method, &path);
        let status = if before.is_none() { 201 } else { 200 };
        Line {
            at: rfc3339(crate::clock::now_ms()),
            actor,
            action,
            product: Some(asked.product.to_string()),
            outcome: audit::outcome(status).to_owned(),
            status,
            method,
            path,
            correlation,
            worker: self.config.worker.id.clone(),
            reason,
            detail: None,
            before: before.as_ref().map(summary),
            after: decided.after.as_ref().map(summary),
        }
    }

    fn entry(&self, asked: &Asked) -> Option<Entry> {
        let value = self.catalog.records.get(&entry::key(&asked.product))?;
        serde_json::from_slice(value).ok()
    }

    fn decide(&self, asked: &Asked) -> Result<Decided, NotDone> {
        let of_file = |source: &&Source| !is_published(&source.path);
        let place = |source: &Source| source.path.display().to_string();
        let held = |product: &ProductName| {
            self.sources.iter().filter(of_file).find(|source| source.plan.product == *product).map(place)
        };
        let elsewhere = |id: &str| {
            let others = self.sources.iter().filter(|s| of_file(s) || s.plan.product != asked.product);
            others.into_iter().find(|source| source.plan.contract_id == id).map(place)
        };
        let entry = self.entry(asked);
        let standing = Standing {
            entry: entry.as_ref(),
            file: held(&asked.product),
            elsewhere: &elsewhere,
            is_known: &|name| self.sources.iter().any(|source| source.plan.product.to_string() == name),
            excluded: &|topic| self.config.excludes(topic),
            bytes_max: FILE_BYTES_MAX as usize,
        };
        let decided = decide(asked, &standing, crate::clock::now_ms()).map_err(NotDone::Refused)?;
        if let (Change::Publish { .. }, Some(after)) = (&asked.change, &decided.after) {
            let before = entry.as_ref().map_or(&[][..], |entry| &entry.contracts);
            let against = self.policies.against(&asked.product, &after.contracts, before);
            if !against.is_empty() {
                return Err(NotDone::Refused(Refusal::invalid(&against.join("; "))));
            }
        }
        Ok(decided)
    }
}

fn message(topic: String, key: String, value: Option<Vec<u8>>) -> Message {
    let (key, headers) = (Some(key.into_bytes()), Vec::new());
    Message { topic: topic.into(), partition: Some(0), key, headers, value, copied: None, about: None }
}

/// A state in short: the contracts by id and version, whose texts the catalog keeps.
fn summary(entry: &Entry) -> Value {
    let contracts = contracts::read(&entry.contracts).unwrap_or_default();
    let contracts: Vec<Value> = contracts.iter().map(|c| json!({"id": c.id, "version": c.version})).collect();
    json!({
        "revision": entry.revision,
        "lifecycle": entry.lifecycle,
        "successor": entry.successor,
        "end_of_life": entry.end_of_life,
        "contracts": contracts,
    })
}

fn is_published(path: &Path) -> bool {
    path.to_string_lossy().starts_with("catalog:")
}
