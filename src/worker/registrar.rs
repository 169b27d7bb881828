//! Makes changes of published products and drafts, each against what the catalog says at that moment, with its line of the audit and
//! its events in one transaction.

use crate::catalog::files::{FILE_BYTES_MAX, Source};
use crate::catalog::policies::PolicyFiles;
use crate::catalog::published::{Defined, Edited, NotDone};
use crate::config::usable::Config;
use crate::engine::audit::{self, Line};
use crate::engine::contract::name::ProductName;
use crate::engine::derived::usecase::{self, Edit, State, UseCase};
use crate::engine::event::catalog::{self, Changed};
use crate::engine::event::envelope::{self, Event, rfc3339};
use crate::engine::published::change::{Asked, By, Change, Decided, Refusal, Standing, decide};
use crate::engine::published::contracts;
use crate::engine::published::draft::{self, Wanted};
use crate::engine::published::entry::{self, Entry};
use crate::flow::io::Message;
use crate::kafka::configured::topics;
use crate::worker::auditor;
use crate::worker::sole::{Records, Sole, record};
use serde_json::{Value, json};
use std::path::Path;

pub struct Registrar<'k> {
    pub sole: Sole<'k>,
    pub law: Law<'k>,
}

/// What a change is held against besides the catalog, and who tells it.
#[derive(Clone, Copy)]
pub struct Law<'k> {
    pub config: &'k Config,
    /// Contracts in force here, of files and of the API.
    pub sources: &'k [Source],
    pub policies: &'k PolicyFiles,
    pub speaker: &'k envelope::Source,
}

impl Registrar<'_> {
    /// Returns when the change is durable, or will not be made. The copy of the catalog has it then.
    pub fn make(&mut self, asked: &Asked) -> Result<Decided, NotDone> {
        let law = self.law;
        let decided = self.sole.write(
            |catalog| law.product(asked, catalog),
            |catalog, decided: &Decided| entry_of(catalog, &asked.product) == decided.after,
        )?;
        if decided.changes && !asked.dry_run {
            let (product, actor, path) = (&asked.product, &asked.by.actor, &asked.by.path);
            tracing::info!(%product, actor, method = asked.by.method, path, "the catalog was changed");
        }
        Ok(decided)
    }

    /// The same of a draft.
    pub fn draft(&mut self, wanted: &Wanted) -> Result<Edited, NotDone> {
        let law = self.law;
        let stands = |catalog: &Records, edited: &Edited| draft_of(catalog, &wanted.id) == edited.draft;
        self.sole.write(|catalog| law.draft(wanted, catalog), stands)
    }

    /// The same of a use case.
    pub fn use_case(&mut self, wanted: &usecase::Wanted) -> Result<Defined, NotDone> {
        let law = self.law;
        let stands = |catalog: &Records, defined: &Defined| case_of(catalog, &wanted.name) == defined.case;
        self.sole.write(|catalog| law.use_case(wanted, catalog), stands)
    }
}

impl Law<'_> {
    /// What becomes of the product, and what is written.
    fn product(&self, asked: &Asked, catalog: &Records) -> Result<(Decided, Vec<Message>), NotDone> {
        let before = entry_of(catalog, &asked.product);
        let now_ms = crate::clock::now_ms();
        let decided = self.decide(asked, before.as_ref(), now_ms).map_err(NotDone::Refused)?;
        if asked.dry_run || !decided.changes {
            return Ok((decided, Vec::new()));
        }
        let ours = topics(self.config);
        let value = decided.after.as_ref().map(serde_json::to_vec).transpose();
        let value = value.map_err(|why| NotDone::Failed(why.to_string()))?;
        let status = if before.is_none() { 201 } else { 200 };
        let summed = |entry: Option<&Entry>| entry.map(summary);
        let (was, is) = (summed(before.as_ref()), summed(decided.after.as_ref()));
        let mut messages = vec![
            record(ours.catalog(), entry::key(&asked.product), value),
            self.line(&asked.by, Some(&asked.product), (was, is), (status, None), now_ms),
        ];
        messages.extend(asked.draft.iter().map(|id| record(ours.catalog(), draft::key(id), None)));
        let changed = Changed {
            product: &asked.product,
            before: before.as_ref(),
            after: decided.after.as_ref(),
            differences: &decided.differences,
            by: &asked.by,
            time_ms: now_ms,
        };
        let events = catalog::events(self.speaker, &changed);
        messages.extend(events.into_iter().map(|event| told(self.config, event)));
        Ok((decided, messages))
    }

    fn draft(&self, wanted: &Wanted, catalog: &Records) -> Result<(Edited, Vec<Message>), NotDone> {
        let before = draft_of(catalog, &wanted.id);
        let known =
            catalog.range(draft::PREFIX.to_owned()..).take_while(|(key, _)| key.starts_with(draft::PREFIX)).count();
        let now_ms = crate::clock::now_ms();
        let after = draft::decide(wanted, before.as_ref(), known, now_ms).map_err(NotDone::Refused)?;
        let bytes = after.as_ref().map_or(0, |draft| draft.contract.len());
        if bytes > FILE_BYTES_MAX as usize {
            let detail = format!("the draft has {bytes} bytes, {FILE_BYTES_MAX} at most; make several of it");
            return Err(NotDone::Refused(Refusal::invalid(&detail)));
        }
        let changes = after != before;
        let edited = Edited { draft: after.clone(), changes };
        if !changes {
            return Ok((edited, Vec::new()));
        }
        let value = after.as_ref().map(serde_json::to_vec).transpose();
        let value = value.map_err(|why| NotDone::Failed(why.to_string()))?;
        let state = |draft: &draft::Draft| json!({"revision": draft.revision, "topic": draft.topic});
        let states = (before.as_ref().map(state), after.as_ref().map(state));
        let status = match (&before, &after) {
            (None, _) => 201,
            (_, None) => 204,
            _ => 200,
        };
        let written = record(topics(self.config).catalog(), draft::key(&wanted.id), value);
        Ok((edited, vec![written, self.line(&wanted.by, None, states, (status, None), now_ms)]))
    }

    fn use_case(&self, wanted: &usecase::Wanted, catalog: &Records) -> Result<(Defined, Vec<Message>), NotDone> {
        let before = case_of(catalog, &wanted.name);
        let prefix = usecase::PREFIX;
        let number = catalog.range(prefix.to_owned()..).take_while(|(key, _)| key.starts_with(prefix)).count();
        let now_ms = crate::clock::now_ms();
        let known = usecase::Known { number, excluded: &|topic| self.config.excludes(topic) };
        let after = usecase::decide(wanted, before.as_ref(), &known, now_ms).map_err(NotDone::Refused)?;
        let changes = after != before;
        let defined = Defined { case: after.clone(), changes };
        if !changes {
            return Ok((defined, Vec::new()));
        }
        let value = after.as_ref().map(serde_json::to_vec).transpose();
        let value = value.map_err(|why| NotDone::Failed(why.to_string()))?;
        let mut messages = vec![record(topics(self.config).catalog(), usecase::key(&wanted.name), value)];
        let states = |case: &Option<UseCase>| case.as_ref().map(of_case);
        let stood = |case: &Option<UseCase>| case.as_ref().and_then(UseCase::state);
        let status = match (&wanted.edit, &before, stood(&after)) {
            (Edit::Note { .. }, _, Some(State::Failed)) => 502,
            (Edit::Note { .. }, ..) => 200,
            (Edit::Execute | Edit::Stop, ..) => 202,
            (_, None, _) => 201,
            _ if after.is_none() => 204,
            _ => 200,
        };
        // Of what a worker learns there is a line where the run stands otherwise than before.
        let quiet = |state: Option<State>| matches!(state, Some(State::Starting | State::Stopping));
        let noted = matches!(wanted.edit, Edit::Note { .. });
        if !noted || (stood(&before) != stood(&after) && !quiet(stood(&after))) {
            let detail = after.as_ref().and_then(|case| case.run.as_ref()?.message.clone()).filter(|_| noted);
            let states = (states(&before), states(&after));
            messages.push(self.line(&wanted.by, Some(&wanted.name), states, (status, detail), now_ms));
        }
        Ok((defined, messages))
    }

    /// What the audit says of a change, in the transaction that makes it.
    fn line(
        &self,
        by: &By,
        product: Option<&ProductName>,
        (before, after): (Option<Value>, Option<Value>),
        (status, detail): (u16, Option<String>),
        now_ms: i64,
    ) -> Message {
        let By { actor, reason, method, path, correlation } = by.clone();
        let (action, of_path) = audit::named(&method, &path);
        let (key, value) = auditor::record(&Line {
            at: rfc3339(now_ms),
            actor,
            action,
            product: product.map(ProductName::to_string).or(of_path),
            outcome: audit::outcome(status).to_owned(),
            status,
            method,
            path,
            correlation,
            worker: self.config.worker.id.clone(),
            reason,
            detail,
            before,
            after,
        });
        record(topics(self.config).audit(), key, value)
    }

    fn decide(&self, asked: &Asked, entry: Option<&Entry>, now_ms: i64) -> Result<Decided, Refusal> {
        let of_file = |source: &&Source| !is_published(&source.path);
        let place = |source: &Source| source.path.display().to_string();
        let held = |product: &ProductName| {
            self.sources.iter().filter(of_file).find(|source| source.plan.product == *product).map(place)
        };
        let elsewhere = |id: &str| {
            let others = self.sources.iter().filter(|s| of_file(s) || s.plan.product != asked.product);
            others.into_iter().find(|source| source.plan.contract_id == id).map(place)
        };
        let standing = Standing {
            entry,
            file: held(&asked.product),
            elsewhere: &elsewhere,
            is_known: &|name| self.sources.iter().any(|source| source.plan.product.to_string() == name),
            excluded: &|topic| self.config.excludes(topic),
            bytes_max: FILE_BYTES_MAX as usize,
        };
        let decided = decide(asked, &standing, now_ms)?;
        if let (Change::Publish { .. }, Some(after)) = (&asked.change, &decided.after) {
            let before = entry.map_or(&[][..], |entry| &entry.contracts);
            let against = self.policies.against(&asked.product, &after.contracts, before);
            if !against.is_empty() {
                return Err(Refusal::invalid(&against.join("; ")));
            }
        }
        Ok(decided)
    }
}

/// On its way to the governance topic.
pub fn told(config: &Config, event: Event) -> Message {
    Message {
        topic: config.governance.topic.as_str().into(),
        partition: None,
        key: Some(event.key),
        headers: event.headers,
        value: Some(event.value),
        copied: None,
        about: None,
    }
}

fn entry_of(catalog: &Records, product: &ProductName) -> Option<Entry> {
    serde_json::from_slice(catalog.get(&entry::key(product))?).ok()
}

fn draft_of(catalog: &Records, id: &str) -> Option<draft::Draft> {
    serde_json::from_slice(catalog.get(&draft::key(id))?).ok()
}

fn case_of(catalog: &Records, name: &ProductName) -> Option<UseCase> {
    serde_json::from_slice(catalog.get(&usecase::key(name))?).ok()
}

/// A use case with what was, or is to be, run: the audit is the only place that keeps it.
fn of_case(case: &UseCase) -> Value {
    json!({
        "revision": case.revision,
        "engine": case.definition.engine,
        "statement": case.definition.statement,
        "state": case.state(),
        "jobs": case.run.as_ref().map(|run| &run.jobs),
    })
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

pub fn is_published(path: &Path) -> bool {
    path.to_string_lossy().starts_with("catalog:")
}
