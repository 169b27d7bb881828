//! A topic's records, read once: the reader, the registry that their schemas are asked of, and how far it is.

use crate::cli::contract::records::{Source, Taker};
use crate::cli::contract::registered;
use crate::config::registry::Registry;
use crate::config::usable::Config;
use crate::engine::decode::schema::{Registered, SchemaRef, Schemas};
use crate::engine::record::{Position, RawRecord, TopicId};
use crate::kafka::client::{ClientEvent, Events, GroupProtocol, Settings};
use crate::kafka::cluster::Cluster;
use crate::kafka::configured;
use crate::kafka::history::History;
use crate::registry::client::{Answer, Client};
use crate::registry::keeper;
use anyhow::{Context, anyhow, bail};
use std::io::{self, IsTerminal, Write};
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The reader joins no group; librdkafka wants a name for it all the same.
const GROUP: &str = "steward-contract";
const STAGE: &str = "contract";

pub fn read(source: &Source, topic: &str, taker: &mut impl Taker) -> anyhow::Result<()> {
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
    let mut registry = registry.map(|registry| Asked::new(&registry)).transpose()?;
    if registry.is_some() {
        taker.replace_schemas(Arc::default());
    }
    let mut history = History::open(&settings, topic, source.from, source.to).map_err(|fault| said(fault.message))?;
    let mut progress = Progress::new();
    let (mut trouble, mut records) = (Ok(()), 0);
    loop {
        let more = history.read(|partition, record| {
            if trouble.is_ok() {
                trouble = take(record, partition, taker, registry.as_mut());
                records += 1;
            }
        });
        std::mem::replace(&mut trouble, Ok(()))?;
        if !more.map_err(|fault| said(fault.message))? {
            break;
        }
        progress.show(history.progress(), records);
    }
    progress.end();
    Ok(())
}

/// Asks the registry for what the record cannot be read without.
fn take(
    record: &RawRecord<'_>,
    partition: i32,
    taker: &mut impl Taker,
    registry: Option<&mut Asked>,
) -> anyhow::Result<()> {
    // Nothing that is told names the topic's id.
    let at = Position { topic: TopicId(0), partition };
    let Err(schema) = taker.record(record, at) else { return Ok(()) };
    let Some(registry) = registry else { bail!("{schema} is wanted, and there is no registry") };
    taker.replace_schemas(registry.ask(schema)?);
    match taker.record(record, at) {
        Ok(()) => Ok(()),
        Err(schema) => bail!("{schema} cannot be had"),
    }
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
        events,
    };
    Ok((settings, None))
}

pub fn load(file: &Path) -> anyhow::Result<Config> {
    Config::load(file).map_err(|errors| anyhow!("{errors}"))
}

/// What a registry has told.
struct Asked {
    client: Client,
    known: Schemas,
}

impl Asked {
    fn new(registry: &Registry) -> anyhow::Result<Asked> {
        let client = Client::new(registry).map_err(|why| anyhow!("registry: {why}"))?;
        Ok(Asked { client, known: Schemas::default() })
    }

    /// What it says of one more. That it cannot be asked is no finding about a record: there is no answer then.
    fn ask(&mut self, schema: SchemaRef) -> anyhow::Result<Arc<Schemas>> {
        let said = match self.client.ask(schema, |_| {}) {
            Answer::Found(found) => keeper::registered(&found),
            Answer::Missing => Registered::Absent,
            Answer::Failed(failure) => bail!("registry: {}", failure.reason),
        };
        self.known = self.known.with(schema, said);
        Ok(Arc::new(self.known.clone()))
    }
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
