//! Relationships that lead into other contracts. What is referred to there joins the contract, as an object that is read for its keys
//! alone: of the other contract only that is part of this one's identity.

use crate::engine::contract::model::{Clause, Contract, Object, property_called};
use crate::engine::contract::plan::Check;
use crate::engine::contract::relation::{Elsewhere, Reference};
use crate::engine::contract::{odcs, yaml};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};

/// What is known of the objects that a contract refers to, by `CONTRACT#OBJECT` as it calls them: a line of JSON.
pub type Referred = BTreeMap<String, String>;

/// Why nothing is known.
type Reason = String;

/// The objects of other contracts that a contract refers to, and the properties that are the keys.
pub fn wanted(contract: &Contract) -> Vec<(Elsewhere, BTreeSet<String>)> {
    let mut wanted: Vec<(Elsewhere, BTreeSet<String>)> = Vec::new();
    for elsewhere in clauses(contract).filter_map(|clause| clause.elsewhere.as_deref()) {
        match wanted.iter_mut().find(|(known, _)| known.key() == elsewhere.key()) {
            Some((_, paths)) => paths.extend(elsewhere.to.iter().cloned()),
            None => wanted.push((elsewhere.clone(), elsewhere.to.iter().cloned().collect())),
        }
    }
    wanted
}

/// What the text of the other contract says of an object's keys: a contract with nothing else in it, as a line of JSON.
pub fn definition(text: &str, object: &str, keys: &BTreeSet<String>) -> Result<String, Reason> {
    let root = yaml::parse(text).map_err(|error| format!("the other contract cannot be read: {}", error.message))?;
    let json = root.json();
    let contract = odcs::parse(text).contract.ok_or("the other contract cannot be read")?;
    let is_called = |found: &&Object| found.name == object || found.topic == object;
    let Some(found) = contract.objects.iter().find(is_called) else {
        return Err(format!("the contract {} has no topic {object}", contract.id));
    };
    let mut paths = BTreeSet::new();
    for key in keys {
        match property_called(&found.properties, key) {
            None => return Err(format!("{object} of the contract {} has no property {key}", contract.id)),
            Some(property) if property.field.is_many() => {
                return Err(format!("{object}.{key} of the contract {} is a list of values", contract.id));
            }
            Some(property) => drop(paths.insert(property.path.clone())),
        }
    }
    let schema = json.get("schema").and_then(|schema| schema.get(found.index)).unwrap_or(&Value::Null);
    let custom = [custom(schema), custom(&json)];
    paths.extend(custom.iter().flatten().filter(|one| one["property"] == EVENT_TIME).filter_map(|one| {
        property_called(&found.properties, one["value"].as_str()?).map(|property| property.path.clone())
    }));
    let [of_object, of_contract] = custom;
    let definition = json!({
        "kind": "DataContract", "apiVersion": "v3.1.0", "id": contract.id, "version": "1", "status": "active",
        "customProperties": of_contract,
        "schema": [{
            "name": found.name, "physicalName": found.topic, "physicalType": "topic",
            "customProperties": of_object, "properties": properties(&schema["properties"], "", &paths),
        }],
    });
    Ok(json!({ "definition": definition }).to_string())
}

/// What joins where nothing is known, so that the rule's verdict says why.
pub fn unknown(why: &str) -> String {
    json!({ "unknown": why }).to_string()
}

/// Joins them: rules about relationships into other contracts are measured, or say why not.
pub fn join(contract: &mut Contract, referred: &Referred) {
    let mut known: BTreeMap<&str, Result<Object, Reason>> = BTreeMap::new();
    for (key, line) in referred {
        contract.canonical.push_str(&format!("\n{key}\n{line}"));
        known.insert(key, read(key, line));
    }
    let mut used = BTreeSet::new();
    for clause in contract.objects.iter_mut().chain(&mut contract.ungoverned).flat_map(|object| &mut object.clauses) {
        let Some(elsewhere) = clause.elsewhere.as_deref() else { continue };
        let key = elsewhere.key();
        clause.check = match known.get(key.as_str()) {
            None => continue,
            Some(Err(why)) => Check::Unmeasured(why.clone()),
            Some(Ok(object)) => match reference(elsewhere, object) {
                Ok(reference) => Check::Refers(Box::new(reference)),
                Err(why) => Check::Unmeasured(why),
            },
        };
        if let Check::Refers(_) = clause.check {
            used.insert(key);
        }
    }
    let objects = known.into_iter().filter(|(key, _)| used.contains(*key));
    contract.referred = objects.filter_map(|(_, object)| object.ok()).collect();
}

/// What decides how records are read and when they were; all else of the contract may change and its keys stay what they are.
const READ_BY: [&str; 6] = [
    EVENT_TIME,
    "steward.declaredDelay",
    "steward.encoding",
    "steward.avroSchema",
    "steward.protobufSchema",
    "steward.protobufMessage",
];
const EVENT_TIME: &str = "steward.eventTimeField";

fn custom(of: &Value) -> Vec<Value> {
    let all = of.get("customProperties").and_then(Value::as_array).into_iter().flatten();
    let read_by = all.filter(|one| one["property"].as_str().is_some_and(|name| READ_BY.contains(&name)));
    read_by.map(|one| json!({ "property": one["property"], "value": one["value"] })).collect()
}

/// Those that lead to these paths, by their names alone.
fn properties(of: &Value, around: &str, paths: &BTreeSet<String>) -> Vec<Value> {
    let mut kept = Vec::new();
    for property in of.as_array().into_iter().flatten() {
        let Some(name) = property["name"].as_str() else { continue };
        let path = if around.is_empty() { name.to_owned() } else { format!("{around}.{name}") };
        let leads =
            |wanted: &String| wanted.strip_prefix(&path).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'));
        if !paths.iter().any(leads) {
            continue;
        }
        let mut of = Map::new();
        of.insert("name".to_owned(), name.into());
        if let Some(physical) = property.get("physicalName") {
            of.insert("physicalName".to_owned(), physical.clone());
        }
        let inner = properties(&property["properties"], &path, paths);
        if !inner.is_empty() {
            of.insert("properties".to_owned(), inner.into());
        }
        kept.push(Value::Object(of));
    }
    kept
}

fn read(key: &str, line: &str) -> Result<Object, Reason> {
    let unreadable = || format!("what {key} is cannot be read");
    let json: Value = serde_json::from_str(line).map_err(|_| unreadable())?;
    if let Some(why) = json["unknown"].as_str() {
        return Err(why.to_owned());
    }
    let contract = odcs::parse(&json["definition"].to_string()).contract;
    let object = contract.and_then(|mut contract| contract.objects.pop()).ok_or_else(unreadable)?;
    Ok(Object { name: key.to_owned(), ..object })
}

fn reference(elsewhere: &Elsewhere, object: &Object) -> Result<Reference, Reason> {
    let key = |path: &String| {
        let property = property_called(&object.properties, path);
        property.map(|property| property.field.clone()).ok_or_else(|| format!("{} has no property {path}", object.name))
    };
    let to = elsewhere.to.iter().map(key).collect::<Result<_, _>>()?;
    Ok(Reference { from: elsewhere.from.clone(), object: object.name.clone(), to })
}

fn clauses(contract: &Contract) -> impl Iterator<Item = &Clause> {
    contract.objects.iter().chain(&contract.ungoverned).flat_map(|object| &object.clauses)
}

#[cfg(test)]
mod tests {
    use super::{Referred, definition, unknown, wanted};
    use crate::engine::contract::compile::compile;
    use crate::engine::contract::plan::{Check, Plan};
    use crate::engine::contract::standard::lint::lint;
    use crate::engine::contract::{joined, odcs};

    const CUSTOMERS: &str = "
apiVersion: v3.1.0
kind: DataContract
id: customers
version: 1.0.0
status: active
schema:
  - name: customers
    physicalType: topic
    physicalName: crm.customers
    properties:
      - {name: id, physicalName: key, logicalType: string, required: true}
      - {name: tags, items: {logicalType: string}}
      - {name: at, logicalType: timestamp}
    customProperties: [{property: steward.eventTimeField, value: at}, {property: steward.encoding, value: json}]
  - {name: table, physicalType: table, properties: [{name: id}]}
";

    fn orders(to: &str) -> String {
        format!(
            "apiVersion: v3.1.0\nkind: DataContract\nid: orders\nversion: 1.0.0\nstatus: active\nschema:\n  - name: orders\n    physicalType: topic\n    properties:\n      - name: customer\n        relationships: [{{to: '{to}', customProperties: [{{property: steward.referenceHorizon, value: 1h}}]}}]\n"
        )
    }

    /// With what another contract's text says of it.
    fn plan(orders: &str, other: &str) -> Plan {
        let contract = odcs::parse(orders).contract.expect("a contract");
        let line = |object: &str, keys| definition(other, object, keys).unwrap_or_else(|why| unknown(&why));
        let referred: Referred =
            wanted(&contract).iter().map(|(of, keys)| (of.key(), line(&of.object, keys))).collect();
        let text = joined::with_referred(orders, &referred);
        assert_eq!(joined::own(&text).trim_end(), orders.trim_end());
        compile(&joined::parse(&text).contract.expect("a contract"))
    }

    #[test]
    fn keys_of_another_contract_are_an_object_of_the_plan_that_is_read_for_them_alone() {
        for to in [
            "customers#/schema/customers/properties/id",
            "x/customers.yaml#customers.id",
            "customers#/schema/crm.customers/properties/key",
        ] {
            let plan = plan(&orders(to), CUSTOMERS);
            let [rule] = plan.rules.as_slice() else { panic!("{to}: {:?}", plan.rules) };
            let Check::Refers(reference) = &rule.check else { panic!("{to}: {rule:?}") };
            assert_eq!((reference.to[0].to_string().as_str(), plan.horizons.len()), ("key", 1), "{to}");
            let [own, keys] = plan.objects.as_slice() else { panic!("{to}: {:?}", plan.objects) };
            assert!(!own.keys_only && keys.keys_only && keys.rules.is_empty(), "{to}");
            assert_eq!((keys.topic.as_str(), keys.name.as_str()), ("crm.customers", reference.object.as_str()));
            assert_eq!(keys.event_time.as_ref().map(ToString::to_string).as_deref(), Some("at"));
            assert_eq!(plan.governed().count(), 1);
        }
        let told = lint(&orders("x/customers.yaml#/schema/customers/properties/id"), &|_| true).problems;
        assert_eq!(told, [], "whether it is measured, the other contract decides");
    }

    #[test]
    fn what_cannot_be_resolved_is_unknown_and_says_why() {
        let check = |to: &str, reason: &str| {
            let plan = plan(&orders(to), CUSTOMERS);
            let [rule] = plan.rules.as_slice() else { panic!("{to}: {:?}", plan.rules) };
            assert!(matches!(&rule.check, Check::Unmeasured(why) if why.contains(reason)), "{to}: {rule:?}");
            assert_eq!(plan.objects.len(), 1, "{to}");
        };
        check("customers#/schema/people/properties/id", "has no topic people");
        check("customers#/schema/table/properties/id", "has no topic table");
        check("customers#customers.name", "has no property name");
        check("customers#customers.tags[]", "is a list of values");
        let alone = compile(&odcs::parse(&orders("customers#customers.id")).contract.expect("a contract"));
        assert!(matches!(&alone.rules[0].check, Check::Unmeasured(why) if why.contains("customers is not at hand")));
    }

    #[test]
    fn a_version_is_another_where_the_keys_are_and_not_where_anything_else_changes() {
        let hash = |other: &str| plan(&orders("customers#customers.id"), other).hash;
        let is = hash(CUSTOMERS);
        assert_eq!(
            is,
            hash(&CUSTOMERS.replace("required: true", "required: false").replace("version: 1.0.0", "version: 2.0.0"))
        );
        assert_ne!(is, hash(&CUSTOMERS.replace("physicalName: key", "physicalName: code")));
        assert_ne!(is, hash(&CUSTOMERS.replace("crm.customers", "crm.people")));
        assert_ne!(is, hash(&CUSTOMERS.replace("value: json", "value: registry")));
        assert_ne!(is, compile(&odcs::parse(&orders("customers#customers.id")).contract.expect("a contract")).hash);
    }
}
