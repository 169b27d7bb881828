//! Workers that die without a word, under load.

use crate::broker::shared;
use crate::mesh::Mesh;
use crate::worker::{Worker, pause};

const IDS: [&str; 3] = ["a", "b", "c"];

#[test]
fn thirty_kills_among_three_workers_lose_nothing() {
    kills("kills", 30, "");
}

#[test]
fn kills_lose_nothing_under_the_new_group_protocol() {
    kills("kills848", 10, "kafka.group.protocol: consumer");
}

/// One of three is killed and started again at once, in an uneven rhythm: some die before they take part again, some
/// in the middle of a flush, some after it.
pub fn kills(name: &'static str, times: u64, settings: &str) {
    let mesh = Mesh::new(shared(), name, 6, settings);
    let mut workers = IDS.map(|id| mesh.worker(id)).map(Worker::ready);
    mesh.under_load(2_000, || {
        for n in 0..times {
            pause(600 + 370 * (n % 5));
            let victim = (n * 2 % 3) as usize;
            workers[victim].kill_9();
            workers[victim] = mesh.worker(IDS[victim]);
        }
    });
    let workers = workers.map(Worker::ready);
    let verdicts = mesh.judged(&[&workers[0], &workers[1], &workers[2]]);
    mesh.unbroken(&verdicts);
}
