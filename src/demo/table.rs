//! The live view: one line a product, redrawn in place on a terminal, one line a window elsewhere.

use crate::demo::found::Event;
use crate::table::{self, Column, Row, Style};
use serde_json::Value;
use std::io::{self, Write};

/// Those that a newcomer reads.
const COLUMNS: [Column; 7] =
    [Column::Product, Column::Owner, Column::Rate, Column::Verdict, Column::Score, Column::Lag, Column::Worst];

/// A block of lines on a terminal that is drawn over itself.
#[derive(Default)]
pub struct Table {
    drawn: usize,
}

impl Table {
    /// Draws the rows over those of the last time. Long lines are cut by the terminal: a wrapped one would be left behind.
    pub fn draw(&mut self, out: &mut impl Write, style: Style, foot: [&str; 2], rows: &[Row]) -> io::Result<()> {
        let mut lines = table::lines(style, &COLUMNS, rows);
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
