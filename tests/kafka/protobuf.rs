//! Protobuf records by a real schema registry: every planted fault is found.

use crate::apicurio;
use crate::broker::records::Record;
use crate::broker::shared;
use crate::mesh::Mesh;
use mesh_steward::clock::now_ms;
use prost_reflect::prost::encoding::{WireType, encode_key, encode_varint};
use serde_json::{Value, json};
use std::collections::BTreeMap;

const ORDERS: usize = 20_000;

/// What may be null, missing, a text or a number is JSON's own value.
const ORDER: &str =
    "syntax = \"proto3\"; package shop; import \"address.proto\"; import \"google/protobuf/struct.proto\";
    message Envelope { string trace = 1; }
    message Order {
        Address address = 1; string id = 2; google.protobuf.Value customer = 3; string status = 4; string sku = 5;
        double amount = 6; google.protobuf.Value quantity = 7;
    }";
const ADDRESS: &str = "syntax = \"proto3\"; package shop; message Address { string street = 1; }";

type Fault = (&'static str, fn(u32, Vec<u8>) -> Vec<u8>);

/// How a good record is broken, by the reason that must be found.
const FAULTS: [Fault; 4] = [
    ("wrong_message_index", |id, good| [&framed(id)[..6], &[8], &good[7..]].concat()),
    ("truncated", |_, good| good[..good.len() - 1].to_vec()),
    ("invalid_tag", |_, good| [&good[..], &[7]].concat()),
    ("bad_magic", |_, good| [&[7], &good[1..]].concat()),
];

#[test]
fn framed_protobuf_is_judged_by_its_schema() {
    let registry = apicurio::shared();
    let mesh =
        Mesh::new(shared(), "protobuf", 3, &format!("registry: {{url: '{}', missing.grace: 500ms}}", registry.url));
    let address = "protobuf-address";
    registry.register_as("PROTOBUF", address, ADDRESS, &[]);
    let id = registry.register_as("PROTOBUF", "protobuf.orders-value", ORDER, &[("address.proto", address)]);
    let (end, mut planted) = (now_ms(), BTreeMap::new());
    let writer = mesh.broker.writer(&mesh.topic);
    let time = |n: usize| end - 20_000 + 20_000 * n as i64 / ORDERS as i64;
    mesh.orders().write(ORDERS, time, |_| true, |orders| writer.write(&encoded(id, orders, &mut planted)));
    assert_eq!(planted.len(), FAULTS.len(), "a fault of each kind is planted: {planted:?}");

    let worker = mesh.worker("a").ready();
    let verdicts = mesh.judged(&[&worker]);
    let mut found: BTreeMap<String, u64> = BTreeMap::new();
    for (reason, count) in verdicts.windows.iter().filter_map(|w| w["undecodable"].as_object()).flatten() {
        *found.entry(reason.clone()).or_default() += count.as_u64().unwrap_or(0);
    }
    assert_eq!(found, planted, "why records are undecodable");
}

/// Orders in Protobuf; what was no JSON is broken in one way after the other, counted in `planted` by its reason.
fn encoded(id: u32, orders: &[Record], planted: &mut BTreeMap<String, u64>) -> Vec<Record> {
    let mut faults = FAULTS.iter().cycle();
    let mut value = |text: &Vec<u8>| match serde_json::from_slice::<Value>(text) {
        Ok(row) if row.is_object() => [framed(id), order(&row)].concat(),
        _ => {
            let good = json!({"id": "o", "customer": "ada", "status": "new", "sku": "A", "amount": 1, "quantity": 1});
            let (reason, broken) = faults.next().expect("a circle has no end");
            *planted.entry((*reason).to_owned()).or_default() += 1;
            broken(id, [framed(id), order(&good)].concat())
        }
    };
    orders.iter().map(|record| Record { value: record.value.as_ref().map(&mut value), ..record.clone() }).collect()
}

fn order(row: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    sized(&mut bytes, 1, &[&[0x0a, 4], &b"Main"[..]].concat());
    for (number, name) in [(2, "id"), (4, "status"), (5, "sku")] {
        sized(&mut bytes, number, row[name].as_str().unwrap_or_default().as_bytes());
    }
    encode_key(6, WireType::SixtyFourBit, &mut bytes);
    bytes.extend(row["amount"].as_f64().expect("an amount").to_le_bytes());
    for (number, name) in [(3, "customer"), (7, "quantity")] {
        let mut value = Vec::new();
        match row.get(name) {
            None => continue,
            Some(Value::String(text)) => sized(&mut value, 3, text.as_bytes()),
            Some(Value::Number(n)) => {
                encode_key(2, WireType::SixtyFourBit, &mut value);
                value.extend(n.as_f64().expect("a double").to_le_bytes());
            }
            Some(_) => value.extend([8, 0]),
        }
        sized(&mut bytes, number, &value);
    }
    bytes
}

fn sized(bytes: &mut Vec<u8>, number: u32, content: &[u8]) {
    encode_key(number, WireType::LengthDelimited, bytes);
    encode_varint(content.len() as u64, bytes);
    bytes.extend_from_slice(content);
}

/// A zero byte and the id, the highest byte first; then the path of the message, one index which is 1, both zigzag.
fn framed(id: u32) -> Vec<u8> {
    [&[0], &id.to_be_bytes()[..], &[2, 2]].concat()
}
