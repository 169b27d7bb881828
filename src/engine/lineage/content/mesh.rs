//! Columns of all topics over the last minutes, out of what tasks gathered, and the edges that they go on to show.
//!
//! Two halves of equal length: what is compared are the last one and the one that runs, so that a copy's values and its
//! source's stand side by side wherever a half begins.

use crate::engine::lineage::columns::{self, COLUMNS};
use crate::engine::lineage::content::column::Column;
use crate::engine::lineage::content::infer::{How, Inferred, Table};
use crate::engine::lineage::node::Node;
use crate::engine::lineage::sighting::{Evidence, Round, Sighting, Unresolved};
use std::collections::{BTreeMap, BTreeSet};

/// The collector that the edges stand under.
pub const CONTENTS: &str = "contents";
/// Columns of one half: at 16 KiB each 8 MiB, twice that of two halves, and once more while they are compared. What comes when they
/// are full is unresolved.
const COLUMNS_MAX: usize = 512;
/// Topics named among them.
const REFUSED_MAX: usize = 100;

#[derive(Debug, Default)]
pub struct Mesh {
    half_ms: i64,
    began_ms: Option<i64>,
    before: BTreeMap<String, Table>,
    now: BTreeMap<String, Table>,
    /// Of `now`.
    columns: usize,
    /// Topics of which columns found no room.
    refused: BTreeSet<String>,
    /// Ends of the edges that the last comparison showed.
    shown: BTreeSet<(String, String)>,
}

impl Mesh {
    pub fn new(half_ms: i64) -> Mesh {
        Mesh { half_ms, ..Mesh::default() }
    }

    pub fn take(&mut self, topic: &str, name: &str, part: &Column, now_ms: i64) {
        if now_ms - *self.began_ms.get_or_insert(now_ms) >= self.half_ms {
            self.began_ms = Some(now_ms);
            self.before = std::mem::take(&mut self.now);
            self.columns = 0;
            self.refused.clear();
        }
        let known = self.now.get_mut(topic).and_then(|table| table.get_mut(name));
        match known {
            Some(column) => column.merge(part),
            None if self.columns >= COLUMNS_MAX => {
                if self.refused.len() < REFUSED_MAX {
                    self.refused.insert(topic.to_owned());
                }
            }
            None => {
                self.columns += 1;
                self.now.entry(topic.to_owned()).or_default().insert(name.to_owned(), part.clone());
            }
        }
    }

    /// What is compared.
    pub fn tables(&self) -> BTreeMap<String, Table> {
        let mut tables = self.before.clone();
        for (topic, table) in &self.now {
            let known = tables.entry(topic.clone()).or_default();
            table.iter().for_each(|(name, column)| known.entry(name.clone()).or_default().merge(column));
        }
        tables
    }

    /// Of a comparison's edges those that the one before showed too: in between every task has sent, so that none is there because
    /// a topic that stands between the two was not heard yet.
    pub fn settle(&mut self, found: Vec<Inferred>) -> Vec<Inferred> {
        let ends = |edge: &Inferred| (edge.from.clone(), edge.to.clone());
        let shown = std::mem::replace(&mut self.shown, found.iter().map(ends).collect());
        found.into_iter().filter(|edge| shown.contains(&ends(edge))).collect()
    }

    /// As a round of a collector. `namespace`: the cluster's own. Sketches are a sample: what is not seen again fades.
    pub fn round(&self, namespace: &str, found: &[Inferred], now_ms: i64) -> Round {
        let why = format!("of its columns no sketch is kept: there are {COLUMNS_MAX} of other topics");
        Round {
            collector: CONTENTS.to_owned(),
            at_ms: now_ms,
            complete: false,
            sightings: found.iter().map(|edge| sighting(namespace, edge)).collect(),
            jobs: Vec::new(),
            unresolved: self.refused.iter().map(|what| Unresolved { what: what.clone(), why: why.clone() }).collect(),
        }
    }
}

fn sighting(namespace: &str, edge: &Inferred) -> Sighting {
    let columns = columns::words(edge.columns.iter().map(|(from, to)| (from.as_str(), to.as_str())));
    let how = match edge.how {
        How::Rows => "rows",
        How::Lookup => "lookup",
    };
    let (least, most) = edge.interval;
    let detail = [
        ("how", how.to_owned()),
        ("score", format!("{:.3}", edge.score)),
        ("interval", format!("{least:.3} to {most:.3}")),
        (COLUMNS, columns),
    ];
    Sighting {
        from: Node::dataset(namespace, &edge.from),
        to: Node::dataset(namespace, &edge.to),
        evidence: Evidence::Inferred,
        confidence: edge.score,
        detail: detail.into_iter().map(|(key, text)| (key.to_owned(), text)).collect(),
    }
}
