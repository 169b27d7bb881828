//! Expressions and what they are, as cel-spec's conformance tests and Confluent's Java client have it.

use super::*;
use crate::engine::decode::json;
use crate::engine::decode::names::Names;
use crate::engine::decode::path::{FieldPath, Step};
use crate::engine::decode::tree::{Kind, Tree};
use crate::engine::expr::cel::parse::{self, Scope};
use crate::engine::expr::regex::Dialect;
use proptest::prelude::*;
use std::sync::Arc;

const SCOPE: Scope<'_> = Scope {
    variables: &[
        ("message", Variable::Record),
        ("record", Variable::Record),
        ("value", Variable::Value),
        ("now", Variable::Now),
        ("key", Variable::Key),
        ("tags", Variable::Tags),
        ("typeName", Variable::TypeName),
    ],
    fields: &|name| ["i", "s"].contains(&name).then(|| FieldPath(vec![Step::Name(name.into())])),
    dialect: Dialect::Pcre,
};

/// `true`, `false`, `skipped`, another value, or the error.
fn said(program: &Program, record: &str) -> String {
    let fields = Arc::new(Fields::of(&program.slots));
    let mut tree = Tree::default();
    let record = json::record(&mut tree, &mut Names::of(&fields), record.as_bytes()).expect("a record");
    let places: Vec<Place> = program.slots.iter().map(|slot| fields.route(slot).expect("its own").place).collect();
    let Kind::Object(members) = record.kind() else { panic!("a record is an object") };
    let field = FieldNames { tags: vec!["PII".into()], type_name: "DOUBLE", ..FieldNames::default() };
    let context = Context {
        record: Some((record, &fields)),
        places: &places,
        value: members.get("i"),
        field: Some(&field),
        key: Some(b"k-1"),
        now_ms: 1_700_000_000_000,
        parts: &[],
    };
    match run(program, context) {
        Outcome::Skipped => "skipped".into(),
        Outcome::Fails(error) => format!("error: {}", error.0),
        Outcome::Is(Val::Bool(truth)) => truth.to_string(),
        Outcome::Is(other) => format!("{} {}", other.type_name(), shown(&other)),
    }
}

fn shown(value: &Val<'_>) -> String {
    match crate::engine::expr::convert::string(value.clone()) {
        Ok(Val::Text(text)) => text.into_owned(),
        _ => match value.each() {
            Some(each) => format!("[{}]", each.map(|item| shown(&item)).collect::<Vec<_>>().join(", ")),
            None => format!("{value:?}"),
        },
    }
}

const RECORD: &str = r#"{"i":7,"z":0,"n":null,"d":2.5,"w":10.0,"t":true,"s":"Grüße","e":"","big":9223372036854775807,
    "huge":18446744073709551615,"o":{"a":1,"b":{"c":"x"},"n":null},"l":[1,2,3],"x":[1,"a",null],"none":[],
    "items":[{"p":2,"q":1.5},{"p":3,"q":0.5},{"p":4}],"at":"2026-01-31T12:30:15.25Z","exact":12345678901234567890.123456789,"a-b":1,"m":{"k":"v"}}"#;

fn check(cases: &[(&str, &str)]) {
    for (text, expected) in cases {
        let found = match parse::parse(text, &SCOPE) {
            Ok(program) => said(&program, RECORD),
            Err(mistake) => format!("mistake at {}: {}", mistake.at, mistake.what),
        };
        let right = match *expected {
            "error" => found.starts_with("error: "),
            "mistake" => found.starts_with("mistake"),
            expected => found == expected,
        };
        assert!(right, "{text}: {found}, and not {expected}");
    }
}

#[test]
fn literals_are_what_they_say() {
    check(&[
        ("1", "int 1"),
        ("-9223372036854775808", "int -9223372036854775808"),
        ("9223372036854775808", "mistake"),
        ("0x1F", "int 31"),
        ("-0x1F", "int -31"),
        ("7u", "uint 7"),
        ("18446744073709551615u", "uint 18446744073709551615"),
        ("1.5e3", "double 1500"),
        (".5", "double 0.5"),
        (r#""a\tb\u00e9\x41\101""#, "string a\tbéAA"),
        (r#"r"\d""#, "string \\d"),
        ("'''a'b'''", "string a'b"),
        (r#"b"\xff" == b'\377'"#, "true"),
        ("b'abc' < b'abd'", "true"),
        ("[1, 'a', null]", "list [1, a, Null]"),
        ("null == null", "true"),
        ("true // why", "true"),
        ("'a", "mistake"),
        ("'\\q'", "mistake"),
        ("1 +", "mistake"),
        ("", "mistake"),
        ("(1", "mistake"),
        ("1 1", "mistake"),
        ("a#b", "mistake"),
        ("unknown > 1", "mistake"),
        ("message.i.frobnicate()", "mistake"),
        ("for", "mistake"),
    ]);
}

#[test]
fn arithmetic_is_checked_and_stays_within_a_type() {
    check(&[
        ("1 + 2 * 3", "int 7"),
        ("(1 + 2) * 3", "int 9"),
        ("7 / 2", "int 3"),
        ("-7 / 2", "int -3"),
        ("-7 % 3", "int -1"),
        ("7 % 0", "error: division by zero"),
        ("1 / message.z", "error: division by zero"),
        ("1.0 / 0.0 > 1.0e308", "true"),
        ("5.0 % 2.0", "error"),
        ("message.big + 1", "error: overflow"),
        ("-(-9223372036854775808)", "error: overflow"),
        ("9223372036854775807 * 2", "error: overflow"),
        ("0u - 1u", "error: overflow"),
        ("18446744073709551615u + 1u", "error: overflow"),
        ("1 + 1.0", "error: no such overload"),
        ("1 + 1u", "error: no such overload"),
        ("message.d * 2.0", "double 5"),
        ("message.d * 2", "error"),
        ("double(message.i) * message.d", "double 17.5"),
        ("'a' + 'b'", "string ab"),
        ("'a' + 1", "error"),
        ("[1] + [2, 3] == [1, 2, 3]", "true"),
        ("-message.i", "int -7"),
        ("!message.t", "false"),
        ("!message.i", "error"),
        ("--7", "int 7"),
    ]);
}

#[test]
fn comparison_crosses_types_of_numbers_and_no_others() {
    check(&[
        ("1 == 1.0", "true"),
        ("1u == 1", "true"),
        ("1 < 1.5", "true"),
        ("message.huge > message.big", "true"),
        ("message.huge == 18446744073709551615u", "true"),
        ("9007199254740993 > 9007199254740992.0", "true"),
        ("message.w == 10", "true"),
        ("double('NaN') == double('NaN')", "false"),
        ("double('NaN') != double('NaN')", "true"),
        ("double('NaN') < 1.0", "false"),
        ("'1' == 1", "false"),
        ("'1' != 1", "true"),
        ("'a' < 'b'", "true"),
        ("'Z' < 'a'", "true"),
        ("'a' < 1", "error"),
        ("null < 1", "error"),
        ("message.n == null", "true"),
        ("message.i != null", "true"),
        ("false < true", "true"),
        ("[1, 2.0] == [1.0, 2]", "true"),
        ("[1] == [1, 2]", "false"),
        ("{'a': 1, 'b': 2} == {'b': 2.0, 'a': 1}", "true"),
        ("message.m == {'k': 'v'}", "true"),
        ("message.l == [1, 2, 3]", "true"),
        ("[1] < [2]", "error"),
    ]);
}

#[test]
fn logic_does_not_mind_errors_where_the_other_side_decides() {
    check(&[
        ("true || message.gone", "true"),
        ("message.gone || true", "true"),
        ("message.gone || false", "error"),
        ("false && message.gone", "false"),
        ("message.gone && false", "false"),
        ("message.gone && true", "error"),
        ("1 / 0 == 1 || true", "true"),
        ("message.i || true", "true"),
        ("message.i && true", "error"),
        ("true ? 1 : message.gone", "int 1"),
        ("message.gone ? 1 : 2", "error"),
        ("1 ? 1 : 2", "error"),
        ("false ? 1 : true ? 2 : 3", "int 2"),
        ("message.i > 5 && message.s != ''", "true"),
        ("true && true && true && false", "false"),
        ("false || false || true", "true"),
        ("1 > 2 == false", "true"),
    ]);
}

#[test]
fn fields_are_found_and_what_is_missing_is_an_error() {
    check(&[
        ("message.o.b.c", "string x"),
        ("record.o['b'].c", "string x"),
        ("message['o']['a'] == 1", "true"),
        ("i == 7 && s == message.s", "true"),
        ("message.`a-b` == 1", "true"),
        ("message.gone == null", "error: no such key"),
        ("message.o.gone == 1", "error"),
        ("message.i.a == 1", "error"),
        ("message.n.a == 1", "error"),
        ("has(message.i)", "true"),
        ("has(message.n)", "true"),
        ("has(message.gone)", "false"),
        ("has(message.o.b.c)", "true"),
        ("has(message.o.x)", "false"),
        ("has(message.gone.x)", "error"),
        ("has(message.i.x)", "error"),
        ("has(message.m.k) && !has(message.m.j)", "true"),
        ("has(message)", "mistake"),
        ("message.l[0] == 1", "true"),
        ("message.l[3]", "error: index out of bounds"),
        ("message.l[-1]", "error"),
        ("message.x[1] == 'a'", "true"),
        ("message.items[1].p", "int 3"),
        ("{'a': 1}['a'] == 1", "true"),
        ("{'a': 1}.b", "error"),
        ("{1: 'x'}[1u] == 'x'", "true"),
        ("{'a': 1, 'a': 2}", "error: repeated key"),
        ("key == 'k-1'", "true"),
        ("value == 7 && type(value) == double", "true"),
        ("'PII' in tags && typeName == 'DOUBLE'", "true"),
    ]);
}

#[test]
fn membership_and_macros_go_over_lists_and_keys() {
    check(&[
        ("message.i in [1, 7]", "true"),
        ("message.i in [7.0]", "true"),
        ("'a' in message.x", "true"),
        ("4 in message.l", "false"),
        ("'k' in message.m", "true"),
        ("'v' in message.m", "false"),
        ("1 in {1: 2}", "true"),
        ("1 in 1", "error"),
        ("'i' in message", "true"),
        ("message.l.all(n, n > 0)", "true"),
        ("message.l.all(n, n > 1)", "false"),
        ("message.none.all(n, n > 1)", "true"),
        ("message.x.all(n, n > 0)", "error"),
        ("message.x.all(n, n > 1)", "false"),
        ("message.l.exists(n, n == 2)", "true"),
        ("message.x.exists(n, n > 0)", "true"),
        ("message.x.exists(n, n > 1)", "error"),
        ("message.l.exists_one(n, n > 2)", "true"),
        ("message.l.exists_one(n, n > 1)", "false"),
        ("message.x.exists_one(n, n > 0)", "error"),
        ("message.l.map(n, n * 2) == [2, 4, 6]", "true"),
        ("message.l.map(n, n > 1, n * 2) == [4, 6]", "true"),
        ("message.l.filter(n, n % 2 == 1) == [1, 3]", "true"),
        ("message.items.all(i, i.p > 1)", "true"),
        ("message.items.all(i, has(i.q))", "false"),
        ("message.items.all(i, i.q > 0.0)", "error"),
        ("message.items.filter(i, has(i.q)).size() == 2", "true"),
        ("message.l.all(a, message.l.exists(b, a == b))", "true"),
        ("message.m.all(k, message.m[k] == 'v')", "true"),
        ("message.i.all(n, true)", "error"),
        ("[[1, 2], [3]].map(l, l.size()) == [2, 1]", "true"),
        ("message.l.all(1, true)", "mistake"),
        ("message.l.all(true, true)", "mistake"),
        ("message.l.all(n)", "mistake"),
    ]);
}

#[test]
fn texts_are_asked_by_their_characters() {
    check(&[
        ("size(message.s) == 5 && message.s.size() == 5", "true"),
        ("size(b'é') == 2", "true"),
        ("size(message.l)", "int 3"),
        ("size(message) > 3", "true"),
        ("size(1)", "error"),
        ("message.s.startsWith('Gr') && message.s.endsWith('e') && message.s.contains('üß')", "true"),
        ("message.n.startsWith('a')", "error"),
        ("'aBc'.lowerAscii() + 'aBc'.upperAscii()", "string abcABC"),
        ("' x '.trim() == 'x'", "true"),
        ("'a,b,,c'.split(',') == ['a', 'b', '', 'c']", "true"),
        ("'a,b,c'.split(',', 2) == ['a', 'b,c']", "true"),
        ("'ab'.split('') == ['a', 'b']", "true"),
        ("'a,b'.split(',', 0) == []", "true"),
        ("'hello hello'.replace('he', 'we') == 'wello wello'", "true"),
        ("'hello hello'.replace('he', 'we', 1) == 'wello hello'", "true"),
        ("message.s.substring(2) == 'üße' && message.s.substring(1, 3) == 'rü'", "true"),
        ("'abc'.substring(4)", "error"),
        ("'abc'.substring(2, 1)", "error"),
        ("message.s.indexOf('ß') == 3 && 'abc'.indexOf('x') == -1", "true"),
        ("'hello mellow'.lastIndexOf('ello') == 7", "true"),
        ("'tacocat'.charAt(3) == 'o'", "true"),
        ("['a', 'b'].join('-') == 'a-b' && ['a', 'b'].join() == 'ab'", "true"),
        ("[1].join()", "error"),
        ("'abc'.contains()", "mistake"),
    ]);
}

#[test]
fn patterns_are_searched_for_and_may_look_ahead() {
    check(&[
        ("'foobar'.matches('foo.*')", "true"),
        ("'hubba'.matches('ubb')", "true"),
        ("matches('A-12', '^[A-Z]-\\\\d+$')", "true"),
        ("'٣'.matches('^\\\\d$')", "false"),
        ("'abc1'.matches('^(?=.*[0-9])(?=.*[a-z]).+$')", "true"),
        ("'abc'.matches('^(?=.*[0-9])(?=.*[a-z]).+$')", "false"),
        ("'abab'.matches('^(ab)\\\\1$')", "true"),
        ("message.i.matches('7')", "error"),
        ("'a'.matches('(')", "mistake"),
        ("'a'.matches(message.s)", "mistake"),
        (
            "'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaX'.matches('^(?:a(?=.)|a)*b$')",
            "error: the pattern takes too many steps",
        ),
    ]);
    let re2 = Scope { dialect: Dialect::Re2, ..SCOPE };
    assert!(parse::parse("'a'.matches('(?=a)')", &re2).is_err());
    assert!(parse::parse("'a'.matches('^a$')", &re2).is_ok());
}

#[test]
fn formats_are_asked_of_texts_that_are_not_empty() {
    check(&[
        ("'a@b.example'.isEmail()", "true"),
        ("'a@'.isEmail()", "false"),
        ("message.e.isEmail()", "false"),
        ("message.e.isUriRef()", "false"),
        ("'example.com'.isHostname() && !'a_b.com'.isHostname()", "true"),
        ("'127.0.0.1'.isIpv4() && !'1.2.3'.isIpv4()", "true"),
        ("'::1'.isIpv6() && !'127.0.0.1'.isIpv6()", "true"),
        ("'https://a.example/x'.isUri() && !'./x'.isUri()", "true"),
        ("'./x?y=1'.isUriRef() && !'a b'.isUriRef()", "true"),
        ("'53581432-6c55-4ba2-a65f-72344a91553a'.isUuid() && !'x'.isUuid()", "true"),
        ("message.i.isUuid()", "error"),
    ]);
}

#[test]
fn conversions_take_what_fits() {
    check(&[
        ("int('42') + int(2.9) + int(-2.9) == 42", "true"),
        ("int('4x')", "error"),
        ("int(1e19)", "error: overflow"),
        ("int(message.huge)", "error: overflow"),
        ("uint(7) == 7u", "true"),
        ("uint(-1)", "error: overflow"),
        ("double('1.5') == 1.5", "true"),
        ("string(1) + string(2u) + string(true) + string(1.5) == '12true1.5'", "true"),
        ("string(b'abc') == 'abc'", "true"),
        ("string(b'\\xff')", "error"),
        ("bytes('é') == b'\\xc3\\xa9'", "true"),
        ("bool('true') && !bool('0')", "true"),
        ("bool('yes')", "error"),
        ("type(1) == int && type(1u) == uint && type('') == string && type(null) == null_type", "true"),
        ("type(message.o) == map && type(message.l) == list && type(type(1)) == type", "true"),
        ("type(message.w) == double", "true"),
        ("dyn(1) == 1", "true"),
        ("int(null)", "error"),
    ]);
}

#[test]
fn moments_and_spans_are_counted_in_nanoseconds() {
    check(&[
        ("timestamp(message.at).getFullYear() == 2026", "true"),
        ("timestamp(message.at).getMonth() == 0 && timestamp(message.at).getDate() == 31", "true"),
        ("timestamp(message.at).getDayOfMonth() == 30 && timestamp(message.at).getDayOfYear() == 30", "true"),
        ("timestamp(message.at).getDayOfWeek() == 6", "true"),
        ("timestamp(message.at).getHours('+02:00') == 14 && timestamp(message.at).getMinutes() == 30", "true"),
        ("timestamp(message.at).getSeconds() == 15 && timestamp(message.at).getMilliseconds() == 250", "true"),
        ("timestamp(message.at).getHours('Mars/Base')", "error"),
        ("timestamp('2026-01-31')", "error"),
        ("timestamp(0) == timestamp('1970-01-01T00:00:00Z')", "true"),
        ("timestamp(1700000000000, 3) == now", "true"),
        ("timestamp.of(1700000000000, 'millis') == now", "true"),
        ("timestamp(1, 4)", "error"),
        ("timestamp('9999-12-31T23:59:59Z') + duration('1s')", "error"),
        ("timestamp(message.at) - timestamp('2026-01-31T12:00:00Z') > duration('30m')", "true"),
        ("now - duration('24h') < now", "true"),
        ("duration('1h30m') == duration('5400s') && duration('-1.5s') < duration('0')", "true"),
        ("duration('90m').getHours() == 1 && duration('90m').getMinutes() == 90", "true"),
        ("duration('1x')", "error"),
        ("string(duration('90.25s'))", "string 90.25s"),
        ("string(timestamp(message.at))", "string 2026-01-31T12:30:15.25Z"),
        ("int(timestamp('1970-01-01T00:01:00Z')) == 60", "true"),
        ("now == 1", "false"),
        ("now > 1", "error"),
    ]);
}

#[test]
fn no_expression_takes_for_ever() {
    check(&[
        ("message.l.all(a, message.l.all(b, message.l.all(c, a + b + c > 0)))", "true"),
        // 3^10 rounds.
        (
            "message.l.all(a, message.l.all(b, message.l.all(c, message.l.all(d, message.l.all(e, message.l.all(f, message.l.all(g, message.l.all(h, message.l.all(i, message.l.all(j, true))))))))))",
            "error: too many steps",
        ),
        (
            "message.l.all(a, message.l.all(b, message.l.all(c, message.l.all(d, message.l.all(e, message.l.all(f, message.l.all(g, message.l.all(h, message.l.all(i, message.l.all(j, true)))))))))) || true",
            "error: too many steps",
        ),
    ]);
    let deep = format!("{}1{}", "(".repeat(10_000), ")".repeat(10_000));
    let wide = format!("{}1 == 1", "1 == 1 && ".repeat(4_000));
    check(&[(&deep, "mistake"), (&wide, "true")]);
    let growing = format!("['0123456789abcdef']{}.size()", ".map(x, x + x)".repeat(40));
    check(&[(&growing, "error: too many steps")]);
}

const OPERATORS: [&str; 14] = ["+", "-", "*", "/", "%", "==", "!=", "<", "<=", ">", ">=", "&&", "||", "in"];
const METHODS: [&str; 10] =
    ["size", "trim", "join", "isEmail", "getHours", "reverse", "split", "charAt", "substring", "indexOf"];

/// Expressions, some of them nonsense.
fn any_expression() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("1"),
        Just("-1"),
        Just("2u"),
        Just("1.5"),
        Just("'a'"),
        Just("b'a'"),
        Just("null"),
        Just("true"),
        Just("[]"),
        Just("message"),
        Just("message.i"),
        Just("message.n"),
        Just("message.gone.x"),
        Just("message.l"),
        Just("message.o"),
        Just("message.items"),
        Just("x"),
        Just("now"),
        Just("value"),
        Just("duration('1h')"),
        Just("message.s"),
    ]
    .prop_map(str::to_owned);
    leaf.prop_recursive(6, 40, 3, |inner| {
        prop_oneof![
            (inner.clone(), proptest::sample::select(OPERATORS.to_vec()), inner.clone())
                .prop_map(|(a, o, b)| format!("({a} {o} {b})")),
            (inner.clone(), inner.clone(), inner.clone()).prop_map(|(a, b, c)| format!("({a} ? {b} : {c})")),
            (
                inner.clone(),
                proptest::sample::select(vec!["all", "exists", "map", "filter", "exists_one"]),
                inner.clone()
            )
                .prop_map(|(a, m, b)| format!("{a}.{m}(x, {b})")),
            (inner.clone(), proptest::sample::select(METHODS.to_vec())).prop_map(|(a, m)| format!("{a}.{m}()")),
            (inner.clone(), proptest::sample::select(METHODS.to_vec()), inner.clone())
                .prop_map(|(a, m, b)| format!("{a}.{m}({b})")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a}[{b}]")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("[{a}, {b}]")),
            inner.clone().prop_map(|a| format!("string({a})")),
            inner.prop_map(|a| format!("-{a}")),
        ]
    })
}

mod decimals;
mod variants;

proptest! {
    #[test]
    fn whatever_is_asked_there_is_an_answer(text in any_expression(), n in any::<i64>(), s in "\\PC{0,6}") {
        if let Ok(program) = parse::parse(&text, &SCOPE) {
            let record = serde_json::json!({"i": n, "n": null, "s": s, "l": [n, s, 1.5], "o": {"x": n}, "items": [{"x": s}]});
            said(&program, &record.to_string());
        }
    }

    #[test]
    fn any_text_is_an_expression_or_a_mistake_within_it(text in "\\PC{0,40}") {
        if let Err(mistake) = parse::parse(&text, &SCOPE) {
            prop_assert!(mistake.at <= text.len());
        }
    }
}
