//! ksqlDB: persistent queries, with the topics behind the streams and tables that they read and write.
//!
//! `POST /ksql` with `SHOW QUERIES EXTENDED`, `LIST STREAMS EXTENDED` and `LIST TABLES EXTENDED`; a server that refuses one is asked without
//! `EXTENDED`, which tells no sources. SQL is not parsed: what a query reads is what the server says that it reads.

pub mod answer; // what the server says, read leniently

use crate::config::peer::Peer;
use crate::discovery::gathered::{Gathered, detail};
use crate::discovery::known::{Job, Known};
use crate::discovery::ksqldb::answer::{Query, Sources};
use crate::discovery::rest::{Rest, Told};
use crate::discovery::topic::Cluster;
use crate::engine::lineage::collector::Collector;
use crate::engine::lineage::node::Node;
use crate::engine::lineage::sighting::{Evidence, JobFacts, Round};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The server runs what it tells.
const CONFIGURED: f64 = 0.95;
const NAME: &str = "ksqldb";
const KSQL_JSON: &str = "application/vnd.ksql.v1+json";
/// Of a query's SQL, which has names of fields and constants in it.
const STATEMENT_CHARS_MAX: usize = 1_000;

pub struct Ksqldb {
    rest: Rest,
    urls: Vec<String>,
    cluster: Cluster,
    known: Arc<Known>,
}

impl Ksqldb {
    /// The error names the key, what is wrong with it, and what to do.
    pub fn new(peer: &Peer, cluster: Cluster, known: Arc<Known>) -> Result<Ksqldb, String> {
        Ok(Ksqldb { rest: Rest::new(peer)?, urls: peer.urls.clone(), cluster, known })
    }

    fn statement(&self, url: &str, statement: &str) -> Told {
        let body = json!({"ksql": format!("{statement};"), "streamsProperties": {}});
        self.rest.post(&format!("{url}/ksql"), KSQL_JSON, &body)
    }

    fn ask(&self, url: &str, statement: &str) -> Result<Value, String> {
        match self.statement(url, &format!("{statement} EXTENDED")) {
            Told::Json(json) => Ok(json),
            Told::Missing => Err(format!("{url}/ksql: there is no such page (404); see ksqldb.url")),
            Told::Refused(401 | 403, why) | Told::Failed(why) => Err(why),
            Told::Refused(..) => match self.statement(url, statement) {
                Told::Json(json) => Ok(json),
                Told::Missing => Err(format!("{url}/ksql: there is no such page (404); see ksqldb.url")),
                Told::Refused(_, why) | Told::Failed(why) => Err(why),
            },
        }
    }
}

impl Collector for Ksqldb {
    fn name(&self) -> &'static str {
        NAME
    }

    fn collect(&mut self, now_ms: i64) -> Result<Round, String> {
        let (mut gathered, mut jobs, mut silent) = (Gathered::default(), Vec::new(), Vec::new());
        for url in &self.urls {
            let queries = match self.ask(url, "SHOW QUERIES") {
                Ok(json) => answer::queries(&json),
                Err(why) => {
                    gathered.failed(url, &why);
                    silent.push(why);
                    continue;
                }
            };
            let mut sources = Sources::default();
            for statement in ["LIST STREAMS", "LIST TABLES"] {
                match self.ask(url, statement) {
                    Ok(json) => answer::sources(&json, &mut sources),
                    Err(why) => gathered.failed(url, why),
                }
            }
            for query in queries {
                let node = Node::job(namespace(url), &query.id);
                jobs.push(Job { node: node.clone(), group: sources.groups.get(&query.id).cloned() });
                tell(&query, &sources, &node, &self.cluster, &mut gathered);
            }
        }
        if !self.urls.is_empty() && silent.len() == self.urls.len() {
            return Err(silent.join("; "));
        }
        self.known.set(NAME, jobs);
        Ok(gathered.round(NAME, now_ms))
    }
}

/// Queries of one service have ids of their own: `ksqldb://host:port`.
fn namespace(url: &str) -> String {
    let place = url.split_once("://").map_or(url, |(_, place)| place);
    format!("ksqldb://{place}")
}

fn tell(query: &Query, sources: &Sources, job: &Node, cluster: &Cluster, gathered: &mut Gathered) {
    gathered.job(JobFacts {
        node: job.clone(),
        kind: "ksqldb-query".into(),
        state: query.state.clone(),
        description: Some(query.statement.chars().take(STATEMENT_CHARS_MAX).collect()),
        detail: detail([]),
    });
    let by = || detail([("by", "query"), ("state", &query.state)]);
    if query.sources.is_empty() {
        gathered.unresolved(job.to_string(), "the server does not tell what the query reads");
    }
    let mut written: BTreeSet<&String> = query.topics.iter().collect();
    for (names, reads) in [(&query.sources, true), (&query.sinks, false)] {
        for name in names {
            match sources.topics.get(name) {
                Some(topic) if reads => {
                    gathered.saw(&cluster.topic(topic), job, Evidence::Configured, CONFIGURED, by());
                }
                Some(topic) => drop(written.insert(topic)),
                // Its topic may be told beside it.
                None if !reads && !query.topics.is_empty() => {}
                None => gathered.unresolved(job.to_string(), format!("no stream and no table is called {name}")),
            }
        }
    }
    for topic in written {
        gathered.saw(job, &cluster.topic(topic), Evidence::Configured, CONFIGURED, by());
    }
}

#[cfg(test)]
mod tests;
