//! A product's rules, worst first, each with its last windows; and its promises with what is left of their budgets.

use crate::catalog::evidence::{Evidence, Measured};
use crate::engine::check::verdict::Status;
use crate::engine::contract::plan::{Check, Rule};
use crate::engine::event::envelope::rfc3339;
use crate::page::ribbon::ribbon;
use crate::page::seen::Seen;
use crate::page::verdict::{mark, rank};
use crate::page::worded::{expression, own};
use crate::page::words::{count, from_to, share, short};
use maud::{Markup, html};
use std::collections::BTreeSet;

const RULES_MAX: usize = 60;

struct Row<'r> {
    id: &'r str,
    rule: Option<&'r Rule>,
    /// `None`: no window has closed.
    status: Option<Status>,
    failed: u64,
    /// How its owner measured it in the last window; another worker knows the count alone.
    measured: Option<&'r Measured>,
}

pub fn rules(seen: &Seen, evidence: &Evidence) -> Markup {
    let last = seen.windows().last();
    let status = |id: &str| {
        let window = last?;
        Some(
            window
                .findings
                .get(id)
                .map_or((if window.records > 0 { Status::Pass } else { Status::Skip }, 0), |found| *found),
        )
    };
    let mut known = BTreeSet::new();
    let mut rows: Vec<Row> = Vec::new();
    for rule in seen.plans.iter().flat_map(|plan| &plan.rules).filter(|rule| known.insert(rule.id.as_str())) {
        let found = status(&rule.id);
        let measured = evidence.measured.get(&rule.id);
        let status = measured.map(|measured| measured.status).or(found.map(|found| found.0));
        rows.push(Row { id: &rule.id, rule: Some(rule), status, failed: found.map_or(0, |f| f.1), measured });
    }
    // What is asked of every record, that it can be read for one, stands in no contract.
    for (id, found) in
        last.into_iter().flat_map(|window| &window.findings).filter(|(id, _)| !known.contains(id.as_str()))
    {
        let measured = evidence.measured.get(id);
        rows.push(Row { id, rule: None, status: Some(found.0), failed: found.1, measured });
    }
    for (id, measured) in &evidence.measured {
        if !known.contains(id.as_str()) && own(id).is_some() && rows.iter().all(|row| row.id != id) {
            let (status, failed) = (Some(measured.status), measured.failed);
            rows.push(Row { id, rule: None, status, failed, measured: Some(measured) });
        }
    }
    rows.sort_by_key(|row| row.status.map_or(2, rank));
    html! {
        section.sec #rules aria-labelledby="h-rules" {
            header {
                h2 #h-rules { "Rules" }
                @match last {
                    Some(window) => p {
                        "Window " (from_to(&rfc3339(window.start_ms), &rfc3339(window.end_ms))) ", " (count(window.records)) " records. A rule that found nothing stands as pass."
                    },
                    None => p { "No window has closed yet." },
                }
                p.key.end aria-hidden="true" {
                    @for (class, y, word) in [("rp", "13.5", "pass"), ("rw", "11", "warn"), ("rf", "8", "fail"), ("ru", "13.5", "unknown")] {
                        span { svg.sw viewBox="0 0 12 16" { path class=(class) d={ "M0 " (y) "H12" @if class == "ru" { "M0 7.5H12" } } {} } (word) }
                    }
                }
            }
            div.panel.scroll tabindex="0" role="region" aria-label="Table of rules" {
                table.cards role="table" {
                    thead role="rowgroup" { tr role="row" {
                        th scope="col" role="columnheader" { "Verdict" } th scope="col" role="columnheader" { "Rule" }
                        th.opt scope="col" role="columnheader" { "Dimension, severity" } th.r scope="col" role="columnheader" { "Measured" }
                        th scope="col" role="columnheader" { "Last windows" }
                    } }
                    tbody role="rowgroup" { @for row in rows.iter().take(RULES_MAX) { (line(seen, row)) } }
                }
            }
            @if rows.len() > RULES_MAX { p.small.dimmer { "The worst " (RULES_MAX) " of " (rows.len()) "." } }
        }
    }
}

fn line(seen: &Seen, row: &Row) -> Markup {
    let status = row.status.unwrap_or(Status::Unknown);
    let hot = matches!(status, Status::Fail | Status::Error);
    let records = seen.windows().last().map_or(0, |window| window.records);
    let windows: Vec<Option<Status>> = seen
        .windows()
        .iter()
        .map(|window| match window.findings.get(row.id) {
            Some((status, _)) => Some(*status),
            None if window.records > 0 => Some(Status::Pass),
            None => None,
        })
        .collect();
    let (dimension, severity) = row.rule.map_or(("", ""), |rule| {
        (rule.dimension.as_deref().unwrap_or_default(), rule.severity.as_deref().unwrap_or_default())
    });
    let why = match (row.rule.map(|rule| &rule.check), row.measured) {
        (Some(Check::Unmeasured(why)), _) => Some(why.as_str()),
        (_, Some(measured)) if status == Status::Unknown => measured.reason.as_deref(),
        _ => None,
    };
    let words = seen.worded(row.id);
    let good = row.rule.and_then(|rule| rule.name.as_deref()).unwrap_or(&words.good);
    let loud = hot || status == Status::Warn;
    html! {
        tr.hot[hot] role="row" {
            td role="cell" { (mark(status)) }
            th scope="row" role="rowheader" title=(row.id) {
                @if loud { b { (good) } } @else { (good) }
                " " span.small.dimmer.sub[loud] { code { (row.rule.map_or_else(|| row.id.to_owned(), expression)) } @if row.rule.is_some_and(|rule| !rule.mode.judges()) { ", only observed" } }
                @if let Some(why) = why { span.sub { (why) } }
            }
            td.opt.dim role="cell" { (dimension) " " span.dimmer.small { (severity) } }
            td.r.num role="cell" { (figure(row, status, records)) }
            td role="cell" { (ribbon(&windows, row.id)) }
        }
    }
}

/// What was measured: rows of rows, or the number that a level or a query comes to.
fn figure(row: &Row, status: Status, records: u64) -> Markup {
    let asked = row.measured.map_or(records, |measured| measured.asked);
    let is_number =
        row.rule.is_some_and(|rule| matches!(rule.check, Check::Sla(_) | Check::Query(_) | Check::RowCount));
    let class = match status {
        Status::Warn => "meh",
        _ => "bad",
    };
    html! {
        @match (status, row.measured.and_then(|measured| measured.value.zip(Some(&measured.unit)))) {
            (Status::Unknown, _) => "not measured",
            (Status::Skip, _) => span.dimmer { "no record" },
            (_, Some((value, unit))) if is_number => { (amount(value, unit)) },
            _ if row.failed > 0 => { span class=(class) { (count(row.failed)) " in " (count(asked)) } span.sub { (share(row.failed, asked)) } },
            _ => { "0 in " (count(asked)) },
        }
    }
}

/// `1.8 s`, `7,118 records/min`
pub fn amount(value: f64, unit: &str) -> String {
    match unit {
        "rows" | "" => short(value),
        "percent" => format!("{} %", short(value)),
        unit => format!("{} {unit}", short(value)),
    }
}

pub fn promises(seen: &Seen) -> Markup {
    let budgets = seen.standing.as_ref().map(|standing| standing.owned.budgets.as_slice()).unwrap_or_default();
    html! {
        section.sec #sla aria-labelledby="h-sla" {
            header { h2 #h-sla { "Promises" } p { "What is used of each error budget, over 30 days." } }
            @if budgets.is_empty() { div.panel.empty { p { "No window has closed yet: no budget is known." } } } @else {
                div.panel.scroll tabindex="0" role="region" aria-label="Table of promises" {
                    table.cards role="table" {
                        thead role="rowgroup" { tr role="row" { th scope="col" role="columnheader" { "Promise" } th.r scope="col" role="columnheader" { "Good windows" } th scope="col" role="columnheader" { "Budget used" } } }
                        tbody role="rowgroup" { @for budget in budgets.iter().take(RULES_MAX) {
                            @let used = budget.ratio().map(|ratio| 1.0 - ratio);
                            tr role="row" {
                                th scope="row" role="rowheader" {
                                    (if budget.sla == "product" { "the contract as a whole holds".to_owned() } else { seen.worded(&budget.sla).good })
                                    span.sub { (format!("{:.4}", budget.objective * 100.0).trim_end_matches('0').trim_end_matches('.')) " % of windows good" }
                                }
                                td.r.num role="cell" { (count(budget.good)) " of " (count(budget.windows)) }
                                td role="cell" {
                                    @match used {
                                        None => span.unknown { "not measured yet" },
                                        Some(used) => {
                                            div.small.num { (spent(used)) }
                                            svg.bar aria-hidden="true" { rect class=(if used >= 1.0 { "f2" } else if used > 0.75 { "w2" } else { "d2" }) width={ (format!("{:.1}", (used * 100.0).clamp(0.0, 100.0))) "%" } height="100%" {} }
                                        },
                                    }
                                }
                            }
                        } }
                    }
                }
            }
        }
    }
}

/// A budget by the share of it that is used.
fn spent(used: f64) -> String {
    match used {
        used if used >= 2.0 => format!("overspent: {used:.0} times the budget"),
        used if used > 1.0 => format!("overspent: {:.0} % used", used * 100.0),
        used => format!("{:.0} % used", used * 100.0),
    }
}
