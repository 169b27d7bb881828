//! Enforced contracts: each bad record stands in quarantine once, as it was, with the reason; whoever dies meanwhile.

use crate::broker::records::{Read, Record};
use crate::broker::shared;
use crate::mesh::Mesh;
use crate::worker::{Worker, pause};
use mesh_steward::clock::now_ms;
use serde_json::json;
use std::collections::BTreeMap;
use std::process::Command;
use std::time::{Duration, Instant};

const RECORDS: usize = 6_000;

/// Rules of the contract that are enforced, those that are not, and what breaks them: every how many-th record.
const MISSING: usize = 31;
const WRONG: usize = 47;
const WARNED: usize = 5;
const UNREADABLE: usize = 101;

#[test]
fn each_bad_record_is_copied_once_and_says_why() {
    let mesh = Mesh::new(shared(), "quarantine", 3, "");
    let enforce = "customProperties: [{property: steward.mode, value: enforce}]";
    let contract = format!(
        "apiVersion: v3.1.0\nkind: DataContract\nid: quarantine-contract\nname: quarantine\nversion: 1.2.3\nstatus: active\n\
         domain: shop\nschema:\n- name: orders\n  physicalName: {}\n  physicalType: topic\n  properties:\n\
         \x20 - name: id\n    quality: [{{id: has-id, metric: nullValues, mustBe: 0, {enforce}}}]\n\
         \x20 - name: status\n    quality: [{{id: known-status, metric: invalidValues, arguments: {{validValues: [open, paid]}}, mustBe: 0, {enforce}}}]\n\
         \x20 - name: note\n    quality: [{{id: has-note, metric: nullValues, mustBe: 0}}]\n",
        mesh.topic
    );
    std::fs::write(mesh.folder().join("contracts/orders.odcs.yaml"), contract).expect("the contract");

    let start_ms = now_ms() - 60_000;
    let record = |n: usize| {
        let id = if n.is_multiple_of(MISSING) { "null".to_owned() } else { n.to_string() };
        let status = if n.is_multiple_of(WRONG) { "lost" } else { "paid" };
        let note = if n.is_multiple_of(WARNED) { "null" } else { "\"x\"" };
        let value = match n.is_multiple_of(UNREADABLE) {
            true => format!("{{\"id\": {n}").into_bytes(),
            false => format!("{{\"id\":{id},\"status\":\"{status}\",\"note\":{note}}}").into_bytes(),
        };
        Record {
            partition: (n % 3) as i32,
            timestamp_ms: start_ms + n as i64,
            key: (!n.is_multiple_of(2)).then(|| format!("k{n}").into_bytes()),
            value: Some(value),
            headers: vec![("trace", Some(format!("t{n}").into_bytes())), ("none", None)],
        }
    };
    let records: Vec<Record> = (1..=RECORDS).map(record).collect();
    let writer = mesh.broker.writer(&mesh.topic);
    let mut worker = mesh.worker("a");
    // Half a second apart, and killed in between: some die before a flush, some in it, some after it.
    for (turn, some) in records.chunks(RECORDS / 10).enumerate() {
        writer.write(some);
        pause(300 + 170 * (turn as u64 % 4));
        if turn % 2 == 1 {
            worker.kill_9();
            worker = mesh.worker("a");
        }
    }
    let worker = worker.ready();

    // What is expected of each, by partition and offset.
    let read = mesh.broker.read(&mesh.topic);
    let expected: BTreeMap<(i32, i64), (&Read, String, String)> = read
        .iter()
        .filter_map(|r| {
            let n: usize = r.headers["trace"][1..].parse().expect("its number");
            let (missing, wrong) = (n.is_multiple_of(MISSING), n.is_multiple_of(WRONG));
            let (rules, reason) = match (n.is_multiple_of(UNREADABLE), missing, wrong) {
                (true, _, _) => ("steward.decodable", "not_json at byte"),
                (_, true, true) => ("has-id,known-status", "has-id: null; known-status: not_allowed"),
                (_, true, false) => ("has-id", "null"),
                (_, false, true) => ("known-status", "not_allowed"),
                _ => return None,
            };
            Some(((r.partition, r.offset), (r, rules.to_owned(), reason.to_owned())))
        })
        .collect();

    let quarantine = format!("{}.quarantine", mesh.topic);
    let began = Instant::now();
    let committed = || mesh.broker.lag(&mesh.group, &mesh.topic) == 0;
    while !committed() {
        assert!(began.elapsed() < Duration::from_secs(60), "not read to the end: {}", worker.log());
        pause(300);
    }
    assert_eq!(mesh.broker.partitions(&quarantine), 3, "as many as the topic");
    let copies = mesh.broker.read(&quarantine);
    let mut found = BTreeMap::new();
    for copy in &copies {
        let said = |name: &str| copy.headers.get(name).cloned().unwrap_or_default();
        let place = (
            said("steward.partition").parse().expect("a partition"),
            said("steward.offset").parse().expect("an offset"),
        );
        assert!(found.insert(place, copy).is_none(), "{place:?} is copied twice");
        let (original, rules, reason) = expected.get(&place).unwrap_or_else(|| panic!("{place:?} is not bad"));
        assert_eq!((copy.partition, copy.timestamp_ms), (original.partition, original.timestamp_ms));
        assert_eq!((&copy.key, &copy.value), (&original.key, &original.value));
        assert_eq!((said("trace"), said("none")), (original.headers["trace"].clone(), String::new()));
        assert_eq!(said("steward.product"), "shop/quarantine");
        assert_eq!((said("steward.contract"), said("steward.version")), ("quarantine-contract".into(), "1.2.3".into()));
        assert_eq!((said("steward.topic"), &said("steward.rules")), (mesh.topic.clone(), rules));
        assert!(said("steward.reason").starts_with(reason.as_str()), "{} for {reason}", said("steward.reason"));
        assert_eq!(said("steward.timestamp"), original.timestamp_ms.to_string());
    }
    assert_eq!(found.len(), expected.len(), "copied, and bad");
    assert_eq!(mesh.broker.read(&mesh.topic).len(), RECORDS, "the originals stay");
    desk(&mesh, &copies, &worker);
}

/// What an operator does with them at a desk, while the worker runs.
fn desk(mesh: &Mesh<'_>, copies: &[Read], worker: &Worker) {
    let of_rule =
        |rule: &str| copies.iter().filter(|c| c.headers["steward.rules"].split(',').any(|r| r == rule)).count();
    let listed = steward(mesh, &["list", "--topic", &mesh.topic], 0);
    let quarantine = &listed["quarantines"][0];
    assert_eq!(quarantine["records"], copies.len());
    assert_eq!(quarantine["products"]["shop/quarantine"], copies.len());
    for rule in ["has-id", "known-status", "steward.decodable"] {
        assert_eq!(quarantine["rules"][rule], of_rule(rule), "{rule}");
    }
    // Which one comes first of several partitions is chance.
    for (values, masked) in [(&[][..], true), (&["--values"][..], false)] {
        let shown = steward(mesh, &[&["show", "--topic", &mesh.topic, "--limit", "1"], values].concat(), 0);
        assert_eq!(shown["omitted"], copies.len() - 1);
        let one = &shown["records"][0];
        let is_it = |copy: &&Read| one["at"] == json!([copy.partition, copy.offset]);
        let value = copies.iter().find(is_it).and_then(|copy| copy.value.as_deref()).expect("one of the copies");
        let expected = match masked {
            true => format!("bytes({})", value.len()),
            false => String::from_utf8_lossy(value).into_owned(),
        };
        assert_eq!(one["value"], expected);
    }

    // To another topic: as they were, without the reasons, once.
    let elsewhere = format!("{}.repaired", mesh.topic);
    mesh.broker.create_topic(&elsewhere, 1, &[]);
    let there = ["replay", "--topic", &mesh.topic, "--to", &elsewhere];
    let dry = steward(mesh, &[&there[..], &["--dry-run"]].concat(), 0);
    assert_eq!((&dry["replayed"], &dry["dry_run"]), (&copies.len().into(), &true.into()));
    assert_eq!(mesh.broker.read(&elsewhere).len(), 0);
    assert_eq!(steward(mesh, &there, 0)["replayed"], copies.len());
    assert_eq!(steward(mesh, &there, 0)["read"], 0, "it goes on where it ended");
    let replayed = mesh.broker.read(&elsewhere);
    let values = |all: &[Read]| {
        let mut values: Vec<_> = all.iter().map(|r| (r.key.clone(), r.value.clone(), r.timestamp_ms)).collect();
        values.sort();
        values
    };
    assert_eq!(values(&replayed), values(copies));
    let headers: Vec<&String> = replayed[0].headers.keys().collect();
    assert_eq!(headers, ["none", "steward.replays", "trace"]);

    // Home: they come back, and are not sent round again.
    let home = ["replay", "--topic", &mesh.topic, "--rule", "has-id", "--attempts", "1"];
    let sent = steward(mesh, &home, 0);
    assert_eq!(
        (&sent["replayed"], &sent["others"]),
        (&of_rule("has-id").into(), &(copies.len() - of_rule("has-id")).into())
    );
    let (began, name) = (Instant::now(), format!("{}.quarantine", mesh.topic));
    while mesh.broker.read(&name).len() < copies.len() + of_rule("has-id") {
        assert!(began.elapsed() < Duration::from_secs(60), "they do not come back: {}", worker.log());
        pause(300);
    }
    let again = steward(mesh, &home, 1);
    assert_eq!((&again["replayed"], &again["exhausted"]), (&0.into(), &of_rule("has-id").into()));
}

/// The answer of `steward quarantine`, which ends with this code.
fn steward(mesh: &Mesh<'_>, words: &[&str], code: i32) -> serde_json::Value {
    let mut command = Command::new(env!("CARGO_BIN_EXE_steward"));
    command.arg("quarantine").args(words).args(["--format", "json", "--bootstrap", &mesh.broker.bootstrap]);
    let ended = command.output().expect("steward starts");
    assert_eq!(ended.status.code(), Some(code), "{words:?}: {}", String::from_utf8_lossy(&ended.stderr));
    serde_json::from_slice(&ended.stdout).expect("an answer in JSON")
}
