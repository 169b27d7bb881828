//! The standards' own files: what their JSON Schemas say of them and of thousands of mutants, we say without the schemas;
//! their examples are read without an error and compile.

#[path = "specs/mutants.rs"]
mod mutants;

use mesh_steward::engine::contract::compile::compile;
use mesh_steward::engine::contract::diff::compare;
use mesh_steward::engine::contract::odcs;
use mesh_steward::engine::contract::problem::{Level, Problem, Source};
use mesh_steward::engine::contract::standard::Edition;
use mesh_steward::engine::contract::standard::lint::{lint, structure};
use mesh_steward::engine::contract::yaml::{self, Node};
use serde_json::Value;
use std::path::{Path, PathBuf};

#[test]
fn every_example_of_the_standard_is_read_without_an_error() {
    let Some(specs) = specs() else { return };
    let examples = files(&specs.join("odcs/examples"));
    assert!(!examples.is_empty(), "STEWARD_SPECS has no odcs/examples");
    for path in &examples {
        let (problems, rules) = read(path, |text| text);
        let errors: Vec<_> = problems.iter().filter(|p| p.level == Level::Error).map(Problem::to_string).collect();
        assert!(errors.is_empty(), "{}: {errors:#?}", path.display());
        assert!(rules.is_some(), "{} gives no contract", path.display());
    }
    println!("{} examples", examples.len());
}

/// Few examples are topics. Read as if all their objects were, every clause of theirs is read.
#[test]
fn every_example_is_read_without_an_error_as_if_it_were_of_topics() {
    let Some(specs) = specs() else { return };
    let mut rules_in_all = 0;
    for path in files(&specs.join("odcs/examples")) {
        let (problems, rules) = read(&path, as_topics);
        let errors: Vec<_> = problems.iter().filter(|p| p.level == Level::Error).map(Problem::to_string).collect();
        assert!(errors.is_empty(), "{}: {errors:#?}", path.display());
        rules_in_all += rules.unwrap_or_default();
    }
    assert!(rules_in_all > 100, "only {rules_in_all} rules");
}

#[test]
fn counter_examples_are_read_without_a_panic() {
    let Some(specs) = specs() else { return };
    for path in files(&specs.join("odcs/invalid")) {
        read(&path, as_topics);
    }
}

const EDITIONS: [(&str, Edition); 4] = [
    ("odcs-3.1.0", Edition::Odcs31),
    ("odcs-3.2.0", Edition::Odcs32),
    ("odps-1.0.0", Edition::Odps10),
    ("odps-1.1.0", Edition::Odps11),
];

#[test]
fn every_file_is_judged_as_the_standards_schema_judges_it() {
    let Some(specs) = specs() else { return };
    let table = std::fs::read_to_string(specs.join("expected.tsv")).unwrap();
    let mut judged = 0;
    for row in table.lines().skip(1) {
        let [file, schema, verdict, ..] = row.split('\t').collect::<Vec<_>>()[..] else { panic!("{row}") };
        let Some((_, edition)) = EDITIONS.iter().find(|(name, _)| *name == schema) else { continue };
        let problems = structure(&document(&specs.join(file)), *edition);
        let told: Vec<_> = problems.iter().map(Problem::to_string).collect();
        assert_eq!(problems.is_empty(), verdict == "valid", "{file} by {schema}: {told:#?}");
        judged += 1;
    }
    assert!(judged > 150, "only {judged} rows");
}

/// Each by its own edition: examples have no error of any kind, counter-examples have one of the schema.
#[test]
fn lint_agrees_with_the_verdict_of_each_files_own_edition() {
    let Some(specs) = specs() else { return };
    for (folder, good) in
        [("odcs/examples", true), ("odps/examples", true), ("odcs/invalid", false), ("odps/invalid", false)]
    {
        for path in files(&specs.join(folder)) {
            let linted = lint(&std::fs::read_to_string(&path).unwrap(), &|_| true);
            let breaks = linted.problems.iter().any(|p| p.source == Source::Schema);
            let told: Vec<_> = linted.problems.iter().map(Problem::to_string).collect();
            assert_eq!((linted.is_valid(), breaks), (good, !good), "{}: {told:#?}", path.display());
            assert!(linted.problems.iter().all(|p| p.line.is_some() && p.column.is_some()), "{told:#?}");
        }
    }
}

/// Changes files at random, from a fixed seed, in all the ways that people get them wrong, and asks both sides.
#[test]
fn mutants_are_judged_as_the_standards_schemas_judge_them() {
    let Some(specs) = specs() else { return };
    for (name, edition) in EDITIONS {
        let standard = &name[..4];
        let file = format!("{standard}/schema/{standard}-json-schema-v{}.json", &name[5..]);
        let schema: Value = serde_json::from_str(&std::fs::read_to_string(specs.join(file)).unwrap()).unwrap();
        // ODCS takes formats for annotations.
        let options = jsonschema::options().should_validate_formats(standard == "odps");
        let validator = options.build(&schema).unwrap();
        let examples = files(&specs.join(standard).join("examples"));
        let documents: Vec<Value> = examples.iter().map(|path| document(path).json()).collect();
        let (mut good, mut all) = (0, 0);
        // What a schema requires, a key that is missing tells; of so many keys a random one seldom is.
        let lacking = mutants::lacking(&documents);
        for mutant in lacking.into_iter().chain(mutants::of(&schema, documents, 4000)) {
            let (theirs, ours) = (validator.is_valid(&mutant), structure(&Node::of(mutant.clone()), edition));
            if theirs != ours.is_empty() {
                let told: Vec<_> = ours.iter().map(Problem::to_string).collect();
                let first = validator.iter_errors(&mutant).next().map(|e| format!("{} at {}", e, e.instance_path()));
                panic!("by {name} {mutant:#}\nours: {told:#?}\ntheirs: {first:?}");
            }
            good += usize::from(theirs);
            all += 1;
        }
        println!("{name}: {all} mutants, {good} of them valid");
        assert!(good > all / 10 && good < all * 9 / 10, "{name}: {good} of {all} valid: nothing is tried");
    }
}

/// Order says nothing, at any depth; and what differs one way differs the other way too.
#[test]
fn a_contract_in_another_order_is_the_same_and_a_mutant_differs_both_ways() {
    let Some(specs) = specs() else { return };
    let schema = std::fs::read_to_string(specs.join("odcs/schema/odcs-json-schema-v3.2.0.json")).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let changes = |old: &Value, new: &Value| {
        let compared = compare(&Node::of(old.clone()), &Node::of(new.clone()));
        compared.map(|compared| compared.changes.len()).unwrap_or_default()
    };
    let documents: Vec<Value> = files(&specs.join("odcs/examples")).iter().map(|path| document(path).json()).collect();
    for document in &documents {
        assert_eq!(changes(document, &reversed(document)), 0, "{document:#}");
    }
    let mut different = 0;
    for mutant in mutants::of(&schema, documents.clone(), 1000) {
        let original = &documents[different % documents.len()];
        let (there, back) = (changes(original, &mutant), changes(&mutant, original));
        assert_eq!(there == 0, back == 0, "{original:#} {mutant:#}");
        assert_eq!(changes(&mutant, &reversed(&mutant)), 0, "{mutant:#}");
        different += usize::from(there > 0);
    }
    assert!(different > 900, "only {different} mutants differ");
}

/// Every list the other way round.
fn reversed(value: &Value) -> Value {
    match value {
        Value::Array(items) => items.iter().rev().map(reversed).collect(),
        Value::Object(entries) => {
            Value::Object(entries.iter().map(|(key, value)| (key.clone(), reversed(value))).collect())
        }
        other => other.clone(),
    }
}

fn document(path: &Path) -> Node {
    yaml::parse(&std::fs::read_to_string(path).unwrap()).unwrap()
}

/// The problems of a file, and the number of rules where it is a contract.
fn read(path: &Path, change: impl Fn(String) -> String) -> (Vec<Problem>, Option<usize>) {
    let text = change(std::fs::read_to_string(path).unwrap());
    let parsed = odcs::parse(&text);
    (parsed.problems, parsed.contract.map(|contract| compile(&contract).rules.len()))
}

fn as_topics(text: String) -> String {
    text.replace("physicalType: table", "physicalType: topic")
}

fn specs() -> Option<PathBuf> {
    let specs = std::env::var_os("STEWARD_SPECS").map(PathBuf::from);
    if specs.is_none() {
        println!("skipped: STEWARD_SPECS is not set");
    }
    specs
}

/// All YAML files below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(files(&path));
        } else if path.extension().is_some_and(|e| e == "yaml") {
            found.push(path);
        }
    }
    found.sort();
    found
}
