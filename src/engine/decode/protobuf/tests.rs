//! What is read, what is broken and how; against prost-reflect on random messages and on bytes that were broken.

use crate::engine::decode::fields::Fields;
use crate::engine::decode::number::Number;
use crate::engine::decode::path::{FieldPath, Step};
use crate::engine::decode::protobuf::known::message_path;
use crate::engine::decode::protobuf::schema::ProtobufSchema;
use crate::engine::decode::protobuf::walk;
use crate::engine::decode::reason::{Reason, Undecodable};
use crate::engine::decode::rows::tests as rows;
use crate::engine::decode::tree::{Kind, Tree, Value};
use proptest::prelude::*;
use prost_reflect::prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, MapKey, ReflectMessage, Value as Theirs};
use std::sync::{Arc, LazyLock};

/// A value as text: JSON, but bytes as `x'00ff'`, moments as `Timestamp(nanoseconds)`, and members in the order of names.
fn shown(value: Value<'_>) -> String {
    match value.kind() {
        Kind::Null => "null".into(),
        Kind::Bool(is) => is.to_string(),
        Kind::Number(Number::Decimal(text)) => text.into(),
        Kind::Number(number) => number.integer().map_or(number.as_f64().to_string(), |whole| whole.to_string()),
        Kind::Text(text) => format!("{text:?}"),
        Kind::Bytes(bytes) => hex(bytes),
        Kind::Moment(moment) => format!("{:?}({})", moment.kind, moment.nanos),
        Kind::Array(items) => format!("[{}]", items.map(shown).collect::<Vec<_>>().join(",")),
        Kind::Object(members) => object(members.map(|(name, value)| (name.to_owned(), shown(value))).collect()),
    }
}

fn hex(bytes: &[u8]) -> String {
    format!("x'{}'", bytes.iter().map(|b| format!("{b:02x}")).collect::<String>())
}

fn object(mut members: Vec<(String, String)>) -> String {
    members.sort();
    format!("{{{}}}", members.iter().map(|(name, value)| format!("{name}:{value}")).collect::<Vec<_>>().join(","))
}

fn schema(text: &str) -> ProtobufSchema {
    ProtobufSchema::parse(text, &[]).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn told(read: Result<Value<'_>, Undecodable>) -> String {
    match read {
        Ok(value) => shown(value),
        Err(Undecodable { reason, at }) => format!("{} at {at}", reason.word()),
    }
}

/// A first message of these fields, read out of bytes.
fn check(fields: &str, bytes: &[u8], expected: &str) {
    let schema = schema(&format!("syntax = \"proto3\"; {IMPORTS} message M {{ {fields} }}"));
    let first = schema.by_name(None).expect("a message");
    assert_eq!(
        told(walk::record(&mut Tree::default(), schema.program(), first, bytes, 0)),
        expected,
        "{fields} {bytes:02x?}"
    );
}

const IMPORTS: &str = "import \"google/protobuf/timestamp.proto\"; import \"google/protobuf/duration.proto\"; \
    import \"google/protobuf/wrappers.proto\"; import \"google/protobuf/struct.proto\"; \
    import \"google/protobuf/field_mask.proto\"; import \"confluent/type/decimal.proto\"; import \"confluent/meta.proto\"; \
    enum Size { SMALL = 0; LARGE = 3; }";

#[test]
fn every_type_is_read_as_the_specification_writes_it() {
    check("int32 a = 1;", &[8, 0x96, 1], "{a:150}");
    check("int32 a = 1;", &[8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], "{a:-1}");
    check("sint64 a = 1;", &[8, 3], "{a:-2}");
    check("uint64 a = 1;", &[8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], "{a:18446744073709551615}");
    check("fixed32 a = 1;", &[0x0d, 1, 0, 0, 0], "{a:1}");
    check("sfixed64 a = 1;", &[9, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff], "{a:-1}");
    check("float a = 1;", &[&[0x0d][..], &0.5f32.to_le_bytes()].concat(), "{a:0.5}");
    check("double a = 1;", &[&[9][..], &(-2.5f64).to_le_bytes()].concat(), "{a:-2.5}");
    check("bool a = 1;", &[8, 1], "{a:true}");
    check("string a = 1;", b"\x0a\x02hi", "{a:\"hi\"}");
    check("bytes a = 1;", &[0x0a, 2, 0, 0xff], "{a:x'00ff'}");
    check("Size a = 1;", &[8, 3], "{a:\"LARGE\"}");
    check("Size a = 1;", &[8, 7], "{a:7}");
    check("repeated int32 a = 1;", &[0x0a, 2, 1, 2], "{a:[1,2]}");
    check("repeated int32 a = 1;", &[8, 1, 0x0a, 1, 2, 8, 3], "{a:[1,2,3]}");
    check("repeated string a = 1;", b"\x0a\x01x\x0a\x01y", "{a:[\"x\",\"y\"]}");
    check("map<string, int32> a = 1;", b"\x0a\x05\x0a\x01x\x10\x01\x0a\x05\x0a\x01y\x10\x02", "{a:{x:1,y:2}}");
    // Of two entries of one key the later stands; without a key it is the default's.
    check(
        "map<int32, string> a = 1;",
        b"\x0a\x05\x08\x01\x12\x01x\x0a\x05\x08\x01\x12\x01y\x0a\x00",
        "{a:{0:\"\",1:\"y\"}}",
    );
    check("message N { int32 b = 1; } N a = 1;", &[0x0a, 2, 8, 5], "{a:{b:5}}");
    // A message in two parts is one.
    check(
        "message N { int32 b = 1; int32 c = 2; repeated int32 d = 3; } N a = 1;",
        &[0x0a, 4, 8, 5, 0x18, 1, 0x0a, 4, 0x10, 6, 0x18, 2],
        "{a:{b:5,c:6,d:[1,2]}}",
    );
    check("message L { L next = 1; } L a = 2;", &[0x12, 2, 0x0a, 0], "{a:{next:{}}}");
    // What nobody knows is passed over, a group too; so is a form that the field has not.
    check("int32 a = 1;", &[0x7b, 8, 1, 0x7c, 8, 4, 0x12, 0], "{a:4}");
    check("int32 a = 1;", &[0x0a, 1, 9], "{a:0}");
}

#[test]
fn what_is_not_there_is_missing_or_its_default() {
    check("int32 a = 1; string b = 2; Size c = 3; bytes d = 4;", &[], "{a:0,b:\"\",c:\"SMALL\",d:x''}");
    check("optional int32 a = 1; repeated int32 b = 2; map<string, int32> c = 3; M d = 4;", &[], "{b:[],c:{}}");
    check("optional int32 a = 1;", &[8, 0], "{a:0}");
    check("oneof o { int32 a = 1; string b = 2; } int32 c = 3;", &[], "{c:0}");
    check("oneof o { int32 a = 1; string b = 2; } int32 c = 3;", &[8, 0], "{a:0,c:0}");
    // Of a oneof the last stands.
    check("oneof o { int32 a = 1; string b = 2; } int32 c = 3;", b"\x12\x01x\x08\x05", "{a:5,c:0}");
    check("oneof o { int32 a = 1; string b = 2; } int32 c = 3;", b"\x08\x05\x12\x01x", "{b:\"x\",c:0}");
    let old = |fields: &str, bytes: &[u8], expected: &str| {
        let schema = schema(&format!("syntax = \"proto2\"; enum E {{ X = 1; }} message M {{ {fields} }}"));
        assert_eq!(
            told(walk::record(&mut Tree::default(), schema.program(), schema.by_name(None).expect("M"), bytes, 0)),
            expected,
            "{fields}"
        );
    };
    old("optional int32 a = 1 [default = 5]; required int32 b = 2;", &[0x10, 1], "{b:1}");
    old("required int32 a = 1;", &[], "required_field_missing at 0");
    // A closed enum has no such value: the field is not there.
    old("optional E a = 1; repeated E b = 2;", &[8, 9, 0x10, 1, 0x10, 9], "{b:[\"X\"]}");
    old("optional group G = 1 { optional int32 x = 1; }", &[0x0b, 8, 7, 0x0c], "{g:{x:7}}");
}

#[test]
fn messages_of_the_library_are_what_they_stand_for() {
    let t = |bytes: &[u8], expected: &str| check("google.protobuf.Timestamp a = 1;", bytes, expected);
    t(&[0x0a, 4, 8, 2, 0x10, 5], "{a:Timestamp(2000000005)}");
    t(&[0x0a, 0], "{a:Timestamp(0)}");
    t(&[], "{}");
    t(&[0x0a, 7, 8, 0x80, 0xd4, 0xf4, 0xa8, 0xea, 0x01], "{a:Timestamp(62899694080000000000)}");
    let d = |bytes: &[u8], expected: &str| check("google.protobuf.Duration a = 1;", bytes, expected);
    d(&[0x0a, 2, 8, 90], "{a:\"90s\"}");
    d(&[0x0a, 6, 0x10, 0x80, 0xca, 0xb5, 0xee, 0x01], "{a:\"0.500s\"}");
    check("google.protobuf.Int64Value a = 1;", &[0x0a, 2, 8, 3], "{a:3}");
    check("google.protobuf.StringValue a = 1;", &[0x0a, 0], "{a:\"\"}");
    check("google.protobuf.BoolValue a = 1;", &[], "{}");
    check("google.protobuf.FieldMask a = 1;", b"\x0a\x06\x0a\x01x\x0a\x01y", "{a:\"x,y\"}");
    check("google.protobuf.Struct a = 1;", b"\x0a\x09\x0a\x07\x0a\x01k\x12\x02\x20\x01", "{a:{k:true}}");
    check("google.protobuf.Value a = 1;", b"\x0a\x03\x1a\x01x", "{a:\"x\"}");
    check("google.protobuf.Value a = 1;", b"\x0a\x02\x08\x00", "{a:null}");
    check("google.protobuf.ListValue a = 1;", b"\x0a\x05\x0a\x03\x1a\x01x", "{a:[\"x\"]}");
    check("confluent.type.Decimal a = 1;", &[0x0a, 6, 0x0a, 2, 0x07, 0xcf, 0x18, 2], "{a:19.99}");
}

#[test]
fn what_is_broken_has_its_reason() {
    check("int32 a = 1;", &[8], "truncated at 0");
    check("int32 a = 1;", &[8, 0x80], "truncated at 0");
    check("string a = 1;", &[0x0a, 5, b'x'], "truncated at 0");
    check("double a = 1;", &[9, 0], "truncated at 0");
    check("int32 a = 1;", &[8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1], "varint_overflow at 0");
    check("int32 a = 1;", &[0, 1], "invalid_tag at 0");
    check("int32 a = 1;", &[0x0e, 1], "invalid_tag at 0");
    check("int32 a = 1;", &[0x0c], "invalid_tag at 0");
    check("int32 a = 1;", &[0x7b, 0x84, 1], "invalid_tag at 0");
    check("int32 a = 1;", &[0x7b, 8], "truncated at 0");
    check("string a = 1;", &[0x0a, 1, 0xff], "not_utf8 at 0");
    check("M a = 1;", &nested(70), "too_deep at 134");
    let mut tree = Tree::default();
    let (many, list) = ([0x0a, 0].repeat(600_000), schema("syntax = \"proto3\"; message M { repeated M a = 1; }"));
    let read = walk::record(&mut tree, list.program(), list.by_name(None).expect("M"), &many, 0);
    assert_eq!(read.err().map(|error| error.reason), Some(Reason::TooLarge));
    let groups = [0x7b].repeat(100);
    check("int32 a = 1;", &groups, "too_deep at 0");
    let schema = list;
    assert_eq!(told(walk::record(&mut Tree::default(), schema.program(), 999, &[], 0)), "wrong_message_index at 0");
}

/// A message `depth` levels within its own first field.
fn nested(depth: usize) -> Vec<u8> {
    (0..depth).fold(Vec::new(), |inner, _| {
        let mut bytes = vec![0x0a];
        prost_reflect::prost::encoding::encode_varint(inner.len() as u64, &mut bytes);
        [bytes, inner].concat()
    })
}

#[test]
fn a_message_is_named_by_the_path_of_its_indexes() {
    let schema =
        schema("syntax = \"proto3\"; package p; message A { message B {} message C { int32 x = 1; } } message D {}");
    let name = |path: &[i32]| schema.by_path(path);
    assert_eq!(
        (name(&[0]), name(&[0, 1]), name(&[1])),
        (schema.by_name(Some("A")), schema.by_name(Some("p.A.C")), schema.by_name(Some("D")))
    );
    assert_eq!((name(&[2]), name(&[0, 2]), schema.by_name(Some("E"))), (None, None, None));
    assert_eq!(schema.by_name(None), name(&[0]));
    for (bytes, expected) in [
        (&[0, 9][..], Ok((vec![0], 1))),
        (&[2, 0], Ok((vec![0], 2))),
        (&[4, 0, 2], Ok((vec![0, 1], 3))),
        (&[1], Err(Reason::WrongMessageIndex)),
        (&[4, 0], Err(Reason::Truncated)),
        (&[0xff, 0xff, 0xff, 0xff, 0x7f], Err(Reason::WrongMessageIndex)),
        (&[], Err(Reason::Truncated)),
    ] {
        assert_eq!(message_path(bytes), expected, "{bytes:?}");
    }
}

#[test]
fn a_schema_is_text_or_a_descriptor_and_may_import() {
    let imports = [
        ("other.proto", "syntax = \"proto3\"; import \"third.proto\"; message O { T t = 1; }"),
        ("third.proto", "syntax = \"proto3\"; message T { int32 x = 1; }"),
    ];
    let text = "syntax = \"proto3\"; import \"other.proto\"; message M { O o = 1; }";
    let read = |text: &str| {
        let schema = ProtobufSchema::parse(text, &imports).expect("a schema");
        told(walk::record(
            &mut Tree::default(),
            schema.program(),
            schema.by_name(Some("M")).expect("M"),
            &[0x0a, 4, 0x0a, 2, 8, 7],
            0,
        ))
    };
    assert_eq!(read(text), "{o:{t:{x:7}}}");
    let descriptor =
        protox::file::File::from_source("m.proto", text).expect("a file").file_descriptor_proto().encode_to_vec();
    let base64 = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, descriptor);
    assert_eq!(read(&base64), "{o:{t:{x:7}}}");
    for (text, said) in
        [(text, "other.proto"), ("message {", "expected"), ("syntax = \"proto3\"; message M { X x = 1; }", "X")]
    {
        let error = ProtobufSchema::parse(text, &[]).expect_err(text);
        assert!(error.contains(said), "{error}");
    }
}

const EVERYTHING: &str = "syntax = \"proto3\"; import \"google/protobuf/wrappers.proto\"; package p;
    enum E { A = 0; B = 1; C = -1; }
    message M {
        double d = 1; float f = 2; int32 i = 3; int64 l = 4; uint32 ui = 5; uint64 ul = 6; sint32 si = 7; sint64 sl = 8;
        fixed32 fi = 9; fixed64 fl = 10; sfixed32 sfi = 11; sfixed64 sfl = 12; bool b = 13; string s = 14; bytes y = 15;
        E e = 16; M m = 17; optional int32 oi = 18; optional string os = 19;
        repeated int32 ri = 20; repeated sint64 rl = 21 [packed = false]; repeated string rs = 22; repeated M rm = 23;
        repeated double rd = 24; repeated E re = 25;
        map<string, int32> ms = 30; map<int64, M> mm = 31; map<bool, string> mb = 32; map<uint32, bytes> mu = 33;
        oneof o { int32 oa = 40; string ob = 41; M om = 42; E oe = 43; }
        google.protobuf.DoubleValue w = 50; google.protobuf.StringValue ws = 51;
    }";

static POOL: LazyLock<DescriptorPool> = LazyLock::new(pool);
static SCHEMA: LazyLock<ProtobufSchema> = LazyLock::new(|| schema(EVERYTHING));

fn pool() -> DescriptorPool {
    struct One;
    impl protox::file::FileResolver for One {
        fn resolve_path(&self, path: &std::path::Path) -> Option<String> {
            path.to_str().map(str::to_owned)
        }

        fn open_file(&self, name: &str) -> Result<protox::file::File, protox::Error> {
            match name {
                "m" => protox::file::File::from_source(name, EVERYTHING),
                other => protox::file::GoogleFileResolver::new().open_file(other),
            }
        }
    }
    let mut compiler = protox::Compiler::with_file_resolver(One);
    compiler.include_imports(true).open_file("m").expect("a schema");
    compiler.descriptor_pool()
}

/// A random message, drawn from a tape of bytes.
fn drawn(pool: &DescriptorPool, name: &str, tape: &mut std::slice::Iter<'_, u8>, depth: usize) -> DynamicMessage {
    let of = pool.get_message_by_name(name).expect(name);
    let mut message = DynamicMessage::new(of.clone());
    let fields: Vec<_> = of.fields().collect();
    while let Some(byte) = tape.next() {
        if byte % 5 == 0 {
            break;
        }
        let field = &fields[*byte as usize % fields.len()];
        let mut one = |kind: prost_reflect::Kind| one_value(pool, kind, tape, depth);
        if field.is_map() {
            let prost_reflect::Kind::Message(entry) = field.kind() else { continue };
            let (key, value) = (one(entry.map_entry_key_field().kind()), one(entry.map_entry_value_field().kind()));
            if let (Some(key), Some(value)) = (key.and_then(|key| key.into_map_key()), value)
                && let Some(map) = message.get_field_mut(field).as_map_mut()
            {
                map.insert(key, value);
            }
        } else if let Some(value) = one(field.kind()) {
            match field.is_list() {
                true => message.get_field_mut(field).as_list_mut().expect("a list").push(value),
                false => message.set_field(field, value),
            }
        }
    }
    message
}

fn one_value(
    pool: &DescriptorPool,
    kind: prost_reflect::Kind,
    tape: &mut std::slice::Iter<'_, u8>,
    depth: usize,
) -> Option<Theirs> {
    use prost_reflect::Kind as Of;
    let number = tape.by_ref().take(4).fold(0i64, |sum, byte| sum << 9 ^ i64::from(*byte as i8));
    let text = || format!("t{}é", number % 7);
    Some(match kind {
        Of::Double => Theirs::F64(number as f64 / 8.0),
        Of::Float => Theirs::F32(number as f32 / 8.0),
        Of::Int32 | Of::Sint32 | Of::Sfixed32 => Theirs::I32(number as i32),
        Of::Int64 | Of::Sint64 | Of::Sfixed64 => Theirs::I64(number.wrapping_mul(0x1_0001_0001)),
        Of::Uint32 | Of::Fixed32 => Theirs::U32(number as u32),
        Of::Uint64 | Of::Fixed64 => Theirs::U64(number as u64),
        Of::Bool => Theirs::Bool(number % 2 == 0),
        Of::String => Theirs::String(text()),
        Of::Bytes => Theirs::Bytes(text().into_bytes().into()),
        Of::Enum(_) => Theirs::EnumNumber((number % 3) as i32),
        Of::Message(of) if depth < 4 => Theirs::Message(drawn(pool, of.full_name(), tape, depth + 1)),
        Of::Message(_) => return None,
    })
}

/// What prost-reflect says of a message, as `shown` says it.
fn of_theirs(message: &DynamicMessage) -> String {
    let field = |field: prost_reflect::FieldDescriptor| {
        let there = !field.supports_presence() || message.has_field(&field);
        there.then(|| (field.name().to_owned(), of_value(&message.get_field(&field), &field.kind())))
    };
    object(message.descriptor().fields().filter_map(field).collect())
}

fn of_value(value: &Theirs, kind: &prost_reflect::Kind) -> String {
    match value {
        Theirs::Bool(b) => b.to_string(),
        Theirs::I32(n) => n.to_string(),
        Theirs::I64(n) => n.to_string(),
        Theirs::U32(n) => n.to_string(),
        Theirs::U64(n) => n.to_string(),
        // The number that its shortest text says.
        Theirs::F32(n) => float(n.to_string().parse().expect("a number"), n.to_string()),
        Theirs::F64(n) => float(*n, n.to_string()),
        Theirs::String(text) => format!("{text:?}"),
        Theirs::Bytes(bytes) => hex(bytes),
        Theirs::EnumNumber(n) => {
            let of = kind.as_enum().expect("an enum");
            of.get_value(*n).map_or(n.to_string(), |symbol| format!("{:?}", symbol.name()))
        }
        Theirs::Message(message) => match message.descriptor().full_name() {
            wrapper if wrapper.starts_with("google.protobuf.") => {
                let field = message.descriptor().get_field(1).expect("a wrapper's");
                of_value(&message.get_field(&field), &field.kind())
            }
            _ => of_theirs(message),
        },
        Theirs::List(items) => format!("[{}]", items.iter().map(|v| of_value(v, kind)).collect::<Vec<_>>().join(",")),
        Theirs::Map(entries) => {
            let value = kind.as_message().expect("entries").map_entry_value_field().kind();
            object(entries.iter().map(|(k, v)| (of_key(k), of_value(v, &value))).collect())
        }
    }
}

/// A whole number has no fraction in `shown`.
fn float(number: f64, text: String) -> String {
    let whole = number.fract() == 0.0 && number.abs() < 1e18;
    if whole { (number as i128).to_string() } else { text }
}

fn of_key(key: &MapKey) -> String {
    match key {
        MapKey::Bool(key) => key.to_string(),
        MapKey::I32(key) => key.to_string(),
        MapKey::I64(key) => key.to_string(),
        MapKey::U32(key) => key.to_string(),
        MapKey::U64(key) => key.to_string(),
        MapKey::String(key) => key.clone(),
    }
}

fn path(names: &[&str]) -> FieldPath {
    FieldPath(names.iter().map(|n| if *n == "[]" { Step::Items } else { Step::Name((*n).into()) }).collect())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn random_messages_and_broken_ones_are_read_as_by_prost_reflect(
        tape in proptest::collection::vec(any::<u8>(), 0..200),
        edits in proptest::collection::vec((any::<proptest::sample::Index>(), any::<u8>()), 0..4), broken in any::<bool>(),
    ) {
        let (pool, schema) = (&*POOL, &*SCHEMA);
        let message = drawn(pool, "p.M", &mut tape.iter(), 0);
        let mut bytes = message.encode_to_vec();
        if broken && !bytes.is_empty() {
            edits.iter().for_each(|(at, byte)| *at.get_mut(&mut bytes) = *byte);
        }
        let paths = [path(&["i"]), path(&["m", "m", "s"]), path(&["rm", "[]", "i"]), path(&["ms", "t1é"]), path(&["mm", "3", "s"]), path(&["w"])];
        let fields = Arc::new(Fields::of(&paths));
        let root = schema.by_name(Some("M")).expect("M");
        let (placed, at) = schema.program().place(root, &fields).expect("few places");
        let (mut tree, mut with_places) = (Tree::default(), Tree::default());
        let ours = walk::record(&mut tree, schema.program(), root, &bytes, 0);
        prop_assert_eq!(told(ours), told(walk::record(&mut with_places, &placed, at, &bytes, 0)));
        match (ours, DynamicMessage::decode(message.descriptor(), &*bytes)) {
            (Ok(ours), Ok(theirs)) => {
                prop_assert!(broken || shown(ours) == of_theirs(&theirs), "{} {}", shown(ours), of_theirs(&theirs));
                for path in &paths {
                    let mut by_name = Vec::new();
                    rows::by_name(ours, &path.0, &mut by_name);
                    prop_assert_eq!(rows::by_place(with_places.root(), &fields, path), by_name, "{}", path);
                }
            }
            // It takes a form that a field has not for an error, and reads an entry of a map whatever its form.
            (Ok(_), Err(_)) | (Err(_), Ok(_)) => prop_assert!(broken, "{:02x?}", bytes),
            (Err(_), Err(_)) => {}
        }
    }

    #[test]
    fn no_bytes_break_the_reader(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        for id in 0..SCHEMA.program().messages.len() as u32 {
            told(walk::record(&mut Tree::default(), SCHEMA.program(), id, &bytes, 0));
        }
    }
}
