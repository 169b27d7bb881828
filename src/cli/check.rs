//! `steward check`: the configuration, its contracts, and with `--connect` the cluster.

use crate::catalog::files::Watcher;
use crate::cli::Exit;
use crate::config::raw::DEFAULT;
use crate::config::usable::Config;
use crate::kafka::admin::Admin;
use crate::kafka::configured;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

#[derive(Debug, clap::Args)]
pub struct Args {
    /// The configuration; config/steward.yaml documents every key
    #[arg(long, value_name = "FILE")]
    pub config: PathBuf,
    /// Also asks the cluster: brokers, governed topics, the daemon's own topics
    #[arg(long)]
    pub connect: bool,
}

/// The report is the answer, so that it goes to standard output, good or bad.
pub fn check(args: &Args, out: &mut impl Write) -> io::Result<Exit> {
    let config = match Config::load(&args.config) {
        Ok(config) => config,
        Err(errors) => {
            write!(out, "{errors}")?;
            return Ok(Exit::Configuration);
        }
    };
    writeln!(out, "configuration ok: {}", config.file.display())?;
    effective(&config, out)?;
    let (topics, contracts) = contracts(&config, out)?;
    let cluster = if args.connect { cluster(&config, &topics, out)? } else { Exit::Good };
    Ok(match (cluster, contracts) {
        (Exit::Good, of_contracts) => of_contracts,
        (of_cluster, _) => of_cluster,
    })
}

/// Every value in force; the place only where it is not the default.
fn effective(config: &Config, out: &mut impl Write) -> io::Result<()> {
    let width = config.effective.iter().map(|e| e.key.len()).max().unwrap_or(0);
    for e in &config.effective {
        let place = if e.place == DEFAULT { String::new() } else { format!("  ({})", e.place) };
        writeln!(out, "  {:width$}  {}{place}", e.key, e.value)?;
    }
    config.notes.iter().try_for_each(|note| writeln!(out, "note: {note}"))
}

/// The contracts in force, and what is wrong with their files. Returns the governed topics.
fn contracts(config: &Config, out: &mut impl Write) -> io::Result<(Vec<Arc<str>>, Exit)> {
    let loaded = Watcher::of(config).look().unwrap_or_default();
    let topics: Vec<Arc<str>> = loaded.plans.by_topic.keys().map(|topic| topic.as_str().into()).collect();
    writeln!(out, "contracts: {} in force, {} governed", loaded.sources.len(), counted(topics.len(), "topic"))?;
    for source in &loaded.sources {
        let (plan, topics) = (&source.plan, source.plan.objects.iter().map(|object| object.topic.as_str()));
        let rules = counted(plan.rules.len(), "rule");
        let topics = topics.collect::<Vec<_>>().join(", ");
        writeln!(out, "  {} {}: {rules} for {topics}", plan.product, plan.contract_version)?;
    }
    loaded.findings.iter().try_for_each(|finding| writeln!(out, "  {finding}"))?;
    Ok((topics, if loaded.findings.iter().any(|finding| finding.error) { Exit::Bad } else { Exit::Good }))
}

/// What a start would find; nothing is changed.
fn cluster(config: &Config, governed: &[Arc<str>], out: &mut impl Write) -> io::Result<Exit> {
    let settings = configured::settings(config, &config.worker.group_id, "check", 0, Arc::new(|_| {}));
    let probe = match Admin::open(&settings).and_then(|admin| admin.probe(governed, &configured::topics(config))) {
        Ok(probe) => probe,
        Err(fault) => {
            writeln!(out, "cluster: cannot be asked: {}", fault.message)?;
            writeln!(
                out,
                "  -> compare kafka.bootstrap.servers and the security settings with the brokers' listeners"
            )?;
            return Ok(Exit::NotDone);
        }
    };
    writeln!(out, "cluster: {}, {}", probe.cluster, counted(probe.brokers, "broker"))?;
    for (topic, info) in &probe.topics {
        match info {
            Some(info) => writeln!(out, "  {topic}: {}", counted(info.partitions as usize, "partition"))?,
            None => writeln!(out, "  {topic}: does not exist yet; its contract waits for it")?,
        }
    }
    for topic in &probe.missing {
        writeln!(out, "  {topic}: is created at the first start")?;
    }
    for mismatch in &probe.mismatches {
        writeln!(out, "  {}: error: {}\n  -> {}", mismatch.topic, mismatch.problem, mismatch.remedy)?;
    }
    if probe.missing.is_empty() && probe.mismatches.is_empty() {
        writeln!(out, "  the daemon's own topics are as they must be")?;
    }
    Ok(if probe.mismatches.is_empty() { Exit::Good } else { Exit::Bad })
}

fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
