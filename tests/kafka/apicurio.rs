//! One real schema registry for tests: Apicurio, from Maven, on a free loopback port, its schemas in memory.

use crate::broker::held::Held;
use crate::broker::{free_ports, fresh_folder};
use crate::worker::pause;
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

const ARTIFACT: &str = "apicurio-registry-app";
/// The last version that runs on Java 17, as Debian has it.
const VERSION: &str = "3.0.9";

pub struct Registry {
    /// What `registry.url` says: Confluent's API.
    pub url: String,
    held: Held,
}

/// The registry that all tests share, one after the other, for some stop it; each uses subjects of its own.
pub fn shared() -> MutexGuard<'static, Registry> {
    static SHARED: OnceLock<Mutex<Registry>> = OnceLock::new();
    // One that a test left behind by failing is whole: whoever stopped it started it again (`Stopped`).
    SHARED.get_or_init(|| Mutex::new(Registry::start())).lock().unwrap_or_else(PoisonError::into_inner)
}

impl Registry {
    /// Returns when it answers.
    fn start() -> Registry {
        let app = app();
        let [port, management] = free_ports();
        let folder = fresh_folder(&format!("registry-{port}"));
        let mut java = Command::new("java");
        java.args(["-Xmx256m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]); // it starts twice as fast
        java.arg(format!("-Dquarkus.http.port={port}")).arg(format!("-Dquarkus.management.port={management}"));
        java.args(["-Dquarkus.http.host=127.0.0.1", "-Dquarkus.management.host=127.0.0.1"]);
        java.args(["-Dapicurio.storage.kind=sql", "-Dapicurio.storage.sql.kind=h2"]);
        java.arg("-jar").arg(app.join(format!("{ARTIFACT}-{VERSION}-runner.jar")));
        let url = format!("http://127.0.0.1:{port}/apis/ccompat/v7");
        let registry = Registry { url, held: Held::start(folder, &java) };
        let started = Instant::now();
        while registry.call("GET", "/subjects", None).is_err() {
            // 5 to 10 s on an idle machine.
            assert!(started.elapsed() < Duration::from_secs(90), "no registry answers:\n{}", registry.held.log());
            pause(100);
        }
        registry
    }

    /// Registers an Avro schema; `references` are names and the subjects whose first version they mean. Its id.
    pub fn register(&self, subject: &str, schema: &Value, references: &[(&str, &str)]) -> u32 {
        self.register_as("AVRO", subject, &schema.to_string(), references)
    }

    /// A schema of another type, as its text.
    pub fn register_as(&self, kind: &str, subject: &str, schema: &str, references: &[(&str, &str)]) -> u32 {
        let refer = |(name, subject): &(&str, &str)| json!({"name": name, "subject": subject, "version": 1});
        let references: Vec<Value> = references.iter().map(refer).collect();
        let body = json!({"schema": schema, "schemaType": kind, "references": references});
        let answer = self.call("POST", &format!("/subjects/{subject}/versions"), Some(&body));
        let id = answer.unwrap_or_else(|why| panic!("{subject} cannot be registered: {why}"))["id"].as_u64();
        id.and_then(|id| u32::try_from(id).ok()).expect("an id")
    }

    /// It takes connections and answers nobody until the result is dropped.
    pub fn stop(&self) -> Stopped<'_> {
        self.held.signal("STOP");
        Stopped(self)
    }

    fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, String> {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(10)))
            .http_status_as_error(false)
            .build()
            .into();
        let url = format!("{}{path}", self.url);
        let answer = match body {
            Some(body) => agent.post(url).content_type("application/json").send(body.to_string()),
            None => agent.get(url).call(),
        };
        let mut answer = answer.map_err(|e| format!("{method} {path}: {e}"))?;
        let text = answer.body_mut().read_to_string().map_err(|e| e.to_string())?;
        if answer.status() != 200 {
            return Err(format!("{method} {path}: {}: {text}", answer.status()));
        }
        serde_json::from_str(&text).map_err(|e| format!("{e}: {text}"))
    }
}

pub struct Stopped<'r>(&'r Registry);

impl Drop for Stopped<'_> {
    fn drop(&mut self) {
        self.0.held.signal("CONT");
    }
}

/// The folder with the registry's jars: fetched once, then kept in `target`.
fn app() -> PathBuf {
    let app = Path::new(env!("CARGO_TARGET_TMPDIR")).with_file_name(format!("{ARTIFACT}-{VERSION}"));
    let whole = app.join("whole"); // written last
    if !whole.exists() {
        let _ = fs::remove_dir_all(&app);
        fs::create_dir_all(&app).expect("a folder for the registry");
        let artifact = format!("-Dartifact=io.apicurio:{ARTIFACT}:{VERSION}:tar.gz:all");
        run(&app, "mvn", &["-q", "-B", "dependency:copy", &artifact, "-DoutputDirectory=."]);
        // Not Maven's own `unpack`, which cuts the names of long files.
        run(&app, "tar", &["xzf", &format!("{ARTIFACT}-{VERSION}-all.tar.gz")]);
        fs::write(&whole, "").expect("the mark that the jars are whole");
    }
    app
}

fn run(folder: &Path, program: &str, arguments: &[&str]) {
    let ran = Command::new(program).args(arguments).current_dir(folder).output();
    let ran = ran.unwrap_or_else(|e| panic!("{program}: {e}; `tests/run` installs it, or says what is missing"));
    let said = [ran.stdout, ran.stderr].map(|said| String::from_utf8_lossy(&said).into_owned());
    assert!(ran.status.success(), "the registry cannot be fetched: {program}: {said:?}");
}
