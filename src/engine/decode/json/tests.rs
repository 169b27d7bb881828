//! What is a record, what is none and why, and what no bytes may do.

use super::*;
use crate::engine::decode::fields::Fields;
use crate::engine::decode::number::Number;
use crate::engine::decode::path::{FieldPath, Step};
use crate::engine::decode::rows::tests as rows;
use proptest::prelude::*;
use std::sync::Arc;

fn reason(bytes: &[u8]) -> Option<&'static str> {
    record(&mut Tree::default(), &mut Names::of(&Default::default()), bytes).err().map(|u| u.reason.word())
}

#[test]
fn what_is_no_record_has_its_reason() {
    let nested = |levels: usize| format!("{{\"a\":{}1{}}}", "[".repeat(levels - 1), "]".repeat(levels - 1));
    for (text, expected) in [
        ("{}", None),
        (" {\"a\" : [ ] , \"b\" : { } } \n", None),
        (r#"{"a":1,"b":null,"c":true,"d":false,"e":"x","f":-1.5e-3}"#, None),
        (r#"{"a":{"x":1},"b":{"x":2}}"#, None),
        ("", Some("empty_value")),
        (" \n\t", Some("empty_value")),
        ("[]", Some("not_an_object")),
        ("1", Some("not_an_object")),
        ("null", Some("not_an_object")),
        ("\"x\"", Some("not_an_object")),
        ("{} {}", Some("trailing_bytes")),
        ("{}x", Some("trailing_bytes")),
        ("\u{feff}{}", Some("not_json")),
        ("{\"a\":\"\\ud800\"}", Some("not_utf8")),
        ("{\"a\":\"\\ud800\\u0041\"}", Some("not_utf8")),
        ("{\"a\":\"\\udc00\"}", Some("not_utf8")),
        ("{\"a\":1,\"a\":1}", Some("duplicate_key")),
        ("{\"a\":1,\"\\u0061\":2}", Some("duplicate_key")),
        ("{\"x\":[{\"a\":1,\"b\":[],\"a\":null}]}", Some("duplicate_key")),
        ("{\"a\":1e400}", Some("number_out_of_range")),
        ("{\"a\":-1e400}", Some("number_out_of_range")),
        ("{\"a\":1e-400}", Some("number_out_of_range")),
        ("{\"a\":1e99999999999999999999}", Some("number_out_of_range")),
        ("{\"a\":0e400}", None),
        ("{\"a\":1e308}", None),
        (&nested(MAX_DEPTH), None),
        (&nested(MAX_DEPTH + 1), Some("too_deep")),
        (&"[".repeat(1_000_000), Some("too_deep")),
    ] {
        assert_eq!(reason(text.as_bytes()), expected, "{}", &text[..text.len().min(60)]);
    }
    for text in [
        "{",
        "{\"a\":1,}",
        "{\"a\":[1,]}",
        "{\"a\":[,1]}",
        "{\"a\" 1}",
        "{a:1}",
        "{'a':1}",
        "{\"a\":1]",
        "{\"a\":01}",
        "{\"a\":+1}",
        "{\"a\":.5}",
        "{\"a\":1.}",
        "{\"a\":1e}",
        "{\"a\":NaN}",
        "{\"a\":tru}",
        "{\"a\":\"x",
        "{\"a\":\"\\",
        "{\"a\":\"\\u12\"}",
        "{\"a\":\"\\x\"}",
        "{\"a\":\"a\nb\"}",
    ] {
        assert_eq!(reason(text.as_bytes()), Some("not_json"), "{text}");
    }
    assert_eq!(reason(b"{\"a\":\"\xff\"}"), Some("not_utf8"));
    assert_eq!(reason(b"{\"\xc3\":1}"), Some("not_utf8"));
    assert_eq!(reason(b"\0\0\0\0\x01{}"), Some("framed"));
    assert_eq!(reason(b"\0"), Some("not_json"));
}

#[test]
fn large_records_are_bounded_and_many_names_are_no_burden() {
    let many = |n: usize, again: &str| {
        let names: Vec<String> = (0..n).map(|i| format!("\"k{i}\":0")).collect();
        format!("{{{}{again}}}", names.join(","))
    };
    assert_eq!(reason(many(200_000, "").as_bytes()), None);
    assert_eq!(reason(many(200_000, ",\"k7\":0").as_bytes()), Some("duplicate_key"));
    assert_eq!(reason(many(MAX_NODES, "").as_bytes()), Some("too_large"));
    let mut long = vec![b' '; MAX_BYTES + 1];
    long[0] = b'1';
    assert_eq!(reason(&long), Some("too_large"));
}

#[test]
fn the_place_of_the_trouble_is_told() {
    let at = |text: &str| {
        record(&mut Tree::default(), &mut Names::of(&Default::default()), text.as_bytes()).map(|_| ()).map_err(|u| u.at)
    };
    assert_eq!(at("{\"a\":x}"), Err(5));
    assert_eq!(at("{\"a\":1"), Err(6));
    assert_eq!(at("{}  x"), Err(4));
}

/// serde_json's reading of ours, for comparison.
fn rebuilt(value: Value<'_>) -> serde_json::Value {
    match value.kind() {
        Kind::Null => serde_json::Value::Null,
        Kind::Bool(b) => b.into(),
        Kind::Number(Number::Int(i)) => i.into(),
        Kind::Number(Number::Unsigned(u)) => u.into(),
        Kind::Number(n) => n.as_f64().into(),
        Kind::Text(text) => text.into(),
        Kind::Bytes(_) | Kind::Moment(_) => unreachable!("JSON has none"),
        Kind::Array(items) => items.map(rebuilt).collect(),
        Kind::Object(members) => {
            members.map(|(k, v)| (k.to_string(), rebuilt(v))).collect::<serde_json::Map<_, _>>().into()
        }
    }
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<u64>().prop_map(Into::into),
        proptest::num::f64::NORMAL.prop_map(Into::into),
        "\\PC{0,12}".prop_map(Into::into),
        any::<String>().prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 40, 20, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..20).prop_map(Into::into),
            proptest::collection::btree_map(any::<String>(), inner, 0..20)
                .prop_map(|m| m.into_iter().collect::<serde_json::Map<_, _>>().into()),
        ]
    })
}

/// A record of few names, which may come twice, be escaped, or stand in arrays; as its text.
fn named() -> impl Strategy<Value = String> {
    let leaf =
        proptest::sample::select(vec!["null", "1", "\"x\"", "-2.50", "true", "[]", "{}"]).prop_map(str::to_owned);
    leaf.prop_recursive(4, 24, 5, |inner| {
        let name = proptest::sample::select(vec!["\"a\"", "\"b\"", "\"c\" ", "\"\\u0061\"", "\"d\\n\"", "\"\""]);
        let member = (name, inner.clone()).prop_map(|(name, value)| format!("{name}:{value}"));
        prop_oneof![
            2 => proptest::collection::vec(member, 0..5).prop_map(|members| format!("{{{}}}", members.join(","))),
            1 => proptest::collection::vec(inner, 0..4).prop_map(|items| format!("[{}]", items.join(" , "))),
        ]
    })
}

fn path() -> impl Strategy<Value = FieldPath> {
    let name = proptest::sample::select(vec!["a", "b", "c", "d\n", ""]).prop_map(|name| Step::Name(name.into()));
    let rest = proptest::collection::vec(prop_oneof![2 => name.clone(), 1 => Just(Step::Items)], 0..4);
    (name, rest).prop_map(|(first, rest)| FieldPath([vec![first], rest].concat()))
}

proptest! {
    #[test]
    fn what_is_found_by_place_is_what_is_found_by_name(
        paths in proptest::collection::vec(path(), 0..6),
        texts in proptest::collection::vec(named(), 1..5),
        broken in proptest::option::of((any::<proptest::sample::Index>(), any::<u8>())),
    ) {
        let fields = Arc::new(Fields::of(&paths));
        // What was remembered of earlier records must not show either.
        let (mut tree, mut names, mut plain) = (Tree::default(), Names::of(&fields), Tree::default());
        for text in texts {
            let mut bytes = text.into_bytes();
            if let Some((at, byte)) = broken {
                let at = at.index(bytes.len());
                bytes[at] = byte;
            }
            let found = record(&mut tree, &mut names, &bytes);
            let expected = record(&mut plain, &mut Names::of(&Default::default()), &bytes);
            prop_assert_eq!(found.map(rebuilt), expected.map(rebuilt));
            for path in paths.iter().filter(|_| found.is_ok()) {
                let mut rows = Vec::new();
                rows::by_name(found.expect("it was read"), &path.0, &mut rows);
                prop_assert_eq!(rows::by_place(found.expect("it was read"), &fields, path), rows, "{}", path);
            }
        }
    }

    #[test]
    fn what_serde_json_writes_reads_back_equal(values in proptest::collection::vec(json(), 1..3), pretty: bool) {
        // One tree for all: what an earlier record left must not show.
        let mut tree = Tree::default();
        for expected in values {
            let text = if pretty { serde_json::to_string_pretty(&expected) } else { serde_json::to_string(&expected) };
            let text = text.expect("serialises");
            let read = value(&mut tree, &mut Names::of(&Default::default()), text.as_bytes()).map(rebuilt);
            prop_assert_eq!(read, Ok(expected));
        }
    }

    #[test]
    fn what_is_accepted_is_what_serde_json_accepts(text in "[\\[\\]{}:,\"\\\\ uda019.eE+\\-ntrl\u{e9}\n]{0,24}") {
        let theirs = serde_json::from_str::<serde_json::Value>(&text);
        match value(&mut Tree::default(), &mut Names::of(&Default::default()), text.as_bytes()) {
            Ok(ours) => prop_assert_eq!(rebuilt(ours), theirs.expect("accepted by us only")),
            // Decided otherwise than serde_json does.
            Err(Undecodable { reason: Reason::DuplicateKey | Reason::NumberOutOfRange, .. }) => {}
            Err(_) => prop_assert!(theirs.is_err(), "refused by us only: {text}"),
        }
    }

    #[test]
    fn no_bytes_make_it_panic(bytes: Vec<u8>, cut in 0usize..200, flip in 0usize..200, with: u8) {
        let _ = record(&mut Tree::default(), &mut Names::of(&Default::default()), &bytes);
        let mut real = br#"{"id":"a-1","n":[1,2.5,{"x":"\u00e9\ud83d\ude00"}],"t":true,"z":null,"big":12345678901234567890123}"#.to_vec();
        if let Some(byte) = real.get_mut(flip) {
            *byte = with;
        }
        real.truncate(cut);
        if let Ok(value) = record(&mut Tree::default(), &mut Names::of(&Default::default()), &real) {
            rebuilt(value);
        }
    }
}
