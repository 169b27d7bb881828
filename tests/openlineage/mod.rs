//! OpenLineage's own schemas: an event, and each of its facets, held to the one that it names.

use jsonschema::{Registry, Validator};
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::PathBuf;

/// The standard's schemas, by the last part of their URL.
pub struct Standard {
    core: Validator,
    facets: BTreeMap<String, (Value, Validator)>,
}

impl Standard {
    /// From the folder that `STEWARD_SPECS` names; `None`, and a line, where nothing does.
    pub fn read() -> Option<Standard> {
        let Some(specs) = std::env::var_os("STEWARD_SPECS").map(PathBuf::from) else {
            println!("skipped: STEWARD_SPECS is not set");
            return None;
        };
        let json = |path: PathBuf| -> Value { serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap() };
        let core = json(specs.join("openlineage/OpenLineage.json"));
        let registry = Registry::new().add(core["$id"].as_str().unwrap(), &core).unwrap().prepare().unwrap();
        let compile = |schema: &Value| {
            jsonschema::options().with_registry(&registry).should_validate_formats(true).build(schema).unwrap()
        };
        let mut facets = BTreeMap::new();
        // The standard's, and our own.
        let own = concat!(env!("CARGO_MANIFEST_DIR"), "/docs/facets/1-0-0");
        let folders = [specs.join("openlineage/facets"), PathBuf::from(own)];
        for file in folders.iter().flat_map(|folder| std::fs::read_dir(folder).unwrap()) {
            let schema = json(file.unwrap().path());
            let id = schema["$id"].as_str().unwrap().to_owned();
            let validator = compile(&schema);
            facets.insert(id, (schema, validator));
        }
        Some(Standard { core: compile(&core), facets })
    }

    /// What is wrong with an event, with any facet in it, or with a field of a facet that its schema does not know.
    pub fn problems(&self, event: &Value) -> Vec<String> {
        let mut problems: Vec<String> =
            self.core.iter_errors(event).map(|e| format!("{}: {e}", e.instance_path())).collect();
        self.below("", event, &mut problems);
        problems
    }

    fn below(&self, path: &str, value: &Value, problems: &mut Vec<String>) {
        let children: Vec<(String, &Value)> = match value {
            Value::Object(members) => members.iter().map(|(name, value)| (name.clone(), value)).collect(),
            Value::Array(items) => items.iter().enumerate().map(|(i, value)| (i.to_string(), value)).collect(),
            _ => return,
        };
        for (name, child) in children {
            let path = format!("{path}/{name}");
            if child.get("_schemaURL").is_some() {
                self.facet(&path, &name, child, problems);
            }
            self.below(&path, child, problems);
        }
    }

    fn facet(&self, path: &str, key: &str, facet: &Value, problems: &mut Vec<String>) {
        let url = facet["_schemaURL"].as_str().unwrap_or_default();
        let (id, pointer) = url.split_once('#').unwrap_or((url, ""));
        let Some((schema, validator)) = self.facets.get(id) else {
            return problems.push(format!("{path}: no schema of the standard is {id}"));
        };
        let Some(definition) = schema.pointer(pointer) else {
            return problems.push(format!("{path}: {id} has no {pointer}"));
        };
        if schema["properties"].get(key).is_none() {
            return problems.push(format!("{path}: {id} knows no facet {key}"));
        }
        let whole = serde_json::json!({ key: facet });
        problems.extend(validator.iter_errors(&whole).map(|e| format!("{path}{}: {e}", e.instance_path())));
        let known = definition["allOf"][1]["properties"].as_object().cloned().unwrap_or_default();
        let own = facet.as_object().into_iter().flatten().map(|(name, _)| name.as_str());
        let unknown = own.filter(|n| !known.contains_key(*n) && !["_producer", "_schemaURL", "omitted"].contains(n));
        problems.extend(unknown.map(|name| format!("{path}: {id} knows no field {name}")));
    }
}
