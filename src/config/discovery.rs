//! Services beside Kafka: who tells lineage, and who runs SQL.

use crate::config::peer::{self, Peer};
use crate::config::typed::Typed;
use std::path::Path;

/// Services that tell who feeds whom; each is asked only where it has an address.
#[derive(Clone, Debug)]
pub struct Discovery {
    /// Each address is a Connect cluster of its own.
    pub connect: Peer,
    /// Addresses of ksqlDB services, each its own.
    pub ksqldb: Peer,
    /// Flink's SQL gateway.
    pub flink: Peer,
    /// The JobManager's REST; `None`: it is not asked.
    pub flink_jobmanager: Option<String>,
}

/// `file`: the configuration's own path, which relative ones go out from.
pub fn check(typed: &mut Typed<'_>, file: &Path, notes: &mut Vec<String>) -> Discovery {
    Discovery {
        connect: peer::check(typed, "connect", "http://connect:8083", file, notes),
        ksqldb: peer::check(typed, "ksqldb", "http://ksqldb:8088", file, notes),
        flink: peer::check(typed, "flink", "http://flink:8083", file, notes),
        flink_jobmanager: peer::urls(typed, "flink.jobmanager.url", "http://flink:8081").into_iter().next(),
    }
}
