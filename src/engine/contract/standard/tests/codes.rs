//! Every word that a problem of a contract can have as its code: what says it, where, and that it says what to do.

use crate::engine::contract::compile::compile;
use crate::engine::contract::odcs;
use crate::engine::contract::plan::Plans;
use crate::engine::contract::problem::Problem;
use crate::engine::contract::standard::lint::lint;
use regex::Regex;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Code and place, and what has them: before `|` stands which keys follow. They are those of a contract (`c`), of its object `o` (`o`),
/// of that object's property `a` (`p`), of a rule of this (`q`), of a registry's subject version (`s`), of a rule of that (`r`).
const CASES: &[(&str, &str)] = &[
    // What the standard's schema forbids.
    ("syntax @", "c|a: ["),
    ("unknown-key @/unheard", "c|unheard: 1"),
    ("missing-key @/servers/0", "c|servers: [{type: kafka}]"),
    ("not-alike @/schema/0/relationships/0", "o|relationships: [{from: o.a, to: [o.a]}]"),
    (
        "malformed @/schema/0/id",
        "c|apiVersion: v3.1.0; status: active; schema: [{name: a, physicalType: topic, id: 'ä:b'}]",
    ),
    (
        "out-of-range @/schema/0/properties/0/logicalTypeOptions/minLength",
        "p|logicalType: string, logicalTypeOptions: {minLength: -1}",
    ),
    ("item-count @/schema/0/properties/0/quality/0/mustBeBetween", "q|metric: nullValues, mustBeBetween: [1]"),
    (
        "repeated-item @/schema/0/properties/0/logicalTypeOptions/required/1",
        "p|logicalType: object, logicalTypeOptions: {required: [x, x]}",
    ),
    ("no-operator @/schema/0/properties/0/quality/0", "q|type: sql, query: select count(*) from o"),
    ("several-operators @/schema/0/properties/0/quality/0", "q|metric: nullValues, mustBe: 0, mustNotBe: 1"),
    ("unknown-word @/schema/0/properties/0/logicalType", "p|logicalType: strnig"),
    ("wrong-kind @/schema/0/properties/0/required", "p|required: 1"),
    ("not-understood @/schema/0/properties/0/minLength", "p|logicalType: strnig, minLength: 1"),
    ("schema @/unheard", "c|unheard: 1"),
    // What is beyond it.
    (
        "bad-argument @/schema/0/properties/0/quality/0/arguments/pattern",
        "q|metric: invalidValues, mustBe: 0, arguments: {pattern: 1}",
    ),
    (
        "bad-event-time @/schema/0/customProperties/0/value",
        "o|customProperties: [{property: steward.eventTimeField, value: 'a[]'}]",
    ),
    (
        "bad-expression @/schema/0/properties/0/quality/0/implementation",
        "q|type: custom, engine: cel, implementation: 'value >'",
    ),
    ("bad-name @/ruleSet/domainRules/0", "r|name: a b, type: CEL, expr: 'true'"),
    (
        "bad-pattern @/schema/0/properties/0/logicalTypeOptions/pattern",
        "p|logicalType: string, logicalTypeOptions: {pattern: '['}",
    ),
    ("bad-query @/schema/0/properties/0/quality/0/query", "q|type: sql, query: 'select count(', mustBe: 0"),
    ("bad-schema @/schema", "s|schemaType: JSON; schema: '1'"),
    ("bad-topic @/schema/0", "o|physicalName: a b"),
    (
        "contradiction @/schema/0/customProperties/0/value",
        "o|customProperties: [{property: steward.encoding, value: json}, {property: steward.avroSchema, value: {type: record, name: R, fields: []}}]",
    ),
    ("deprecated @/schema/0/properties/0/quality/0", "q|rule: nullValues, mustBe: 0"),
    ("idle-key @/schema/0/properties/0", "p|primaryKeyPosition: 1"),
    ("idle-rule @/ruleSet/domainRules/0", "r|name: r, mode: READ, type: CEL_FIELD, tags: [PII], expr: 'true'"),
    ("long-id @", "q|id: LONG, metric: nullValues, mustBe: 0"),
    ("no-dimensions @/schema/0/properties/0", "p|logicalType: vector"),
    ("no-expression @/ruleSet/domainRules/0", "r|name: r, type: CEL"),
    ("no-expression @/schema/0/properties/0/quality/0/query", "q|type: sql, query: [1], mustBe: 0"),
    ("no-metric @/schema/0/properties/0/quality/0", "q|mustBe: 0"),
    ("no-record @/schema", "s|schema: '\"string\"'"),
    (
        "no-reference @/schema",
        "s|schema: '{\"type\": \"record\", \"name\": \"R\", \"fields\": [{\"name\": \"a\", \"type\": \"x.Other\"}]}'; references: [{name: x.Other, subject: x, version: 1}]",
    ),
    (
        "no-schema @/schema/0/customProperties/0/value",
        "o|customProperties: [{property: steward.encoding, value: avro}]",
    ),
    (
        "no-schema @/schema/0/customProperties/0/value",
        "o|customProperties: [{property: steward.encoding, value: protobuf}]",
    ),
    ("no-topic @", "c|schema: [{name: t, physicalType: table}]"),
    ("no-type @/schema/0/properties/0/logicalTypeOptions/minLength", "p|logicalTypeOptions: {minLength: 1}"),
    ("old-version @", "c|apiVersion: v2.2.2"),
    ("repeated-id @", "p|quality: [{id: x, metric: nullValues, mustBe: 0}, {id: x, metric: nullValues, mustBe: 1}]"),
    ("repeated-name @/schema/0/properties/1", "o|properties: [{name: a}, {name: a}]"),
    ("repeated-value @/schema/0/properties/0/enum", "p|enum: [{value: x, label: one}, {value: x, label: two}]"),
    ("steward-property @/customProperties/0/value", "c|customProperties: [{property: steward.unheard, value: 1}]"),
    (
        "steward-records @/customProperties/0/value/late",
        "c|customProperties: [{property: steward.records, value: {late: quarantine}}]",
    ),
    (
        "steward-sample @/customProperties/0/value",
        "c|customProperties: [{property: steward.sample, value: 0.1}, {property: steward.mode, value: enforce}]",
    ),
    ("subject-of-keys @", "s|subject: o-key"),
    ("too-deep @/schema/0DEEP", "o|properties: DEEP"),
    ("undecoded-format @/servers/0", "c|servers: [{server: s, type: kafka, host: 'h:1', format: thrift}]"),
    (
        "unknown-argument @/schema/0/properties/0/quality/0/arguments/x",
        "q|metric: duplicateValues, mustBe: 0, arguments: {x: 1}",
    ),
    ("unknown-element @/slaProperties/0", "c|slaProperties: [{property: retention, value: 1, unit: d, element: o.b}]"),
    (
        "unknown-engine @/ruleSet/domainRules/0",
        "r|name: r, mode: READ, type: CEL, expr: 'true', params: {cel.regex.engine: perl}",
    ),
    (
        "unknown-message @/schema/0/customProperties/1/value",
        "o|customProperties: [{property: steward.protobufSchema, value: 'syntax = \"proto3\";message A {}'}, {property: steward.protobufMessage, value: B}]",
    ),
    ("unmeasured @/schema/0/properties/0/quality/0", "q|type: custom, engine: soda, implementation: x"),
    (
        "unmeasured-format @/schema/0/properties/0/logicalTypeOptions/format",
        "p|logicalType: string, logicalTypeOptions: {format: iban}",
    ),
    ("unmeasured-level @/slaProperties/0", "c|slaProperties: [{property: latency, value: soon, element: o.a}]"),
    (
        "unmeasured-query @/schema/0/properties/0/quality/0/query",
        "q|type: sql, query: 'select count(*) from a join b', mustBe: 0",
    ),
    ("unmeasured-type @/ruleSet/domainRules/0", "r|name: r, mode: READ, type: OTHER"),
    ("unresolved-variable @/schema/0/properties/0/description", "p|description: '${UNSET}'"),
    ("wrong-action @/ruleSet/domainRules/0", "r|name: r, type: CEL, expr: 'true', onFailure: 'DLQ,NONE'"),
    ("wrong-mode @/ruleSet/domainRules/0", "r|name: r, type: CEL, expr: 'true', mode: UPGRADE"),
    ("wrong-place @/schema/0/quality/0", "o|quality: [{metric: nullValues, mustBe: 0}]"),
    // Of several contracts.
    ("repeated-contract @", "c|\n---\nc|"),
    ("repeated-version @", "c|\n---\nc|name: another"),
    ("older-version @", "c|\n---\nc|version: 1.1.0"),
];

#[test]
fn each_code_is_told_at_its_place_with_a_remedy() {
    let mut wrong = Vec::new();
    for (expected, given) in CASES {
        let told = told(given);
        let (code, place) = expected.split_once(" @").expect("a code and a place");
        let found = told.iter().find(|problem| problem.code == code && problem.path == place.replace("DEEP", &deep()));
        let is_whole = |problem: &Problem| {
            let placed = problem.line.is_some() && problem.column.is_some() || given.contains(BETWEEN);
            placed && !problem.message.is_empty() && !problem.remedy.is_empty()
        };
        if !found.is_some_and(is_whole) {
            let all = told.iter().map(|p| format!("\n  {} @{} {:?}: {}", p.code, p.path, p.line, p.message));
            wrong.push(format!("{expected} of {given}:{}", all.collect::<String>()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Codes stand where a problem is told. One that no regular expression finds is counted, and makes this fail too.
#[test]
fn no_code_of_the_source_is_without_a_case() {
    let call = Regex::new(r"\.(?:breaks|beyond|doubt)\(\s*&?[\w.:()]+,").expect("a pattern");
    let word = Regex::new(r#"(?:\.(?:breaks|beyond|doubt)\(\s*&?[\w.:()]+,\s*|code: |Source::Syntax, )"([a-z-]+)""#)
        .expect("a pattern");
    let (mut codes, mut calls, mut words) = (BTreeSet::new(), 0, 0);
    for file in sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("src/engine/contract")) {
        let text = std::fs::read_to_string(&file).expect("a source file");
        let text = text.split("#[cfg(test)]").next().unwrap_or_default();
        calls += call.find_iter(text).count();
        for found in word.captures_iter(text) {
            words += usize::from(found[0].starts_with('.'));
            codes.insert(found[1].to_owned());
        }
    }
    let with_cases: BTreeSet<String> =
        CASES.iter().filter_map(|(expected, _)| Some(expected.split_once(" @")?.0.to_owned())).collect();
    assert_eq!(codes, with_cases);
    assert_eq!((calls, words > 90), (words, true), "a code is not written as a word where its problem is told");
}

/// Between two contracts that come into force together.
const BETWEEN: &str = "\n---\n";

/// What lint tells, and what the reader of contracts tells, who has a word of his own where the standard's schema has one.
fn told(given: &str) -> Vec<Problem> {
    let texts: Vec<String> = given.split(BETWEEN).map(text).collect();
    if let [one] = texts.as_slice() {
        let mut told = lint(one, &|_| false).problems;
        told.extend(odcs::parse(one).problems);
        return told;
    }
    let plan = |text: &String| Arc::new(compile(&odcs::parse(text).contract.expect("a contract")));
    Plans::build(texts.iter().map(plan).collect()).1
}

fn text(given: &str) -> String {
    let (kind, keys) = given.split_once('|').expect("what the keys are of");
    let keys = keys.replace("LONG", &"x".repeat(2_000)).replace("DEEP", &nested());
    let within = |head: &str, tail: &str| format!("{head}{keys}{tail}");
    match kind {
        "c" => contract(&keys),
        "o" => contract(&within("schema: [{name: o, physicalType: topic, ", "}]")),
        "p" => contract(&within("schema: [{name: o, physicalType: topic, properties: [{name: a, ", "}]}]")),
        "q" => {
            contract(&within("schema: [{name: o, physicalType: topic, properties: [{name: a, quality: [{", "}]}]}]"))
        }
        "s" => subject(&keys),
        _ => subject(&within("ruleSet: {domainRules: [{kind: CONDITION, ", "}]}")),
    }
}

/// What is given stands instead of what every contract has.
fn contract(keys: &str) -> String {
    let usual = [
        "kind: DataContract",
        "apiVersion: v3.2.0",
        "id: c",
        "version: 1.0.0",
        "schema: [{name: o, physicalType: topic, properties: [{name: a}]}]",
    ];
    with(keys, &usual)
}

fn subject(keys: &str) -> String {
    with(keys, &["schema: '{\"type\": \"record\", \"name\": \"R\", \"fields\": []}'"])
}

fn with(keys: &str, usual: &[&str]) -> String {
    let key = |line: &str| line.split(':').next().unwrap_or_default().to_owned();
    let lines = keys.split("; ");
    let given: BTreeSet<String> = lines.clone().map(key).collect();
    let rest = usual.iter().filter(|line| !given.contains(&key(line))).copied();
    lines.chain(rest).fold(String::new(), |text, line| text + line + "\n")
}

/// Properties in properties, to the deepest that is read and one more.
fn nested() -> String {
    (0..DEPTH).fold("[{name: a}]".to_owned(), |inner, _| format!("[{{name: a, properties: {inner}}}]"))
}

fn deep() -> String {
    "/properties/0".repeat(DEPTH + 1)
}

/// As deep as records are read.
const DEPTH: usize = 64;

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry").path());
    let is_tests = |path: &PathBuf| path.file_stem().is_some_and(|stem| stem == "tests");
    entries
        .filter(|path| !is_tests(path))
        .flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] })
        .collect()
}
