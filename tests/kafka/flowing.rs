//! Lineage by a real Flink: a job of SQL, found by the commits of its group, which has no member.

use crate::broker::records::Record;
use crate::broker::{flink, shared as broker};
use crate::collected::{cluster, config, settings, shown};
use crate::worker::pause;
use mesh_steward::discovery::groups::Groups;
use mesh_steward::discovery::known::Known;
use mesh_steward::engine::lineage::collector::Collector;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A checkpoint each second commits what was read; the rest is for a machine that runs other tests too.
const FOUND_WITHIN: Duration = Duration::from_secs(60);

#[test]
fn a_job_of_flink_reads_while_its_commits_move_and_no_longer() {
    let flink = match flink::shared() {
        Ok(flink) => flink,
        Err(why) => return println!("skipped: {why}"),
    };
    ["flowing.orders", "flowing.large", "flowing.decoy"].iter().for_each(|topic| broker().create_topic(topic, 1, &[]));
    let table = |name: &str, topic: &str| {
        format!(
            "CREATE TABLE {name} (id INT, amount INT) WITH ('connector' = 'kafka', 'topic' = '{topic}', 'format' = 'json', \
             'properties.bootstrap.servers' = '{}', 'properties.group.id' = 'flowing-job', 'scan.startup.mode' = 'earliest-offset')",
            broker().bootstrap
        )
    };
    let (orders, large) = (table("orders", "flowing.orders"), table("large_orders", "flowing.large"));
    let statements = [
        "SET 'execution.checkpointing.interval' = '1 s'",
        &orders,
        &large,
        "INSERT INTO large_orders SELECT * FROM orders WHERE amount > 20",
    ];
    let ended = flink.sql(&statements).expect("Flink takes them");
    let job = &ended[3]["results"]["data"][0]["fields"][0];
    let job = job.as_str().unwrap_or_else(|| panic!("no job: {}", ended[3]));

    let config = config("");
    let mut groups = Groups::new(settings(&config), cluster(&config, &[]), Arc::new(Known::default()));
    let write = || {
        let records = [10, 30].map(|amount| Record {
            timestamp_ms: mesh_steward::clock::now_ms(),
            value: Some(format!("{{\"id\":1,\"amount\":{amount}}}").into_bytes()),
            ..Record::default()
        });
        broker().writer("flowing.orders").write(&records);
        broker().writer("flowing.decoy").write(&records);
    };
    let reads = BTreeSet::from(["topic flowing.orders -> job group:flowing-job observed".to_owned()]);
    let started = Instant::now();
    loop {
        write();
        pause(1_000);
        let found = shown(&groups.collect(0).expect("brokers answer"), "flowing");
        if found == reads {
            break;
        }
        assert!(found.is_empty() && started.elapsed() < FOUND_WITHIN, "{found:?}");
    }
    assert!(!broker().read("flowing.large").is_empty(), "and it writes, which no broker tells of");

    flink::call("PATCH", &format!("{}/jobs/{job}?mode=cancel", flink.jobs), None).expect("it ends");
    let started = Instant::now();
    while !shown(&groups.collect(0).expect("brokers answer"), "flowing").is_empty() {
        assert!(started.elapsed() < FOUND_WITHIN, "it was cancelled, and reads on");
        pause(1_000);
    }
}
