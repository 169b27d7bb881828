//! `steward demo`: everything in one process, and proof that what was planted is found.

use crate::cli::Exit;
use crate::config::typed::parse_duration;
use crate::demo::mesh;
use crate::demo::show::{Options, View, show};
use crate::table::Style;
use crate::telemetry;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// Port of REST, health and metrics; the next free one if it is taken, 0: any
    #[arg(long, value_name = "PORT", default_value_t = 8083)]
    pub port: u16,
    /// How long the producers write, such as 60s or 5m; without it, until Ctrl-C
    #[arg(long = "for", value_name = "TIME", value_parser = lasting)]
    pub lasts: Option<Duration>,
    /// Prints one JSON object at the end, and nothing before
    #[arg(long)]
    pub json: bool,
}

/// Bad where planted and found differ.
pub fn demo(args: &Args, out: &mut impl Write) -> anyhow::Result<Exit> {
    let terminal = io::stdout().is_terminal();
    // A log line would stand in the middle of the table; what matters is told at the end.
    let level = std::env::var("STEWARD_LOG_LEVEL");
    let level = level.as_deref().unwrap_or(if terminal && !args.json { "error" } else { "warn" });
    telemetry::log::init_logs(level, "text")?;
    let style = Style::on(terminal);
    let view = match (args.json, terminal) {
        (true, _) => View::Nothing,
        (_, true) => View::Table,
        (_, false) => View::Lines,
    };
    let report = show(&Options { port: args.port, lasts: args.lasts, view, style }, out)?;
    if args.json {
        report.json(out)?;
    } else {
        writeln!(out)?;
        report.text(out, style, &mesh::words())?;
    }
    Ok(if report.is_good() { Exit::Good } else { Exit::Bad })
}

fn lasting(text: &str) -> Result<Duration, String> {
    let ms = parse_duration(text).and_then(|ms| u64::try_from(ms).ok());
    ms.map(Duration::from_millis).ok_or_else(|| "a number and a unit: 30s, 5m, 1h".to_string())
}
