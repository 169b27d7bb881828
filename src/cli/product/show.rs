//! `steward product show`: one product, what its contracts say and how it stands.

use crate::cli::Exit;
use crate::cli::product::named::Named;
use crate::table::{Row, Style};
use serde_json::Value;
use std::io::{self, IsTerminal, Write};

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    of: Named,
}

/// Bad where its verdict is fail, or an incident is open.
pub fn show(args: &Args, out: &mut impl Write) -> anyhow::Result<Exit> {
    let answer = args.of.worker.get(&args.of.path()?)?;
    let row = Row::of(&args.of.product, &answer.value["status"]);
    match args.of.json {
        true => writeln!(out, "{}", serde_json::to_string_pretty(&answer.value)?)?,
        false => text(&answer.value, &row, Style::on(io::stdout().is_terminal()), out)?,
    }
    Ok(if row.verdict == "fail" || row.incidents > 0 { Exit::Bad } else { Exit::Good })
}

fn text(product: &Value, row: &Row, style: Style, out: &mut impl Write) -> io::Result<()> {
    let clean = |text: &str| text.chars().filter(|c| !c.is_control()).collect::<String>();
    let verdict = if row.verdict.is_empty() { "no window has closed yet" } else { &row.verdict };
    let score = row.score.map(|score| format!(", score {score:.2}")).unwrap_or_default();
    writeln!(out, "{}: {}{score}", style.bold(&clean(&row.product)), style.paint(&row.verdict, verdict))?;
    let mut line = |name: &str, value: String| match value.is_empty() {
        true => Ok(()),
        false => writeln!(out, "  {name:10}  {}", clean(&value)),
    };
    let said = |key: &str| product[key].as_str().unwrap_or_default().to_owned();
    let list = |value: &Value| value.as_array().into_iter().flatten().cloned().collect::<Vec<Value>>();
    let texts =
        |value: &Value| list(value).iter().filter_map(|v| Some(v.as_str()?.to_owned())).collect::<Vec<_>>().join(", ");
    line("owner", row.owner.clone())?;
    line("lifecycle", said("lifecycle"))?;
    line("successor", said("successor"))?;
    line("ends", said("end_of_life"))?;
    line("topics", texts(&product["topics"]))?;
    for contract in list(&product["contracts"]) {
        let text = |key: &str| contract[key].as_str().unwrap_or_default().to_owned();
        line("contract", format!("{} {}", text("id"), text("version")))?;
    }
    line("state", row.state.clone())?;
    let rate = row.rate.filter(|_| !row.stale).map(|rate| format!("{rate:.1} records/s, "));
    line("volume", format!("{}{} judged", rate.unwrap_or_default(), row.records))?;
    line("lag", row.lag.map(|lag| lag.to_string()).unwrap_or_default())?;
    line("fresh", row.freshness_s.map(crate::table::span).unwrap_or_default())?;
    line(
        "violations",
        match row.worst.as_ref().filter(|(_, rows)| *rows > 0) {
            Some((rule, rows)) => format!("{} in the last window, most of {rule} ({rows})", row.violations),
            None => row.violations.to_string(),
        },
    )?;
    for incident in list(&product["status"]["quality"]["incidents"]) {
        let text = |key: &str| incident[key].as_str().unwrap_or_default().to_owned();
        line("incident", format!("{} since {}", text("rule"), text("first_window")))?;
    }
    Ok(())
}
