//! A fault, and what is seen of it meanwhile: by `/ready`, by the log, and by how long it takes until all is as before.

use crate::mesh::{Mesh, OnDrop};
use crate::worker::{Worker, pause};
use serde_json::Value;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// An operator is told the cause within this.
pub const TOLD_WITHIN: Duration = Duration::from_secs(30);
/// From the end of a fault until all that was written by then is read and committed: a session (6 s), a transaction that times out (10 s), and what
/// clients wait before they try again; the rest is for a slow machine.
const RECOVERS_WITHIN: Duration = Duration::from_secs(120);

/// What was seen, and how long after the fault began.
#[derive(Debug, Default)]
pub struct Seen {
    /// Reasons of `/ready`.
    pub not_ready: Vec<(Duration, String)>,
    /// Warnings and errors.
    pub log: Vec<(Duration, String)>,
}

/// Lets `fault` happen, and waits until all is as before.
pub fn face(mesh: &Mesh<'_>, workers: &[&Worker], fault: impl FnOnce()) -> Seen {
    let mut recovered_after = Duration::ZERO;
    let seen = meanwhile(mesh, workers, || {
        fault();
        recovered_after = recovered(mesh, workers);
    });
    println!("{}: as before {:.1} s after its end", mesh.name, recovered_after.as_secs_f64());
    seen
}

/// What is seen while `fault` happens, and nothing after it.
pub fn meanwhile(mesh: &Mesh<'_>, workers: &[&Worker], fault: impl FnOnce()) -> Seen {
    let (began, ended) = (Instant::now(), AtomicBool::new(false));
    let seen = std::thread::scope(|scope| {
        let watches = scope.spawn(|| watch(workers, began, &ended));
        let end = OnDrop(&ended); // when `fault` panics, too
        fault();
        drop(end);
        watches.join().expect("who watches does not panic")
    });
    println!("{}: {}", mesh.name, seen.told());
    seen
}

impl Seen {
    /// An operator was told, and by words that hold one of these.
    pub fn names(&self, causes: &[&str]) {
        let named = |(after, text): &&(Duration, String)| {
            *after < TOLD_WITHIN && causes.iter().any(|cause| text.contains(cause))
        };
        let told: Vec<_> =
            [&self.not_ready, &self.log].into_iter().filter_map(|told| told.iter().find(named)).collect();
        assert!(!told.is_empty(), "nobody was told {causes:?} within {TOLD_WITHIN:?}: {self:?}");
        told.iter().for_each(|(after, text)| println!("  told after {:.1} s: {text}", after.as_secs_f64()));
    }

    /// `/ready` says so, too, by words that hold one of these.
    pub fn ready_names(&self, causes: &[&str]) {
        let named = |(after, text): &&(Duration, String)| {
            *after < TOLD_WITHIN && causes.iter().any(|cause| text.contains(cause))
        };
        let told = self.not_ready.iter().find(named);
        assert!(told.is_some(), "/ready does not say {causes:?} within {TOLD_WITHIN:?}: {:?}", self.not_ready);
    }

    fn told(&self) -> String {
        let first = |what: &str, told: &[(Duration, String)]| match told.first() {
            Some((after, text)) => format!("{what} first after {:.1} s: {text}", after.as_secs_f64()),
            None => format!("{what}: nothing"),
        };
        format!("{}; {}", first("/ready", &self.not_ready), first("log", &self.log))
    }
}

/// Until every worker is ready and what was written by now is committed; how long that took.
fn recovered(mesh: &Mesh<'_>, workers: &[&Worker]) -> Duration {
    let started = Instant::now();
    let ends = mesh.broker.ends(&mesh.topic);
    loop {
        let committed = mesh.broker.committed(&mesh.group, &mesh.topic);
        let read = ends.iter().all(|(p, (start, end))| committed.get(p).copied().flatten().unwrap_or(*start) >= *end);
        let ready: Vec<_> = workers.iter().map(|worker| worker.get("/ready")).collect();
        if read && ready.iter().all(|(status, _)| *status == 200) {
            return started.elapsed();
        }
        assert!(
            started.elapsed() < RECOVERS_WITHIN,
            "not as before after {RECOVERS_WITHIN:?}: committed {committed:?} of {ends:?}; {ready:?}"
        );
        pause(200);
    }
}

fn watch(workers: &[&Worker], began: Instant, ended: &AtomicBool) -> Seen {
    let mut seen = Seen::default();
    let mut known: Vec<usize> = workers.iter().map(|worker| worker.log().len()).collect();
    while !ended.load(Ordering::Relaxed) {
        for (worker, known) in workers.iter().zip(&mut known) {
            if let (503, body) = worker.get("/ready") {
                let body: Value = serde_json::from_str(&body).unwrap_or_default();
                seen.not_ready.push((began.elapsed(), body["reasons"].to_string()));
            }
            let log = worker.log();
            let told = |line: &&str| [" WARN ", " ERROR "].iter().any(|level| line.contains(level));
            let lines = log.get(*known..).unwrap_or_default().lines().filter(told);
            seen.log.extend(lines.map(|line| (began.elapsed(), line.to_owned())));
            *known = log.len();
        }
        pause(250);
    }
    seen
}
