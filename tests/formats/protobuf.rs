//! Protobuf.

use crate::{Sent, contract, examined, found, framed};
use mesh_steward::engine::decode::protobuf::schema::ProtobufSchema;
use mesh_steward::engine::decode::schema::{Registered, SchemaRef, Schemas};
use prost_reflect::prost::encoding::{WireType, encode_key, encode_varint};
use std::sync::Arc;

const ORDER: &str = "syntax = \"proto3\"; package shop;
    import \"google/protobuf/timestamp.proto\"; import \"google/protobuf/wrappers.proto\"; import \"confluent/type/decimal.proto\";
    message Envelope { string trace = 1; }
    message Order {
        enum State { NEW = 0; PAID = 1; LOST = 2; }
        message Line { optional string sku = 1; int32 count = 2; }
        string id = 1; State state = 2; confluent.type.Decimal amount = 3; google.protobuf.Timestamp at = 4;
        repeated Line lines = 5; map<string, string> tags = 6; google.protobuf.StringValue note = 7; bytes blob = 8;
    }";

const PROPERTIES: &str = "
  - {name: id, logicalType: string, required: true, primaryKey: true, logicalTypeOptions: {minLength: 1}}
  - {name: state, logicalType: string, quality: [{id: known, metric: invalidValues, mustBe: 0, arguments: {validValues: [NEW, PAID]}}]}
  - {name: amount, logicalType: number, required: true, logicalTypeOptions: {minimum: 0, multipleOf: 0.01}}
  - {name: at, logicalType: timestamp, required: true, logicalTypeOptions: {minimum: '2020-01-01T00:00:00Z', timezone: true}}
  - {name: lines, logicalType: array, logicalTypeOptions: {minItems: 1}, items: {logicalType: object, properties: [{name: sku, logicalType: string, required: true}, {name: count, logicalType: integer, logicalTypeOptions: {minimum: 1}}]}}
  - {name: tags, logicalType: object, logicalTypeOptions: {maxProperties: 1}}
  - {name: note, logicalType: string, required: true}
  - {name: blob, logicalType: string, logicalTypeOptions: {maxLength: 2}}
";

/// Fields by their numbers: texts, bytes and messages alike, and numbers.
enum Of<'a> {
    Bytes(&'a [u8]),
    Number(u64),
}

fn message(fields: &[(u32, Of<'_>)]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (number, of) in fields {
        match of {
            Of::Bytes(content) => {
                encode_key(*number, WireType::LengthDelimited, &mut bytes);
                encode_varint(content.len() as u64, &mut bytes);
                bytes.extend_from_slice(content);
            }
            Of::Number(value) => {
                encode_key(*number, WireType::Varint, &mut bytes);
                encode_varint(*value, &mut bytes);
            }
        }
    }
    bytes
}

/// An order without fault but for what stands in its stead: fields of those numbers are left out, and these are added.
fn order(id: &str, without: &[u32], more: &[(u32, Of<'_>)]) -> Vec<u8> {
    let amount = message(&[(1, Of::Bytes(&[0x07, 0xcf])), (2, Of::Number(9)), (3, Of::Number(2))]);
    let at = message(&[(1, Of::Number(1_767_323_045)), (2, Of::Number(678_000_000))]);
    let line = message(&[(1, Of::Bytes(b"s")), (2, Of::Number(1))]);
    let tag = message(&[(1, Of::Bytes(b"k")), (2, Of::Bytes(b"v"))]);
    let note = message(&[(1, Of::Bytes(b"x"))]);
    let good = [
        (1, Of::Bytes(id.as_bytes())),
        (2, Of::Number(1)),
        (3, Of::Bytes(&amount)),
        (4, Of::Bytes(&at)),
        (5, Of::Bytes(&line)),
        (6, Of::Bytes(&tag)),
        (7, Of::Bytes(&note)),
        (8, Of::Bytes(&[0, 255])),
    ];
    let kept: Vec<(u32, Of<'_>)> = good.into_iter().filter(|(number, _)| !without.contains(number)).collect();
    [message(&kept), message(more)].concat()
}

fn planted() -> Vec<Vec<u8>> {
    let negative = message(&[(1, Of::Bytes(&[0xff])), (3, Of::Number(2))]);
    let early = message(&[(1, Of::Number(5))]);
    let bare = message(&[(2, Of::Number(0))]);
    let tag = message(&[(1, Of::Bytes(b"other")), (2, Of::Bytes(b"v"))]);
    vec![
        order("a", &[], &[]),
        order("b", &[2], &[]), // NEW is what a state is that nobody wrote
        order("a", &[], &[]),
        order("", &[], &[]),
        order("c", &[], &[(2, Of::Number(2))]),
        order("d", &[], &[(2, Of::Number(9))]),
        order("e", &[3], &[]),
        order("f", &[3], &[(3, Of::Bytes(&negative))]),
        order("g", &[4], &[(4, Of::Bytes(&early))]),
        order("h", &[4], &[]),
        order("i", &[5], &[]),
        order("j", &[], &[(5, Of::Bytes(&bare))]),
        order("k", &[], &[(6, Of::Bytes(&tag))]),
        order("l", &[7], &[]),
        order("m", &[8], &[(8, Of::Bytes(&[1, 2, 3]))]),
        order("n", &[], &[(99, Of::Number(1))]),
    ]
}

const EXPECTED: [&str; 13] = [
    "t.id.primaryKey: 1 of 16",
    "t.id.minLength: 1 of 16",
    "t.state.logicalType: 1 of 16", // a number without a symbol stays one
    "known: 2 of 16",
    "t.amount.required: 1 of 16",
    "t.amount.minimum: 1 of 15",
    "t.at.required: 1 of 16",
    "t.at.minimum: 1 of 15",
    "t.lines.minItems: 1 of 16",
    "t.lines[].sku.required: 1 of 15",
    "t.lines[].count.minimum: 1 of 15",
    "t.tags.maxProperties: 1 of 16",
    "t.note.required: 1 of 16",
];

#[test]
fn faults_planted_in_protobuf_records_are_found() {
    let schema = Arc::new(ProtobufSchema::parse(ORDER, &[]).expect("a schema"));
    let schemas = Schemas::default().with(SchemaRef::Id(7), Registered::Protobuf(schema));
    let plain = contract(PROPERTIES, "");
    // Order is the second message: one index, 1, both zigzag.
    let sent: Vec<Sent> = planted().iter().map(|order| framed(7, &[&[2, 2], &order[..]].concat())).collect();
    let (tally, _) = examined(&plain, Some(schemas), &sent);
    assert_eq!(found(&plain, tally), [&EXPECTED[..], &["t.blob.maxLength: 1 of 16"]].concat(), "framed");

    let own = format!(
        "  customProperties:\n  - {{property: steward.protobufMessage, value: Order}}\n  - property: steward.protobufSchema\n    value: |\n      {}\n",
        ORDER.replace('\n', " ")
    );
    let raw = contract(PROPERTIES, &own);
    let sent: Vec<Sent> = planted().into_iter().map(|order| (order, None)).collect();
    assert_eq!(
        found(&raw, examined(&raw, None, &sent).0),
        [&EXPECTED[..], &["t.blob.maxLength: 1 of 16"]].concat(),
        "raw"
    );
}

#[test]
fn each_broken_record_is_counted_by_its_reason() {
    let schema = Arc::new(ProtobufSchema::parse(ORDER, &[]).expect("a schema"));
    let guid = [&[1][..], &[9; 16]].concat();
    let schemas = Schemas::default()
        .with(SchemaRef::Id(7), Registered::Protobuf(schema.clone()))
        .with(SchemaRef::Guid(u128::from_be_bytes([9; 16])), Registered::Protobuf(schema));
    let plan = contract("  - {name: id, logicalType: string, required: true}\n", "");
    let good = order("a", &[], &[]);
    let sent = [
        framed(7, &[&[2, 2], &good[..]].concat()),
        framed(7, &[0, 0x0a, 1, b't']), // the first message has no id
        (good.clone(), Some([&guid[..], &[2, 2]].concat())),
        ([&[2, 2], &good[..]].concat(), Some(guid.clone())),
        (good.clone(), Some([&guid[..], &[2, 2, 2]].concat())),
        framed(7, &[2, 6]),
        framed(7, &[0xff, 0xff, 0x7f]),
        framed(7, &[]),
        framed(7, &[&[2, 2], &good[..good.len() - 1]].concat()),
        framed(7, &[2, 2, 0x0a, 1, 0xff]),
        framed(7, &[2, 2, 0x0f]),
        framed(7, &[2, 2, 0x10, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1]),
    ];
    let (tally, _) = examined(&plan, Some(schemas), &sent);
    assert_eq!(
        found(&plan, tally),
        [
            "t.id.required: 1 of 4",
            "bad_schema_header: 1",
            "invalid_tag: 1",
            "not_utf8: 1",
            "truncated: 2",
            "varint_overflow: 1",
            "wrong_message_index: 2",
        ]
    );
}

#[test]
fn a_map_is_asked_by_its_keys_and_values() {
    const SHELF: &str = "syntax = \"proto3\"; message Shelf { message Book { int32 pages = 1; optional string title = 2; } map<string, Book> books = 1; }";
    let plan = contract(crate::SHELF_PROPERTIES, "");
    let book = |name: &str, pages: u64, title: Option<&str>| {
        let title = title.map(|title| (2, Of::Bytes(title.as_bytes())));
        let fields: Vec<_> = [(1, Of::Number(pages))].into_iter().chain(title).collect();
        message(&[(1, Of::Bytes(name.as_bytes())), (2, Of::Bytes(&message(&fields)))])
    };
    let shelf = |books: &[Vec<u8>]| {
        let entries: Vec<_> = books.iter().map(|entry| (1, Of::Bytes(entry))).collect();
        // In front of it, which message of the file it is: the first.
        framed(7, &[&[0][..], &message(&entries)].concat())
    };
    let schema = Registered::Protobuf(Arc::new(ProtobufSchema::parse(SHELF, &[]).expect("a schema")));
    let sent = [
        shelf(&[book("a1", 1, Some("x")), book("b1", 2, Some("y"))]),
        shelf(&[book("a2", 0, Some("x")), book("b", 0, None)]),
        shelf(&[book("c2", 3, None)]),
        shelf(&[]),
    ];
    let (tally, _) = examined(&plan, Some([(SchemaRef::Id(7), schema)].into_iter().collect()), &sent);
    assert_eq!(found(&plan, tally), crate::SHELF_FOUND);
}
