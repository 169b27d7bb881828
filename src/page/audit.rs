//! `/audit`: who asked what of the mesh, when, why, and what came of it; each with the call that does it.

use crate::catalog::trail::Entry;
use crate::engine::audit::{Filter, Line};
use crate::engine::event::envelope::rfc3339;
use crate::http::query::{Pairs, pairs};
use crate::http::server::Site;
use crate::page::frame::{self, Place};
use crate::page::records::quoted;
use crate::page::verdict::icon;
use crate::page::words::{counted, day_and_clock, encoded};
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use maud::{Markup, html};
use std::collections::BTreeSet;

const SHOWN_MAX: usize = 100;
/// Actors and actions of so many lines are offered as filters.
const LOOKED_AT: usize = 1_000;
const OFFERED_MAX: usize = 30;
const OUTCOMES: [&str; 3] = ["done", "refused", "failed"];

pub async fn page(State(site): State<Site>, headers: HeaderMap, uri: Uri) -> Response {
    let asked = match pairs(&uri) {
        Ok(asked) => asked,
        Err(bad) => return *bad,
    };
    let text = |name: &str| asked.last(name).unwrap_or_default();
    let filter = Filter {
        actor: text("actor"),
        product: text("product"),
        action: text("action"),
        outcome: text("outcome"),
        since_ms: None,
        until_ms: None,
        contains: text("contains"),
    };
    let after = asked.last("after").and_then(|id| id.parse().ok());
    let takes = |entry: &Entry| filter.takes(entry.at_ms, &entry.line);
    // A line that left the newest ones meanwhile: begin anew.
    let found = site.trail.newest(takes, after, SHOWN_MAX + 1);
    let mut found = found.or_else(|| site.trail.newest(takes, None, SHOWN_MAX + 1)).unwrap_or_default();
    let more = found.len() > SHOWN_MAX;
    found.truncate(SHOWN_MAX);
    let looked = site.trail.newest(|_| true, None, LOOKED_AT).unwrap_or_default();
    let refused = found.iter().filter(|entry| entry.line.outcome != "done").count();
    let title = match (found.len(), refused) {
        (0, _) => "Nobody asked for a change".to_owned(),
        (1, 0) => "1 request, and it was done".to_owned(),
        (all, 0) => format!("{} requests, all done", if more { "The newest 100".to_owned() } else { all.to_string() }),
        (all, refused) => format!("{}, {refused} of them not done", counted(all, "request")),
    };
    let body = html! {
        div.rail { div.stick { (filters(&asked, &looked)) } }
        main #main {
            div.head {
                div { h1 { (title) } p { "Every request that would change something, newest first: who, why, what came of it, and the call that does the same." } }
                div.acts { a.btn href={ "/audit?" (kept(&asked)) "format=json" } { "As JSON" } }
            }
            section.sec #lines data-poll="4000" aria-label="Requests" aria-live="polite" {
                @if found.is_empty() {
                    div.panel.empty { h2 { "Nothing here" } p { (if looked.is_empty() { "Publish, change or pause something, and it stands here within a second." } else { "No request fits the filter." }) } }
                } @else {
                    ol.panel.audit { @for entry in &found { li { (line(entry, &site)) } } }
                }
                @if let Some(last) = found.last().filter(|_| more) { p { a.btn href={ "/audit?" (kept(&asked)) "after=" (last.id) } { "Older" } } }
            }
        }
    };
    frame::page(&site, &headers, Place::Audit, "Audit", false, body)
}

/// The filter as a query, with an ampersand behind each pair.
fn kept(asked: &Pairs) -> String {
    let names = ["actor", "product", "action", "outcome", "contains"];
    let pair = |name: &&str| {
        asked.last(name).filter(|value| !value.is_empty()).map(|value| format!("{name}={}&", encoded(value)))
    };
    names.iter().filter_map(pair).collect()
}

fn filters(asked: &Pairs, looked: &[Entry]) -> Markup {
    let all = |of: fn(&Line) -> &str| -> BTreeSet<&str> {
        looked.iter().map(|entry| of(&entry.line)).take(LOOKED_AT).collect()
    };
    let choice = |label: &str, name: &str, values: Vec<&str>| {
        html! {
            label.fld { span { (label) } select name=(name) data-go {
                option value="" { "all" }
                @for value in values.iter().take(OFFERED_MAX) { option value=(value) selected[asked.last(name) == Some(*value)] { (value) } }
            } }
        }
    };
    html! {
        form action="/audit" aria-label="Filter requests" {
            details.facets open {
                summary { "Filter" }
                label.fld { span { "Contains" } input type="search" name="contains" value=(asked.last("contains").unwrap_or_default()); }
                (choice("Outcome", "outcome", OUTCOMES.to_vec()))
                (choice("Who", "actor", all(|line| &line.actor).into_iter().collect()))
                (choice("What", "action", all(|line| &line.action).into_iter().collect()))
                @if let Some(product) = asked.last("product") { label.fld { span { "Product" } input name="product" value=(product); } }
                button.btn { "Apply" }
            }
        }
    }
}

fn line(entry: &Entry, site: &Site) -> Markup {
    let Line {
        actor,
        action,
        product,
        outcome,
        status,
        method,
        path,
        correlation,
        worker,
        reason,
        detail,
        before,
        after,
        ..
    } = &entry.line;
    let at = rfc3339(entry.at_ms);
    let (shape, class, word) = match outcome.as_str() {
        "done" => ("pass", "pass", "Done"),
        "refused" => ("fail", "fail", "Refused"),
        _ => ("warn", "warn", "Failed"),
    };
    html! {
        details #{ "a" (entry.id) } {
            summary {
                time.mono.num.dimmer datetime=(at) title=(at) { (at.get(11..19).unwrap_or_default()) }
                span.who { b { (actor) } }
                span.what { (verb(action)) " " @if let Some(product) = product { b { (product) } } @else { code { (path) } } }
                span class={ "v " (class) } { (icon(shape, "")) (word) }
            }
            div.more {
                @if let Some(reason) = reason { p.dim { "“" (reason) "”" } }
                @if let Some(detail) = detail { p class=(if outcome == "done" { "dim" } else { "bad" }) { (detail) } }
                @if before.is_some() || after.is_some() {
                    dl.facts {
                        @if let Some(before) = before { dt { "Before" } dd.mono { (before.to_string()) } }
                        @if let Some(after) = after { dt { "After" } dd.mono { (after.to_string()) } }
                    }
                }
                div.code.wrap { pre tabindex="0" role="region" aria-label="The call" { (curl(method, path, site)) span.c { "\n# " (status) } } button.btn.tiny data-copy=(curl(method, path, site)) hidden { "Copy" } }
                p.small.dimmer {
                    (day_and_clock(&at)) " UTC, by worker " span.mono { (worker) } ", request " span.mono { (correlation) } ". "
                    @if let Some((domain, name)) = product.as_deref().and_then(|product| product.split_once('/')) {
                        a href={ "/products/" (encoded(domain)) "/" (encoded(name)) } { "Open " (domain) "/" (name) }
                    }
                }
            }
        }
    }
}

fn verb(action: &str) -> &str {
    match action {
        "product.publish" => "publishes",
        "product.withdraw" => "withdraws",
        "product.lifecycle" => "changes the life of",
        "product.pause" => "pauses",
        "product.resume" => "resumes",
        "product.restart" => "restarts",
        "draft.create" => "drafts a contract",
        "draft.trial" => "tries the draft",
        "draft.publish" => "publishes the draft",
        "draft.edit" => "edits the draft",
        "draft.delete" => "drops the draft",
        "use-case.register" => "registers the use case",
        "use-case.execute" => "executes",
        "use-case.stop" => "stops",
        "use-case.delete" => "drops the use case",
        action => action,
    }
}

/// The same by hand. A body that it had is not kept: a file stands for it.
pub fn curl(method: &str, path: &str, site: &Site) -> String {
    let body = match (method, path.ends_with("/contract") || path == "/products") {
        ("PUT" | "POST", true) => " --data-binary @contract.odcs.yaml",
        ("PUT", _) if path.starts_with("/use-cases/") => " --data @use-case.json",
        ("PUT", _) if path.ends_with("/lifecycle") => " --data '{\"lifecycle\": \"deprecated\"}'",
        _ => "",
    };
    format!("curl -X {method} {}{body}", quoted_url(&format!("{}{path}", site.origin())))
}

fn quoted_url(url: &str) -> String {
    let plain = url.chars().all(|c| c.is_ascii_alphanumeric() || "._-:/%~".contains(c));
    if plain { url.to_owned() } else { quoted(url) }
}
