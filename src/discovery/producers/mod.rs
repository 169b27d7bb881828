//! Who writes what: transactional ids, their producers, and the partitions that these have written.
//!
//! `ListTransactions` tells which producer a transactional id has, `DescribeProducers` which producers have written a partition in
//! the last day (KIP-664). A partition that a producer goes on writing between two rounds is an observed edge: from the group that
//! the transaction commits offsets of, from the connector, else from the id itself. Producers without a transactional id have no
//! name in Kafka; they are counted as unresolved.

pub mod join; // whose a transactional id is

use crate::discovery::connect;
use crate::discovery::gathered::{Gathered, detail};
use crate::discovery::groups::job_of;
use crate::discovery::handle::Handle;
use crate::discovery::known::Known;
use crate::discovery::producers::join::{Groups, Owner};
use crate::discovery::topic::Cluster;
use crate::engine::lineage::collector::Collector;
use crate::engine::lineage::node::Node;
use crate::engine::lineage::sighting::{Evidence, JobFacts, Round};
use crate::flow::io::Part;
use crate::kafka::client::Settings;
use crate::kafka::neighbours::Layout;
use crate::kafka::wire::brokers::Brokers;
use crate::kafka::wire::transactions::{self, Transaction, Wrote};
use crate::kafka::wire::{WireError, groups};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Where groups' offsets stand.
const OFFSETS: &str = "__consumer_offsets";
/// Partitions that are asked of in one question: with ten producers each the answer has 300 kB.
const PARTS_AT_ONCE: usize = 1_000;
/// The broker has numbered each batch that the producer wrote.
const WROTE: f64 = 1.0;
/// Transactional ids that stand for themselves; Flink makes them by the thousand.
const ALONE_MAX: usize = 1_000;

pub struct Producers {
    handle: Handle,
    cluster: Cluster,
    known: Arc<Known>,
    /// What each producer had last written to each partition in the round before.
    before: Option<BTreeMap<(Part, i64), Wrote>>,
}

impl Producers {
    pub fn new(settings: Settings, cluster: Cluster, known: Arc<Known>) -> Producers {
        Producers { handle: Handle::new(settings), cluster, known, before: None }
    }
}

/// What brokers said in a round.
#[derive(Default)]
struct Told {
    groups: Groups,
    states: BTreeMap<String, String>,
    transactions: Vec<Transaction>,
    wrote: BTreeMap<(Part, i64), Wrote>,
}

impl Collector for Producers {
    fn name(&self) -> &'static str {
        "producers"
    }

    fn collect(&mut self, now_ms: i64) -> Result<Round, String> {
        let (cluster, known) = (self.cluster.clone(), self.known.clone());
        let mut gathered = Gathered::default();
        let admin = self.handle.admin().map_err(|fault| fault.message)?;
        let layout = admin.layout().map_err(|fault| fault.message)?;
        let (mut brokers, failed) = admin.brokers(&layout);
        if brokers.is_empty() {
            // A listener that is not spoken to is no failure that another try would heal, and nothing is known of anybody.
            let unsupported = failed.iter().any(|why| matches!(why, WireError::Unsupported(_)));
            let why = failed.iter().map(WireError::to_string).collect::<Vec<_>>().join("; ");
            if !unsupported {
                return Err(why);
            }
            gathered.failed("transactions and producers", why);
            return Ok(gathered.round(self.name(), now_ms));
        }
        failed.into_iter().for_each(|why| gathered.failed("a broker", why.to_string()));
        let told = ask(&mut brokers, &layout, &cluster, &mut gathered);
        let before = self.before.replace(told.wrote.clone());
        tell(&told, before.as_ref(), &cluster, &known, &mut gathered);
        Ok(gathered.round(self.name(), now_ms))
    }
}

fn ask(brokers: &mut Brokers, layout: &Layout, cluster: &Cluster, gathered: &mut Gathered) -> Told {
    let mut told = Told::default();
    told.groups.offsets_partitions = layout.leaders.keys().filter(|part| *part.topic == *OFFSETS).count() as i32;
    let mut led: BTreeMap<i32, Vec<Part>> = BTreeMap::new();
    for (part, leader) in &layout.leaders {
        if cluster.is_data(&part.topic) || *part.topic == *OFFSETS {
            led.entry(*leader).or_default().push(part.clone());
        }
    }
    for (id, broker) in brokers.each() {
        match groups::listed(broker) {
            Ok(groups) => {
                for group in groups {
                    match group.protocol.as_str() {
                        "connect" => drop(told.groups.workers.insert(group.id.clone())),
                        "consumer" | "streams" | "" => drop(told.groups.readers.insert(group.id.clone())),
                        _ => {}
                    }
                    told.states.insert(group.id, group.state);
                }
            }
            Err(WireError::Unknown(_)) => {
                gathered.unresolved("whose transactions are", "brokers before Kafka 3.7 do not tell")
            }
            Err(why) => gathered.failed("groups of a broker", why.to_string()),
        }
        match transactions::listed(broker) {
            Ok(transactions) => told.transactions.extend(transactions),
            Err(why) => gathered.failed("transactional ids of a broker", why.to_string()),
        }
        for parts in led.get(&id).map_or(&[][..], Vec::as_slice).chunks(PARTS_AT_ONCE) {
            match transactions::producers(broker, parts) {
                Ok(found) => producers(found, &mut told, gathered),
                Err(why) => gathered.failed("producers of a broker's partitions", why.to_string()),
            }
        }
    }
    told
}

fn producers(found: BTreeMap<Part, transactions::OfPartition>, told: &mut Told, gathered: &mut Gathered) {
    let mut refused: BTreeMap<(Arc<str>, i16), usize> = BTreeMap::new();
    for (part, wrote) in found {
        match wrote {
            Ok(wrote) => told.wrote.extend(wrote.into_iter().map(|wrote| ((part.clone(), wrote.producer), wrote))),
            Err(code) => *refused.entry((part.topic, code)).or_default() += 1,
        }
    }
    for ((topic, code), partitions) in refused {
        let why = format!("error code {code} ({}) of {partitions} partitions", crate::kafka::wire::meaning(code));
        match code {
            // A right that is not granted is an answer.
            29 => gathered.unresolved(format!("producers of {topic}"), why),
            _ => gathered.failed(format!("producers of {topic}"), why),
        }
    }
}

fn tell(
    told: &Told,
    before: Option<&BTreeMap<(Part, i64), Wrote>>,
    cluster: &Cluster,
    known: &Known,
    gathered: &mut Gathered,
) {
    let mut commits: BTreeMap<i64, BTreeSet<i32>> = BTreeMap::new();
    let mut written: BTreeMap<i64, BTreeMap<&Arc<str>, bool>> = BTreeMap::new();
    for ((part, producer), wrote) in &told.wrote {
        if *part.topic == *OFFSETS {
            commits.entry(*producer).or_default().insert(part.partition);
            continue;
        }
        // What was not there in the round before came since; at the first round nothing is known of before.
        let moves = before.is_some_and(|before| before.get(&(part.clone(), *producer)) != Some(wrote));
        *written.entry(*producer).or_default().entry(&part.topic).or_default() |= moves;
    }
    let connectors = known.named(connect::NAME);
    let (none, mut alone, mut named) = (BTreeSet::new(), 0, BTreeSet::new());
    for transaction in &told.transactions {
        named.insert(transaction.producer);
        let Some(topics) = written.get(&transaction.producer) else { continue };
        if cluster.is_own_transaction(&transaction.id) {
            continue;
        }
        let commits = commits.get(&transaction.producer).unwrap_or(&none);
        let owner = told.groups.owner(&transaction.id, commits, &connectors.keys().cloned().collect());
        let job = match &owner {
            Owner::Group(group) => {
                let job = job_of(cluster, group);
                gathered.job(facts(
                    &job,
                    "consumer-group",
                    told.states.get(group).map_or("", String::as_str),
                    &transaction.id,
                ));
                job
            }
            Owner::Connector(name) => match connectors.get(name) {
                Some(job) => job.clone(),
                None => continue,
            },
            Owner::Itself => {
                alone += 1;
                if alone > ALONE_MAX {
                    continue;
                }
                let job = cluster.job(format!("transaction:{}", transaction.id));
                gathered.job(facts(&job, "transactional-producer", &transaction.state, &transaction.id));
                job
            }
        };
        let by = || detail([("transactional_id", &transaction.id), ("producer_id", &transaction.producer.to_string())]);
        for (topic, _) in topics.iter().filter(|(_, moves)| **moves) {
            gathered.saw(&job, &cluster.topic(topic), Evidence::Observed, WROTE, by());
        }
    }
    if alone > ALONE_MAX {
        let why = format!("of {alone} that are no group's, {ALONE_MAX} are told");
        gathered.unresolved("transactional ids", why);
    }
    let nameless =
        written.iter().filter(|(producer, topics)| !named.contains(*producer) && topics.values().any(|m| *m));
    let nameless: BTreeSet<&Arc<str>> = nameless.flat_map(|(_, topics)| topics.keys().copied()).collect();
    for topic in nameless {
        let why = "a producer without transactional id writes it, and Kafka knows no name of it";
        gathered.unresolved(format!("who writes {topic}"), why);
    }
}

fn facts(job: &Node, kind: &str, state: &str, id: &str) -> JobFacts {
    JobFacts {
        node: job.clone(),
        kind: kind.into(),
        state: state.into(),
        description: None,
        detail: detail([("transactional_id", id)]),
    }
}
