//! `/column-lineage?nodeId=&depth=&withDownstream=`: fields, by the facet `columnLineage` of whoever told
//! it, and by what contracts declare.

use crate::engine::lineage::columns;
use crate::engine::lineage::names::NodeId;
use crate::engine::lineage::node::Node;
use crate::engine::lineage::sighting::Evidence;
use crate::http::lineage::depth;
use crate::http::marquez::graph::node;
use crate::http::marquez::view::View;
use crate::http::query::{bad, pairs};
use crate::http::server::Site;
use axum::Json;
use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// Marquez' default.
const DEPTH: usize = 20;
/// A page with more helps nobody.
const FIELDS_MAX: usize = 5_000;

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Field {
    dataset: Node,
    name: String,
}

/// How a field is made of others.
#[derive(Default)]
struct Made {
    from: Vec<Field>,
    description: Value,
    kind: Value,
}

pub async fn lineage(State(site): State<Site>, uri: Uri) -> Response {
    let view = View::of(&site);
    let asked = pairs(&uri).and_then(|pairs| {
        let downstream = pairs.word("withDownstream", &["true", "false"])? == Some("true");
        if downstream && pairs.last("nodeId").is_some_and(|id| id.contains('#')) {
            return Err(bad("a version of a node has no downstream; leave # and what follows it out"));
        }
        Ok((node(&view, &pairs)?, depth(&pairs, DEPTH)?, downstream))
    });
    let (id, depth, downstream) = match asked {
        Ok(asked) => asked,
        Err(answer) => return *answer,
    };
    let made = made(&view);
    let reached = reached(&view, &made, &id, depth, downstream);
    Json(json!({"graph": reached.iter().map(|field| shown(&view, &made, field, &reached)).collect::<Vec<_>>()}))
        .into_response()
}

fn made(view: &View) -> BTreeMap<Field, Made> {
    let mut made = BTreeMap::new();
    for (dataset, told) in view.lineage.graph.told().nodes() {
        let fields = told.facets.get("columnLineage").and_then(|facet| facet["fields"].as_object());
        for (name, facet) in fields.into_iter().flatten() {
            let input = |input: &Value| {
                let dataset = Node::dataset(input["namespace"].as_str()?, input["name"].as_str()?);
                Some(Field { dataset, name: input["field"].as_str()?.to_owned() })
            };
            let first = &facet["inputFields"][0]["transformations"][0];
            let either =
                |old: &str, new: &str| if facet[old].is_null() { first[new].clone() } else { facet[old].clone() };
            let of = Made {
                from: facet["inputFields"].as_array().into_iter().flatten().filter_map(input).collect(),
                description: either("transformationDescription", "description"),
                kind: either("transformationType", "subtype"),
            };
            made.insert(Field { dataset: dataset.clone(), name: name.clone() }, of);
        }
    }
    for (edge, claims) in view.lineage.graph.edges_holding(Evidence::Declared) {
        let declared = claims.iter().filter(|(claimant, _)| claimant.evidence == Evidence::Declared);
        for (from, to) in declared.flat_map(|(_, claim)| columns::of(claim)) {
            let of = made.entry(Field { dataset: edge.to.clone(), name: to.to_owned() }).or_insert_with(Made::default);
            let from = Field { dataset: edge.from.clone(), name: from.to_owned() };
            if !of.from.contains(&from) {
                of.from.push(from);
            }
        }
    }
    made
}

fn reached(view: &View, made: &BTreeMap<Field, Made>, id: &NodeId, depth: usize, downstream: bool) -> BTreeSet<Field> {
    let start: BTreeSet<Field> = match id {
        NodeId::Field { dataset, field } => [Field { dataset: dataset.clone(), name: field.clone() }].into(),
        NodeId::Node(node) => {
            let of: Vec<&Node> = match node.is_dataset() {
                true => vec![node],
                false => view.lineage.graph.targets_of(node).collect(),
            };
            made.keys().filter(|field| of.contains(&&field.dataset)).cloned().collect()
        }
    };
    let mut feeds: BTreeMap<&Field, Vec<&Field>> = BTreeMap::new();
    for (field, of) in made {
        of.from.iter().for_each(|from| feeds.entry(from).or_default().push(field));
    }
    let up = |field: &Field| made.get(field).map(|of| of.from.clone()).unwrap_or_default();
    let down = |field: &Field| feeds.get(field).into_iter().flatten().map(|field| (*field).clone()).collect();
    let mut all = spread(&start, depth, up);
    if downstream {
        all.extend(spread(&start, depth, down));
    }
    all
}

fn spread(start: &BTreeSet<Field>, depth: usize, next: impl Fn(&Field) -> Vec<Field>) -> BTreeSet<Field> {
    let (mut all, mut front) = (start.clone(), start.clone());
    for _ in 0..depth {
        let found: BTreeSet<Field> = front.iter().flat_map(&next).filter(|field| !all.contains(field)).collect();
        if found.is_empty() || all.len() > FIELDS_MAX {
            break;
        }
        all.extend(found.iter().cloned());
        front = found;
    }
    all
}

fn shown(view: &View, made: &BTreeMap<Field, Made>, field: &Field, reached: &BTreeSet<Field>) -> Value {
    let id = |field: &Field| {
        let dataset = &field.dataset;
        format!("datasetField:{}:{}:{}", dataset.namespace(), dataset.name(), field.name)
    };
    let edge = |from: &Field, to: &Field| json!({"origin": id(from), "destination": id(to)});
    let of = made.get(field);
    let from: Vec<&Field> = of.into_iter().flat_map(|of| &of.from).filter(|from| reached.contains(from)).collect();
    let to = reached.iter().filter(|to| made.get(to).is_some_and(|of| of.from.contains(field)));
    let dataset = view.dataset(&field.dataset);
    let fields = dataset["fields"].as_array();
    let kind = fields.into_iter().flatten().find(|known| known["name"] == field.name.as_str()).map(|f| &f["type"]);
    let (description, transformation) = (of.map(|of| &of.description), of.map(|of| &of.kind));
    let input = |from: &Field| {
        json!({
            "namespace": from.dataset.namespace(),
            "dataset": from.dataset.name(),
            "datasetVersion": null,
            "field": from.name,
            "transformationDescription": description,
            "transformationType": transformation,
        })
    };
    json!({
        "id": id(field),
        "type": "DATASET_FIELD",
        "data": {
            "namespace": field.dataset.namespace(),
            "dataset": field.dataset.name(),
            "datasetVersion": null,
            "field": field.name,
            "fieldType": kind,
            "transformationDescription": description,
            "transformationType": transformation,
            "inputFields": of.into_iter().flat_map(|of| &of.from).map(input).collect::<Vec<_>>(),
        },
        "inEdges": from.iter().map(|from| edge(from, field)).collect::<Vec<_>>(),
        "outEdges": to.map(|to| edge(field, to)).collect::<Vec<_>>(),
    })
}
