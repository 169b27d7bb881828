//! A `steward run` of its own: started, asked, signalled, and gone when the test is.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

pub struct Worker {
    process: Child,
    log: PathBuf,
    http: String,
}

impl Worker {
    /// Starts a worker with the configuration `settings`, `id` and a free port added; its files stand in `folder`.
    pub fn start(folder: &Path, id: &str, settings: &str) -> Worker {
        Worker::start_in(folder, id, settings, &[])
    }

    /// With variables added to its environment.
    pub fn start_in(folder: &Path, id: &str, settings: &str, environment: &[(&str, String)]) -> Worker {
        Worker::start_program(Path::new(env!("CARGO_BIN_EXE_steward")), folder, id, settings, environment)
    }

    /// Of this program.
    pub fn start_program(
        program: &Path,
        folder: &Path,
        id: &str,
        settings: &str,
        environment: &[(&str, String)],
    ) -> Worker {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let http = listener.local_addr().expect("its address").to_string();
        drop(listener);
        let config = folder.join(format!("{id}.yaml"));
        fs::write(&config, format!("{settings}\nworker.id: {id}\nhttp.listen: {http}\n")).expect("the configuration");
        let log = folder.join(format!("{id}.log"));
        let mut command = Command::new(program);
        command.args(["run", "--config"]).arg(&config);
        command.envs(environment.iter().map(|(name, value)| (name, value)));
        Worker::of(&mut command, log, http)
    }

    /// One that this command starts; what it says is added to `log`, and it serves at `http`.
    pub fn of(command: &mut Command, log: PathBuf, http: String) -> Worker {
        let out = File::options().create(true).append(true).open(&log).expect("the worker's log");
        command.stdin(Stdio::null()).stdout(out.try_clone().expect("a second handle")).stderr(out);
        let process = command.spawn().expect("steward starts");
        Worker { process, log, http }
    }

    /// Waits until `/ready` says 200.
    pub fn ready(mut self) -> Worker {
        let started = Instant::now();
        while self.get("/ready").0 != 200 {
            assert!(!self.ended(), "it ended before it was ready");
            assert!(started.elapsed() < Duration::from_secs(60), "not ready: {:?}", self.get("/ready"));
            pause(100);
        }
        self
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.process.id()
    }

    /// Host and port of its REST and metrics.
    pub fn address(&self) -> &str {
        &self.http
    }

    /// Status and body; 0 where nobody answers.
    pub fn get(&self, path: &str) -> (u16, String) {
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(5)))
            .http_status_as_error(false)
            .max_redirects(0) // what it says itself
            .build()
            .into();
        match agent.get(format!("http://{}{path}", self.http)).call() {
            Ok(mut answer) => (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap_or_default()),
            Err(error) => (0, error.to_string()),
        }
    }

    /// Status and body of a request without body; 0 where nobody answers.
    pub fn ask(&self, method: &str, path: &str) -> (u16, String) {
        let url = format!("http://{}{path}", self.http);
        let agent: ureq::Agent = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(30)))
            .http_status_as_error(false)
            .build()
            .into();
        let asked = match method {
            "PUT" => agent.put(url).send_empty(),
            _ => agent.post(url).send_empty(),
        };
        match asked {
            Ok(mut answer) => (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap_or_default()),
            Err(error) => (0, error.to_string()),
        }
    }

    /// The sum of a metric over its labels; `None` where the worker does not show it.
    pub fn metric(&self, name: &str) -> Option<f64> {
        let (_, body) = self.get("/metrics");
        let mut lines =
            body.lines().filter(|l| l.strip_prefix(name).is_some_and(|rest| rest.starts_with(['{', ' ']))).peekable();
        lines.peek()?;
        Some(lines.filter_map(|l| l.rsplit(' ').next()?.parse::<f64>().ok()).sum())
    }

    pub fn kill_9(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// STOP, CONT, TERM …
    pub fn signal(&self, name: &str) {
        let sent = Command::new("sh").arg("-c").arg(format!("kill -{name} {}", self.process.id())).status();
        assert!(sent.is_ok_and(|s| s.success()), "SIG{name} cannot be sent");
    }

    pub fn ended(&mut self) -> bool {
        self.process.try_wait().expect("the worker's state").is_some()
    }

    /// How it ended; fails after `limit`.
    pub fn wait(&mut self, limit: Duration) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait().expect("the worker's state") {
                return status;
            }
            assert!(started.elapsed() < limit, "still running after {limit:?}");
            pause(20);
        }
    }

    pub fn log(&self) -> String {
        fs::read_to_string(&self.log).unwrap_or_default()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        self.kill_9();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            println!("== the end of {}\n{}", self.log.display(), lines[lines.len().saturating_sub(40)..].join("\n"));
        }
    }
}

/// Lets time pass; a test has no queue to wait on for what another process does.
#[allow(clippy::disallowed_methods, reason = "this thread serves no rebalance")]
pub fn pause(ms: u64) {
    std::thread::sleep(Duration::from_millis(ms));
}
