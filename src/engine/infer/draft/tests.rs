//! Drafts: lint finds nothing in them, and the records that they come from pass.

use super::yaml;
use crate::engine::contract::odcs;
use crate::engine::contract::standard::lint;
use crate::engine::event::result::word;
use crate::engine::infer::gather::Gathered;
use crate::engine::trial::run::Trial;
use proptest::prelude::*;

/// The draft of these lines, after it was linted and tried on them.
fn drafted(lines: &[String]) -> String {
    let mut gathered = Gathered::default();
    lines.iter().for_each(|line| gathered.line(line.as_bytes()));
    let draft = yaml(&gathered, "shop orders", None, "orders", "a test");
    let linted = lint::lint(&draft, &|_| false);
    assert!(linted.problems.is_empty(), "{:#?}\n{draft}", linted.problems);
    let parsed = odcs::parse(&draft);
    assert!(parsed.problems.is_empty(), "{:#?}\n{draft}", parsed.problems);
    let contract = parsed.contract.expect("a contract");
    let mut trial = Trial::of_json(&contract, None, 0).expect("an object");
    (1..).zip(lines).for_each(|(number, line)| trial.line(number, line.as_bytes()));
    let verdict = trial.verdict();
    // Where nothing is ever there, nothing is asked.
    assert!(["pass", "unknown"].contains(&word(verdict.status)), "{verdict:#?}\n{draft}");
    assert!(verdict.results.iter().all(|r| ["pass", "skip"].contains(&word(r.status))), "{verdict:#?}\n{draft}");
    draft
}

fn has(draft: &str, lines: &[&str]) {
    for line in lines {
        assert!(draft.lines().any(|found| found.trim() == *line), "no `{line}` in\n{draft}");
    }
}

fn orders() -> Vec<String> {
    let order = |n: usize| {
        format!(
            r#"{{"order_id":"o-{n}","n":{n},"amount":{}.5,"status":"{}","at":"2026-11-28T10:00:{:02}Z","day":"2026-11-28","mail":"a{n}@example.com","note":{},"lines":[{{"sku":"s","quantity":1}}],"paid":true,"from":{{"ip":"10.0.0.{}"}}{}}}"#,
            n + 1,
            ["placed", "paid"][n % 2],
            n % 60,
            if n.is_multiple_of(3) { "null" } else { "\"x\"" },
            n % 250,
            if n.is_multiple_of(2) { r#","extra":1"# } else { "" },
        )
    };
    (0..60).map(order).collect()
}

#[test]
fn a_draft_says_what_all_records_have_in_common() {
    let draft = drafted(&orders());
    has(
        &draft,
        &[
            "- name: order_id",
            "unique: true",
            "logicalType: integer",
            "logicalTypeOptions: {minimum: 0}",
            "arguments: {validValues: [paid, placed]}",
            "logicalType: timestamp",
            "logicalType: date",
            "logicalType: boolean",
            "logicalTypeOptions: {format: email}",
            "classification: confidential    # its name says \"mail\"",
            "classification: confidential    # its values look like ipv4 addresses",
            "logicalTypeOptions: {minItems: 1}",
            "# customProperties: [{property: steward.eventTimeField, value: at}]",
            "# in 30 of 60, from 1 to 1",
            "# in all 60, 20 null, 1 to 1 characters, 1 different",
        ],
    );
    // `n`, `note` and `extra` are promised by nobody.
    assert_eq!(draft.matches("unique: true").count(), 1, "{draft}");
    assert_eq!(draft.matches("required: true").count(), 10 + 2 + 1, "{draft}");
}

#[test]
fn values_of_people_do_not_stand_in_a_draft() {
    let lines: Vec<String> = (0..40)
        .map(|n| format!(r#"{{"last_name":"{}","zip":1234{}}}"#, ["Lovelace", "Hopper"][n % 2], n % 2))
        .collect();
    let draft = drafted(&lines);
    assert!(!draft.contains("Lovelace") && !draft.contains("12340"), "{draft}");
}

#[test]
fn what_is_odd_is_drafted_too() {
    let lines = |all: &[&str]| all.iter().map(|line| (*line).to_owned()).collect::<Vec<_>>();
    drafted(&lines(&[]));
    drafted(&lines(&["{}"]));
    let draft = drafted(&lines(&[
        r#"{"a":1,"":2,"true":"x","x: y":null,"ключ":[[1],[]],"b":[]}"#,
        r#"{"a":"x","b":[{},{"c":null}]}"#,
        "null",
    ]));
    has(
        &draft,
        &[
            "# Values of several kinds: 1 integer, 1 text.",
            r#"- name: "true""#,
            r#"- name: "x: y""#,
            r#"- name: "ключ""#,
        ],
    );
    let many: String = (0..300).map(|n| format!(r#""k{n}":1,"#)).collect();
    let draft = drafted(&lines(&[&format!(r#"{{"m":{{{}}}}}"#, many.trim_end_matches(','))]));
    has(&draft, &["# Its names are many: it looks like a map."]);
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        (-5i64..5).prop_map(Into::into),
        (-1.0f64..2.0).prop_map(Into::into),
        "[a-c:#'\" -]{0,4}".prop_map(Into::into),
        Just("2026-11-28".into()),
        Just("2026-11-28T10:00:00Z".into()),
        Just("a@b.example".into()),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(serde_json::Value::from),
            proptest::collection::btree_map("[a-c_ ]{1,3}|id", inner, 0..4)
                .prop_map(|map| serde_json::Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    /// Whatever the records are, lint finds nothing in their draft, and they pass.
    #[test]
    fn a_draft_is_clean_and_its_records_pass(records in proptest::collection::vec(
        proptest::collection::btree_map("[a-c]{1,2}|id|e mail", json(), 0..5), 0..30,
    )) {
        let lines: Vec<String> = records.into_iter().map(|r| serde_json::Value::Object(r.into_iter().collect()).to_string()).collect();
        drafted(&lines);
    }
}
