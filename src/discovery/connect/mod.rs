//! Kafka Connect: what its connectors' configuration says that they move, and what they have moved.
//!
//! Asked of each cluster: `GET /connectors?expand=info&expand=status`, and of each connector `/topics` (KIP-558) and `/offsets`
//! (KIP-875). Evidence is `configured` where the configuration decides where data goes, `observed` where a connector runs and
//! Connect has counted a topic among those that it uses. Where neither is so, nothing is emitted, and the case is unresolved.

pub mod answer; // what the REST API says, read leniently
pub mod flow; // one connector's edges
pub mod source; // what a source's configuration decides
pub mod sink; // what a sink's configuration decides
pub mod mirror; // MirrorMaker 2
pub mod route; // transforms that send records elsewhere
pub mod outside; // tables, files and buckets, as OpenLineage names them

use crate::config::peer::Peer;
use crate::discovery::connect::answer::{Connector, Kind};
use crate::discovery::gathered::Gathered;
use crate::discovery::known::{Job, Known};
use crate::discovery::rest::{Rest, Told};
use crate::discovery::topic::Cluster;
use crate::engine::lineage::collector::Collector;
use crate::engine::lineage::node::Node;
use crate::engine::lineage::sighting::Round;
use crate::registry::client::escaped;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A round asks for so long; two questions of a connector take some 5 ms, so that 5,000 connectors are asked in it.
const ROUND: Duration = Duration::from_secs(60);

/// What the collector is called.
pub const NAME: &str = "connect";

pub struct Connect {
    rest: Rest,
    urls: Vec<String>,
    cluster: Cluster,
    known: Arc<Known>,
}

impl Connect {
    /// The error names the key, what is wrong with it, and what to do.
    pub fn new(peer: &Peer, cluster: Cluster, known: Arc<Known>) -> Result<Connect, String> {
        Ok(Connect { rest: Rest::new(peer)?, urls: peer.urls.clone(), cluster, known })
    }

    /// All connectors of one Connect cluster, with their configuration and states.
    fn listed(&self, url: &str) -> Result<Vec<Connector>, String> {
        match self.rest.get(&format!("{url}/connectors?expand=info&expand=status")) {
            Told::Json(json) => Ok(answer::connectors(&json)),
            Told::Missing => Err(format!("{url} is no Connect REST API (404); see connect.url")),
            Told::Refused(_, why) | Told::Failed(why) => Err(why),
        }
    }

    /// What a connector has used, and how far it has come.
    fn ask(&self, url: &str, connector: &mut Connector, until: Instant, gathered: &mut Gathered) {
        let of = format!("{url}/connectors/{}", escaped(&connector.name));
        if Instant::now() > until {
            let most_s = ROUND.as_secs();
            return gathered.failed(&of, format!("the round is over after {most_s} s; this one was not asked"));
        }
        match self.rest.get(&format!("{of}/topics")) {
            Told::Json(json) => connector.active = answer::topics(&json, &connector.name),
            // Deleted since it was listed, or a service that has no such page.
            Told::Missing => {}
            Told::Refused(403, _) => {
                let why =
                    "Connect does not tell active topics: topic.tracking.enable is off, or this login may not ask";
                gathered.unresolved(&of, why);
            }
            Told::Refused(_, why) => gathered.unresolved(&of, why),
            Told::Failed(why) => gathered.failed(&of, why),
        }
        match self.rest.get(&format!("{of}/offsets")) {
            Told::Json(json) => connector.offsets = answer::offsets(&json),
            // Connect before 3.5 has no such page: then configuration alone decides.
            Told::Missing | Told::Refused(..) => {}
            Told::Failed(why) => gathered.failed(&of, why),
        }
    }
}

impl Collector for Connect {
    fn name(&self) -> &'static str {
        NAME
    }

    fn collect(&mut self, now_ms: i64) -> Result<Round, String> {
        let (until, mut gathered) = (Instant::now() + ROUND, Gathered::default());
        let (mut jobs, topics) = (Vec::new(), self.cluster.topics(&mut gathered));
        let (mut answered, mut silent) = (false, Vec::new());
        for url in &self.urls {
            let connectors = match self.listed(url) {
                Ok(connectors) => connectors,
                Err(why) => {
                    gathered.failed(url, &why);
                    silent.push(why);
                    continue;
                }
            };
            answered = true;
            for mut connector in connectors {
                self.ask(url, &mut connector, until, &mut gathered);
                let job = Node::job(namespace(url), &connector.name);
                let group = (connector.kind == Kind::Sink).then(|| connector.group());
                jobs.push(Job { node: job.clone(), group });
                flow::tell(&connector, &job, &self.cluster, &topics, &mut gathered);
            }
        }
        if !answered {
            return Err(silent.join("; "));
        }
        self.known.set(NAME, jobs);
        Ok(gathered.round(self.name(), now_ms))
    }
}

/// Connectors of one Connect cluster have names of their own: `connect://host:port`.
fn namespace(url: &str) -> String {
    let place = url.split_once("://").map_or(url, |(_, place)| place);
    format!("connect://{place}")
}

/// The topics that there are.
type Topics = BTreeSet<String>;
