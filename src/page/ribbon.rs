//! A ribbon: one tick a window, tall where it is bad. It reads in grey: pass is short, fail full height, unknown two rows
//! of dots, a window without a word a hairline.

use crate::engine::check::verdict::Status;
use maud::{Markup, PreEscaped, html};
use std::fmt::Write;

/// A tick is four units wide.
const TICK: usize = 4;

/// So many stand side by side; of fewer the newest stands at the right, so that rows compare.
const WINDOWS: usize = crate::flow::state::RECENT;

/// Of windows, oldest first; `None`: nothing was judged. `what` begins the sentence for those who do not see it.
pub fn ribbon(windows: &[Option<Status>], what: &str) -> Markup {
    let mut paths = [
        ("rp", String::new()),
        ("rw", String::new()),
        ("rf", String::new()),
        ("ru", String::new()),
        ("rs", String::new()),
    ];
    let wide = windows.len().max(WINDOWS);
    let mut at = wide - windows.len();
    for run in windows.chunk_by(|a, b| lane(*a) == lane(*b)) {
        let (from, to) = (at * TICK, (at + run.len()) * TICK - 1);
        at += run.len();
        let lane = lane(run[0]);
        for y in HEIGHTS[lane] {
            // Writing to a text does not fail.
            let _ = write!(paths[lane].1, "M{from} {y}H{to}");
        }
    }
    let count = |status: fn(Status) -> bool| windows.iter().flatten().filter(|s| status(**s)).count();
    let failing = count(|s| matches!(s, Status::Fail | Status::Error));
    let (warned, unknown) = (count(|s| s == Status::Warn), count(|s| s == Status::Unknown));
    let text =
        format!("{what}, last {} windows: {failing} failing, {warned} with warnings, {unknown} unknown", windows.len());
    html! {
        @if windows.is_empty() {
            span.small.dimmer { "no window yet" }
        } @else {
            svg.ribbon viewBox={ "0 0 " (wide * TICK) " 16" } preserveAspectRatio="none" role="img" aria-label=(text) {
                @for (class, path) in &paths {
                    @if !path.is_empty() { (PreEscaped(format!("<path class=\"{class}\" d=\"{path}\"/>"))) }
                }
            }
        }
    }
}

const HEIGHTS: [&[&str]; 5] = [&["13.5"], &["11"], &["8"], &["7.5", "13.5"], &["15"]];

fn lane(status: Option<Status>) -> usize {
    match status {
        Some(Status::Pass) => 0,
        Some(Status::Warn) => 1,
        Some(Status::Fail | Status::Error) => 2,
        Some(Status::Unknown) => 3,
        Some(Status::Skip) | None => 4,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_windows_are_one_stroke_and_the_sentence_counts_them() {
        let windows = [Some(Status::Pass), Some(Status::Pass), Some(Status::Fail), None];
        let text = ribbon(&windows, "orders").into_string();
        assert!(
            text.contains("class=\"rp\" d=\"M64 13.5H71\"") && text.contains("class=\"rf\" d=\"M72 8H75\""),
            "{text}"
        );
        assert!(text.contains("orders, last 4 windows: 1 failing, 0 with warnings, 0 unknown"), "{text}");
        assert!(ribbon(&[], "orders").into_string().contains("no window yet"));
    }
}
