//! The work on one record without a clock: `instructions WORK ROUNDS` does WORK on a thousand orders so many times, for a
//! tool that counts instructions.

#[allow(dead_code, reason = "each bench takes a part of it")]
mod orders;

use mesh_steward::engine::check::record::Examiner;
use mesh_steward::engine::check::tally::Tally;
use mesh_steward::engine::contract::plan::{ObjectPlan, Plan};
use mesh_steward::engine::decode::avro::{compile, place, walk};
use mesh_steward::engine::decode::framing::Encoding;
use mesh_steward::engine::decode::json;
use mesh_steward::engine::decode::names::Names;
use mesh_steward::engine::decode::schema::AvroSchema;
use mesh_steward::engine::decode::tree::Tree;
use mesh_steward::engine::lineage::content::gather::Gatherer;
use mesh_steward::engine::lineage::trail::Trail;
use mesh_steward::engine::record::{Position, RawRecord, TopicId};
use std::hint::black_box;
use std::sync::Arc;

const KEY: [u8; 16] = [7; 16];
const AT: Position = Position { topic: TopicId(1), partition: 0 };

fn main() {
    let mut arguments = std::env::args().skip(1).filter(|argument| !argument.starts_with("--"));
    let (Some(work), Some(rounds)) = (arguments.next(), arguments.next().and_then(|text| text.parse().ok())) else {
        println!("says nothing by itself: instructions WORK ROUNDS");
        return;
    };
    let whole = orders::plan();
    let bare = Plan { profile: Default::default(), ..orders::plan() };
    match work.as_str() {
        "decode-json" => decode_json(&whole, rounds),
        "decode-avro" => decode_avro(&whole, rounds),
        "check-json" => examine(&bare, &orders::json(0), rounds),
        "check-avro" => examine(&as_avro(bare), &orders::avro(&orders::schema()), rounds),
        "profile-json" => examine(&whole, &orders::json(0), rounds),
        "content-json" => gather(&whole, rounds, true),
        "content-json-off" => gather(&whole, rounds, false),
        "headers-json" => look(rounds),
        other => panic!("{other} is no work"),
    }
}

fn decode_json(plan: &Plan, rounds: usize) {
    let values = orders::json(0);
    let (mut tree, mut names) = (Tree::default(), Names::of(&plan.asked[0].fields));
    for value in std::iter::repeat_n(&values, rounds).flatten() {
        black_box(json::record(&mut tree, &mut names, black_box(value)).is_ok());
    }
}

fn decode_avro(plan: &Plan, rounds: usize) {
    let schema = orders::schema();
    let values = orders::avro(&schema);
    let program = compile::compile(std::slice::from_ref(&schema), None).expect("a program");
    let program = place::place(&program, &plan.asked[0].fields).expect("a program with places");
    let mut tree = Tree::default();
    for value in std::iter::repeat_n(&values, rounds).flatten() {
        black_box(walk::record(&mut tree, &program, black_box(value), 0).is_ok());
    }
}

/// Decoding and rules.
fn examine(plan: &Plan, values: &[Vec<u8>], rounds: usize) {
    let records = orders::records(values, 0);
    let mut examiner = Examiner::new(&KEY);
    for _ in 0..rounds {
        // A tally each, so that no key comes twice.
        let mut tally = Tally::default();
        for record in &records {
            black_box(examiner.examine(plan, &[0], black_box(record)));
            examiner.count(plan, record, AT, false, &mut tally);
        }
        assert_eq!(tally.counts.undecodable, 0);
        black_box(tally);
    }
}

/// What `lineage.content` adds to decoding: sketches of ten columns, which go on as in the minute that a task gathers for.
fn gather(plan: &Plan, rounds: usize, on: bool) {
    let (mut examiner, mut gatherer) = (Examiner::new(&KEY), Gatherer::new(i64::MAX));
    let topic: Arc<str> = orders::TOPIC.into();
    gatherer.take(0);
    for round in 0..rounds {
        let values = orders::json(round * orders::COUNT);
        for record in &orders::records(&values, 0) {
            black_box(examiner.examine(plan, &[0], black_box(record)));
            if on {
                examiner.gather(plan, &topic, record.timestamp_ms, &mut gatherer);
            }
        }
    }
    assert_eq!(gatherer.take(i64::MAX).is_empty(), !on);
}

/// What `lineage.headers` adds, in the two seconds of twenty in which it looks: a trace of its own in each record, behind three headers.
fn look(rounds: usize) {
    let (values, topic) = (orders::json(0), orders::TOPIC);
    for round in 0..rounds {
        let traces: Vec<String> = (0..values.len())
            .map(|n| {
                format!("00-0af7651916cd43dd{:016x}-b7ad6b7169203331-01", (round * values.len() + n) * 0x9e37_79b9)
            })
            .collect();
        let others = [("content-type", "application/json"), ("schema", "7"), ("origin", "shop")];
        let mut trail = Trail::default();
        for (record, trace) in orders::records(&values, 0).into_iter().zip(&traces) {
            let mut headers: Vec<(&[u8], Option<&[u8]>)> =
                others.iter().map(|(name, value)| (name.as_bytes(), Some(value.as_bytes()))).collect();
            headers.push((b"traceparent", Some(trace.as_bytes())));
            trail.look(0, topic, &[RawRecord { headers: Some(&headers), ..record }]);
        }
        assert!(!black_box(trail).is_empty());
    }
}

fn as_avro(plan: Plan) -> Plan {
    let schema = Arc::new(AvroSchema::parse(orders::SCHEMA, &[]).expect("a schema"));
    let object = |object| ObjectPlan { encoding: Encoding::Avro(schema.clone()), ..object };
    Plan { objects: plan.objects.into_iter().map(object).collect(), ..plan }
}
