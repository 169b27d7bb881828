//! Against apache-avro: random schemas, random values of them, and bytes that were broken on the way.

use crate::engine::decode::avro::{place, walk};
use crate::engine::decode::fields::Fields;
use crate::engine::decode::moment::Stamp;
use crate::engine::decode::number::Number;
use crate::engine::decode::path::{FieldPath, Step};
use crate::engine::decode::reason::{Reason, Undecodable};
use crate::engine::decode::rows::tests as rows;
use crate::engine::decode::schema::AvroSchema;
use crate::engine::decode::tree::{Kind, Tree, Value};
use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::schema::{InnerDecimalSchema, ResolvedSchema, UuidSchema};
use apache_avro::types::Value as Theirs;
use apache_avro::writer::datum::GenericDatumWriter;
use proptest::prelude::*;
use serde_json::json;
use std::sync::Arc;

/// A schema yet without names.
#[derive(Clone, Debug)]
enum Shape {
    Leaf(&'static str),
    Logical(&'static str, &'static str),
    Decimal(u8),
    Fixed(u8, Option<&'static str>),
    Enum(u8),
    Array(Box<Shape>),
    Map(Box<Shape>),
    /// Null, and another.
    Nullable(Box<Shape>),
    /// Two records, a text and a number.
    Either(Box<Shape>, Box<Shape>),
    /// `true`: with a field that may hold the record itself.
    Record(Vec<Shape>, bool),
}

fn shape() -> impl Strategy<Value = Shape> {
    let leaf = prop_oneof![
        proptest::sample::select(vec!["null", "boolean", "int", "long", "float", "double", "bytes", "string"])
            .prop_map(Shape::Leaf),
        proptest::sample::select(vec![
            ("int", "date"),
            ("int", "time-millis"),
            ("long", "time-micros"),
            ("long", "timestamp-millis"),
            ("long", "timestamp-micros"),
            ("long", "timestamp-nanos"),
            ("long", "local-timestamp-millis"),
            ("long", "local-timestamp-micros"),
            ("long", "local-timestamp-nanos"),
            ("string", "uuid"),
            ("bytes", "big-decimal"),
        ])
        .prop_map(|(base, logical)| Shape::Logical(base, logical)),
        (0u8..5).prop_map(Shape::Decimal),
        (0u8..20).prop_map(|size| Shape::Fixed(size, None)),
        Just(Shape::Fixed(12, Some("duration"))),
        Just(Shape::Fixed(16, Some("uuid"))),
        (1u8..4).prop_map(Shape::Enum),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            inner.clone().prop_map(|s| Shape::Array(s.into())),
            inner.clone().prop_map(|s| Shape::Map(s.into())),
            inner.clone().prop_map(|s| Shape::Nullable(s.into())),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| Shape::Either(a.into(), b.into())),
            (proptest::collection::vec(inner, 0..4), any::<bool>()).prop_map(|(f, own)| Shape::Record(f, own)),
        ]
    })
}

fn record() -> impl Strategy<Value = Shape> {
    proptest::collection::vec(shape(), 0..5).prop_map(|fields| Shape::Record(fields, false))
}

impl Shape {
    fn json(&self, names: &mut u32) -> serde_json::Value {
        *names += 1;
        let name = format!("N{names}");
        match self {
            Shape::Leaf(name) => json!(name),
            Shape::Logical(base, logical) => json!({"type": base, "logicalType": logical}),
            Shape::Decimal(scale) => {
                json!({"type": "bytes", "logicalType": "decimal", "precision": 20, "scale": scale})
            }
            Shape::Fixed(size, None) => json!({"type": "fixed", "name": name, "size": size}),
            Shape::Fixed(size, logical) => json!({"type": "fixed", "name": name, "size": size, "logicalType": logical}),
            Shape::Enum(symbols) => {
                let symbols: Vec<_> = (0..*symbols).map(|i| format!("S{i}")).collect();
                json!({"type": "enum", "name": name, "symbols": symbols})
            }
            Shape::Array(items) => json!({"type": "array", "items": items.json(names)}),
            Shape::Map(values) => json!({"type": "map", "values": values.json(names)}),
            Shape::Nullable(inner)
                if matches!(**inner, Shape::Leaf("null") | Shape::Nullable(_) | Shape::Either(..)) =>
            {
                inner.json(names)
            }
            Shape::Nullable(inner) => json!(["null", inner.json(names)]),
            Shape::Either(a, b) => {
                let mut wrap = |inner: &Shape| Shape::Record(vec![inner.clone()], false).json(names);
                json!([wrap(a), "string", wrap(b), "long"])
            }
            Shape::Record(fields, own) => {
                let mut all: Vec<_> = fields
                    .iter()
                    .enumerate()
                    .map(|(i, field)| json!({"name": format!("f{i}"), "type": field.json(names)}))
                    .collect();
                if *own {
                    all.push(json!({"name": "own", "type": ["null", name]}));
                }
                json!({"type": "record", "name": name, "fields": all})
            }
        }
    }
}

/// What a value is made of; zeros when it is used up, so that a recursive one ends.
struct Dice<'d>(std::slice::Iter<'d, u64>);

impl Dice<'_> {
    fn next(&mut self) -> u64 {
        self.0.next().copied().unwrap_or(0)
    }

    fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }

    fn text(&mut self) -> String {
        let length = self.next() % 5;
        (0..length).map(|_| ['a', 'é', '€', '𝄞', '\0'][self.next() as usize % 5]).collect()
    }
}

fn made(schema: &Schema, names: &ResolvedSchema<'_>, dice: &mut Dice<'_>) -> Theirs {
    match schema {
        Schema::Null => Theirs::Null,
        Schema::Boolean => Theirs::Boolean(dice.next() % 2 == 1),
        Schema::Int => Theirs::Int(dice.next() as i32),
        Schema::Long => Theirs::Long(dice.next() as i64),
        Schema::Float => Theirs::Float(f32::from_bits(dice.next() as u32)),
        Schema::Double => Theirs::Double(f64::from_bits(dice.next())),
        Schema::Bytes => {
            let length = dice.next() as usize % 5;
            Theirs::Bytes(dice.bytes(length))
        }
        Schema::String => Theirs::String(dice.text()),
        Schema::Fixed(fixed) => Theirs::Fixed(fixed.size, dice.bytes(fixed.size)),
        Schema::Enum(of) => {
            let at = dice.next() as usize % of.symbols.len();
            Theirs::Enum(at as u32, of.symbols[at].clone())
        }
        Schema::Array(array) => {
            let length = dice.next() % 3;
            Theirs::Array((0..length).map(|_| made(&array.items, names, dice)).collect())
        }
        Schema::Map(map) => {
            let length = dice.next() % 3;
            Theirs::Map((0..length).map(|i| (format!("{i}{}", dice.text()), made(&map.types, names, dice))).collect())
        }
        Schema::Union(union) => {
            let at = dice.next() as usize % union.variants().len();
            Theirs::Union(at as u32, Box::new(made(&union.variants()[at], names, dice)))
        }
        Schema::Record(record) => Theirs::Record(
            record.fields.iter().map(|field| (field.name.clone(), made(&field.schema, names, dice))).collect(),
        ),
        Schema::Ref { name } => made(names.get_names()[name], names, dice),
        Schema::Decimal(decimal) => {
            assert!(matches!(decimal.inner, InnerDecimalSchema::Bytes));
            let length = 1 + dice.next() as usize % 9;
            Theirs::Decimal(dice.bytes(length).into())
        }
        Schema::BigDecimal => {
            let unscaled = dice.next() as i64;
            Theirs::BigDecimal(apache_avro::BigDecimal::new(unscaled.into(), dice.next() as i64 % 100))
        }
        Schema::Uuid(UuidSchema::String | UuidSchema::Fixed(_) | UuidSchema::Bytes) => {
            Theirs::Uuid(uuid::Uuid::from_u64_pair(dice.next(), dice.next()))
        }
        Schema::Date => Theirs::Date(dice.next() as i32),
        Schema::TimeMillis => Theirs::TimeMillis(dice.next() as i32),
        Schema::TimeMicros => Theirs::TimeMicros(dice.next() as i64),
        Schema::TimestampMillis => Theirs::TimestampMillis(dice.next() as i64),
        Schema::TimestampMicros => Theirs::TimestampMicros(dice.next() as i64),
        Schema::TimestampNanos => Theirs::TimestampNanos(dice.next() as i64),
        Schema::LocalTimestampMillis => Theirs::LocalTimestampMillis(dice.next() as i64),
        Schema::LocalTimestampMicros => Theirs::LocalTimestampMicros(dice.next() as i64),
        Schema::LocalTimestampNanos => Theirs::LocalTimestampNanos(dice.next() as i64),
        Schema::Duration(_) => {
            let bytes: [u8; 12] = dice.bytes(12).try_into().expect("twelve");
            Theirs::Duration(bytes.into())
        }
    }
}

/// Whether both read the same. A union is in our values no level of its own.
fn same(ours: Value<'_>, theirs: &Theirs) -> bool {
    let stamp = |stamp: Stamp, count: i64| matches!(ours.kind(), Kind::Moment(moment) if moment == stamp.moment(count));
    match (theirs, ours.kind()) {
        (Theirs::Union(_, inner), _) => same(ours, inner),
        (Theirs::Null, Kind::Null) => true,
        (Theirs::Boolean(a), Kind::Bool(b)) => *a == b,
        (Theirs::Int(a), Kind::Number(Number::Int(b))) => i64::from(*a) == b,
        (Theirs::Long(a), Kind::Number(Number::Int(b))) => *a == b,
        (Theirs::Float(a), Kind::Number(Number::Single(b))) => a.to_bits() == b.to_bits(),
        (Theirs::Double(a), Kind::Number(Number::Float(b))) => a.to_bits() == b.to_bits(),
        (Theirs::Bytes(a) | Theirs::Fixed(_, a), Kind::Bytes(b)) => a == b,
        (Theirs::String(a) | Theirs::Enum(_, a), Kind::Text(b)) => a == b,
        (Theirs::Uuid(a), Kind::Text(b)) => uuid::Uuid::parse_str(b).is_ok_and(|b| *a == b),
        (Theirs::Array(a), Kind::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same(b, a)),
        (Theirs::Map(a), Kind::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(b, a)))
        }
        (Theirs::Record(a), Kind::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(name, a)| b.get(name).is_some_and(|b| same(b, a)))
        }
        (Theirs::Decimal(decimal), Kind::Number(number)) => {
            // The scale stands in the schema alone: it is told apart by what our own text shows.
            let text = match number {
                Number::Decimal(text) => text.to_string(),
                other => other.integer().map(|i| i.to_string()).unwrap_or_default(),
            };
            let shown = text.split_once('.').map_or(0, |(_, fraction)| fraction.len() as i64);
            apache_avro::BigDecimal::new(decimal.clone().into(), shown).to_plain_string() == text
        }
        (Theirs::BigDecimal(big), Kind::Number(Number::Int(int))) => {
            let int = apache_avro::BigDecimal::from(int);
            *big == int
        }
        (Theirs::BigDecimal(big), Kind::Number(Number::Decimal(text))) => {
            text.parse::<apache_avro::BigDecimal>().is_ok_and(|read| read == *big)
        }
        (Theirs::Date(n), _) => stamp(Stamp::Date, (*n).into()),
        (Theirs::TimeMillis(n), _) => stamp(Stamp::TimeMillis, (*n).into()),
        (Theirs::TimeMicros(n), _) => stamp(Stamp::TimeMicros, *n),
        (Theirs::TimestampMillis(n), _) => stamp(Stamp::TimestampMillis, *n),
        (Theirs::TimestampMicros(n), _) => stamp(Stamp::TimestampMicros, *n),
        (Theirs::TimestampNanos(n), _) => stamp(Stamp::TimestampNanos, *n),
        (Theirs::LocalTimestampMillis(n), _) => stamp(Stamp::LocalMillis, *n),
        (Theirs::LocalTimestampMicros(n), _) => stamp(Stamp::LocalMicros, *n),
        (Theirs::LocalTimestampNanos(n), _) => stamp(Stamp::LocalNanos, *n),
        (Theirs::Duration(duration), Kind::Object(members)) => {
            let is = |name, count: u32| matches!(members.get(name).map(Value::kind), Some(Kind::Number(Number::Int(n))) if n == i64::from(count));
            is("months", duration.months().into())
                && is("days", duration.days().into())
                && is("millis", duration.millis().into())
        }
        _ => false,
    }
}

fn parsed(shape: &Shape) -> (String, Schema, AvroSchema) {
    let text = shape.json(&mut 0).to_string();
    let theirs = Schema::parse_str(&text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let ours = AvroSchema::parse(&text, &[]).unwrap_or_else(|error| panic!("{text}: {error}"));
    (text, theirs, ours)
}

fn written(schema: &Schema, dice: &[u64]) -> (Theirs, Vec<u8>) {
    let names = ResolvedSchema::new(schema).expect("names");
    let value = made(schema, &names, &mut Dice(dice.iter()));
    let bytes = GenericDatumWriter::builder(schema).build().expect("a writer").write_value_to_vec(value.clone());
    (value, bytes.expect("bytes"))
}

/// Of names that the shapes have, and keys of maps.
fn path() -> impl Strategy<Value = FieldPath> {
    let names = vec!["f0", "f1", "f2", "own", "days", "a", "é", ""];
    let name = proptest::sample::select(names).prop_map(|name| Step::Name(name.into()));
    let rest = proptest::collection::vec(prop_oneof![2 => name.clone(), 1 => Just(Step::Items)], 0..4);
    (name, rest).prop_map(|(first, rest)| FieldPath([vec![first], rest].concat()))
}

/// Random bytes are mostly refused at once; small ones are met by more of the grammar.
fn byte() -> impl Strategy<Value = u8> {
    prop_oneof![3 => 0u8..8, 1 => any::<u8>()]
}

proptest! {
    #[test]
    fn what_apache_avro_writes_is_read_as_the_same(shape in record(), dice in proptest::collection::vec(any::<u64>(), 0..60)) {
        let (text, schema, ours) = parsed(&shape);
        let (theirs, bytes) = written(&schema, &dice);
        let mut tree = Tree::default();
        match walk::record(&mut tree, ours.program(), &bytes, 0) {
            Ok(value) => prop_assert!(same(value, &theirs), "{text}\n{theirs:?}\n{value:?}"),
            // Decided otherwise: such a decimal is no number that bounds can be held against.
            Err(Undecodable { reason: Reason::NumberOutOfRange, .. }) => {}
            Err(undecodable) => prop_assert!(false, "{text}\n{theirs:?}\n{undecodable:?}"),
        }
    }

    /// At the places of some fields, of which a schema has some; the program is as good as the one without places.
    #[test]
    fn what_is_found_by_place_is_what_is_found_by_name(
        shape in record(), dice in proptest::collection::vec(any::<u64>(), 0..60), paths in proptest::collection::vec(path(), 0..8),
    ) {
        let (text, schema, ours) = parsed(&shape);
        let (theirs, bytes) = written(&schema, &dice);
        let fields = Arc::new(Fields::of(&paths));
        let program = place::place(ours.program(), &fields).expect("a program with places");
        let mut tree = Tree::default();
        if let Ok(value) = walk::record(&mut tree, &program, &bytes, 0) {
            prop_assert!(same(value, &theirs), "{text}\n{theirs:?}\n{value:?}");
            for path in paths {
                let mut rows = Vec::new();
                rows::by_name(value, &path.0, &mut rows);
                prop_assert_eq!(rows::by_place(value, &fields, &path), rows, "{} {}", path, text);
            }
        }
    }

    #[test]
    fn broken_bytes_are_refused_where_apache_avro_refuses_them(
        shape in record(),
        dice in proptest::collection::vec(any::<u64>(), 0..40),
        edits in proptest::collection::vec((any::<proptest::sample::Index>(), byte()), 0..4),
        cut in proptest::option::of(any::<proptest::sample::Index>()),
        extra in proptest::collection::vec(byte(), 0..3),
    ) {
        let (text, schema, ours) = parsed(&shape);
        let (_, mut bytes) = written(&schema, &dice);
        for (at, byte) in edits.iter().filter(|_| !bytes.is_empty()).collect::<Vec<_>>() {
            let at = at.index(bytes.len());
            bytes[at] = *byte;
        }
        if let Some(cut) = cut {
            bytes.truncate(cut.index(bytes.len() + 1));
        }
        bytes.extend(extra);
        agree(&text, &schema, &ours, &bytes)?;
    }

    #[test]
    fn random_bytes_are_refused_where_apache_avro_refuses_them(shape in record(), bytes in proptest::collection::vec(byte(), 0..40)) {
        let (text, schema, ours) = parsed(&shape);
        agree(&text, &schema, &ours, &bytes)?;
    }
}

/// Both read the same, or both refuse; but for what is decided otherwise here, each with its reason.
fn agree(text: &str, schema: &Schema, ours: &AvroSchema, bytes: &[u8]) -> Result<(), TestCaseError> {
    let mut rest = bytes;
    let theirs = GenericDatumReader::builder(schema).build().expect("a reader").read_value(&mut rest);
    let mut tree = Tree::default();
    let read = walk::record(&mut tree, ours.program(), bytes, 0);
    match (read, theirs) {
        (Ok(value), Ok(theirs)) => {
            prop_assert!(rest.is_empty(), "{text}: bytes are left over: {bytes:02x?}");
            prop_assert!(same(value, &theirs), "{text}\n{bytes:02x?}\n{theirs:?}\n{value:?}");
        }
        // A text that is no UUID is a text: whether it should be one is the contract's question.
        (Ok(_), Err(error)) => prop_assert!(error.to_string().contains("UUID"), "{text}\n{bytes:02x?}\n{error}"),
        (Err(_), Err(_)) => {}
        (Err(Undecodable { reason, .. }), Ok(_)) => match reason {
            // Theirs has no opinion on what follows, and takes the end of the bytes for null.
            Reason::TrailingBytes => prop_assert!(!rest.is_empty()),
            Reason::Truncated => prop_assert!(rest.is_empty(), "{text}\n{bytes:02x?}"),
            // Theirs drops the bits beyond the 64th, the first of two members of one name, the size of a block; and
            // knows no bounds of nesting and decimals.
            Reason::VarintOverflow | Reason::DuplicateKey | Reason::NegativeLength => {}
            Reason::NumberOutOfRange | Reason::TooDeep | Reason::TooLarge => {}
            other => prop_assert!(false, "{text}\n{bytes:02x?}\nrefused by us only: {other:?}"),
        },
    }
    Ok(())
}

/// A reader's schema out of a writer's: fields in another order, fewer, wider, and one more with a default.
fn reader_of(writer: &serde_json::Value, edits: &[u8]) -> serde_json::Value {
    let mut fields = Vec::new();
    for (field, edit) in writer["fields"].as_array().into_iter().flatten().zip(edits) {
        let kind = &field["type"];
        let wider = match (kind.as_str(), edit % 4) {
            (_, 0) => continue,
            (Some("int"), 1) => json!("long"),
            (Some("int" | "long"), 2) => json!("double"),
            (Some("float"), 1) => json!("double"),
            (Some("int" | "string"), 3) => json!(["null", kind]),
            _ => kind.clone(),
        };
        fields.push(json!({"name": field["name"], "type": wider}));
    }
    fields.reverse();
    fields.push(json!({"name": "more", "type": ["null", "string"], "default": null}));
    json!({"type": "record", "name": writer["name"], "fields": fields})
}

proptest! {
    #[test]
    fn a_reader_sees_what_apache_avro_resolves(
        shape in record(),
        dice in proptest::collection::vec(any::<u64>(), 0..60),
        edits in proptest::array::uniform5(any::<u8>()),
    ) {
        // Theirs forgets which record of a union was written, and takes the first that its fields fit; and it wants a
        // decimal in bytes to have room for its whole precision, which no writer gives it.
        let debug = format!("{shape:?}");
        if debug.contains("Either") || debug.contains("Decimal") {
            return Ok(());
        }
        let (text, schema, ours) = parsed(&shape);
        let wanted = reader_of(&serde_json::from_str(&text).expect("JSON"), &edits).to_string();
        // A type that is defined in a field that was dropped, and used in a later one, makes no schema; it is not asked.
        let (Ok(theirs), Ok(reader)) = (Schema::parse_str(&wanted), AvroSchema::parse(&wanted, &[])) else { return Ok(()) };
        let (_, bytes) = written(&schema, &dice);
        let resolved = GenericDatumReader::builder(&schema).reader_schema(&theirs).build().expect("a reader");
        let resolved = resolved.read_value(&mut &bytes[..]);
        let program = ours.read_as(&reader).expect("a program");
        let mut tree = Tree::default();
        match (walk::record(&mut tree, &program, &bytes, 0), resolved) {
            (Ok(value), Ok(theirs)) => prop_assert!(same(value, &theirs), "{text}\n{wanted}\n{theirs:?}\n{value:?}"),
            (Err(Undecodable { reason: Reason::NumberOutOfRange, .. }), _) => {}
            (read, theirs) => prop_assert!(false, "{text}\n{wanted}\n{theirs:?}\n{read:?}"),
        }
    }
}

#[test]
fn schemas_of_everyday_topics_are_read_like_apache_avro_reads_them() {
    let Some(specs) = std::env::var_os("STEWARD_SPECS").map(std::path::PathBuf::from) else {
        println!("skipped: STEWARD_SPECS is not set");
        return;
    };
    let mut schemas = 0;
    for entry in std::fs::read_dir(specs.join("datagen")).expect("a folder datagen") {
        let path = entry.expect("a file").path();
        let text = std::fs::read_to_string(&path).expect("a schema");
        let schema = Schema::parse_str(&text).expect("theirs");
        let ours = AvroSchema::parse(&text, &[]).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let mut tree = Tree::default();
        for seed in 1..100u64 {
            let dice: Vec<u64> = (0..200).map(|i| seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> (i % 40)).collect();
            let (theirs, bytes) = written(&schema, &dice);
            let value = walk::record(&mut tree, ours.program(), &bytes, 0).expect("a record");
            assert!(same(value, &theirs), "{}: {theirs:?}\n{value:?}", path.display());
        }
        schemas += 1;
    }
    assert!(schemas > 10, "only {schemas} schemas in datagen");
}
