//! `/products/{domain}/{name}/lineage` and `/lineage`: who feeds whom and how that is known, and who breaks.

use crate::clock::now_ms;
use crate::engine::check::verdict::Status;
use crate::engine::contract::name::ProductName;
use crate::engine::event::envelope::rfc3339;
use crate::engine::lineage::node::Node;
use crate::engine::lineage::walk::{Direction, NODES_MAX, Reached, walk};
use crate::http::lineage::{broken, depth, topics};
use crate::http::query::{Pairs, pairs};
use crate::http::server::Site;
use crate::http::summary::latest;
use crate::http::workers;
use crate::page::crumbs::{crumbs, to_product};
use crate::page::frame::{self, Place};
use crate::page::graph::{Part, finding, kind_word};
use crate::page::seen::href;
use crate::page::verdict::icon;
use crate::page::words::{clock, counted, encoded, short};
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use maud::{Markup, html};
use serde_json::Value;
use std::collections::BTreeMap;

const DEPTH: usize = 4;
const DEPTHS: [(&str, &str); 4] = [("1", "1 step"), ("2", "2 steps"), ("4", "4 steps"), ("20", "all steps")];
const WAYS: [(&str, &str); 3] = [("both", "both ways"), ("upstream", "what feeds it"), ("downstream", "what it feeds")];
const TOLD_MAX: usize = 12;

/// Around a product.
pub async fn of_product(
    State(site): State<Site>,
    Path((domain, name)): Path<(String, String)>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let product = ProductName { domain, name };
    if !site.board.directory().products.contains_key(&product) {
        return frame::missing(&site, &headers, &format!("{product} is unknown"), "No contract names it.");
    }
    shown(&site, &headers, &uri, Some(&product))
}

/// Around `?focus=`, a node's id, or all.
pub async fn whole(State(site): State<Site>, headers: HeaderMap, uri: Uri) -> Response {
    shown(&site, &headers, &uri, None)
}

fn shown(site: &Site, headers: &HeaderMap, uri: &Uri, product: Option<&ProductName>) -> Response {
    let asked = match pairs(uri) {
        Ok(asked) => asked,
        Err(bad) => return *bad,
    };
    let steps = match depth(&asked, DEPTH) {
        Ok(steps) => steps,
        Err(bad) => return *bad,
    };
    let now = now_ms();
    let (lineage, directory, peers) = (site.lineage.read(), site.board.directory(), workers::heard(site, now));
    let focus = asked.last("focus").unwrap_or_default();
    let known = |node: &&Node| node.to_string() == focus;
    let start: Vec<Node> = match product {
        Some(product) => topics(&lineage, &directory, product),
        None => {
            let edges = lineage.graph.edges().keys();
            edges.flat_map(|edge| [&edge.from, &edge.to]).find(known).cloned().into_iter().collect()
        }
    };
    let direction = match asked.last("direction") {
        Some("upstream") => Direction::Upstream,
        Some("downstream") => Direction::Downstream,
        _ => Direction::Both,
    };
    if start.is_empty() && !focus.is_empty() {
        let next = "Nothing that holds names it. It may have ended, or was never seen.";
        return frame::missing(site, headers, &format!("{focus} is not in the graph"), next);
    }
    let reached = if start.is_empty() { all(&lineage.graph) } else { walk(&lineage.graph, &start, direction, steps) };
    let status = |product: &ProductName| {
        let standing = workers::standing(site, product, &peers, now);
        standing
            .and_then(|standing| latest(&standing.owned.state).map(|latest| latest.status))
            .unwrap_or(Status::Unknown)
    };
    let part = Part::of(&lineage, &directory, &reached, &start, &status, now);
    let name = match product {
        Some(product) => product.name.clone(),
        None => start.first().map_or("the mesh".to_owned(), |node| node.name().to_owned()),
    };
    let impact = product.map(|product| broken(&lineage, &directory, product, steps));
    let wrong = part.edges.iter().filter(|edge| part.wrong(edge).is_some()).count();
    let title = match (&impact, product) {
        (Some(impact), Some(product)) => depends(impact, &product.name),
        _ if part.edges.is_empty() => "Nobody is known to feed anything yet".to_owned(),
        _ if start.is_empty() => format!("{} of the mesh feed each other", counted(part.nodes.len(), "node")),
        _ => format!("{}: {} feed each other", name, counted(part.nodes.len(), "node")),
    };
    let json =
        product.map_or("/lineage?format=json".to_owned(), |product| format!("{}/lineage?format=json", href(product)));
    let body = html! {
        main #main {
            div {
                @match product {
                    Some(product) => (to_product(product, true)),
                    None => (crumbs(&[("/", "Explore")])),
                }
                div.head {
                    div { h1 { (title) } p {
                        "Found, not drawn by hand: every line shows its evidence. "
                        @if wrong > 0 { (counted(wrong, "line")) (if wrong == 1 { " contradicts" } else { " contradict" }) " what was declared." }
                    } }
                    (choice(&asked, product.is_some() || !focus.is_empty(), &json))
                }
            }
            div.cols {
                div {
                    section.sec aria-label="Graph" {
                        @if part.edges.is_empty() {
                            div.panel.empty { h2 { (if lineage.at_ms > 0 { "No line leads here" } else { "Lineage was not collected yet" }) }
                                p { (if lineage.at_ms > 0 { "Nobody is seen, configured or declared to write or read it." } else { "A worker collects it once a minute; the log was not read yet." }) } }
                        } @else { div.panel { (part.picture(&name)) } }
                    }
                    @if !part.edges.is_empty() {
                        section.sec aria-labelledby="h-ev" {
                            header { h2 #h-ev { "Evidence" } p { (counted(part.edges.len(), "edge")) ", contradictions first." } }
                            (part.table())
                        }
                    }
                }
                aside {
                    @if let Some(impact) = &impact { (breaks(impact, &name)) }
                    (unknown(&lineage, &part))
                }
            }
        }
    };
    frame::page(site, headers, Place::Lineage, &format!("Lineage of {name}"), true, body)
}

/// Every node that an edge holds, as long as there is room.
fn all(graph: &crate::engine::lineage::graph::Graph) -> Reached {
    let mut reached = Reached::default();
    for edge in graph.edges().keys().filter(|edge| graph.lives(edge)) {
        if reached.nodes.len() + 2 > NODES_MAX {
            reached.truncated = true;
            break;
        }
        reached.nodes.insert(edge.from.clone(), 0);
        reached.nodes.insert(edge.to.clone(), 0);
        reached.edges.insert(edge.clone());
    }
    reached
}

fn list<'v>(impact: &'v Value, name: &str) -> &'v [Value] {
    impact[name].as_array().map(Vec::as_slice).unwrap_or_default()
}

/// Groups, connectors and jobs, the nearest first.
fn readers(impact: &Value) -> Vec<&Value> {
    let mut all: Vec<&Value> = ["groups", "connectors", "jobs"].iter().flat_map(|kind| list(impact, kind)).collect();
    all.sort_by_key(|reader| reader["distance"].as_u64());
    all
}

fn depends(impact: &Value, name: &str) -> String {
    let (readers, products) = (readers(impact).len(), list(impact, "products").len());
    match (readers, products) {
        (0, 0) => format!("Nobody is known to depend on {name}"),
        (1, 0) => format!("1 reader depends on {name}"),
        (readers, 0) => format!("{} depend on {name}", counted(readers, "reader")),
        (readers, products) => {
            format!("{} and {} depend on {name}", counted(readers, "reader"), counted(products, "product"))
        }
    }
}

fn choice(asked: &Pairs, around: bool, json: &str) -> Markup {
    let select = |name: &'static str, label: &str, options: &[(&str, &str)], now: &str| {
        html! {
            label.fld { span.sr { (label) } select name=(name) data-go {
                @for (value, text) in options { option value=(value) selected[*value == now] { (text) } }
            } }
        }
    };
    html! {
        form.acts aria-label="Show" {
            @if let Some(focus) = asked.last("focus") { input type="hidden" name="focus" value=(focus); }
            @if around {
                (select("direction", "Direction", &WAYS, asked.last("direction").unwrap_or("both")))
                (select("depth", "Depth", &DEPTHS, asked.last("depth").unwrap_or("4")))
                noscript { button.btn { "Show" } }
            }
            a.btn href=(json) { "As JSON" }
        }
    }
}

/// Who is to be told before it changes.
fn breaks(impact: &Value, name: &str) -> Markup {
    let all = readers(impact);
    let near = all.iter().filter(|reader| reader["distance"] == 1).count();
    let owners: Vec<&str> =
        list(impact, "owners").iter().filter_map(Value::as_str).filter(|owner| !owner.is_empty()).collect();
    let may = list(impact, "may_read").len();
    html! {
        section.panel.pad aria-labelledby="h-if" {
            h2 #h-if { "If " (name) " changes" }
            dl.facts {
                dt { "Products" } dd { (list(impact, "products").len()) }
                dt { "Readers" } dd { (near) " direct, " (all.len() - near) " further down" }
                dt { "Teams" } dd { (if owners.is_empty() { "none known".to_owned() } else { owners.join(", ") }) }
                @if may > 0 { dt { "May read" } dd { (counted(may, "principal")) ", by ACL" } }
            }
        }
        @if !all.is_empty() || !list(impact, "products").is_empty() {
            section.sec.panel aria-labelledby="h-tell" {
                header.pad { h2 #h-tell { "Tell them first" } }
                ol {
                    @for product in list(impact, "products").iter().take(TOLD_MAX) {
                        @let full = product["name"].as_str().unwrap_or_default();
                        li.inc {
                            (icon("dot", "")) h3 { a href={ "/products/" (full.split('/').map(encoded).collect::<Vec<_>>().join("/")) } { (full) } }
                            span.small.dimmer { (steps(product)) }
                            p { @match product["owner"].as_str().filter(|owner| !owner.is_empty()) { Some(owner) => (owner), None => span.warn { "nobody is known to own it" } } }
                        }
                    }
                    @for reader in all.iter().take(TOLD_MAX) {
                        @let owner = reader["owner"].as_str().unwrap_or_default();
                        li.inc {
                            (icon(if owner.is_empty() { "warn" } else { "dot" }, if owner.is_empty() { "warn" } else { "" }))
                            h3.mono { (reader["name"].as_str().unwrap_or_default()) }
                            span.small.dimmer { (steps(reader)) }
                            p {
                                (kind_word(reader["kind"].as_str().unwrap_or_default()))
                                @if !owner.is_empty() { " of " (owner) } @else { ", owner unknown" }
                                @if let Some(lag) = reader["lag_records"].as_f64() { ", " (short(lag)) " records behind" }
                            }
                        }
                    }
                }
                @if all.len() > TOLD_MAX { p.foot { "and " (all.len() - TOLD_MAX) " more, in the table" } }
            }
        }
    }
}

fn steps(of: &Value) -> String {
    match of["distance"].as_u64() {
        Some(1) => "direct".to_owned(),
        Some(distance) => format!("{distance} steps down"),
        None => String::new(),
    }
}

/// What is not in the picture, and why.
fn unknown(lineage: &crate::catalog::lineage::Lineage, part: &Part<'_>) -> Markup {
    let graph = &lineage.graph;
    let troubled: BTreeMap<&String, &crate::engine::lineage::claim::Look> = graph
        .looks()
        .iter()
        .filter(|(_, look)| look.error.is_some() || !look.complete || look.unresolved_total > 0)
        .collect();
    let here: Vec<_> = graph.contradictions().keys().filter(|found| part.nodes.contains(&found.dataset())).collect();
    html! {
        @if !here.is_empty() {
            section.sec.panel aria-labelledby="h-con" {
                header.pad { h2 #h-con { "What contradicts" } }
                ol { @for found in here.iter().take(TOLD_MAX) { li.inc { (icon("warn", "warn")) h3 { (finding(found)) } span {} p { (found) } } } }
            }
        }
        section.panel.pad aria-labelledby="h-not" {
            h2 #h-not { "What is not known" }
            p.small.dim {
                "Producers without transactions leave no name, and readers that commit no offsets are not seen. "
                @match lineage.at_ms {
                    0 => "Nothing was collected yet.",
                    at => { "Collected at " (clock(&rfc3339(at))) " UTC." },
                }
            }
            @if !troubled.is_empty() {
                dl.facts {
                    @for (name, look) in troubled {
                        dt { (name) }
                        dd {
                            @if let Some(error) = &look.error { span.warn { (error) } }
                            @else if let Some(first) = look.unresolved.first() { (counted(look.unresolved_total, "thing")) " not resolved: " (first.what) ", " (first.why) }
                            @else { "not all was answered" }
                        }
                    }
                }
            }
        }
    }
}
