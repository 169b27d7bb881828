//! `steward contract export`: an ODCS contract as a schema of another language, or as a page for people.

use crate::cli::Exit;
use crate::cli::contract::exchanged::{Output, read, tell};
use crate::engine::contract::exchange::export::{self, Exported, Target};
use anyhow::Context;
use std::io::Write;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// What it is written as
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub format: Target,
    /// The object that a schema is made of; by default the first
    #[arg(long, value_name = "NAME")]
    pub schema: Option<String>,
    #[command(flatten)]
    pub output: Output,
    /// The contract, or - for standard input
    pub file: PathBuf,
}

/// What the target cannot say is told on standard error.
pub fn export(args: &Args, out: &mut impl Write) -> anyhow::Result<Exit> {
    let exported = export::export(&read(&args.file)?, args.format, args.schema.as_deref());
    let Exported { text, unsaid } =
        exported.map_err(anyhow::Error::msg).with_context(|| args.file.display().to_string())?;
    tell(&args.file.display().to_string(), &unsaid);
    args.output.write(&text, out)?;
    Ok(Exit::Good)
}
