//! Records against a contract: the rules alone, with the profile, and the whole of stage 1; beside rules by hand.

#[allow(dead_code, reason = "each bench takes a part of it")]
mod orders;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mesh_steward::catalog::plans::PlansJudge;
use mesh_steward::engine::check::record::Examiner;
use mesh_steward::engine::check::tally::Tally;
use mesh_steward::engine::contract::plan::{Binding, Plan, Plans};
use mesh_steward::engine::record::{Position, TopicId};
use mesh_steward::flow::inspecting::InspectorConfig;
use mesh_steward::flow::inspector::Inspector;
use mesh_steward::flow::io::{Committed, Ends, Part, TopicInfo};
use mesh_steward::flow::stage::{Opened, Seen, Stage};
use rustc_hash::FxHashSet;
use serde_json::Value;
use std::collections::BTreeMap;
use std::hint::black_box;
use std::sync::Arc;

const KEY: [u8; 16] = [7; 16];
const AT: Position = Position { topic: TopicId(1), partition: 0 };
/// Batches of one window: as many as a flush of half a million records a second would have in a tenth of it.
const BATCHES: i64 = 50;

/// Decoding and rules: what a team would write by hand on `serde_json::Value` is beside it.
fn check(criterion: &mut Criterion) {
    let bare = Plan { profile: Default::default(), ..orders::plan() };
    let mut group = criterion.benchmark_group("check/json");
    group.throughput(Throughput::Elements(orders::COUNT as u64));
    group.bench_function("steward", |bench| examine(bench, &bare));
    group.bench_function("by hand on serde_json::Value", |bench| {
        let values = orders::json(0);
        bench.iter(|| {
            let mut by_hand = ByHand::default();
            for value in &values {
                by_hand.ask(black_box(value));
            }
            black_box(by_hand.broken)
        });
    });
    group.finish();
}

/// Decoding, rules and the profile of every field.
fn profile(criterion: &mut Criterion) {
    let plan = orders::plan();
    let bare = Plan { profile: Default::default(), ..orders::plan() };
    let mut group = criterion.benchmark_group("profile/json");
    group.throughput(Throughput::Elements(orders::COUNT as u64));
    group.bench_function("with the profile", |bench| examine(bench, &plan));
    group.bench_function("without", |bench| examine(bench, &bare));
    group.finish();
}

fn examine(bench: &mut criterion::Bencher<'_>, plan: &Plan) {
    let values = orders::json(0);
    let records = orders::records(&values, 0);
    let mut examiner = Examiner::new(&KEY);
    bench.iter(|| {
        let mut tally = Tally::default();
        for record in &records {
            black_box(examiner.examine(plan, &[0], black_box(record)));
            examiner.count(plan, record, AT, false, &mut tally);
        }
        black_box(tally.counts.records)
    });
}

/// The whole of stage 1, 1,000 records a call and a flush every 50 calls, without Kafka.
fn inspector(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("inspector/json");
    group.throughput(Throughput::Elements(orders::COUNT as u64));
    let batches: Vec<_> = (0..BATCHES as usize).map(|n| orders::json(n * orders::COUNT)).collect();
    group.bench_function("batches of 1,000", |bench| {
        let mut stage = opened();
        let (mut first, mut batch) = (0, 0);
        bench.iter(|| {
            let records = orders::records(&batches[batch as usize], first);
            stage.records(orders::START_MS, &part(), &records).expect("records are read");
            first += orders::COUNT as i64;
            batch = (batch + 1) % BATCHES;
            if batch == 0 {
                let mut cut = stage.cut(orders::START_MS, &[part()]);
                black_box(stage.outgoing(&mut cut, &Seen::default()).messages.len());
            }
        });
    });
    group.bench_function("by hand on serde_json::Value", |bench| {
        let mut by_hand = ByHand::default();
        let mut batch = 0;
        bench.iter(|| {
            batches[batch as usize].iter().for_each(|value| by_hand.ask(black_box(value)));
            batch = (batch + 1) % BATCHES;
            if batch == 0 {
                by_hand = ByHand::default();
            }
            black_box(by_hand.broken)
        });
    });
    group.finish();
}

fn opened() -> Inspector<PlansJudge> {
    let plan = Arc::new(orders::plan());
    let binding = Binding { plan: plan.clone(), object: 0 };
    let plans = Plans {
        by_topic: BTreeMap::from([(orders::TOPIC.into(), vec![binding])]),
        by_hash: BTreeMap::from([(plan.hash, plan)]),
    };
    let config = InspectorConfig {
        window_size_ms: 60_000,
        window_grace_ms: 0,
        future_tolerance_ms: 300_000,
        flush_interval_ms: 10_000,
        flush_bytes: 4 * 1024 * 1024,
        message_bytes: 500_000,
        copy_bytes_max: 1_000_000,
        start_earliest: true,
        deltas: "deltas".into(),
        state: "state".into(),
        delta_partitions: 1,
        task: "bench".into(),
        trails: None,
        contents: None,
    };
    let mut stage = Inspector::new(PlansJudge::new(Arc::new(plans), &KEY), config);
    let committed = Committed { offset: 0, metadata: AT.topic.to_string() };
    let topic = TopicInfo { id: AT.topic, partitions: 1 };
    let ends = Ends { start: 0, stable: i64::MAX, high: i64::MAX };
    let opened = stage.open(orders::START_MS, &part(), Some(&committed), topic, ends);
    assert_eq!(opened, Opened::Start { offset: 0, replay_until: 0 });
    stage
}

fn part() -> Part {
    Part::new(&orders::TOPIC.into(), 0)
}

/// The ten rules of the contract as a service would write them.
#[derive(Default)]
struct ByHand {
    rows: u64,
    ids: FxHashSet<String>,
    broken: [u64; 8],
}

impl ByHand {
    fn ask(&mut self, bytes: &[u8]) {
        self.rows += 1;
        let Ok(order) = serde_json::from_slice::<Value>(bytes) else {
            self.broken[0] += 1;
            return;
        };
        let text = |name: &str| order.get(name).and_then(Value::as_str);
        let is_currency = |t: &str| t.len() == 3 && t.bytes().all(|b| b.is_ascii_uppercase());
        self.broken[1] += u64::from(text("order_id").is_none_or(|id| !self.ids.insert(id.to_owned())));
        self.broken[2] += u64::from(order.get("customer_id").is_none_or(Value::is_null));
        self.broken[3] += u64::from(text("status").is_some_and(|s| !["placed", "paid", "shipped"].contains(&s)));
        self.broken[4] += u64::from(order.get("amount").and_then(Value::as_f64).is_none_or(|amount| amount < 0.0));
        self.broken[5] += u64::from(order.get("quantity").is_some_and(|quantity| !quantity.is_i64()));
        self.broken[6] += u64::from(text("currency").is_some_and(|c| !is_currency(c)));
        self.broken[7] += u64::from(order.get("email").is_none_or(Value::is_null));
    }
}

criterion_group!(benches, check, profile, inspector);
criterion_main!(benches);
