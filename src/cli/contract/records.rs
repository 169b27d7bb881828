//! Where a command's records come from: a file of lines, or a topic.

use crate::catalog::sampling::Taker;
use crate::cli::contract::topic;
use crate::engine::trial::run::Trial;
use crate::kafka::history::Bound;
use anyhow::Context;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::{Path, PathBuf};

/// Read at a time.
const BUFFER_BYTES: usize = 256 * 1024;
/// What is kept of a line: one byte more than a record may have, so that the decoder sees that it is too large.
const LINE_MAX_BYTES: u64 = 32 * 1024 * 1024 + 1;

#[derive(Debug, clap::Args)]
pub struct Source {
    /// The records, one value a line as JSON; `null` is a tombstone. `-`: standard input
    #[arg(long, value_name = "FILE", required_unless_present = "topic")]
    pub records: Option<PathBuf>,
    /// The records that a topic holds: read once, by no group, committed nowhere
    #[arg(long, value_name = "TOPIC", group = "held", conflicts_with = "records", requires = "cluster")]
    pub topic: Option<String>,
    /// Where the topic is: the daemon's configuration, with its broker, logins and schema registry
    #[arg(long, value_name = "FILE", group = "cluster", requires = "held")]
    pub config: Option<PathBuf>,
    /// Where the topic is: a broker that asks for no login
    #[arg(long, value_name = "HOST:PORT", group = "cluster", requires = "topic", conflicts_with = "config")]
    pub bootstrap: Option<String>,
    /// The schema registry (Confluent's API), beside a broker that is named alone
    #[arg(long = "registry.url", value_name = "URL", requires = "held", conflicts_with = "config")]
    pub registry_url: Option<String>,
    /// Begins at this offset of each partition, or at this time (RFC 3339); by default where they begin
    #[arg(long, value_name = "OFFSET|TIME", value_parser = bound, requires = "topic")]
    pub from: Option<Bound>,
    /// Ends before this offset of each partition, or before this time; by default with what is there at the start
    #[arg(long, value_name = "OFFSET|TIME", value_parser = bound, requires = "topic")]
    pub to: Option<Bound>,
}

/// Whoever takes records of a file, too.
pub trait Lines: Taker {
    fn line(&mut self, number: u64, line: &[u8]);
}

impl Source {
    /// All of them, one after the other.
    pub fn read(&self, taker: &mut impl Lines) -> anyhow::Result<()> {
        match (&self.topic, &self.records) {
            (Some(topic), _) => topic::read(self, topic, taker),
            (None, Some(file)) => of_file(file, taker).with_context(|| file.display().to_string()),
            (None, None) => Ok(()),
        }
    }
}

fn of_file(file: &Path, taker: &mut impl Lines) -> io::Result<()> {
    lines_of(file, &mut |number, line| taker.line(number, line))
}

/// The lines of a file, or of standard input, with their numbers.
pub fn lines_of(file: &Path, take: &mut impl FnMut(u64, &[u8])) -> io::Result<()> {
    if file.as_os_str() == "-" {
        return lines(&mut io::stdin().lock(), take);
    }
    lines(&mut BufReader::with_capacity(BUFFER_BYTES, File::open(file)?), take)
}

/// Line by line; of one without end only the beginning is kept.
fn lines(reader: &mut impl BufRead, take: &mut impl FnMut(u64, &[u8])) -> io::Result<()> {
    let (mut line, mut number) = (Vec::new(), 0);
    loop {
        line.clear();
        let read = (&mut *reader).take(LINE_MAX_BYTES).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(());
        }
        number += 1;
        take(number, &line);
        if line.last() != Some(&b'\n') {
            reader.skip_until(b'\n')?;
        }
    }
}

/// Milliseconds since 1970.
pub fn moment(text: &str) -> Result<i64, String> {
    let read = text.parse::<jiff::Timestamp>().map(jiff::Timestamp::as_millisecond);
    read.map_err(|_| "a time with its zone, such as 2026-11-28T14:00:00Z".to_owned())
}

/// An offset, or a time.
pub fn bound(text: &str) -> Result<Bound, String> {
    match text.parse() {
        Ok(offset) if offset >= 0 => Ok(Bound::Offset(offset)),
        _ => moment(text).map(Bound::Time).map_err(|_| "an offset, or a time such as 2026-11-28T14:00:00Z".to_owned()),
    }
}

impl Lines for Trial {
    fn line(&mut self, number: u64, line: &[u8]) {
        Trial::line(self, number, line);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::contract::odcs;

    const CONTRACT: &str = "kind: DataContract\napiVersion: v3.1.0\nid: c\nversion: 1.0.0\nstatus: active\nschema:\n- name: o\n  properties:\n  - {name: a, required: true}\n";

    #[test]
    fn a_line_without_end_is_one_record_that_is_too_large_and_the_next_is_read() {
        let contract = odcs::parse(CONTRACT).contract.expect("a contract");
        let mut trial = Trial::of_json(&contract, None, 0).expect("an object");
        let long = LINE_MAX_BYTES as usize + 10;
        let text = [br#"{"a":1}"#.as_slice(), b"\n{\"a\":\"", &vec![b'x'; long], b"\"}\n{\"a\":2}"].concat();
        lines(&mut text.as_slice(), &mut |number, line| trial.line(number, line)).expect("no file fails");
        let counts = trial.tally().counts;
        assert_eq!((counts.records, counts.undecodable), (3, 1));
        assert_eq!(trial.tally().undecodable.get("too_large"), Some(&1));
    }

    #[test]
    fn bounds_are_offsets_or_times() {
        assert_eq!(bound("17"), Ok(Bound::Offset(17)));
        assert_eq!(bound("1970-01-01T00:00:01Z"), Ok(Bound::Time(1_000)));
        for wrong in ["-1", "yesterday", "2026-11-28", ""] {
            assert!(bound(wrong).is_err(), "{wrong}");
        }
    }
}
