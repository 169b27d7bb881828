//! A contract of each format, each topic compressed in another way: planted violations and broken records are found exactly, and a
//! drafted contract passes on the topic that it was drafted from.

use crate::broker::records::Record;
use crate::broker::shared;
use crate::mesh::Mesh;
use crate::rule_sets::serve;
use crate::verdicts::Verdicts;
use crate::worker::pause;
use mesh_steward::clock::now_ms;
use serde_json::{Value, json};
use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

const RECORDS: usize = 200;
/// Every so many there is one of an amount below zero, and one that is cut short.
const NEGATIVE_EVERY: usize = 20;
const BROKEN_EVERY: usize = 50;

const AVRO: &str =
    r#"{"type":"record","name":"Order","fields":[{"name":"id","type":"string"},{"name":"amount","type":"long"}]}"#;
const PROTOBUF: &str = "syntax = \"proto3\"; message Order { string id = 1; sint64 amount = 2; }";
const JSON_SCHEMA: &str = r#"{"type":"object","properties":{"id":{"type":"string"},"amount":{"type":"integer"}}}"#;

struct Format {
    name: &'static str,
    codec: &'static str,
    /// Custom properties that say how a record is read.
    said: Value,
    encode: fn(&str, i64) -> Vec<u8>,
}

#[test]
fn each_format_and_compression_is_governed() {
    let property = |name: &str, value: &str| json!([{"property": name, "value": value}]);
    let formats = [
        Format { name: "json", codec: "gzip", said: json!([]), encode: json },
        Format { name: "avro", codec: "snappy", said: property("steward.avroSchema", AVRO), encode: avro },
        Format {
            name: "framed-avro",
            codec: "lz4",
            said: json!([]),
            encode: |id, n| [&[0, 0, 0, 0, 1], &avro(id, n)[..]].concat(),
        },
        Format {
            name: "protobuf",
            codec: "zstd",
            said: property("steward.protobufSchema", PROTOBUF),
            encode: protobuf,
        },
        // The index of the first message is a single zero.
        Format {
            name: "framed-protobuf",
            codec: "none",
            said: json!([]),
            encode: |id, n| [&[0, 0, 0, 0, 2, 0], &protobuf(id, n)[..]].concat(),
        },
        Format {
            name: "json-schema",
            codec: "zstd",
            said: json!([]),
            encode: |id, n| [&[0, 0, 0, 0, 3], &json(id, n)[..]].concat(),
        },
    ];
    let schema = |kind: &str, text: &str| json!({"schemaType": kind, "schema": text}).to_string();
    let url = serve(vec![
        ("/schemas/ids/1", schema("AVRO", AVRO)),
        ("/schemas/ids/2", schema("PROTOBUF", PROTOBUF)),
        ("/schemas/ids/3", schema("JSON", JSON_SCHEMA)),
    ]);
    let mesh = Mesh::new(shared(), "formats", 1, &format!("registry: {{url: '{url}'}}"));
    for Format { name, codec, said, encode } in &formats {
        let topic = format!("formats.{name}");
        mesh.broker.create_topic(&topic, 1, &[]);
        let contract = json!({
            "apiVersion": "v3.1.0", "kind": "DataContract", "id": name, "name": name, "domain": "formats", "version": "1.0.0", "status": "active",
            "schema": [{"name": "o", "physicalType": "topic", "physicalName": topic, "customProperties": said, "properties": [
                {"name": "id", "logicalType": "string", "required": true},
                {"name": "amount", "logicalType": "integer", "required": true, "logicalTypeOptions": {"minimum": 0}}]}]});
        fs::write(mesh.folder().join(format!("contracts/{name}.odcs.yaml")), contract.to_string()).expect("a contract");
        let record = |n: usize| {
            let amount = if n % NEGATIVE_EVERY == 3 { -5 } else { n as i64 };
            let mut value = encode(&format!("order-{n}"), amount);
            if n % BROKEN_EVERY == 4 {
                value.pop();
            }
            Record { timestamp_ms: now_ms(), value: Some(value), ..Record::default() }
        };
        mesh.broker.writer_in(&topic, codec).write(&(0..RECORDS).map(record).collect::<Vec<_>>());
    }
    let worker = mesh.worker("a").ready();
    let started = Instant::now();
    let read = || Verdicts::read(mesh.broker, &mesh.events).windows;
    let sum = |windows: &[Value], name: &str, of: &dyn Fn(&Value) -> u64| {
        let product = format!("formats/{name}");
        windows.iter().filter(|window| window["product"] == product.as_str()).map(of).sum::<u64>()
    };
    let counted = |what: &'static str| move |window: &Value| window["counts"][what].as_u64().unwrap_or(0);
    let all = |windows: &[Value]| formats.iter().all(|of| sum(windows, of.name, &counted("records")) == RECORDS as u64);
    while !all(&read()) {
        assert!(started.elapsed() < Duration::from_secs(60), "not judged; ready: {:?}", worker.get("/ready"));
        pause(200);
    }
    let windows = read();
    let negative = |window: &Value| {
        let results = window["results"].as_array().into_iter().flatten();
        results.filter(|r| r["id"] == "o.amount.minimum").filter_map(|r| r["measure"]["failedRowCount"].as_u64()).sum()
    };
    for Format { name, codec, .. } in &formats {
        let found = (sum(&windows, name, &negative), sum(&windows, name, &counted("undecodable")));
        let planted = ((RECORDS / NEGATIVE_EVERY) as u64, (RECORDS / BROKEN_EVERY) as u64);
        assert_eq!(found, planted, "{name}, {codec}: {windows:#?}");
    }
}

#[test]
fn a_draft_passes_on_the_topic_that_it_was_drafted_from() {
    let broker = shared();
    let folder = tempfile::tempdir().expect("a folder");
    let topic = "drafted.orders";
    broker.create_topic(topic, 2, &[]);
    let record = |n: usize| Record {
        partition: (n % 2) as i32,
        timestamp_ms: now_ms(),
        value: Some(json(&format!("order-{n}"), n as i64)),
        ..Record::default()
    };
    broker.writer_in(topic, "gzip").write(&(0..RECORDS).map(record).collect::<Vec<_>>());
    let run = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_steward"));
        command.args(["contract"]).args(arguments).args(["--topic", topic, "--bootstrap", &broker.bootstrap]);
        let ended = command.output().expect("steward starts");
        assert!(ended.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&ended.stderr));
        ended.stdout
    };
    let file = folder.path().join(format!("{topic}.odcs.yaml"));
    fs::write(&file, run(&["infer"])).expect("a draft");
    let tried = run(&["test", "--strict", "--format", "json", "--contract", &file.display().to_string()]);
    let report: Value = serde_json::from_slice(&tried).expect("JSON");
    assert_eq!((&report["verdict"], &report["records"]["decoded"]), (&json!("pass"), &json!(RECORDS)));
    let rules = report["checks"].as_array().map_or(0, Vec::len);
    assert!(rules >= 4, "types and presence of both fields: {report:#}");
}

fn json(id: &str, amount: i64) -> Vec<u8> {
    json!({"id": id, "amount": amount}).to_string().into_bytes()
}

/// A text with its length, then the number, both zigzag.
fn avro(id: &str, amount: i64) -> Vec<u8> {
    [&varint(zigzag(id.len() as i64))[..], id.as_bytes(), &varint(zigzag(amount))].concat()
}

/// Field 1 has a length, field 2 is a varint; each tag is the number, three bits up, and the form.
fn protobuf(id: &str, amount: i64) -> Vec<u8> {
    [&[1 << 3 | 2, id.len() as u8][..], id.as_bytes(), &[2 << 3], &varint(zigzag(amount))].concat()
}

fn zigzag(number: i64) -> u64 {
    ((number << 1) ^ (number >> 63)) as u64
}

/// Seven bits a byte, the lowest first.
fn varint(mut rest: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    while rest >= 0x80 {
        bytes.push(rest as u8 | 0x80);
        rest >>= 7;
    }
    bytes.push(rest as u8);
    bytes
}
