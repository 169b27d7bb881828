//! `/products/{domain}/{name}`: the verdict first, then the evidence for it, then how to read it.

use crate::catalog::directory::Directory;
use crate::clock::now_ms;
use crate::engine::check::verdict::Status;
use crate::engine::contract::name::ProductName;
use crate::engine::contract::plan::Check;
use crate::engine::contract::sla::Level;
use crate::engine::event::envelope::rfc3339;
use crate::engine::event::incident::id_of;
use crate::engine::published::lifecycle::Lifecycle;
use crate::http::server::Site;
use crate::http::workers;
use crate::page::crumbs::to_product;
use crate::page::declared::{self, Declared, is_web};
use crate::page::explore::score;
use crate::page::frame::{self, Place};
use crate::page::seen::Seen;
use crate::page::spark::{Tone, line};
use crate::page::verdict::{chip, class, icon};
use crate::page::words::{clock, count, counted, encoded, short, span};
use crate::page::{fields, read, records, rules};
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use maud::{Markup, html};

const INCIDENTS_MAX: usize = 8;

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
    let known = workers::known(&site, &product);
    let elsewhere = known.is_none();
    let (evidence, profile) = known.map(|known| (known.evidence, known.profile)).unwrap_or_default();
    let owner = seen.standing.as_ref().filter(|standing| elsewhere && standing.alive);
    let owner = owner.and_then(|standing| peers.get(&standing.owned.worker)).map(|peer| site.at(&peer.beat.address));
    let samples: Vec<_> = evidence.samples.iter().cloned().collect();
    let said = Declared::of(&seen, &directory);
    let body = html! {
        div.rail { div.stick {
            (contents(&seen, samples.len()))
            (facts(&seen, &directory, &said))
        } }
        main #main {
            (head(&seen, &said))
            (stale(&seen, now))
            (ending(&seen, &directory))
            (banner(&seen, now))
            (figures(&seen, now))
            (rules::rules(&seen, &evidence))
            (rules::promises(&seen))
            (fields::fields(&seen, &evidence, profile.as_deref(), owner.as_deref()))
            section.sec #samples aria-labelledby="h-samples" {
                header { h2 #h-samples { "Records that broke a rule" } p { "The newest, masked. Values of classified fields are never shown." } }
                (records::table(&samples, &seen, elsewhere))
            }
            div.half {
                (declared::beside(&seen, &said, &evidence, &lineage))
                (read::readers(&seen, &lineage))
            }
            div.half {
                (incidents(&seen, now))
                (declared::versions(&seen, &directory, &evidence))
            }
            div.half {
                (read::history(&seen, &site.board.offsets(), now))
                (read::consume(&seen, &site.origin()))
            }
            (contract(&seen, &directory))
        }
    };
    frame::page(&site, &headers, Place::Explore, &product.name, false, body)
}

fn contents(seen: &Seen, samples: usize) -> Markup {
    let open = seen.standing.as_ref().map_or(0, |standing| standing.owned.state.incidents.len());
    let readers = seen.readers.as_ref().map_or("–".to_owned(), |of| of.len().to_string());
    html! {
        nav.toc aria-label="On this page" { ul {
            li { a href="#rules" { "Rules " span.num { (seen.info.rules.len()) } } }
            li { a href="#sla" { "Promises" } }
            li { a href="#fields" { "Fields " span.num { (seen.fields.len()) } } }
            li { a href="#samples" { "Records " span.num { (samples) } } }
            li { a href="#declared" { "Declared, measured" } }
            li { a href="#consumers" { "Readers " span.num { (readers) } } }
            li { a href="#incidents" { "Incidents " span.num { (open) } } }
            li { a href="#versions" { "Versions" } }
            li { a href="#history" { "What can be read" } }
            li { a href="#consume" { "Read it" } }
            li { a href="#contract" { "Contract" } }
        } }
    }
}

fn head(seen: &Seen, said: &Declared) -> Markup {
    html! {
        div {
            (to_product(seen.name, false))
            div.head {
                div {
                    div.title {
                        h1 { (seen.name.name) } (chip(seen.status))
                        @if let Some(lifecycle) = seen.lifecycle { span.tag { (lifecycle.word()) } }
                        @if let Some(tier) = &said.tier { span.tag { "tier " (tier) } }
                        @if let Some(quality) = &said.quality { span.tag { (quality) } }
                        @if seen.personal { span.tag.pii { "PII" } }
                    }
                    @if let Some(text) = seen.text { p { (text) } }
                }
                div.acts {
                    a.btn href={ (seen.href()) "/lineage" } { "Lineage" }
                    details.menu {
                        summary.btn { "Export" }
                        ul.panel {
                            li { a href={ (seen.href()) "/contract" } { "Contract, ODCS" } }
                            li { a href={ (seen.href()) "/profile" } { "Profile, JSON" } }
                            li { a href={ (seen.href()) "/impact" } { "Impact, JSON" } }
                            li { a href={ (seen.href()) "?format=json" } { "This page, JSON" } }
                        }
                    }
                    a.btn.primary href="#consume" { "Read it" }
                }
            }
        }
    }
}

fn contract(seen: &Seen, directory: &Directory) -> Markup {
    let documents = directory.documents_of(seen.name);
    html! {
        section.sec #contract aria-labelledby="h-con" {
            header { h2 #h-con { "Contract" } p { "As it was loaded; it decides what is judged." } }
            @if documents.is_empty() { div.panel.empty { p { "No contract of it is in force." } } }
            @for document in documents {
                details.panel.pad {
                    summary { span { (document.id) " " (document.version) ", " span.mono.dimmer { (document.path) } } }
                    div.code { pre tabindex="0" role="region" aria-label={ "Text of " (document.id) } { (document.text) } button.btn.tiny data-copy="" hidden { "Copy" } }
                }
            }
        }
    }
}

fn facts(seen: &Seen, directory: &Directory, said: &Declared) -> Markup {
    let documents = directory.documents_of(seen.name).iter();
    html! {
        section aria-label="Facts" { dl.facts {
            dt { "Domain" } dd { a href={ "/domains/" (encoded(&seen.name.domain)) } { (seen.name.domain) } }
            dt { "Owner" } dd { (if seen.info.owner.is_empty() { "nobody known" } else { &seen.info.owner }) }
            @if let Some((channel, url)) = &said.support {
                dt { "Contact" } dd { @match url.as_deref().filter(|url| is_web(url)) { Some(url) => a href=(url) { (channel) }, None => (channel) } }
            }
            @if let Some(tier) = &said.tier { dt { "Tier" } dd { (tier) } }
            @for contract in &seen.info.contracts {
                dt { "Contract" } dd { (contract.version) " " span.mono.dimmer { (contract.hash.to_string().chars().take(6).collect::<String>()) } }
                @if let Some(sample) = contract.sample { dt { "Sampled" } dd { (short(sample.share() * 100.0)) " % of the records" } }
            }
            @for topic in &seen.info.topics { dt { "Topic" } dd.mono { (topic) } }
            @if !said.tags.is_empty() { dt { "Tags" } dd { @for tag in &said.tags { span.tag { (tag) } " " } } }
            @for (kind, url) in &said.links { dt { (kind) } dd.clip { a href=(url) { (url) } } }
            @for document in documents { dt { "Lives in" } dd.mono { (document.path) } }
        } }
    }
}

/// It is deprecated or retired: until when, and what takes its place.
fn ending(seen: &Seen, directory: &Directory) -> Markup {
    let Some(entry) = directory.published.get(seen.name) else { return html! {} };
    let title = match entry.lifecycle {
        Lifecycle::Deprecated => "It is deprecated: move on.",
        Lifecycle::Retired => "It is retired: nothing is judged any more.",
        _ => return html! {},
    };
    html! {
        div.note.warn role="status" { (icon("warn", "")) div { strong { (title) } p {
            @if let Some(day) = &entry.end_of_life { "It is served until " (day) ". " }
            @if let Some((domain, name)) = entry.successor.as_deref().and_then(|successor| successor.split_once('/')) {
                "In its place: " a href={ "/products/" (encoded(domain)) "/" (encoded(name)) } { (domain) "/" (name) } "."
            }
        } } }
    }
}

fn incidents(seen: &Seen, now: i64) -> Markup {
    let state = seen.standing.as_ref().map(|standing| &standing.owned.state);
    let open: Vec<_> = state.map(|state| state.incidents.iter().collect()).unwrap_or_default();
    let mut ended: Vec<_> = state.map(|state| state.ended.keys().collect()).unwrap_or_default();
    ended.sort_by_key(|(_, _, first)| std::cmp::Reverse(*first));
    html! {
        section.sec #incidents aria-labelledby="h-inc" {
            header { h2 #h-inc { "Incidents" } p { (open.len()) " open, " (ended.len()) " ended lately" } }
            @if open.is_empty() && ended.is_empty() { div.panel.empty { p { "No rule fails, and none did lately." } } } @else {
                ol.panel {
                    @for incident in open.iter().take(INCIDENTS_MAX) {
                        li.inc {
                            (icon("fail", "fail"))
                            h3 { a href={ "/incidents/" (id_of(seen.name, &incident.contract, &incident.rule, incident.first_window)) } { (seen.worded(&incident.rule).bad) } }
                            span.num.small.dimmer title=(rfc3339(incident.first_window)) { (span(now - incident.first_window)) ", open" }
                            p { (counted(usize::try_from(incident.failing).unwrap_or(usize::MAX), "window")) ", at most " (count(incident.worst)) " records in one." }
                        }
                    }
                    @for (contract, rule, first) in ended.iter().take(INCIDENTS_MAX) {
                        li.inc {
                            (icon("pass", "pass"))
                            h3 { a href={ "/incidents/" (id_of(seen.name, contract, rule, *first)) } { (seen.worded(rule).bad) } }
                            span.num.small.dimmer title=(rfc3339(*first)) { "began " (clock(&rfc3339(*first))) }
                        }
                    }
                }
            }
        }
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
    let records = seen.windows().last().map_or(0, |window| window.records);
    let worst = found.first().map(|(rule, _, failed)| {
        let bad = seen.worded(rule).bad_sentence();
        html! {
            (bad) @if *failed > 0 { " in " (count(*failed)) " of " (count(records)) " records of the last window. " }
            @else { ", in the last window of " (count(records)) " records. " }
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
            @if let Some(incident) = incident { div.acts { a.btn href={ "/incidents/" (id_of(seen.name, &incident.contract, &incident.rule, incident.first_window)) } { "Open incident" } } }
        }
    }
}

fn figures(seen: &Seen, now: i64) -> Markup {
    let state = seen.standing.as_ref().map(|standing| &standing.owned.state);
    let scores: Vec<f64> =
        seen.windows().iter().map(|window| window.score.map_or(f64::NAN, |score| score * 100.0)).collect();
    let volumes: Vec<f64> = seen.windows().iter().map(|window| window.per_minute().unwrap_or(f64::NAN)).collect();
    let tone = match seen.status {
        Status::Fail | Status::Error => Tone::Fail,
        Status::Warn => Tone::Warn,
        _ => Tone::Data,
    };
    let before = seen.windows().iter().rev().nth(1).and_then(|window| window.score);
    let of_score = format!("Score of the last {} windows, now {}", scores.len(), score(seen.score));
    html! {
        dl.panel.kpis {
            div {
                dt.lab { "Score" }
                dd.big { (score(seen.score)) " " small.small { "of 100" @if before.is_some() { ", was " (score(before)) } } }
                dd { (line(&scores, tone, &of_score)) }
            }
            div {
                dt.lab { "Volume" }
                dd.big { (seen.volume().map_or("–".to_owned(), short)) " " small.small { "a minute" } }
                dd { (line(&volumes, Tone::Data, &format!("Records a minute in the last {} windows", volumes.len()))) }
            }
            div {
                dt.lab { "Age of newest record" }
                dd.big { (seen.age_ms(now).map_or("–".to_owned(), span)) }
                dd { (promise(seen, Level::Freshness).unwrap_or_else(|| "by its event time; no age is promised".to_owned())) }
            }
            div {
                dt.lab { "Readers" }
                dd.big { (seen.readers.as_ref().map_or("–".to_owned(), |of| of.len().to_string())) }
                dd { (if seen.readers.is_some() { "seen, configured or declared" } else { "lineage is not known yet" }) }
            }
            div {
                dt.lab { "Records judged" }
                dd.big { (state.map_or("–".to_owned(), |state| short(state.totals.records as f64))) }
                dd { @match state {
                    Some(state) if state.totals.gap_offsets == 0 => "each once, no gap",
                    Some(state) => { (count(state.totals.gap_offsets)) " offsets were never seen" },
                    None => "not judged yet",
                } }
            }
        }
    }
}

/// A service level of its contracts, in words.
fn promise(seen: &Seen, level: Level) -> Option<String> {
    let mut all = seen.plans.iter().flat_map(|plan| &plan.rules);
    all.find(|rule| matches!(&rule.check, Check::Sla(sla) if sla.level == level)).map(|rule| seen.worded(&rule.id).good)
}
