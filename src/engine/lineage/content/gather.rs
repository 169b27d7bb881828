//! Columns of the topics that a task reads: gathered for a while beside its tallies, then sent to the one that compares them.
//!
//! Not part of exactly once: what a crash loses is gathered again, and what is seen twice is one value of a sketch.

use crate::engine::check::key::Hashes;
use crate::engine::contract::name::ContractHash;
use crate::engine::contract::plan::Plan;
use crate::engine::decode::tree::{Kind, Members, Value};
use crate::engine::lineage::content::column::Column;
use crate::engine::profile::scalar::{Keyed, Scalar, measured};
use crate::engine::profile::shape::{Node, ProfilePlan, Sight, scope};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Columns that have a sketch at a time, of one task: at 16 KiB each 4 MiB. Further ones are not looked at before the next while.
const COLUMNS_MAX: usize = 256;
/// Of one topic, in the order of its contract's fields, so that a wide one leaves room for others.
const OF_TOPIC_MAX: usize = 32;
/// A column of so many values and few distinct ones, as statuses and countries are, is hashed no more in this while.
const DULL_VALUES: u64 = 4_096;
const DULL_DISTINCT: f64 = 64.0;
/// Fewer distinct values are not sent: thousands of such parts would be needed before one proves anything.
const SENT_DISTINCT: f64 = 16.0;

pub struct Gatherer {
    every_ms: i64,
    since_ms: Option<i64>,
    keyed: Option<Keyed>,
    topics: BTreeMap<Arc<str>, Columns>,
    count: usize,
}

struct Columns {
    /// The numbers of fields are those of this contract.
    contract: ContractHash,
    /// By number of the field; `None`: no value was seen, or it found no room.
    fields: Vec<Option<Box<Gathering>>>,
    count: usize,
}

struct Gathering {
    name: String,
    column: Column,
    dull: bool,
}

/// A column of a topic, as one task saw it.
#[derive(Clone, Debug, PartialEq)]
pub struct Gathered {
    pub topic: Arc<str>,
    /// The field's path.
    pub name: String,
    pub column: Column,
}

impl Gatherer {
    /// `every_ms`: a while.
    pub fn new(every_ms: i64) -> Gatherer {
        Gatherer { every_ms, since_ms: None, keyed: None, topics: BTreeMap::new(), count: 0 }
    }

    /// Takes a decoded record in, as this object of the plan describes it. Left out are classified fields, whatever the
    /// contract does not describe, and arrays, whose items are no columns of a row.
    ///
    /// `hashes`: under the key of all workers; `at_ms`: the record's time.
    pub fn see(
        &mut self,
        topic: &Arc<str>,
        plan: &Plan,
        object: usize,
        record: Value<'_>,
        hashes: &Hashes,
        at_ms: i64,
    ) {
        let (Some(shape), Some(asked)) = (plan.profile.shapes.get(object), plan.asked.get(object)) else { return };
        let Kind::Object(members) = record.kind() else { return };
        if self.topics.get(topic).is_none_or(|columns| columns.contract != plan.hash) {
            let fields = plan.profile.fields.iter().map(|_| None).collect();
            let columns = Columns { contract: plan.hash, fields, count: 0 };
            let former = self.topics.insert(topic.clone(), columns);
            self.count -= former.map_or(0, |former| former.count);
        }
        let Some(columns) = self.topics.get_mut(topic) else { return };
        // One scope for all columns of a mesh: else no two could be compared.
        let keyed = self.keyed.get_or_insert_with(|| Keyed::of(hashes, scope(&["lineage.content"])));
        let (plan, profiled) = (&plan.profile, asked.profiled.as_slice());
        Visit { plan, profiled, keyed, at_ms, columns, count: &mut self.count }.object(&shape.root, members);
    }

    /// What a while has gathered; nothing while it lasts.
    pub fn take(&mut self, now_ms: i64) -> Vec<Gathered> {
        if now_ms - *self.since_ms.get_or_insert(now_ms) < self.every_ms {
            return Vec::new();
        }
        self.since_ms = Some(now_ms);
        self.count = 0;
        let mut gathered = Vec::new();
        for (topic, columns) in std::mem::take(&mut self.topics) {
            let seen = columns
                .fields
                .into_iter()
                .flatten()
                .filter(|of| !of.dull && of.column.span.is_plain() && of.column.sketch.distinct() >= SENT_DISTINCT);
            gathered.extend(seen.map(|of| Gathered { topic: topic.clone(), name: of.name, column: of.column }));
        }
        gathered
    }

    pub fn reset(&mut self) {
        self.topics.clear();
        self.count = 0;
    }
}

struct Visit<'a> {
    plan: &'a ProfilePlan,
    /// By place: which child of the node around it the field is.
    profiled: &'a [u32],
    keyed: &'a Keyed,
    at_ms: i64,
    columns: &'a mut Columns,
    /// Columns of all topics.
    count: &'a mut usize,
}

impl Visit<'_> {
    /// Recursion goes as deep as the contract does.
    fn object(&mut self, node: &Node, members: Members<'_>) {
        for (key, value) in members.keyed() {
            let child = self.profiled.get(key.place() as usize).and_then(|at| node.children.get(*at as usize));
            let Some(child) = child else { continue };
            match value.kind() {
                Kind::Object(members) => self.object(child, members),
                kind => {
                    if let (Some(number), Some(scalar)) = (child.field, scalar(kind)) {
                        self.see(number, scalar);
                    }
                }
            }
        }
    }

    fn see(&mut self, number: usize, scalar: Scalar<'_>) {
        let Some(slot) = self.columns.fields.get_mut(number) else { return };
        let of = match slot {
            Some(of) => of,
            None => {
                let Some(field) = self.plan.fields.get(number).filter(|f| f.how.sight != Sight::Classified) else {
                    return;
                };
                if *self.count >= COLUMNS_MAX || self.columns.count >= OF_TOPIC_MAX {
                    return;
                }
                *self.count += 1;
                self.columns.count += 1;
                let name = field.path.to_string();
                slot.insert(Box::new(Gathering { name, column: Column::default(), dull: false }))
            }
        };
        if of.dull {
            return;
        }
        of.column.see(scalar, self.keyed, self.at_ms);
        let column = &of.column;
        if !column.span.is_plain() || column.values == DULL_VALUES && column.sketch.distinct() < DULL_DISTINCT {
            of.dull = true;
        }
    }
}

/// What may tell rows apart: booleans and times are the same wherever one looks.
fn scalar(kind: Kind<'_>) -> Option<Scalar<'_>> {
    match kind {
        Kind::Text(text) if !text.is_empty() => Some(Scalar::Text(text)),
        Kind::Bytes(bytes) if !bytes.is_empty() => Some(Scalar::Bytes(bytes)),
        Kind::Number(number) => Some(measured(number).scalar),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
