//! Questions to a broker that stalls: they end in time, and answers that come later harm nothing.

use crate::broker::Broker;
use crate::driver::place::{LONG, create, settings};
use mesh_steward::flow::io::Part;
use mesh_steward::kafka::client;
use mesh_steward::kafka::ffi::ask;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// More than are asked for at once.
const PARTITIONS: i32 = 150;

#[test]
fn questions_that_a_stalled_broker_does_not_answer_end_in_time_and_break_nothing() {
    let broker = Broker::start();
    let name: Arc<str> = "many".into();
    create(&broker.bootstrap, &name, PARTITIONS);
    let parts: Vec<Part> = (0..PARTITIONS).map(|partition| Part { topic: name.clone(), partition }).collect();
    let client = client::admin(&settings(&broker.bootstrap, "asked", "w1")).expect("a client");
    let all_are_told = || {
        let until = Instant::now() + LONG;
        while ask::ends(&client, &parts, 10_000).map(|ends| ends.len()) != Ok(parts.len()) {
            assert!(Instant::now() < until, "the ends of {PARTITIONS} partitions");
        }
    };
    all_are_told();
    broker.stalled(|| {
        // However little time is given, it is enough for librdkafka to look for the leaders; and however many are asked
        // for, it takes not much longer.
        for timeout_ms in [1, 3_000] {
            let began = Instant::now();
            ask::topics(&client, std::slice::from_ref(&name), timeout_ms).expect_err("nobody answers");
            // Partitions whose leader says nothing are absent.
            let ends = ask::ends(&client, &parts, timeout_ms).unwrap_or_default();
            assert!(ends.is_empty(), "{ends:?}");
            assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
        }
    });
    // Answers come for which nobody waits any more; new ones are told from them.
    all_are_told();
}
