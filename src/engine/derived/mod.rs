//! Products that SQL derives from others: use cases that are registered, and what an engine makes of their statements.

pub mod usecase; // what the catalog holds of one, and whether it may be changed or run
pub mod statement; // its SQL in parts, and what may stand in it
pub mod answer; // what an engine said of a job
pub mod flink; // answers of Flink's SQL gateway
pub mod ksqldb; // answers of ksqlDB
