//! `/policies` and `/policies/{id}`: what the mesh asks of every contract and product, and who does not keep it.

use crate::catalog::directory::Directory;
use crate::catalog::policies::{Facts, Judgement};
use crate::engine::check::verdict::Status;
use crate::engine::policy::verdict::Verdict;
use crate::http::server::Site;
use crate::page::crumbs::crumbs;
use crate::page::frame::{self, Place};
use crate::page::seen::href;
use crate::page::verdict::{chip, mark, rank};
use crate::page::words::{counted, encoded};
use axum::extract::{Path, State};
use axum::http::HeaderMap;
use axum::response::Response;
use maud::{Markup, html};
use std::collections::BTreeSet;

const SHOWN_MAX: usize = 300;

pub async fn list(State(site): State<Site>, headers: HeaderMap) -> Response {
    let directory = site.board.directory();
    let mut all: Vec<&Facts> = directory.policies.policies.iter().collect();
    all.sort_by_key(|facts| (rank(status(&directory, facts)), facts.id.clone()));
    let broken = broken(&directory);
    let title = match (all.len(), broken) {
        (0, _) => "No policy is in force".to_owned(),
        (1, 0) => "The policy of the mesh is kept".to_owned(),
        (all, 0) => format!("All {all} policies are kept"),
        (all, 1) => format!("1 of {} is broken", counted(all, "policy").replace("policys", "policies")),
        (all, broken) => format!("{broken} of {all} policies are broken"),
    };
    let body = html! {
        main #main {
            div.head {
                div { h1 { (title) } p { "Rules of the mesh about contracts and products. One that is enforced stops publishing; all are asked again with every change." } }
                div.acts { a.btn href="/policies?format=json" { "As JSON" } }
            }
            @if all.is_empty() {
                div.panel.empty { h2 { "Nothing is asked of contracts yet" } p { "Put a file of policies into one of the folders that " code { "policies.paths" } " names." } }
            } @else {
                section.sec aria-labelledby="h-pol" {
                    h2.sr #h-pol { "Policies" }
                    div.panel.scroll tabindex="0" role="region" aria-label="Table of policies" {
                        table.cards role="table" {
                            thead role="rowgroup" { tr role="row" { @for head in ["Verdict", "Policy", "Mode", "Asked of", "Kept, broken"] { th scope="col" role="columnheader" { (head) } } } }
                            tbody role="rowgroup" { @for facts in &all { (row(&directory, facts)) } }
                        }
                    }
                }
            }
        }
    };
    frame::page(&site, &headers, Place::Policies, "Policies", true, body)
}

/// How many policies somebody breaks.
pub fn broken(directory: &Directory) -> usize {
    let fails = |judgement: &&Judgement| of(&judgement.verdict) == Status::Fail;
    let ids: BTreeSet<&str> = directory.policies.judgements.iter().filter(fails).map(|of| of.policy.as_str()).collect();
    directory.policies.policies.iter().filter(|facts| ids.contains(facts.id.as_str())).count()
}

fn said<'d>(directory: &'d Directory, facts: &'d Facts) -> impl Iterator<Item = &'d Judgement> {
    directory.policies.judgements.iter().filter(|judgement| judgement.policy == facts.id)
}

/// The worst that it says.
fn status(directory: &Directory, facts: &Facts) -> Status {
    said(directory, facts)
        .map(|judgement| of(&judgement.verdict))
        .min_by_key(|status| rank(*status))
        .unwrap_or(Status::Skip)
}

fn of(verdict: &Verdict) -> Status {
    match verdict {
        Verdict::Pass => Status::Pass,
        Verdict::Fail(_) => Status::Fail,
        Verdict::Skip => Status::Skip,
        Verdict::Unknown(_) => Status::Unknown,
    }
}

fn row(directory: &Directory, facts: &Facts) -> Markup {
    let status = status(directory, facts);
    let number = |wanted: Status| said(directory, facts).filter(|judgement| of(&judgement.verdict) == wanted).count();
    html! {
        tr.hot[status == Status::Fail] role="row" {
            td role="cell" { (mark(status)) }
            th scope="row" role="rowheader" {
                a.quiet href={ "/policies/" (encoded(&facts.id)) } { @if status == Status::Fail { b { (facts.title) } } @else { (facts.title) } }
                " " span.small.dimmer { code { (facts.id) } }
            }
            td role="cell" { span.tag { (facts.mode.word()) } }
            td.dim role="cell" data-l="of each" { (facts.about.word()) }
            td.num role="cell" data-l="kept, broken" { (number(Status::Pass)) ", " @if number(Status::Fail) > 0 { span.bad { (number(Status::Fail)) } } @else { "0" } @if number(Status::Unknown) > 0 { span.sub { (number(Status::Unknown)) " not known" } } }
        }
    }
}

pub async fn one(State(site): State<Site>, Path(id): Path<String>, headers: HeaderMap) -> Response {
    let directory = site.board.directory();
    let Some(facts) = directory.policies.policies.iter().find(|facts| facts.id == id) else {
        return frame::missing(
            &site,
            &headers,
            &format!("No policy is called {id}"),
            "It may have been renamed, or its file taken away.",
        );
    };
    let mut all: Vec<&Judgement> = said(&directory, facts).collect();
    all.sort_by_key(|judgement| rank(of(&judgement.verdict)));
    let against = all.iter().filter(|judgement| judgement.verdict.is_against()).count();
    let body = html! {
        main #main {
            div {
                (crumbs(&[("/policies", "Policies")]))
                div.head {
                    div {
                        div.title { h1 { (facts.title) } (chip(status(&directory, facts))) span.tag { (facts.mode.word()) } }
                        p { @match against { 0 => "Nobody breaks it.", number => { (counted(number, facts.about.word())) (if number == 1 { " breaks it. " } else { " break it. " }) (facts.remedy) } } }
                    }
                    div.acts { a.btn href={ "/policies/" (encoded(&facts.id)) "?format=json" } { "As JSON" } }
                }
            }
            section.sec aria-labelledby="h-cel" {
                header { h2 #h-cel { "What it asks" } p { "In CEL, about each " (facts.about.word()) ". It lives in " span.mono { (facts.path) } "." } }
                div.code.wrap { pre tabindex="0" role="region" aria-label="Expression" {
                    @if !facts.when.is_empty() { span.c { "when " } (facts.when) "\n" }
                    span.c { "rule " } (facts.rule)
                } }
            }
            section.sec aria-labelledby="h-who" {
                header { h2 #h-who { "What it says" } p { (counted(all.len(), "verdict")) ", broken ones first." } }
                @if all.is_empty() { div.panel.empty { p { "There is nothing that it could be asked of." } } } @else {
                    div.panel.scroll tabindex="0" role="region" aria-label="Table of verdicts" {
                        table.cards role="table" {
                            thead role="rowgroup" { tr role="row" { @for head in ["Verdict", "Product", "Contract", "Reason"] { th scope="col" role="columnheader" { (head) } } } }
                            tbody role="rowgroup" { @for judgement in all.iter().take(SHOWN_MAX) {
                                tr role="row" {
                                    td role="cell" { (mark(of(&judgement.verdict))) }
                                    th scope="row" role="rowheader" { a.quiet href=(href(&judgement.product)) { (judgement.product.to_string()) } }
                                    td.mono role="cell" { (judgement.contract.as_deref().unwrap_or("all of it")) }
                                    td role="cell" { (judgement.verdict.reason()) }
                                }
                            } }
                        }
                    }
                    @if all.len() > SHOWN_MAX { p.small.dimmer { "The first " (SHOWN_MAX) " of " (all.len()) "." } }
                }
            }
        }
    };
    frame::page(&site, &headers, Place::Policies, &facts.title, true, body)
}
