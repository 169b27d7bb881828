//! `/lineage?nodeId=&depth=`: a node and all that is near it, with edges by node id.

use crate::engine::lineage::names::{NodeId, node_id};
use crate::engine::lineage::node::Node;
use crate::engine::lineage::walk::{Direction, walk_known};
use crate::http::lineage::depth;
use crate::http::marquez::view::View;
use crate::http::problem::problem;
use crate::http::query::{Pairs, bad, pairs};
use crate::http::server::Site;
use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

/// Marquez' default.
const DEPTH: usize = 20;

/// A known dataset without jobs is a graph of one node.
pub async fn lineage(State(site): State<Site>, uri: Uri) -> Response {
    let view = View::of(&site);
    let asked = pairs(&uri).and_then(|pairs| Ok((node(&view, &pairs)?, depth(&pairs, DEPTH)?)));
    let (id, depth) = match asked {
        Ok(asked) => asked,
        Err(answer) => return *answer,
    };
    let start = match id {
        NodeId::Node(node) | NodeId::Field { dataset: node, .. } => node,
    };
    let reached = walk_known(&view.lineage.graph, std::slice::from_ref(&start), Direction::Both, depth);
    let graph: Vec<Value> = reached
        .nodes
        .keys()
        .map(|node| {
            let edge = |from: &Node, to: &Node| json!({"origin": from.to_string(), "destination": to.to_string()});
            let into = reached.edges.iter().filter(|e| e.to == *node).map(|e| edge(&e.from, &e.to));
            let out = reached.edges.iter().filter(|e| e.from == *node).map(|e| edge(&e.from, &e.to));
            json!({
                "id": node.to_string(),
                "type": if node.is_dataset() { "DATASET" } else { "JOB" },
                "data": if node.is_dataset() { view.dataset(node) } else { view.job(node) },
                "inEdges": into.collect::<Vec<_>>(),
                "outEdges": out.collect::<Vec<_>>(),
            })
        })
        .collect();
    Json(json!({"graph": graph})).into_response()
}

/// What `nodeId` names: 400 for what is none, 404 for what nobody knows.
pub fn node(view: &View, pairs: &Pairs) -> Result<NodeId, Box<Response>> {
    let text = pairs.last("nodeId").unwrap_or_default();
    let nodes = view.nodes();
    let Some(id) = node_id(text, nodes.iter().map(Node::namespace)) else {
        let forms = "dataset:NAMESPACE:NAME, job:NAMESPACE:NAME or datasetField:NAMESPACE:NAME:FIELD";
        return Err(bad(&format!("nodeId={text} names no node; write {forms}")));
    };
    let (NodeId::Node(node) | NodeId::Field { dataset: node, .. }) = &id;
    match nodes.contains(node) {
        true => Ok(id),
        false => {
            let detail = format!("{node} is not known; /api/v1/search?q= finds what is");
            Err(Box::new(problem(StatusCode::NOT_FOUND, &detail)))
        }
    }
}
