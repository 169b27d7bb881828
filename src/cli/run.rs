//! `steward run`: the daemon.

use crate::config::error::ConfigErrors;
use crate::config::usable::Config;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration; config/steward.yaml documents every key.
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
}

/// The configuration that the arguments name. Its errors are for standard error, and for exit code 78.
pub fn load(args: &Args) -> Result<Config, ConfigErrors> {
    Config::load(&args.config)
}
