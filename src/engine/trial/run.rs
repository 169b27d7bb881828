//! The dry run itself: the examiner, the tally and the judge of the daemon, over one window that holds everything.

use crate::engine::check::record::{Examined, Examiner};
use crate::engine::check::tally::Tally;
use crate::engine::check::verdict::{self, Facts, Verdict};
use crate::engine::contract::compile;
use crate::engine::contract::model::Contract;
use crate::engine::contract::plan::Plan;
use crate::engine::decode::framing::Encoding;
use crate::engine::record::{Position, RawRecord, TopicId};

/// Hashes of a dry run leave no process, so that no one key has to be kept.
const UNIQUENESS_KEY: [u8; 16] = *b"steward dry run.";

/// Where the lines of a file stand: a record's offset is the number of its line.
const FILE: Position = Position { topic: TopicId(0), partition: 0 };

/// One object of a contract, and what its records have counted so far. It keeps no record: what it weighs is bounded as
/// a window's tally is.
#[derive(Debug)]
pub struct Trial {
    plan: Plan,
    examiner: Examiner,
    tally: Tally,
}

impl Trial {
    /// Of the object of this name, else of the first of the document, whatever its `physicalType`. The error holds the names
    /// that there are.
    pub fn of(contract: &Contract, schema: Option<&str>) -> Result<Trial, Vec<String>> {
        let names = || contract.all_objects().into_iter().map(|object| object.name.clone()).collect::<Vec<_>>();
        let plan = compile::compile(&contract.of_one(schema).ok_or_else(names)?);
        Ok(Trial { plan, examiner: Examiner::new(&UNIQUENESS_KEY), tally: Tally::default() })
    }

    /// Every value is JSON, whatever the contract says of its topic.
    pub fn of_json(contract: &Contract, schema: Option<&str>) -> Result<Trial, Vec<String>> {
        let mut trial = Trial::of(contract, schema)?;
        trial.plan.objects.iter_mut().for_each(|object| object.encoding = Encoding::Json);
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
        let record = RawRecord { offset, timestamp_ms: NO_TIMESTAMP, key: None, value, schema_header: None };
        self.record(&record, FILE);
    }

    /// Counts a record, once. Its schema is what the registry has told so far; without it the record is not measured.
    pub fn record(&mut self, record: &RawRecord<'_>, at: Position) {
        let Trial { plan, examiner, tally } = self;
        let (Examined::At(_) | Examined::Needs(_)) = examiner.examine(plan, &[0], record);
        examiner.count(plan, record, at, false, tally);
    }

    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    pub fn tally(&self) -> &Tally {
        &self.tally
    }

    /// The verdict over all that was read.
    pub fn verdict(&self) -> Verdict {
        verdict::judge(&self.plan, &self.tally, &Facts { complete: true, late: false })
    }
}

/// What Kafka has where a producer sent none.
const NO_TIMESTAMP: i64 = -1;

#[cfg(test)]
mod tests;
