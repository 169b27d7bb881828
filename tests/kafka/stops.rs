//! Workers that are asked to stop, are stopped, or are one too many.

use crate::broker::shared;
use crate::mesh::Mesh;
use crate::worker::pause;
use std::time::{Duration, Instant};

/// A worker may take 5 s to flush and commit (`worker.shutdown.deadline`); half a second is the process's own.
const STOPS_WITHIN: Duration = Duration::from_millis(5_500);

#[test]
fn a_stopped_worker_exits_at_once_and_its_restart_moves_nothing() {
    stops("sigterm", 3);
}

pub fn stops(name: &'static str, times: usize) {
    let mesh = Mesh::new(shared(), name, 6, "");
    let mut a = mesh.worker("a").ready();
    let b = mesh.worker("b").ready();
    let a = mesh.under_load(1_000, || {
        pause(8_000); // both own their partitions, and have flushed
        let mut in_time = 0;
        for _ in 0..times {
            let before = b.metric("steward_rebalances_total");
            a.signal("TERM");
            let asked = Instant::now();
            let status = a.wait(STOPS_WITHIN);
            assert!(status.success(), "it ended with {status} after {:?}", asked.elapsed());
            a = mesh.worker("a").ready();
            let away = asked.elapsed();
            pause(2_000);
            // Of 6 s of a session 2 may have passed when it was asked; on a machine that does much else a start takes longer.
            if away < Duration::from_secs(4) {
                in_time += 1;
                assert_eq!(
                    b.metric("steward_rebalances_total"),
                    before,
                    "the other worker was rebalanced after {away:?}"
                );
            } else {
                pause(10_000); // its session may have ended, and then partitions go there and back: none of that is the next restart's
            }
        }
        assert!(in_time > 0, "no restart of {times} took less than 4 s");
        a
    });
    let verdicts = mesh.judged(&[&a, &b]);
    mesh.unbroken(&verdicts);
}

#[test]
fn a_worker_that_sleeps_past_its_session_does_no_harm() {
    sleeps("sigstop", "");
}

#[test]
fn a_worker_that_sleeps_past_its_session_does_no_harm_under_the_new_group_protocol() {
    sleeps("sigstop848", "kafka.group.protocol: consumer");
}

/// The session is 6 s: the other worker takes over while it sleeps. Both in turn: what woke must be of use again.
pub fn sleeps(name: &'static str, settings: &str) {
    let mesh = Mesh::new(shared(), name, 6, settings);
    let (a, b) = (mesh.worker("a").ready(), mesh.worker("b").ready());
    mesh.under_load(1_000, || {
        for sleeper in [&a, &b] {
            pause(4_000);
            sleeper.signal("STOP");
            pause(10_000);
            sleeper.signal("CONT");
        }
        pause(4_000);
    });
    let verdicts = mesh.judged(&[&a, &b]);
    mesh.unbroken(&verdicts);
}

#[test]
pub fn of_two_workers_with_one_id_one_exits_and_says_why() {
    let mesh = Mesh::new(shared(), "twins", 4, "");
    let mut twins = [mesh.worker("a").ready(), mesh.twin("a")];
    mesh.under_load(500, || pause(12_000));
    let over: Vec<usize> = (0..2).filter(|i| twins[*i].ended()).collect();
    let [gone] = over[..] else { panic!("{} of two ended", over.len()) };
    let status = twins[gone].wait(Duration::ZERO);
    assert_eq!(status.code(), Some(70), "its exit code; {}", twins[gone].log());
    assert!(twins[gone].log().contains("worker.id"), "it does not name the setting: {}", twins[gone].log());
    let verdicts = mesh.judged(&[&twins[1 - gone]]);
    mesh.unbroken(&verdicts);
}
