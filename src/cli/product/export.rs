//! `steward product export`: a product's contracts as they are in force.

use crate::cli::Exit;
use crate::cli::product::path;
use crate::cli::rest::Worker;
use crate::engine::published::contracts;
use serde_json::json;
use std::io::Write;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    worker: Worker,
    /// The product
    #[arg(value_name = "DOMAIN/NAME")]
    product: String,
    /// Prints one JSON document, with the texts and the etag
    #[arg(long)]
    json: bool,
}

/// As YAML: a document for each contract, as publishing takes them.
pub fn export(args: &Args, out: &mut impl Write) -> anyhow::Result<Exit> {
    let answer = args.worker.get(&format!("{}/contract", path(&args.product)?))?;
    if args.json {
        let etag = answer.etag.as_deref().map(|tag| tag.trim_matches('"'));
        let texts = contracts::documents(&answer.text);
        let document = json!({"product": args.product, "etag": etag, "contracts": texts});
        writeln!(out, "{}", serde_json::to_string_pretty(&document)?)?;
    } else {
        write!(out, "{}", answer.text)?;
    }
    Ok(Exit::Good)
}
