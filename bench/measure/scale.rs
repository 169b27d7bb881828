//! How cost grows: with products (idle, and under one total rate), with rules, and with columns.

use crate::arguments::Arguments;
use crate::broker::Broker;
use crate::load::{Load, create_topics};
use crate::orders::{self, Faults, Format};
use crate::steward::{Steward, pause, sum};
use serde_json::Value;
use std::fmt::Write;
use std::time::{Duration, Instant};

const PARTITIONS: i32 = 5;
/// After the start, before idleness is measured: assignments settle, looks at the cluster have found their rhythm, and no window
/// waits for reports (a minute, its grace and a flush), so that they come less often.
const SETTLE: Duration = Duration::from_secs(110);
const IDLE: Duration = Duration::from_secs(30);
const SCRAPES: usize = 10;
const TICK: Duration = Duration::from_millis(10);
const TICKS_PER_SECOND: u64 = 100;

/// What was measured at one point of a curve, in the order of its table; the first is what grows.
type Point = Vec<(&'static str, f64)>;

pub fn run(arguments: &mut Arguments) {
    let only = arguments.list("--only", "products,rules,columns");
    let products = arguments.list("--products", "1,10,100,1000");
    let rules = arguments.list("--rules", "1,10,30,100");
    let columns = arguments.list("--columns", "10,50,100,500");
    let rate: u64 = arguments.number("--rate", 20_000);
    let seconds: u64 = arguments.number("--seconds", 30);
    let records: u64 = arguments.number("--records", 1_000_000);
    let tasks = arguments.number("--tasks", 1);
    arguments.end();
    let number = |text: &String| text.parse::<u64>().unwrap_or_else(|e| panic!("{text}: {e}"));
    let each = |kind: &str, of: &[String], measure: &dyn Fn(u64) -> Point| -> Vec<Point> {
        let wanted = only.iter().any(|o| o == kind);
        of.iter().filter(|_| wanted).map(number).map(measure).inspect(|point| eprintln!("{}", json(point))).collect()
    };
    let products = each("products", &products, &|n| of_products(n, tasks, rate, seconds));
    let rules = each("rules", &rules, &|n| of_rules(n, tasks, records));
    let columns = each("columns", &columns, &|n| of_columns(n, tasks, records));
    let curves = [products, rules, columns];
    curves.iter().for_each(|points| table(points));
    println!("{}", Value::from_iter(curves.concat().iter().map(json)));
}

/// Topics of five partitions, one product each: idle first, then under one total rate that all share.
fn of_products(count: u64, tasks: u64, rate: u64, seconds: u64) -> Point {
    let broker = Broker::start();
    let topics: Vec<String> = (0..count).map(|n| format!("orders-{n:04}")).collect();
    create_topics(&broker.bootstrap, &topics, PARTITIONS);
    let contracts: Vec<String> = topics.iter().map(|t| orders::contract(t, Format::Json)).collect();
    let mut steward = Steward::start(&broker, "products", &contracts, &format!("worker.tasks: {tasks}"));
    steward.ready();
    let ready_s = steward.child.usage().wall_s;
    steward.reads(count as f64 * PARTITIONS as f64);
    let read_s = steward.child.usage().wall_s;
    eprintln!("{count} products: ready after {ready_s:.1} s, all are read after {read_s:.1} s");
    pause(SETTLE);
    let before = steward.child.usage();
    pause(IDLE);
    let after = steward.child.usage();
    let idle_cpu_percent = (after.cpu_s - before.cpu_s) / (after.wall_s - before.wall_s) * 100.0;
    eprintln!("{count} products: idle at {idle_cpu_percent:.2} % and {:.0} MiB", after.rss_mib);

    let (busy, said) = (steward.child.usage(), steward.metric("steward_internal_bytes_total"));
    let (records, bytes) = write(&broker, &topics, rate, seconds);
    let judged = steward.judged(&broker, records, &Faults::new());
    // What it takes to wait for the last window is no cost of a record.
    let idle_s = idle_cpu_percent / 100.0 * (judged.wall_s - busy.wall_s);
    let mut scrapes: Vec<f64> = (0..SCRAPES).map(|_| scrape(&steward)).collect();
    scrapes.sort_by(f64::total_cmp);
    vec![
        ("products", count as f64),
        ("ready s", ready_s),
        ("all read s", read_s),
        ("idle RSS MiB", after.rss_mib),
        ("idle CPU %", idle_cpu_percent),
        ("CPU-s per million", per_million(judged.cpu_s - busy.cpu_s - idle_s, records)),
        ("peak RSS MiB", judged.peak_rss_mib),
        ("scrape ms, median", scrapes[SCRAPES / 2]),
        ("scrape ms, worst", scrapes[SCRAPES - 1]),
        ("series", steward.metric("steward_metric_series")),
        ("own bytes a data byte", (steward.metric("steward_internal_bytes_total") - said) / bytes as f64),
    ]
}

/// Orders of now, spread over topics and partitions; how many, and what they weigh.
fn write(broker: &Broker, topics: &[String], rate: u64, seconds: u64) -> (u64, u64) {
    let mut load = Load::new(&broker.bootstrap, "lz4");
    let (began, mut written, mut bytes) = (Instant::now(), 0_u64, 0);
    for tick in 0..seconds * TICKS_PER_SECOND {
        load.wait(began + TICK * tick as u32);
        let now_ms = mesh_steward::clock::now_ms();
        for _ in 0..rate / TICKS_PER_SECOND {
            let value = orders::value(orders::good(written), Format::Json, &mut Faults::new());
            let count = topics.len() as u64;
            let partition = (written / count % PARTITIONS as u64) as i32;
            load.send(&topics[(written % count) as usize], partition, now_ms, &value);
            bytes += value.len() as u64;
            written += 1;
        }
    }
    load.finish();
    (written, bytes)
}

/// Milliseconds until a page of metrics was read.
fn scrape(steward: &Steward) -> f64 {
    let began = Instant::now();
    let page = steward.get("/metrics").expect("a page of metrics");
    let ms = began.elapsed().as_secs_f64() * 1e3;
    assert!(sum(&page, "steward_metric_series") > 0.0, "a page without products");
    ms
}

/// A backlog of orders under so many rules.
fn of_rules(count: u64, tasks: u64, records: u64) -> Point {
    const FIELDS: [(&str, &str); 4] = [
        ("status", "metric: invalidValues, arguments: {validValues: [placed, paid, shipped]}"),
        ("currency", "metric: invalidValues, arguments: {pattern: '^[A-Z]{3}$'}"),
        ("email", "metric: nullValues"),
        ("country", "metric: missingValues, arguments: {missingValues: ['', '-']}"),
    ];
    let mut properties = String::new();
    for (at, (field, arguments)) in FIELDS.iter().enumerate() {
        let _ = writeln!(
            properties,
            "      - name: {field}\n        quality:{}",
            if at as u64 >= count { " []" } else { "" }
        );
        for n in (at as u64..count).step_by(FIELDS.len()) {
            let _ = writeln!(properties, "          - {{id: r{n}, {arguments}, mustBe: 0}}");
        }
    }
    for field in ["order_id", "customer_id", "amount", "quantity", "created_at", "priority"] {
        let _ = writeln!(properties, "      - {{name: {field}}}");
    }
    let order = |n| orders::value(orders::good(n), Format::Json, &mut Faults::new());
    of_backlog("rules", count, tasks, records, &properties, order)
}

/// A backlog of records with so many columns, half texts and half numbers, ten of them required. Of wide records there
/// are fewer: the bytes are those of `records` with ten columns.
fn of_columns(count: u64, tasks: u64, records: u64) -> Point {
    let mut columns = String::new();
    for n in 0..count {
        let _ = writeln!(columns, "      - {{name: column_{n:03}, required: {}}}", n < 10);
    }
    let record = |k: u64| {
        let mut text = String::with_capacity(24 * count as usize);
        for n in 0..count {
            let sign = if n == 0 { '{' } else { ',' };
            let _ = match n % 4 {
                0 => write!(text, r#"{sign}"column_{n:03}":"text-{:05}""#, k * 7_919 % 20_011 + n),
                1 => write!(text, r#"{sign}"column_{n:03}":{}"#, k * 104_729 % 1_000_003),
                2 => write!(text, r#"{sign}"column_{n:03}":"{}""#, ["red", "green", "blue"][(k + n) as usize % 3]),
                _ => write!(text, r#"{sign}"column_{n:03}":{}.25"#, k % 1_009),
            };
        }
        (text + "}").into_bytes()
    };
    of_backlog("columns", count, tasks, records * 10 / count.max(10), &columns, record)
}

fn of_backlog(
    kind: &'static str,
    count: u64,
    tasks: u64,
    records: u64,
    properties: &str,
    value: impl Fn(u64) -> Vec<u8>,
) -> Point {
    let broker = Broker::start();
    broker.create_topic(kind, orders::PARTITIONS, &[orders::KEPT]);
    let mut load = Load::new(&broker.bootstrap, "lz4");
    let mut bytes = 0;
    for n in 0..records {
        let value = value(n);
        bytes += value.len() as u64;
        load.send(kind, (n % orders::PARTITIONS as u64) as i32, orders::time_ms(n), &value);
    }
    load.finish();
    let contract = format!(
        "apiVersion: v3.1.0\nkind: DataContract\nid: {kind}\nversion: 1.0.0\nstatus: active\ndomain: bench\nname: {kind}\n\
         schema:\n  - name: {kind}\n    physicalType: topic\n    properties:\n{properties}"
    );
    let settings = format!("worker.tasks: {tasks}\nflush.interval: 1s\nwindow.grace: 1s\n");
    let mut steward = Steward::start(&broker, kind, &[contract], &settings);
    let judged = steward.judged(&broker, records, &Faults::new());
    vec![
        (kind, count as f64),
        ("bytes a record", bytes as f64 / records as f64),
        ("CPU-s per million", per_million(judged.cpu_s, records)),
        ("CPU ns a byte", judged.cpu_s * 1e9 / bytes as f64),
        ("peak RSS MiB", judged.peak_rss_mib),
        ("series", steward.metric("steward_metric_series")),
        ("own bytes a data byte", steward.metric("steward_internal_bytes_total") / bytes as f64),
    ]
}

fn per_million(cpu_s: f64, records: u64) -> f64 {
    cpu_s / (records as f64 / 1e6)
}

fn json(point: &Point) -> Value {
    point.iter().map(|(name, value)| (name.to_string(), Value::from(*value))).collect()
}

fn table(points: &[Point]) {
    let Some(first) = points.first() else { return };
    let cell = |number: &f64| if number.abs() < 10.0 { format!("{number:.2}") } else { format!("{number:.0}") };
    println!("| {} |", first.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(" | "));
    println!("|{}", "---|".repeat(first.len()));
    for point in points {
        println!("| {} |", point.iter().map(|(_, value)| cell(value)).collect::<Vec<_>>().join(" | "));
    }
    println!();
}
