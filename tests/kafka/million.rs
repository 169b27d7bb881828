//! A million orders with planted faults, judged by one worker; then records that come late.

use crate::broker::shared;
use crate::mesh::Mesh;
use crate::oracle::rule;
use crate::worker::Worker;
use mesh_steward::clock::now_ms;

const ORDERS: usize = 1_000_000;
/// Ten minutes of data: 120 windows of 5 s.
const SPAN_MS: i64 = 600_000;

#[test]
fn a_million_orders_are_judged_exactly_and_late_ones_too() {
    let mesh = Mesh::new(shared(), "million", 8, "");
    let (from, chunks) = (now_ms() - 2 * SPAN_MS, 10);
    for n in 0..chunks {
        mesh.write(ORDERS / chunks as usize, from + n * SPAN_MS / chunks, from + (n + 1) * SPAN_MS / chunks);
    }
    let worker = Worker::ready(mesh.worker("one"));
    let verdicts = mesh.judged(&[&worker]);
    mesh.unbroken(&verdicts);
    assert!(verdicts.windows.len() >= 120, "{} windows", verdicts.windows.len());
    // Every rule fails in each of them, which is one incident each and not 120.
    assert!(rule::ALL.iter().all(|rule| verdicts.opened[*rule] == 1), "{:?}", verdicts.opened);
    assert_eq!(mesh.broker.lag(&mesh.group, &mesh.topic), 0, "what is judged is committed");

    // Their windows have closed: each batch is a fragment of its own, with the next revision.
    mesh.orders().duplicates = false;
    for _ in 0..2 {
        mesh.write(500, from, from + 5_000);
        let verdicts = mesh.judged(&[&worker]);
        mesh.unbroken(&verdicts);
        let late = verdicts.windows.iter().filter(|w| w["window"]["late"] == true);
        assert!(late.clone().all(|w| w["window"]["revision"].as_u64() > Some(0)), "a fragment without a revision");
        assert!(late.count() > 0, "no fragment speaks of late records");
    }
}
