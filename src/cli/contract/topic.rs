//! A topic's records, read once: the reader's settings, the registry that their schemas are asked of, and how far it is.

use crate::catalog::sampling::parts::{self, Threads};
use crate::catalog::sampling::{self, Taker};
use crate::cli::contract::records::Source;
use crate::cli::contract::registered;
use crate::config::registry::Registry;
use crate::config::usable::Config;
use crate::engine::trial::run::Trial;
use crate::kafka::client::{ClientEvent, Events, GroupProtocol, Settings};
use crate::kafka::cluster::Cluster;
use crate::kafka::configured;
use crate::kafka::history::Bound;
use anyhow::{Context, anyhow, bail};
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The reader joins no group; librdkafka wants a name for it all the same.
const GROUP: &str = "steward-contract";
const STAGE: &str = "contract";

/// Hands over the topic's records, one after the other.
pub fn read(source: &Source, topic: &str, taker: &mut impl Taker) -> anyhow::Result<()> {
    told(source, |settings, registry, bounds, shown| sampling::read(settings, registry, topic, bounds, taker, shown))
}

/// Tries a contract on them, on several threads.
pub fn try_on(source: &Source, topic: &str, trial: &mut Trial, threads: Threads) -> anyhow::Result<()> {
    told(source, |settings, registry, bounds, shown| {
        parts::try_on(settings, registry, topic, bounds, (trial, threads), shown)
    })
}

type Bounds = (Option<Bound>, Option<Bound>);

/// Reads by these settings, and shows how far it is.
fn told(
    source: &Source,
    read: impl FnOnce(
        &Settings,
        Option<&Registry>,
        Bounds,
        &mut dyn FnMut(sampling::Progress) -> bool,
    ) -> Result<sampling::Progress, String>,
) -> anyhow::Result<()> {
    match (source.from, source.to) {
        (Some(Bound::Offset(from)), Some(Bound::Offset(to))) if from >= to => {
            bail!("--from {from} is not before --to {to}: no record lies between them")
        }
        (Some(Bound::Time(from)), Some(Bound::Time(to))) if from >= to => {
            bail!("--from is not before --to: no record lies between these times")
        }
        _ => {}
    }
    let heard = Arc::new(Mutex::new(String::new()));
    let (settings, registry) = settings(source.config.as_deref(), source.bootstrap.as_deref(), GROUP, &heard)?;
    let registry = match &source.registry_url {
        Some(url) => Some(registered::registry(None, Some(url))?),
        None => registry,
    };
    let said = |message: String| {
        let heard = heard.lock().unwrap_or_else(PoisonError::into_inner);
        match heard.as_str() {
            "" => anyhow!(message),
            heard => anyhow!("{message} ({heard})"),
        }
    };
    let mut progress = Progress::new();
    let mut shown = |so_far: sampling::Progress| {
        progress.show((so_far.done, so_far.all), so_far.records);
        true
    };
    let read = read(&settings, registry.as_ref(), (source.from, source.to), &mut shown).map_err(said);
    progress.end();
    read.map(|_| ())
}

/// A client's settings, by a configuration or of a broker, and the registry where the configuration names one. `heard` takes
/// the client's last error.
pub fn settings(
    config: Option<&Path>,
    bootstrap: Option<&str>,
    group: &str,
    heard: &Arc<Mutex<String>>,
) -> anyhow::Result<(Settings, Option<Registry>)> {
    let heard = heard.clone();
    let events: Events = Arc::new(move |event: ClientEvent| {
        if event.level <= 3 {
            *heard.lock().unwrap_or_else(PoisonError::into_inner) = event.text;
        }
    });
    if let Some(file) = config {
        let config = load(file)?;
        let registry = (!config.registry.urls.is_empty()).then(|| config.registry.clone());
        return Ok((configured::settings(&config, group, STAGE, 0, events), registry));
    }
    let bootstrap = bootstrap.map(str::to_owned).context("no broker is named")?;
    let settings = Settings {
        properties: [("bootstrap.servers".to_owned(), bootstrap)].into(),
        consumer: Default::default(),
        producer: Default::default(),
        admin: Default::default(),
        family: group.to_owned(),
        group: group.to_owned(),
        protocol: GroupProtocol::Classic,
        cluster: Cluster::Kafka,
        transactions: false,
        schema_headers: false,
        replication_factor: -1,
        worker_id: "desk".to_owned(),
        stage: STAGE,
        slot: 0,
        topics: 1,
        tokens: None,
        events,
    };
    Ok((settings, None))
}

pub fn load(file: &Path) -> anyhow::Result<Config> {
    Config::load(file).map_err(|errors| anyhow!("{errors}"))
}

/// How far it is, drawn over itself on standard error; nothing where that is no terminal.
pub struct Progress {
    shown: bool,
    began: Instant,
    last: Option<Instant>,
}

/// Characters of the bar: with what stands beside it a line is shorter than a terminal's 80.
const BAR: usize = 20;
/// Twice a second.
const REDRAW: Duration = Duration::from_millis(500);

impl Default for Progress {
    fn default() -> Progress {
        Progress::new()
    }
}

impl Progress {
    pub fn new() -> Progress {
        Progress { shown: io::stderr().is_terminal(), began: Instant::now(), last: None }
    }

    /// `(done, all)` in offsets.
    pub fn show(&mut self, (done, all): (u64, u64), records: u64) {
        if !self.shown || self.last.is_some_and(|last| last.elapsed() < REDRAW) {
            return;
        }
        self.last = Some(Instant::now());
        // Nobody minds where a line of progress cannot be written.
        let _ = write!(io::stderr(), "\r\x1b[2K{}", line(done, all, records, self.began.elapsed()));
    }

    pub fn end(&self) {
        if self.last.is_some() {
            let _ = write!(io::stderr(), "\r\x1b[2K");
        }
    }
}

fn line(done: u64, all: u64, records: u64, elapsed: Duration) -> String {
    let seconds = elapsed.as_secs_f64().max(0.001);
    let percent = if all == 0 { 100.0 } else { done as f64 / all as f64 * 100.0 };
    let left = match done {
        0 => String::new(),
        _ => format!(", {:.0} s left", all.saturating_sub(done) as f64 * seconds / done as f64),
    };
    let filled = (percent.clamp(0.0, 100.0) / 100.0 * BAR as f64) as usize;
    let bar = "#".repeat(filled) + &".".repeat(BAR - filled);
    format!("[{bar}] {percent:.0} %, {records} records, {:.0} records/s{left}", records as f64 / seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_says_how_fast_and_how_long_it_will_take() {
        let ten_s = Duration::from_secs(10);
        assert_eq!(line(250, 1_000, 200, ten_s), "[#####...............] 25 %, 200 records, 20 records/s, 30 s left");
        assert_eq!(line(0, 1_000, 0, ten_s), "[....................] 0 %, 0 records, 0 records/s");
        assert_eq!(line(0, 0, 0, ten_s), "[####################] 100 %, 0 records, 0 records/s");
    }
}
