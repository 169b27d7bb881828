//! `steward quarantine list`: every quarantine, counted.

use crate::cli::Exit;
use crate::cli::contract::Format;
use crate::cli::quarantine::{Cluster, both, copies};
use crate::engine::event::envelope::rfc3339;
use crate::flow::aside::SUFFIX;
use crate::kafka::admin::Admin;
use crate::kafka::client::Settings;
use crate::kafka::history::History;
use anyhow::anyhow;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::Write;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    cluster: Cluster,
    /// This quarantine alone, by its own name or that of its topic
    #[arg(long, value_name = "TOPIC")]
    topic: Option<String>,
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

#[derive(Debug, Serialize)]
struct Listed {
    quarantines: Vec<Quarantine>,
}

#[derive(Debug, Default, Serialize)]
struct Quarantine {
    /// The topic that the records came from.
    topic: String,
    quarantine: String,
    records: u64,
    /// Of the records' own times, RFC 3339; `None` where there is no record.
    oldest: Option<String>,
    newest: Option<String>,
    products: BTreeMap<String, u64>,
    /// A record that broke several counts for each.
    rules: BTreeMap<String, u64>,
}

pub fn list(args: &Args, out: &mut impl Write) -> anyhow::Result<Exit> {
    let settings = args.cluster.settings("steward-quarantine")?;
    let topics = Admin::open(&settings).and_then(|admin| admin.all_topics()).map_err(|f| anyhow!(f.message))?;
    let wanted = args.topic.as_deref().map(|named| both(named).1);
    let names = topics.into_keys().filter(|name| name.ends_with(SUFFIX));
    let names = names.filter(|name| wanted.as_ref().is_none_or(|wanted| wanted == name));
    let quarantines = names.map(|name| count(&settings, &name)).collect::<anyhow::Result<Vec<_>>>()?;
    match args.format {
        Format::Json => writeln!(out, "{}", serde_json::to_string_pretty(&Listed { quarantines })?)?,
        Format::Text if quarantines.is_empty() => writeln!(out, "no quarantine")?,
        Format::Text => quarantines.iter().try_for_each(|quarantine| text(quarantine, out))?,
    }
    Ok(Exit::Good)
}

fn count(settings: &Settings, name: &str) -> anyhow::Result<Quarantine> {
    let (topic, quarantine) = both(name);
    let mut counted = Quarantine { topic, quarantine, ..Quarantine::default() };
    let mut times: Option<(i64, i64)> = None;
    let mut history = History::open(settings, name, None, None).map_err(|f| anyhow!(f.message))?;
    let take = |_, record: &crate::engine::record::RawRecord<'_>| {
        let said = copies::said(record);
        counted.records += 1;
        *counted.products.entry(said.product).or_default() += 1;
        said.rules.into_iter().for_each(|rule| *counted.rules.entry(rule).or_default() += 1);
        let (oldest, newest) = times.unwrap_or((record.timestamp_ms, record.timestamp_ms));
        times = Some((oldest.min(record.timestamp_ms), newest.max(record.timestamp_ms)));
    };
    copies::each(&mut history, take, |_| Ok(()))?;
    (counted.oldest, counted.newest) = times.map(|(oldest, newest)| (rfc3339(oldest), rfc3339(newest))).unzip();
    Ok(counted)
}

fn text(found: &Quarantine, out: &mut impl Write) -> std::io::Result<()> {
    let span = match (&found.oldest, &found.newest) {
        (Some(oldest), Some(newest)) => format!(", {oldest} to {newest}"),
        _ => String::new(),
    };
    writeln!(out, "{}: {} records{span}", found.quarantine, found.records)?;
    for (what, counts) in [("product", &found.products), ("rule", &found.rules)] {
        for (name, count) in counts {
            writeln!(out, "  {what:7}  {count:>8}  {name}")?;
        }
    }
    Ok(())
}
