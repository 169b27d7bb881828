//! Contracts over Avro records: what was planted in them is found, and nothing else.

use crate::{AT, Sent, contract, examined, found, framed};
use apache_avro::Schema;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use mesh_steward::engine::check::record::{Examined, Examiner};
use mesh_steward::engine::check::tally::Tally;
use mesh_steward::engine::decode::schema::{AvroSchema, Registered, SchemaRef, Schemas};
use mesh_steward::engine::record::RawRecord;
use std::sync::Arc;

fn encoded(schema: &str, value: &Value) -> Vec<u8> {
    let schema = Schema::parse_str(schema).expect("a schema");
    let bytes = GenericDatumWriter::builder(&schema).build().expect("a writer").write_value_to_vec(value.clone());
    bytes.expect("bytes")
}

const ORDER: &str = r#"{"type":"record","name":"Order","namespace":"shop","fields":[
  {"name":"id","type":{"type":"string","logicalType":"uuid"}},
  {"name":"amount","type":["null",{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}]},
  {"name":"state","type":{"type":"enum","name":"State","symbols":["NEW","PAID","LOST"]}},
  {"name":"at","type":{"type":"long","logicalType":"timestamp-micros"}},
  {"name":"due","type":{"type":"int","logicalType":"date"}},
  {"name":"rate","type":"float"},
  {"name":"blob","type":"bytes"},
  {"name":"note","type":["null","string","long"]},
  {"name":"lines","type":{"type":"array","items":{"type":"record","name":"Line","fields":[
    {"name":"sku","type":["null","string"]},{"name":"count","type":"int"}]}}},
  {"name":"tags","type":{"type":"map","values":"string"}}]}"#;

const ORDER_PROPERTIES: &str = "
  - {name: id, logicalType: string, required: true, primaryKey: true, logicalTypeOptions: {format: uuid}}
  - {name: amount, logicalType: number, required: true, logicalTypeOptions: {minimum: 0, multipleOf: 0.01}}
  - {name: state, logicalType: string, quality: [{metric: invalidValues, mustBe: 0, arguments: {validValues: [NEW, PAID]}}]}
  - {name: at, logicalType: timestamp, logicalTypeOptions: {minimum: '2020-01-01T00:00:00Z', timezone: true}}
  - {name: due, logicalType: date, logicalTypeOptions: {maximum: '2030-12-31'}}
  - {name: rate, logicalType: number, logicalTypeOptions: {maximum: 0.1}}
  - {name: blob, logicalType: string, logicalTypeOptions: {maxLength: 2}}
  - {name: note, logicalType: string, quality: [{id: no_nulls, metric: nullValues, mustBe: 0}, {id: no_dash, metric: missingValues, mustBe: 0, arguments: {missingValues: [null, '-']}}]}
  - {name: lines, logicalType: array, items: {logicalType: object, properties: [{name: sku, logicalType: string, required: true}, {name: count, logicalType: integer, logicalTypeOptions: {minimum: 1}}]}}
  - {name: tags, logicalType: object, logicalTypeOptions: {maxProperties: 1}}
  - {name: elsewhere, logicalType: string, required: true}
";

/// 2026-01-02T03:04:05.678Z.
const NOON_US: i64 = 1_767_323_045_678_000;

/// An order without fault, with some of its fields replaced.
fn order(changes: &[(&str, Value)]) -> Value {
    let line = |sku: Value, count: i32| Value::Record(vec![("sku".into(), sku), ("count".into(), Value::Int(count))]);
    let good = vec![
        ("id", Value::Uuid(uuid::Uuid::from_u128(1))),
        ("amount", Value::Union(1, Value::Decimal(vec![0x07, 0xcf].into()).into())),
        ("state", Value::Enum(0, "NEW".into())),
        ("at", Value::TimestampMicros(NOON_US)),
        ("due", Value::Date(20_000)),
        ("rate", Value::Float(0.1)),
        ("blob", Value::Bytes(vec![0, 255])),
        ("note", Value::Union(1, Value::String("x".into()).into())),
        ("lines", Value::Array(vec![line(Value::Union(1, Value::String("s".into()).into()), 1)])),
        ("tags", Value::Map([("k".to_string(), Value::String("v".into()))].into())),
    ];
    let changed = |(name, value): (&str, Value)| {
        let change = changes.iter().find(|(changed, _)| *changed == name);
        (name.to_string(), change.map_or(value, |(_, value)| value.clone()))
    };
    Value::Record(good.into_iter().map(changed).collect())
}

#[test]
fn faults_planted_in_avro_records_are_found() {
    let id = |n: u128| ("id", Value::Uuid(uuid::Uuid::from_u128(n)));
    let decimal = |bytes: &[u8]| Value::Union(1, Value::Decimal(bytes.to_vec().into()).into());
    let text = |text: &str| Value::Union(1, Value::String(text.into()).into());
    let null = || Value::Union(0, Value::Null.into());
    let records = [
        order(&[]),
        order(&[]), // a duplicate
        order(&[id(2), ("amount", null())]),
        order(&[id(3), ("amount", decimal(&[0xff]))]),
        order(&[id(4), ("state", Value::Enum(2, "LOST".into()))]),
        order(&[id(5), ("at", Value::TimestampMicros(0))]),
        order(&[id(6), ("at", Value::TimestampMicros(i64::MAX))]),
        order(&[id(7), ("due", Value::Date(30_000))]),
        order(&[id(8), ("rate", Value::Float(0.11))]),
        order(&[id(9), ("rate", Value::Float(f32::NAN))]),
        order(&[id(10), ("blob", Value::Bytes(vec![1, 2, 3]))]),
        order(&[id(11), ("note", null())]),
        order(&[id(12), ("note", text("-"))]),
        order(&[id(13), ("note", Value::Union(2, Value::Long(5).into()))]),
        order(&[
            id(14),
            ("lines", Value::Array(vec![Value::Record(vec![("sku".into(), null()), ("count".into(), Value::Int(0))])])),
        ]),
        order(&[
            id(15),
            (
                "tags",
                Value::Map([("a".into(), Value::String("1".into())), ("b".into(), Value::String("2".into()))].into()),
            ),
        ]),
    ];
    let all = records.len();
    let expected = [
        format!("t.id.primaryKey: 1 of {all}"),
        format!("t.amount.required: 1 of {all}"),
        format!("t.amount.minimum: 1 of {}", all - 1),
        format!("t.state.invalidValues: 1 of {all}"),
        format!("t.at.logicalType: 1 of {all}"),
        format!("t.at.minimum: 1 of {all}"),
        format!("t.due.maximum: 1 of {all}"),
        format!("t.rate.maximum: 2 of {all}"),
        format!("t.blob.maxLength: 1 of {all}"),
        format!("t.note.logicalType: 1 of {}", all - 1),
        format!("no_nulls: 1 of {all}"),
        format!("no_dash: 2 of {all}"),
        format!("t.lines[].sku.required: 1 of {all}"),
        format!("t.lines[].count.minimum: 1 of {all}"),
        format!("t.tags.maxProperties: 1 of {all}"),
        format!("t.elsewhere.required: {all} of {all}"),
    ];
    let payloads: Vec<Vec<u8>> = records.iter().map(|record| encoded(ORDER, record)).collect();

    let quoted =
        format!("  customProperties:\n  - {{property: steward.avroSchema, value: '{}'}}\n", ORDER.replace('\n', ""));
    let time = "  - {property: steward.eventTimeField, value: at}\n";
    let raw = contract(ORDER_PROPERTIES, &format!("{quoted}{time}"));
    let sent: Vec<Sent> = payloads.iter().map(|payload| (payload.clone(), None)).collect();
    let (tally, times) = examined(&raw, None, &sent);
    assert_eq!(found(&raw, tally), expected);
    assert_eq!(times[0], Some(NOON_US / 1000));

    let registered = Registered::Avro(Arc::new(AvroSchema::parse(ORDER, &[]).expect("a schema")));
    let guid = [1u8].into_iter().chain([9; 16]).collect::<Vec<u8>>();
    let schemas = Schemas::default()
        .with(SchemaRef::Id(77), registered.clone())
        .with(SchemaRef::Guid(u128::from_be_bytes([9; 16])), registered);
    let plain = contract(ORDER_PROPERTIES, "");
    let sent: Vec<Sent> = payloads.iter().map(|payload| framed(77, payload)).collect();
    assert_eq!(found(&plain, examined(&plain, Some(schemas.clone()), &sent).0), expected, "framed");
    let sent: Vec<Sent> = payloads.iter().map(|payload| (payload.clone(), Some(guid.clone()))).collect();
    assert_eq!(found(&plain, examined(&plain, Some(schemas), &sent).0), expected, "by header");
}

#[test]
fn each_broken_record_is_counted_by_its_reason() {
    let one = r#"{"type":"record","name":"R","fields":[{"name":"s","type":"string"},{"name":"b","type":"boolean"},{"name":"u","type":["null","int"]},{"name":"e","type":{"type":"enum","name":"E","symbols":["A"]}},{"name":"n","type":"int"}]}"#;
    let narrow = r#"{"type":"record","name":"R","fields":[{"name":"s","type":"int"}]}"#;
    let schema = |text: &str| Registered::Avro(Arc::new(AvroSchema::parse(text, &[]).expect("a schema")));
    let schemas = Schemas::default()
        .with(SchemaRef::Id(1), schema(one))
        .with(SchemaRef::Id(2), Registered::Absent)
        .with(SchemaRef::Id(3), Registered::Unsupported("PROTOBUF".into()))
        .with(SchemaRef::Id(4), Registered::Unavailable("503".into()))
        .with(SchemaRef::Id(5), Registered::Json)
        .with(SchemaRef::Id(6), schema(r#"{"type":"array","items":"null"}"#));
    let plan = contract("  - {name: s, logicalType: string, required: true}\n", "");
    let good = [2, b'x', 1, 2, 4, 0, 6];
    let broken = |at: usize, byte: u8| {
        let mut bytes = good;
        bytes[at] = byte;
        framed(1, &bytes)
    };
    let sent = [
        framed(1, &good),
        framed(5, br#"{"s":"x"}"#),
        (br#"{"s":"x"}"#.to_vec(), None),
        (vec![7], None),
        (vec![0, 1], None),
        (good.to_vec(), Some(vec![3])),
        framed(2, &good),
        framed(3, &good),
        framed(4, &good),
        framed(1, &good[..4]),
        framed(1, &[&good[..], &[0]].concat()),
        broken(0, 1),
        broken(1, 0xff),
        broken(2, 2),
        broken(3, 4),
        broken(5, 2),
        framed(1, &[&good[..6], &[0xff, 0xff, 0xff, 0xff, 0xff, 0x01]].concat()),
        framed(5, b"[]"),
        framed(5, b"{"),
        framed(6, &[0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20, 0]),
    ];
    let expected = [
        "bad_magic: 1",
        "bad_schema_header: 1",
        "invalid_boolean: 1",
        "negative_length: 1",
        "not_an_object: 1",
        "not_json: 1",
        "not_utf8: 1",
        "schema_unsupported: 1",
        "too_large: 1",
        "trailing_bytes: 1",
        "truncated: 2",
        "unknown_schema: 1",
        "varint_overflow: 1",
        "wrong_enum_index: 1",
        "wrong_union_index: 1",
    ];
    let (tally, _) = examined(&plan, Some(schemas.clone()), &sent);
    let counts = tally.counts;
    assert_eq!((counts.undecodable, counts.unmeasured), (16, 1), "whose schema cannot be had is not to blame");
    assert_eq!(found(&plan, tally), expected);

    // Without a registry a frame is no record, and a contract that wants another type finds none.
    assert_eq!(found(&plan, examined(&plan, None, &sent[..1]).0), ["framed: 1"]);
    let own = format!(
        "  customProperties:\n  - {{property: steward.avroSchema, value: '{narrow}'}}\n  - {{property: steward.encoding, value: registry}}\n"
    );
    let wants = contract("  - {name: s, logicalType: integer}\n", &own);
    let expected = ["t.s.logicalType: 1 of 1", "bad_magic: 1", "schema_mismatch: 1"];
    assert_eq!(found(&wants, examined(&wants, Some(schemas), &sent[..3]).0), expected);
}

#[test]
fn a_record_whose_schema_is_not_known_yet_is_to_be_examined_again() {
    let plan = contract("  - {name: s, logicalType: string, required: true}\n", "");
    let mut examiner = Examiner::new(&[7; 16]);
    let (value, _) = framed(1, b"\x02x");
    let record =
        RawRecord { offset: 0, timestamp_ms: 0, key: None, value: Some(&value), schema_header: None, headers: None };
    examiner.replace_schemas(Arc::default());
    assert_eq!(examiner.examine(&plan, &[0], &record), Examined::Needs(SchemaRef::Id(1)));
    let schema = AvroSchema::parse(r#"{"type":"record","name":"R","fields":[{"name":"s","type":"string"}]}"#, &[]);
    let known = Registered::Avro(Arc::new(schema.expect("a schema")));
    examiner.replace_schemas(Arc::new(Schemas::default().with(SchemaRef::Id(1), known)));
    assert_eq!(examiner.examine(&plan, &[0], &record), Examined::At(None));
    let mut tally = Tally::default();
    assert_eq!(examiner.count(&plan, &record, AT, false, &mut tally), [0u32; 0]);
    assert_eq!((tally.counts.records, tally.counts.undecodable), (1, 0));
}

#[test]
fn a_map_is_asked_by_its_keys_and_values() {
    const SHELF: &str = r#"{"type":"record","name":"Shelf","fields":[{"name":"books","type":{"type":"map","values":
      {"type":"record","name":"Book","fields":[{"name":"pages","type":"int"},{"name":"title","type":["null","string"]}]}}}]}"#;
    let plan = contract(crate::SHELF_PROPERTIES, "");
    let book = |pages: i32, title: Option<&str>| {
        let title = title
            .map_or(Value::Union(0, Value::Null.into()), |title| Value::Union(1, Value::String(title.into()).into()));
        Value::Record(vec![("pages".into(), Value::Int(pages)), ("title".into(), title)])
    };
    let shelf = |books: &[(&str, Value)]| {
        let books = books.iter().map(|(name, book)| ((*name).to_owned(), book.clone())).collect();
        framed(7, &encoded(SHELF, &Value::Record(vec![("books".into(), Value::Map(books))])))
    };
    let schema = Registered::Avro(Arc::new(AvroSchema::parse(SHELF, &[]).expect("a schema")));
    let sent = [
        shelf(&[("a1", book(1, Some("x"))), ("b1", book(2, Some("y")))]),
        shelf(&[("a2", book(0, Some("x"))), ("b", book(0, None))]),
        shelf(&[("c2", book(3, None))]),
        shelf(&[]),
    ];
    let (tally, _) = examined(&plan, Some([(SchemaRef::Id(7), schema)].into_iter().collect()), &sent);
    assert_eq!(found(&plan, tally), crate::SHELF_FOUND);
}
