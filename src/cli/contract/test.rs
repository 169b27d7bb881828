//! `steward contract test`: a contract tried on records, judged as one closed window by the daemon's own engine.

use crate::cli::Exit;
use crate::cli::contract::{Format, shown};
use crate::clock;
use crate::engine::contract::model::Contract;
use crate::engine::contract::problem::{Level, Problems};
use crate::engine::contract::standard::lint::{self, Kind};
use crate::engine::contract::{odcs, subject};
use crate::engine::trial::report::{self, Origin, Report};
use crate::engine::trial::run::Trial;
use anyhow::{Context, bail};
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, IsTerminal, Read, Write};
use std::path::{Path, PathBuf};

/// Read at a time.
const BUFFER_BYTES: usize = 256 * 1024;
/// What is kept of a line: one byte more than a record may have, so that the decoder sees that it is too large.
const LINE_MAX_BYTES: u64 = 32 * 1024 * 1024 + 1;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The contract: ODCS YAML, or a subject version as a schema registry gives it
    #[arg(long, value_name = "FILE")]
    pub contract: PathBuf,
    /// The records, one value a line as JSON; `null` is a tombstone. `-`: standard input
    #[arg(long, value_name = "FILE")]
    pub records: PathBuf,
    /// The object of the contract that they are records of; the first where none is named
    #[arg(long, value_name = "NAME")]
    pub schema: Option<String>,
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
    let now_ms = args.now.unwrap_or_else(clock::now_ms);
    let mut trial = match Trial::of_json(&contract, args.schema.as_deref(), now_ms) {
        Ok(trial) => trial,
        Err(names) if names.is_empty() => bail!("{}: the contract has no schema", args.contract.display()),
        Err(names) => {
            let asked = args.schema.as_deref().unwrap_or_default();
            bail!("{}: no object is named {asked}; there are {}", args.contract.display(), names.join(", "))
        }
    };
    read_records(&args.records, &mut trial).with_context(|| args.records.display().to_string())?;
    let report = report::of(&trial, kind, Origin::File);
    match args.format {
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?,
        Format::Text => shown::text(&report, &args.contract.display().to_string(), colours(), out)?,
    }
    Ok(exit(&report, args.strict))
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
        eprintln!("{}: {problem}", file.display());
    }
    let contract = contract.with_context(|| format!("{}: no contract can be read", file.display()))?;
    Ok((contract, kind))
}

fn read_records(file: &Path, trial: &mut Trial) -> io::Result<()> {
    if file.as_os_str() == "-" {
        return lines(&mut io::stdin().lock(), trial);
    }
    lines(&mut BufReader::with_capacity(BUFFER_BYTES, File::open(file)?), trial)
}

/// Line by line; of one without end only the beginning is kept.
fn lines(reader: &mut impl BufRead, trial: &mut Trial) -> io::Result<()> {
    let (mut line, mut number) = (Vec::new(), 0);
    loop {
        line.clear();
        let read = (&mut *reader).take(LINE_MAX_BYTES).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(());
        }
        number += 1;
        trial.line(number, &line);
        if line.last() != Some(&b'\n') {
            reader.skip_until(b'\n')?;
        }
    }
}

/// Milliseconds since 1970.
fn moment(text: &str) -> Result<i64, String> {
    let read = text.parse::<jiff::Timestamp>().map(jiff::Timestamp::as_millisecond);
    read.map_err(|_| "a time with its zone, such as 2026-11-28T14:00:00Z".to_owned())
}

fn colours() -> bool {
    io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    const CONTRACT: &str = "kind: DataContract\napiVersion: v3.1.0\nid: c\nversion: 1.0.0\nstatus: active\nschema:\n- name: o\n  properties:\n  - {name: a, required: true}\n";

    #[test]
    fn a_line_without_end_is_one_record_that_is_too_large_and_the_next_is_read() {
        let contract = odcs::parse(CONTRACT).contract.expect("a contract");
        let mut trial = Trial::of_json(&contract, None, 0).expect("an object");
        let long = LINE_MAX_BYTES as usize + 10;
        let text = [br#"{"a":1}"#.as_slice(), b"\n{\"a\":\"", &vec![b'x'; long], b"\"}\n{\"a\":2}"].concat();
        lines(&mut text.as_slice(), &mut trial).expect("no file fails");
        let counts = trial.tally().counts;
        assert_eq!((counts.records, counts.undecodable), (3, 1));
        assert_eq!(trial.tally().undecodable.get("too_large"), Some(&1));
    }
}
