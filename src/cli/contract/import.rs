//! `steward contract import`: an ODCS contract from a schema of another language.

use crate::cli::Exit;
use crate::engine::contract::exchange::import::{self, Imported, Wanted};
use anyhow::{Context, bail};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The language of the file; by default what its name says (.avsc, .proto, .json, .yaml)
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub format: Option<Format>,
    /// What the contract is called; by default as the schema
    #[arg(long, value_name = "NAME")]
    pub name: Option<String>,
    /// The topic that it governs; by default called as the contract's object
    #[arg(long, value_name = "TOPIC")]
    pub topic: Option<String>,
    /// The Protobuf message that a record is; by default the first of the file
    #[arg(long, value_name = "MESSAGE")]
    pub message: Option<String>,
    /// Records carry no frame of a registry: the contract holds the schema (Avro, Protobuf) that they are read by
    #[arg(long)]
    pub unframed: bool,
    /// Where the contract is written to; by default standard output
    #[arg(long, short, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// The schema, or - for standard input
    pub file: PathBuf,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// An Avro schema
    Avro,
    /// JSON Schema, draft 4 to 2020-12
    JsonSchema,
    /// A .proto file
    Protobuf,
    /// Data Contract Specification, 0.9 to 1.2
    Dcs,
}

/// What ODCS cannot say is told on standard error.
pub fn import(args: &Args, out: &mut impl Write) -> anyhow::Result<Exit> {
    let format = match args.format.or_else(|| by_name(&args.file)) {
        Some(format) => format,
        None => bail!("{}: its name says no language: give it as --format", args.file.display()),
    };
    let text = read(&args.file)?;
    let wanted = Wanted {
        name: args.name.as_deref(),
        topic: args.topic.as_deref(),
        message: args.message.as_deref(),
        unframed: args.unframed,
    };
    let imported = import::import(&text, language(format), wanted).map_err(anyhow::Error::msg);
    let Imported { contract, unsaid } = imported.with_context(|| args.file.display().to_string())?;
    tell(&args.file.display().to_string(), &unsaid);
    write(args.output.as_deref(), &contract.yaml(), out)?;
    Ok(Exit::Good)
}

/// A file's text, or what standard input holds.
pub fn read(file: &Path) -> anyhow::Result<String> {
    let mut text = String::new();
    let read = match file.as_os_str() == "-" {
        true => io::stdin().lock().read_to_string(&mut text).map(|_| text),
        false => std::fs::read_to_string(file),
    };
    read.with_context(|| format!("{} cannot be read", file.display()))
}

/// A line on standard error for each thing that is lost on the way.
pub fn tell(source: &str, unsaid: &[String]) {
    unsaid.iter().for_each(|line| eprintln!("{source}: warning: {line}"));
}

pub fn write(output: Option<&Path>, text: &str, out: &mut impl Write) -> anyhow::Result<()> {
    match output {
        Some(file) => std::fs::write(file, text).with_context(|| format!("{} cannot be written", file.display())),
        None => Ok(out.write_all(text.as_bytes())?),
    }
}

fn by_name(file: &Path) -> Option<Format> {
    match file.extension()?.to_str()? {
        "avsc" => Some(Format::Avro),
        "proto" => Some(Format::Protobuf),
        "json" => Some(Format::JsonSchema),
        "yaml" | "yml" => Some(Format::Dcs),
        _ => None,
    }
}

fn language(format: Format) -> import::Language {
    match format {
        Format::Avro => import::Language::Avro,
        Format::JsonSchema => import::Language::JsonSchema,
        Format::Protobuf => import::Language::Protobuf,
        Format::Dcs => import::Language::Dcs,
    }
}
