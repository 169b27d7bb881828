//! The dry run itself: the examiner, the tally and the judge of the daemon, over one window that holds everything.

use crate::engine::check::horizon::Seen;
use crate::engine::check::keys::Rows;
use crate::engine::check::record::{DUPLICATE, Examined, Examiner};
use crate::engine::check::tally::{RuleTally, Sample, Tally};
use crate::engine::check::verdict::{self, Facts, Unmeasured, Verdict};
use crate::engine::contract::compile;
use crate::engine::contract::horizon::Horizon;
use crate::engine::contract::model::Contract;
use crate::engine::contract::plan::{Check, Plan, Rule};
use crate::engine::contract::records::Policy;
use crate::engine::decode::framing::Encoding;
use crate::engine::decode::schema::{SchemaRef, Schemas};
use crate::engine::profile::shape::ProfilePlan;
use crate::engine::record::{Position, RawRecord, TopicId};
use crate::engine::trial::firsts::{Firsts, Sighting};
use std::sync::Arc;

/// Hashes of a dry run leave no process, so that no one key has to be kept.
const UNIQUENESS_KEY: [u8; 16] = *b"steward dry run.";

/// Where the lines of a file stand: a record's offset is the number of its line.
const FILE: Position = Position { topic: TopicId(0), partition: 0 };

/// Why rules about keys and headers are unknown there.
const NOT_IN_A_FILE: &str = "a line of a file has neither key nor headers: try the records of a topic, with --topic";

/// One object of a contract, and what its records have counted so far. It keeps no record: what it weighs is bounded as
/// a window's tally is.
#[derive(Debug)]
pub struct Trial {
    plan: Arc<Plan>,
    texts: Vec<Rule>,
    examiner: Examiner,
    tally: Tally,
    firsts: Firsts,
    now_ms: i64,
}

/// What a part may have counted before it is merged: 116,000 keys, 5 MB beside what the whole has.
const PART_BYTES: usize = 1024 * 1024;

impl Trial {
    /// Of the object of this name, else of the first of the document, whatever its `physicalType`. The error holds the names
    /// that there are. `now_ms`: the time that it is taken to be.
    pub fn of(contract: &Contract, schema: Option<&str>, now_ms: i64) -> Result<Trial, Vec<String>> {
        let names = || contract.all_objects().into_iter().map(|object| object.name.clone()).collect::<Vec<_>>();
        let one = contract.of_one(schema).ok_or_else(names)?;
        let (mut plan, texts) = (compile::compile(&one), compile::texts(&one));
        // What values look like is told of windows that follow each other, and here is one.
        plan.profile = ProfilePlan::default();
        Ok(Trial::counting(Arc::new(plan), texts, now_ms))
    }

    fn counting(plan: Arc<Plan>, texts: Vec<Rule>, now_ms: i64) -> Trial {
        let mut examiner = Examiner::new(&UNIQUENESS_KEY);
        examiner.dry_run(now_ms, true);
        Trial { plan, texts, examiner, tally: Tally::default(), firsts: Firsts::default(), now_ms }
    }

    /// Another, which counts other records of the same topic, to be merged into this one. Both are as they are asked:
    /// nothing more may be said to this one (`within`, `keys`) while there are parts of it.
    pub fn part(&self) -> Trial {
        Trial::counting(self.plan.clone(), Vec::new(), self.now_ms)
    }

    /// Takes what a part has counted, as a ledger takes deltas; the part goes on with nothing.
    pub fn merge(&mut self, part: &mut Trial) {
        self.tally.merge(std::mem::take(&mut part.tally));
        self.firsts.merge(&mut part.firsts);
    }

    /// Whether a part is to be merged now, so that parts stay small.
    pub fn is_full(&self) -> bool {
        self.tally.weight_bytes() > PART_BYTES
    }

    /// Of lines of a file: every value is JSON, whatever the contract says of its topic, and nothing stands beside it.
    pub fn of_json(contract: &Contract, schema: Option<&str>, now_ms: i64) -> Result<Trial, Vec<String>> {
        let mut trial = Trial::of(contract, schema, now_ms)?;
        let Some(plan) = Arc::get_mut(&mut trial.plan) else { return Ok(trial) };
        plan.objects.iter_mut().for_each(|object| object.encoding = Encoding::Json);
        for rule in &mut plan.rules {
            if let Check::Beside(_) = rule.check {
                rule.check = Check::Unmeasured(NOT_IN_A_FILE.to_owned());
            }
        }
        Ok(trial)
    }

    /// A line of a file: a record's value as JSON, or `null` for a tombstone. A line of white space is none.
    pub fn line(&mut self, number: u64, line: &[u8]) {
        let value = match line.trim_ascii() {
            b"" => return,
            b"null" => None,
            _ => Some(line),
        };
        let offset = i64::try_from(number).unwrap_or(i64::MAX);
        // What has no timestamp of its own is taken to be of now.
        self.examiner.dry_run(self.now_ms, false);
        let record =
            RawRecord { offset, timestamp_ms: self.now_ms, key: None, value, schema_header: None, headers: None };
        // It is JSON, which needs no schema.
        let _ = self.record(&record, FILE);
    }

    /// The objects of other contracts whose keys are looked for, those whose contract `is_asked` by the name that it is referred to by.
    pub fn referred(&self, is_asked: impl Fn(&str) -> bool) -> Vec<usize> {
        let objects = self.plan.objects.iter().enumerate().filter(|(_, object)| object.keys_only);
        let asked = |name: &str| name.split_once('#').is_some_and(|(contract, _)| is_asked(contract));
        objects.filter(|(_, object)| asked(&object.name)).map(|(number, _)| number).collect()
    }

    /// A line of a file of records that are only referred to: their keys, and nothing else of them.
    pub fn keys(&mut self, objects: &[usize], number: u64, line: &[u8]) {
        let line = line.trim_ascii();
        if line.is_empty() || line == b"null" {
            return;
        }
        let offset = i64::try_from(number).unwrap_or(i64::MAX);
        let record = RawRecord { value: Some(line), ..RawRecord::empty(offset) };
        for number in objects {
            let Some(object) = Arc::get_mut(&mut self.plan).and_then(|plan| plan.objects.get_mut(*number)) else {
                continue;
            };
            object.encoding = Encoding::Json;
            // Each object's own place: one record may be unread by several rules.
            let at = Position { topic: TopicId(1 + *number as u128), partition: 0 };
            self.examiner.examine(&self.plan, &[*number], &record);
            self.examiner.count_keys(&self.plan, &record, at, &mut self.tally);
        }
    }

    /// Counts a record of a topic. The error names the schema that it cannot be read without: then it is not counted, and
    /// to be given again when that is known.
    pub fn record(&mut self, record: &RawRecord<'_>, at: Position) -> Result<(), SchemaRef> {
        let Trial { plan, examiner, tally, firsts, .. } = self;
        examiner.reads(at);
        if let Examined::Needs(schema) = examiner.examine(plan, &[0], record) {
            return Err(schema);
        }
        examiner.count(plan, record, at, false, tally);
        examiner.each_key(|rule, key, mask| firsts.see(rule, key, (record.offset, at.partition), mask));
        Ok(())
    }

    /// What a mesh does about bad records where the contract says nothing.
    pub fn within(&mut self, mesh: &Policy) {
        if let Some(plan) = Arc::get_mut(&mut self.plan) {
            plan.records = plan.records.over(mesh, plan.mode);
        }
    }

    /// There is a schema registry, and this is all that is known of its schemas.
    pub fn replace_schemas(&mut self, schemas: Arc<Schemas>) {
        self.examiner.replace_schemas(schemas);
    }

    /// What the contract says of the object to people alone.
    pub fn texts(&self) -> &[Rule] {
        &self.texts
    }

    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The verdict over all that was read.
    pub fn verdict(&self) -> Verdict {
        let nothing = RuleTally::default();
        let measured = self.plan.rules.iter().enumerate().filter_map(|(number, rule)| {
            let Check::Sla(sla) = &rule.check else { return None };
            let times = self.tally.rules.get(number).unwrap_or(&nothing).times.as_deref().cloned().unwrap_or_default();
            Some((number, times.measure(sla, self.now_ms).map_err(Unmeasured::Unknown)))
        });
        // There are no windows before the one that holds everything.
        let across = |horizon: &Horizon| {
            let keys = self.tally.rules.get(horizon.rule).and_then(|rule| rule.keys.as_ref());
            let found = match horizon.refers {
                true => Seen::over(1).orphans(keys, 0, 1),
                false => Ok(Rows::exact(0)),
            };
            (horizon.rule, found)
        };
        let across = self.plan.horizons.iter().map(across).collect();
        let facts = Facts { complete: true, late: false, too_late: 0, across };
        let mut verdict = verdict::judge_with(&self.plan, &self.tally, &facts, &measured.collect());
        for ((number, rule), result) in (0..).zip(&self.plan.rules).zip(&mut verdict.results) {
            let duplicates = self.firsts.later(number).iter();
            result.samples.extend(duplicates.map(|seen| duplicate(number, rule, seen)));
        }
        verdict
    }
}

/// Nothing that is told names the topic's id.
fn duplicate(number: u32, rule: &Rule, seen: &Sighting) -> Sample {
    let (offset, partition) = seen.place;
    let value = if rule.classified { String::new() } else { seen.mask.to_string() };
    Sample { rule: Some(number), topic: TopicId(0), partition, offset, reason: DUPLICATE.to_owned(), value }
}

#[cfg(test)]
mod tests;
#[cfg(test)]
mod parted;
