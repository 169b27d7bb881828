//! The model into numbered rules. The order of rules is the order of the document, and part of the contract's identity.

use crate::engine::contract::asked;
use crate::engine::contract::described;
use crate::engine::contract::horizon;
use crate::engine::contract::mode::Mode;
use crate::engine::contract::model::{Clause, Contract, Object, Property, TEXT};
use crate::engine::contract::name::{ContractHash, ProductName, TEXT_MAX, short};
use crate::engine::contract::plan::{Check, ObjectPlan, PLAN_VERSION, Plan, Rule};
use crate::engine::contract::sample;
use crate::engine::decode::path::FieldPath;
use crate::engine::profile::shape::ProfilePlan;
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Compiles a contract; what its text does not allow was already told when it was read.
pub fn compile(contract: &Contract) -> Plan {
    let product = contract.product();
    let mut objects = Vec::new();
    let mut rules = Vec::new();
    for (index, object) in contract.objects.iter().enumerate() {
        let first = rules.len();
        rules.extend(of_object(object).into_iter().map(|asked| asked.rule(index, object, contract.mode)));
        objects.push(plan_of(object, (first..rules.len()).collect(), false));
    }
    let ids = distinct(&rules);
    let mut rules: Vec<Rule> = rules.into_iter().zip(ids).map(|(rule, id)| Rule { id, ..rule }).collect();
    for rule in &mut rules {
        if let Some(why) = contract.sample.and_then(|sample| sample::unmeasured(&rule.check, sample)) {
            rule.check = Check::Unmeasured(why);
        }
    }
    let refers = |object: &&Object| rules.iter().any(|rule| refers_to(rule).is_some_and(|name| name == object.name));
    objects.extend(contract.referred.iter().filter(refers).map(|object| plan_of(object, Vec::new(), true)));
    for rule in &mut rules {
        // A dry run takes one object out of its contract.
        if let Some(name) = refers_to(rule).filter(|name| !objects.iter().any(|object| object.name == *name)) {
            rule.check = Check::Unmeasured(format!("records of {name} are not looked at here"));
        }
    }
    let fields = contract.objects.iter().map(|object| (object.name.as_str(), object.properties.as_slice()));
    let profile = ProfilePlan::of(&product, fields);
    let asked = asked::of(&objects, &rules, &profile);
    let horizons = horizon::of(&contract.id, &objects, &rules);
    Plan {
        hash: hash(contract, &product),
        product,
        contract_id: contract.id.clone(),
        contract_version: contract.version.clone(),
        owner: contract.owner.clone(),
        described: Arc::new(described::of(contract)),
        objects,
        rules,
        asked,
        profile,
        horizons,
        incident: contract.incident,
        mode: contract.mode,
        objective: contract.objective,
        records: contract.records,
        sample: contract.sample,
    }
}

fn plan_of(object: &Object, rules: Vec<usize>, keys_only: bool) -> ObjectPlan {
    ObjectPlan {
        name: object.name.clone(),
        topic: object.topic.clone(),
        event_time: object.event_time.clone(),
        declared_delay_ms: object.declared_delay_ms,
        encoding: object.encoding.clone(),
        rules,
        keys_only,
    }
}

/// The object whose keys a rule looks for.
fn refers_to(rule: &Rule) -> Option<&str> {
    match &rule.check {
        Check::Refers(reference) => Some(&reference.object),
        _ => None,
    }
}

/// The ids that a contract gives to more than one rule: each further use, and where it stands.
pub fn repeated_ids(contract: &Contract) -> Vec<(String, String)> {
    let mut seen = BTreeSet::new();
    let clauses = contract.objects.iter().flat_map(of_object).map(|asked| asked.clause);
    let given = clauses.filter_map(|clause| Some((clause.id?, clause.relates_to)));
    let again = given.filter(|(id, _)| !seen.insert(id.clone()));
    again.map(|(id, relates_to)| (short(id), short(relates_to))).collect()
}

/// The rules that a sample can break and never show to hold, or not measure at all: where they stand.
pub fn beyond_samples(contract: &Contract) -> Vec<String> {
    let asks = |check: &Check| matches!(check, Check::Unique(_) | Check::Query(_) | Check::Refers(_));
    let clauses = contract.objects.iter().flat_map(of_object).map(|asked| asked.clause);
    clauses.filter(|clause| asks(&clause.check)).map(|clause| short(clause.relates_to)).collect()
}

/// Rules whose id is longer than is told: how many characters it has, and what the rule is called instead.
pub fn long_ids(contract: &Contract) -> Vec<(usize, String)> {
    let id = |(object, asked): (&Object, Asked<'_>)| asked.id(object);
    let ids = contract.objects.iter().flat_map(|o| of_object(o).into_iter().map(move |asked| (o, asked))).map(id);
    let long = ids.map(|id| (id.chars().count(), id)).filter(|(length, _)| *length > TEXT_MAX);
    long.map(|(length, id)| (length, short(id))).collect()
}

/// A clause, and whom it asks.
struct Asked<'a> {
    clause: Clause,
    /// `None`: the object.
    property: Option<&'a Property>,
}

impl Asked<'_> {
    /// The contract's own id, else one by place.
    fn id(&self, object: &Object) -> String {
        let path = self.property.map(|p| &p.path).or(self.clause.about.as_ref());
        let path = path.map(|path| format!("{path}.")).unwrap_or_default();
        self.clause.id.clone().unwrap_or_else(|| format!("{}.{path}{}", object.name, self.clause.key))
    }

    /// The rule, with an id that others may have too.
    fn rule(self, index: usize, object: &Object, of_contract: Mode) -> Rule {
        let id = self.id(object);
        let Asked { clause, property } = self;
        let classified = match (&clause.check, property) {
            (Check::Unique(fields), None) => fields.iter().any(|field| is_classified(&object.properties, field)),
            (Check::Beside(beside), None) => beside.classified,
            (Check::Holds(condition), None) => {
                condition.fields().iter().any(|(field, _)| is_classified(&object.properties, field))
            }
            (_, Some(property)) => property.classified,
            (_, None) => clause
                .field
                .as_ref()
                .is_some_and(|(field, classified)| *classified || is_classified(&object.properties, field)),
        };
        let given = clause.id.is_some();
        let check = match clause.check {
            Check::Query(query) => {
                match query.telling().iter().find(|field| is_classified(&object.properties, field)) {
                    Some(field) => Check::Unmeasured(format!("the query tells values of {field}, which is classified")),
                    None => Check::Query(query),
                }
            }
            check => check,
        };
        Rule {
            id: short(id),
            own_id: given,
            name: clause.name.map(short),
            object: index,
            property: property.map(|p| p.path.clone()).or(clause.about.map(short)),
            field: property.map(|p| p.field.clone()).or(clause.field.map(|(field, _)| field)),
            metric: clause.metric,
            dimension: clause.dimension.map(short),
            severity: clause.severity.map(short),
            mode: clause.mode.unwrap_or(of_contract),
            relates_to: short(clause.relates_to),
            classified,
            horizon_ms: match check {
                Check::Unique(_) => clause.horizon_ms.or(object.horizon_ms),
                Check::Refers(_) => clause.horizon_ms,
                _ => None,
            },
            check,
            threshold: clause.threshold,
            unit: clause.unit,
        }
    }
}

/// What is written for people (`type: text`): no record is asked it, and only a dry run names it.
pub fn texts(contract: &Contract) -> Vec<Rule> {
    let of = |(index, object)| clauses(object).into_iter().map(move |asked| (index, object, asked));
    let all = contract.objects.iter().enumerate().flat_map(of).filter(|(.., asked)| asked.clause.metric == TEXT);
    all.map(|(index, object, asked)| asked.rule(index, object, contract.mode)).collect()
}

/// What is asked of the records of an object.
fn of_object(object: &Object) -> Vec<Asked<'_>> {
    clauses(object).into_iter().filter(|asked| asked.clause.metric != TEXT).collect()
}

/// Properties in order, each before those nested in it; then what is said of the whole object.
fn clauses(object: &Object) -> Vec<Asked<'_>> {
    let mut all = Vec::new();
    flatten(&object.properties, &mut all);
    // A key among the items of an array or a map is no key of the record.
    let mut keys: Vec<&Property> =
        all.iter().copied().filter(|p| p.primary_key.is_some() && !p.field.is_many()).collect();
    keys.sort_by_key(|p| p.primary_key.flatten().unwrap_or(i64::MAX));

    let mut asked = Vec::new();
    for property in all {
        let mut ask = |clause| asked.push(Asked { clause, property: Some(property) });
        let schema = |metric, dimension, check| Clause::schema(metric, dimension, &property.relates_to, check);
        let unique = |metric| match property.field.is_many() {
            true => Clause::unmeasured(
                metric,
                &property.relates_to,
                "uniqueness among the items of arrays and maps is not measured",
            ),
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
        if property.primary_key.is_some() && (alone || property.field.is_many()) {
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
fn distinct(rules: &[Rule]) -> Vec<String> {
    let mut taken = BTreeSet::new();
    let mut ids = vec![String::new(); rules.len()];
    for own in [true, false] {
        for (i, rule) in rules.iter().enumerate().filter(|(_, rule)| rule.own_id == own) {
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

#[cfg(test)]
mod tests;
