//! The graph as a compacted log holds it: one record for each claim, each job and each collector, JSON in key and value.
//!
//! Claims of one edge stand apart, since several workers write: whose word it is belongs to the key, and two words under
//! one key merge. What only moved on, such as a lag, is written again after a while.

use crate::engine::lineage::claim::{Claim, Claimant, KnownJob, Look};
use crate::engine::lineage::content::column::Column;
use crate::engine::lineage::contradiction::Contradiction;
use crate::engine::lineage::graph::Graph;
use crate::engine::lineage::node::{Edge, Node};
use crate::engine::lineage::sighting::Evidence;
use crate::engine::lineage::told::{EventId, Told};
use crate::engine::lineage::trail::Trail;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

/// A record's key, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum Key {
    Edge {
        from: Node,
        to: Node,
        evidence: Evidence,
        collector: String,
    },
    Job {
        node: Node,
        collector: String,
    },
    Collector {
        collector: String,
    },
    /// What OpenLineage events told of a dataset or job.
    Told {
        node: Node,
    },
    /// An OpenLineage event of others.
    Event {
        id: EventId,
    },
    /// How far a topic is read that others write events to.
    Read {
        topic: String,
        partition: i32,
    },
    /// What a task sampled of records' headers, until the one that leads has taken it up.
    Trail {
        task: String,
    },
    /// What a task gathered of a topic's column, likewise.
    Sketch {
        task: String,
        topic: String,
        column: String,
    },
    /// What is declared and what is seen disagree, and which incidents were opened for it.
    Contradiction {
        contradiction: Contradiction,
    },
    /// How far a catalog was sent lineage events over HTTP.
    Sent {
        url: String,
        topic: String,
        partition: i32,
    },
}

/// Key and value; `None` deletes the key.
pub type Record = (String, Option<Vec<u8>>);

/// A lag that moved, and a collector's round, are written again after so long: a hundred edges are a kilobyte a second.
const MOVED_MS: i64 = 60_000;
/// That it is still seen is written so often: a quarter of an hour is little of a day, after which it would have ended.
const SEEN_MS: i64 = 15 * 60_000;

impl Graph {
    /// Takes a record in; what another version wrote in another shape says nothing here.
    pub fn restore(&mut self, key: &[u8], value: Option<&[u8]>) {
        let Ok(key) = serde_json::from_slice::<Key>(key) else { return };
        match (key, value) {
            (Key::Edge { from, to, evidence, collector }, value) => {
                let (edge, claimant) = (Edge { from, to }, Claimant { evidence, collector });
                match value {
                    None => self.forget_claim(&edge, &claimant),
                    Some(value) => {
                        read(value)
                            .into_iter()
                            .for_each(|claim| self.restore_claim(edge.clone(), claimant.clone(), claim));
                    }
                }
            }
            (Key::Job { node, collector }, None) => self.forget_job(&node, &collector),
            (Key::Job { collector, .. }, Some(value)) => {
                read(value).into_iter().for_each(|job| self.restore_job(collector.clone(), job));
            }
            (Key::Collector { collector }, None) => self.forget_look(&collector),
            (Key::Told { node }, value) => match value.map(read) {
                None => self.told_mut().restore_node(node, None),
                Some(Some(described)) => self.told_mut().restore_node(node, Some(described)),
                Some(None) => {}
            },
            (Key::Event { id }, value) => match value.map(read) {
                None => self.told_mut().restore_event(id, None),
                Some(Some(event)) => self.told_mut().restore_event(id, Some(event)),
                Some(None) => {}
            },
            (Key::Trail { .. } | Key::Sketch { .. }, _) => {}
            (Key::Contradiction { contradiction }, value) => match value.map(read) {
                None => self.restore_contradiction(contradiction, None),
                Some(Some(standing)) => self.restore_contradiction(contradiction, Some(standing)),
                Some(None) => {}
            },
            (Key::Read { topic, partition }, value) => self.read(&topic, partition, value.and_then(read)),
            (Key::Sent { url, topic, partition }, value) => self.sent(&url, &topic, partition, value.and_then(read)),
            (Key::Collector { collector }, Some(value)) => {
                read(value).into_iter().for_each(|look| self.restore_look(collector.clone(), look));
            }
        }
    }
}

/// What is to be written, so that a log which holds `stored` holds `live`.
pub fn differences(stored: &Graph, live: &Graph) -> Vec<Record> {
    let mut records = Vec::new();
    for (edge, claims) in live.edges() {
        let old = stored.claims(edge);
        for (claimant, claim) in claims {
            if old.and_then(|old| old.get(claimant)).is_none_or(|old| is_news(old, claim)) {
                records.push((edge_key(edge, claimant), write(claim)));
            }
        }
    }
    for (edge, claims) in stored.edges() {
        let new = live.claims(edge);
        let gone = claims.keys().filter(|claimant| new.is_none_or(|new| !new.contains_key(claimant)));
        records.extend(gone.map(|claimant| (edge_key(edge, claimant), None)));
    }
    for ((node, collector), job) in live.jobs() {
        if stored.jobs().get(&(node.clone(), collector.clone())).is_none_or(|old| is_news_of_job(old, job)) {
            records.push((job_key(node, collector), write(job)));
        }
    }
    let gone = stored.jobs().keys().filter(|key| !live.jobs().contains_key(key));
    records.extend(gone.map(|(node, collector)| (job_key(node, collector), None)));
    for (collector, look) in live.looks() {
        if stored.looks().get(collector).is_none_or(|old| is_news_of_look(old, look)) {
            records.push((text(&Key::Collector { collector: collector.clone() }), write(look)));
        }
    }
    told(stored.told(), live.told(), &mut records);
    for ((topic, partition), next) in live.read_to() {
        if stored.read_to().get(&(topic.clone(), *partition)) != Some(next) {
            records.push((text(&Key::Read { topic: topic.clone(), partition: *partition }), write(next)));
        }
    }
    for ((url, topic, partition), next) in live.all_sent_to() {
        if stored.all_sent_to().get(&(url.clone(), topic.clone(), *partition)) != Some(next) {
            let key = Key::Sent { url: url.clone(), topic: topic.clone(), partition: *partition };
            records.push((text(&key), write(next)));
        }
    }
    records
}

pub fn trail_key(task: &str) -> String {
    text(&Key::Trail { task: task.to_owned() })
}

pub fn trail(value: &[u8]) -> Option<Trail> {
    read(value)
}

pub fn sketch_key(task: &str, topic: &str, column: &str) -> String {
    text(&Key::Sketch { task: task.to_owned(), topic: topic.to_owned(), column: column.to_owned() })
}

/// A column's sketch as it is written: one version byte, then postcard. It moves with what is hashed, and how.
const SKETCH_VERSION: u8 = 1;

pub fn sketched(column: &Column) -> Vec<u8> {
    // Numbers and flags: writing them has no failure of its own.
    postcard::to_extend(column, vec![SKETCH_VERSION]).unwrap_or_default()
}

/// `None`: another version wrote it.
pub fn sketch(value: &[u8]) -> Option<Column> {
    let body = value.strip_prefix(&[SKETCH_VERSION])?;
    postcard::from_bytes(body).ok()
}

/// What a task says to the one that collects, which deletes it when it is taken up.
pub enum Sample {
    Trail,
    Sketch { topic: String, column: String },
}

pub fn sample(key: &[u8]) -> Option<Sample> {
    match serde_json::from_slice(key) {
        Ok(Key::Trail { .. }) => Some(Sample::Trail),
        Ok(Key::Sketch { topic, column, .. }) => Some(Sample::Sketch { topic, column }),
        _ => None,
    }
}

/// Whether the one that leads is alone in writing it, and knows it better than the log, in which its own words of a turn ago stand.
pub fn is_leaders(key: &[u8]) -> bool {
    let key = serde_json::from_slice(key);
    matches!(key, Ok(Key::Read { .. } | Key::Sent { .. } | Key::Contradiction { .. }))
}

/// What is to be written of contradictions, by the one that leads, with the events of their incidents.
pub fn contradictions(stored: &Graph, live: &Graph) -> Vec<Record> {
    let key = |found: &Contradiction| text(&Key::Contradiction { contradiction: found.clone() });
    let (old, new) = (stored.contradictions(), live.contradictions());
    let news = new.iter().filter(|(found, standing)| old.get(*found) != Some(*standing));
    let gone = old.keys().filter(|found| !new.contains_key(*found));
    news.map(|(found, standing)| (key(found), write(standing))).chain(gone.map(|found| (key(found), None))).collect()
}

fn told(stored: &Told, live: &Told, records: &mut Vec<Record>) {
    let node_key = |node: &Node| text(&Key::Told { node: node.clone() });
    let event_key = |id: &EventId| text(&Key::Event { id: id.clone() });
    let nodes = live.nodes().iter().filter(|(node, described)| stored.nodes().get(*node) != Some(*described));
    records.extend(nodes.map(|(node, described)| (node_key(node), write(&**described))));
    let gone = stored.nodes().keys().filter(|node| !live.nodes().contains_key(*node));
    records.extend(gone.map(|node| (node_key(node), None)));
    let events = live.events().iter().filter(|(id, _)| !stored.events().contains_key(*id));
    records.extend(events.map(|(id, event)| (event_key(id), write(&**event))));
    let gone = stored.events().keys().filter(|id| !live.events().contains_key(*id));
    records.extend(gone.map(|id| (event_key(id), None)));
}

fn is_news(old: &Claim, new: &Claim) -> bool {
    let moved = |c: &Claim| (c.first_seen_ms, c.ended_ms, c.confidence.to_bits());
    moved(old) != moved(new) || has_waited(old.last_seen_ms, new.last_seen_ms, old.detail != new.detail)
}

fn is_news_of_job(old: &KnownJob, new: &KnownJob) -> bool {
    let fixed = |job: &KnownJob| {
        let facts = &job.facts;
        (
            job.first_seen_ms,
            job.begun_ms,
            job.ended_ms,
            facts.state.clone(),
            facts.kind.clone(),
            facts.description.clone(),
        )
    };
    fixed(old) != fixed(new) || has_waited(old.last_seen_ms, new.last_seen_ms, old.facts.detail != new.facts.detail)
}

fn is_news_of_look(old: &Look, new: &Look) -> bool {
    let differs = old.unresolved != new.unresolved;
    old.complete != new.complete || old.error != new.error || has_waited(old.at_ms, new.at_ms, differs)
}

fn has_waited(old_ms: i64, new_ms: i64, moved: bool) -> bool {
    new_ms - old_ms >= if moved { MOVED_MS } else { SEEN_MS }
}

fn edge_key(edge: &Edge, claimant: &Claimant) -> String {
    let Edge { from, to } = edge.clone();
    text(&Key::Edge { from, to, evidence: claimant.evidence, collector: claimant.collector.clone() })
}

fn job_key(node: &Node, collector: &str) -> String {
    text(&Key::Job { node: node.clone(), collector: collector.to_owned() })
}

fn text(key: &Key) -> String {
    // Plain structs with text keys have no failure of their own.
    serde_json::to_string(key).unwrap_or_default()
}

fn write(value: &impl Serialize) -> Option<Vec<u8>> {
    Some(serde_json::to_vec(value).unwrap_or_default())
}

fn read<T: DeserializeOwned>(value: &[u8]) -> Option<T> {
    serde_json::from_slice(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::lineage::graph::Limits;
    use crate::engine::lineage::sighting::{JobFacts, Round, Sighting, Unresolved};

    const LIMITS: Limits =
        Limits { edges_max: 10, ttl_ms: 1 << 40, told_ttl_ms: 1 << 40, keep_ended_ms: 1_000, declared_grace_ms: 50 };

    fn round(at_ms: i64, edges: &[&str], lag: &str) -> Round {
        let job = Node::job("c", "sink");
        let sighting = |name: &&str| Sighting {
            from: Node::dataset("kafka://b", *name),
            to: job.clone(),
            evidence: Evidence::Configured,
            confidence: 0.5,
            detail: [("lag_records".to_owned(), lag.to_owned())].into(),
        };
        let (kind, state) = ("kafka-connect".into(), "RUNNING".into());
        Round {
            collector: "connect".into(),
            at_ms,
            complete: true,
            sightings: edges.iter().map(sighting).collect(),
            jobs: vec![JobFacts { node: job.clone(), kind, state, description: None, detail: Default::default() }],
            unresolved: vec![Unresolved { what: "x".into(), why: "y".into() }],
        }
    }

    fn restore(graph: &mut Graph, records: &[Record]) {
        records.iter().for_each(|(key, value)| graph.restore(key.as_bytes(), value.as_deref()));
    }

    #[test]
    fn a_log_holds_the_graph_and_only_what_changed_is_written() {
        let (mut live, mut stored) = (Graph::new(LIMITS), Graph::new(LIMITS));
        let mut check = |what: &str, round: Round, written: usize| {
            live.apply(round);
            let records = differences(&stored, &live);
            assert_eq!(records.len(), written, "{what}: {records:?}");
            restore(&mut stored, &records);
            assert_eq!(differences(&stored, &live), [], "{what}");
        };
        check("two edges, a job, a collector", round(1, &["a", "b"], "0"), 4);
        check("nothing", round(2, &["a", "b"], "0"), 0);
        check("a lag that moves", round(3, &["a", "b"], "7"), 0);
        check("and has moved for a minute", round(60_001, &["a", "b"], "8"), 2);
        check("one ends", round(60_002, &["a"], "8"), 1);
        check("and is forgotten", round(61_002, &["a"], "8"), 1);
        check("a quarter of an hour", round(960_001, &["a"], "8"), 3);
    }

    #[test]
    fn what_a_log_holds_is_the_graph_again() {
        let mut live = Graph::new(LIMITS);
        live.apply(round(1, &["a", "b"], "0"));
        live.apply(round(2, &["a"], "0"));
        live.failed("groups", "no broker");
        live.read("inbox", 1, Some(7));
        live.sent("http://catalog", "events", 2, Some(9));
        let mut again = Graph::new(LIMITS);
        restore(&mut again, &differences(&Graph::new(LIMITS), &live));
        assert_eq!((again.edges(), again.jobs(), again.looks()), (live.edges(), live.jobs(), live.looks()));
        assert_eq!((again.read_to(), again.all_sent_to()), (live.read_to(), live.all_sent_to()));
        assert_eq!(again.sent_to("http://catalog", "events").collect::<Vec<_>>(), [(2, 9)]);
        assert_eq!(again.sent_to("http://another", "events").count(), 0);
    }

    #[test]
    fn what_another_version_wrote_is_left_alone() {
        let mut graph = Graph::new(LIMITS);
        for (key, value) in
            [("", "{}"), ("{\"kind\":\"dream\"}", "{}"), ("{\"kind\":\"collector\",\"collector\":\"x\"}", "7")]
        {
            graph.restore(key.as_bytes(), Some(value.as_bytes()));
        }
        assert!(graph.edges().is_empty() && graph.looks().is_empty());
    }
}
