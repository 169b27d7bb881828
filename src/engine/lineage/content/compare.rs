//! Whether one column holds what another held before: what they are, where they lie, and then their sketches, each step
//! cheaper than the next.

use crate::engine::lineage::content::column::Column;

/// How much of a copy is in its source, and by how much later.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Agreement {
    /// Of the copy's values, 0 to 1.
    pub containment: f64,
    /// Of it, at 95 %.
    pub interval: (f64, f64),
    /// Values that were compared.
    pub compared: usize,
    /// Of the shared values, the part that the copy saw later.
    pub later: f64,
}

/// A copy that has lost its source's oldest values still has so many of them.
const CONTAINED_MIN: f64 = 0.9;
/// A source is seen before its copy; a few values come again.
const LATER_MIN: f64 = 0.95;
/// Of fewer values nothing is said.
const COMPARED_MIN: usize = 100;

/// `None`: nothing says that the one holds the other's values.
pub fn within(copy: &Column, source: &Column) -> Option<Agreement> {
    if !copy.is_rich() || !source.is_rich() || !copy.span.may_be_within(&source.span) {
        return None;
    }
    let (mut compared, mut shared, mut later) = (0usize, 0usize, 0usize);
    for value in copy.sketch.beside(&source.sketch) {
        compared += 1;
        shared += usize::from(value.others_ms.is_some());
        later += usize::from(value.others_ms.is_some_and(|source_ms| source_ms < value.mine_ms));
    }
    let interval = wilson(shared, compared);
    let containment = shared as f64 / compared.max(1) as f64;
    (compared >= COMPARED_MIN && interval.0 >= CONTAINED_MIN).then_some(Agreement {
        containment,
        interval,
        compared,
        later: later as f64 / shared.max(1) as f64,
    })
}

impl Agreement {
    pub fn is_in_order(&self) -> bool {
        self.later >= LATER_MIN
    }
}

/// The score interval of a proportion at 95 % (Wilson 1927).
pub fn wilson(found: usize, of: usize) -> (f64, f64) {
    const Z: f64 = 1.96;
    if of == 0 {
        return (0.0, 1.0);
    }
    let (n, p) = (of as f64, found as f64 / of as f64);
    let (centre, half) = (p + Z * Z / (2.0 * n), Z * (p * (1.0 - p) / n + Z * Z / (4.0 * n * n)).sqrt());
    let scale = 1.0 + Z * Z / n;
    (((centre - half) / scale).max(0.0), ((centre + half) / scale).min(1.0))
}
