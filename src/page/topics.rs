//! `/topics`: which are governed and by what; the others with the reason, and the way to a product.

use crate::catalog::directory::NO_CONTRACT;
use crate::http::query::pairs;
use crate::http::server::Site;
use crate::http::topics::readers;
use crate::page::frame::{self, Place};
use crate::page::seen::href;
use crate::page::words::{counted, encoded};
use axum::extract::State;
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use maud::html;

const SHOWN_MAX: usize = 500;

pub async fn page(State(site): State<Site>, headers: HeaderMap, uri: Uri) -> Response {
    let asked = match pairs(&uri) {
        Ok(asked) => asked,
        Err(bad) => return *bad,
    };
    let words = asked.last("q").unwrap_or_default().to_lowercase();
    let directory = site.board.directory();
    let fits = |topic: &str| words.split_whitespace().all(|word| topic.to_lowercase().contains(word));
    let all: Vec<_> = directory.topics.iter().filter(|(topic, _)| fits(topic)).collect();
    let open: Vec<_> = all.iter().filter(|(_, facts)| facts.ungoverned.as_deref() == Some(NO_CONTRACT)).collect();
    let apart: Vec<_> =
        all.iter().filter(|(_, facts)| facts.ungoverned.as_deref().is_some_and(|why| why != NO_CONTRACT)).collect();
    let governed: Vec<_> = all.iter().filter(|(_, facts)| facts.ungoverned.is_none()).collect();
    let readers = readers(&directory);
    let title = match open.len() {
        0 if all.is_empty() => "No topic is known yet".to_owned(),
        0 => format!("All {} are governed or set apart", counted(all.len(), "topic")),
        1 => "1 topic has no contract".to_owned(),
        number => format!("{number} topics have no contract"),
    };
    let body = html! {
        main #main {
            div.head {
                div { h1 { (title) } p { (counted(governed.len(), "topic")) (if governed.len() == 1 { " is" } else { " are" }) " judged by a contract. What has none is judged by nobody." } }
                form.acts action="/topics" { label.fld { span.sr { "Name contains" } input type="search" name="q" value=(words) placeholder="Name contains"; } button.btn { "Filter" } a.btn href="/topics?format=json" { "As JSON" } }
            }
            section.sec aria-labelledby="h-open" {
                header { h2 #h-open { "Without a contract" } p { "A draft is inferred from their records." } }
                @if open.is_empty() { div.panel.empty { p { "Every topic has a contract, or is none of the mesh's." } } } @else {
                    ol.panel { @for (topic, facts) in open.iter().take(SHOWN_MAX) {
                        li.inc { span.i {} h3.mono { (topic) } a.btn.tiny href={ "/create?topic=" (encoded(topic)) } aria-label={ "Create product of " (topic) } { "Create product" } p { (counted(usize::try_from(facts.partitions).unwrap_or(0), "partition")) ", no contract names it" } }
                    } }
                }
            }
            section.sec aria-labelledby="h-gov" {
                header { h2 #h-gov { "Governed" } }
                @if governed.is_empty() { div.panel.empty { p { "None yet." } } } @else {
                    div.panel.scroll tabindex="0" role="region" aria-label="Table of governed topics" {
                        table.cards role="table" {
                            thead role="rowgroup" { tr role="row" { @for head in ["Topic", "Products", "Partitions"] { th scope="col" role="columnheader" { (head) } } } }
                            tbody role="rowgroup" { @for (topic, facts) in governed.iter().take(SHOWN_MAX) {
                                tr role="row" {
                                    th.mono scope="row" role="rowheader" { (topic) }
                                    td role="cell" { @for product in readers.get(topic.as_str()).into_iter().flatten().take(5) { a href=(href(product)) { (product.to_string()) } " " } }
                                    td.num role="cell" data-l="partitions" { @if facts.partitions > 0 { (facts.partitions) } @else { span.warn { "it does not exist" } } }
                                }
                            } }
                        }
                    }
                }
            }
            @if !apart.is_empty() {
                section.sec aria-labelledby="h-apart" {
                    header { h2 #h-apart { "Set apart" } p { "Internal, or excluded by the configuration." } }
                    ol.panel { @for (topic, facts) in apart.iter().take(SHOWN_MAX) { li.inc { span.i {} h3.mono { (topic) } span {} p { (facts.ungoverned.as_deref().unwrap_or_default()) } } } }
                }
            }
        }
    };
    frame::page(&site, &headers, Place::Explore, "Topics", true, body)
}
