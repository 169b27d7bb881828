//! The real daemon, beside the mesh in this process: its configuration, its start and end, and its REST as anybody asks it.

use crate::config::usable::Config;
use crate::demo::broker::Broker;
use crate::demo::mesh::PRODUCTS;
use crate::flow::io::Exit;
use crate::kafka::configured;
use crate::worker;
use anyhow::Context as _;
use serde_json::Value;
use std::collections::BTreeMap;
use std::fs;
use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};
use tokio::task::JoinHandle;

/// Windows of 5 s, so that a newcomer sees verdicts within ten; 2 s of grace, for a machine that is busy elsewhere.
const CONFIGURATION: &str = "\
worker: {id: demo, tasks: 1}
contracts.paths: [contracts]
policies.paths: [policies]
window: {size: 5s, grace: 2s}
flush.interval: 1s
# The broker in memory has no transactions.
delivery: at_least_once
";
const POLICIES: &str = include_str!("policies.yaml");
/// The tasks flush and commit within it.
const STOP: Duration = Duration::from_secs(6);
const ASK: Duration = Duration::from_secs(2);
/// Ports looked at before giving up.
const PORTS: u16 = 100;

/// The configuration and the contracts, as files: they go when this goes.
pub struct Folder(PathBuf);

impl Folder {
    pub fn write() -> anyhow::Result<Folder> {
        let folder = std::env::temp_dir().join(format!("steward-demo-{}", std::process::id()));
        let contracts = folder.join("contracts");
        fs::create_dir_all(&contracts).with_context(|| format!("no folder for the demo: {}", folder.display()))?;
        let folder = Folder(folder);
        fs::write(folder.configuration(), CONFIGURATION)?;
        let policies = folder.path().join("policies");
        fs::create_dir_all(&policies)?;
        fs::write(policies.join("mesh.yaml"), POLICIES)?;
        for product in &PRODUCTS {
            let (file, text) = product.contract;
            fs::write(contracts.join(file), text.replace("{$schema}", product.encoding.schema().unwrap_or_default()))?;
        }
        Ok(folder)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn configuration(&self) -> PathBuf {
        self.0.join("steward.yaml")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // What cannot be removed is a few kilobytes in the folder for such things.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// The configuration, of the file and of what is known only now.
pub fn configure(file: &Path, broker: &Broker, registry: SocketAddr, listen: SocketAddr) -> anyhow::Result<Config> {
    let settings = BTreeMap::from([
        ("STEWARD_KAFKA_BOOTSTRAP_SERVERS".to_string(), broker.bootstrap.clone()),
        ("STEWARD_REGISTRY_URL".to_string(), format!("http://{registry}")),
        ("STEWARD_HTTP_LISTEN".to_string(), listen.to_string()),
    ]);
    let mut config = Config::load_with(file, &settings).map_err(|errors| anyhow::anyhow!("{errors}"))?;
    config.kafka.embedded = true;
    broker.create(&configured::topics(&config))?;
    Ok(config)
}

/// The port asked for, or the next free one; 0 is any.
pub fn free_port(port: u16) -> anyhow::Result<SocketAddr> {
    let ports = port..=port.saturating_add(if port == 0 { 0 } else { PORTS });
    let mut bound = ports.filter_map(|port| TcpListener::bind(("127.0.0.1", port)).ok());
    let listener =
        bound.next().with_context(|| format!("no port from {port} on is free; choose another with --port"))?;
    Ok(listener.local_addr()?)
}

/// A running daemon.
pub struct Daemon {
    pub listen: SocketAddr,
    runtime: Runtime,
    stop: oneshot::Sender<()>,
    running: JoinHandle<Exit>,
    agent: ureq::Agent,
}

impl Daemon {
    pub fn start(config: Config) -> anyhow::Result<Daemon> {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let (stop, stopped) = oneshot::channel::<()>();
        let listen = config.http.listen;
        let stopped = async {
            // Ends with an error when the sender is gone, which means the same.
            let _ = stopped.await;
        };
        let (_, no_reloads) = mpsc::channel(1);
        let running = runtime.spawn(worker::run(config, stopped, no_reloads));
        let agent = ureq::Agent::config_builder().timeout_global(Some(ASK)).http_status_as_error(false).build().into();
        Ok(Daemon { listen, runtime, stop, running, agent })
    }

    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Whether it has ended by itself.
    pub fn ended(&self) -> bool {
        self.running.is_finished()
    }

    pub fn is_ready(&self) -> bool {
        self.agent.get(format!("http://{}/ready", self.listen)).call().is_ok_and(|answer| answer.status() == 200)
    }

    /// `/products/{domain}/{name}/status`; null where nothing is known yet.
    pub fn status(&self, product: &str) -> Value {
        let answer = self.agent.get(format!("http://{}/products/{product}/status", self.listen)).call();
        let body = answer.ok().and_then(|mut answer| answer.body_mut().read_to_string().ok()).unwrap_or_default();
        serde_json::from_str(&body).unwrap_or(Value::Null)
    }

    /// Stops it and says why, where it ended otherwise than asked.
    pub fn stop(self) -> Option<String> {
        let _ = self.stop.send(());
        let ended = self.runtime.block_on(async { tokio::time::timeout(STOP, self.running).await });
        self.runtime.shutdown_background();
        match ended {
            Ok(Ok(Exit::Stopped)) => None,
            Ok(Ok(Exit::Fatal(why) | Exit::Configuration(why))) => Some(why),
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => Some(format!("it did not stop within {} s", STOP.as_secs())),
        }
    }
}
