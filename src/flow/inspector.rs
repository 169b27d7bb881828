//! Stage 1: records into deltas. One delta a product and flush says what was learned, from which offsets, and how
//! far time has come; a flush publishes it together with the offsets, then the state is empty again.

use crate::engine::check::record::{Examined, UNDECODABLE, UNMEASURED};
use crate::engine::contract::name::ProductName;
use crate::engine::decode::schema::SchemaRef;
use crate::engine::lineage::content::gather::{Gathered, Gatherer};
use crate::engine::lineage::trail::Trail;
use crate::engine::record::{Offset, Position, RawRecord, TopicId, WindowStart, window_of};
use crate::flow::aside::Aside;
use crate::flow::cadence::Cadence;
use crate::flow::delta::{Delta, Extent, ProductDelta, Reports, WindowKey, encode, in_messages, partition_of};
use crate::flow::inspecting::InspectorConfig;
use crate::flow::io::{Chunk, Committed, Ends, Level, Message, Ms, Note, Part, Publication, TopicInfo, Whose};
use crate::flow::judge::{Judge, Merge};
use crate::flow::learned::{Learned, OfProduct, Spot};
use crate::flow::mutation::{Mutation, planted};
use crate::flow::reading::{Reading, count, looking, needs_schema, schemas_ahead};
use crate::flow::resume::Resume;
use crate::flow::stage::{Held, Opened, Outgoing, Seen, Stage};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// An early flush, for a rule that is violated for the first time in a window, waits so long after the last one.
const EARLY_FLUSH_MS: Ms = 1_000;
/// What has been learned is weighed anew after so many records. Between two weighings only windows and keys are added
/// up; at 500 bytes of sketches a record, which is more than records weigh, 2 MB go unseen.
const WEIGH_EVERY: u64 = 4_096;
/// What a window weighs in a delta before any uniqueness key: counts of a ten-rule contract and a few samples.
const WINDOW_BYTES: usize = 512;
/// The first instant of the year 1: a time before it is taken for it, so that no arithmetic on times overflows.
const FIRST_MS: Ms = -62_135_596_800_000;
/// First violations remembered; beyond it the memory starts again, which costs an early flush at most.
const FIRST_VIOLATIONS_MAX: usize = 10_000;

pub struct Inspector<J: Judge> {
    judge: J,
    config: InspectorConfig,
    parts: BTreeMap<Part, Reading>,
    resuming: BTreeMap<Part, Resume>,
    learned: Learned<J::Tally>,
    aside: Aside,
    trail: Trail,
    /// Of columns; `None`: lineage does not look at contents.
    gatherer: Option<Gatherer>,
    cadence: Cadence,
    weight_bytes: usize,
    /// Records since what has been learned was weighed.
    unweighed: u64,
    records: u64,
    /// (product, window start, rule): violated before, so no reason for an early flush.
    known_violations: BTreeSet<(ProductName, WindowStart, u32)>,
    early: bool,
    /// The contracts changed: what was seen through the old ones goes out at once.
    urgent: bool,
    flushes: u64,
    notes: Vec<Note>,
}

/// What a flush took out.
pub struct Cut<T> {
    learned: Learned<T>,
    aside: Aside,
    trail: Trail,
    gathered: Vec<Gathered>,
    parts: BTreeMap<Part, Reading>,
    records: u64,
    number: u64,
}

impl<J: Judge> Inspector<J> {
    pub fn new(judge: J, config: InspectorConfig) -> Inspector<J> {
        Inspector {
            aside: Aside::new(config.copy_bytes_max),
            cadence: Cadence::new(config.flush_interval_ms, config.window_size_ms, config.window_grace_ms),
            gatherer: config.contents.as_ref().map(|contents| Gatherer::new(contents.every_ms)),
            judge,
            config,
            parts: BTreeMap::new(),
            resuming: BTreeMap::new(),
            learned: Learned::default(),
            trail: Trail::default(),
            weight_bytes: 0,
            unweighed: 0,
            records: 0,
            known_violations: BTreeSet::new(),
            early: false,
            urgent: false,
            flushes: 0,
            notes: Vec::new(),
        }
    }

    pub fn judge_mut(&mut self) -> &mut J {
        &mut self.judge
    }

    fn begin(&mut self, part: &Part, id: TopicId, offset: Offset, begins: bool) -> Opened {
        let reading = Reading::new(id, offset, begins, looking(&self.judge, &part.topic));
        self.parts.insert(part.clone(), reading);
        Opened::Start { offset, replay_until: offset }
    }

    fn resumed(&mut self, part: &Part, resume: Resume) -> Opened {
        match resume.next_log(&self.config.state, &self.config.deltas) {
            Some((log, from)) => {
                self.resuming.insert(part.clone(), resume);
                Opened::Read { log, from }
            }
            None => {
                let (offset, begins) = resume.start(self.config.start_earliest);
                self.begin(part, resume.topic, offset, begins)
            }
        }
    }

    /// The messages of one product's flush: the last carries what the flush covered.
    fn messages(
        &self,
        product: &ProductName,
        mut windows: Vec<(WindowKey, J::Tally)>,
        reports: Reports,
        number: u64,
    ) -> Vec<Message> {
        windows.sort_by_key(|(key, _)| *key);
        let mut parts: Vec<Vec<(WindowKey, J::Tally)>> = vec![Vec::new()];
        let mut weight_bytes = 0;
        for (key, tally) in windows {
            for piece in tally.split(self.config.message_bytes) {
                let bytes = piece.weight_bytes();
                if weight_bytes > 0 && weight_bytes + bytes > self.config.message_bytes {
                    parts.push(Vec::new());
                    weight_bytes = 0;
                }
                weight_bytes += bytes;
                if let Some(part) = parts.last_mut() {
                    part.push((key, piece));
                }
            }
        }
        let last = if planted(Mutation::WatermarkInFirstPart) { 0 } else { parts.len() - 1 };
        let flush = (self.config.task.clone(), number);
        let delta = |(i, windows)| {
            Delta::Product(ProductDelta {
                product: product.clone(),
                windows,
                part: i as u32,
                reports: (i == last).then(|| reports.clone()),
                flush: flush.clone(),
            })
        };
        parts.into_iter().enumerate().map(delta).map(|delta| self.message(product, &delta)).collect()
    }

    fn message(&self, product: &ProductName, delta: &Delta<J::Tally>) -> Message {
        Message {
            topic: self.config.deltas.clone(),
            partition: Some(partition_of(product, self.config.delta_partitions)),
            key: Some(product.to_string().into_bytes()),
            headers: Vec::new(),
            value: Some(encode(delta)),
            copied: None,
            about: Some(Whose::Product(product.clone())),
        }
    }

    /// What the flush covered of this product's topics, in the partitions that it reads.
    fn reports(&self, product: &ProductName, parts: &[(&Part, &Reading)], seen: &Seen) -> Reports {
        let mut reports = Reports { current: self.judge.current(product), ..Reports::default() };
        for (part, reading) in parts {
            reports.partitions.extend(reading.report(part, product, seen.highs.get(*part).copied(), seen.asked_ms));
        }
        for topic in self.judge.topics(product) {
            let info = seen.topics.get(&topic).copied().flatten();
            reports.topics.push(Extent {
                topic: topic.to_string(),
                id: info.map(|i| i.id),
                partitions: info.map_or(0, |i| i.partitions),
            });
        }
        reports
    }
}

impl<J: Judge> Stage for Inspector<J> {
    type Cut = Cut<J::Tally>;
    const NEEDS_HIGHS: bool = true;

    fn open(&mut self, _now: Ms, part: &Part, committed: Option<&Committed>, topic: TopicInfo, ends: Ends) -> Opened {
        let of_this_topic = committed.filter(|c| TopicId::parse(&c.metadata) == Some(topic.id));
        if let Some(committed) = of_this_topic {
            // Below the start: what is gone shows as a gap in the chain.
            return self.begin(part, topic.id, committed.offset.clamp(ends.start, ends.high.max(ends.start)), false);
        }
        if let Some(committed) = committed
            && TopicId::parse(&committed.metadata).is_some()
        {
            self.notes.push(Note {
                level: Level::Warn,
                text: format!(
                    "{part} was created again: it is read from its start, the old topic's offset {} is void",
                    committed.offset
                ),
            });
            return self.begin(part, topic.id, ends.start, true);
        }
        let products: BTreeSet<_> = self.judge.lenses(&part.topic).into_iter().map(|l| l.product).collect();
        let resume = Resume::new(part.clone(), topic.id, ends, products, self.config.delta_partitions);
        self.resumed(part, resume)
    }

    fn read(&mut self, part: &Part, chunk: Chunk) -> Option<Opened> {
        let mut resume = self.resuming.remove(part)?;
        resume.take::<J::Tally>(chunk.records);
        if !chunk.done {
            self.resuming.insert(part.clone(), resume);
            return None;
        }
        resume.log_done();
        Some(self.resumed(part, resume))
    }

    fn records(&mut self, now: Ms, part: &Part, records: &[RawRecord<'_>]) -> Result<Vec<SchemaRef>, String> {
        let Some(reading) = self.parts.get_mut(part) else { return Ok(Vec::new()) };
        let at = Position { topic: reading.id, partition: part.partition };
        self.judge.reads(at);
        if self.config.trails.is_some() {
            self.trail.look(now, &part.topic, records);
        }
        let mut waits = None;
        let mut spots: Vec<Option<Spot>> = reading.lenses.iter().map(|_| None).collect();
        'records: for (n, record) in records.iter().enumerate() {
            if record.offset < reading.next {
                continue;
            }
            if self.aside.bytes() >= self.config.flush_bytes {
                break;
            }
            // A record counts through all lenses or through none; the first one says so below, before anything counts.
            if needs_schema(&mut self.judge, reading.lenses.get(1..).unwrap_or_default(), record).is_some() {
                waits = Some(n);
                break;
            }
            let own_ms = if record.timestamp_ms < 0 { now } else { record.timestamp_ms };
            // What counts the record for a product, and whether it is counted as undecodable there.
            let (mut led, mut undecodable) = (0, false);
            // One lens's look at a record's values is enough for all.
            let mut gatherer = self.gatherer.as_mut();
            for (looking, spot) in reading.lenses.iter_mut().zip(&mut spots) {
                let lens = &looking.lens;
                let said = match self.judge.examine(lens.index, record) {
                    Examined::At(ms) => ms,
                    Examined::Needs(_) => {
                        waits = Some(n);
                        break 'records;
                    }
                };
                let said_ms = said.unwrap_or(own_ms).max(FIRST_MS);
                let future = said_ms > now + self.config.future_tolerance_ms;
                // One from the future is judged in the window of its arrival, and moves no watermark.
                let event_ms = if future { now } else { said_ms };
                if !future {
                    // The broker's time runs ahead of a field's that is declared to lag.
                    let lag_ms = if said.is_none() { lens.declared_delay_ms } else { 0 };
                    looking.watermark_ms = looking.watermark_ms.max(Some(event_ms - lag_ms));
                }
                let spot = match spot {
                    Some(spot) if spot.holds(event_ms, self.config.window_size_ms) => spot,
                    _ => {
                        let start = window_of(event_ms, self.config.window_size_ms);
                        let key = WindowKey { start, hash: lens.hash };
                        let (found, is_new) = self.learned.spot(&lens.product, key, looking.leads);
                        self.weight_bytes += if is_new { WINDOW_BYTES } else { 0 };
                        spot.insert(found)
                    }
                };
                let OfProduct { windows, counts, .. } = self.learned.of(spot.product);
                if looking.leads {
                    (led, undecodable) = (spot.counts, false);
                    count(&mut counts[led].1, record, future);
                    if let Some(gatherer) = gatherer.take() {
                        self.judge.gather(lens.index, &part.topic, own_ms, gatherer);
                    }
                }
                // Eight bytes is what a uniqueness key weighs.
                self.weight_bytes += 8 * looking.keys;
                let mut breaks = false;
                for rule in self.judge.count(lens.index, record, at, future, &mut windows[spot.window].1) {
                    breaks = true;
                    if spot.violated.insert(*rule) {
                        if self.known_violations.len() >= FIRST_VIOLATIONS_MAX {
                            self.known_violations.clear();
                        }
                        let violation = (lens.product.clone(), spot.key.start, *rule);
                        self.early |= self.known_violations.insert(violation);
                    }
                    if *rule == UNMEASURED && looking.leads {
                        counts[led].1.unmeasured += 1;
                    }
                    if *rule == UNDECODABLE && !undecodable {
                        undecodable = true;
                        counts[led].1.undecodable += 1;
                    }
                }
                if breaks && let Some(why) = self.judge.aside(lens.index) {
                    let place = (spot.product, spot.window);
                    match self.aside.take(now, part, at, record, lens, place, why) {
                        Ok(bytes) => self.weight_bytes += bytes,
                        Err(lost) => {
                            let tally = &mut windows[spot.window].1;
                            self.judge.put_aside(lens.hash, at, record.offset, Some(&lost), tally);
                        }
                    }
                }
            }
            reading.next = record.offset + 1;
            self.records += 1;
            self.unweighed += 1;
        }
        if self.unweighed >= WEIGH_EVERY {
            self.unweighed = 0;
            self.weight_bytes = self.learned.windows().map(Merge::weight_bytes).sum::<usize>() + self.aside.bytes();
        }
        let Some(n) = waits else { return Ok(Vec::new()) };
        reading.next = records[n].offset + i64::from(planted(Mutation::WaitsPastTheRecord));
        Ok(schemas_ahead(&mut self.judge, &reading.lenses, &records[n..]))
    }

    fn is_full(&self) -> bool {
        self.aside.bytes() >= self.config.flush_bytes
    }

    fn knows(&self, schema: SchemaRef) -> bool {
        self.judge.knows(schema)
    }

    fn passed(&mut self, part: &Part, offset: Offset) {
        if let Some(reading) = self.parts.get_mut(part) {
            reading.next = reading.next.max(offset);
        }
    }

    fn position(&self, part: &Part) -> Option<Offset> {
        self.parts.get(part).map(|r| r.next)
    }

    fn whole(&self, _part: &Part) -> bool {
        true
    }

    fn due(&self, since_ms: Ms) -> bool {
        self.urgent
            || since_ms >= self.cadence.interval_ms(!self.learned.is_empty())
            || self.weight_bytes >= Cadence::flush_bytes(self.config.flush_bytes, self.learned.count())
            || self.early && since_ms >= EARLY_FLUSH_MS
    }

    fn dirty(&self) -> bool {
        !self.learned.is_empty() || self.parts.values().any(|r| r.next > r.from)
    }

    fn held(&self) -> Held {
        Held { windows: self.learned.windows().count(), bytes: self.weight_bytes }
    }

    fn topics(&self, live: &[Part]) -> Vec<Arc<str>> {
        let mut topics: BTreeSet<Arc<str>> = live.iter().map(|p| p.topic.clone()).collect();
        let products: BTreeSet<_> =
            live.iter().filter_map(|p| self.parts.get(p)).flat_map(|r| &r.lenses).map(|l| &l.lens.product).collect();
        topics.extend(products.into_iter().flat_map(|p| self.judge.topics(p)));
        topics.into_iter().collect()
    }

    fn cut(&mut self, now: Ms, live: &[Part]) -> Self::Cut {
        self.cadence.cut(now, !self.learned.is_empty());
        self.flushes += 1;
        self.weight_bytes = 0;
        (self.early, self.urgent) = (false, false);
        let mut parts = BTreeMap::new();
        for part in live {
            if let Some(reading) = self.parts.get_mut(part) {
                parts.insert(part.clone(), reading.clone());
                reading.cut();
            }
        }
        let learned = std::mem::take(&mut self.learned);
        let (aside, trail) = (self.aside.cut(), std::mem::take(&mut self.trail));
        let gathered = self.gatherer.as_mut().map_or_else(Vec::new, |gatherer| gatherer.take(now));
        let records = std::mem::take(&mut self.records);
        Cut { learned, aside, trail, gathered, parts, records, number: self.flushes }
    }

    fn quarantines(&self, cut: &Self::Cut, seen: &Seen) -> Vec<(Arc<str>, i32)> {
        cut.aside.quarantines(|topic| seen.topics.get(topic).copied().flatten().map(|info| info.partitions))
    }

    fn refused(&mut self, now: Ms, quarantine: &Arc<str>, why: &str) {
        self.aside.refuse(quarantine.clone(), why.to_owned(), now);
    }

    fn outgoing(&mut self, cut: &mut Self::Cut, seen: &Seen) -> Outgoing {
        for (topic, standing) in &seen.quarantines {
            if let Err(why) = standing {
                self.aside.refuse(topic.clone(), why.clone(), seen.asked_ms);
                let text = format!("nothing is copied to {topic} for a while: {why}");
                self.notes.push(Note { level: Level::Error, text });
            }
        }
        // First: it counts in the windows that go out.
        let mut messages = cut.aside.messages(&self.judge, &mut cut.learned, &seen.quarantines);
        let mut idle: BTreeMap<i32, Vec<(ProductName, Reports)>> = BTreeMap::new();
        let mut products: BTreeMap<ProductName, Vec<(&Part, &Reading)>> =
            cut.learned.products().map(|product| (product.clone(), Vec::new())).collect();
        for (part, reading) in &cut.parts {
            let read_by: BTreeSet<&ProductName> = reading.products_lenses().map(|l| &l.lens.product).collect();
            for product in read_by {
                match products.get_mut(product) {
                    Some(parts) => parts.push((part, reading)),
                    None => drop(products.insert(product.clone(), vec![(part, reading)])),
                }
            }
        }
        let (copied, mut data_bytes) = (messages.len(), 0);
        for (product, parts) in products {
            let mut reports = self.reports(&product, &parts, seen);
            match cut.learned.take(&product) {
                Some(OfProduct { windows, mut counts, .. }) => {
                    counts.sort_by_key(|(start, _)| *start);
                    data_bytes += counts.iter().map(|(_, counts)| counts.bytes).sum::<u64>();
                    reports.counts = counts;
                    messages.extend(self.messages(&product, windows, reports, cut.number));
                }
                None => {
                    let partition = partition_of(&product, self.config.delta_partitions);
                    idle.entry(partition).or_default().push((product, reports));
                }
            }
        }
        for (partition, products) in idle {
            for some in in_messages(products) {
                messages.push(Message {
                    topic: self.config.deltas.clone(),
                    partition: Some(partition),
                    key: Some(b"idle".to_vec()),
                    headers: Vec::new(),
                    value: Some(encode(&Delta::<J::Tally>::Idle(some))),
                    copied: None,
                    about: None,
                });
            }
        }
        let deltas = messages[copied..].iter().filter_map(|message| message.value.as_ref());
        self.cadence.weighed(deltas.map(|value| value.len() as u64).sum(), data_bytes);
        messages.extend(self.config.samples(&cut.trail, &cut.gathered));
        let committed = |(part, r): (&Part, &Reading)| {
            let to = if planted(Mutation::IntervalEndsAtLast) { r.from.max(r.next - 1) } else { r.next };
            (part.clone(), to, r.id.to_string())
        };
        Outgoing { messages, offsets: cut.parts.iter().map(committed).collect() }
    }

    fn publication(&self, _now: Ms, cut: &Self::Cut) -> Publication {
        Publication { records: cut.records, ..Publication::default() }
    }

    fn parts_of(&self, product: &ProductName, parts: &[Part]) -> Vec<Part> {
        let reads =
            |part: &&Part| self.parts.get(*part).is_some_and(|r| r.lenses.iter().any(|l| l.lens.product == *product));
        parts.iter().filter(reads).cloned().collect()
    }

    fn forget(&mut self, parts: &[Part]) {
        for part in parts {
            self.parts.remove(part);
            self.resuming.remove(part);
        }
    }

    fn reset(&mut self) {
        self.parts.clear();
        self.resuming.clear();
        self.learned = Learned::default();
        self.aside.reset();
        self.trail = Trail::default();
        self.gatherer.iter_mut().for_each(Gatherer::reset);
        self.known_violations.clear();
        (self.weight_bytes, self.records, self.early) = (0, 0, false);
    }

    fn contracts_changed(&mut self) {
        self.urgent = true;
        for (part, reading) in &mut self.parts {
            reading.look_through(looking(&self.judge, &part.topic));
        }
    }

    fn notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }
}
