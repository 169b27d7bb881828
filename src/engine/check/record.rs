//! One record against a plan: decoded once, every rule asked, the findings counted into the window's tally.

use crate::engine::check::clause::{self, Fault};
use crate::engine::check::key::Hashes;
use crate::engine::check::mask::Mask;
use crate::engine::check::tally::{FUTURE, Sample, Tally, Unmeasured};
use crate::engine::contract::moment::Moments;
use crate::engine::contract::plan::{Check, Plan, Rule};
use crate::engine::decode::decoder::{Decoder, Unread};
use crate::engine::decode::framing::Encoding;
use crate::engine::decode::moment::MomentKind;
use crate::engine::decode::number::Number;
use crate::engine::decode::path::{FieldPath, Step};
use crate::engine::decode::reason::{Reason, Undecodable};
use crate::engine::decode::rows::{self, Row};
use crate::engine::decode::schema::{SchemaRef, Schemas};
use crate::engine::decode::tree::{Kind, Value};
use crate::engine::profile::walk::Walker;
use crate::engine::record::{Interval, Position, RawRecord};
use std::sync::Arc;

/// The number that stands for undecodable records among the broken rules: no plan has so many.
pub const UNDECODABLE: u32 = u32::MAX;
/// The same for records that were not measured.
pub const UNMEASURED: u32 = u32::MAX - 1;
/// Why they were not.
const NO_SCHEMA: &str = "the schema registry did not answer within registry.unavailable.max";

/// The years 1 to 9999, which RFC 3339 can write: 0001-01-01T00:00:00Z to 9999-12-31T23:59:59.999Z.
const EVENT_TIMES_MS: std::ops::RangeInclusive<i64> = -62_135_596_800_000..=253_402_300_799_999;

/// Examines records, one at a time. It holds what is kept between two records, and the findings of the last.
#[derive(Debug)]
pub struct Examiner {
    hashes: Hashes,
    event_times: Moments,
    decoder: Decoder,
    found: Found,
    broken: Vec<u32>,
    /// The objects that the last record was read by.
    objects: Vec<usize>,
    walker: Walker,
}

/// What `examine` has to say of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Examined {
    /// It was examined. The event time in milliseconds, where the contract names a field for it and the field can be
    /// read.
    At(Option<i64>),
    /// It names a schema that `Schemas` does not hold yet: nothing was found, and it is to be examined again. Who counts
    /// it all the same counts it as not measured.
    Needs(SchemaRef),
}

/// What `examine` found.
#[derive(Debug, Default)]
struct Found {
    what: What,
    rules: Vec<Finding>,
    keys: Vec<KeyFinding>,
}

#[derive(Debug, Default)]
enum What {
    #[default]
    Tombstone,
    Undecodable(Undecodable),
    /// Its schema could not be had, which says nothing of the record.
    Unmeasured,
    Decoded,
}

/// What one rule found.
#[derive(Debug)]
struct Finding {
    rule: u32,
    /// Of the first value that broke it; of an array path there may be several values, and the record is one row.
    fault: Option<(Fault, Mask)>,
}

/// The key of a row: whether it is a duplicate only the window's tally knows.
#[derive(Debug)]
struct KeyFinding {
    rule: u32,
    key: u64,
    mask: Mask,
}

impl Examiner {
    /// `key`: the uniqueness key, one for all workers.
    pub fn new(key: &[u8; 16]) -> Examiner {
        Examiner {
            hashes: Hashes::new(key),
            event_times: Moments::iso(MomentKind::Timestamp),
            decoder: Decoder::default(),
            found: Found::default(),
            broken: Vec::new(),
            objects: Vec::new(),
            walker: Walker::default(),
        }
    }

    /// There is a registry, and this is what is known of its schemas from now on.
    pub fn replace_schemas(&mut self, schemas: Arc<Schemas>) {
        self.decoder.replace_schemas(schemas);
    }

    /// Whether records that name this schema can be examined now, to whatever end.
    pub fn knows(&self, schema: SchemaRef) -> bool {
        self.decoder.knows(schema)
    }

    /// Decodes and asks; the findings wait for `count`.
    ///
    /// `objects`: those of the plan that read the record's topic; of several that name an event time, or an encoding,
    /// the first counts.
    pub fn examine(&mut self, plan: &Plan, objects: &[usize], record: &RawRecord<'_>) -> Examined {
        self.found.rules.clear();
        self.found.keys.clear();
        self.objects.clear();
        self.objects.extend_from_slice(objects);
        let Some(bytes) = record.value else {
            self.found.what = What::Tombstone;
            return Examined::At(None);
        };
        let objects = objects.iter().filter_map(|object| plan.objects.get(*object));
        let said = objects.clone().map(|object| &object.encoding).find(|said| !matches!(said, Encoding::Unsaid));
        match self.decoder.record(said.unwrap_or(&Encoding::Unsaid), record, bytes) {
            Err(Unread::Undecodable(Undecodable { reason: Reason::SchemaUnavailable, .. })) => {
                self.found.what = What::Unmeasured;
                Examined::At(None)
            }
            Err(Unread::Undecodable(undecodable)) => {
                self.found.what = What::Undecodable(undecodable);
                Examined::At(None)
            }
            Err(Unread::Needs(reference)) => {
                self.found.what = What::Unmeasured;
                Examined::Needs(reference)
            }
            Ok(value) => {
                self.found.what = What::Decoded;
                for object in objects.clone() {
                    ask_rules(plan, &object.rules, value, &self.hashes, &mut self.found);
                }
                let path = objects.filter_map(|object| object.event_time.as_ref()).next();
                Examined::At(path.and_then(|path| event_time(&self.event_times, rows::single(value, path))))
            }
        }
    }

    /// Adds what `examine` just found of this record. `future`: its timestamp was beyond the tolerance. Returns the
    /// numbers of the rules that it broke, `UNDECODABLE` and `UNMEASURED` among them.
    pub fn count(
        &mut self,
        plan: &Plan,
        record: &RawRecord<'_>,
        at: Position,
        future: bool,
        tally: &mut Tally,
    ) -> &[u32] {
        self.broken.clear();
        let sample = |rule: Option<u32>, reason: String, mask: String| Sample {
            rule,
            topic: at.topic,
            partition: at.partition,
            offset: record.offset,
            reason,
            value: mask,
        };
        tally.counts.records += 1;
        tally.counts.bytes += record.bytes();
        tally.profile.topic.see(record);
        if future {
            tally.counts.future += 1;
            tally.sample(None, FUTURE, record.offset, || sample(None, FUTURE.into(), String::new()));
        }
        match &self.found.what {
            What::Tombstone => tally.counts.tombstones += 1,
            What::Undecodable(Undecodable { reason, at }) => {
                let word = reason.word();
                let size = record.value.map_or(0, <[u8]>::len);
                tally.undecodable(word);
                tally.sample(None, word, record.offset, || {
                    sample(None, format!("{word} at byte {at}"), Mask::Bytes(size).to_string())
                });
                self.broken.push(UNDECODABLE);
            }
            What::Unmeasured => {
                tally.counts.unmeasured += 1;
                let interval = Interval { from: record.offset, to: record.offset + 1 };
                tally.not_measured((at.topic, at.partition), Unmeasured { interval, reason: NO_SCHEMA.into() });
                self.broken.push(UNMEASURED);
            }
            What::Decoded => {
                let value = self.decoder.again(record.value.unwrap_or_default());
                self.walker.walk(&plan.profile, &self.objects, value, &self.hashes, &mut tally.profile);
                if tally.rules.len() < plan.rules.len() {
                    tally.rules.resize_with(plan.rules.len(), Default::default);
                }
                let shown = |rule: u32, mask: Mask| match plan.rules.get(rule as usize) {
                    Some(rule) if !rule.classified => mask.to_string(),
                    _ => String::new(),
                };
                for finding in &self.found.rules {
                    let counts = tally.rule(finding.rule as usize);
                    counts.asked += 1;
                    counts.failed += u64::from(finding.fault.is_some());
                    if let Some((fault, mask)) = finding.fault {
                        self.broken.push(finding.rule);
                        let rule = Some(finding.rule);
                        tally.sample(rule, fault, record.offset, || {
                            sample(rule, fault.into(), shown(finding.rule, mask))
                        });
                    }
                }
                for KeyFinding { rule, key, mask } in &self.found.keys {
                    let counts = tally.rule(*rule as usize);
                    counts.asked += 1;
                    if !counts.insert(*key) {
                        if self.broken.last() != Some(rule) {
                            self.broken.push(*rule);
                        }
                        tally.sample(Some(*rule), DUPLICATE, record.offset, || {
                            sample(Some(*rule), DUPLICATE.into(), shown(*rule, *mask))
                        });
                    }
                }
            }
        }
        &self.broken
    }
}

const DUPLICATE: Fault = "duplicate";

fn ask_rules(plan: &Plan, numbers: &[usize], record: Value<'_>, hashes: &Hashes, found: &mut Found) {
    // Rules of one field follow each other, and its row is looked up once.
    let mut last: Option<(&FieldPath, Row<'_>)> = None;
    for &number in numbers {
        let Some(rule) = plan.rules.get(number) else { continue };
        let (mut asked, mut broken) = (false, None);
        let mut ask = |row: Row<'_>| {
            let Some(fault) = ask_row(rule, row, hashes) else { return };
            asked = true;
            broken = broken.or(fault.map(|fault| (fault, mask(row))));
        };
        match (&rule.check, &rule.field) {
            (Check::Unique(fields), _) => {
                found.keys.extend(key(number as u32, fields, record, hashes));
                continue;
            }
            (Check::RowCount, _) => asked = true,
            (Check::Unmeasured(_), _) => continue,
            (_, None) => ask(Row::Value(record)),
            (_, Some(path)) => match last {
                Some((same, row)) if same == path => ask(row),
                _ if path.0.contains(&Step::Items) => rows::each(record, path, &mut ask),
                _ => {
                    let row = rows::single(record, path);
                    last = Some((path, row));
                    ask(row);
                }
            },
        }
        if asked {
            found.rules.push(Finding { rule: number as u32, fault: broken });
        }
    }
}

/// `None`: the rule is not asked of this row. `Some(Some(fault))`: the row breaks it.
fn ask_row(rule: &Rule, row: Row<'_>, hashes: &Hashes) -> Option<Option<Fault>> {
    let value = match row {
        Row::NoParent => return None,
        Row::Missing => None,
        Row::Value(value) => Some(value),
    };
    let broken = |is: bool, fault: Fault| Some(is.then_some(fault));
    match (&rule.check, value) {
        (Check::Present | Check::Missing(_), None) => broken(true, "missing"),
        (Check::Null, None) => broken(false, "null"),
        (Check::Present | Check::Null, Some(value)) => broken(value.is_null(), "null"),
        (Check::Missing(words), Some(value)) => {
            let fault = if value.is_null() { "null" } else { "means_missing" };
            broken(words.iter().any(|word| clause::equals(value, word)), fault)
        }
        (Check::Valid(validity), Some(value)) => clause::ask(validity, value, hashes),
        (Check::Invalid { .. }, Some(value)) if value.is_null() => None,
        (Check::Invalid { values, pattern }, Some(value)) => {
            if values.as_ref().is_some_and(|values| !values.iter().any(|v| clause::equals(value, v))) {
                return broken(true, "not_allowed");
            }
            let matches = |text: &str| pattern.as_ref().is_none_or(|pattern| pattern.is_match(text));
            let holds = match value.kind() {
                Kind::Text(text) => matches(text),
                _ => pattern.is_none(),
            };
            broken(!holds, "no_match")
        }
        (Check::Valid(_) | Check::Invalid { .. }, None) => None,
        (Check::Unique(_) | Check::RowCount | Check::Unmeasured(_), _) => None,
    }
}

/// The key of a uniqueness rule. As in SQL, a key with a part that is null or missing is compared with nothing.
fn key(rule: u32, fields: &[FieldPath], record: Value<'_>, hashes: &Hashes) -> Option<KeyFinding> {
    let part = |field: &FieldPath| match rows::single(record, field) {
        Row::Value(value) if !value.is_null() => Some(value),
        _ => None,
    };
    if let [field] = fields {
        let value = part(field)?;
        return Some(KeyFinding { rule, key: hashes.of([value]), mask: Mask::of(value) });
    }
    let parts = fields.iter().map(part).collect::<Option<Vec<_>>>()?;
    Some(KeyFinding { rule, key: hashes.of(parts), mask: Mask::Nothing })
}

fn mask(row: Row<'_>) -> Mask {
    match row {
        Row::Value(value) => Mask::of(value),
        Row::Missing | Row::NoParent => Mask::Nothing,
    }
}

/// ISO 8601 text, a timestamp or a date, or a whole number of milliseconds since 1970.
fn event_time(texts: &Moments, row: Row<'_>) -> Option<i64> {
    let Row::Value(value) = row else { return None };
    let floor_ms = |nanos: i128| i64::try_from(nanos.div_euclid(1_000_000)).ok();
    let ms = match value.kind() {
        Kind::Text(text) => floor_ms(texts.read(text)?.nanos)?,
        Kind::Moment(moment) if moment.kind != MomentKind::Time => floor_ms(moment.nanos)?,
        Kind::Number(Number::Int(ms)) => ms,
        _ => return None,
    };
    EVENT_TIMES_MS.contains(&ms).then_some(ms)
}

#[cfg(test)]
mod tests;
