//! Decimals, dates, moments with zones, arrays in arrays, maps and unions: the same rows in JSON, Avro and Protobuf, and the same
//! faults found in all three.

use crate::{Sent, contract, examined, found, framed};
use apache_avro::Schema;
use apache_avro::types::Value;
use apache_avro::writer::datum::GenericDatumWriter;
use mesh_steward::engine::decode::protobuf::schema::ProtobufSchema;
use mesh_steward::engine::decode::schema::{Registered, SchemaRef, Schemas};
use prost_reflect::prost::encoding::{WireType, encode_key, encode_varint};
use std::sync::Arc;

const PROPERTIES: &str = "
  - {name: price, logicalType: number, logicalTypeOptions: {minimum: 0.1, multipleOf: 0.05}, quality: [{id: once, metric: duplicateValues, mustBe: 0}]}
  - {name: day, logicalType: date, logicalTypeOptions: {minimum: '2026-01-02'}, quality: [{id: no-holiday, metric: missingValues, mustBe: 0, arguments: {missingValues: ['2026-12-25']}}]}
  - {name: at, logicalType: timestamp, logicalTypeOptions: {maximum: '2026-01-02T04:04:05+01:00', timezone: true}}
  - {name: grid, logicalType: array, items: {logicalType: array, logicalTypeOptions: {minItems: 1}, items: {logicalType: integer, logicalTypeOptions: {minimum: 0}}}}
  - {name: scores, logicalType: object, logicalTypeOptions: {maxProperties: 2, required: [a]}}
  - {name: either, logicalType: number, quality: [{id: either-is-there, metric: nullValues, mustBe: 0}]}
";

/// 2026-01-02T03:04:05Z, the last moment allowed.
const LAST_MS: i64 = 1_767_323_045_000;
/// 2026-01-02, the first day allowed, since 1970-01-01.
const FIRST_DAY: i32 = 20_455;

#[derive(Clone)]
struct Row {
    cents: i64,
    day: i32,
    at_ms: i64,
    grid: Vec<Vec<i64>>,
    scores: Vec<&'static str>,
    either: Either,
}

#[derive(Clone)]
enum Either {
    Null,
    Text,
    Number,
}

/// Each row but the first two breaks one rule.
fn rows() -> Vec<Row> {
    let grid = vec![vec![1], vec![2, 3]];
    let good = |n: i64| Row {
        cents: 100 + 5 * n,
        day: FIRST_DAY,
        at_ms: LAST_MS,
        grid: grid.clone(),
        scores: vec!["a"],
        either: Either::Number,
    };
    vec![
        good(0),
        Row { grid: vec![], scores: vec!["a", "b"], day: FIRST_DAY + 1, at_ms: LAST_MS - 1, ..good(1) },
        Row { cents: 5, ..good(2) },
        Row { cents: 113, ..good(3) },
        Row { cents: 100, ..good(4) },
        Row { day: FIRST_DAY - 1, ..good(5) },
        // 2026-12-25.
        Row { day: FIRST_DAY + 357, ..good(6) },
        Row { at_ms: LAST_MS + 1, ..good(7) },
        Row { grid: vec![vec![1], vec![]], ..good(8) },
        Row { grid: vec![vec![-1], vec![-2, -3]], ..good(9) },
        Row { scores: vec!["a", "b", "c"], ..good(10) },
        Row { scores: vec!["b"], ..good(11) },
        Row { either: Either::Text, ..good(12) },
        Row { either: Either::Null, ..good(13) },
    ]
}

const EXPECTED: [&str; 12] = [
    "t.price.minimum: 1 of 14",
    "t.price.multipleOf: 1 of 14",
    "once: 1 of 14",
    "t.day.minimum: 1 of 14",
    "no-holiday: 1 of 14",
    "t.at.maximum: 1 of 14",
    "t.grid[].minItems: 1 of 13", // a row without items is not asked of them
    "t.grid[][].minimum: 1 of 13",
    "t.scores.maxProperties: 1 of 14",
    "t.scores.requiredProperties: 1 of 14",
    "t.either.logicalType: 1 of 13", // null is of no type
    "either-is-there: 1 of 14",
];

#[test]
fn json_texts_and_numbers() {
    let json = |row: &Row| -> Sent {
        let date = jiff::civil::date(1970, 1, 1).saturating_add(jiff::Span::new().days(row.day));
        let at = jiff::tz::offset(1).to_datetime(jiff::Timestamp::from_millisecond(row.at_ms).expect("a time"));
        let either = match row.either {
            Either::Null => "null",
            Either::Text => "\"5\"",
            Either::Number => "5",
        };
        let scores: Vec<String> = row.scores.iter().map(|name| format!("\"{name}\":1")).collect();
        let text = format!(
            r#"{{"price":{}.{:02},"day":"{date}","at":"{at}+01:00","grid":{:?},"scores":{{{}}},"either":{either}}}"#,
            row.cents / 100,
            row.cents % 100,
            row.grid,
            scores.join(",")
        );
        (text.into_bytes(), None)
    };
    let plan = contract(PROPERTIES, "");
    let sent: Vec<Sent> = rows().iter().map(json).collect();
    assert_eq!(found(&plan, examined(&plan, None, &sent).0), EXPECTED);
}

#[test]
fn avro_logical_types_and_unions() {
    const SCHEMA: &str = r#"{"type":"record","name":"T","fields":[{"name":"price","type":{"type":"bytes","logicalType":"decimal","precision":9,"scale":2}},{"name":"day","type":{"type":"int","logicalType":"date"}},{"name":"at","type":{"type":"long","logicalType":"timestamp-millis"}},{"name":"grid","type":{"type":"array","items":{"type":"array","items":"long"}}},{"name":"scores","type":{"type":"map","values":"int"}},{"name":"either","type":["null","string","long"]}]}"#;
    let schema = Schema::parse_str(SCHEMA).expect("a schema");
    let avro = |row: &Row| -> Sent {
        let list = |items: &Vec<i64>| Value::Array(items.iter().map(|n| Value::Long(*n)).collect());
        let either = match row.either {
            Either::Null => Value::Union(0, Value::Null.into()),
            Either::Text => Value::Union(1, Value::String("5".into()).into()),
            Either::Number => Value::Union(2, Value::Long(5).into()),
        };
        let fields = [
            ("price", Value::Decimal(row.cents.to_be_bytes().to_vec().into())),
            ("day", Value::Date(row.day)),
            ("at", Value::TimestampMillis(row.at_ms)),
            ("grid", Value::Array(row.grid.iter().map(list).collect())),
            ("scores", Value::Map(row.scores.iter().map(|name| (name.to_string(), Value::Int(1))).collect())),
            ("either", either),
        ];
        let record = Value::Record(fields.map(|(name, value)| (name.to_string(), value)).into());
        let writer = GenericDatumWriter::builder(&schema).build().expect("a writer");
        (writer.write_value_to_vec(record).expect("bytes"), None)
    };
    let own = format!("  customProperties:\n  - {{property: steward.avroSchema, value: '{SCHEMA}'}}\n");
    let plan = contract(PROPERTIES, &own);
    let sent: Vec<Sent> = rows().iter().map(avro).collect();
    assert_eq!(found(&plan, examined(&plan, None, &sent).0), EXPECTED);
}

#[test]
fn protobuf_well_known_types_and_maps() {
    const SCHEMA: &str = "syntax = \"proto3\"; import \"google/protobuf/timestamp.proto\"; import \"google/protobuf/struct.proto\"; import \"google/type/date.proto\"; import \"confluent/type/decimal.proto\"; message T { confluent.type.Decimal price = 1; google.type.Date day = 2; google.protobuf.Timestamp at = 3; google.protobuf.ListValue grid = 4; map<string, int32> scores = 5; google.protobuf.Value either = 6; }";
    let protobuf = |row: &Row| -> Vec<u8> {
        let date = jiff::civil::date(1970, 1, 1).saturating_add(jiff::Span::new().days(row.day));
        let price = [sized(1, &row.cents.to_be_bytes()), number(2, 9), number(3, 2)].concat();
        let day =
            [number(1, date.year() as u64), number(2, date.month() as u64), number(3, date.day() as u64)].concat();
        let at = [number(1, (row.at_ms / 1000) as u64), number(2, (row.at_ms % 1000 * 1_000_000) as u64)].concat();
        let double = |n: &i64| sized(1, &double(*n as f64));
        let inner = |items: &Vec<i64>| sized(1, &sized(6, &items.iter().map(double).collect::<Vec<_>>().concat()));
        let grid = row.grid.iter().map(inner).collect::<Vec<_>>().concat();
        let score = |name: &&str| sized(5, &[sized(1, name.as_bytes()), number(2, 1)].concat());
        let scores = row.scores.iter().map(score).collect::<Vec<_>>().concat();
        let either = match row.either {
            Either::Null => number(1, 0),
            Either::Text => sized(3, b"5"),
            Either::Number => self::double(5.0),
        };
        let all = [sized(1, &price), sized(2, &day), sized(3, &at), sized(4, &grid), scores, sized(6, &either)];
        all.concat()
    };
    // No import that is built in: a registry gives it beside the schema.
    let date =
        "syntax = \"proto3\"; package google.type; message Date { int32 year = 1; int32 month = 2; int32 day = 3; }";
    let schema = ProtobufSchema::parse(SCHEMA, &[("google/type/date.proto", date)]).expect("a schema");
    let schemas = Schemas::default().with(SchemaRef::Id(7), Registered::Protobuf(Arc::new(schema)));
    let plan = contract(PROPERTIES, "");
    // The first message: a count of 0.
    let sent: Vec<Sent> = rows().iter().map(|row| framed(7, &[&[0], &protobuf(row)[..]].concat())).collect();
    assert_eq!(found(&plan, examined(&plan, Some(schemas), &sent).0), EXPECTED);
}

fn sized(field: u32, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_key(field, WireType::LengthDelimited, &mut bytes);
    encode_varint(content.len() as u64, &mut bytes);
    bytes.extend_from_slice(content);
    bytes
}

fn number(field: u32, value: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_key(field, WireType::Varint, &mut bytes);
    encode_varint(value, &mut bytes);
    bytes
}

/// `google.protobuf.Value`'s number.
fn double(value: f64) -> Vec<u8> {
    let mut bytes = Vec::new();
    encode_key(2, WireType::SixtyFourBit, &mut bytes);
    bytes.extend_from_slice(&value.to_le_bytes());
    bytes
}
