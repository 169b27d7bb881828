//! What a policy is asked of, as one JSON object: `contract`, `fields`, `changes`, `product`, `contracts`.

use crate::engine::contract::diff::{self, Perspective};
use crate::engine::contract::yaml::Node;
use serde_json::{Map, Value, json};

/// A product as policies see it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Product {
    pub domain: String,
    pub name: String,
    pub owner: String,
    pub topics: Vec<String>,
}

impl Product {
    fn json(&self) -> Value {
        json!({"domain": self.domain, "name": self.name, "owner": self.owner, "topics": self.topics})
    }
}

/// A contract with its product and, where there is one, the version before it.
pub fn of_contract(contract: &Node, before: Option<&Node>, product: &Product) -> Value {
    let changes = before.and_then(|before| diff::compare(before, contract).ok()).map(|compared| compared.changes);
    let changes: Vec<Value> = changes.unwrap_or_default().iter().map(change).collect();
    let contract = contract.json();
    json!({ "fields": fields(&contract), "contract": contract, "changes": changes, "product": product.json() })
}

/// A product with all of its contracts.
pub fn of_product<'c>(product: &Product, contracts: impl IntoIterator<Item = &'c Node>) -> Value {
    json!({"product": product.json(), "contracts": contracts.into_iter().map(Node::json).collect::<Vec<_>>()})
}

/// For a consumer: `level` is breaking, warning or info.
fn change(change: &diff::Change) -> Value {
    json!({
        "path": change.path,
        "level": change.level(Perspective::Consumer).word(),
        "message": change.message,
        "old": change.old,
        "new": change.new,
    })
}

/// Every property of every object, however deep, as the contract has it but for what stands below it; with the `object` that it
/// belongs to, and its `path` there: `lines[].sku`.
fn fields(contract: &Value) -> Vec<Value> {
    let mut found = Vec::new();
    for object in contract["schema"].as_array().into_iter().flatten() {
        let name = object["name"].as_str().unwrap_or_default();
        below(object, name, "", &mut found);
    }
    found
}

fn below(of: &Value, object: &str, above: &str, found: &mut Vec<Value>) {
    for property in of["properties"].as_array().into_iter().flatten() {
        let name = property["name"].as_str().unwrap_or_default();
        let path = if above.is_empty() { name.to_owned() } else { format!("{above}.{name}") };
        if let Some(entries) = property.as_object() {
            let own = entries.iter().filter(|(key, _)| *key != "properties" && *key != "items");
            let mut field: Map<String, Value> = own.map(|(key, value)| (key.clone(), value.clone())).collect();
            field.insert("object".into(), object.into());
            field.insert("path".into(), path.clone().into());
            found.push(Value::Object(field));
        }
        below(property, object, &path, found);
        below(&property["items"], object, &format!("{path}[]"), found);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_flat_with_their_paths() {
        let contract = json!({"schema": [{"name": "orders", "properties": [
            {"name": "id", "tags": ["key"]},
            {"name": "to", "properties": [{"name": "city"}]},
            {"name": "lines", "items": {"properties": [{"name": "sku", "classification": "public"}]}},
        ]}, {"name": "empty"}]});
        let fields = fields(&contract);
        let paths: Vec<&str> = fields.iter().filter_map(|field| field["path"].as_str()).collect();
        assert_eq!(paths, ["id", "to", "to.city", "lines", "lines[].sku"]);
        assert_eq!((&fields[0]["tags"], &fields[4]["classification"]), (&json!(["key"]), &json!("public")));
        assert!(fields[1].get("properties").is_none() && fields[4]["object"] == "orders");
    }
}
