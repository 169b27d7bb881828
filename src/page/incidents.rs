//! `/incidents`: what is broken now, whose it is, since when; and what ended lately.

use crate::clock::now_ms;
use crate::engine::contract::name::ProductName;
use crate::engine::event::envelope::rfc3339;
use crate::engine::event::incident::{LINEAGE_SEVERITY, id_of};
use crate::http::server::Site;
use crate::http::workers;
use crate::page::frame::{self, Place};
use crate::page::graph::finding;
use crate::page::seen::href;
use crate::page::verdict::icon;
use crate::page::worded::{own, worded};
use crate::page::words::{clock, count, counted, span};
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use maud::html;

/// Of each kind; `/incidents` as JSON has all.
const SHOWN_MAX: usize = 100;

pub async fn page(State(site): State<Site>, headers: HeaderMap) -> Response {
    let now = now_ms();
    let (directory, peers) = (site.board.directory(), workers::heard(&site, now));
    let lineage = site.lineage.read();
    let (mut open, mut ended, mut contradictions) = (Vec::new(), Vec::new(), Vec::new());
    for (product, info) in &directory.products {
        contradictions.extend(lineage.incidents(product).map(|(found, incident)| (product, info, found, incident)));
        let Some(standing) = workers::standing(&site, product, &peers, now) else { continue };
        let state = standing.owned.state;
        open.extend(state.incidents.iter().cloned().map(|incident| (product, info, incident)));
        ended.extend(state.ended.keys().cloned().map(|(contract, rule, first)| (product, contract, rule, first)));
    }
    open.sort_by_key(|(_, _, incident)| std::cmp::Reverse(incident.first_window));
    ended.sort_by_key(|(.., first)| std::cmp::Reverse(*first));
    contradictions.sort_by_key(|(.., incident)| std::cmp::Reverse(incident.since_ms));
    let said = |product: &ProductName, id: &str| {
        let mut rules = directory.plans.get(product).into_iter().flatten().flat_map(|plan| &plan.rules);
        let words = rules.find(|rule| rule.id == id).map(worded).or_else(|| own(id));
        words.map_or_else(|| id.to_owned(), |words| words.bad)
    };
    let products = open.iter().map(|(product, ..)| *product).chain(contradictions.iter().map(|(product, ..)| *product));
    let products = products.collect::<std::collections::BTreeSet<_>>().len();
    let title = match open.len() + contradictions.len() {
        0 => "Nothing is broken".to_owned(),
        1 => "1 incident is open".to_owned(),
        number => format!("{number} incidents are open, in {}", counted(products, "product")),
    };
    let body = html! {
        main #main {
            div.head { div { h1 { (title) } p { "An incident opens when a rule fails in as many windows as its contract allows, and ends with a window that passes; or when somebody reads or feeds a product otherwise than is declared." } } }
            section.sec aria-labelledby="h-open" {
                h2.sr #h-open { "Open" }
                @if open.is_empty() && contradictions.is_empty() { div.panel.empty { p { "No rule of any product fails now." } } } @else {
                    ol.panel {
                        @for (product, info, incident) in open.iter().take(SHOWN_MAX) {
                            @let since = rfc3339(incident.first_window);
                            li.inc {
                                (icon("fail", "fail"))
                                h3 { a href={ "/incidents/" (id_of(product, &incident.contract, &incident.rule, incident.first_window)) } { (product.name) ": " (said(product, &incident.rule)) } }
                                span.num.small.dimmer title=(since) { "since " (clock(&since)) ", " (span(now - incident.first_window)) }
                                p {
                                    (if info.owner.is_empty() { "Nobody is known to own it" } else { &info.owner }) ". "
                                    (counted(usize::try_from(incident.failing).unwrap_or(usize::MAX), "window")) " failed" @if incident.worst > 0 { "; at most " (count(incident.worst)) " records in one" } "."
                                    @if let Some(severity) = &incident.severity { " " span.tag { (severity) } }
                                }
                            }
                        }
                        @for (product, info, found, incident) in contradictions.iter().take(SHOWN_MAX) {
                            @let since = rfc3339(incident.since_ms);
                            li.inc {
                                (icon("warn", "warn"))
                                h3 { a href={ (href(product)) "/lineage" } { (product.name) ": " (finding(found)) } }
                                span.num.small.dimmer title=(since) { "since " (clock(&since)) ", " (span(now - incident.since_ms)) }
                                p {
                                    (if info.owner.is_empty() { "Nobody is known to own it" } else { &info.owner }) ". "
                                    (found.to_string()) ". " span.tag { (LINEAGE_SEVERITY) }
                                }
                            }
                        }
                    }
                    @if open.len() > SHOWN_MAX || contradictions.len() > SHOWN_MAX { p.small.dimmer { "The newest " (SHOWN_MAX) ". " a href="/incidents?state=open&format=json" { "All as JSON" } } }
                }
            }
            @if !ended.is_empty() {
                section.sec aria-labelledby="h-end" {
                    header { h2 #h-end { "Ended lately" } p { "Those that late records may open again." } }
                    ol.panel {
                        @for (product, contract, rule, first) in ended.iter().take(SHOWN_MAX) {
                            @let since = rfc3339(*first);
                            li.inc { (icon("pass", "pass")) h3 { a href={ "/incidents/" (id_of(product, contract, rule, *first)) } { (product.name) ": " (said(product, rule)) } } span.num.small.dimmer title=(since) { "began " (clock(&since)) } }
                        }
                    }
                }
            }
        }
    };
    frame::page(&site, &headers, Place::Incidents, "Incidents", true, body)
}
