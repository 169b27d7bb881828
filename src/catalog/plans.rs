//! The plans in force, shared by all tasks; what the flow's `Judge` answers from them.

use crate::engine::check::record::Examiner;
use crate::engine::check::tally::{Counts, Tally};
use crate::engine::check::verdict::{self, Facts, RuleResult, Verdict};
use crate::engine::contract::name::{ContractHash, ProductName};
use crate::engine::contract::plan::{Plan, Plans};
use crate::engine::record::{Position, RawRecord};
use crate::flow::io::Ms;
use crate::flow::judge::{ContractFacts, Judge, Lens};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock};

/// The plans in force. A task keeps a snapshot and takes another when it is told that the contracts changed; nobody
/// holds the lock for longer than it takes to copy a pointer.
#[derive(Debug, Default)]
pub struct SharedPlans(RwLock<Arc<Plans>>);

impl SharedPlans {
    pub fn new(plans: Arc<Plans>) -> SharedPlans {
        SharedPlans(RwLock::new(plans))
    }

    pub fn snapshot(&self) -> Arc<Plans> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub fn replace(&self, plans: Arc<Plans>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = plans;
    }
}

/// Judges by a snapshot of the plans; one for each task.
#[derive(Debug)]
pub struct PlansJudge {
    plans: Arc<Plans>,
    /// By lens index.
    readings: Vec<Reading>,
    /// By topic, indices into `readings`.
    by_topic: BTreeMap<String, Vec<usize>>,
    by_product: BTreeMap<ProductName, Product>,
    examiner: Examiner,
}

/// One contract version that reads a topic. Several of its objects may; then they share one reading, for the record is
/// one record of the window.
#[derive(Debug)]
struct Reading {
    plan: Arc<Plan>,
    objects: Vec<usize>,
}

#[derive(Debug, Default)]
struct Product {
    topics: BTreeSet<Arc<str>>,
    current: BTreeSet<ContractHash>,
}

impl PlansJudge {
    /// `key`: the uniqueness key, one for all workers.
    pub fn new(plans: Arc<Plans>, key: &[u8; 16]) -> PlansJudge {
        let mut judge = PlansJudge {
            plans: Arc::default(),
            readings: Vec::new(),
            by_topic: BTreeMap::new(),
            by_product: BTreeMap::new(),
            examiner: Examiner::new(key),
        };
        judge.replace(plans);
        judge
    }

    /// Judges by these from now on; lenses given out before are void.
    pub fn replace(&mut self, plans: Arc<Plans>) {
        self.readings.clear();
        self.by_topic.clear();
        self.by_product.clear();
        for (topic, bindings) in &plans.by_topic {
            let indices = self.by_topic.entry(topic.clone()).or_default();
            let name: Arc<str> = topic.as_str().into();
            for binding in bindings {
                let same = |i: &&usize| self.readings[**i].plan.hash == binding.plan.hash;
                if let Some(&known) = indices.iter().find(same) {
                    self.readings[known].objects.push(binding.object);
                    continue;
                }
                indices.push(self.readings.len());
                self.readings.push(Reading { plan: binding.plan.clone(), objects: vec![binding.object] });
                let product = self.by_product.entry(binding.plan.product.clone()).or_default();
                product.topics.insert(name.clone());
                product.current.insert(binding.plan.hash);
            }
        }
        self.plans = plans;
    }
}

impl Judge for PlansJudge {
    type Tally = Tally;

    fn lenses(&self, topic: &str) -> Vec<Lens> {
        let lens = |&index: &usize| {
            let Reading { plan, objects } = self.readings.get(index)?;
            let delays = objects.iter().filter_map(|object| Some(plan.objects.get(*object)?.declared_delay_ms));
            Some(Lens {
                product: plan.product.clone(),
                hash: plan.hash,
                index,
                declared_delay_ms: delays.max().unwrap_or_default(),
            })
        };
        self.by_topic.get(topic).into_iter().flatten().filter_map(lens).collect()
    }

    fn topics(&self, product: &ProductName) -> Vec<Arc<str>> {
        self.by_product.get(product).map_or_else(Vec::new, |p| p.topics.iter().cloned().collect())
    }

    fn examine(&mut self, lens: usize, record: &RawRecord<'_>) -> Option<Ms> {
        let Reading { plan, objects } = self.readings.get(lens)?;
        self.examiner.examine(plan, objects, record)
    }

    fn count(&mut self, lens: usize, record: &RawRecord<'_>, at: Position, future: bool, tally: &mut Tally) -> &[u32] {
        match self.readings.get(lens) {
            Some(reading) => self.examiner.count(&reading.plan, record, at, future, tally),
            None => &[],
        }
    }

    fn verdict(&self, hash: ContractHash, tally: &Tally, facts: &Facts) -> Option<Verdict> {
        Some(verdict::judge(self.plans.by_hash.get(&hash)?, tally, facts))
    }

    fn doomed(&self, hash: ContractHash, tally: &Tally) -> Vec<RuleResult> {
        self.plans.by_hash.get(&hash).map_or_else(Vec::new, |plan| verdict::doomed(plan, tally))
    }

    fn contract(&self, hash: ContractHash) -> Option<ContractFacts> {
        let plan = self.plans.by_hash.get(&hash)?;
        Some(ContractFacts {
            id: plan.contract_id.clone(),
            version: plan.contract_version.clone(),
            owner: plan.owner.clone(),
            incident: plan.incident,
        })
    }

    fn current(&self, product: &ProductName) -> Vec<ContractHash> {
        self.by_product.get(product).map_or_else(Vec::new, |p| p.current.iter().copied().collect())
    }

    fn undecodable<'t>(&self, tally: &'t Tally) -> &'t BTreeMap<String, u64> {
        &tally.undecodable
    }

    fn counts(&self, tally: &Tally) -> Counts {
        tally.counts
    }
}
