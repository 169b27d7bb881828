//! OpenLineage: which topics a product has, and what the steward's inspection read of them.

pub mod dataset; // a topic as its contract describes it: DatasetEvent
pub mod run; // the inspection of one window: RunEvent
pub mod quality; // metrics, assertions and offset ranges of a run's inputs
pub mod schema; // fields, nested
pub mod speaker; // names, ids, facets, the message
