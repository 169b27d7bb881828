//! `/products/{domain}/{name}/edit` and `/withdraw`: a product changed, brought through its life, taken away. Whom that breaks is
//! said first.

use crate::catalog::published::place;
use crate::catalog::trail::Entry;
use crate::clock::now_ms;
use crate::engine::contract::name::ProductName;
use crate::engine::published::lifecycle::Lifecycle;
use crate::http::impact::consumers;
use crate::http::server::Site;
use crate::page::audit::curl;
use crate::page::crumbs::to_product;
use crate::page::frame::{self, Place};
use crate::page::rest::{Ask, Fields, Rest, field, form, reason, see, tag};
use crate::page::seen::href;
use crate::page::token;
use crate::page::verdict::icon;
use crate::page::words::encoded;
use axum::Extension;
use axum::extract::{Path, Request, State};
use axum::http::{HeaderMap, Method};
use axum::response::Response;
use maud::{Markup, html};
use serde_json::json;
use std::collections::BTreeSet;
use std::time::{Duration, Instant};
use tokio::time::sleep;

pub async fn edit(
    State(site): State<Site>,
    Path((domain, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    changing(&site, &headers, &ProductName { domain, name }, None)
}

/// The form: a change of life. The contract is changed in a draft, which `/create` begins.
pub async fn live(
    State(site): State<Site>,
    Extension(rest): Extension<Rest>,
    Path((domain, name)): Path<(String, String)>,
    request: Request,
) -> Response {
    let product = ProductName { domain, name };
    let wish = |fields: &Fields| {
        let mut wish = json!({"lifecycle": field(fields, "lifecycle")});
        for name in ["successor", "end_of_life"] {
            if !field(fields, name).is_empty() {
                wish[name] = json!(field(fields, name));
            }
        }
        Ok((Method::PUT, "/lifecycle", wish.to_string().into_bytes()))
    };
    sent(&site, &rest, &product, request, wish, (changing, href(&product))).await
}

pub async fn leave(
    State(site): State<Site>,
    Path((domain, name)): Path<(String, String)>,
    headers: HeaderMap,
) -> Response {
    withdrawing(&site, &headers, &ProductName { domain, name }, None)
}

/// The form: it is withdrawn where its name was typed.
pub async fn withdraw(
    State(site): State<Site>,
    Extension(rest): Extension<Rest>,
    Path((domain, name)): Path<(String, String)>,
    request: Request,
) -> Response {
    let product = ProductName { domain, name };
    let wish = |fields: &Fields| match field(fields, "name").trim() == product.name {
        true => Ok((Method::DELETE, "", Vec::new())),
        false => Err(format!("Type its name, {}, to say that you mean it.", product.name)),
    };
    let then = format!("/audit?product={}", encoded(&product.to_string()));
    sent(&site, &rest, &product, request, wish, (withdrawing, then)).await
}

/// What a form asks of REST: the method, what stands behind the product's path, and the body.
type Wish = (Method, &'static str, Vec<u8>);
/// The form again, with what went wrong.
type Again = fn(&Site, &HeaderMap, &ProductName, Option<&str>) -> Response;

/// A form on its way to REST, and to the page behind it.
async fn sent(
    site: &Site,
    rest: &Rest,
    product: &ProductName,
    request: Request,
    wish: impl FnOnce(&Fields) -> Result<Wish, String>,
    (again, then): (Again, String),
) -> Response {
    let (parts, fields) = match form(site, request).await {
        Ok(form) => form,
        Err(refused) => return *refused,
    };
    let (method, behind, body) = match wish(&fields) {
        Ok(wish) => wish,
        Err(trouble) => return again(site, &parts.headers, product, Some(&trouble)),
    };
    let path = format!("{}{behind}{}", href(product), reason(&fields));
    let began_ms = now_ms();
    let answer = Ask { from: &parts, method, path, body, tag: tag(&fields) }.of(rest).await;
    match answer.status.is_success() {
        true => {
            if then.starts_with("/audit") {
                noted(site, product, began_ms).await;
            }
            see(&then)
        }
        false => again(site, &parts.headers, product, Some(&answer.detail())),
    }
}

/// The audit shows what it has read back from its topic: the page that follows has this line, too, where that takes no longer.
const NOTED_WITHIN: Duration = Duration::from_secs(1);
const LOOK_EVERY: Duration = Duration::from_millis(50);

async fn noted(site: &Site, product: &ProductName, since_ms: i64) {
    let (name, until) = (product.to_string(), Instant::now() + NOTED_WITHIN);
    let is_new = |entry: &Entry| entry.at_ms >= since_ms && entry.line.product.as_ref() == Some(&name);
    while site.trail.newest(is_new, None, 1).is_none_or(|found| found.is_empty()) && Instant::now() < until {
        sleep(LOOK_EVERY).await;
    }
}

/// Where a product lives that the catalog does not hold, or not alone: that is where it is changed.
fn file_of(site: &Site, product: &ProductName) -> Option<String> {
    let directory = site.board.directory();
    let mut documents = directory.documents_of(product).iter();
    documents.find(|document| document.path != place(product)).map(|document| document.path.clone())
}

fn touched(readers: &BTreeSet<String>) -> Markup {
    html! {
        section.sec aria-labelledby="h-who" {
            header { h2 #h-who { "Who reads it" } p { "Seen, configured or declared; who merely may is not counted." } }
            @if readers.is_empty() { div.panel.empty { p { "Nobody is known to read it." } } } @else {
                ul.panel.pad { @for reader in readers { li.mono { (reader) } } }
            }
        }
    }
}

fn trouble(what: &str, detail: Option<&str>) -> Markup {
    html! { @if let Some(detail) = detail { div.note.fail role="alert" { (icon("fail", "")) div { strong { (what) } p { (detail) } } } } }
}

fn in_a_file(path: &str) -> Markup {
    html! {
        div.note.info role="status" { (icon("unknown", "")) div {
            strong { "It lives in a file, and is changed there." }
            p { "Edit " code { (path) } "; workers take it up within some seconds. " code { "steward contract diff" } " says what a change breaks." }
        } }
    }
}

fn changing(site: &Site, headers: &HeaderMap, product: &ProductName, detail: Option<&str>) -> Response {
    let directory = site.board.directory();
    if !directory.products.contains_key(product) {
        return frame::missing(site, headers, &format!("{product} is unknown"), "No contract names it.");
    }
    let entry = directory.published.get(product);
    let file = file_of(site, product);
    let readers = consumers(site, product);
    let body = html! {
        main #main {
            div { (to_product(product, true)) div.head { div { h1 { "Change " (product.name) } p { (match readers.len() { 0 => "Nobody is known to depend on it.".to_owned(), 1 => "1 reader depends on it.".to_owned(), number => format!("{number} readers depend on it.") }) } }
                div.acts { a.btn href={ (href(product)) "/lineage" } { "See whom it feeds" } } } }
            (trouble("It was not changed.", detail))
            @match (entry, &file) {
                (_, Some(path)) => (in_a_file(path)),
                (None, None) => div.panel.empty { p { "Its contract is not loaded here yet; ask again in a moment." } },
                (Some(entry), None) => {
                    section.sec aria-labelledby="h-con" {
                        header { h2 #h-con { "Its contract" } p { "In a draft: with lint, a dry run, and what the change breaks, before anybody is touched." } }
                        form.panel.pad.acts method="post" action="/create" {
                            (token::field(headers))
                            input type="hidden" name="product" value=(product.to_string());
                            button.btn.primary { "Edit the contract in a draft" }
                            span.small.dimmer { "revision " (entry.revision) ", by " (entry.changed_by) }
                        }
                    }
                    section.sec aria-labelledby="h-life" {
                        header { h2 #h-life { "Its life" } p { "It is " (entry.lifecycle.word()) ". Deprecate it before it is retired, so that readers are told." } }
                        form.panel.pad.stack method="post" action={ (href(product)) "/edit" } {
                            (token::field(headers))
                            input type="hidden" name="etag" value=(entry.tag());
                            div.grid4 {
                                label.fld { span { "Becomes" } select name="lifecycle" {
                                    @for life in Lifecycle::ALL { @if entry.lifecycle.may_become(life).is_ok() { option value=(life.word()) selected[life == entry.lifecycle] { (life.word()) } } }
                                } }
                                label.fld { span { "Successor" } input name="successor" placeholder="domain/name" value=(entry.successor.as_deref().unwrap_or_default()) autocomplete="off"; }
                                label.fld { span { "Served until" } input name="end_of_life" type="date" value=(entry.end_of_life.as_deref().unwrap_or_default()); }
                                label.fld { span { "Why? The audit keeps it." } input name="reason" maxlength="300" autocomplete="off"; }
                            }
                            div.acts { button.btn { "Change its life" } a.btn.danger href={ (href(product)) "/withdraw" } { "Withdraw it" } }
                        }
                    }
                },
            }
            (touched(&readers))
        }
    };
    frame::page(site, headers, Place::Explore, &format!("Change {}", product.name), true, body)
}

fn withdrawing(site: &Site, headers: &HeaderMap, product: &ProductName, detail: Option<&str>) -> Response {
    let directory = site.board.directory();
    if !directory.products.contains_key(product) {
        return frame::missing(site, headers, &format!("{product} is unknown"), "No contract names it.");
    }
    let readers = consumers(site, product);
    let title = match readers.len() {
        0 => format!("Withdraw {}: nobody is known to read it", product.name),
        1 => format!("Withdraw {}: 1 reader breaks", product.name),
        number => format!("Withdraw {}: {number} readers break", product.name),
    };
    let entry = directory.published.get(product);
    let body = html! {
        main #main {
            div { (to_product(product, true)) div.head { div { h1 { (title) } p { "Its contracts judge nothing any more, and its page is gone. The topic and its records stay." } } } }
            (trouble("It was not withdrawn.", detail))
            (touched(&readers))
            @match (entry, file_of(site, product)) {
                (_, Some(path)) => (in_a_file(&path)),
                (None, None) => div.panel.empty { p { "It was not published through the API." } },
                (Some(entry), None) => form.panel.confirm method="post" action={ (href(product)) "/withdraw" } {
                    (token::field(headers))
                    input type="hidden" name="etag" value=(entry.tag());
                    label.fld { span { "Type " b { (product.name) } " to say that you mean it" } input name="name" required autocomplete="off" spellcheck="false"; }
                    label.fld { span { "Why? The audit keeps it." } input name="reason" maxlength="300" autocomplete="off"; }
                    div.code.wrap { pre tabindex="0" role="region" aria-label="The call behind Withdraw" { (curl("DELETE", &href(product), site)) } }
                    div.acts { a.btn href={ (href(product)) "/edit" } { "Deprecate instead" } button.btn.danger { "Withdraw " (product.name) } }
                },
            }
        }
    };
    frame::page(site, headers, Place::Explore, &title, true, body)
}
