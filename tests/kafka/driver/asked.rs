//! Questions to a broker that stalls: they end in time, and answers that come later harm nothing.

use crate::broker::Broker;
use crate::driver::place::{LONG, create, settings};
use mesh_steward::flow::io::Part;
use mesh_steward::kafka::client;
use mesh_steward::kafka::ffi::ask;
use std::sync::Arc;
use std::time::Instant;

/// As many as are asked for at once.
const PARTITIONS: i32 = 500;

#[test]
fn answers_that_come_when_nobody_waits_any_more_are_dropped() {
    let broker = Broker::start();
    let name: Arc<str> = "many".into();
    create(&broker.bootstrap, &name, PARTITIONS);
    let parts: Vec<Part> = (0..PARTITIONS).map(|partition| Part { topic: name.clone(), partition }).collect();
    let settings = settings(&broker.bootstrap, "asked", "w1");
    for round in 0..4 {
        let client = client::admin(&settings).expect("a client");
        let until = Instant::now() + LONG;
        let answered = |client: &_| ask::ends(client, &parts, 5_000).map(|ends| ends.len());
        while answered(&client).is_err() {
            assert!(Instant::now() < until, "round {round}");
        }
        broker.stalled(|| {
            for timeout_ms in [1, 100, 1_000] {
                ask::ends(&client, &parts, timeout_ms).expect_err("nobody answers");
                ask::topics(&client, std::slice::from_ref(&name), timeout_ms).expect_err("nobody answers");
            }
            if round % 2 == 1 {
                drop(client);
                return;
            }
            broker.goes_on();
            assert_eq!(answered(&client), Ok(PARTITIONS as usize), "round {round}");
        });
    }
}
