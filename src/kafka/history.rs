//! Reads what a topic holds, once: each partition from one offset to another, member of no group; nothing is committed but by
//! `commit`.

use crate::engine::record::{Offset, RawRecord};
use crate::flow::io::{Fault, Part};
use crate::kafka::client::{self, Settings};
use crate::kafka::fault;
use crate::kafka::ffi::batch::{Bell, Buffer, Lane};
use crate::kafka::ffi::{ask, group};
use crate::kafka::poll::{Ear, Heard};
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::topic_partition_list;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Metadata and offsets are answered in milliseconds, or the cluster is in trouble.
const ASK: Duration = Duration::from_secs(10);
const ASK_MS: i32 = 10_000;
/// How long nothing may come before it is given up: a leader that moves is back within 30 s.
const SILENCE: Duration = Duration::from_secs(60);
/// A look at progress and errors, ten times a second.
const WAIT: Duration = Duration::from_millis(100);
/// Messages taken at once.
const BATCH: usize = 1_000;

/// Where reading begins, or ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bound {
    /// In every partition.
    Offset(Offset),
    /// The first record of that time or later, in milliseconds since 1970.
    Time(i64),
    /// So many offsets before the end, of all partitions together.
    Newest(u64),
}

/// One partition's part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    from: Offset,
    next: Offset,
    to: Offset,
}

/// What of a topic is read, by partition.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Extent(BTreeMap<i32, Span>);

pub struct History {
    // Before the consumer: a queue is dropped first.
    lane: Lane,
    buffer: Buffer,
    bell: Arc<Bell>,
    ear: Ear,
    topic: Arc<str>,
    spans: BTreeMap<i32, Span>,
    last_came: Instant,
}

impl History {
    /// From `from`, else the start of the log, to before `to`, else what is committed at this moment.
    pub fn open(settings: &Settings, topic: &str, from: Option<Bound>, to: Option<Bound>) -> Result<History, Fault> {
        History::opened(settings, topic, |ear, topic| spans(ear, topic, from, to))
    }

    /// From where the settings' group has committed, else the start of the log.
    pub fn resume(settings: &Settings, topic: &str) -> Result<History, Fault> {
        History::opened(settings, topic, |ear, topic| {
            let mut spans = spans(ear, topic, None, None)?;
            let parts: Vec<Part> = spans.keys().map(|partition| Part::new(topic, *partition)).collect();
            for (part, committed) in group::committed(ear.client(), &parts, ASK_MS)? {
                if let (Some(committed), Some(span)) = (committed, spans.get_mut(&part.partition)) {
                    span.from = committed.offset.clamp(span.from, span.to);
                    span.next = span.from;
                }
            }
            Ok(spans)
        })
    }

    /// Commits how far it is, for the settings' group; nobody may be a member of it.
    pub fn commit(&self) -> Result<(), Fault> {
        let read = self.spans.iter().filter(|(_, span)| span.next > span.from);
        let offsets: Vec<(Part, Offset, String)> =
            read.map(|(p, span)| (Part::new(&self.topic, *p), span.next, String::new())).collect();
        if offsets.is_empty() { Ok(()) } else { group::commit(self.ear.client(), &offsets, ASK_MS) }
    }

    fn opened(
        settings: &Settings,
        topic: &str,
        spans: impl FnOnce(&Ear, &Arc<str>) -> Result<BTreeMap<i32, Span>, Fault>,
    ) -> Result<History, Fault> {
        let consumer = client::reader(settings).map_err(|e| fault::of_producer("reader", &e))?;
        let ear = Ear::new(consumer)?;
        let bell = Arc::new(Bell::default());
        let lane =
            Lane::new(ear.client(), &bell).ok_or_else(|| failed(topic, Code::Fail, "the client gives no queue"))?;
        let topic: Arc<str> = topic.into();
        let spans = spans(&ear, &topic)?;
        let mut history =
            History { lane, buffer: Buffer::new(BATCH), bell, ear, topic, spans, last_came: Instant::now() };
        history.assign()?;
        Ok(history)
    }

    /// Reads a part that another history was parted into.
    pub fn of(settings: &Settings, topic: &str, extent: Extent) -> Result<History, Fault> {
        History::opened(settings, topic, |_, _| Ok(extent.0))
    }

    /// So many parts of as many offsets each, for readers of their own: what is assigned here stays, for a lane that is given a
    /// partition again hears nothing of it. Parts have `least` offsets or more: of a topic that has fewer there are not so many.
    pub fn parts(&self, parts: usize, least: u64) -> Vec<Extent> {
        cut(&self.spans, parts, least).into_iter().map(Extent).collect()
    }

    /// Offsets read, and offsets in all; those of control records are among them.
    pub fn progress(&self) -> (u64, u64) {
        let sum = |of: fn(&Span) -> i64| self.spans.values().map(of).sum::<i64>().max(0) as u64;
        (sum(|span| span.next.min(span.to) - span.from), sum(|span| span.to - span.from))
    }

    /// Hands over the next records, with their partition; false where nothing is left. Waits a moment for them.
    pub fn read(&mut self, mut take: impl FnMut(i32, &RawRecord<'_>)) -> Result<bool, Fault> {
        if self.spans.values().all(|span| span.next >= span.to) {
            return Ok(false);
        }
        let (mut came, mut errors, mut done) = (false, Vec::new(), Vec::new());
        for run in self.lane.take(&mut self.buffer).runs() {
            came = true;
            if let Some(error) = run.error() {
                errors.push(error);
                continue;
            }
            let Some(span) = self.spans.get_mut(&run.partition()) else { continue };
            let open = span.next < span.to;
            for record in run.records(true) {
                if record.offset >= span.next && record.offset < span.to {
                    take(run.partition(), &record);
                }
                span.next = span.next.max(record.offset + 1);
            }
            done.extend((open && span.next >= span.to).then(|| run.partition()));
        }
        for error in errors {
            match self.ear.hear_error(error) {
                Some(Heard::Eof { part, offset }) => {
                    let Some(span) = self.spans.get_mut(&part.partition) else { continue };
                    span.next = span.next.max(offset);
                }
                Some(Heard::OutOfRange { part }) => {
                    let why = "records were deleted before they could be read; begin later, with --from";
                    return Err(failed(&part.to_string(), Code::OffsetOutOfRange, why));
                }
                Some(Heard::Failed(fault)) => return Err(fault),
                _ => {}
            }
        }
        self.stop(&done)?;
        match came {
            true => self.last_came = Instant::now(),
            false => self.wait()?,
        }
        Ok(true)
    }

    /// What is read to its end is fetched no more.
    fn stop(&self, partitions: &[i32]) -> Result<(), Fault> {
        if partitions.is_empty() {
            return Ok(());
        }
        let parts: Vec<Part> = partitions.iter().map(|p| Part::new(&self.topic, *p)).collect();
        let list = group::list_of(parts.iter().map(|part| (part, None, None)));
        list.and_then(|list| self.ear.consumer().pause(&list)).map_err(|e| of(&self.topic, &e))
    }

    fn wait(&mut self) -> Result<(), Fault> {
        for heard in self.ear.listen(0) {
            if let Heard::Failed(fault) = heard {
                return Err(fault);
            }
        }
        if self.last_came.elapsed() > SILENCE {
            let behind = self.spans.iter().find(|(_, span)| span.next < span.to);
            let at = behind.map(|(p, span)| format!("partition {p} stands at {} of {}", span.next, span.to));
            let why = format!("nothing came for {} s: {}", SILENCE.as_secs(), at.unwrap_or_default());
            return Err(failed(&self.topic, Code::OperationTimedOut, &why));
        }
        self.bell.wait(WAIT);
        Ok(())
    }

    fn assign(&mut self) -> Result<(), Fault> {
        let wanted = self.spans.iter().filter(|(_, span)| span.from < span.to);
        let parts: Vec<(Part, Offset)> = wanted.map(|(p, span)| (Part::new(&self.topic, *p), span.from)).collect();
        for (part, _) in &parts {
            if !self.lane.forward(self.ear.client(), &part.topic, part.partition) {
                return Err(failed(&part.to_string(), Code::Fail, "the client gives no queue for it"));
            }
        }
        let list = group::list_of(parts.iter().map(|(part, from)| (part, Some(*from), None)));
        list.and_then(|list| self.ear.consumer().assign(&list)).map_err(|e| of(&self.topic, &e))
    }
}

/// What is to be read of each partition.
fn spans(ear: &Ear, topic: &Arc<str>, from: Option<Bound>, to: Option<Bound>) -> Result<BTreeMap<i32, Span>, Fault> {
    let told = ear.consumer().fetch_metadata(Some(topic), ASK).map_err(|e| of(topic, &e))?;
    let partitions = told.topics().first().filter(|found| found.error().is_none()).map(|found| found.partitions());
    let parts: Vec<Part> = partitions.unwrap_or_default().iter().map(|found| Part::new(topic, found.id())).collect();
    if parts.is_empty() {
        return Err(failed(topic, Code::UnknownTopic, "it does not exist, or may not be seen"));
    }
    let ends = ask::ends(ear.client(), &parts, ASK_MS)?;
    let newest = match from {
        Some(Bound::Newest(count)) => Some(count.div_ceil(parts.len() as u64).min(i64::MAX as u64) as i64),
        _ => None,
    };
    let (from, to) = (at(ear, &parts, from)?, at(ear, &parts, to)?);
    let mut spans = BTreeMap::new();
    for part in &parts {
        let Some(ends) = ends.get(part) else {
            return Err(failed(&part.to_string(), Code::LeaderNotAvailable, "its leader cannot be asked now"));
        };
        let bound = |of: &Bounds, default| of.get(&part.partition).copied().unwrap_or(default);
        // Behind the last stable offset stand open transactions, which nobody reads yet.
        let start = match newest {
            Some(count) => ends.stable.saturating_sub(count),
            None => bound(&from, ends.start),
        };
        let first = start.max(ends.start).min(ends.stable);
        let last = bound(&to, ends.stable).min(ends.stable).max(first);
        spans.insert(part.partition, Span { from: first, next: first, to: last });
    }
    Ok(spans)
}

/// Parts of a topic of as many offsets each: its partitions end to end, cut where a part is full.
fn cut(whole: &BTreeMap<i32, Span>, parts: usize, least: u64) -> Vec<BTreeMap<i32, Span>> {
    let all: u64 = whole.values().map(|span| (span.to - span.from).max(0) as u64).sum();
    let parts = (parts as u64).min(all / least.max(1)).max(1);
    let each = all.div_ceil(parts).max(1) as i64;
    let (mut cut, mut room) = (vec![BTreeMap::new()], each);
    for (partition, span) in whole {
        let mut from = span.from;
        while from < span.to {
            if room == 0 {
                cut.push(BTreeMap::new());
                room = each;
            }
            let to = span.to.min(from + room);
            if let Some(part) = cut.last_mut() {
                part.insert(*partition, Span { from, next: from, to });
            }
            room -= to - from;
            from = to;
        }
    }
    cut
}

/// Offsets by partition; a partition that has none has no such record.
type Bounds = BTreeMap<i32, Offset>;

fn at(ear: &Ear, parts: &[Part], bound: Option<Bound>) -> Result<Bounds, Fault> {
    let offset = match bound {
        // Each partition's end is another.
        None | Some(Bound::Newest(_)) => return Ok(Bounds::new()),
        Some(Bound::Offset(offset)) => return Ok(parts.iter().map(|part| (part.partition, offset)).collect()),
        Some(Bound::Time(ms)) => ms,
    };
    let list = group::list_of(parts.iter().map(|part| (part, Some(offset), None)));
    let found = list.and_then(|list| ear.consumer().offsets_for_times(list, ASK));
    let found = found.map_err(|e| of(parts.first().map_or("", |part| &part.topic), &e))?;
    // A time behind the last record is told as the end of the log.
    let offset = |element: &topic_partition_list::TopicPartitionListElem<'_>| match element.offset() {
        topic_partition_list::Offset::Offset(offset) => (element.partition(), offset),
        _ => (element.partition(), Offset::MAX),
    };
    Ok(found.elements().iter().map(offset).collect())
}

fn failed(what: &str, code: Code, why: &str) -> Fault {
    fault::of_question("read topic", code, &format!("{what}: {why}"))
}

fn of(topic: &str, error: &KafkaError) -> Fault {
    failed(topic, error.rdkafka_error_code().unwrap_or(Code::Fail), &error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `0: 5..10, 1: 0..3`, a line a part.
    fn check(whole: &[(i32, i64, i64)], parts: usize, least: u64, expected: &[&str]) {
        let span = |(partition, from, to): &(i32, i64, i64)| (*partition, Span { from: *from, next: *from, to: *to });
        let told = |part: &BTreeMap<i32, Span>| {
            let spans: Vec<String> = part.iter().map(|(p, span)| format!("{p}: {}..{}", span.from, span.to)).collect();
            spans.join(", ")
        };
        let found: Vec<String> = cut(&whole.iter().map(span).collect(), parts, least).iter().map(told).collect();
        assert_eq!(found, expected, "{whole:?} in {parts}");
    }

    #[test]
    fn a_topic_is_cut_into_parts_of_as_many_offsets_within_partitions_too() {
        let four = [(0, 100, 110), (1, 0, 10), (2, 0, 10), (3, 5, 15)];
        check(&four, 1, 1, &["0: 100..110, 1: 0..10, 2: 0..10, 3: 5..15"]);
        check(&four, 2, 1, &["0: 100..110, 1: 0..10", "2: 0..10, 3: 5..15"]);
        check(&four, 3, 1, &["0: 100..110, 1: 0..4", "1: 4..10, 2: 0..8", "2: 8..10, 3: 5..15"]);
        check(&[(7, 3, 10)], 3, 1, &["7: 3..6", "7: 6..9", "7: 9..10"]);
        check(&[(0, 5, 5), (1, 0, 4)], 2, 1, &["1: 0..2", "1: 2..4"]);
        check(&[(0, 5, 5)], 2, 1, &[""]);
    }

    #[test]
    fn what_is_not_worth_a_reader_of_its_own_makes_no_part() {
        check(&[(0, 0, 99)], 4, 50, &["0: 0..99"]);
        check(&[(0, 0, 100)], 4, 50, &["0: 0..50", "0: 50..100"]);
        check(
            &[(0, 0, 9)],
            100,
            1,
            &(0..9)
                .map(|n| format!("0: {n}..{}", n + 1))
                .collect::<Vec<_>>()
                .iter()
                .map(String::as_str)
                .collect::<Vec<_>>(),
        );
    }
}
