//! What is read, what is broken and how, and what two schemas make of each other.

mod against; // apache-avro

use crate::engine::decode::avro::walk;
use crate::engine::decode::number::Number;
use crate::engine::decode::reason::Undecodable;
use crate::engine::decode::schema::AvroSchema;
use crate::engine::decode::tree::{Kind, Tree, Value};

/// A value as text: JSON, but bytes as `x'00ff'` and moments as `date(nanoseconds)` and the like.
fn shown(value: Value<'_>) -> String {
    match value.kind() {
        Kind::Null => "null".into(),
        Kind::Bool(is) => is.to_string(),
        Kind::Number(Number::Decimal(text)) => text.into(),
        Kind::Number(number) => number.integer().map_or(number.as_f64().to_string(), |whole| whole.to_string()),
        Kind::Text(text) => format!("{text:?}"),
        Kind::Bytes(bytes) => format!("x'{}'", bytes.iter().map(|b| format!("{b:02x}")).collect::<String>()),
        Kind::Moment(moment) => {
            let local = if moment.zoned { "" } else { "local " };
            format!("{local}{:?}({})", moment.kind, moment.nanos)
        }
        Kind::Array(items) => format!("[{}]", items.map(shown).collect::<Vec<_>>().join(",")),
        Kind::Object(members) => {
            let member = |(name, value)| format!("{name}:{}", shown(value));
            format!("{{{}}}", members.map(member).collect::<Vec<_>>().join(","))
        }
    }
}

fn schema(text: &str) -> AvroSchema {
    AvroSchema::parse(text, &[]).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn told(read: Result<Value<'_>, Undecodable>) -> String {
    match read {
        Ok(value) => shown(value),
        Err(Undecodable { reason, at }) => format!("{} at {at}", reason.word()),
    }
}

/// Bytes by a schema; what they are, or why they are nothing.
fn check(text: &str, bytes: &[u8], expected: &str) {
    let schema = schema(text);
    let mut tree = Tree::default();
    assert_eq!(told(walk::value(&mut tree, schema.program(), bytes, 0)), expected, "{text} {bytes:02x?}");
}

#[test]
fn every_type_is_read_as_the_specification_writes_it() {
    check(r#""null""#, &[], "null");
    check(r#""boolean""#, &[1], "true");
    check(r#""int""#, &[0x80, 0x01], "64");
    check(r#""long""#, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01], "-9223372036854775808");
    check(r#""float""#, &0.1f32.to_le_bytes(), "0.1");
    check(r#""double""#, &(-2.5f64).to_le_bytes(), "-2.5");
    check(r#""string""#, b"\x06foo", "\"foo\"");
    check(r#""bytes""#, &[4, 0, 0xff], "x'00ff'");
    check(r#"{"type":"fixed","name":"F","size":2}"#, &[7, 8], "x'0708'");
    check(r#"{"type":"enum","name":"E","symbols":["A","B"]}"#, &[2], "\"B\"");
    check(r#"["null","string"]"#, &[2, 2, b'x'], "\"x\"");
    check(r#"["null","string"]"#, &[0], "null");
    check(r#"{"type":"array","items":"int"}"#, &[4, 6, 54, 0], "[3,27]");
    check(r#"{"type":"array","items":"int"}"#, &[3, 4, 6, 54, 2, 2, 0], "[3,27,1]");
    check(r#"{"type":"map","values":"int"}"#, &[2, 2, b'a', 2, 2, 2, b'b', 4, 0], "{a:1,b:2}");
    check(
        r#"{"type":"record","name":"T","fields":[{"name":"a","type":"long"},{"name":"b","type":"string"}]}"#,
        b"\x36\x06foo",
        r#"{a:27,b:"foo"}"#,
    );
    let list =
        r#"{"type":"record","name":"L","fields":[{"name":"v","type":"int"},{"name":"next","type":["null","L"]}]}"#;
    check(list, &[2, 2, 4, 0], "{v:1,next:{v:2,next:null}}");
}

#[test]
fn a_logical_type_makes_a_moment_a_decimal_or_a_text() {
    let logical = |base: &str, name: &str| format!(r#"{{"type":"{base}","logicalType":"{name}"}}"#);
    check(&logical("int", "date"), &[2], "local Date(86400000000000)");
    check(&logical("int", "time-millis"), &[2], "local Time(1000000)");
    check(&logical("long", "time-micros"), &[2], "local Time(1000)");
    check(&logical("long", "timestamp-millis"), &[1], "Timestamp(-1000000)");
    check(&logical("long", "timestamp-micros"), &[2], "Timestamp(1000)");
    check(&logical("long", "timestamp-nanos"), &[2], "Timestamp(1)");
    check(&logical("long", "local-timestamp-millis"), &[2], "local Timestamp(1000000)");
    check(&logical("long", "local-timestamp-micros"), &[2], "local Timestamp(1000)");
    check(&logical("long", "local-timestamp-nanos"), &[2], "local Timestamp(1)");
    check(&logical("string", "uuid"), b"\x02x", "\"x\"");
    let id = "67e55044-10b1-426f-9247-bb680e5fe0c8";
    let uuid: Vec<u8> = uuid::Uuid::parse_str(id).expect("a UUID").into_bytes().into();
    check(r#"{"type":"fixed","name":"U","size":16,"logicalType":"uuid"}"#, &uuid, &format!("{id:?}"));
    let money = r#"{"type":"bytes","logicalType":"decimal","precision":6,"scale":2}"#;
    check(money, &[4, 0x07, 0xcf], "19.99");
    check(money, &[2, 0xfb], "-0.05");
    check(money, &[0], "0.00");
    check(
        r#"{"type":"fixed","name":"D","size":3,"logicalType":"decimal","precision":6,"scale":0}"#,
        &[0xff, 0xff, 0xfe],
        "-2",
    );
    check(
        r#"{"type":"fixed","name":"P","size":12,"logicalType":"duration"}"#,
        &[1, 0, 0, 0, 2, 0, 0, 0, 0xff, 0xff, 0xff, 0xff],
        "{months:1,days:2,millis:4294967295}",
    );
    // What is no such type in the schema is read as what it stands on.
    check(&logical("int", "timestamp-millis"), &[2], "1");
    check(&logical("string", "nobody-knows"), b"\x02x", "\"x\"");
}

#[test]
fn each_way_to_be_broken_has_its_reason_and_its_place() {
    let of = |field: &str| format!(r#"{{"type":"record","name":"R","fields":[{{"name":"a","type":{field}}}]}}"#);
    let check = |field: &str, bytes: &[u8], expected: &str| check(&of(field), bytes, expected);
    check(r#""int""#, &[], "truncated at 0");
    check(r#""int""#, &[0x80], "truncated at 0");
    check(r#""int""#, &[2, 0], "trailing_bytes at 1");
    check(r#""int""#, &[0x80, 0x80, 0x80, 0x80, 0x20], "varint_overflow at 0");
    check(r#""long""#, &[0xff; 10], "varint_overflow at 0");
    check(r#""long""#, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02], "varint_overflow at 0");
    check(r#""boolean""#, &[2], "invalid_boolean at 0");
    check(r#""boolean""#, &[], "truncated at 0");
    check(r#""float""#, &[0; 3], "truncated at 0");
    check(r#""double""#, &[0; 7], "truncated at 0");
    check(r#""string""#, &[4, b'x'], "truncated at 0");
    check(r#""string""#, &[1], "negative_length at 0");
    check(r#""string""#, &[2, 0xff], "not_utf8 at 0");
    check(r#""bytes""#, &[0xff, 0xff, 0xff, 0xff, 0x0f], "negative_length at 0");
    check(r#"{"type":"fixed","name":"F","size":1000000000000}"#, &[0], "truncated at 0");
    check(r#"{"type":"enum","name":"E","symbols":["A"]}"#, &[2], "wrong_enum_index at 0");
    check(r#"{"type":"enum","name":"E","symbols":["A"]}"#, &[1], "wrong_enum_index at 0");
    check(r#"["null","int"]"#, &[4, 0], "wrong_union_index at 0");
    check(r#"["null","int"]"#, &[1], "wrong_union_index at 0");
    check(r#"["null","int"]"#, &[], "truncated at 0");
    check(r#"{"type":"array","items":"int"}"#, &[4, 2], "truncated at 2");
    check(r#"{"type":"array","items":"int"}"#, &[1, 1, 2, 0], "negative_length at 0");
    check(r#"{"type":"map","values":"int"}"#, &[4, 2, b'a', 2, 2, b'a', 2, 0], "duplicate_key at 8");
    check(
        r#"{"type":"bytes","logicalType":"decimal","precision":999,"scale":400}"#,
        &[2, 1],
        "number_out_of_range at 2",
    );
}

#[test]
fn what_a_record_claims_costs_nothing() {
    let nulls = r#"{"type":"array","items":"null"}"#;
    // 2^60 nulls, which take no bytes: by their count, and by a block with a size.
    let many = [0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x20, 0];
    check(nulls, &many, "too_large at 0");
    check(nulls, &[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01, 0, 0], "too_large at 0");
    check(r#"{"type":"array","items":{"type":"record","name":"E","fields":[]}}"#, &many, "too_large at 0");
    // Blocks of half a million each, over and over.
    let blocks = [0x80, 0x80, 0x40].repeat(40);
    check(nulls, &blocks, "too_large at 3");
    let endless = r#"{"type":"record","name":"R","fields":[{"name":"r","type":"R"}]}"#;
    check(endless, &[], "too_deep at 0");
    let list = r#"{"type":"record","name":"L","fields":[{"name":"next","type":["null","L"]}]}"#;
    check(list, &[2; 1000], "too_deep at 64");
    // Fields that nobody wants count as work.
    let writer = r#"{"type":"array","items":{"type":"record","name":"W","fields":[{"name":"x","type":{"type":"array","items":"null"}}]}}"#;
    let reader = r#"{"type":"array","items":{"type":"record","name":"W","fields":[]}}"#;
    let some = [&[0x80, 0x01][..], &[0x80, 0x80, 0x40, 0].repeat(64)].concat();
    resolved(writer, reader, &some, "too_large at 6");
}

#[test]
fn only_an_object_is_a_record() {
    let mut tree = Tree::default();
    let mut record = |text: &str, bytes: &[u8]| told(walk::record(&mut tree, schema(text).program(), bytes, 0));
    assert_eq!(record(r#""int""#, &[2]), "not_an_object at 0");
    assert_eq!(record(r#"{"type":"map","values":"int"}"#, &[0]), "{}");
    let events = r#"["null",{"type":"record","name":"A","fields":[]},{"type":"record","name":"B","fields":[]}]"#;
    assert_eq!(record(events, &[4]), "{}");
    assert_eq!(record(events, &[0]), "not_an_object at 0");
}

/// What `bytes`, written by one schema, are to a reader with another.
fn resolved(writer: &str, reader: &str, bytes: &[u8], expected: &str) {
    let program = schema(writer).read_as(&schema(reader)).unwrap_or_else(|error| panic!("{writer} {reader}: {error}"));
    let mut tree = Tree::default();
    assert_eq!(told(walk::value(&mut tree, &program, bytes, 0)), expected, "{writer} {reader} {bytes:02x?}");
}

#[test]
fn of_several_records_of_a_union_a_name_says_which() {
    let of = |name: &str| format!(r#"{{"type":"record","name":"{name}","fields":[{{"name":"f","type":"int"}}]}}"#);
    let b = r#"{"type":"record","name":"B","aliases":["Old"],"fields":[{"name":"f","type":"int"},{"name":"g","type":"int","default":7}]}"#;
    let union = format!("[{},{b}]", of("A"));
    resolved(&of("Old"), &union, b"\x02", "{f:1,g:7}");
    resolved(&of("A"), &union, b"\x02", "{f:1}");
    resolved(&of("Other"), &union, b"\x02", "schema_mismatch at 0");
    resolved(&of("Other"), &format!(r#"["null",{}]"#, of("A")), b"\x02", "{f:1}");
}

#[test]
fn a_reader_sees_what_its_own_schema_says() {
    let record = |fields: &str| format!(r#"{{"type":"record","name":"R","fields":[{fields}]}}"#);
    let pair = |writer: &str, reader: &str, bytes: &[u8], expected: &str| {
        resolved(&record(writer), &record(reader), bytes, expected);
    };
    let (a, b) = (r#"{"name":"a","type":"int"}"#, r#"{"name":"b","type":"string"}"#);
    pair(&format!("{a},{b}"), &format!("{b},{a}"), b"\x02\x02x", r#"{a:1,b:"x"}"#);
    pair(&format!("{a},{b}"), a, b"\x02\x02x", "{a:1}");
    pair(&format!("{a},{b}"), b, b"\x02\x02x", r#"{b:"x"}"#);
    pair(&format!("{a},{b}"), a, b"\x02\x02\xff", "not_utf8 at 1");
    pair(a, &format!("{a},{b}"), b"\x02", "schema_mismatch at 0");
    pair(a, r#"{"name":"z","type":"int","aliases":["a"]}"#, b"\x02", "{z:1}");
    let old = r#"{"name":"old","type":"int"}"#;
    let renamed = r#"{"name":"a","type":"int","aliases":["old"]}"#;
    pair(&format!("{old},{a}"), renamed, b"\x02\x04", "{a:2}");
    pair(old, renamed, b"\x02", "{a:1}");
    // A default that needs itself takes the branch that does not, or is none.
    let endless =
        |name: &str| format!(r#"{{"name":"{name}","type":["R",{{"type":"map","values":"int"}}],"default":{{}}}}"#);
    pair(a, &format!("{a},{}", endless("m")), b"\x02", "{a:1,m:{}}");
    pair("", &format!("{},{}", endless("m"), endless("n")), b"", "schema_mismatch at 0");

    let default = |kind: &str, json: &str| format!(r#"{a},{{"name":"d","type":{kind},"default":{json}}}"#);
    for (kind, json, expected) in [
        (r#""null""#, "null", "null"),
        (r#""boolean""#, "true", "true"),
        (r#""int""#, "-7", "-7"),
        (r#""long""#, "5000000000", "5000000000"),
        (r#""float""#, "0.5", "0.5"),
        (r#""double""#, "2", "2"),
        (r#""string""#, r#""é""#, r#""é""#),
        (r#""bytes""#, r#""\u0001\u00ff""#, "x'01ff'"),
        (r#"{"type":"fixed","name":"F","size":2}"#, r#""\u0001\u00ff""#, "x'01ff'"),
        (r#"{"type":"enum","name":"E","symbols":["A","B"]}"#, r#""B""#, r#""B""#),
        (r#"["null","int"]"#, "null", "null"),
        (r#"["int","null"]"#, "3", "3"),
        (r#"{"type":"array","items":"int"}"#, "[1,2]", "[1,2]"),
        (r#"{"type":"array","items":"int"}"#, "[]", "[]"),
        (r#"{"type":"map","values":"string"}"#, r#"{"k":"v"}"#, r#"{k:"v"}"#),
        (r#"{"type":"int","logicalType":"date"}"#, "1", "local Date(86400000000000)"),
        (r#"{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}"#, r#""\u0007\u00cf""#, "19.99"),
        (
            r#"{"type":"record","name":"S","fields":[{"name":"x","type":"int"},{"name":"y","type":"int","default":2}]}"#,
            r#"{"x":1}"#,
            "{x:1,y:2}",
        ),
    ] {
        pair(a, &default(kind, json), b"\x02", &format!("{{a:1,d:{expected}}}"));
    }
}

#[test]
fn types_that_are_not_the_same_are_promoted_or_do_not_fit() {
    for (writer, reader, bytes, expected) in [
        (r#""int""#, r#""long""#, &[2][..], "1"),
        (r#""int""#, r#""float""#, &[2], "1"),
        (r#""long""#, r#""double""#, &[2], "1"),
        (r#""float""#, r#""double""#, &0.1f32.to_le_bytes(), "0.10000000149011612"),
        (r#""long""#, r#""int""#, &[2], "schema_mismatch at 0"),
        (r#""string""#, r#""bytes""#, b"\x02x", "x'78'"),
        (r#""bytes""#, r#""string""#, b"\x02x", "\"x\""),
        (r#""bytes""#, r#""string""#, b"\x02\xff", "not_utf8 at 0"),
        (r#""int""#, r#""string""#, &[2], "schema_mismatch at 0"),
        (r#""long""#, r#"{"type":"long","logicalType":"timestamp-millis"}"#, &[2], "Timestamp(1000000)"),
        (r#"{"type":"long","logicalType":"timestamp-millis"}"#, r#""long""#, &[2], "1"),
        (r#"{"type":"int","logicalType":"date"}"#, r#""long""#, &[2], "1"),
        (r#"["null","int"]"#, r#""int""#, &[2, 2], "1"),
        (r#"["null","int"]"#, r#""int""#, &[0], "schema_mismatch at 1"),
        (r#""int""#, r#"["null","string","long"]"#, &[2], "1"),
        (r#""int""#, r#"["double","int"]"#, &[2], "1"),
        (r#""boolean""#, r#"["null","int"]"#, &[1], "schema_mismatch at 0"),
        (r#"["null","int"]"#, r#"["null","string","long"]"#, &[2, 2], "1"),
        (r#"{"type":"array","items":"int"}"#, r#"{"type":"array","items":"long"}"#, &[2, 2, 0], "[1]"),
        (r#"{"type":"array","items":"int"}"#, r#"{"type":"array","items":"string"}"#, &[0], "[]"),
        (r#"{"type":"map","values":"int"}"#, r#"{"type":"map","values":"double"}"#, &[2, 2, b'k', 2, 0], "{k:1}"),
        (r#"{"type":"array","items":"int"}"#, r#"{"type":"map","values":"int"}"#, &[0], "schema_mismatch at 0"),
        (
            r#"{"type":"enum","name":"E","symbols":["A","B","C"]}"#,
            r#"{"type":"enum","name":"E","symbols":["C","A"],"default":"A"}"#,
            &[2],
            "\"A\"",
        ),
        (
            r#"{"type":"enum","name":"E","symbols":["A","B"]}"#,
            r#"{"type":"enum","name":"E","symbols":["A"]}"#,
            &[2],
            "schema_mismatch at 1",
        ),
        (
            r#"{"type":"enum","name":"E","symbols":["A"]}"#,
            r#"{"type":"enum","name":"F","symbols":["A"]}"#,
            &[0],
            "schema_mismatch at 0",
        ),
        (
            r#"{"type":"enum","name":"x.E","symbols":["A"]}"#,
            r#"{"type":"enum","name":"y.F","aliases":["E"],"symbols":["A"]}"#,
            &[0],
            "\"A\"",
        ),
        (
            r#"{"type":"fixed","name":"F","size":1}"#,
            r#"{"type":"fixed","name":"F","size":2}"#,
            &[0],
            "schema_mismatch at 0",
        ),
        (
            r#"{"type":"bytes","logicalType":"decimal","precision":4,"scale":2}"#,
            r#"{"type":"bytes","logicalType":"decimal","precision":4,"scale":1}"#,
            &[2, 1],
            "schema_mismatch at 0",
        ),
        (
            r#"[{"type":"record","name":"A","fields":[{"name":"x","type":"int"}]},{"type":"record","name":"B","fields":[{"name":"x","type":"int"}]}]"#,
            r#"[{"type":"record","name":"B","fields":[]},{"type":"record","name":"A","fields":[{"name":"x","type":"long"}]}]"#,
            &[0, 2],
            "{x:1}",
        ),
        (
            r#"{"type":"record","name":"L","fields":[{"name":"v","type":"int"},{"name":"next","type":["null","L"]}]}"#,
            r#"{"type":"record","name":"L","fields":[{"name":"next","type":["null","L"]},{"name":"v","type":"double"}]}"#,
            &[2, 2, 4, 0],
            "{v:1,next:{v:2,next:null}}",
        ),
    ] {
        resolved(writer, reader, bytes, expected);
    }
}

#[test]
fn schemas_of_any_depth_are_compiled_or_refused() {
    let nested =
        |levels: usize| format!("{}\"int\"{}", r#"{"type":"array","items":"#.repeat(levels), "}".repeat(levels));
    check(&nested(60), &[0], "[]");
    check(&nested(120), &[2; 100], "too_deep at 64");
    assert!(AvroSchema::parse(&nested(100_000), &[]).is_err());
    let chain = |length: usize| {
        let of =
            |i: usize| format!(r#"{{"type":"record","name":"R{i}","fields":[{{"name":"r","type":"R{}"}}]}}"#, i + 1);
        let mut texts: Vec<String> = (0..length).map(of).collect();
        texts.push(format!(r#"{{"type":"record","name":"R{length}","fields":[]}}"#));
        let references: Vec<(&str, &str)> = texts[1..].iter().map(|text| ("", text.as_str())).collect();
        AvroSchema::parse(&texts[0], &references).map(|schema| schema.program().reads.len())
    };
    assert_eq!(chain(199), Ok(200));
    assert!(chain(201).is_err_and(|error| error.contains("refers to 201 schemas")));
}

#[test]
fn references_are_found_in_any_order_and_what_is_no_schema_says_why() {
    let item = r#"{"type":"record","name":"shop.Item","fields":[{"name":"price","type":"Money"}]}"#;
    let money = r#"{"type":"record","name":"shop.Money","fields":[{"name":"cents","type":"long"}]}"#;
    let order = r#"{"type":"record","name":"shop.Order","fields":[{"name":"first","type":"Item"},{"name":"total","type":"shop.Money"}]}"#;
    for references in [[("i", item), ("m", money)], [("m", money), ("i", item)]] {
        let schema = AvroSchema::parse(order, &references).expect("a schema");
        let mut tree = Tree::default();
        let value = walk::value(&mut tree, schema.program(), &[2, 4], 0);
        assert_eq!(told(value), "{first:{price:{cents:1}},total:{cents:2}}");
    }
    let union = AvroSchema::parse(r#"["shop.Item","shop.Money"]"#, &[("m", money), ("i", item), ("i2", item)]);
    let mut tree = Tree::default();
    assert_eq!(told(walk::value(&mut tree, union.expect("a union").program(), &[2, 8], 0)), "{cents:4}");
    for (text, words) in [
        (order, "shop.Item"),
        ("{", "JSON"),
        (r#"{"type":"record","name":"R"}"#, "field"),
        (r#"{"type":"nothing"}"#, "nothing"),
    ] {
        let error = AvroSchema::parse(text, &[]).expect_err(text);
        assert!(error.contains(words), "{text}: {error}");
    }
}
