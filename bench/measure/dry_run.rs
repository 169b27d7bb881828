//! A dry run of a topic that no memory holds: how fast it is beside a bare consumer, whether its memory grows, and whether
//! it finds what was planted.

use crate::arguments::Arguments;
use crate::broker::Broker;
use crate::child::{Child, Usage};
use crate::end_to_end::{Topic, format_of, of_bare};
use crate::orders::{self, Faults, UNDECODABLE};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;

/// What is known of the keys of one window exactly; beyond it their number is an estimate (`engine::check::keys`).
const KEYS_EXACT: u64 = 1_000_000;
const UNIQUE: &str = "orders.order_id.unique";

pub fn run(arguments: &mut Arguments) {
    let gigabytes: f64 = arguments.number("--gb", 1.0);
    let formats = arguments.list("--format", "json");
    let compression = arguments.text("--compression").unwrap_or("none".into());
    arguments.end();
    let mut all = Vec::new();
    println!(
        "| topic | records | who | k records/s | MB/s | CPU-s per million | peak RSS MiB at 10 % of its time | at its end |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for format in formats.iter().map(|word| format_of(word)) {
        let sized: usize = (0..1_000).map(|n| orders::value(n, format, &mut Faults::new()).len()).sum();
        let records = (gigabytes * 1e9 / (sized as f64 / 1e3)) as u64;
        let broker = Broker::start();
        let topic = Topic::write(&broker, records, format, &compression);
        eprintln!("{} holds {records} records, {} MB", topic.name, topic.bytes / 1_000_000);
        let bare = of_bare(&broker, &topic);
        let (used, report) = dry_run(&broker, &topic);
        let unique = found(&report, &topic);
        let (early, end) = (at(&used, 0.1), at(&used, 1.0));
        for (who, early, end) in [("bare", None, bare), ("dry run", Some(early), end)] {
            println!(
                "| {format:?}, {compression}, {:.2} GB | {records} | {who} | {:.0} | {:.0} | {:.2} | {} | {:.0} |",
                topic.bytes as f64 / 1e9,
                records as f64 / end.wall_s / 1e3,
                topic.bytes as f64 / end.wall_s / 1e6,
                end.cpu_s / (records as f64 / 1e6),
                early.map_or(String::new(), |usage| format!("{:.0}", usage.peak_rss_mib)),
                end.peak_rss_mib,
            );
        }
        println!("\nplanted = found: {:?}; {unique}\n", topic.faults);
        all.push(json!({
            "format": format!("{format:?}").to_lowercase(),
            "compression": compression,
            "records": records,
            "bytes": topic.bytes,
            "recordsPerSecond": records as f64 / end.wall_s,
            "cpuSecondsPerMillion": end.cpu_s / (records as f64 / 1e6),
            "bareRecordsPerSecond": records as f64 / bare.wall_s,
            "peakRssMibAtATenth": early.peak_rss_mib,
            "peakRssMib": end.peak_rss_mib,
        }));
    }
    println!("{}", Value::Array(all));
}

/// What it had taken from time to time, and what it said.
fn dry_run(broker: &Broker, topic: &Topic) -> (Vec<Usage>, Value) {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench");
    fs::create_dir_all(&folder).expect("a folder");
    let contract = folder.join("dry-run.odcs.yaml");
    fs::write(&contract, orders::contract(&topic.name, topic.format)).expect("a contract");
    // Another build, as the daemon's.
    let steward = std::env::var_os("BENCHED_STEWARD").unwrap_or(env!("CARGO_BIN_EXE_steward").into());
    let mut command = Command::new(steward);
    command.args(["contract", "test", "--format", "json", "--topic", &topic.name, "--bootstrap", &broker.bootstrap]);
    command.arg("--contract").arg(&contract);
    let log = folder.join("dry-run.log");
    let used = Child::start(&mut command, &log).until_it_ends();
    let said = fs::read_to_string(&log).expect("its words");
    let report = said.find('{').map(|at| serde_json::from_str(&said[at..]));
    (used, report.and_then(Result::ok).unwrap_or_else(|| panic!("no report: {said}")))
}

/// What it had taken when so much of its time was over.
fn at(used: &[Usage], share: f64) -> Usage {
    let end = *used.last().expect("it ran for longer than a look takes");
    used.iter().copied().find(|usage| usage.wall_s >= share * end.wall_s).unwrap_or(end)
}

/// Fails where it found anything else than was planted. What it says of keys, of which so many are not known exactly.
fn found(report: &Value, topic: &Topic) -> String {
    assert_eq!(report["records"]["read"], topic.records, "records read");
    let mut planted = topic.faults.clone();
    let mut told = Faults::new();
    told.insert(UNDECODABLE.into(), report["records"]["undecodable"].as_u64().unwrap_or(0));
    let mut unique = "no rule about keys was measured".to_owned();
    for check in report["checks"].as_array().into_iter().flatten() {
        let word = |key: &str| check[key].as_str().unwrap_or_default();
        let derived = || format!("{}.{}.{}", word("schema"), word("property"), word("rule"));
        let id = check["id"].as_str().map_or_else(derived, str::to_owned);
        let failed = check["failed"].as_u64().unwrap_or(0);
        if id == UNIQUE {
            unique = format!("unique: {}, {failed} rows, {}", word("verdict"), word("reason"));
        }
        told.insert(id, failed);
    }
    if topic.records > KEYS_EXACT {
        planted.remove(UNIQUE);
    }
    planted.retain(|_, rows| *rows > 0);
    let told: Faults = told.into_iter().filter(|(id, _)| planted.contains_key(id)).collect();
    assert_eq!(told, planted, "found, planted: {report:#}");
    unique
}
