//! The daemon as it is measured: a `steward run` of its own on the bench's broker, and what it said.

use crate::broker::Broker;
use crate::broker::topics::consumer;
use crate::child::{Child, Usage};
use crate::orders::{Faults, UNDECODABLE};
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

/// What is waited for takes at most as long, or the run has failed: at 10,000 records a second two million take 200 s.
const PATIENCE: Duration = Duration::from_secs(600);
const CALL: Duration = Duration::from_secs(20);

pub struct Steward {
    pub child: Child,
    /// Names its groups and its topics, so that each run has its own.
    run: String,
    http: String,
    folder: PathBuf,
}

impl Steward {
    /// Starts a worker for these contracts. `settings` are lines of its configuration beside names and addresses.
    pub fn start(broker: &Broker, run: &str, contracts: &[String], settings: &str) -> Steward {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("bench").join(run);
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(folder.join("contracts")).expect("a folder for the daemon");
        for (n, contract) in contracts.iter().enumerate() {
            fs::write(folder.join(format!("contracts/{n}.odcs.yaml")), contract).expect("a contract");
        }
        let [port] = crate::broker::free_ports();
        let http = format!("127.0.0.1:{port}");
        let config = format!(
            "kafka.bootstrap.servers: {}\nworker.id: bench\nworker.group.id: {run}\ncontracts.paths: [contracts]\n\
             governance.topic: {run}.events\ngovernance.internal.prefix: _{run}\nhttp.listen: {http}\n{settings}\n",
            broker.bootstrap
        );
        fs::write(folder.join("steward.yaml"), config).expect("the configuration");
        // Another build, so that two can be compared without building this program twice.
        let daemon = std::env::var_os("BENCHED_STEWARD").unwrap_or(env!("CARGO_BIN_EXE_steward").into());
        let mut command = Command::new(daemon);
        command.args(["run", "--config"]).arg(folder.join("steward.yaml"));
        let child = Child::start(&mut command, &folder.join("steward.log"));
        Steward { child, run: run.into(), http, folder }
    }

    /// Waits until `/ready` says 200.
    pub fn ready(&mut self) {
        self.until("ready", |s| s.get("/ready").is_some().then_some(()));
    }

    /// Waits until so many partitions are read.
    pub fn reads(&mut self, partitions: f64) {
        self.until("all partitions read", |s| {
            let page = s.get("/metrics")?;
            // A ledger's task counts partitions of deltas.
            let inspectors: String =
                page.split_inclusive('\n').filter(|line| line.contains("task=\"inspect-")).collect();
            (sum(&inspectors, "steward_live_partitions") >= partitions).then_some(())
        });
    }

    /// Waits until it has committed so many records of the topic; what it had taken by then.
    pub fn committed(&mut self, broker: &Broker, topic: &str, partitions: i32, records: u64) -> Usage {
        let group = consumer(&broker.bootstrap, &[("group.id", &self.run)]);
        let mut list = TopicPartitionList::new();
        list.add_partition_range(topic, 0, partitions - 1);
        self.until(&format!("{records} records of {topic} committed"), |s| {
            // A coordinator that is just being made is no reason to fail.
            let committed = group.committed_offsets(list.clone(), CALL).ok()?;
            let offset = |o| if let Offset::Offset(o) = o { o as u64 } else { 0 };
            let sum: u64 = committed.elements().iter().map(|e| offset(e.offset())).sum();
            (sum >= records).then(|| s.child.usage())
        })
    }

    /// Waits until windows have told so many records; fails where they tell more than there were, or other faults.
    pub fn judged(&mut self, broker: &Broker, records: u64, faults: &Faults) -> Usage {
        let events = self.events();
        let (usage, counted, found) = self.until(&format!("{records} records judged"), |s| {
            let (counted, found) = told(&broker.read(&events));
            (counted >= records).then(|| (s.child.usage(), counted, found))
        });
        assert_eq!(
            (counted, &found),
            (records, faults),
            "records and faults told, and those written; {}",
            self.place()
        );
        usage
    }

    /// The topic of what it says.
    pub fn events(&self) -> String {
        format!("{}.events", self.run)
    }

    /// The sum of a metric's series.
    pub fn metric(&mut self, name: &str) -> f64 {
        let page = self.until("metrics", |s| s.get("/metrics"));
        sum(&page, name)
    }

    /// The body where the answer is 200.
    pub fn get(&self, path: &str) -> Option<String> {
        let agent: ureq::Agent = ureq::Agent::config_builder().timeout_global(Some(CALL)).build().into();
        agent
            .get(format!("http://{}{path}", self.http))
            .call()
            .ok()?
            .body_mut()
            .with_config()
            .limit(1 << 30)
            .read_to_string()
            .ok()
    }

    pub fn place(&self) -> String {
        format!("see {}", self.folder.display())
    }

    fn until<T>(&mut self, what: &str, mut holds: impl FnMut(&mut Steward) -> Option<T>) -> T {
        let started = Instant::now();
        loop {
            if let Some(found) = holds(self) {
                return found;
            }
            self.child.runs();
            assert!(started.elapsed() < PATIENCE, "not within {PATIENCE:?}: {what}; {}", self.place());
            pause(Duration::from_millis(100));
        }
    }
}

/// Records and faults that windows tell.
fn told(events: &[crate::broker::records::Read]) -> (u64, Faults) {
    let (mut records, mut faults) = (0, Faults::new());
    for event in events.iter().filter(|e| e.headers.get("ce_type").is_some_and(|t| t.ends_with("quality.window.v1"))) {
        let window = event.json();
        let count = |place: &Value| place.as_u64().unwrap_or(0);
        records += count(&window["counts"]["records"]);
        // The number of records that could not be decoded is told as the result of a rule, too.
        let undecodable = count(&window["counts"]["undecodable"]);
        let rules = window["results"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|result| (result["id"].as_str().unwrap_or_default(), count(&result["measure"]["failedRowCount"])));
        // Nulls of a column that may have some are measured, and no fault.
        let rules = rules.filter(|(id, _)| *id != "email" && *id != "steward.decodable");
        for (rule, failed) in rules.chain([(UNDECODABLE, undecodable)]).filter(|(_, failed)| *failed > 0) {
            *faults.entry(rule.into()).or_default() += failed;
        }
    }
    (records, faults)
}

/// The sum of a metric's series on a page of Prometheus' text.
pub fn sum(page: &str, name: &str) -> f64 {
    let of = |line: &str| {
        let rest = line.strip_prefix(name)?;
        let value = rest.strip_prefix('{').map_or(Some(rest), |labelled| labelled.rsplit_once('}').map(|(_, v)| v))?;
        value.trim().parse::<f64>().ok()
    };
    page.lines().filter_map(of).sum()
}

#[allow(clippy::disallowed_methods, reason = "no client of ours is served meanwhile")]
pub fn pause(time: Duration) {
    std::thread::sleep(time);
}

/// A consumer at the end of a topic.
pub fn tail(bootstrap: &str, topic: &str) -> BaseConsumer {
    let settings = [("group.id", "bench-tail"), ("isolation.level", "read_committed"), ("fetch.wait.max.ms", "10")];
    let consumer = consumer(bootstrap, &settings);
    let metadata = consumer.fetch_metadata(Some(topic), CALL).expect("metadata");
    let partitions = metadata.topics().first().map_or(0, |t| t.partitions().len() as i32);
    let mut list = TopicPartitionList::new();
    for partition in 0..partitions {
        list.add_partition_offset(topic, partition, Offset::Beginning).expect("the beginning");
    }
    consumer.assign(&list).expect("an assignment");
    consumer
}
