//! Collects evidence of who feeds whom: each collector asks one kind of witness, and says what it saw in a round.
//!
//! Nothing is told by names alone: where the answers do not decide, nothing is emitted and the case counts as unresolved.

pub mod collectors; // which of them run
pub mod gathered; // what a round has come to so far
pub mod known; // which consumer group is which job
pub mod handle; // admin calls, when they are first needed
pub mod rest; // asks a service's REST API
pub mod topic; // topics as datasets, and those that are nobody's data
pub mod connect; // Kafka Connect: connectors, their topics, the systems behind them
pub mod groups; // consumer groups, by offsets that move
pub mod producers; // who writes what, by transactional ids
pub mod declared; // what people have written down
pub mod acls; // what access control lets people do
pub mod ksqldb; // ksqlDB's queries
