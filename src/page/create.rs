//! `/create`: a topic that nobody governs becomes a draft, inferred from its records; and the drafts that there are.

use crate::catalog::directory::NO_CONTRACT;
use crate::http::query::pairs;
use crate::http::server::Site;
use crate::page::crumbs::crumbs;
use crate::page::frame::{self, Place};
use crate::page::rest::{Ask, Fields, Rest, field, form, see};
use crate::page::token;
use crate::page::usecases;
use crate::page::verdict::icon;
use crate::page::words::encoded;
use axum::Extension;
use axum::extract::{Request, State};
use axum::http::Method;
use axum::response::Response;
use maud::{Markup, html};
use serde_json::{Value, json};
use std::collections::BTreeSet;

const TOPICS_MAX: usize = 500;
const USE_CASES_MAX: usize = 12;

pub async fn page(State(site): State<Site>, Extension(rest): Extension<Rest>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let asked = match pairs(&parts.uri) {
        Ok(asked) => asked,
        Err(bad) => return *bad,
    };
    let text = |name: &str| asked.last(name).unwrap_or_default().to_owned();
    let fields: Fields = ["topic", "domain", "name"].map(|name| (name.to_owned(), text(name))).into();
    let drafts = Ask { from: &parts, method: Method::GET, path: "/drafts".into(), body: Vec::new(), tag: None };
    let drafts = drafts.of(&rest).await.body;
    shown(&site, &parts.headers, &fields, &drafts, None)
}

/// The form: `POST /drafts`, then the draft's own page.
pub async fn begin(State(site): State<Site>, Extension(rest): Extension<Rest>, request: Request) -> Response {
    let (parts, fields) = match form(&site, request).await {
        Ok(form) => form,
        Err(refused) => return *refused,
    };
    let said = |name: &str| Some(field(&fields, name)).filter(|value| !value.is_empty());
    let wish = match said("product") {
        Some(product) => json!({"product": product}),
        None => {
            let mut wish = json!({"topic": field(&fields, "topic")});
            for name in ["domain", "name"] {
                if let Some(value) = said(name) {
                    wish[name] = json!(value);
                }
            }
            wish
        }
    };
    let body = wish.to_string().into_bytes();
    let answer = Ask { from: &parts, method: Method::POST, path: "/drafts".into(), body, tag: None }.of(&rest).await;
    match &answer.location {
        Some(place) if answer.status.is_success() => see(place),
        _ => shown(&site, &parts.headers, &fields, &Value::Null, Some(&answer.detail())),
    }
}

fn shown(
    site: &Site,
    headers: &axum::http::HeaderMap,
    fields: &Fields,
    drafts: &Value,
    trouble: Option<&str>,
) -> Response {
    let directory = site.board.directory();
    let topics: Vec<&str> =
        directory.ungoverned().filter(|(_, why)| *why == NO_CONTRACT).map(|(topic, _)| topic.as_str()).collect();
    let domains: BTreeSet<&str> = directory.products.keys().map(|product| product.domain.as_str()).collect();
    let topic = field(fields, "topic");
    let body = html! {
        div.rail { div.stick { (steps(1)) } }
        main #main {
            div {
                (crumbs(&[("/", "Explore"), ("/topics", "Topics without a contract")]))
                div.head { div { h1 { (if topic.is_empty() { "Create a product".to_owned() } else { format!("Create a product of {topic}") }) } p { "A contract is drafted from the topic's newest records. Nothing is judged by it and nobody is told until you publish." } } }
            }
            @if let Some(trouble) = trouble { div.note.fail role="alert" { (icon("fail", "")) div { strong { "No draft was made." } p { (trouble) } } } }
            section.sec aria-labelledby="h-what" {
                header { h2 #h-what { "Which topic, and what it becomes" } }
                form.panel.pad.stack method="post" action="/create" {
                    (token::field(headers))
                    div.grid4 {
                        label.fld.two { span { "Topic" } input name="topic" value=(topic) list="topics" required autocomplete="off" placeholder="shop.orders"; }
                        label.fld { span { "Domain" } input name="domain" value=(field(fields, "domain")) list="domains" autocomplete="off" placeholder="shop"; }
                        label.fld { span { "Name" } input name="name" value=(field(fields, "name")) autocomplete="off" placeholder="orders"; }
                    }
                    datalist #topics { @for topic in topics.iter().take(TOPICS_MAX) { option value=(topic) {} } }
                    datalist #domains { @for domain in &domains { option value=(domain) {} } }
                    div.acts { button.btn.primary { "Draft a contract" } span.small.dimmer { "10,000 records are read, for 10 s at most." } }
                }
            }
            section.sec aria-labelledby="h-ung" {
                header { h2 #h-ung { "Topics without a contract" } }
                @if topics.is_empty() { div.panel.empty { p { "Every topic has a contract, or is none of the mesh's." } } } @else {
                    ul.panel.pad.inline { @for topic in topics.iter().take(60) { li { a.mono href={ "/create?topic=" (encoded(topic)) } { (topic) } } } }
                }
            }
            section.sec aria-labelledby="h-sql" {
                header { h2 #h-sql { "Or of SQL" } p { "A use case makes a topic of others; what it writes becomes a product." } a.end.small href="/use-cases" { "All use cases" } }
                (usecases::rows(directory.use_cases.iter().take(USE_CASES_MAX)))
            }
            (begun(drafts))
        }
    };
    frame::page(site, headers, Place::Create, "Create a product", false, body)
}

fn begun(drafts: &Value) -> Markup {
    let all = drafts.as_array().map(Vec::as_slice).unwrap_or_default();
    let text = |draft: &Value, name: &str| draft[name].as_str().unwrap_or_default().to_owned();
    html! {
        @if !all.is_empty() {
            section.sec aria-labelledby="h-dr" {
                header { h2 #h-dr { "Drafts" } p { "Begun and not published." } }
                ol.panel { @for draft in all {
                    li.inc {
                        (if draft["valid"] == true { icon("pass", "pass") } else { icon("warn", "warn") })
                        h3 { a href={ "/drafts/" (encoded(&text(draft, "id"))) } { (draft["product"].as_str().or(draft["topic"].as_str()).unwrap_or("a contract")) } }
                        span.small.dimmer { "revision " (draft["revision"]) }
                        p { "by " (text(draft, "changed_by")) ", " (text(draft, "changed")) }
                    }
                } }
            }
        }
    }
}

/// Where one is on the way to a product.
pub fn steps(now: usize) -> Markup {
    const STEPS: [(&str, &str); 4] = [
        ("Topic", "whose records it is about"),
        ("Contract", "drafted, edited, checked"),
        ("Dry run", "tried on what is there"),
        ("Publish", "audited, can be undone"),
    ];
    html! {
        nav aria-label="Steps" { ol.steps { @for (at, (name, what)) in STEPS.iter().enumerate() {
            li aria-current=[(at + 1 == now).then_some("step")] { span.d { (at + 1) } b { (name) } span { (what) } }
        } } }
    }
}
