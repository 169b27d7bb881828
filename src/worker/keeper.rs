//! Keeps the tasks supplied: contracts from files and from the catalog, topics as they come and go.
//!
//! A contract's body is durable in the catalog before a task hears of it, so before the first delta that names it.

pub mod adopted; // a configuration that was read again

use crate::catalog::board::Board;
use crate::catalog::directory::{NO_CONTRACT, TopicFacts};
use crate::catalog::document::{Document, document};
use crate::catalog::files::{Finding, Loaded, Watcher};
use crate::catalog::plans::PlansJudge;
use crate::catalog::policies::PolicyFiles;
use crate::catalog::portrait::portraits;
use crate::catalog::published::{NotDone, Petition};
use crate::catalog::wish::{self, Order, Wish};
use crate::config::usable::Config;
use crate::engine::contract::name::{ContractHash, ProductName};
use crate::engine::contract::plan::Plans;
use crate::engine::derived::usecase;
use crate::engine::event::envelope;
use crate::engine::published::{draft, entry};
use crate::flow::io::{Fault, Part};
use crate::flow::opening::Stands;
use crate::http::access::Rules;
use crate::kafka::admin::{Admin, SetupError, Standing};
use crate::kafka::catalog::{self, ContractBody};
use crate::kafka::client::Settings;
use crate::kafka::configured::topics;
use crate::kafka::remedy;
use crate::registry::client::Client;
use crate::registry::subjects::{self, Subjects};
use crate::worker::clients;
use crate::worker::differences::{contracts_changed, same_topics};
use crate::worker::filed::Filed;
use crate::worker::fingerprint;
use crate::worker::gone::Gone;
use crate::worker::registrar::{Law, Registrar};
use crate::worker::reload::{Ready, Reload};
use crate::worker::rulings::Rulings;
use crate::worker::sole::Sole;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

pub struct Keeper {
    config: Arc<Config>,
    board: Arc<Board>,
    admin: Admin,
    settings: Settings,
    reload: Reload,
    standing: Standing,
    hash_key: [u8; 16],
    files: Watcher,
    policies: PolicyFiles,
    /// What the registry says of the topics' subjects; `None`: there is no registry.
    subjects: Option<Subjects>,
    /// What the files say now; given out once its bodies are durable.
    loaded: Loaded,
    /// Contract versions whose bodies stand in the catalog.
    durable: BTreeSet<ContractHash>,
    plans: Arc<Plans>,
    /// What the board was told of last.
    told: Option<(Arc<Plans>, Vec<Finding>)>,
    subscribed: Option<Vec<String>>,
    catalog: catalog::Copy,
    /// Who speaks in events.
    speaker: envelope::Source,
    rulings: Rulings,
    filed: Filed,
    /// Topics that the tasks were told to hold.
    held: BTreeSet<Arc<str>>,
    /// Restarts that the tasks were told.
    restarted: BTreeMap<ProductName, Vec<u8>>,
    gone: Gone,
}

/// What changed since the last round; `None`: nothing.
#[derive(Default)]
pub struct News {
    /// Existing governed topics, all of them.
    pub topics: Option<Vec<String>>,
    pub plans: Option<Arc<Plans>>,
    /// Topics to be held for operators, all of them.
    pub held: Option<BTreeSet<Arc<str>>>,
    /// Products to be opened again.
    pub restarts: Vec<ProductName>,
    /// Clients are to be made anew, of the keeper's settings.
    pub clients: bool,
    /// To ask the registry with from now on.
    pub registry: Option<Client>,
    /// Who is let in from now on.
    pub rules: Option<Rules>,
}

#[derive(Debug)]
pub enum OpenError {
    Setup(SetupError),
    /// The worker must not run like this.
    Refused(String),
}

impl From<Fault> for OpenError {
    fn from(fault: Fault) -> OpenError {
        OpenError::Setup(SetupError::Unreachable(fault))
    }
}

impl Keeper {
    /// Creates or verifies our topics, and makes the contracts of the files durable.
    pub fn open(config: Arc<Config>, board: Arc<Board>) -> Result<Keeper, OpenError> {
        let mut files = Watcher::of(&config);
        let mut loaded = files.look().unwrap_or_default();
        let subjects = match &config.registry.urls[..] {
            [] => None,
            _ => {
                let started =
                    subjects::start(&config.registry, files.framed_topics(), RULE_SETS_PATIENCE, subjects::EVERY_MS);
                Some(started.map_err(OpenError::Refused)?)
            }
        };
        if let Some(subjects) = &subjects {
            files.observe(subjects.said());
            loaded = files.look_now();
        }
        board.set_contracts(&loaded.plans, loaded.findings.clone());
        let settings = clients::settings(&config);
        let admin = Admin::open(&settings)?;
        let standing = admin.ensure_topics(&topics(&config)).map_err(OpenError::Setup)?;
        let now = crate::clock::now_ms();
        board.broker_answered(now);
        board.set_cluster_id(&standing.cluster);
        if !standing.created.is_empty() {
            tracing::info!(topics = standing.created.join(", "), "created internal topics");
        }
        let hash_key = fingerprint::hash_key(&config, &standing);
        fingerprint::hold(&settings, &config, &hash_key)?;
        let catalog = catalog::Copy::new(&settings, &topics(&config).catalog())?;
        let reload = Reload::of(config.clone());
        let speaker = envelope::Source { cluster: standing.cluster.clone(), group: config.worker.group_id.clone() };
        let mut policies = PolicyFiles::new(config.contracts.policies.clone());
        policies.look(true);
        let mut keeper = Keeper {
            config,
            board,
            admin,
            settings,
            reload,
            standing,
            hash_key,
            files,
            policies,
            subjects,
            loaded,
            durable: BTreeSet::new(),
            plans: Arc::default(),
            told: None,
            subscribed: None,
            catalog,
            speaker,
            rulings: Rulings::default(),
            filed: Filed::default(),
            held: BTreeSet::new(),
            restarted: BTreeMap::new(),
            gone: Gone::default(),
        };
        keeper.read_catalog()?;
        keeper.loaded = keeper.files.look_now();
        keeper.show();
        // What was asked of a former life is done: everything is opened anyway.
        keeper.restarted = wish::restarts(&keeper.catalog.records);
        keeper.publish_contracts()?;
        keeper.ask_policies();
        Ok(keeper)
    }

    /// A look at the catalog, and a whole round where it is `due` or something is asked for or said.
    pub fn turn(&mut self, orders: Vec<Order>, petitions: Vec<Petition>, due: bool) -> News {
        // Before all that brokers may not answer: what lets them answer again may stand in a file.
        let reloaded = self.reload.look(crate::clock::now_ms());
        let asked = !orders.is_empty() || !petitions.is_empty() || reloaded.is_some();
        let (sole, law) = (
            Sole { settings: &self.settings, catalog: &mut self.catalog },
            Law {
                config: &self.config,
                sources: &self.loaded.sources,
                policies: &self.policies,
                speaker: &self.speaker,
            },
        );
        let mut registrar = Registrar { sole, law };
        // Whoever asked may have gone.
        let answers: Vec<Box<dyn FnOnce()>> = petitions
            .into_iter()
            .map(|petition| -> Box<dyn FnOnce()> {
                match petition {
                    Petition::Product { asked, done } => {
                        let made = registrar.make(&asked);
                        Box::new(move || drop(done.send(made)))
                    }
                    Petition::Draft { wanted, done } => {
                        let made = registrar.draft(&wanted);
                        Box::new(move || drop(done.send(made)))
                    }
                    Petition::UseCase { wanted, done } => {
                        let made = registrar.use_case(&wanted);
                        Box::new(move || drop(done.send(made)))
                    }
                }
            })
            .collect();
        let read = if reloaded.is_some() { Ok(false) } else { self.read_catalog() };
        if !due && !asked && !matches!(read, Ok(true)) {
            return News::default(); // a look that failed is told by the next round
        }
        let news = self.keep(orders, reloaded);
        answers.into_iter().for_each(|answer| answer());
        news
    }

    /// One round: orders, files, catalog, topics. What fails is tried again in the next; an order that fails is answered so.
    fn keep(&mut self, orders: Vec<Order>, reloaded: Option<Result<Ready, Vec<String>>>) -> News {
        let mut news = News::default();
        let before = self.plans.clone();
        let asked = orders.iter().any(|order| order.wish == Wish::Reload);
        let reloaded = if asked {
            Some(self.reload.read())
        } else {
            reloaded.or_else(|| self.reload.look(crate::clock::now_ms()))
        };
        let mut reloaded = reloaded.map(|ready| self.reloaded(ready, &mut news));
        let reload = asked && reloaded.as_ref().is_some_and(|reloaded| reloaded.refused.is_empty());
        let written: Vec<_> = orders.into_iter().map(|order| (self.write(&order.wish), order.done)).collect();
        if let Some(subjects) = &self.subjects {
            subjects.want(self.files.framed_topics());
            self.files.observe(subjects.said());
        }
        let looked = if reload { Some(self.files.look_now()) } else { self.files.look() };
        let others = self.policies.look(reload);
        let anew = others || looked.is_some();
        if let Some(loaded) = looked {
            tracing::info!(
                contracts = loaded.sources.len(),
                findings = loaded.findings.len(),
                "contract files were read again"
            );
            let before = std::mem::replace(&mut self.loaded, loaded);
            self.show();
            if let Some(reloaded) = &mut reloaded {
                reloaded.changed.extend(contracts_changed(&before, &self.loaded));
            }
        }
        if let Some(reloaded) = reloaded {
            self.board.set_reloaded(reloaded);
        }
        if anew {
            self.ask_policies();
        }
        let kept = self.publish_contracts().and_then(|()| self.read_catalog().map(|_| ()));
        if let Err(fault) = &kept {
            self.failed("contracts", fault);
        }
        if !Arc::ptr_eq(&before, &self.plans) {
            news.plans = Some(self.plans.clone());
        }
        match self.admin.all_topics() {
            Ok(all) => {
                self.board.broker_answered(crate::clock::now_ms());
                news.topics = self.topics(&all);
                self.gone.look(&self.board, &topics(&self.config), &all);
            }
            Err(fault) => {
                let (cause, remedy) = remedy::of_silence(
                    &fault.message,
                    self.settings.admin.get("security.protocol").map(String::as_str),
                );
                self.board.cluster_trouble(format!("{cause}; {remedy}"));
                self.failed("topics", &fault);
            }
        }
        let findings = self.findings();
        let same = |(plans, told): &(Arc<Plans>, _)| Arc::ptr_eq(plans, &self.plans) && *told == findings;
        if !self.told.as_ref().is_some_and(same) {
            self.board.set_contracts(&self.plans, findings.clone());
            self.told = Some((self.plans.clone(), findings));
        }
        self.tell();
        self.obey(&mut news);
        for (written, done) in written {
            let outcome = written.and_then(|()| kept.clone()).map_err(|fault| fault.message);
            // Whoever asked may have gone.
            let _ = done.send(outcome);
        }
        news
    }

    /// Contracts as people read them, and products as they look for them.
    fn show(&self) {
        let documents: Vec<Document> = self.loaded.sources.iter().map(document).collect();
        let metadata = self.subjects.as_ref().map(|subjects| subjects.said().versions).unwrap_or_default();
        let entries = entry::entries(&self.catalog.records);
        let portraits = portraits(&documents, &self.loaded.products, &entries, &metadata);
        self.board.set_documents(documents, portraits);
    }

    fn write(&self, wish: &Wish) -> Result<(), Fault> {
        match wish.record(&self.config.worker.id, crate::clock::now_ms()) {
            Some((key, value)) => {
                tracing::info!(?wish, "an operator's wish");
                catalog::write_record(&self.settings, &topics(&self.config).catalog(), &key, value)
            }
            None => Ok(()),
        }
    }

    /// What policies say of the contracts as they are.
    fn ask_policies(&self) {
        let known =
            || catalog::contracts(&self.catalog.records).into_iter().map(|(hash, body)| (hash, body.source)).collect();
        let standing = Arc::new(self.policies.judge(&self.loaded.sources, known));
        for broken in standing.newly_broken(&self.board.directory().policies) {
            let (product, contract) = (&broken.product, broken.contract.as_deref().unwrap_or_default());
            let (policy, mode, reason) = (&broken.policy, broken.mode.word(), broken.verdict.reason());
            tracing::warn!(policy, mode, %product, contract, reason, "a policy is broken");
        }
        self.board.edit(|directory| directory.policies = standing);
    }

    /// What policies say, and what files hold, that is not told yet, where this worker leads: it holds the first partition of the deltas.
    fn tell(&mut self) {
        let first = Part::new(&self.deltas(), 0);
        let leads = self.board.tasks().values().any(|task| task.parts.get(&first) == Some(&Stands::Live));
        let standing = self.board.directory().policies.clone();
        let sole = Sole { settings: &self.settings, catalog: &mut self.catalog };
        let (config, sources, policies) = (&self.config, &self.loaded.sources[..], &self.policies);
        let law = Law { config, sources, policies, speaker: &self.speaker };
        if let Err(NotDone::Failed(why)) = self.rulings.tell(sole, law, &standing, leads) {
            tracing::warn!(what = "policies", reason = why, "not told in this round; tried again in 2 s");
        }
        let sole = Sole { settings: &self.settings, catalog: &mut self.catalog };
        if let Err(NotDone::Failed(why)) = self.filed.tell(sole, law, leads) {
            tracing::warn!(what = "products of files", reason = why, "not told in this round; tried again in 2 s");
        }
    }

    /// What is wrong with files of contracts and policies, and with contracts by enforced policies.
    fn findings(&self) -> Vec<Finding> {
        let mut findings = self.loaded.findings.clone();
        findings.extend(self.policies.findings().iter().cloned());
        findings.extend(self.board.directory().policies.refused(&self.loaded.sources));
        findings
    }

    /// What the catalog's wishes mean for the tasks.
    fn obey(&mut self, news: &mut News) {
        let paused = wish::paused(&self.catalog.records);
        let held = wish::held_topics(&self.plans, &paused);
        self.board.set_paused(paused);
        if held != self.held {
            self.held = held.clone();
            news.held = Some(held);
        }
        let restarts = wish::restarts(&self.catalog.records);
        let fresh = restarts.iter().filter(|(product, asked)| self.restarted.get(*product) != Some(*asked));
        news.restarts = fresh.map(|(product, _)| product.clone()).collect();
        self.restarted = restarts;
    }

    /// What a task's clients are made of.
    pub fn settings(&self, stage: &'static str, slot: usize) -> Settings {
        // Others join none; librdkafka looks for the coordinator of theirs all the same, so it is one that they have rights on.
        let group = match stage {
            "ledger" => format!("{}-ledger", self.config.worker.group_id),
            _ => self.config.worker.group_id.clone(),
        };
        let topics = if stage == "inspect" { self.loaded.plans.by_topic.len() } else { 1 };
        Settings { group, stage, slot, topics, ..self.settings.clone() }
    }

    pub fn judge(&self) -> PlansJudge {
        PlansJudge::new(self.plans.clone(), &self.hash_key)
    }

    /// As it is in force now.
    pub fn config(&self) -> &Arc<Config> {
        &self.config
    }

    pub fn cluster(&self) -> &str {
        &self.standing.cluster
    }

    pub fn deltas(&self) -> Arc<str> {
        topics(&self.config).deltas().into()
    }

    pub fn state(&self) -> Arc<str> {
        topics(&self.config).state().into()
    }

    /// The topic that lineage is kept in.
    pub fn lineage(&self) -> String {
        topics(&self.config).lineage_log()
    }

    /// The topic of the audit.
    pub fn audit(&self) -> String {
        topics(&self.config).audit()
    }

    /// The topic of heartbeats.
    pub fn workers(&self) -> String {
        topics(&self.config).workers()
    }

    pub fn delta_partitions(&self) -> i32 {
        self.standing.deltas.partitions
    }

    /// Writes the bodies that the catalog lacks, then puts the files' contracts in force.
    fn publish_contracts(&mut self) -> Result<(), Fault> {
        let lacking = self.loaded.sources.iter().filter(|s| !self.durable.contains(&s.plan.hash));
        let bodies: Vec<_> = lacking
            .map(|s| (s.plan.hash, ContractBody { product: s.plan.product.clone(), source: s.text.clone() }))
            .collect();
        if !bodies.is_empty() {
            catalog::write_contracts(&self.settings, &topics(&self.config).catalog(), &bodies)?;
            self.durable.extend(bodies.iter().map(|(hash, _)| *hash));
        }
        self.put_in_force();
        Ok(())
    }

    /// Contracts of other workers, and of former days: a delta may name them. And products of the API. Whether there was
    /// anything new.
    fn read_catalog(&mut self) -> Result<bool, Fault> {
        self.catalog.look()?;
        if !self.catalog.take_news() {
            return Ok(false);
        }
        let entries = entry::entries(&self.catalog.records);
        self.board.set_published(entries.clone());
        self.told = None;
        let drafts = draft::drafts(&self.catalog.records);
        let cases = usecase::use_cases(&self.catalog.records);
        self.board.edit(|directory| (directory.drafts, directory.use_cases) = (drafts, cases));
        self.files.publish(entries);
        let unseen =
            catalog::contracts(&self.catalog.records).into_iter().filter(|(hash, _)| !self.durable.contains(hash));
        let unseen: Vec<_> = unseen.map(|(hash, body)| (hash, body.source)).collect();
        self.durable.extend(unseen.iter().map(|(hash, _)| *hash));
        for hash in self.files.learn(unseen) {
            tracing::debug!(%hash, "a contract body that this version compiles otherwise: its windows stay unknown");
        }
        self.put_in_force();
        Ok(true)
    }

    /// The files' contracts govern; every known version can explain a delta.
    fn put_in_force(&mut self) {
        let explains = self.files.known().len() == self.plans.by_hash.len();
        if explains && same_topics(&self.plans, &self.loaded.plans) {
            return;
        }
        let (by_topic, by_hash) = (self.loaded.plans.by_topic.clone(), self.files.known().clone());
        self.plans = Arc::new(Plans { by_topic, by_hash });
    }

    /// Governed topics that exist, where they changed; what nobody governs goes to the board.
    fn topics(&mut self, all: &BTreeMap<String, i32>) -> Option<Vec<String>> {
        let bound = |topic: &str| self.plans.by_topic.contains_key(topic);
        let governed: Vec<String> =
            all.keys().filter(|topic| bound(topic) && !self.config.excludes(topic)).cloned().collect();
        let reason = |topic: &str| match self.config.exclusion(topic) {
            Some(why) => Some(why),
            None => (!bound(topic)).then_some(NO_CONTRACT),
        };
        let facts = |(topic, partitions): (&String, &i32)| {
            let ungoverned = reason(topic).map(str::to_owned);
            (topic.clone(), TopicFacts { partitions: *partitions, ungoverned })
        };
        let missing = self.plans.by_topic.keys().map(|topic| (topic.clone(), TopicFacts::default()));
        let there = all.iter().filter(|(topic, _)| !self.config.is_own(topic)).map(facts);
        self.board.set_topics(missing.chain(there).collect());
        if self.subscribed.as_ref() == Some(&governed) {
            return None;
        }
        let missing: Vec<&str> =
            self.plans.by_topic.keys().filter(|t| !all.contains_key(*t)).map(String::as_str).collect();
        tracing::info!(topics = governed.len(), missing = missing.join(", "), "governed topics");
        self.subscribed = Some(governed.clone());
        Some(governed)
    }

    fn failed(&self, what: &str, fault: &Fault) {
        tracing::warn!(what, reason = fault.message, "not done in this round; tried again in 2 s");
    }
}

/// So long a start waits for rule sets: what governs without them would be another version a moment later.
const RULE_SETS_PATIENCE: Duration = Duration::from_secs(5);
