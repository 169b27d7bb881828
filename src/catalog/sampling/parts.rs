//! A topic's records tried on several threads: each has a reader of its own for its part of the offsets, judges what it reads, and
//! now and then merges what it has counted into the whole, as tasks' deltas are.

use crate::catalog::sampling::{Progress, through};
use crate::config::registry::Registry;
use crate::engine::trial::run::Trial;
use crate::kafka::client::Settings;
use crate::kafka::history::{Bound, Extent, History};
use std::num::NonZeroUsize;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

/// Offsets that are worth another connection to the brokers: some 50 ms of judging.
const PART_LEAST: u64 = 50_000;
/// A look at progress, where only the others still read.
const WAIT: Duration = Duration::from_millis(50);

/// How many threads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Threads {
    /// One for each core, as far as there is enough for each to read.
    Cores,
    /// So many, whatever there is to read.
    Exactly(NonZeroUsize),
}

/// Tries what lies between two bounds, as long as `go_on` says so; it is asked by the calling thread alone.
///
/// # Errors
/// As [`read`](crate::catalog::sampling::read) has them; what was counted until then is in the trial, or not.
pub fn try_on(
    settings: &Settings,
    registry: Option<&Registry>,
    topic: &str,
    (from, to): (Option<Bound>, Option<Bound>),
    (trial, threads): (&mut Trial, Threads),
    mut go_on: impl FnMut(Progress) -> bool,
) -> Result<Progress, String> {
    let mut history = History::open(settings, topic, from, to).map_err(|fault| fault.message)?;
    let (_, all) = history.progress();
    let mut others = match threads {
        Threads::Cores => history.parts(thread::available_parallelism().map_or(1, NonZeroUsize::get), PART_LEAST),
        Threads::Exactly(threads) => history.parts(threads.get(), 1),
    };
    if others.len() > 1 {
        history = History::of(settings, topic, others.swap_remove(0)).map_err(|fault| fault.message)?;
    } else {
        others.clear();
    }
    let parts: Vec<Trial> = others.iter().map(|_| trial.part()).collect();
    let mut own = trial.part();
    let together = &Together {
        registry,
        whole: Mutex::new(trial),
        done: AtomicU64::new(0),
        records: AtomicU64::new(0),
        stopped: AtomicBool::new(false),
    };
    let caller = &thread::current();
    thread::scope(|scope| {
        let reading = |(extent, mut part): (Extent, Trial)| {
            scope.spawn(move || {
                let read = History::of(settings, topic, extent).map_err(|fault| fault.message);
                let read = read.and_then(|mut history| together.read(&mut history, &mut part, || true));
                caller.unpark();
                read.inspect_err(|_| together.stop())
            })
        };
        let threads: Vec<_> = others.into_iter().zip(parts).map(reading).collect();
        let first = together.read(&mut history, &mut own, || go_on(together.progress(all)));
        let first = first.inspect_err(|_| together.stop());
        while threads.iter().any(|thread| !thread.is_finished()) {
            if !go_on(together.progress(all)) {
                together.stop();
            }
            thread::park_timeout(WAIT);
        }
        let joined = threads.into_iter().map(|thread| thread.join());
        joined.fold(first, |so_far, ended| {
            so_far.and(ended.unwrap_or_else(|_| Err("a thread that judged records has ended".to_owned())))
        })
    })?;
    Ok(together.progress(all))
}

/// What the threads share.
struct Together<'a> {
    registry: Option<&'a Registry>,
    whole: Mutex<&'a mut Trial>,
    done: AtomicU64,
    records: AtomicU64,
    stopped: AtomicBool,
}

impl Together<'_> {
    /// Reads a part to its end. The error stops nobody else.
    fn read(&self, history: &mut History, part: &mut Trial, mut go_on: impl FnMut() -> bool) -> Result<(), String> {
        let mut before = Progress::default();
        let read = through(history, self.registry, part, |part, progress| {
            self.done.fetch_add(progress.done - before.done, Ordering::Relaxed);
            self.records.fetch_add(progress.records - before.records, Ordering::Relaxed);
            before = progress;
            if part.is_full() {
                self.merge(part);
            }
            if !go_on() {
                self.stop();
            }
            !self.stopped.load(Ordering::Relaxed)
        });
        self.merge(part);
        read.map(|_| ())
    }

    fn merge(&self, part: &mut Trial) {
        self.whole.lock().unwrap_or_else(PoisonError::into_inner).merge(part);
    }

    fn stop(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    fn progress(&self, all: u64) -> Progress {
        let now = |of: &AtomicU64| of.load(Ordering::Relaxed);
        Progress { done: now(&self.done), all, records: now(&self.records) }
    }
}
