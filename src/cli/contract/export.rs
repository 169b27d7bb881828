//! `steward contract export`: an ODCS contract as a schema of another language, or as a page for people.

use crate::cli::Exit;
use crate::cli::contract::import::{read, tell, write};
use crate::engine::contract::exchange::export::{self, Exported, Target};
use anyhow::Context;
use std::io::Write;
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// What it is written as
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub format: Format,
    /// The object that a schema is made of; by default the first
    #[arg(long, value_name = "NAME")]
    pub schema: Option<String>,
    /// Where it is written to; by default standard output
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// The contract, or - for standard input
    pub file: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// An Avro schema
    Avro,
    /// JSON Schema 2020-12
    JsonSchema,
    /// A .proto file
    Protobuf,
    /// Data Contract Specification 1.2
    Dcs,
    /// One HTML file, which needs nothing else
    Html,
    /// Markdown with tables
    Markdown,
}

/// What the target cannot say is told on standard error.
pub fn export(args: &Args, out: &mut impl Write) -> anyhow::Result<Exit> {
    let exported = export::export(&read(&args.file)?, target(args.format), args.schema.as_deref());
    let Exported { text, unsaid } =
        exported.map_err(anyhow::Error::msg).with_context(|| args.file.display().to_string())?;
    tell(&args.file.display().to_string(), &unsaid);
    write(args.output.as_deref(), &text, out)?;
    Ok(Exit::Good)
}

fn target(format: Format) -> Target {
    match format {
        Format::Avro => Target::Avro,
        Format::JsonSchema => Target::JsonSchema,
        Format::Protobuf => Target::Protobuf,
        Format::Dcs => Target::Dcs,
        Format::Html => Target::Html,
        Format::Markdown => Target::Markdown,
    }
}
