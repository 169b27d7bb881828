//! `steward product withdraw`: a product's contracts judge nothing any more.

use crate::cli::Exit;
use crate::cli::product::named::Named;
use crate::cli::product::publish;
use crate::cli::rest::Sent;
use anyhow::bail;
use std::io::Write;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    of: Named,
    /// Why, for the audit
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,
    /// The state that is to be withdrawn: another one is refused
    #[arg(long, value_name = "ETAG")]
    if_match: Option<String>,
}

/// Bad where it is refused.
pub fn withdraw(args: &Args, out: &mut impl Write) -> anyhow::Result<Exit> {
    let tag = args.if_match.as_ref().map(|tag| format!("\"{}\"", tag.trim_matches('"')));
    let mut headers = Vec::new();
    headers.extend(tag.as_deref().map(|tag| ("if-match", tag)));
    headers.extend(args.reason.as_deref().map(|reason| ("x-steward-reason", reason)));
    let answer = args.of.worker.call("DELETE", &args.of.path()?, Sent { body: "", headers: &headers })?;
    if args.of.json {
        writeln!(out, "{}", serde_json::to_string_pretty(&answer.value)?)?;
    }
    match answer.status {
        ..300 if args.of.json => Ok(Exit::Good),
        ..300 => {
            writeln!(out, "{} is withdrawn", args.of.product)?;
            publish::consumers(&answer.value, out)?;
            Ok(Exit::Good)
        }
        status if status >= 500 || status == 401 => bail!("{}", answer.refusal()),
        _ => {
            eprintln!("steward: {}", answer.refusal());
            Ok(Exit::Bad)
        }
    }
}
