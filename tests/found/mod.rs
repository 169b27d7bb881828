//! What catalogs are told of jobs that were found: each job as a whole, once when something changed, strictly valid.

use crate::openlineage::Standard;
use crate::{START_MS, header, value, with_speaker};
use mesh_steward::engine::event::envelope::{Event, MAX_VALUE_BYTES};
use mesh_steward::engine::event::lineage::found::{Pattern, events};
use mesh_steward::engine::lineage::graph::{Graph, Limits, OWN_KIND};
use mesh_steward::engine::lineage::names::Aliases;
use mesh_steward::engine::lineage::node::Node;
use mesh_steward::engine::lineage::sighting::{Evidence, JobFacts, Round, Sighting};
use mesh_steward::engine::lineage::statement;
use serde_json::json;
use std::collections::BTreeSet;

const KAFKA: &str = "kafka://broker:9092";

/// Jobs are upper case.
fn node(name: &str) -> Node {
    if name.starts_with(char::is_uppercase) { Node::job("connect", name) } else { Node::dataset(KAFKA, name) }
}

/// What one round tells, `FROM>TO` each.
fn round(collector: &str, at: i64, seen: &[(&str, Evidence)], jobs: &[(&str, &str, &str)]) -> Round {
    let sighting = |(text, evidence): &(&str, Evidence)| {
        let (from, to) = text.split_once('>').expect("FROM>TO");
        let detail = [("lag_records".to_owned(), "7".to_owned())].into();
        Sighting { from: node(from), to: node(to), evidence: *evidence, confidence: 0.9, detail }
    };
    let job = |(name, kind, state): &(&str, &str, &str)| JobFacts {
        node: node(name),
        kind: (*kind).into(),
        state: (*state).into(),
        description: Some("Copies".into()),
        detail: [("owner".to_owned(), "team:order-desk".to_owned())].into(),
    };
    let (sightings, jobs) = (seen.iter().map(sighting).collect(), jobs.iter().map(job).collect());
    let (collector, at_ms) = (collector.into(), START_MS + at);
    Round { collector, at_ms, complete: true, sightings, jobs, unresolved: vec![] }
}

fn told(graph: &mut Graph, round: Round) -> Vec<Event> {
    let now = round.at_ms;
    let changes: BTreeSet<_> = graph.apply(round).into_iter().collect();
    with_speaker(|speaker| events(speaker, graph, &changes, Pattern { every_ms: 10_000 }, now))
}

use Evidence::{Configured, Declared, Inferred, Observed, Permitted};

#[test]
fn every_event_of_what_was_found_keeps_the_standard() {
    let Some(standard) = Standard::read() else { return };
    let check = |what: &str, seen: &[(&str, Evidence)], jobs: &[(&str, &str, &str)], kind: &str| {
        let mut graph = Graph::new(Limits::default());
        let events = told(&mut graph, round("connect", 0, seen, jobs));
        assert_eq!(events.len(), 1, "{what}");
        let event = value(&events[0]);
        assert_eq!(standard.problems(&event), Vec::<String>::new(), "{what}: {event:#}");
        let schema = event["schemaURL"].as_str().unwrap_or_default();
        assert!(schema.ends_with(kind), "{what}: {schema}");
        assert!(events[0].value.len() <= MAX_VALUE_BYTES, "{what}");
    };
    let running: &[_] = &[("J", "kafka-connect", "RUNNING")];
    check("one that runs", &[("a>J", Observed), ("a>J", Configured), ("J>b", Configured)], running, "RunEvent");
    check("one that failed", &[("a>J", Configured)], &[("J", "kafka-connect", "FAILED")], "RunEvent");
    check("one that is paused", &[("a>J", Configured)], &[("J", "kafka-connect", "PAUSED")], "JobEvent");
    check("one that nobody describes", &[("a>J", Permitted)], &[], "JobEvent");
    check("one that was seen and nobody describes", &[("a>J", Observed)], &[], "RunEvent");
    check("one without edges", &[], running, "RunEvent");
    check("a dataset of datasets", &[("a>b", Declared), ("c>b", Inferred)], &[], "DatasetEvent");
    let names: Vec<String> = (0..4_000).map(|i| format!("\u{1}topic-{i}>J")).collect();
    let many: Vec<(&str, Evidence)> = names.iter().map(|name| (name.as_str(), Observed)).collect();
    check("a large one", &many, running, "RunEvent");
}

#[test]
fn a_job_is_told_as_a_whole_when_something_changes_and_not_when_nothing_does() {
    let mut graph = Graph::new(Limits::default());
    let running: &[_] = &[("J", "kafka-connect", "RUNNING")];
    let mut check = |at: i64, seen: &[(&str, Evidence)], jobs: &[(&str, &str, &str)], want: &[(&str, &[&str])]| {
        let events = told(&mut graph, round("connect", at, seen, jobs));
        let shown: Vec<(String, Vec<String>)> = events
            .iter()
            .map(|event| {
                let event = value(event);
                let inputs = event["inputs"].as_array().expect("inputs").iter();
                let inputs = inputs.map(|input| input["name"].as_str().unwrap_or_default().to_owned());
                (event["eventType"].as_str().unwrap_or("none").to_owned(), inputs.collect())
            })
            .collect();
        let want: Vec<(String, Vec<String>)> = want
            .iter()
            .map(|(kind, inputs)| (kind.to_string(), inputs.iter().map(|i| i.to_string()).collect()))
            .collect();
        assert_eq!(shown, want, "at {at}");
        events
    };
    let first = check(0, &[("a>J", Observed)], running, &[("RUNNING", &["a"])]);
    check(1, &[("a>J", Observed)], running, &[]);
    check(90_000, &[("a>J", Observed)], running, &[]);
    let second = check(90_001, &[("a>J", Observed), ("b>J", Configured)], running, &[("RUNNING", &["a", "b"])]);
    assert_eq!(value(&first[0])["run"], value(&second[0])["run"], "it is still the same run");
    assert_ne!(header(&first[0], "ce_id"), header(&second[0], "ce_id"));
    let failed: &[_] = &[("J", "kafka-connect", "FAILED")];
    check(90_002, &[("a>J", Observed), ("b>J", Configured)], failed, &[("FAIL", &["a", "b"])]);
    let again = check(90_003, &[("a>J", Observed), ("b>J", Configured)], running, &[("RUNNING", &["a", "b"])]);
    assert_ne!(value(&first[0])["run"], value(&again[0])["run"], "what goes on after a failure is another run");
    check(90_004, &[], &[], &[("COMPLETE", &[])]);
    check(90_005, &[], &[], &[]);
}

#[test]
fn an_event_names_its_job_and_the_evidence_of_each_edge() {
    let mut graph = Graph::new(Limits::default());
    let seen = [("a>J", Observed), ("secrets>J", Permitted), ("J>b", Configured)];
    let events = told(&mut graph, round("connect", 0, &seen, &[("J", "kafka-connect", "RUNNING")]));
    let [event] = &events[..] else { panic!("{events:?}") };
    assert_eq!(String::from_utf8_lossy(&event.key), "job:connect/J");
    assert_eq!(
        (header(event, "ce_type").as_str(), header(event, "ce_subject").as_str()),
        ("io.meshsteward.lineage.run.v1", "job:connect/J")
    );
    let event = value(event);
    assert_eq!(event["inputs"].as_array().map(Vec::len), Some(1), "permission alone makes no input");
    let facets = &event["job"]["facets"];
    assert_eq!(facets["ownership"]["owners"][0]["name"], "team:order-desk");
    assert_eq!(
        facets["jobType"]["emissionPattern"],
        json!({"eventTrigger": "PERIODIC", "eventContentMode": "COMPLETE_SNAPSHOT", "windowDuration": 10})
    );
    let edges = facets["steward_evidence"]["edges"].as_array().expect("edges");
    let edges: Vec<_> = edges
        .iter()
        .map(|e| (e["name"].as_str(), e["direction"].as_str(), e["evidence"][0]["kind"].as_str()))
        .collect();
    assert_eq!(
        edges,
        [
            (Some("a"), Some("input"), Some("observed")),
            (Some("secrets"), Some("input"), Some("permitted")),
            (Some("b"), Some("output"), Some("configured")),
        ]
    );
}

#[test]
fn what_contents_look_like_is_no_input_and_its_evidence_says_so() {
    let mut graph = Graph::new(Limits::default());
    let events = told(&mut graph, round("contents", 0, &[("a>b", Declared), ("c>b", Inferred)], &[]));
    let facets = &value(&events[0])["dataset"]["facets"];
    let names = |list: &serde_json::Value| -> Vec<String> {
        list.as_array().into_iter().flatten().filter_map(|one| Some(one["name"].as_str()?.to_owned())).collect()
    };
    assert_eq!(names(&facets["lineage"]["inputs"]), ["a"]);
    assert_eq!(names(&facets["steward_evidence"]["edges"]), ["a", "c"]);
    assert_eq!(facets["steward_evidence"]["edges"][1]["evidence"][0]["kind"], "inferred");
}

/// Columns are told as they are declared; what contents only look like is no lineage of columns.
#[test]
fn columns_are_told_where_a_contract_names_them() {
    let mut seen = round("declared", 0, &[("a>b", Declared), ("c>b", Declared), ("d>b", Inferred)], &[]);
    for (sighting, columns) in seen.sightings.iter_mut().zip(["id > order_id, amount > total", "tax > total", "x > y"])
    {
        sighting.detail.insert("columns".into(), columns.into());
    }
    let mut graph = Graph::new(Limits::default());
    let event = value(&told(&mut graph, seen)[0]);
    if let Some(standard) = Standard::read() {
        assert_eq!(standard.problems(&event), Vec::<String>::new(), "{event:#}");
    }
    let input = |name: &str, field: &str| json!({"namespace": KAFKA, "name": name, "field": field});
    assert_eq!(
        event["dataset"]["facets"]["columnLineage"]["fields"],
        json!({
            "order_id": {"inputFields": [input("a", "id")]},
            "total": {"inputFields": [input("a", "amount"), input("c", "tax")]},
        })
    );
}

#[test]
fn what_catalogs_told_us_and_what_the_steward_does_is_not_told_again() {
    let mut graph = Graph::new(Limits::default());
    let event = json!({
        "eventTime": "2026-11-24T10:00:00Z",
        "run": {"runId": "0190a5f0-0000-7000-8000-000000000001"},
        "job": {"namespace": "connect", "name": "J"},
        "inputs": [{"namespace": KAFKA, "name": "a"}],
    });
    let changes = graph.hear(&statement::read(event, &Aliases::default()).expect("an event"), START_MS);
    assert!(!changes.is_empty());
    let pattern = Pattern { every_ms: 10_000 };
    let tell = |graph: &Graph, changes: Vec<_>| {
        with_speaker(|speaker| events(speaker, graph, &changes.into_iter().collect(), pattern, START_MS))
    };
    assert_eq!(tell(&graph, changes), []);
    let changes = graph.apply(round("steward", 0, &[("a>S", Configured)], &[("S", OWN_KIND, "RUNNING")]));
    assert!(!changes.is_empty());
    assert_eq!(tell(&graph, changes), []);
    let changes = graph.apply(round("connect", 0, &[("b>J", Observed)], &[]));
    let events = tell(&graph, changes);
    let inputs = value(&events[0])["inputs"].clone();
    assert_eq!(inputs.as_array().map(Vec::len), Some(1), "only what was found: {inputs}");
}
