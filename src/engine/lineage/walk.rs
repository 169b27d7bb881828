//! Up and down from a node: what feeds it, and what it feeds.

use crate::engine::lineage::graph::Graph;
use crate::engine::lineage::node::{Edge, Node};
use std::collections::{BTreeMap, BTreeSet};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    Upstream,
    Downstream,
    Both,
}

/// What was reached, and by which edges.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    /// How many edges away each node is; the start is 0.
    pub nodes: BTreeMap<Node, usize>,
    pub edges: BTreeSet<Edge>,
    /// There was more than `NODES_MAX`.
    pub truncated: bool,
}

/// A page with more helps nobody.
pub const NODES_MAX: usize = 2_000;

/// All nodes within `depth` edges that hold. The steward reads everything, so that its own jobs are shown and not walked
/// through: else every product would feed every reader of its verdicts.
pub fn walk(graph: &Graph, start: &[Node], direction: Direction, depth: usize) -> Reached {
    both_ways(graph, start, direction, depth, Graph::lives)
}

/// The same, without edges that are inferred and no more.
pub fn walk_known(graph: &Graph, start: &[Node], direction: Direction, depth: usize) -> Reached {
    both_ways(graph, start, direction, depth, Graph::is_known)
}

/// Which edges are gone along.
type Counts = fn(&Graph, &Edge) -> bool;

fn both_ways(graph: &Graph, start: &[Node], direction: Direction, depth: usize, counts: Counts) -> Reached {
    let mut reached = Reached::default();
    let mut directions = Vec::new();
    if direction != Direction::Downstream {
        directions.push(Direction::Upstream);
    }
    if direction != Direction::Upstream {
        directions.push(Direction::Downstream);
    }
    for direction in directions {
        one_way(graph, start, direction, depth, counts, &mut reached);
    }
    reached
}

fn one_way(graph: &Graph, start: &[Node], direction: Direction, depth: usize, counts: Counts, reached: &mut Reached) {
    let mut seen: BTreeSet<Node> = start.iter().cloned().collect();
    let mut front: Vec<Node> = start.to_vec();
    reached.nodes.extend(start.iter().map(|node| (node.clone(), 0)));
    for distance in 1..=depth {
        let mut next = Vec::new();
        for node in front {
            if graph.is_own(&node) && !start.contains(&node) {
                continue;
            }
            let neighbours: Vec<Edge> = match direction {
                Direction::Upstream => graph.sources_of(&node).map(|from| edge(from, &node)).collect(),
                _ => graph.targets_of(&node).map(|to| edge(&node, to)).collect(),
            };
            for edge in neighbours.into_iter().filter(|edge| counts(graph, edge)) {
                let other = if direction == Direction::Upstream { edge.from.clone() } else { edge.to.clone() };
                if !reached.nodes.contains_key(&other) && reached.nodes.len() >= NODES_MAX {
                    reached.truncated = true;
                    continue;
                }
                let near = reached.nodes.entry(other.clone()).or_insert(distance);
                *near = distance.min(*near);
                reached.edges.insert(edge);
                if seen.insert(other.clone()) {
                    next.push(other);
                }
            }
        }
        if next.is_empty() {
            break;
        }
        front = next;
    }
}

fn edge(from: &Node, to: &Node) -> Edge {
    Edge { from: from.clone(), to: to.clone() }
}
