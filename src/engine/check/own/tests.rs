//! What is said of records that are undecodable, late or too large, by each policy: the counts are always the same.

use super::*;
use crate::engine::check::record::{Examined, Examiner};
use crate::engine::check::verdict::{doomed, judge};
use crate::engine::contract::{compile, odcs};
use crate::engine::record::TopicId;

const AT: Position = Position { topic: TopicId(1), partition: 0 };

/// A contract whose one rule holds, with this policy and this mode.
fn plan(records: &str, mode: &str) -> Plan {
    let text = format!(
        "apiVersion: v3.1.0\nkind: DataContract\nid: c\nversion: 1.0.0\nstatus: active\n\
         schema:\n- {{name: o, physicalType: topic, properties: [{{name: a, required: true}}]}}\n\
         customProperties:\n- {{property: steward.records, value: {records}}}\n- {{property: steward.mode, value: {mode}}}\n"
    );
    let parsed = odcs::parse(&text);
    assert_eq!(parsed.problems, [], "{records}");
    compile::compile(&parsed.contract.expect("a contract"))
}

/// A result: its id, status and mode, of how many records, and how many failed.
type Own = (String, Status, Mode, u64, u64);

/// Four records: good, no JSON, good and long, a tombstone with a long key. Then what is said of them, and which are copied.
fn told(plan: &Plan, facts: &Facts) -> (Status, Vec<Own>, Vec<(i64, String, String)>) {
    let (mut examiner, mut tally, mut copied) = (Examiner::new(&[1; 16]), Tally::default(), Vec::new());
    let (good, long, key) = (br#"{"a":1}"#.as_slice(), format!("{{\"a\":\"{}\"}}", "x".repeat(40)), [7; 60]);
    for (offset, value, key) in [
        (0, Some(good), None),
        (1, Some(b"{".as_slice()), None),
        (2, Some(long.as_bytes()), None),
        (3, None, Some(key.as_slice())),
    ] {
        let record = RawRecord { key, value, ..RawRecord::empty(offset) };
        assert_eq!(examiner.examine(plan, &[0], &record), Examined::At(None));
        let broken = !examiner.count(plan, &record, AT, false, &mut tally).is_empty();
        // Who is asked for a copy has broken something.
        if let Some(bad) = examiner.enforced(plan).filter(|_| broken) {
            copied.push((offset, bad.rules.join(","), bad.reason));
        }
    }
    let counts = (tally.counts.records, tally.counts.undecodable, tally.counts.tombstones);
    assert_eq!(counts, (4, 1, 1), "whatever the policy");
    let verdict = judge(plan, &tally, facts);
    let own = verdict.results.iter().skip(plan.rules.len());
    let own = own.map(|r| (r.id.clone(), r.status, r.mode, r.asked, r.failed)).collect();
    for result in doomed(plan, &tally) {
        assert!(result.failed > 0 && verdict.results.contains(&result), "{result:?}");
    }
    (verdict.status, own, copied)
}

fn whole() -> Facts {
    Facts { complete: true, ..Facts::default() }
}

#[test]
fn a_policy_moves_the_verdict_and_the_copies_of_undecodable_records_and_never_their_count() {
    use Status::{Fail, Pass, Warn};
    for (word, mode, status, expected, copies) in [
        ("mode", "warn", Fail, (Fail, Mode::Warn), false),
        ("mode", "observe", Status::Unknown, (Fail, Mode::Observe), false),
        ("mode", "enforce", Fail, (Fail, Mode::Enforce), true),
        ("ignore", "warn", Pass, (Fail, Mode::Observe), false),
        ("ignore", "enforce", Pass, (Fail, Mode::Observe), false),
        ("warn", "enforce", Warn, (Warn, Mode::Warn), false),
        ("fail", "enforce", Fail, (Fail, Mode::Warn), false),
        ("fail", "observe", Fail, (Fail, Mode::Warn), false),
        ("quarantine", "warn", Fail, (Fail, Mode::Enforce), true),
    ] {
        let plan = plan(&format!("{{undecodable: {word}}}"), mode);
        let (found, own, copied) = told(&plan, &whole());
        assert_eq!(own, [(DECODABLE.to_owned(), expected.0, expected.1, 3, 1)], "{word} {mode}");
        assert_eq!(found, status, "{word} {mode}");
        let copy = (1, DECODABLE.to_owned(), "not_json at byte 1".to_owned());
        assert_eq!(copied, if copies { vec![copy] } else { vec![] }, "{word} {mode}");
        assert_eq!(plan.puts_aside(), copies || mode == "enforce", "{word} {mode}");
    }
}

#[test]
fn without_a_policy_all_is_as_the_mode_says() {
    for mode in ["observe", "warn", "enforce"] {
        let (said, unsaid) = (plan("{undecodable: mode, late: ignore}", mode), plan("{}", mode));
        let late = Facts { complete: true, late: true, too_late: 3, ..Facts::default() };
        for facts in [whole(), late] {
            assert_eq!(told(&said, &facts), told(&unsaid, &facts), "{mode}");
        }
        assert_eq!(told(&unsaid, &whole()).1.len(), 1, "{mode}: nothing but whether it decodes");
    }
}

#[test]
fn records_above_the_bound_are_counted_and_follow_the_policy_whatever_they_hold() {
    use Status::{Fail, Pass, Warn};
    let over = |bytes: u64, word: &str| {
        plan(&format!("{{undecodable: ignore, oversized: {{bytes: {bytes}, then: {word}}}}}"), "warn")
    };
    let size = |own: Vec<Own>| own.into_iter().find(|r| r.0 == SIZE).expect("a result");
    // The long value has 48 bytes, the long key 60.
    for (bytes, word, status, expected) in [
        (60, "fail", Pass, (Pass, Mode::Warn, 0)),
        (59, "fail", Fail, (Fail, Mode::Warn, 1)),
        (48, "warn", Warn, (Warn, Mode::Warn, 1)),
        (47, "warn", Warn, (Warn, Mode::Warn, 2)),
        (47, "ignore", Pass, (Fail, Mode::Observe, 2)),
        (47, "quarantine", Fail, (Fail, Mode::Enforce, 2)),
    ] {
        let (found, own, copied) = told(&over(bytes, word), &whole());
        let (_, result, mode, asked, failed) = size(own);
        assert_eq!((found, (result, mode, failed), asked), (status, expected, 4), "{bytes} {word}");
        let reason = |n: u64| format!("oversized: {n} bytes, {bytes} at most");
        let copies = vec![(2, SIZE.to_owned(), reason(48)), (3, SIZE.to_owned(), reason(60))];
        assert_eq!(copied, if word == "quarantine" { copies } else { vec![] }, "{bytes} {word}");
    }
    // Each for what it is.
    let (.., copied) =
        told(&plan("{undecodable: quarantine, oversized: {bytes: 6, then: quarantine}}", "warn"), &whole());
    let rules: Vec<(i64, &str)> = copied.iter().map(|(offset, rules, _)| (*offset, rules.as_str())).collect();
    assert_eq!(rules, [(0, SIZE), (1, DECODABLE), (2, SIZE), (3, SIZE)]);
}

#[test]
fn late_records_count_where_the_policy_says_so() {
    let late = |word: &str, facts: &Facts| {
        let (status, own, _) = told(&plan(&format!("{{undecodable: ignore, late: {word}}}"), "warn"), facts);
        (status, own.into_iter().find(|r| r.0 == LATE).map(|r| (r.1, r.3, r.4)))
    };
    let revision = Facts { complete: true, late: true, ..Facts::default() };
    let beyond = Facts { too_late: 5, ..whole() };
    assert_eq!(late("ignore", &beyond), (Status::Pass, None));
    assert_eq!(late("warn", &whole()), (Status::Pass, Some((Status::Pass, 4, 0))));
    assert_eq!(late("warn", &beyond), (Status::Warn, Some((Status::Warn, 9, 5))));
    assert_eq!(late("fail", &revision), (Status::Fail, Some((Status::Fail, 4, 4))));
    assert_eq!(late("fail", &Facts { too_late: 5, ..revision }), (Status::Fail, Some((Status::Fail, 9, 9))));
}

#[test]
fn unknown_schemas_are_told_apart_from_other_undecodable_records_where_the_policy_does() {
    use Status::{Fail, Pass, Skip, Warn};
    let mut tally = Tally::default();
    tally.counts.records = 10;
    for (reason, count) in [("unknown_schema", 3), ("not_json", 2)] {
        (0..count).for_each(|_| tally.undecodable(reason));
        let sample = Sample {
            rule: None,
            topic: AT.topic,
            partition: 0,
            offset: 1,
            reason: format!("{reason} at byte 5"),
            value: String::new(),
        };
        tally.samples.push(sample);
    }
    let of = |records: &str, tally: &Tally| {
        let verdict = judge(&plan(records, "warn"), tally, &whole());
        let own = verdict.results.iter().skip(1).map(|r| (r.id.clone(), r.status, r.asked, r.failed, r.samples.len()));
        (verdict.status, own.collect::<Vec<_>>())
    };
    let result = |id: &str, status, asked, failed, samples| (id.to_owned(), status, asked, failed, samples);
    assert_eq!(of("{}", &tally), (Fail, vec![result(DECODABLE, Fail, 10, 5, 2)]));
    assert_eq!(of("{unknownSchema: undecodable}", &tally), (Fail, vec![result(DECODABLE, Fail, 10, 5, 2)]));
    let apart = vec![result(DECODABLE, Warn, 7, 2, 1), result(SCHEMA, Warn, 10, 3, 1)];
    assert_eq!(of("{undecodable: warn, unknownSchema: warn}", &tally).1, apart);
    let (status, own) = of("{undecodable: ignore, unknownSchema: fail}", &tally);
    assert_eq!((status, own[1].clone()), (Fail, result(SCHEMA, Fail, 10, 3, 1)));
    let none = of("{unknownSchema: fail}", &Tally::default());
    assert_eq!(none.1, vec![result(DECODABLE, Skip, 0, 0, 0), result(SCHEMA, Skip, 0, 0, 0)]);
    let mut good = Tally::default();
    good.counts.records = 1;
    good.rule(0).asked = 1;
    assert_eq!(of("{unknownSchema: fail}", &good).0, Pass);
}
