//! `/incidents/{id}`: what broke, whose it is, which records, what to do, who is touched.

use crate::clock::now_ms;
use crate::engine::check::verdict::Status;
use crate::engine::contract::name::ProductName;
use crate::engine::event::envelope::rfc3339;
use crate::engine::event::incident::id_of;
use crate::flow::state::Incident;
use crate::http::server::Site;
use crate::http::workers;
use crate::page::crumbs::crumbs;
use crate::page::frame::{self, Place};
use crate::page::records;
use crate::page::ribbon::ribbon;
use crate::page::seen::{Seen, href};
use crate::page::spark;
use crate::page::verdict::icon;
use crate::page::worded::capital;
use crate::page::words::{clock, count, counted, day_and_clock, encoded, share, span};
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use maud::{Markup, html};
use std::collections::BTreeMap;

const SIBLINGS_MAX: usize = 12;

/// One incident of a product, open or not.
struct Found<'d> {
    product: &'d ProductName,
    id: String,
    rule: String,
    first_ms: i64,
    /// `None`: it has ended.
    open: Option<Incident>,
}

pub async fn page(State(site): State<Site>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let now = now_ms();
    let (directory, lineage, peers) = (site.board.directory(), site.lineage.read(), workers::heard(&site, now));
    let mut all: Vec<Found> = Vec::new();
    let mut mine: BTreeMap<&ProductName, Seen> = BTreeMap::new();
    for product in directory.products.keys() {
        let Some(standing) = workers::standing(&site, product, &peers, now) else { continue };
        let found = |contract: &str, rule: &str, first_ms: i64, open: Option<Incident>| Found {
            product,
            id: id_of(product, contract, rule, first_ms),
            rule: rule.to_owned(),
            first_ms,
            open,
        };
        let before = all.len();
        for incident in &standing.owned.state.incidents {
            all.push(found(&incident.contract, &incident.rule, incident.first_window, Some(incident.clone())));
        }
        all.extend(
            standing.owned.state.ended.keys().map(|(contract, rule, first)| found(contract, rule, *first, None)),
        );
        // Its siblings are named in words of their rules.
        if all.len() > before
            && let Some(seen) = Seen::of(&site, &directory, &lineage, &peers, product, now)
        {
            mine.insert(product, seen);
        }
    }
    all.sort_by_key(|found| (found.open.is_none(), std::cmp::Reverse(found.first_ms)));
    let shown = all.iter().find(|found| found.id == id);
    let Some((found, seen)) = shown.and_then(|found| Some((found, mine.get(found.product)?))) else {
        let next = "It ended long ago, or never was. The governance topic keeps every incident as an event.";
        return frame::missing(&site, &headers, "This incident is not known here", next);
    };
    let known = workers::known(&site, found.product);
    let elsewhere = known.is_none();
    let evidence = known.map(|known| known.evidence).unwrap_or_default();
    let samples: Vec<_> = evidence.samples.iter().filter(|sample| sample.rule == found.rule).cloned().collect();
    let bad = seen.worded(&found.rule).bad;
    let body = html! {
        div.rail { div.stick {
            @for (title, open) in [("Open", true), ("Ended lately", false)] {
                @let of: Vec<&Found> = all.iter().filter(|other| other.open.is_some() == open).collect();
                @if !of.is_empty() {
                    nav.toc aria-label={ (title) " incidents" } { h2 { (title) ", " (of.len()) } ul {
                        @for other in of.iter().take(SIBLINGS_MAX) {
                            li { a href={ "/incidents/" (other.id) } aria-current=[(other.id == id).then_some("true")] {
                                span.clip { (mine.get(other.product).map_or_else(|| other.rule.clone(), |seen| seen.worded(&other.rule).bad)) }
                                (if open { icon("fail", "fail") } else { icon("pass", "pass") })
                            } }
                        }
                    } }
                }
            }
        } }
        main #main {
            (head(found, seen, &bad, now))
            (figures(found, seen, now))
            div.cols {
                div {
                    (chart(found, seen))
                    section.sec aria-labelledby="h-rec" {
                        header { h2 #h-rec { "Records" } p { "The newest that broke it, masked." } }
                        (records::table(&samples, seen, elsewhere))
                    }
                }
                aside.first {
                    (todo(found, seen, samples.first()))
                    (happened(found, &bad))
                    (touched(seen))
                }
            }
        }
    };
    frame::page(&site, &headers, Place::Incidents, &bad, false, body)
}

fn head(found: &Found, seen: &Seen, bad: &str, now: i64) -> Markup {
    let since = rfc3339(found.first_ms);
    let rule = seen.rule(&found.rule);
    html! {
        div {
            (crumbs(&[("/incidents", "Incidents"), (&href(found.product), &found.product.to_string())]))
            div.head {
                div {
                    div.title {
                        h1 { (capital(bad)) }
                        @match &found.open {
                            Some(_) => span.v.chip.fail { (icon("fail", "")) "Open, " (span(now - found.first_ms)) },
                            None => span.v.chip.pass { (icon("pass", "")) "Ended" },
                        }
                        @if let Some(severity) = rule.and_then(|rule| rule.severity.as_deref()) { span.tag { (severity) } }
                        @if let Some(dimension) = rule.and_then(|rule| rule.dimension.as_deref()) { span.tag { (dimension) } }
                    }
                    p { "In " a href=(href(found.product)) { (found.product.name) } " since " time datetime=(since) { (day_and_clock(&since)) } " UTC. The contract asks that " (seen.worded(&found.rule).good) ": " code { (found.rule) } "." }
                }
                div.acts {
                    button.btn data-copy={ "/incidents/" (found.id) } data-copy-link hidden { "Copy link" }
                    a.btn.primary href={ (href(found.product)) "#rules" } { "Open product" }
                }
            }
        }
    }
}

fn failed(seen: &Seen, rule: &str) -> Vec<u64> {
    seen.windows().iter().map(|window| window.findings.get(rule).map_or(0, |(_, failed)| *failed)).collect()
}

fn figures(found: &Found, seen: &Seen, now: i64) -> Markup {
    let (rows, records) = (failed(seen, &found.rule), seen.windows().iter().map(|window| window.records).sum::<u64>());
    let total: u64 = rows.iter().sum();
    let whole = total == 0 && found.open.as_ref().is_none_or(|open| open.worst == 0);
    html! {
        dl.panel.kpis {
            div { dt.lab { "Owner" } dd.big { (if seen.info.owner.is_empty() { "nobody known" } else { &seen.info.owner }) } dd { (if seen.info.owner.is_empty() { "the contract names no team" } else { "answers for it" }) } }
            @if whole { div { dt.lab { "Asked of" } dd.big { "a window" } dd { "as a whole; no single record breaks it" } } }
            @else { div { dt.lab { "Bad records" } dd.big { (count(total)) " " small.small { (share(total, records)) } } dd { (if rows.len() == 1 { "in the last window".to_owned() } else { format!("in the last {}", counted(rows.len(), "window")) }) } } }
            div { dt.lab { "Failing windows" } dd.big { (found.open.as_ref().map_or("–".to_owned(), |open| count(open.failing))) } dd {
                @match &found.open { Some(open) => { @if !whole { "at most " (count(open.worst)) " records in one, " } "for " (span(now - found.first_ms)) }, None => "a window passed again" }
            } }
            div { dt.lab { "Readers" } dd.big { (seen.readers.as_ref().map_or("–".to_owned(), |of| of.len().to_string())) } dd { "may be touched" } }
        }
    }
}

fn chart(found: &Found, seen: &Seen) -> Markup {
    let rows = failed(seen, &found.rule);
    if rows.iter().all(|failed| *failed == 0) {
        let windows: Vec<Option<Status>> =
            seen.windows().iter().map(|window| window.findings.get(&found.rule).map(|(status, _)| *status)).collect();
        return html! {
            section.sec aria-labelledby="h-ch" {
                header { h2 #h-ch { "Window by window" } p { "It is about a window as a whole: no single record breaks it." } }
                div.panel.pad { (ribbon(&windows, &found.rule)) }
            }
        };
    }
    let most = rows.iter().copied().max().unwrap_or(0);
    let ends: Vec<String> = [seen.windows().first().map(|w| w.start_ms), seen.windows().last().map(|w| w.end_ms)]
        .into_iter()
        .map(|ms| ms.map_or(String::new(), |ms| clock(&rfc3339(ms)).to_owned()))
        .collect();
    let text =
        format!("Records that broke it, window by window: at most {most} in one, {} in all", rows.iter().sum::<u64>());
    html! {
        section.sec aria-labelledby="h-ch" {
            header { h2 #h-ch { "Records that broke it, each window" } p { "The last " (counted(rows.len(), "window")) ", all partitions." } }
            div.panel.pad { (spark::bars(&rows, &counted(usize::try_from(most).unwrap_or(usize::MAX), "record"), (&ends[0], &ends[1]), &text)) }
        }
    }
}

fn todo(found: &Found, seen: &Seen, sample: Option<&crate::catalog::evidence::Sample>) -> Markup {
    let whole = found.open.as_ref().is_some_and(|open| open.worst == 0);
    html! {
        section.panel.pad aria-labelledby="h-do" {
            h2 #h-do { "What to do" }
            ol.todo {
                @if sample.is_some() || !whole { li { div { b { "Look at one record." } p.small.dim {
                    @match sample {
                        Some(sample) => { "Offset " (sample.offset) " of partition " (sample.partition) " broke it: " (sample.reason) "." },
                        None => "The governance topic has samples with partition and offset.",
                    }
                } } } }
                li { div { b { "Ask who writes it." } p.small.dim {
                    a href={ (href(found.product)) "/lineage?direction=upstream" } { "What feeds it" } " shows connectors, queries and producers. Did one of them change at " (clock(&rfc3339(found.first_ms))) "?"
                } } }
                li { div { b { "Repair the producer, or the promise." } p.small.dim {
                    "Where the contract asks too much, " a href={ (href(found.product)) "/edit" } { "change it" } " and see first whom that breaks."
                } } }
                @if seen.rule(&found.rule).is_some_and(|rule| rule.mode == crate::engine::contract::mode::Mode::Enforce) {
                    li { div { b { "Replay what is in quarantine." } p.small.dim { "Bad records were copied there: " code { "steward quarantine replay" } "." } } }
                }
            }
        }
    }
}

fn happened(found: &Found, bad: &str) -> Markup {
    html! {
        section.panel.pad aria-labelledby="h-hap" {
            h2 #h-hap { "What happened" }
            ol.line {
                @match &found.open {
                    Some(open) => li { time { (clock(&rfc3339(open.last_window))) } (icon("fail", "fail")) div { b { "Still failing" } p { "the last window that failed began then" } } },
                    None => li { time { "then" } (icon("pass", "pass")) div { b { "Ended" } p { "a window passed; late records may open it again" } } },
                }
                li { time { (clock(&rfc3339(found.first_ms))) } (icon("fail", "fail")) div { b { "First window that failed" } p { (bad) } } }
            }
        }
    }
}

fn touched(seen: &Seen) -> Markup {
    html! {
        section.panel.pad aria-labelledby="h-who" {
            h2 #h-who { "Who is touched" }
            @match &seen.readers {
                None => p.small.dim { "Lineage was not collected yet: who reads it is not known." },
                Some(of) if of.is_empty() => p.small.dim { "Nobody is seen, configured or declared to read it." },
                Some(of) => {
                    ul.small { @for node in of.iter().take(SIBLINGS_MAX) { li.mono.clip { a.quiet href={ "/lineage?focus=" (encoded(&node.to_string())) } { (node.name()) } } } }
                    @if of.len() > SIBLINGS_MAX { p.small.dimmer { "and " (of.len() - SIBLINGS_MAX) " more" } }
                },
            }
        }
    }
}
