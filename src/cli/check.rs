//! `steward check`: the configuration, its contracts, and with `--connect` the cluster.

use crate::catalog::files::{Source, Watcher};
use crate::cli::policies;
use crate::cli::{Exit, connect};
use crate::config::raw::DEFAULT;
use crate::config::usable::Config;
use crate::engine::contract::plan::Binding;
use crate::flow::aside::quarantine_of;
use crate::printable::printable;
use std::collections::{BTreeMap, BTreeSet};
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
    let (governed, contracts) = contracts(&config, out)?;
    let cluster = if args.connect { connect::cluster(&config, &governed, out)? } else { Exit::Good };
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
        writeln!(out, "  {:width$}  {}{place}", e.key, printable(&e.value))?;
    }
    config.notes.iter().try_for_each(|note| writeln!(out, "note: {note}"))
}

/// What contracts govern.
#[derive(Debug, Default)]
pub struct Governed {
    /// The topics, and the products that read them.
    pub topics: BTreeMap<Arc<str>, String>,
    /// Where their bad records may be copied to.
    pub quarantines: BTreeSet<String>,
}

/// The contracts in force, and what is wrong with their files. Returns what they govern.
fn contracts(config: &Config, out: &mut impl Write) -> io::Result<(Governed, Exit)> {
    let loaded = Watcher::of(config).look().unwrap_or_default();
    let readers = |(topic, bindings): (&String, &Vec<Binding>)| {
        let products: BTreeSet<String> =
            bindings.iter().filter(|of| !of.keys_only()).map(|binding| binding.plan.product.to_string()).collect();
        (topic.as_str().into(), products.into_iter().collect::<Vec<_>>().join(", "))
    };
    let copied =
        |bindings: &[Binding]| bindings.iter().any(|binding| !binding.keys_only() && binding.plan.puts_aside());
    let copied = loaded.plans.by_topic.iter().filter(|(_, bindings)| copied(bindings));
    let governed = Governed {
        topics: loaded.plans.by_topic.iter().map(readers).collect(),
        quarantines: copied.map(|(topic, _)| quarantine_of(topic).to_string()).collect(),
    };
    let (contracts, topics) = (loaded.sources.len(), counted(governed.topics.len(), "topic"));
    writeln!(out, "contracts: {contracts} in force, {topics} governed")?;
    for source in &loaded.sources {
        let (plan, topics) = (&source.plan, source.plan.governed().map(|object| object.topic.as_str()));
        let rules = counted(plan.rules.len(), "rule");
        let topics = topics.collect::<Vec<_>>().join(", ");
        let product = format!("{} {}", plan.product, plan.contract_version);
        writeln!(out, "  {}: {rules} for {}", printable(&product), printable(&topics))?;
    }
    loaded.findings.iter().try_for_each(|finding| writeln!(out, "  {}", printable(&finding.to_string())))?;
    let policies = policies(config, &loaded.sources, out)?;
    Ok((governed, if loaded.findings.iter().any(|finding| finding.error) { Exit::Bad } else { policies }))
}

/// What the mesh's policies say of the contracts, where there are any.
fn policies(config: &Config, sources: &[Source], out: &mut impl Write) -> io::Result<Exit> {
    if config.contracts.policies.is_empty() {
        return Ok(Exit::Good);
    }
    let said = policies::ask(config.contracts.policies.clone(), sources);
    said.text(out)?;
    Ok(if said.is_bad { Exit::Bad } else { Exit::Good })
}

pub fn counted(count: usize, what: &str) -> String {
    format!("{count} {what}{}", if count == 1 { "" } else { "s" })
}
