//! `/domains/{domain}`: how a domain stands, its products, what its team may do.

use crate::catalog::published::place;
use crate::clock::now_ms;
use crate::engine::check::verdict::Status;
use crate::http::server::Site;
use crate::http::workers;
use crate::page::crumbs::crumbs;
use crate::page::explore::{folded, products, score};
use crate::page::frame::{self, Place};
use crate::page::seen::Seen;
use crate::page::verdict::{counted as counted_verdict, mark};
use crate::page::words::{counted, encoded};
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use maud::html;
use std::collections::BTreeSet;

pub async fn page(State(site): State<Site>, Path(domain): Path<String>, headers: HeaderMap) -> Response {
    let now = now_ms();
    let (directory, lineage, peers) = (site.board.directory(), site.lineage.read(), workers::heard(&site, now));
    let names = directory.products.keys().filter(|product| product.domain == domain);
    let mut all: Vec<Seen> =
        names.filter_map(|name| Seen::of(&site, &directory, &lineage, &peers, name, now)).collect();
    if all.is_empty() {
        let next = "No contract names it. A product that is published there makes it.";
        return frame::missing(&site, &headers, &format!("Domain {domain} is unknown"), next);
    }
    all.sort_by_key(|seen| crate::page::verdict::rank(seen.status));
    let number = |status: Status| all.iter().filter(|seen| folded(seen.status) == status).count();
    let failing = number(Status::Fail);
    let title = match failing {
        0 => format!("{domain}: nothing is known to be broken"),
        1 => format!("{domain}: 1 of {} breaks its contract", counted(all.len(), "product")),
        failing => format!("{domain}: {failing} of {} products break their contract", all.len()),
    };
    let owners: BTreeSet<&str> =
        all.iter().map(|seen| seen.info.owner.as_str()).filter(|owner| !owner.is_empty()).collect();
    let open: usize =
        all.iter().filter_map(|seen| seen.standing.as_ref()).map(|standing| standing.owned.state.incidents.len()).sum();
    let lowest = all.iter().filter_map(|seen| seen.score).min_by(f64::total_cmp);
    let shown: Vec<&Seen> = all.iter().collect();
    let body = html! {
        main #main {
            div {
                (crumbs(&[("/", "Explore")]))
                div.head {
                    div { h1 { (title) } p { (if owners.is_empty() { "Nobody is known to own it.".to_owned() } else { format!("Owned by {}.", owners.into_iter().collect::<Vec<_>>().join(", ")) }) } }
                    div.acts { a.btn href={ "/domains/" (encoded(&domain)) "?format=json" } { "As JSON" } a.btn.primary href={ "/create?domain=" (encoded(&domain)) } { "New product" } }
                }
            }
            dl.panel.kpis {
                div { dt.lab { "Lowest score" } dd.big { (score(lowest)) " " small.small { "of 100" } } }
                div { dt.lab { "Verdicts" } dd.row { @for status in [Status::Fail, Status::Warn, Status::Unknown, Status::Pass] { @if number(status) > 0 { (counted_verdict(status, number(status))) } } } }
                div { dt.lab { "Open incidents" } dd.big { (open) } }
                div { dt.lab { "Topics" } dd.big { (all.iter().flat_map(|seen| &seen.info.topics).collect::<BTreeSet<_>>().len()) } }
            }
            section.sec aria-labelledby="h-prod" { header { h2 #h-prod { "Products" } p #count role="status" { (counted(all.len(), "product")) } } (products(&shown, now)) div #none hidden {} }
            section.sec #manage aria-labelledby="h-man" {
                header { h2 #h-man { "Manage" } p { "Files are authoritative: what lives in one is changed there." } }
                div.panel.scroll tabindex="0" role="region" aria-label="Table of what can be changed" {
                    table.cards role="table" {
                        thead role="rowgroup" { tr role="row" { @for head in ["Product", "Verdict", "Life", "Lives in", "Readers", "Change"] { th scope="col" role="columnheader" { (head) } } } }
                        tbody role="rowgroup" { @for seen in &all {
                            @let path = directory.documents_of(seen.name).first().map(|document| document.path.as_str());
                            @let published = directory.published.contains_key(seen.name) && path.is_none_or(|path| path == place(seen.name));
                            tr role="row" {
                                th scope="row" role="rowheader" { a.quiet href=(seen.href()) { (seen.name.name) } }
                                td role="cell" { (mark(seen.status)) }
                                td role="cell" { (seen.lifecycle.map_or("–", |life| life.word())) }
                                td.mono.small role="cell" data-l="in" { (path.unwrap_or("the catalog")) }
                                td.num role="cell" data-l="readers" { (seen.readers.as_ref().map_or("–".to_owned(), |of| of.len().to_string())) }
                                td role="cell" {
                                    a.btn.tiny href={ (seen.href()) "/edit" } aria-label={ "Change " (seen.name.name) } { "Change" } " "
                                    @if published { a.btn.tiny.danger href={ (seen.href()) "/withdraw" } aria-label={ "Withdraw " (seen.name.name) } { "Withdraw" } }
                                }
                            }
                        } }
                    }
                }
            }
        }
    };
    frame::page(&site, &headers, Place::Explore, &domain, true, body)
}
