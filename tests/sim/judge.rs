//! A judge whose tallies are the records themselves, so that a failure names the record that was counted twice.

use crate::sim::process::Knows;
use crate::sim::schemas::{Registry, named_schema};
use mesh_steward::engine::check::record::Examined;
use mesh_steward::engine::check::tally::Counts;
use mesh_steward::engine::check::verdict::{Facts, RuleResult, Status, Verdict};
use mesh_steward::engine::contract::described::{Dataset, Described, Field};
use mesh_steward::engine::contract::mode::Mode;
use mesh_steward::engine::contract::name::{ContractHash, ProductName};
use mesh_steward::engine::contract::plan::IncidentPolicy;
use mesh_steward::engine::decode::schema::SchemaRef;
use mesh_steward::engine::record::{Offset, Position, RawRecord, TopicId};
use mesh_steward::flow::judge::{ContractFacts, Judge, Lens, Merge, Why};
use serde::{Deserialize, Serialize};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RecordId {
    pub topic: TopicId,
    pub partition: i32,
    pub offset: Offset,
}

impl std::fmt::Display for RecordId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}@{}", self.topic.0, self.partition, self.offset)
    }
}

/// How often each record was counted, and whether it broke the rule.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Names {
    pub times: BTreeMap<RecordId, u32>,
    pub broken: BTreeMap<RecordId, u32>,
    #[serde(skip)]
    undecodable: BTreeMap<String, u64>,
}

impl Merge for Names {
    fn merge(&mut self, other: Names) {
        for (into, from) in [(&mut self.times, other.times), (&mut self.broken, other.broken)] {
            for (id, times) in from {
                *into.entry(id).or_insert(0) += times;
            }
        }
    }

    fn records(&self) -> u64 {
        self.times.values().map(|t| u64::from(*t)).sum()
    }

    fn weight_bytes(&self) -> usize {
        24 * (self.times.len() + self.broken.len())
    }

    fn split(self, max_bytes: usize) -> Vec<Names> {
        let each = (max_bytes / 24).max(1);
        if self.times.len() <= each {
            return vec![self];
        }
        let mut pieces = Vec::new();
        for (i, (id, times)) in self.times.into_iter().enumerate() {
            if i % each == 0 {
                pieces.push(Names::default());
            }
            if let Some(piece) = pieces.last_mut() {
                piece.times.insert(id, times);
                piece.broken.extend(self.broken.get(&id).map(|t| (id, *t)));
            }
        }
        pieces
    }
}

/// The contracts as one worker knows them.
#[derive(Clone, Debug, Default)]
pub struct Contracts {
    pub products: Vec<Contracted>,
}

#[derive(Clone, Debug)]
pub struct Contracted {
    pub name: ProductName,
    pub topics: Vec<Arc<str>>,
    /// A change makes a new hash; the old one stays known.
    pub version: u8,
}

impl Contracted {
    pub fn hash(&self) -> ContractHash {
        let mut bytes = [0; 16];
        bytes[0] = self.version;
        bytes[1..].iter_mut().zip(self.name.name.bytes()).for_each(|(b, c)| *b = c);
        ContractHash(bytes)
    }
}

pub struct Namer {
    /// The record that was counted last is broken.
    pub broken: bool,
    pub contracts: Rc<RefCell<Contracts>>,
    pub registry: Rc<RefCell<Registry>>,
}

impl Knows for Namer {
    /// It shares them with its process.
    fn know(&mut self, _contracts: &Contracts) {}
}

/// The rule's value in a record that breaks it.
pub const BROKEN: &[u8] = b"broken";

impl Judge for Namer {
    type Tally = Names;

    fn lenses(&self, topic: &str) -> Vec<Lens> {
        let contracts = self.contracts.borrow();
        let reads = contracts.products.iter().enumerate().filter(|(_, p)| p.topics.iter().any(|t| &**t == topic));
        reads
            .map(|(index, p)| Lens {
                product: p.name.clone(),
                hash: p.hash(),
                index,
                declared_delay_ms: 0,
                keys_only: false,
            })
            .collect()
    }

    fn topics(&self, product: &ProductName) -> Vec<Arc<str>> {
        let contracts = self.contracts.borrow();
        contracts.products.iter().filter(|p| p.name == *product).flat_map(|p| p.topics.clone()).collect()
    }

    fn examine(&mut self, _lens: usize, record: &RawRecord<'_>) -> Examined {
        match named_schema(record) {
            Some(schema) if !self.knows(schema) => Examined::Needs(schema),
            _ => Examined::At(None),
        }
    }

    fn knows(&self, schema: SchemaRef) -> bool {
        self.registry.borrow().knows(schema)
    }

    fn count(&mut self, _: usize, record: &RawRecord<'_>, at: Position, _future: bool, tally: &mut Names) -> &[u32] {
        let id = RecordId { topic: at.topic, partition: at.partition, offset: record.offset };
        *tally.times.entry(id).or_insert(0) += 1;
        self.broken = record.value == Some(BROKEN);
        if !self.broken {
            return &[];
        }
        *tally.broken.entry(id).or_insert(0) += 1;
        &[0]
    }

    fn aside(&self, _lens: usize) -> Option<Why> {
        let (contract, version) = ("c".to_owned(), "1".to_owned());
        self.broken.then(|| Why { contract, version, rules: vec!["sound".to_owned()], reason: "broken".to_owned() })
    }

    fn verdict(&self, _hash: ContractHash, tally: &Names, facts: &Facts) -> Option<Verdict> {
        let names: Vec<String> = tally.times.iter().map(|(id, times)| format!("{}x{times}", compact(id))).collect();
        let names = RuleResult { reason: Some(names.join(" ")), ..result("names", Status::Pass, tally) };
        let broken = if !tally.broken.is_empty() {
            Status::Fail
        } else if facts.complete {
            Status::Pass
        } else {
            Status::Unknown
        };
        Some(Verdict { status: broken, score: None, results: vec![names, result("sound", broken, tally)] })
    }

    fn doomed(&self, _hash: ContractHash, tally: &Names) -> Vec<RuleResult> {
        if tally.broken.is_empty() { Vec::new() } else { vec![result("sound", Status::Fail, tally)] }
    }

    fn contract(&self, hash: ContractHash) -> Option<ContractFacts> {
        let contracts = self.contracts.borrow();
        let found = contracts.products.iter().find(|p| p.hash().0[1..] == hash.0[1..])?;
        Some(ContractFacts {
            id: found.name.to_string(),
            version: hash.0[0].to_string(),
            owner: String::new(),
            incident: IncidentPolicy { failing: 1, of: 1 },
        })
    }

    fn described(&self, hash: ContractHash) -> Option<Arc<Described>> {
        let contracts = self.contracts.borrow();
        let found = contracts.products.iter().find(|p| p.hash().0[1..] == hash.0[1..])?;
        // Every other version has another schema.
        let field = Field { name: format!("field-{}", hash.0[0] / 2), ..Field::default() };
        let dataset =
            |topic: &Arc<str>| Dataset { topic: topic.to_string(), fields: vec![field.clone()], ..Dataset::default() };
        Some(Arc::new(Described { owner: None, datasets: found.topics.iter().map(dataset).collect() }))
    }

    fn current(&self, product: &ProductName) -> Vec<ContractHash> {
        self.contracts.borrow().products.iter().filter(|p| p.name == *product).map(Contracted::hash).collect()
    }

    fn undecodable<'t>(&self, tally: &'t Names) -> &'t BTreeMap<String, u64> {
        &tally.undecodable
    }

    fn counts(&self, tally: &Names) -> Counts {
        Counts { records: tally.records(), ..Counts::default() }
    }
}

/// `3/1@17` as `3.1.17`.
fn compact(id: &RecordId) -> String {
    format!("{}.{}.{}", id.topic.0, id.partition, id.offset)
}

/// Reads the reason that a window event carries: records and how often each was counted.
pub fn named(reason: &str) -> BTreeMap<RecordId, u32> {
    let mut found = BTreeMap::new();
    for word in reason.split_whitespace() {
        let Some((id, times)) = word.split_once('x') else { continue };
        let numbers: Vec<u64> = id.split('.').filter_map(|n| n.parse().ok()).collect();
        if let ([topic, partition, offset], Ok(times)) = (&numbers[..], times.parse()) {
            let topic = TopicId(u128::from(*topic));
            found.insert(RecordId { topic, partition: *partition as i32, offset: *offset as Offset }, times);
        }
    }
    found
}

fn result(id: &str, status: Status, tally: &Names) -> RuleResult {
    let failed = if id == "sound" { tally.broken.values().map(|t| u64::from(*t)).sum() } else { 0 };
    RuleResult {
        id: id.to_owned(),
        name: None,
        status,
        mode: Mode::Warn,
        severity: None,
        dimension: None,
        relates_to: String::new(),
        metric: id.to_owned(),
        value: None,
        bounds: None,
        sampled: None,
        unit: "rows",
        threshold: serde_json::Value::Null,
        asked: tally.records(),
        failed,
        reason: None,
        samples: Vec::new(),
    }
}
