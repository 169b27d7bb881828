//! Uniqueness over a horizon: windows one after the other, late records, and restarts that forget.

use crate::sim::hands::{Hands, MINUTE_MS, T};
use serde_json::Value;
use std::collections::BTreeMap;

const UNIQUE: &str = "
apiVersion: v3.1.0
kind: DataContract
id: unique
version: 1.0.0
status: active
domain: sales
dataProduct: orders
schema:
  - name: a
    physicalType: topic
    physicalName: orders
    customProperties: [{property: steward.uniquenessHorizon, value: HORIZON}]
    properties: [{name: id, logicalType: string, unique: true}]
";

/// By window, in minutes after the first: status and failed rows of the rule about keys.
fn unique(hands: &Hands) -> BTreeMap<(i64, u64), (String, u64)> {
    of_rule(hands, "a.id.unique")
}

/// The same of another rule.
fn of_rule(hands: &Hands, rule: &str) -> BTreeMap<(i64, u64), (String, u64)> {
    let of = |window: &Value| {
        let start: jiff::Timestamp = window["window"]["start"].as_str().expect("a start").parse().expect("a time");
        let result = window["results"].as_array().and_then(|all| all.iter().find(|r| r["id"] == rule));
        let result = result.expect("the rule's result");
        let minute = (start.as_millisecond() - T) / MINUTE_MS;
        let said = (result["status"].to_string(), result["measure"]["failedRowCount"].as_u64().unwrap_or(99));
        ((minute, window["window"]["revision"].as_u64().unwrap_or(99)), said)
    };
    hands.told.values().filter(|w| w["counts"]["records"] != 0).map(of).collect()
}

/// One minute a window; `keys` by minute, each a record.
fn minutes(hands: &mut Hands, keys: &[(i64, &'static str)]) {
    for (minute, key) in keys {
        let value: &'static str = Box::leak(format!("{{\"id\":\"{key}\"}}").into_boxed_str());
        let offset = hands.next;
        hands.next += 1;
        hands.records(offset, &[(T + minute * MINUTE_MS, Some(value))]);
        hands.flush(T + minute * MINUTE_MS + 10);
    }
}

#[test]
fn a_key_that_came_within_the_horizon_before_is_a_duplicate_and_one_beyond_it_is_not() {
    let check = |horizon: &str, keys: &[(i64, &'static str)], expected: &[((i64, u64), u64)]| {
        let mut hands = Hands::new(&[UNIQUE.replace("HORIZON", horizon).as_str()]);
        minutes(&mut hands, keys);
        hands.commit();
        let found = unique(&hands);
        let word = |failed: u64| if failed == 0 { "\"pass\"" } else { "\"fail\"" }.to_owned();
        let expected = expected.iter().map(|(at, failed)| (*at, (word(*failed), *failed))).collect();
        assert_eq!(found, expected, "{horizon} {keys:?}");
    };
    // The last record only closes the windows before it.
    check("3m", &[(0, "a"), (1, "a"), (1, "a"), (2, "b"), (9, "z")], &[((0, 0), 0), ((1, 0), 2), ((2, 0), 0)]);
    check("3m", &[(0, "a"), (2, "a"), (9, "z")], &[((0, 0), 0), ((2, 0), 1)]);
    check("3m", &[(0, "a"), (3, "a"), (9, "z")], &[((0, 0), 0), ((3, 0), 0)]);
    check("3m", &[(0, "a"), (2, "a"), (4, "a"), (9, "z")], &[((0, 0), 0), ((2, 0), 1), ((4, 0), 1)]);
    check("1d", &[(0, "a"), (40, "a"), (55, "z")], &[((0, 0), 0), ((40, 0), 1)]);
}

#[test]
fn late_records_repeat_keys_too() {
    let mut hands = Hands::new(&[UNIQUE.replace("HORIZON", "1h").as_str()]);
    minutes(&mut hands, &[(0, "a"), (1, "b"), (5, "c"), (1, "a"), (1, "d"), (1, "c")]);
    hands.commit();
    minutes(&mut hands, &[(9, "d")]);
    minutes(&mut hands, &[(20, "z")]);
    hands.commit();
    let found = unique(&hands);
    // Late: `a` stood in the first window; `d` is new, and `c` stands in a window that is still open, which finds it.
    assert_eq!(found[&(1, 1)], ("\"fail\"".to_owned(), 1), "{found:?}");
    assert_eq!((found[&(5, 0)].1, found[&(9, 0)].1), (1, 1), "{found:?}");
}

#[test]
fn after_a_restart_keys_are_read_again_and_until_then_nothing_is_said_to_hold() {
    // Keys of minutes 0 to 9, some of them twice; a restart after each number of them, with and without the rest of a horizon.
    let keys: Vec<(i64, &'static str)> = vec![
        (0, "a"),
        (0, "b"),
        (1, "a"),
        (2, "c"),
        (2, "d"),
        (3, "b"),
        (4, "e"),
        (5, "d"),
        (6, "f"),
        (7, "a"),
        (8, "e"),
        (30, "z"),
    ];
    let told = |restart: Option<usize>, rebuilt: bool| {
        let mut hands = Hands::new(&[UNIQUE.replace("HORIZON", "5m").as_str()]);
        for (n, key) in keys.iter().enumerate() {
            minutes(&mut hands, &[*key]);
            hands.commit();
            if restart == Some(n) {
                hands.take_up();
                if rebuilt {
                    hands.read_aside();
                }
                hands.start_at(hands.next);
            }
        }
        unique(&hands)
    };
    let expected = told(None, true);
    assert_eq!(expected.values().map(|(_, failed)| failed).sum::<u64>(), 4, "{expected:?}");
    for restart in 0..keys.len() - 1 {
        assert_eq!(told(Some(restart), true), expected, "restarted after {restart}");
        let blind = told(Some(restart), false);
        for (window, (status, failed)) in &blind {
            let known = &expected[window];
            let holds = known == &(status.clone(), *failed) || status == "\"unknown\"";
            assert!(holds, "restarted after {restart}, {window:?}: {status} {failed}, and it is {known:?}");
        }
        assert!(blind.values().any(|(status, _)| status == "\"unknown\""), "{blind:?}");
    }
}

#[test]
fn where_deltas_are_gone_keys_are_not_known_before_the_horizon_has_passed() {
    let mut hands = Hands::new(&[UNIQUE.replace("HORIZON", "5m").as_str()]);
    minutes(&mut hands, &[(0, "a"), (1, "b"), (2, "c"), (3, "d")]);
    hands.commit();
    hands.start = 2;
    hands.take_up();
    hands.read_aside();
    hands.start_at(hands.next);
    minutes(&mut hands, &[(4, "a"), (5, "e"), (12, "f"), (30, "z")]);
    hands.commit();
    let found = unique(&hands);
    let status = |minute| found[&(minute, 0)].0.as_str();
    assert_eq!(
        ["unknown", "unknown", "pass"].map(|w| format!("\"{w}\"")),
        [4, 5, 12].map(|m| status(m).to_owned()),
        "{found:?}"
    );
}

const FAMILY: &str = "
apiVersion: v3.1.0
kind: DataContract
id: family
version: 1.0.0
status: active
domain: sales
dataProduct: orders
schema:
  - name: a
    physicalType: topic
    physicalName: orders
    properties:
      - {name: id, logicalType: string}
      - name: parent
        logicalType: string
        relationships: [{to: a.id, customProperties: [{property: steward.referenceHorizon, value: 3m}]}]
";

#[test]
fn a_reference_leads_to_a_key_of_its_window_or_of_the_horizon_before_it() {
    let rows = [
        (0, r#"{"id":"a"}"#),
        (1, r#"{"id":"b","parent":"a"}"#),
        (2, r#"{"id":"c","parent":"nobody"}"#),
        (2, r#"{"id":"d","parent":"nobody"}"#),
        (4, r#"{"id":"e","parent":"f"}"#),
        (4, r#"{"id":"f","parent":"d"}"#),
        (5, r#"{"id":"g","parent":"a"}"#),
        (5, r#"{"id":"h","parent":null}"#),
        (9, r#"{"id":"z"}"#),
    ];
    let told = |restart: Option<usize>, rebuilt: bool| {
        let mut hands = Hands::new(&[FAMILY]);
        for (n, (minute, row)) in rows.iter().enumerate() {
            let offset = hands.next;
            hands.next += 1;
            hands.records(offset, &[(T + minute * MINUTE_MS, Some(row))]);
            hands.flush(T + minute * MINUTE_MS + 10);
            hands.commit();
            if restart == Some(n) {
                hands.take_up();
                if rebuilt {
                    hands.read_aside();
                }
                hands.start_at(hands.next);
            }
        }
        of_rule(&hands, "a.parent.relationships")
    };
    let whole = told(None, true);
    let word = |word: &str, failed| (format!("\"{word}\""), failed);
    // Two rows name nobody, which is one key; `a` is too old for the last.
    let expected = [(1, "pass", 0), (2, "fail", 1), (4, "pass", 0), (5, "fail", 1)];
    let asked: BTreeMap<_, _> = whole.iter().filter(|(_, (status, _))| status != "\"skip\"").collect();
    let expected: BTreeMap<_, _> =
        expected.into_iter().map(|(minute, w, failed)| ((minute, 0), word(w, failed))).collect();
    assert_eq!(asked, expected.iter().collect());
    for restart in 0..rows.len() - 1 {
        assert_eq!(told(Some(restart), true), whole, "restarted after {restart}");
        for (window, said) in told(Some(restart), false) {
            assert!(
                whole[&window] == said || said.0 == "\"unknown\"",
                "restarted after {restart}: {window:?} {said:?}"
            );
        }
    }
}

#[test]
fn who_refers_to_what_nobody_read_is_no_orphan() {
    // Offset 1 is read by nobody, as if it was deleted before: it may have been the key.
    let rows = [
        (0, r#"{"id":"a"}"#),
        (1, r#"{"id":"b","parent":"a"}"#),
        (2, r#"{"id":"c","parent":"unread"}"#),
        (6, r#"{"id":"d","parent":"nobody"}"#),
        (9, r#"{"id":"z"}"#),
    ];
    let told = |first: i64, unread: Option<usize>, restart: Option<usize>| {
        let mut hands = Hands::new(&[FAMILY]);
        hands.next = first;
        hands.start_at(first);
        for (n, (minute, row)) in rows.iter().enumerate() {
            if unread == Some(n) {
                hands.next += 1;
                hands.start_at(hands.next);
            }
            let offset = hands.next;
            hands.next += 1;
            hands.records(offset, &[(T + minute * MINUTE_MS, Some(row))]);
            hands.flush(T + minute * MINUTE_MS + 10);
            hands.commit();
            if restart == Some(n) {
                hands.take_up();
                hands.read_aside();
                hands.start_at(hands.next);
            }
        }
        let said = of_rule(&hands, "a.parent.relationships");
        [1, 2, 6].map(|minute| said.get(&(minute, 0)).map_or("-".to_owned(), |(status, _)| status.replace('"', "")))
    };
    assert_eq!(told(0, None, None), ["pass", "fail", "fail"], "all was read from its start");
    for restart in [None, Some(0), Some(1), Some(2), Some(3)] {
        assert_eq!(told(0, Some(1), restart), ["unknown", "unknown", "fail"], "a gap, restarted after {restart:?}");
        assert_eq!(told(7, None, restart), ["unknown", "unknown", "fail"], "begun at 7, restarted after {restart:?}");
    }
}

#[test]
fn who_refers_to_what_could_not_be_decoded_is_an_orphan_once_the_horizon_has_passed_it() {
    let rows = [
        (0, r#"{"id":"a"}"#),
        (1, r#"{"id":"#),
        (2, r#"{"id":"b","parent":"nobody"}"#),
        (3, r#"{"id":"c","parent":"no one"}"#),
        (3, r#"{"id":"d","parent":"nobody"}"#),
        (5, r#"{"id":"e","parent":"nobody"}"#),
        (9, r#"{"id":"z"}"#),
    ];
    let told = |restart: Option<usize>| {
        let mut hands = Hands::new(&[FAMILY]);
        for (n, (minute, row)) in rows.iter().enumerate() {
            let offset = hands.next;
            hands.next += 1;
            hands.records(offset, &[(T + minute * MINUTE_MS, Some(row))]);
            hands.flush(T + minute * MINUTE_MS + 10);
            hands.commit();
            if restart == Some(n) {
                hands.take_up();
                hands.read_aside();
                hands.start_at(hands.next);
            }
        }
        let said = of_rule(&hands, "a.parent.relationships");
        [2, 3, 5].map(|minute| said[&(minute, 0)].clone())
    };
    let word = |word: &str, failed| (format!("\"{word}\""), failed);
    // One key of one record; of two references to nobody one is an orphan whatever it held; in the end it is too old.
    let expected = [word("unknown", 1), word("fail", 2), word("fail", 1)];
    for restart in std::iter::once(None).chain((0..rows.len() - 1).map(Some)) {
        assert_eq!(told(restart), expected, "restarted after {restart:?}");
    }
}
