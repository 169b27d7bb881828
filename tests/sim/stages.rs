//! The two stages alone, hand to hand: records into stage 1, its deltas into stage 2, and what a commit would show.

use mesh_steward::catalog::plans::PlansJudge;
use mesh_steward::engine::contract::plan::{Binding, Plans};
use mesh_steward::engine::contract::{compile, odcs};
use mesh_steward::engine::event::envelope::Source;
use mesh_steward::engine::record::{Offset, RawRecord, TopicId};
use mesh_steward::flow::inspector::{Inspector, InspectorConfig};
use mesh_steward::flow::io::{Chunk, Committed, Ends, LogRecord, Message, Ms, Part, ProductUpdate, TopicInfo};
use mesh_steward::flow::ledger::{Ledger, LedgerConfig};
use mesh_steward::flow::stage::{Opened, Seen, Stage};
use mesh_steward::flow::window::WindowConfig;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

const MINUTE_MS: Ms = 60_000;
/// The first window of all these tests begins here.
const T: Ms = 1_764_000_000_000;
const ORDERS: TopicInfo = TopicInfo { id: TopicId(1), partitions: 1 };
const DELTAS: TopicInfo = TopicInfo { id: TopicId(2), partitions: 1 };

/// Two contracts of one product; both read `orders`.
const CONTRACTS: [&str; 2] = [
    "
apiVersion: v3.1.0
kind: DataContract
id: first
version: 1.0.0
status: active
domain: sales
dataProduct: orders
schema:
  - {name: a, physicalType: topic, physicalName: orders, properties: [{name: id, logicalType: string, required: true}]}
",
    "
apiVersion: v3.1.0
kind: DataContract
id: second
version: 1.0.0
status: active
domain: sales
dataProduct: orders
schema:
  - {name: b, physicalType: topic, physicalName: orders, properties: [{name: n, logicalType: integer, required: true}]}
",
];

#[test]
fn a_record_that_two_contracts_of_a_product_read_is_one_record_of_the_product() {
    let mut hands = Hands::new(&CONTRACTS);
    hands.records(0, &[(T, Some("{\"id\":\"a\",\"n\":1}")), (T + 1, Some("{")), (T + 2, None)]);
    hands.flush(T + 10);
    let shown = hands.commit();
    let [update] = &shown.products[..] else { panic!("{:?}", shown.products) };
    assert_eq!((update.records, update.undecodable, update.tombstones, update.bytes), (3, 1, 1, 17));
    assert_eq!((update.state.totals.records, update.state.totals.undecodable), (3, 1));

    // Both windows close, each with all its records; one record is far too late, and late once.
    hands.records(3, &[(T + 60 * MINUTE_MS, None), (T, None)]);
    hands.flush(T + 60 * MINUTE_MS);
    hands.records(5, &[(T, None)]);
    hands.flush(T + 60 * MINUTE_MS);
    let shown = hands.commit();
    let closed = shown.windows.iter().filter(|w| w["window"]["start"] == "2025-11-24T16:00:00Z");
    let counted: Vec<_> = closed.map(|w| w["counts"]["records"].as_u64().unwrap_or(0)).collect();
    assert_eq!(counted, [4, 4], "{:?}", shown.windows);
    let late: Vec<_> = shown.products.iter().map(|p| (p.records, p.late, p.state.totals.late)).collect();
    assert_eq!(late, [(3, 1, 1)]);
}

#[test]
fn a_replay_does_with_a_delta_what_was_done_with_it_before() {
    // Offsets 0 to 3 are read, then again (all counted before), then 1 to 5 (some counted before), and a restart follows.
    let check = |what: &str, again: &[(Offset, usize)], records: u64, exact: bool, restarts: usize| {
        let mut hands = Hands::new(&CONTRACTS[..1]);
        let at = |count: usize| vec![(T, Some("{\"id\":\"a\"}")); count];
        hands.records(0, &at(3));
        hands.flush(T + 10);
        for (from, count) in again {
            hands.start_at(*from);
            hands.records(*from, &at(*count));
            hands.flush(T + 20);
        }
        for _ in 0..restarts {
            hands.commit();
            hands.take_up();
        }
        let after = again.iter().map(|(from, count)| from + *count as Offset).max().unwrap_or(3).max(3);
        hands.start_at(after);
        hands.records(after, &[(T + 2 * MINUTE_MS, None)]);
        hands.flush(T + 2 * MINUTE_MS);
        let shown = hands.commit();
        let closed = &shown.windows[0];
        let said = (closed["counts"]["records"].as_u64(), closed["exact"].as_bool());
        assert_eq!(said, (Some(records), Some(exact)), "{what}, {restarts} restarts: {closed}");
        hands.flush(T + 2 * MINUTE_MS);
        let odd = hands.commit().products[0].state.odd.clone();
        assert_eq!(odd.len(), 0, "{what}: what no replay needs is forgotten");
    };
    for restarts in 0..3 {
        check("once", &[], 3, true, restarts);
        check("all again", &[(0, 3)], 3, true, restarts);
        check("some again", &[(1, 4)], 7, false, restarts);
        check("all, then some", &[(0, 3), (1, 4)], 7, false, restarts);
    }
}

/// Without transactions a crash leaves a flush of the ledger cut off anywhere: what is told in the end is the same.
#[test]
fn a_torn_flush_of_the_ledger_loses_nothing_and_counts_nothing_twice() {
    // The second contract as another product of the same topic, so that one state may be written and the other not.
    let contracts = [CONTRACTS[0].to_string(), CONTRACTS[1].replace("dataProduct: orders", "dataProduct: returns")];
    let told = |tear: Option<usize>| {
        let mut hands = Hands::new(&contracts.each_ref().map(String::as_str));
        hands.transactions = false;
        hands.take_up();
        let row = |time_ms| (time_ms, Some("{\"id\":\"a\",\"n\":1}"));
        hands.records(0, &[row(T), row(T + 1)]);
        hands.flush(T + 10);
        hands.commit();
        // The first window closes, the second has a record already.
        hands.records(2, &[row(T + 2), row(T + MINUTE_MS + 1)]);
        hands.flush(T + MINUTE_MS + 10);
        let (messages, _) = hands.cut();
        let whole = messages.len();
        hands.write(messages.into_iter().take(tear.unwrap_or(whole)).collect());
        if tear.is_some() {
            hands.take_up();
        }
        hands.records(4, &[row(T + MINUTE_MS + 2), row(T + 3 * MINUTE_MS)]);
        hands.flush(T + 3 * MINUTE_MS);
        hands.commit();
        let said = |w: &Value| {
            (w["product"].to_string(), w["window"].to_string(), w["counts"].to_string(), w["exact"] == true)
        };
        let windows: BTreeMap<String, _> = hands.told.iter().map(|(id, window)| (id.clone(), said(window))).collect();
        (windows, whole)
    };
    let (expected, whole) = told(None);
    // Two products, two windows each and one without records; the torn flush has two events, two states of products, and the partition's.
    assert_eq!((expected.len(), whole >= 5), (6, true), "{expected:#?}, {whole} messages");
    for written in 0..=whole {
        assert_eq!(told(Some(written)).0, expected, "{written} of {whole} messages were written");
    }
}

/// What a commit of the ledger would show.
struct Shown {
    products: Vec<ProductUpdate>,
    windows: Vec<Value>,
}

struct Hands {
    plans: Arc<Plans>,
    inspector: Inspector<PlansJudge>,
    ledger: Ledger<PlansJudge>,
    /// Append time and bytes, by offset.
    deltas: Vec<(Ms, Vec<u8>)>,
    /// The compacted state topic.
    state: BTreeMap<Vec<u8>, Vec<u8>>,
    /// Window events by `ce_id`, each as it was told last.
    told: BTreeMap<String, Value>,
    transactions: bool,
}

impl Hands {
    fn new(contracts: &[&str]) -> Hands {
        let mut plans = Plans::default();
        for text in contracts {
            let plan = Arc::new(compile::compile(&odcs::parse(text).contract.expect("a contract")));
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
        };
        hands.take_up();
        let ends = Ends { start: 0, stable: 0, high: 0 };
        let opened = hands.inspector.open(T, &orders(), None, ORDERS, ends);
        hands.read_logs(opened);
        hands
    }

    /// Stage 1 without committed offsets reads our own logs, which are empty.
    fn read_logs(&mut self, mut opened: Opened) {
        while let Opened::Read { .. } = opened {
            let nothing = Chunk { records: Vec::new(), next: 0, done: true };
            opened = self.inspector.read(&orders(), nothing).expect("the log is read");
        }
        assert!(matches!(opened, Opened::Start { .. }), "{opened:?}");
    }

    /// Stage 1 begins again from a committed offset.
    fn start_at(&mut self, offset: Offset) {
        self.inspector.reset();
        let committed = Committed { offset, metadata: ORDERS.id.to_string() };
        let ends = Ends { start: 0, stable: 100, high: 100 };
        let opened = self.inspector.open(T, &orders(), Some(&committed), ORDERS, ends);
        assert_eq!(opened, Opened::Start { offset, replay_until: offset });
    }

    /// Records at these times and values from this offset on.
    fn records(&mut self, first: Offset, values: &[(Ms, Option<&'static str>)]) {
        let record = |(i, (timestamp_ms, value)): (usize, &(Ms, Option<&'static str>))| RawRecord {
            offset: first + i as Offset,
            timestamp_ms: *timestamp_ms,
            key: None,
            value: value.map(str::as_bytes),
            schema_header: None,
            headers: None,
        };
        let records: Vec<_> = values.iter().enumerate().map(record).collect();
        self.inspector.records(T + 60 * MINUTE_MS, &orders(), &records).expect("records are read");
    }

    /// One flush of stage 1, appended at this time and read by the ledger.
    fn flush(&mut self, append_ms: Ms) {
        let seen = Seen {
            asked_ms: append_ms,
            topics: BTreeMap::from([(Arc::from("orders"), Some(ORDERS))]),
            ends: BTreeMap::new(),
        };
        let mut cut = self.inspector.cut(append_ms, &[orders()]);
        let outgoing = self.inspector.outgoing(&mut cut, &seen);
        for message in outgoing.messages {
            self.deltas.push((append_ms, message.value.expect("a delta")));
            self.apply(self.deltas.len() - 1);
        }
    }

    fn apply(&mut self, offset: usize) {
        let (timestamp_ms, value) = &self.deltas[offset];
        let record = RawRecord {
            offset: offset as Offset,
            timestamp_ms: *timestamp_ms,
            key: None,
            value: Some(value),
            schema_header: None,
            headers: None,
        };
        self.ledger.records(*timestamp_ms, &Part::new(&"deltas".into(), 0), &[record]).expect("a delta is read");
    }

    fn commit(&mut self) -> Shown {
        let (messages, products) = self.cut();
        let windows = self.write(messages);
        Shown { products, windows }
    }

    /// What a flush of the ledger would write, in its order, and what its commit would show.
    fn cut(&mut self) -> (Vec<Message>, Vec<ProductUpdate>) {
        let mut cut = self.ledger.cut(T, &[Part::new(&"deltas".into(), 0)]);
        let products = self.ledger.publication(T, &cut).products;
        (self.ledger.outgoing(&mut cut, &Seen::default()).messages, products)
    }

    /// Returns the window events.
    fn write(&mut self, messages: Vec<Message>) -> Vec<Value> {
        let mut windows: Vec<Value> = Vec::new();
        for message in messages {
            let value = message.value.expect("a value");
            let header = |name| message.headers.iter().find(|(n, _)| *n == name).map(|(_, v)| v.clone());
            if &*message.topic == "state" {
                self.state.insert(message.key, value);
            } else if header("ce_type").is_some_and(|t| t == "io.meshsteward.quality.window.v1") {
                let window: Value = serde_json::from_slice(&value).expect("an event in JSON");
                self.told.insert(header("ce_id").expect("an id"), window.clone());
                windows.push(window);
            }
        }
        windows
    }

    /// The ledger takes its partition up, from the state as committed, and reads the log again from where it must.
    fn take_up(&mut self) {
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
        future_tolerance_ms: MINUTE_MS,
        flush_interval_ms: 1_000,
        flush_bytes: 1_000_000,
        message_bytes: 100_000,
        start_earliest: true,
        deltas: "deltas".into(),
        state: "state".into(),
        delta_partitions: 1,
        task: "inspector".into(),
    };
    Inspector::new(PlansJudge::new(plans.clone(), &[7; 16]), config)
}

fn ledger(plans: &Arc<Plans>, transactions: bool) -> Ledger<PlansJudge> {
    let window =
        WindowConfig { size_ms: MINUTE_MS, grace_ms: 0, late_accept_ms: 10 * MINUTE_MS, max_open_ms: 60 * MINUTE_MS };
    let config = LedgerConfig {
        window,
        flush_interval_ms: 250,
        source: Source { cluster: "c".into(), group: "g".into() },
        transactions,
        deltas: "deltas".into(),
        state: "state".into(),
        events: "events".into(),
        lineage: None,
    };
    Ledger::new(PlansJudge::new(plans.clone(), &[7; 16]), config)
}
