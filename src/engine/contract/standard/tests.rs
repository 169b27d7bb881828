//! What lint tells of small documents: every problem as `severity source code path line`.

use super::lint::{Kind, lint, structure};
use super::{Edition, shape};
use crate::engine::contract::problem::{Level, Problem, Source};
use crate::engine::contract::yaml;

fn shown(problem: &Problem) -> String {
    let level = if problem.level == Level::Error { "error" } else { "warning" };
    let source = match problem.source {
        Source::Syntax => "syntax",
        Source::Schema => "schema",
        Source::Semantic => "semantic",
    };
    format!("{level} {source} {} {} {}", problem.code, problem.path, problem.line.unwrap_or_default())
}

/// In the order of the document.
fn check(text: &str, expected: &[&str]) {
    let found: Vec<String> = lint(text, &|name| name == "SET").problems.iter().map(shown).collect();
    assert_eq!(found, expected, "{text}");
}

const HEAD: &str = "kind: DataContract\napiVersion: v3.2.0\nid: c\nversion: 1.0.0\n";

/// A contract of one topic, `o`, from line 5 on; its properties from line 9 on.
fn check_properties(properties: &str, expected: &[&str]) {
    check(&format!("{HEAD}schema:\n- name: o\n  physicalType: topic\n  properties:\n{properties}"), expected);
}

#[test]
fn what_is_right_says_nothing() {
    check_properties("  - name: a\n    logicalType: string\n    enum:\n    - value: x\n", &[]);
    check(
        &format!(
            "{HEAD}schema: [{{name: o, physicalType: topic}}]\nservers: [{{server: s, type: kafka, host: 'a.example:${{SET}}'}}]\n"
        ),
        &[],
    );
    check("kind: DataProduct\napiVersion: v1.1.0\nid: p\n", &[]);
    let record = r#"{\"type\": \"record\", \"name\": \"R\", \"fields\": []}"#;
    check(&format!(r#"{{"subject": "s", "version": 1, "id": 7, "schema": "{record}", "metadata": null}}"#), &[]);
}

#[test]
fn breaches_of_the_schema_are_told_with_their_places() {
    check_properties(
        "  - name: a\n    logicalType: strnig\n    minLength: 1\n  - logicalType: date\n    logicalTypeOptions:\n      minimum: 1\n      timezone: true\n",
        &[
            "error schema unknown-word /schema/0/properties/0/logicalType 10",
            "error semantic not-understood /schema/0/properties/0/minLength 11",
            "error schema missing-key /schema/0/properties/1 12",
            "error schema wrong-kind /schema/0/properties/1/logicalTypeOptions/minimum 14",
            "error schema unknown-key /schema/0/properties/1/logicalTypeOptions/timezone 15",
        ],
    );
    check_properties(
        "  - name: a\n    quality:\n    - metric: rowCount\n      mustBe: 0\n      mustNotBe: 1\n    - type: sql\n      mustBeBetween: [1]\n",
        &[
            "error schema several-operators /schema/0/properties/0/quality/0 11",
            "error schema missing-key /schema/0/properties/0/quality/1 14",
            "error schema item-count /schema/0/properties/0/quality/1/mustBeBetween 15",
        ],
    );
    check(
        "kind: DataProduct\napiVersion: v1.0.0\nid: p\nproductCreatedTs: today\n",
        &["error schema missing-key  1", "error schema malformed /productCreatedTs 4"],
    );
}

#[test]
fn what_the_schema_takes_and_the_standard_does_not_is_told_too() {
    check_properties(
        "  - name: a\n    logicalType: vector\n",
        &["error semantic no-dimensions /schema/0/properties/0 9"],
    );
    check_properties(
        "  - name: a\n    enum:\n    - {value: x, label: one}\n    - {value: x, label: two}\n",
        &["error semantic repeated-value /schema/0/properties/0/enum 10"],
    );
    check_properties("  - name: a\n  - name: a\n", &["error semantic repeated-name /schema/0/properties/1 10"]);
    check_properties(
        "  - name: a\n    logicalType: string\n    logicalTypeOptions:\n      pattern: '['\n",
        &["error semantic bad-pattern /schema/0/properties/0/logicalTypeOptions/pattern 12"],
    );
    check_properties(
        "  - name: a\n    quality:\n    - {type: custom, engine: soda, implementation: x}\n    - {metric: missingValues, mustBe: 0}\n",
        &[
            "warning semantic unmeasured /schema/0/properties/0/quality/0 11",
            "warning semantic unmeasured /schema/0/properties/0/quality/1 12",
        ],
    );
    check_properties(
        "  - name: a\n    description: ${UNSET} ${SET}\n    quality:\n    - {type: sql, query: 'select ${column}', mustBe: 0}\n",
        &[
            "error semantic unresolved-variable /schema/0/properties/0/description 10",
            "warning semantic unmeasured-query /schema/0/properties/0/quality/0/query 12",
        ],
    );
}

#[test]
fn what_is_beyond_the_schema_has_a_code_of_its_own() {
    let rule = |rule: &str, code: &str| {
        let at = "/schema/0/properties/0/quality/0";
        check_properties(
            &format!("  - name: a\n    quality:\n    - {rule}\n"),
            &[&format!("{code} 11").replace('@', at)],
        );
    };
    rule("{metric: duplicateValues, mustBe: 0, arguments: {x: 1}}", "error semantic unknown-argument @/arguments/x");
    rule(
        "{metric: invalidValues, mustBe: 0, arguments: {pattern: 1}}",
        "error semantic bad-argument @/arguments/pattern",
    );
    rule("{type: sql, query: 'select count(', mustBe: 0}", "error semantic bad-query @/query");
    rule("{type: custom, engine: cel, implementation: 'value >'}", "error semantic bad-expression @/implementation");
    check_properties(
        "  - name: a\n    primaryKeyPosition: 1\n  - name: b\n    logicalType: string\n    logicalTypeOptions: {format: iban}\n",
        &[
            "warning semantic idle-key /schema/0/properties/0 9",
            "warning semantic unmeasured-format /schema/0/properties/1/logicalTypeOptions/format 13",
        ],
    );
    check(&format!("{HEAD}schema:\n- name: o\n"), &["warning semantic no-topic  1"]);
    check(&format!("{HEAD}schema:\n- name: 'a b'\n  physicalType: topic\n"), &["error semantic bad-topic /schema/0 6"]);
}

#[test]
fn references_lead_to_what_exists() {
    let of = |rest: &str| format!("  - name: a\n    physicalName: f\n    relationships:\n    - to: {rest}\n");
    // None says for how long a key may be referred to, and one leads out of the contract.
    for right in ["o.a", "o.f", "schema/o/properties/a", "other.yaml#schema/x/properties/y"] {
        check_properties(&of(right), &["warning semantic unmeasured /schema/0/properties/0/relationships/0 12"]);
    }
    let at = "semantic unknown-element /schema/0/properties/0/relationships/0/to 12";
    check_properties(&of("o.b"), &[&format!("error {at}")]);
    check_properties(&of("x.b"), &[&format!("warning {at}")]);
    let sla = |element: &str| {
        format!("  - name: a\nslaProperties:\n- property: endOfLife\n  value: 2030-01-01\n  element: {element}\n")
    };
    check_properties(&sla("o.a, o"), &[]);
    check_properties(&sla("o.b"), &["error semantic unknown-element /slaProperties/0 11"]);
    check_properties(&sla("x.b"), &["error semantic unknown-element /slaProperties/0 11"]);
    check_properties(&sla("x.a"), &["warning semantic unknown-element /slaProperties/0 11"]);
}

#[test]
fn subject_versions_are_checked_with_their_rules() {
    let rule = |keys: &str| {
        format!(
            r#"{{"schema": "{{\"type\": \"record\", \"name\": \"R\", \"fields\": []}}", "ruleSet": {{"domainRules": [{{"name": "r", "kind": "CONDITION", {keys}}}]}}}}"#
        )
    };
    check(
        &rule(r#""mode": "READ", "type": "OTHER", "tags": null"#),
        &["warning semantic unmeasured-type /ruleSet/domainRules/0 1"],
    );
    let at = "/ruleSet/domainRules/0 1";
    check(&rule(r#""mode": "UPGRADE", "type": "CEL", "expr": "true""#), &[&format!("error semantic wrong-mode {at}")]);
    check(
        &rule(r#""mode": "READ", "type": "CEL", "expr": "true", "onFailure": "DLQ,NONE""#),
        &[&format!("error semantic wrong-action {at}")],
    );
    check(r#"{"schema": "\"string\""}"#, &["warning semantic no-record /schema 1"]);
    check(r#"{"schema": "{"}"#, &["error semantic bad-schema /schema 1"]);
    check(r#"{"schemaType": "JSON", "schema": "1"}"#, &["error semantic bad-schema /schema 1"]);
    check(r#"{"schemaType": "XML", "schema": "x"}"#, &["error schema unknown-word /schemaType 1"]);
}

#[test]
fn the_standard_is_told_by_version_else_by_kind_else_by_content() {
    let check = |text: &str, expected: Option<Kind>| assert_eq!(lint(text, &|_| true).kind, expected, "{text}");
    check("apiVersion: v3.1.0", Some(Kind::Odcs));
    check("apiVersion: v1.0.0\nkind: DataContract", Some(Kind::Odps));
    check("kind: DataProduct", Some(Kind::Odps));
    check("outputPorts: []", Some(Kind::Odps));
    check("schema: '{}'", Some(Kind::Registry));
    check("schema: []", Some(Kind::Odcs));
    check("[]", Some(Kind::Odcs));
    check("a: [", None);
}

#[test]
fn editions_differ_where_they_do() {
    let check = |text: &str, older: bool, newer: bool| {
        let root = yaml::parse(text).unwrap();
        let holds = |edition| structure(&root, edition).is_empty();
        assert_eq!((holds(Edition::Odcs31), holds(Edition::Odcs32)), (older, newer), "{text}");
    };
    let contract =
        |rest: &str| format!("kind: DataContract\napiVersion: v3.1.0\nid: c\nversion: '1'\nstatus: active\n{rest}\n");
    check(&contract(""), true, true);
    check(&contract("").replace("status: active\n", ""), false, true);
    check(&contract("").replace("v3.1.0", "v3.2.0"), false, true);
    check(&contract("").replace("v3.1.0", "v3.0.2"), true, true);
    check(&contract("context: ask"), false, true);
    check(&contract("schema: [{name: a, id: 'ä:b'}]"), false, true);
    check(&contract("schema: [{name: a, properties: [{name: p, enum: [{value: 1}]}]}]"), false, true);
    check(&contract("servers: [{server: s, type: mysql, host: h, port: '1', database: d}]"), false, true);
    check(&contract("servers: [{server: s, type: mysql, host: h, port: 1.0, database: d}]"), true, true);
    check(&contract("servers: [{server: s, type: athena, schema: x}]"), false, true);
    check(&contract("servers: [{server: s, type: exasol, host: h}]"), false, true);
    check(&contract("schema: [{name: a, properties: [{name: p, logicalTypeOptions: {}}]}]"), true, true);
    check(&contract("schema: [{name: a, properties: [{name: p, logicalTypeOptions: {minLength: 1}}]}]"), false, false);
    check(&contract("schema: [{name: a, properties: [{name: p, items: {}, properties: []}]}]"), true, true);
    check(&contract("schema: [{name: a, properties: [{name: p, logicalType: date, items: {}}]}]"), false, false);
    check(&contract("slaProperties: [{property: p, value: null}]"), true, true);
    check(&contract("slaProperties: [{property: p, value: []}]"), false, false);
    check(&contract("schema: [{name: a, relationships: [{from: a.b, to: [a.b]}]}]"), false, false);
    check(&contract("schema: [{name: a, relationships: [{from: a.b-c, to: a.b.c}]}]"), false, true);
}

#[test]
fn equal_is_what_json_calls_equal() {
    let check = |a: &str, b: &str, expected: bool| {
        assert_eq!(shape::same(&yaml::parse(a).unwrap(), &yaml::parse(b).unwrap()), expected, "{a} {b}");
    };
    check("1", "1.0", true);
    check("{a: 1, b: [2]}", "{b: [2.0], a: 1}", true);
    check("1", "'1'", false);
    check("[1, 2]", "[2, 1]", false);
    check("{a: null}", "{}", false);
}

mod codes;
