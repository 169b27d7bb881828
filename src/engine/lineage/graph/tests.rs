//! The graph's behaviour, round by round.

use super::*;
use crate::engine::lineage::walk::{Direction, walk};

fn topic(name: &str) -> Node {
    Node::dataset("kafka://b:9092", name)
}

fn job(name: &str) -> Node {
    Node::job("kafka://b:9092", name)
}

fn node(text: &str) -> Node {
    if text.starts_with(char::is_uppercase) { job(text) } else { topic(text) }
}

/// `a>B` of the words: jobs are upper case.
fn edge(text: &str) -> Edge {
    let (from, to) = text.split_once('>').expect("FROM>TO");
    Edge { from: node(from), to: node(to) }
}

fn sighting(text: &str, evidence: Evidence) -> Sighting {
    let Edge { from, to } = edge(text);
    Sighting { from, to, evidence, confidence: 1.0, detail: BTreeMap::new() }
}

fn facts(name: &str, kind: &str, state: &str) -> JobFacts {
    JobFacts { node: job(name), kind: kind.into(), state: state.into(), description: None, detail: BTreeMap::new() }
}

fn round(at_ms: i64, complete: bool, seen: &[(&str, Evidence)]) -> Round {
    let sightings = seen.iter().map(|(text, evidence)| sighting(text, *evidence)).collect();
    Round { collector: "connect".into(), at_ms, complete, sightings, jobs: vec![], unresolved: vec![] }
}

const LIMITS: Limits =
    Limits { edges_max: 10, ttl_ms: 100, told_ttl_ms: 300, keep_ended_ms: 1_000, declared_grace_ms: 50 };

use Evidence::{Configured, Declared, Inferred, Observed, Permitted};

#[test]
fn an_edge_appears_with_its_first_evidence_and_ends_with_its_last() {
    let mut graph = Graph::new(LIMITS);
    let mut check = |what: &str, round: Round, want: &[Change]| assert_eq!(graph.apply(round), want, "{what}");
    let (a, changed) = (edge("a>J"), |of: fn(Edge) -> Change| [of(edge("a>J"))]);
    check("first", round(1, true, &[("a>J", Configured)]), &changed(Change::Appeared));
    check("again", round(2, true, &[("a>J", Configured)]), &[]);
    check("seen too", round(3, true, &[("a>J", Configured), ("a>J", Observed)]), &changed(Change::Evidence));
    check("not all was asked", round(4, false, &[]), &[]);
    check("configured no more, seen not long ago", round(5, true, &[]), &changed(Change::Evidence));
    check("not seen for long", round(103, true, &[]), &changed(Change::Ended));
    check("kept", round(104, true, &[]), &[]);
    check("back", round(105, true, &[("a>J", Observed)]), &changed(Change::Appeared));
    check("aged again", round(205, true, &[]), &[Change::Ended(a)]);
    check("forgotten", round(1_205, true, &[]), &[Change::Forgotten(edge("a>J"))]);
    assert!(graph.edges().is_empty() && graph.reversed.is_empty());
}

#[test]
fn what_is_written_down_ends_with_a_complete_round_of_its_own_collector_alone() {
    for (evidence, ends) in
        [(Declared, true), (Configured, true), (Permitted, true), (Observed, false), (Inferred, false)]
    {
        let mut graph = Graph::new(LIMITS);
        graph.apply(round(1, true, &[("a>J", evidence)]));
        graph.apply(Round { collector: "groups".into(), ..round(2, true, &[]) });
        assert!(graph.lives(&edge("a>J")), "{evidence:?}: another collector says nothing of it");
        graph.apply(round(3, true, &[]));
        assert_eq!(!graph.lives(&edge("a>J")), ends, "{evidence:?}");
    }
}

#[test]
fn a_job_that_is_gone_takes_what_was_seen_of_it_along() {
    let mut graph = Graph::new(LIMITS);
    let with_job = |at_ms, names: &[&str]| Round {
        jobs: names.iter().map(|name| facts(name, "kafka-connect", "RUNNING")).collect(),
        ..round(at_ms, true, &[])
    };
    let seen = Round {
        sightings: round(1, true, &[("a>J", Observed), ("b>K", Observed)]).sightings,
        ..with_job(1, &["J", "K"])
    };
    graph.apply(seen);
    let changes = graph.apply(with_job(2, &["K"]));
    assert_eq!(changes, [Change::Ended(edge("a>J")), Change::JobEnded(job("J"))]);
    assert!(graph.lives(&edge("b>K")));
    assert_eq!(graph.apply(with_job(3, &["J", "K"])), [Change::Job(job("J"))]);
}

#[test]
fn a_job_is_news_when_its_state_is_and_not_when_its_lag_is() {
    let mut graph = Graph::new(LIMITS);
    let mut check = |state: &str, lag: &str, news: bool| {
        let mut told = facts("J", "consumer-group", state);
        told.detail.insert("lag_records".into(), lag.into());
        let changes = graph.apply(Round { jobs: vec![told], ..round(1, true, &[]) });
        assert_eq!(!changes.is_empty(), news, "{state} {lag}");
    };
    check("STABLE", "1", true);
    check("STABLE", "2", false);
    check("EMPTY", "2", true);
}

#[test]
fn what_is_no_edge_is_counted_as_unresolved() {
    for (text, evidence, good) in [
        ("a>J", Observed, true),
        ("J>a", Observed, true),
        ("a>b", Inferred, true),
        ("a>b", Declared, true),
        ("a>b", Observed, false),
        ("a>b", Permitted, false),
        ("J>K", Observed, false),
        ("a>a", Declared, false),
        (">J", Observed, false),
    ] {
        let mut graph = Graph::new(LIMITS);
        graph.apply(round(1, true, &[(text, evidence)]));
        assert_eq!(
            (graph.edges().len() == 1, graph.looks()["connect"].unresolved.is_empty()),
            (good, good),
            "{text} {evidence:?}"
        );
    }
}

#[test]
fn a_full_graph_lets_the_ended_go_first_and_says_what_found_no_room() {
    let mut graph = Graph::new(Limits { edges_max: 2, ..LIMITS });
    graph.apply(round(1, true, &[("a>J", Configured), ("b>J", Configured)]));
    graph.apply(round(2, true, &[("b>J", Configured)]));
    graph.apply(round(3, false, &[("c>J", Configured)]));
    let kept: Vec<Edge> = graph.edges().keys().cloned().collect();
    assert_eq!((kept, graph.refused()), (vec![edge("b>J"), edge("c>J")], 0));
    graph.apply(round(4, false, &[("d>J", Configured)]));
    assert_eq!((graph.edges().len(), graph.refused()), (2, 1));
}

#[test]
fn what_is_declared_and_what_is_seen_are_held_against_each_other() {
    use Contradiction::{DeclaredNeverRead, UndeclaredConsumer, UndeclaredInput};
    let check = |what: &str, seen: &[(&str, Evidence)], want: Vec<Contradiction>| {
        let mut graph = Graph::new(LIMITS);
        graph.apply(round(1, true, seen));
        graph.apply(round(60, true, seen));
        assert_eq!(graph.contradictions().keys().cloned().collect::<Vec<_>>(), want, "{what}");
    };
    check("nobody declares anything", &[("a>J", Observed)], vec![]);
    check("declared and seen", &[("a>J", Declared), ("a>J", Observed)], vec![]);
    check("declared and configured", &[("a>J", Declared), ("a>J", Configured)], vec![]);
    check(
        "another reads it, too",
        &[("a>J", Declared), ("a>J", Observed), ("a>K", Observed)],
        vec![UndeclaredConsumer { dataset: topic("a"), job: job("K") }],
    );
    check("may is not does", &[("a>J", Declared), ("a>J", Observed), ("a>K", Permitted)], vec![]);
    check("never read", &[("a>J", Declared)], vec![DeclaredNeverRead { dataset: topic("a"), reader: job("J") }]);
    check("an input by way of a job", &[("a>b", Declared), ("a>J", Observed), ("J>b", Observed)], vec![]);
    check(
        "an input that nothing carries over",
        &[("a>b", Declared), ("a>J", Observed)],
        vec![DeclaredNeverRead { dataset: topic("a"), reader: topic("b") }],
    );
    check(
        "an input that is not declared",
        &[("a>b", Declared), ("a>J", Observed), ("c>J", Observed), ("J>b", Observed)],
        vec![UndeclaredInput { dataset: topic("c"), job: job("J"), output: topic("b") }],
    );
}

#[test]
fn a_contradiction_is_found_once_and_settled_once() {
    let mut graph = Graph::new(LIMITS);
    let found = Contradiction::DeclaredNeverRead { dataset: topic("a"), reader: job("J") };
    assert_eq!(graph.apply(round(1, true, &[("a>J", Declared)])), [Change::Appeared(edge("a>J"))]);
    assert_eq!(graph.apply(round(50, true, &[("a>J", Declared)])), [], "it may not run yet");
    assert_eq!(graph.age(51), [Change::Found(found.clone())]);
    assert_eq!(graph.age(52), []);
    let read = graph.apply(round(53, true, &[("a>J", Declared), ("a>J", Observed)]));
    assert_eq!(read, [Change::Evidence(edge("a>J")), Change::Settled(found)]);
}

#[test]
fn a_walk_goes_as_deep_as_it_is_told_and_not_through_the_steward() {
    let mut graph = Graph::new(LIMITS);
    let steward = Round { jobs: vec![facts("S", OWN_KIND, "RUNNING")], ..round(1, true, &[]) };
    graph.apply(Round { collector: "steward".into(), ..steward });
    let seen = ["a>J", "J>b", "b>K", "K>c", "b>S", "S>verdicts", "verdicts>L"];
    graph.apply(round(1, true, &seen.map(|text| (text, Observed))));
    let check = |start: &str, direction, depth, want: &[&str]| {
        let reached = walk(&graph, &[node(start)], direction, depth);
        let mut want: Vec<Node> = want.iter().map(|text| node(text)).collect();
        want.sort();
        assert_eq!(reached.nodes.into_keys().collect::<Vec<_>>(), want, "{start} {direction:?} {depth}");
    };
    check("b", Direction::Upstream, 9, &["a", "J", "b"]);
    check("b", Direction::Downstream, 9, &["b", "K", "c", "S"]);
    check("a", Direction::Downstream, 2, &["a", "J", "b"]);
    check("J", Direction::Both, 1, &["a", "J", "b"]);
    check("nobody", Direction::Both, 9, &["nobody"]);
    check("S", Direction::Downstream, 9, &["S", "verdicts", "L"]);
}
