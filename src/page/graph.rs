//! A part of the lineage graph as SVG and as a table: who feeds whom, with the evidence of each edge.

use crate::catalog::directory::Directory;
use crate::catalog::lineage::Lineage;
use crate::engine::check::verdict::Status;
use crate::engine::contract::name::ProductName;
use crate::engine::event::envelope::rfc3339;
use crate::engine::lineage::claim::Claim;
use crate::engine::lineage::contradiction::Contradiction;
use crate::engine::lineage::node::{Edge, Node};
use crate::engine::lineage::sighting::Evidence;
use crate::engine::lineage::walk::Reached;
use crate::page::layout::{Point, Size, layout};
use crate::page::seen::href;
use crate::page::verdict::class;
use crate::page::words::{counted, day_and_clock, encoded, span};
use maud::{Markup, PreEscaped, html};
use std::collections::{BTreeMap, BTreeSet};

/// More nobody overlooks in one picture; the table goes on.
pub const DRAWN_MAX: usize = 80;
const ROWS_MAX: usize = 200;
/// A name's letters in a node; the whole stands in its tooltip and in the table.
const NAME_MAX: usize = 26;

/// Strongest first: what was seen weighs more than what is said.
const STRENGTH: [(Evidence, char, &str); 5] = [
    (Evidence::Observed, 'O', "ob"),
    (Evidence::Configured, 'C', "cf"),
    (Evidence::Declared, 'D', "de"),
    (Evidence::Permitted, 'P', "pe"),
    (Evidence::Inferred, 'I', "in"),
];

/// What is drawn.
pub struct Part<'l> {
    pub lineage: &'l Lineage,
    pub directory: &'l Directory,
    pub nodes: Vec<&'l Node>,
    pub edges: Vec<&'l Edge>,
    pub start: &'l [Node],
    pub status: &'l dyn Fn(&ProductName) -> Status,
    pub now: i64,
}

impl<'l> Part<'l> {
    /// What was reached, without the steward's own jobs: it reads everything.
    pub fn of(
        lineage: &'l Lineage,
        directory: &'l Directory,
        reached: &'l Reached,
        start: &'l [Node],
        status: &'l dyn Fn(&ProductName) -> Status,
        now: i64,
    ) -> Part<'l> {
        let shown = |node: &Node| start.contains(node) || !lineage.graph.is_own(node);
        let mut nodes: Vec<(&usize, &Node)> =
            reached.nodes.iter().filter(|(node, _)| shown(node)).map(|(node, distance)| (distance, node)).collect();
        nodes.sort();
        let edges = reached.edges.iter().filter(|edge| shown(&edge.from) && shown(&edge.to)).collect();
        let nodes = nodes.into_iter().map(|(_, node)| node).collect();
        Part { lineage, directory, nodes, edges, start, status, now }
    }

    pub fn picture(&self, what: &str) -> Markup {
        let drawn: Vec<&Node> = self.nodes.iter().take(DRAWN_MAX).copied().collect();
        let place: BTreeMap<&Node, usize> = drawn.iter().enumerate().map(|(at, node)| (*node, at)).collect();
        let mut edges: Vec<(&Edge, (usize, usize))> = Vec::new();
        for edge in &self.edges {
            if let (Some(from), Some(to)) = (place.get(&edge.from), place.get(&edge.to))
                && from != to
            {
                edges.push((edge, (*from, *to)));
            }
        }
        let labels: Vec<Label> = drawn.iter().map(|node| self.label(node)).collect();
        let sizes: Vec<Size> = labels.iter().map(Label::size).collect();
        let pairs: Vec<(usize, usize)> = edges.iter().map(|(_, pair)| *pair).collect();
        let drawing = layout(&sizes, &pairs);
        let text = format!(
            "Lineage of {what}: {}, {}. The table below holds the same edges.",
            counted(drawn.len(), "node"),
            counted(edges.len(), "edge")
        );
        html! {
            div.graph tabindex="0" role="region" aria-label="Lineage graph, scrolls sideways" {
                svg width=(px(drawing.width)) height=(px(drawing.height)) viewBox={ "0 0 " (px(drawing.width)) " " (px(drawing.height)) } role="group" aria-label=(text) {
                    (PreEscaped(MARKERS))
                    @for ((edge, _), path) in edges.iter().zip(&drawing.paths) {
                        @let wrong = self.wrong(edge).is_some();
                        path class={ "e " (self.line(edge)) @if wrong { " x" } } d=(curve(path)) marker-end=(if wrong { "url(#arx)" } else { "url(#ar)" }) {}
                    }
                    @for ((edge, _), path) in edges.iter().zip(&drawing.paths) {
                        @if let Some(at) = label_place(path) {
                            @let letters = self.letters(edge);
                            @let wide = 8.0 + 7.5 * letters.chars().count() as f64;
                            g class={ "ev" @if self.wrong(edge).is_some() { " x" } } transform={ "translate(" (px(at.x)) " " (px(at.y)) ")" } {
                                rect x=(px(-wide / 2.0)) y="-7" width=(px(wide)) height="14" rx="4" {}
                                text y="3.5" { (letters) }
                            }
                        }
                    }
                    @for ((node, label), (place, width)) in drawn.iter().zip(&labels).zip(&drawing.places) { (self.node(node, label, *place, *width)) }
                }
            }
            div.foot { (legend()) @if self.nodes.len() > DRAWN_MAX { p { "The nearest " (DRAWN_MAX) " of " (self.nodes.len()) " nodes are drawn." } } }
        }
    }

    fn node(&self, node: &Node, label: &Label, place: Point, width: f64) -> Markup {
        let Label { first, second, kind, status, .. } = label;
        let left = if *kind == "job" { 18 } else { 12 };
        let whole = format!("{}, {second}{}", node.name(), status.map_or(String::new(), |s| format!(", {}", class(s))));
        html! {
            a href=(self.target(node)) aria-label=(whole) {
                g class={ "node " (kind) @if self.start.contains(node) { " sel" } @if label.bad { " bad" } } transform={ "translate(" (px(place.x)) " " (px(place.y)) ")" } {
                    title { (node.name()) }
                    rect width=(px(width)) height=(px(label.size().h)) rx=(if *kind == "job" { 20 } else { 8 }) {}
                    text.b x=(left) y=(if *kind == "job" { 17 } else { 20 }) { (first) }
                    text.t2 x=(left) y=(if *kind == "job" { 31 } else { 37 }) { (second) }
                    @if let Some(status) = status { svg class=(class(*status)) x=(px(width - 24.0)) y="27" width="13" height="13" { (PreEscaped(format!("<use href=\"#{}\"/>", if *status == Status::Skip { "ring" } else { class(*status) }))) } }
                }
            }
        }
    }

    fn label(&self, node: &Node) -> Label {
        let cut = |text: &str| match text.char_indices().nth(NAME_MAX) {
            Some((at, _)) => format!("{}…", &text[..at]),
            None => text.to_owned(),
        };
        if let Some(product) = self.product(node) {
            let status = (self.status)(product);
            let topic = if product.name == node.name() { String::new() } else { format!(" · {}", node.name()) };
            return Label {
                first: cut(&product.name),
                second: cut(&format!("{}{topic}", product.domain)),
                kind: "prod",
                status: Some(status),
                bad: matches!(status, Status::Fail | Status::Error),
            };
        }
        if !node.is_dataset() {
            let job = self.lineage.graph.job(node);
            let second = job.map_or("not seen itself".to_owned(), |job| {
                let state = job.facts.state.to_lowercase();
                format!("{}{}{state}", kind_word(&job.facts.kind), if state.is_empty() { "" } else { ", " })
            });
            let bad = self.edges.iter().any(|edge| edge.to == *node && self.wrong(edge).is_some());
            return Label { first: cut(node.name()), second: cut(&second), kind: "job", status: None, bad };
        }
        let second = match node.namespace() == self.lineage.namespace {
            true => "topic without a contract".to_owned(),
            false => node.namespace().to_owned(),
        };
        Label { first: cut(node.name()), second: cut(&second), kind: "ext", status: None, bad: false }
    }

    /// The product that a topic of this cluster belongs to.
    pub fn product(&self, node: &Node) -> Option<&'l ProductName> {
        let ours = node.is_dataset() && node.namespace() == self.lineage.namespace;
        let of = |(_, info): &(&ProductName, &crate::catalog::directory::Info)| info.topics.contains(node.name());
        self.directory.products.iter().filter(|_| ours).find(of).map(|(product, _)| product)
    }

    /// Where a click leads: a product's own lineage, else the graph around the node.
    fn target(&self, node: &Node) -> String {
        match self.product(node) {
            Some(product) => format!("{}/lineage", href(product)),
            None => format!("/lineage?focus={}", encoded(&node.to_string())),
        }
    }

    fn claims(&self, edge: &Edge) -> Vec<(Evidence, &'l str, &'l Claim)> {
        let claims = self.lineage.graph.claims(edge).into_iter().flatten().filter(|(_, claim)| claim.holds());
        claims.map(|(claimant, claim)| (claimant.evidence, claimant.collector.as_str(), claim)).collect()
    }

    fn evidence(&self, edge: &Edge) -> BTreeSet<Evidence> {
        self.claims(edge).into_iter().map(|(evidence, ..)| evidence).collect()
    }

    fn line(&self, edge: &Edge) -> &'static str {
        let of = self.evidence(edge);
        STRENGTH.iter().find(|(evidence, ..)| of.contains(evidence)).map_or("off", |(.., class)| class)
    }

    /// `OC`; of what is inferred its score; `!` before what contradicts.
    fn letters(&self, edge: &Edge) -> String {
        let of = self.evidence(edge);
        let mut letters: String = if self.wrong(edge).is_some() { "!".into() } else { String::new() };
        letters.extend(STRENGTH.iter().filter(|(evidence, ..)| of.contains(evidence)).map(|(_, letter, _)| *letter));
        let score = self.claims(edge).into_iter().find(|(evidence, ..)| *evidence == Evidence::Inferred);
        match score {
            Some((.., claim)) => format!("{letters} {:.0} %", claim.confidence * 100.0),
            None => letters,
        }
    }

    pub fn wrong(&self, edge: &Edge) -> Option<&'l Contradiction> {
        self.lineage.graph.contradictions().keys().find(|found| match found {
            Contradiction::UndeclaredConsumer { dataset, job }
            | Contradiction::UndeclaredInput { dataset, job, .. } => edge.from == *dataset && edge.to == *job,
            Contradiction::DeclaredNeverRead { dataset, reader } => edge.from == *dataset && edge.to == *reader,
        })
    }

    /// The same edges, contradictions first.
    pub fn table(&self) -> Markup {
        let mut rows: Vec<(&Edge, Option<&Contradiction>)> =
            self.edges.iter().map(|edge| (*edge, self.wrong(edge))).collect();
        rows.sort_by_key(|(_, wrong)| wrong.is_none());
        html! {
            div.panel.scroll tabindex="0" role="region" aria-label="Table of edges" {
                table.cards role="table" {
                    thead role="rowgroup" { tr role="row" {
                        @for head in ["Edge", "Evidence, source", "First seen", "Last seen", "Finding"] { th scope="col" role="columnheader" { (head) } }
                    } }
                    tbody role="rowgroup" { @for (edge, wrong) in rows.iter().take(ROWS_MAX) { (self.row(edge, *wrong)) } }
                }
            }
            @if rows.len() > ROWS_MAX { p.small.dimmer { "The first " (ROWS_MAX) " of " (rows.len()) "." } }
        }
    }

    fn row(&self, edge: &Edge, wrong: Option<&Contradiction>) -> Markup {
        let claims = self.claims(edge);
        let kinds: Vec<&str> = STRENGTH
            .iter()
            .filter(|(kind, ..)| claims.iter().any(|(evidence, ..)| evidence == kind))
            .map(|(kind, ..)| kind.word())
            .collect();
        let sources: BTreeSet<&str> = claims.iter().map(|(_, source, _)| *source).collect();
        let first = claims.iter().map(|(.., claim)| claim.first_seen_ms).min();
        let last = claims.iter().map(|(.., claim)| claim.last_seen_ms).max();
        let lag = claims.iter().find_map(|(.., claim)| claim.detail.get("lag_records"));
        html! {
            tr role="row" {
                th.mono scope="row" role="rowheader" { a.quiet href=(self.target(&edge.from)) { (edge.from.name()) } span.dimmer { " to " } a.quiet href=(self.target(&edge.to)) { (edge.to.name()) } }
                td role="cell" { (kinds.join(", ")) span.sub { (sources.into_iter().collect::<Vec<_>>().join(", ")) @if let Some(lag) = lag { ", " (lag) " records behind" } } }
                td.nowrap role="cell" { (first.map_or("–".to_owned(), |ms| day_and_clock(&rfc3339(ms)))) }
                td.nowrap role="cell" { (last.map_or("–".to_owned(), |ms| format!("{} ago", span(self.now - ms)))) }
                td role="cell" { @if let Some(wrong) = wrong { span.v.warn { (crate::page::verdict::icon("warn", "")) (finding(wrong)) } } }
            }
        }
    }
}

pub fn finding(found: &Contradiction) -> &'static str {
    match found {
        Contradiction::UndeclaredConsumer { .. } => "Undeclared reader",
        Contradiction::UndeclaredInput { .. } => "Undeclared input",
        Contradiction::DeclaredNeverRead { .. } => "Declared, never read",
    }
}

/// What a job's kind is to people.
pub fn kind_word(kind: &str) -> &str {
    match kind {
        "kafka-connect" => "Connect",
        "ksqldb-query" => "ksqlDB",
        "principal" => "may, by ACL",
        kind if kind.ends_with("group") => "group",
        kind => kind,
    }
}

struct Label {
    first: String,
    second: String,
    kind: &'static str,
    status: Option<Status>,
    bad: bool,
}

impl Label {
    /// Letters are 7 and 6.3 px wide, about, in the widest of the fonts.
    fn size(&self) -> Size {
        let wide = (7.4 * self.first.chars().count() as f64).max(6.6 * self.second.chars().count() as f64);
        let verdict = if self.status.is_some() { 18.0 } else { 0.0 };
        Size { w: (wide + 32.0 + verdict).clamp(110.0, 250.0), h: if self.kind == "job" { 40.0 } else { 48.0 } }
    }
}

fn legend() -> Markup {
    html! {
        p.key {
            @for (evidence, letter, class) in STRENGTH {
                span { svg aria-hidden="true" viewBox="0 0 28 12" { path class={ "e " (class) } d="M0 6H28" {} } (evidence.word()) " " kbd { (letter) } }
            }
            span { svg aria-hidden="true" viewBox="0 0 28 12" { path.e.x d="M0 6H28" {} } "contradiction " kbd { "!" } }
        }
    }
}

const MARKERS: &str = "<defs><marker id=\"ar\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path class=\"g3\" d=\"M0 0 8 4 0 8Z\"/></marker><marker id=\"arx\" viewBox=\"0 0 8 8\" refX=\"7\" refY=\"4\" markerWidth=\"8\" markerHeight=\"8\" markerUnits=\"userSpaceOnUse\" orient=\"auto\"><path class=\"f2\" d=\"M0 0 8 4 0 8Z\"/></marker></defs>";

fn px(number: f64) -> String {
    let text = format!("{number:.1}");
    text.trim_end_matches('0').trim_end_matches('.').to_owned()
}

/// Through all points: a curve from layer to layer, a straight line within one.
fn curve(path: &[Point]) -> String {
    let mut text = String::new();
    for (at, point) in path.iter().enumerate() {
        let (x, y) = (px(point.x), px(point.y));
        text += &match path.get(at.wrapping_sub(1)) {
            None => format!("M{x} {y}"),
            Some(last) if last.y == point.y => format!("H{x}"),
            Some(last) => {
                let middle = px(f64::midpoint(last.x, point.x));
                format!("C{middle} {} {middle} {y} {x} {y}", px(last.y))
            }
        };
    }
    text
}

/// Near the target, where edges have parted.
fn label_place(path: &[Point]) -> Option<Point> {
    let (to, from) = (path.last()?, path.get(path.len().checked_sub(2)?)?);
    const T: f64 = 0.62;
    // The cubic of `curve` at T: both its control points stand in the middle.
    let (a, b) = (3.0 * (1.0 - T) * (1.0 - T) * T, 3.0 * (1.0 - T) * T * T);
    let (start, end) = ((1.0 - T).powi(3), T.powi(3));
    let middle = f64::midpoint(from.x, to.x);
    Some(Point { x: start * from.x + (a + b) * middle + end * to.x, y: (start + a) * from.y + (b + end) * to.y })
}
