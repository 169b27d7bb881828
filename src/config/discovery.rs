//! Where lineage is looked for beside Kafka: Kafka Connect, ksqlDB.

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
}

/// `file`: the configuration's own path, which relative ones go out from.
pub fn check(typed: &mut Typed<'_>, file: &Path, notes: &mut Vec<String>) -> Discovery {
    Discovery {
        connect: peer::check(typed, "connect", "http://connect:8083", file, notes),
        ksqldb: peer::check(typed, "ksqldb", "http://ksqldb:8088", file, notes),
    }
}
