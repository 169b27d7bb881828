//! One demo, from its first line to its last: start all, watch, stop the producers, wait for the last windows, compare.

use crate::demo::broker::Broker;
use crate::demo::faults::Book;
use crate::demo::found::{Found, Reader};
use crate::demo::governed::{Daemon, Folder, configure, free_port};
use crate::demo::mesh::PRODUCTS;
use crate::demo::produce::Producers;
use crate::demo::registry;
use crate::demo::report::Report;
use crate::demo::table::{self, Table};
use crate::table::{Row, Style};
use serde_json::Value;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use tokio::signal::unix::{SignalKind, signal};

/// The table is drawn this often: records/s of the last flush or two.
const DRAW: Duration = Duration::from_secs(1);
/// The last windows close 5 s + 2 s + two flushes after the last record; the rest is for a machine that is busy.
const CLOSE: Duration = Duration::from_secs(30);

#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// 0: any.
    pub port: u16,
    /// `None`: until Ctrl-C.
    pub lasts: Option<Duration>,
    pub view: View,
    pub style: Style,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum View {
    /// A table, redrawn in place.
    Table,
    /// A line for each window.
    Lines,
    /// Nothing until the end.
    Nothing,
}

/// Runs a demo to its end; the report is the caller's to show.
pub fn show(options: &Options, out: &mut impl Write) -> anyhow::Result<Report> {
    let began = Instant::now();
    let broker = Broker::start()?;
    let folder = Folder::write()?;
    let listen = free_port(options.port)?;
    if options.port != 0 && listen.port() != options.port {
        eprintln!("steward demo: port {} is taken; serving on {} instead", options.port, listen.port());
    }
    let registry = registry::bind()?;
    let config = configure(&folder.configuration(), &broker, registry.local_addr()?, listen)?;
    let reader = Reader::open(&broker.bootstrap, &config.governance.topic, config.governance.partitions)?;
    let daemon = Daemon::start(config)?;
    daemon.runtime().spawn(registry::serve(registry));
    let book = Arc::new(Book::default());
    let producers = Producers::start(&broker.bootstrap, book.clone())?;
    let mut scene = Scene {
        options,
        began,
        up: None,
        bootstrap: &broker.bootstrap,
        reader: &reader,
        daemon: &daemon,
        book: &book,
        found: Found::default(),
        table: Table::default(),
        rows: Vec::new(),
        drawn: None,
    };
    scene.greet(out)?;
    let interrupted = interrupts(&daemon, folder.path().to_owned())?;
    while !interrupted.load(Ordering::Relaxed)
        && options.lasts.is_none_or(|lasts| began.elapsed() < lasts)
        && !daemon.ended()
    {
        scene.turn("Ctrl-C ends it", out)?;
    }
    producers.stop();
    let stopped = Instant::now();
    while !scene.is_judged() && stopped.elapsed() < CLOSE && !daemon.ended() {
        scene.turn("the producers have stopped; the last windows are closing", out)?;
    }
    let mut report = scene.report();
    report.troubles.extend(daemon.stop().map(|why| format!("the daemon ended: {why}")));
    Ok(report)
}

/// What is on show.
struct Scene<'a> {
    options: &'a Options,
    began: Instant,
    /// When the daemon was ready.
    up: Option<Duration>,
    bootstrap: &'a str,
    reader: &'a Reader,
    daemon: &'a Daemon,
    book: &'a Book,
    found: Found,
    table: Table,
    rows: Vec<Row>,
    drawn: Option<Instant>,
}

impl Scene<'_> {
    fn greet(&self, out: &mut impl Write) -> std::io::Result<()> {
        if self.options.view == View::Nothing {
            return Ok(());
        }
        writeln!(
            out,
            "In this process: a Kafka broker, the producers of six data products, some of whose records are wrong on\n\
             purpose, and the steward, which judges every record against its product's contract, in windows of 5 s.\n\
             The first verdicts come after some 8 s.\n"
        )?;
        out.flush()
    }

    /// Hears what the daemon says, and shows it.
    fn turn(&mut self, foot: &str, out: &mut impl Write) -> anyhow::Result<()> {
        if let Some(event) = self.reader.next()? {
            self.found.take(&event);
            if event.value["window"]["late"] == false
                && let Some(start) =
                    event.value["window"]["start"].as_str().and_then(|s| s.parse::<jiff::Timestamp>().ok())
            {
                self.book.closed(event.value["product"].as_str().unwrap_or_default(), start.as_millisecond());
            }
            if self.options.view == View::Lines
                && let Some(line) = table::line(&event)
            {
                writeln!(out, "{line}")?;
                out.flush()?;
            }
        }
        if self.up.is_none() && self.daemon.is_ready() {
            self.up = Some(self.began.elapsed());
            if self.options.view == View::Lines {
                writeln!(out, "{}", self.places())?;
            }
        }
        if self.options.view == View::Table && self.drawn.is_none_or(|at| at.elapsed() >= DRAW) {
            self.draw(foot, out)?;
        }
        Ok(())
    }

    fn draw(&mut self, foot: &str, out: &mut impl Write) -> std::io::Result<()> {
        let seconds = self.drawn.map_or(0.0, |at| at.elapsed().as_secs_f64());
        self.drawn = Some(Instant::now());
        let written = self.book.entries().written;
        let row = |(place, product): (usize, &crate::demo::mesh::Product)| {
            let before = self.rows.get(place).filter(|_| seconds > 0.0).map(|row| (row, seconds));
            let written = written.get(product.name).copied().unwrap_or(0);
            row_of(product.name, &self.daemon.status(product.name), written, before)
        };
        self.rows = PRODUCTS.iter().enumerate().map(row).collect();
        let since = self.began.elapsed().as_secs();
        let time = self.options.lasts.map_or(format!("{since} s"), |lasts| format!("{since} of {} s", lasts.as_secs()));
        self.table.draw(out, self.options.style, [&self.places(), &format!("{time}; {foot}")], &self.rows)
    }

    /// Where a visitor may look by himself.
    fn places(&self) -> String {
        match self.up {
            Some(up) => format!(
                "up after {:.1} s: http://{}/products   Kafka on {}, see the topic governance.events",
                up.as_secs_f64(),
                self.daemon.listen,
                self.bootstrap
            ),
            None => "starting".into(),
        }
    }

    /// Every record stands in a window that was told, and so does what no record shows.
    fn is_judged(&self) -> bool {
        let entries = self.book.entries();
        let all = |(product, written): (&&str, &u64)| self.found.records.get(*product).is_some_and(|n| n >= written);
        let faults = self.found.faults();
        entries.written.iter().all(all) && entries.planted.keys().all(|key| faults.contains_key(key))
    }

    fn report(&self) -> Report {
        let entries = self.book.entries();
        let mut troubles = Vec::new();
        let mut records = 0;
        for product in &PRODUCTS {
            let written = entries.written.get(product.name).copied().unwrap_or(0);
            let judged = self.found.records.get(product.name).copied().unwrap_or(0);
            records += judged;
            if written != judged {
                troubles.push(format!("{}: {written} records written, {judged} judged", product.name));
            }
        }
        troubles.extend(entries.failed.iter().map(|why| format!("the producers: {why}")));
        Report {
            exact: self.found.inexact == 0 && self.found.lost == 0 && troubles.is_empty(),
            planted: entries.planted,
            found: self.found.faults(),
            records,
            windows: self.found.windows,
            troubles,
        }
    }
}

/// A product's row, with what only the producers know: how much was written. `before`: the same product's row of so many seconds ago.
fn row_of(product: &str, status: &Value, written: u64, before: Option<(&Row, f64)>) -> Row {
    let row = Row::of(product, status);
    let gone = |(then, seconds): (&Row, f64)| row.records.saturating_sub(then.records) as f64 / seconds.max(0.1);
    Row { rate: before.map(gone), lag: Some(written.saturating_sub(row.records)), ..row }
}

/// True after the first SIGINT or SIGTERM; a second one ends the process at once, and leaves no folder behind.
fn interrupts(daemon: &Daemon, folder: PathBuf) -> anyhow::Result<Arc<AtomicBool>> {
    let asked = Arc::new(AtomicBool::new(false));
    let _entered = daemon.runtime().enter();
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let told = asked.clone();
    daemon.runtime().spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if told.swap(true, Ordering::Relaxed) {
                let _ = std::fs::remove_dir_all(&folder);
                // 128 and the signal's number, as shells say it.
                std::process::exit(130);
            }
        }
    });
    Ok(asked)
}
