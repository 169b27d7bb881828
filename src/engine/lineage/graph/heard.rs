//! What OpenLineage events of others say of edges: runs were seen, what jobs and datasets say of themselves is declared.

use crate::engine::event::lineage::speaker::PRODUCER;
use crate::engine::lineage::claim::{Claimant, Look};
use crate::engine::lineage::graph::{Before, Change, Graph, TOLD};
use crate::engine::lineage::node::{Edge, Node};
use crate::engine::lineage::sighting::{Evidence, JobFacts, Sighting, Unresolved};
use crate::engine::lineage::statement::{About, Statement, Thing};
use crate::engine::lineage::told::Told;
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

impl Graph {
    /// Takes an event in; what changed by it. Times are ours: an event of last week that comes now is news.
    ///
    /// A run's inputs and outputs were seen (`observed`), for a while as runs are. A JobEvent's are `declared`, and stand until
    /// the next one of that job; so are a DatasetEvent's inputs by its `lineage` facet. The steward's own events say nothing new.
    pub fn hear(&mut self, statement: &Statement, now_ms: i64) -> Vec<Change> {
        if statement.producer == PRODUCER {
            return Vec::new();
        }
        let mut before = Before::default();
        let mut edges: BTreeSet<Edge> = BTreeSet::new();
        let evidence = match &statement.about {
            About::Run { job, .. } | About::Job(job) => {
                edges.extend(statement.inputs.iter().map(|input| edge(&input.node, &job.node)));
                edges.extend(statement.outputs.iter().map(|output| edge(&job.node, &output.node)));
                edges.extend(by_entries(job));
                self.see_job(TOLD, facts(job, &statement.about), now_ms, &mut before);
                if matches!(statement.about, About::Run { .. }) { Evidence::Observed } else { Evidence::Declared }
            }
            About::Dataset(dataset) => {
                edges.extend(explicit(dataset));
                Evidence::Declared
            }
        };
        for edge in &edges {
            let (from, to) = (edge.from.clone(), edge.to.clone());
            let sighting = Sighting { from, to, evidence, confidence: 1.0, detail: detail(statement) };
            if super::is_sound(TOLD, &sighting).is_ok() {
                self.see(TOLD, edge.clone(), sighting, now_ms, &mut before);
            }
        }
        match &statement.about {
            About::Job(job) => self.withdraw(&job.node, &edges, now_ms, &mut before),
            About::Dataset(dataset) if dataset.facets.contains_key("lineage") => {
                self.withdraw(&dataset.node, &edges, now_ms, &mut before);
            }
            _ => {}
        }
        self.told.hear(statement, now_ms);
        self.changes(before, now_ms)
    }

    /// How far topics are read that others write events to: next to read, by topic and partition.
    pub fn read_to(&self) -> &BTreeMap<(String, i32), i64> {
        &self.read_to
    }

    /// A partition was read so far; `None`: nobody knows.
    pub fn read(&mut self, topic: &str, partition: i32, next: Option<i64>) {
        match next {
            Some(next) => drop(self.read_to.insert((topic.to_owned(), partition), next)),
            None => drop(self.read_to.remove(&(topic.to_owned(), partition))),
        }
    }

    /// How far every catalog was sent lineage events, by address, topic and partition.
    pub fn all_sent_to(&self) -> &BTreeMap<(String, String, i32), i64> {
        &self.sent_to
    }

    /// How far this catalog was sent a topic: next to send of each partition.
    pub fn sent_to<'g>(&'g self, url: &'g str, topic: &'g str) -> impl Iterator<Item = (i32, i64)> + 'g {
        let of_it = self.sent_to.iter().filter(move |((to, of, _), _)| to == url && of == topic);
        of_it.map(|((_, _, partition), next)| (*partition, *next))
    }

    /// A catalog was sent a partition so far; `None`: nobody knows.
    pub fn sent(&mut self, url: &str, topic: &str, partition: i32, next: Option<i64>) {
        let key = (url.to_owned(), topic.to_owned(), partition);
        match next {
            Some(next) => drop(self.sent_to.insert(key, next)),
            None => drop(self.sent_to.remove(&key)),
        }
    }

    /// How reading events of others goes: when, and what was none.
    pub fn read_round(&mut self, unresolved: Vec<Unresolved>, now_ms: i64) {
        let unresolved_total = unresolved.len();
        let unresolved = unresolved.into_iter().take(super::UNRESOLVED_MAX).collect();
        let look = Look { at_ms: now_ms, complete: true, unresolved, unresolved_total, error: None };
        self.looks.insert(TOLD.to_owned(), look);
    }

    pub fn told(&self) -> &Told {
        &self.told
    }

    pub(in crate::engine::lineage) fn told_mut(&mut self) -> &mut Told {
        &mut self.told
    }

    /// What the node declared before and does not any more. A dataset declares what flows into it.
    fn withdraw(&mut self, node: &Node, named: &BTreeSet<Edge>, now_ms: i64, before: &mut Before) {
        let claimant = Claimant { evidence: Evidence::Declared, collector: TOLD.to_owned() };
        let into = self.sources_of(node).map(|from| edge(from, node));
        let out = self.targets_of(node).filter(|_| !node.is_dataset()).map(|to| edge(node, to));
        let mine: Vec<Edge> = into.chain(out).filter(|edge| !named.contains(edge)).collect();
        let holds = |edge: &Edge| self.claims(edge).and_then(|claims| claims.get(&claimant)).is_some_and(|c| c.holds());
        let ended = mine.into_iter().filter(holds).map(|edge| (edge, claimant.clone())).collect();
        self.end(ended, now_ms, before);
    }
}

fn edge(from: &Node, to: &Node) -> Edge {
    Edge { from: from.clone(), to: to.clone() }
}

/// By the facet `lineage` of a dataset.
fn explicit(dataset: &Thing) -> Vec<Edge> {
    let inputs = dataset.facets.get("lineage").and_then(|facet| facet["inputs"].as_array());
    let input = |input: &Value| {
        let (namespace, name) = (input["namespace"].as_str()?, input["name"].as_str()?);
        let node = match input["type"].as_str() {
            Some("JOB") => Node::job(namespace, name),
            _ => Node::dataset(namespace, name),
        };
        Some(edge(&node, &dataset.node))
    };
    inputs.into_iter().flatten().filter_map(input).collect()
}

/// By the facet `lineage` of a job, which some clients write instead of inputs and outputs.
fn by_entries(job: &Thing) -> Vec<Edge> {
    let dataset = |value: &Value| match value["type"].as_str() {
        Some("JOB") => None,
        _ => Some(Node::dataset(value["namespace"].as_str()?, value["name"].as_str()?)),
    };
    let mut edges = Vec::new();
    for entry in job.facets.get("lineage").and_then(|facet| facet["entries"].as_array()).into_iter().flatten() {
        edges.extend(dataset(entry).map(|output| edge(&job.node, &output)));
        let inputs = entry["inputs"].as_array().into_iter().flatten().filter_map(dataset);
        edges.extend(inputs.map(|input| edge(&input, &job.node)));
    }
    edges
}

fn facts(job: &Thing, about: &About) -> JobFacts {
    let text = |facet: &str, key: &str| job.facets.get(facet)?.get(key)?.as_str().map(str::to_owned);
    let integration = text("jobType", "integration").map(|integration| integration.to_lowercase());
    JobFacts {
        node: job.node.clone(),
        kind: integration.unwrap_or_else(|| TOLD.to_owned()),
        state: match about {
            About::Run { state, .. } => (*state).to_owned(),
            _ => "DECLARED".to_owned(),
        },
        description: text("documentation", "description"),
        detail: BTreeMap::new(),
    }
}

fn detail(statement: &Statement) -> BTreeMap<String, String> {
    let mut detail = BTreeMap::from([("producer".to_owned(), statement.producer.clone())]);
    if let About::Run { run, state, .. } = &statement.about {
        detail.insert("run".to_owned(), run.clone());
        detail.insert("state".to_owned(), (*state).to_owned());
    }
    detail
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::lineage::graph::Limits;
    use crate::engine::lineage::names::Aliases;
    use crate::engine::lineage::statement::read;
    use serde_json::json;

    fn hear(graph: &mut Graph, event: Value) -> Vec<Change> {
        graph.hear(&read(event, &Aliases::default()).expect("an event"), 1_000)
    }

    fn about_job(inputs: &[&str], run: bool) -> Value {
        let inputs: Vec<Value> = inputs.iter().map(|name| json!({"namespace": "n", "name": name})).collect();
        let mut event = json!({
            "eventTime": "2020-01-01T00:00:00Z",
            "job": {"namespace": "n", "name": "J", "facets": {"jobType": {"integration": "SPARK"}}},
            "inputs": inputs,
            "outputs": [{"namespace": "n", "name": "out"}],
        });
        if run {
            event["run"] = json!({"runId": "0190a5f0-0000-7000-8000-000000000001"});
            event["eventType"] = json!("COMPLETE");
        }
        event
    }

    fn holding(graph: &Graph, evidence: Evidence) -> Vec<String> {
        graph.edges_holding(evidence).map(|(edge, _)| format!("{}>{}", edge.from.name(), edge.to.name())).collect()
    }

    #[test]
    fn a_run_was_seen_and_what_a_job_says_of_itself_is_declared_until_it_says_otherwise() {
        let mut graph = Graph::new(Limits::default());
        hear(&mut graph, about_job(&["a"], true));
        hear(&mut graph, about_job(&["b"], true));
        assert_eq!(holding(&graph, Evidence::Observed), ["a>J", "b>J", "J>out"]);
        assert_eq!(
            graph.job(&Node::job("n", "J")).map(|job| (job.facts.kind.as_str(), job.facts.state.as_str())),
            Some(("spark", "COMPLETED"))
        );
        hear(&mut graph, about_job(&["a", "c"], false));
        assert_eq!(holding(&graph, Evidence::Declared), ["a>J", "c>J", "J>out"]);
        let changes = hear(&mut graph, about_job(&["a"], false));
        assert_eq!(changes, [Change::Ended(edge(&Node::dataset("n", "c"), &Node::job("n", "J")))]);
        assert_eq!(holding(&graph, Evidence::Observed), ["a>J", "b>J", "J>out"], "what was seen was seen");
    }

    #[test]
    fn a_dataset_names_its_inputs_by_its_lineage_facet_and_replaces_them() {
        let mut graph = Graph::new(Limits::default());
        let event = |inputs: Value| {
            json!({
                "eventTime": "2020-01-01T00:00:00Z",
                "dataset": {"namespace": "n", "name": "d", "facets": {"lineage": {"inputs": inputs}}},
            })
        };
        hear(&mut graph, event(json!([{"namespace": "n", "name": "a", "type": "DATASET"}])));
        assert_eq!(holding(&graph, Evidence::Declared), ["a>d"]);
        hear(&mut graph, event(json!([{"namespace": "n", "name": "b", "type": "DATASET"}])));
        assert_eq!(holding(&graph, Evidence::Declared), ["b>d"]);
        let silent = json!({"eventTime": "2020-01-01T00:00:00Z", "dataset": {"namespace": "n", "name": "d"}});
        hear(&mut graph, silent);
        assert_eq!(holding(&graph, Evidence::Declared), ["b>d"], "who says nothing withdraws nothing");
    }

    #[test]
    fn a_job_that_tells_of_itself_forbids_no_other() {
        let mut graph = Graph::new(Limits { declared_grace_ms: 0, ..Limits::default() });
        hear(&mut graph, about_job(&["a"], false));
        let mut other = about_job(&["a"], true);
        other["job"]["name"] = json!("K");
        hear(&mut graph, other);
        assert!(graph.contradictions().is_empty(), "{:?}", graph.contradictions());
    }

    #[test]
    fn the_stewards_own_events_say_nothing_new() {
        let mut graph = Graph::new(Limits::default());
        let mut event = about_job(&["a"], true);
        event["producer"] = json!(PRODUCER);
        assert_eq!(hear(&mut graph, event), []);
        assert!(graph.edges().is_empty() && graph.told().nodes().is_empty());
    }
}
