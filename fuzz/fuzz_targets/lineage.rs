//! Text as an OpenLineage event of others: refused with a reason, or heard, and the graph is walked.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mesh_steward_fuzz::engine::lineage::graph::{Graph, Limits};
use mesh_steward_fuzz::engine::lineage::names::{Aliases, node_id};
use mesh_steward_fuzz::engine::lineage::record;
use mesh_steward_fuzz::engine::lineage::statement::read;
use mesh_steward_fuzz::engine::lineage::walk::{Direction, walk};
use serde_json::Value;

fuzz_target!(|text: &str| {
    let known = ["kafka://a:9092", "a", "a:b"];
    node_id(text, known.into_iter());
    let aliases = Aliases([("kafka://b:9092".to_owned(), "kafka://a:9092".to_owned())].into());
    let (stored, mut graph) = (Graph::new(Limits::default()), Graph::new(Limits::default()));
    for event in text.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok()) {
        if let Ok(statement) = read(event, &aliases) {
            graph.hear(&statement, 1_000);
        }
    }
    let nodes: Vec<_> = graph.edges().keys().map(|edge| edge.from.clone()).collect();
    for direction in [Direction::Upstream, Direction::Downstream, Direction::Both] {
        walk(&graph, &nodes, direction, 8);
    }
    // What is kept of it is read again as the same.
    let mut again = Graph::new(Limits::default());
    for (key, value) in record::differences(&stored, &graph) {
        again.restore(key.as_bytes(), value.as_deref());
    }
    let lost = record::differences(&graph, &again);
    assert!(lost.is_empty(), "{lost:?}");
    graph.age(100 * 86_400_000);
});
