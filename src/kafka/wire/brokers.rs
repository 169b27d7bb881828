//! All of a cluster's brokers, each asked for what it alone knows: the groups and transactions that it coordinates, the producers
//! of partitions that it leads.

use crate::kafka::tokens::Token;
use crate::kafka::wire::WireError;
use crate::kafka::wire::connection::Connection;
use crate::kafka::wire::security::Security;
use std::collections::BTreeMap;
use std::time::Duration;

/// A broker that is alive answers within this; a round is not to hang on one that is not.
const TIMEOUT: Duration = Duration::from_secs(5);

#[derive(Default)]
pub struct Brokers(BTreeMap<i32, Connection>);

impl Brokers {
    /// `properties`: librdkafka's, as configured; `token`: to log in with by OAUTHBEARER. Those that cannot be reached are left out, with the reason.
    pub fn open(
        properties: &BTreeMap<String, String>,
        token: Option<&Token>,
        places: &BTreeMap<i32, (String, u16)>,
    ) -> (Brokers, Vec<WireError>) {
        let security = match Security::of(properties, token) {
            Ok(security) => security,
            Err(error) => return (Brokers::default(), vec![error]),
        };
        let (mut open, mut failed) = (BTreeMap::new(), Vec::new());
        for (id, (host, port)) in places {
            match Connection::open(host, *port, &security, TIMEOUT) {
                Ok(connection) => drop(open.insert(*id, connection)),
                Err(error) => failed.push(error),
            }
        }
        (Brokers(open), failed)
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub fn get(&mut self, id: i32) -> Option<&mut Connection> {
        self.0.get_mut(&id)
    }

    /// By id.
    pub fn each(&mut self) -> impl Iterator<Item = (i32, &mut Connection)> {
        self.0.iter_mut().map(|(id, connection)| (*id, connection))
    }
}
