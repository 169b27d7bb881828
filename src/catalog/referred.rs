//! Relationships into other contracts: which of those in force is meant, and what it says of the keys.

use crate::catalog::files::{FILE_BYTES_MAX, Finding, Source};
use crate::engine::contract::name::compare_versions;
use crate::engine::contract::plan::{Check, Rule};
use crate::engine::contract::records::Policy;
use crate::engine::contract::referred::{self, Referred};
use crate::engine::contract::{compile, joined};
use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Each contract with what it refers to in the others. What cannot be found is a finding, and its rule `unknown`.
pub fn joined(sources: Vec<Source>, policy: &Policy, findings: &mut Vec<Finding>) -> Vec<Source> {
    let asks = |rule: &Rule| rule.metric == "relationships" && matches!(rule.check, Check::Unmeasured(_));
    let with = |source: &Source| match source.plan.rules.iter().any(asks) {
        true => with_others(source, &sources, policy, findings),
        false => None,
    };
    let changed: Vec<Option<Source>> = sources.iter().map(with).collect();
    sources.into_iter().zip(changed).map(|(source, changed)| changed.unwrap_or(source)).collect()
}

fn with_others(source: &Source, all: &[Source], policy: &Policy, findings: &mut Vec<Finding>) -> Option<Source> {
    let contract = joined::parse(&source.text).contract?;
    let mut referred = Referred::new();
    let mut tell = |problem: String, error: bool| {
        let (path, product) = (source.path.display().to_string(), Some(source.plan.product.clone()));
        findings.push(Finding { path, problem, error, product });
    };
    for (elsewhere, keys) in referred::wanted(&contract) {
        let found = meant(&elsewhere.contract, all);
        let found = found.and_then(|other| referred::definition(joined::own(&other.text), &elsewhere.object, &keys));
        let line = found.unwrap_or_else(|why| {
            tell(format!("warning: a relationship to {} is not measured: {why}", elsewhere.key()), false);
            referred::unknown(&why)
        });
        referred.insert(elsewhere.key(), line);
    }
    if referred.is_empty() {
        return None;
    }
    let text = joined::with_referred(&source.text, &referred);
    if text.len() as u64 > FILE_BYTES_MAX {
        let problem = format!(
            "with what it refers to in other contracts it has {} bytes, more than {FILE_BYTES_MAX}: those relationships are not \
             measured; shorten the schemas in steward.avroSchema or steward.protobufSchema",
            text.len()
        );
        tell(problem, true);
        return None;
    }
    let contract = joined::parse(&text).contract?;
    let plan = Arc::new(compile::compile(&contract).within(policy));
    Some(Source { path: source.path.clone(), text, plan })
}

/// The contract that is called so: by its id, else by the name of its file, else by a file that has its id for a name. The error says
/// why it is none, or which of several.
fn meant<'s>(name: &str, all: &'s [Source]) -> Result<&'s Source, String> {
    // Of one id the version that governs, as `Plans::build` has it.
    let mut in_force: BTreeMap<&str, &Source> = BTreeMap::new();
    for source in all {
        let plan = &source.plan;
        let known = in_force.entry(&plan.contract_id).or_insert(source);
        if compare_versions(&plan.contract_version, &known.plan.contract_version) == Ordering::Greater {
            *known = source;
        }
    }
    let file_of = |source: &Source| source.path.file_name().and_then(|of| of.to_str()).map(str::to_owned);
    for how in [How::Id, How::File, How::IdAsFile] {
        let is =
            |source: &&&Source| how.is(name, &source.plan.contract_id, file_of(source).as_deref().unwrap_or_default());
        let found: Vec<&Source> = in_force.values().filter(is).copied().collect();
        match found.as_slice() {
            [] => {}
            [one] => return Ok(one),
            several => {
                let ids: Vec<&str> = several.iter().map(|source| source.plan.contract_id.as_str()).collect();
                return Err(format!("{name} may be any of the contracts {}: name one by its id", ids.join(", ")));
            }
        }
    }
    Err(format!("no contract in force has the id {name}, and no file is called so"))
}

/// Whether a relationship that names a contract so may mean the one of this id, in a file of this name.
pub fn is_called(name: &str, id: &str, file: &str) -> bool {
    [How::Id, How::File, How::IdAsFile].iter().any(|how| how.is(name, id, file))
}

#[derive(Clone, Copy)]
enum How {
    Id,
    File,
    IdAsFile,
}

impl How {
    fn is(self, name: &str, id: &str, file: &str) -> bool {
        let last = name.rsplit('/').next().unwrap_or_default();
        match self {
            How::Id => name == id,
            How::File => !last.is_empty() && last == file,
            How::IdAsFile => [".odcs.yaml", ".yaml"].iter().any(|ending| last.strip_suffix(ending) == Some(id)),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::catalog::files::{Loaded, Watcher};
    use crate::engine::contract::plan::Check;
    use std::path::Path;

    fn customers(id: &str, topic: &str) -> String {
        format!(
            "apiVersion: v3.1.0\nkind: DataContract\nid: {id}\nversion: 1.0.0\nstatus: active\nschema:\n  - name: customers\n    physicalType: topic\n    physicalName: {topic}\n    properties: [{{name: id, logicalType: string}}]\n"
        )
    }

    fn orders(to: &str) -> String {
        format!(
            "apiVersion: v3.1.0\nkind: DataContract\nid: orders\nversion: 1.0.0\nstatus: active\nschema:\n  - name: orders\n    physicalType: topic\n    properties:\n      - name: customer\n        relationships: [{{to: '{to}#/schema/customers/properties/id', customProperties: [{{property: steward.referenceHorizon, value: 1h}}]}}]\n"
        )
    }

    /// What orders' one rule looks for, or why it is not measured.
    fn asked(loaded: &Loaded) -> String {
        let source = loaded.sources.iter().find(|source| source.plan.contract_id == "orders").expect("orders");
        match &source.plan.rules[0].check {
            Check::Refers(reference) => {
                let object = source.plan.objects.iter().find(|object| object.name == reference.object);
                format!("keys of {}", object.expect("the object").topic)
            }
            Check::Unmeasured(why) => why.clone(),
            other => panic!("{other:?}"),
        }
    }

    fn write(folder: &Path, name: &str, text: &str) {
        std::fs::create_dir_all(folder.join(name).parent().expect("a folder")).expect("a folder");
        std::fs::write(folder.join(name), text).expect("a contract");
    }

    #[test]
    fn a_relationship_finds_the_contract_by_id_or_file_and_changes_with_it() {
        let check = |to: &str, others: &[(&str, &str)], expected: &str| {
            let folder = tempfile::tempdir().expect("a folder");
            write(folder.path(), "orders.yaml", &orders(to));
            for (name, id) in others {
                write(folder.path(), name, &customers(id, &format!("crm.{id}")));
            }
            let loaded = Watcher::new(vec![folder.path().to_path_buf()]).look().expect("the first look");
            assert!(asked(&loaded).contains(expected), "{to}: {}", asked(&loaded));
            let told = loaded.findings.iter().any(|finding| finding.problem.contains(expected) && !finding.error);
            assert_eq!(told, !expected.starts_with("keys of"), "{to}: {:?}", loaded.findings);
            let topics = &loaded.plans.by_topic;
            assert_eq!(topics.get("crm.people").is_some_and(|bindings| bindings.len() == 2), !told, "{to}");
        };
        check("people", &[("a.yaml", "people")], "keys of crm.people");
        check("https://example.com/contracts/a.yaml", &[("a.yaml", "people")], "keys of crm.people");
        check("a.yaml", &[("x/a.yaml", "people"), ("b.yaml", "clients")], "keys of crm.people");
        check("people.yaml", &[("a.yaml", "people")], "keys of crm.people");
        check("clients", &[("a.yaml", "people")], "no contract in force has the id clients");
        check(
            "a.yaml",
            &[("x/a.yaml", "people"), ("y/a.yaml", "clients")],
            "may be any of the contracts clients, people",
        );
    }

    #[test]
    fn another_contract_that_comes_changes_or_goes_makes_another_version() {
        let folder = tempfile::tempdir().expect("a folder");
        write(folder.path(), "orders.yaml", &orders("people"));
        let mut watcher = Watcher::new(vec![folder.path().to_path_buf()]);
        let mut look = || {
            let loaded = watcher.look_now();
            let hash = loaded.sources.iter().find(|s| s.plan.contract_id == "orders").expect("orders").plan.hash;
            (asked(&loaded), hash, loaded)
        };
        let (alone, first, _) = look();
        assert!(alone.contains("no contract in force"), "{alone}");
        write(folder.path(), "people.yaml", &customers("people", "crm.people"));
        let (there, second, loaded) = look();
        write(folder.path(), "people.yaml", &customers("people", "crm.persons.all"));
        let (moved, third, _) = look();
        std::fs::remove_file(folder.path().join("people.yaml")).expect("the file");
        let (gone, fourth, _) = look();
        assert_eq!((there.as_str(), moved.as_str()), ("keys of crm.people", "keys of crm.persons.all"));
        assert!(first == fourth && gone == alone && second != first && third != second);
        let body = loaded.sources.iter().map(|source| (source.plan.hash, source.text.clone()));
        assert_eq!(
            Watcher::new(Vec::new()).learn(body),
            [],
            "another worker reads from the catalog what both of them mean"
        );
    }
}
