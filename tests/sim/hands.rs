//! The two stages alone, hand to hand: records into stage 1, its deltas into stage 2, and what a commit would show.

use mesh_steward::catalog::plans::PlansJudge;
use mesh_steward::engine::contract::plan::{Binding, Plans};
use mesh_steward::engine::contract::{compile, joined};
use mesh_steward::engine::event::envelope::Source;
use mesh_steward::engine::record::{Offset, RawRecord, TopicId};
use mesh_steward::flow::inspecting::InspectorConfig;
use mesh_steward::flow::inspector::Inspector;
use mesh_steward::flow::io::{
    Answer, Call, Chunk, Committed, Ends, LogRecord, Message, Ms, Part, ProductUpdate, TopicInfo,
};
use mesh_steward::flow::ledger::{Ledger, LedgerConfig};
use mesh_steward::flow::stage::{Opened, Seen, Stage};
use mesh_steward::flow::window::WindowConfig;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

pub const MINUTE_MS: Ms = 60_000;
/// The first window of all these tests begins here.
pub const T: Ms = 1_764_000_000_000;
const ORDERS: TopicInfo = TopicInfo { id: TopicId(1), partitions: 1 };
const ALSO: TopicInfo = TopicInfo { id: TopicId(3), partitions: 1 };
const DELTAS: TopicInfo = TopicInfo { id: TopicId(2), partitions: 1 };

/// What a commit of the ledger would show.
pub struct Shown {
    pub products: Vec<ProductUpdate>,
    pub windows: Vec<Value>,
}

pub struct Hands {
    pub plans: Arc<Plans>,
    pub inspector: Inspector<PlansJudge>,
    pub ledger: Ledger<PlansJudge>,
    /// Append time and bytes, by offset.
    pub deltas: Vec<(Ms, Vec<u8>)>,
    /// The compacted state topic.
    pub state: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Window events by `ce_id`, each as it was told last.
    pub told: BTreeMap<String, Value>,
    pub transactions: bool,
    /// The next offset of the data, and the first of the deltas that are kept.
    pub next: Offset,
    pub start: Offset,
    /// A second topic that stage 1 reads.
    also: Option<Part>,
}

impl Hands {
    pub fn new(contracts: &[&str]) -> Hands {
        let mut plans = Plans::default();
        for text in contracts {
            let plan = Arc::new(compile::compile(&joined::parse(text).contract.expect("a contract")));
            for (object, of) in plan.objects.iter().enumerate() {
                plans.by_topic.entry(of.topic.clone()).or_default().push(Binding { plan: plan.clone(), object });
            }
            plans.by_hash.insert(plan.hash, plan);
        }
        let plans = Arc::new(plans);
        let mut hands = Hands {
            inspector: inspector(&plans),
            ledger: ledger(&plans, true),
            plans,
            deltas: Vec::new(),
            state: BTreeMap::new(),
            told: BTreeMap::new(),
            transactions: true,
            next: 0,
            start: 0,
            also: None,
        };
        hands.take_up();
        let ends = Ends { start: 0, stable: 0, high: 0 };
        let opened = hands.inspector.open(T, &orders(), None, ORDERS, ends);
        hands.read_logs(opened);
        hands
    }

    /// Stage 1 without committed offsets reads our own logs, which are empty.
    pub fn read_logs(&mut self, mut opened: Opened) {
        while let Opened::Read { .. } = opened {
            let nothing = Chunk { records: Vec::new(), next: 0, done: true };
            opened = self.inspector.read(&orders(), nothing).expect("the log is read");
        }
        assert!(matches!(opened, Opened::Start { .. }), "{opened:?}");
    }

    /// Stage 1 reads a second topic, from its start.
    pub fn read_also(&mut self, topic: &str) {
        let part = Part::new(&topic.into(), 0);
        let ends = Ends { start: 0, stable: 0, high: 0 };
        let mut opened = self.inspector.open(T, &part, None, ALSO, ends);
        while let Opened::Read { .. } = opened {
            let nothing = Chunk { records: Vec::new(), next: 0, done: true };
            opened = self.inspector.read(&part, nothing).expect("the log is read");
        }
        self.also = Some(part);
    }

    /// It goes on in the second topic at a committed offset.
    pub fn start_also_at(&mut self, offset: Offset) {
        let committed = Committed { offset, metadata: ALSO.id.to_string() };
        let ends = Ends { start: 0, stable: 100, high: 100 };
        let part = self.also.clone().expect("a second topic");
        self.inspector.open(T, &part, Some(&committed), ALSO, ends);
    }

    /// What the ledger asks for beside its work, to the end: three deltas an answer.
    pub fn read_aside(&mut self) {
        let high = self.deltas.len() as Offset;
        while let Some(call) = self.ledger.aside(T) {
            let answer = match call {
                Call::Ends(parts) => {
                    let ends = Ends { start: self.start, stable: high, high };
                    Answer::Ends(Ok(parts.into_iter().map(|part| (part, ends)).collect()))
                }
                Call::OffsetAt { time_ms, .. } => {
                    let found = (self.start..high).find(|offset| self.deltas[*offset as usize].0 >= time_ms);
                    Answer::OffsetAt(Ok(found))
                }
                Call::ReadLog { from, to, .. } => {
                    let next = to.min(from + 3).max(from);
                    let record = |offset: Offset| {
                        let (timestamp_ms, value) = self.deltas[offset as usize].clone();
                        LogRecord { offset, timestamp_ms, key: None, value: Some(value) }
                    };
                    let records = (from..next).map(record).collect();
                    Answer::ReadLog(Ok(Chunk { records, next, done: next >= to }))
                }
                other => panic!("{other:?}"),
            };
            self.ledger.aside_answered(T, answer);
        }
    }

    /// Stage 1 begins again from a committed offset.
    pub fn start_at(&mut self, offset: Offset) {
        self.inspector.reset();
        let committed = Committed { offset, metadata: ORDERS.id.to_string() };
        let ends = Ends { start: 0, stable: 100, high: 100 };
        let opened = self.inspector.open(T, &orders(), Some(&committed), ORDERS, ends);
        assert_eq!(opened, Opened::Start { offset, replay_until: offset });
    }

    /// Records at these times and values from this offset on.
    pub fn records(&mut self, first: Offset, values: &[(Ms, Option<&'static str>)]) {
        self.records_of(&orders(), first, values);
    }

    /// The same in the second topic.
    pub fn records_also(&mut self, first: Offset, values: &[(Ms, Option<&'static str>)]) {
        let part = self.also.clone().expect("a second topic");
        self.records_of(&part, first, values);
    }

    fn records_of(&mut self, part: &Part, first: Offset, values: &[(Ms, Option<&'static str>)]) {
        let record = |(i, (timestamp_ms, value)): (usize, &(Ms, Option<&'static str>))| RawRecord {
            offset: first + i as Offset,
            timestamp_ms: *timestamp_ms,
            key: None,
            value: value.map(str::as_bytes),
            schema_header: None,
            headers: None,
        };
        let records: Vec<_> = values.iter().enumerate().map(record).collect();
        self.inspector.records(T + 60 * MINUTE_MS, part, &records).expect("records are read");
    }

    /// One flush of stage 1, appended at this time and read by the ledger.
    pub fn flush(&mut self, append_ms: Ms) {
        let seen = Seen {
            asked_ms: append_ms,
            topics: std::iter::once((Arc::from("orders"), Some(ORDERS)))
                .chain(self.also.iter().map(|part| (part.topic.clone(), Some(ALSO))))
                .collect(),
            highs: BTreeMap::new(),
            quarantines: BTreeMap::new(),
        };
        let mut cut = self.inspector.cut(append_ms, &self.parts());
        let outgoing = self.inspector.outgoing(&mut cut, &seen);
        for message in outgoing.messages {
            self.deltas.push((append_ms, message.value.expect("a delta")));
            self.apply(self.deltas.len() - 1);
        }
    }

    fn parts(&self) -> Vec<Part> {
        std::iter::once(orders()).chain(self.also.clone()).collect()
    }

    pub fn apply(&mut self, offset: usize) {
        let record = delta((offset, &self.deltas[offset]));
        self.ledger.records(record.timestamp_ms, &Part::new(&"deltas".into(), 0), &[record]).expect("a delta is read");
    }

    /// A ledger that begins anew finds all deltas in one batch and flushes when so much waits: what each flush writes.
    pub fn read_at_once(&self, flush_bytes: usize) -> Vec<Vec<Message>> {
        let part = Part::new(&"deltas".into(), 0);
        let mut ledger = ledger_of(&self.plans, self.transactions, flush_bytes);
        let high = self.deltas.len() as Offset;
        ledger.open(T, &part, None, DELTAS, Ends { start: 0, stable: high, high });
        ledger.read(&part, Chunk { records: Vec::new(), next: 0, done: true });
        let mut flushes = Vec::new();
        while ledger.position(&part).expect("it is read") < high {
            let from = ledger.position(&part).expect("it is read") as usize;
            let batch = self.deltas.iter().enumerate().skip(from).map(delta);
            ledger.records(T, &part, &batch.collect::<Vec<_>>()).expect("deltas are read");
            assert!(ledger.is_full() || ledger.position(&part) == Some(high), "nothing waits without need");
            let mut cut = ledger.cut(T, std::slice::from_ref(&part));
            flushes.push(ledger.outgoing(&mut cut, &Seen::default()).messages);
            assert!(!ledger.is_full(), "a flush makes room");
        }
        flushes
    }

    pub fn commit(&mut self) -> Shown {
        let (messages, products) = self.cut();
        let windows = self.write(messages);
        Shown { products, windows }
    }

    /// What a flush of the ledger would write, in its order, and what its commit would show.
    pub fn cut(&mut self) -> (Vec<Message>, Vec<ProductUpdate>) {
        let mut cut = self.ledger.cut(T, &[Part::new(&"deltas".into(), 0)]);
        let products = self.ledger.publication(T, &cut).products;
        (self.ledger.outgoing(&mut cut, &Seen::default()).messages, products)
    }

    /// Returns the window events.
    pub fn write(&mut self, messages: Vec<Message>) -> Vec<Value> {
        let mut windows: Vec<Value> = Vec::new();
        for message in messages {
            let value = message.value.expect("a value");
            let header = |name| message.headers.iter().find(|(n, _)| *n == name).map(|(_, v)| v.clone());
            if &*message.topic == "state" {
                self.state.insert(message.key.unwrap_or_default(), value);
            } else if header("ce_type").is_some_and(|t| t == "io.meshsteward.quality.window.v1") {
                let window: Value = serde_json::from_slice(&value).expect("an event in JSON");
                self.told.insert(header("ce_id").expect("an id"), window.clone());
                windows.push(window);
            }
        }
        windows
    }

    /// The ledger takes its partition up, from the state as committed, and reads the log again from where it must.
    pub fn take_up(&mut self) {
        let part = Part::new(&"deltas".into(), 0);
        self.ledger = ledger(&self.plans, self.transactions);
        let ends = Ends { start: 0, stable: self.deltas.len() as Offset, high: self.deltas.len() as Offset };
        let opened = self.ledger.open(T, &part, None, DELTAS, ends);
        assert!(matches!(opened, Opened::Read { .. }), "{opened:?}");
        let records = self.state.iter().map(|(key, value)| LogRecord {
            offset: 0,
            timestamp_ms: 0,
            key: Some(key.clone()),
            value: Some(value.clone()),
        });
        let chunk = Chunk { records: records.collect(), next: 0, done: true };
        match self.ledger.read(&part, chunk) {
            Some(Opened::Start { offset, .. }) => (offset as usize..self.deltas.len()).for_each(|o| self.apply(o)),
            other => panic!("{other:?}"),
        }
    }
}

fn orders() -> Part {
    Part::new(&"orders".into(), 0)
}

fn inspector(plans: &Arc<Plans>) -> Inspector<PlansJudge> {
    let config = InspectorConfig {
        window_size_ms: MINUTE_MS,
        window_grace_ms: 0,
        future_tolerance_ms: MINUTE_MS,
        flush_interval_ms: 1_000,
        flush_bytes: 1_000_000,
        message_bytes: 100_000,
        copy_bytes_max: 1 << 20,
        start_earliest: true,
        deltas: "deltas".into(),
        state: "state".into(),
        delta_partitions: 1,
        task: "inspector".into(),
        trails: None,
        contents: None,
    };
    Inspector::new(PlansJudge::new(plans.clone(), &[7; 16]), config)
}

/// As the ledger reads it.
fn delta((offset, (timestamp_ms, value)): (usize, &(Ms, Vec<u8>))) -> RawRecord<'_> {
    RawRecord {
        offset: offset as Offset,
        timestamp_ms: *timestamp_ms,
        key: None,
        value: Some(value),
        schema_header: None,
        headers: None,
    }
}

fn ledger(plans: &Arc<Plans>, transactions: bool) -> Ledger<PlansJudge> {
    ledger_of(plans, transactions, 1 << 20)
}

fn ledger_of(plans: &Arc<Plans>, transactions: bool, flush_bytes: usize) -> Ledger<PlansJudge> {
    let window =
        WindowConfig { size_ms: MINUTE_MS, grace_ms: 0, late_accept_ms: 10 * MINUTE_MS, max_open_ms: 60 * MINUTE_MS };
    let config = LedgerConfig {
        window,
        flush_interval_ms: 250,
        flush_bytes,
        source: Source { cluster: "c".into(), group: "g".into() },
        transactions,
        deltas: "deltas".into(),
        state: "state".into(),
        events: "events".into(),
        lineage: None,
    };
    Ledger::new(PlansJudge::new(plans.clone(), &[7; 16]), config)
}
