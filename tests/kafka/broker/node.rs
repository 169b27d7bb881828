//! One process of Kafka: it is killed or stopped, and started again with what it had written.

use crate::broker::held::Held;
use crate::broker::held::pause;
use crate::broker::{LOG4J, fresh_folder, java, kafka_libs};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

pub struct Node {
    folder: PathBuf,
    command: Command,
    held: Mutex<Option<Held>>,
}

impl Node {
    /// One with formatted storage, not started. `properties` win over those that every node has; `format` are further words
    /// for the formatting.
    pub fn format(port: u16, controller: u16, properties: &str, format: &[&str]) -> Node {
        let libs = kafka_libs();
        let folder = fresh_folder(&format!("broker-{port}"));
        let settings = folder.join("server.properties");
        fs::write(&settings, server_properties(port, controller, &folder) + properties).expect("the broker's settings");
        fs::write(folder.join("log4j.properties"), LOG4J).expect("the broker's log settings");
        let format = java(&libs, &folder, "64m")
            .args(["kafka.tools.StorageTool", "format", "-t", CLUSTER_ID, "-c"])
            .arg(&settings)
            .args(format)
            .output();
        let format = format.expect("java starts");
        assert!(format.status.success(), "storage cannot be formatted: {}", String::from_utf8_lossy(&format.stderr));
        let mut command = java(&libs, &folder, "512m");
        // Kafka asks only those for keys whom its own command line names (KIP-768, since 4.0).
        let keys = properties.lines().filter_map(|line| line.split_once("jwks.endpoint.url=")).map(|(_, url)| url);
        command.args(keys.map(|url| format!("-Dorg.apache.kafka.sasl.oauthbearer.allowed.urls={url}")));
        command.arg("kafka.Kafka").arg(&settings);
        Node { folder, command, held: Mutex::new(None) }
    }

    /// Starts it, where it does not run.
    pub fn start(&self) {
        let _ = fs::remove_file(self.mark());
        self.held().get_or_insert_with(|| Held::start(self.folder.clone(), &self.command));
    }

    /// Kills it, as a machine that loses its power does.
    pub fn kill(&self) {
        fs::write(self.mark(), "").expect("the mark that its folder stays");
        drop(self.held().take());
    }

    /// Asks it to stop, and waits until it has: it hands its leaderships to others first, where there are any.
    pub fn stop(&self) {
        fs::write(self.mark(), "").expect("the mark that its folder stays");
        if let Some(held) = self.held().take() {
            held.signal("TERM");
            let asked = Instant::now();
            while held.runs() {
                assert!(asked.elapsed() < Duration::from_secs(60), "it does not stop:\n{}", held.log());
                pause(50);
            }
        }
    }

    /// STOP, CONT …
    pub fn signal(&self, name: &str) {
        self.held().as_ref().expect("a node that runs").signal(name);
    }

    pub fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }

    /// Where it writes.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    fn mark(&self) -> PathBuf {
        self.folder.join(Held::KEPT)
    }

    fn held(&self) -> MutexGuard<'_, Option<Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        drop(self.held().take());
        let _ = fs::remove_dir_all(&self.folder); // of one that was down
    }
}

/// 16 bytes in URL-safe base64, as Kafka wants a cluster's id.
const CLUSTER_ID: &str = "bWVzaC1zdGV3YXJkLXRlcw";

fn server_properties(port: u16, controller: u16, folder: &Path) -> String {
    format!(
        "process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
controller.listener.names=CONTROLLER
listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT
log.dirs={}
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
auto.create.topics.enable=false
# A test waits for these; their defaults are made for clusters that are never watched.
group.initial.rebalance.delay.ms=0
transaction.abort.timed.out.transaction.cleanup.interval.ms=500
group.consumer.min.session.timeout.ms=6000
group.consumer.session.timeout.ms=6000
group.consumer.min.heartbeat.interval.ms=500
group.consumer.heartbeat.interval.ms=500
log.segment.delete.delay.ms=1000
# Small: the machine builds and runs workers at the same time.
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=16777216
",
        folder.join("data").display()
    )
}
