//! Products as the lines of a table: what a status says of each, and the columns in which `steward demo` and `steward top` show it.

use crate::printable::printable;
use jiff::Timestamp;
use serde_json::Value;
use std::cmp::Ordering;
use std::fmt::Write as _;

/// One product as its status (`GET /products/{domain}/{name}/status`) says it. Verdict, score, rate and violations are those of the
/// last closed window; lag and freshness those of the moment at which it was said.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    pub product: String,
    pub owner: String,
    /// Connect's word; empty where it is not known.
    pub state: String,
    /// Empty before the first window has closed.
    pub verdict: String,
    pub score: Option<f64>,
    /// Records a second.
    pub rate: Option<f64>,
    /// Rows that broke a rule; a row that breaks two counts twice.
    pub violations: u64,
    /// The rule with the most of them, and how many.
    pub worst: Option<(String, u64)>,
    /// Those that are open.
    pub incidents: usize,
    /// Offsets that are not read yet.
    pub lag: Option<u64>,
    /// From the newest record to the moment at which it was said.
    pub freshness_s: Option<f64>,
    /// Records judged so far.
    pub records: u64,
    /// What is known was true once, and need not be any more.
    pub stale: bool,
}

impl Row {
    pub fn of(product: &str, status: &Value) -> Row {
        let quality = &status["quality"];
        let last = &quality["last_window"];
        let windows: Vec<&Value> =
            elements(&quality["recent_windows"]).filter(|w| w["start"] == last["start"]).collect();
        // What is observed moves neither verdict nor score; what could not be measured broke nothing.
        let broken = |f: &&Value| (f["status"] == "fail" || f["status"] == "warn") && f["mode"] != "observe";
        let broken: Vec<(String, u64)> = windows
            .iter()
            .flat_map(|window| elements(&window["findings"]).filter(broken))
            .map(|finding| (text(&finding["rule"]), finding["failed_row_count"].as_u64().unwrap_or(0)))
            .collect();
        let state = text(&status["product"]["state"]);
        let freshness =
            moment(&status["as_of"]).zip(moment(&quality["newest_record"])).map(|(said, newest)| said - newest);
        Row {
            product: product.to_owned(),
            owner: text(&status["owner"]),
            verdict: if last.is_null() { String::new() } else { text(&quality["status"]) },
            score: quality["score"].as_f64(),
            rate: rate(quality, &windows),
            violations: broken.iter().map(|(_, rows)| rows).sum(),
            worst: broken.into_iter().max_by_key(|(_, rows)| *rows),
            incidents: elements(&quality["incidents"]).count(),
            lag: status["lag"]["records"].as_u64(),
            freshness_s: freshness.map(|seconds| seconds.max(0.0)),
            records: quality["totals"]["records"].as_u64().unwrap_or(0),
            // Nobody owns it at the moment: this is the last word of somebody who did.
            stale: state == "UNASSIGNED" && !quality.is_null(),
            state,
        }
    }
}

/// Of the last window over its length; 0 where later ones closed without a record, which tells nobody of them.
fn rate(quality: &Value, windows: &[&Value]) -> Option<f64> {
    let last = windows.first()?;
    let (start, end) = (moment(&last["start"])?, moment(&last["end"])?);
    let idle = moment(&quality["closed_through"]).is_some_and(|closed| closed > end);
    // Late records make windows of their own, and did not come in its time.
    let on_time = windows.iter().filter(|window| window["revision"] == 0);
    let records: u64 = on_time.filter_map(|window| window["records"].as_u64()).sum();
    (end > start).then(|| if idle { 0.0 } else { records as f64 / (end - start) })
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Column {
    Product,
    Owner,
    Rate,
    Verdict,
    Score,
    Violations,
    Incidents,
    Lag,
    Freshness,
    /// The rule with the most violations
    Worst,
}

impl Column {
    pub const ALL: [Column; 10] = [
        Column::Product,
        Column::Owner,
        Column::Rate,
        Column::Verdict,
        Column::Score,
        Column::Violations,
        Column::Incidents,
        Column::Lag,
        Column::Freshness,
        Column::Worst,
    ];

    pub fn title(self) -> &'static str {
        match self {
            Column::Product => "product",
            Column::Owner => "owner",
            Column::Rate => "records/s",
            Column::Verdict => "verdict",
            Column::Score => "score",
            Column::Violations => "violations",
            Column::Incidents => "incidents",
            Column::Lag => "lag",
            Column::Freshness => "fresh",
            Column::Worst => "worst rule",
        }
    }

    /// Numbers stand at the right of their column.
    pub fn is_number(self) -> bool {
        !matches!(self, Column::Product | Column::Owner | Column::Verdict | Column::Worst)
    }

    /// `…` is not known yet, `-` not any more.
    pub fn cell(self, row: &Row) -> String {
        let known = |value: Option<String>| value.unwrap_or_else(|| "…".to_owned());
        match self {
            Column::Product => row.product.clone(),
            Column::Owner => row.owner.clone(),
            Column::Rate if row.stale => "-".to_owned(),
            Column::Rate => known(row.rate.map(|rate| match rate {
                rate if rate > 0.0 && rate < 9.95 => format!("{rate:.1}"),
                rate => format!("{rate:.0}"),
            })),
            Column::Verdict if row.verdict.is_empty() => known(None),
            Column::Verdict if row.stale => format!("({})", row.verdict),
            Column::Verdict => row.verdict.clone(),
            Column::Score => known(row.score.map(|score| format!("{score:.2}"))),
            Column::Violations => row.violations.to_string(),
            Column::Incidents => row.incidents.to_string(),
            Column::Lag if row.stale => "-".to_owned(),
            Column::Lag => known(row.lag.map(|lag| lag.to_string())),
            Column::Freshness => known(row.freshness_s.map(span)),
            Column::Worst => remark(row),
        }
    }

    /// What one looks for comes first: the worst verdict, the largest number, the lowest score, names from A.
    pub fn order(self, a: &Row, b: &Row) -> Ordering {
        let most = |of: fn(&Row) -> Option<f64>| of(b).unwrap_or(-1.0).total_cmp(&of(a).unwrap_or(-1.0));
        let first = match self {
            Column::Product => Ordering::Equal,
            Column::Owner => a.owner.cmp(&b.owner),
            Column::Rate => most(|row| row.rate),
            Column::Verdict => badness(b).cmp(&badness(a)).then(b.incidents.cmp(&a.incidents)),
            Column::Score => a.score.unwrap_or(2.0).total_cmp(&b.score.unwrap_or(2.0)),
            Column::Violations => b.violations.cmp(&a.violations),
            Column::Incidents => b.incidents.cmp(&a.incidents),
            Column::Lag => most(|row| row.lag.map(|lag| lag as f64)),
            Column::Freshness => most(|row| row.freshness_s),
            Column::Worst => a.worst.is_none().cmp(&b.worst.is_none()).then_with(|| a.worst.cmp(&b.worst)),
        };
        first.then_with(|| a.product.cmp(&b.product))
    }
}

fn badness(row: &Row) -> u8 {
    match row.verdict.as_str() {
        "fail" => 5,
        "error" => 4,
        "unknown" => 3,
        "warn" => 2,
        "" => 1,
        _ => 0,
    }
}

/// A state that is not the usual one, and the worst rule.
fn remark(row: &Row) -> String {
    let mut remark = String::new();
    if !matches!(row.state.as_str(), "RUNNING" | "") {
        remark.push_str(&row.state);
    }
    if let Some((rule, rows)) = &row.worst {
        let between = if remark.is_empty() { "" } else { "; " };
        // A String takes all that is written to it.
        let _ = match rows {
            0 => write!(remark, "{between}{rule}"),
            1 => write!(remark, "{between}{rule} (1 row)"),
            rows => write!(remark, "{between}{rule} ({rows} rows)"),
        };
    }
    remark
}

/// Seconds in their largest unit, cut: `59s`, `1m`, `47h`, `2d`.
pub fn span(seconds: f64) -> String {
    let seconds = seconds as u64;
    match seconds {
        0..60 => format!("{seconds}s"),
        60..3_600 => format!("{}m", seconds / 60),
        3_600..172_800 => format!("{}h", seconds / 3_600),
        _ => format!("{}d", seconds / 86_400),
    }
}

/// How words are shown: colours only where a person looks.
#[derive(Clone, Copy, Debug)]
pub struct Style {
    pub colours: bool,
}

impl Style {
    /// For what goes to a stream that is a terminal or none; <https://no-color.org> has the variable.
    pub fn on(terminal: bool) -> Style {
        Style { colours: terminal && std::env::var_os("NO_COLOR").is_none_or(|set| set.is_empty()) }
    }

    pub fn paint(self, verdict: &str, text: &str) -> String {
        let code = match verdict {
            "pass" => "32",
            "warn" => "33",
            "fail" | "error" => "31",
            _ => "2",
        };
        if self.colours { format!("\x1b[{code}m{text}\x1b[0m") } else { text.to_owned() }
    }

    pub fn bold(self, text: &str) -> String {
        if self.colours { format!("\x1b[1m{text}\x1b[0m") } else { text.to_owned() }
    }
}

/// Head and rows, as wide as what stands in them.
pub fn lines(style: Style, columns: &[Column], rows: &[Row]) -> Vec<String> {
    let last = columns.len().saturating_sub(1);
    let widths: Vec<usize> = columns.iter().map(|column| width(*column, rows.iter())).collect();
    let line = |cell: &dyn Fn(Column) -> String, painted: &dyn Fn(Column, &str) -> String| {
        let mut line = String::new();
        for (place, (column, width)) in columns.iter().zip(&widths).enumerate() {
            let text = printable(&cell(*column)).into_owned();
            let text = match column.is_number() {
                true => format!("{text:>width$}"),
                false if place == last => text,
                false => format!("{text:width$}"),
            };
            line.push_str(&painted(*column, &text));
            line.push_str(if place == last { "" } else { "  " });
        }
        line.trim_end().to_owned()
    };
    let head = line(&|column| column.title().to_owned(), &|_, text| text.to_owned());
    let body = rows.iter().map(|row| {
        let painted = |column: Column, text: &str| match column {
            Column::Verdict => style.paint(if row.stale { "" } else { &row.verdict }, text),
            _ => text.to_owned(),
        };
        line(&|column| column.cell(row), &painted)
    });
    std::iter::once(style.bold(&head)).chain(body).collect()
}

/// Characters that a column takes. Words of verdicts come and go: it has room for the longest.
pub fn width<'r>(column: Column, rows: impl Iterator<Item = &'r Row>) -> usize {
    let least = if column == Column::Verdict { "unknown".len() } else { column.title().len() };
    rows.map(|row| column.cell(row).chars().count()).max().unwrap_or(0).max(least)
}

fn elements(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Seconds since 1970.
fn moment(value: &Value) -> Option<f64> {
    Some(value.as_str()?.parse::<Timestamp>().ok()?.as_millisecond() as f64 / 1000.0)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn status() -> Value {
        let window = |start: &str, revision: u32, records: u64, findings: Value| {
            json!({"start": format!("2025-11-24T{start}Z"),
            "end": "2025-11-24T16:01:00Z", "revision": revision, "records": records, "findings": findings})
        };
        let finding = |rule: &str, status: &str, mode: &str, rows: u64| json!({"rule": rule, "status": status, "mode": mode, "failed_row_count": rows});
        json!({"owner": "order-desk", "as_of": "2025-11-24T16:01:30Z", "product": {"state": "RUNNING"}, "lag": {"records": 50},
            "quality": {"status": "fail", "score": 0.75, "newest_record": "2025-11-24T16:01:28Z", "closed_through": "2025-11-24T16:01:00Z",
                "totals": {"records": 900}, "incidents": [{}], "last_window": {"start": "2025-11-24T16:00:00Z"},
                "recent_windows": [
                    window("15:59:00", 0, 7, json!([finding("old", "fail", "warn", 99)])),
                    window("16:00:00", 0, 600, json!([finding("a", "fail", "warn", 2), finding("b", "warn", "enforce", 9),
                        finding("c", "fail", "observe", 80), finding("d", "unknown", "warn", 70)])),
                    window("16:00:00", 1, 4, json!([finding("a", "fail", "warn", 4)]))]}})
    }

    #[test]
    fn a_row_is_what_the_last_window_says_and_how_far_behind_it_is() {
        let row = Row::of("sales/orders", &status());
        assert_eq!((row.rate, row.violations, row.worst.clone()), (Some(10.0), 15, Some(("b".into(), 9))));
        assert_eq!((row.lag, row.freshness_s, row.incidents, row.stale), (Some(50), Some(2.0), 1, false));
        let shown = lines(Style { colours: false }, &Column::ALL, &[row, Row::of("p/q", &Value::Null)]);
        assert_eq!(
            shown,
            [
                "product       owner       records/s  verdict  score  violations  incidents  lag  fresh  worst rule",
                "sales/orders  order-desk         10  fail      0.75          15          1   50     2s  b (9 rows)",
                "p/q                               …  …            …           0          0    …      …",
            ]
        );
    }

    #[test]
    fn what_nobody_owns_any_more_is_shown_as_the_last_word_on_it() {
        let mut status = status();
        status["product"]["state"] = json!("UNASSIGNED");
        let row = Row::of("sales/orders", &status);
        let cells = [Column::Verdict, Column::Rate, Column::Lag, Column::Worst].map(|column| column.cell(&row));
        assert_eq!(cells, ["(fail)", "-", "-", "UNASSIGNED; b (9 rows)"]);
    }

    #[test]
    fn windows_without_records_leave_no_rate_behind() {
        let mut status = status();
        status["quality"]["closed_through"] = json!("2025-11-24T16:02:00Z");
        assert_eq!(Row::of("sales/orders", &status).rate, Some(0.0));
    }

    #[test]
    fn each_column_puts_first_what_one_looks_for() {
        let row = |product: &str, verdict: &str, lag: Option<u64>| Row {
            product: product.into(),
            verdict: verdict.into(),
            lag,
            ..Row::default()
        };
        let mut rows =
            [row("b", "pass", Some(1)), row("c", "fail", None), row("a", "pass", Some(7)), row("d", "", Some(2))];
        for (column, order) in [(Column::Product, "abcd"), (Column::Verdict, "cdab"), (Column::Lag, "adbc")] {
            rows.sort_by(|a, b| column.order(a, b));
            assert_eq!(rows.iter().map(|row| row.product.as_str()).collect::<String>(), order, "{column:?}");
        }
    }

    #[test]
    fn colours_are_left_out_where_nobody_sees_them() {
        assert_eq!(Style { colours: false }.paint("fail", "fail"), "fail");
        assert_eq!(Style { colours: true }.paint("fail", "fail"), "\x1b[31mfail\x1b[0m");
    }

    #[test]
    fn a_span_is_told_in_its_largest_unit() {
        assert_eq!([0.4, 59.9, 60.0, 3_600.0, 172_800.0].map(span), ["0s", "59s", "1m", "1h", "2d"]);
    }
}
