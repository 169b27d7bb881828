//! Consumer groups of all kinds: who reads what, by committed offsets that move between rounds.
//!
//! A group that holds offsets has read once; that it reads is said only while they move, whether or not it has members (Flink
//! commits without any). Groups of the steward itself are told by its own collector, those of sink connectors by their connector.
//! What Kafka Streams applications write inside of them is `configured`: by the topology that the broker keeps (KIP-1071), or by
//! the names that their topics must have.

pub mod asked; // what brokers say in one round
pub mod internal; // topics that applications make for themselves
pub mod progress; // what moves, and how far behind it is

use crate::discovery::gathered::{Detail, Gathered, detail};
use crate::discovery::groups::asked::{SHARE, STREAMS, Told, ask};
use crate::discovery::groups::internal::{Internal, internal};
use crate::discovery::groups::progress::{Progress, Standing};
use crate::discovery::handle::Handle;
use crate::discovery::known::Known;
use crate::discovery::topic::Cluster;
use crate::engine::lineage::collector::Collector;
use crate::engine::lineage::node::Node;
use crate::engine::lineage::sighting::{Evidence, JobFacts, Round};
use crate::kafka::client::Settings;
use crate::kafka::ffi::others::Group;
use crate::kafka::wire::groups::Topology;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// Whoever resets offsets by hand moves them, too.
const MOVES: f64 = 0.95;
/// The broker keeps the topology that the application runs.
const TOPOLOGY: f64 = 0.95;
/// An application's id and the rule for names; a topic of another origin may have such a name.
const NAMED: f64 = 0.8;
/// Client ids and hosts of a group that are told.
const NAMED_MAX: usize = 10;

pub struct Groups {
    handle: Handle,
    cluster: Cluster,
    known: Arc<Known>,
    progress: Progress,
}

impl Groups {
    pub fn new(settings: Settings, cluster: Cluster, known: Arc<Known>) -> Groups {
        Groups { handle: Handle::new(settings), cluster, known, progress: Progress::default() }
    }
}

impl Collector for Groups {
    fn name(&self) -> &'static str {
        "groups"
    }

    fn collect(&mut self, now_ms: i64) -> Result<Round, String> {
        let cluster = self.cluster.clone();
        let mut gathered = Gathered::default();
        let admin = self.handle.admin().map_err(|fault| fault.message)?;
        let told = ask(admin, &cluster, &mut gathered).map_err(|fault| fault.message)?;
        // Groups of a broker that did not answer may be there all the same.
        if told.all {
            let there: BTreeSet<&str> = told.groups.iter().map(|group| group.id.as_str()).collect();
            self.progress.retain(|group| there.contains(group));
        }
        let standings = self.progress.look(now_ms, &told.committed, &told.ends);
        for group in &told.groups {
            let of_group = standings.range((group.id.clone(), String::new())..);
            let of_group = of_group.take_while(|((id, _), _)| *id == group.id);
            let of_group: Vec<(&str, &Standing)> =
                of_group.map(|((_, topic), standing)| (topic.as_str(), standing)).collect();
            // A connector's group, or a ksqlDB query's, is told by whoever knows the job, and ends with it.
            if self.known.job_of(&group.id).is_some() {
                continue;
            }
            let job = job_of(&cluster, &group.id);
            gathered.job(facts(&cluster, group, &told, &of_group));
            for (topic, standing) in of_group.iter().filter(|(_, standing)| standing.moves) {
                let topic = cluster.topic(topic);
                gathered.saw(&topic, &job, Evidence::Observed, MOVES, lag(group, standing));
            }
            if let Some(topology) = told.topologies.get(&group.id) {
                inside(&cluster, &job, topology, &mut gathered);
            }
        }
        named(&cluster, &self.known, &told, &mut gathered);
        Ok(gathered.round(self.name(), now_ms))
    }
}

/// The job that a group is, where nobody knows better.
pub fn job_of(cluster: &Cluster, group: &str) -> Node {
    cluster.job(format!("group:{group}"))
}

fn facts(cluster: &Cluster, group: &Group, told: &Told, standings: &[(&str, &Standing)]) -> JobFacts {
    let mut more = detail([("group", &group.id), ("type", &group.kind)]);
    let members = told.members.get(&group.id);
    if let Some(members) = members {
        let named = |names: &BTreeSet<String>| names.iter().take(NAMED_MAX).cloned().collect::<Vec<_>>().join(", ");
        more.insert("members".into(), members.count.to_string());
        more.insert("client_ids".into(), named(&members.client_ids));
        more.insert("hosts".into(), named(&members.hosts));
    }
    if let Some(topology) = told.topologies.get(&group.id) {
        more.insert("members".into(), topology.members.to_string());
    }
    let known: Vec<i64> = standings.iter().filter_map(|(_, standing)| standing.lag_records).collect();
    if known.len() == standings.len() && !known.is_empty() {
        more.insert("lag_records".into(), known.iter().sum::<i64>().to_string());
    }
    let kind = match group.kind.as_str() {
        STREAMS => "kafka-streams",
        SHARE => "share-group",
        _ if members.is_some_and(|members| members.assignor == STREAM_ASSIGNOR) => "kafka-streams",
        _ => "consumer-group",
    };
    JobFacts {
        node: job_of(cluster, &group.id),
        kind: kind.into(),
        state: group.state.clone(),
        description: None,
        detail: more,
    }
}

/// `StreamsPartitionAssignor`: all members of a group that share by it are one Kafka Streams application.
const STREAM_ASSIGNOR: &str = "stream";

fn lag(group: &Group, standing: &Standing) -> Detail {
    let mut more = detail([("group", &group.id), ("state", &group.state)]);
    more.extend(standing.lag_records.map(|records| ("lag_records".to_owned(), records.to_string())));
    more.extend(standing.lag_ms.map(|ms| ("lag_seconds".to_owned(), format!("{:.1}", ms as f64 / 1_000.0))));
    more
}

/// What the topology of a streams group says.
fn inside(cluster: &Cluster, job: &Node, topology: &Topology, gathered: &mut Gathered) {
    let by = || detail([("by", "topology"), ("state", &topology.state)]);
    for topic in topology.sources.iter().chain(&topology.repartitions) {
        gathered.saw(&cluster.topic(topic), job, Evidence::Configured, TOPOLOGY, by());
    }
    for topic in topology.changelogs.iter().chain(&topology.repartitions) {
        gathered.saw(job, &cluster.topic(topic), Evidence::Configured, TOPOLOGY, by());
    }
}

/// What Kafka Streams applications of the older protocol write inside of them, by the names of their topics.
fn named(cluster: &Cluster, known: &Known, told: &Told, gathered: &mut Gathered) {
    let streams = told.members.iter().filter(|(_, members)| members.assignor == STREAM_ASSIGNOR);
    let applications: BTreeSet<String> = streams.map(|(group, _)| group.clone()).collect();
    let groups = told.groups.iter().map(|group| group.id.clone()).collect();
    let mut reads: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (group, offsets) in &told.committed {
        reads.insert(group.clone(), offsets.iter().map(|(part, _)| part.topic.to_string()).collect());
    }
    let job_of = |group: &str| known.job_of(group).unwrap_or_else(|| job_of(cluster, group));
    // Where there is none, what topics there are is no matter.
    if applications.is_empty() {
        return;
    }
    for found in internal(&applications, &groups, &cluster.topics(gathered), &reads) {
        let by = || detail([("by", "the name of an internal topic")]);
        match found {
            Internal::Changelog { group, topic } => {
                gathered.saw(&job_of(&group), &cluster.topic(&topic), Evidence::Configured, NAMED, by());
            }
            Internal::Repartition { group, topic } => {
                let (job, topic) = (job_of(&group), cluster.topic(&topic));
                gathered.saw(&job, &topic, Evidence::Configured, NAMED, by());
                gathered.saw(&topic, &job, Evidence::Configured, NAMED, by());
            }
            Internal::Open { topic, groups } => {
                gathered.unresolved(topic, format!("it may be of any of the groups {}", groups.join(", ")));
            }
        }
    }
}
