//! Who reads a product, what of it can be read, and how: snippets to copy.

use crate::catalog::lineage::Lineage;
use crate::catalog::offsets::Offsets;
use crate::engine::decode::framing::Encoding;
use crate::engine::lineage::node::{Edge, Node};
use crate::http::lag;
use crate::page::graph::kind_word;
use crate::page::records::quoted;
use crate::page::seen::Seen;
use crate::page::verdict::icon;
use crate::page::words::{count, counted, encoded, span};
use maud::{Markup, html};
use std::collections::BTreeSet;

const READERS_MAX: usize = 50;

pub fn readers(seen: &Seen, lineage: &Lineage) -> Markup {
    html! {
        section.sec #consumers aria-labelledby="h-cons" {
            header { h2 #h-cons { "Readers" } p { "Who breaks if this changes." } a.end.small href={ (seen.href()) "/lineage" } { "See lineage" } }
            @match &seen.readers {
                None => div.panel.empty { p { "Lineage was not collected yet: who reads it is not known." } },
                Some(of) if of.is_empty() => div.panel.empty { p { "Nobody is seen, configured or declared to read it." } },
                Some(of) => {
                    div.panel.scroll tabindex="0" role="region" aria-label="Table of readers" {
                        table.cards role="table" {
                            thead role="rowgroup" { tr role="row" {
                                th scope="col" role="columnheader" { "Reader" } th scope="col" role="columnheader" { "Owner" }
                                th.opt scope="col" role="columnheader" { "Evidence" } th.r scope="col" role="columnheader" { "Behind" }
                            } }
                            tbody role="rowgroup" { @for node in of.iter().take(READERS_MAX) { (reader(node, seen, lineage)) } }
                        }
                    }
                    @if of.len() > READERS_MAX { p.small.dimmer { "The first " (READERS_MAX) " of " (of.len()) "." } }
                },
            }
        }
    }
}

fn reader(node: &Node, seen: &Seen, lineage: &Lineage) -> Markup {
    let graph = &lineage.graph;
    let job = graph.job(node).map(|job| &job.facts);
    let edges =
        seen.info.topics.iter().map(|topic| Edge { from: Node::dataset(&lineage.namespace, topic), to: node.clone() });
    let edges: Vec<Edge> = edges.collect();
    let claims = || edges.iter().filter_map(|edge| graph.claims(edge)).flatten().filter(|(_, claim)| claim.holds());
    let kinds: BTreeSet<&str> = claims().map(|(claimant, _)| claimant.evidence.word()).collect();
    let most =
        |what: &str| claims().filter_map(|(_, claim)| claim.detail.get(what)?.parse::<f64>().ok()).reduce(f64::max);
    let undeclared = graph.contradictions().keys().any(|found| {
        matches!(found, crate::engine::lineage::contradiction::Contradiction::UndeclaredConsumer { job, .. } if job == node)
    });
    let owner = job.and_then(|facts| facts.detail.get("owner"));
    html! {
        tr role="row" {
            th.mono scope="row" role="rowheader" {
                a.quiet href={ "/lineage?focus=" (encoded(&node.to_string())) } { (node.name()) }
                @if let Some(facts) = job { span.sub { (kind_word(&facts.kind)) @if !facts.state.is_empty() { ", " (facts.state.to_lowercase()) } } }
            }
            td role="cell" { @match owner { Some(owner) => (owner), None => span.dimmer { "not known" } } }
            td.opt role="cell" {
                (kinds.into_iter().collect::<Vec<_>>().join(", "))
                @if undeclared { " " span.v.warn { (icon("warn", "")) "undeclared" } }
            }
            td.r.num role="cell" {
                (most("lag_records").map_or("–".to_owned(), |lag| count(lag.max(0.0) as u64)))
                @if let Some(seconds) = most("lag_seconds") { span.sub { (span((seconds * 1000.0) as i64)) } }
            }
        }
    }
}

/// What of its history can be read, as the last survey of the log's ends found it.
pub fn history(seen: &Seen, offsets: &Offsets, now: i64) -> Markup {
    let parts: Vec<_> = offsets.of(&seen.info.topics).collect();
    let records: i64 = parts.iter().map(|(_, reach)| (reach.ends.stable - reach.ends.start).max(0)).sum();
    let gone: i64 = parts.iter().map(|(_, reach)| reach.ends.start).sum();
    let state = seen.standing.as_ref().map(|standing| &standing.owned.state);
    let lag = state.and_then(|state| lag::of(&seen.info.topics, state, offsets, now));
    html! {
        section.sec #history aria-labelledby="h-hist" {
            header { h2 #h-hist { "What can be read" } p { "By the log's own ends, " @if offsets.at_ms > 0 { (span(now - offsets.at_ms)) " ago." } @else { "not asked yet." } } }
            @if parts.is_empty() {
                div.panel.empty { p { "The ends of its log were not asked yet, or its topic is not there." } }
            } @else {
                dl.panel.pad.facts {
                    dt { "Records" } dd.num { "≈ " (count(records.unsigned_abs())) " offsets in " (counted(parts.len(), "partition")) }
                    dt { "Deleted" } dd.num { @if gone > 0 { "the first " (count(gone.unsigned_abs())) " offsets are gone by retention" } @else { "nothing: it can be read from its first record" } }
                    dt { "Judged" } dd.num { @match lag {
                        Some(lag) if lag.records == 0 => "all of it, up to the last record",
                        Some(lag) => { "all but the last " (count(lag.records.unsigned_abs())) @if let Some(seconds) = lag.seconds { ", " (span((seconds * 1000.0) as i64)) " behind" } },
                        None => "how far is not known now",
                    } }
                    @for (part, reach) in parts.iter().take(6) {
                        dt.mono { (part.topic) ":" (part.partition) } dd.num { (count(reach.ends.start.unsigned_abs())) " to " (count(reach.ends.stable.unsigned_abs())) }
                    }
                    @if parts.len() > 6 { dt {} dd { "and " (parts.len() - 6) " partitions more" } }
                }
            }
        }
    }
}

pub fn consume(seen: &Seen, origin: &str) -> Markup {
    let snippets: Vec<(&str, String, String)> =
        seen.info.topics.iter().flat_map(|topic| snippets(seen, topic, origin)).collect();
    html! {
        section.sec #consume aria-labelledby="h-use" {
            header { h2 #h-use { "Read it" } p { "Needs Read on the topic and on your group. BROKER and REGISTRY stand for your own." } }
            div.panel.pad.uses {
                @for (at, (tool, topic, text)) in snippets.iter().enumerate() {
                    details name="use" open[at == 0] {
                        summary { (tool) @if seen.info.topics.len() > 1 { ": " span.mono { (topic) } } }
                        div.code { pre tabindex="0" role="region" aria-label={ (tool) " snippet" } { (text) } button.btn.tiny data-copy="" hidden { "Copy" } }
                    }
                }
            }
        }
    }
}

fn snippets(seen: &Seen, topic: &str, origin: &str) -> [(&'static str, String, String); 4] {
    let framed = seen
        .plans
        .iter()
        .flat_map(|plan| &plan.objects)
        .filter(|object| object.topic == topic)
        .any(|object| matches!(object.encoding, Encoding::Registry(_)));
    let kcat = match framed {
        true => {
            format!("kcat -C -b BROKER:9092 -t {} -G my-group -s value=avro -r http://REGISTRY:8081", quoted(topic))
        }
        false => format!("kcat -C -b BROKER:9092 -t {} -G my-group", quoted(topic)),
    };
    let text = serde_json::Value::from(topic).to_string();
    let python = format!(
        "from confluent_kafka import Consumer\n\nc = Consumer({{\"bootstrap.servers\": \"BROKER:9092\", \"group.id\": \"my-group\",\n              \
         \"isolation.level\": \"read_committed\"}})\nc.subscribe([{text}])\nwhile True:\n    message = c.poll(1.0)"
    );
    let java = format!(
        "props.put(\"bootstrap.servers\", \"BROKER:9092\");\nprops.put(\"group.id\", \"my-group\");\n\
         props.put(\"isolation.level\", \"read_committed\");\ntry (var consumer = new KafkaConsumer<byte[], byte[]>(props)) {{\n    \
         consumer.subscribe(List.of({text}));\n}}"
    );
    let curl = format!("curl {origin}{0}/contract\ncurl {origin}{0}/profile", seen.href());
    [
        ("kcat", topic.to_owned(), kcat),
        ("Python", topic.to_owned(), python),
        ("Java", topic.to_owned(), java),
        ("Contract and profile", topic.to_owned(), curl),
    ]
}
