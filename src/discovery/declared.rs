//! What people have written down: `transformSourceObjects` of a contract's properties (ODCS), `inputContracts` and `inputPorts` of data
//! products (ODPS), inputs and output of use cases that ran. Names mean what they name exactly: a topic, or an object of a contract; what
//! names neither is unresolved.

use crate::catalog::board::Board;
use crate::catalog::document::Document;
use crate::catalog::files::FILE_BYTES_MAX;
use crate::catalog::folder::{self, Stamp};
use crate::config::usable::Config;
use crate::discovery::gathered::{Detail, Gathered, detail};
use crate::discovery::topic::Cluster;
use crate::engine::contract::name::ProductName;
use crate::engine::contract::{joined, yaml};
use crate::engine::derived::usecase::{State, UseCase};
use crate::engine::lineage::collector::Collector;
use crate::engine::lineage::sighting::{Evidence, Round};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;

/// Somebody said it, and may have forgotten to say that it changed.
const DECLARED: f64 = 0.8;
/// Properties of one edge that are named.
const NAMED_MAX: usize = 20;

pub struct Declared {
    cluster: Cluster,
    board: Arc<Board>,
    paths: Vec<PathBuf>,
    /// Files as they were last read; `None` where one is no data product.
    files: BTreeMap<PathBuf, (Stamp, Option<Value>)>,
}

impl Declared {
    pub fn new(config: &Config, cluster: Cluster, board: Arc<Board>) -> Declared {
        Declared { cluster, board, paths: config.contracts.paths.clone(), files: BTreeMap::new() }
    }

    /// Data products among the contracts; a file that did not change is not read again.
    fn products(&mut self) -> Vec<Value> {
        let listing = folder::list(&self.paths);
        self.files.retain(|path, _| listing.files.contains_key(path));
        for (path, stamp) in listing.files {
            if self.files.get(&path).is_some_and(|(read, _)| *read == stamp) {
                continue;
            }
            let small = stamp.bytes <= FILE_BYTES_MAX;
            let text = small.then(|| std::fs::read_to_string(&path).ok()).flatten();
            let product = text.and_then(|text| yaml::parse(&text).ok()).map(|root| root.json());
            let product = product.filter(|json| json["kind"] == "DataProduct");
            self.files.insert(path, (stamp, product));
        }
        self.files.values().filter_map(|(_, product)| product.clone()).collect()
    }
}

impl Collector for Declared {
    fn name(&self) -> &'static str {
        "declared"
    }

    fn collect(&mut self, now_ms: i64) -> Result<Round, String> {
        let products = self.products();
        let directory = self.board.directory();
        let mut gathered = Gathered::default();
        let topics = self.cluster.topics(&mut gathered);
        let found = edges(&directory.documents, &products, &topics, &mut gathered);
        let found = found.into_iter().chain(of_use_cases(&directory.use_cases));
        for ((from, to), detail) in found {
            let (from, to) = (self.cluster.topic(&from), self.cluster.topic(&to));
            gathered.saw(&from, &to, Evidence::Declared, DECLARED, detail);
        }
        Ok(gathered.round(self.name(), now_ms))
    }
}

/// What a use case reads and writes, once an engine has been given it.
fn of_use_cases(cases: &BTreeMap<ProductName, UseCase>) -> Edges {
    let mut edges = Edges::new();
    for (name, case) in cases.iter().filter(|(_, case)| case.has_run()) {
        let state = case.state().map_or("", State::word);
        let by = detail([("use_case", &name.to_string()), ("engine", case.definition.engine.word()), ("state", state)]);
        for input in &case.definition.inputs {
            edges.insert((input.clone(), case.definition.output.clone()), by.clone());
        }
    }
    edges
}

/// From topic to topic, and who says so.
type Edges = BTreeMap<(String, String), Detail>;

/// `topics`: those that there are.
pub fn edges(documents: &[Document], products: &[Value], topics: &BTreeSet<String>, gathered: &mut Gathered) -> Edges {
    let mut edges = Edges::new();
    let governed: BTreeSet<&String> = documents.iter().flat_map(|document| &document.topics).collect();
    for document in documents {
        of_contract(
            document,
            &|name| governed.contains(&name.to_owned()) || topics.contains(name),
            &mut edges,
            gathered,
        );
    }
    let mut by_contract: BTreeMap<&str, BTreeSet<&String>> = BTreeMap::new();
    for document in documents {
        by_contract.entry(&document.id).or_default().extend(&document.topics);
    }
    products.iter().for_each(|product| of_product(product, &by_contract, &mut edges, gathered));
    edges
}

fn of_contract(document: &Document, is_topic: &dyn Fn(&str) -> bool, edges: &mut Edges, gathered: &mut Gathered) {
    // Most contracts name no sources, and this is asked again and again.
    if !document.text.contains(SOURCES) {
        return;
    }
    let (Some(contract), Ok(root)) = (joined::parse(&document.text).contract, yaml::parse(joined::own(&document.text)))
    else {
        return;
    };
    let json = root.json();
    // What an object is called, and which topic it is.
    let named: BTreeMap<&str, &str> = contract.objects.iter().map(|o| (o.name.as_str(), o.topic.as_str())).collect();
    for object in &contract.objects {
        let mut sources: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        of_properties(&json["schema"][object.index]["properties"], "", &mut sources);
        for (source, fields) in sources {
            let topic = match named.get(source.as_str()) {
                Some(topic) => (*topic).to_owned(),
                None if is_topic(&source) => source.clone(),
                None => {
                    let what = format!("contract {}: {SOURCES} {source} of {}", document.id, object.name);
                    gathered.unresolved(what, "no topic and no object of the contract is called so");
                    continue;
                }
            };
            if topic != object.topic {
                let fields = fields.into_iter().take(NAMED_MAX).collect::<Vec<_>>().join(", ");
                let by = detail([("contract", &document.id), ("version", &document.version), ("fields", &fields)]);
                edges.insert((topic, object.topic.clone()), by);
            }
        }
    }
}

const SOURCES: &str = "transformSourceObjects";

/// By source, the fields that are made of it.
fn of_properties(properties: &Value, above: &str, sources: &mut BTreeMap<String, BTreeSet<String>>) {
    for property in properties.as_array().into_iter().flatten() {
        let name = property["name"].as_str().unwrap_or_default();
        let path = if above.is_empty() { name.to_owned() } else { format!("{above}.{name}") };
        for source in property[SOURCES].as_array().into_iter().flatten().filter_map(Value::as_str) {
            sources.entry(source.to_owned()).or_default().insert(path.clone());
        }
        of_properties(&property["properties"], &path, sources);
        of_properties(&property["items"]["properties"], &format!("{path}[]"), sources);
    }
}

fn of_product(
    product: &Value,
    by_contract: &BTreeMap<&str, BTreeSet<&String>>,
    edges: &mut Edges,
    gathered: &mut Gathered,
) {
    let id = product["name"].as_str().or(product["id"].as_str()).unwrap_or_default();
    let list = |value: &Value, key: &str| value[key].as_array().cloned().unwrap_or_default();
    let contract = |port: &Value, key: &str| port[key].as_str().map(str::to_owned);
    let topics = |contract: &str, gathered: &mut Gathered| match by_contract.get(contract) {
        Some(topics) => topics.iter().map(|topic| (*topic).clone()).collect::<Vec<_>>(),
        None => {
            gathered.unresolved(format!("data product {id}: contract {contract}"), "no contract in force has this id");
            Vec::new()
        }
    };
    let of_ports: Vec<String> =
        list(product, "inputPorts").iter().filter_map(|port| contract(port, "contractId")).collect();
    for port in list(product, "outputPorts") {
        let Some(output) = contract(&port, "contractId") else { continue };
        // What an output is made of; where it does not say, of all that the product takes in.
        let (inputs, key) = match &list(&port, "inputContracts")[..] {
            [] => (of_ports.clone(), "inputPorts"),
            own => (own.iter().filter_map(|input| contract(input, "id")).collect(), "inputContracts"),
        };
        if inputs.is_empty() {
            continue;
        }
        let outputs = topics(&output, gathered);
        for input in inputs {
            for from in topics(&input, gathered) {
                for to in outputs.iter().filter(|to| **to != from) {
                    let by = detail([("data_product", id), ("by", key), ("contract", &input)]);
                    edges.insert((from.clone(), to.clone()), by);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::files::Watcher;
    use serde_json::json;

    /// Contracts as they are loaded.
    fn documents(contracts: &[&str]) -> Vec<Document> {
        let folder = tempfile::tempdir().unwrap();
        for (number, text) in contracts.iter().enumerate() {
            std::fs::write(folder.path().join(format!("{number}.yaml")), text).unwrap();
        }
        let loaded = Watcher::new(vec![folder.path().to_path_buf()]).look().unwrap();
        assert_eq!(loaded.sources.len(), contracts.len(), "{:?}", loaded.findings);
        loaded.sources.iter().map(crate::catalog::document::document).collect()
    }

    fn contract(id: &str, topic: &str, properties: &str) -> String {
        format!(
            "apiVersion: v3.1.0\nkind: DataContract\nid: {id}\nversion: 1.0.0\nstatus: active\nschema:\n  - name: {topic}\n    \
             physicalType: topic\n    properties:\n{properties}"
        )
    }

    const PLAIN: &str = "      - {name: a, logicalType: string}\n";

    fn check(documents: &[Document], products: &[Value], expected: &[(&str, &str)], unresolved: &[&str]) {
        let topics = ["lake".to_owned()].into();
        let mut gathered = Gathered::default();
        let found = edges(documents, products, &topics, &mut gathered);
        let pairs: Vec<_> = found.keys().map(|(from, to)| (from.as_str(), to.as_str())).collect();
        assert_eq!(pairs, expected);
        let round = gathered.round("declared", 0);
        let what: Vec<_> = round.unresolved.iter().map(|u| u.what.as_str()).collect();
        assert_eq!(what.len(), unresolved.len(), "{what:?}");
        assert!(unresolved.iter().all(|part| what.iter().any(|what| what.contains(part))), "{what:?}");
    }

    #[test]
    fn sources_of_fields_are_topics_by_their_exact_names() {
        let made = "      - {name: a, logicalType: string, transformSourceObjects: [orders, lake, nowhere, enriched]}\n      \
                    - name: b\n        logicalType: object\n        properties:\n          \
                    - {name: c, logicalType: string, transformSourceObjects: [orders]}\n";
        let documents = documents(&[&contract("o", "orders", PLAIN), &contract("e", "enriched", made)]);
        check(&documents, &[], &[("lake", "enriched"), ("orders", "enriched")], &["nowhere"]);
        let found = edges(&documents, &[], &BTreeSet::new(), &mut Gathered::default());
        assert_eq!(found[&("orders".to_owned(), "enriched".to_owned())]["fields"], "a, b.c");
    }

    #[test]
    fn a_product_says_what_its_outputs_are_made_of() {
        let [a, b, c] = ["a", "b", "c"].map(|topic| contract(topic, topic, PLAIN));
        let documents = documents(&[&a, &b, &c]);
        let product = |output: Value| {
            json!({"kind": "DataProduct", "name": "p", "outputPorts": [output],
                "inputPorts": [{"name": "x", "contractId": "a"}, {"name": "y", "contractId": "b"}]})
        };
        let own = product(json!({"contractId": "c", "inputContracts": [{"id": "b", "version": "1.0.0"}]}));
        check(&documents, &[own], &[("b", "c")], &[]);
        check(&documents, &[product(json!({"contractId": "c"}))], &[("a", "c"), ("b", "c")], &[]);
        check(&documents, &[product(json!({"contractId": "z"}))], &[], &["contract z"]);
        check(&documents, &[product(json!({"name": "no contract"})), json!({"outputPorts": 1}), json!(null)], &[], &[]);
    }
}
