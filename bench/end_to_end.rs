//! End to end, by hand (`bench/end-to-end`): a real broker, a topic of orders, and the daemon beside a bare consumer that
//! looks at nothing. Prints a table, and the same as one line of JSON.

#[allow(dead_code, reason = "the tests' broker can do more than is asked of it here")]
#[path = "../tests/kafka/broker/mod.rs"]
mod broker;
#[path = "../benches/orders/mod.rs"]
#[allow(dead_code, reason = "orders as Avro are for the other benches")]
mod orders;

use broker::Broker;
use broker::records::Record;
use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

const GROUP: &str = "bench-steward";
const PARTITIONS: i32 = 4;
/// Records of one write.
const WRITE: usize = 100 * orders::COUNT;
/// Both read everything within this, or the run has failed: at 10,000 records a second two million take 200 s.
const PATIENCE: Duration = Duration::from_secs(600);

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["bare", bootstrap, records] => bare(bootstrap, records.parse().expect("a number of records")),
        ["run", records, ..] => run(records.parse().expect("a number of records")),
        // `cargo bench` and `cargo test --benches` run every bench there is; this one takes minutes.
        _ => println!("run by hand: bench/end-to-end [records]"),
    }
}

fn run(records: u64) {
    let broker = Broker::start();
    broker.create_topic(orders::TOPIC, PARTITIONS, &[]);
    write(&broker, records);
    let bare = of_bare(&broker, records);
    let steward = of_steward(&broker, records);
    let ratio = |name: &str| steward[name].as_f64().unwrap_or(0.0) / bare[name].as_f64().unwrap_or(1.0);
    println!("{:<16} {:>14} {:>18} {:>14}", "", "records/s", "CPU-s per million", "peak RSS MiB");
    for (name, measured) in [("bare consumer", &bare), ("steward", &steward)] {
        println!(
            "{name:<16} {:>14.0} {:>18.2} {:>14.0}",
            measured["recordsPerSecond"].as_f64().unwrap_or(0.0),
            measured["cpuSecondsPerMillion"].as_f64().unwrap_or(0.0),
            measured["peakRssMib"].as_f64().unwrap_or(0.0),
        );
    }
    let names = ["recordsPerSecond", "cpuSecondsPerMillion", "peakRssMib"];
    println!("{:<16} {:>14.2} {:>18.2} {:>14.2}", "ratio", ratio(names[0]), ratio(names[1]), ratio(names[2]));
    println!("{}", json!({ "records": records, "bare": bare, "steward": steward }));
}

fn write(broker: &Broker, records: u64) {
    let writer = broker.writer(orders::TOPIC);
    let order = |(i, value): (usize, Vec<u8>)| Record {
        partition: (i % PARTITIONS as usize) as i32,
        timestamp_ms: orders::START_MS + i as i64 / 10, // ten thousand a second of event time
        key: None,
        value: Some(value),
    };
    // Each write waits for its last record, so few and large ones.
    for from in (0..records as usize).step_by(WRITE) {
        let chunks = (from..(from + WRITE).min(records as usize)).step_by(orders::COUNT);
        let values = chunks.flat_map(orders::json).take(records as usize - from);
        writer.write(&values.enumerate().map(|(i, value)| order((from + i, value))).collect::<Vec<_>>());
    }
}

/// This program again, as a process of its own, so that what it takes can be told from what writing took.
fn of_bare(broker: &Broker, records: u64) -> Value {
    let own = std::env::current_exe().expect("this program's path");
    let output = Command::new(own).args(["bare", &broker.bootstrap, &records.to_string()]).output();
    let output = output.expect("the bare consumer starts");
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|e| panic!("{e}: {}", String::from_utf8_lossy(&output.stderr)))
}

/// Reads every record and looks at none, with the settings that the daemon has.
fn bare(bootstrap: &str, records: u64) {
    let started = Instant::now();
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "bench-bare")
        .set("auto.offset.reset", "earliest")
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false")
        .set("fetch.queue.backoff.ms", "10")
        .create()
        .expect("a consumer");
    consumer.subscribe(&[orders::TOPIC]).expect("a subscription");
    let mut read = 0;
    while read < records {
        assert!(started.elapsed() < PATIENCE, "{read} of {records} read");
        read += u64::from(matches!(consumer.poll(Duration::from_millis(100)), Some(Ok(_))));
    }
    println!("{}", measured("self", records, started.elapsed()));
}

/// From its start to the commit of the last record, its start-up included, as for the bare consumer.
fn of_steward(broker: &Broker, records: u64) -> Value {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("end-to-end");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder).expect("a folder for the daemon");
    fs::write(folder.join("orders.odcs.yaml"), orders::CONTRACT).expect("the contract");
    let config = format!(
        "kafka.bootstrap.servers: {}\nworker: {{id: bench, group.id: {GROUP}, tasks: 1}}\n\
         contracts.paths: [orders.odcs.yaml]\nhttp.listen: 127.0.0.1:0\nflush.interval: 1s\n",
        broker.bootstrap
    );
    fs::write(folder.join("steward.yaml"), config).expect("the configuration");
    let log = fs::File::create(folder.join("steward.log")).expect("the daemon's log");
    let started = Instant::now();
    let mut command = Command::new(env!("CARGO_BIN_EXE_steward"));
    command.args(["run", "--config"]).arg(folder.join("steward.yaml")).stdin(Stdio::null());
    command.stdout(log.try_clone().expect("a second handle")).stderr(log);
    let mut steward = Ended(command.spawn().expect("steward starts"));
    while broker.lag(GROUP, orders::TOPIC) > 0 {
        let over = steward.0.try_wait().expect("the daemon's state");
        assert!(over.is_none() && started.elapsed() < PATIENCE, "not all was read; see {}", folder.display());
        pause();
    }
    measured(&steward.0.id().to_string(), records, started.elapsed())
}

#[allow(clippy::disallowed_methods, reason = "no client of ours is served meanwhile")]
fn pause() {
    std::thread::sleep(Duration::from_millis(50));
}

struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What a process took, as Linux tells it (proc(5)).
fn measured(process: &str, records: u64, wall: Duration) -> Value {
    /// `sysconf(_SC_CLK_TCK)`, which Linux has fixed for user space.
    const TICKS_PER_SECOND: f64 = 100.0;
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).expect("the process's times");
    // The name, in parentheses, may hold anything; utime and stime are the 14th and 15th field of all.
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap_or_default().split_whitespace().collect();
    let ticks: f64 = fields[11..13].iter().filter_map(|field| field.parse::<f64>().ok()).sum();
    let status = fs::read_to_string(format!("/proc/{process}/status")).expect("the process's memory");
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib: f64 = peak.and_then(|p| p.trim().trim_end_matches(" kB").parse().ok()).unwrap_or(0.0);
    json!({
        "recordsPerSecond": records as f64 / wall.as_secs_f64(),
        "cpuSecondsPerMillion": ticks / TICKS_PER_SECOND / (records as f64 / 1e6),
        "peakRssMib": kib / 1024.0,
        "seconds": wall.as_secs_f64(),
    })
}
