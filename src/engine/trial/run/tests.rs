//! Dry runs: lines against contracts, and what is told of each rule.

use super::*;
use crate::engine::contract::odcs;
use crate::engine::trial::report::{self, CheckLine, Origin, Report};

const HEAD: &str = "kind: DataContract\napiVersion: v3.1.0\nid: c\nversion: 1.2.0\nstatus: active\n";

fn tried(contract: &str, schema: Option<&str>, lines: &str) -> Report {
    let parsed = odcs::parse(&format!("{HEAD}{contract}"));
    let contract = parsed.contract.unwrap_or_else(|| panic!("{:?}", parsed.problems));
    let mut trial = Trial::of_json(&contract, schema).expect("such an object");
    for (number, line) in (1..).zip(lines.lines()) {
        trial.line(number, line.as_bytes());
    }
    report::of(&trial, "odcs", Origin::File)
}

/// `amount invalidValues fail 2/5 40 percent < 10`, or the reason.
fn told(check: &CheckLine) -> String {
    let place = check.property.as_deref().unwrap_or("-");
    let head = format!("{place} {} {}", check.rule, check.verdict);
    match (check.measured, check.unit, &check.expected) {
        (Some(measured), Some(unit), Some(expected)) => {
            format!("{head} {}/{} {measured} {unit} {expected}", check.failed, check.total)
        }
        _ => format!("{head}: {}", check.reason.as_deref().unwrap_or_default()),
    }
}

/// Of an object `orders` with these keys: the counts `read decoded undecodable tombstones`, the verdict and each rule.
fn check(object: &str, lines: &[&str], counts: [u64; 4], verdict: &str, expected: &[&str]) {
    let indented: String = object.lines().map(|line| format!("  {line}\n")).collect();
    let report = tried(&format!("schema:\n- name: orders\n{indented}"), None, &lines.join("\n"));
    let r = report.records;
    assert_eq!([r.read, r.decoded, r.undecodable, r.tombstones], counts, "{object}");
    let found: Vec<String> = report.checks.iter().map(told).collect();
    assert_eq!(found, expected, "{object}");
    assert_eq!(report.verdict, verdict, "{object}: {found:?}");
}

#[test]
fn every_kind_of_rule_says_what_it_measured_and_what_was_expected() {
    check(
        "properties:\n- name: id\n  required: true\n  unique: true\n- name: amount\n  logicalType: number\n  logicalTypeOptions: {minimum: 0}\n  quality:\n  - {metric: invalidValues, arguments: {validValues: [1, 2]}, mustBeLessThan: 10, unit: percent, severity: warning}\nquality:\n- {metric: rowCount, mustBeBetween: [1, 5]}",
        &[
            r#"{"id":1,"amount":1}"#,
            r#"{"id":2,"amount":-1}"#,
            r#"{"id":2,"amount":2}"#,
            r#"{"amount":"x"}"#,
            r#"{"id":4,"amount":1}"#,
        ],
        [5, 5, 0, 0],
        "fail",
        &[
            "id required fail 1/5 1 rows = 0",
            "id unique fail 1/4 1 rows = 0",
            "amount logicalType fail 1/5 1 rows = 0",
            "amount minimum fail 1/4 1 rows = 0",
            "amount invalidValues warn 2/5 40 percent < 10",
            "- rowCount fail 0/5 5 rows > 1 and < 5",
        ],
    );
}

#[test]
fn a_percentage_is_of_all_records_also_of_those_that_have_nothing_to_ask() {
    check(
        "properties:\n- name: a\n  quality:\n  - {metric: invalidValues, arguments: {validValues: [1]}, mustBeLessThan: 30, unit: percent}\n  - {metric: invalidValues, arguments: {validValues: [1]}, mustBe: 1}\n- name: b\n  properties:\n  - name: c\n    quality: [{metric: nullValues, mustBe: 25, unit: percent}]\n- name: d\n  items:\n    quality: [{metric: invalidValues, arguments: {pattern: x}, mustBe: 50, unit: percent}]",
        &[
            r#"{"a":1,"b":{"c":null}}"#,
            r#"{"a":null,"d":[]}"#,
            r#"{"b":{"c":1},"d":["x","y"]}"#,
            r#"{"a":2,"d":["y","y"]}"#,
        ],
        [4, 4, 0, 0],
        "pass",
        &[
            "a invalidValues pass 1/4 25 percent < 30",
            "a invalidValues pass 1/2 1 rows = 1",
            "b.c nullValues pass 1/4 25 percent = 25",
            "d[] invalidValues pass 2/4 50 percent = 50",
        ],
    );
}

#[test]
fn what_is_no_record_is_counted_and_never_a_row_of_nulls() {
    check(
        "properties: [{name: id, required: true}]",
        &[r#"{"id":1}"#, "", "   ", "null", " null ", "{", "[1]", "3", r#"{"id":2}"#],
        [7, 2, 3, 2],
        "fail",
        &["id required pass 0/2 0 rows = 0"],
    );
    check(
        "properties: [{name: id, required: true}]",
        &["null"],
        [1, 0, 0, 1],
        "unknown",
        &["id required skip: asked of no row"],
    );
    check("properties: [{name: id}]", &[r#"{"id":1}"#], [1, 1, 0, 0], "pass", &[]);
}

#[test]
fn a_warning_and_what_cannot_be_measured_are_no_failure() {
    let warns = "properties:\n- name: id\n  quality: [{metric: nullValues, mustBe: 0, severity: warning}]";
    check(warns, &[r#"{"id":null}"#], [1, 1, 0, 0], "warn", &["id nullValues warn 1/1 1 rows = 0"]);
    let unknown = format!(
        "{warns}\nquality: [{{type: custom, engine: soda, implementation: x}}, {{metric: rowCount, mustBe: 1, unit: percent}}]"
    );
    check(
        &unknown,
        &[r#"{"id":null}"#],
        [1, 1, 0, 0],
        "unknown",
        &[
            "id nullValues warn 1/1 1 rows = 0",
            "- custom unknown: rules of the engine \"soda\" are not measured",
            "- rowCount unknown: rowCount in percent has no whole",
        ],
    );
}

#[test]
fn nested_fields_are_named_by_the_schema_and_found_by_their_physical_names() {
    check(
        "properties:\n- name: customer\n  properties:\n  - {name: zip, physicalName: zip_code, required: true}\n- name: tags\n  items: {logicalType: string}\n- {name: a, primaryKey: true, primaryKeyPosition: 2}\n- {name: b, primaryKey: true, primaryKeyPosition: 1}",
        &[
            r#"{"customer":{"zip_code":"1"},"tags":["x",1,2],"a":1,"b":1}"#,
            r#"{"customer":{"zip":"1"},"tags":[],"a":1,"b":1}"#,
        ],
        [2, 2, 0, 0],
        "fail",
        &[
            "customer.zip required fail 1/2 1 rows = 0",
            "tags[] logicalType fail 1/1 1 rows = 0",
            "a required pass 0/2 0 rows = 0",
            "b required pass 0/2 0 rows = 0",
            "- primaryKey fail 1/2 1 rows = 0",
        ],
    );
}

#[test]
fn the_object_is_the_first_of_the_document_or_the_one_that_is_named() {
    let two = "schema:\n- {name: a, physicalType: table, properties: [{name: x, required: true}]}\n- {name: b, physicalType: topic, properties: [{name: y, required: true}]}\n- {name: c, properties: [{name: z}]}\n";
    for (schema, expected) in [(None, "a.x"), (Some("a"), "a.x"), (Some("b"), "b.y")] {
        let report = tried(two, schema, "{}");
        let found: Vec<_> =
            report.checks.iter().map(|c| format!("{}.{}", c.schema, c.property.as_deref().unwrap_or("-"))).collect();
        assert_eq!(found, [expected], "{schema:?}");
    }
    assert!(tried(two, Some("c"), "{}").checks.is_empty());
    let contract = odcs::parse(&format!("{HEAD}{two}")).contract.expect("a contract");
    assert_eq!(Trial::of_json(&contract, Some("d")).err(), Some(vec!["a".into(), "b".into(), "c".into()]));
}

#[test]
fn a_rule_carries_the_words_of_the_contract_and_no_others() {
    let of = |rule: &str| tried(&format!("schema:\n- name: o\n  quality: [{rule}]\n"), None, "{}").checks.remove(0);
    let named = of("{id: r, name: Rows, metric: rowCount, mustBe: 1, dimension: completeness, severity: high}");
    assert_eq!((named.id.as_deref(), named.name.as_deref()), (Some("r"), Some("Rows")));
    assert_eq!((named.dimension.as_deref(), named.severity.as_deref()), (Some("completeness"), Some("high")));
    let bare = of("{metric: rowCount, mustBe: 1}");
    assert_eq!((bare.id, bare.name, bare.dimension, bare.severity), (None, None, None, None));
}

#[test]
fn samples_are_masked_name_the_line_and_show_nothing_of_a_classified_field() {
    let report = tried(
        "schema:\n- name: o\n  properties:\n  - {name: a, logicalType: integer}\n  - {name: b, logicalType: integer, classification: confidential}\n",
        None,
        "{\"a\":\"secret\",\"b\":\"secret\"}\n\n{\"a\":1,\"b\":2}\n{\n",
    );
    let json = serde_json::to_string(&report).expect("plain data");
    assert!(!json.contains("secret"), "{json}");
    let samples: Vec<_> =
        report.checks.iter().flat_map(|c| &c.samples).map(|s| (s.line, s.reason.as_str(), s.value.as_str())).collect();
    assert_eq!(samples, [(Some(1), "wrong_type", "text(6)"), (Some(1), "wrong_type", "")]);
    assert_eq!(report.samples.iter().map(|s| s.line).collect::<Vec<_>>(), [Some(4)]);
}

#[test]
fn records_are_json_whatever_the_contract_says_of_its_topic() {
    let avro = "customProperties:\n- {property: steward.avroSchema, value: {type: record, name: R, fields: [{name: a, type: int}]}}\nschema:\n- {name: o, properties: [{name: a, required: true}]}\n";
    let report = tried(avro, None, "{\"a\":1}");
    assert_eq!((report.verdict, report.records.decoded), ("pass", 1));
}
