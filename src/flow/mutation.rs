//! Planted bugs for the simulator to find. In a release build none exists.

use std::cell::Cell;

/// Names each bug once, so that none can be left out of `Mutation::ALL`.
macro_rules! mutations {
    ($($(#[$doc:meta])* $name:ident,)*) => {
        /// Each is a bug that somebody once wrote, or nearly did.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Mutation {
            $($(#[$doc])* $name,)*
        }

        impl Mutation {
            pub const ALL: &[Mutation] = &[$(Mutation::$name),*];
        }
    };
}

mutations! {
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
    /// Copies for quarantine stay in memory when a flush takes them, and go with the next one too.
    CopiesStay,
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
    /// Offsets are sent before the messages are sent and drained. Alone it is harmless: both are in one transaction.
    OffsetsBeforeDrain,
    /// A log's end is taken before the committed offsets are asked for. Alone it is harmless: where the offsets wait
    /// for nobody, nothing was written in between.
    EndBeforeCommitted,
    /// The committed offset's metadata is not held against the state. It heals what the two before do together.
    MetadataUnchecked,
}

thread_local! {
    /// One bit a bug, in the order of `Mutation::ALL`.
    static PLANTED: Cell<u64> = const { Cell::new(0) };
}

/// Plants these bugs for this thread, and no others.
pub fn plant(mutations: &[Mutation]) {
    PLANTED.set(mutations.iter().fold(0, |bits, m| bits | bit(*m)));
}

/// Whether this bug is planted; always false in a release build.
pub fn planted(mutation: Mutation) -> bool {
    cfg!(debug_assertions) && PLANTED.get() & bit(mutation) != 0
}

fn bit(mutation: Mutation) -> u64 {
    1 << mutation as u64
}
