//! The driver on a real broker: does it do what actions say, and only that? Runs where `STEWARD_TEST_KAFKA` names
//! one (`host:port`); elsewhere each case says that it is skipped.

use mesh_steward::flow::io::{
    Action, Answer, Call, Committed, Exit, FaultKind, Input, Machine, Membership, Message, Ms, Note, Part, Publication,
};
use mesh_steward::kafka::admin::{Admin, SetupError, Topics};
use mesh_steward::kafka::catalog;
use mesh_steward::kafka::client::{GroupProtocol, Settings};
use mesh_steward::kafka::driver::{self, Command, Sink};
use rdkafka::admin::{AdminClient, AdminOptions, NewTopic, TopicReplication};
use rdkafka::client::DefaultClientContext;
use rdkafka::config::ClientConfig;
use rdkafka::producer::{BaseProducer, BaseRecord, Producer};
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(20);

/// What a machine heard, kept.
#[derive(Clone, Debug, PartialEq)]
enum Seen {
    Assigned(Vec<Part>),
    Revoking(Vec<Part>),
    Lost(Vec<Part>),
    Record(Part, i64, Option<Vec<u8>>),
    Eof(Part, i64),
    OutOfRange(Part),
    Answer(Answer),
    Failed(FaultKind, String),
    Other,
}

fn keep(input: &Input<'_>) -> Vec<Seen> {
    vec![match input {
        Input::Assigned(parts) => Seen::Assigned(parts.clone()),
        Input::Revoking(parts) => Seen::Revoking(parts.clone()),
        Input::Lost(parts) => Seen::Lost(parts.clone()),
        Input::Records { part, records } => {
            return records.iter().map(|r| Seen::Record(part.clone(), r.offset, r.value.map(<[u8]>::to_vec))).collect();
        }
        Input::Eof { part, offset } => Seen::Eof(part.clone(), *offset),
        Input::OutOfRange { part } => Seen::OutOfRange(part.clone()),
        Input::Answer(answer) => Seen::Answer(answer.clone()),
        Input::ConsumerFailed(fault) => Seen::Failed(fault.kind, fault.message.clone()),
        _ => Seen::Other,
    }]
}

/// Does what the test says, when time passes, and tells it everything.
struct Puppet {
    script: Arc<Mutex<VecDeque<Vec<Action>>>>,
    seen: Sender<Seen>,
}

impl Machine for Puppet {
    fn on(&mut self, _: Ms, input: Input<'_>) -> Vec<Action> {
        for seen in keep(&input) {
            let _ = self.seen.send(seen);
        }
        match input {
            Input::Tick => self.script.lock().unwrap().pop_front().unwrap_or_default(),
            Input::Stop => vec![Action::Exit(Exit::Stopped)],
            _ => vec![],
        }
    }
}

struct Quiet;

impl Sink for Quiet {
    fn publish(&mut self, _: Publication) {}
    fn note(&mut self, _: Note) {}
    fn exit(&mut self, _: Exit) {}
}

/// A task whose strings the test pulls.
struct Task {
    script: Arc<Mutex<VecDeque<Vec<Action>>>>,
    seen: Receiver<Seen>,
    commands: Sender<Command<Puppet>>,
    thread: Option<JoinHandle<()>>,
}

impl Task {
    fn new(settings: Settings, topics: &[&str]) -> Task {
        let script = Arc::new(Mutex::new(VecDeque::new()));
        let (told, seen) = mpsc::channel();
        let (commands, orders) = mpsc::channel();
        let puppet = Puppet { script: script.clone(), seen: told };
        let thread = thread::spawn(move || driver::run(puppet, settings, orders, Quiet));
        let topics = topics.iter().map(|t| t.to_string()).collect();
        commands.send(Command::Subscribe(topics)).unwrap();
        Task { script, seen, commands, thread: Some(thread) }
    }

    fn act(&self, actions: Vec<Action>) {
        self.script.lock().unwrap().push_back(actions);
    }

    fn until<T>(&self, what: &str, mut wanted: impl FnMut(Seen) -> Option<T>) -> T {
        let deadline = Instant::now() + LONG;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(seen) = self.seen.recv_timeout(left) else { panic!("{what}: not seen within {LONG:?}") };
            if let Some(found) = wanted(seen) {
                return found;
            }
        }
    }

    fn call(&self, call: Call) -> Answer {
        self.act(vec![Action::Call(call)]);
        self.until("an answer", |seen| if let Seen::Answer(answer) = seen { Some(answer) } else { None })
    }

    /// Takes up the first assignment that is not empty.
    fn assigned(&self) -> Vec<Part> {
        let parts = self.until("an assignment", |seen| match seen {
            Seen::Assigned(parts) if parts.is_empty() => {
                self.act(vec![Action::Unassign(vec![])]);
                None
            }
            Seen::Assigned(parts) => Some(parts),
            _ => None,
        });
        self.act(vec![Action::Assign(parts.clone())]);
        parts
    }

    fn start(&self, part: &Part, offset: i64) {
        self.act(vec![Action::Start { part: part.clone(), offset }]);
    }

    /// Offsets of the records up to the end of the partition.
    fn to_end(&self, end: i64) -> Vec<i64> {
        let mut offsets = Vec::new();
        self.until("the end", |seen| match seen {
            Seen::Record(_, offset, _) => {
                offsets.push(offset);
                None
            }
            Seen::Eof(_, offset) if offset >= end => Some(()),
            _ => None,
        });
        offsets
    }
}

impl Drop for Task {
    fn drop(&mut self) {
        let _ = self.commands.send(Command::Stop);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

// The broker.

/// The broker's address and a name that no other case uses; `None`, said aloud, without a broker.
fn broker(case: &str) -> Option<(String, String)> {
    match std::env::var("STEWARD_TEST_KAFKA") {
        Ok(address) => Some((address, format!("{case}.{}", mesh_steward::clock::now_ms()))),
        Err(_) => {
            println!("skipped: {case} needs STEWARD_TEST_KAFKA=host:port");
            None
        }
    }
}

fn settings(address: &str, group: &str, worker: &str) -> Settings {
    let worker = worker.to_string();
    let name = worker.clone();
    Settings {
        properties: BTreeMap::from([("bootstrap.servers".into(), address.into())]),
        consumer: BTreeMap::new(),
        producer: BTreeMap::new(),
        admin: BTreeMap::new(),
        group: group.into(),
        protocol: GroupProtocol::Classic,
        worker_id: worker,
        stage: "inspect",
        slot: 0,
        events: Arc::new(move |event| {
            if std::env::var("STEWARD_TEST_EVENTS").is_ok() {
                println!("{name} {event:?}");
            }
        }),
    }
}

fn config(address: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", address);
    config
}

fn admin<T>(address: &str, act: impl AsyncFnOnce(AdminClient<DefaultClientContext>) -> T) -> T {
    let client: AdminClient<_> = config(address).create().unwrap();
    tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(act(client))
}

fn create(address: &str, topic: &str, partitions: i32) {
    admin(address, async |client| {
        let new = NewTopic::new(topic, partitions, TopicReplication::Fixed(1));
        client.create_topics([&new], &AdminOptions::new()).await.unwrap()[0].as_ref().unwrap();
    });
}

fn delete(address: &str, topic: &str) {
    admin(address, async |client| {
        client.delete_topics(&[topic], &AdminOptions::new()).await.unwrap()[0].as_ref().unwrap();
    });
}

/// Records with their numbers as values, spread over the partitions.
fn produce(address: &str, topic: &str, partitions: i32, numbers: std::ops::Range<i64>) {
    let producer: BaseProducer = config(address).set("linger.ms", "1").create().unwrap();
    for number in numbers {
        let value = number.to_string();
        let partition = (number % i64::from(partitions)) as i32;
        while producer.send(BaseRecord::<(), str>::to(topic).payload(&value).partition(partition)).is_err() {
            producer.poll(Duration::from_millis(10));
        }
    }
    producer.flush(LONG).unwrap();
}

fn message(topic: &str, value: &str) -> Message {
    Message {
        topic: topic.into(),
        partition: Some(0),
        key: b"k".to_vec(),
        headers: vec![("h", "v".into())],
        value: Some(value.into()),
        about: None,
    }
}

fn ok<T: std::fmt::Debug>(answer: Answer, pick: impl FnOnce(Answer) -> Option<T>) -> T {
    let text = format!("{answer:?}");
    pick(answer).unwrap_or_else(|| panic!("{text}"))
}

fn begin(task: &Task) -> Membership {
    ok(task.call(Call::Begin), |a| if let Answer::Begin(Ok(m)) = a { Some(m) } else { None })
}

// The cases.

#[test]
fn a_partition_is_read_exactly_from_its_start_and_not_before() {
    let Some((address, name)) = broker("start") else { return };
    create(&address, &name, 1);
    produce(&address, &name, 1, 0..5_000);
    for protocol in [GroupProtocol::Classic, GroupProtocol::Consumer] {
        let mut settings = settings(&address, &format!("{name}.{protocol:?}"), "w1");
        settings.protocol = protocol;
        let task = Task::new(settings, &[&name]);
        let part = task.assigned().remove(0);
        wait(Duration::from_millis(700));
        let early: Vec<Seen> = task.seen.try_iter().filter(|s| *s != Seen::Other).collect();
        assert_eq!(early, [], "nothing comes before the start");
        task.start(&part, 1_234);
        assert_eq!(task.to_end(5_000), (1_234..5_000).collect::<Vec<_>>(), "{protocol:?}");
        task.start(&part, 4_990);
        assert_eq!(task.to_end(5_000), (4_990..5_000).collect::<Vec<_>>(), "a running partition starts anew");
        task.act(vec![Action::Hold(vec![part.clone()]), Action::Start { part: part.clone(), offset: 0 }]);
        assert_eq!(task.to_end(5_000).len(), 5_000, "and after a hold");
        // A position outside the log: told once, and healed by a start.
        task.start(&part, 9_999);
        let stuck = task.until("out of range", |s| if let Seen::OutOfRange(p) = s { Some(p) } else { None });
        assert_eq!(stuck, part);
        task.start(&part, 4_998);
        assert_eq!(task.to_end(5_000), [4_998, 4_999], "{protocol:?}: after out of range");
    }
}

#[test]
fn held_partitions_deliver_nothing_and_go_on_without_a_hole() {
    let Some((address, name)) = broker("hold") else { return };
    create(&address, &name, 1);
    produce(&address, &name, 1, 0..50_000);
    let task = Task::new(settings(&address, &name, "w1"), &[&name]);
    let part = task.assigned().remove(0);
    task.start(&part, 0);
    let mut next = 0;
    for _ in 0..5 {
        task.until("some records", |s| {
            if let Seen::Record(_, offset, _) = s {
                assert_eq!(offset, next);
                next += 1;
            }
            (next % 7_001 == 7_000).then_some(())
        });
        task.act(vec![Action::Hold(vec![part.clone()])]);
        // The hold is done with the next tick: what came before it counts.
        wait(Duration::from_millis(400));
        for seen in task.seen.try_iter() {
            if let Seen::Record(_, offset, _) = seen {
                assert_eq!(offset, next);
                next += 1;
            }
        }
        wait(Duration::from_millis(400));
        assert!(task.seen.try_iter().all(|s| s == Seen::Other), "held, and records came");
        if next >= 50_000 {
            return;
        }
        task.start(&part, next);
    }
}

#[test]
fn a_transaction_commits_offsets_with_their_metadata_and_refuses_what_does_not_fence() {
    let Some((address, name)) = broker("commit") else { return };
    create(&address, &name, 1);
    let out = format!("{name}.out");
    create(&address, &out, 1);
    let task = Task::new(settings(&address, &name, "w1"), &[&name]);
    let part = task.assigned().remove(0);
    assert_eq!(task.call(Call::Committed(vec![part.clone()])), Answer::Committed(Ok(vec![(part.clone(), None)])));
    assert_eq!(task.call(Call::InitProducer), Answer::InitProducer(Ok(())));
    let membership = begin(&task);
    assert!(membership.generation >= 0 && !membership.member.is_empty(), "{membership:?}");
    assert_eq!(task.call(Call::Send(vec![message(&out, "one"), message(&out, "two")])), Answer::Send(Ok(())));

    let offsets = vec![(part.clone(), 42, "42;größe".to_string())];
    let refused = |offsets: Vec<(Part, i64, String)>, membership: Membership| {
        let answer = task.call(Call::SendOffsets { offsets, membership });
        ok(answer, |a| if let Answer::SendOffsets(Err(fault)) = a { Some(fault.kind) } else { None })
    };
    assert_eq!(refused(vec![], membership.clone()), FaultKind::Abortable, "nothing would be sent, and nothing fenced");
    let nobody = Membership { generation: -1, member: String::new() };
    assert_eq!(refused(offsets.clone(), nobody), FaultKind::Abortable, "the broker would take it unchecked");
    let large = vec![(part.clone(), 42, "x".repeat(1_025))];
    assert_eq!(refused(large, membership.clone()), FaultKind::Configuration);

    let answer = task.call(Call::SendOffsets { offsets, membership: membership.clone() });
    assert_eq!(answer, Answer::SendOffsets(Ok(())));
    assert_eq!(task.call(Call::Commit), Answer::Commit(Ok(())));
    let committed = Committed { offset: 42, metadata: "42;größe".into() };
    let expected = Answer::Committed(Ok(vec![(part.clone(), Some(committed))]));
    assert_eq!(task.call(Call::Committed(vec![part.clone()])), expected);

    // A stale generation is refused by the broker; the abort leaves what was committed.
    begin(&task);
    assert_eq!(task.call(Call::Send(vec![message(&out, "three")])), Answer::Send(Ok(())));
    let stale = Membership { generation: membership.generation - 1, ..membership.clone() };
    assert_eq!(refused(vec![(part.clone(), 43, String::new())], stale), FaultKind::Abortable);
    assert_eq!(task.call(Call::Abort), Answer::Abort(Ok(())));
    assert_eq!(task.call(Call::Committed(vec![part.clone()])), expected);

    // A message that is too large is refused before it is sent, and the transaction still aborts and goes on.
    begin(&task);
    let mut big = message(&out, &"x".repeat(1_000_001));
    big.about = Some(mesh_steward::engine::contract::name::ProductName { domain: "d".into(), name: "n".into() });
    let failures =
        ok(task.call(Call::Send(vec![big.clone()])), |a| if let Answer::Send(Err(f)) = a { Some(f) } else { None });
    assert_eq!(failures.len(), 1);
    assert_eq!(failures[0].about, big.about);
    assert_eq!(task.call(Call::Abort), Answer::Abort(Ok(())));
    let took = Instant::now();
    for n in 0..20 {
        let membership = begin(&task);
        assert_eq!(task.call(Call::Send(vec![message(&out, "x")])), Answer::Send(Ok(())));
        let offsets = vec![(part.clone(), 50 + n, String::new())];
        assert_eq!(task.call(Call::SendOffsets { offsets, membership }), Answer::SendOffsets(Ok(())));
        assert_eq!(task.call(Call::Commit), Answer::Commit(Ok(())));
    }
    println!("a transaction of four calls, each at a tick of 100 ms: {:?}", took.elapsed() / 20);
}

#[test]
fn committed_offsets_are_not_told_while_a_transaction_holds_some() {
    let Some((address, name)) = broker("unstable") else { return };
    create(&address, &name, 1);
    let old = Task::new(settings(&address, &name, "w1"), &[&name]);
    let part = old.assigned().remove(0);
    assert_eq!(old.call(Call::InitProducer), Answer::InitProducer(Ok(())));
    let membership = begin(&old);
    let offsets = vec![(part.clone(), 7, "seven".to_string())];
    assert_eq!(old.call(Call::SendOffsets { offsets, membership }), Answer::SendOffsets(Ok(())));
    let new = Task::new(settings(&address, &name, "w2"), &[]);
    let ask = || new.call(Call::Committed(vec![part.clone()]));
    let fault = ok(ask(), |a| if let Answer::Committed(Err(fault)) = a { Some(fault) } else { None });
    assert_eq!(fault.kind, FaultKind::Retriable, "{fault:?}");
    println!("unstable: {}", fault.message);
    assert_eq!(old.call(Call::Commit), Answer::Commit(Ok(())));
    let committed = Committed { offset: 7, metadata: "seven".into() };
    assert_eq!(ask(), Answer::Committed(Ok(vec![(part.clone(), Some(committed))])));
}

#[test]
fn a_broker_that_is_away_holds_no_exit_back() {
    let task = Task::new(settings("127.0.0.1:1", "nowhere", "w1"), &["t"]);
    let answer = task.call(Call::InitProducer);
    let fault = ok(answer, |a| if let Answer::InitProducer(Err(fault)) = a { Some(fault) } else { None });
    assert_eq!(fault.kind, FaultKind::Retriable, "{fault:?}");
    let begun = Instant::now();
    drop(task);
    assert!(begun.elapsed() < Duration::from_secs(9), "{:?}", begun.elapsed());
    println!("exit without a broker: {:?}", begun.elapsed());
}

#[test]
fn a_member_that_left_cannot_commit_over_its_successor() {
    let Some((address, name)) = broker("zombie") else { return };
    create(&address, &name, 1);
    let old = Task::new(settings(&address, &name, "w1"), &[&name]);
    let part = old.assigned().remove(0);
    assert_eq!(old.call(Call::InitProducer), Answer::InitProducer(Ok(())));
    let stale = begin(&old);
    // Another worker's slot takes the same partition: the first leaves by unsubscribing.
    old.commands.send(Command::Subscribe(vec![])).unwrap();
    let parts = old.until("a revoke", |s| if let Seen::Revoking(p) | Seen::Lost(p) = s { Some(p) } else { None });
    old.act(vec![Action::Unassign(parts)]);
    let new = Task::new(settings(&address, &name, "w2"), &[&name]);
    assert_eq!(new.assigned(), std::slice::from_ref(&part));
    let answer = old.call(Call::SendOffsets { offsets: vec![(part.clone(), 3, String::new())], membership: stale });
    let fault = ok(answer, |a| if let Answer::SendOffsets(Err(fault)) = a { Some(fault) } else { None });
    assert_eq!(fault.kind, FaultKind::Abortable, "{fault:?}");
    println!("zombie: {}", fault.message);
    assert_eq!(old.call(Call::Abort), Answer::Abort(Ok(())));
    assert_eq!(new.call(Call::Committed(vec![part.clone()])), Answer::Committed(Ok(vec![(part, None)])));
}

#[test]
fn a_topic_created_again_has_another_id_and_the_old_end_is_gone() {
    let Some((address, name)) = broker("recreated") else { return };
    create(&address, &name, 2);
    produce(&address, &name, 2, 0..10);
    let other = format!("{name}.other");
    create(&address, &other, 1);
    let task = Task::new(settings(&address, &name, "w1"), &[&other]);
    let topic: Arc<str> = name.as_str().into();
    let ask = || {
        let answer = task.call(Call::Topics(vec![topic.clone(), "nowhere".into()]));
        let topics = ok(answer, |a| if let Answer::Topics(Ok(t)) = a { Some(t) } else { None });
        assert_eq!(topics["nowhere"], None);
        topics[&topic]
    };
    let first = ask().unwrap();
    assert_eq!(first.partitions, 2);
    let absent = Part::new(&topic, 7);
    let answer = task.call(Call::Ends(vec![Part::new(&topic, 0), absent.clone()]));
    let ends = ok(answer, |a| if let Answer::Ends(Ok(e)) = a { Some(e) } else { None });
    assert_eq!((ends[&Part::new(&topic, 0)].start, ends[&Part::new(&topic, 0)].high), (0, 5));
    assert!(!ends.contains_key(&absent));
    delete(&address, &name);
    wait(Duration::from_secs(1));
    assert_eq!(ask(), None);
    create(&address, &name, 3);
    let second = ask().unwrap();
    assert_eq!(second.partitions, 3);
    assert_ne!(first.id, second.id);
}

#[test]
fn a_log_is_read_past_its_last_stable_offset_only_when_the_transaction_is_decided() {
    let Some((address, name)) = broker("log") else { return };
    create(&address, &name, 1);
    produce(&address, &name, 1, 0..10);
    // A foreign transaction stands open at 10, and committed records above it.
    let open: BaseProducer = config(&address).set("transactional.id", &name).create().unwrap();
    open.init_transactions(LONG).unwrap();
    open.begin_transaction().unwrap();
    open.send(BaseRecord::<(), str>::to(&name).payload("aborted").partition(0)).map_err(|e| e.0).unwrap();
    open.flush(LONG).unwrap();
    produce(&address, &name, 1, 11..16);
    let task = Task::new(settings(&address, &name, "w1"), &[]);
    let part = Part::new(&name.as_str().into(), 0);
    let answer = task.call(Call::Ends(vec![part.clone()]));
    let ends = ok(answer, |a| if let Answer::Ends(Ok(e)) = a { e.get(&part).copied() } else { None });
    assert_eq!((ends.start, ends.stable, ends.high), (0, 10, 16));

    let read = |from: i64| {
        let answer = task.call(Call::ReadLog { part: part.clone(), from, to: ends.high });
        ok(answer, |a| if let Answer::ReadLog(Ok(chunk)) = a { Some(chunk) } else { None })
    };
    let chunk = read(0);
    assert_eq!(chunk.records.iter().map(|r| r.offset).collect::<Vec<_>>(), (0..10).collect::<Vec<_>>());
    assert_eq!((chunk.next, chunk.done), (10, false));
    let waiting = read(10);
    assert_eq!((waiting.records.len(), waiting.next, waiting.done), (0, 10, false), "it waits at the stable end");
    open.abort_transaction(LONG).unwrap();
    let mut offsets = Vec::new();
    let mut from = 10;
    loop {
        let chunk = read(from);
        offsets.extend(chunk.records.iter().map(|r| r.offset));
        from = chunk.next;
        if chunk.done {
            break;
        }
    }
    assert_eq!(offsets, (11..16).collect::<Vec<_>>(), "the aborted record is skipped, those behind it are read");
    // Read again from within, and nothing at all.
    let chunk = read(14);
    assert_eq!((chunk.records.len(), chunk.done), (2, true));
    assert!(read(16).done);
    // The log's start overtakes the reader.
    admin(&address, async |client| {
        let mut upto = rdkafka::TopicPartitionList::new();
        upto.add_partition_offset(&name, 0, rdkafka::Offset::Offset(12)).unwrap();
        client.delete_records(&upto, &AdminOptions::new()).await.unwrap();
    });
    let chunk = read(3);
    assert_eq!(chunk.records.iter().map(|r| r.offset).collect::<Vec<_>>(), (12..16).collect::<Vec<_>>());
}

#[test]
fn two_workers_with_one_id_are_told_so() {
    let Some((address, name)) = broker("twins") else { return };
    create(&address, &name, 1);
    let first = Task::new(settings(&address, &name, "same"), &[&name]);
    first.assigned();
    let second = Task::new(settings(&address, &name, "same"), &[&name]);
    second.assigned();
    let (kind, text) =
        first.until("fenced", |s| if let Seen::Failed(kind, text) = s { Some((kind, text)) } else { None });
    assert_eq!(kind, FaultKind::InstanceFenced, "{text}");
}

#[test]
fn our_topics_are_created_once_verified_and_their_partition_count_held() {
    let Some((address, name)) = broker("topics") else { return };
    let settings = settings(&address, &name, "w1");
    let topics = Topics {
        governance: format!("{name}.events"),
        governance_partitions: 2,
        prefix: name.clone(),
        internal_partitions: 3,
        replication_factor: -1,
        deltas_keep_ms: 180_000_000,
    };
    let admin = Admin::open(&settings).unwrap();
    let before = admin.probe(&["nowhere".into()], &topics).unwrap();
    assert_eq!((before.brokers, before.missing.len(), before.topics["nowhere"]), (1, 4, None));
    let made = admin.ensure_topics(&topics).unwrap();
    assert_eq!((made.created.len(), made.deltas.partitions, made.state.partitions), (4, 3, 3));
    let again = admin.ensure_topics(&topics).unwrap();
    assert_eq!((again.created.len(), again.deltas), (0, made.deltas));
    assert_eq!(again.cluster, before.cluster);
    let fact = catalog::deltas_fact(&settings, &topics.catalog()).unwrap().unwrap();
    assert_eq!((fact.partitions, fact.topic_id), (3, made.deltas.id.to_string()));

    // Somebody grows the deltas topic.
    self::admin(&address, async |client| {
        let deltas = topics.deltas();
        let more = rdkafka::admin::NewPartitions::new(&deltas, 5);
        client.create_partitions([&more], &AdminOptions::new()).await.unwrap()[0].as_ref().unwrap();
    });
    wait(Duration::from_millis(500));
    let Err(SetupError::Mismatch(found)) = admin.ensure_topics(&topics) else { panic!("grown deltas pass") };
    println!("{}", found[0]);
    let grown = Topics { internal_partitions: 5, ..topics.clone() };
    let Err(SetupError::Mismatch(found)) = admin.ensure_topics(&grown) else { panic!("grown deltas pass") };
    println!("{}", found[0]);
    assert!(admin.all_topics().unwrap().contains(&topics.state()));
}

#[test]
fn contract_bodies_outlive_the_worker_that_wrote_them() {
    let Some((address, name)) = broker("catalog") else { return };
    let settings = settings(&address, &name, "w1");
    create(&address, &name, 1);
    let body = |text: &str| catalog::ContractBody {
        product: mesh_steward::engine::contract::name::ProductName { domain: "d".into(), name: "n".into() },
        source: text.into(),
    };
    let hash = |n| mesh_steward::engine::contract::name::ContractHash([n; 16]);
    catalog::write_contracts(&settings, &name, &[(hash(1), body("one")), (hash(2), body("two"))]).unwrap();
    catalog::write_contracts(&settings, &name, &[(hash(2), body("two again"))]).unwrap();
    let read = catalog::read_catalog(&settings, &name).unwrap();
    assert_eq!(catalog::contracts(&read), [(hash(1), body("one")), (hash(2), body("two again"))]);
}

/// A small task of its own: reads, and every 200 ms commits its positions in a transaction. What it read counts
/// only when it is committed.
struct Counter {
    positions: BTreeMap<Part, i64>,
    /// Read since the last commit.
    fresh: Vec<(Part, i64)>,
    flushing: bool,
    revoking: Option<Vec<Part>>,
    ready: bool,
    since: Ms,
    out: Arc<str>,
    counted: Arc<Mutex<Vec<(Part, i64)>>>,
}

impl Counter {
    fn flush(&mut self, now: Ms) -> Vec<Action> {
        if self.flushing {
            // What is revoked meanwhile is given back when the flush has ended.
            return vec![];
        }
        if !self.ready || self.positions.is_empty() {
            return self.give_back();
        }
        (self.flushing, self.since) = (true, now);
        vec![Action::Call(Call::Begin)]
    }

    fn give_back(&mut self) -> Vec<Action> {
        match self.revoking.take() {
            Some(parts) => {
                self.positions.retain(|p, _| !parts.contains(p));
                self.fresh.retain(|(p, _)| !parts.contains(p));
                vec![Action::Unassign(parts)]
            }
            None => vec![],
        }
    }

    /// Forget what is not committed and read it again.
    fn recover(&mut self) -> Vec<Action> {
        self.flushing = false;
        self.fresh.clear();
        let mut actions = self.give_back();
        let mine: Vec<Part> = self.positions.keys().cloned().collect();
        self.positions.clear();
        actions.push(Action::Hold(mine.clone()));
        actions.push(Action::Call(Call::Committed(mine)));
        actions
    }
}

impl Machine for Counter {
    fn on(&mut self, now: Ms, input: Input<'_>) -> Vec<Action> {
        match input {
            Input::Assigned(parts) if parts.is_empty() => vec![Action::Unassign(parts)],
            Input::Assigned(parts) => {
                let ask = if self.ready { Call::Committed(parts.clone()) } else { Call::InitProducer };
                let mut actions = vec![Action::Assign(parts.clone())];
                if self.ready && !self.flushing {
                    actions.push(Action::Call(ask));
                } else if !self.ready {
                    self.fresh.clear();
                    for part in parts {
                        self.positions.insert(part, -1);
                    }
                    actions.push(Action::Call(ask));
                } else {
                    for part in parts {
                        self.positions.insert(part, -1);
                    }
                }
                actions
            }
            Input::Revoking(parts) => {
                self.revoking = Some(parts);
                self.flush(now)
            }
            Input::Lost(parts) => {
                self.positions.retain(|p, _| !parts.contains(p));
                self.fresh.retain(|(p, _)| !parts.contains(p));
                vec![Action::Unassign(parts)]
            }
            Input::Records { part, records } => {
                let Some(position) = self.positions.get_mut(&part) else { return vec![] };
                for record in records {
                    assert!(record.offset >= *position, "{part}: {} after {position}", record.offset);
                    *position = record.offset + 1;
                    self.fresh.push((part.clone(), record.offset));
                }
                vec![]
            }
            Input::Answer(answer) => match answer {
                Answer::InitProducer(Ok(())) => {
                    self.ready = true;
                    let mine = self.positions.keys().cloned().collect();
                    vec![Action::Call(Call::Committed(mine))]
                }
                Answer::InitProducer(Err(_)) => vec![Action::Call(Call::InitProducer)],
                Answer::Committed(Ok(found)) => {
                    let start = |(part, committed): (Part, Option<Committed>)| {
                        let offset = committed.map_or(0, |c| c.offset);
                        self.positions.insert(part.clone(), offset);
                        Action::Start { part, offset }
                    };
                    found.into_iter().map(start).collect()
                }
                Answer::Committed(Err(_)) => self.recover(),
                Answer::Begin(Ok(membership)) => {
                    let live = self.positions.iter().filter(|(_, o)| **o >= 0);
                    let offsets: Vec<_> = live.map(|(p, o)| (p.clone(), *o, String::new())).collect();
                    // The cut: what is read from here on belongs to the next flush.
                    self.counted.lock().unwrap().push((Part::new(&self.out, -1), self.fresh.len() as i64));
                    vec![Action::Call(Call::SendOffsets { offsets, membership })]
                }
                Answer::SendOffsets(Ok(())) => vec![Action::Call(Call::Commit)],
                Answer::Commit(Ok(())) => {
                    self.flushing = false;
                    let mut counted = self.counted.lock().unwrap();
                    let at = counted.iter().rposition(|(p, _)| p.partition == -1).unwrap();
                    let cut = counted.remove(at).1 as usize;
                    counted.extend(self.fresh.drain(..cut));
                    drop(counted);
                    let mut actions = self.give_back();
                    let unread: Vec<Part> =
                        self.positions.iter().filter(|(_, o)| **o < 0).map(|(p, _)| p.clone()).collect();
                    if !unread.is_empty() {
                        actions.push(Action::Call(Call::Committed(unread)));
                    }
                    actions
                }
                Answer::Begin(Err(_)) | Answer::SendOffsets(Err(_)) | Answer::Commit(Err(_)) => {
                    let mut counted = self.counted.lock().unwrap();
                    if let Some(at) = counted.iter().rposition(|(p, _)| p.partition == -1) {
                        counted.remove(at);
                    }
                    vec![Action::Call(Call::Abort)]
                }
                Answer::Abort(_) => self.recover(),
                _ => vec![],
            },
            Input::Tick if now - self.since > 200 && !self.fresh.is_empty() => self.flush(now),
            Input::Stop => vec![Action::Exit(Exit::Stopped)],
            _ => vec![],
        }
    }
}

#[test]
fn a_rebalance_moves_partitions_and_loses_no_record() {
    let Some((address, name)) = broker("rebalance") else { return };
    for protocol in [GroupProtocol::Classic, GroupProtocol::Consumer] {
        let topic = format!("{name}.{protocol:?}");
        create(&address, &topic, 6);
        let run = |worker: &str| {
            let mut settings = settings(&address, &topic, worker);
            settings.protocol = protocol;
            let counted = Arc::new(Mutex::new(Vec::new()));
            let counter = Counter {
                positions: BTreeMap::new(),
                fresh: Vec::new(),
                flushing: false,
                revoking: None,
                ready: false,
                since: 0,
                out: "cut".into(),
                counted: counted.clone(),
            };
            let (commands, orders) = mpsc::channel();
            let thread = thread::spawn(move || driver::run(counter, settings, orders, Quiet));
            commands.send(Command::Subscribe(vec![topic.clone()])).unwrap();
            (commands, thread, counted)
        };
        let first = run("w1");
        produce(&address, &topic, 6, 0..60_000);
        let second = run("w2");
        for slice in 0..40 {
            produce(&address, &topic, 6, 60_000 + slice * 1_000..61_000 + slice * 1_000);
            wait(Duration::from_millis(100));
        }
        let all = 100_000;
        let counted = |who: &Arc<Mutex<Vec<(Part, i64)>>>| {
            who.lock().unwrap().iter().filter(|(p, _)| p.partition >= 0).cloned().collect::<Vec<_>>()
        };
        let deadline = Instant::now() + Duration::from_secs(30);
        while counted(&first.2).len() + counted(&second.2).len() < all && Instant::now() < deadline {
            wait(Duration::from_millis(100));
        }
        wait(Duration::from_millis(500));
        let (a, b) = (counted(&first.2), counted(&second.2));
        println!("{protocol:?}: {} and {}", a.len(), b.len());
        let distinct: BTreeSet<_> = a.iter().chain(&b).collect();
        assert_eq!(distinct.len(), all, "{protocol:?}: records lost");
        assert_eq!(a.len() + b.len(), all, "{protocol:?}: records counted twice");
        assert!(!a.is_empty() && !b.is_empty(), "{protocol:?}: one worker did it all");
        for (commands, thread, _) in [first, second] {
            commands.send(Command::Stop).unwrap();
            thread.join().unwrap();
        }
    }
}

/// Waits without a clock that clippy forbids: the tests have no loop to serve.
fn wait(time: Duration) {
    let (_keep, never) = mpsc::channel::<()>();
    let _ = never.recv_timeout(time);
}
