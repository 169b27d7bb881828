//! Workers that come and go, and workers whose clocks are wrong.

use crate::faults::brokers::{shared, three};
use crate::faults::face::face;
use crate::mesh::Mesh;
use crate::worker::{Worker, pause};
use std::path::Path;

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
    assert!(rebalances.iter().all(|seen| *seen >= turns as f64 / 4.0), "no storm: {rebalances:?}");
    mesh.unbroken(&mesh.judged(&[&a, &b, &c]));
}

/// Where Debian's `libfaketime` puts it.
const FAKETIME: &str = "/usr/lib/x86_64-linux-gnu/faketime/libfaketimeMT.so.1";

pub fn clock() {
    if !Path::new(FAKETIME).exists() {
        println!("skipped: libfaketime is not installed");
        return;
    }
    let mesh = Mesh::new(&shared().broker, "clock", 6, "");
    let off = |by: &str| {
        let of = |name, value: &str| (name, value.to_owned());
        [of("LD_PRELOAD", FAKETIME), of("FAKETIME", by), of("FAKETIME_DONT_FAKE_MONOTONIC", "1")]
    };
    let workers = [mesh.worker("a"), mesh.unit("b", &off("+1h")), mesh.unit("c", &off("-1h"))];
    let [a, b, c] = workers.map(Worker::ready);
    mesh.under_load(1_000, || pause(20_000));
    mesh.unbroken(&mesh.judged(&[&a, &b, &c]));
}
