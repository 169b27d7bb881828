//! `steward quarantine replay`: records back to their topic, or to another, as they were; with a header that counts how
//! often, so that a record which comes back each time is not sent round for ever.
//!
//! It goes on where the last replay ended: what was replayed is committed as the offsets of a group. Records are written first,
//! so a replay that dies may write the last few hundred again, and leaves none out.

use crate::cli::Exit;
use crate::cli::contract::Format;
use crate::cli::quarantine::copies::{self, Said};
use crate::cli::quarantine::{Cluster, both};
use crate::engine::record::RawRecord;
use crate::flow::aside::{REPLAYS, SAID};
use crate::flow::io::{Message, Original};
use crate::kafka::client::{self, Settings};
use crate::kafka::history::History;
use crate::kafka::outbox::Outbox;
use anyhow::{Context, anyhow};
use serde::Serialize;
use std::io::Write;
use std::sync::Arc;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    cluster: Cluster,
    /// The quarantine, by its own name or that of its topic
    #[arg(long, value_name = "TOPIC")]
    topic: String,
    /// Where to; by default the topic that the records came from
    #[arg(long, value_name = "TOPIC")]
    to: Option<String>,
    /// Only records that broke this rule
    #[arg(long, value_name = "ID")]
    rule: Option<String>,
    /// A record that came back so often stays
    #[arg(long, value_name = "N", default_value_t = 3)]
    attempts: u32,
    /// From the beginning, whatever was replayed before
    #[arg(long)]
    again: bool,
    /// Counts what would be replayed, and writes nothing
    #[arg(long)]
    dry_run: bool,
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Serialize)]
struct Report {
    quarantine: String,
    to: String,
    dry_run: bool,
    /// Since the last replay.
    read: u64,
    replayed: u64,
    /// Not replayed: they came back as often as they may.
    exhausted: u64,
    /// Not replayed: they broke other rules.
    others: u64,
}

pub fn replay(args: &Args, out: &mut impl Write) -> anyhow::Result<Exit> {
    let (original, quarantine) = both(&args.topic);
    let to: Arc<str> = args.to.as_deref().unwrap_or(&original).into();
    // Whoever replays one rule's records has not replayed the others, nor whoever replays to another topic.
    let group = format!("steward-replay.{to}.{}", args.rule.as_deref().unwrap_or_default());
    let settings = args.cluster.settings(group.trim_end_matches('.'))?;
    let opened = match args.again {
        true => History::open(&settings, &quarantine, None, None),
        false => History::resume(&settings, &quarantine),
    };
    let mut history = opened.map_err(|fault| anyhow!(fault.message))?;
    let mut outbox = if args.dry_run { None } else { Some(outbox(&settings)?) };
    let mut report =
        Report { quarantine, to: to.to_string(), dry_run: args.dry_run, read: 0, replayed: 0, exhausted: 0, others: 0 };
    let messages = std::cell::RefCell::new(Vec::new());
    let take = |_, record: &RawRecord<'_>| {
        let said = copies::said(record);
        report.read += 1;
        match () {
            _ if args.rule.as_ref().is_some_and(|rule| !said.rules.contains(rule)) => report.others += 1,
            _ if said.replays >= args.attempts => report.exhausted += 1,
            _ => {
                report.replayed += 1;
                let home = *to == *said.topic;
                messages.borrow_mut().push(message(&to, record, &said, home));
            }
        }
    };
    copies::each(&mut history, take, |history| {
        let messages = std::mem::take(&mut *messages.borrow_mut());
        let Some(outbox) = &mut outbox else { return Ok(()) };
        let failed = |failures: Vec<crate::flow::io::SendFailure>| {
            anyhow!(failures.into_iter().next().map(|f| f.fault.message).unwrap_or_default())
        };
        outbox.send(&messages).map_err(failed).context("replay")?;
        history.commit().map_err(|fault| anyhow!(fault.message))
    })?;
    match args.format {
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&report)?)?,
        Format::Text => text(&report, args, out)?,
    }
    Ok(if report.exhausted > 0 { Exit::Bad } else { Exit::Good })
}

fn outbox(settings: &Settings) -> anyhow::Result<Outbox> {
    let producer = client::plain_producer(settings).context("producer")?;
    Outbox::new(producer).context("the client gives no queue")
}

/// The record as it was, and a header that counts. `home`: it goes to its topic, and there to its partition.
fn message(to: &Arc<str>, record: &RawRecord<'_>, said: &Said, home: bool) -> Message {
    let owned = |bytes: Option<&[u8]>| bytes.map(<[u8]>::to_vec);
    let ours = |name: &[u8]| SAID.iter().chain([&REPLAYS]).any(|ours| ours.as_bytes() == name);
    let headers = (0..).map_while(|index| record.headers?.at(index));
    let headers = headers.filter(|(name, _)| !ours(name));
    let headers = headers.map(|(name, value)| (String::from_utf8_lossy(name).into_owned(), owned(value)));
    Message {
        topic: to.clone(),
        partition: said.partition.filter(|_| home),
        key: owned(record.key),
        headers: vec![(REPLAYS, (said.replays + 1).to_string())],
        value: owned(record.value),
        copied: Some(Original { timestamp_ms: record.timestamp_ms, headers: headers.collect() }),
        about: None,
    }
}

fn text(report: &Report, args: &Args, out: &mut impl Write) -> std::io::Result<()> {
    let done = if report.dry_run { "would be replayed" } else { "replayed" };
    writeln!(out, "{}: {} of {} records {done} to {}", report.quarantine, report.replayed, report.read, report.to)?;
    if report.exhausted > 0 {
        writeln!(out, "  {} came back {} times and stay (--attempts)", report.exhausted, args.attempts)?;
    }
    if report.others > 0 {
        writeln!(out, "  {} broke other rules", report.others)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_leaves_quarantine_as_it_was_and_counted() {
        let headers: Vec<(&[u8], Option<&[u8]>)> = vec![
            (b"trace", Some(b"t1")),
            (b"steward.replays", Some(b"1")),
            (b"none", None),
            (b"steward.reason", Some(b"null")),
            (b"steward.topic", Some(b"orders")),
            (b"steward.partition", Some(b"2")),
        ];
        let record =
            RawRecord { headers: Some(&headers), timestamp_ms: 7, key: None, value: Some(b"v"), ..RawRecord::empty(9) };
        let message = message(&"orders".into(), &record, &copies::said(&record), true);
        assert_eq!((message.partition, &message.key, message.value.as_deref()), (Some(2), &None, Some(&b"v"[..])));
        assert_eq!(message.headers, [(REPLAYS, "2".to_owned())]);
        let kept = vec![("trace".to_owned(), Some(b"t1".to_vec())), ("none".to_owned(), None)];
        assert_eq!(message.copied, Some(Original { timestamp_ms: 7, headers: kept }));
    }
}
