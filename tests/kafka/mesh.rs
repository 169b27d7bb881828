//! A scenario's own small mesh: one product on one topic, its oracle, and the workers that govern it.

use crate::broker::Broker;
use crate::broker::records::Record;
use crate::oracle::{self, Expected, Orders};
use crate::verdicts::{self, Verdicts};
use crate::worker::{Worker, pause};
use mesh_steward::clock::now_ms;
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// How long the last window may take to close after the last record: the window (5 s), its grace (2 s) and two flushes
/// make 10 s; the rest is for a session that must end first, and for a machine that runs other tests too.
const CLOSES_WITHIN: Duration = Duration::from_secs(60);

pub struct Mesh<'b> {
    pub broker: &'b Broker,
    pub topic: String,
    pub group: String,
    orders: Mutex<Orders>,
    pub events: String,
    pub name: &'static str,
    folder: TempDir,
    settings: String,
}

impl<'b> Mesh<'b> {
    /// `settings` are further lines of the workers' configuration.
    pub fn new(broker: &'b Broker, name: &'static str, partitions: i32, settings: &str) -> Mesh<'b> {
        let folder = tempfile::tempdir().expect("a folder for the mesh");
        fs::create_dir(folder.path().join("contracts")).expect("a folder for contracts");
        let (topic, group, events) = (format!("{name}.orders"), format!("{name}-steward"), format!("{name}.events"));
        let flush = if settings.contains("flush.interval") { "" } else { "flush.interval: 1s\n" };
        let settings = format!(
            "kafka.bootstrap.servers: {}\nworker: {{group.id: {group}, tasks: 1}}\ncontracts.paths: [contracts]\n\
             governance: {{topic: {events}, internal.prefix: _{name}, partitions: 2}}\ninternal.partitions: 4\n\
             window: {{size: 5s, grace: 2s}}\n{flush}{settings}",
            broker.bootstrap
        );
        broker.create_topic(&topic, partitions, &[]);
        let mesh = Mesh {
            broker,
            topic,
            group,
            orders: Mutex::new(Orders::new(42, partitions)),
            events,
            name,
            folder,
            settings,
        };
        mesh.put_contract("1.0.0");
        mesh
    }

    /// Its workers come to the broker by this listener, with these lines of configuration.
    pub fn through(mut self, listener: &str, lines: &str) -> Mesh<'b> {
        self.settings = self.settings.replace(&self.broker.bootstrap, listener) + "\n" + lines;
        self
    }

    /// The workers' configuration, in a file.
    pub fn configuration(&self, id: &str) -> std::path::PathBuf {
        let file = self.folder.path().join(format!("{id}.checked.yaml"));
        fs::write(&file, format!("{}\nworker.id: {}-{id}\n", self.settings, self.name)).expect("the configuration");
        file
    }

    /// Writes the contract in this version over the one before.
    pub fn put_contract(&self, version: &str) {
        let text = oracle::contract(self.name, &self.topic, version);
        let file = self.folder.path().join("contracts/orders.odcs.yaml");
        let new = file.with_extension("new");
        fs::write(&new, text).and_then(|()| fs::rename(&new, &file)).expect("the contract");
    }

    /// A second contract in a file of its own: `shop/PRODUCT`, reading `topic`.
    pub fn put_contract_of(&self, product: &str, topic: &str) {
        let file = self.folder.path().join(format!("contracts/{product}.odcs.yaml"));
        fs::write(file, oracle::contract(product, topic, "1.0.0")).expect("the contract");
    }

    /// A second contract of the same product, over the same topic.
    pub fn put_second_contract(&self) {
        let text = oracle::contract(self.name, &self.topic, "1.0.0").replace("-contract", "-second");
        fs::write(self.folder.path().join("contracts/second.odcs.yaml"), text).expect("the contract");
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn worker(&self, id: &str) -> Worker {
        Worker::start(self.folder.path(), &format!("{}-{id}", self.name), &self.settings)
    }

    /// A worker of another version.
    pub fn worker_of(&self, program: &Path, id: &str) -> Worker {
        Worker::start_program(program, self.folder.path(), &format!("{}-{id}", self.name), &self.settings, &[])
    }

    /// A worker that comes to the broker by this listener, beside others that do not.
    pub fn worker_by(&self, id: &str, listener: &str) -> Worker {
        let settings = self.settings.replace(&self.broker.bootstrap, listener);
        Worker::start(self.folder.path(), &format!("{}-{id}", self.name), &settings)
    }

    /// A worker that a service manager runs.
    pub fn unit(&self, id: &str, environment: &[(&str, String)]) -> Worker {
        Worker::start_in(self.folder.path(), &format!("{}-{id}", self.name), &self.settings, environment)
    }

    /// A second worker with the id of a running one, as on a second machine: with files of its own.
    pub fn twin(&self, id: &str) -> Worker {
        let folder = self.folder.path().join("twin");
        fs::create_dir(&folder).expect("a folder for the twin");
        let settings = self.settings.replace("[contracts]", "[../contracts]");
        Worker::start(&folder, &format!("{}-{id}", self.name), &settings)
    }

    /// The source of orders, and what is expected of all that it wrote.
    pub fn orders(&self) -> MutexGuard<'_, Orders> {
        self.orders.lock().expect("no writer panics")
    }

    /// Writes orders whose times run from `from_ms` to `to_ms`.
    pub fn write(&self, count: usize, from_ms: i64, to_ms: i64) {
        let writer = self.broker.writer(&self.topic);
        let time = |n| from_ms + (to_ms - from_ms) * n as i64 / count as i64;
        self.orders().write(count, time, |_| true, |records| writer.write(records));
    }

    /// Writes orders of now, 20 times a second, while `act` runs.
    pub fn under_load<T>(&self, per_second: usize, act: impl FnOnce() -> T) -> T {
        self.under_load_of(per_second, Record::clone, act)
    }

    /// The same, each order written as `written` says.
    pub fn under_load_of<T>(
        &self,
        per_second: usize,
        written: impl Fn(&Record) -> Record + Sync,
        act: impl FnOnce() -> T,
    ) -> T {
        let writer = self.broker.writer(&self.topic);
        let ended = AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !ended.load(Ordering::Relaxed) {
                    let now = now_ms();
                    let write = |records: &[Record]| writer.write(&records.iter().map(&written).collect::<Vec<_>>());
                    self.orders().write(per_second / 20, |_| now, |_| true, write);
                    pause(50);
                }
            });
            let _end = OnDrop(&ended); // when `act` panics, too
            act()
        })
    }

    /// Waits until every record is judged, then holds everything said against the oracle.
    pub fn judged(&self, workers: &[&Worker]) -> Verdicts {
        let started = Instant::now();
        let mut verdicts = Verdicts::read(self.broker, &self.events);
        let expected = self.orders().expected.clone();
        while verdicts.records < expected.records {
            assert!(started.elapsed() < CLOSES_WITHIN, "{}", self.stuck(&verdicts, &expected, workers));
            pause(500);
            verdicts = Verdicts::read(self.broker, &self.events);
        }
        let judged_after = started.elapsed();
        pause(2_500); // two flushes: what would be said twice is said by then
        let verdicts = Verdicts::read(self.broker, &self.events);
        assert_eq!(verdicts::malformed(self.broker, &self.events), Vec::<String>::new());
        let differences = verdicts.differences(&expected);
        assert!(differences.is_empty(), "{differences:#?}\ngaps: {:?}", verdicts.gap_bounds());
        for worker in workers {
            assert_eq!(worker.metric("steward_chain_overlaps_total"), Some(0.0), "chain overlaps");
        }
        let violations: u64 = verdicts.failed.values().sum();
        println!(
            "{}: {} records, none missed, none counted twice; {violations} violations, as planted; {} incidents, none twice; judged {:.1} s \
             after the last record",
            self.name,
            verdicts.records,
            verdicts.incidents.len(),
            judged_after.as_secs_f64()
        );
        verdicts
    }

    /// Waits until every offset is covered and every window closed, then holds each window against the topic itself:
    /// no record is missing, and where one was counted twice the window says so. Returns how many say so.
    pub fn judged_at_least_once(&self, workers: &[&Worker]) -> usize {
        let started = Instant::now();
        let mut written: BTreeMap<i64, u64> = BTreeMap::new();
        for record in self.broker.read(&self.topic) {
            *written.entry(record.timestamp_ms / 5_000 * 5_000).or_default() += 1;
        }
        loop {
            let verdicts = Verdicts::read(self.broker, &self.events);
            let found = verdicts.by_window();
            let missing = |(start, count): (&i64, &u64)| found.get(start).is_none_or(|(records, _)| records < count);
            if !written.iter().any(|(start, count)| missing((start, count))) {
                self.unbroken(&verdicts);
                let more = |(start, (records, exact)): &(&i64, &(u64, bool))| {
                    *exact && written.get(start).copied().unwrap_or(0) != *records
                };
                assert_eq!(found.iter().filter(more).collect::<Vec<_>>(), [], "exact, and not what was written");
                assert_eq!(verdicts::malformed(self.broker, &self.events), Vec::<String>::new());
                return found.values().filter(|(_, exact)| !exact).count();
            }
            let expected = self.orders().expected.clone();
            assert!(started.elapsed() < CLOSES_WITHIN, "{}", self.stuck(&verdicts, &expected, workers));
            pause(500);
        }
    }

    /// Where it stands still: stage 1 by the lag of its group, stage 2 by that of its own.
    fn stuck(&self, verdicts: &Verdicts, expected: &Expected, workers: &[&Worker]) -> String {
        let (deltas, ledger) = (format!("_{}.deltas", self.name), format!("{}-ledger", self.group));
        let ready: Vec<_> = workers.iter().map(|w| w.get("/ready")).collect();
        format!(
            "not judged in time: {:#?}\nstage 1 committed {:?}, stage 2 has {} deltas to go of {:?}; ready: {ready:?}",
            verdicts.differences(expected),
            self.broker.committed(&self.group, &self.topic),
            self.broker.lag(&ledger, &deltas),
            self.broker.ends(&deltas),
        )
    }

    /// Holds that every offset written was read: one unbroken interval a partition, and nothing reported as a gap.
    pub fn unbroken(&self, verdicts: &Verdicts) {
        assert_eq!(verdicts.gaps, Vec::<serde_json::Value>::new());
        for (partition, (first, next)) in &self.orders().expected.offsets {
            let covered = verdicts.covered(*partition);
            let whole = matches!(covered.as_slice(), [ids] if matches!(ids.as_slice(), [(from, to)] if from <= first && next <= to));
            assert!(whole, "partition {partition}: [{first}, {next}) was written, {covered:?} was read");
        }
    }
}

/// Says true when it goes, when its owner panics too.
pub struct OnDrop<'a>(pub &'a AtomicBool);

impl Drop for OnDrop<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
