//! Imports: lint finds nothing in them, records of the schema pass, and records that break it fail by the rule that says so.

use super::{Language, Wanted, import};
use crate::engine::contract::exchange::tree::Tree;
use crate::engine::contract::odcs;
use crate::engine::contract::standard::lint;
use crate::engine::event::result::word;
use crate::engine::trial::run::Trial;

/// The verdict on one record, and the ids of the rules that fail.
fn tried(contract: &str, record: &str) -> (&'static str, Vec<String>) {
    let parsed = odcs::parse(contract);
    let contract = parsed.contract.expect("a contract");
    let mut trial = Trial::of_json(&contract, None, 0).expect("an object");
    trial.line(1, record.as_bytes());
    let verdict = trial.verdict();
    let failed = verdict.results.iter().zip(&trial.plan().rules).filter(|(result, _)| word(result.status) == "fail");
    (word(verdict.status), failed.map(|(_, rule)| rule.id.clone()).collect())
}

struct Case {
    language: Language,
    schema: &'static str,
    good: &'static [&'static str],
    /// Each with the rule that it breaks.
    bad: &'static [(&'static str, &'static str)],
    unsaid: &'static [&'static str],
}

fn check(case: &Case) -> Tree {
    let imported = import(case.schema, case.language, Wanted::default()).expect("an import");
    let text = imported.contract.yaml();
    let linted = lint::lint(&text, &|_| false);
    assert!(linted.problems.is_empty(), "{:#?}\n{text}", linted.problems);
    for record in case.good {
        assert_eq!(tried(&text, record), ("pass", Vec::new()), "{record}\n{text}");
    }
    for (record, rule) in case.bad {
        assert_eq!(tried(&text, record), ("fail", vec![(*rule).to_owned()]), "{record}\n{text}");
    }
    assert_eq!(imported.unsaid, case.unsaid, "{text}");
    imported.contract
}

#[test]
fn avro_types_names_and_unions() {
    let contract = check(&Case {
        language: Language::Avro,
        schema: r#"{"type":"record","name":"Order","namespace":"shop","doc":"What was ordered.","fields":[
            {"name":"id","type":{"type":"string","logicalType":"uuid"},"doc":"Never changes."},
            {"name":"count","type":"int"},
            {"name":"note","type":["null","string"],"default":null},
            {"name":"status","type":{"type":"enum","name":"Status","symbols":["NEW","PAID"]},"default":"NEW"},
            {"name":"before","type":["null","Status"]},
            {"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},
            {"name":"exactly","type":["null",{"type":"long","logicalType":"timestamp-micros"}]},
            {"name":"day","type":["null",{"type":"int","logicalType":"date"}]},
            {"name":"price","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}},
            {"name":"lines","type":{"type":"array","items":{"type":"record","name":"Line","fields":[
                {"name":"sku","type":"string"},{"name":"next","type":["null","Line"]}]}}},
            {"name":"tags","type":{"type":"map","values":"string"}},
            {"name":"any","type":["null","string","int"]}]}"#,
        good: &[
            r#"{"id":"53581432-6c55-4ba2-a65f-72344a91553a","count":1,"status":"NEW","at":1700000000000,"price":1.25,
                "lines":[{"sku":"a","next":{"sku":"b"}}],"tags":{"a":"b"},"any":1}"#,
            r#"{"id":"53581432-6c55-4ba2-a65f-72344a91553a","count":-1,"note":null,"status":"PAID","before":"NEW","day":"2026-11-28",
                "exactly":"2026-11-28T10:00:00Z","at":"2026-11-28T10:00:00Z","price":1,"lines":[],"tags":{},"any":null}"#,
        ],
        bad: &[
            (r#"{"id":"1","count":1,"status":"NEW","at":1,"price":1,"lines":[],"tags":{}}"#, "Order.id.format"),
            (
                r#"{"id":"53581432-6c55-4ba2-a65f-72344a91553a","count":1,"status":"OLD","at":1,"price":1,"lines":[],"tags":{}}"#,
                "Order.status.invalidValues",
            ),
            (
                r#"{"id":"53581432-6c55-4ba2-a65f-72344a91553a","count":3000000000,"status":"NEW","at":1,"price":1,"lines":[],"tags":{}}"#,
                "Order.count.format",
            ),
            (
                r#"{"id":"53581432-6c55-4ba2-a65f-72344a91553a","count":1,"status":"NEW","at":1,"price":1,"lines":[{"sku":null}],"tags":{}}"#,
                "Order.lines[].sku.required",
            ),
        ],
        unsaid: &[
            "status: its default \"NEW\" is not said: a contract asks what is written",
            "lines[].next: shop.Line holds itself: the fields of the inner one are not said",
            "any: a union of 2 types is not said: it may be anything",
        ],
    });
    assert_eq!((contract.text("id"), contract.text("name")), (Some("shop.Order"), Some("Order")));
    let object = &contract.list("schema")[0];
    assert_eq!((object.text("physicalName"), object.text("physicalType")), (Some("Order"), Some("topic")));
    assert_eq!(object.text("description"), Some("What was ordered."));
}

#[test]
fn json_schema_of_two_drafts() {
    check(&Case {
        language: Language::JsonSchema,
        schema: r##"{"$schema":"http://json-schema.org/draft-04/schema#","title":"Order","type":"object","required":["id","amount"],
            "properties":{"id":{"type":"string","minLength":2},
                          "amount":{"type":"number","minimum":0,"exclusiveMinimum":true}},
            "additionalProperties":false}"##,
        good: &[r#"{"id":"ab","amount":0.5}"#],
        bad: &[
            (r#"{"id":"a","amount":0.5}"#, "Order.id.minLength"),
            (r#"{"id":"ab","amount":0}"#, "Order.amount.exclusiveMinimum"),
            (r#"{"amount":1}"#, "Order.id.required"),
        ],
        unsaid: &["additionalProperties is not said"],
    });
    check(&Case {
        language: Language::JsonSchema,
        schema: r##"{"$schema":"https://json-schema.org/draft/2020-12/schema","$id":"https://shop.example/order.schema.json",
            "type":"object","required":["id","status","customer","lines","nothing","free"],
            "properties":{
                "id":{"type":"string","format":"uuid"},
                "status":{"enum":["NEW","PAID",null]},
                "customer":{"$ref":"#/$defs/customer"},
                "at":{"type":"string","format":"date-time"},
                "lines":{"type":"array","minItems":1,"items":{"type":"object","properties":{"n":{"type":"integer","minimum":1}},"required":["n"]}},
                "nothing":{"type":["string","null"],"pattern":"^a"},
                "odd":{"oneOf":[{"type":"null"},{"type":"integer","multipleOf":2}]},
                "either":{"oneOf":[{"type":"string"},{"type":"integer"}]},
                "free":{},
                "weird":{"type":"string","pattern":"(?=a)","format":"iri"},
                "all":{"allOf":[{"type":"integer"},{"maximum":9}],"default":3}},
            "$defs":{"customer":{"type":"object","properties":{"email":{"type":"string","format":"email"}},"required":["email"]}}}"##,
        good: &[
            r#"{"id":"53581432-6c55-4ba2-a65f-72344a91553a","status":null,"customer":{"email":"a@b.example"},"lines":[{"n":1}],
                "nothing":null,"free":1,"odd":4,"either":"x","all":9,"at":"2026-11-28T10:00:00Z"}"#,
        ],
        bad: &[
            (
                r#"{"id":"53581432-6c55-4ba2-a65f-72344a91553a","status":"OLD","customer":{"email":"a@b.example"},"lines":[{"n":1}]}"#,
                "order.status.invalidValues",
            ),
            (
                r#"{"id":"53581432-6c55-4ba2-a65f-72344a91553a","customer":{"email":"ab"},"lines":[{"n":1}]}"#,
                "order.customer.email.format",
            ),
            (
                r#"{"id":"53581432-6c55-4ba2-a65f-72344a91553a","customer":{"email":"a@b.example"},"lines":[],"odd":2}"#,
                "order.lines.minItems",
            ),
            (
                r#"{"id":"53581432-6c55-4ba2-a65f-72344a91553a","customer":{"email":"a@b.example"},"lines":[{"n":1}],"odd":3}"#,
                "order.odd.multipleOf",
            ),
            (
                r#"{"id":"53581432-6c55-4ba2-a65f-72344a91553a","customer":{"email":"a@b.example"},"lines":[{"n":1}],"all":10}"#,
                "order.all.maximum",
            ),
        ],
        unsaid: &[
            "status: that it must be there, be it as null, is not said",
            "nothing: that it must be there, be it as null, is not said",
            "either: oneOf of 2 schemas is not said",
            "free: that it must be there, be it as null, is not said",
            "weird: its pattern is not said: pattern \"(?=a)\" cannot be searched for: look-around, including look-ahead and look-behind, is not supported",
            "weird: the format \"iri\" is not said",
            "all: default is not said",
        ],
    });
}

#[test]
fn protobuf_messages_and_what_stands_for_one_value() {
    let contract = check(&Case {
        language: Language::Protobuf,
        schema: r#"syntax = "proto3"; package shop;
            import "google/protobuf/timestamp.proto"; import "google/protobuf/wrappers.proto";
            // What was ordered.
            message Order {
              // Never changes.
              string id = 2;
              uint32 count = 1;
              Status status = 3;
              google.protobuf.Timestamp at = 4;
              google.protobuf.Int64Value bonus = 5;
              repeated Line lines = 6;
              map<string, int64> counts = 7;
              oneof how { string card = 8; bool cash = 9; }
              message Line { string sku = 1; Line next = 2; }
            }
            enum Status { NEW = 0; PAID = 1; }
            message Other { string id = 1; }"#,
        good: &[
            r#"{"id":"a","count":3,"status":"PAID","at":"2026-11-28T10:00:00Z","bonus":5,"lines":[{"sku":"x"}],"counts":{"a":1},"cash":true}"#,
        ],
        bad: &[
            (r#"{"count":-1}"#, "Order.count.format"),
            (r#"{"status":"OLD"}"#, "Order.status.invalidValues"),
            (r#"{"lines":[{"sku":1}]}"#, "Order.lines[].sku.logicalType"),
        ],
        unsaid: &[
            "the message Other is not said: ask for it by its name",
            "that only one of card, cash is there is not said",
            "lines[].next: shop.Order.Line holds itself: the fields of the inner one are not said",
        ],
    });
    let object = &contract.list("schema")[0];
    assert_eq!(object.text("description"), Some("What was ordered."));
    let first = &object.list("properties")[0];
    assert_eq!((first.text("name"), first.text("description")), (Some("id"), Some("Never changes.")));
}

#[test]
fn data_contract_specification_with_definitions_rules_and_service_levels() {
    let contract = check(&Case {
        language: Language::Dcs,
        schema: r##"
dataContractSpecification: 1.2.0
id: orders-latest
info: {title: Orders, version: 2.1.0, status: active, description: What was ordered., owner: order-desk, contact: {name: Jane}}
servers:
  production: {type: kafka, host: "kafka.example:9092", topic: shop.orders, format: json}
  lake: {type: s3, location: "s3://lake/orders"}
terms: {usage: Bill it., limitations: Not for credit., noticePeriod: P3M}
models:
  orders:
    type: table
    description: One row an order.
    fields:
      order_id: {$ref: "#/definitions/order_id", required: true, primaryKey: true}
      total: {type: decimal, precision: 9, scale: 2, required: true, minimum: 0}
      status: {type: text, enum: [NEW, PAID]}
      email: {type: string, format: email, pii: true}
      at: {type: timestamp, required: true}
      lines: {type: array, items: {type: record, fields: {sku: {type: string, required: true, pattern: "^[A-Z]+$"}}}}
      many: {type: map, keys: {type: string}, values: {type: long}}
    quality:
      - {type: library, metric: rowCount, mustBeGreaterThanOrEqualTo: 1, description: There is some.}
      - {type: sql, query: "SELECT COUNT(*) FROM orders WHERE total < 0", mustBe: 0}
      - {type: great-expectations, engine: x}
definitions:
  order_id: {type: string, format: uuid, description: Never changes., examples: ["53581432-6c55-4ba2-a65f-72344a91553a"]}
servicelevels:
  availability: {description: Nearly always., percentage: 99.9%}
  retention: {period: P1Y, unlimited: false}
  freshness: {threshold: 25h, timestampField: orders.at}
  support: {time: 9-17}
"##,
        good: &[],
        bad: &[
            (r#"{"order_id":"1","total":1,"at":"2026-11-28T10:00:00Z"}"#, "orders.order_id.format"),
            (
                r#"{"order_id":"53581432-6c55-4ba2-a65f-72344a91553a","total":1,"at":"2026-11-28T10:00:00Z","lines":[{"sku":"a"}]}"#,
                "orders.lines[].sku.pattern",
            ),
            (
                r#"{"order_id":"53581432-6c55-4ba2-a65f-72344a91553a","total":1,"at":"2026-11-28T10:00:00"}"#,
                "orders.at.timezone",
            ),
        ],
        unsaid: &[
            "servers.lake: a server that is no Kafka with a host is not said",
            "orders: a quality rule of type great-expectations is not said: {\"type\": \"great-expectations\", \"engine\": \"x\"}",
            "servicelevels.support: it is not said",
            "info: contact is not said",
            "terms: noticePeriod is not said",
        ],
    });
    assert_eq!((contract.text("version"), contract.text("status")), (Some("2.1.0"), Some("active")));
    assert_eq!(contract.list("schema")[0].text("physicalName"), Some("shop.orders"));
    assert_eq!(contract.list("slaProperties").len(), 3);
}

#[test]
fn what_is_no_schema_of_records_is_told() {
    let check = |language, text: &str, expected: &str| {
        let error = import(text, language, Wanted::default()).expect_err(text);
        assert!(error.contains(expected), "{text}: {error}");
    };
    check(Language::Avro, "\"string\"", "no record");
    check(Language::Avro, r#"{"type":"record","name":"R","fields":[{"name":"a","type":"none"}]}"#, "no Avro schema");
    check(Language::JsonSchema, r#"{"type":"string"}"#, "none of an object");
    check(Language::JsonSchema, "{", "line 1");
    check(Language::Protobuf, "syntax = \"proto3\";", "no message");
    check(Language::Protobuf, "message {", "no Protobuf schema");
    check(Language::Dcs, "kind: DataContract", "no Data Contract Specification");
    check(Language::Dcs, "{dataContractSpecification: 2.0.0, id: a}", "not read");
    check(Language::Dcs, "{dataContractSpecification: 1.1.0, id: a}", "no records");
    check(Language::Subject, "{}", "there is no schema");
}

#[test]
fn a_schema_that_holds_itself_ends() {
    let text = r##"{"title":"T","type":"object","properties":{"a":{"$ref":"#"}}}"##;
    let imported = import(text, Language::JsonSchema, Wanted::default()).expect("an import");
    let linted = lint::lint(&imported.contract.yaml(), &|_| false);
    assert!(linted.problems.is_empty(), "{:#?}", linted.problems);
    assert!(imported.unsaid[0].contains("levels are not said"), "{:?}", imported.unsaid);
    let wide: String = (0..4).map(|i| format!(r##""p{i}":{{"$ref":"#"}},"##)).collect();
    let text = format!(r##"{{"type":"object","properties":{{{wide}"z":{{}}}}}}"##);
    assert!(import(&text, Language::JsonSchema, Wanted::default()).expect_err("too many").contains("fields"));
}

/// Both documents have a definition of the same name.
#[test]
fn a_reference_within_a_document_that_is_referred_to_stays_within_it() {
    let schema = r##"{"title":"Order","type":"object","properties":{"buyer":{"$ref":"buyer.json"},"code":{"$ref":"#/$defs/code"},
        "town":{"$ref":"buyer.json#/properties/town"}},"$defs":{"code":{"type":"integer"}}}"##;
    let buyer = r##"{"type":"object","properties":{"code":{"$ref":"#/$defs/code"},"town":{"$ref":"#/$defs/town"}},
        "$defs":{"code":{"type":"string"},"town":{"type":"object","properties":{"code":{"$ref":"#/$defs/code"}}}}}"##;
    let version = serde_json::json!({"subject": "orders-value", "version": 1, "schemaType": "JSON", "schema": schema,
        "references": [{"name": "buyer.json", "schema": buyer}]});
    let imported = import(&version.to_string(), Language::Subject, Wanted::default()).expect("an import");
    assert_eq!(imported.unsaid, Vec::<String>::new());
    let contract = imported.contract.yaml();
    for (record, broken) in [
        (r#"{"buyer":{"code":"a","town":{"code":"b"}},"code":1,"town":{"code":"c"}}"#, vec![]),
        (r#"{"buyer":{"code":1}}"#, vec!["buyer.code.logicalType"]),
        (r#"{"buyer":{"town":{"code":1}}}"#, vec!["buyer.town.code.logicalType"]),
        (r#"{"town":{"code":1}}"#, vec!["town.code.logicalType"]),
        (r#"{"code":"a"}"#, vec!["code.logicalType"]),
    ] {
        let found = tried(&contract, record).1;
        let found: Vec<&str> = found.iter().map(|id| id.trim_start_matches("Order.")).collect();
        assert_eq!(found, broken, "{record}");
    }
}
