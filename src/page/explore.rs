//! `/`: how the mesh stands in one sentence, health per domain, the products, and the topics that nobody governs.

use crate::catalog::directory::NO_CONTRACT;
use crate::clock::now_ms;
use crate::engine::check::verdict::Status;
use crate::engine::event::result::word;
use crate::engine::published::lifecycle::Lifecycle;
use crate::http::query::{Pairs, pairs};
use crate::http::server::Site;
use crate::http::workers;
use crate::page::frame::{self, Place};
use crate::page::ribbon::ribbon;
use crate::page::seen::Seen;
use crate::page::verdict::{chip, counted as counted_verdict, mark, rank};
use crate::page::words::{count, counted, encoded, short, span};
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use maud::{Markup, html};
use std::collections::BTreeMap;

const VERDICTS: [Status; 4] = [Status::Fail, Status::Warn, Status::Unknown, Status::Pass];
const SORTS: [(&str, &str); 5] =
    [("worst", "worst first"), ("name", "name"), ("score", "score"), ("volume", "volume"), ("readers", "readers")];

/// Products of one page; the search finds the others. A row is 1 kB, and a first page is to stay within 75 kB of HTML.
const SHOWN_MAX: usize = 60;
const TOPICS_MAX: usize = 20;

pub async fn page(State(site): State<Site>, headers: HeaderMap, uri: Uri) -> Response {
    let pairs = match pairs(&uri) {
        Ok(pairs) => pairs,
        Err(bad) => return *bad,
    };
    let now = now_ms();
    let (directory, lineage, peers) = (site.board.directory(), site.lineage.read(), workers::heard(&site, now));
    let all: Vec<Seen> =
        directory.products.keys().filter_map(|name| Seen::of(&site, &directory, &lineage, &peers, name, now)).collect();
    let mut shown: Vec<&Seen> = all.iter().filter(|seen| fits(seen, &pairs)).collect();
    sort(&mut shown, pairs.last("sort").unwrap_or("worst"));
    let topics: Vec<&str> =
        directory.ungoverned().filter(|(_, why)| *why == NO_CONTRACT).map(|(topic, _)| topic.as_str()).collect();
    let body = html! {
        div.rail { div.stick { (facets(&all, &pairs)) } }
        main #main {
            div.head { div { h1 { (sentence(&all)) } p { (who(&all)) @if !topics.is_empty() { a href="#topics" { (counted(topics.len(), "topic")) } (if topics.len() == 1 { " has" } else { " have" }) " no contract." } } } }
            @if !all.is_empty() { (domains(&all)) }
            section.sec aria-labelledby="h-prod" {
                header {
                    h2 #h-prod { "Products" }
                    p #count role="status" { (counted(shown.len(), "product")) }
                    form.end.row action="/" {
                        @if let Some(q) = pairs.last("q") { input type="hidden" name="q" value=(q); }
                        label.small.dimmer for="sort" { "Sort by" } " "
                        select.small #sort name="sort" {
                            @for (value, text) in SORTS { option value=(value) selected[pairs.last("sort") == Some(value)] { (text) } }
                        }
                        noscript { button.btn.tiny { "Sort" } }
                    }
                }
                div #found data-more[shown.len() > SHOWN_MAX] {
                (products(&shown, now))
                div.panel.empty #none hidden[!shown.is_empty()] {
                    h3 { (if all.is_empty() { "No product yet" } else { "No product matches" }) }
                    p { (if all.is_empty() { "A contract whose physicalName is a topic makes a product of it: put one into the folder of contracts." } else { "Try fewer words, or look among the topics without a contract below." }) }
                }
                }
            }
            (ungoverned(&topics))
        }
    };
    frame::page(&site, &headers, Place::Explore, "Explore", false, body)
}

/// As rows, the first `SHOWN_MAX`.
pub fn products(shown: &[&Seen], now: i64) -> Markup {
    html! {
        @if !shown.is_empty() {
            ol.panel.plist data-list {
                li aria-hidden="true" {
                    span { "Verdict" } span { "Product" } span { "Domain, owner" } span.r { "Score" }
                    span { "Last windows" } span.r { "Volume" } span.r { "Age of newest" } span.r { "Readers" }
                }
                @for seen in shown.iter().take(SHOWN_MAX) { (row(seen, now)) }
            }
        }
        @if shown.len() > SHOWN_MAX { p.small.dimmer { "The first " (SHOWN_MAX) "; search or filter for the others." } }
    }
}

fn number(all: &[Seen], status: Status) -> usize {
    all.iter().filter(|seen| folded(seen.status) == status).count()
}

/// An error of evaluation breaks the promise to know, and is shown among the failures.
pub fn folded(status: Status) -> Status {
    match status {
        Status::Error => Status::Fail,
        Status::Skip => Status::Unknown,
        status => status,
    }
}

fn sentence(all: &[Seen]) -> String {
    said(all.len(), [Status::Fail, Status::Unknown, Status::Warn].map(|status| number(all, status)))
}

/// The mesh in one sentence: so many products, and how many of them fail, are not measured, have warnings.
fn said(of: usize, [failing, unknown, warned]: [usize; 3]) -> String {
    match (of, failing) {
        (0, _) => "No topic is governed yet".to_owned(),
        (1, 1) => "The one product breaks its contract".to_owned(),
        (1, _) if unknown > 0 => "Nothing is known to be broken; the one product is not measured".to_owned(),
        (1, _) if warned > 0 => "The one product holds, with warnings".to_owned(),
        (1, _) => "The one product keeps its contract".to_owned(),
        (_, 1) => format!("1 of {of} products breaks its contract"),
        (_, 2..) => format!("{failing} of {of} products break their contract"),
        _ if unknown > 0 => format!("Nothing is known to be broken; {unknown} of {of} products are not measured"),
        _ if warned > 0 => format!("All {of} products hold, {warned} with warnings"),
        _ => format!("All {of} products keep their contract"),
    }
}

/// Whose they are.
fn who(all: &[Seen]) -> Markup {
    let mut failing: BTreeMap<&str, Vec<&Seen>> = BTreeMap::new();
    for seen in all.iter().filter(|seen| folded(seen.status) == Status::Fail) {
        failing
            .entry(if seen.info.owner.is_empty() { "nobody known" } else { &seen.info.owner })
            .or_default()
            .push(seen);
    }
    html! {
        @for (owner, of) in failing.iter().take(4) {
            (owner) ": "
            @for (at, seen) in of.iter().take(4).enumerate() {
                @if at > 0 { ", " }
                a href=(seen.href()) { (seen.name.name) }
            }
            @if of.len() > 4 { " and " (of.len() - 4) " more" }
            ". "
        }
    }
}

fn fits(seen: &Seen, pairs: &Pairs) -> bool {
    let words = pairs.last("q").unwrap_or_default().to_lowercase();
    let text = if words.is_empty() { String::new() } else { haystack(seen) };
    let any = |name: &str, value: &str| pairs.last(name).is_none() || pairs.has(name, value);
    words.split_whitespace().all(|word| text.contains(word))
        && any("verdict", word(folded(seen.status)))
        && any("domain", &seen.name.domain)
        && any("owner", &seen.info.owner)
        && any("tier", seen.tier.unwrap_or_default())
        && any("lifecycle", seen.lifecycle.map_or("", Lifecycle::word))
        && (pairs.last("holds").is_none() || seen.personal)
}

/// What the search looks through, here and in the script.
fn haystack(seen: &Seen) -> String {
    let mut text = format!("{} {} {} {}", seen.name.name, seen.name.domain, seen.info.owner, word(folded(seen.status)));
    if let Some(tier) = seen.tier {
        text.push_str(" tier ");
        text.push_str(tier);
    }
    if let Some(lifecycle) = seen.lifecycle {
        text.push(' ');
        text.push_str(lifecycle.word());
    }
    let topics = seen.info.topics.iter().map(String::as_str);
    let tags = seen.tags.iter().map(String::as_str);
    for more in seen.text.into_iter().chain(topics).chain(tags).chain(seen.fields.iter().copied().take(40)) {
        text.push(' ');
        text.push_str(more);
    }
    if seen.personal {
        text.push_str(" personal data pii");
    }
    text.to_lowercase()
}

/// What the script holds checked facets against, whole: `|domain=shop|tier=1|`.
fn faceted(seen: &Seen) -> String {
    let lifecycle = seen.lifecycle.map_or("", Lifecycle::word);
    let holds = if seen.personal { "personal data" } else { "" };
    let (domain, owner, tier) = (&seen.name.domain, &seen.info.owner, seen.tier.unwrap_or_default());
    format!(
        "|verdict={}|domain={domain}|owner={owner}|tier={tier}|lifecycle={lifecycle}|holds={holds}|",
        word(folded(seen.status))
    )
}

fn sort(shown: &mut [&Seen], by: &str) {
    match by {
        "name" => {}
        "score" => shown.sort_by(|a, b| a.score.unwrap_or(-1.0).total_cmp(&b.score.unwrap_or(-1.0))),
        "volume" => shown.sort_by(|a, b| b.volume().unwrap_or(-1.0).total_cmp(&a.volume().unwrap_or(-1.0))),
        "readers" => shown.sort_by_key(|seen| std::cmp::Reverse(seen.readers.as_ref().map_or(0, |r| r.len()))),
        _ => shown.sort_by(|a, b| {
            (rank(a.status), a.score.unwrap_or(-1.0))
                .partial_cmp(&(rank(b.status), b.score.unwrap_or(-1.0)))
                .unwrap_or(std::cmp::Ordering::Equal)
        }),
    }
}

fn facets(all: &[Seen], pairs: &Pairs) -> Markup {
    let tally = |of: fn(&Seen) -> String| {
        let mut found: BTreeMap<String, usize> = BTreeMap::new();
        all.iter().for_each(|seen| *found.entry(of(seen)).or_default() += 1);
        found
    };
    let group = |title: &str, name: &str, found: BTreeMap<String, usize>| {
        html! {
            @if found.keys().any(|value| !value.is_empty()) { fieldset.facet {
                legend { (title) }
                @for (value, number) in found.iter().filter(|(value, _)| !value.is_empty()).take(12) {
                    label { input type="checkbox" name=(name) value=(value) checked[pairs.has(name, value)]; span.clip { (value) } span.num { (number) } }
                }
            } }
        }
    };
    html! {
        form action="/" aria-label="Filter products" {
            @if let Some(q) = pairs.last("q") { input type="hidden" name="q" value=(q); }
            details.facets open {
                summary { "Filter" }
                fieldset.facet {
                    legend { "Verdict" }
                    @for status in VERDICTS {
                        label {
                            input type="checkbox" name="verdict" value=(word(status)) checked[pairs.has("verdict", word(status))];
                            (mark(status)) span.num { (number(all, status)) }
                        }
                    }
                }
                (group("Domain", "domain", tally(|seen| seen.name.domain.clone())))
                (group("Tier", "tier", tally(|seen| seen.tier.unwrap_or_default().to_owned())))
                (group("Lifecycle", "lifecycle", tally(|seen| seen.lifecycle.map_or("", Lifecycle::word).to_owned())))
                (group("Owner", "owner", tally(|seen| seen.info.owner.clone())))
                fieldset.facet {
                    legend { "Holds" }
                    label { input type="checkbox" name="holds" value="personal data" checked[pairs.last("holds").is_some()]; "personal data" span.num { (all.iter().filter(|seen| seen.personal).count()) } }
                }
            }
            noscript { button.btn { "Apply filters" } }
        }
    }
}

fn domains(all: &[Seen]) -> Markup {
    let mut by_domain: BTreeMap<&str, Vec<&Seen>> = BTreeMap::new();
    all.iter().for_each(|seen| by_domain.entry(&seen.name.domain).or_default().push(seen));
    html! {
        section.sec aria-labelledby="h-dom" {
            h2.sr #h-dom { "Domains" }
            ul.domains {
                @for (domain, of) in by_domain.iter().take(12) {
                    @let lowest = of.iter().filter_map(|seen| seen.score).min_by(f64::total_cmp);
                    li.panel {
                        div.row { h3 { a href={ "/domains/" (encoded(domain)) } { (domain) } } span.end.big { small.small { "lowest score" } " " (score(lowest)) } }
                        div.row {
                            @for status in VERDICTS {
                                @let number = of.iter().filter(|seen| folded(seen.status) == status).count();
                                @if number > 0 { (counted_verdict(status, number)) " " }
                            }
                            span.end.small.dimmer { (counted(of.len(), "product")) }
                        }
                    }
                }
            }
        }
    }
}

/// Of 100; a dash where nothing was measured.
pub fn score(score: Option<f64>) -> String {
    score.map_or("–".to_owned(), |score| short((score * 1000.0).floor() / 10.0))
}

fn row(seen: &Seen, now: i64) -> Markup {
    let windows: Vec<_> = seen.windows().iter().map(|window| Some(window.status)).collect();
    let status = folded(seen.status);
    let records = seen.windows().last().map_or(0, |window| window.records);
    let found = seen.findings();
    html! {
        li data-t=(haystack(seen)) data-f=(faceted(seen)) {
            div { (chip(seen.status)) }
            div.what {
                h3 { a href=(seen.href()) { (seen.name.name) } }
                @if seen.personal { " " span.tag.pii { "PII" } }
                @if let Some(text) = seen.text { p.desc { (text.lines().next().unwrap_or_default()) } }
                @if status == Status::Unknown { p.why.unknown { (seen.why_unknown()) } }
                @else if let Some((rule, _, failed)) = found.first() {
                    @if status != Status::Pass {
                        p class={ "why " (word(status)) } {
                            (seen.worded(rule).bad_sentence())
                            @if *failed > 0 { " in " (count(*failed)) " of " (count(records)) " records of the last window" }
                            @else { " in the last window" }
                            @if found.len() > 1 { ", and " (found.len() - 1) " more" }
                            "."
                        }
                    }
                }
            }
            div.own.small { a.quiet href={ "/domains/" (encoded(&seen.name.domain)) } { (seen.name.domain) } span.dimmer.opt { br; (seen.info.owner) } }
            dl.r { dt { "Score " } dd.num { b { (score(seen.score)) } } }
            div.hist24 { (ribbon(&windows, &seen.name.name)) }
            dl.r { dt { "Volume " } dd.num { (seen.volume().map_or("–".to_owned(), |rate| format!("{}/min", short(rate)))) } }
            dl.r { dt { "Age " } dd.num { (seen.age_ms(now).map_or("never".to_owned(), span)) } }
            dl.r { dt { "Readers " } dd.num { (seen.readers.as_ref().map_or("–".to_owned(), |of| of.len().to_string())) } }
        }
    }
}

fn ungoverned(topics: &[&str]) -> Markup {
    html! {
        section.sec #topics aria-labelledby="h-ung" {
            header { h2 #h-ung { "Topics without a contract" } p { "Judged by nobody. A draft is inferred from their records." } a.end.small href="/topics" { "All topics" } }
            @if topics.is_empty() {
                div.panel.empty { p { "Every topic has a contract, or is none of the mesh's." } }
            } @else {
                ul.panel.pad.inline {
                    @for topic in topics.iter().take(TOPICS_MAX) { li { a.mono href={ "/create?topic=" (encoded(topic)) } { (topic) } } }
                    @if topics.len() > TOPICS_MAX { li { a href="/topics" { "and " (topics.len() - TOPICS_MAX) " more" } } }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mesh_is_told_in_one_sentence_the_worst_first() {
        let check = |of, counts, expected: &str| assert_eq!(said(of, counts), expected);
        check(0, [0, 0, 0], "No topic is governed yet");
        check(1, [1, 0, 0], "The one product breaks its contract");
        check(1, [0, 1, 0], "Nothing is known to be broken; the one product is not measured");
        check(1, [0, 0, 1], "The one product holds, with warnings");
        check(1, [0, 0, 0], "The one product keeps its contract");
        check(3, [1, 1, 1], "1 of 3 products breaks its contract");
        check(3, [2, 1, 0], "2 of 3 products break their contract");
        check(3, [0, 2, 1], "Nothing is known to be broken; 2 of 3 products are not measured");
        check(3, [0, 0, 3], "All 3 products hold, 3 with warnings");
        check(3, [0, 0, 0], "All 3 products keep their contract");
    }
}
