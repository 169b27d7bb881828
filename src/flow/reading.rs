//! A partition that stage 1 reads: how far, through which lenses, and what is still to be reported of it.

use crate::engine::check::record::Examined;
use crate::engine::check::tally::Counts;
use crate::engine::contract::name::ProductName;
use crate::engine::decode::schema::SchemaRef;
use crate::engine::record::{Interval, Offset, RawRecord, TopicId};
use crate::flow::delta::Report;
use crate::flow::io::{Ms, Part};
use crate::flow::judge::{Judge, Lens};
use crate::flow::mutation::{Mutation, planted};

/// Schemas that a waiting partition asks for at once, beyond the one that it waits for.
const SCHEMAS_AHEAD: usize = 100;

/// A partition being read.
#[derive(Clone, Debug)]
pub struct Reading {
    pub id: TopicId,
    /// The first offset that no flush has covered.
    pub from: Offset,
    /// Next to read.
    pub next: Offset,
    /// Whether its chain begins with the next flush.
    pub begins: bool,
    /// Those of one product stand together.
    pub lenses: Vec<Looking>,
    /// Lenses that a contract change took away since the last flush; what they saw is still to be reported.
    pub former: Vec<Looking>,
}

/// A lens, and the highest event time seen through it.
#[derive(Clone, Debug)]
pub struct Looking {
    pub lens: Lens,
    /// The first of its product: it counts the record, which is one to the product.
    pub leads: bool,
    pub watermark_ms: Option<Ms>,
    /// A contract change brought it while the partition was being read: it saw nothing before this.
    since: Option<Offset>,
    /// Uniqueness keys a record.
    pub keys: usize,
}

impl Reading {
    pub fn new(id: TopicId, offset: Offset, begins: bool, lenses: Vec<Looking>) -> Reading {
        Reading { id, from: offset, next: offset, begins, lenses, former: Vec::new() }
    }

    /// What the flush covered for this product; `None` where it does not read the partition.
    pub fn report(&self, part: &Part, product: &ProductName, high: Option<Offset>, asked_ms: Ms) -> Option<Report> {
        let mine: Vec<_> = self.products_lenses().filter(|l| l.lens.product == *product).collect();
        let delay_ms = mine.iter().map(|l| l.lens.declared_delay_ms).max()?;
        // Only committed records are read, so whoever has come to the high watermark has passed every open transaction.
        let caught_up = high == Some(self.next);
        // Only a product that is new here has no lens that saw it all.
        let since = mine.iter().map(|l| l.since.unwrap_or(self.from)).min().unwrap_or(self.from);
        let mut interval = Interval { from: since, to: self.next };
        if planted(Mutation::IntervalEndsAtLast) && !interval.is_empty() {
            interval.to -= 1;
        }
        Some(Report {
            topic: part.topic.to_string(),
            id: self.id,
            partition: part.partition,
            interval,
            watermark_ms: mine.iter().filter_map(|l| l.watermark_ms).min(),
            caught_up_ms: caught_up.then_some(asked_ms - delay_ms),
            begins: self.begins || since > self.from,
        })
    }

    /// Every lens that a flush speaks for.
    pub fn products_lenses(&self) -> impl Iterator<Item = &Looking> {
        self.lenses.iter().chain(&self.former)
    }

    /// A flush took what was seen.
    pub fn cut(&mut self) {
        self.from = self.next;
        self.begins = false;
        self.former.clear();
        self.lenses.iter_mut().for_each(|l| l.since = None);
    }

    /// Other contracts read it from here on.
    pub fn look_through(&mut self, mut lenses: Vec<Looking>) {
        for looking in &mut lenses {
            let same = |l: &&Looking| l.lens.product == looking.lens.product;
            looking.watermark_ms = self.lenses.iter().filter(same).filter_map(|l| l.watermark_ms).max();
            looking.since = match self.lenses.iter().find(same) {
                Some(known) => known.since,
                None => Some(self.next),
            };
        }
        let gone = std::mem::replace(&mut self.lenses, lenses);
        self.former.extend(gone);
    }
}

/// Who reads this topic now; nothing was seen through them yet.
pub fn looking<J: Judge>(judge: &J, topic: &str) -> Vec<Looking> {
    let mut lenses = judge.lenses(topic);
    lenses.sort_by(|a, b| (&a.product, a.keys_only).cmp(&(&b.product, b.keys_only)));
    let mut looking: Vec<Looking> = Vec::with_capacity(lenses.len());
    for lens in lenses {
        let leads = !lens.keys_only && looking.last().is_none_or(|l| l.lens.product != lens.product);
        let keys = judge.keys_per_record(lens.index);
        looking.push(Looking { lens, leads, watermark_ms: None, since: None, keys });
    }
    looking
}

/// Counts one record, whatever its contracts say of it.
pub fn count(counts: &mut Counts, record: &RawRecord<'_>, future: bool) {
    counts.records += 1;
    counts.bytes += record.bytes();
    counts.tombstones += u64::from(record.value.is_none());
    counts.future += u64::from(future);
}

/// The schema that one of the lenses needs for this record.
pub fn needs_schema<J: Judge>(judge: &mut J, lenses: &[Looking], record: &RawRecord<'_>) -> Option<SchemaRef> {
    if !record.may_name_schema() {
        return None;
    }
    lenses.iter().find_map(|looking| match judge.examine(looking.lens.index, record) {
        Examined::At(_) => None,
        Examined::Needs(schema) => Some(schema),
    })
}

/// What the first of these records needs, then what others do: all of it is asked for at once.
pub fn schemas_ahead<J: Judge>(judge: &mut J, lenses: &[Looking], records: &[RawRecord<'_>]) -> Vec<SchemaRef> {
    let mut schemas = Vec::new();
    for record in records {
        if schemas.len() > SCHEMAS_AHEAD {
            break;
        }
        if let Some(schema) = needs_schema(judge, lenses, record)
            && !schemas.contains(&schema)
        {
            schemas.push(schema);
        }
    }
    schemas
}
