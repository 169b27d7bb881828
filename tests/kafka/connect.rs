//! One real Kafka Connect for tests, on a free loopback port, beside the broker that they share.

use crate::broker::held::Held;
use crate::broker::{LOG4J, free_ports, fresh_folder, java, kafka_libs, shared as broker};
use crate::worker::pause;
use serde_json::{Value, json};
use std::fs;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

pub struct Connect {
    /// What `connect.url` says.
    pub url: String,
    held: Held,
}

/// The Connect that all tests share; each makes connectors and topics of its own.
pub fn shared() -> &'static Connect {
    static SHARED: OnceLock<Connect> = OnceLock::new();
    SHARED.get_or_init(Connect::start)
}

impl Connect {
    /// Returns when it answers.
    fn start() -> Connect {
        let (bootstrap, libs) = (&broker().bootstrap, kafka_libs());
        let [port] = free_ports();
        let folder = fresh_folder(&format!("connect-{port}"));
        let settings = folder.join("worker.properties");
        fs::write(&settings, worker_properties(bootstrap, port)).expect("the worker's settings");
        fs::write(folder.join("log4j.properties"), LOG4J).expect("the worker's log settings");
        let mut worker = java(&libs, &folder, "384m");
        worker.arg("org.apache.kafka.connect.cli.ConnectDistributed").arg(&settings);
        let connect = Connect { url: format!("http://127.0.0.1:{port}"), held: Held::start(folder, &worker) };
        let started = Instant::now();
        while connect.call("GET", "/connectors", None).is_err() {
            // 2 to 10 s on an idle machine.
            assert!(started.elapsed() < Duration::from_secs(90), "Connect does not answer:\n{}", connect.held.log());
            pause(100);
        }
        connect
    }

    /// Makes a connector, or configures it anew.
    pub fn put(&self, name: &str, config: &Value) {
        // While its workers rebalance, Connect answers 409.
        self.again(&format!("connector {name}"), || {
            self.call("PUT", &format!("/connectors/{name}/config"), Some(config)).map(drop)
        });
    }

    /// `pause`, `stop`, `resume`.
    pub fn order(&self, name: &str, what: &str) {
        self.again(&format!("{what} {name}"), || {
            self.call("PUT", &format!("/connectors/{name}/{what}"), None).map(drop)
        });
    }

    pub fn delete(&self, name: &str) {
        self.again(&format!("delete {name}"), || self.call("DELETE", &format!("/connectors/{name}"), None).map(drop));
    }

    /// Waits until the connector and its tasks stand so: `["RUNNING", "RUNNING"]`, the connector's own state first.
    pub fn stands(&self, name: &str, states: &[&str]) {
        self.again(&format!("{name} as {states:?}"), || {
            let status = self.call("GET", &format!("/connectors/{name}/status"), None)?;
            let tasks = status["tasks"].as_array().into_iter().flatten();
            let found: Vec<_> = std::iter::once(&status["connector"]).chain(tasks).map(|s| &s["state"]).collect();
            if found == states { Ok(()) } else { Err(status.to_string()) }
        });
    }

    fn again(&self, what: &str, mut ask: impl FnMut() -> Result<(), String>) {
        let started = Instant::now();
        while let Err(why) = ask() {
            assert!(started.elapsed() < Duration::from_secs(60), "{what}: {why}\n{}", self.held.log());
            pause(200);
        }
    }

    fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, String> {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(10)))
            .http_status_as_error(false)
            .build()
            .into();
        let url = format!("{}{path}", self.url);
        let answer = match (method, body) {
            ("PUT", Some(body)) => agent.put(url).content_type("application/json").send(body.to_string()),
            ("PUT", None) => agent.put(url).send_empty(),
            ("DELETE", _) => agent.delete(url).call(),
            _ => agent.get(url).call(),
        };
        let mut answer = answer.map_err(|e| format!("{method} {path}: {e}"))?;
        let text = answer.body_mut().read_to_string().map_err(|e| e.to_string())?;
        match answer.status().as_u16() {
            200..=299 => Ok(serde_json::from_str(&text).unwrap_or(json!({}))),
            status => Err(format!("{method} {path}: {status}: {text}")),
        }
    }
}

fn worker_properties(bootstrap: &str, port: u16) -> String {
    format!(
        "bootstrap.servers={bootstrap}
group.id=connect-tests
key.converter=org.apache.kafka.connect.storage.StringConverter
value.converter=org.apache.kafka.connect.storage.StringConverter
offset.storage.topic=connect-tests-offsets
config.storage.topic=connect-tests-configs
status.storage.topic=connect-tests-status
offset.storage.replication.factor=1
config.storage.replication.factor=1
status.storage.replication.factor=1
offset.storage.partitions=1
status.storage.partitions=1
listeners=HTTP://127.0.0.1:{port}
rest.advertised.host.name=127.0.0.1
rest.advertised.port={port}
plugin.discovery=service_load
# A test waits for these; their defaults are made for clusters that are never watched.
offset.flush.interval.ms=500
scheduled.rebalance.max.delay.ms=0
"
    )
}
