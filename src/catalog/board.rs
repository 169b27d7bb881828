//! What requests read: products, tasks, findings, whether brokers answer. Written by every task and the worker's
//! threads, read by every request; it decides nothing that tasks do.

use crate::catalog::directory::{Directory, Reloaded, RuleLabels, TopicFacts, in_force, infos};
use crate::catalog::document::Document;
use crate::catalog::evidence::Evidence;
use crate::catalog::files::Finding;
use crate::catalog::fleet::{Owned, Peer};
use crate::catalog::offsets::{Kept, Offsets};
use crate::catalog::portrait::Portrait;
use crate::engine::contract::name::ProductName;
use crate::engine::contract::plan::Plans;
use crate::engine::published::entry;
use crate::engine::trend::budget::Budget;
use crate::flow::io::{Ms, Part, Publication};
use crate::flow::opening::Stands;
use crate::flow::state::ProductState;
use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError, RwLock};

#[derive(Debug, Default)]
pub struct Board {
    /// Products whose ledger partition is this worker's.
    products: DashMap<ProductName, Judged>,
    tasks: DashMap<String, Task>,
    /// Products by the word of their owners, this worker too.
    owned: DashMap<ProductName, Owned>,
    /// Of products of others: what `catalog::lent` reads, packed as it came; `LENT_BYTES_MAX` of it at most.
    lent: DashMap<ProductName, Arc<[u8]>>,
    lent_bytes: AtomicUsize,
    /// Workers as they were last heard, this one too.
    peers: DashMap<String, Peer>,
    /// Replaced as a whole by each survey.
    offsets: RwLock<Arc<Offsets>>,
    /// By governed topic; replaced as a whole, less often.
    kept: RwLock<Arc<BTreeMap<String, Kept>>>,
    /// Replaced as a whole, so that a request sees one moment's contracts.
    directory: RwLock<Arc<Directory>>,
    cluster_id: RwLock<String>,
    /// 0: no broker has answered yet.
    broker_answered_ms: AtomicI64,
    /// The schema registry's last word, where it was a failure.
    registry_trouble: RwLock<Option<String>>,
    cluster_trouble: RwLock<Option<String>>,
    /// Partitions that no task of any worker has, for 30 s and more.
    unowned: RwLock<BTreeSet<Part>>,
    /// Topics of the daemon's own that were there and are not, each with what to do.
    gone: RwLock<BTreeMap<String, &'static str>>,
    stopping: AtomicBool,
}

/// One product after its last committed ledger transaction. `changes` tells one state from the next. Counters began when this worker took it over.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The ledger task that owns it.
    pub task: String,
    pub changes: u64,
    pub state: Arc<ProductState>,
    pub counters: Counters,
    pub violations: BTreeMap<RuleLabels, u64>,
    /// The last closed window's profile, as JSON without sketches: at most `FIELDS_BYTES_MAX` and some, mostly 20 kB.
    /// `None` until a window has closed since this worker took the product over.
    pub profile: Option<Arc<[u8]>>,
    /// How its rules and fields were measured, window by window.
    pub evidence: Arc<Evidence>,
    /// How the objectives of its contracts stand.
    pub budgets: Vec<Budget>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    pub records: u64,
    pub bytes: u64,
    pub undecodable: u64,
    pub unmeasured: u64,
    pub tombstones: u64,
    pub late: u64,
    #[serde(default)]
    pub quarantined: u64,
    pub gap_offsets: u64,
}

#[derive(Clone, Debug)]
pub struct Task {
    pub state: TaskState,
    /// The last turn of its loop or flush, or the change of state.
    pub progress_ms: Ms,
    pub parts: BTreeMap<Part, Stands>,
    /// How full the queue of fetched records is, 0 to 1.
    pub queue_fill: f64,
    /// Partitions that are neither read nor paused, or whose flushes fail.
    pub waiting: Vec<Waiting>,
}

impl Task {
    /// Partitions that stand in one of these ways.
    pub fn count(&self, ways: &[Stands]) -> usize {
        self.parts.values().filter(|stands| ways.contains(stands)).count()
    }
}

/// A partition on its way to live, or to a flush that commits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Waiting {
    pub part: Part,
    /// It was as it should be at no time since.
    pub since_ms: Ms,
    /// What for, in words.
    pub what: String,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskState {
    /// The group has not given it anything yet.
    Starting,
    /// It has what the group gave it, be that nothing: a worker may have more tasks than there are partitions.
    Running,
    /// It begins again from the committed offsets.
    Recovering,
    Failed(String),
    Stopped,
}

impl TaskState {
    /// Connect's words, and `STOPPED` for a task that ended as asked.
    pub const WORDS: [&str; 5] = ["UNASSIGNED", "RUNNING", "RESTARTING", "FAILED", "STOPPED"];

    /// One of `WORDS`.
    pub fn word(&self) -> &'static str {
        match self {
            TaskState::Starting => "UNASSIGNED",
            TaskState::Running => "RUNNING",
            TaskState::Recovering => "RESTARTING",
            TaskState::Failed(_) => "FAILED",
            TaskState::Stopped => "STOPPED",
        }
    }
}

/// Without an answer or progress for this long, a worker is not ready. A stall that heals by itself lasts 20 s at
/// most (a transaction's time-out and the broker's check for it), and an operator must know within 30 s.
pub const SILENCE_MS: Ms = 25_000;

/// Of 5,000 products at 6 kB each half of it.
const LENT_BYTES_MAX: usize = 64 << 20;

/// Partitions named in the reasons of one task: a probe's answer is read by a person.
const STUCK_MAX: usize = 3;

impl Board {
    /// A committed flush of a task.
    pub fn apply(&self, publication: &Publication, task: &str, now: Ms) {
        self.progress(task, now);
        for update in &publication.products {
            let mut judged = self.products.entry(update.product.clone()).or_insert_with(|| Judged {
                task: task.to_owned(),
                changes: 0,
                state: Arc::new(update.state.clone()),
                counters: Counters::default(),
                violations: BTreeMap::new(),
                profile: None,
                evidence: Arc::default(),
                budgets: Vec::new(),
            });
            task.clone_into(&mut judged.task);
            judged.state = Arc::new(update.state.clone());
            judged.budgets.clone_from(&update.budgets);
            judged.changes += 1;
            Arc::make_mut(&mut judged.evidence).take(update);
            if let Some(profile) = &update.profile {
                judged.profile = Some(profile.clone());
            }
            let counters = &mut judged.counters;
            counters.records += update.records;
            counters.bytes += update.bytes;
            counters.undecodable += update.undecodable;
            counters.unmeasured += update.unmeasured;
            counters.tombstones += update.tombstones;
            counters.late += update.late;
            counters.quarantined += update.quarantined;
            counters.gap_offsets += update.gap_offsets;
            for violation in &update.violations {
                let labels = RuleLabels {
                    rule: violation.rule.clone(),
                    severity: violation.severity.clone(),
                    dimension: violation.dimension.clone(),
                    mode: violation.mode,
                };
                *judged.violations.entry(labels).or_default() += violation.failed;
            }
        }
        for product in &publication.retired {
            // Another task of this worker may have taken it over already, and told so first.
            if let Entry::Occupied(entry) = self.products.entry(product.clone())
                && entry.get().task == task
            {
                entry.remove();
            }
        }
    }

    /// A task's new state. What ended owns no product any more.
    pub fn task_state(&self, task: &str, state: TaskState, now: Ms) {
        if matches!(state, TaskState::Failed(_) | TaskState::Stopped) {
            self.products.retain(|_, judged| judged.task != task);
        }
        let mut entry = self.tasks.entry(task.to_owned()).or_insert_with(|| Task {
            state: TaskState::Starting,
            progress_ms: now,
            parts: BTreeMap::new(),
            queue_fill: 0.0,
            waiting: Vec::new(),
        });
        entry.state = state;
        entry.progress_ms = now;
    }

    /// A task's loop turned, or its flush succeeded.
    pub fn progress(&self, task: &str, now: Ms) {
        if let Some(mut entry) = self.tasks.get_mut(task) {
            entry.progress_ms = entry.progress_ms.max(now);
        }
    }

    /// All that a task is assigned now.
    pub fn assigned(&self, task: &str, parts: BTreeMap<Part, Stands>) {
        if let Some(mut entry) = self.tasks.get_mut(task) {
            entry.parts = parts;
        }
    }

    /// All partitions of a task that are neither read nor paused now, or whose flushes fail: what each waits for, and since when where
    /// the task knows.
    pub fn waiting(&self, task: &str, waits: BTreeMap<Part, (String, Option<Ms>)>, now: Ms) {
        let Some(mut entry) = self.tasks.get_mut(task) else { return };
        let known = std::mem::take(&mut entry.waiting);
        let since = |part: &Part| known.iter().find(|w| w.part == *part).map_or(now, |w| w.since_ms);
        let of = |(part, (what, told_ms)): (Part, (String, Option<Ms>))| {
            let since_ms = since(&part).min(told_ms.unwrap_or(now));
            Waiting { since_ms, part, what }
        };
        entry.waiting = waits.into_iter().map(of).collect();
    }

    pub fn queue_fill(&self, task: &str, fill: f64) {
        if let Some(mut entry) = self.tasks.get_mut(task) {
            entry.queue_fill = fill;
        }
    }

    /// A product's record in the workers' log; `None`: it is gone.
    pub fn set_owned(&self, product: ProductName, owned: Option<Owned>) {
        match owned {
            Some(owned) => self.owned.insert(product, owned),
            None => self.owned.remove(&product).map(|(_, owned)| owned),
        };
    }

    /// What a product's owner lends of it; `None`: nothing any more. What finds no room is asked of the owner.
    pub fn set_lent(&self, product: ProductName, lent: Option<Vec<u8>>) {
        let before = self.lent.remove(&product).map_or(0, |(_, lent)| lent.len());
        let held = self.lent_bytes.fetch_sub(before, Ordering::Relaxed) - before;
        if let Some(lent) = lent.filter(|lent| held + lent.len() <= LENT_BYTES_MAX) {
            self.lent_bytes.fetch_add(lent.len(), Ordering::Relaxed);
            self.lent.insert(product, lent.into());
        }
    }

    /// A worker's record in the workers' log; `None`: it has stopped.
    pub fn set_peer(&self, worker: &str, peer: Option<Peer>) {
        match peer {
            Some(peer) => self.peers.insert(worker.to_owned(), peer),
            None => self.peers.remove(worker).map(|(_, peer)| peer),
        };
    }

    pub fn set_offsets(&self, offsets: Offsets) {
        *self.offsets.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(offsets);
    }

    pub fn set_kept(&self, kept: BTreeMap<String, Kept>) {
        *self.kept.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(kept);
    }

    pub fn set_unowned(&self, parts: BTreeSet<Part>) {
        *self.unowned.write().unwrap_or_else(PoisonError::into_inner) = parts;
    }

    /// Topics of the daemon's own that were there and are not, each with what to do.
    pub fn set_gone(&self, topics: BTreeMap<String, &'static str>) {
        *self.gone.write().unwrap_or_else(PoisonError::into_inner) = topics;
    }

    /// Why the schema registry failed when it was last asked; `None`: it answered.
    pub fn registry_trouble(&self, trouble: Option<String>) {
        *self.registry_trouble.write().unwrap_or_else(PoisonError::into_inner) = trouble;
    }

    /// Why no broker answered when the cluster was last asked, and what to do about it.
    pub fn cluster_trouble(&self, trouble: String) {
        *self.cluster_trouble.write().unwrap_or_else(PoisonError::into_inner) = Some(trouble);
    }

    /// A broker answered any request.
    pub fn broker_answered(&self, now: Ms) {
        self.broker_answered_ms.fetch_max(now, Ordering::Relaxed);
    }

    pub fn set_cluster_id(&self, id: &str) {
        id.clone_into(&mut self.cluster_id.write().unwrap_or_else(PoisonError::into_inner));
    }

    /// New contracts, and what is wrong with their files. A product that none names any more is gone from here on.
    pub fn set_contracts(&self, plans: &Plans, findings: Vec<Finding>) {
        let (products, plans) = (infos(plans), in_force(plans));
        self.edit(|directory| {
            (directory.products, directory.plans, directory.findings) = (products, plans, findings);
            // One that is retired has no plan, and is there.
            for product in directory.published.keys() {
                directory.products.entry(product.clone()).or_default();
            }
        });
    }

    /// Products of the API; `set_contracts` follows.
    pub fn set_published(&self, entries: BTreeMap<ProductName, entry::Entry>) {
        self.edit(|directory| directory.published = entries);
    }

    pub fn set_topics(&self, topics: BTreeMap<String, TopicFacts>) {
        if self.directory().topics != topics {
            self.edit(|directory| directory.topics = topics);
        }
    }

    pub fn set_paused(&self, paused: BTreeSet<ProductName>) {
        if self.directory().paused != paused {
            self.edit(|directory| directory.paused = paused);
        }
    }

    pub fn set_reloaded(&self, reloaded: Reloaded) {
        self.edit(|directory| directory.reloaded = Some(reloaded));
    }

    /// Contracts as people read them, in any order, and products as they look for them.
    pub fn set_documents(&self, mut documents: Vec<Document>, portraits: BTreeMap<ProductName, Portrait>) {
        documents.sort_by(|a, b| a.product.cmp(&b.product));
        self.edit(|directory| (directory.documents, directory.portraits) = (documents, portraits));
    }

    /// From here on the worker takes no part any more.
    pub fn stopping(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }

    /// One change, seen by requests as a whole. Where a request holds the directory it is copied, some megabytes of 1,000 products: what
    /// changes nothing is better left.
    pub fn edit(&self, change: impl FnOnce(&mut Directory)) {
        let mut held = self.directory.write().unwrap_or_else(PoisonError::into_inner);
        change(Arc::make_mut(&mut held));
    }

    pub fn directory(&self) -> Arc<Directory> {
        self.directory.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Empty until a broker told it.
    pub fn cluster_id(&self) -> String {
        self.cluster_id.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// `None`: another worker owns it, or nothing was judged yet.
    pub fn judged(&self, product: &ProductName) -> Option<Judged> {
        self.products.get(product).map(|judged| judged.clone())
    }

    /// What `read` finds in it, without a copy of all the rest.
    pub fn judged_as<T>(&self, product: &ProductName, read: impl FnOnce(&Judged) -> T) -> Option<T> {
        self.products.get(product).map(|judged| read(&judged))
    }

    /// Products that this worker owns, and what tells their states from the next.
    pub fn changes(&self) -> BTreeMap<ProductName, u64> {
        self.products.iter().map(|entry| (entry.key().clone(), entry.changes)).collect()
    }

    /// A product by the word of its owner, whoever that is; as old as its `at_ms` says.
    pub fn owned(&self, product: &ProductName) -> Option<Owned> {
        self.owned.get(product).map(|owned| owned.clone())
    }

    /// As `catalog::lent` packs it.
    pub fn lent(&self, product: &ProductName) -> Option<Arc<[u8]>> {
        self.lent.get(product).map(|lent| lent.clone())
    }

    /// Workers as they were last heard.
    pub fn peers(&self) -> BTreeMap<String, Peer> {
        self.peers.iter().map(|entry| (entry.key().clone(), entry.value().clone())).collect()
    }

    pub fn offsets(&self) -> Arc<Offsets> {
        self.offsets.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What of each governed topic's past can still be read; a topic that was not looked at yet is absent.
    pub fn kept(&self) -> Arc<BTreeMap<String, Kept>> {
        self.kept.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn unowned(&self) -> BTreeSet<Part> {
        self.unowned.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn tasks(&self) -> BTreeMap<String, Task> {
        self.tasks.iter().map(|entry| (entry.key().clone(), entry.value().clone())).collect()
    }

    /// Whether a task still waits for its first assignment, or none is there.
    pub fn starting(&self) -> bool {
        self.tasks.is_empty() || self.tasks.iter().any(|task| task.state == TaskState::Starting)
    }

    /// A task whose loop has not turned within this time, whatever it waits for.
    pub fn standing_still(&self, now: Ms, within_ms: Ms) -> Option<String> {
        let still = |task: &Task| {
            !matches!(task.state, TaskState::Failed(_) | TaskState::Stopped) && now - task.progress_ms >= within_ms
        };
        self.tasks.iter().find(|entry| still(entry.value())).map(|entry| entry.key().clone())
    }

    fn why_silent(&self) -> String {
        let trouble = self.cluster_trouble.read().unwrap_or_else(PoisonError::into_inner).clone();
        trouble.unwrap_or_else(|| "see kafka.bootstrap.servers and the log".to_owned())
    }

    /// Whether this worker does its part now; if not, why.
    pub fn ready(&self, now: Ms) -> Result<(), Vec<String>> {
        let mut reasons = Vec::new();
        if self.stopping.load(Ordering::Relaxed) {
            reasons.push("the worker is stopping".to_owned());
        }
        match self.broker_answered_ms.load(Ordering::Relaxed) {
            0 => reasons.push(format!("no broker has answered yet: {}", self.why_silent())),
            last if now - last >= SILENCE_MS => {
                reasons.push(format!("no broker has answered for {} s: {}", (now - last) / 1000, self.why_silent()));
            }
            _ => {}
        }
        let gone = self.gone.read().unwrap_or_else(PoisonError::into_inner).clone();
        reasons
            .extend(gone.iter().map(|(topic, remedy)| format!("topic {topic} of the daemon's own is gone: {remedy}")));
        if self.tasks.is_empty() {
            reasons.push("no task has started yet".to_owned());
        }
        for (name, task) in self.tasks() {
            match task.state {
                TaskState::Starting => reasons.push(format!("task {name} waits for the group's first assignment")),
                TaskState::Failed(why) => reasons.push(format!("task {name} failed: {why}")),
                TaskState::Stopped => reasons.push(format!("task {name} has stopped")),
                TaskState::Running | TaskState::Recovering if now - task.progress_ms >= SILENCE_MS => {
                    let since_s = (now - task.progress_ms) / 1000;
                    reasons.push(format!("task {name} has made no progress for {since_s} s"));
                }
                TaskState::Running | TaskState::Recovering => reasons.extend(stuck(&name, &task.waiting, now)),
            }
        }
        let trouble = self.registry_trouble.read().unwrap_or_else(PoisonError::into_inner).clone();
        // By itself it is no reason: schemas that are known go on being used.
        if let Some(trouble) = trouble.filter(|_| !reasons.is_empty()) {
            reasons.push(format!("the schema registry failed when it was last asked: {trouble}"));
        }
        if reasons.is_empty() { Ok(()) } else { Err(reasons) }
    }
}

/// Partitions that do not get to live: the first few of a task, and how many more.
fn stuck(task: &str, waiting: &[Waiting], now: Ms) -> Vec<String> {
    let stuck: Vec<_> = waiting.iter().filter(|w| now - w.since_ms >= SILENCE_MS).collect();
    let reason = |Waiting { part, since_ms, what }: &&Waiting| {
        format!("{part} in task {task} has waited {} s for {what}: see the log", (now - since_ms) / 1000)
    };
    let mut reasons: Vec<_> = stuck.iter().take(STUCK_MAX).map(reason).collect();
    if stuck.len() > STUCK_MAX {
        reasons.push(format!("{} more partitions of task {task} wait", stuck.len() - STUCK_MAX));
    }
    reasons
}

#[cfg(test)]
mod tests;
