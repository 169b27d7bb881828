//! `steward.records`: what becomes of records that are undecodable, late or too large. And what `steward.sample` cannot answer.

use crate::engine::contract::compile;
use crate::engine::contract::fields::{At, Fields};
use crate::engine::contract::mode::Mode;
use crate::engine::contract::model::Contract;
use crate::engine::contract::problem::{Place, Problems};
use crate::engine::contract::records::{Action, Kind, Policy};
use crate::engine::contract::sample::Sampling;

/// Rules that a message names.
const NAMED_MAX: usize = 3;
const EXAMPLE: &str =
    "{undecodable: quarantine, unknownSchema: warn, late: warn, oversized: {bytes: 1000000, then: fail}}";

/// Reads the value; what is not understood is told, and is as if it were not there.
pub fn read(found: &At<'_>, problems: &Problems) -> Policy {
    let mut policy = Policy::default();
    let Some(entries) = found.node.entries() else {
        wrong(
            &found.at,
            "steward.records is no mapping".to_owned(),
            format!("write what becomes of what: {EXAMPLE}"),
            problems,
        );
        return policy;
    };
    for (key, node) in entries {
        let at = At { node, at: found.at.below(key, node) };
        match key.as_str() {
            "undecodable" => policy.undecodable = action(&at, Kind::Undecodable, problems),
            "unknownSchema" => policy.unknown_schema = action(&at, Kind::UnknownSchema, problems),
            "late" => policy.late = action(&at, Kind::Late, problems),
            "oversized" => oversized(&at, &mut policy, problems),
            other => wrong(
                &at.at,
                format!("steward.records knows no {other}"),
                "use undecodable, unknownSchema, late or oversized".to_owned(),
                problems,
            ),
        }
    }
    policy
}

/// Tells what a contract asks that a sample of its records cannot answer.
pub fn tell_sampled(sample: Sampling, at: &Place, contract: &Contract, problems: &Problems) {
    let unknown = compile::beyond_samples(contract);
    if !unknown.is_empty() {
        let named = unknown.iter().take(NAMED_MAX).map(String::as_str).collect::<Vec<_>>().join(", ");
        problems.doubt(
            at,
            "steward-sample",
            format!(
                "a sample of {} of the records cannot show that what asks all of them holds: {named}{}",
                sample.percent(),
                if unknown.len() > NAMED_MAX {
                    format!(" and {} more", unknown.len() - NAMED_MAX)
                } else {
                    String::new()
                }
            ),
            "sample nothing, or expect them to be unknown",
        );
    }
    if contract.mode == Mode::Enforce {
        problems.doubt(
            at,
            "steward-sample",
            format!(
                "{} of the records are asked the rules: a bad one of the others is not copied to quarantine",
                sample.percent()
            ),
            "write warn as steward.mode, or sample nothing",
        );
    }
}

fn oversized(found: &At<'_>, policy: &mut Policy, problems: &Problems) {
    let remedy = || {
        "write {bytes: 1000000, then: warn}: how many bytes key and value may have together, and what follows"
            .to_owned()
    };
    if found.node.entries().is_none() {
        return wrong(&found.at, format!("oversized is {}", found.node.kind()), remedy(), problems);
    }
    let Some(mut fields) = Fields::of(found, problems) else { return };
    match fields.get("bytes") {
        None => wrong(&found.at, "oversized says no bytes".to_owned(), remedy(), problems),
        Some(bytes) => match bytes.number().filter(|n| *n >= 1.0 && n.fract() == 0.0 && *n <= f64::from(i32::MAX)) {
            Some(n) => policy.oversized_bytes = Some(n as u64),
            // Kafka writes the size of a record as a number of 31 bits.
            None => wrong(&bytes.at, "bytes is no whole number from 1 to 2147483647".to_owned(), remedy(), problems),
        },
    }
    if let Some(then) = fields.get("then") {
        policy.oversized = action(&then, Kind::Oversized, problems);
    }
    for (key, at) in fields.unknown() {
        wrong(&at, format!("oversized knows no {key}"), remedy(), problems);
    }
}

fn action(found: &At<'_>, kind: Kind, problems: &Problems) -> Option<Action> {
    let action = found.text().and_then(|word| kind.action(word));
    if action.is_none() {
        let words: Vec<&str> = kind.words().iter().map(|(word, _)| *word).collect();
        let said = found.text().map_or_else(|| found.node.kind().to_owned(), |word| format!("{word:?}"));
        let mut remedy = format!("write one of: {}", words.join(", "));
        if kind == Kind::Late && found.text() == Some("quarantine") {
            remedy.push_str(
                "; which records were late is known when they have long been read, so that none can be copied",
            );
        }
        wrong(&found.at, format!("{said} is not what can become of these records"), remedy, problems);
    }
    action
}

fn wrong(at: &Place, message: String, remedy: String, problems: &Problems) {
    problems.beyond(at, "steward-records", message, remedy);
}

#[cfg(test)]
mod tests {
    use crate::engine::contract::odcs;
    use crate::engine::contract::parsed::Parsed;
    use crate::engine::contract::problem::Level;
    use crate::engine::contract::records::Action::{Fail, Quarantine, Usual, Warn};
    use crate::engine::contract::records::Policy;

    fn parse(value: &str) -> Parsed {
        let head = "apiVersion: v3.1.0\nkind: DataContract\nid: c\nversion: 1.0.0\nstatus: active\nschema: [{name: o, physicalType: topic}]\n";
        odcs::parse(&format!("{head}customProperties:\n- property: steward.records\n  value: {value}\n"))
    }

    #[test]
    fn each_kind_of_record_has_its_action() {
        for (value, expected) in [
            ("{}", Policy::default()),
            (
                "{undecodable: mode, unknownSchema: undecodable}",
                Policy { undecodable: Some(Usual), unknown_schema: Some(Usual), ..Policy::default() },
            ),
            (
                "{undecodable: quarantine, unknownSchema: warn, late: fail}",
                Policy {
                    undecodable: Some(Quarantine),
                    unknown_schema: Some(Warn),
                    late: Some(Fail),
                    ..Policy::default()
                },
            ),
            ("{oversized: {bytes: 1000}}", Policy { oversized_bytes: Some(1_000), ..Policy::default() }),
            (
                "{oversized: {then: quarantine, bytes: 2147483647}}",
                Policy { oversized_bytes: Some(2_147_483_647), oversized: Some(Quarantine), ..Policy::default() },
            ),
        ] {
            let parsed = parse(value);
            assert_eq!(parsed.problems, [], "{value}");
            assert_eq!(parsed.contract.expect("a contract").records, expected, "{value}");
        }
    }

    #[test]
    fn what_a_sample_cannot_answer_is_told_where_the_sample_is_asked_for() {
        let check = |rest: &str, expected: &[&str]| {
            let head = "apiVersion: v3.1.0\nkind: DataContract\nid: c\nversion: 1.0.0\nstatus: active\n";
            let sample = "customProperties:\n- {property: steward.sample, value: 0.01}\n";
            let problems = odcs::parse(&format!("{head}{sample}{rest}")).problems;
            assert_eq!(problems.len(), expected.len(), "{rest}: {problems:?}");
            for (problem, part) in problems.iter().zip(expected) {
                assert!(problem.message.contains("1 % of the records") && problem.message.contains(part), "{problem}");
                let (line, code) = (problem.line, problem.code);
                assert_eq!((line, code, problem.level), (Some(7), "steward-sample", Level::Warning));
            }
        };
        let object =
            |properties: &str| format!("schema: [{{name: o, physicalType: topic, properties: [{properties}]}}]\n");
        check(&object("{name: a, required: true}"), &[]);
        check(&object("{name: a, unique: true}"), &["holds: schema/o/properties/a"]);
        let many: String = ["a", "b", "c", "d", "e"].map(|n| format!("{{name: {n}, unique: true}},")).concat();
        check(&object(&many), &["properties/c and 2 more"]);
        let enforced = "- {property: steward.mode, value: enforce}\n".to_owned() + &object("{name: a, required: true}");
        check(&enforced, &["is not copied to quarantine"]);
    }

    #[test]
    fn what_is_not_understood_is_told_at_its_place_with_a_remedy_and_the_rest_stands() {
        for (value, path, message, remedy) in [
            ("fail", "", "no mapping", "{undecodable: quarantine"),
            ("{undecodable: drop}", "/undecodable", "\"drop\" is not", "mode, ignore, warn, fail, quarantine"),
            ("{undecodable: [fail]}", "/undecodable", "a list is not", "mode, ignore"),
            ("{late: quarantine}", "/late", "\"quarantine\" is not", "ignore, warn, fail; which records were late"),
            ("{unknownSchema: mode}", "/unknownSchema", "\"mode\" is not", "undecodable, ignore"),
            ("{undecodeable: fail}", "/undecodeable", "knows no undecodeable", "use undecodable"),
            ("{oversized: 1000}", "/oversized", "oversized is a number", "write {bytes: 1000000"),
            ("{oversized: {then: fail}}", "/oversized", "says no bytes", "write {bytes: 1000000"),
            ("{oversized: {bytes: 0}}", "/oversized/bytes", "no whole number from 1", "write {bytes"),
            ("{oversized: {bytes: 1.5}}", "/oversized/bytes", "no whole number from 1", "write {bytes"),
            ("{oversized: {bytes: 9, then: mode}}", "/oversized/then", "\"mode\" is not", "warn, ignore, fail"),
            ("{oversized: {bytes: 9, then: fail, size: 1}}", "/oversized/size", "knows no size", "write {bytes"),
        ] {
            let parsed = parse(value);
            let [problem] = parsed.problems.as_slice() else { panic!("{value}: {:?}", parsed.problems) };
            assert_eq!(problem.path, format!("/customProperties/0/value{path}"), "{value}");
            assert_eq!((problem.line, problem.code), (Some(9), "steward-records"), "{value}");
            assert!(problem.message.contains(message) && problem.remedy.contains(remedy), "{value}: {problem}");
        }
        let parsed = parse("{undecodable: drop, late: warn}");
        let records = parsed.contract.expect("a contract").records;
        assert_eq!(records, Policy { late: Some(Warn), ..Policy::default() });
    }
}
