//! What stands around every page: head, navigation, symbols, the list of keys.

use crate::clock::now_ms;
use crate::http::server::Site;
use crate::http::workers;
use crate::page::answer;
use crate::page::asset;
use crate::page::policies;
use crate::page::verdict::icon;
use crate::page::words::counted;
use axum::http::header::COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use maud::{DOCTYPE, Markup, PreEscaped, html};

const SYMBOLS: &str = include_str!("symbols.svg");

/// Where a page stands in the navigation.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Explore,
    Incidents,
    Lineage,
    Policies,
    Audit,
    Create,
}

/// A page as an answer. `body`: the rail, if there is one, and `main`.
pub fn page(site: &Site, asked: &HeaderMap, place: Place, title: &str, wide: bool, body: Markup) -> Response {
    answer::html(StatusCode::OK, asked, framed(site, asked, place, title, wide, body))
}

/// A form that could not be read.
pub fn refused(site: &Site, asked: &HeaderMap, why: &str) -> Response {
    let body = html! {
        main #main { div.panel.empty role="alert" { h1 { "The form could not be read" } p { (why) } a.btn href="/" { "See all products" } } }
    };
    answer::html(StatusCode::BAD_REQUEST, asked, framed(site, asked, Place::Explore, "Not read", true, body))
}

/// A form that another page than ours made, or one of before the browser's cookies were cleared.
pub fn unsigned(site: &Site, asked: &HeaderMap) -> Response {
    let why = "It does not come from a page that this browser was given here, or its cookies were cleared meanwhile. Nothing was changed: load the page again, with cookies allowed, and send it anew.";
    let body = html! {
        main #main { div.panel.empty role="alert" { h1 { "The form was not taken" } p { (why) } a.btn href="/" { "See all products" } } }
    };
    answer::html(StatusCode::FORBIDDEN, asked, framed(site, asked, Place::Explore, "Not taken", true, body))
}

/// A page that says what is not there, and where to go on.
pub fn missing(site: &Site, asked: &HeaderMap, what: &str, next: &str) -> Response {
    let body = html! {
        main #main { div.panel.empty role="alert" { h1 { (what) } p { (next) } a.btn href="/" { "See all products" } } }
    };
    answer::html(StatusCode::NOT_FOUND, asked, framed(site, asked, Place::Explore, "Not found", true, body))
}

fn framed(site: &Site, asked: &HeaderMap, place: Place, title: &str, wide: bool, body: Markup) -> Markup {
    let now = now_ms();
    let peers = workers::heard(site, now);
    let alive = peers.values().filter(|peer| peer.is_alive(now)).count();
    let ready = site.board.ready(now);
    let lineage = site.lineage.read();
    let open: usize = site
        .board
        .directory()
        .products
        .keys()
        .map(|product| workers::open_incidents(site, product) + lineage.incidents(product).count())
        .sum();
    let broken = policies::broken(&site.board.directory());
    let here = |of: Place| (place == of).then_some("page");
    html! {
        (DOCTYPE)
        html lang="en" data-theme=[theme(asked)] {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " · steward" }
                meta name="color-scheme" content="light dark";
                link rel="icon" href="data:,";
                link rel="stylesheet" href={ "/assets/" (asset::style()) };
                script src={ "/assets/" (asset::script()) } {}
            }
            body {
                (PreEscaped(SYMBOLS))
                a.skip href="#main" { "Skip to content" }
                header.top {
                    a.brand href="/" aria-label="steward" { (PreEscaped(BRAND)) span { "steward" } }
                    nav.nav aria-label="Main" {
                        a href="/" aria-current=[here(Place::Explore)] { "Explore" }
                        a href="/incidents" aria-current=[here(Place::Incidents)] {
                            "Incidents"
                            @if open > 0 { b.n.fail { (open) span.sr { " open" } } }
                        }
                        a href="/lineage" aria-current=[here(Place::Lineage)] { "Lineage" }
                        a href="/policies" aria-current=[here(Place::Policies)] { "Policies" @if broken > 0 { b.n { (broken) span.sr { " broken" } } } }
                        a href="/audit" aria-current=[here(Place::Audit)] { "Audit" }
                        a.phone href="/create" aria-current=[here(Place::Create)] { "New" }
                    }
                    form.find role="search" action="/" {
                        label.sr for="q" { "Search products, fields, teams and topics" }
                        input #q name="q" type="search" placeholder="Search products, fields, teams, topics" autocomplete="off";
                        (icon("find", "")) kbd aria-hidden="true" { "/" }
                    }
                    @match &ready {
                        Ok(()) => a.live href="/ready?format=json" title={ (counted(alive, "worker")) " heard" } { (icon("dot", "")) "Live" },
                        Err(reasons) => a.live href="/ready?format=json" title=(reasons.join("; ")) { (icon("warn", "warn")) "Not ready" },
                    }
                    button.btn.bare data-theme-toggle hidden aria-label="Switch theme" { (icon("sun", "")) }
                    a.btn.primary href="/create" { "New product" }
                }
                div.page.wide[wide] { (body) }
                div.toasts role="status" aria-live="polite" {}
                dialog #keys aria-labelledby="keys-h" {
                    h2 #keys-h { "Keys" }
                    dl.facts {
                        dt { kbd { "/" } } dd { "Search" }
                        dt { kbd { "j" } " " kbd { "k" } } dd { "Next, previous product" }
                        dt { kbd { "Enter" } } dd { "Open it" }
                        dt { kbd { "Esc" } } dd { "Leave search, close this" }
                    }
                    form method="dialog" { button.btn { "Close" } }
                }
            }
        }
    }
}

const BRAND: &str = "<svg viewBox=\"0 0 20 20\" aria-hidden=\"true\"><path d=\"M10 1 18 5.5v9L10 19l-8-4.5v-9Zm0 2L3.8 6.5v7L10 17l6.2-3.5v-7ZM10 6.5a3.5 3.5 0 1 1 0 7 3.5 3.5 0 0 1 0-7Z\"/></svg>";

/// The cookie that the toggle sets; without, the system decides.
fn theme(asked: &HeaderMap) -> Option<&'static str> {
    let cookies =
        asked.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(';'));
    cookies
        .filter_map(|pair| pair.trim().strip_prefix("theme="))
        .find_map(|word| ["light", "dark"].into_iter().find(|known| *known == word))
}
