//! Records that broke a rule: where each stands, why, what may be shown of it, and the command that reads it.

use crate::catalog::evidence::Sample;
use crate::engine::event::envelope::rfc3339;
use crate::page::seen::Seen;
use crate::page::words::{count, day_and_clock};
use maud::{Markup, html};

/// Of several windows they may be many; so many are looked at.
const SHOWN_MAX: usize = 10;

/// `elsewhere`: another worker owns the product, and has them.
pub fn table(samples: &[Sample], seen: &Seen, elsewhere: bool) -> Markup {
    if samples.is_empty() {
        let why = match elsewhere {
            true => {
                "The worker that owns the product has them; every window's event in the governance topic does, too."
            }
            false => "None in the windows that closed since this worker took the product over.",
        };
        return html! { div.panel.empty { p { (why) } } };
    }
    html! {
        div.panel.scroll tabindex="0" role="region" aria-label="Table of records" {
            table.cards role="table" {
                thead role="rowgroup" { tr role="row" {
                    th scope="col" role="columnheader" { "Partition:offset" }
                    th scope="col" role="columnheader" { "Window, UTC" }
                    th scope="col" role="columnheader" { "Why" }
                    th scope="col" role="columnheader" { "Value, masked" }
                    th scope="col" role="columnheader" { span.sr { "Action" } }
                } }
                tbody role="rowgroup" { @for sample in samples.iter().take(SHOWN_MAX) { (row(sample, seen)) } }
            }
        }
    }
}

/// `12:188,431`
fn place(sample: &Sample) -> String {
    format!("{}:{}", sample.partition, count(u64::try_from(sample.offset).unwrap_or_default()))
}

fn row(sample: &Sample, seen: &Seen) -> Markup {
    html! {
        tr role="row" {
            td.mono.num role="cell" { (place(sample)) @if seen.info.topics.len() > 1 { span.sub { (sample.topic) } } }
            td.num.dim role="cell" { (day_and_clock(&rfc3339(sample.window_ms))) }
            td role="cell" { span.bad { (seen.worded(&sample.rule).bad) } span.sub { (sample.reason) } }
            td.mono role="cell" { @if sample.value.is_empty() { span.m { "classified" } } @else { (sample.value) } }
            td.r role="cell" { button.btn.tiny data-copy=(kcat(sample)) hidden { "Copy kcat" } noscript { code.small { (kcat(sample)) } } }
        }
    }
}

/// A broker's name is not ours to tell: it stands for one of the cluster's bootstrap servers.
fn kcat(sample: &Sample) -> String {
    format!("kcat -C -b BROKER:9092 -t {} -p {} -o {} -c 1", quoted(&sample.topic), sample.partition, sample.offset)
}

/// As a shell takes it whole. Kafka's topics need no quotes; what is none gets them.
pub fn quoted(text: &str) -> String {
    match text.chars().all(|c| c.is_ascii_alphanumeric() || "._-".contains(c)) && !text.is_empty() {
        true => text.to_owned(),
        false => format!("'{}'", text.replace('\'', "'\\''")),
    }
}
