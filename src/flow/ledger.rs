//! Stage 2: deltas into verdicts. The only author of quality, incident and gap events.
//!
//! The deltas topic is its log. It commits the lowest delta that an open window still needs; after a restart it reads
//! again from there, merges silently up to `applied` into windows still open, then goes on.

use crate::engine::contract::name::ProductName;
use crate::engine::decode::schema::SchemaRef;
use crate::engine::event::envelope::{Event, Source};
use crate::engine::record::{Offset, RawRecord, TopicId};
use crate::engine::trend::budget::Budget;
use crate::flow::book::Book;
use crate::flow::delta::{decode, encode};
use crate::flow::history::history_key;
use crate::flow::io::{
    Answer, Call, Chunk, Committed, Ends, Level, Message, Ms, Note, Part, ProductUpdate, Publication, TopicInfo, Whose,
};
use crate::flow::judge::{Judge, Merge};
use crate::flow::lineage::LineageConfig;
use crate::flow::mutation::{Mutation, planted};
use crate::flow::product::Product;
use crate::flow::rebuild::Rebuild;
use crate::flow::restoring::Restoring;
use crate::flow::stage::{Held, Opened, Outgoing, Seen, Stage};
use crate::flow::state::{PartitionState, ProductState, partition_key, product_key};
use crate::flow::tell::{Moved, Teller};
use crate::flow::window::WindowConfig;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

#[derive(Clone, Debug)]
pub struct LedgerConfig {
    pub window: WindowConfig,
    /// How long deltas are gathered before a transaction: an incident is at most this much older when it is told.
    pub flush_interval_ms: Ms,
    /// Events that wait beyond this go out before the interval ends, and before any more deltas are taken.
    pub flush_bytes: usize,
    pub source: Source,
    /// False: a crash may leave the state ahead of the committed offset, and a delta without its last part.
    pub transactions: bool,
    pub deltas: Arc<str>,
    pub state: Arc<str>,
    pub events: Arc<str>,
    /// `None`: catalogs are told nothing.
    pub lineage: Option<LineageConfig>,
}

impl LedgerConfig {
    fn teller<'a, J>(&'a self, judge: &'a J) -> Teller<'a, J> {
        let LedgerConfig { window, source, events, lineage, .. } = self;
        Teller { judge, window, source, events, lineage: lineage.as_ref() }
    }
}

pub struct Ledger<J: Judge> {
    judge: J,
    config: LedgerConfig,
    books: BTreeMap<Part, Book<J::Tally>>,
    restoring: BTreeMap<Part, Restoring>,
    /// Whose closed windows are being read again for their keys.
    rebuilds: BTreeMap<Part, Rebuild>,
    /// Which of them waits for an answer.
    asked: Option<Part>,
    /// What did not fit together at the last attempt.
    doubted: BTreeMap<Part, String>,
    /// Products that this ledger's commits have shown, by partition.
    shown: BTreeMap<Part, BTreeSet<ProductName>>,
    retired: Vec<ProductName>,
    notes: Vec<Note>,
}

/// What a transaction carries.
pub struct Cut {
    outgoing: Outgoing,
    /// Goes out after all events, and a partition's record after those of its products: without transactions a crash
    /// may cut the sequence anywhere, and what a state says was told must have been told.
    states: Vec<Message>,
    products: Vec<ProductUpdate>,
}

impl<J: Judge> Ledger<J> {
    pub fn new(judge: J, config: LedgerConfig) -> Ledger<J> {
        Ledger {
            judge,
            config,
            books: BTreeMap::new(),
            restoring: BTreeMap::new(),
            rebuilds: BTreeMap::new(),
            asked: None,
            doubted: BTreeMap::new(),
            shown: BTreeMap::new(),
            retired: Vec::new(),
            notes: Vec::new(),
        }
    }

    pub fn judge_mut(&mut self) -> &mut J {
        &mut self.judge
    }

    fn restored(&mut self, part: &Part, mut found: Restoring) -> Opened {
        if let Some(broken) = found.broken {
            return Opened::Refuse(broken);
        }
        let topic = &self.config.state;
        let mut book = Book {
            id: found.id,
            next: 0,
            applied: 0,
            products: found.products(),
            touched: BTreeSet::new(),
            pieces: BTreeMap::new(),
            append_ms: 0,
            swept_ms: 0,
            dirty: false,
            unshown: true,
            written: None,
        };
        let Some(state) = found.partition else {
            if let Some(committed) = &found.committed {
                let why = format!(
                    "group {} has committed {} of {part}, but {topic} holds nothing of it: restore {topic}, or delete the group to begin anew",
                    self.config.source.group, committed.offset
                );
                return self.doubt(part, why);
            }
            book.next = found.ends.start;
            book.applied = book.next;
            let opened = Opened::Start { offset: book.next, replay_until: book.applied };
            self.books.insert(part.clone(), book);
            return opened;
        };
        if state.group != self.config.source.group {
            return Opened::Refuse(format!(
                "{topic} belongs to group {}, this worker is of {}: give one of the two deployments another governance.internal.prefix",
                state.group, self.config.source.group
            ));
        }
        if state.deltas != found.id {
            let text = format!("{part} was deleted and created again: windows that were open are incomplete");
            self.notes.push(Note { level: Level::Error, text });
            book.next = found.ends.start;
            book.applied = book.next;
            book.products.values_mut().for_each(|product| product.begin_anew());
            book.lost(self.config.window.size_ms);
        } else {
            // A tool may have reset the offset: the state knows better. Two different truths are refused.
            let metadata = found.committed.map(|c| c.metadata).unwrap_or_default();
            let differs = !metadata.is_empty() && !self.agree(&metadata, &state);
            if differs && !planted(Mutation::MetadataUnchecked) {
                let why = format!(
                    "{topic} says that {} deltas of {part} are applied, the committed offset says \"{metadata}\": one of the two was restored from elsewhere",
                    state.applied
                );
                return self.doubt(part, why);
            }
            book.applied = state.applied;
            book.next = state.low.max(found.ends.start);
            if found.ends.start > state.low {
                let text = format!(
                    "deltas of {part} before {} were deleted while windows needed them: those are incomplete",
                    found.ends.start
                );
                self.notes.push(Note { level: Level::Error, text });
                book.lost(self.config.window.size_ms);
                book.applied = book.applied.max(found.ends.start);
            }
            book.written = Some(state);
        }
        let opened = Opened::Start { offset: book.next, replay_until: book.applied };
        self.books.insert(part.clone(), book);
        self.rebuild(part, true);
        opened
    }

    /// Has closed windows read again where their keys are needed and not known. `restarted`: no window's are.
    fn rebuild(&mut self, part: &Part, restarted: bool) {
        let Some(book) = self.books.get_mut(part) else { return };
        let since =
            book.products.values_mut().filter_map(|product| product.forgotten_since(&self.judge, restarted)).min();
        if let Some(since_ms) = since {
            self.rebuilds.insert(part.clone(), Rebuild::new(part.clone(), since_ms, restarted.then_some(book.next)));
        }
    }

    /// Whether the committed offset's metadata says what the state says. Without transactions the state is written
    /// first: what a crash left ahead of the offset is right.
    fn agree(&self, metadata: &str, state: &PartitionState) -> bool {
        let ahead = |(applied, deltas): (&str, &str)| {
            deltas == state.deltas.to_string() && applied.parse().is_ok_and(|applied: Offset| applied <= state.applied)
        };
        metadata == metadata_of(state.applied, state.deltas)
            || !self.config.transactions && metadata.split_once(' ').is_some_and(ahead)
    }

    /// Refuses what does not fit together only when it is found a second time: a member that was expelled and does not
    /// know it yet may have read the offset before its successor's commit and the state after it, or a state whose
    /// older records were compacted away while it read.
    fn doubt(&mut self, part: &Part, why: String) -> Opened {
        if self.doubted.get(part) == Some(&why) {
            return Opened::Refuse(why);
        }
        self.doubted.insert(part.clone(), why);
        Opened::Again
    }
}

impl<J: Judge> Stage for Ledger<J> {
    type Cut = Cut;
    const NEEDS_HIGHS: bool = false;

    fn open(&mut self, _now: Ms, part: &Part, committed: Option<&Committed>, topic: TopicInfo, ends: Ends) -> Opened {
        let restoring = Restoring::new(committed.cloned(), topic.id, ends);
        self.restoring.insert(part.clone(), restoring);
        Opened::Read { log: Part::new(&self.config.state, part.partition), from: 0 }
    }

    fn read(&mut self, part: &Part, chunk: Chunk) -> Option<Opened> {
        let mut restoring = self.restoring.remove(part)?;
        for record in chunk.records {
            restoring.take(part.partition, record);
        }
        if chunk.done {
            return Some(self.restored(part, restoring));
        }
        self.restoring.insert(part.clone(), restoring);
        None
    }

    fn records(&mut self, _now: Ms, part: &Part, records: &[RawRecord<'_>]) -> Result<Vec<SchemaRef>, String> {
        let mut full = self.is_full();
        let tell = self.config.teller(&self.judge);
        let Some(book) = self.books.get_mut(part) else { return Ok(Vec::new()) };
        // A partition that replays is not held: it waits for nothing, and says little.
        let replays = book.next < book.applied;
        for record in records.iter() {
            if record.offset < book.next {
                continue;
            }
            if full && !replays {
                break;
            }
            let delta = decode("a delta", record.value.unwrap_or_default())
                .map_err(|e| format!("offset {}: {e}", record.offset))?;
            book.append_ms = book.append_ms.max(record.timestamp_ms);
            book.dirty |= record.offset >= book.applied;
            book.delta(&tell, record.offset, book.append_ms, delta);
            let applied_before = record.offset < book.applied;
            book.next = record.offset + 1;
            if !applied_before {
                book.sweep(&tell);
            }
            if !self.config.transactions {
                book.drop_torn();
            }
            full = book.pieces.is_empty() && book.waiting_bytes() >= self.config.flush_bytes;
        }
        Ok(Vec::new())
    }

    /// Between the parts of a delta there is no flush that could make room.
    fn is_full(&self) -> bool {
        self.held().bytes >= self.config.flush_bytes && self.books.values().all(|book| book.pieces.is_empty())
    }

    fn knows(&self, _schema: SchemaRef) -> bool {
        true
    }

    fn passed(&mut self, part: &Part, offset: Offset) {
        if let Some(book) = self.books.get_mut(part) {
            book.next = book.next.max(offset);
        }
    }

    fn position(&self, part: &Part) -> Option<Offset> {
        self.books.get(part).map(|b| b.next)
    }

    fn whole(&self, part: &Part) -> bool {
        self.books.get(part).is_some_and(|b| b.pieces.is_empty())
    }

    fn due(&self, since_ms: Ms) -> bool {
        self.dirty() && (since_ms >= self.config.flush_interval_ms || self.held().bytes >= self.config.flush_bytes)
    }

    fn dirty(&self) -> bool {
        self.books.values().any(|b| b.dirty)
    }

    fn held(&self) -> Held {
        let windows = self.books.values().flat_map(|b| b.products.values()).map(Product::windows).sum();
        Held { windows, bytes: self.books.values().map(Book::waiting_bytes).sum() }
    }

    fn topics(&self, _live: &[Part]) -> Vec<Arc<str>> {
        vec![self.config.deltas.clone()]
    }

    fn cut(&mut self, now: Ms, live: &[Part]) -> Self::Cut {
        let tell = self.config.teller(&self.judge);
        let mut cut = Cut { outgoing: Outgoing::default(), states: Vec::new(), products: Vec::new() };
        for part in live {
            let Some(book) = self.books.get_mut(part) else { continue };
            let applied = if planted(Mutation::AppliedIsLast) { book.next - 1 } else { book.next };
            self.shown.entry(part.clone()).or_default().extend(book.products.keys().cloned());
            if std::mem::take(&mut book.unshown) {
                let still = book.products.iter().filter(|(name, _)| !book.touched.contains(name));
                cut.products.extend(
                    still.map(|(_, product)| shown(product.state.clone(), Moved::default(), product.budgets(&tell), 0)),
                );
            }
            // A replay begins at the low-water mark that was written last: this one's commit may fail.
            let low = book.written.as_ref().map_or(0, |w| w.low);
            for name in std::mem::take(&mut book.touched) {
                let Some(product) = book.products.get_mut(&name) else { continue };
                product.forget_deltas(low);
                let moved = product.end_transaction(&tell, applied);
                let latency_ms = now - book.append_ms;
                cut.history(&self.config, part.partition, product, moved.history);
                let budgets = product.budgets(&tell);
                cut.take(&self.config, part.partition, product.state.clone(), (moved, budgets), latency_ms);
            }
            if book.dirty || book.written.is_none() {
                let (deltas, low, group) = (book.id, book.low(), self.config.source.group.clone());
                let state = PartitionState { deltas, applied, low, group };
                cut.state(&self.config, part.partition, partition_key(part.partition), encode(&state), None);
                book.written = Some(state);
                book.dirty = false;
            }
            if let Some(PartitionState { applied, low, deltas, .. }) = book.written {
                cut.outgoing.offsets.push((part.clone(), low, metadata_of(applied, deltas)));
            }
        }
        let states = std::mem::take(&mut cut.states);
        cut.outgoing.messages.extend(states);
        cut
    }

    fn outgoing(&mut self, cut: &mut Self::Cut, _seen: &Seen) -> Outgoing {
        std::mem::take(&mut cut.outgoing)
    }

    fn publication(&self, _now: Ms, cut: &Self::Cut) -> Publication {
        let products = self.books.values().flat_map(|book| book.products.values());
        let horizon_bytes = products.map(Product::horizon_bytes).sum();
        Publication { products: cut.products.clone(), horizon_bytes, ..Publication::default() }
    }

    fn parts_of(&self, product: &ProductName, parts: &[Part]) -> Vec<Part> {
        let holds = |part: &&Part| self.books.get(*part).is_some_and(|b| b.products.contains_key(product));
        parts.iter().filter(holds).cloned().collect()
    }

    fn forget(&mut self, parts: &[Part]) {
        for part in parts {
            self.restoring.remove(part);
            self.rebuilds.remove(part);
            self.books.remove(part);
            // A recovery may have emptied the books before the partition left.
            self.retired.extend(self.shown.remove(part).unwrap_or_default());
        }
    }

    fn reset(&mut self) {
        self.books.clear();
        self.restoring.clear();
        self.rebuilds.clear();
    }

    fn contracts_changed(&mut self) {
        let products = self.books.values().flat_map(|b| b.products.keys());
        let gone = products.filter(|p| self.judge.current(p).is_empty());
        self.retired.extend(gone.cloned());
        let parts: Vec<Part> = self.books.keys().cloned().collect();
        parts.iter().for_each(|part| self.rebuild(part, false));
    }

    fn aside(&mut self, now: Ms) -> Option<Call> {
        let (part, call) = self.rebuilds.iter_mut().find_map(|(part, rebuild)| {
            let committed = self.books.get(part).filter(|book| !book.dirty).map(|book| book.next);
            Some((part.clone(), rebuild.call(now, committed)?))
        })?;
        self.asked = Some(part);
        Some(call)
    }

    fn aside_answered(&mut self, now: Ms, answer: Answer) {
        let Some(part) = self.asked.take() else { return };
        let (Some(rebuild), Some(book)) = (self.rebuilds.get_mut(&part), self.books.get_mut(&part)) else { return };
        if book.learn(&self.judge, self.config.window.size_ms, rebuild.answered(now, answer)) {
            self.rebuilds.remove(&part);
            self.notes
                .push(Note { level: Level::Info, text: format!("{part}: keys of closed windows are known again") });
        }
    }

    fn retired(&mut self) -> Vec<ProductName> {
        std::mem::take(&mut self.retired)
    }

    fn notes(&mut self) -> Vec<Note> {
        std::mem::take(&mut self.notes)
    }
}

impl Cut {
    /// Goes before the product's state: without transactions it may be ahead of it, and never behind.
    fn history<T: Merge>(&mut self, config: &LedgerConfig, partition: i32, product: &Product<T>, moved: bool) {
        if moved {
            let history = &product.history;
            let about = Some(history.product.clone());
            self.state(config, partition, history_key(&history.product), encode(history), about);
        }
    }

    fn take(
        &mut self,
        config: &LedgerConfig,
        partition: i32,
        mut state: ProductState,
        (mut moved, budgets): (Moved, Vec<Budget>),
        latency_ms: Ms,
    ) {
        let lineage = config.lineage.as_ref().map_or(&config.events, |lineage| &lineage.topic);
        let events = std::mem::take(&mut moved.events).into_iter().map(|event| (&config.events, event));
        let lineage = std::mem::take(&mut moved.lineage).into_iter().map(|event| (lineage, event));
        for (topic, Event { key, headers, value }) in events.chain(lineage) {
            let about = Some(Whose::Product(state.product.clone()));
            let (topic, key) = (topic.clone(), Some(key));
            let message = Message { topic, key, headers, value: Some(value), about, ..Message::default() };
            self.outgoing.messages.push(message);
        }
        if planted(Mutation::ClosedThroughForgotten) {
            state.closed_through = None;
        }
        let (key, product) = (product_key(&state.product), state.product.clone());
        self.state(config, partition, key, encode(&state), Some(product));
        self.products.push(shown(state, moved, budgets, latency_ms));
    }

    fn state(
        &mut self,
        config: &LedgerConfig,
        partition: i32,
        key: Vec<u8>,
        value: Vec<u8>,
        about: Option<ProductName>,
    ) {
        let (topic, partition) = (config.state.clone(), Some(partition));
        let (key, value, about) = (Some(key), Some(value), about.map(Whose::Product));
        self.states.push(Message { topic, partition, key, value, about, ..Message::default() });
    }
}

/// What a commit shows of a product.
fn shown(state: ProductState, moved: Moved, budgets: Vec<Budget>, latency_ms: Ms) -> ProductUpdate {
    ProductUpdate {
        product: state.product.clone(),
        state,
        records: moved.counts.records,
        bytes: moved.counts.bytes,
        undecodable: moved.counts.undecodable,
        unmeasured: moved.counts.unmeasured,
        tombstones: moved.counts.tombstones,
        late: moved.late,
        quarantined: moved.quarantined,
        gap_offsets: moved.gap_offsets,
        overlaps: moved.overlaps,
        violations: moved.violations.into_values().collect(),
        profile: moved.profile,
        told: moved.told,
        budgets,
        latency_ms,
    }
}

/// The metadata of a committed delta offset: what the state topic must agree with.
fn metadata_of(applied: Offset, deltas: TopicId) -> String {
    format!("{applied} {deltas}")
}
