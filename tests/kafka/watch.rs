//! The real Prometheus and the real Alertmanager with our rules and our route, and the webhook that both end in.

use crate::boards;
use crate::broker::held::Held;
use crate::broker::{free_ports, fresh_folder};
use crate::worker::pause;
use serde_json::Value;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Alertmanager is called otherwise in its own packages than in Debian's.
const ALERTMANAGERS: [&str; 2] = ["prometheus-alertmanager", "alertmanager"];

pub struct Watch {
    prometheus: u16,
    held: [Held; 2],
    pub hook: Hook,
}

impl Watch {
    /// Watches a worker; `None`, and a line, where the programs are not installed. What is made to wait for people is shortened:
    /// a test waits for it.
    pub fn start(worker: &str) -> Option<Watch> {
        let starts = |program: &&str| Command::new(program).arg("--version").output().is_ok();
        let Some(alertmanager) = ALERTMANAGERS.iter().find(|program| starts(program)).filter(|_| starts(&"prometheus"))
        else {
            println!("skipped: Prometheus and Alertmanager are not installed");
            return None;
        };
        let hook = Hook::listen();
        let [prometheus, alerts] = free_ports();
        let folder = fresh_folder(&format!("alertmanager-{alerts}"));
        let route = boards::text("alertmanager.yaml")
            .replace("127.0.0.1:9900", &hook.address.to_string())
            .replace("group_wait: 30s", "group_wait: 1s")
            .replace("group_interval: 5m", "group_interval: 1s");
        fs::write(folder.join("alertmanager.yaml"), route).expect("the route");
        let mut command = Command::new(alertmanager);
        command.args(["--config.file=alertmanager.yaml", "--storage.path=data", "--cluster.listen-address="]);
        command.arg(format!("--web.listen-address=127.0.0.1:{alerts}"));
        let paging = Held::start(folder, &command);

        let folder = fresh_folder(&format!("prometheus-{prometheus}"));
        let rules = boards::text("rules.yaml").replace("keep_firing_for: 2m", "keep_firing_for: 2s");
        fs::write(folder.join("rules.yaml"), rules).expect("the rules");
        let settings = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\nrule_files: [rules.yaml]\n\
             alerting: {{alertmanagers: [{{static_configs: [{{targets: [\"127.0.0.1:{alerts}\"]}}]}}]}}\n\
             scrape_configs: [{{job_name: mesh-steward, static_configs: [{{targets: [\"{worker}\"]}}]}}]\n"
        );
        fs::write(folder.join("prometheus.yaml"), settings).expect("its settings");
        let mut command = Command::new("prometheus");
        command.args(["--config.file=prometheus.yaml", "--storage.tsdb.path=data"]);
        command.arg(format!("--web.listen-address=127.0.0.1:{prometheus}"));
        let watch = Watch { prometheus, held: [Held::start(folder, &command), paging], hook };
        let started = Instant::now();
        while watch.ask("up").is_none_or(|answer| answer.is_empty()) {
            let logs = || watch.held.iter().map(Held::log).collect::<Vec<_>>().join("\n");
            assert!(started.elapsed() < Duration::from_secs(60), "Prometheus does not scrape:\n{}", logs());
            pause(100);
        }
        Some(watch)
    }

    /// The series that a query answers with; `None` where there is no answer.
    pub fn ask(&self, expr: &str) -> Option<Vec<Value>> {
        let url = format!("http://127.0.0.1:{}/api/v1/query", self.prometheus);
        let answer = ureq::get(&url).query("query", expr).call().ok()?.body_mut().read_to_string().ok()?;
        let answer: Value = serde_json::from_str(&answer).ok()?;
        answer["data"]["result"].as_array().cloned()
    }
}

/// What Alertmanager told, by the path that it told it to.
pub struct Hook {
    address: SocketAddr,
    told: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Hook {
    fn listen() -> Hook {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("its address");
        let told = Arc::new(Mutex::new(Vec::new()));
        let hears = told.clone();
        // It ends with the process.
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                if let Some(message) = hear(&stream) {
                    hears.lock().expect("nobody panics with it").push(message);
                }
            }
        });
        Hook { address, told }
    }

    pub fn told(&self) -> Vec<(String, Value)> {
        self.told.lock().expect("nobody panics with it").clone()
    }
}

/// One request, answered and closed.
fn hear(mut stream: &TcpStream) -> Option<(String, Value)> {
    stream.set_read_timeout(Some(Duration::from_secs(5))).ok()?;
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    let mut length = 0;
    while line.trim() != "" {
        line.clear();
        reader.read_line(&mut line).ok()?;
        if let Some((_, value)) = line.split_once(':').filter(|(name, _)| name.eq_ignore_ascii_case("content-length")) {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n").ok()?;
    Some((path, serde_json::from_slice(&body).ok()?))
}
