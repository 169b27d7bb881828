//! Probes, and who this is.

use mesh_steward::catalog::board::{Board, TaskState};
use mesh_steward::clock::now_ms;
use mesh_steward::engine::contract::plan::Plans;
use serde_json::json;

use crate::served::*;

#[test]
fn the_root_says_who_this_is() {
    let served = Served::start(|board| board.set_cluster_id("5L6g3nShT-eMCtK--X86sw"));
    let (status, body) = served.json("/");
    assert_eq!(status, 200);
    assert_eq!(body["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(body["kafka_cluster_id"], "5L6g3nShT-eMCtK--X86sw");
    assert!(body["commit"].is_string());
}

#[test]
fn probes_follow_a_worker_through_its_life() {
    let check = |what: &str, change: fn(&Board), ready: u16, health: (u16, &str), reason: &str| {
        let served = Served::start(|_| {});
        change(&served.board);
        assert_eq!(served.json("/live").0, 200, "{what}");
        let (status, body) = served.json("/ready");
        assert_eq!((status, &body["ready"]), (ready, &json!(ready == 200)), "{what}: {body}");
        assert!(body["reasons"].to_string().contains(reason), "{what}: {body}");
        let (status, body) = served.json("/health");
        assert_eq!((status, body["status"].as_str().unwrap()), health, "{what}: {body}");
        assert!(body["message"].is_string());
    };
    check("nothing yet", |_| {}, 503, (503, "starting"), "no task has started");
    check(
        "no broker",
        |board| board.task_state(LEDGER, TaskState::Running, now_ms()),
        503,
        (500, "unhealthy"),
        "no broker",
    );
    check("joining", |b| go(b, TaskState::Starting), 503, (503, "starting"), "first assignment");
    check("at work", |b| go(b, TaskState::Running), 200, (200, "healthy"), "[]");
    check("recovering", |b| go(b, TaskState::Recovering), 200, (200, "healthy"), "[]");
    check("broken", |b| go(b, TaskState::Failed("fenced".into())), 503, (500, "unhealthy"), "fenced");
}

#[test]
fn a_worker_that_begins_turns_ready_when_its_tasks_do() {
    let served = Served::start(|board| go(board, TaskState::Starting));
    assert_eq!(served.json("/ready").0, 503);
    served.board.task_state(LEDGER, TaskState::Running, now_ms());
    assert_eq!(served.json("/ready").0, 200);
    served.board.stopping();
    assert_eq!(served.json("/ready").0, 503);
}

#[test]
fn a_bad_contract_file_is_a_finding_and_no_reason() {
    let served = Served::start(|board| {
        go(board, TaskState::Running);
        board.set_contracts(&Plans::default(), vec![finding(None)]);
    });
    let (status, body) = served.json("/ready");
    assert_eq!(status, 200);
    assert_eq!(
        body["findings"],
        json!([{"path": "contracts/orders.yaml", "problem": "line 3: schema is missing", "error": true}])
    );
}
