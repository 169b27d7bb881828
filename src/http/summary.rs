//! What a product's recent windows say together: one window a contract version, and late fragments of each.

use crate::engine::check::verdict::Status;
use crate::flow::state::{ProductState, Summary};

/// The last window judged, over all contract versions in force.
pub struct Latest<'s> {
    pub status: Status,
    /// The lowest; `None` where no rule could be measured.
    pub score: Option<f64>,
    pub windows: Vec<&'s Summary>,
}

/// `None`: nothing has been judged yet.
pub fn latest(state: &ProductState) -> Option<Latest<'_>> {
    let start = state.recent.iter().filter(|summary| counts(state, summary)).map(|s| s.window.start).max()?;
    let windows: Vec<&Summary> =
        state.recent.iter().filter(|summary| counts(state, summary) && summary.window.start == start).collect();
    Some(Latest {
        status: windows
            .iter()
            .map(|summary| summary.status)
            .max_by_key(|status| rank(*status))
            .map_or(Status::Unknown, product_word),
        score: windows.iter().filter_map(|summary| summary.score).min_by(f64::total_cmp),
        windows,
    })
}

/// A window that an old contract version judged says nothing of a product that has newer ones.
fn counts(state: &ProductState, summary: &Summary) -> bool {
    let has_newer = state.recent.iter().any(|other| state.current.contains(&other.window.hash));
    !has_newer || state.current.contains(&summary.window.hash)
}

/// A product is fail, else unknown, warn, pass; an error of evaluation is as unknown as any.
fn rank(status: Status) -> u8 {
    match status {
        Status::Fail => 5,
        Status::Error => 4,
        Status::Unknown => 3,
        Status::Warn => 2,
        Status::Pass => 1,
        Status::Skip => 0,
    }
}

/// A product whose rules were all skipped is unknown.
fn product_word(status: Status) -> Status {
    if status == Status::Skip { Status::Unknown } else { status }
}
