//! The keys of `window`: how long windows are, and how long they wait.

use crate::config::typed::{Typed, duration_text};
use crate::config::usable::Window;

pub fn check(typed: &mut Typed<'_>) -> Window {
    let before = typed.errors.len();
    let window = Window {
        size_ms: typed.duration("window.size"),
        grace_ms: typed.duration("window.grace"),
        late_accept_ms: typed.duration("window.late.accept"),
        future_tolerance_ms: typed.duration("window.future.tolerance"),
        max_open_ms: typed.duration("window.max.open"),
    };
    if typed.errors.len() > before {
        return window; // What follows compares values that are there.
    }
    if window.grace_ms >= window.max_open_ms {
        let problem = format!("is not shorter than window.max.open, {}", duration_text(window.max_open_ms));
        typed.wrong("window.grace", problem, "shorten window.grace, or lengthen window.max.open");
    }
    let held_ms = window.max_open_ms + window.size_ms + window.grace_ms + window.late_accept_ms;
    if held_ms > HALF_OF_RETENTION_MS {
        let problem = format!(
            "with window.max.open, size and grace makes {}: more than {}, half of the 7d that deltas are kept",
            duration_text(held_ms),
            duration_text(HALF_OF_RETENTION_MS)
        );
        typed.wrong("window.late.accept", problem, "shorten window.late.accept or window.max.open");
    }
    window
}

/// Half of the 7 d that deltas are kept: the ledger reads them again from its oldest open window, and the other half is
/// what an outage may last.
const HALF_OF_RETENTION_MS: i64 = 7 * 24 * 3_600_000 / 2;
