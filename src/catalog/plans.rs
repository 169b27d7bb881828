//! What the flow's `Judge` answers from the plans in force.

use crate::engine::check::aside;
use crate::engine::check::keys::Keys;
use crate::engine::check::record::{Examined, Examiner};
use crate::engine::check::sampled::{self, Sampled};
use crate::engine::check::tally::{Counts, Tally, Unmeasured};
use crate::engine::check::verdict::{self, Facts, RuleResult, Verdict};
use crate::engine::contract::described::Described;
use crate::engine::contract::horizon::Horizon;
use crate::engine::contract::name::{ContractHash, ProductName};
use crate::engine::contract::plan::{Check, Plan, Plans, Rule};
use crate::engine::decode::schema::{SchemaRef, Schemas};
use crate::engine::lineage::content::gather::Gatherer;
use crate::engine::profile::summary::{self, Summary};
use crate::engine::record::{Offset, Position, RawRecord, TopicId, WindowStart};
use crate::engine::trend::budget::Budget;
use crate::engine::trend::drift::Drift;
use crate::engine::trend::history::History;
use crate::engine::trend::level::Closing;
use crate::flow::io::Ms;
use crate::flow::judge::{ContractFacts, Judge, Lens, Why};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

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
    /// None of them governs the topic.
    keys_only: bool,
}

#[derive(Debug, Default)]
struct Product {
    topics: BTreeSet<Arc<str>>,
    /// Those of them that it reads for keys alone.
    referred: BTreeSet<Arc<str>>,
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

    /// There is a registry, and this is what is known of its schemas from now on.
    pub fn schemas(&mut self, schemas: Arc<Schemas>) {
        self.examiner.replace_schemas(schemas);
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
                    self.readings[known].keys_only &= binding.keys_only();
                    continue;
                }
                indices.push(self.readings.len());
                self.readings.push(Reading {
                    plan: binding.plan.clone(),
                    objects: vec![binding.object],
                    keys_only: binding.keys_only(),
                });
                let product = self.by_product.entry(binding.plan.product.clone()).or_default();
                product.topics.insert(name.clone());
                product.current.insert(binding.plan.hash);
            }
            let mut governs: BTreeMap<&ProductName, bool> = BTreeMap::new();
            for Reading { plan, keys_only, .. } in indices.iter().filter_map(|index| self.readings.get(*index)) {
                *governs.entry(&plan.product).or_default() |= !keys_only;
            }
            for (product, _) in governs.into_iter().filter(|(_, governs)| !governs) {
                self.by_product.entry(product.clone()).or_default().referred.insert(name.clone());
            }
        }
        self.plans = plans;
    }
}

impl Judge for PlansJudge {
    type Tally = Tally;

    fn keys_per_record(&self, lens: usize) -> usize {
        let Some(Reading { plan, objects, .. }) = self.readings.get(lens) else { return 0 };
        let has_keys = |rule: &&Rule| match &rule.check {
            Check::Unique(_) => objects.contains(&rule.object),
            // Of either side.
            Check::Refers(_) => true,
            _ => false,
        };
        plan.rules.iter().filter(has_keys).count()
    }

    fn lenses(&self, topic: &str) -> Vec<Lens> {
        let lens = |&index: &usize| {
            let Reading { plan, objects, keys_only } = self.readings.get(index)?;
            let delays = objects.iter().filter_map(|object| Some(plan.objects.get(*object)?.declared_delay_ms));
            Some(Lens {
                product: plan.product.clone(),
                hash: plan.hash,
                index,
                declared_delay_ms: delays.max().unwrap_or_default(),
                keys_only: *keys_only,
            })
        };
        self.by_topic.get(topic).into_iter().flatten().filter_map(lens).collect()
    }

    fn topics(&self, product: &ProductName) -> Vec<Arc<str>> {
        self.by_product.get(product).map_or_else(Vec::new, |p| p.topics.iter().cloned().collect())
    }

    fn refers_to(&self, product: &ProductName, topic: &str) -> bool {
        self.by_product.get(product).is_some_and(|product| product.referred.contains(topic))
    }

    fn referred_topic(&self, hash: ContractHash, rule: usize) -> Option<&str> {
        let plan = self.plans.by_hash.get(&hash)?;
        let Check::Refers(reference) = &plan.rules.get(rule)?.check else { return None };
        plan.objects.iter().find(|object| object.name == reference.object).map(|object| object.topic.as_str())
    }

    fn examine(&mut self, lens: usize, record: &RawRecord<'_>) -> Examined {
        match self.readings.get(lens) {
            Some(Reading { plan, objects, .. }) => self.examiner.examine(plan, objects, record),
            None => Examined::At(None),
        }
    }

    fn knows(&self, schema: SchemaRef) -> bool {
        self.examiner.knows(schema)
    }

    fn count(&mut self, lens: usize, record: &RawRecord<'_>, at: Position, future: bool, tally: &mut Tally) -> &[u32] {
        match self.readings.get(lens) {
            Some(Reading { plan, keys_only: true, .. }) => {
                self.examiner.count_keys(plan, record, at, tally);
                &[]
            }
            Some(reading) => self.examiner.count(&reading.plan, record, at, future, tally),
            None => &[],
        }
    }

    fn gather(&self, lens: usize, topic: &Arc<str>, at_ms: Ms, into: &mut Gatherer) {
        if let Some(Reading { plan, .. }) = self.readings.get(lens) {
            self.examiner.gather(plan, topic, at_ms, into);
        }
    }

    fn reads(&mut self, at: Position) {
        self.examiner.reads(at);
    }

    fn aside(&self, lens: usize) -> Option<Why> {
        let plan = &self.readings.get(lens)?.plan;
        let bad = self.examiner.enforced(plan)?;
        let (contract, version) = (plan.contract_id.clone(), plan.contract_version.clone());
        Some(Why { contract, version, rules: bad.rules, reason: bad.reason })
    }

    fn put_aside(&self, hash: ContractHash, at: Position, offset: Offset, lost: Option<&str>, tally: &mut Tally) {
        if let Some(plan) = self.plans.by_hash.get(&hash) {
            aside::count(plan, at, offset, lost, tally);
        }
    }

    fn verdict(&self, hash: ContractHash, tally: &Tally, facts: &Facts) -> Option<Verdict> {
        Some(verdict::judge(self.plans.by_hash.get(&hash)?, tally, facts))
    }

    fn close(
        &self,
        hash: ContractHash,
        tally: &Tally,
        facts: &Facts,
        closing: &Closing,
        history: &mut History,
    ) -> Option<Verdict> {
        let plan = self.plans.by_hash.get(&hash)?;
        if self.by_product.get(&plan.product).is_some_and(|product| product.current.contains(&hash)) {
            history.retain(plan);
        }
        Some(history.close(plan, tally, facts, closing))
    }

    fn drift(&self, hash: ContractHash, tally: &Tally, closing: &Closing, history: &mut History) -> Option<Drift> {
        history.drift(self.plans.by_hash.get(&hash)?, tally, closing)
    }

    fn late(&self, hash: ContractHash, tally: &Tally, history: &mut History) {
        if let Some(plan) = self.plans.by_hash.get(&hash) {
            history.late(plan, tally);
        }
    }

    fn budgets(&self, hash: ContractHash, history: &History, at: Ms) -> Vec<Budget> {
        self.plans.by_hash.get(&hash).map_or_else(Vec::new, |plan| history.budgets(plan, at))
    }

    fn turns(&self, hash: ContractHash, history: &History, first: WindowStart, size_ms: Ms) -> BTreeSet<WindowStart> {
        self.plans.by_hash.get(&hash).map_or_else(BTreeSet::new, |plan| history.turns(plan, first, size_ms))
    }

    fn doomed(&self, hash: ContractHash, tally: &Tally) -> Vec<RuleResult> {
        self.plans.by_hash.get(&hash).map_or_else(Vec::new, |plan| verdict::doomed(plan, tally))
    }

    fn horizons(&self, hash: ContractHash) -> &[Horizon] {
        self.plans.by_hash.get(&hash).map_or(&[], |plan| &plan.horizons)
    }

    fn keys<'t>(&self, tally: &'t Tally, rule: usize) -> Option<&'t Keys> {
        tally.rules.get(rule)?.keys.as_ref()
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

    fn described(&self, hash: ContractHash) -> Option<Arc<Described>> {
        self.plans.by_hash.get(&hash).map(|plan| plan.described.clone())
    }

    fn current(&self, product: &ProductName) -> Vec<ContractHash> {
        self.by_product.get(product).map_or_else(Vec::new, |p| p.current.iter().copied().collect())
    }

    fn profile(&self, hash: ContractHash, tally: &Tally) -> Option<Summary> {
        (tally.counts.records > 0).then_some(())?;
        Some(summary::summary(self.plans.by_hash.get(&hash)?, tally))
    }

    fn unmeasured<'t>(&self, tally: &'t Tally) -> Option<&'t BTreeMap<(TopicId, i32), Unmeasured>> {
        Some(&tally.unmeasured)
    }

    fn sampled(&self, hash: ContractHash, tally: &Tally) -> Option<Sampled> {
        sampled::of(self.plans.by_hash.get(&hash)?, tally)
    }

    fn undecodable<'t>(&self, tally: &'t Tally) -> &'t BTreeMap<String, u64> {
        &tally.undecodable
    }

    fn counts(&self, tally: &Tally) -> Counts {
        tally.counts
    }
}

#[cfg(test)]
mod idle;
#[cfg(test)]
mod late;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::check::own;
    use crate::engine::contract::plan::Binding;
    use crate::engine::contract::{compile, odcs};
    use crate::engine::record::TopicId;

    fn plans(contracts: &[&str]) -> Arc<Plans> {
        let mut plans = Plans::default();
        for text in contracts {
            let plan = Arc::new(compile::compile(&odcs::parse(text).contract.expect("a contract")));
            for (object, of) in plan.objects.iter().enumerate() {
                plans.by_topic.entry(of.topic.clone()).or_default().push(Binding { plan: plan.clone(), object });
            }
            plans.by_hash.insert(plan.hash, plan);
        }
        Arc::new(plans)
    }

    const TWO_OBJECTS: &str = "
apiVersion: v3.1.0
kind: DataContract
id: orders
version: 1.0.0
status: active
domain: sales
schema:
  - name: orders
    physicalType: topic
    physicalName: shop.orders
    properties:
      - {name: id, logicalType: string, required: true, unique: true}
      - name: lines
        logicalType: array
        items: {logicalType: object, properties: [{name: sku, logicalType: string, required: true}]}
  - name: amounts
    physicalType: topic
    physicalName: shop.orders
    properties:
      - {name: amount, logicalType: number, logicalTypeOptions: {minimum: 0}, classification: restricted}
      - {name: at, logicalType: timestamp}
    customProperties:
      - {property: steward.eventTimeField, value: at}
      - {property: steward.declaredDelay, value: 5s}
";
    const AT: Position = Position { topic: TopicId(1), partition: 0 };

    fn run(judge: &mut PlansJudge, lens: &Lens, values: &[Option<&str>]) -> (Tally, Vec<Option<i64>>) {
        let mut tally = Tally::default();
        let mut times = Vec::new();
        for (offset, value) in values.iter().enumerate() {
            let value = value.map(str::as_bytes);
            let record = RawRecord {
                offset: offset as i64,
                timestamp_ms: 0,
                key: None,
                value,
                schema_header: None,
                headers: None,
            };
            let Examined::At(time) = judge.examine(lens.index, &record) else { panic!("JSON needs no schema") };
            times.push(time);
            judge.count(lens.index, &record, AT, false, &mut tally);
        }
        (tally, times)
    }

    #[test]
    fn a_record_that_two_objects_read_is_one_record_of_the_window() {
        let mut judge = PlansJudge::new(plans(&[TWO_OBJECTS]), &[3; 16]);
        let lenses = judge.lenses("shop.orders");
        assert_eq!(lenses.len(), 1);
        assert_eq!(lenses[0].declared_delay_ms, 5_000);
        let (tally, times) = run(
            &mut judge,
            &lenses[0],
            &[
                Some(r#"{"id":"a","lines":[{"sku":"x"}],"amount":1,"at":"2026-01-02T03:04:05Z"}"#),
                Some(r#"{"id":"a","lines":[{"sku":null},{}],"amount":-1,"at":"soon"}"#),
                Some("{\"id\":"),
                None,
            ],
        );
        assert_eq!(times, [Some(1_767_323_045_000), None, None, None]);
        let counts = judge.counts(&tally);
        assert_eq!((counts.records, counts.tombstones, counts.undecodable), (4, 1, 1));
        let verdict =
            judge.verdict(lenses[0].hash, &tally, &Facts { complete: true, ..Facts::default() }).expect("a verdict");
        let failed: Vec<(&str, u64)> =
            verdict.results.iter().filter(|r| r.failed > 0).map(|r| (r.id.as_str(), r.failed)).collect();
        assert_eq!(
            failed,
            [
                ("orders.id.unique", 1),
                ("orders.lines[].sku.required", 1),
                ("amounts.amount.minimum", 1),
                ("amounts.at.logicalType", 1),
                (own::DECODABLE, 1),
            ]
        );
        let doomed: Vec<_> = judge.doomed(lenses[0].hash, &tally).into_iter().map(|r| r.id).collect();
        assert_eq!(doomed, failed.iter().map(|(id, _)| id.to_string()).collect::<Vec<_>>());
        let secret = verdict.results.iter().find(|r| r.id == "amounts.amount.minimum").expect("the rule");
        assert_eq!(secret.samples[0].value, "");
    }

    #[test]
    fn a_replaced_judge_judges_old_windows_by_their_own_contract() {
        let newer = TWO_OBJECTS.replace("version: 1.0.0", "version: 1.1.0").replace("shop.orders", "shop.orders.v2");
        let mut judge = PlansJudge::new(plans(&[TWO_OBJECTS]), &[3; 16]);
        let old = judge.lenses("shop.orders")[0].clone();
        let (by_topic, mut by_hash) = (plans(&[&newer]).by_topic.clone(), plans(&[&newer]).by_hash.clone());
        by_hash.extend(plans(&[TWO_OBJECTS]).by_hash.clone());
        judge.replace(Arc::new(Plans { by_topic, by_hash }));

        assert_eq!(judge.lenses("shop.orders"), []);
        assert_eq!(judge.topics(&old.product), [Arc::from("shop.orders.v2")]);
        let current = judge.current(&old.product);
        assert_eq!((current.len(), current.contains(&old.hash)), (1, false));
        assert_eq!(judge.contract(old.hash).map(|c| c.version), Some("1.0.0".into()));
        assert!(judge.verdict(old.hash, &Tally::default(), &Facts::default()).is_some());
        assert!(judge.verdict(ContractHash([0; 16]), &Tally::default(), &Facts::default()).is_none());
    }

    #[test]
    fn a_lens_of_contracts_that_are_gone_finds_nothing() {
        let mut judge = PlansJudge::new(plans(&[]), &[3; 16]);
        let gone = Lens {
            product: ProductName { domain: "d".into(), name: "n".into() },
            hash: ContractHash([0; 16]),
            index: 7,
            declared_delay_ms: 0,
            keys_only: false,
        };
        assert_eq!(run(&mut judge, &gone, &[Some("{}")]).0, Tally::default());
    }
}
