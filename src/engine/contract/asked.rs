//! A plan's rules by the places that they ask: where a field stands is settled once, and not for every record.

use crate::engine::contract::plan::{Check, ObjectPlan, Rule};
use crate::engine::contract::relation::{Reference, Side};
use crate::engine::contract::sla::TimeField;
use crate::engine::decode::fields::{Fields, NOWHERE, Place, RECORD, Route};
use crate::engine::decode::path::{FieldPath, Step};
use crate::engine::expr::condition::Places;
use crate::engine::profile::shape::{Node, ProfilePlan};
use std::collections::BTreeMap;
use std::sync::Arc;

/// What is asked of the records of one object.
#[derive(Debug)]
pub struct Asked {
    /// Shared by the objects of one topic: a record is read once for all of them.
    pub fields: Arc<Fields>,
    /// The numbers of the rules that are measured, in their order.
    pub rules: Vec<(usize, Subject)>,
    pub event_time: Option<Route>,
    /// By place: which child the field is in the profile's shape of the object around it; `NOWHERE` of others.
    pub profiled: Vec<u32>,
}

/// What a rule is asked of.
#[derive(Debug)]
pub enum Subject {
    /// That there is a record.
    Row,
    Record,
    Field(Route),
    /// The record's own key, or a header.
    Beside,
    /// A key of these fields.
    Key(Box<[Route]>),
    /// A key of these fields, of a rule about references.
    Reference(Side, Box<[Route]>),
    /// What an expression asks.
    Expression(Box<Places>),
    /// What a query asks, by slot.
    Query(Box<[Place]>),
    /// The times that a service level names.
    Times(Box<[Route]>),
}

/// By object.
pub fn of(objects: &[ObjectPlan], rules: &[Rule], profile: &ProfilePlan) -> Vec<Asked> {
    let mut by_topic: BTreeMap<&str, Vec<FieldPath>> = BTreeMap::new();
    for (number, object) in objects.iter().enumerate() {
        let paths = by_topic.entry(&object.topic).or_default();
        if let Some(shape) = profile.shapes.get(number) {
            profiled_paths(&shape.root, &mut Vec::new(), paths);
        }
        for rule in object.rules.iter().filter_map(|number| rules.get(*number)) {
            paths.extend(rule.field.iter().chain(key(rule)).cloned());
            if let Check::Holds(condition) = &rule.check {
                paths.extend(condition.paths().cloned());
            }
            if let Check::Query(query) = &rule.check {
                paths.extend(query.slots.iter().cloned());
            }
            paths.extend(times(rule).iter().map(|time| time.path.clone()));
        }
        let referred = referring(rules).filter(|(_, reference)| reference.object == object.name);
        paths.extend(referred.flat_map(|(_, reference)| reference.to.iter().cloned()));
        paths.extend(object.event_time.clone());
    }
    let fields: BTreeMap<&str, Arc<Fields>> =
        by_topic.into_iter().map(|(topic, paths)| (topic, Arc::new(Fields::of(&paths)))).collect();
    let one = |(number, object): (usize, &ObjectPlan)| {
        let fields = fields.get(object.topic.as_str()).cloned().unwrap_or_default();
        let rule = |number: &usize| Some((*number, subject(rules.get(*number)?, &fields)?));
        let referred = referring(rules).filter(|(_, reference)| reference.object == object.name);
        let referred = referred.filter_map(|(number, reference)| {
            Some((number, Subject::Reference(Side::IsReferredTo, routes(&reference.to, &fields)?)))
        });
        let mut profiled = vec![NOWHERE; fields.count()];
        if let Some(shape) = profile.shapes.get(number) {
            find_profiled(&shape.root, &fields, RECORD, &mut profiled);
        }
        Asked {
            rules: object.rules.iter().filter_map(rule).chain(referred).collect(),
            event_time: object.event_time.as_ref().and_then(|path| fields.route(path)),
            profiled,
            fields,
        }
    };
    objects.iter().enumerate().map(one).collect()
}

/// `None`: the rule is not measured.
fn subject(rule: &Rule, fields: &Fields) -> Option<Subject> {
    match (&rule.check, &rule.field) {
        (Check::Unmeasured(_), _) => None,
        (Check::Beside(_), _) => Some(Subject::Beside),
        // Deltas hold times, and nothing of the values of what is classified.
        (Check::Sla(sla), _) if sla.times.iter().any(|time| time.classified) => None,
        (Check::Sla(sla), _) => {
            sla.times.iter().map(|time| fields.route(&time.path)).collect::<Option<_>>().map(Subject::Times)
        }
        (Check::RowCount, _) => Some(Subject::Row),
        (Check::Query(query), _) => query.places(fields).map(Subject::Query),
        (Check::Holds(condition), field) => {
            condition.places(field.as_ref(), fields).map(|places| Subject::Expression(Box::new(places)))
        }
        (Check::Unique(key), _) => routes(key, fields).map(Subject::Key),
        (Check::Refers(reference), _) => {
            routes(&reference.from, fields).map(|routes| Subject::Reference(Side::Refers, routes))
        }
        (_, None) => Some(Subject::Record),
        (_, Some(path)) => fields.route(path).map(Subject::Field),
    }
}

/// Rules about references, by number.
fn referring(rules: &[Rule]) -> impl Iterator<Item = (usize, &Reference)> {
    rules.iter().enumerate().filter_map(|(number, rule)| match &rule.check {
        Check::Refers(reference) => Some((number, &**reference)),
        _ => None,
    })
}

fn routes(paths: &[FieldPath], fields: &Fields) -> Option<Box<[Route]>> {
    paths.iter().map(|path| fields.route(path)).collect()
}

fn key(rule: &Rule) -> &[FieldPath] {
    match &rule.check {
        Check::Refers(reference) => &reference.from,
        Check::Unique(fields) => fields,
        _ => &[],
    }
}

fn times(rule: &Rule) -> &[TimeField] {
    match &rule.check {
        Check::Sla(sla) => &sla.times,
        _ => &[],
    }
}

/// Recursion goes as deep as the contract does.
fn profiled_paths(node: &Node, path: &mut Vec<Step>, paths: &mut Vec<FieldPath>) {
    let steps = node.children.iter().map(|child| (Step::Name(child.name.clone()), child));
    let items = node.items.iter().map(|items| (Step::Items, &**items));
    for (step, child) in steps.chain(items) {
        path.push(step);
        paths.push(FieldPath(path.clone()));
        profiled_paths(child, path, paths);
        path.pop();
    }
}

fn find_profiled(node: &Node, fields: &Fields, at: Place, profiled: &mut [u32]) {
    for (i, child) in node.children.iter().enumerate() {
        let place = fields.child(at, &child.name);
        if let Some(known) = profiled.get_mut(place as usize) {
            *known = i as u32;
        }
        find_profiled(child, fields, place, profiled);
    }
    if let Some(items) = &node.items {
        find_profiled(items, fields, fields.items(at), profiled);
    }
}
