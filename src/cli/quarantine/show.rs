//! `steward quarantine show`: records that were put aside, and why; their values only where one asks for them.

use crate::cli::Exit;
use crate::cli::contract::Format;
use crate::cli::contract::records::bound;
use crate::cli::quarantine::copies::{self, Said};
use crate::cli::quarantine::{Cluster, both};
use crate::engine::check::mask::Mask;
use crate::engine::record::RawRecord;
use crate::kafka::history::{Bound, History};
use anyhow::anyhow;
use serde::Serialize;
use std::io::Write;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    cluster: Cluster,
    /// The quarantine, by its own name or that of its topic
    #[arg(long, value_name = "TOPIC")]
    topic: String,
    /// So many records at most; the rest is counted
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// Begins at this offset of each partition, or at this time of the records (RFC 3339)
    #[arg(long, value_name = "OFFSET|TIME", value_parser = bound)]
    from: Option<Bound>,
    /// Ends before this offset of each partition, or before this time
    #[arg(long, value_name = "OFFSET|TIME", value_parser = bound)]
    to: Option<Bound>,
    /// Shows keys and values as they are: they may be personal
    #[arg(long)]
    values: bool,
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Serialize)]
struct Report {
    quarantine: String,
    records: Vec<Shown>,
    /// Records that were not shown.
    omitted: u64,
}

#[derive(Debug, Serialize)]
struct Shown {
    /// Where the copy stands.
    at: (i32, i64),
    #[serde(flatten)]
    said: Said,
    /// `None`: the record has none.
    key: Option<String>,
    value: Option<String>,
}

pub fn show(args: &Args, out: &mut impl Write) -> anyhow::Result<Exit> {
    let settings = args.cluster.settings("steward-quarantine")?;
    let (_, quarantine) = both(&args.topic);
    let mut history =
        History::open(&settings, &quarantine, args.from, args.to).map_err(|fault| anyhow!(fault.message))?;
    let mut report = Report { quarantine, records: Vec::new(), omitted: 0 };
    let take = |partition, record: &RawRecord<'_>| match report.records.len() < args.limit {
        true => report.records.push(shown(partition, record, args.values)),
        false => report.omitted += 1,
    };
    copies::each(&mut history, take, |_| Ok(()))?;
    match args.format {
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?,
        Format::Text => text(&report, out)?,
    }
    Ok(Exit::Good)
}

fn shown(partition: i32, record: &RawRecord<'_>, values: bool) -> Shown {
    let show = |bytes: &[u8]| match values {
        true => String::from_utf8_lossy(bytes).into_owned(),
        false => Mask::Bytes(bytes.len()).to_string(),
    };
    let at = (partition, record.offset);
    Shown { at, said: copies::said(record), key: record.key.map(show), value: record.value.map(show) }
}

fn text(report: &Report, out: &mut impl Write) -> std::io::Result<()> {
    let place = |n: Option<i64>| n.map_or("?".to_owned(), |n| n.to_string());
    for Shown { said, key, value, .. } in &report.records {
        let from = format!("{}/{}@{}", said.topic, place(said.partition.map(i64::from)), place(said.offset));
        let again = if said.replays > 0 { format!(", replayed {} times before", said.replays) } else { String::new() };
        writeln!(out, "{from}  {}  {}: {}{again}", said.product, said.rules.join(","), said.reason)?;
        let bytes = |bytes: &Option<String>| bytes.clone().unwrap_or_else(|| "null".to_owned());
        writeln!(out, "    key {}, value {}", bytes(key), bytes(value))?;
    }
    let more = if report.omitted > 0 { format!(", and {} more", report.omitted) } else { String::new() };
    writeln!(out, "{}: {} records{more}", report.quarantine, report.records.len())
}
