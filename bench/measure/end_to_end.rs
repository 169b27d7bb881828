//! The daemon beside a bare consumer that looks at nothing and beside the same job by hand in Java: the same topic, one
//! after the other, so many times.

use crate::arguments::Arguments;
use crate::bare;
use crate::broker::Broker;
use crate::child::{Child, Usage};
use crate::load::Load;
use crate::orders::{self, Faults, Format, PARTITIONS};
use crate::peer::Peer;
use crate::steward::Steward;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Orders of one format, and what is wrong with them.
pub struct Topic {
    pub name: String,
    pub format: Format,
    pub records: u64,
    pub bytes: u64,
    pub faults: Faults,
}

/// What was measured on a topic: who, and in the order of the rounds.
struct Measured {
    topic: Topic,
    compression: String,
    by: BTreeMap<String, Vec<Usage>>,
}

pub fn run(arguments: &mut Arguments) {
    let records: u64 = arguments.number("--records", 2_000_000);
    let rounds: usize = arguments.number("--rounds", 2);
    let formats = arguments.list("--format", "json,avro");
    let compressions = arguments.list("--compression", "none,lz4,zstd");
    let tasks = arguments.list("--tasks", "1");
    let only = arguments.list("--only", "bare,steward,java");
    let perf = arguments.text("--perf");
    arguments.end();
    let wanted = |who: &str| only.iter().any(|o| o == who);
    let peer = match wanted("java").then(Peer::compile) {
        Some(Err(why)) => {
            println!("without the peer in Java: {}", why.trim());
            None
        }
        peer => peer.and_then(Result::ok),
    };

    let mut all = Vec::new();
    for (format, compression) in formats.iter().flat_map(|f| compressions.iter().map(move |c| (format_of(f), c))) {
        let broker = Broker::start();
        let topic = Topic::write(&broker, records, format, compression);
        let mut by: BTreeMap<String, Vec<Usage>> = BTreeMap::new();
        // Alternating: whatever else the machine does meets all of them.
        for round in 0..rounds {
            let mut take = |who: &str, usage: Usage| {
                eprintln!("{}, {who}: {:.2} CPU-s, {:.1} s", topic.name, usage.cpu_s, usage.wall_s);
                by.entry(who.into()).or_default().push(usage);
            };
            if wanted("bare") {
                take("bare", of_bare(&broker, &topic));
            }
            for tasks in tasks.iter().filter(|_| wanted("steward")) {
                let who = if tasks == "1" { "steward".into() } else { format!("steward, {tasks} tasks") };
                take(&who, of_steward(&broker, &topic, round, tasks, perf.as_deref()));
            }
            if let Some(peer) = &peer {
                take("java", peer.measure(&broker, &topic.name, records, format, &topic.faults));
            }
        }
        all.push(Measured { topic, compression: compression.clone(), by });
    }
    table(&all);
    println!("{}", all.iter().map(Measured::json).collect::<Value>());
}

pub fn format_of(word: &str) -> Format {
    match word {
        "json" => Format::Json,
        "avro" => Format::Avro,
        other => panic!("--format {other}: json or avro"),
    }
}

impl Topic {
    pub fn write(broker: &Broker, records: u64, format: Format, compression: &str) -> Topic {
        let name = format!("orders-{}-{compression}", format!("{format:?}").to_lowercase());
        broker.create_topic(&name, PARTITIONS, &[orders::KEPT]);
        let mut load = Load::new(&broker.bootstrap, compression);
        let (mut faults, mut bytes) = (Faults::new(), 0);
        for n in 0..records {
            let value = orders::value(n, format, &mut faults);
            bytes += value.len() as u64;
            load.send(&name, (n % PARTITIONS as u64) as i32, orders::time_ms(n), &value);
        }
        load.finish();
        Topic { name, format, records, bytes, faults }
    }
}

/// This program again, as a process of its own, so that what it takes can be told from what writing took.
pub fn of_bare(broker: &Broker, topic: &Topic) -> Usage {
    let mut own = Command::new(std::env::current_exe().expect("this program's path"));
    own.args(["bare", &broker.bootstrap, &topic.name, &topic.records.to_string()]);
    let (mut child, line) = Child::result(&mut own, &Path::new(env!("CARGO_TARGET_TMPDIR")).join("bare.log"));
    assert_eq!(line.trim().parse(), Ok(topic.records), "records that the bare consumer read");
    child.usage()
}

/// That process: reads, says how many, and waits to be measured.
pub fn of_itself_bare(bootstrap: &str, topic: &str, records: u64) {
    println!("{}", bare::read(bootstrap, topic, PARTITIONS, records));
    let _ = std::io::stdin().read_line(&mut String::new());
}

/// CPU and memory up to the last verdict, the time to the commit of the last record. Flushes and windows end sooner
/// than by default, which costs some CPU, so that there is less to wait for. `perf`: a file for its samples.
fn of_steward(broker: &Broker, topic: &Topic, round: usize, tasks: &str, perf: Option<&str>) -> Usage {
    let settings = format!("worker.tasks: {tasks}\nflush.interval: 1s\nwindow.grace: 1s\n");
    let contract = orders::contract(&topic.name, topic.format);
    let mut steward = Steward::start(broker, &format!("{}-{tasks}-{round}", topic.name), &[contract], &settings);
    let _perf = perf.map(|file| steward.child.sampled(file));
    let read = steward.committed(broker, &topic.name, PARTITIONS, topic.records);
    let judged = steward.judged(broker, topic.records, &topic.faults);
    Usage { wall_s: read.wall_s, ..judged }
}

impl Measured {
    /// The worst of the rounds: what a promise must stand.
    fn worst(&self, who: &str, of: impl Fn(&Usage) -> f64) -> Option<f64> {
        self.by.get(who)?.iter().map(of).max_by(f64::total_cmp)
    }

    /// The least of the rounds: what others are compared with, so that no noise of theirs helps us.
    fn best(&self, who: &str, of: impl Fn(&Usage) -> f64) -> Option<f64> {
        self.by.get(who)?.iter().map(of).min_by(f64::total_cmp)
    }

    fn json(&self) -> Value {
        let Topic { format, records, bytes, .. } = &self.topic;
        let usage = |u: &Usage| {
            json!({
                "cpuSecondsPerMillion": u.cpu_s / (*records as f64 / 1e6),
                "recordsPerSecond": *records as f64 / u.wall_s,
                "peakRssMib": u.peak_rss_mib,
            })
        };
        let runs: BTreeMap<_, Vec<_>> =
            self.by.iter().map(|(who, runs)| (who, runs.iter().map(usage).collect())).collect();
        json!({
            "format": format!("{format:?}").to_lowercase(),
            "compression": self.compression,
            "records": records,
            "bytesPerRecord": *bytes as f64 / *records as f64,
            "runs": runs,
        })
    }
}

/// `× bare` and `of Java` hold our worst round against their best.
fn table(all: &[Measured]) {
    println!("| records | who | CPU-s per million, each round | k records/s | peak RSS MiB | × bare | of Java |");
    println!("|---|---|---|---|---|---|---|");
    for measured in all {
        let Topic { format, records, bytes, .. } = &measured.topic;
        let ratio = |who: &str, other: &str| {
            let ratio = measured.worst(who, |u| u.cpu_s)? / measured.best(other, |u| u.cpu_s)?;
            who.starts_with("steward").then(|| format!("{ratio:.2}"))
        };
        for (who, runs) in &measured.by {
            let cpu: Vec<String> = runs.iter().map(|u| format!("{:.2}", u.cpu_s / (*records as f64 / 1e6))).collect();
            println!(
                "| {format:?} of {:.0} B, {} | {who} | {} | {:.0} | {:.0} | {} | {} |",
                *bytes as f64 / *records as f64,
                measured.compression,
                cpu.join(" "),
                *records as f64 / measured.worst(who, |u| u.wall_s).unwrap_or(f64::NAN) / 1e3,
                measured.worst(who, |u| u.peak_rss_mib).unwrap_or(f64::NAN),
                ratio(who, "bare").unwrap_or_default(),
                ratio(who, "java").unwrap_or_default(),
            );
        }
    }
    println!();
}
