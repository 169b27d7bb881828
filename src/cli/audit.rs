//! `steward audit`: who asked what of the mesh, when, why, and what came of it.

use crate::cli::Exit;
use crate::cli::grid;
use crate::cli::rest::{Worker, escaped};
use crate::config::typed::parse_duration;
use crate::engine::audit::moment;
use serde_json::Value;
use std::io::Write;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    worker: Worker,
    /// Of this actor alone
    #[arg(long, value_name = "ACTOR")]
    actor: Option<String>,
    /// Of this product alone
    #[arg(long, value_name = "DOMAIN/NAME")]
    product: Option<String>,
    /// Of this action alone: product.publish, product.withdraw, product.pause …
    #[arg(long, value_name = "ACTION")]
    action: Option<String>,
    /// Of this outcome alone
    #[arg(long, value_name = "OUTCOME", value_parser = ["done", "refused", "failed"])]
    outcome: Option<String>,
    /// From this time on: RFC 3339, a day, or how long ago (2h)
    #[arg(long, value_name = "TIME", value_parser = since)]
    since: Option<i64>,
    /// Before this time, likewise
    #[arg(long, value_name = "TIME", value_parser = since)]
    until: Option<i64>,
    /// That hold this text, whatever its case
    #[arg(long, value_name = "TEXT")]
    contains: Option<String>,
    /// How many, the newest first
    #[arg(long, value_name = "COUNT", default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
    /// Prints one JSON document
    #[arg(long)]
    json: bool,
}

pub fn audit(args: &Args, out: &mut impl Write) -> anyhow::Result<Exit> {
    let texts = [
        ("actor", args.actor.clone()),
        ("product", args.product.clone()),
        ("action", args.action.clone()),
        ("outcome", args.outcome.clone()),
        ("since", args.since.map(crate::engine::event::envelope::rfc3339)),
        ("until", args.until.map(crate::engine::event::envelope::rfc3339)),
        ("contains", args.contains.clone()),
    ];
    let mut path = format!("/audit?limit={}", args.limit);
    for (name, text) in texts {
        path += &text.map(|text| format!("&{name}={}", escaped(&text))).unwrap_or_default();
    }
    let answer = args.worker.get(&path)?;
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&answer.value)?)?;
        return Ok(Exit::Good);
    }
    let text = |line: &Value, key: &str| line[key].as_str().unwrap_or_default().to_owned();
    let row = |line: &Value| {
        let call = format!("{} {}", text(line, "method"), text(line, "path"));
        let said = if line["detail"].is_null() { text(line, "reason") } else { text(line, "detail") };
        let outcome = format!("{} {}", text(line, "outcome"), line["status"]);
        vec![text(line, "at"), text(line, "actor"), text(line, "action"), text(line, "product"), outcome, call, said]
    };
    let rows: Vec<Vec<String>> = answer.value.as_array().into_iter().flatten().map(row).collect();
    if rows.is_empty() {
        writeln!(out, "no such line")?;
        return Ok(Exit::Good);
    }
    let head = ["at", "actor", "action", "product", "outcome", "call", "reason"];
    grid::lines(&head, &rows, grid::terminal_width()).iter().try_for_each(|line| writeln!(out, "{line}"))?;
    Ok(Exit::Good)
}

/// A time, or how long ago.
fn since(text: &str) -> Result<i64, String> {
    let ago = || parse_duration(text).map(|ago| crate::clock::now_ms() - ago);
    moment(text)
        .or_else(ago)
        .ok_or_else(|| "a time such as 2026-11-28T14:00:00Z, a day, or how long ago, such as 2h".to_owned())
}
