//! `steward contract test`: a contract tried on records, judged as one closed window by the daemon's own engine.

use crate::catalog::records;
use crate::catalog::sampling::parts::Threads;
use crate::cli::Exit;
use crate::cli::contract::records::{Source, moment};
use crate::cli::contract::with::{self, With};
use crate::cli::contract::{Format, shown, topic};
use crate::clock;
use crate::config::usable::Config;
use crate::engine::contract::model::Contract;
use crate::engine::contract::problem::{Level, Problems};
use crate::engine::contract::standard::lint::{self, Kind};
use crate::engine::contract::{odcs, subject};
use crate::engine::trial::report::{self, Origin, Report};
use crate::engine::trial::run::Trial;
use crate::printable::printable;
use crate::table::Style;
use anyhow::{Context, bail};
use std::fs;
use std::io::{self, IsTerminal, Write};
use std::num::NonZeroUsize;
use std::path::{Path, PathBuf};

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The contract: ODCS YAML, or a subject version as a schema registry gives it
    #[arg(long, value_name = "FILE")]
    pub contract: PathBuf,
    #[command(flatten)]
    pub source: Source,
    /// The object of the contract that they are records of; the one that reads the topic, else the first, where none is named
    #[arg(long, value_name = "NAME")]
    pub schema: Option<String>,
    /// Another contract and records of it, one value a line as JSON: where relationships lead into it
    #[arg(long, value_name = "CONTRACT=RECORDS", value_parser = with::with)]
    pub with: Vec<With>,
    /// Threads that read the topic and judge; by default one for each core
    #[arg(long, value_name = "N", requires = "topic")]
    pub threads: Option<NonZeroUsize>,
    /// The time that it is taken to be, as RFC 3339; by default it is now
    #[arg(long, value_name = "TIME", value_parser = moment)]
    pub now: Option<i64>,
    /// Also a warning, and what could not be measured, makes the answer bad
    #[arg(long)]
    pub strict: bool,
    /// How the answer is written
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t)]
    pub format: Format,
}

/// Bad where a rule fails or a record cannot be decoded; with `--strict` also on a warning and on what is unknown.
pub fn test(args: &Args, out: &mut impl Write) -> anyhow::Result<Exit> {
    let (contract, kind) = read_contract(&args.contract)?;
    let contract = with::joined(&args.contract, contract, &args.with)?;
    let now_ms = args.now.unwrap_or_else(clock::now_ms);
    let (schema, origin) = match &args.source.topic {
        Some(topic) => (reads(&contract, topic), Origin::Topic),
        None => (None, Origin::File),
    };
    let schema = args.schema.as_deref().or(schema);
    let trial = match origin {
        Origin::Topic => Trial::of(&contract, schema, now_ms),
        Origin::File => Trial::of_json(&contract, schema, now_ms),
    };
    let mut trial = match trial {
        Ok(trial) => trial,
        Err(names) if names.is_empty() => bail!("{}: the contract has no schema", args.contract.display()),
        Err(names) => {
            let asked = args.schema.as_deref().unwrap_or_default();
            bail!("{}: no object is named {asked}; there are {}", args.contract.display(), names.join(", "))
        }
    };
    // A configuration that cannot be read is told when the topic is.
    if let Some(config) = args.source.config.as_deref().and_then(|file| Config::load(file).ok()) {
        trial.within(&records::of(&config.records));
    }
    with::read(&mut trial, &args.with)?;
    match &args.source.topic {
        Some(topic) => {
            let threads = args.threads.map_or(Threads::Cores, Threads::Exactly);
            topic::try_on(&args.source, topic, &mut trial, threads)?;
        }
        None => args.source.read(&mut trial)?,
    }
    let report = report::of(&trial, kind, origin);
    match args.format {
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?,
        Format::Text => {
            shown::text(&report, &args.contract.display().to_string(), Style::on(io::stdout().is_terminal()), out)?
        }
    }
    Ok(exit(&report, args.strict))
}

/// The object that reads a topic.
fn reads<'c>(contract: &'c Contract, topic: &str) -> Option<&'c str> {
    contract.all_objects().into_iter().find(|object| object.topic == topic).map(|object| object.name.as_str())
}

fn exit(report: &Report, strict: bool) -> Exit {
    match report.verdict {
        "fail" => Exit::Bad,
        "pass" => Exit::Good,
        _ if strict => Exit::Bad,
        _ => Exit::Good,
    }
}

/// Its errors go to standard error: each spoils the rule that it stands in, and nothing else. What a warning speaks of shows
/// up as unknown, or asks nothing of records.
fn read_contract(file: &Path) -> anyhow::Result<(Contract, &'static str)> {
    let text = fs::read_to_string(file).with_context(|| file.display().to_string())?;
    let (contract, problems, kind) = match lint::read(&text) {
        Ok(root) if lint::kind(&root) == Kind::Registry => {
            let problems = Problems::default();
            (subject::read(&root, &problems), problems.into_vec(), "registry")
        }
        _ => {
            let parsed = odcs::parse(&text);
            (parsed.contract, parsed.problems, "odcs")
        }
    };
    for problem in problems.iter().filter(|problem| problem.level == Level::Error) {
        eprintln!("{}: {}", file.display(), printable(&problem.to_string()));
    }
    let contract = contract.with_context(|| format!("{}: no contract can be read", file.display()))?;
    Ok((contract, kind))
}
