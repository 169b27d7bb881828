//! `steward product list`: every product in a line.

use crate::cli::Exit;
use crate::cli::grid;
use crate::cli::rest::Worker;
use crate::table::Row;
use serde::Serialize;
use serde_json::Value;
use std::io::Write;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    worker: Worker,
    /// Of this domain alone
    #[arg(long, value_name = "DOMAIN")]
    domain: Option<String>,
    /// Whose name or owner holds this text, whatever its case
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Prints one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Listed {
    product: String,
    owner: String,
    lifecycle: Option<String>,
    /// `None`: no window has closed yet.
    verdict: Option<String>,
    score: Option<f64>,
    incidents: usize,
    topics: Vec<String>,
}

pub fn list(args: &Args, out: &mut impl Write) -> anyhow::Result<Exit> {
    let products = args.worker.all("/products?expand=status&expand=info")?;
    let word = args.filter.as_deref().unwrap_or_default().to_lowercase();
    let taken = |listed: &Listed| {
        let of_domain = args.domain.as_ref().is_none_or(|d| listed.product.split('/').next() == Some(d.as_str()));
        of_domain && [&listed.product, &listed.owner].iter().any(|text| text.to_lowercase().contains(&word))
    };
    let all = products.as_object().into_iter().flatten();
    let found: Vec<Listed> = all.map(|(product, said)| listed(product, said)).filter(taken).collect();
    if args.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&found)?)?;
        return Ok(Exit::Good);
    }
    if found.is_empty() {
        writeln!(out, "no product")?;
        return Ok(Exit::Good);
    }
    let row = |l: &Listed| {
        let or = |text: &Option<String>| text.clone().unwrap_or_else(|| "…".to_owned());
        let score = l.score.map_or_else(|| "…".to_owned(), |score| format!("{score:.2}"));
        let (verdict, lifecycle) = (or(&l.verdict), l.lifecycle.clone().unwrap_or_default());
        vec![
            l.product.clone(),
            l.owner.clone(),
            lifecycle,
            verdict,
            score,
            l.incidents.to_string(),
            l.topics.join(", "),
        ]
    };
    let rows: Vec<Vec<String>> = found.iter().map(row).collect();
    let head = ["product", "owner", "lifecycle", "verdict", "score", "incidents", "topics"];
    grid::lines(&head, &rows, grid::terminal_width()).iter().try_for_each(|line| writeln!(out, "{line}"))?;
    Ok(Exit::Good)
}

fn listed(product: &str, said: &Value) -> Listed {
    let row = Row::of(product, &said["status"]);
    let info = &said["info"];
    let topics = info["topics"].as_array().into_iter().flatten();
    Listed {
        product: product.to_owned(),
        owner: row.owner,
        lifecycle: info["lifecycle"].as_str().map(str::to_owned),
        verdict: Some(row.verdict).filter(|verdict| !verdict.is_empty()),
        score: row.score,
        incidents: row.incidents,
        topics: topics.filter_map(|topic| Some(topic.as_str()?.to_owned())).collect(),
    }
}
