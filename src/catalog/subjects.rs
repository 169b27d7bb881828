//! What a schema registry asks of the topics of contracts, beside what their files ask.

use crate::catalog::files::{FILE_BYTES_MAX, Finding, Source};
use crate::catalog::portrait;
use crate::engine::contract::joined::{self, Versions};
use crate::engine::contract::records::Policy;
use crate::engine::contract::{self, compile, odcs};
use crate::registry::subjects::Said;
use std::sync::Arc;

/// The contract with the rule sets of its topics, and the owner that their metadata name where it names none. What is wrong with one
/// is a finding, and the contract governs without it.
pub fn joined(source: Source, subjects: &Said, policy: &Policy, findings: &mut Vec<Finding>) -> Source {
    let topics: Vec<String> = source.plan.governed().map(|object| object.topic.clone()).collect();
    let source = with_rules(source, subjects, policy, findings);
    if !source.plan.owner.is_empty() {
        return source;
    }
    let versions = topics.iter().filter_map(|topic| subjects.versions.get(topic));
    let mut metadata = versions.filter_map(|version| serde_json::from_str::<serde_json::Value>(version).ok());
    let Some(owner) = metadata.find_map(|version| portrait::owner(&version["metadata"])) else { return source };
    let Some(mut contract) = contract::joined::parse(&source.text).contract else { return source };
    contract.owner = owner;
    Source { plan: Arc::new(compile::compile(&contract).within(policy)), ..source }
}

fn with_rules(source: Source, subjects: &Said, policy: &Policy, findings: &mut Vec<Finding>) -> Source {
    let of_topics = |(topic, _): &(&String, &String)| {
        source.plan.objects.iter().any(|object| object.topic == **topic && joined::may_be_framed(&object.encoding))
    };
    let mut versions: Versions =
        subjects.versions.iter().filter(of_topics).map(|(topic, version)| (topic.clone(), version.clone())).collect();
    if versions.is_empty() {
        return source;
    }
    let product = Some(source.plan.product.clone());
    let subject = |topic: &str| format!("schema registry, subject {topic}-value");
    if subjects.keeps_none {
        let names = versions.keys().map(|topic| subject(topic)).collect::<Vec<_>>().join(", ");
        let problem =
            "this registry (Apicurio) keeps no rule sets: none are observed; ask for them in the contract".to_owned();
        findings.push(Finding { path: names, problem, error: false, product: product.clone() });
        // A JSON Schema asks without a rule set.
        versions.retain(|_, version| version.contains(r#""schemaType":"JSON""#));
    }
    let Some(mut contract) = odcs::parse(&source.text).contract else { return source };
    let (joined, problems) = joined::join(&mut contract, &versions);
    let path = versions.keys().map(|topic| subject(topic)).collect::<Vec<_>>().join(", ");
    let told = problems.iter().map(|problem| Finding {
        path: path.clone(),
        problem: problem.to_string(),
        error: false,
        product: product.clone(),
    });
    findings.extend(told);
    if joined.is_empty() {
        return source;
    }
    let text = joined::text(&source.text, &joined);
    if text.len() as u64 > FILE_BYTES_MAX {
        let problem = format!(
            "with the contract it has {} bytes, more than {FILE_BYTES_MAX}: its rule set is not observed",
            text.len()
        );
        findings.push(Finding { path, problem, error: true, product });
        return source;
    }
    Source { text, plan: Arc::new(compile::compile(&contract).within(policy)), ..source }
}

#[cfg(test)]
mod tests {
    use crate::catalog::files::{FILE_BYTES_MAX, Loaded, Watcher};
    use crate::registry::subjects::Said;

    const CONTRACT: &str = "apiVersion: v3.1.0\nkind: DataContract\nid: orders\nversion: 1.0.0\nstatus: active\nschema:\n  - name: orders\n    physicalType: topic\n    properties:\n      - {name: id, logicalType: string}\n";

    /// What the registry says of `orders`, where a rule has this expression.
    fn said(expression: &str, keeps_none: bool) -> Said {
        let schema = r#"{"type":"record","name":"O","fields":[{"name":"id","type":"string"}]}"#;
        let rule =
            serde_json::json!({"name": "r", "kind": "CONDITION", "mode": "WRITE", "type": "CEL", "expr": expression});
        let version = serde_json::json!({"subject": "orders-value", "version": 1, "schema": schema, "ruleSet": {"domainRules": [rule]}});
        Said { versions: [("orders".to_owned(), version.to_string())].into(), keeps_none }
    }

    fn watched() -> (tempfile::TempDir, Watcher, Loaded) {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("orders.odcs.yaml"), CONTRACT).expect("a contract");
        let mut watcher = Watcher::new(vec![folder.path().to_path_buf()]);
        let first = watcher.look().expect("the first look finds it");
        (folder, watcher, first)
    }

    fn rules(loaded: &Loaded) -> Vec<&str> {
        loaded.sources[0].plan.rules.iter().map(|rule| rule.id.as_str()).collect()
    }

    #[test]
    fn a_rule_set_comes_changes_and_goes_as_versions_of_the_contract() {
        let (_folder, mut watcher, alone) = watched();
        assert_eq!(watcher.framed_topics(), ["orders".to_owned()].into());
        let mut look = |said: Said| {
            watcher.observe(said);
            watcher.look()
        };
        let one = look(said("message.id != ''", false)).expect("a rule set is a change");
        assert_eq!(rules(&one), ["orders.id.logicalType", "orders.r"]);
        assert!(look(said("message.id != ''", false)).is_none(), "the same again is none");
        let other = look(said("message.id == 'a'", false)).expect("another rule is a change");
        let gone = look(Said::default()).expect("and none is one");
        let hash = |loaded: &Loaded| loaded.sources[0].plan.hash;
        assert!(hash(&one) != hash(&alone) && hash(&other) != hash(&one));
        assert_eq!((hash(&gone), rules(&gone)), (hash(&alone), rules(&alone)));
        let (_folder, mut elsewhere, _) = watched();
        let bodies = [&one, &other].map(|loaded| (hash(loaded), loaded.sources[0].text.clone()));
        assert_eq!(elsewhere.learn(bodies), [], "another worker reads from the catalog what both of them mean");
        assert!(elsewhere.known().contains_key(&hash(&other)));
    }

    #[test]
    fn the_registry_names_the_owner_of_a_contract_that_names_none() {
        let named = |owner: &str| {
            let schema = r#"{"type":"record","name":"O","fields":[{"name":"id","type":"string"}]}"#;
            let metadata = serde_json::json!({"properties": {"owner": owner}});
            let version =
                serde_json::json!({"subject": "orders-value", "version": 1, "schema": schema, "metadata": metadata});
            Said { versions: [("orders".to_owned(), version.to_string())].into(), keeps_none: false }
        };
        let (folder, mut watcher, alone) = watched();
        assert_eq!(alone.sources[0].plan.owner, "");
        watcher.observe(named("order desk"));
        let said = watcher.look().expect("a change");
        assert_eq!(said.sources[0].plan.owner, "order desk");
        assert_eq!(said.sources[0].plan.hash, alone.sources[0].plan.hash, "nothing else is asked of records");
        let hash = said.sources[0].plan.hash;
        assert_eq!(said.plans.by_hash[&hash].owner, "order desk", "what deltas are explained by says it, too");
        std::fs::write(folder.path().join("orders.odcs.yaml"), format!("{CONTRACT}team: {{name: own team}}\n"))
            .unwrap();
        assert!(watcher.look().is_none());
        assert_eq!(
            watcher.look().expect("a change").sources[0].plan.owner,
            "own team",
            "the contract's word is above it"
        );
    }

    #[test]
    fn a_json_schema_asks_where_the_registry_drops_rule_sets_too() {
        let schema = r#"{"type":"object","properties":{"id":{"type":"string","minLength":3}}}"#;
        let version =
            serde_json::json!({"subject": "orders-value", "version": 1, "schemaType": "JSON", "schema": schema});
        let (_folder, mut watcher, _) = watched();
        watcher.observe(Said { versions: [("orders".to_owned(), version.to_string())].into(), keeps_none: true });
        let loaded = watcher.look().expect("a change");
        let asked = ["logicalType", "nullValues", "minLength"].map(|keyword| format!("orders.id.jsonSchema.{keyword}"));
        let own = "orders.id.logicalType".to_owned();
        assert_eq!(rules(&loaded), [&[own][..], &asked].concat());
    }

    #[test]
    fn what_cannot_be_observed_is_a_finding_and_the_contract_governs() {
        let check = |said: Said, rules_expected: usize, words: &str| {
            let (_folder, mut watcher, _) = watched();
            watcher.observe(said);
            let loaded = watcher.look().expect("a change");
            assert_eq!(rules(&loaded).len(), rules_expected, "{words}");
            let found =
                loaded.findings.iter().any(|finding| finding.problem.contains(words) && finding.product.is_some());
            assert!(found, "{words}: {:?}", loaded.findings);
        };
        check(said("message.id != ''", true), 1, "keeps no rule sets");
        check(said("message.id !=", false), 2, "does not compile");
        check(said(&format!("message.id != '{}'", "x".repeat(FILE_BYTES_MAX as usize)), false), 1, "bytes");
    }
}
