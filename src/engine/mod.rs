//! What things mean. Pure: no tokio, no rdkafka, no file, no clock, no randomness.

pub mod record; // positions, intervals, raw records
pub mod contract; // ODCS into a plan of rules
pub mod decode; // bytes into slots
pub mod expr; // expressions over one record, CEL and SQL
pub mod profile; // what values look like: counts and sketches
pub mod check; // records against rules; tallies; verdicts
pub mod trend; // what windows come to, one after the other: service levels, budgets
pub mod event; // what leaves: CloudEvents with their ids
pub mod lineage; // who feeds whom, with evidence
pub mod trial; // a dry run: records against a contract, without a broker
pub mod audit; // what was asked of the mesh, and what came of it
pub mod published; // products of the API: what the catalog holds of one, and which changes it takes
pub mod derived; // products that SQL makes of others: use cases and their runs
pub mod infer; // a contract drafted from records
pub mod policy; // rules of the mesh about contracts and products
pub mod access; // who may do what: roles, logins, tokens of a provider
