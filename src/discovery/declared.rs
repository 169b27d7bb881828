//! What people have written down: `transformSourceObjects` of a contract's properties (ODCS), its `steward.inputs`, `inputContracts` and
//! `inputPorts` of data products (ODPS), inputs and output of use cases that ran. Names mean what they name exactly: a topic, an object of a contract, or a field
//! of either; what names none is unresolved.

use crate::catalog::board::Board;
use crate::catalog::document::Document;
use crate::catalog::files::FILE_BYTES_MAX;
use crate::catalog::folder::{self, Stamp};
use crate::config::usable::Config;
use crate::discovery::gathered::{Detail, Gathered, detail};
use crate::discovery::topic::Cluster;
use crate::engine::contract::name::ProductName;
use crate::engine::contract::{described, joined, yaml};
use crate::engine::derived::usecase::{State, UseCase};
use crate::engine::lineage::collector::Collector;
use crate::engine::lineage::columns::{self, COLUMNS};
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
    let described = || documents.iter().flat_map(|document| &document.described.datasets);
    let names = Names {
        is_topic: &|name| governed.contains(&name.to_owned()) || topics.contains(name),
        has_field: &|topic, field| described().any(|known| known.topic == topic && holds(&known.fields, field)),
    };
    documents.iter().for_each(|document| of_contract(document, &names, &mut edges, gathered));
    let mut by_contract: BTreeMap<&str, BTreeSet<&String>> = BTreeMap::new();
    for document in documents {
        by_contract.entry(&document.id).or_default().extend(&document.topics);
    }
    products.iter().for_each(|product| of_product(product, &by_contract, &mut edges, gathered));
    edges
}

fn of_contract(document: &Document, names: &Names<'_>, edges: &mut Edges, gathered: &mut Gathered) {
    // Most contracts name no sources, and this is asked again and again.
    if !document.text.contains(SOURCES) && !document.text.contains(INPUTS) {
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
        let mut sources = BTreeMap::new();
        let schema = &json["schema"][object.index];
        of_properties(&schema["properties"], ("", ""), &mut sources);
        for input in inputs(&json).chain(inputs(schema)) {
            sources.entry(input.to_owned()).or_default();
        }
        let mut made: BTreeMap<String, Made> = BTreeMap::new();
        for (source, of) in sources {
            let Some((topic, column)) = names.find(&named, &source) else {
                let what = format!("contract {}: source {source} of {}", document.id, object.name);
                gathered.unresolved(what, "no topic is called so, no object of the contract, and no field of one");
                continue;
            };
            let made = made.entry(topic).or_default();
            for (field, to) in of {
                made.fields.insert(field);
                made.columns.extend(column.clone().map(|from| (from, to)));
            }
        }
        for (topic, made) in made.into_iter().filter(|(topic, _)| *topic != object.topic) {
            let fields = made.fields.into_iter().take(NAMED_MAX).collect::<Vec<_>>().join(", ");
            let mut by = detail([("contract", &document.id), ("version", &document.version)]);
            by.extend((!fields.is_empty()).then(|| ("fields".to_owned(), fields)));
            let columns = columns::words(made.columns.iter().map(|(from, to)| (from.as_str(), to.as_str())));
            by.extend((!columns.is_empty()).then(|| (COLUMNS.to_owned(), columns)));
            edges.insert((topic, object.topic.clone()), by);
        }
    }
}

/// What is made of one topic.
#[derive(Default)]
struct Made {
    /// By the contract's names.
    fields: BTreeSet<String>,
    /// The source's column, where it is named, and the column that is made of it, as it stands in records.
    columns: BTreeSet<(String, String)>,
}

/// What a contract may name as a source.
struct Names<'a> {
    is_topic: &'a dyn Fn(&str) -> bool,
    /// Whether contracts know this field of the topic, by its name in records.
    has_field: &'a dyn Fn(&str, &str) -> bool,
}

impl Names<'_> {
    /// A topic or an object of the contract (`named`), or a field of one that a contract describes: `shop.orders.amount`. `None`: it is neither.
    fn find(&self, named: &BTreeMap<&str, &str>, source: &str) -> Option<(String, Option<String>)> {
        let topic_of = |name: &str| match named.get(name) {
            Some(topic) => Some((*topic).to_owned()),
            None => (self.is_topic)(name).then(|| name.to_owned()),
        };
        if let Some(topic) = topic_of(source) {
            return Some((topic, None));
        }
        let mut splits = source.rmatch_indices('.').map(|(at, _)| (&source[..at], &source[at + 1..]));
        splits.find_map(|(name, field)| {
            let topic = topic_of(name)?;
            (self.has_field)(&topic, field).then(|| (topic, Some(field.to_owned())))
        })
    }
}

fn holds(fields: &[described::Field], path: &str) -> bool {
    let below = |field: &described::Field| {
        let rest = path.strip_prefix(field.name.as_str()).and_then(|rest| rest.strip_prefix('.'));
        rest.is_some_and(|rest| holds(&field.fields, rest))
    };
    fields.iter().any(|field| field.name == path || below(field))
}

const SOURCES: &str = "transformSourceObjects";
const INPUTS: &str = "steward.inputs";

/// Of the contract or of one of its objects, what the data is made of as a whole.
fn inputs(element: &Value) -> impl Iterator<Item = &str> {
    let custom = element["customProperties"].as_array().into_iter().flatten();
    let named = custom.filter(|entry| entry["property"] == INPUTS).filter_map(|entry| entry["value"].as_array());
    named.flatten().filter_map(Value::as_str)
}

/// By source, the fields that are made of it. A field, as `above`, is told by the contract's names and by those in records.
fn of_properties(properties: &Value, above: (&str, &str), sources: &mut BTreeMap<String, BTreeSet<(String, String)>>) {
    for property in properties.as_array().into_iter().flatten() {
        let name = property["name"].as_str().unwrap_or_default();
        let below = |above: &str, name: &str| match above {
            "" => name.to_owned(),
            above => format!("{above}.{name}"),
        };
        let field = below(above.0, name);
        let column = below(above.1, property["physicalName"].as_str().unwrap_or(name));
        for source in property[SOURCES].as_array().into_iter().flatten().filter_map(Value::as_str) {
            sources.entry(source.to_owned()).or_default().insert((field.clone(), column.clone()));
        }
        of_properties(&property["properties"], (&field, &column), sources);
        let items = (format!("{field}[]"), format!("{column}._element"));
        of_properties(&property["items"]["properties"], (&items.0, &items.1), sources);
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
        assert!(!found[&("orders".to_owned(), "enriched".to_owned())].contains_key("columns"), "no column is named");
    }

    #[test]
    fn a_field_of_a_source_is_a_column_that_another_is_made_of() {
        let made = "      - {name: a, physicalName: A1, logicalType: string, transformSourceObjects: [shop.orders.a, shop.orders, base.a]}\n      \
                    - name: b\n        logicalType: array\n        items:\n          logicalType: object\n          properties:\n            \
                    - {name: c, logicalType: string, transformSourceObjects: [shop.orders.a, shop.orders.v2, shop.orders., shop]}\n";
        let base = "  - name: base\n    physicalName: base.topic\n    physicalType: topic\n    properties:\n";
        let enriched = contract("e", "enriched", made) + base + PLAIN;
        let documents = documents(&[&contract("o", "shop.orders", PLAIN), &enriched]);
        // What only begins like a topic is none of it.
        let unresolved = ["shop.orders.v2", "shop.orders. of", " shop of"];
        check(&documents, &[], &[("base.topic", "enriched"), ("shop.orders", "enriched")], &unresolved);
        let found = edges(&documents, &[], &BTreeSet::new(), &mut Gathered::default());
        let of = |from: &str| &found[&(from.to_owned(), "enriched".to_owned())];
        assert_eq!(
            (of("shop.orders")["fields"].as_str(), of("shop.orders")["columns"].as_str()),
            ("a, b[].c", "a > A1, a > b._element.c")
        );
        assert_eq!(of("base.topic")["columns"], "a > A1");
    }

    #[test]
    fn a_contract_says_what_its_topics_are_made_of_as_a_whole() {
        let custom = |inputs: &str| format!("customProperties: [{{property: steward.inputs, value: [{inputs}]}}]\n");
        let of_object = PLAIN.to_owned() + "    " + &custom("base");
        let base = "  - name: base\n    physicalName: base.topic\n    physicalType: topic\n    properties:\n";
        let enriched = contract("e", "enriched", &of_object) + base + PLAIN + &custom("lake, nowhere");
        let expected = [("base.topic", "enriched"), ("lake", "base.topic"), ("lake", "enriched")];
        let unresolved = ["nowhere of enriched", "nowhere of base"];
        check(&documents(&[&enriched]), &[], &expected, &unresolved);
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
