//! Bytes as Avro: the first byte chooses a schema, the rest is a record of it, as apache-avro reads it or refused by both.
#![no_main]

use apache_avro::Schema;
use apache_avro::reader::datum::GenericDatumReader;
use apache_avro::types::Value as Theirs;
use libfuzzer_sys::fuzz_target;
use mesh_steward_fuzz::engine::decode::avro::program::Program;
use mesh_steward_fuzz::engine::decode::avro::{compile, place, walk};
use mesh_steward_fuzz::engine::decode::fields::Fields;
use mesh_steward_fuzz::engine::decode::number::Number;
use mesh_steward_fuzz::engine::decode::path::{FieldPath, Step};
use mesh_steward_fuzz::engine::decode::reason::Reason;
use mesh_steward_fuzz::engine::decode::tree::{Kind, Tree, Value};
use std::cell::RefCell;
use std::sync::Arc;

/// Types of the fields `a`, `b`, `c` of a record `R`.
const SCHEMAS: [[&str; 3]; 6] = [
    [r#""null""#, r#""boolean""#, r#""int""#],
    [r#""long""#, r#""float""#, r#""double""#],
    [r#""string""#, r#""bytes""#, r#"{"type":"fixed","name":"F","size":3}"#],
    [r#"{"type":"array","items":"long"}"#, r#"{"type":"map","values":"string"}"#, r#"["null","string","R"]"#],
    [r#"{"type":"enum","name":"E","symbols":["x","y"]}"#, r#"["int",{"type":"map","values":"R"}]"#, r#""string""#],
    [r#"{"type":"array","items":"R"}"#, r#"["null","R"]"#, r#"{"type":"array","items":"null"}"#],
];

thread_local! {
    static KEPT: RefCell<(Tree, Vec<(Schema, Program)>)> = RefCell::new({
        let name = |name: &str| Step::Name(name.into());
        let paths = [vec![name("a")], vec![name("b"), name("a")], vec![name("c"), name("c")], vec![name("a"), Step::Items, name("b")]];
        let fields = Arc::new(Fields::of(&paths.map(FieldPath)));
        let one = |[a, b, c]: [&str; 3]| {
            let fields_of = format!(r#"{{"name":"a","type":{a}}},{{"name":"b","type":{b}}},{{"name":"c","type":{c}}}"#);
            let text = format!(r#"{{"type":"record","name":"R","fields":[{fields_of}]}}"#);
            let schema = Schema::parse_str(&text).expect("a schema");
            let program = compile::compile(std::slice::from_ref(&schema), None).expect("a program");
            (schema, place::place(&program, &fields).expect("with places"))
        };
        (Tree::default(), SCHEMAS.map(one).into())
    });
}

fuzz_target!(|bytes: &[u8]| KEPT.with_borrow_mut(|(tree, schemas)| {
    let Some((choice, bytes)) = bytes.split_first() else { return };
    let (schema, program) = &schemas[usize::from(*choice) % SCHEMAS.len()];
    let ours = walk::record(tree, program, bytes, 0);
    // Theirs makes room for whatever a count says, and recurses without a bound.
    if let Err(refused) = &ours
        && matches!(refused.reason, Reason::TooLarge | Reason::TooDeep | Reason::Truncated)
    {
        return;
    }
    let mut rest = bytes;
    let theirs = GenericDatumReader::builder(schema).build().expect("a reader").read_value(&mut rest);
    match (ours, theirs) {
        (Ok(ours), Ok(theirs)) => {
            assert!(rest.is_empty() && same(ours, &theirs), "{theirs:?}");
            // Outside arrays, what stands at a place is what has its name.
            if let Kind::Object(members) = ours.kind() {
                let a = program.fields.child(0, "a");
                assert_eq!(ours.at(a).map(shown), members.get("a").map(shown));
            }
        }
        (Ok(_), Err(theirs)) => panic!("accepted here alone: {theirs}"),
        (Err(_), Err(_)) => {}
        // Theirs has no opinion on what follows, drops bits beyond the 64th, the size of a block, and the first of two members.
        (Err(ours), Ok(_)) => assert!(
            matches!(ours.reason, Reason::VarintOverflow | Reason::DuplicateKey | Reason::NegativeLength)
                || (ours.reason == Reason::TrailingBytes && !rest.is_empty()),
            "refused here alone: {ours:?}"
        ),
    }
}));

fn shown(value: Value<'_>) -> String {
    match value.kind() {
        Kind::Array(items) => format!("{} items", items.len()),
        Kind::Object(members) => format!("{} members", members.len()),
        other => format!("{other:?}"),
    }
}

fn same(ours: Value<'_>, theirs: &Theirs) -> bool {
    match (theirs, ours.kind()) {
        (Theirs::Null, Kind::Null) => true,
        (Theirs::Boolean(a), Kind::Bool(b)) => *a == b,
        (Theirs::Int(a), Kind::Number(Number::Int(b))) => i64::from(*a) == b,
        (Theirs::Long(a), Kind::Number(Number::Int(b))) => *a == b,
        (Theirs::Float(a), Kind::Number(Number::Single(b))) => a.to_bits() == b.to_bits(),
        (Theirs::Double(a), Kind::Number(Number::Float(b))) => a.to_bits() == b.to_bits(),
        (Theirs::String(a) | Theirs::Enum(_, a), Kind::Text(b)) => a == b,
        (Theirs::Bytes(a) | Theirs::Fixed(_, a), Kind::Bytes(b)) => a == b,
        (Theirs::Array(a), Kind::Array(b)) => a.len() == b.len() && b.zip(a).all(|(b, a)| same(b, a)),
        (Theirs::Union(_, a), _) => same(ours, a),
        (Theirs::Map(a), Kind::Object(mut b)) => {
            a.len() == b.len() && b.all(|(name, b)| a.get(name).is_some_and(|a| same(b, a)))
        }
        (Theirs::Record(a), Kind::Object(b)) => {
            a.len() == b.len() && b.zip(a).all(|((name, b), (known, a))| name == known && same(b, a))
        }
        _ => false,
    }
}
