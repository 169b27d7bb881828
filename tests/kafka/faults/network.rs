//! What is lost, late, held or cut between workers and brokers.

use crate::broker::network::{
    ADD_OFFSETS_TO_TXN, ADD_PARTITIONS_TO_TXN, END_TXN, Loss, Network, PRODUCE, TXN_OFFSET_COMMIT, Weather,
};
use crate::faults::brokers::{shared, three};
use crate::faults::face::{Seen, face};
use crate::mesh::Mesh;
use crate::worker::pause;
use std::time::Duration;

/// What makes a transaction, in its order.
const STEPS: [i16; 5] = [ADD_PARTITIONS_TO_TXN, PRODUCE, ADD_OFFSETS_TO_TXN, TXN_OFFSET_COMMIT, END_TXN];

/// Longer than a call of the daemon's waits before it asks again.
const LATE: Loss = Loss::Late(Duration::from_secs(4));

#[test]
fn requests_and_answers_that_are_lost_cost_no_record_and_count_none_twice() {
    lost(STEPS.len());
}

/// Each step of a transaction in turn: its request is lost, its answer is lost, its answer is late.
pub fn lost(times: usize) {
    let network = &shared().network;
    under("lost", || lose_each_step(network, times));
}

pub fn lose_each_step(network: &Network, times: usize) {
    for n in 0..times {
        let loss = [Loss::Answer, Loss::Request, LATE][n / STEPS.len() % 3];
        network.lose(STEPS[n % STEPS.len()], loss);
        pause(500);
    }
}

/// A worker that sleeps while the answer to a step is on its way, until another one has what it had.
pub fn zombies(times: usize) {
    let cluster = shared();
    let mesh = Mesh::new(&cluster.broker, "zombie", 6, "");
    let a = mesh.worker_by("a", &cluster.network.bootstrap()).ready();
    let b = mesh.worker("b").ready();
    mesh.under_load(500, || {
        pause(3_000);
        for n in 0..times {
            face(&mesh, &[&a, &b], || {
                cluster.network.hold(STEPS[n % STEPS.len()], || {
                    a.signal("STOP");
                    pause(10_000); // its session ends after 6 s
                });
                a.signal("CONT");
            });
        }
    });
    mesh.unbroken(&mesh.judged(&[&a, &b]));
}

pub fn black_hole() {
    weather("hole", Weather { black_hole: true, ..Weather::default() }).names(&["no broker has answered"]);
}

pub fn cut() {
    weather("cutoff", Weather { cut: true, ..Weather::default() }).names(&["no broker has answered"]);
}

pub fn delay() {
    weather("delay", Weather { delay: Duration::from_millis(500), ..Weather::default() });
}

pub fn slow() {
    weather("slow", Weather { bytes_per_second: 125_000, ..Weather::default() });
}

/// A worker says that it is not ready when no broker has answered for 20 s.
const LASTS_MS: u64 = 30_000;

/// Between all workers and all brokers.
fn weather(name: &'static str, weather: Weather) -> Seen {
    under(name, || shared().network.weather(weather, || pause(LASTS_MS)))
}

/// With three workers behind the network, under load.
fn under(name: &'static str, fault: impl FnOnce()) -> Seen {
    let cluster = shared();
    let mesh = Mesh::new(&cluster.broker, name, 6, "").through(&cluster.network.bootstrap(), "");
    let [a, b, c] = three(&mesh);
    let seen = mesh.under_load(500, || {
        pause(3_000);
        face(&mesh, &[&a, &b, &c], fault)
    });
    mesh.unbroken(&mesh.judged(&[&a, &b, &c]));
    seen
}
