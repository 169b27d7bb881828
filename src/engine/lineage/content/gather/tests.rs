//! What is gathered of records, and what it shows when it is put together.

use super::*;
use crate::engine::contract::{compile, odcs};
use crate::engine::decode::json;
use crate::engine::decode::names::Names;
use crate::engine::decode::tree::Tree;
use crate::engine::lineage::content::infer::{How, edges};
use crate::engine::lineage::content::mesh::Mesh;
use crate::engine::lineage::sighting::Evidence;

const WHILE_MS: i64 = 60_000;

fn plan(properties: &str) -> Plan {
    let text = format!(
        "kind: DataContract\napiVersion: v3.1.0\nid: c\nversion: 1.0.0\nstatus: active\nschema:\n- name: t\n  physicalType: topic\n  properties: {properties}\n"
    );
    let parsed = odcs::parse(&text);
    compile::compile(&parsed.contract.unwrap_or_else(|| panic!("{:?}", parsed.problems)))
}

const ORDERS: &str = "[{name: id}, {name: buyer, properties: [{name: zip}, {name: mail, classification: restricted}]}, {name: lines, items: {properties: [{name: sku}]}}, {name: state}, {name: at}, {name: gift}]";

/// A record and its time.
type Timed = (String, i64);

fn see(gatherer: &mut Gatherer, topic: &str, plan: &Plan, key: u8, records: impl Iterator<Item = Timed>) {
    let (mut tree, mut names) = (Tree::default(), Names::of(&plan.asked[0].fields));
    let (topic, hashes) = (Arc::from(topic), Hashes::new(&[key; 16]));
    for (record, at_ms) in records {
        let value = json::record(&mut tree, &mut names, record.as_bytes()).expect("a record");
        gatherer.see(&topic, plan, 0, value, &hashes, at_ms);
    }
}

/// Any number tells the same order.
fn order(n: u64, at_ms: i64) -> Timed {
    let id = n.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let cents = id >> 40;
    let record = format!(
        r#"{{"id":"o-{id:016x}","buyer":{{"zip":"z{:x}","mail":"{id}@x.org"}},"lines":[{{"sku":"{n}"}}],"state":"{}","at":"2026-11-29T10:00:00Z","gift":true,"free":{id},"amount":{}.{:02}}}"#,
        id >> 20,
        ["new", "paid"][n as usize % 2],
        cents / 100,
        cents % 100
    );
    (record, at_ms)
}

fn names(gathered: &[Gathered]) -> Vec<(&str, u64)> {
    gathered.iter().map(|of| (of.name.as_str(), of.column.values)).collect()
}

#[test]
fn columns_that_may_tell_rows_apart_are_gathered_and_no_others() {
    let plan = plan(ORDERS);
    let mut gatherer = Gatherer::new(WHILE_MS);
    assert_eq!(gatherer.take(0), [], "its while begins");
    see(&mut gatherer, "orders", &plan, 1, (0..5_000).map(|n| order(n, 1)));
    assert_eq!(gatherer.take(WHILE_MS - 1), [], "it lasts");
    let gathered = gatherer.take(WHILE_MS);
    // No classified one, none of an array, none outside of the contract, no state, no time, no flag.
    assert_eq!(names(&gathered), [("id", 5_000), ("buyer.zip", 5_000)]);
    assert_eq!(gatherer.take(2 * WHILE_MS), [], "each is sent once");
    see(&mut gatherer, "orders", &plan, 1, (0..20).map(|n| order(n, 1)));
    assert_eq!(names(&gatherer.take(3 * WHILE_MS)), [("id", 20), ("buyer.zip", 20)], "and gathered anew");
}

#[test]
fn columns_have_a_bound_for_a_topic_and_a_task() {
    let wide: Vec<String> = (0..OF_TOPIC_MAX + 9).map(|n| format!("{{name: f{n}}}")).collect();
    let plan = plan(&format!("[{}]", wide.join(", ")));
    let mut gatherer = Gatherer::new(0);
    for topic in 0..COLUMNS_MAX / OF_TOPIC_MAX + 2 {
        let record = |n: u64| {
            let members: Vec<String> = (0..wide.len()).map(|f| format!(r#""f{f}":"{f}-{n}""#)).collect();
            (format!("{{{}}}", members.join(",")), 1)
        };
        see(&mut gatherer, &format!("t{topic:02}"), &plan, 1, (0..20).map(record));
    }
    let gathered = gatherer.take(1);
    assert_eq!(gathered.len(), COLUMNS_MAX);
    assert_eq!(gathered.iter().filter(|of| *of.topic == *"t00").count(), OF_TOPIC_MAX);
    assert_eq!(gatherer.count, 0);
}

#[test]
fn a_copy_is_inferred_of_what_tasks_sent_and_of_other_keys_nothing() {
    let plan = plan("[{name: id}, {name: amount}]");
    let check = |what: &str, copys_key: u8, lag_ms: i64, found: &[(&str, &str)]| {
        let mut mesh = Mesh::new(10 * WHILE_MS);
        for task in 0..2u64 {
            let gathered = |topic: &str, key: u8, lag_ms: i64| {
                let mut gatherer = Gatherer::new(0);
                let mine = (0..3_000).filter(|n| n % 2 == task);
                see(&mut gatherer, topic, &plan, key, mine.map(|n| order(n, n as i64 + lag_ms)));
                gatherer.take(0)
            };
            for Gathered { topic, name, column } in [gathered("a", 1, 0), gathered("b", copys_key, lag_ms)].concat() {
                let sent = postcard::to_stdvec(&column).expect("plain data");
                let part: Column = postcard::from_bytes(&sent).expect("as it was written");
                assert_eq!(part, column);
                mesh.take(&topic, &name, &part, task as i64);
            }
        }
        let tables = mesh.tables();
        let once = mesh.settle(edges(&tables));
        assert_eq!(once, [], "{what}: one comparison is none");
        let twice = mesh.settle(edges(&tables));
        let ends: Vec<(&str, &str)> = twice.iter().map(|edge| (edge.from.as_str(), edge.to.as_str())).collect();
        assert_eq!(ends, found, "{what}");
        let round = mesh.round("kafka://b:9092", &twice, 7);
        for sighting in &round.sightings {
            assert_eq!(sighting.evidence, Evidence::Inferred);
            assert_eq!(twice[0].how, How::Rows);
            let detail = |key: &str| sighting.detail.get(key).map(String::as_str).unwrap_or_default();
            assert_eq!((detail("score"), detail("columns")), ("1.000", "amount > amount, id > id"), "{sighting:?}");
            assert!(detail("interval").ends_with(" to 1.000"), "{sighting:?}");
        }
    };
    check("a copy", 1, 40, &[("a", "b")]);
    check("at one time nothing tells which is the copy", 1, 0, &[]);
    check("under another key", 2, 40, &[]);
}

#[test]
fn what_is_older_than_two_halves_is_compared_no_more_and_what_finds_no_room_is_told() {
    let column = |value: &str| {
        let keyed = Keyed::of(&Hashes::new(&[1; 16]), 1);
        let mut column = Column::default();
        column.see(Scalar::Text(value), &keyed, 1);
        column
    };
    let mut mesh = Mesh::new(100);
    mesh.take("a", "id", &column("x"), 0);
    mesh.take("a", "id", &column("y"), 99);
    assert_eq!(mesh.tables()["a"]["id"].values, 2);
    mesh.take("b", "id", &column("x"), 100);
    mesh.take("a", "id", &column("z"), 101);
    assert_eq!(mesh.tables()["a"]["id"].values, 3, "both halves");
    mesh.take("b", "id", &column("x"), 200);
    assert_eq!(mesh.tables()["a"]["id"].values, 1);
    for n in 0..600 {
        mesh.take("wide", &n.to_string(), &column("x"), 201);
    }
    let round = mesh.round("k", &[], 202);
    assert_eq!(round.unresolved.iter().map(|u| u.what.as_str()).collect::<Vec<_>>(), ["wide"]);
    assert_eq!(mesh.tables().values().map(BTreeMap::len).sum::<usize>(), 512 + 1, "a column of the half before");
}
