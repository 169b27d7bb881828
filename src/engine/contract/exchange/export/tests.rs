//! Exports: what is written is read back by the language's own reader, nothing is dropped in silence, and hostile names stay text.

use super::{Exported, Target, export};
use crate::engine::contract::exchange::import::{self, Language, Wanted};
use crate::engine::contract::exchange::tree::Tree;
use crate::engine::contract::yaml;
use crate::engine::decode::protobuf::schema::ProtobufSchema;
use crate::engine::decode::schema::AvroSchema;
use serde_json::json;

const ORDERS: &str = r#"
apiVersion: v3.1.0
kind: DataContract
id: orders-contract
name: orders
version: 2.1.0
status: active
description: {purpose: What was ordered., usage: Bill it.}
team: {name: order-desk}
servers: [{server: production, type: kafka, host: "kafka.example:9092", format: json}]
support: [{channel: "desk", url: "https://desk.example"}]
slaProperties: [{property: freshness, value: 25, unit: h, element: orders.at}]
schema:
  - name: orders
    physicalType: topic
    physicalName: shop.orders
    quality: [{metric: rowCount, mustBeGreaterOrEqualTo: 1}]
    properties:
      - {name: id, logicalType: string, logicalTypeOptions: {format: uuid}, required: true, unique: true, primaryKey: true, description: Never changes.}
      - {name: amount, logicalType: number, physicalType: "decimal(9,2)", logicalTypeOptions: {minimum: 0}, required: true}
      - {name: count, logicalType: integer, logicalTypeOptions: {format: i32}}
      - {name: at, logicalType: timestamp, logicalTypeOptions: {timezone: true}, required: true}
      - {name: day, logicalType: date}
      - name: status
        logicalType: string
        required: true
        quality: [{metric: invalidValues, arguments: {validValues: [NEW, PAID]}, mustBe: 0}]
      - {name: counts, logicalType: object, physicalType: "map<long>"}
      - name: lines
        logicalType: array
        items: {logicalType: object, required: true, properties: [{name: sku, logicalType: string, required: true}]}
      - {name: e-mail, logicalType: string, classification: confidential, tags: [PII]}
"#;

fn lost(target: Target, expected: &[&str]) -> String {
    let exported = export(ORDERS, target, None).expect("an export");
    assert_eq!(exported.unsaid, expected, "{}", exported.text);
    exported.text
}

/// What the import of the export says of each field: its types, and whether it is required.
fn fields(text: &str, language: Language) -> Vec<String> {
    let imported = import::import(text, language, Wanted::default()).expect("an import");
    let told = |field: &Tree| {
        let required = if field.flag("required") { "!" } else { "" };
        format!("{}{required} {}", field.text("name").unwrap_or_default(), field.text("logicalType").unwrap_or("any"))
    };
    imported.contract.list("schema")[0].list("properties").iter().map(told).collect()
}

const TYPED: [&str; 9] = [
    "id! string",
    "amount! number",
    "count integer",
    "at! timestamp",
    "day date",
    "status! string",
    "counts object",
    "lines array",
    "e-mail string",
];

#[test]
fn avro_is_read_by_avro_and_back() {
    let text = lost(
        Target::Avro,
        &[
            "support: not said",
            "version, status, description, team, servers, slaProperties of the contract: a schema does not say it",
            "quality of the object: not said",
            "id: unique, primaryKey: not said",
            "amount: minimum: not said",
            "e-mail: the name \"e-mail\" is not legal there: it is e_mail",
            "e-mail: classification: not said",
        ],
    );
    assert!(AvroSchema::parse(&text, &[]).expect("a schema").is_record());
    let mut expected = TYPED.to_vec();
    expected[8] = "e_mail string";
    assert_eq!(fields(&text, Language::Avro), expected);
}

#[test]
fn json_schema_judges_as_the_contract_does() {
    let text = lost(
        Target::JsonSchema,
        &[
            "support: not said",
            "version, status, description, team, servers, slaProperties of the contract: a schema does not say it",
            "quality of the object: not said",
            "id: unique, primaryKey: not said",
            "count: format: not said",
            "e-mail: classification: not said",
        ],
    );
    let validator = jsonschema::validator_for(&serde_json::from_str(&text).expect("JSON")).expect("a schema");
    let good = json!({"id": "1", "amount": 1, "at": "x", "status": "NEW", "count": null, "counts": {"a": 1}, "lines": [{"sku": "a"}]});
    assert!(validator.is_valid(&good));
    for (key, wrong) in [
        ("amount", json!(-1)),
        ("status", json!("OLD")),
        ("lines", json!([{}])),
        ("counts", json!({"a": "b"})),
        ("id", json!(null)),
    ] {
        let mut record = good.clone();
        record[key] = wrong;
        assert!(!validator.is_valid(&record), "{record}");
    }
    assert_eq!(fields(&text, Language::JsonSchema), TYPED);
}

#[test]
fn protobuf_compiles() {
    let text = lost(
        Target::Protobuf,
        &[
            "support: not said",
            "version, status, description, team, servers, slaProperties of the contract: a schema does not say it",
            "quality of the object: not said",
            "fields are numbered in the contract's order: once records are written, keep their numbers",
            "e-mail: the name \"e-mail\" is not legal there: it is e_mail",
            "id: unique, primaryKey, format: not said",
            "id: that it is required is not said: proto3 has no such fields",
            "amount: decimal(9,2) is a double, which rounds",
            "amount: minimum: not said",
            "amount: that it is required is not said: proto3 has no such fields",
            "at: that it is required is not said: proto3 has no such fields",
            "day: it is text: Protobuf has no such type of its own",
            "status: that it is required is not said: proto3 has no such fields",
            "lines[].sku: that it is required is not said: proto3 has no such fields",
            "e-mail: classification, tags: not said",
        ],
    );
    ProtobufSchema::parse(&text, &[]).unwrap_or_else(|why| panic!("{why}\n{text}"));
    let expected: Vec<String> = TYPED
        .iter()
        .map(|field| field.replace('!', "").replace("day date", "day string").replace("e-mail", "e_mail"))
        .collect();
    assert_eq!(fields(&text, Language::Protobuf), expected, "{text}");
}

#[test]
fn data_contract_specification_and_back() {
    let text = lost(Target::Dcs, &["support: not said", "orders.count: format: not said"]);
    assert_eq!(fields(&text, Language::Dcs), TYPED);
    let back = import::import(&text, Language::Dcs, Wanted::default()).expect("an import").contract;
    let was = Tree::of(&yaml::parse(ORDERS).expect("YAML"));
    for key in ["id", "name", "version", "status", "description", "team", "servers", "slaProperties"] {
        assert_eq!(back.get(key), was.get(key), "{key}\n{text}");
    }
    assert_eq!(back.list("schema")[0].text("physicalName"), Some("shop.orders"));
}

#[test]
fn pages_hold_everything_and_nothing_of_it_is_markup() {
    let word = r#"<script>alert('x')</script>|`*_[a](javascript:b)"#;
    let quoted = serde_json::Value::from(word).to_string();
    let hostile = ORDERS
        .replace("name: e-mail", &format!("name: {quoted}"))
        .replace("What was ordered.", word.replace('\'', "''").as_str());
    let hostile = hostile.replace("{purpose: <", "{purpose: '<").replace(", usage", "', usage");
    for target in [Target::Html, Target::Markdown] {
        let exported = export(&hostile, target, None).expect("an export");
        assert!(exported.unsaid.is_empty());
        let text = exported.text;
        for part in [
            "orders-contract",
            "2.1.0",
            "order",
            "kafka.example:9092",
            "desk.example",
            "freshness",
            "shop.orders",
            "uuid",
            "minimum 0",
            "NEW, PAID",
            "rowCount",
            "sku",
            "confidential",
            "PII",
            "Bill it.",
        ] {
            let part = if target == Target::Markdown { part.replace("_", "\\_") } else { part.to_owned() };
            assert!(text.contains(&part), "{part} is not in\n{text}");
        }
        assert_eq!(text.matches("alert").count(), 2, "{text}");
        assert!(!text.contains("<script"), "{text}");
        if target == Target::Markdown {
            assert!(text.contains(r"&lt;script&gt;alert('x')&lt;/script&gt;\|\`\*\_\[a\](javascript:b)"), "{text}");
        } else {
            assert!(!text.contains("href") && !text.contains("src="), "{text}");
        }
    }
}

#[test]
fn hostile_names_make_no_schema_that_is_none() {
    let names =
        ["a b", "1a", "", "a.b", "naïve", "message", "x\n// y", "a-b", "a_b", "null", "\"", "int32", "aB", "ab", "A"];
    let property = |(place, name): (usize, &&str)| {
        let name = serde_json::Value::from(*name);
        let values = "quality: [{metric: invalidValues, arguments: {validValues: [A, B]}, mustBe: 0}]";
        let more = [
            "",
            ", logicalType: string",
            &format!(", logicalType: string, {values}"),
            ", logicalType: array",
            ", logicalType: object",
        ];
        format!("      - {{name: {name}, description: {name}{}}}\n", more[place % more.len()])
    };
    let properties: String = names.iter().enumerate().map(property).collect();
    let contract = format!(
        "kind: DataContract\nid: \"a\\nb\"\nschema:\n  - name: \"o-1 \\\" x\"\n    description: \"a\\r*/ b\"\n    properties:\n{properties}"
    );
    let written = |target| export(&contract, target, None).expect("an export").text;
    let avro = written(Target::Avro);
    AvroSchema::parse(&avro, &[]).unwrap_or_else(|why| panic!("{why}\n{avro}"));
    let protobuf = written(Target::Protobuf);
    ProtobufSchema::parse(&protobuf, &[]).unwrap_or_else(|why| panic!("{why}\n{protobuf}"));
    jsonschema::validator_for(&serde_json::from_str(&written(Target::JsonSchema)).expect("JSON")).expect("a schema");
    let dcs = written(Target::Dcs);
    yaml::parse(&dcs).unwrap_or_else(|why| panic!("{why}\n{dcs}"));
}

#[test]
fn an_object_is_chosen_by_its_name() {
    let two = "kind: DataContract\nid: a\nschema: [{name: a, properties: []}, {name: b, properties: []}]\n";
    let error = |object| export(two, Target::Avro, object).err();
    assert_eq!(error(Some("c")).as_deref(), Some("no object is named c; there are a, b"));
    assert!(export(two, Target::Avro, Some("b")).expect("an export").text.contains("\"name\": \"b\""));
    let told = export(two, Target::Avro, None).expect("an export").unsaid;
    assert_eq!(told, ["of 2 objects only a is said: ask for another by --schema"]);
    assert!(export("a: 1", Target::Html, None).is_err());
}

#[test]
fn a_map_is_one_everywhere_and_what_is_asked_of_its_keys_is_told() {
    let contract = "kind: DataContract\nid: a\nschema:\n- name: o\n  properties:\n  - name: prices\n    logicalType: map\n    map:\n      key: {logicalType: string, logicalTypeOptions: {pattern: '^[A-Z]+$'}}\n      value: {logicalType: number, required: true, logicalTypeOptions: {minimum: 0}}\n";
    for (target, parts, told) in [
        (
            Target::Avro,
            vec![r#""type": "map""#, r#""values": "double""#],
            vec!["{key}: logicalTypeOptions", "{value}: minimum"],
        ),
        (Target::JsonSchema, vec![r#""additionalProperties""#, r#""minimum": 0"#], vec!["{key}: logicalTypeOptions"]),
        (Target::Protobuf, vec!["map<string, double> prices"], vec!["{key}: logicalTypeOptions", "{value}: minimum"]),
        (Target::Dcs, vec!["type: map", "minimum: 0"], vec!["{key}: logicalTypeOptions"]),
        (Target::Markdown, vec!["prices{key}", "pattern", "prices{value}", "minimum 0"], vec![]),
    ] {
        let Exported { text, unsaid } = export(contract, target, None).expect("an export");
        parts.iter().for_each(|part| assert!(text.contains(part), "{part} is not in\n{text}"));
        let lost: Vec<&str> =
            unsaid.iter().filter_map(|line| line.split_once("prices")?.1.strip_suffix(": not said")).collect();
        assert_eq!(lost, told, "{target:?}");
    }
}
