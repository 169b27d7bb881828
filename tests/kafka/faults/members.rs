//! Workers that come and go, and workers whose clocks are wrong.

use crate::faults::brokers::{shared, three};
use crate::faults::face::face;
use crate::mesh::Mesh;
use crate::worker::{Worker, pause};
use std::process::Command;

/// Every 2 s a worker comes or goes, by turns: what comes has an id that nobody had, and what goes is asked to.
pub fn storm(name: &'static str, turns: usize, settings: &str) {
    let mesh = Mesh::new(&shared().broker, name, 6, settings);
    let [a, b, c] = three(&mesh);
    mesh.under_load(1_000, || {
        pause(3_000);
        face(&mesh, &[&a, &b, &c], || {
            let mut guest: Option<Worker> = None;
            for turn in 0..turns {
                match guest.take() {
                    Some(leaves) => leaves.signal("TERM"),
                    None => guest = Some(mesh.worker(&format!("guest{turn}"))),
                }
                pause(2_000);
            }
        });
    });
    let rebalances = [&a, &b, &c].map(|worker| worker.metric("steward_rebalances_total").unwrap_or_default());
    // Under the new protocol only those are rebalanced that give or get partitions.
    assert!(rebalances.iter().sum::<f64>() >= turns as f64, "no storm: {rebalances:?}");
    mesh.unbroken(&mesh.judged(&[&a, &b, &c]));
}

/// It is shown what a program with a wrong clock does; `libfaketime` lets librdkafka wait for an hour, where it should for a tenth of a second.
pub fn clock() {
    let mesh = Mesh::new(&shared().broker, "clock", 6, "");
    let wrong = mesh.folder().join("clock.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/kafka/faults/clock.c");
    let compiled = Command::new("cc").args(["-shared", "-fPIC", "-o"]).arg(&wrong).args([source, "-ldl"]).status();
    if !compiled.is_ok_and(|status| status.success()) {
        println!("skipped: cc does not compile {source}");
        return;
    }
    let off = |seconds: &str| [("LD_PRELOAD", wrong.display().to_string()), ("CLOCK_OFF_S", seconds.to_owned())];
    let workers = [mesh.worker("a"), mesh.unit("b", &off("3600")), mesh.unit("c", &off("-3600"))];
    let [a, b, c] = workers.map(Worker::ready);
    mesh.under_load(1_000, || pause(30_000));
    // From their first heartbeats on: who is slow sees both others ahead, who is right one.
    let told = |worker: &Worker| worker.log().matches("the clock of another worker is ahead of this one's").count();
    assert_eq!([&a, &b, &c].map(told), [1, 0, 2], "workers whose clocks are ahead");
    mesh.unbroken(&mesh.judged(&[&a, &b, &c]));
}
