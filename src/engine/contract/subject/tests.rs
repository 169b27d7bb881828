//! Subject versions as Confluent's registry answers them, tried on records.

use super::parse;
use super::tags::matches;
use crate::engine::check::record::Examiner;
use crate::engine::check::tally::Tally;
use crate::engine::contract::compile::compile;
use crate::engine::contract::plan::{Check, Plan, Validity};
use crate::engine::contract::problem::{Level, Problem};
use crate::engine::decode::framing::Encoding;
use crate::engine::record::{Position, RawRecord, TopicId};
use serde_json::{Value, json};

fn avro() -> Value {
    json!({"type": "record", "name": "Order", "namespace": "shop", "doc": "What was ordered.", "fields": [
        {"name": "id", "type": "string"},
        {"name": "age", "type": ["null", "int"], "default": null},
        {"name": "price", "type": "double"},
        {"name": "ssn", "type": "string", "confluent:tags": ["PII"]},
        {"name": "at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "customer", "type": {"type": "record", "name": "Customer", "fields": [
            {"name": "ssn", "type": ["null", "string"]},
            {"name": "friend", "type": ["null", "Customer"]},
        ]}},
        {"name": "labels", "type": {"type": "array", "items": "string"}, "confluent:tags": ["LABEL"]},
        {"name": "color", "type": {"type": "enum", "name": "Color", "symbols": ["RED"]}},
    ]})
}

fn version(kind: &str, schema: &Value, rules: Value) -> Value {
    json!({"subject": "orders-value", "version": 3, "id": 7, "schemaType": kind, "schema": schema.to_string(),
        "metadata": {"properties": {"owner": "order-desk"}, "tags": {"**.friend.*": ["X"], "shop.Customer.ssn": ["PII"]}},
        "ruleSet": {"domainRules": rules}})
}

fn rule(name: &str, kind: &str, expr: &str) -> Value {
    json!({"name": name, "kind": "CONDITION", "mode": "WRITE", "type": kind, "expr": expr})
}

fn with(rule: Value, key: &str, value: Value) -> Value {
    let mut rule = rule;
    rule[key] = value;
    rule
}

fn plan_of(text: &str) -> (Plan, Vec<String>) {
    let parsed = parse(text);
    let mut contract = parsed.contract.unwrap_or_else(|| panic!("{:?}", parsed.problems));
    contract.objects.iter_mut().for_each(|object| object.encoding = Encoding::Json);
    (compile(&contract), parsed.problems.into_iter().map(|p| p.message).collect())
}

/// What the rules that have a name counted of these records: asked and failed.
fn counts(text: &str, records: &[Value]) -> Vec<(String, u64, u64)> {
    let (plan, problems) = plan_of(text);
    assert_eq!(problems, Vec::<String>::new());
    let (mut examiner, mut tally) = (Examiner::new(&[0; 16]), Tally::default());
    for record in records {
        let value = record.to_string();
        let record = RawRecord {
            offset: 0,
            timestamp_ms: 1,
            key: None,
            value: Some(value.as_bytes()),
            schema_header: None,
            headers: None,
        };
        examiner.examine(&plan, &[0], &record);
        examiner.count(&plan, &record, Position { topic: TopicId(0), partition: 0 }, false, &mut tally);
    }
    let named = plan.rules.iter().zip(&tally.rules).filter_map(|(r, t)| Some((r.name.clone()?, t.asked, t.failed)));
    named.collect()
}

fn order(change: impl Fn(&mut Value)) -> Value {
    let mut order = json!({"id": "a", "age": 20, "price": 10, "ssn": "1", "at": 0, "customer": {"ssn": "2", "friend": null},
        "labels": ["x"], "color": "RED"});
    change(&mut order);
    order
}

#[test]
fn a_subject_version_is_a_contract_with_the_fields_of_its_schema() {
    let parsed = parse(&version("AVRO", &avro(), json!([])).to_string());
    assert_eq!(parsed.problems, vec![]);
    let contract = parsed.contract.expect("a contract");
    assert_eq!(
        (contract.id.as_str(), contract.version.as_str(), contract.owner.as_str()),
        ("orders-value", "3", "order-desk")
    );
    let object = &contract.objects[0];
    assert_eq!((object.name.as_str(), object.topic.as_str()), ("orders", "orders"));
    assert!(matches!(object.encoding, Encoding::Registry(None)));
    let told: Vec<_> = object.properties.iter().map(|p| (p.path.as_str(), p.required, p.classified)).collect();
    let expected = [
        ("id", true, false),
        ("age", false, false),
        ("price", true, false),
        ("ssn", true, true),
        ("at", true, false),
        ("customer", true, true),
        ("labels", true, false),
        ("color", true, false),
    ];
    assert_eq!(told, expected);
    let kinds: Vec<_> = object.properties.iter().filter_map(|p| p.kind.as_deref()).collect();
    assert_eq!(kinds, ["string", "int", "double", "string", "timestamp-millis", "shop.Customer", "array", "enum"]);
    assert_eq!(object.properties[6].children[0].path, "labels[]");
}

#[test]
fn conditions_are_asked_and_break_on_false_or_an_error() {
    let rules = json!([
        rule("adult", "CEL", "message.age >= 18"),
        rule("number", "CEL", "message.age"),
        with(rule("read", "CEL", "message.id != ''"), "mode", json!("READ")),
        with(rule("changes", "CEL", "message"), "kind", json!("TRANSFORM")),
        with(rule("off", "CEL", "false"), "disabled", json!(true)),
        rule("dear", "CEL", "message.price * 2.0 > 19.0"),
    ]);
    let records = [
        order(|_| {}),
        order(|o| o["age"] = json!(17)),
        order(|o| o["age"] = json!(null)),
        order(|o| o["id"] = json!("")),
        order(|o| o["price"] = json!(9.5)),
    ];
    let expected = [("adult", 5, 2), ("number", 5, 0), ("read", 5, 1), ("dear", 5, 1)];
    let expected: Vec<_> = expected.into_iter().map(|(name, asked, failed)| (name.to_owned(), asked, failed)).collect();
    assert_eq!(counts(&version("AVRO", &avro(), rules).to_string(), &records), expected);
}

#[test]
fn a_guard_that_is_not_true_skips_the_rule_which_then_holds() {
    let cases = [
        ("message.age > 18 ; message.id == 'b'", &[1, 0][..]),
        ("message.gone > 1 ; false", &[0, 0]),
        ("message.id ; false", &[0, 0]),
        ("true ; false", &[1, 1]),
        (" ; false", &[1, 1]),
        ("true ; message.id == 'a;b' || true", &[0, 0]),
        // The first `;` cuts, be it within a text.
        ("false ; message.id == 'a' ; 'b'", &[]),
    ];
    for (expr, failed) in cases {
        let text = version("AVRO", &avro(), json!([rule("r", "CEL", expr)])).to_string();
        if failed.is_empty() {
            let (plan, problems) = plan_of(&text);
            assert_eq!(problems.len(), 1, "{expr}");
            assert!(plan.rules.iter().any(|r| matches!(r.check, Check::Unmeasured(_))), "{expr}");
            continue;
        }
        let records = [order(|_| {}), order(|o| o["age"] = json!(10))];
        for (record, failed) in records.iter().zip(failed) {
            let found = counts(&text, std::slice::from_ref(record));
            assert_eq!(found, [("r".to_owned(), 1, *failed)], "{expr} {record}");
        }
    }
    let ignored =
        with(rule("r", "CEL", "message.id == 'a;b'"), "params", json!({"cel.ignore.guard.separator": "true"}));
    let text = version("AVRO", &avro(), json!([ignored])).to_string();
    assert_eq!(counts(&text, &[order(|o| o["id"] = json!("a;b"))]), [("r".to_owned(), 1, 0)]);
}

#[test]
fn a_rule_about_fields_asks_those_that_have_its_tags() {
    let tagged = |name: &str, expr: &str, tags: Value| with(rule(name, "CEL_FIELD", expr), "tags", tags);
    let rules = json!([
        tagged("pii", "value != '' && typeName == 'STRING'", json!(["PII"])),
        tagged("label", "name == 'labels' && fullName == 'shop.Order.labels' && value.size() < 3", json!(["LABEL"])),
        rule("texts", "CEL_FIELD", "typeName == 'STRING' ; value != 'bad'"),
        rule("doubles", "CEL_FIELD", "typeName == 'DOUBLE' ; value * 1.0 < 100.0"),
        tagged("of the record", "value == message.ssn || name != 'ssn' || fullName != 'shop.Order.ssn'", json!([])),
    ]);
    let rules = json!(
        rules
            .as_array()
            .unwrap()
            .iter()
            .map(|r| {
                let name = r["name"].as_str().unwrap().replace(' ', "_");
                with(r.clone(), "name", json!(name))
            })
            .collect::<Vec<_>>()
    );
    let records = [
        order(|_| {}),
        order(|o| o["ssn"] = json!("")),
        order(|o| o["customer"]["ssn"] = json!("")),
        order(|o| o["customer"]["ssn"] = json!(null)),
        order(|o| o["labels"] = json!(["x", "long"])),
        order(|o| o["labels"] = json!(["bad", "y"])),
        order(|o| o["price"] = json!(100)),
    ];
    let found = counts(&version("AVRO", &avro(), rules).to_string(), &records);
    let failed: Vec<_> = found.iter().map(|(name, _, failed)| (name.as_str(), *failed)).collect();
    assert_eq!(failed, [("pii", 3), ("label", 2), ("texts", 1), ("doubles", 1), ("of_the_record", 0)]);
    assert!(found.iter().all(|(_, asked, _)| *asked == 7));
}

#[test]
fn actions_that_are_all_none_make_a_warning() {
    for (actions, severity) in [
        (json!("NONE"), Some("warning")),
        (json!("NONE,NONE"), Some("warning")),
        (json!("ERROR"), None),
        (json!("DLQ"), None),
        (json!("ERROR,NONE"), None),
        (json!(null), None),
    ] {
        let rules = json!([with(rule("r", "CEL", "true"), "onFailure", actions.clone())]);
        let (plan, _) = plan_of(&version("AVRO", &avro(), rules).to_string());
        let found = plan.rules.iter().find(|r| r.name.as_deref() == Some("r")).expect("the rule");
        assert_eq!((found.severity.as_deref(), found.metric), (severity, "CEL"), "{actions}");
    }
}

#[test]
fn rules_in_the_schema_are_asked_of_what_they_stand_on() {
    let mut schema = avro();
    schema["confluent:rules"] = json!([{"name": "both", "expr": "this.price > 1.0 ? '' : 'too cheap'"}]);
    schema["fields"][1]["confluent:rules"] = json!([{"name": "grown", "expr": "this > 18"}]);
    schema["fields"][5]["type"]["confluent:rules"] = json!([{"name": "known", "expr": "this.ssn != ''"}]);
    schema["fields"][2]["confluent:rules"] = json!([{"expr": "this < 100.0 && this * 2.0 > 0.0"}]);
    let records = [
        order(|_| {}),
        order(|o| o["age"] = json!(null)),
        order(|o| o["age"] = json!(3)),
        order(|o| o["price"] = json!(1)),
        order(|o| o["customer"]["ssn"] = json!("")),
    ];
    let found = counts(&version("AVRO", &schema, json!([])).to_string(), &records);
    let expected = [("grown", 4, 1), ("rule0", 5, 0), ("known", 5, 1), ("known", 0, 0), ("both", 5, 1)];
    let expected: Vec<_> = expected.into_iter().map(|(name, asked, failed)| (name.to_owned(), asked, failed)).collect();
    assert_eq!(found, expected);
}

#[test]
fn a_json_schema_has_fields_too() {
    let schema = json!({"title": "Order", "type": "object", "required": ["id", "lines", "note"],
        "properties": {
            "id": {"type": "string", "confluent:tags": ["PII"]},
            "note": {"oneOf": [{"type": "null"}, {"type": "string"}]},
            "n": {"type": ["integer", "null"]},
            "lines": {"type": "array", "items": {"$ref": "#/definitions/line"}}},
        "definitions": {"line": {"type": "object", "properties": {"sku": {"type": "string"}, "of": {"$ref": "#/definitions/line"}}}}});
    let mut subject = version(
        "JSON",
        &schema,
        json!([
            with(rule("pii", "CEL_FIELD", "value.size() == 2 && fullName.startsWith('$.')"), "tags", json!(["PII"])),
            rule("sum", "CEL", "size(message.lines) > 0 && message.lines.all(l, l.sku != '')"),
        ]),
    );
    subject["metadata"]["tags"] = json!({"$.lines.sku": ["PII"]});
    let (plan, problems) = plan_of(&subject.to_string());
    assert_eq!(problems, Vec::<String>::new());
    let of = |metric: &str| {
        let of = plan.rules.iter().filter(|r| r.metric == metric);
        of.filter_map(|r| r.field.as_ref()).map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(of("required"), ["id", "lines", "note"], "of a note that may be null only that it is there");
    assert_eq!(of("logicalType")[..4], ["id", "lines", "lines[]", "lines[].of"]);
    let records = [
        json!({"id": "ab", "lines": [{"sku": "xy"}]}),
        json!({"id": "ab", "lines": [{"sku": "xyz"}]}),
        json!({"id": "a", "lines": [{"sku": "xy"}]}),
        json!({"id": "ab", "lines": []}),
        json!({"id": "ab", "lines": [{"sku": "xy"}, {"sku": ""}]}),
    ];
    let found = counts(&subject.to_string(), &records);
    assert_eq!(found, [("pii".to_owned(), 5, 3), ("sum".to_owned(), 5, 2)]);
}

const PROTOBUF: &str = r#"syntax = "proto3"; package shop;
import "google/protobuf/timestamp.proto"; import "google/protobuf/wrappers.proto";
import "confluent/meta.proto"; import "buyer.proto";
// What was ordered.
message Order {
  string id = 1 [(confluent.field_meta).tags = "PII"];
  repeated Line lines = 3;
  Buyer buyer = 2;
  google.protobuf.Timestamp at = 4;
  google.protobuf.Int64Value count = 5;
  map<string, string> labels = 6;
  Status status = 7;
  bytes raw = 8;
  enum Status { NEW = 0; PAID = 1; }
  message Line { double price = 1; Line of = 2; }
}"#;

#[test]
fn a_protobuf_schema_has_fields_too() {
    let buyer =
        r#"syntax = "proto2"; package shop; message Buyer { required string town = 1; optional uint64 no = 2; }"#;
    let pii =
        with(rule("pii", "CEL_FIELD", "value.size() == 2 && fullName == 'shop.Order.id'"), "tags", json!(["PII"]));
    let mut subject = version("PROTOBUF", &json!(null), json!([pii]));
    subject["schema"] = PROTOBUF.into();
    subject["references"] = json!([{"name": "buyer.proto", "subject": "buyer", "version": 1, "schema": buyer}]);
    let (plan, problems) = plan_of(&subject.to_string());
    assert_eq!(problems, Vec::<String>::new());
    let types = plan.rules.iter().filter_map(|rule| match &rule.check {
        Check::Valid(Validity::Type(kind)) => Some(format!("{} {kind:?}", rule.property.as_deref()?)),
        Check::Present => Some(format!("{} required", rule.property.as_deref()?)),
        _ => None,
    });
    let expected = [
        "id String",
        "lines Array",
        "lines[] Object",
        "lines[].price Number",
        "lines[].of Object",
        "buyer Object",
        "buyer.town required",
        "buyer.town String",
        "buyer.no Integer",
        "count Integer",
        "labels Object",
        "labels{value} String",
        "status String",
    ];
    assert_eq!(types.collect::<Vec<_>>(), expected);
    let contract = parse(&subject.to_string()).contract.expect("a contract");
    assert!(contract.objects[0].properties[0].classified, "a tag of the field");
    assert_eq!(contract.objects[0].text.as_deref(), Some("What was ordered."));
    let found = counts(&subject.to_string(), &[json!({"id": "ab"}), json!({"id": "abc"})]);
    assert_eq!(found, [("pii".to_owned(), 2, 1)]);
    let mut lacks = |references: Value, level: Level| {
        subject["references"] = references;
        let told = parse(&subject.to_string()).problems;
        let is_told = |problem: &Problem| problem.level == level && problem.message.contains("buyer.proto");
        assert!(told.iter().any(is_told), "{told:?}");
    };
    lacks(json!([]), Level::Error);
    lacks(json!([{"name": "buyer.proto", "subject": "buyer", "version": 1}]), Level::Warning);
}

#[test]
fn what_is_wrong_is_told_and_the_rest_is_asked() {
    let rules = json!([
        rule("broken", "CEL", "message.id =="),
        rule("jsonata", "JSONATA", "x"),
        with(rule("engine", "CEL", "true"), "params", json!({"cel.regex.engine": "perl"})),
        with(rule("nobody", "CEL_FIELD", "true"), "tags", json!(["NOBODY"])),
    ]);
    let parsed = parse(&version("AVRO", &avro(), rules).to_string());
    let told: Vec<_> = parsed.problems.iter().map(|p| (p.level, p.message.as_str())).collect();
    let expected = [
        (Level::Error, "the expression does not compile: the end where an expression should stand (at character 14)"),
        (Level::Warning, "rules of type \"JSONATA\" are not measured"),
        (Level::Error, "cel.regex.engine \"perl\" is not known"),
        (Level::Warning, "the rule asks no field of the schema"),
    ];
    assert_eq!(told, expected);
    for text in ["{}", "[]", "{", r#"{"schema": 1}"#, r#"{"schema": "{"}"#] {
        assert!(parse(text).problems.iter().any(|p| p.level == Level::Error), "{text}");
    }
    let text = parse(r#"{"schema": "\"string\""}"#).problems;
    assert!(
        matches!(text.as_slice(), [problem] if problem.level == Level::Warning),
        "it is right, and no record: {text:?}"
    );
    let protobuf = json!({"schemaType": "PROTOBUF", "schema": "syntax = \"proto3\";", "ruleSet": {"domainRules": [rule("r", "CEL", "true")]}});
    assert_eq!(parse(&protobuf.to_string()).contract.map(|c| c.objects[0].clauses.len()), Some(1));
}

#[test]
fn patterns_of_tags_stand_for_names() {
    for (pattern, name, expected) in [
        ("**.ssn", "shop.Order.ssn", true),
        ("**.ssn", "ssn", false),
        ("**", "a.b", true),
        ("*.ssn", "shop.Order.ssn", false),
        ("*.*.ssn", "shop.Order.ssn", true),
        ("shop.Order.s?n", "shop.Order.ssn", true),
        ("shop?Order.ssn", "shop.Order.ssn", false),
        ("shop.Order.ssn", "shop.Order.ssn", true),
        ("shop.Order", "shop.Order.ssn", false),
        ("$.lines.*", "$.lines.sku", true),
        ("", "", true),
        ("*", "", true),
        ("?", "", false),
    ] {
        assert_eq!(matches(pattern.as_bytes(), name.as_bytes()), expected, "{pattern} {name}");
    }
}
