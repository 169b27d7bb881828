//! What looks at one source of evidence: the worker calls it again and again, on a thread of its own.

use crate::engine::lineage::sighting::Round;

/// Whoever implements it waits for others, with time-outs of its own: a round that takes longer than a minute is reported.
pub trait Collector: Send {
    /// Labels metrics, and stands beside every piece of evidence: `connect`, `groups`.
    fn name(&self) -> &'static str;

    /// One look. `Err`: nothing could be asked, and why; it is counted, and asked again after a pause that grows. What was
    /// asked in part is a round that is not `complete`.
    fn collect(&mut self, now_ms: i64) -> Result<Round, String>;
}
