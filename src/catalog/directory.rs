//! What is there: products as contracts describe them, contracts, topics, and what is wrong with files.

use crate::catalog::document::Document;
use crate::catalog::files::Finding;
use crate::catalog::ordered;
use crate::catalog::policies::Standing;
use crate::catalog::portrait::Portrait;
use crate::catalog::published;
use crate::engine::contract::mode::Mode;
use crate::engine::contract::name::{ContractHash, ProductName};
use crate::engine::contract::plan::{Plan, Plans, Rule};
use crate::engine::contract::sample::Sampling;
use crate::engine::derived::usecase::{Engine, UseCase};
use crate::engine::published::draft::Draft;
use crate::engine::published::entry::Entry;
use crate::engine::published::lifecycle::Lifecycle;
use crate::flow::io::Ms;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// What contracts say, and what is wrong with them.
#[derive(Clone, Debug, Default)]
pub struct Directory {
    pub products: BTreeMap<ProductName, Info>,
    /// Those that were published through the API, as the catalog holds them; a file may hold one, too.
    pub published: BTreeMap<ProductName, Entry>,
    /// Drafts of contracts, by their ids.
    pub drafts: BTreeMap<String, Draft>,
    /// SQL that derives products, by the names that these have.
    pub use_cases: BTreeMap<ProductName, UseCase>,
    /// Engines that are configured to run it.
    pub engines: BTreeSet<Engine>,
    pub findings: Vec<Finding>,
    /// The contracts in force of each product, with their rules.
    pub plans: BTreeMap<ProductName, Vec<Arc<Plan>>>,
    /// Every topic there is, but our own; and those that contracts name and that are not there.
    pub topics: BTreeMap<String, TopicFacts>,
    /// Products that operators have paused.
    pub paused: BTreeSet<ProductName>,
    /// Each product as people look for it.
    pub portraits: BTreeMap<ProductName, Portrait>,
    /// The contracts in force, with their texts, in the order of their products.
    pub documents: Vec<Document>,
    /// What the mesh's policies say of them.
    pub policies: Arc<Standing>,
    /// `None`: the configuration stands as it was read at the start.
    pub reloaded: Option<Reloaded>,
}

/// What came of it when the configuration was last read again.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reloaded {
    pub at_ms: Ms,
    /// What is wrong with it, each with its place and remedy: nothing was changed. Empty: it is in force.
    pub refused: Vec<String>,
    /// Keys that were taken up, and contracts that changed.
    pub changed: Vec<String>,
    /// Keys that wait for the next start.
    pub waiting: Vec<String>,
}

impl Directory {
    /// What was decided through the API is above what a text says, unless a file holds the product; `None`: nobody says it.
    pub fn lifecycle(&self, product: &ProductName) -> Option<Lifecycle> {
        let documents = self.documents_of(product);
        let of_file = documents.iter().any(|document| document.path != published::place(product));
        let entry = self.published.get(product).filter(|_| !of_file);
        let said = self.portraits.get(product).and_then(|portrait| portrait.lifecycle);
        let of_contract = || documents.first().and_then(|document| document.lifecycle);
        entry.map(|entry| entry.lifecycle).or(said).or_else(of_contract)
    }

    /// Those of one product.
    pub fn documents_of(&self, product: &ProductName) -> &[Document] {
        ordered::of(&self.documents, product, |document| &document.product)
    }

    /// Topics that are there and that nobody governs.
    pub fn ungoverned(&self) -> impl Iterator<Item = (&String, &str)> {
        self.topics.iter().filter_map(|(topic, facts)| Some((topic, facts.ungoverned.as_deref()?)))
    }
}

/// Why most topics are not governed: a team may write a contract.
pub const NO_CONTRACT: &str = "no contract names it";

/// A topic as the cluster has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TopicFacts {
    /// 0: it does not exist.
    pub partitions: i32,
    /// Why it is not governed; `None`: it is.
    pub ungoverned: Option<String>,
}

impl TopicFacts {
    /// Whether a contract may name it, or does.
    pub fn may_be_governed(&self) -> bool {
        self.ungoverned.as_deref().is_none_or(|reason| reason == NO_CONTRACT)
    }
}

/// A product as its contracts describe it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Info {
    pub owner: String,
    pub contracts: Vec<ContractInfo>,
    pub topics: BTreeSet<String>,
    pub rules: BTreeSet<RuleLabels>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ContractInfo {
    pub id: String,
    pub version: String,
    pub hash: ContractHash,
    /// `None`: all records are looked at.
    pub sample: Option<Sampling>,
}

/// What tells the violations of one rule from another's; empty where the contract says nothing.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct RuleLabels {
    pub rule: String,
    pub severity: String,
    pub dimension: String,
    pub mode: Mode,
}

/// What the plans say of each product.
pub fn infos(plans: &Plans) -> BTreeMap<ProductName, Info> {
    let mut infos: BTreeMap<ProductName, Info> = BTreeMap::new();
    for (topic, bindings) in &plans.by_topic {
        for binding in bindings {
            let plan = &binding.plan;
            let info = infos.entry(plan.product.clone()).or_default();
            if !binding.keys_only() {
                info.topics.insert(topic.clone());
            }
            if info.owner.is_empty() {
                plan.owner.clone_into(&mut info.owner);
            }
            if !info.contracts.iter().any(|contract| contract.hash == plan.hash) {
                info.rules.extend(plan.rules.iter().map(labels));
                info.contracts.push(ContractInfo {
                    id: plan.contract_id.clone(),
                    version: plan.contract_version.clone(),
                    hash: plan.hash,
                    sample: plan.sample,
                });
            }
        }
    }
    infos
}

/// The plans of each product, each once.
pub fn in_force(plans: &Plans) -> BTreeMap<ProductName, Vec<Arc<Plan>>> {
    let mut found: BTreeMap<ProductName, Vec<Arc<Plan>>> = BTreeMap::new();
    for binding in plans.by_topic.values().flatten() {
        let of = found.entry(binding.plan.product.clone()).or_default();
        if of.iter().all(|plan| plan.hash != binding.plan.hash) {
            of.push(binding.plan.clone());
        }
    }
    found
}

fn labels(rule: &Rule) -> RuleLabels {
    RuleLabels {
        rule: rule.id.clone(),
        severity: rule.severity.clone().unwrap_or_default(),
        dimension: rule.dimension.clone().unwrap_or_default(),
        mode: rule.mode,
    }
}
