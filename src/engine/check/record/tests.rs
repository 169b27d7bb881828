//! Records against plans: what is asked, what is counted, what a sample shows.

use super::*;
use crate::engine::check::keys::Rows;
use crate::engine::contract::asked;
use crate::engine::contract::mode::Mode;
use crate::engine::contract::name::{ContractHash, ProductName};
use crate::engine::contract::plan::{IncidentPolicy, JsonType, ObjectPlan, Threshold, Unit, Validity};
use crate::engine::contract::text::format::TextFormat;
use crate::engine::contract::text::pattern;
use crate::engine::contract::values::Values;
use crate::engine::decode::framing::Encoding;
use crate::engine::decode::path::{FieldPath, Step};
use crate::engine::expr::cel::parse::{self, Scope};
use crate::engine::expr::condition::{About, Breaks, Condition};
use crate::engine::expr::eval::FieldNames;
use crate::engine::expr::program::Variable;
use crate::engine::expr::regex::Dialect;
use crate::engine::profile::shape::ProfilePlan;
use crate::engine::record::TopicId;
use serde_json::json;

fn path(text: &str) -> FieldPath {
    let mut steps = Vec::new();
    for name in text.split('.') {
        let bare = name.trim_end_matches("[]");
        steps.push(Step::Name(bare.into()));
        steps.extend((bare.len() < name.len()).then_some(Step::Items));
    }
    FieldPath(steps)
}

fn plan(rules: Vec<(Option<&str>, Check)>) -> Plan {
    let rules: Vec<Rule> = rules
        .into_iter()
        .map(|(field, check)| Rule {
            id: "r".into(),
            own_id: true,
            name: None,
            object: 0,
            property: None,
            field: field.map(path),
            metric: "test",
            dimension: None,
            severity: None,
            mode: Mode::Warn,
            relates_to: String::new(),
            classified: field.is_some_and(|f| f.starts_with("secret")),
            check,
            horizon_ms: None,
            threshold: Threshold::MustBe(0.0),
            unit: Unit::Rows,
        })
        .collect();
    let objects = vec![ObjectPlan {
        name: "orders".into(),
        topic: "orders".into(),
        event_time: Some(path("at")),
        declared_delay_ms: 0,
        encoding: Encoding::Unsaid,
        rules: (0..rules.len()).collect(),
        keys_only: false,
    }];
    Plan {
        hash: ContractHash([1; 16]),
        product: ProductName { domain: "sales".into(), name: "orders".into() },
        contract_id: String::new(),
        contract_version: String::new(),
        owner: String::new(),
        described: Default::default(),
        asked: asked::of(&objects, &rules, &ProfilePlan::default()),
        objects,
        rules,
        profile: ProfilePlan::default(),
        horizons: Vec::new(),
        incident: IncidentPolicy { failing: 1, of: 1 },
        mode: Mode::Warn,
        objective: 0.99,
        records: Default::default(),
        sample: None,
    }
}

const AT: Position = Position { topic: TopicId(1), partition: 3 };

fn counted(plan: &Plan, values: &[Option<&[u8]>]) -> (Tally, Vec<Vec<u32>>, Vec<Option<i64>>) {
    let mut examiner = Examiner::new(&[9; 16]);
    let (mut tally, mut broken, mut times) = (Tally::default(), Vec::new(), Vec::new());
    for (offset, value) in values.iter().enumerate() {
        let record = RawRecord {
            offset: offset as i64,
            timestamp_ms: 0,
            key: Some(b"k"),
            value: *value,
            schema_header: None,
            headers: None,
        };
        times.push(match examiner.examine(plan, &[0], &record) {
            Examined::At(time) => time,
            needs => panic!("{needs:?}"),
        });
        broken.push(examiner.count(plan, &record, AT, false, &mut tally).to_vec());
    }
    (tally, broken, times)
}

/// One rule over some values of the field `f`, each written `f: value`; `-` leaves the field out. Expects what was
/// asked, what failed, and the words of the samples.
fn check(check: Check, values: &[&str], asked: u64, faults: &[&str]) {
    let texts: Vec<String> =
        values.iter().map(|v| if *v == "-" { "{}".into() } else { format!("{{\"f\":{v}}}") }).collect();
    let records: Vec<Option<&[u8]>> = texts.iter().map(|t| Some(t.as_bytes())).collect();
    let name = format!("{check:?} {values:?}");
    let (mut tally, ..) = counted(&plan(vec![(Some("f"), check)]), &records);
    let words: Vec<&str> = tally.samples.iter().map(|s| s.reason.as_str()).collect();
    assert_eq!(words, faults, "{name}");
    let rule = tally.rule(0);
    assert_eq!((rule.asked, rule.failed_rows()), (asked, Ok(Rows::exact(faults.len() as u64))), "{name}");
}

fn number(minimum: Option<f64>, exclusive_maximum: Option<f64>, multiple_of: Option<f64>) -> Check {
    Check::Valid(Validity::Number { minimum, maximum: None, exclusive_minimum: None, exclusive_maximum, multiple_of })
}

#[test]
fn each_check_is_asked_of_its_rows_and_says_what_broke_it() {
    let pattern = || pattern::compile("^a+$").expect("a pattern");
    let of_type = |kind| Check::Valid(Validity::Type(kind));
    check(Check::Present, &["1", "null", "-", "\"\"", "0"], 5, &["null", "missing"]);
    check(Check::Null, &["1", "null", "-", "\"\""], 4, &["null"]);
    check(
        Check::Missing(Values::new(vec![json!(""), json!("N/A")])),
        &["\"\"", "\"x\"", "null", "-"],
        4,
        &["means_missing", "missing"],
    );
    check(
        Check::Missing(Values::new(vec![json!(null), json!(0)])),
        &["null", "0.0", "\"0\""],
        3,
        &["null", "means_missing"],
    );
    check(of_type(JsonType::String), &["\"x\"", "1", "null", "-"], 2, &["wrong_type"]);
    check(
        of_type(JsonType::Integer),
        &["1", "1.0", "1e2", "1.5", "\"1\"", "99999999999999999999999"],
        6,
        &["wrong_type"; 2],
    );
    check(of_type(JsonType::Number), &["1", "true", "[1]"], 3, &["wrong_type"; 2]);
    check(of_type(JsonType::Object), &["{}", "[]"], 2, &["wrong_type"]);
    check(of_type(JsonType::Array), &["{}", "[]"], 2, &["wrong_type"]);
    check(of_type(JsonType::Boolean), &["true", "0"], 2, &["wrong_type"]);
    let length = Check::Valid(Validity::Length { min: Some(2), max: Some(3) });
    check(length, &["\"é\"", "\"éé\"", "\"éééé\"", "7"], 3, &["too_short", "too_long"]);
    check(Check::Valid(Validity::Pattern(pattern())), &["\"aa\"", "\"b\"", "1"], 2, &["no_match"]);
    check(Check::Valid(Validity::Format(TextFormat::Uuid)), &["\"x\"", "1"], 1, &["bad_format"]);
    check(number(Some(0.0), Some(10.0), None), &["0", "-1", "10", "9.999", "\"-1\""], 4, &["too_small", "too_large"]);
    check(number(None, None, Some(0.01)), &["19.99", "0.001", "3"], 3, &["no_multiple"]);
    let byte = Check::Valid(Validity::Fits { min: -128, max: 127 });
    check(byte, &["-128", "-129", "127", "128", "1.5"], 4, &["does_not_fit"; 2]);
    let wide = Check::Valid(Validity::Fits { min: 0, max: u128::MAX });
    check(
        wide,
        &["-1", "340282366920938463463374607431768211455", "340282366920938463463374607431768211456"],
        3,
        &["does_not_fit"; 2],
    );
    let one_of = Check::Valid(Validity::OneOf(Values::new(vec![json!("a"), json!(2), json!(0.5)])));
    check(one_of, &["\"a\"", "2.0", "0.50", "\"2\"", "null"], 4, &["not_allowed"]);
    let items = Check::Valid(Validity::Items { min: Some(1), max: Some(3), unique: true });
    check(
        items,
        &["[]", "[1,2]", "[1,1.0]", "[1,2,3,4]", "1"],
        4,
        &["too_few_items", "repeated_item", "too_many_items"],
    );
    check(Check::Valid(Validity::Properties { min: Some(1), max: None }), &["{}", "{\"a\":1}"], 2, &["too_few_fields"]);
    check(Check::Valid(Validity::Has(vec!["a".into()])), &["{\"a\":null}", "{}", "{\"a\":1}"], 3, &["lacks_field"; 2]);
    let invalid =
        Check::Invalid { values: Some(Values::new(vec![json!("aa"), json!("b"), json!(1)])), pattern: Some(pattern()) };
    check(invalid, &["\"aa\"", "\"b\"", "\"aaa\"", "1", "null", "-"], 4, &["no_match", "not_allowed", "no_match"]);
    check(Check::Unique(vec![path("f")]), &["1", "\"1\"", "1.0", "null", "null", "-", "1"], 4, &["duplicate"; 2]);
    check(Check::RowCount, &["1", "-"], 2, &[]);
    check(Check::Unmeasured("custom".into()), &["1"], 0, &[]);
}

#[test]
fn times_are_read_as_their_field_says() {
    let iso = || Moments::iso(MomentKind::Timestamp);
    let epoch = || iso().with_epoch_ms(true);
    let texts = ["\"2026-01-02T03:04:05Z\"", "\"yesterday\"", "5", "true"];
    check(
        Check::Valid(Validity::Moment { read: iso(), asks_type: true }),
        &texts,
        4,
        &["no_such_time", "wrong_type", "wrong_type"],
    );
    check(
        Check::Valid(Validity::Moment { read: epoch(), asks_type: true }),
        &texts,
        4,
        &["no_such_time", "wrong_type"],
    );
    check(Check::Valid(Validity::Moment { read: iso(), asks_type: false }), &texts, 2, &["no_such_time"]);
    check(
        Check::Valid(Validity::Zoned { read: iso(), zoned: true }),
        &["\"2026-01-02T03:04\"", "\"x\"", "5"],
        1,
        &["no_offset"],
    );
    let range = Validity::MomentRange {
        read: epoch(),
        minimum: Some(0),
        maximum: None,
        exclusive_minimum: None,
        exclusive_maximum: Some(1_000_000),
    };
    check(
        Check::Valid(range),
        &["0", "-1", "1", "\"1969-12-31T00:00:00Z\"", "\"x\""],
        4,
        &["too_early", "too_late", "too_early"],
    );
}

#[test]
fn a_tombstone_is_no_null_value_and_an_undecodable_record_no_row() {
    let plan = plan(vec![(Some("f"), Check::Present), (None, Check::RowCount)]);
    let (mut tally, broken, times) =
        counted(&plan, &[None, Some(b"{\"f\":1"), Some(b""), Some(b"{\"f\":1}"), Some(b"7")]);
    let counts = tally.counts;
    assert_eq!((counts.records, counts.bytes, counts.tombstones, counts.undecodable), (5, 5 + 6 + 7 + 1, 1, 3));
    assert_eq!(tally.rule(0).asked, 1);
    assert_eq!(tally.rule(1).asked, 1);
    assert_eq!(broken, [vec![], vec![UNDECODABLE], vec![UNDECODABLE], vec![], vec![UNDECODABLE]]);
    assert_eq!(times, [None; 5]);
    let reasons: Vec<_> = tally.undecodable.iter().map(|(reason, count)| (reason.as_str(), *count)).collect();
    assert_eq!(reasons, [("empty_value", 1), ("not_an_object", 1), ("not_json", 1)]);
    let sample = &tally.samples[0];
    assert_eq!((sample.reason.as_str(), sample.value.as_str()), ("not_json at byte 6", "bytes(6)"));
    assert_eq!((sample.rule, sample.partition, sample.offset), (None, 3, 1));
}

#[test]
fn samples_show_kind_and_size_and_of_classified_fields_nothing() {
    let text = || Check::Valid(Validity::Type(JsonType::Boolean));
    let plan = plan(vec![(Some("f"), text()), (Some("secret"), text()), (Some("l[].x"), text())]);
    let record = br#"{"f":"4929-1234","secret":"4929-1234","l":[{"x":true},{"x":12.5},{"x":"y"}]}"#;
    let (mut tally, broken, _) = counted(&plan, &[Some(record)]);
    let values: Vec<&str> = tally.samples.iter().map(|s| s.value.as_str()).collect();
    assert_eq!(values, ["text(9)", "", "number"]);
    assert_eq!(broken, [[0, 1, 2]]);
    let rule = tally.rule(2);
    assert_eq!((rule.asked, rule.failed), (1, 1), "a record with two bad items is one bad row");
}

#[test]
fn a_composite_key_is_compared_as_a_whole() {
    let of = |fields: &[&str], records: &[&[u8]]| {
        let plan = plan(vec![(None, Check::Unique(fields.iter().map(|f| path(f)).collect()))]);
        let records: Vec<_> = records.iter().map(|r| Some(*r)).collect();
        let rule = std::mem::take(counted(&plan, &records).0.rule(0));
        (rule.asked, rule.failed_rows().expect("exact").value as u64)
    };
    let two: [&[u8]; 4] = [b"{\"a\":1,\"b\":2}", b"{\"a\":2,\"b\":1}", b"{\"b\":2.0,\"a\":1}", b"{\"a\":1,\"b\":null}"];
    assert_eq!(of(&["a", "b"], &two), (3, 1));
}

#[test]
fn the_event_time_is_the_fields_where_it_can_be_read() {
    let plan = plan(vec![]);
    for (text, expected) in [
        (r#"{"at":"2026-01-02T03:04:05.678Z"}"#, Some(1_767_323_045_678)),
        (r#"{"at":"1969-12-31T23:59:59.9999Z"}"#, Some(-1)),
        (r#"{"at":1767323045678}"#, Some(1_767_323_045_678)),
        (r#"{"at":1.5}"#, None),
        (r#"{"at":9223372036854775807}"#, None),
        (r#"{"at":null}"#, None),
        ("{}", None),
    ] {
        assert_eq!(counted(&plan, &[Some(text.as_bytes())]).2, [expected], "{text}");
    }
}

fn holds(text: &str) -> Check {
    let scope = Scope {
        variables: &[("message", Variable::Record), ("value", Variable::Value), ("key", Variable::Key)],
        fields: &|_| None,
        dialect: Dialect::Pcre,
    };
    let program = parse::parse(text, &scope).unwrap_or_else(|mistake| panic!("{text}: {mistake:?}"));
    let about = if text.contains("value") { About::Field(FieldNames::default()) } else { About::Record };
    Check::Holds(Arc::new(Condition { program, breaks: Breaks::NotTrue, about }))
}

#[test]
fn an_expression_is_asked_of_each_record_or_of_each_value_of_a_field() {
    check(holds("value > 1"), &["2", "1", "null", "-", "\"x\"", "1.5"], 5, &["not_true", "error", "error"]);
    let plan = plan(vec![
        (None, holds("message.total == message.lines.map(l, l.n).size()")),
        (Some("lines[].n"), holds("value > 0")),
        (None, holds("key == 'k'")),
        (None, holds("message.total")),
    ]);
    let values: [Option<&[u8]>; 4] = [
        Some(br#"{"total":2,"lines":[{"n":1},{"n":2}]}"#),
        Some(br#"{"total":1,"lines":[{"n":0},{"n":-1}]}"#),
        Some(br#"{"total":0,"lines":[]}"#),
        None,
    ];
    let (tally, broken, _) = counted(&plan, &values);
    let counts: Vec<_> = tally.rules.iter().map(|r| (r.asked, r.failed)).collect();
    assert_eq!(counts, [(3, 1), (2, 1), (3, 0), (3, 3)]);
    assert_eq!(broken, [vec![3], vec![0, 1, 3], vec![3], vec![]]);
    let samples: Vec<_> = tally.samples.iter().map(|s| (s.rule, s.reason.as_str(), s.value.as_str())).collect();
    assert!(
        samples.contains(&(Some(1), "not_true", "integer")) && samples.contains(&(Some(0), "not_true", "object(2)"))
    );
}

#[test]
fn a_record_is_put_aside_for_the_enforced_rules_that_it_breaks_and_for_nothing_else() {
    let present = |field| (Some(field), Check::Present);
    let with = |modes: [Mode; 3], of_contract| {
        let mut plan = plan(vec![present("a"), present("b"), (None, Check::Unique(vec![path("c")]))]);
        plan.rules
            .iter_mut()
            .zip(modes)
            .enumerate()
            .for_each(|(n, (rule, mode))| (rule.id, rule.mode) = (format!("r{n}"), mode));
        Plan { mode: of_contract, ..plan }
    };
    use Mode::{Enforce, Observe, Warn};
    for (modes, of_contract, value, expected) in [
        ([Enforce, Warn, Warn], Warn, Some("{}"), Some((vec!["r0"], "missing"))),
        ([Enforce, Enforce, Warn], Warn, Some(r#"{"b":null}"#), Some((vec!["r0", "r1"], "r0: missing; r1: null"))),
        ([Observe, Warn, Warn], Warn, Some("{}"), None),
        ([Enforce, Enforce, Enforce], Enforce, Some(r#"{"a":1,"b":2,"c":3}"#), None),
        ([Enforce, Enforce, Enforce], Enforce, None, None),
        // Which of two equal ones is the bad one nobody can say.
        ([Warn, Warn, Enforce], Warn, Some(r#"{"a":1,"b":2,"c":9}"#), None),
        // What cannot be decoded cannot be asked what is enforced.
        ([Warn, Warn, Warn], Enforce, Some("{"), Some((vec!["steward.decodable"], "not_json at byte 1"))),
        ([Warn, Enforce, Warn], Warn, Some("{"), Some((vec!["steward.decodable"], "not_json at byte 1"))),
        ([Warn, Warn, Warn], Warn, Some("{"), None),
    ] {
        let plan = with(modes, of_contract);
        let (mut examiner, mut tally) = (Examiner::new(&[9; 16]), Tally::default());
        for value in [Some(r#"{"a":1,"b":2,"c":9}"#), value] {
            let record = RawRecord { value: value.map(str::as_bytes), ..RawRecord::empty(0) };
            examiner.examine(&plan, &[0], &record);
            examiner.count(&plan, &record, AT, false, &mut tally);
        }
        let found = examiner.enforced(&plan).map(|bad| (bad.rules, bad.reason));
        let expected =
            expected.map(|(rules, reason)| (rules.into_iter().map(str::to_owned).collect(), reason.to_owned()));
        assert_eq!(found, expected, "{modes:?} {value:?}");
    }
}
