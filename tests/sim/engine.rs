//! The real engine in the simulator: contracts, JSON, planted violations. Its tallies only count, so the oracle adds up.

use crate::sim::events::Sums;
use crate::sim::invariants::{Watch, gone};
use crate::sim::judge::{Contracted, Contracts, Names, RecordId};
use crate::sim::log::Entry;
use crate::sim::process::Knows;
use crate::sim::world::World;
use mesh_steward::catalog::plans::PlansJudge;
use mesh_steward::engine::check::own::{DECODABLE, SIZE};
use mesh_steward::engine::check::tally::Tally;
use mesh_steward::engine::contract::name::ProductName;
use mesh_steward::engine::contract::plan::{Binding, Plans};
use mesh_steward::engine::contract::{compile, odcs};
use mesh_steward::engine::record::{Offset, TopicId};
use mesh_steward::flow::delta::{CodecError, Delta, ProductDelta, decode};
use mesh_steward::flow::judge::Merge;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Rules that a broken record breaks, one each; `{topic}` in front of all but the last.
const BREAKS: [&str; 3] = ["amount.minimum", "id.required", DECODABLE];
/// Every record has an id of its own: one that is counted twice breaks this.
const UNIQUE: &str = "id.unique";
/// Over a horizon longer than a run: each record of a topic but the first of its group breaks this, whatever window it is in.
const REPEATS: &str = "repeats";
/// Records of more bytes are too large; some of any run are.
const SIZE_MAX_BYTES: usize = 36;
/// Few, so that a group comes again in many windows.
const GROUPS: u64 = 40;

pub fn judge(contracts: &Contracts) -> PlansJudge {
    PlansJudge::new(plans(contracts), &[7; 16])
}

impl Knows for PlansJudge {
    fn know(&mut self, contracts: &Contracts) {
        self.replace(plans(contracts));
    }
}

/// A sound record, or one that breaks one rule.
pub fn record(number: u64, broken: bool) -> Vec<u8> {
    let group = number * 7 % GROUPS;
    let text = match broken.then_some(number % 3) {
        None => format!(r#"{{"id":"r{number}","amount":{number},"group":{group}}}"#),
        Some(0) => format!(r#"{{"id":"r{number}","amount":-1,"group":{group}}}"#),
        Some(1) => format!(r#"{{"amount":{number},"group":{group}}}"#),
        Some(_) => format!(r#"{{"id":"r{number}""#),
    };
    text.into_bytes()
}

/// The delta without its tallies: one name stands for all of a window's records.
pub fn nameless(bytes: &[u8]) -> Result<Delta<Names>, CodecError> {
    Ok(match decode::<Delta<Tally>>("a delta", bytes)? {
        Delta::Idle(products) => Delta::Idle(products),
        Delta::Product(ProductDelta { product, windows, reports, flush, part }) => {
            let windows = windows.into_iter().map(|(key, tally)| (key, some(tally.records() as u32))).collect();
            Delta::Product(ProductDelta { product, windows, reports, flush, part })
        }
    })
}

/// Why the sums of the events are not those of the logs: records, and violations of each rule.
pub fn unaccounted(world: &World<'_>, watch: &Watch) -> Option<String> {
    world.shape.contracts.products.iter().find_map(|contracted| {
        let product = &contracted.name;
        let planted = planted(world, watch, contracted);
        let told = watch.said.sums.get(product).cloned().unwrap_or_default();
        let late = watch.products.get(product).map_or(0, |state| state.totals.late);
        differ(&told, late, &planted).map(|what| format!("{product}: {what}"))
    })
}

fn differ(told: &Sums, late: u64, planted: &Sums) -> Option<String> {
    let all = told.records + late;
    if all != planted.records {
        let more = if all > planted.records { "some are told several times" } else { "not all is told" };
        return Some(format!("{} records and {late} too late of {}: {more}", told.records, planted.records));
    }
    let of = |rule: &str, by_rule: &BTreeMap<String, u64>| -> u64 {
        by_rule.iter().filter(|(id, _)| id.ends_with(rule)).map(|(_, n)| n).sum()
    };
    let (repeats, there) = (of(REPEATS, &told.failed), planted.failed.get(REPEATS).copied().unwrap_or(0));
    // What a restart forgot, and what came too late, is not counted; nothing is counted twice.
    if repeats > there || (repeats < there && late == 0 && of(REPEATS, &told.blind) == 0) {
        return Some(format!(
            "{there} keys came again, {repeats} are told, {late} were too late, blind {:?}",
            told.blind
        ));
    }
    BREAKS.iter().chain([&UNIQUE, &SIZE]).find_map(|rule| {
        let found = of(rule, &told.failed);
        let there = planted.failed.get(*rule).copied().unwrap_or(0);
        // Which ones came too late nobody says.
        let holds = (there.saturating_sub(late)..=there).contains(&found);
        (!holds).then(|| format!("{rule} was broken by {there} records, {found} are told, {late} were too late"))
    })
}

/// What the logs hold for a product, less what was deleted before it was read.
fn planted(world: &World<'_>, watch: &Watch, contracted: &Contracted) -> Sums {
    let mut sums = Sums::default();
    let mut groups: BTreeMap<(&str, String), u64> = BTreeMap::new();
    for (name, topic) in world.broker.topics.ever().filter(|(name, _)| contracted.topics.contains(name)) {
        for (partition, log) in topic.partitions.iter().enumerate() {
            let read = |(offset, entry): &(usize, &Entry)| {
                entry.visible()
                    && was_read(world, watch, &contracted.name, topic.id, partition as i32, *offset as Offset)
            };
            for (_, entry) in log.entries.iter().enumerate().filter(read) {
                sums.records += 1;
                let value = entry.data.value.as_deref().unwrap_or_default();
                if let Some(group) = group(value) {
                    *groups.entry((name, group)).or_insert(0) += 1;
                }
                let bytes = value.len() + entry.data.key.as_ref().map_or(0, |key| key.len());
                if bytes > SIZE_MAX_BYTES {
                    *sums.failed.entry(SIZE.to_owned()).or_insert(0) += 1;
                }
                if let Some(rule) = broken_rule(value) {
                    *sums.failed.entry(rule.to_owned()).or_insert(0) += 1;
                }
            }
        }
    }
    sums.failed.insert(REPEATS.to_owned(), groups.values().map(|times| times - 1).sum());
    sums
}

/// The group of a record that can be decoded.
fn group(value: &[u8]) -> Option<String> {
    let record: serde_json::Value = serde_json::from_slice(value).ok()?;
    Some(record["group"].to_string())
}

/// Whether it is in no gap, and was not deleted before the product's chain began.
fn was_read(
    world: &World<'_>,
    watch: &Watch,
    product: &ProductName,
    id: TopicId,
    partition: i32,
    offset: Offset,
) -> bool {
    let tile = watch.tiles.get(&(product.clone(), id, partition));
    let in_gap = watch.said.gaps.iter().any(|g| {
        let here = g.product == *product && g.id == id && g.partition == partition;
        here && g.from <= offset && g.to.is_none_or(|to| offset < to)
    });
    !in_gap && (tile.is_some_and(|t| t.from <= offset) || !gone(world, id, partition, offset + 1))
}

fn broken_rule(value: &[u8]) -> Option<&'static str> {
    let text = String::from_utf8_lossy(value);
    if !text.ends_with('}') {
        Some(BREAKS[2])
    } else if !text.contains("\"id\"") {
        Some(BREAKS[1])
    } else {
        text.contains("-1").then_some(BREAKS[0])
    }
}

fn some(records: u32) -> Names {
    let anyone = RecordId { topic: TopicId(0), partition: -1, offset: 0 };
    let mut names = Names::default();
    names.times.insert(anyone, records);
    names
}

/// The newest version of each contract is in force; the older ones stay known.
fn plans(contracts: &Contracts) -> Arc<Plans> {
    let mut plans = Plans::default();
    for contracted in &contracts.products {
        for version in 1..=contracted.version {
            // A text of ours that does not parse governs nothing, and the oracle misses every record.
            let Some(contract) = odcs::parse(&text(contracted, version)).contract else { continue };
            let plan = Arc::new(compile::compile(&contract));
            let objects = plan.objects.iter().enumerate().filter(|_| version == contracted.version);
            for (object, of) in objects {
                plans.by_topic.entry(of.topic.clone()).or_default().push(Binding { plan: plan.clone(), object });
            }
            plans.by_hash.insert(plan.hash, plan);
        }
    }
    Arc::new(plans)
}

fn text(contracted: &Contracted, version: u8) -> String {
    let ProductName { domain, name } = &contracted.name;
    let object = |topic: &Arc<str>| {
        format!(
            "
  - name: {topic}
    physicalType: topic
    physicalName: {topic}
    properties:
      - {{name: id, logicalType: string, required: true, unique: true}}
      - {{name: amount, logicalType: number, logicalTypeOptions: {{minimum: 0}}}}
      - name: group
        quality:
        - id: {topic}.repeats
          metric: duplicateValues
          mustBe: 0
          customProperties: [{{property: steward.uniquenessHorizon, value: 1d}}]"
        )
    };
    let objects: String = contracted.topics.iter().map(object).collect();
    format!(
        "apiVersion: v3.1.0
kind: DataContract
id: {name}
name: {name}
version: {version}.0.0
status: active
domain: {domain}
schema:{objects}
slaProperties:
  - {{property: freshness, value: 5, unit: s}}
  - {{property: throughput, value: 1, unit: records/min}}
customProperties:
  - {{property: steward.records, value: {{undecodable: warn, late: fail, oversized: {{bytes: {SIZE_MAX_BYTES}, then: warn}}}}}}
"
    )
}

#[test]
fn a_record_breaks_the_rule_that_it_was_planted_for() {
    let name = ProductName { domain: "d".into(), name: "p0".into() };
    let contracted = Contracted { name, topics: vec!["t0".into(), "t1".into()], version: 2 };
    let plans = plans(&Contracts { products: vec![contracted] });
    assert_eq!((plans.by_topic.len(), plans.by_hash.len()), (2, 2));
    assert_eq!(broken_rule(&record(9, false)), None);
    assert_eq!([9, 150].map(|n| record(n, false).len() > SIZE_MAX_BYTES), [false, true]);
    assert_eq!([3, 4, 5].map(|n| broken_rule(&record(n, true))), BREAKS.map(Some));
}

#[test]
fn a_violation_that_is_not_told_and_one_too_many_are_seen() {
    let sums = |records, broken, twice| {
        let failed = [("t0.amount.minimum".to_owned(), broken), ("t0.id.unique".to_owned(), twice)];
        Sums { records, failed: failed.into(), blind: BTreeMap::new() }
    };
    let planted = Sums { records: 9, failed: [(BREAKS[0].to_owned(), 3)].into(), blind: BTreeMap::new() };
    let check = |told: Sums, late| differ(&told, late, &planted).is_none();
    let found = [sums(9, 3, 0), sums(8, 3, 0), sums(10, 3, 0), sums(9, 2, 0), sums(9, 4, 0), sums(9, 3, 1)];
    assert_eq!(found.map(|told| check(told, 0)), [true, false, false, false, false, false]);
    assert_eq!([sums(8, 2, 0), sums(8, 1, 0)].map(|told| check(told, 1)), [true, false], "one may have been too late");
}

#[test]
fn a_key_that_is_told_twice_or_not_at_all_is_seen_and_one_that_nobody_could_know_is_not_missed() {
    let sums = |repeats, blind: &[(&str, u64)]| Sums {
        records: 9,
        failed: [("t0.repeats".to_owned(), repeats)].into(),
        blind: blind.iter().map(|(id, n)| ((*id).to_owned(), *n)).collect(),
    };
    let planted = Sums { records: 9, failed: [(REPEATS.to_owned(), 4)].into(), blind: BTreeMap::new() };
    let check = |told: Sums| differ(&told, 0, &planted).is_none();
    let found =
        [sums(4, &[]), sums(5, &[]), sums(3, &[]), sums(3, &[("t0.repeats", 1)]), sums(5, &[("t0.repeats", 1)])];
    assert_eq!(found.map(check), [true, false, false, true, false]);
}
