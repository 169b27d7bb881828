//! Bugs planted one at a time: each must be found, or the simulator proves nothing.

use crate::sim::consumer::Settings;
use crate::sim::harness::Setup;
use crate::sim::scenarios::named;
use crate::sim::seeds::survey;
use mesh_steward::flow::mutation::Mutation;

/// Seeds within which each must be found.
const SEEDS: u64 = 1_000;

fn all() -> Vec<(String, Setup)> {
    use Mutation::*;
    let flow = [
        FlushWithoutOffsets,
        EmptyOffsets,
        RestoreStopsAtStable,
        DoubtMeansAborted,
        DoubtMeansDone,
        LostDeltasSurvive,
        RevokedStaysInOffsets,
        CompletedTooEarly,
        IdsAtAssignOnly,
        IntervalEndsAtLast,
        AppliedIsLast,
        LowTooHigh,
        ReplayFeedsChains,
        ReplayMergesLate,
        FragmentSurvives,
        WatermarkInFirstPart,
        SittingOutIsCommitted,
        PausedUnflushed,
        WaitsPastTheRecord,
        PartitionCountIgnored,
        ClosedThroughForgotten,
        VersionsShareWindow,
        CountersBeforeCommit,
    ];
    let client = [
        ("require_stable is off", Settings { reads_unstable_offsets: true, ..Settings::default() }),
        ("input is read_uncommitted", Settings { reads_uncommitted: true, ..Settings::default() }),
        ("auto commit is on", Settings { auto_commit: true, ..Settings::default() }),
        ("prefetched records are kept", Settings { keeps_prefetched: true, ..Settings::default() }),
    ];
    // These need what no seed does: an operator's hand, a second process with the same ids.
    let scenarios = [
        (BehindIsApplied, "offsets_rewound"),
        (OddIsForgotten, "offsets_rewound_and_the_ledger_killed"),
        (RecoverFromEveryFencing, "two_workers_one_id_dynamic"),
    ];
    let scenarios = scenarios
        .into_iter()
        .filter_map(|(m, name)| Some((format!("{m:?}"), Setup { mutation: Some(m), ..named(name)?.setup() })));
    let flow = flow.map(|m| (format!("{m:?}"), Setup { mutation: Some(m), ..Setup::default() }));
    let client = client.map(|(name, settings)| (name.to_owned(), Setup { settings, ..Setup::default() }));
    flow.into_iter().chain(client).chain(scenarios).collect()
}

#[test]
fn every_planted_bug_is_found() {
    // How many failing seeds to look for; one is proof.
    let enough = std::env::var("SIM_COUNT").ok().and_then(|n| n.parse().ok()).unwrap_or(1);
    let only = std::env::var("SIM_MUTATION").unwrap_or_default();
    let mut missed = Vec::new();
    for (name, setup) in all().into_iter().filter(|(name, _)| name.contains(&only)) {
        let (failed, ran) = survey(&setup, 0..SEEDS, enough);
        let by: Vec<String> =
            failed.iter().map(|(invariant, seeds)| format!("{invariant} ({})", seeds.len())).collect();
        println!("{name:<28} {ran:>5} seeds: {}", if by.is_empty() { "NOT FOUND".into() } else { by.join(", ") });
        if by.is_empty() {
            missed.push(name);
        }
    }
    assert!(missed.is_empty(), "not found within {SEEDS} seeds: {missed:?}");
}
