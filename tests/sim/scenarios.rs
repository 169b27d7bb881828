//! The moments that are known to hurt, one by one; each with twenty data sets, and its own question at the end.

use crate::sim::choice::{Tape, print};
use crate::sim::harness::{Setup, run};
use crate::sim::invariants::{TWINS, Watch};
use crate::sim::shape::{Op, Protocol, Shape, Trigger};
use mesh_steward::flow::io::Ms;

pub struct Scenario {
    pub name: &'static str,
    shape: Shape,
    asks: fn(&Watch) -> Result<(), String>,
}

impl Scenario {
    pub fn setup(&self) -> Setup {
        Setup { shape: Some(self.shape.clone()), asks: Some(self.asks), ..Setup::default() }
    }
}

const DATA_SETS: u64 = 20;

#[test]
fn every_scenario_ends_well() {
    let mut failed = Vec::new();
    for scenario in all() {
        for seed in 0..DATA_SETS {
            let ran = run(Tape::seeded(seed), &scenario.setup());
            if let Err(failure) = ran.result {
                failed.push(format!("{} of data set {seed}: {failure:?}\n  tape {}", scenario.name, print(&ran.tape)));
                break;
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
}

fn all() -> Vec<Scenario> {
    let mut all = crashes();
    all.extend(zombies());
    all.extend(data());
    all
}

fn crashes() -> Vec<Scenario> {
    let crash = [(0, Op::Crash(0)), (300, Op::Start(0))];
    let mute = |ms| [(0, Op::CutAnswers(0)), (ms, Op::Heal(0))];
    let deaf = |ms| [(0, Op::CutRequests(0)), (ms, Op::Heal(0))];
    let joins_twice = shape(2).often(3, 62_000, &[(0, Op::JoinTwice(0))]).at(150_000, Op::Fill { topic: 0, times: 3 });
    let joins_twice_flushing = shape(2).when("TxnOffsetCommit", 0, false, &[(0, Op::JoinTwice(0))]);
    vec![
        one("crash_before_offsets", shape(1).when("TxnOffsetCommit", 0, false, &crash)),
        one("crash_after_end_txn", shape(1).when("EndTxn commit", 0, true, &crash)),
        one("end_txn_response_lost", shape(1).when("EndTxn commit", 0, true, &mute(100))),
        one(
            "commit_timed_out_then_resumed",
            shape(2).when("EndTxn commit", 0, true, &mute(8_000)).at(6_000, Op::Crash(1)).at(6_300, Op::Start(1)),
        ),
        one("commit_in_doubt_deadline", shape(1).when("EndTxn commit", 0, false, &deaf(45_000))),
        one("rebalance_during_flush", dynamic(2).often(20, 1_500, &[(0, Op::Crash(1)), (700, Op::Start(1))])),
        one("revoked_is_not_committed", dynamic(2).at(1_000, Op::Crash(1)).at(9_000, Op::Start(1))),
        one(
            "markers_out_of_order",
            wire(shape(2).when("EndTxn commit", 0, true, &[(0, Op::Crash(0)), (9_000, Op::Start(0))])),
        ),
        Scenario { asks: nobody_exits, ..one("a_coordinator_moves_and_a_member_joins_twice", joins_twice) },
        Scenario { asks: nobody_exits, ..one("a_member_that_joins_twice_within_a_flush", joins_twice_flushing) },
        Scenario { asks: twins_exit, ..one("two_workers_one_id_static", shape(1).at(5_000, Op::Twin(0))) },
        Scenario { asks: twins_exit, ..one("two_workers_one_id_dynamic", dynamic(1).at(5_000, Op::Twin(0))) },
    ]
}

fn zombies() -> Vec<Scenario> {
    let pause = |ms: Ms| [(0, Op::Pause(0)), (ms, Op::Resume(0))];
    let incremental = |s: Shape| Shape { protocol: Protocol::Incremental, ..s };
    let hidden = shape(3)
        .when("Produce _steward.state", 0, true, &pause(25_000))
        .when("EndTxn commit", 1, true, &[(0, Op::Crash(1)), (300, Op::Start(1))])
        .when("EndTxn commit", 2, true, &[(0, Op::Crash(2)), (300, Op::Start(2))]);
    vec![
        one("zombie_before_offsets", shape(2).when("TxnOffsetCommit", 0, false, &pause(14_000))),
        one("zombie_after_offsets", dynamic(2).when("TxnOffsetCommit", 0, true, &pause(9_000))),
        one("zombie_ledger_without_new_offsets", shape(2).when("Produce _steward.state", 0, false, &pause(14_000))),
        one("zombie_of_the_new_protocol", incremental(shape(2)).when("TxnOffsetCommit", 0, true, &pause(20_000))),
        one("restore_hidden_below_lso", hidden),
        one("lost_membership", dynamic(2).at(7_000, Op::Pause(0)).at(21_000, Op::Resume(0))),
        one("stopped_past_transaction_timeout", shape(1).when("Produce", 0, false, &pause(25_000))),
    ]
}

fn data() -> Vec<Scenario> {
    let late = |at: Ms, lag_ms| (at, Op::Data { topic: 0, partition: 0, lag_ms });
    let recreate = |at: Ms, after: Ms| {
        [(at, Op::Delete(0)), (at + after, Op::Create(0)), (at + after + 50, Op::Fill { topic: 0, times: 30 })]
    };
    let down = |from: Ms, to: Ms| [(from, Op::Crash(0)), (to, Op::Start(0))];
    let delete = |at: Ms| (at, Op::DeleteRecords { topic: 0, partition: 0, half: false });
    let open = |at: Ms, lasts_ms, commit| (at, Op::OpenTransaction { topic: 0, partition: 1, lasts_ms, commit });
    let grow = [(12_000, Op::Grow(0)), (12_100, Op::Fill { topic: 0, times: 3 }), (14_000, Op::Grow(0))];
    let flood = [(8_000, Op::Deny(0)), (8_100, Op::Fill { topic: 1, times: 40 }), (24_000, Op::Allow(0))];
    let two = Shape {
        topics: vec![("orders".into(), 2), ("clicks".into(), 2)],
        contracts: crate::sim::shape::contracts(&[&["orders"], &["clicks"]]),
        ..shape(1)
    };
    let aborted = Shape { transactions: true, ..shape(2) };
    let at_rest = Shape { records: 12, data_ms: 8_000, ..shape(1) };
    vec![
        Scenario {
            asks: revised_twice,
            ..one(
                "late_delta_after_close",
                Shape { lags: [1, 0, 0, 0], ..shape(1) }
                    .plan(&[late(25_000, 20_000), late(25_000, 20_000)])
                    .plan(&down(28_500, 29_000))
                    .plan(&[late(30_500, 25_000), late(30_500, 25_000), late(31_000, 90_000)]),
            )
        },
        Scenario { asks: recreated, ..one("topic_recreated_longer", shape(1).plan(&recreate(12_000, 20))) },
        one("topic_recreated_while_stopped", shape(1).plan(&down(11_000, 16_000)).plan(&recreate(12_000, 20))),
        one("topic_gone_for_a_while", shape(2).plan(&recreate(12_000, 6_000))),
        Scenario {
            asks: one_gap,
            ..one(
                "retention_overtakes_a_stopped_worker",
                shape(1)
                    .plan(&down(11_000, 18_000))
                    .at(11_100, Op::Fill { topic: 0, times: 3 })
                    .plan(&[delete(17_000)]),
            )
        },
        one(
            "retention_overtakes_a_running_worker",
            shape(1).at(11_100, Op::Fill { topic: 0, times: 3 }).plan(&[delete(11_101), delete(16_000)]),
        ),
        Scenario {
            asks: two_parts,
            ..one(
                "contract_change_mid_window",
                shape(1)
                    .plan(&[(15_000, Op::Contract { product: 0, worker: 0 }), late(13_000, 0), late(17_000, 0)])
                    .plan(&down(18_500, 18_800)),
            )
        },
        one("partition_growth", shape(2).plan(&grow)),
        Scenario { asks: forced, ..one("dead_partition", shape(1).plan(&[open(9_000, 100_000, true)])) },
        Scenario {
            asks: deltas_lost,
            ..one("deltas_deleted_below_low_water", shape(1).plan(&down(16_000, 23_000)).at(17_000, Op::DeleteDeltas))
        },
        one(
            "offsets_gone",
            shape(2).plan(&[
                (12_000, Op::Crash(0)),
                (12_000, Op::Crash(1)),
                (12_500, Op::ForgetOffsets),
                (19_000, Op::Start(0)),
                (19_500, Op::Start(1)),
            ]),
        ),
        one(
            "offsets_rewound_and_the_ledger_killed",
            at_rest
                .clone()
                .at(11_000, Op::Fill { topic: 0, times: 3 })
                .plan(&down(14_000, 15_000))
                .at(14_500, Op::Rewind(3))
                .plan(&down(18_500, 18_800)),
        ),
        one("offsets_rewound", at_rest.plan(&down(14_000, 21_000)).at(15_000, Op::Rewind(3))),
        one("one_output_denied", two.plan(&flood)),
        one(
            "aborted_and_compacted",
            aborted.plan(&[
                open(5_000, 30_000, false),
                (20_000, Op::CompactState),
                (24_000, Op::Crash(0)),
                (24_500, Op::Start(0)),
            ]),
        ),
        Scenario {
            asks: no_gap,
            ..one(
                "paused_through_a_rebalance",
                dynamic(2)
                    .plan(&[(8_000, Op::Govern { topic: 0, paused: true }), (10_000, Op::Crash(1))])
                    .plan(&[(19_000, Op::Start(1)), (24_000, Op::Govern { topic: 0, paused: false })]),
            )
        },
        Scenario {
            asks: no_gap,
            ..one(
                "schemas_come_late",
                Shape { schemas: 6, ..shape(2) }
                    .plan(&[
                        (9_000, Op::Contract { product: 0, worker: 0 }),
                        (9_500, Op::Contract { product: 0, worker: 1 }),
                    ])
                    .plan(&down(14_000, 21_000))
                    .plan(&[
                        (16_000, Op::Stop(1)),
                        (23_000, Op::Start(1)),
                        (25_000, Op::Pause(0)),
                        (41_000, Op::Resume(0)),
                    ]),
            )
        },
        Scenario {
            asks: judged_by_the_engine,
            ..one(
                "real_engine",
                Shape { real: true, records: 50, ..shape(2) }.often(
                    3,
                    7_000,
                    &[(0, Op::Crash(0)), (400, Op::Start(0))],
                ),
            )
        },
        one("stop_and_start", shape(2).often(4, 6_000, &[(0, Op::Stop(0)), (1_500, Op::Start(0))])),
    ]
}

fn one(name: &'static str, shape: Shape) -> Scenario {
    Scenario { name, shape, asks: |_| Ok(()) }
}

fn shape(workers: usize) -> Shape {
    Shape { workers, ..Shape::calm() }
}

fn dynamic(workers: usize) -> Shape {
    Shape { protocol: Protocol::Dynamic, ..shape(workers) }
}

fn wire(shape: Shape) -> Shape {
    Shape { wire_faults: true, ..shape }
}

impl Shape {
    fn at(mut self, at: Ms, op: Op) -> Shape {
        self.plan.push((at, op));
        self
    }

    fn plan(mut self, plan: &[(Ms, Op)]) -> Shape {
        self.plan.extend_from_slice(plan);
        self
    }

    fn often(mut self, times: i64, every: Ms, then: &[(Ms, Op)]) -> Shape {
        for i in 1..=times {
            self.plan.extend(then.iter().map(|(after, op)| (i * every + after, op.clone())));
        }
        self
    }

    /// At the sixth such request of the worker.
    fn when(mut self, request: &'static str, worker: usize, applied: bool, then: &[(Ms, Op)]) -> Shape {
        self.triggers.push(Trigger { request, worker, applied, skip: 5, then: then.to_vec() });
        self
    }
}

fn check(holds: bool, watch: &Watch, what: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(format!("{what}; gaps {:?}; exits {:?}", watch.said.gaps, watch.exits)) }
}

fn twins_exit(watch: &Watch) -> Result<(), String> {
    let exits = watch.exits.iter().filter(|e| e.contains(TWINS)).count();
    check((1..=4).contains(&exits), watch, "one of two workers with one id ends, and no ping-pong follows")
}

fn nobody_exits(watch: &Watch) -> Result<(), String> {
    check(watch.exits.is_empty(), watch, "who is alone with its id joins again and runs on")
}

/// The first window was closed when four records of it came, two before a crash and two after; and one beyond `late.accept`.
fn revised_twice(watch: &Watch) -> Result<(), String> {
    let first =
        |revision: u64| watch.said.windows.iter().filter(move |w| w.start_ms == 1_000_000 && w.revision == revision);
    let names = |revision| first(revision).flat_map(|w| w.names.keys().copied()).collect::<Vec<_>>();
    let (whole, one, two) = (names(0), names(1), names(2));
    let apart =
        one.iter().all(|id| !whole.contains(id) && !two.contains(id)) && two.iter().all(|id| !whole.contains(id));
    let told = first(0).count() <= 1 && first(1).count() == 1 && first(2).count() == 1 && first(3).count() == 0;
    let what =
        format!("revision 1 holds the two late records before the crash, 2 the two after: {whole:?}, {one:?}, {two:?}");
    check(told && apart && (one.len(), two.len()) == (2, 2) && one.last() < two.first(), watch, &what)?;
    let late: u64 = watch.products.values().map(|state| state.totals.late).sum();
    let older = watch.said.windows.iter().filter(|w| w.start_ms < 1_000_000 && !w.names.is_empty()).count();
    check((late, older) == (1, 0), watch, &format!("one record is too late and told by no window: {late}, {older}"))
}

fn recreated(watch: &Watch) -> Result<(), String> {
    let ends = watch.said.gaps.iter().filter(|g| g.to.is_none()).count();
    check(ends == 2, watch, "one gap of unknown end a partition")
}

fn one_gap(watch: &Watch) -> Result<(), String> {
    check(watch.said.gaps.len() == 1, watch, "exactly one gap")
}

fn no_gap(watch: &Watch) -> Result<(), String> {
    check(watch.said.gaps.is_empty(), watch, "no gap")
}

fn two_parts(watch: &Watch) -> Result<(), String> {
    let parts: Vec<_> = watch.said.windows.iter().filter(|w| w.start_ms == 1_010_000 && w.revision == 0).collect();
    let whole = parts.iter().filter(|w| w.complete).count();
    check(parts.len() == 2 && whole == 0, watch, "two parts of the window, neither complete")
}

fn judged_by_the_engine(watch: &Watch) -> Result<(), String> {
    let told: u64 = watch.said.sums.values().map(|sums| sums.records).sum();
    let ruled = watch.said.sums.values().any(|sums| sums.failed.keys().any(|id| id == "orders.amount.minimum"));
    check(told > 0 && ruled, watch, "windows tell what the contract's rules say")
}

fn forced(watch: &Watch) -> Result<(), String> {
    let forced = watch.said.windows.iter().any(|w| !w.complete && w.incomplete.contains("max.open"));
    check(forced, watch, "a window is closed incomplete by its age")
}

fn deltas_lost(watch: &Watch) -> Result<(), String> {
    let told = watch.said.windows.iter().any(|w| !w.complete && w.incomplete.contains("deltas"));
    check(told, watch, "what was open when deltas were deleted is incomplete")
}
