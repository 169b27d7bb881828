//! Topics that grow, are cut, start again, or hold what was aborted.

use crate::broker::records::Record;
use crate::broker::shared;
use crate::mesh::Mesh;
use crate::worker::pause;
use mesh_steward::clock::now_ms;
use std::time::{Duration, Instant};

#[test]
pub fn partitions_added_under_load_are_judged_from_their_start() {
    let mesh = Mesh::new(shared(), "grows", 2, "");
    let (a, b) = (mesh.worker("a").ready(), mesh.worker("b").ready());
    mesh.under_load(1_000, || pause(5_000));
    mesh.broker.add_partitions(&mesh.topic, 5);
    mesh.orders().spread(5);
    mesh.under_load(1_000, || pause(5_000));
    let verdicts = mesh.judged(&[&a, &b]);
    mesh.unbroken(&verdicts);
}

#[test]
pub fn a_topic_created_again_with_more_records_is_judged_from_its_start() {
    let mesh = Mesh::new(shared(), "again", 2, "");
    let worker = mesh.worker("a").ready();
    mesh.write(2_000, now_ms() - 1_000, now_ms());
    mesh.judged(&[&worker]);
    mesh.broker.delete_topic(&mesh.topic);
    mesh.broker.create_topic(&mesh.topic, 2, &[]);
    mesh.write(6_000, now_ms() - 1_000, now_ms());
    let verdicts = mesh.judged(&[&worker]);
    for partition in 0..2 {
        // One interval for each id the topic had: the old one's 1,000 records, the new one's 3,000.
        let mut ends: Vec<_> = verdicts.covered(partition).into_iter().flatten().collect();
        ends.sort_unstable();
        assert_eq!(ends, [(0, 1_000), (0, 3_000)], "partition {partition}");
    }
    for gap in &verdicts.gaps {
        assert_eq!((&gap["reason"], &gap["to"]), (&"recreated".into(), &serde_json::Value::Null), "{gap}");
    }
}

#[test]
pub fn records_deleted_before_they_were_read_are_one_gap_with_exact_bounds() {
    const PARTITIONS: usize = 3;
    let mesh = Mesh::new(shared(), "cut", PARTITIONS as i32, "");
    let mut worker = mesh.worker("a").ready();
    mesh.write(300 * PARTITIONS, now_ms() - 1_000, now_ms());
    mesh.judged(&[&worker]);
    worker.signal("TERM");
    assert!(worker.wait(Duration::from_secs(6)).success());

    // 200 more a partition, of which the first 50, 60 and 70 are gone before anybody read them.
    let lost = |partition: usize| 50 + 10 * partition;
    let now = now_ms();
    let writer = mesh.broker.writer(&mesh.topic);
    let survives = |place: usize| place / PARTITIONS >= lost(place % PARTITIONS);
    mesh.orders().write(200 * PARTITIONS, |_| now, survives, |records| writer.write(records));
    let cuts: Vec<_> = (0..PARTITIONS).map(|p| (p as i32, 300 + lost(p) as i64)).collect();
    mesh.broker.delete_records(&mesh.topic, &cuts);

    let worker = mesh.worker("a").ready();
    let verdicts = mesh.judged(&[&worker]);
    let gaps: Vec<_> = cuts.iter().map(|(p, to)| (*p, 300, Some(*to))).collect();
    assert_eq!(verdicts.gap_bounds(), gaps);
}

#[test]
pub fn records_deleted_under_a_running_worker_are_one_gap_with_exact_bounds() {
    let mesh = Mesh::new(shared(), "retention", 1, "");
    let worker = mesh.worker("a").ready();
    mesh.write(300, now_ms() - 1_000, now_ms());
    mesh.judged(&[&worker]);
    // It sleeps, for less than its session (6 s), while records come and go; it wakes at a position that is gone. Its
    // last fetch waits half a second at the broker for new records: it must be answered before there are any.
    worker.signal("STOP");
    pause(1_500);
    let now = now_ms();
    let writer = mesh.broker.writer(&mesh.topic);
    mesh.orders().write(100, |_| now, |_| false, |records| writer.write(records));
    mesh.broker.delete_records(&mesh.topic, &[(0, 400)]);
    mesh.orders().write(100, |_| now, |_| true, |records| writer.write(records));
    worker.signal("CONT");
    let verdicts = mesh.judged(&[&worker]);
    assert_eq!(verdicts.gap_bounds(), [(0, 300, Some(400))]);
}

#[test]
pub fn aborted_transactions_are_no_gaps_and_no_records() {
    const SIZE: usize = 40;
    let aborted = |transaction: usize| transaction % 10 < 3; // 30 %
    let mesh = Mesh::new(shared(), "aborted", 2, "");
    let worker = mesh.worker("a").ready();
    for _ in 0..4 {
        let now = now_ms();
        let counts = |place: usize| !aborted(place / SIZE);
        let write = |records: &[_]| mesh.broker.produce_in_transactions(&mesh.topic, records, SIZE, aborted);
        mesh.orders().write(20 * SIZE, |_| now, counts, write);
    }
    let verdicts = mesh.judged(&[&worker]);
    mesh.unbroken(&verdicts);
    mesh.tried("a", &verdicts);
}

/// Takes as long as the broker's cleaner, half a minute: a row of the matrix alone. The second half of all records has the keys of the first.
pub fn records_compacted_away_are_no_gaps_and_no_records() {
    const HALF: usize = 600;
    /// What makes the segment before it one that the cleaner may look at: of the active one nothing is taken, and no key counts.
    const LAST: usize = 20;
    let mesh = Mesh::new(shared(), "compacted", 2, "");
    let compacted = [("cleanup.policy", "compact"), ("min.cleanable.dirty.ratio", "0.01"), ("segment.ms", "1000")];
    mesh.broker.configure_topic(&mesh.topic, &compacted);
    let writer = mesh.broker.writer(&mesh.topic);
    let write = |records: &[Record]| {
        let mut keyed = records.to_vec();
        let halves = keyed.iter_mut().take(2 * HALF).enumerate();
        halves.for_each(|(n, record)| record.key = Some(format!("{}", n % HALF).into_bytes()));
        keyed.chunks(HALF).flat_map(|chunk| writer.write(chunk)).collect()
    };
    mesh.orders().duplicates = false; // of a row that the cleaner takes
    let now = now_ms();
    // A segment is rolled by the times of its records.
    let time = |place| now - 4_000 + 2_000 * (place / HALF) as i64;
    mesh.orders().write(2 * HALF + LAST, time, |place| place >= HALF, write);
    let started = Instant::now();
    while mesh.broker.read(&mesh.topic).len() > HALF + LAST {
        assert!(started.elapsed() < Duration::from_secs(90), "nothing is compacted away");
        pause(500);
    }
    let worker = mesh.worker("a").ready();
    let verdicts = mesh.judged(&[&worker]);
    mesh.unbroken(&verdicts);
}
