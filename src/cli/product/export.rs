//! `steward product export`: a product's contracts as they are in force, or the product as ODPS has it.

use crate::cli::Exit;
use crate::cli::product::named::Named;
use crate::engine::published::contracts;
use crate::engine::published::odps;
use serde_json::json;
use std::io::Write;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    of: Named,
    /// The product as an ODPS document: the one that was published, or one made of its contracts
    #[arg(long)]
    odps: bool,
    /// With --odps: its contracts behind it, as publish takes both
    #[arg(long, requires = "odps")]
    contracts: bool,
}

/// As YAML, a document each, as publishing takes them; with `--json` their texts, and an ODPS document as JSON.
pub fn export(args: &Args, out: &mut impl Write) -> anyhow::Result<Exit> {
    let path = args.of.path()?;
    let path = match (args.odps, args.contracts) {
        (false, _) => format!("{path}/contract"),
        (true, false) => format!("{path}/odps"),
        (true, true) => format!("{path}/odps?contracts=true"),
    };
    let answer = args.of.worker.get(&path)?;
    if !args.of.json {
        write!(out, "{}", answer.text)?;
        return Ok(Exit::Good);
    }
    let etag = answer.etag.as_deref().map(|tag| tag.trim_matches('"'));
    let mut document = json!({"product": args.of.product, "etag": etag});
    let mut texts = contracts::documents(&answer.text);
    if args.odps && !texts.is_empty() {
        document["odps"] = odps::json(&texts.remove(0));
    }
    if !args.odps || args.contracts {
        document["contracts"] = json!(texts);
    }
    writeln!(out, "{}", serde_json::to_string_pretty(&document)?)?;
    Ok(Exit::Good)
}
