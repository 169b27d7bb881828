//! The live view: one line a product, redrawn in place on a terminal, one line a window elsewhere.

use crate::demo::found::Event;
use serde_json::Value;
use std::io::{self, Write};

/// What the daemon's REST says of a product, and how much of it is written that is not judged yet.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    pub product: String,
    pub owner: String,
    pub per_second: u64,
    /// Of the last closed window; empty before the first.
    pub verdict: String,
    pub score: Option<f64>,
    /// The rule with the most failed rows, and how many.
    pub worst: Option<(String, u64)>,
    pub lag: u64,
    /// Records judged so far.
    pub records: u64,
}

impl Row {
    /// `before`: the same product's row of so many seconds ago.
    pub fn new(product: &str, status: &Value, written: u64, before: Option<(&Row, f64)>) -> Row {
        let quality = &status["quality"];
        let records = quality["totals"]["records"].as_u64().unwrap_or(0);
        // Late records make windows of their own, which say little of the product as it is now.
        let windows = || quality["recent_windows"].as_array().into_iter().flatten();
        let last = windows().rfind(|window| window["revision"] == 0).unwrap_or(&Value::Null);
        let findings = last["findings"].as_array().into_iter().flatten().filter(|f| f["status"] != "unknown");
        let finding = |f: &Value| {
            (f["rule"].as_str().unwrap_or_default().to_string(), f["failed_row_count"].as_u64().unwrap_or(0))
        };
        let gone = |(row, seconds): (&Row, f64)| (records.saturating_sub(row.records)) as f64 / seconds.max(0.1);
        Row {
            product: product.into(),
            owner: status["owner"].as_str().unwrap_or_default().into(),
            per_second: before.map_or(0, |before| gone(before).round() as u64),
            verdict: last["status"].as_str().unwrap_or_default().into(),
            score: last["score"].as_f64(),
            worst: findings.map(finding).max_by_key(|(_, failed)| *failed),
            lag: written.saturating_sub(records),
            records,
        }
    }
}

/// How words are shown: colours only where a person looks.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    pub colours: bool,
}

impl Style {
    fn paint(self, verdict: &str, text: String) -> String {
        let code = match verdict {
            "pass" => "32",
            "warn" => "33",
            "fail" | "error" => "31",
            _ => "2",
        };
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text }
    }

    pub fn bold(self, text: &str) -> String {
        if self.colours { format!("\x1b[1m{text}\x1b[0m") } else { text.into() }
    }
}

/// A block of lines on a terminal that is drawn over itself.
#[derive(Default)]
pub struct Table {
    drawn: usize,
}

impl Table {
    /// Draws the rows over those of the last time. Long lines are cut by the terminal: a wrapped one would be left behind.
    pub fn draw(&mut self, out: &mut impl Write, style: Style, foot: [&str; 2], rows: &[Row]) -> io::Result<()> {
        let mut lines = lines(style, rows);
        lines.push(String::new());
        lines.extend(foot.map(str::to_string));
        if self.drawn > 0 {
            write!(out, "\x1b[{}A", self.drawn)?;
        }
        write!(out, "\x1b[?7l")?;
        for line in &lines {
            writeln!(out, "\x1b[2K{line}")?;
        }
        write!(out, "\x1b[?7h")?;
        self.drawn = lines.len();
        out.flush()
    }
}

fn lines(style: Style, rows: &[Row]) -> Vec<String> {
    let width = |of: fn(&Row) -> usize, least: usize| rows.iter().map(of).max().unwrap_or(0).max(least);
    let (product, owner) = (width(|r| r.product.len(), 7), width(|r| r.owner.len(), 5));
    let head = format!(
        "{:product$}  {:owner$}  {:>9}  {:7}  {:>5}  {:>6}  worst rule",
        "product", "owner", "records/s", "verdict", "score", "lag"
    );
    let mut lines = vec![style.bold(&head)];
    for row in rows {
        let verdict = if row.verdict.is_empty() { "…" } else { &row.verdict };
        let score = row.score.map_or("…".into(), |score| format!("{score:.2}"));
        let worst = match &row.worst {
            Some((rule, 0)) => rule.clone(),
            Some((rule, failed)) => format!("{rule} ({failed} {})", if *failed == 1 { "row" } else { "rows" }),
            None => String::new(),
        };
        lines.push(format!(
            "{:product$}  {:owner$}  {:>9}  {}  {:>5}  {:>6}  {worst}",
            row.product,
            row.owner,
            row.per_second,
            style.paint(verdict, format!("{verdict:7}")),
            score,
            row.lag,
        ));
    }
    lines
}

/// One window in one line, where nothing can be redrawn; other events have none.
pub fn line(event: &Event) -> Option<String> {
    if event.kind != "io.meshsteward.quality.window.v1" {
        return None;
    }
    let value = &event.value;
    let text = |v: &Value| v.as_str().unwrap_or_default().to_string();
    let failed = |result: &Value| result["measure"]["failedRowCount"].as_u64().unwrap_or(0);
    let broken =
        value["results"].as_array().into_iter().flatten().filter(|r| r["status"] == "fail" || r["status"] == "warn");
    let broken: Vec<String> = broken
        .map(|result| match failed(result) {
            0 => text(&result["id"]),
            rows => format!("{} ({rows})", text(&result["id"])),
        })
        .collect();
    let start = text(&value["window"]["start"]);
    Some(format!(
        "{}  {:19}  {:7}  {:>5} {}  {}",
        start.get(11..19).unwrap_or(&start),
        text(&value["product"]),
        text(&value["status"]),
        value["counts"]["records"],
        if value["window"]["late"] == true { "late records" } else { "records" },
        broken.join(", ")
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_row_says_how_fast_how_good_and_how_far_behind() {
        let status = json!({"owner": "order-desk", "quality": {"totals": {"records": 900}, "recent_windows": [
            {"revision": 0, "status": "fail", "score": 0.75, "findings": [{"rule": "a", "status": "fail", "failed_row_count": 2}, {"rule": "b", "status": "warn", "failed_row_count": 9}]},
            {"revision": 1, "status": "pass", "score": 1.0, "findings": []}]}});
        let before = Row { records: 300, ..Row::default() };
        let row = Row::new("sales/orders", &status, 950, Some((&before, 2.0)));
        assert_eq!((row.per_second, row.lag, row.worst.clone()), (300, 50, Some(("b".into(), 9))));
        let shown = lines(Style { colours: false }, &[row, Row::new("p/q", &Value::Null, 0, None)]);
        assert_eq!(shown[1], "sales/orders  order-desk        300  fail      0.75      50  b (9 rows)");
        assert_eq!(shown[2], "p/q                               0  …            …       0  ");
    }

    #[test]
    fn colours_are_left_out_where_nobody_sees_them() {
        assert_eq!(Style { colours: false }.paint("fail", "fail".into()), "fail");
        assert_eq!(Style { colours: true }.paint("fail", "fail".into()), "\x1b[31mfail\x1b[0m");
    }
}
