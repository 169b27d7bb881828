//! `steward run`: the daemon.

use crate::cli::Exit;
use crate::config::usable::Config;
use crate::flow::io;
use crate::telemetry;
use crate::worker;
use std::path::PathBuf;
use std::process;
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;

/// Threads for HTTP and supervision; the tasks have their own.
const RUNTIME_THREADS: usize = 2;
/// A client that waits for a broker which is away may hang in its destructor; what it held is read again anyway.
const LINGER: Duration = Duration::from_millis(500);

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration; config/steward.yaml documents every key.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
}

/// Runs until SIGTERM, SIGINT or something fatal; says why it ended on standard error.
pub fn run(args: &Args) -> anyhow::Result<Exit> {
    let config = match Config::load(&args.config) {
        Ok(config) => config,
        Err(errors) => {
            eprintln!("{errors}");
            return Ok(Exit::Configuration);
        }
    };
    telemetry::log::init_logs(&config.log.level, if config.log.json { "json" } else { "text" })?;
    for note in &config.notes {
        tracing::info!("{note}");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(RUNTIME_THREADS).enable_all().build()?;
    let exit = runtime.block_on(async {
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        let asked = async move {
            tokio::select! {
                _ = terminate.recv() => tracing::info!("SIGTERM: flushing and stopping"),
                _ = interrupt.recv() => tracing::info!("SIGINT: flushing and stopping"),
            }
        };
        anyhow::Ok(worker::run(config, asked, hangups()?).await)
    })?;
    runtime.shutdown_timeout(LINGER);
    let code = match exit {
        io::Exit::Stopped => {
            tracing::info!("stopped");
            Exit::Good
        }
        io::Exit::Fatal(why) => {
            tracing::error!("fatal: {why}");
            Exit::Fatal
        }
        io::Exit::Configuration(why) => {
            tracing::error!("configuration: {why}");
            Exit::Configuration
        }
    };
    // A task that did not end in time may still sit in a client's call: the process does not wait for it.
    process::exit(code.code().into());
}

/// One for each SIGHUP; those that come while one waits are one with it.
fn hangups() -> std::io::Result<mpsc::Receiver<()>> {
    let mut hangup = signal(SignalKind::hangup())?;
    let (asked, reloads) = mpsc::channel(1);
    tokio::spawn(async move {
        while hangup.recv().await.is_some() {
            tracing::info!("SIGHUP: reading again");
            let _ = asked.try_send(());
        }
    });
    Ok(reloads)
}
