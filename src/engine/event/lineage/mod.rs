//! OpenLineage: which topics a product has, what the steward's inspection read of them, and who feeds whom.

pub mod dataset; // a topic as its contract describes it: DatasetEvent
pub mod run; // the inspection of one window: RunEvent
pub mod found; // jobs that were found, with their edges and evidence: RunEvent, JobEvent, DatasetEvent
pub mod quality; // metrics, assertions and offset ranges of a run's inputs
pub mod schema; // fields, nested
pub mod speaker; // names, ids, facets, the message
