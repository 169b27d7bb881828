//! `steward contract import`: an ODCS contract from a schema of another language.

use crate::cli::Exit;
use crate::cli::contract::exchanged::{Output, read, tell};
use crate::cli::contract::registered;
use crate::engine::contract::exchange::import::{self, Imported, Language, Wanted};
use anyhow::{Context, bail};
use std::io::Write;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The language of the file; by default what its name says (.avsc, .proto, .json, .yaml)
    #[arg(long, value_name = "FORMAT", value_enum)]
    pub format: Option<Language>,
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
    #[command(flatten)]
    pub output: Output,
    /// The schema, or - for standard input
    #[arg(required_unless_present = "subject")]
    pub file: Option<PathBuf>,
    /// A subject of a schema registry in place of a file
    #[arg(long, value_name = "SUBJECT", conflicts_with_all = ["file", "format", "unframed"], requires = "registry")]
    pub subject: Option<String>,
    /// Which version of the subject; by default the latest
    #[arg(long, value_name = "VERSION", requires = "subject")]
    pub subject_version: Option<u32>,
    /// The schema registry (Confluent's API)
    #[arg(long = "registry.url", value_name = "URL", group = "registry", requires = "subject")]
    pub registry_url: Option<String>,
    /// The schema registry, with its login, as the daemon's configuration names it
    #[arg(long, value_name = "FILE", group = "registry", requires = "subject")]
    pub config: Option<PathBuf>,
}

/// What ODCS cannot say is told on standard error.
pub fn import(args: &Args, out: &mut impl Write) -> anyhow::Result<Exit> {
    let (source, text, language) = schema(args)?;
    let wanted = Wanted {
        name: args.name.as_deref(),
        topic: args.topic.as_deref(),
        message: args.message.as_deref(),
        unframed: args.unframed,
    };
    let imported = import::import(&text, language, wanted).map_err(anyhow::Error::msg);
    let Imported { contract, unsaid } = imported.with_context(|| source.clone())?;
    tell(&source, &unsaid);
    args.output.write(&contract.yaml(), out)?;
    Ok(Exit::Good)
}

/// Where it is from, what it says, and in which language.
fn schema(args: &Args) -> anyhow::Result<(String, String, Language)> {
    if let Some(subject) = &args.subject {
        let registry = registered::registry(args.config.as_deref(), args.registry_url.as_deref())?;
        let text = registered::read(&registry, subject, args.subject_version)?;
        return Ok((subject.clone(), text, Language::Subject));
    }
    let file = args.file.as_deref().context("no schema is named")?;
    let Some(language) = args.format.or_else(|| by_name(file)) else {
        bail!("{}: its name says no language: give it as --format", file.display());
    };
    Ok((file.display().to_string(), read(file)?, language))
}

fn by_name(file: &Path) -> Option<Language> {
    match file.extension()?.to_str()? {
        "avsc" => Some(Language::Avro),
        "proto" => Some(Language::Protobuf),
        "json" => Some(Language::JsonSchema),
        "yaml" | "yml" => Some(Language::Dcs),
        _ => None,
    }
}
