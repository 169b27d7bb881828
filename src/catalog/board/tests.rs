//! When a worker is ready, and what it says where it is not.

use super::{Board, SILENCE_MS, TaskState};

const NOW: i64 = 1_764_000_000_000;

#[test]
fn a_worker_is_ready_when_brokers_answer_and_every_task_moves() {
    let check = |what: &str, at: i64, change: fn(&Board), expected: &[&str]| {
        let board = Board::default();
        board.broker_answered(NOW);
        board.task_state("ledger-0", TaskState::Running, NOW);
        change(&board);
        assert_eq!(board.ready(at).err().unwrap_or_default(), expected, "{what}");
    };
    check("all is well", NOW, |_| {}, &[]);
    check("just silent enough", NOW + SILENCE_MS - 1, |_| {}, &[]);
    let stuck = "task ledger-0 has made no progress for 25 s";
    let silent = "no broker has answered for 25 s: see kafka.bootstrap.servers and the log";
    check("silent", NOW + SILENCE_MS, |_| {}, &[silent, stuck]);
    let refused = |board: &Board| board.cluster_trouble("the brokers refuse this user; correct it".to_owned());
    let told = "no broker has answered for 25 s: the brokers refuse this user; correct it";
    check("refused", NOW + SILENCE_MS, refused, &[told, stuck]);
    check("a stuck task", NOW + SILENCE_MS, |board| board.broker_answered(NOW + SILENCE_MS), &[stuck]);
    check(
        "a waiting task",
        NOW,
        |board| board.task_state("inspector-0", TaskState::Starting, NOW),
        &["task inspector-0 waits for the group's first assignment"],
    );
    check(
        "a failed task",
        NOW,
        |board| board.task_state("ledger-0", TaskState::Failed("fenced".into()), NOW),
        &["task ledger-0 failed: fenced"],
    );
    let gone = |board: &Board| board.set_gone([("_steward.deltas".to_owned(), "begin anew")].into());
    let told = "topic _steward.deltas of the daemon's own is gone: begin anew";
    check("a topic of our own that was deleted", NOW, gone, &[told]);
    check("the last call", NOW, |board| board.stopping(), &["the worker is stopping"]);
}

#[test]
fn a_partition_that_does_not_get_to_live_is_named_with_what_it_waits_for() {
    let board = Board::default();
    board.task_state("inspect-0", TaskState::Running, NOW);
    let told = |waits: &[(i32, &str)], at: i64| {
        board.broker_answered(at);
        board.progress("inspect-0", at);
        let part = |partition| crate::flow::io::Part::new(&"orders".into(), partition);
        board.waiting("inspect-0", waits.iter().map(|(p, what)| (part(*p), (what.to_string(), None))).collect(), at);
        board.ready(at).err().unwrap_or_default()
    };
    let nothing: [&str; 0] = [];
    assert_eq!(told(&[(0, "its ends")], NOW), nothing);
    assert_eq!(told(&[(0, "its topic's id")], NOW + SILENCE_MS - 1), nothing);
    let reason = "orders/0 in task inspect-0 has waited 25 s for its ends: see the log";
    assert_eq!(told(&[(0, "its ends"), (1, "its ends")], NOW + SILENCE_MS), [reason]);
    assert_eq!(told(&[(1, "its ends")], NOW + SILENCE_MS + 1), nothing, "the first is live");
    assert_eq!(told(&[(0, "its ends")], NOW + 2 * SILENCE_MS), nothing, "it waits anew");
    let all: Vec<_> = (0..5).map(|p| (p, "its ends")).collect();
    told(&all, NOW);
    let reasons = told(&all, NOW + 9 * SILENCE_MS);
    assert_eq!((reasons.len(), reasons[3].as_str()), (4, "2 more partitions of task inspect-0 wait"));
}

#[test]
fn a_task_stands_still_when_its_loop_has_not_turned_whatever_it_waits_for() {
    let board = Board::default();
    board.task_state("inspect-0", TaskState::Running, NOW);
    board.task_state("ledger-0", TaskState::Starting, NOW);
    board.progress("inspect-0", NOW + 5_000);
    assert_eq!(board.standing_still(NOW + 9_999, 10_000), None);
    assert_eq!(board.standing_still(NOW + 10_000, 10_000).as_deref(), Some("ledger-0"));
    board.task_state("ledger-0", TaskState::Stopped, NOW);
    assert_eq!(board.standing_still(NOW + 10_000, 10_000), None, "what has ended need not turn");
}

#[test]
fn a_worker_that_just_began_is_not_ready_and_says_what_it_waits_for() {
    let reasons = Board::default().ready(NOW).unwrap_err();
    assert_eq!(reasons.len(), 2, "{reasons:?}");
}
