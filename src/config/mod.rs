//! Configuration: as typed, then usable; everything wrong is said at once.

pub mod usable; // checked once, then trusted: what the rest of the daemon reads
pub mod typed; // texts into numbers, durations, words
pub mod window; // how long windows are, and wait
pub mod records; // what becomes of bad records
pub mod lineage; // events for catalogs
pub mod kafka; // librdkafka's properties, and which of them are ours
pub mod oauth; // tokens to log in at the brokers with
pub mod discovery; // where lineage is looked for beside Kafka
pub mod peer; // a service beside Kafka: its addresses, a login, certificates
pub mod registry; // where schemas are asked for, and as whom
pub mod http; // where REST and the page listen, by which certificate
pub mod access; // who has to say who they are, and by what
pub mod raw; // as typed: defaults < file < environment
pub mod yaml; // a YAML file as dotted keys, each with its line
pub mod keys; // the one table of all keys
pub mod nearest; // what a mistyped one may have meant
pub mod change; // read again: what a running worker takes up
pub mod secret; // ${env:…}, ${file:…}, ${dir:…}; never printed
pub mod error; // what is wrong, where, and what to do
