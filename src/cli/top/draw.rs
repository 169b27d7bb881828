//! How `steward top` looks: how the mesh stands in two lines, the table, the selected product, the keys.

use crate::cli::top::screen::{SORTS, Screen};
use crate::table::{self, Column, Row, span};
use jiff::Timestamp;
use ratatui::Frame;
use ratatui::layout::{Alignment, Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style};
use ratatui::text::{Line, Span, Text};
use ratatui::widgets::{Block, Borders, Cell, Paragraph, Row as Shown, Table};
use serde_json::Value;

/// What goes first where a terminal is narrow.
const LEAST_WANTED: [Column; 6] =
    [Column::Owner, Column::Worst, Column::Score, Column::Violations, Column::Freshness, Column::Rate];
/// The last column is as wide as what is left, and at least so wide.
const REMARK: usize = 12;
/// Of the selected product: its frame, three lines of its own, and as many rules and incidents as have room.
const DETAILS: u16 = 12;

pub fn draw(frame: &mut Frame<'_>, screen: &mut Screen, now_ms: i64, colours: bool) {
    let rows = screen.rows(now_ms);
    let place = screen.place(&rows);
    let chosen = place.and_then(|place| rows.get(place)).filter(|_| screen.details);
    let details = if chosen.is_some() { DETAILS } else { 0 };
    let [head, body, below, foot] = Layout::vertical([
        Constraint::Length(3),
        Constraint::Min(3),
        Constraint::Length(details),
        Constraint::Length(3),
    ])
    .areas(frame.area());
    frame.render_widget(Paragraph::new(head_lines(screen, &rows, now_ms, colours)), head);
    let wide = usize::from(body.width);
    frame.render_stateful_widget(products(screen, &rows, wide, colours), body, {
        screen.scroll.select(place);
        &mut screen.scroll
    });
    if let Some(row) = chosen {
        frame.render_widget(product(screen, row, below, colours), below);
    }
    frame.render_widget(Paragraph::new(foot_lines(screen)), foot);
}

/// Who is asked and how the mesh stands; or why it is not known.
fn head_lines(screen: &Screen, rows: &[Row], now_ms: i64, colours: bool) -> Text<'static> {
    let url = Span::raw(format!("Mesh Steward  {}  ", screen.url)).style(Style::new().add_modifier(Modifier::BOLD));
    let alarm = tint("fail", colours).add_modifier(Modifier::BOLD);
    let since = |at: i64| span((now_ms - at).max(0) as f64 / 1000.0);
    let Some(told) = screen.told() else {
        let Some((why, at)) = screen.trouble(now_ms) else {
            return Text::from(Line::from(vec![url, Span::raw("asking")]));
        };
        return Text::from(vec![
            Line::from(vec![url, Span::styled(format!("NO ANSWER for {}, asking again", since(at)), alarm)]),
            Line::raw(why.to_owned()),
        ]);
    };
    let of = |verdict: &str| told.rows.iter().filter(|row| row.verdict == verdict).count();
    let mut first = vec![url, Span::raw(format!("{} products: ", told.rows.len()))];
    for verdict in ["fail", "error", "unknown", "warn", "pass"].into_iter().filter(|verdict| of(verdict) > 0) {
        first.push(Span::styled(format!("{} {verdict}  ", of(verdict)), tint(verdict, colours)));
    }
    let incidents: usize = told.rows.iter().map(|row| row.incidents).sum();
    first.push(Span::raw(format!("incidents: {incidents}")));
    if let (Some((why, at)), Some(told_ms)) = (screen.trouble(now_ms), screen.told_ms()) {
        let old = format!(
            "NO ANSWER for {}, asking again; all below is {} old ({})",
            since(at),
            since(told_ms),
            clock(told_ms)
        );
        return Text::from(vec![Line::from(first), Line::styled(old, alarm), Line::raw(why.to_owned())]);
    }
    let mut second = told.workers_line();
    if rows.len() < told.rows.len() || !screen.filter.is_empty() {
        second.push_str(&format!("; {} shown", rows.len()));
    }
    let complaints = told.complaints();
    let more = if complaints.len() > 1 { format!(" (and {} more)", complaints.len() - 1) } else { String::new() };
    let third = complaints.first().map(|first| format!("{first}{more}")).unwrap_or_default();
    Text::from(vec![Line::from(first), Line::raw(second), Line::styled(third, tint("fail", colours))])
}

fn products<'t>(screen: &Screen, rows: &[Row], wide: usize, colours: bool) -> Table<'t> {
    let columns = columns(rows, wide);
    let mark = |column: Column| match (column == screen.sort, screen.reversed) {
        (false, _) => "",
        (true, false) => "▾",
        (true, true) => "▴",
    };
    let cell = |column: Column, text: String| {
        let alignment = if column.is_number() { Alignment::Right } else { Alignment::Left };
        Cell::from(Text::from(text).alignment(alignment))
    };
    let head = columns.iter().map(|(column, _)| cell(*column, format!("{}{}", column.title(), mark(*column))));
    let head = Shown::new(head.collect::<Vec<_>>()).style(Style::new().add_modifier(Modifier::BOLD));
    let shown = rows.iter().map(|row| {
        let cells = columns.iter().map(|(column, _)| {
            let style =
                if *column == Column::Verdict && !row.stale { tint(&row.verdict, colours) } else { Style::new() };
            cell(*column, column.cell(row)).style(style)
        });
        let dim = if row.stale { Modifier::DIM } else { Modifier::empty() };
        Shown::new(cells.collect::<Vec<_>>()).style(Style::new().add_modifier(dim))
    });
    let widths = columns.iter().map(|(column, width)| match column {
        Column::Worst => Constraint::Min(REMARK as u16),
        _ => Constraint::Length(u16::try_from(*width).unwrap_or(u16::MAX)),
    });
    Table::new(shown.collect::<Vec<_>>(), widths.collect::<Vec<_>>())
        .header(head)
        .column_spacing(2)
        .row_highlight_style(Style::new().add_modifier(Modifier::REVERSED))
}

/// Those that there is room for, each with its width; the mark of the order takes a character of its title.
fn columns(rows: &[Row], wide: usize) -> Vec<(Column, usize)> {
    let width = |column: Column| match column {
        Column::Worst => REMARK,
        _ => table::width(column, rows.iter()).max(column.title().len() + 1),
    };
    let mut columns: Vec<(Column, usize)> = Column::ALL.map(|column| (column, width(column))).into();
    for least in LEAST_WANTED {
        let sum = columns.iter().map(|(_, width)| width + 2).sum::<usize>();
        if sum <= wide + 2 {
            break;
        }
        columns.retain(|(column, _)| *column != least);
    }
    columns
}

/// Its recent windows, the rules that its last one breaks or cannot measure, its incidents.
fn product(screen: &Screen, row: &Row, area: Rect, colours: bool) -> Paragraph<'static> {
    let status = screen.told().and_then(|told| told.statuses.get(&row.product)).unwrap_or(&Value::Null);
    let quality = &status["quality"];
    let room = usize::from(area.height.saturating_sub(2));
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let last = &quality["last_window"];
    let mut lines = vec![windows(quality, colours)];
    for contract in elements(&status["contracts"]) {
        lines.push(Line::raw(format!("contract {} {}", text(&contract["id"]), text(&contract["version"]))));
    }
    for finding in elements(&status["findings"]) {
        let words = format!("{}: {}", text(&finding["path"]), text(&finding["problem"]));
        lines.push(Line::styled(words, tint("warn", colours)));
    }
    for incident in elements(&quality["incidents"]) {
        let severity = incident["severity"].as_str().unwrap_or("no severity");
        let words = format!(
            "incident ({severity}) of {} since {}: {} windows, {} rows in the worst",
            text(&incident["rule"]),
            text(&incident["first_window"]),
            incident["failing_windows"],
            incident["worst_failed_row_count"]
        );
        lines.push(Line::styled(words, tint("fail", colours)));
    }
    for window in elements(&quality["recent_windows"]).filter(|window| window["start"] == last["start"]) {
        for finding in elements(&window["findings"]) {
            let verdict = text(&finding["status"]);
            let late = if window["revision"] == 0 { "" } else { ", among late records" };
            let mode = finding["mode"].as_str().unwrap_or("no rule any more");
            let words = format!(" {}: {} rows ({mode}){late}", text(&finding["rule"]), finding["failed_row_count"]);
            lines.push(Line::from(vec![
                Span::styled(format!("{verdict:7}"), tint(&verdict, colours)),
                Span::raw(words),
            ]));
        }
    }
    if !last.is_null() {
        lines.push(Line::raw("all other rules held, or were asked of no row"));
    }
    if lines.len() > room && room > 0 {
        let more = lines.len() - room + 1;
        lines.truncate(room - 1);
        lines.push(Line::raw(format!("… and {more} lines more: GET /products/{}/status", row.product)));
    }
    let worker = status["product"]["worker_id"].as_str().filter(|id| !id.is_empty());
    let worker = worker.map(|id| format!(" on {id}")).unwrap_or_default();
    let title = format!(" {} of {}: {}{worker} ", row.product, row.owner, row.state);
    Paragraph::new(lines).block(Block::new().borders(Borders::TOP).title(title))
}

fn windows(quality: &Value, colours: bool) -> Line<'static> {
    let mut spans = vec![Span::raw("windows")];
    for window in elements(&quality["recent_windows"]).filter(|window| window["revision"] == 0) {
        let verdict = window["status"].as_str().unwrap_or_default();
        spans.push(Span::styled(format!(" {}", mark(verdict)), tint(verdict, colours)));
    }
    let last = &quality["last_window"];
    match last["start"].as_str() {
        None => spans.push(Span::raw(" none has closed yet")),
        Some(start) => spans.push(Span::raw(format!(
            "  the last from {start}: {} records, {} undecodable{}",
            last["records"],
            last["undecodable"],
            if last["complete"] == true { "" } else { ", not complete" }
        ))),
    }
    Line::from(spans)
}

fn foot_lines(screen: &Screen) -> Text<'static> {
    let sorts: Vec<String> = SORTS.iter().map(|(key, column)| format!("{key} {}", name(*column))).collect();
    let filter = match (screen.typing, screen.filter.as_str()) {
        (true, text) => format!("filter: {text}_   enter keeps it   esc drops it"),
        (false, "") => "↑↓ select   enter rules and incidents   / filter   q quit".to_owned(),
        (false, text) => format!("↑↓ select   enter rules and incidents   / filter: {text} (esc drops it)   q quit"),
    };
    let dim = Style::new().add_modifier(Modifier::DIM);
    Text::from(vec![
        Line::styled(format!("order by  {}", sorts[..5].join("   ")), dim),
        Line::styled(format!("          {}   (again: the other way)", sorts[5..].join("   ")), dim),
        Line::raw(filter),
    ])
}

/// What a column is called where its title is too short or has another first letter than its key.
fn name(column: Column) -> &'static str {
    match column {
        Column::Product => "name",
        Column::Rate => "rate",
        Column::Freshness => "freshness",
        column => column.title(),
    }
}

fn mark(verdict: &str) -> &'static str {
    match verdict {
        "pass" => "✔",
        "warn" => "!",
        "fail" | "error" => "✘",
        _ => "?",
    }
}

fn tint(verdict: &str, colours: bool) -> Style {
    let colour = match verdict {
        "pass" => Color::Green,
        "warn" | "unknown" => Color::Yellow,
        "fail" | "error" => Color::Red,
        _ => return Style::new(),
    };
    if colours { Style::new().fg(colour) } else { Style::new() }
}

fn clock(ms: i64) -> String {
    let said = Timestamp::from_millisecond(ms).map(|time| time.strftime("%H:%M:%S UTC").to_string());
    said.unwrap_or_default()
}

fn elements(value: &Value) -> impl Iterator<Item = &Value> {
    value.as_array().into_iter().flatten()
}
