//! Dry runs: lines against contracts, and what is told of each rule.

use super::*;
use crate::engine::contract::odcs;
use crate::engine::trial::report::{self, CheckLine, Origin, Report};

/// 2026-11-28T14:00:00Z.
const NOW: i64 = 1_795_874_400_000;
const HEAD: &str = "kind: DataContract\napiVersion: v3.1.0\nid: c\nversion: 1.2.0\nstatus: active\n";

fn tried(contract: &str, schema: Option<&str>, lines: &str) -> Report {
    let parsed = odcs::parse(&format!("{HEAD}{contract}"));
    let contract = parsed.contract.unwrap_or_else(|| panic!("{:?}", parsed.problems));
    let mut trial = Trial::of_json(&contract, schema, NOW).expect("such an object");
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
fn what_is_written_for_people_is_named_and_moves_nothing() {
    check(
        "properties:\n- name: id\n  quality:\n  - {id: why, type: text, description: Given by the shop.}\n  - {metric: nullValues, mustBe: 0}\nquality:\n- {type: text, description: Each once.}",
        &[r#"{"id":1}"#],
        [1, 1, 0, 0],
        "pass",
        &[
            "id nullValues pass 0/1 0 rows = 0",
            "id text skip: it is written for people",
            "- text skip: it is written for people",
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
    assert_eq!(Trial::of_json(&contract, Some("d"), NOW).err(), Some(vec!["a".into(), "b".into(), "c".into()]));
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

#[test]
fn service_levels_are_measured_by_the_times_of_records_against_the_clock() {
    let contract = "schema:\n- name: orders\n  properties:\n  - {name: at, logicalType: timestamp}\n  - {name: seen, physicalName: seen_ms, logicalType: timestamp, physicalType: long}\n  - {name: born, classification: pii}\nslaProperties:\n- {id: f, property: Freshness, value: 30, unit: m, element: orders.at}\n- {property: re, value: P1D, element: orders.at}\n- {property: latency, value: 2, unit: s, element: 'orders.at, orders.seen'}\n- {property: frequency, value: 1, unit: h, element: orders.at}\n- {property: throughput, value: 10, unit: records/d, element: orders.at}\n- {property: freshness, value: 1}\n- {property: retention, value: 3, unit: y, element: orders.born}\n- {property: availability, value: 99.9, unit: percent}\n- {property: latency, value: 1, element: orders.none}\n- {property: endOfLife, value: '2042-05-12T09:30:10-08:00'}\n";
    let lines = "{\"at\":\"2026-11-28T13:00:00Z\",\"seen_ms\":1795870801500}\n{\"at\":\"2026-11-28T13:45:00Z\",\"seen_ms\":1795873503000}\n{\"at\":\"2026-11-28T09:00:00+00:00\"}\n{\"at\":\"soon\",\"born\":\"2000-01-01\"}";
    let report = tried(contract, None, lines);
    let found: Vec<_> = report
        .checks
        .iter()
        .filter(|c| c.rule != "logicalType")
        .map(|c| {
            let measured = c.measured.map_or("-".to_owned(), |m| format!("{m:.2}"));
            let expected = c.expected.as_deref().unwrap_or("-");
            format!("{} {} {measured} {expected} {}/{}", c.rule, c.verdict, c.failed, c.total)
        })
        .collect();
    assert_eq!(
        found,
        [
            "freshness pass 15.00 <= 30 m 0/3",
            "retention pass 18000.00 <= 86400 s 0/3",
            "latency fail 3.00 <= 2 s 1/2",
            "frequency fail 4.00 <= 1 h 0/3",
            "throughput pass 15.16 >= 10 records/d 0/3",
            "freshness unknown - <= 1 d 0/0",
            "retention unknown - <= 3 y 0/0",
            "availability unknown - >= 99.9 percent 0/0",
            "latency unknown - - 0/0",
            "endOfLife unknown - - 0/0",
        ]
    );
    assert_eq!((report.checks[2].id.as_deref(), report.checks[2].property.as_deref()), (Some("f"), Some("at")));
    let unknown: Vec<_> =
        report.checks.iter().filter(|c| c.verdict == "unknown").map(|c| c.reason.as_deref()).collect();
    assert!(unknown.iter().all(|reason| reason.is_some_and(|reason| !reason.is_empty())), "{unknown:?}");
}

#[test]
fn an_expression_of_now_is_asked_at_the_time_that_it_is_taken_to_be() {
    for (expression, verdict) in [
        ("now == timestamp('2026-11-28T14:00:00Z')", "pass"),
        ("timestamp(at) < now", "pass"),
        ("timestamp(at) + duration('2h') < now", "fail"),
    ] {
        let contract = format!(
            "schema:\n- name: o\n  properties: [{{name: at}}]\n  quality: [{{type: custom, engine: cel, implementation: \"{expression}\"}}]\n"
        );
        assert_eq!(tried(&contract, None, "{\"at\":\"2026-11-28T13:00:00Z\"}").verdict, verdict, "{expression}");
    }
}

#[test]
fn rules_about_keys_and_headers_are_unknown_of_lines_and_measured_of_records() {
    let text = "kind: DataContract\napiVersion: v3.1.0\nid: c\nversion: 1.0.0\nstatus: active\nschema:\n- name: o\n  customProperties:\n  - {property: steward.headers, value: [{name: a, required: true}]}\n  - {property: steward.key, value: {required: true}}\n";
    let contract = odcs::parse(text).contract.expect("a contract");
    let of =
        |trial: &Trial| -> Vec<String> { report::of(trial, "odcs", Origin::Topic).checks.iter().map(told).collect() };
    let mut lines = Trial::of_json(&contract, None, 0).expect("an object");
    lines.line(1, b"{}");
    assert_eq!(
        of(&lines),
        ["@key required", "@headers.a required"].map(|rule| format!("{rule} unknown: {NOT_IN_A_FILE}"))
    );
    let mut records = Trial::of(&contract, None, 0).expect("an object");
    let listed: Vec<(&[u8], Option<&[u8]>)> = vec![(b"b", Some(b"x"))];
    let record = RawRecord { key: Some(b"k"), value: Some(b"{}"), headers: Some(&listed), ..RawRecord::empty(0) };
    records.record(&record, FILE).expect("JSON needs no schema");
    assert_eq!(of(&records), ["@key required pass 0/1 0 rows = 0", "@headers.a required fail 1/1 1 rows = 0"]);
}

#[test]
fn keys_and_values_of_a_map_are_each_asked_and_counted_by_records() {
    check(
        r#"properties:
- name: prices
  logicalType: map
  map:
    key: {logicalType: string, logicalTypeOptions: {pattern: '^[A-Z]{3}$'}}
    value: {logicalType: number, required: true, logicalTypeOptions: {minimum: 0}}
- name: details
  logicalType: map
  map:
    key: {logicalType: integer, logicalTypeOptions: {minimum: 1}, quality: [{type: custom, engine: cel, implementation: 'int(value) > 0'}]}
    value:
      logicalType: object
      properties:
      - {name: title, required: true}
      - {name: parts, items: {properties: [{name: n, unique: true, logicalType: integer}]}}"#,
        &[
            r#"{"prices":{"EUR":1,"USD":2},"details":{"1":{"title":"a","parts":[{"n":1},{"n":1}]}}}"#,
            r#"{"prices":{"eur":-1,"usd":-2,"GBP":null},"details":{"2":{},"0":{"title":"b","parts":[{"n":"x"}]}}}"#,
            r#"{"prices":{},"details":null}"#,
            r#"{"prices":[1]}"#,
        ],
        [4, 4, 0, 0],
        "fail",
        &[
            "prices logicalType fail 1/4 1 rows = 0",
            "prices{key} logicalType pass 0/2 0 rows = 0",
            "prices{key} pattern fail 1/2 1 rows = 0",
            "prices{value} required fail 1/2 1 rows = 0",
            "prices{value} logicalType pass 0/2 0 rows = 0",
            "prices{value} minimum fail 1/2 1 rows = 0",
            "details logicalType pass 0/2 0 rows = 0",
            "details{key} logicalType unknown: the keys of a map are texts in a record, and of no other type",
            "details{key} minimum unknown: the keys of a map are texts in a record, and of no other type",
            "details{key} custom fail 1/2 1 rows = 0",
            "details{value} logicalType pass 0/2 0 rows = 0",
            "details{value}.title required fail 1/2 1 rows = 0",
            "details{value}.parts[].n unique unknown: uniqueness among the items of arrays and maps is not measured",
            "details{value}.parts[].n logicalType fail 1/2 1 rows = 0",
        ],
    );
}
