//! A verdict: always a shape and a word, so that it reads without colour.

use crate::engine::check::verdict::Status;
use crate::engine::event::result::word;
use maud::{Markup, PreEscaped, html};

/// The name of a verdict's symbol and class.
pub fn class(status: Status) -> &'static str {
    match status {
        Status::Error => "fail",
        Status::Skip => "skipped",
        status => word(status),
    }
}

fn shape(status: Status) -> &'static str {
    if status == Status::Skip { "ring" } else { class(status) }
}

fn shown(status: Status) -> &'static str {
    match status {
        Status::Pass => "Pass",
        Status::Fail => "Fail",
        Status::Warn => "Warn",
        Status::Error => "Error",
        Status::Skip => "Skipped",
        Status::Unknown => "Unknown",
    }
}

/// One of the symbols of the frame; `name` and `class` are our own words, never another's.
pub fn icon(name: &'static str, class: &'static str) -> Markup {
    PreEscaped(format!("<svg class=\"i {class}\" aria-hidden=\"true\"><use href=\"#{name}\"/></svg>"))
}

/// As a word among others.
pub fn mark(status: Status) -> Markup {
    html! { span class={ "v " (class(status)) } { (icon(shape(status), "")) (shown(status)) } }
}

/// Tinted, once a product.
pub fn chip(status: Status) -> Markup {
    html! { span class={ "v chip " (class(status)) } { (icon(shape(status), "")) (shown(status)) } }
}

/// How many have it.
pub fn counted(status: Status, number: usize) -> Markup {
    html! { span class={ "v " (class(status)) } { (icon(shape(status), "")) (number) span.sr { " " (word(status)) } } }
}

/// For sorting: worst first.
pub fn rank(status: Status) -> u8 {
    match status {
        Status::Fail => 0,
        Status::Error => 1,
        Status::Unknown => 2,
        Status::Warn => 3,
        Status::Pass => 4,
        Status::Skip => 5,
    }
}
