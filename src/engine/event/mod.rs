//! What leaves the daemon: CloudEvents in Kafka's binary mode, each with an id that a repeat shares.

pub mod envelope; // headers, times, the message itself
pub mod id; // what an event is about, hashed
pub mod drift; // what a window event says of drift
pub mod window; // io.meshsteward.quality.window.v1
pub mod incident; // io.meshsteward.incident.v1
pub mod gap; // io.meshsteward.coverage.gap.v1
pub mod catalog; // io.meshsteward.product.v1, io.meshsteward.contract.v1
pub mod policy; // io.meshsteward.policy.v1
pub mod lineage; // OpenLineage: io.meshsteward.lineage.{dataset,run}.v1
pub mod profile; // io.meshsteward.quality.profile.v1
pub mod result; // one rule's result, as events word it
