//! Half an hour with a fault a minute: what the workers hold must not grow.

use crate::broker::network::Weather;
use crate::faults::brokers::{shared, three};
use crate::faults::face::face;
use crate::faults::network::lose_each_step;
use crate::mesh::Mesh;
use crate::worker::{Worker, pause};
use std::fs;
use std::time::{Duration, Instant};

/// Of one worker, after a minute.
#[derive(Clone, Copy, Debug)]
struct Held {
    resident_kib: u64,
    files: u64,
    threads: u64,
    series: u64,
}

/// Memory is compared between the middle and the end: caches, arenas and sketches are warm by then.
const GROWS_KIB: u64 = 16 * 1024;
/// Connections come and go with brokers.
const MORE_FILES: u64 = 16;

pub fn soak(minutes: usize) {
    let cluster = shared();
    let mesh = Mesh::new(&cluster.broker, "soak", 6, "").through(&cluster.network.bootstrap(), "");
    mesh.orders().duplicates = false; // the rows of a pair may be judged apart
    let [a, b, c] = three(&mesh);
    let workers = [&a, &b, &c];
    let mut seen: Vec<[Held; 3]> = Vec::new();
    mesh.under_load(500, || {
        for minute in 0..minutes {
            let began = Instant::now();
            face(&mesh, &workers, || match minute % 4 {
                0 => lose_each_step(&cluster.network, 5),
                1 => cluster.network.weather(Weather { black_hole: true, ..Weather::default() }, || pause(8_000)),
                2 => {
                    cluster.node(minute % 3).kill();
                    pause(5_000);
                    cluster.restart(minute % 3);
                }
                _ => cluster.network.weather(Weather { cut: true, ..Weather::default() }, || pause(8_000)),
            });
            pause(Duration::from_secs(60).saturating_sub(began.elapsed()).as_millis() as u64);
            seen.push(workers.map(held));
            println!("soak: minute {}: {:?}", minute + 1, seen[minute]);
        }
    });
    for (middle, end) in seen[minutes / 2].iter().zip(seen[minutes - 1]) {
        assert!(end.resident_kib < middle.resident_kib + GROWS_KIB, "memory grows: {middle:?}, then {end:?}");
        assert!(end.files < middle.files + MORE_FILES, "files are left open: {middle:?}, then {end:?}");
        assert!(end.threads <= middle.threads + 4, "threads are left: {middle:?}, then {end:?}");
        assert!(end.series <= middle.series + middle.series / 20, "series grow: {middle:?}, then {end:?}");
    }
    mesh.unbroken(&mesh.judged(&workers));
}

fn held(worker: &Worker) -> Held {
    let process = format!("/proc/{}", worker.id());
    let status = fs::read_to_string(format!("{process}/status")).unwrap_or_default();
    let number = |key: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default();
        line.split_whitespace().next().and_then(|number| number.parse().ok()).unwrap_or(0)
    };
    let metrics = worker.get("/metrics").1;
    Held {
        resident_kib: number("VmRSS:"),
        files: fs::read_dir(format!("{process}/fd")).map_or(0, |files| files.count() as u64),
        threads: number("Threads:"),
        series: metrics.lines().filter(|line| !line.starts_with('#')).count() as u64,
    }
}
