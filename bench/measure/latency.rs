//! From a record that breaks a rule to the incident that a consumer of the events can read, under load.

use crate::arguments::Arguments;
use crate::broker::Broker;
use crate::load::{Load, create_topics};
use crate::orders::{self, Faults, Format};
use crate::steward::{Steward, pause, tail};
use rdkafka::message::{Headers, Message};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

const PRODUCTS: u64 = 20;
const PARTITIONS: i32 = 4;
/// Each breaks one rule, and the first of a product opens its incident: where `orders` plants that fault, and its rule.
const FAULTS: [(u64, &str); 5] = [
    (11, "status"),
    (211, "orders.amount.minimum"),
    (411, "currency"),
    (611, "orders.customer_id.required"),
    (811, "steward.decodable"),
];
/// Before the first fault: the daemon is warm, and no start is measured.
const WARM: Duration = Duration::from_secs(15);
/// After the last one: a window and its end, so that one that opens late is measured and not lost.
const PATIENCE: Duration = Duration::from_secs(90);
const TICK: Duration = Duration::from_millis(10);
const TICKS_PER_SECOND: u64 = 100;

/// Of a product's rule.
type Key = (String, String);

pub fn run(arguments: &mut Arguments) {
    let rate: u64 = arguments.number("--rate", 100_000);
    let seconds: u64 = arguments.number("--seconds", 60);
    let tasks: u64 = arguments.number("--tasks", 1);
    arguments.end();
    let broker = Broker::start();
    let topics: Vec<String> = (0..PRODUCTS).map(|n| format!("orders-{n:02}")).collect();
    create_topics(&broker.bootstrap, &topics, PARTITIONS);
    let contracts: Vec<String> = topics.iter().map(|t| orders::contract(t, Format::Json)).collect();
    let mut steward = Steward::start(&broker, "latency", &contracts, &format!("worker.tasks: {tasks}"));
    steward.ready();

    let events = steward.events();
    let (ended, mut sent, mut heard) = (AtomicBool::new(false), BTreeMap::new(), BTreeMap::new());
    let mut achieved = 0.0;
    thread::scope(|scope| {
        let listener = scope.spawn(|| listen(&broker, &events, &ended));
        (sent, achieved) = write(&broker, &topics, rate, Duration::from_secs(seconds));
        let written = Instant::now();
        while !listener.is_finished() && written.elapsed() < PATIENCE {
            pause(TICK);
        }
        ended.store(true, Ordering::Relaxed);
        heard = listener.join().expect("the listener");
    });
    let mut latencies: Vec<Duration> =
        sent.iter().filter_map(|(key, at)| heard.get(key).map(|heard| heard.saturating_duration_since(*at))).collect();
    latencies.sort();
    assert_eq!(latencies.len(), sent.len(), "incidents heard, and rules broken; {}", steward.place());
    report(&latencies, achieved, &mut steward);
}

/// Writes at that rate, and each fault once, evenly between the warm start and the end. Says when each was sent, and the
/// rate that was kept.
fn write(broker: &Broker, topics: &[String], rate: u64, time: Duration) -> (BTreeMap<Key, Instant>, f64) {
    let mut load = Load::new(&broker.bootstrap, "lz4");
    let faults: Vec<(&String, u64, &str)> =
        FAULTS.iter().flat_map(|(n, rule)| topics.iter().map(move |topic| (topic, *n, *rule))).collect();
    let every = time / faults.len() as u32;
    let (began, mut sent, mut written) = (Instant::now(), BTreeMap::new(), 0_u64);
    let order = |n| orders::value(n, Format::Json, &mut Faults::new());
    for tick in 0.. {
        let at = began + TICK * tick;
        if at >= began + WARM + time {
            break;
        }
        load.wait(at);
        let now_ms = mesh_steward::clock::now_ms();
        for _ in 0..rate / TICKS_PER_SECOND {
            let partition = (written / PRODUCTS % PARTITIONS as u64) as i32;
            load.send(&topics[(written % PRODUCTS) as usize], partition, now_ms, &order(orders::good(written)));
            written += 1;
        }
        while let Some((topic, n, rule)) = faults.get(sent.len())
            && Instant::now() >= began + WARM + every * sent.len() as u32
        {
            sent.insert((format!("bench/{topic}"), rule.to_string()), Instant::now());
            load.send(topic, 0, now_ms, &order(written / 1_000 * 10_000 + n));
        }
    }
    load.finish();
    (sent, written as f64 / began.elapsed().as_secs_f64())
}

/// When a consumer of committed events had read that the incident of a rule had opened.
fn listen(broker: &Broker, topic: &str, ended: &AtomicBool) -> BTreeMap<Key, Instant> {
    let consumer = tail(&broker.bootstrap, topic);
    let mut heard = BTreeMap::new();
    while heard.len() < FAULTS.len() * PRODUCTS as usize && !ended.load(Ordering::Relaxed) {
        let Some(Ok(message)) = consumer.poll(Duration::from_millis(100)) else { continue };
        let now = Instant::now();
        let is_incident = message.headers().is_some_and(|headers| {
            headers.iter().any(|h| h.key == "ce_type" && h.value.is_some_and(|v| v.ends_with(b"incident.v1")))
        });
        if is_incident {
            let incident: Value = serde_json::from_slice(message.payload().unwrap_or_default()).expect("an incident");
            let text = |name: &str| incident[name].as_str().unwrap_or_default().to_owned();
            heard.entry((text("product"), text("rule"))).or_insert(now);
        }
    }
    heard
}

fn report(latencies: &[Duration], rate: f64, steward: &mut Steward) {
    let of = |part: f64| latencies[((latencies.len() as f64 * part).ceil() as usize).max(1) - 1].as_secs_f64();
    let usage = steward.child.usage();
    let (p50, p99, max) = (of(0.5), of(0.99), of(1.0));
    let peak = usage.peak_rss_mib;
    println!(
        "record to incident at {rate:.0} records/s, {} incidents: p50 {p50:.2} s, p99 {p99:.2} s, most {max:.2} s; peak RSS {peak:.0} MiB",
        latencies.len()
    );
    println!(
        "{}",
        json!({"recordsPerSecond": rate, "incidents": latencies.len(), "p50Seconds": p50, "p99Seconds": p99, "maxSeconds": max, "peakRssMib": peak})
    );
}
