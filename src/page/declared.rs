//! What somebody promised beside what was measured, with a verdict between them; and how contract and data changed.

use crate::catalog::directory::Directory;
use crate::catalog::evidence::Evidence;
use crate::catalog::lineage::Lineage;
use crate::engine::check::verdict::Status;
use crate::engine::contract::plan::Check;
use crate::engine::event::envelope::rfc3339;
use crate::engine::lineage::node::{Edge, Node};
use crate::engine::lineage::sighting::Evidence as Kind;
use crate::engine::trend::drift::{Finding, What};
use crate::page::explore::score;
use crate::page::rules::amount;
use crate::page::seen::Seen;
use crate::page::verdict::{icon, mark};
use crate::page::worded::capital;
use crate::page::words::{day_and_clock, short};
use maud::{Markup, html};

/// What a contract says for people, beside its rules.
#[derive(Debug, Default)]
pub struct Declared {
    /// ODCS custom property `quality`: raw, curated, authoritative.
    pub quality: Option<String>,
    pub tier: Option<String>,
    pub tags: Vec<String>,
    /// The first support channel: its name, and where it is.
    pub support: Option<(String, Option<String>)>,
    pub links: Vec<(String, String)>,
}

const TAGS_MAX: usize = 8;

impl Declared {
    pub fn of(seen: &Seen, directory: &Directory) -> Declared {
        let portrait = directory.portraits.get(seen.name).cloned().unwrap_or_default();
        Declared {
            quality: portrait.quality,
            tier: portrait.tier,
            tags: portrait.tags.into_iter().take(TAGS_MAX).collect(),
            support: portrait.support.into_iter().next(),
            links: portrait.links.into_iter().filter(|(_, url)| is_web(url)).take(TAGS_MAX).collect(),
        }
    }
}

/// A contract is another's text: only what a browser opens as a page becomes a link, never `javascript:`.
pub fn is_web(url: &str) -> bool {
    ["https://", "http://", "mailto:"]
        .iter()
        .any(|scheme| url.get(..scheme.len()).is_some_and(|s| s.eq_ignore_ascii_case(scheme)))
}

pub fn beside(seen: &Seen, declared: &Declared, evidence: &Evidence, lineage: &Lineage) -> Markup {
    let promises: Vec<_> =
        seen.plans.iter().flat_map(|plan| &plan.rules).filter(|rule| matches!(&rule.check, Check::Sla(_))).collect();
    let fields: usize = seen.fields.len();
    let (seen_by, undeclared) = readers(seen, lineage);
    html! {
        section.sec #declared aria-labelledby="h-decl" {
            header { h2 #h-decl { "Declared beside measured" } }
            div.panel.scroll tabindex="0" role="region" aria-label="Table of declared and measured" {
                table.cards role="table" {
                    thead role="rowgroup" { tr role="row" {
                        th scope="col" role="columnheader" { span.sr { "Matter" } }
                        th scope="col" role="columnheader" { "Declared" } th scope="col" role="columnheader" { "Measured" } th scope="col" role="columnheader" { "Verdict" }
                    } }
                    tbody role="rowgroup" {
                        tr role="row" {
                            th scope="row" role="rowheader" { "Quality" }
                            td.dim role="cell" { (declared.quality.as_deref().unwrap_or("nothing said")) }
                            td role="cell" { (score(seen.score)) " of 100" }
                            td role="cell" { (mark(seen.status)) }
                        }
                        @for rule in &promises {
                            @let measured = evidence.measured.get(&rule.id);
                            tr role="row" {
                                th scope="row" role="rowheader" { @if let Check::Sla(sla) = &rule.check { (capital(&sla.property)) } }
                                td.dim role="cell" { (seen.worded(&rule.id).good) }
                                td role="cell" { (measured.and_then(|m| Some(amount(m.value?, &m.unit))).unwrap_or_else(|| "not measured".to_owned())) }
                                td role="cell" { (mark(measured.map_or(Status::Unknown, |measured| measured.status))) }
                            }
                        }
                        @if promises.is_empty() {
                            tr role="row" {
                                th scope="row" role="rowheader" { "Volume" }
                                td.dim role="cell" { "nothing promised" }
                                td role="cell" { (seen.volume().map_or("–".to_owned(), short)) " a minute" }
                                td.dimmer role="cell" { "not promised" }
                            }
                        }
                        tr role="row" {
                            th scope="row" role="rowheader" { "Fields" }
                            td.dim role="cell" { (fields) " in the contract" }
                            td role="cell" { (if evidence.fields.is_empty() { "not profiled yet".to_owned() } else { format!("{} seen", evidence.fields.len()) }) }
                            td role="cell" { (mark(if evidence.fields.is_empty() { Status::Unknown } else { Status::Pass })) }
                        }
                        tr role="row" {
                            th scope="row" role="rowheader" { "Readers" }
                            td.dim role="cell" { (seen_by.0) " declared or configured" }
                            td role="cell" { (seen_by.1) " seen" }
                            td role="cell" {
                                @match (&seen.readers, undeclared) {
                                    (None, _) => (mark(Status::Unknown)),
                                    (_, 0) => (mark(Status::Pass)),
                                    (_, number) => span.v.warn { (icon("warn", "")) (number) " undeclared" },
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// How many readers are declared or configured and how many were seen; and how many contradict a declaration.
fn readers(seen: &Seen, lineage: &Lineage) -> ((usize, usize), usize) {
    let graph = &lineage.graph;
    let (mut said, mut observed) = (0, 0);
    for reader in seen.readers.iter().flatten() {
        let holds = |kinds: &[Kind]| {
            seen.info.topics.iter().any(|topic| {
                let edge = Edge { from: Node::dataset(&lineage.namespace, topic), to: reader.clone() };
                let claims = graph.claims(&edge).into_iter().flatten();
                claims.into_iter().any(|(claimant, claim)| claim.holds() && kinds.contains(&claimant.evidence))
            })
        };
        said += usize::from(holds(&[Kind::Declared, Kind::Configured]));
        observed += usize::from(holds(&[Kind::Observed]));
    }
    let about = |name: &str| seen.info.topics.contains(name);
    let undeclared = graph
        .contradictions()
        .keys()
        .filter(|found| found.word() == "undeclared-consumer" && about(found.dataset().name()));
    ((said, observed), undeclared.count())
}

/// What changed: contracts in force, the published revision, and what windows found to be another than usual.
pub fn versions(seen: &Seen, directory: &Directory, evidence: &Evidence) -> Markup {
    let entry = directory.published.get(seen.name);
    let since = |hash| {
        let standing = seen.standing.as_ref()?;
        standing
            .owned
            .state
            .recent
            .iter()
            .filter(|summary| summary.window.hash == hash)
            .map(|summary| summary.window.start)
            .min()
    };
    html! {
        section.sec #versions aria-labelledby="h-ver" {
            header { h2 #h-ver { "Versions and drift" } }
            ol.panel.pad.line {
                @for (at, finding) in &evidence.drift {
                    li { time datetime=(rfc3339(*at)) { (day_and_clock(&rfc3339(*at))) } (icon("warn", "warn")) div { b { (drifted(finding)) } p { (against(finding)) } } }
                }
                @for contract in &seen.info.contracts {
                    li {
                        time { (since(contract.hash).map_or("now".to_owned(), |ms| day_and_clock(&rfc3339(ms)))) } (icon("dot", ""))
                        div { b { "Contract " (contract.id) " " (contract.version) } p { "in force, " span.mono { (contract.hash.to_string().chars().take(12).collect::<String>()) } } }
                    }
                }
                @if let Some(entry) = entry {
                    li {
                        time { (day_and_clock(&rfc3339(entry.changed_ms))) } (icon("ring", ""))
                        div { b { "Revision " (entry.revision) " published" } p { "by " (entry.changed_by) ", " (entry.lifecycle.word()) } }
                    }
                }
                @if evidence.drift.is_empty() {
                    li { time { "–" } (icon("ring", "")) div { b { "No drift seen" } p { "Fields, types, null shares, distributions and volume are as usual, or are not known for long enough." } } }
                }
            }
        }
    }
}

fn drifted(finding: &Finding) -> String {
    let field = finding.field.as_deref().unwrap_or("the records");
    match finding.what {
        What::Appeared => format!("{field} is new"),
        What::Vanished => format!("{field} is not there any more"),
        What::Type => format!("{field} has another type"),
        What::NullShare | What::Nulls => format!("{field} is null more or less often than usual"),
        What::Distribution => format!("the values of {field} are spread in another way"),
        What::Volume => "another number of records than usual".to_owned(),
    }
}

fn against(finding: &Finding) -> String {
    match (finding.what, finding.usual) {
        (What::Appeared | What::Vanished | What::Type, _) => "no contract changed with it".to_owned(),
        (_, Some(usual)) => format!("{} where {} is usual", short(finding.value), short(usual)),
        (_, None) => format!("{} where at most {} is usual", short(finding.value), short(finding.threshold)),
    }
}

#[cfg(test)]
mod tests {
    use super::is_web;

    #[test]
    fn only_what_opens_as_a_page_becomes_a_link() {
        assert!(is_web("https://example.org/a") && is_web("HTTP://x") && is_web("mailto:a@b"));
        assert!(!is_web("javascript:alert(1)") && !is_web("data:text/html,x") && !is_web("#channel") && !is_web(""));
    }
}
