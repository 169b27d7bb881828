//! The fault matrix: every row, by its name. `tests/faults` runs rows in their long form; what every run of the suite tries of them, in a
//! short form, are tests of their own.

use crate::faults::registries::Ill;
use crate::faults::{brokers, certificates, members, network, refusals, registries, soak, upgrade};
use crate::{changes, kills, logs, policies, registry, repeats, stops};
use std::panic::catch_unwind;
use std::time::Instant;

/// A name, what goes wrong, and how it is done; whatever is not as it must be, panics.
type Row = (&'static str, &'static str, fn());

const ROWS: &[Row] = &[
    ("kill", "kill -9 of one of three workers, 100 times", || kills::kills("kills", 100, "")),
    ("kill-848", "the same under the new group protocol", || {
        kills::kills("kills848", 100, "kafka.group.protocol: consumer")
    }),
    ("kill-repeats", "kill -9 without transactions, 16 times", || {
        repeats::without_transactions_kills_miss_nothing_and_windows_say_what_was_counted_twice()
    }),
    ("sigterm", "a worker is asked to stop and started again, 50 times", || stops::stops("sigterm", 50)),
    ("sigstop", "a worker sleeps past its session", || stops::sleeps("sigstop", "")),
    ("sigstop-848", "the same under the new group protocol", || {
        stops::sleeps("sigstop848", "kafka.group.protocol: consumer")
    }),
    ("twins", "two workers with one id", stops::of_two_workers_with_one_id_one_exits_and_says_why),
    ("storm", "a worker comes or goes every 2 s for 5 min", || members::storm("storm", 150, "")),
    ("storm-848", "the same under the new group protocol", || {
        members::storm("storm848", 150, "kafka.group.protocol: consumer")
    }),
    ("clock", "the clock of one of three workers is 1 h fast, that of another 1 h slow", members::clock),
    ("broker", "one of three brokers is killed and started again, 30 times", || brokers::killed(30)),
    ("rolling", "each of three brokers is stopped and started again", brokers::rolling),
    ("brokers", "all brokers are killed", changes::a_worker_without_brokers_is_alive_and_not_ready),
    ("disk", "the disk of one of three brokers is full", brokers::full),
    ("lost", "requests or answers of a transaction are lost or late, 100 times", || network::lost(100)),
    ("zombie", "a worker sleeps past its session at each point of a transaction, 20 times", || network::zombies(20)),
    ("black-hole", "nothing arrives for 30 s", network::black_hole),
    ("cut", "connections break, and each that is made, for 30 s", network::cut),
    ("delay", "everything arrives 500 ms later, for 30 s", network::delay),
    ("slow", "1 Mbit/s on each connection, for 30 s", network::slow),
    ("refused", "the governance topic takes no writes for 28 s", refusals::governance),
    ("acl", "the right to write the governance topic is taken for 28 s", refusals::right),
    ("deleted", "topics of the daemon's own are deleted under it", refusals::deleted),
    ("newer", "a worker of a version to come has written to the daemon's own log", refusals::newer),
    ("quarantine", "a quarantine may not be written", || {
        policies::a_quarantine_that_may_not_be_written_loses_no_count_and_says_what_to_grant()
    }),
    ("registry", "the registry is away, and comes back", || {
        registry::a_partition_waits_for_a_stopped_registry_and_nothing_is_lost()
    }),
    ("registry-away", "the registry stays away", || {
        registry::records_whose_registry_stays_away_are_not_measured_and_never_pass()
    }),
    ("registry-broken", "the registry answers with status 500 for 35 s", || {
        registries::ill("registry500", Ill::Broken)
    }),
    ("registry-silent", "the registry takes requests and answers none for 35 s", || {
        registries::ill("registryhangs", Ill::Silent)
    }),
    ("registry-slow", "the registry answers later than a request may take, for 35 s", || {
        registries::ill("registryslow", Ill::Slow)
    }),
    ("registry-page", "in the registry's place something else answers for 35 s, with status 200", || {
        registries::ill("registrypage", Ill::Page)
    }),
    (
        "certificate",
        "the workers' certificate expires, and 28 s after the brokers mind there is a new one",
        certificates::expired,
    ),
    (
        "upgrade",
        "three workers of the version before become this one under load, and again that before",
        upgrade::and_back,
    ),
    ("grown", "partitions are added", logs::partitions_added_under_load_are_judged_from_their_start),
    ("recreated", "a topic is deleted and created again", || {
        logs::a_topic_created_again_with_more_records_is_judged_from_its_start()
    }),
    ("overtaken", "records are deleted before a stopped worker reads them", || {
        logs::records_deleted_before_they_were_read_are_one_gap_with_exact_bounds()
    }),
    ("overtaken-running", "records are deleted under a worker that runs", || {
        logs::records_deleted_under_a_running_worker_are_one_gap_with_exact_bounds()
    }),
    ("aborted", "30 % of all transactions are aborted", logs::aborted_transactions_are_no_gaps_and_no_records),
    ("compacted", "records are compacted away before they are read", || {
        logs::records_compacted_away_are_no_gaps_and_no_records()
    }),
    ("soak", "a fault a minute for 20 min", || soak::soak(20)),
    ("contract", "a contract changes under load", || {
        changes::a_contract_changed_under_load_splits_windows_and_loses_nothing()
    }),
];

/// Rows are asked for by their names in `FAULT_ROWS`, apart by commas; `all` asks for each.
#[test]
fn each_row_is_documented_and_each_that_is_asked_for_holds() {
    let page = std::fs::read_to_string("docs/reliability.md").expect("the page");
    let lacking: Vec<_> = ROWS.iter().map(|row| row.0).filter(|name| !page.contains(&format!("`{name}`"))).collect();
    assert!(lacking.is_empty(), "docs/reliability.md lacks {lacking:?}");

    let asked = std::env::var("FAULT_ROWS").unwrap_or_default();
    let asked: Vec<&str> = asked.split(',').filter(|name| !name.is_empty()).collect();
    let is_asked = |row: &&Row| asked.iter().any(|name| *name == "all" || row.0 == *name);
    let rows: Vec<&Row> = ROWS.iter().filter(is_asked).collect();
    assert!(
        asked.is_empty() || !rows.is_empty(),
        "no row of {asked:?}: there are {:?}",
        ROWS.iter().map(|row| row.0).collect::<Vec<_>>()
    );
    let mut broken = Vec::new();
    for (name, what, run) in rows {
        println!("== {name}: {what}");
        let started = Instant::now();
        let held = catch_unwind(run).is_ok();
        println!("-- {name}: {}, {} s", if held { "holds" } else { "DOES NOT HOLD" }, started.elapsed().as_secs());
        if !held {
            broken.push(*name);
            brokers::mend();
        }
    }
    assert!(broken.is_empty(), "do not hold: {broken:?}");
}
