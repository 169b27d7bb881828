//! Confluent's variants.

use super::check;

#[test]
fn json_is_parsed_and_its_parts_are_found() {
    let of = |text: &str| -> String {
        let json = r#"'{"name":"alice","age":30,"none":null,"at":[10,{"x y":1.5}],"big":18446744073709551616}'"#;
        text.replace("@", &format!("variants.parseJson({json})"))
    };
    let cases = [
        ("variants.type(@)", "string object"),
        ("variants.as(variants.field(@, 'name'), 'string')", "string alice"),
        ("variants.as(variants.path(@, '$.age'), 'int')", "int 30"),
        ("variants.as(variants.path(@, '$.at[1][\"x y\"]'), 'double')", "double 1.5"),
        ("variants.as(variants.path(@, \"$['big']\"), 'decimal')", "confluent.type.Decimal 18446744073709551616"),
        ("variants.type(variants.elem(variants.field(@, 'at'), 0))", "string int"),
        ("variants.elem(variants.field(@, 'at'), 2) == null", "true"),
        ("variants.elem(variants.field(@, 'at'), -1) == null", "true"),
        ("variants.field(@, 'zzz') == null", "true"),
        ("variants.field(@, 'none') == null", "false"),
        ("variants.isNull(variants.field(@, 'none'))", "true"),
        ("variants.isNull(variants.field(@, 'zzz'))", "false"),
        ("variants.path(variants.field(@, 'zzz'), '$.a') == null", "true"),
        ("variants.path(@, '$') != null", "true"),
        ("variants.as(variants.field(@, 'name'), 'int')", "error"),
        ("variants.tryAs(variants.field(@, 'name'), 'int') == null", "true"),
        ("variants.tryAs(@, 'none') == null", "true"),
        ("variants.tryAs(@, 'object')", "error"),
        ("variants.path(@, 'age')", "error"),
        ("variants.path(@, '$.1')", "error"),
        ("variants.path(@, '$[-1]')", "error"),
        ("variants.path(@, '$[')", "error"),
        ("variants.path(@, '$[\"a')", "error"),
        ("variants.parseJson('{')", "error"),
        ("variants.tryParseJson('{') == null", "true"),
        ("variants.type(message.n)", "error"),
        ("variants.field('a', 'b')", "error"),
        ("variant(null) == null", "true"),
        ("variant('a')", "error"),
        ("variant(message.o)", "error"),
        ("type(variant(@)) == type(@)", "true"),
    ];
    for (text, expected) in cases {
        check(&[(&of(text), expected)]);
    }
}

/// Bytes as the specification's tables have them: the dictionary is that of the names a and b.
#[test]
fn the_binary_form_is_read() {
    let of = |value: &str| format!("variant(b'{value}', b'\\x01\\x02\\x00\\x01\\x02ab')");
    let of_type = |value: &str, expected: &str| {
        check(&[(&format!("variants.type({})", of(value)), expected)]);
    };
    let is = |value: &str, kind: &str, expected: &str| {
        check(&[(&format!("variants.as({}, '{kind}')", of(value)), expected)]);
    };
    of_type("\\x00", "string null");
    is("\\x04", "boolean", "true");
    is("\\x08", "boolean", "false");
    is("\\x0c\\xff", "int", "int -1");
    is("\\x10\\x00\\x01", "int", "int 256");
    is("\\x14\\x00\\x00\\x01\\x00", "int", "int 65536");
    is("\\x18\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\x7f", "int", "int 9223372036854775807");
    is("\\x1c\\x00\\x00\\x00\\x00\\x00\\x00\\xf8\\x3f", "double", "double 1.5");
    is("\\x38\\x00\\x00\\xc0\\x3f", "double", "double 1.5");
    is("\\x20\\x02\\xcf\\x07\\x00\\x00", "decimal", "confluent.type.Decimal 19.99");
    is("\\x24\\x00\\xff\\xff\\xff\\xff\\xff\\xff\\xff\\xff", "decimal", "confluent.type.Decimal -1");
    of_type("\\x2c\\x00\\x00\\x00\\x00", "string date");
    is("\\x30\\x40\\x42\\x0f\\x00\\x00\\x00\\x00\\x00", "timestamp", "google.protobuf.Timestamp 1970-01-01T00:00:01Z");
    is("\\x48\\x00\\xca\\x9a\\x3b\\x00\\x00\\x00\\x00", "timestamp", "google.protobuf.Timestamp 1970-01-01T00:00:01Z");
    is("\\x3c\\x02\\x00\\x00\\x00hi", "bytes", "bytes hi");
    is("\\x40\\x02\\x00\\x00\\x00hi", "string", "string hi");
    is("\\x09hi", "string", "string hi");
    of_type("\\x44\\x00\\x00\\x00\\x00\\x00\\x00\\x00\\x00", "string time");
    of_type("\\x50abcdefghijklmnop", "string uuid");
    // {"a": 7, "b": [true, "x"]}: ids, offsets, values.
    let object = of("\\x02\\x02\\x00\\x01\\x00\\x02\\x0a\\x0c\\x07\\x03\\x02\\x00\\x01\\x03\\x04\\x05x");
    check(&[
        (&format!("variants.as(variants.field({object}, 'a'), 'int')"), "int 7"),
        (&format!("variants.as(variants.path({object}, '$.b[1]'), 'string')"), "string x"),
        (&format!("variants.as(variants.path({object}, '$.b[0]'), 'boolean')"), "true"),
        // As a record holds it.
        ("variants.type(variant({'value': b'\\x04', 'metadata': b'\\x01\\x00\\x00'}))", "string boolean"),
        ("variant({'value': b'\\x04'})", "error"),
    ]);
    // Cut off, of a type to come, with a name that is not there.
    for broken in ["", "\\x18\\x00", "\\x09h", "\\x54", "\\x02\\x01\\x02\\x00\\x01\\x04"] {
        of_type(broken, "error");
    }
    check(&[("variant(b'\\x04', b'\\x02\\x00\\x00')", "error"), ("variant(b'\\x04', b'')", "error")]);
}

/// Times and numbers as Confluent's clients have agreed to write them.
#[test]
fn a_variant_is_written_as_json_in_one_form() {
    let of_json = |text: &str, expected: &str| {
        check(&[(&format!("variants.toJson(variants.parseJson('{text}'))"), &format!("string {expected}"))]);
    };
    of_json("null", "null");
    of_json(r#" [ true , -7, 1.50, "x" , {} ] "#, r#"[true,-7,1.5,"x",{}]"#);
    of_json(r#"{"b":1,"a":{"d":[],"c":null}}"#, r#"{"a":{"c":null,"d":[]},"b":1}"#);
    of_json("18446744073709551616", "18446744073709551616");
    of_json(
        "[2.0, 0.001, 0.00099, 9999999.0, 1e7, -123456.789, 1.5e300]",
        "[2.0,0.001,9.9E-4,9999999.0,1.0E7,-123456.789,1.5E300]",
    );
    of_json("[0.0, -0.0, 5e-324]", "[0.0,-0.0,5.0E-324]");
    check(&[
        (r#"variants.toJson(variants.parseJson('"é/\\u0007\\n\\"\\\\"'))"#, r#"string "é/\u0007\n\"\\""#),
        (r#"variants.toJson(variants.parseJson('"\\u001f"'))"#, r#"string "\u001F""#),
        ("variants.toJson(variants.field(variants.parseJson('{}'), 'a')) == null", "true"),
        ("variants.toJson('a')", "error"),
    ]);
    let of = |value: &str, expected: &str| {
        check(&[(&format!("variants.toJson(variant(b'{value}', b'\\x01\\x00\\x00'))"), expected)]);
    };
    let micros = |count: i64| count.to_le_bytes().iter().map(|byte| format!("\\x{byte:02x}")).collect::<String>();
    // A float has its own shortest digits: as a double it were 0.10000000149011612.
    of("\\x38\\xcd\\xcc\\xcc\\x3d", "string 0.1");
    of("\\x38\\x00\\x00\\xc0\\x7f", "string NaN");
    of("\\x38\\x00\\x00\\x80\\xff", "string -Infinity");
    of("\\x20\\x02\\xd0\\x07\\x00\\x00", "string 20.00");
    of("\\x20\\x09\\x01\\x00\\x00\\x00", "string 0.000000001");
    of("\\x2c\\x00\\x00\\x00\\x00", "string \"1970-01-01\"");
    of("\\x2c\\xff\\xff\\xff\\xff", "string \"1969-12-31\"");
    of("\\x2c\\xff\\xff\\xff\\x7f", "error");
    of(&format!("\\x30{}", micros(1_000_000)), "string \"1970-01-01T00:00:01Z\"");
    of(&format!("\\x30{}", micros(-1)), "string \"1969-12-31T23:59:59.999999Z\"");
    of(&format!("\\x34{}", micros(1_500)), "string \"1970-01-01T00:00:00.001500\"");
    of(&format!("\\x34{}", micros(253_402_300_799_999_999)), "string \"9999-12-31T23:59:59.999999\"");
    of(&format!("\\x30{}", micros(253_402_300_800_000_000)), "error");
    of(&format!("\\x30{}", micros(-62_135_596_800_000_001)), "error");
    of(&format!("\\x48{}", micros(1)), "string \"1970-01-01T00:00:00.000000001Z\"");
    of(&format!("\\x4c{}", micros(500_000_000)), "string \"1970-01-01T00:00:00.500\"");
    of(&format!("\\x44{}", micros(52_200_000_000)), "string \"14:30:00\"");
    of(&format!("\\x44{}", micros(86_400_000_000)), "error");
    of("\\x3c\\x02\\x00\\x00\\x00hi", "string \"aGk=\"");
    of(
        "\\x50\\x00\\x11\\x22\\x33\\x44\\x55\\x66\\x77\\x88\\x99\\xaa\\xbb\\xcc\\xdd\\xee\\xff",
        "string \"00112233-4455-6677-8899-aabbccddeeff\"",
    );
}
