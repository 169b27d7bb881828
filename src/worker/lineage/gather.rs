//! Collectors at work: a thread each, while this worker leads.

use crate::engine::lineage::collector::Collector;
use crate::engine::lineage::sighting::Round;
use crate::worker::lineage::Command;
use std::sync::mpsc::{RecvTimeoutError, Sender, SyncSender, channel};
use std::time::{Duration, Instant};

/// A source that answers nothing is asked less and less often, at most so seldom.
const PAUSE_MAX: Duration = Duration::from_secs(300);
/// A collector is at work for one part of so many of the time: what takes 50 ms goes on each 10 s, and thousands of partitions that take 5 s
/// are asked each 100 s, so that neither the brokers nor this process notice.
const WORK_SHARE: u32 = 20;
/// A round beyond it is worth a line: others wait for its edges.
const SLOW: Duration = Duration::from_secs(60);

/// Drop it to end them, each after the round that it is in.
pub struct Gathering {
    _running: Vec<Sender<()>>,
}

/// What came of one round.
pub struct Gathered {
    /// Which time of leading it belongs to: a round of an earlier one says nothing any more.
    pub term: u64,
    pub collector: &'static str,
    pub round: Result<Round, String>,
}

/// Starts them all; what they gather goes to `into`.
pub fn start(collectors: Vec<Box<dyn Collector>>, term: u64, every: Duration, into: &SyncSender<Command>) -> Gathering {
    let mut running = Vec::new();
    for collector in collectors {
        let (run, stopped) = channel();
        let (into, name) = (into.clone(), collector.name());
        let mut collector = collector;
        let thread = std::thread::Builder::new().name(format!("lineage-{name}"));
        let spawned = thread.spawn(move || {
            let mut failures = 0;
            loop {
                let began = Instant::now();
                let round = collector.collect(crate::clock::now_ms());
                let took = began.elapsed();
                if took > SLOW {
                    tracing::warn!(collector = name, took_s = took.as_secs(), "a slow round of lineage");
                }
                failures = if round.is_err() { failures + 1 } else { 0 };
                if into.send(Command::Gathered(Gathered { term, collector: name, round })).is_err() {
                    return;
                }
                if stopped.recv_timeout(pause(every, took, failures)) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        });
        match spawned {
            Ok(_) => running.push(run),
            Err(error) => tracing::error!(%error, collector = name, "no thread: it collects nothing"),
        }
    }
    Gathering { _running: running }
}

/// Twice as long after each failure, and longer where a round takes long, within five minutes: beyond ten, an alert says that nobody looks.
fn pause(every: Duration, took: Duration, failures: u32) -> Duration {
    let every = every.max(took.saturating_mul(WORK_SHARE).min(PAUSE_MAX));
    every.saturating_mul(1 << failures.min(10)).min(PAUSE_MAX.max(every))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_answers_nothing_is_asked_less_and_less_often() {
        let every = Duration::from_secs(10);
        for (failures, pause_s) in [(0, 10), (1, 20), (2, 40), (4, 160), (5, 300), (4_000_000, 300)] {
            assert_eq!(pause(every, Duration::ZERO, failures).as_secs(), pause_s, "{failures}");
        }
    }

    #[test]
    fn a_round_that_takes_long_is_followed_by_a_long_pause() {
        let every = Duration::from_secs(10);
        for (took_ms, failures, pause_s) in
            [(50, 0, 10), (500, 0, 10), (5_000, 0, 100), (60_000, 0, 300), (5_000, 1, 200)]
        {
            assert_eq!(pause(every, Duration::from_millis(took_ms), failures).as_secs(), pause_s, "{took_ms} ms");
        }
    }
}
