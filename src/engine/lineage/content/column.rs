//! One column of one topic in one window: how many values, where they lie, and a sketch of them.

use crate::engine::lineage::content::kmv::Kmv;
use crate::engine::lineage::content::span::Span;
use crate::engine::profile::scalar::{Keyed, Scalar};
use serde::{Deserialize, Serialize};

/// Fewer distinct values are found together by chance.
pub const DISTINCT_MIN: f64 = 1_000.0;
/// A column nearly all of whose values are distinct says which row is which; the sketch's own error is 3 %.
const UNIQUE_MIN: f64 = 0.9;

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Column {
    pub values: u64,
    pub span: Span,
    pub sketch: Kmv,
}

impl Column {
    /// A value that is neither null nor composed. `keyed`: of one key and scope for all columns of a mesh.
    pub fn see(&mut self, scalar: Scalar<'_>, keyed: &Keyed, at_ms: i64) {
        self.values += 1;
        // Those that are kept are a sample of all, and say where they lie: so most values cost a hash.
        if self.sketch.see(keyed.hash(scalar), at_ms) {
            self.span.see(scalar, keyed);
        }
    }

    /// Adds another part of the same column: other partitions, another window.
    pub fn merge(&mut self, other: &Column) {
        self.values += other.values;
        self.span.merge(other.span);
        self.sketch.merge(&other.sketch);
    }

    /// Enough distinct values of one kind to compare.
    pub fn is_rich(&self) -> bool {
        self.span.is_plain() && self.sketch.distinct() >= DISTINCT_MIN
    }

    /// Rich, and with so few of the possible values that to share them is no chance.
    pub fn may_prove(&self) -> bool {
        self.is_rich() && self.span.is_sparse(self.sketch.distinct())
    }

    /// Each row has its own.
    pub fn is_unique(&self) -> bool {
        self.is_rich() && self.sketch.distinct() >= UNIQUE_MIN * self.values as f64
    }
}
