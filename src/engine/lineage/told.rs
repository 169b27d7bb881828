//! What OpenLineage events told beside edges: facets of datasets and jobs, runs, and the events themselves.

use crate::engine::lineage::names;
use crate::engine::lineage::node::Node;
use crate::engine::lineage::statement::{About, Statement, Thing};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use std::collections::BTreeMap;
use std::sync::Arc;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Told {
    nodes: BTreeMap<Node, Arc<Described>>,
    events: BTreeMap<EventId, Arc<Value>>,
}

/// Events in the order of their time.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct EventId {
    pub event_ms: i64,
    /// A hash of the event, so that a repeat is one.
    pub hash: String,
}

/// A dataset or job as events described it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Described {
    pub created_ms: i64,
    pub updated_ms: i64,
    /// The last of each name.
    #[serde(default)]
    pub facets: Map<String, Value>,
    /// Of a job, the last to begin first.
    #[serde(default)]
    pub runs: Vec<Run>,
}

#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Run {
    pub id: String,
    /// Marquez' word.
    pub state: String,
    pub created_ms: i64,
    pub updated_ms: i64,
    pub started_ms: Option<i64>,
    pub ended_ms: Option<i64>,
    #[serde(default)]
    pub facets: Map<String, Value>,
}

/// 2,000 nodes at 16 KiB are 32 MB at most, mostly a tenth of it; the one that was told longest ago goes first.
const NODES_MAX: usize = 2_000;
const FACETS_BYTES: usize = 16 * 1024;
const RUNS_MAX: usize = 20;
const RUN_FACETS_BYTES: usize = 2 * 1024;
/// 500 events at 16 KiB are 8 MB; the oldest goes first.
const EVENTS_MAX: usize = 500;
const EVENT_BYTES: usize = 16 * 1024;

impl Told {
    pub fn hear(&mut self, statement: &Statement, now_ms: i64) {
        let Statement { event_ms, about, inputs, outputs, event, .. } = statement;
        match about {
            About::Run { job, run, state, facets } => {
                self.describe(job, now_ms, |job| job.see_run(run, state, facets, *event_ms));
            }
            About::Job(thing) | About::Dataset(thing) => self.describe(thing, now_ms, |_| {}),
        }
        for thing in inputs.iter().chain(outputs) {
            self.describe(thing, now_ms, |_| {});
        }
        if event.is_null() {
            return self.bound(); // a run was created, which is no event
        }
        let text = event.to_string();
        let id = EventId { event_ms: *event_ms, hash: names::uuid(&[&text]) };
        let event = if text.len() > EVENT_BYTES { without_facets(event) } else { event.clone() };
        if event.to_string().len() <= EVENT_BYTES {
            self.events.insert(id, Arc::new(event));
        }
        self.bound();
    }

    fn describe(&mut self, thing: &Thing, now_ms: i64, edit: impl FnOnce(&mut Described)) {
        let known = self.nodes.entry(thing.node.clone()).or_default();
        let described = Arc::make_mut(known);
        if described.created_ms == 0 {
            described.created_ms = now_ms;
        }
        described.updated_ms = described.updated_ms.max(now_ms);
        for (name, facet) in &thing.facets {
            match facet.get("_deleted") == Some(&Value::Bool(true)) {
                true => drop(described.facets.remove(name)),
                false => drop(described.facets.insert(name.clone(), facet.clone())),
            }
        }
        keep(&mut described.facets, FACETS_BYTES);
        edit(described);
    }

    fn bound(&mut self) {
        while self.events.len() > EVENTS_MAX {
            self.events.pop_first();
        }
        while self.nodes.len() > NODES_MAX {
            let oldest =
                self.nodes.iter().min_by_key(|(_, described)| described.updated_ms).map(|(node, _)| node.clone());
            oldest.map(|node| self.nodes.remove(&node));
        }
    }

    pub fn nodes(&self) -> &BTreeMap<Node, Arc<Described>> {
        &self.nodes
    }

    /// The oldest first.
    pub fn events(&self) -> &BTreeMap<EventId, Arc<Value>> {
        &self.events
    }

    pub fn restore_node(&mut self, node: Node, described: Option<Described>) {
        match described {
            Some(described) => drop(self.nodes.insert(node, Arc::new(described))),
            None => drop(self.nodes.remove(&node)),
        }
        self.bound();
    }

    pub fn restore_event(&mut self, id: EventId, event: Option<Value>) {
        match event {
            Some(event) => drop(self.events.insert(id, Arc::new(event))),
            None => drop(self.events.remove(&id)),
        }
        self.bound();
    }
}

/// Marquez' word for a run that was created and does not run yet.
const NEW: &str = "NEW";

impl Described {
    fn see_run(&mut self, id: &str, state: &str, facets: &Map<String, Value>, event_ms: i64) {
        let at = self.runs.iter().position(|run| run.id == id).unwrap_or_else(|| {
            self.runs
                .insert(0, Run { id: id.to_owned(), created_ms: event_ms, updated_ms: i64::MIN, ..Run::default() });
            0
        });
        let run = &mut self.runs[at];
        run.created_ms = run.created_ms.min(event_ms);
        if state != NEW {
            run.started_ms = Some(run.started_ms.map_or(event_ms, |started| started.min(event_ms)));
        }
        run.facets.extend(facets.iter().map(|(name, facet)| (name.clone(), facet.clone())));
        keep(&mut run.facets, RUN_FACETS_BYTES);
        let terminal = matches!(state, "COMPLETED" | "FAILED" | "ABORTED");
        if terminal {
            run.ended_ms = Some(event_ms);
        }
        // An event that comes late says nothing of how the run stands.
        if event_ms >= run.updated_ms && (terminal || run.ended_ms.is_none()) {
            run.state = state.to_owned();
        }
        run.updated_ms = run.updated_ms.max(event_ms);
        self.runs.sort_by(|a, b| b.created_ms.cmp(&a.created_ms).then_with(|| b.id.cmp(&a.id)));
        self.runs.truncate(RUNS_MAX);
    }
}

/// What people look for first; what is too large goes from the back.
const FIRST: [&str; 8] =
    ["schema", "columnLineage", "ownership", "documentation", "jobType", "lineage", "dataSource", "symlinks"];

fn keep(facets: &mut Map<String, Value>, mut left: usize) {
    let rank = |name: &str| FIRST.iter().position(|first| *first == name).unwrap_or(FIRST.len());
    let mut names: Vec<String> = facets.keys().cloned().collect();
    names.sort_by_key(|name| rank(name));
    for name in names {
        let bytes = name.len() + facets.get(&name).map_or(0, |facet| facet.to_string().len()) + 4;
        match left.checked_sub(bytes) {
            Some(rest) => left = rest,
            None => drop(facets.remove(&name)),
        }
    }
}

/// Names alone.
fn without_facets(event: &Value) -> Value {
    let mut event = event.clone();
    for place in ["/run", "/job", "/dataset"] {
        if let Some(thing) = event.pointer_mut(place) {
            thing["facets"] = Value::Object(Map::new());
        }
    }
    for (side, facets) in [("inputs", "inputFacets"), ("outputs", "outputFacets")] {
        for thing in event[side].as_array_mut().into_iter().flatten() {
            thing["facets"] = Value::Object(Map::new());
            thing[facets] = Value::Object(Map::new());
        }
    }
    event
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::lineage::names::Aliases;
    use crate::engine::lineage::statement;
    use serde_json::json;

    fn told(events: &[Value]) -> Told {
        let mut told = Told::default();
        for event in events {
            told.hear(&statement::read(event.clone(), &Aliases::default()).expect("an event"), 1_000);
        }
        told
    }

    fn run(state: &str, second: u32, facets: Value) -> Value {
        json!({
            "eventTime": format!("2026-11-24T10:00:{second:02}Z"),
            "eventType": state,
            "run": {"runId": "0190a5f0-0000-7000-8000-000000000001"},
            "job": {"namespace": "n", "name": "j", "facets": facets},
        })
    }

    #[test]
    fn a_run_stands_as_its_last_event_says_in_whatever_order_they_come() {
        let (start, complete) = (run("START", 1, json!({})), run("COMPLETE", 9, json!({})));
        for events in [[start.clone(), complete.clone()], [complete, start]] {
            let told = told(&events);
            let runs = &told.nodes()[&Node::job("n", "j")].runs;
            let seen: Vec<_> = runs.iter().map(|run| (run.state.as_str(), run.ended_ms, run.started_ms)).collect();
            assert_eq!(seen, [("COMPLETED", Some(1_795_514_409_000), Some(1_795_514_401_000))]);
            assert_eq!(told.events().len(), 2);
        }
    }

    #[test]
    fn a_facet_takes_the_place_of_the_one_before_and_goes_when_it_is_deleted() {
        let check = |second: Value, want: Value| {
            let told =
                told(&[run("START", 1, json!({"sql": {"query": "a"}})), run("RUNNING", 2, json!({"sql": second}))]);
            assert_eq!(json!(told.nodes()[&Node::job("n", "j")].facets), want);
        };
        check(json!({"query": "b"}), json!({"sql": {"query": "b"}}));
        check(json!({"_deleted": true}), json!({}));
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let large = json!({"plan": {"text": "x".repeat(20_000)}, "schema": {"fields": []}});
        let told = told(&[run("START", 1, large)]);
        assert_eq!(json!(told.nodes()[&Node::job("n", "j")].facets), json!({"schema": {"fields": []}}));
        let (_, event) = told.events().iter().next().expect("the event");
        assert_eq!(event["job"], json!({"namespace": "n", "name": "j", "facets": {}}));
        let many: Vec<Value> = (0..700)
            .map(|i| {
                let mut event = run("START", i % 60, json!({}));
                event["run"]["runId"] = names::uuid(&[&i.to_string()]).into();
                event
            })
            .collect();
        let told = self::told(&many);
        assert_eq!((told.events().len(), told.nodes()[&Node::job("n", "j")].runs.len()), (EVENTS_MAX, RUNS_MAX));
    }
}
