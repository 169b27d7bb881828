//! A product as ODPS has it: read of a document that somebody sends, and made of what its contracts say where nobody sent one.

use crate::engine::contract::exchange::tree::{Entries, Tree};
use crate::engine::contract::model::in_a_key;
use crate::engine::contract::name::ProductName;
use crate::engine::contract::problem::{Level, Problem};
use crate::engine::contract::standard::lint::{self, Kind, Linted};
use crate::engine::contract::{joined, yaml};
use crate::engine::published::change::Refusal;
use crate::engine::published::contracts;
use crate::engine::published::lifecycle::Lifecycle;
use serde_json::Value;

/// A document that may be published.
#[derive(Clone, Debug, PartialEq)]
pub struct Read {
    pub product: ProductName,
    /// Its `status`, where it is a word of the standards.
    pub lifecycle: Option<Lifecycle>,
    /// Of its output ports, the contracts that they name.
    pub outputs: Vec<String>,
    pub root: Value,
    /// Warnings; errors refuse it.
    pub problems: Vec<Problem>,
}

/// What a body holds: a product's document, or none, and contracts.
pub fn parted(documents: Vec<String>) -> Result<(Option<String>, Vec<String>), Refusal> {
    let (mut products, contracts): (Vec<String>, Vec<String>) =
        documents.into_iter().partition(|text| is_product(text));
    match products.len() {
        0 | 1 => Ok((products.pop(), contracts)),
        more => Err(Refusal::invalid(&format!("the body holds {more} data products; send one, with its contracts"))),
    }
}

fn is_product(text: &str) -> bool {
    lint::read(text).is_ok_and(|root| lint::kind(&root) == Kind::Odps)
}

/// The document, or all that is wrong with it.
pub fn read(text: &str) -> Result<Read, Refusal> {
    let Linted { problems, .. } = lint::lint(text, &|_| false);
    let errors = problems.iter().filter(|problem| problem.level == Level::Error).count();
    let root = lint::read(text).map(|root| root.json()).unwrap_or_default();
    if errors > 0 || root.is_null() {
        let detail = format!(
            "nothing was published: {errors} errors in the data product, see problems; `steward contract lint` finds the same"
        );
        return Err(Refusal::Invalid { detail, problems });
    }
    let Some(product) = product(&root) else {
        return Err(Refusal::invalid("the data product has neither name nor id; give it a name"));
    };
    let ports = root["outputPorts"].as_array().into_iter().flatten();
    Ok(Read {
        product,
        lifecycle: root["status"].as_str().and_then(Lifecycle::parse),
        outputs: ports.filter_map(|port| Some(port["contractId"].as_str()?.to_owned())).collect(),
        root,
        problems,
    })
}

/// As contracts name theirs: `{domain}/{name}`, the domain `default` where none is given, the id for a name.
pub fn product(root: &Value) -> Option<ProductName> {
    let name = root["name"].as_str().or(root["id"].as_str())?;
    Some(ProductName { domain: in_a_key(root["domain"].as_str().unwrap_or("default")), name: in_a_key(name) })
}

/// A text as it was sent, in YAML or JSON, as JSON; `null` where it is neither.
pub fn json(text: &str) -> Value {
    yaml::parse(joined::own(text)).map(|root| root.json()).or_else(|_| serde_json::from_str(text)).unwrap_or_default()
}

/// What is known of a product beside its contracts.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'f> {
    pub product: &'f ProductName,
    pub lifecycle: Lifecycle,
    /// Of the team.
    pub owner: &'f str,
    /// Where it is asked about: its URL.
    pub place: &'f str,
    /// The topic of its events.
    pub events: &'f str,
}

/// A document of ODPS v1.0.0, which validates: a port for each topic of each contract, and where the product is observed.
pub fn made(facts: &Facts<'_>, texts: &[&str]) -> Tree {
    let roots: Vec<Value> = texts.iter().map(|text| json(text)).collect();
    let first = |key: &str| roots.iter().map(|root| &root[key]).find(|value| !value.is_null()).cloned();
    let ports: Vec<Tree> = texts.iter().zip(&roots).flat_map(|(text, root)| ports(text, root)).collect();
    let versions = roots.iter().filter_map(|root| root["version"].as_str());
    let version = versions.max_by(|a, b| crate::engine::contract::name::compare_versions(a, b));
    Entries::default()
        .with("apiVersion", "v1.0.0")
        .with("kind", "DataProduct")
        .with("id", facts.product.to_string())
        .with("name", facts.product.name.as_str())
        .maybe("version", version)
        .with("status", facts.lifecycle.word())
        .with("domain", facts.product.domain.as_str())
        .maybe("description", first("description").map(|value| picked(&value, &["purpose", "limitations", "usage"])))
        .maybe("tags", Some(tags(&roots)))
        .maybe("customProperties", Some(each(&roots, "customProperties", &["property", "value"], &["description"])))
        .maybe(
            "authoritativeDefinitions",
            Some(each(&roots, "authoritativeDefinitions", &["type", "url"], &["description"])),
        )
        .maybe("outputPorts", Some(ports))
        .with("managementPorts", management(facts))
        .maybe("support", Some(each(&roots, "support", &["channel", "url"], &["description", "tool", "scope"])))
        .maybe("team", first("team").map(|value| team(&value, facts.owner)))
        .into()
}

fn management(facts: &Facts<'_>) -> Vec<Tree> {
    let rest = Entries::default()
        .with("name", "steward")
        .with("content", "discoverability")
        .with("type", "rest")
        .with("url", facts.place);
    let events = Entries::default()
        .with("name", "events")
        .with("content", "observability")
        .with("type", "topic")
        .with("channel", facts.events);
    vec![rest.into(), events.into()]
}

fn ports(text: &str, root: &Value) -> Vec<Tree> {
    let Ok(read) = contracts::read(&[joined::own(text).to_owned()]) else { return Vec::new() };
    let of = |contract: &contracts::Read| {
        let port = |topic: &String| {
            let object = root["schema"].as_array().into_iter().flatten();
            let mut named = object.filter(|o| o["physicalName"] == topic.as_str() || o["name"] == topic.as_str());
            let text = named.find_map(|object| object["description"].as_str()).map(str::to_owned);
            Entries::default()
                .with("name", topic.as_str())
                .with("version", contract.version.as_str())
                .maybe("description", text)
                .with("type", "topic")
                .with("contractId", contract.id.as_str())
                .into()
        };
        contract.topics.iter().map(port).collect::<Vec<Tree>>()
    };
    read.iter().flat_map(of).collect()
}

fn tags(roots: &[Value]) -> Vec<String> {
    let mut tags: Vec<String> = Vec::new();
    for tag in roots.iter().flat_map(|root| root["tags"].as_array().into_iter().flatten()).filter_map(Value::as_str) {
        if !tags.iter().any(|known| known == tag) {
            tags.push(tag.to_owned());
        }
    }
    tags
}

/// The entries of a list of all contracts that have what must be there, with what may be.
fn each(roots: &[Value], list: &str, must: &[&str], may: &[&str]) -> Vec<Tree> {
    let entries = roots.iter().flat_map(|root| root[list].as_array().into_iter().flatten());
    let whole = entries.filter(|entry| must.iter().all(|key| !entry[*key].is_null()));
    let keys: Vec<&str> = must.iter().chain(may).copied().collect();
    let mut found: Vec<Tree> = whole.map(|entry| picked(entry, &keys)).collect();
    found.dedup();
    found
}

/// Of ODCS' team, a mapping or a list of its members.
fn team(value: &Value, owner: &str) -> Tree {
    let members = match value {
        Value::Array(members) => members.as_slice(),
        team => team["members"].as_array().map(Vec::as_slice).unwrap_or_default(),
    };
    let keys = ["username", "name", "description", "role", "dateIn", "dateOut", "replacedByUsername"];
    let named = members.iter().filter(|member| member["username"].is_string());
    let name = value["name"].as_str().unwrap_or(owner);
    Entries::default()
        .maybe("name", Some(name).filter(|name| !name.is_empty()))
        .maybe("members", Some(named.map(|member| picked(member, &keys)).collect::<Vec<Tree>>()))
        .into()
}

fn picked(value: &Value, keys: &[&str]) -> Tree {
    let mut entries = Entries::default();
    for key in keys {
        if !value[*key].is_null() {
            entries = entries.with(key, Tree::of(&yaml::Node::of(value[*key].clone())));
        }
    }
    entries.into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::contract::standard::Edition;
    use serde_json::json;

    const CONTRACT: &str = "apiVersion: v3.1.0\nkind: DataContract\nid: orders\nversion: 1.2.0\nstatus: active\nname: orders\ndomain: shop\n\
        description: {purpose: what was ordered}\ntags: [retail, pii]\ncustomProperties: [{property: tier, value: '1'}]\n\
        support: [{channel: '#orders', url: 'https://chat.example.com/orders'}, {channel: nowhere}]\n\
        team: {name: order desk, members: [{username: anna, role: owner}]}\n\
        schema:\n  - name: orders\n    description: one each\n    physicalName: shop.orders\n    physicalType: topic\n    properties:\n      - {name: id, logicalType: string}\n";

    fn facts(product: &ProductName) -> Facts<'_> {
        let (place, events) = ("http://w1:8083/products/shop/orders", "governance.events");
        Facts { product, lifecycle: Lifecycle::Active, owner: "order desk", place, events }
    }

    #[test]
    fn what_is_made_of_contracts_is_a_product_that_reads_back() {
        let product = ProductName { domain: "shop".into(), name: "orders".into() };
        let made = made(&facts(&product), &[CONTRACT]);
        for text in [made.yaml(), made.pretty_json()] {
            let node = lint::read(&text).unwrap();
            for edition in [Edition::Odps10, Edition::Odps11] {
                assert_eq!(lint::structure(&node, edition), [], "{text}");
            }
            let read = read(&text).unwrap();
            assert_eq!(
                (&read.product, read.lifecycle, &*read.outputs),
                (&product, Some(Lifecycle::Active), &["orders".to_owned()][..])
            );
            assert_eq!(read.root["outputPorts"][0]["name"], "shop.orders");
            assert_eq!(read.root["outputPorts"][0]["description"], "one each");
            assert_eq!(
                read.root["team"],
                json!({"name": "order desk", "members": [{"username": "anna", "role": "owner"}]})
            );
            assert_eq!(read.root["support"].as_array().unwrap().len(), 1, "a channel without address is none of ODPS'");
            assert_eq!((&read.root["version"], &read.root["tags"]), (&json!("1.2.0"), &json!(["retail", "pii"])));
        }
        assert_eq!(
            lint::structure(&lint::read(&super::made(&facts(&product), &[]).yaml()).unwrap(), Edition::Odps10),
            []
        );
    }

    #[test]
    fn a_body_is_parted_by_what_its_documents_are() {
        let product = "apiVersion: v1.0.0\nkind: DataProduct\nid: p\nstatus: active\nname: Order Book\ndomain: shop\n";
        let texts = |all: &[&str]| all.iter().map(|text| (*text).to_owned()).collect::<Vec<String>>();
        let (one, contracts) = parted(texts(&[CONTRACT, product])).unwrap();
        assert_eq!((one.as_deref(), contracts.len()), (Some(product), 1));
        assert_eq!(parted(texts(&[CONTRACT])).unwrap(), (None, texts(&[CONTRACT])));
        assert!(parted(texts(&[product, product])).unwrap_err().detail().contains("2 data products"));
        assert_eq!(read(product).unwrap().product.to_string(), "shop/Order-Book");
        let wrong = product.replace("name:", "nam:");
        assert!(matches!(read(&wrong), Err(Refusal::Invalid { problems, .. }) if !problems.is_empty()));
    }
}
