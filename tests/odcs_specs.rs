//! The standard's own examples: each parses without an error of ours and compiles.

use mesh_steward::engine::contract::compile::compile;
use mesh_steward::engine::contract::odcs;
use mesh_steward::engine::contract::problem::{Level, Problem};
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
