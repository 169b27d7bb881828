//! A product's rules, worst first, each with its last windows; and its promises with what is left of their budgets.

use crate::engine::check::verdict::Status;
use crate::engine::contract::plan::{Check, Plan, Rule};
use crate::engine::event::envelope::rfc3339;
use crate::page::ribbon::ribbon;
use crate::page::seen::Seen;
use crate::page::verdict::{mark, rank};
use crate::page::words::{clock, count, share};
use maud::{Markup, html};
use std::collections::BTreeSet;
use std::sync::Arc;

const RULES_MAX: usize = 60;

struct Row<'r> {
    id: &'r str,
    rule: Option<&'r Rule>,
    /// `None`: no window has closed.
    status: Option<Status>,
    failed: u64,
}

pub fn rules(seen: &Seen, plans: &[Arc<Plan>]) -> Markup {
    let last = seen.windows.last();
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
    for rule in plans.iter().flat_map(|plan| &plan.rules).filter(|rule| known.insert(rule.id.as_str())) {
        let found = status(&rule.id);
        rows.push(Row { id: &rule.id, rule: Some(rule), status: found.map(|f| f.0), failed: found.map_or(0, |f| f.1) });
    }
    // What is asked of every record, that it can be read for one, stands in no contract.
    for (id, found) in
        last.into_iter().flat_map(|window| &window.findings).filter(|(id, _)| !known.contains(id.as_str()))
    {
        rows.push(Row { id, rule: None, status: Some(found.0), failed: found.1 });
    }
    rows.sort_by_key(|row| row.status.map_or(2, rank));
    html! {
        section.sec #rules aria-labelledby="h-rules" {
            header {
                h2 #h-rules { "Rules" }
                @match last {
                    Some(window) => p {
                        "Window " (clock(&rfc3339(window.start_ms))) " to " (clock(&rfc3339(window.end_ms))) ", " (count(window.records)) " records. A rule that found nothing stands as pass."
                    },
                    None => p { "No window has closed yet." },
                }
            }
            div.panel.scroll tabindex="0" role="region" aria-label="Table of rules" {
                table.cards role="table" {
                    thead role="rowgroup" { tr role="row" {
                        th scope="col" role="columnheader" { "Verdict" } th scope="col" role="columnheader" { "Rule" }
                        th.opt scope="col" role="columnheader" { "Dimension, severity" } th.r scope="col" role="columnheader" { "Broken by" }
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
    let records = seen.windows.last().map_or(0, |window| window.records);
    let windows: Vec<Option<Status>> = seen
        .windows
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
    let why = match row.rule.map(|rule| &rule.check) {
        Some(Check::Unmeasured(why)) => Some(why.as_str()),
        _ => None,
    };
    html! {
        tr.hot[hot] role="row" {
            td role="cell" { (mark(status)) }
            th scope="row" role="rowheader" {
                @match row.rule.and_then(|rule| rule.name.as_deref()) {
                    Some(name) => { @if hot { b { (name) } } @else { (name) } " " span.dimmer.small { code { (row.id) } } },
                    None => { @if hot { b { code { (row.id) } } } @else { code { (row.id) } } },
                }
                @if let Some(rule) = row.rule { " " span.dimmer.small { (rule.metric) @if !rule.mode.judges() { ", only observed" } } }
                @if let Some(why) = why { span.sub { "Not measured: " (why) } }
            }
            td.opt.dim.nowrap role="cell" { (dimension) " " span.dimmer.small { (severity) } }
            td.r.num role="cell" {
                @if status == Status::Unknown { "not measured" }
                @else if row.failed > 0 { span.bad { (count(row.failed)) } span.sub { (share(row.failed, records)) } }
                @else { (count(row.failed)) }
            }
            td role="cell" { (ribbon(&windows, row.id)) }
        }
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
                                    (if budget.sla == "product" { "The contract as a whole" } else { &budget.sla })
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
