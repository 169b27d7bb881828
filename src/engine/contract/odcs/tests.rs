//! What a contract's text gives, and what is told of its mistakes.

use super::{Parsed, parse};
use crate::engine::contract::compile;
use crate::engine::contract::name::TEXT_MAX;
use crate::engine::contract::problem::{Level, Problem};
use proptest::prelude::{any, proptest};

const EXAMPLE: &str = include_str!("../../../../config/contracts/orders.odcs.yaml");
const HEAD: &str = "kind: DataContract\napiVersion: v3.1.0\nid: c\nversion: 1.0.0\nstatus: active\nschema:\n- name: o\n  physicalType: topic\n";

/// Every text gives a problem whose words, path and line are as expected; the rest of the contract is still read.
fn check(text: &str, expected: &[(Level, &str, &str, Option<u64>)]) -> Parsed {
    let parsed = parse(text);
    let found: Vec<_> = parsed.problems.iter().map(Problem::to_string).collect();
    assert_eq!(parsed.problems.len(), expected.len(), "{text}\n{found:#?}");
    for (problem, (level, path, words, line)) in parsed.problems.iter().zip(expected) {
        assert!(problem.message.contains(words), "{problem} has no {words:?}");
        assert_eq!((problem.level, problem.path.as_str(), problem.line), (*level, *path, *line), "{problem}");
        assert!(!problem.remedy.is_empty());
    }
    parsed
}

use Level::{Error, Warning};

#[test]
fn the_example_contract_is_without_fault() {
    let contract = check(EXAMPLE, &[]).contract.unwrap();
    assert_eq!(contract.product().to_string(), "sales/orders");
    assert_eq!((contract.owner.as_str(), contract.objects[0].topic.as_str()), ("order-desk", "orders"));
}

#[test]
fn all_mistakes_are_told_at_once_with_their_places() {
    let text = format!(
        "{HEAD}  properties:\n  - name: a\n    required: yes\n    logicalType: strnig\n  - logicalType: string\n  - name: b\n    logicalType: integer\n    logicalTypeOptions:\n      precision: 3\n      multipleOf: 0\n    quality:\n    - metric: nullValues\n      mustBe: 0\n      dimension: validity\n      severity: 1\ncolour: red\n"
    );
    let parsed = check(
        &text,
        &[
            (Error, "/schema/0/properties/0", "logicalType \"strnig\"", Some(10)),
            (Error, "/schema/0/properties/0/required", "required is a text", Some(11)),
            (Error, "/schema/0/properties/1", "no name", Some(13)),
            (Error, "/schema/0/properties/2/logicalTypeOptions/precision", "precision", Some(17)),
            (Error, "/schema/0/properties/2/logicalTypeOptions/multipleOf", "multipleOf", Some(18)),
            (Error, "/schema/0/properties/2/quality/0", "dimension", Some(20)),
            (Error, "/schema/0/properties/2/quality/0/severity", "severity", Some(23)),
            (Error, "/colour", "colour", Some(24)),
        ],
    );
    assert_eq!(parsed.contract.unwrap().objects[0].properties.len(), 2);
}

#[test]
fn what_is_no_contract_gives_none() {
    let cases = [
        ("a: [1", "", 1),
        ("", "the document is nothing", 1),
        ("- 1", "the document is a list", 1),
        ("kind: DataProduct\nid: x\n", "DataProduct", 1),
        ("kind: DataContract\napiVersion: v3.1.0\nversion: 1.0.0\nstatus: active\n", "no id", 2),
    ];
    for (text, words, count) in cases {
        let parsed = parse(text);
        assert!(parsed.contract.is_none(), "{text}");
        assert_eq!(parsed.problems.len(), count, "{text}: {:?}", parsed.problems);
        assert!(parsed.problems.iter().any(|p| p.message.contains(words)), "{text}: {:?}", parsed.problems);
    }
}

#[test]
fn custom_properties_of_the_daemon_are_read_and_their_mistakes_told() {
    let custom =
        |lines: &str| format!("{HEAD}  properties: [{{name: at, physicalName: ts}}]\ncustomProperties:\n{lines}");
    let good = check(
        &custom(
            "- {property: steward.eventTimeField, value: at}\n- {property: steward.declaredDelay, value: 5m}\n- {property: steward.incident, value: {failing: 2, of: 3}}\n- {property: other, value: 1}\n",
        ),
        &[],
    );
    let contract = good.contract.unwrap();
    let object = &contract.objects[0];
    assert_eq!(object.event_time.as_ref().map(ToString::to_string).as_deref(), Some("ts"));
    assert_eq!((object.declared_delay_ms, contract.incident.failing, contract.incident.of), (300_000, 2, 3));
    let cases = [
        ("steward.sample, value: 1.5", Error, "no share"),
        ("steward.sample, value: 0", Error, "no share"),
        ("steward.sample, value: '0.1'", Error, "no share"),
        ("steward.inputs, value: orders", Error, "no list of names"),
        ("steward.inputs, value: [orders, 7]", Error, "no list of names"),
        ("steward.runbook, value: x", Warning, "not enforced"),
        ("steward.mode, value: block", Error, "observe, warn or enforce"),
        ("steward.eventTimefield, value: at", Error, "not known"),
        ("steward.eventTimeField, value: 'at[]'", Error, "not one field"),
        ("steward.eventTimeField, value: zz", Warning, "no property"),
        ("steward.declaredDelay, value: 5", Error, "no span of time"),
        ("steward.incident, value: {failing: 3, of: 2}", Error, "not understood"),
        ("steward.encoding, value: xml", Error, "not understood"),
        ("steward.encoding, value: avro", Error, "no steward.avroSchema"),
        ("steward.avroSchema, value: '{'", Error, "no Avro schema"),
        ("steward.avroSchema, value: {type: record, name: R}", Error, "no Avro schema"),
        ("steward.avroSchema, value: [int]", Error, "no record"),
    ];
    for (line, level, words) in cases {
        let text = custom(&format!("- {{property: {line}}}\n"));
        check(&text, &[(level, "/customProperties/0/value", words, Some(11))]);
    }
}

#[test]
fn a_rule_says_its_mode_before_its_contract_does() {
    let mode = |word: &str| format!("customProperties: [{{property: steward.mode, value: {word}}}]");
    let rule = |metric: &str, word: &str| format!("{{metric: {metric}, mustBe: 0, {}}}", mode(word));
    let text = |rules: &str| {
        let of_contract = mode("observe");
        format!("{HEAD}  properties: [{{name: at, required: true, quality: [{rules}]}}]\n{of_contract}\n")
    };
    let rules = format!("{}, {{metric: nullValues, mustBe: 0}}", rule("nullValues", "enforce"));
    let plan = compile::compile(&check(&text(&rules), &[]).contract.unwrap());
    let modes: Vec<&str> = plan.rules.iter().map(|rule| rule.mode.word()).collect();
    assert_eq!((modes, plan.mode.word()), (vec!["observe", "enforce", "observe"], "observe"));
    let place = "/schema/0/properties/0/quality/0";
    check(&text(&rule("duplicateValues", "enforce")), &[(Warning, place, "puts no record aside", Some(9))]);
    let value = format!("{place}/customProperties/0/value");
    check(&text(&rule("nullValues", "stop")), &[(Error, &value, "observe, warn or enforce", Some(9))]);
}

#[test]
fn an_object_says_how_its_records_are_encoded_before_its_contract_does() {
    let schema = "{property: steward.avroSchema, value: {type: record, name: R, fields: [{name: a, type: int}]}}";
    let encoding = |word: &str| format!("{{property: steward.encoding, value: {word}}}");
    for (of_object, of_contract, expected) in [
        (String::new(), String::new(), "Unsaid"),
        (schema.into(), String::new(), "Avro("),
        (String::new(), schema.into(), "Avro("),
        (encoding("json"), String::new(), "Json"),
        (encoding("registry"), encoding("json"), "Registry(None)"),
        (encoding("registry"), schema.into(), "Registry(Some("),
        (encoding("avro"), schema.into(), "Avro("),
    ] {
        let text = format!("{HEAD}  customProperties: [{of_object}]\ncustomProperties: [{of_contract}]\n");
        let found = format!("{:?}", check(&text, &[]).contract.unwrap().objects[0].encoding);
        assert!(found.starts_with(expected), "{text}: {found}");
    }
}

#[test]
fn a_second_use_of_an_id_and_a_format_that_is_not_read_are_told() {
    let text = format!(
        "{HEAD}  quality:\n  - {{id: x, metric: rowCount, mustBe: 0}}\n  - {{id: x, metric: rowCount, mustBe: 1}}\nservers:\n- {{server: s, type: kafka, host: h, format: thrift}}\n"
    );
    check(
        &text,
        &[
            (Error, "", "the id x of schema/o/quality/x is used before", Some(1)),
            (Warning, "/servers/0", "thrift", Some(13)),
        ],
    );
}

#[test]
fn an_id_without_end_is_told_short() {
    let (given, field) = ("x".repeat(100_000), "f".repeat(300));
    let text = format!(
        "kind: DataContract\napiVersion: v3.1.0\nid: c\nversion: 1.0.0\nstatus: active\nschema:\n- name: o\n  \
         physicalType: topic\n  quality:\n  - {{id: {given}, type: library, metric: rowCount, mustBeGreaterThan: 0}}\n  \
         properties:\n  - {{name: {field}, required: true}}\n"
    );
    let parsed = parse(&text);
    let told: Vec<_> = parsed.problems.iter().map(|p| (p.level, p.message.len() < 400)).collect();
    assert_eq!(told, [(Level::Warning, true); 2], "{:?}", parsed.problems);
    let plan = compile::compile(&parsed.contract.expect("a contract"));
    for rule in &plan.rules {
        assert_eq!(rule.id.len(), TEXT_MAX, "{}", rule.id);
        assert!(rule.relates_to.len() <= TEXT_MAX, "{}", rule.relates_to);
    }
    assert_eq!(plan.rules.len(), 2);
}

proptest! {
    /// Whatever is cut out of or written into a contract, it is read without a panic.
    #[test]
    fn no_text_makes_the_reader_panic(at in 0..EXAMPLE.len(), len in 0..40_usize, put in any::<String>()) {
        let floor = |mut i: usize| {
            while !EXAMPLE.is_char_boundary(i) {
                i -= 1;
            }
            i
        };
        let (from, to) = (floor(at), floor((at + len).min(EXAMPLE.len())));
        let parsed = parse(&format!("{}{put}{}", &EXAMPLE[..from], &EXAMPLE[to..]));
        parsed.contract.as_ref().map(crate::engine::contract::compile::compile);
    }
}

#[test]
fn a_horizon_is_that_of_the_rule_else_of_its_object() {
    let horizon = |value: &str| format!("customProperties: [{{property: steward.uniquenessHorizon, value: {value}}}]");
    let text = format!(
        "{HEAD}  {}\n  properties:\n  - name: a\n    unique: true\n    quality:\n    - {{metric: duplicateValues, mustBe: 0, {}}}\n    - {{metric: nullValues, mustBe: 0}}\n",
        horizon("24h"),
        horizon("30m")
    );
    let plan = compile::compile(&check(&text, &[]).contract.unwrap());
    let spans: Vec<_> = plan.rules.iter().map(|rule| rule.horizon_ms).collect();
    assert_eq!(spans, [Some(86_400_000), Some(1_800_000), None]);
    let horizons: Vec<_> = plan.horizons.iter().map(|h| (h.rule, h.span_ms)).collect();
    assert_eq!(horizons, [(0, 86_400_000), (1, 1_800_000)]);
    let path = "/schema/0/customProperties/0/value";
    for (value, words) in
        [("4d", "no span of time up to 3 d"), ("soon", "no span of time"), ("24", "understood on an object or a rule")]
    {
        check(&format!("{HEAD}  {}\n", horizon(value)), &[(Error, path, words, Some(9))]);
    }
    let rule = format!("{HEAD}  quality:\n  - {{metric: rowCount, mustBe: 0, {}}}\n", horizon("1h"));
    check(
        &rule,
        &[(Error, "/schema/0/quality/0/customProperties/0/value", "asks rules about duplicates alone", Some(10))],
    );
}
