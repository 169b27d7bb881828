//! `steward quarantine`: what was put aside, why, and back again.

pub mod list; // which quarantines there are, and what stands in them
pub mod show; // records, with their reasons
pub mod replay; // back to their topic, or to another
pub mod copies; // a quarantine being read

use crate::cli::contract::topic;
use crate::cli::{Exit, examples};
use crate::flow::aside::SUFFIX;
use crate::kafka::client::Settings;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

#[derive(Debug, clap::Subcommand)]
pub enum Quarantine {
    /// Lists quarantines: how many records, of which products and rules, the oldest and the newest
    #[command(after_help = examples::QUARANTINE_LIST)]
    List(list::Args),
    /// Shows records, and why each was put aside
    #[command(after_help = examples::QUARANTINE_SHOW)]
    Show(show::Args),
    /// Writes records back to the topic they came from, or to another
    #[command(after_help = examples::QUARANTINE_REPLAY)]
    Replay(replay::Args),
}

/// Where the topics are.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = false)]
pub struct Cluster {
    /// The daemon's configuration, with its broker and logins
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// A broker that asks for no login
    #[arg(long, alias = "bootstrap.servers", value_name = "HOST:PORT")]
    bootstrap: Option<String>,
}

impl Cluster {
    /// `group`: whose offsets are read and committed, where any are.
    fn settings(&self, group: &str) -> anyhow::Result<Settings> {
        let heard = Arc::new(Mutex::new(String::new()));
        Ok(topic::settings(self.config.as_deref(), self.bootstrap.as_deref(), group, &heard)?.0)
    }
}

/// The topic that a quarantine is of, and the quarantine; either may be named.
fn both(named: &str) -> (String, String) {
    let original = named.strip_suffix(SUFFIX).unwrap_or(named);
    (original.to_owned(), format!("{original}{SUFFIX}"))
}

pub fn quarantine(command: &Quarantine, out: &mut impl Write) -> anyhow::Result<Exit> {
    match command {
        Quarantine::List(args) => list::list(args, out),
        Quarantine::Show(args) => show::show(args, out),
        Quarantine::Replay(args) => replay::replay(args, out),
    }
}
