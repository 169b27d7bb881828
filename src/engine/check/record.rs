//! One record against a plan: decoded once, every rule asked, the findings counted into the window's tally.

use crate::engine::check::aggregate::{self, Addend};
use crate::engine::check::beside;
use crate::engine::check::clause::{self, Fault};
use crate::engine::check::key::Hashes;
use crate::engine::check::mask::Mask;
use crate::engine::check::own::{self, OVERSIZED};
use crate::engine::check::sla::Told;
use crate::engine::check::tally::{FUTURE, Sample, Tally, Unmeasured};
use crate::engine::contract::asked::{Asked, Subject};
use crate::engine::contract::plan::{Check, Plan, Rule, Unit};
use crate::engine::contract::relation::Side;
use crate::engine::contract::sample::Draw;
use crate::engine::contract::text::moment::Moments;
use crate::engine::decode::decoder::{Decoder, Unread};
use crate::engine::decode::fields::{Fields, Place, Route};
use crate::engine::decode::framing::Encoding;
use crate::engine::decode::moment::MomentKind;
use crate::engine::decode::reason::{Reason, Undecodable};
use crate::engine::decode::rows::{self, Row};
use crate::engine::decode::schema::{SchemaRef, Schemas};
use crate::engine::decode::tree::{Kind, Value};
use crate::engine::expr::condition::{self, Said};
use crate::engine::lineage::content::gather::Gatherer;
use crate::engine::profile::walk::Walker;
use crate::engine::record::{Interval, Position, RawRecord};
use std::sync::Arc;

/// The number that stands for undecodable records among the broken rules: no plan has so many.
pub const UNDECODABLE: u32 = u32::MAX;
/// The same for records that were not measured.
pub const UNMEASURED: u32 = u32::MAX - 1;
/// Why they were not.
const NO_SCHEMA: &str = "the schema registry did not answer within registry.unavailable.max";

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
    /// Of a plan that reads no object.
    no_fields: Arc<Fields>,
    /// The time that a dry run takes it to be.
    now_ms: Option<i64>,
    /// Whether records have timestamps of their own.
    stamped: bool,
    /// Where the records stand.
    draw: Draw,
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
    /// The rules that were asked, and those of them that the record broke.
    asked: Vec<u32>,
    broken: Vec<Broken>,
    keys: Vec<KeyFinding>,
    /// Keys of rules about references, marked by their sides.
    references: Vec<(u32, u64)>,
    /// What was added to the parts of queries: rule, part, and what.
    added: Vec<(u32, u32, Addend)>,
    /// Queries that could not be asked.
    unasked: Vec<u32>,
    /// The times that service levels ask.
    times: Vec<(u32, Told)>,
    /// How many bytes it has, where they are too many.
    oversized: Option<u64>,
    /// Of what was decoded: whether it is looked at.
    of_sample: bool,
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

/// What broke a rule first; of an array path there may be several values, and the record is one row.
#[derive(Debug)]
struct Broken {
    rule: u32,
    fault: Fault,
    mask: Mask,
}

/// The key of a row: whether it is a duplicate only the window's tally knows.
#[derive(Debug)]
struct KeyFinding {
    rule: u32,
    key: u64,
    /// Where the field of a key of one field stands.
    shown: Option<Place>,
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
            no_fields: Arc::default(),
            now_ms: None,
            stamped: true,
            draw: Draw::default(),
        }
    }

    /// A dry run at this time. `stamped`: whether the timestamps of its records are their own.
    pub fn dry_run(&mut self, now_ms: i64, stamped: bool) {
        (self.now_ms, self.stamped) = (Some(now_ms), stamped);
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
    /// `objects`: those of the plan that read the record's topic, which is one; of several that name an event time, or an
    /// encoding, the first counts.
    pub fn examine(&mut self, plan: &Plan, objects: &[usize], record: &RawRecord<'_>) -> Examined {
        self.found.asked.clear();
        self.found.broken.clear();
        self.found.keys.clear();
        self.found.references.clear();
        self.found.added.clear();
        self.found.unasked.clear();
        self.found.times.clear();
        self.objects.clear();
        self.objects.extend_from_slice(objects);
        let Some(bytes) = record.value else {
            self.found.what = What::Tombstone;
            return Examined::At(None);
        };
        let encodings = objects.iter().filter_map(|object| Some(&plan.objects.get(*object)?.encoding));
        let said = encodings.into_iter().find(|said| !matches!(said, Encoding::Unsaid));
        let mut asked = objects.iter().filter_map(|object| plan.asked.get(*object));
        let fields = asked.clone().next().map_or(&self.no_fields, |asked| &asked.fields);
        match self.decoder.record(said.unwrap_or(&Encoding::Unsaid), fields, record, bytes) {
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
                self.found.of_sample = plan.sample.is_none_or(|sample| sample.takes(self.draw, record.offset));
                for asked in asked.clone() {
                    match self.found.of_sample {
                        true => ask_rules(plan, asked, value, record, &self.hashes, &mut self.found),
                        false => sampling::ask_of_all(plan, asked, value, record, &mut self.found),
                    }
                }
                let time = asked.find_map(|asked| Some(rows::single(value, &asked.fields, asked.event_time.as_ref()?)));
                Examined::At(time.and_then(|row| times::time_ms(&self.event_times, row)))
            }
        }
    }

    /// What the last record holds; `None` where it has no value that could be read.
    pub fn value(&self) -> Option<Value<'_>> {
        matches!(self.found.what, What::Decoded).then(|| self.decoder.again())
    }

    /// Adds what the last record holds to sketches of its topic's columns.
    pub fn gather(&self, plan: &Plan, topic: &Arc<str>, at_ms: i64, into: &mut Gatherer) {
        if let (Some(object), Some(value)) = (self.objects.first(), self.value()) {
            into.see(topic, plan, *object, value, &self.hashes, at_ms);
        }
    }

    /// Adds what `examine` just found of this record. `future`: its timestamp was beyond the tolerance. Returns the
    /// numbers of the rules that it broke, `UNDECODABLE`, `UNMEASURED` and `OVERSIZED` among them.
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
        let bytes = record.bytes();
        tally.counts.records += 1;
        tally.counts.bytes += bytes;
        tally.profile.topic.see(record);
        self.found.oversized = plan.records.oversized_bytes.and_then(|max| (bytes > max).then_some(bytes));
        if self.found.oversized.is_some() {
            own::oversized(plan, record, at, bytes, tally);
            self.broken.push(OVERSIZED);
        }
        if future {
            tally.counts.future += 1;
            tally.sample(None, FUTURE, record.offset, || sample(None, FUTURE.into(), String::new()));
        }
        match &self.found.what {
            What::Tombstone => tally.counts.tombstones += 1,
            What::Undecodable(Undecodable { reason, at: byte }) => {
                let word = reason.word();
                let size = record.value.map_or(0, <[u8]>::len);
                tally.undecodable(word);
                tally.sample(None, word, record.offset, || {
                    sample(None, format!("{word} at byte {byte}"), Mask::Bytes(size).to_string())
                });
                referred::count(plan, &self.objects, &self.hashes, at, record.offset, tally);
                self.broken.push(UNDECODABLE);
            }
            What::Unmeasured => {
                tally.counts.unmeasured += 1;
                let interval = Interval { from: record.offset, to: record.offset + 1 };
                tally.not_measured((at.topic, at.partition), Unmeasured { interval, reason: NO_SCHEMA.into() });
                referred::count(plan, &self.objects, &self.hashes, at, record.offset, tally);
                self.broken.push(UNMEASURED);
            }
            What::Decoded => {
                let value = self.decoder.again();
                if self.found.of_sample {
                    self.walker.walk(plan, &self.objects, value, &self.hashes, &mut tally.profile);
                    sampling::count(plan, tally);
                }
                if tally.rules.len() < plan.rules.len() {
                    tally.rules.resize_with(plan.rules.len(), Default::default);
                }
                let shown = |rule: u32, mask: Mask| match plan.rules.get(rule as usize) {
                    Some(rule) if !rule.classified => mask.to_string(),
                    _ => String::new(),
                };
                for rule in &self.found.asked {
                    if let Some(counts) = tally.rules.get_mut(*rule as usize) {
                        counts.asked += 1;
                    }
                }
                for Broken { rule, fault, mask } in &self.found.broken {
                    tally.rule(*rule as usize).failed += 1;
                    self.broken.push(*rule);
                    tally.sample(Some(*rule), fault, record.offset, || {
                        sample(Some(*rule), (*fault).into(), shown(*rule, *mask))
                    });
                }
                for (rule, part, addend) in &self.found.added {
                    let Some(Rule { check: Check::Query(query), .. }) = plan.rules.get(*rule as usize) else {
                        continue;
                    };
                    let aggregates = &mut tally.rule(*rule as usize).aggregates;
                    if aggregates.is_empty() {
                        *aggregates = aggregate::none_of(query);
                    }
                    if let Some(aggregate) = aggregates.get_mut(*part as usize) {
                        aggregate.add(*addend);
                    }
                }
                for rule in &self.found.unasked {
                    tally.rule(*rule as usize).failed += 1;
                }
                for (rule, key) in &self.found.references {
                    let counts = tally.rule(*rule as usize);
                    counts.asked += u64::from(Side::of(*key) == Side::Refers);
                    counts.insert(*key);
                }
                for (number, told) in &self.found.times {
                    let Some(rule) = plan.rules.get(*number as usize) else { continue };
                    let Check::Sla(sla) = &rule.check else { continue };
                    let told = Told { timestamp_ms: told.timestamp_ms.filter(|_| self.stamped), ..*told };
                    let times = tally.rule(*number as usize).times.get_or_insert_default();
                    times.see(sla, rule.threshold, told, self.now_ms);
                }
                for KeyFinding { rule, key, shown: place } in &self.found.keys {
                    let counts = tally.rule(*rule as usize);
                    counts.asked += 1;
                    if !counts.insert(*key) {
                        if self.broken.last() != Some(rule) {
                            self.broken.push(*rule);
                        }
                        if self.now_ms.is_none() {
                            tally.sample(Some(*rule), DUPLICATE, record.offset, || {
                                sample(Some(*rule), DUPLICATE.into(), shown(*rule, keyed::mask(value, *place)))
                            });
                        }
                    }
                }
            }
        }
        &self.broken
    }
}

/// A dry run names its duplicates itself, whichever of them came first (`trial::firsts`).
pub const DUPLICATE: Fault = "duplicate";

fn ask_rules(plan: &Plan, asked: &Asked, record: Value<'_>, raw: &RawRecord<'_>, hashes: &Hashes, found: &mut Found) {
    let fields = &asked.fields;
    for (number, subject) in &asked.rules {
        let Some(rule) = plan.rules.get(*number) else { continue };
        let number = *number as u32;
        let row = match subject {
            Subject::Row => {
                found.asked.push(number);
                continue;
            }
            Subject::Beside => {
                let Check::Beside(beside) = &rule.check else { continue };
                let Some(fault) = beside::ask(beside, raw) else { continue };
                found.asked.push(number);
                found.broken.extend(fault.map(|(fault, mask)| Broken { rule: number, fault, mask }));
                continue;
            }
            Subject::Key(parts) => {
                found.keys.extend(key(number, fields, parts, record, hashes));
                continue;
            }
            Subject::Reference(side, parts) => {
                let key = key(number, fields, parts, record, hashes).map(|found| side.mark(found.key));
                found.references.extend(key.map(|key| (number, key)));
                continue;
            }
            Subject::Expression(places) => {
                let Check::Holds(condition) = &rule.check else { continue };
                let (key, now_ms) = (raw.key, raw.timestamp_ms);
                match condition.ask(places, condition::Subject { record, fields, key, now_ms }) {
                    Said::Nothing if !of_all(rule) => continue,
                    Said::Nothing | Said::Holds => {}
                    Said::Broken(fault, value) => {
                        found.broken.push(Broken { rule: number, fault: fault.word(), mask: Mask::of(value) });
                    }
                }
                found.asked.push(number);
                continue;
            }
            Subject::Query(places) => {
                let Check::Query(query) = &rule.check else { continue };
                found.asked.push(number);
                let before = found.added.len();
                let mut add = |part: usize, added| found.added.push((number, part as u32, Addend::of(&added, hashes)));
                if query.ask(record, fields, places, &mut add).is_err() {
                    found.added.truncate(before);
                    found.unasked.push(number);
                }
                continue;
            }
            Subject::Times(routes) => {
                found.times.extend(times::told(rule, routes, record, fields, raw).map(|told| (number, told)));
                continue;
            }
            Subject::Record => Row::Value(record),
            Subject::Field(route) if route.rest.is_empty() => rows::single(record, fields, route),
            Subject::Field(route) => {
                let (mut is_asked, mut broken) = (of_all(rule), None);
                rows::each(record, fields, route, |row| {
                    let Some(fault) = ask_row(rule, row, hashes) else { return };
                    is_asked = true;
                    broken = broken.or(fault.map(|fault| (fault, mask(row))));
                });
                if is_asked {
                    found.asked.push(number);
                }
                found.broken.extend(broken.map(|(fault, mask)| Broken { rule: number, fault, mask }));
                continue;
            }
        };
        match ask_row(rule, row, hashes) {
            None if of_all(rule) => found.asked.push(number),
            None => {}
            Some(fault) => {
                found.asked.push(number);
                found.broken.extend(fault.map(|fault| Broken { rule: number, fault, mask: mask(row) }));
            }
        }
    }
}

/// A percentage is one of all rows, of those too in which there is nothing to ask.
fn of_all(rule: &Rule) -> bool {
    rule.unit == Unit::Percent
}

/// `None`: the rule is not asked of this row. `Some(Some(fault))`: the row breaks it.
#[inline]
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
            broken(clause::is_among(value, words), fault)
        }
        (Check::Valid(validity), Some(value)) => clause::ask(validity, value, hashes),
        (Check::Invalid { .. }, Some(value)) if value.is_null() => None,
        (Check::Invalid { values, pattern }, Some(value)) => {
            if values.as_ref().is_some_and(|values| !clause::is_among(value, values)) {
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
        (
            Check::Unique(_)
            | Check::Beside(_)
            | Check::Refers(_)
            | Check::RowCount
            | Check::Holds(_)
            | Check::Query(_)
            | Check::Sla(_)
            | Check::Unmeasured(_),
            _,
        ) => None,
    }
}

/// The key of a uniqueness rule. As in SQL, a key with a part that is null or missing is compared with nothing.
fn key(rule: u32, fields: &Fields, parts: &[Route], record: Value<'_>, hashes: &Hashes) -> Option<KeyFinding> {
    let part = |route: &Route| match rows::single(record, fields, route) {
        Row::Value(value) if !value.is_null() => Some(value),
        _ => None,
    };
    let whole = parts.iter().all(|route| part(route).is_some());
    let shown = match parts {
        [one] => Some(one.place),
        _ => None,
    };
    whole.then(|| KeyFinding { rule, key: hashes.of(parts.iter().filter_map(part)), shown })
}

fn mask(row: Row<'_>) -> Mask {
    match row {
        Row::Value(value) => Mask::of(value),
        Row::Missing | Row::NoParent => Mask::Nothing,
    }
}

mod times; // of a record
mod sampling; // what is asked of those beside a sample
mod keyed; // keys of the last record
mod enforced; // which records are put aside, and why
mod referred; // what others refer to

#[cfg(test)]
mod tests;
