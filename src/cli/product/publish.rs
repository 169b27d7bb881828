//! `steward product publish`: contracts of files, and an ODPS document among them, become a product, or change one.

use crate::cli::Exit;
use crate::cli::product::named::path;
use crate::cli::rest::{Answer, Sent, Worker};
use crate::engine::contract::name::ProductName;
use crate::engine::published::change::Refusal;
use crate::engine::published::{contracts, odps};
use crate::printable::printable;
use anyhow::{Context, bail};
use serde_json::Value;
use std::io::{self, Read, Write};
use std::path::PathBuf;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    worker: Worker,
    /// Contracts of one product (ODCS) and its ODPS document, in YAML or JSON; - for standard input
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// The state that is to be changed (`etag` of show or of the last publication): another one is refused
    #[arg(long, value_name = "ETAG")]
    if_match: Option<String>,
    /// Tells what would change, and changes nothing
    #[arg(long)]
    dry_run: bool,
    /// Prints one JSON document
    #[arg(long)]
    json: bool,
}

/// Bad where it is refused; with `--dry-run` also where it would break consumers.
pub fn publish(args: &Args, out: &mut impl Write) -> anyhow::Result<Exit> {
    let mut texts = Vec::new();
    for file in &args.files {
        let text = if file.as_os_str() == "-" {
            let mut text = String::new();
            io::stdin().lock().read_to_string(&mut text).map(|_| text)
        } else {
            std::fs::read_to_string(file)
        };
        texts.push(text.with_context(|| format!("{} cannot be read", file.display()))?);
    }
    let body = texts.join("\n---\n");
    let (product, behind) = match named(&body) {
        Ok(named) => named,
        Err(refusal) => bail!("{}; `steward contract lint` says where", refusal.detail()),
    };
    let mut headers = Vec::new();
    let tag = args.if_match.as_ref().map(|tag| format!("\"{}\"", tag.trim_matches('"')));
    headers.extend(tag.as_deref().map(|tag| ("if-match", tag)));
    headers.extend(args.reason.as_deref().map(|reason| ("x-steward-reason", reason)));
    let query = if args.dry_run { "?dry_run=true" } else { "" };
    let path = format!("{}{behind}{query}", path(&product.to_string())?);
    let answer = args.worker.call("PUT", &path, Sent { body: &body, headers: &headers })?;
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&answer.value)?)?;
    }
    let breaking = breaking(&answer);
    match answer.status {
        ..300 if args.json => {}
        ..300 => text(&answer, args.dry_run, out)?,
        status if status >= 500 || status == 401 => bail!("{}", answer.refusal()),
        _ => {
            eprintln!("steward: {}", answer.refusal());
            return Ok(Exit::Bad);
        }
    }
    Ok(if args.dry_run && breaking { Exit::Bad } else { Exit::Good })
}

/// Whose the documents are, and the resource below it that takes them: contracts alone are all of its contracts; beside a data product,
/// or without any contract, what is not sent stays.
fn named(body: &str) -> Result<(ProductName, &'static str), Refusal> {
    let (product, contracts) = odps::parted(contracts::documents(body))?;
    match product {
        Some(text) => Ok((odps::read(&text)?.product, "")),
        None => match contracts::read(&contracts)?.into_iter().next() {
            Some(first) => Ok((first.product, "/contract")),
            None => Err(Refusal::invalid("the files hold no contract")),
        },
    }
}

fn breaking(answer: &Answer) -> bool {
    answer.value["contracts"].as_array().into_iter().flatten().any(|contract| contract["breaking"] == true)
}

fn text(answer: &Answer, dry_run: bool, out: &mut impl Write) -> io::Result<()> {
    let value = &answer.value;
    let said = |value: &Value, key: &str| printable(value[key].as_str().unwrap_or_default()).into_owned();
    let what = match (value["changed"] == true, dry_run) {
        (false, _) => "is the same",
        (true, true) => "would be changed",
        (true, false) => "is published",
    };
    writeln!(out, "{} {what}, revision {}, etag {}", said(value, "name"), value["revision"], said(value, "etag"))?;
    for contract in value["contracts"].as_array().into_iter().flatten() {
        let breaks = if contract["breaking"] == true { ": breaks consumers" } else { "" };
        writeln!(out, "  {} {}{breaks}", said(contract, "id"), said(contract, "version"))?;
        for change in contract["changes"].as_array().into_iter().flatten() {
            writeln!(out, "    {:8}  {}: {}", said(change, "level"), said(change, "path"), said(change, "message"))?;
        }
    }
    consumers(value, out)
}

/// Who reads it, where that was told.
pub fn consumers(value: &Value, out: &mut impl Write) -> io::Result<()> {
    let names: Vec<&str> = value["consumers"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    match names.is_empty() {
        true => Ok(()),
        false => writeln!(out, "  consumers: {}", printable(&names.join(", "))),
    }
}
