//! One real Apache Flink for tests, on free loopback ports: a JobManager, a TaskManager and the SQL gateway.

use crate::broker::held::{Held, pause};
use crate::broker::{LOG4J, free_ports, fresh_folder, java, libs};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

pub struct Flink {
    /// The SQL gateway: what `flink.url` says.
    pub gateway: String,
    /// The JobManager's REST: what `flink.jobmanager.url` says.
    pub jobs: String,
    held: [Held; 3],
}

/// The Flink that all tests share; each runs jobs of its own. The error says why there is none: the test that needs it is skipped.
pub fn shared() -> Result<&'static Flink, &'static str> {
    static SHARED: OnceLock<Result<Flink, String>> = OnceLock::new();
    SHARED.get_or_init(Flink::start).as_ref().map_err(String::as_str)
}

impl Flink {
    /// Returns when both answer and a task may run.
    fn start() -> Result<Flink, String> {
        let libs = libs("flink-libs", "flink.xml").map_err(|why| format!("Flink's jars: {why}"))?;
        let [rest, rpc, sql] = free_ports();
        let started = Instant::now();
        let run = |name: &str, heap: &str, words: &[&str]| {
            let folder = fresh_folder(&format!("flink-{name}-{sql}"));
            fs::write(folder.join("config.yaml"), config(rest, rpc, sql, &folder)).expect("Flink's settings");
            fs::write(folder.join("log4j.properties"), LOG4J).expect("Flink's log settings");
            let java = java(&libs, &folder, heap);
            let mut command = Command::new("env");
            command.arg(format!("FLINK_CONF_DIR={}", folder.display()));
            command.arg(format!("FLINK_LIB_DIR={}", libs.display()));
            command.arg(java.get_program()).args(
                OPENED.iter().flat_map(|part| ["--add-opens".to_owned(), format!("java.base/java.{part}=ALL-UNNAMED")]),
            );
            command.args(java.get_args()).args(words);
            if name != "gateway" {
                command.arg("--configDir").arg(&folder);
            }
            Held::start(folder, &command)
        };
        let entry = "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint";
        let held = [
            run("jobs", "384m", &[entry]),
            run("tasks", "320m", &["org.apache.flink.runtime.taskexecutor.TaskManagerRunner"]),
            run("gateway", "384m", &["org.apache.flink.table.gateway.SqlGateway"]),
        ];
        let [gateway, jobs] = [sql, rest].map(|port| format!("http://127.0.0.1:{port}"));
        let flink = Flink { gateway, jobs, held };
        let up = || {
            let overview = call("GET", &format!("{}/overview", flink.jobs), None)?;
            let ready = overview["taskmanagers"].as_u64() > Some(0);
            call("GET", &format!("{}/v1/info", flink.gateway), None).map(|_| ready)
        };
        while up() != Ok(true) {
            // 8 s on an idle machine.
            let logs = || flink.held.iter().map(Held::log).collect::<Vec<_>>().join("\n");
            assert!(started.elapsed() < Duration::from_secs(120), "Flink does not answer:\n{}", logs());
            pause(200);
        }
        Ok(flink)
    }

    /// Runs statements in a session of their own, one after the other; what each came to, a submitted job's id among it (`jobID`).
    pub fn sql(&self, statements: &[&str]) -> Result<Vec<Value>, String> {
        let gateway = &self.gateway;
        let named =
            |value: Value, name: &str| value[name].as_str().map(str::to_owned).ok_or(format!("no {name}: {value}"));
        let session = call("POST", &format!("{gateway}/v1/sessions"), Some(json!({"sessionName": "test"})))?;
        let session = format!("{gateway}/v1/sessions/{}", named(session, "sessionHandle")?);
        let run = |statement: &&str| {
            let body = json!({"statement": statement});
            let operation = call("POST", &format!("{session}/statements"), Some(body))?;
            let operation = format!("{session}/operations/{}", named(operation, "operationHandle")?);
            let asked = Instant::now();
            while matches!(
                call("GET", &format!("{operation}/status"), None)?["status"].as_str(),
                Some("INITIALIZED" | "PENDING" | "RUNNING")
            ) {
                assert!(asked.elapsed() < Duration::from_secs(60), "{statement} does not end");
                pause(50);
            }
            call("GET", &format!("{operation}/result/0?rowFormat=JSON"), None)
        };
        statements.iter().map(run).collect()
    }
}

/// The answer's JSON; the error is what it says instead.
pub fn call(method: &str, url: &str, body: Option<Value>) -> Result<Value, String> {
    let config =
        ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(30))).http_status_as_error(false);
    let agent: ureq::Agent = config.build().into();
    let answer = match (method, body) {
        ("POST", body) => agent.post(url).content_type("application/json").send(body.unwrap_or(json!({})).to_string()),
        ("PATCH", _) => agent.patch(url).send_empty(),
        ("DELETE", _) => agent.delete(url).call(),
        _ => agent.get(url).call(),
    };
    let mut answer = answer.map_err(|e| format!("{method} {url}: {e}"))?;
    let text = answer.body_mut().read_to_string().map_err(|e| e.to_string())?;
    match answer.status().as_u16() {
        200..=299 => Ok(serde_json::from_str(&text).unwrap_or(json!({}))),
        status => Err(format!("{method} {url}: {status}: {text}")),
    }
}

/// What Flink's launch scripts open of Java, of which there are none among the jars.
const OPENED: [&str; 11] = [
    "lang",
    "net",
    "io",
    "nio",
    "text",
    "time",
    "util",
    "util.concurrent",
    "util.concurrent.atomic",
    "util.concurrent.locks",
    "lang.reflect",
];

/// Without a launch script a TaskManager needs every part of its memory set.
fn config(rest: u16, rpc: u16, sql: u16, folder: &Path) -> String {
    format!(
        "rest: {{address: 127.0.0.1, bind-address: 127.0.0.1, port: {rest}}}
jobmanager:
  rpc: {{address: 127.0.0.1, port: {rpc}}}
  bind-host: 127.0.0.1
  memory: {{process: {{size: 1024m}}}}
taskmanager:
  host: 127.0.0.1
  bind-host: 127.0.0.1
  numberOfTaskSlots: 8
  cpu: {{cores: 2.0}}
  memory: {{task: {{heap: {{size: 256m}}, off-heap: {{size: 0m}}}}, managed: {{size: 32m}}, network: {{min: 64m, max: 64m}}, framework: {{heap: {{size: 64m}}, off-heap: {{size: 64m}}}}, jvm-metaspace: {{size: 192m}}, jvm-overhead: {{min: 64m, max: 64m}}}}
execution: {{target: remote}}
io: {{tmp: {{dirs: {folder}}}}}
sql-gateway: {{endpoint: {{rest: {{address: 127.0.0.1, bind-address: 127.0.0.1, port: {sql}}}}}}}
",
        folder = folder.display()
    )
}
