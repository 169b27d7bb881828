//! `/products/{domain}/{name}`: the verdict first, then the evidence for it, then how to read it.

use crate::clock::now_ms;
use crate::engine::check::verdict::Status;
use crate::engine::contract::name::ProductName;
use crate::engine::event::envelope::rfc3339;
use crate::http::server::Site;
use crate::http::workers;
use crate::page::explore::score;
use crate::page::fields;
use crate::page::frame::{self, Place};
use crate::page::rules;
use crate::page::seen::Seen;
use crate::page::verdict::{chip, class, icon};
use crate::page::words::{clock, count, counted, encoded, short, span};
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use maud::{Markup, html};

const READERS_MAX: usize = 50;

pub async fn page(
    State(site): State<Site>,
    Path((domain, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    let product = ProductName { domain, name };
    let now = now_ms();
    let (directory, lineage, peers) = (site.board.directory(), site.lineage.read(), workers::heard(&site, now));
    let Some(seen) = Seen::of(&site, &directory, &lineage, &peers, &product, now) else {
        return frame::missing(
            &site,
            &headers,
            &format!("{product} is unknown"),
            "No contract names it. It may have been renamed or withdrawn.",
        );
    };
    let plans = directory.plans.get(&product).map(Vec::as_slice).unwrap_or_default();
    let profile = site.board.judged(&product).and_then(|judged| judged.profile);
    let documents: Vec<_> = directory.documents.iter().filter(|document| document.product == product).collect();
    let body = html! {
        div.rail { div.stick {
            nav.toc aria-label="On this page" { ul {
                li { a href="#rules" { "Rules " span.num { (seen.info.rules.len()) } } }
                li { a href="#sla" { "Promises" } }
                li { a href="#fields" { "Fields" } }
                li { a href="#consumers" { "Readers " span.num { (seen.readers.as_ref().map_or("–".to_owned(), |of| of.len().to_string())) } } }
                li { a href="#contract" { "Contract" } }
                li { a href="#consume" { "Read it" } }
            } }
            (facts(&seen))
        } }
        main #main {
            div {
                nav.crumbs aria-label="You are here" { a href="/" { "Explore" } " / " a href={ "/?domain=" (encoded(&product.domain)) } { (product.domain) } " /" }
                div.head {
                    div {
                        div.title { h1 { (product.name) } (chip(seen.status)) @if seen.personal { span.tag.pii { "PII" } } }
                        @if let Some(text) = seen.text { p { (text) } }
                    }
                    div.acts {
                        a.btn href={ (seen.href()) "/contract" } { "Export contract" }
                        a.btn href={ (seen.href()) "?format=json" } { "As JSON" }
                        a.btn.primary href="#consume" { "Read it" }
                    }
                }
            }
            (stale(&seen, now))
            (banner(&seen, now))
            (figures(&seen, now))
            (rules::rules(&seen, plans))
            (rules::promises(&seen))
            (fields::fields(&seen, plans, profile.as_deref()))
            (readers(&seen, &lineage))
            section.sec #contract aria-labelledby="h-con" {
                header { h2 #h-con { "Contract" } p { "As it was loaded; it decides what is judged." } }
                @for document in &documents {
                    details.panel.pad {
                        summary { span { (document.id) " " (document.version) ", " span.mono.dimmer { (document.path) } } }
                        div.code { pre tabindex="0" { (document.text) } button.btn.tiny data-copy="" hidden { "Copy" } }
                    }
                }
            }
            (consume(&seen))
        }
    };
    frame::page(&site, &headers, Place::Explore, &product.name, false, body)
}

fn facts(seen: &Seen) -> Markup {
    html! {
        section aria-label="Facts" { dl.facts {
            dt { "Domain" } dd { (seen.name.domain) }
            dt { "Owner" } dd { (if seen.info.owner.is_empty() { "nobody known" } else { &seen.info.owner }) }
            @for contract in &seen.info.contracts {
                dt { "Contract" } dd { (contract.version) " " span.mono.dimmer { (contract.hash.to_string().chars().take(6).collect::<String>()) } }
            }
            @for topic in &seen.info.topics { dt { "Topic" } dd.mono { (topic) } }
        } }
    }
}

/// Whoever owned it is not heard any more: what is shown is his last word.
fn stale(seen: &Seen, now: i64) -> Markup {
    match &seen.standing {
        Some(standing) if !standing.alive => html! {
            div.note.info role="status" { (icon("unknown", "")) div {
                strong { "This is the last word of worker " (standing.owned.worker) ", " (span(now - standing.owned.at_ms)) " old." }
                p { "It is not heard any more. Another worker takes the product over within a minute, and shows it here." }
            } }
        },
        _ => html! {},
    }
}

fn banner(seen: &Seen, now: i64) -> Markup {
    let found = seen.findings();
    let bad = found.iter().filter(|(_, status, _)| matches!(status, Status::Fail | Status::Error)).count();
    let incident = seen
        .standing
        .iter()
        .flat_map(|standing| &standing.owned.state.incidents)
        .min_by_key(|incident| incident.first_window);
    let records = seen.windows.last().map_or(0, |window| window.records);
    let worst = found.first().map(|(rule, _, failed)| {
        html! {
            code { (rule) }
            @if *failed > 0 { " was broken by " (count(*failed)) " of " (count(records)) " records of the last window. " }
            @else { " does not hold in the last window, which has " (count(records)) " records. " }
        }
    });
    let (tone, title) = match seen.status {
        Status::Fail | Status::Error => {
            let since = incident.map(|incident| {
                let at = rfc3339(incident.first_window);
                format!(" since {}, for {}", clock(&at), span(now - incident.first_window))
            });
            (
                "fail",
                format!(
                    "{} of {} {}{}.",
                    bad,
                    counted(seen.info.rules.len(), "rule"),
                    if bad == 1 { "fails" } else { "fail" },
                    since.unwrap_or_default()
                ),
            )
        }
        Status::Warn => ("warn", "It holds, with warnings.".to_owned()),
        Status::Pass => return html! {},
        Status::Unknown | Status::Skip => ("info", seen.why_unknown().to_owned()),
    };
    html! {
        div class={ "note " (tone) } role="status" {
            (icon(if tone == "info" { "unknown" } else { class(seen.status) }, ""))
            div { strong { (title) } @if tone != "info" { p { (worst.unwrap_or_default()) (if seen.info.owner.is_empty() { "Nobody is known to own it." } else { "" }) @if !seen.info.owner.is_empty() { "It belongs to " (seen.info.owner) "." } } } }
            @if incident.is_some() { div.acts { a.btn href="/incidents" { "Open incidents" } } }
        }
    }
}

fn figures(seen: &Seen, now: i64) -> Markup {
    let state = seen.standing.as_ref().map(|standing| &standing.owned.state);
    html! {
        dl.panel.kpis {
            div { dt.lab { "Score" } dd.big { (score(seen.score)) " " small.small { "of 100" } } dd { "of the last window" } }
            div { dt.lab { "Volume" } dd.big { (seen.volume().map_or("–".to_owned(), short)) " " small.small { "a minute" } } dd { "in the last window" } }
            div { dt.lab { "Age of newest record" } dd.big { (seen.age_ms(now).map_or("–".to_owned(), span)) } dd { "by its event time" } }
            div { dt.lab { "Readers" } dd.big { (seen.readers.as_ref().map_or("–".to_owned(), |of| of.len().to_string())) } dd { (if seen.readers.is_some() { "seen, configured or declared" } else { "lineage is not known yet" }) } }
            div { dt.lab { "Records judged" } dd.big { (state.map_or("–".to_owned(), |state| count(state.totals.records))) } dd {
                @match state {
                    Some(state) if state.totals.gap_offsets == 0 => "no gap",
                    Some(state) => { (count(state.totals.gap_offsets)) " offsets were never seen" },
                    None => "not judged yet",
                }
            } }
        }
    }
}

fn readers(seen: &Seen, lineage: &crate::catalog::lineage::Lineage) -> Markup {
    html! {
        section.sec #consumers aria-labelledby="h-cons" {
            header { h2 #h-cons { "Readers" } p { "Who breaks if this changes." } a.end.small href={ (seen.href()) "/impact" } { "Impact as JSON" } }
            @match &seen.readers {
                None => div.panel.empty { p { "Lineage was not collected yet: who reads it is not known." } },
                Some(of) if of.is_empty() => div.panel.empty { p { "Nobody is seen, configured or declared to read it." } },
                Some(of) => div.panel.scroll tabindex="0" role="region" aria-label="Table of readers" {
                    table.cards role="table" {
                        thead role="rowgroup" { tr role="row" { th scope="col" role="columnheader" { "Reader" } th scope="col" role="columnheader" { "Kind" } th scope="col" role="columnheader" { "State" } } }
                        tbody role="rowgroup" {
                            @for node in of.iter().take(READERS_MAX) {
                                @let job = lineage.graph.job(node);
                                tr role="row" {
                                    th.mono scope="row" role="rowheader" { (node.name()) }
                                    td role="cell" { (job.map_or("", |job| job.facts.kind.as_str())) }
                                    td role="cell" { (job.map_or("", |job| job.facts.state.as_str())) }
                                }
                            }
                        }
                    }
                },
            }
        }
    }
}

fn consume(seen: &Seen) -> Markup {
    html! {
        section.sec #consume aria-labelledby="h-use" {
            header { h2 #h-use { "Read it" } p { "Needs Read on the topic and on your group. BROKER stands for one of the cluster's bootstrap servers." } }
            div.panel.pad.uses {
                @for topic in &seen.info.topics {
                    details name="use" open { summary { "kcat: " (topic) } div.code { pre tabindex="0" { "kcat -C -b BROKER:9092 -t " (topic) " -G my-group" } button.btn.tiny data-copy="" hidden { "Copy" } } }
                    details name="use" { summary { "Python: " (topic) } div.code { pre tabindex="0" {
                        "from confluent_kafka import Consumer\n\nc = Consumer({\"bootstrap.servers\": \"BROKER:9092\", \"group.id\": \"my-group\",\n              \"isolation.level\": \"read_committed\"})\nc.subscribe([\"" (topic) "\"])"
                    } } }
                }
            }
        }
    }
}
