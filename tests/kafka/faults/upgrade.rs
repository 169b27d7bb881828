//! Workers of the version before and of this one, side by side, and back again: `FAULT_BEFORE` names the program of the version before.

use crate::faults::brokers::{shared, three};
use crate::faults::face::face;
use crate::mesh::Mesh;
use crate::verdicts::{self, Verdicts};
use crate::worker::{Worker, pause};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Both versions write deltas and state, and read those of the other: a window (5 s) begins and ends within it.
const SIDE_BY_SIDE_MS: u64 = 12_000;
const CLOSES_WITHIN: Duration = Duration::from_secs(60);

pub fn and_back() {
    let Some(before) = std::env::var_os("FAULT_BEFORE").map(PathBuf::from) else {
        println!("skipped: FAULT_BEFORE names no program of the version before");
        return;
    };
    let this = Path::new(env!("CARGO_BIN_EXE_steward"));
    let mesh = Mesh::new(&shared().broker, "upgrade", 6, "");
    mesh.orders().duplicates = false; // the rows of a pair may be judged apart
    let ids = ["a", "b", "c"];
    let mut workers = ids.map(|id| mesh.worker_of(&before, id)).map(Worker::ready);
    mesh.under_load(500, || {
        pause(SIDE_BY_SIDE_MS);
        for program in [this, &before] {
            for n in 0..ids.len() {
                workers[n].signal("TERM");
                let status = workers[n].wait(Duration::from_secs(10));
                assert!(status.success(), "{} ended with {status}", ids[n]);
                workers[n] = mesh.worker_of(program, ids[n]).ready();
                let [a, b, c] = &workers;
                face(&mesh, &[a, b, c], || pause(SIDE_BY_SIDE_MS));
            }
        }
    });
    let [a, b, c] = &workers;
    told(&mesh, &[a, b, c]);
    drop(workers);
    // What the version before left is taken up by this one.
    let [a, b, c] = three(&mesh);
    mesh.under_load(500, || pause(SIDE_BY_SIDE_MS));
    told(&mesh, &[&a, &b, &c]);
}

/// Where versions number rules otherwise, a window of both is judged by neither: it says `unknown`, and its violations are not counted.
/// Its records are, each once.
fn told(mesh: &Mesh<'_>, workers: &[&Worker]) {
    let started = Instant::now();
    let expected = mesh.orders().expected.clone();
    let mut verdicts = Verdicts::read(mesh.broker, &mesh.events);
    while verdicts.records < expected.records {
        let ready = || workers.iter().map(|worker| worker.get("/ready")).collect::<Vec<_>>();
        let told = verdicts.records;
        assert!(
            started.elapsed() < CLOSES_WITHIN,
            "{told} of {} records are told; ready: {:?}",
            expected.records,
            ready()
        );
        pause(500);
        verdicts = Verdicts::read(mesh.broker, &mesh.events);
    }
    pause(2_500); // two flushes: what would be said twice is said by then
    let verdicts = Verdicts::read(mesh.broker, &mesh.events);
    assert_eq!(verdicts.records, expected.records, "records told");
    mesh.unbroken(&verdicts);
    assert_eq!(verdicts::malformed(mesh.broker, &mesh.events), Vec::<String>::new());
    for worker in workers {
        assert_eq!(worker.metric("steward_chain_overlaps_total"), Some(0.0), "chain overlaps");
    }
    let unknown = verdicts.windows.iter().filter(|window| window["status"] == "unknown").count();
    let (found, planted): (u64, u64) = (verdicts.failed.values().sum(), expected.failed.values().sum());
    assert!(found <= planted, "{found} violations found, {planted} planted");
    println!(
        "upgrade: {} records, none missed, none counted twice; {found} of {planted} violations found; {unknown} of {} windows unknown",
        verdicts.records,
        verdicts.windows.len()
    );
}
