//! `steward check`: the configuration, its contracts, and with `--connect` the cluster.

use crate::cli::Exit;
use crate::config::raw::DEFAULT;
use crate::config::usable::Config;
use std::io::{self, Write};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration; config/steward.yaml documents every key
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Also asks the cluster: brokers, governed topics, the daemon's own topics
    #[arg(long)]
    pub connect: bool,
}

/// The report is the answer, so that it goes to standard output, good or bad.
pub fn check(args: &Args, out: &mut impl Write) -> io::Result<Exit> {
    let config = match Config::load(&args.config) {
        Ok(config) => config,
        Err(errors) => {
            write!(out, "{errors}")?;
            return Ok(Exit::Configuration);
        }
    };
    writeln!(out, "configuration ok: {}", config.file.display())?;
    effective(&config, out)?;
    Ok(Exit::Good)
}

/// Every value in force; the place only where it is not the default.
fn effective(config: &Config, out: &mut impl Write) -> io::Result<()> {
    let width = config.effective.iter().map(|e| e.key.len()).max().unwrap_or(0);
    for e in &config.effective {
        let place = if e.place == DEFAULT { String::new() } else { format!("  ({})", e.place) };
        writeln!(out, "  {:width$}  {}{place}", e.key, e.value)?;
    }
    config.notes.iter().try_for_each(|note| writeln!(out, "note: {note}"))
}
