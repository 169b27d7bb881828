//! A contract and the rule sets that a schema registry keeps for its topics, and what it refers to in other contracts
//! (`contract::referred`): one contract, whose hash names all of it.
//!
//! What joins is observed: conditions of the rule set, `confluent:rules` of the schema, and tags that mark personal data. What an
//! Avro or Protobuf schema says of types stays the schema's: records are decoded by it. A JSON Schema decodes nothing: what it
//! asks is asked in `Mode::Observe`, as nobody promised it in the contract.

use crate::engine::contract::exchange::tree::Tree;
use crate::engine::contract::mode::Mode;
use crate::engine::contract::model::{Clause, Contract, Object, Property};
use crate::engine::contract::odcs;
use crate::engine::contract::parsed::Parsed;
use crate::engine::contract::plan::Check;
use crate::engine::contract::problem::{Problem, Problems};
use crate::engine::contract::referred::{self, Referred};
use crate::engine::contract::{subject, yaml};
use crate::engine::decode::framing::Encoding;
use crate::engine::decode::path::FieldPath;
use crate::engine::expr::condition::{About, Condition};
use crate::engine::expr::weight;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Begins the line before each subject version in a text that holds both; the topic ends it.
const MARK: &str = "--- # a schema registry's subject version, of the topic ";

/// Begins the line before each definition of another contract's object; what the contract calls it ends the line.
const REFERRED: &str = "--- # what the contract refers to: ";

/// By topic, the subject version as the registry returned it, as JSON in a line.
pub type Versions = BTreeMap<String, String>;

/// Reads what `text` and `with_referred` wrote; a contract alone is one with nothing joined.
pub fn parse(text: &str) -> Parsed {
    let (own, versions, referred) = parted(text);
    weight::of_one_document(|| {
        let mut parsed = odcs::parse(own);
        if let Some(contract) = &mut parsed.contract {
            join(contract, &versions);
            referred::join(contract, &referred);
        }
        parsed
    })
}

/// The contract's own text, without what joins it.
pub fn own(text: &str) -> &str {
    parted(text).0
}

/// The contract's own text, and behind it the versions that join it.
pub fn text(contract: &str, versions: &Versions) -> String {
    behind(contract, MARK, versions)
}

/// A text that has versions or none, and behind it what the contract refers to.
pub fn with_referred(text: &str, referred: &Referred) -> String {
    behind(text, REFERRED, referred)
}

fn behind(text: &str, mark: &str, lines: &BTreeMap<String, String>) -> String {
    let mut text = text.to_owned();
    for (name, line) in lines {
        if !text.ends_with('\n') {
            text.push('\n');
        }
        text.push_str(&format!("{mark}{name}\n{line}\n"));
    }
    text
}

/// Joins what the versions say of the contract's topics. Told are those that joined, and what is wrong with any.
pub fn join(contract: &mut Contract, versions: &Versions) -> (Versions, Vec<Problem>) {
    let (mut joined, mut told) = (Versions::new(), Vec::new());
    for (topic, version) in versions {
        // Of several objects that read one topic the first asks them: they are asked once of each record.
        let framed = |object: &&mut Object| object.topic == *topic && may_be_framed(&object.encoding);
        let Some(object) = contract.objects.iter_mut().find(framed) else { continue };
        let problems = Problems::default();
        let Ok(root) = yaml::parse(version) else { continue };
        let read = subject::read(&root, &problems).and_then(|mut read| Some((read.objects.pop()?, read.canonical)));
        let Some((of, canonical)) = read else { continue };
        // A schema that refers to others cannot be read without them: that is no fault of it.
        let refers = Tree::of(&root).list("references").iter().any(|reference| reference.get("schema").is_none());
        told.extend(problems.into_vec().into_iter().filter(|problem| !(refers && problem.path == "/schema")));
        let is_json = Tree::of(&root).text("schemaType") == Some("JSON");
        let rules = rules(&of, &object.relates_to, is_json);
        let marked = mark(&mut object.properties, &of.properties);
        if !rules.is_empty() || marked {
            object.clauses.extend(rules);
            contract.canonical.push('\n');
            contract.canonical.push_str(&canonical);
            joined.insert(topic.clone(), version.clone());
        }
    }
    (joined, told)
}

/// Whether the registry may have a subject for the values of a topic.
pub fn may_be_framed(encoding: &Encoding) -> bool {
    matches!(encoding, Encoding::Unsaid | Encoding::Registry(_))
}

fn parted(text: &str) -> (&str, Versions, Referred) {
    let (mut versions, mut referred) = (Versions::new(), Referred::new());
    let begins = |at: usize| at == 0 || text.as_bytes()[at - 1] == b'\n';
    let first = |mark: &str| text.match_indices(mark).map(|(at, _)| at).find(|at| begins(*at));
    let Some(at) = [MARK, REFERRED].into_iter().filter_map(first).min() else { return (text, versions, referred) };
    let mut lines = text[at..].lines();
    while let (Some(head), Some(line)) = (lines.next(), lines.next()) {
        if let Some(topic) = head.strip_prefix(MARK) {
            versions.insert(topic.to_owned(), line.to_owned());
        } else if let Some(key) = head.strip_prefix(REFERRED) {
            referred.insert(key.to_owned(), line.to_owned());
        }
    }
    (&text[..at], versions, referred)
}

fn rules(of: &Object, relates_to: &str, is_json: bool) -> Vec<Clause> {
    let joins = |clause: &&Clause| is_json || is_rule(clause);
    let of_object = of.clauses.iter().filter(joins).cloned().map(keyword);
    let mut rules: Vec<Clause> = of_object.collect();
    of.properties.iter().for_each(|property| of_fields(property, is_json, &mut rules));
    for rule in &mut rules {
        if let Some(place) = rule.relates_to.strip_prefix(&of.relates_to) {
            rule.relates_to = format!("{relates_to}{place}");
        }
        // It stands in no file of the contract.
        rule.at = None;
    }
    rules
}

/// A field's own rules, as rules of the object about this field.
fn of_fields(property: &Property, is_json: bool, rules: &mut Vec<Clause>) {
    let required = Clause::schema("required", "completeness", &property.relates_to, Check::Present);
    let required = Some(&required).filter(|_| property.required);
    for clause in required.into_iter().chain(&property.clauses).filter(|clause| is_json || is_rule(clause)) {
        let check = match &clause.check {
            Check::Holds(condition) => match &condition.about {
                About::Field(names) => Check::Holds(Arc::new(Condition {
                    about: About::Fields(vec![(property.field.clone(), names.clone())]),
                    ..Condition::clone(condition)
                })),
                _ => Check::Holds(condition.clone()),
            },
            other => other.clone(),
        };
        let field = (!is_rule(clause)).then(|| (property.field.clone(), property.classified));
        rules.push(keyword(Clause { about: Some(property.path.clone()), field, check, ..clause.clone() }));
    }
    property.children.iter().for_each(|child| of_fields(child, is_json, rules));
}

/// A keyword's clause beside the contract's own of the same name: observed, and called `jsonSchema.…`.
fn keyword(clause: Clause) -> Clause {
    match is_rule(&clause) {
        true => clause,
        false => Clause { mode: Some(Mode::Observe), key: format!("jsonSchema.{}", clause.key), ..clause },
    }
}

/// Of a rule set, or of `confluent:rules`; whatever its type.
fn is_rule(clause: &Clause) -> bool {
    subject::rules::METRICS.contains(&clause.metric)
}

/// Classifies what the registry's tags classify; whether that changed anything.
fn mark(properties: &mut [Property], by: &[Property]) -> bool {
    let mut changed = false;
    for property in properties {
        let marked = !property.classified && is_marked(by, &property.field);
        property.classified |= marked;
        changed |= marked | mark(&mut property.children, by);
    }
    changed
}

fn is_marked(by: &[Property], field: &FieldPath) -> bool {
    by.iter().any(|property| property.field == *field && property.classified || is_marked(&property.children, field))
}

#[cfg(test)]
mod tests {
    use super::{Versions, join, parse, text};
    use crate::engine::contract::mode::Mode;
    use crate::engine::contract::{compile, odcs};
    use crate::engine::event::result::word;
    use crate::engine::trial::run::Trial;

    const CONTRACT: &str = "
apiVersion: v3.1.0
kind: DataContract
id: orders
version: 1.0.0
status: active
schema:
  - name: orders
    physicalType: topic
    physicalName: shop.orders
    properties:
      - {name: id, logicalType: string, required: true}
      - {name: email, logicalType: string}
";

    fn version(rules: &str) -> String {
        let schema = r#"{"type":"record","name":"Order","fields":[{"name":"id","type":"string"},
            {"name":"email","type":"string","confluent:tags":["PII"],"confluent:rules":[{"name":"short","expr":"size(this) < 9"}]}]}"#;
        let schema = serde_json::Value::from(schema.replace('\n', " "));
        format!(
            r#"{{"subject":"shop.orders-value","version":1,"schema":{schema},"ruleSet":{{"domainRules":[{rules}]}}}}"#
        )
    }

    const LONG: &str =
        r#"{"name":"long","kind":"CONDITION","mode":"WRITE","type":"CEL","expr":"size(message.id) > 3"}"#;
    const UPPER: &str = r#"{"name":"upper","kind":"TRANSFORM","mode":"WRITE","type":"CEL","expr":"message.id"}"#;

    fn hash(text: &str) -> String {
        compile::compile(&parse(text).contract.expect("a contract")).hash.to_string()
    }

    #[test]
    fn rules_of_the_registry_are_asked_beside_those_of_the_contract() {
        let versions: Versions = [("shop.orders".to_owned(), version(&format!("{LONG},{UPPER}")))].into();
        let whole = text(CONTRACT, &versions);
        let contract = parse(&whole).contract.expect("a contract");
        assert!(contract.objects[0].properties[1].classified, "a tag marks personal data");
        let mut trial = Trial::of_json(&contract, None, 0).expect("an object");
        trial.line(1, br#"{"id":"abcd","email":"a@b.c"}"#);
        trial.line(2, br#"{"id":"ab","email":"much-too-long@b.c"}"#);
        trial.line(3, br#"{"email":null}"#);
        let verdict = trial.verdict();
        let failed = verdict.results.iter().filter(|result| word(result.status) == "fail");
        let failed: Vec<(&str, u64)> = failed.map(|result| (result.id.as_str(), result.failed)).collect();
        assert_eq!(failed, [("orders.id.required", 1), ("orders.long", 2), ("orders.email.short", 1)]);
    }

    #[test]
    fn what_a_json_schema_asks_is_observed_beside_the_contract() {
        let schema = serde_json::json!({"type": "object", "required": ["id", "n"], "properties": {
            "id": {"type": "string", "minLength": 3}, "n": {"type": "integer", "confluent:tags": ["PII"]}}});
        let version =
            serde_json::json!({"subject": "shop.orders-value", "schemaType": "JSON", "schema": schema.to_string()});
        let versions: Versions = [("shop.orders".to_owned(), version.to_string())].into();
        let contract = parse(&text(CONTRACT, &versions)).contract.expect("a contract");
        let mut trial = Trial::of_json(&contract, None, 0).expect("an object");
        trial.line(1, br#"{"id":"ab","n":"x"}"#);
        trial.line(2, br#"{"id":"abc"}"#);
        let verdict = trial.verdict();
        let failed = verdict.results.iter().filter(|result| result.failed > 0);
        let failed: Vec<(&str, u64)> = failed.map(|result| (result.id.as_str(), result.failed)).collect();
        let found =
            ["orders.id.jsonSchema.minLength", "orders.n.jsonSchema.required", "orders.n.jsonSchema.logicalType"];
        assert_eq!(failed, found.map(|id| (id, 1)));
        let plan = compile::compile(&contract);
        let mode_of = |prefix: &str| plan.rules.iter().find(|rule| rule.id.starts_with(prefix)).map(|rule| rule.mode);
        assert_eq!(
            (mode_of("orders.id.jsonSchema"), mode_of("orders.id.req")),
            (Some(Mode::Observe), Some(Mode::Warn))
        );
        let of_n = plan.rules.iter().filter(|rule| rule.id.starts_with("orders.n."));
        assert!(of_n.clone().count() == 2 && of_n.clone().all(|rule| rule.classified), "its values stay here");
    }

    #[test]
    fn a_rule_set_is_part_of_what_the_version_is() {
        let with = |rules: &str| text(CONTRACT, &[("shop.orders".to_owned(), version(rules))].into());
        let (alone, one, other) = (hash(CONTRACT), hash(&with(LONG)), hash(&with("")));
        assert!(alone != one && one != other);
        assert_eq!(one, hash(&with(LONG)));
    }

    #[test]
    fn what_says_nothing_joins_nothing() {
        let check = |topic: &str, version: &str, contract: &str| {
            let mut contract = odcs::parse(contract).contract.expect("a contract");
            let before = contract.canonical.clone();
            let (joined, _) = join(&mut contract, &[(topic.to_owned(), version.to_owned())].into());
            assert!(joined.is_empty() && contract.canonical == before, "{topic} {version}");
        };
        let plain = r#"{"subject":"shop.orders-value","schema":"{\"type\":\"record\",\"name\":\"O\",\"fields\":[]}"}"#;
        check("shop.orders", plain, CONTRACT);
        check("shop.orders", "{", CONTRACT);
        check("shop.returns", &version(LONG), CONTRACT);
        let json = CONTRACT
            .replace("properties:", "customProperties: [{property: steward.encoding, value: json}]\n    properties:");
        check("shop.orders", &version(LONG), &json);
    }
}
