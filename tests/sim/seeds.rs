//! Ten thousand seeds, the same twice, and one tape again.

use crate::sim::choice::{Tape, parse, print};
use crate::sim::harness::{Setup, run};
use crate::sim::shrink::shrink;
use mesh_steward::flow::mutation::Mutation;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

/// Failing seeds by the invariant that broke.
pub type Failed = BTreeMap<&'static str, Vec<u64>>;

/// Runs seeds on all cores until so many have failed; which, and how many ran.
pub fn survey(setup: &Setup, seeds: std::ops::Range<u64>, enough: usize) -> (Failed, u64) {
    let (next, failed) = (AtomicU64::new(seeds.start), Mutex::new(Failed::new()));
    let cores = std::thread::available_parallelism().map_or(2, usize::from);
    let lock = || failed.lock().unwrap_or_else(PoisonError::into_inner);
    std::thread::scope(|scope| {
        for _ in 0..cores {
            scope.spawn(|| {
                while lock().values().map(Vec::len).sum::<usize>() < enough {
                    let seed = next.fetch_add(1, Ordering::Relaxed);
                    if seed >= seeds.end {
                        break;
                    }
                    if let Err(failure) = run(Tape::seeded(seed), setup).result {
                        lock().entry(failure.invariant).or_default().push(seed);
                    }
                }
            });
        }
    });
    (failed.into_inner().unwrap_or_else(PoisonError::into_inner), next.into_inner().min(seeds.end) - seeds.start)
}

#[test]
fn every_record_is_counted_once_whatever_happens() {
    let seeds = std::env::var("SIM_SEEDS").ok().and_then(|n| n.parse().ok()).unwrap_or(10_000);
    let (failed, ran) = survey(&Setup::default(), 0..seeds, 20);
    if let Some(seed) = failed.values().flatten().min() {
        report(*seed, &failed);
    }
    println!("{ran} seeds");
}

/// One line a step of the shrunk run, then what broke, and how to see it again.
fn report(seed: u64, failed: &Failed) {
    let ran = run(Tape::seeded(seed), &Setup::default());
    let Err(failure) = ran.result else { return };
    let tape = shrink(ran.tape, failure.invariant, &Setup::default());
    let ran = run(Tape::replay(tape.clone()), &Setup { traced: true, ..Setup::default() });
    ran.lines.iter().for_each(|line| println!("{line}"));
    let again = format!("SIM_TAPE={} cargo test --test sim replay -- --nocapture", print(&tape));
    let failure = ran.result.err().unwrap_or(failure);
    panic!("{failed:?}\nseed {seed}: {}: {}\n{again}", failure.invariant, failure.text);
}

/// `SIM_TAPE` or `SIM_SEED` names the run, `SIM_PLANTED` the bugs that are planted in it, apart by commas.
#[test]
fn replay() {
    let seed = std::env::var("SIM_SEED").ok().and_then(|s| s.parse().ok()).map(Tape::seeded);
    let tape = std::env::var("SIM_TAPE").ok().map(|tape| Tape::replay(parse(&tape)));
    let Some(tape) = tape.or(seed) else { return };
    let planted = std::env::var("SIM_PLANTED").unwrap_or_default();
    let is_planted = |mutation: &&Mutation| planted.split(',').any(|name| format!("{mutation:?}") == name);
    let mutations: Vec<Mutation> = Mutation::ALL.iter().filter(is_planted).copied().collect();
    assert!(
        planted.is_empty() || mutations.len() == planted.split(',').count(),
        "{planted}: known are {:?}",
        Mutation::ALL
    );
    let ran = run(tape, &Setup { mutations, traced: true, ..Setup::default() });
    ran.lines.iter().for_each(|line| println!("{line}"));
    if let Err(failure) = ran.result {
        panic!("{}: {}", failure.invariant, failure.text);
    }
}

#[test]
fn a_seed_runs_the_same_twice() {
    for seed in 0..100 {
        let [a, b] = [0, 1].map(|_| run(Tape::seeded(seed), &Setup::default()));
        assert_eq!((a.hash, a.steps), (b.hash, b.steps), "seed {seed}");
    }
}
