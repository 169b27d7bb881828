//! `steward top`: a table of all products as any worker tells it, live on a terminal, once elsewhere.

pub mod ask; // what a worker is asked
pub mod screen; // what is on show, and what keys do
pub mod draw; // how it looks
pub mod live; // a terminal, its keys and its end

use crate::cli::Exit;
use crate::cli::top::ask::{Asker, Told};
use crate::cli::top::live::live;
use crate::cli::top::screen::Screen;
use crate::clock::now_ms;
use crate::config::typed::parse_duration;
use crate::table::{self, Column, Row, Style};
use anyhow::bail;
use serde_json::{Value, json};
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// A worker's REST (`http.listen`); any one answers for all
    #[arg(long, value_name = "URL", default_value = "http://127.0.0.1:8083")]
    pub url: String,
    /// How often it is asked
    #[arg(long, value_name = "TIME", value_parser = interval, default_value = "2s")]
    pub interval: Duration,
    /// What the rows are ordered by: what one looks for first
    #[arg(long, value_name = "COLUMN", value_enum, default_value_t = Column::Verdict)]
    pub sort: Column,
    /// Only products whose name, owner, verdict or worst rule holds this text, whatever its case
    #[arg(long, value_name = "TEXT", default_value = "", hide_default_value = true)]
    pub filter: String,
    /// Prints the table once, as it does where no terminal is
    #[arg(long)]
    pub once: bool,
    /// Prints one JSON document
    #[arg(long)]
    pub json: bool,
}

/// Good when it is left; not done where nothing could be asked, and it was to be asked once.
pub fn top(args: &Args, out: &mut impl Write) -> anyhow::Result<Exit> {
    let asker = Asker::new(&args.url);
    let terminal = io::stdout().is_terminal();
    let mut screen = Screen::new(asker.url(), patience_ms(args.interval), args.sort, &args.filter);
    if terminal && !args.once && !args.json {
        return live(asker, screen, args.interval, Style::on(terminal), out);
    }
    match asker.ask() {
        Ok(told) => screen.hear(Ok(told), now_ms()),
        Err(why) => bail!("{why}"),
    }
    let Some(told) = screen.told() else { bail!("nothing was told") };
    let rows = screen.rows(now_ms());
    match args.json {
        true => writeln!(out, "{}", serde_json::to_string_pretty(&document(told, &rows))?)?,
        false => text(told, &rows, Style::on(terminal), out)?,
    }
    Ok(Exit::Good)
}

fn text(told: &Told, rows: &[Row], style: Style, out: &mut impl Write) -> io::Result<()> {
    table::lines(style, &Column::ALL, rows).iter().try_for_each(|line| writeln!(out, "{line}"))?;
    writeln!(out, "\n{}", told.workers_line())?;
    told.complaints().iter().try_for_each(|complaint| writeln!(out, "{complaint}"))
}

fn document(told: &Told, rows: &[Row]) -> Value {
    let product = |row: &Row| {
        json!({
            "product": row.product,
            "owner": row.owner,
            "state": row.state,
            "verdict": (!row.verdict.is_empty()).then_some(&row.verdict),
            "score": row.score,
            "records_per_second": row.rate.filter(|_| !row.stale),
            "violations": row.violations,
            "worst_rule": row.worst.as_ref().map(|(rule, _)| rule),
            "incidents": row.incidents,
            "lag_records": row.lag.filter(|_| !row.stale),
            "freshness_seconds": row.freshness_s,
            "stale": row.stale,
        })
    };
    let worker = |worker: &ask::Worker| {
        json!({"worker_id": worker.id, "alive": worker.alive, "ready": worker.ready, "reasons": worker.reasons,
            "tasks": worker.tasks, "tasks_running": worker.running})
    };
    json!({
        "products": rows.iter().map(product).collect::<Vec<_>>(),
        "workers": told.workers.iter().map(worker).collect::<Vec<_>>(),
    })
}

/// Two rounds, and the longest that both questions of one may take.
fn patience_ms(interval: Duration) -> i64 {
    i64::try_from((2 * interval + 2 * ask::LONGEST).as_millis()).unwrap_or(i64::MAX)
}

/// A tenth of a second at least: an answer costs the worker some milliseconds.
fn interval(text: &str) -> Result<Duration, String> {
    match parse_duration(text).and_then(|ms| u64::try_from(ms).ok()) {
        Some(ms) if ms >= 100 => Ok(Duration::from_millis(ms)),
        _ => Err("a number and a unit, 100ms at least: 2s, 1m".to_owned()),
    }
}
