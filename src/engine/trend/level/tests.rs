//! Service levels, window after window.

use super::*;
use crate::engine::check::sla::Told;
use crate::engine::contract::sla::TimeField;
use crate::engine::contract::text::moment::Moments;
use crate::engine::decode::moment::MomentKind;
use crate::engine::decode::path::Step;

/// Windows are of ten seconds.
const SIZE_MS: i64 = 10_000;

fn sla(level: Level, unit_ms: f64, fields: usize) -> Sla {
    let field = |n: usize| TimeField {
        name: format!("t{n}"),
        path: FieldPath(vec![Step::Name(format!("t{n}"))]),
        read: Moments::iso(MomentKind::Timestamp),
        classified: false,
    };
    Sla { property: "p".into(), level, unit: "u".into(), unit_ms, times: (0..fields).map(field).collect() }
}

/// A window: the times of its records in seconds, and whether it is whole.
type Window<'a> = (&'a [i64], bool);

/// What each of the windows comes to: a number, `-` for none of any record, `?` for unknown.
fn check(sla: &Sla, number: f64, windows: &[Window<'_>], expected: &str) {
    let promise = Promise { sla, threshold: sla.level.threshold(number), event_time: None };
    let mut memory = Memory::default();
    memory.begin(promise);
    let mut found = Vec::new();
    for (i, (records, complete)) in windows.iter().enumerate() {
        let start_ms = i as i64 * SIZE_MS;
        let closing = Closing { start_ms, end_ms: start_ms + SIZE_MS, windows: 1, complete: *complete };
        let mut times = Times::default();
        for at in *records {
            let told = Told { first_ms: Some(at * 1_000), second_ms: None, timestamp_ms: Some(at * 1_000 + 500) };
            times.see(sla, promise.threshold, told, None);
        }
        let times = Some(&times).filter(|_| !records.is_empty());
        found.push(match memory.measure(promise, times, &closing) {
            Ok(measured) => format!("{}", (measured.value * 1_000.0).round() / 1_000.0),
            Err(Unmeasured::Skip) => "-".into(),
            Err(Unmeasured::Unknown(_)) => "?".into(),
        });
        memory.learn(promise, times, &closing);
    }
    assert_eq!(found.join(" "), expected, "{:?} {number}: {windows:?}", sla.level);
}

const IDLE: Window<'static> = (&[], true);
const LOST: Window<'static> = (&[], false);

#[test]
fn a_product_that_falls_idle_goes_stale_window_by_window() {
    let fresh = sla(Level::Freshness, 1_000.0, 1);
    check(&fresh, 15.0, &[(&[3, 7], true), IDLE, IDLE, (&[38], true)], "3 13 23 2");
    check(&fresh, 15.0, &[IDLE, (&[12], true)], "? 8");
    // A record that is late for its window is still the newest there is.
    check(&fresh, 15.0, &[(&[9], true), (&[4], true)], "1 11");
}

#[test]
fn what_was_not_read_makes_nothing_stale_until_a_record_comes() {
    let fresh = sla(Level::Freshness, 1_000.0, 1);
    check(&fresh, 15.0, &[(&[3], true), LOST, IDLE, IDLE, (&[48], true), IDLE], "7 17 ? ? 2 12");
}

#[test]
fn a_pause_counts_within_windows_and_across_them() {
    let often = sla(Level::Frequency, 1_000.0, 1);
    check(&often, 16.0, &[(&[1, 6], true), IDLE, (&[23], true)], "5 14 17");
    check(&often, 16.0, &[(&[9], true), (&[10, 19], true)], "1 9");
    check(&often, 16.0, &[(&[1], true), LOST, (&[29], true)], "9 19 1");
}

#[test]
fn a_throughput_is_of_a_window_or_of_all_that_its_time_spans() {
    check(&sla(Level::Throughput, 1_000.0, 1), 1.0, &[(&[1, 2, 3, 4, 5], true), IDLE], "0.5 0");
    // Sixty seconds, and the window in which they began.
    let minute = sla(Level::Throughput, 60_000.0, 1);
    let one: Window<'_> = (&[0], true);
    check(&minute, 1.0, &[one; 9], "? ? ? ? ? ? 6 6 6");
    check(&minute, 1.0, &[one, one, LOST, one, one, one, one, one, one, one], "? ? ? ? ? ? ? ? ? 6");
}

#[test]
fn an_availability_is_a_share_of_windows_once_one_of_them_cannot_decide() {
    let half = sla(Level::Availability, 1.0, 0);
    check(&half, 75.0, &[(&[1], true), IDLE, LOST, (&[1], true), (&[1], true), IDLE], "? ? ? ? 75 60");
}

#[test]
fn a_window_does_not_say_how_old_a_topic_is_of_its_own_time() {
    check(&sla(Level::Retention, 1_000.0, 0), 5.0, &[(&[1], true)], "?");
    check(&sla(Level::Retention, 1_000.0, 1), 5.0, &[(&[-20, 4], true), IDLE], "30 -");
    check(&sla(Level::Latency, 1_000.0, 1), 5.0, &[(&[1], true), IDLE], "0.5 -");
}

#[test]
fn an_idle_product_turns_in_the_window_by_whose_end_it_is_stale() {
    let fresh = sla(Level::Freshness, 1_000.0, 1);
    let promise = Promise { sla: &fresh, threshold: fresh.level.threshold(15.0), event_time: None };
    for (newest_ms, first_ms) in [(9_000, 10_000), (4_999, 20_000), (5_000, 10_000), (0, 30_000), (5_001, 10_000)] {
        let memory = Memory { newest_ms: Some(newest_ms), ..Memory::default() };
        let turn = memory.turn(promise, first_ms, SIZE_MS).expect("a newest time");
        let holds = |start_ms: i64| {
            let closing = Closing { start_ms, end_ms: start_ms + SIZE_MS, windows: 1, complete: true };
            promise.threshold.holds(memory.measure(promise, None, &closing).expect("a number").value)
        };
        assert!(!holds(turn), "{newest_ms}: {turn}");
        assert!(turn == first_ms || holds(turn - SIZE_MS), "{newest_ms}: {turn}");
    }
}

#[test]
fn another_version_that_measures_otherwise_begins_anew() {
    let (one, other) = (sla(Level::Freshness, 1_000.0, 1), sla(Level::Freshness, 1_000.0, 0));
    let promise = |sla| Promise { sla, threshold: Threshold::LessOrEqualTo(1.0), event_time: None };
    let mut memory = Memory::default();
    memory.begin(promise(&one));
    memory.newest_ms = Some(7);
    memory.begin(promise(&one));
    assert_eq!(memory.newest_ms, Some(7));
    memory.begin(promise(&other));
    assert_eq!(memory.newest_ms, None);
}
