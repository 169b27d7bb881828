//! `delivery: at_least_once`: a crash may count twice, and never hides it.

use crate::broker::shared;
use crate::mesh::Mesh;
use crate::worker::{Worker, pause};

#[test]
pub fn without_transactions_a_quiet_run_is_exact() {
    let mesh = Mesh::new(shared(), "quiet", 3, "delivery: at_least_once");
    let worker = mesh.worker("a").ready();
    mesh.under_load(1_000, || pause(8_000));
    let verdicts = mesh.judged(&[&worker]);
    mesh.unbroken(&verdicts);
    assert!(verdicts.windows.iter().all(|w| w["exact"] == true), "a window is not exact");
}

/// A flush ten times a second, so that many a kill finds one half done.
#[test]
pub fn without_transactions_kills_miss_nothing_and_windows_say_what_was_counted_twice() {
    let mesh = Mesh::new(shared(), "repeats", 6, "delivery: at_least_once\nflush.interval: 100ms");
    let mut workers = ["a", "b"].map(|id| mesh.worker(id)).map(Worker::ready);
    mesh.under_load(2_000, || {
        for n in 0..16 {
            pause(900 + 370 * (n % 5));
            let victim = (n % 2) as usize;
            workers[victim].kill_9();
            workers[victim] = mesh.worker(["a", "b"][victim]);
        }
    });
    let workers = workers.map(Worker::ready);
    let inexact = mesh.judged_at_least_once(&[&workers[0], &workers[1]]);
    println!("{inexact} windows hold records that were counted twice");
}
