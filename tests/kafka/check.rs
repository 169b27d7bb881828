//! `steward check --connect` at a real cluster: a good one, a topic that is missing, one of its own that is wrong.

use crate::broker::shared;
use std::path::Path;
use std::process::Command;

#[test]
fn each_thing_at_the_cluster_is_told_in_a_line_of_its_own() {
    let broker = shared();
    broker.create_topic("checked.orders", 3, &[]);
    broker.create_topic("_checked3.deltas", 2, &[("cleanup.policy", "compact")]);
    let check = |what: &str, topic: &str, prefix: &str, bootstrap: &str, code: i32, lines: &[&str]| {
        let folder = tempfile::tempdir().expect("a folder");
        let contract = crate::oracle::contract("checked", topic, "1.0.0");
        std::fs::write(folder.path().join("orders.odcs.yaml"), contract).expect("the contract");
        let config = folder.path().join("steward.yaml");
        let settings = format!(
            "kafka.bootstrap.servers: {bootstrap}\nworker: {{group.id: checked, id: w1}}\ncontracts.paths: [orders.odcs.yaml]\n\
             governance: {{topic: {prefix}.events, internal.prefix: _{prefix}}}\n"
        );
        std::fs::write(&config, settings).expect("the configuration");
        let (found, text) = run(&config);
        assert_eq!(found, Some(code), "{what}: {text}");
        for line in lines {
            assert!(text.lines().any(|found| found.contains(line)), "{what}: no line `{line}` in\n{text}");
        }
        for line in text.lines().filter(|line| line.starts_with("fail") || line.starts_with("warn")) {
            assert!(line.contains(" — "), "{what}: without remedy: {line}");
        }
    };
    let there = broker.bootstrap.as_str();
    check(
        "good",
        "checked.orders",
        "checked1",
        there,
        0,
        &[
            "ok    cluster ",
            "ok    topic checked.orders: 3 partitions, read by shop/checked",
            "ok    own topic _checked1.deltas: created at the first start, 12 partitions",
            "ok    rights on topic checked.orders: [Read, Describe]",
            "ok    rights on group checked-ledger: [Read, Describe]",
            "ok    rights on transactional ids checked.*: [Write, Describe]",
        ],
    );
    check(
        "a topic that is missing",
        "checked.nowhere",
        "checked2",
        there,
        0,
        &["warn  topic checked.nowhere of shop/checked does not exist"],
    );
    check(
        "a topic of its own that is wrong",
        "checked.orders",
        "checked3",
        there,
        1,
        &[
            "fail  own topic _checked3.deltas has 2 partitions, not 12 — set internal.partitions to 2",
            "fail  own topic _checked3.deltas cleanup.policy is 'compact', not 'delete' — kafka-configs",
            "ok    own topic _checked3.state: created at the first start",
        ],
    );
    check("nobody there", "checked.orders", "checked4", "127.0.0.1:1", 2, &["fail  the cluster cannot be asked: "]);
    assert_eq!(broker.partitions("_checked1.deltas"), 0, "a check creates nothing");
}

/// Its exit code and what it printed.
fn run(config: &Path) -> (Option<i32>, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_steward"));
    let ended = command.args(["check", "--connect", "--config"]).arg(config).output().expect("steward starts");
    (ended.status.code(), String::from_utf8_lossy(&ended.stdout).into_owned())
}
