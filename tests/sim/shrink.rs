//! A failing tape made short: most of what it chose has nothing to do with the failure.

use crate::sim::choice::Tape;
use crate::sim::harness::{Setup, run};
use std::time::{Duration, Instant};

const AT_MOST: Duration = Duration::from_secs(2);

/// The shortest tape found that breaks the same invariant.
pub fn shrink(mut tape: Vec<u32>, invariant: &str, setup: &Setup) -> Vec<u32> {
    let begun = Instant::now();
    let fails = |tape: &[u32]| {
        let ran = run(Tape::replay(tape.to_vec()), setup);
        ran.result.is_err_and(|failure| failure.invariant == invariant)
    };
    let mut size = tape.len();
    while size > 0 && begun.elapsed() < AT_MOST {
        let mut at = 0;
        while at < tape.len() && begun.elapsed() < AT_MOST {
            let end = (at + size).min(tape.len());
            let cut = [&tape[..at], &tape[end..]].concat();
            let calm: Vec<u32> =
                tape.iter().enumerate().map(|(i, c)| if (at..end).contains(&i) { 0 } else { *c }).collect();
            let halved =
                tape.iter().enumerate().map(|(i, c)| if (at..end).contains(&i) { c / 2 } else { *c }).collect();
            let better = [cut, calm, halved].into_iter().find(|t| *t != tape && fails(t));
            match better {
                Some(shorter) if shorter.len() < tape.len() => tape = shorter,
                Some(calmer) => {
                    tape = calmer;
                    at = end;
                }
                None => at = end,
            }
        }
        size /= 2;
    }
    // What is not on the tape is benign.
    tape.truncate(tape.iter().rposition(|c| *c != 0).map_or(0, |last| last + 1));
    tape
}

#[test]
fn a_shrunk_tape_breaks_the_same_invariant_with_fewer_choices() {
    let mutations = vec![mesh_steward::flow::mutation::Mutation::LowTooHigh];
    let setup = Setup { mutations, ..Setup::default() };
    let failed = (0..100).map(|seed| run(Tape::seeded(seed), &setup)).find(|ran| ran.result.is_err());
    let Some(ran) = failed else { panic!("no seed failed") };
    let Err(failure) = ran.result else { panic!("it failed") };
    let short = shrink(ran.tape.clone(), failure.invariant, &setup);
    let bad = |tape: &[u32]| tape.iter().filter(|c| **c != 0).count();
    assert!(bad(&short) * 2 < bad(&ran.tape), "{} of {}", bad(&short), bad(&ran.tape));
    assert_eq!(run(Tape::replay(short), &setup).result.map_err(|f| f.invariant), Err(failure.invariant));
}
