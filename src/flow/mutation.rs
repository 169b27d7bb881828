//! Planted bugs, one at a time, for the simulator to find. In a release build none exists.

use std::cell::Cell;

/// Each is a bug that somebody once wrote, or nearly did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Mutation {
    /// A transaction without offsets: nothing fences it.
    FlushWithoutOffsets,
    /// An empty offset list counts as fenced.
    EmptyOffsets,
    /// The ledger's restore ends at the last stable offset.
    RestoreStopsAtStable,
    /// A commit in doubt is taken as aborted, and the deltas go out again.
    DoubtMeansAborted,
    /// A commit in doubt is taken as done.
    DoubtMeansDone,
    /// Deltas of lost partitions survive the rejoin.
    LostDeltasSurvive,
    /// A revoked partition stays in the offsets.
    RevokedStaysInOffsets,
    /// A rebalance is completed before the deltas are dropped.
    CompletedTooEarly,
    /// Topic ids are verified at assign only.
    IdsAtAssignOnly,
    /// An interval ends at the last offset, not at the next.
    IntervalEndsAtLast,
    /// `applied` is the last delta, not the next.
    AppliedIsLast,
    /// The low-water mark is one delta too high.
    LowTooHigh,
    /// A replay feeds chains and incidents again.
    ReplayFeedsChains,
    /// A replay merges late deltas again.
    ReplayMergesLate,
    /// A delta wholly behind the chain is applied.
    BehindIsApplied,
    /// A replay merges what was dropped, and as exact what is not.
    OddIsForgotten,
    /// A fragment stays open over a commit.
    FragmentSurvives,
    /// Watermarks stand in a flush's first part.
    WatermarkInFirstPart,
    /// A partition that sits out is committed at its position.
    SittingOutIsCommitted,
    /// A partition that waits for a schema passes over the record that needs it.
    WaitsPastTheRecord,
    /// A partition is paused before what was read of it is committed.
    PausedUnflushed,
    /// The watermark ignores partitions nobody reported.
    PartitionCountIgnored,
    /// Closed-through is not kept in the state.
    ClosedThroughForgotten,
    /// Two versions of a contract share one window.
    VersionsShareWindow,
    /// Counters move before the commit.
    CountersBeforeCommit,
    /// Every fencing is recovered from, for ever.
    RecoverFromEveryFencing,
}

thread_local! {
    static PLANTED: Cell<Option<Mutation>> = const { Cell::new(None) };
}

/// Plants a bug for this thread, or none.
pub fn plant(mutation: Option<Mutation>) {
    PLANTED.set(mutation);
}

/// Whether this bug is planted; always false in a release build.
pub fn planted(mutation: Mutation) -> bool {
    cfg!(debug_assertions) && PLANTED.get() == Some(mutation)
}
