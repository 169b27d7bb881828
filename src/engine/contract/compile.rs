//! The model into numbered rules. The order of rules is the order of the document, and part of the contract's identity.

use crate::engine::contract::model::{Clause, Contract, Object, Property};
use crate::engine::contract::name::{ContractHash, ProductName};
use crate::engine::contract::plan::{Check, ObjectPlan, PLAN_VERSION, Plan, Rule};
use crate::engine::decode::path::{FieldPath, Step};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;

/// Compiles a contract; what its text does not allow was already told when it was read.
pub fn compile(contract: &Contract) -> Plan {
    let product = contract.product();
    let mut objects = Vec::new();
    let mut rules = Vec::new();
    for (index, object) in contract.objects.iter().enumerate() {
        let first = rules.len();
        rules.extend(of_object(object).into_iter().map(|asked| asked.rule(index, object)));
        objects.push(ObjectPlan {
            name: object.name.clone(),
            topic: object.topic.clone(),
            event_time: object.event_time.clone(),
            declared_delay_ms: object.declared_delay_ms,
            rules: (first..rules.len()).collect(),
        });
    }
    let ids = distinct(&rules);
    let rules = rules.into_iter().zip(ids).map(|((rule, _), id)| Rule { id, ..rule }).collect();
    Plan {
        hash: hash(contract, &product),
        product,
        contract_id: contract.id.clone(),
        contract_version: contract.version.clone(),
        owner: contract.owner.clone(),
        objects,
        rules,
        incident: contract.incident,
    }
}

/// The ids that a contract gives to more than one rule: each further use, and where it stands.
pub fn repeated_ids(contract: &Contract) -> Vec<(String, String)> {
    let mut seen = BTreeSet::new();
    let clauses = contract.objects.iter().flat_map(of_object).map(|asked| asked.clause);
    let given = clauses.filter_map(|clause| Some((clause.id?, clause.relates_to)));
    given.filter(|(id, _)| !seen.insert(id.clone())).collect()
}

/// A clause, and whom it asks.
struct Asked<'a> {
    clause: Clause,
    /// `None`: the object.
    property: Option<&'a Property>,
}

impl Asked<'_> {
    /// The rule with its derived id, and whether the contract gave an id.
    fn rule(self, index: usize, object: &Object) -> (Rule, bool) {
        let Asked { clause, property } = self;
        let path = property.map(|p| format!("{}.", p.path)).unwrap_or_default();
        let classified = match (&clause.check, property) {
            (Check::Unique(fields), None) => fields.iter().any(|field| is_classified(&object.properties, field)),
            (_, property) => property.is_some_and(|p| p.classified),
        };
        let given = clause.id.is_some();
        let rule = Rule {
            id: clause.id.unwrap_or_else(|| format!("{}.{path}{}", object.name, clause.key)),
            name: clause.name,
            object: index,
            field: property.map(|p| p.field.clone()),
            metric: clause.metric,
            dimension: clause.dimension,
            severity: clause.severity,
            relates_to: clause.relates_to,
            classified,
            check: clause.check,
            threshold: clause.threshold,
            unit: clause.unit,
        };
        (rule, given)
    }
}

/// Properties in order, each before those nested in it; then what is asked of the whole object.
fn of_object(object: &Object) -> Vec<Asked<'_>> {
    let mut all = Vec::new();
    flatten(&object.properties, &mut all);
    // A key among the items of an array is no key of the record.
    let mut keys: Vec<&Property> =
        all.iter().copied().filter(|p| p.primary_key.is_some() && !p.field.0.contains(&Step::Items)).collect();
    keys.sort_by_key(|p| p.primary_key.flatten().unwrap_or(i64::MAX));

    let mut asked = Vec::new();
    for property in all {
        let mut ask = |clause| asked.push(Asked { clause, property: Some(property) });
        let schema = |metric, dimension, check| Clause::schema(metric, dimension, &property.relates_to, check);
        let unique = |metric| match property.field.0.contains(&Step::Items) {
            true => Clause::unmeasured(metric, &property.relates_to, "uniqueness among the items of arrays is not measured"),
            false => schema(metric, "uniqueness", Check::Unique(vec![property.field.clone()])),
        };
        // A key has a value in every row; one `required` says so, however often the contract does.
        if property.required || property.primary_key.is_some() {
            ask(schema("required", "completeness", Check::Present));
        }
        if property.unique {
            ask(unique("unique"));
        }
        let alone = keys.len() == 1 && std::ptr::eq(keys[0], property);
        if property.primary_key.is_some() && (alone || property.field.0.contains(&Step::Items)) {
            ask(unique("primaryKey"));
        }
        property.clauses.iter().cloned().for_each(&mut ask);
    }
    if keys.len() > 1 {
        let fields = keys.iter().map(|p| p.field.clone()).collect();
        let clause = Clause::schema("primaryKey", "uniqueness", &object.relates_to, Check::Unique(fields));
        asked.push(Asked { clause, property: None });
    }
    asked.extend(object.clauses.iter().cloned().map(|clause| Asked { clause, property: None }));
    asked
}

fn flatten<'p>(properties: &'p [Property], into: &mut Vec<&'p Property>) {
    for property in properties {
        into.push(property);
        flatten(&property.children, into);
    }
}

fn is_classified(properties: &[Property], field: &FieldPath) -> bool {
    properties.iter().any(|p| (p.field == *field && p.classified) || is_classified(&p.children, field))
}

/// Each id once: the contract's own ids first, then the derived ones; a repeat gets the first free of `.2`, `.3` …
fn distinct(rules: &[(Rule, bool)]) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let mut ids = vec![String::new(); rules.len()];
    for own in [true, false] {
        for (i, (rule, _)) in rules.iter().enumerate().filter(|(_, (_, given))| *given == own) {
            let mut id = rule.id.clone();
            let mut n = 2;
            while !taken.insert(id.clone()) {
                id = format!("{}.{n}", rule.id);
                n += 1;
            }
            ids[i] = id;
        }
    }
    ids
}

/// The first 16 bytes: 128 bits are beyond any chance of collision among a mesh's contract versions.
fn hash(contract: &Contract, product: &ProductName) -> ContractHash {
    let text = format!("{}\n{product}\n{PLAN_VERSION}", contract.canonical);
    let mut first = [0; 16];
    first.copy_from_slice(&Sha256::digest(text.as_bytes())[..16]);
    ContractHash(first)
}
