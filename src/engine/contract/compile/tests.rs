//! The rules that contracts compile into, their ids, and whose hash is whose.

use super::compile;
use crate::engine::contract::odcs;
use crate::engine::contract::plan::{Binding, Check, Plan, Plans, Threshold, Unit};
use crate::engine::contract::problem::Level;
use std::sync::Arc;

fn plan(text: &str) -> Plan {
    let parsed = odcs::parse(text);
    compile(&parsed.contract.unwrap_or_else(|| panic!("{:?}", parsed.problems)))
}

const HEAD: &str = "kind: DataContract\napiVersion: v3.1.0\nid: c\nversion: 1.0.0\nstatus: active\n";

fn of_orders(rest: &str) -> Plan {
    let indented: String = rest.lines().map(|line| format!("    {line}\n")).collect();
    plan(&format!("{HEAD}schema:\n  - name: orders\n    physicalType: topic\n{indented}"))
}

/// The rules of an object `orders`, as `id: field check`; what is unmeasured shows its reason.
fn check(rest: &str, expected: &[&str]) {
    let plan = of_orders(rest);
    let line = |rule: &crate::engine::contract::plan::Rule| {
        let field = rule.field.as_ref().map_or("-".to_owned(), ToString::to_string);
        format!("{}: {field} {:?}", rule.id, rule.check).replace("serde_json::Value::", "")
    };
    let found: Vec<String> = plan.rules.iter().map(line).collect();
    assert_eq!(found, expected, "{rest}");
}

#[test]
fn required_unique_and_key_are_one_rule_each() {
    check("properties:\n- name: a\n  required: true", &["orders.a.required: a Present"]);
    check(
        "properties:\n- name: a\n  required: false\n  unique: false\n  primaryKey: false\n  primaryKeyPosition: -1",
        &[],
    );
    check(
        "properties:\n- name: a\n  required: true\n  primaryKey: true",
        &["orders.a.required: a Present", r#"orders.a.primaryKey: a Unique([FieldPath([Name("a")])])"#],
    );
    check("properties:\n- name: a\n  unique: true", &[r#"orders.a.unique: a Unique([FieldPath([Name("a")])])"#]);
}

#[test]
fn a_key_of_several_fields_is_one_rule_of_the_object_in_the_order_of_positions() {
    check(
        "properties:\n- {name: a, primaryKey: true, primaryKeyPosition: 2}\n- {name: b, primaryKey: true, primaryKeyPosition: 1}",
        &[
            "orders.a.required: a Present",
            "orders.b.required: b Present",
            r#"orders.primaryKey: - Unique([FieldPath([Name("b")]), FieldPath([Name("a")])])"#,
        ],
    );
}

#[test]
fn nested_fields_and_items_have_their_paths_and_physical_names() {
    check(
        "properties:\n- name: customer\n  logicalType: object\n  properties:\n  - {name: zip, physicalName: zip_code, required: true}\n- name: lines\n  items:\n    required: true\n    properties:\n    - {name: sku, required: true, unique: true}",
        &[
            "orders.customer.logicalType: customer Valid(Type(Object))",
            "orders.customer.zip.required: customer.zip_code Present",
            "orders.lines[].required: lines[] Present",
            "orders.lines[].sku.required: lines[].sku Present",
            "orders.lines[].sku.unique: lines[].sku Unmeasured(\"uniqueness among the items of arrays and maps is not measured\")",
        ],
    );
}

#[test]
fn each_type_option_is_a_rule_of_its_own() {
    check(
        "properties:\n- name: a\n  logicalType: string\n  logicalTypeOptions: {minLength: 1, maxLength: 3, pattern: '^x', format: uuid}",
        &[
            "orders.a.logicalType: a Valid(Type(String))",
            "orders.a.minLength: a Valid(Length { min: Some(1), max: None })",
            "orders.a.maxLength: a Valid(Length { min: None, max: Some(3) })",
            "orders.a.pattern: a Valid(Pattern(Regex(\"^x\")))",
            "orders.a.format: a Valid(Format(Uuid))",
        ],
    );
    check(
        "properties:\n- name: a\n  logicalType: integer\n  logicalTypeOptions: {format: u8, exclusiveMaximum: 9}",
        &[
            "orders.a.logicalType: a Valid(Type(Integer))",
            "orders.a.exclusiveMaximum: a Valid(Number { minimum: None, maximum: None, exclusive_minimum: None, exclusive_maximum: Some(9.0), multiple_of: None })",
            "orders.a.format: a Valid(Fits { min: 0, max: 255 })",
        ],
    );
    check(
        "properties:\n- name: a\n  logicalType: object\n  logicalTypeOptions: {required: [x], maxProperties: 2}\n- name: b\n  logicalType: array\n  logicalTypeOptions: {minItems: 1, uniqueItems: true}\n- name: c\n  enum: [{value: 1}, {value: x}]",
        &[
            "orders.a.logicalType: a Valid(Type(Object))",
            "orders.a.maxProperties: a Valid(Properties { min: None, max: Some(2) })",
            "orders.a.requiredProperties: a Valid(Has([\"x\"]))",
            "orders.b.logicalType: b Valid(Type(Array))",
            "orders.b.minItems: b Valid(Items { min: Some(1), max: None, unique: false })",
            "orders.b.uniqueItems: b Valid(Items { min: None, max: None, unique: true })",
            "orders.c.enum: c Valid(OneOf([Number(1), String(\"x\")]))",
        ],
    );
}

#[test]
fn an_expression_is_a_rule_and_one_that_does_not_compile_says_where() {
    let of = |rule: &str| of_orders(&format!("properties:\n- name: a\n  quality:\n  - {rule}\nquality:\n- {rule}"));
    let plan = of("{type: custom, engine: cel, implementation: 'message.a > 1', mustBeLessThan: 5, unit: percent}");
    assert_eq!(plan.rules.len(), 2);
    for rule in &plan.rules {
        assert!(matches!(rule.check, Check::Holds(_)), "{rule:?}");
        assert_eq!((rule.metric, rule.threshold, rule.unit), ("custom", Threshold::LessThan(5.0), Unit::Percent));
    }
    let plan = of("{type: custom, engine: CEL, implementation: value > 1}");
    let [property, object] = plan.rules.as_slice() else { panic!("{:?}", plan.rules) };
    assert!(matches!(property.check, Check::Holds(_)) && property.threshold == Threshold::MustBe(0.0));
    let Check::Unmeasured(reason) = &object.check else { panic!("{object:?}") };
    assert_eq!(
        reason,
        "the expression does not compile: \"value\" is not known here; known are key, message, now, record (at character 1)"
    );
    let text = "type: custom\n    engine: cel\n    implementation: |\n      message.a > 1 &&\n        message.b >";
    let parsed = odcs::parse(&format!(
        "{HEAD}schema:\n  - name: orders\n    physicalType: topic\n    quality:\n    - {}",
        text.replace("\n", "\n  ")
    ));
    let told: Vec<_> = parsed.problems.iter().map(|p| (p.line, p.message.as_str())).collect();
    let what = "the expression does not compile: the end where an expression should stand (at line 3, character 1)";
    assert_eq!(told, [(Some(12), what)], "{:?}", parsed.problems);
}

#[test]
fn metrics_are_rules_and_what_cannot_be_measured_says_why() {
    check(
        "properties:\n- name: a\n  quality:\n  - {id: n, metric: nullValues, mustBe: 0}\n  - {metric: missingValues, mustBe: 0, arguments: {missingValues: [null, '']}}\n  - {metric: invalidValues, mustBe: 0, arguments: {validValues: [1], pattern: x}}\n  - {metric: duplicateValues, mustBe: 0, unit: percent}\n  - {type: text, description: for people}\nquality:\n- {metric: rowCount, mustBeBetween: [1, 3]}\n- {metric: duplicateValues, mustBe: 0, arguments: {properties: [a]}}",
        &[
            "n: a Null",
            "orders.a.missingValues: a Missing([Null, String(\"\")])",
            "orders.a.invalidValues: a Invalid { values: Some([Number(1)]), pattern: Some(Regex(\"x\")) }",
            r#"orders.a.duplicateValues: a Unique([FieldPath([Name("a")])])"#,
            "orders.rowCount: - RowCount",
            r#"orders.duplicateValues: - Unique([FieldPath([Name("a")])])"#,
        ],
    );
    check(
        "properties:\n- name: a\n  maxlength: 3\n  relationships: [{to: b.c}]\n  quality:\n  - {metric: nullValues}\n  - {metric: nullValues, mustBe: 0, mustNotBe: 1}\n  - {metric: nullValues, mustBe: x}\n  - {metric: nullValues, mustBe: 0, unit: kg}\n  - {metric: nullValues, mustBe: 0, filter: y}\n  - {metric: freshness, mustBe: 0}\n  - {mustBe: 0}\n  - {metric: invalidValues, mustBe: 0}\n  - {metric: invalidValues, mustBe: 0, arguments: {pattern: '('}}\n  - {metric: missingValues, mustBe: 0}\n  - {type: sql, query: select 1, mustBe: 0}\n  - {type: custom, engine: soda, implementation: x}\nquality:\n- {metric: rowCount, mustBeBetween: [3, 1]}\n- {metric: rowCount, mustBe: 0, unit: percent}\n- {metric: nullValues, mustBe: 0}\n- {metric: duplicateValues, mustBe: 0}\n- {metric: duplicateValues, mustBe: 0, arguments: {properties: [zz]}}",
        &[
            "orders.a.nullValues: a Unmeasured(\"no operator\")",
            "orders.a.nullValues.2: a Unmeasured(\"several operators: mustBe, mustNotBe\")",
            "orders.a.nullValues.3: a Unmeasured(\"mustBe is no number\")",
            "orders.a.nullValues.4: a Unmeasured(\"unit \\\"kg\\\" is not measured\")",
            "orders.a.nullValues.5: a Unmeasured(\"the rule has a key that is not understood: filter\")",
            "orders.a.unknown: a Unmeasured(\"no metric that can be measured\")",
            "orders.a.unknown.2: a Unmeasured(\"no metric that can be measured\")",
            "orders.a.invalidValues: a Unmeasured(\"neither arguments.validValues nor arguments.pattern\")",
            "orders.a.invalidValues.2: a Unmeasured(\"pattern \\\"(\\\" cannot be searched for: unclosed group\")",
            "orders.a.missingValues: a Unmeasured(\"no arguments.missingValues\")",
            "orders.a.sql: a Unmeasured(\"a SELECT without a table cannot be measured record by record\")",
            "orders.a.custom: a Unmeasured(\"rules of the engine \\\"soda\\\" are not measured\")",
            "orders.a.maxlength: a Unmeasured(\"the key maxlength is not understood\")",
            "orders.rowCount: - Unmeasured(\"mustBeBetween is no range\")",
            "orders.rowCount.2: - Unmeasured(\"rowCount in percent has no whole\")",
            "orders.nullValues: - Unmeasured(\"nullValues stands on an object\")",
            "orders.duplicateValues: - Unmeasured(\"no arguments.properties\")",
            "orders.duplicateValues.2: - Unmeasured(\"the object has no property zz\")",
            "orders.a.relationships: - Unmeasured(\"b.c is in no topic of this contract: name the other contract before it, as in customers#/schema/customers/properties/id\")",
        ],
    );
}

#[test]
fn a_repeated_id_gets_a_suffix_and_a_derived_id_never_takes_a_given_one() {
    let rest = "properties:\n- name: a\n  required: true\n  quality:\n  - {id: orders.a.required, metric: nullValues, mustBe: 0}\n  - {id: x, metric: nullValues, mustBe: 0}\n  - {id: x, metric: rowCount, mustBe: 0}";
    let plan = of_orders(rest);
    let ids: Vec<_> = plan.rules.iter().map(|r| r.id.as_str()).collect();
    assert_eq!(ids, ["orders.a.required.2", "orders.a.required", "x", "x.2"]);
    assert_eq!(plan.rules[3].relates_to, "schema/orders/properties/a/quality/x");
}

#[test]
fn classified_fields_hide_what_holds_them_and_what_they_hold() {
    let plan = of_orders(
        "properties:\n- name: open\n  required: true\n  classification: public\n- name: customer\n  required: true\n  properties:\n  - {name: email, required: true, classification: confidential}\n  - {name: city, required: true}\n- name: secret\n  tags: [PII]\n  properties: [{name: inner, required: true}]\n- name: custom\n  required: true\n  customProperties: [{property: containsPii, value: true}]\n- name: denied\n  required: true\n  customProperties: [{property: pii, value: false}]\nquality:\n- {id: k, metric: duplicateValues, mustBe: 0, arguments: {properties: [open, customer.email]}}\n- {id: l, metric: duplicateValues, mustBe: 0, arguments: {properties: [open]}}",
    );
    let classified: Vec<_> = plan.rules.iter().filter(|r| r.classified).map(|r| r.id.as_str()).collect();
    let expected = [
        "orders.customer.required",
        "orders.customer.email.required",
        "orders.secret.inner.required",
        "orders.custom.required",
        "k",
    ];
    assert_eq!(classified, expected);
}

#[test]
fn slas_are_rules_of_the_object_they_name_and_say_why_they_are_not_measured() {
    let plan = plan(&format!(
        "{HEAD}schema:\n- {{name: a, physicalType: TOPIC, physicalName: topic-a}}\n- {{name: b, physicalType: topic}}\n- {{name: t, physicalType: table}}\nslaProperties:\n- {{property: ly, value: 4, element: b.x}}\n- {{id: r, property: retention, value: 1}}\n- {{property: latency, value: 4, element: t.x}}\n"
    ));
    let found: Vec<_> = plan.rules.iter().map(|r| (r.object, r.id.as_str(), r.metric)).collect();
    assert_eq!(found, [(0, "r", "retention"), (1, "b.sla.ly", "latency")]);
    assert!(matches!(plan.rules[0].check, Check::Sla(_)), "{:?}", plan.rules[0].check);
    assert!(matches!(&plan.rules[1].check, Check::Unmeasured(why) if why.contains("no property of b")));
    assert_eq!((plan.objects[0].topic.as_str(), &plan.objects[1].rules), ("topic-a", &vec![1]));
}

#[test]
fn the_hash_follows_what_the_contract_says_and_not_how_it_is_written() {
    let a = plan(HEAD);
    let rewritten =
        "# a comment\nversion: '1.0.0'\nid: \"c\"\nstatus: active\napiVersion: v3.1.0\nkind: DataContract\n";
    assert_eq!(a.hash, plan(rewritten).hash);
    assert_ne!(a.hash, plan(&HEAD.replace("1.0.0", "1.0.1")).hash);
    assert_eq!(a.product.to_string(), "default/c");
    assert_eq!(
        plan(&format!("{HEAD}domain: a/b\nname: n\ndataProduct: my quantum\n")).product.to_string(),
        "a-b/my-quantum"
    );
}

#[test]
fn of_one_contract_the_highest_version_governs_and_old_ones_still_explain() {
    let of = |version: &str, extra: &str| {
        let head = HEAD.replace("1.0.0", version);
        Arc::new(plan(&format!("{head}{extra}schema: [{{name: t, physicalType: topic}}]\n")))
    };
    let cases = [
        (vec![of("1.2.0", ""), of("1.10.0", "")], "1.10.0", Some(Level::Warning)),
        (vec![of("2.0.0", ""), of("1.0.0", "")], "2.0.0", Some(Level::Warning)),
        (vec![of("1.0.0", ""), of("1.0.0", "name: other\n")], "1.0.0", Some(Level::Error)),
        (vec![of("1.0.0", ""), of("1.0.0", "")], "1.0.0", Some(Level::Warning)),
        (vec![of("1.0.0", "")], "1.0.0", None),
    ];
    for (given, governs, level) in cases {
        let first = given[0].hash;
        let (plans, problems) = Plans::build(given.clone());
        assert_eq!(problems.first().map(|p| p.level), level, "{problems:?}");
        let bindings: &[Binding] = &plans.by_topic["t"];
        assert_eq!(bindings.len(), 1);
        assert_eq!(bindings[0].plan.contract_version, governs);
        assert!(level != Some(Level::Error) || bindings[0].plan.hash == first);
        assert!(given.iter().all(|p| plans.by_hash.contains_key(&p.hash)));
    }
}
