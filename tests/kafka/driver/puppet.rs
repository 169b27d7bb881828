//! A task whose strings a test pulls: it does what it is told when time passes, and tells everything it hears.

use mesh_steward::engine::decode::schema::SchemaRef;
use mesh_steward::flow::io::{
    Action, Answer, Call, Exit, FaultKind, Input, Machine, Membership, Message, Ms, Note, Part, Publication,
};
use mesh_steward::kafka::client::Settings;
use mesh_steward::kafka::driver::{self, Command, Sink};
use std::collections::VecDeque;
use std::sync::mpsc::{self, Receiver, Sender};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

const LONG: Duration = Duration::from_secs(20);

/// What a machine heard, kept.
#[derive(Clone, Debug, PartialEq)]
pub enum Seen {
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

pub fn keep(input: &Input<'_>) -> Vec<Seen> {
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
pub struct Puppet {
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

pub struct Quiet;

impl Sink for Quiet {
    fn waiting(&mut self, _: f64) {}

    fn publish(&mut self, _: Publication) {}
    fn note(&mut self, _: Note) {}
    fn want(&mut self, _: SchemaRef) {}
    fn exit(&mut self, _: Exit) {}
}

/// A task whose strings the test pulls.
pub struct Task {
    script: Arc<Mutex<VecDeque<Vec<Action>>>>,
    pub seen: Receiver<Seen>,
    pub commands: Sender<Command<Puppet>>,
    thread: Option<JoinHandle<()>>,
}

impl Task {
    pub fn new(settings: Settings, topics: &[&str]) -> Task {
        let script = Arc::new(Mutex::new(VecDeque::new()));
        let (told, seen) = mpsc::channel();
        let (commands, orders) = mpsc::channel();
        let puppet = Puppet { script: script.clone(), seen: told };
        let thread = thread::spawn(move || driver::run(puppet, settings, orders, Quiet));
        let topics = topics.iter().map(|t| t.to_string()).collect();
        commands.send(Command::Subscribe(topics)).unwrap();
        Task { script, seen, commands, thread: Some(thread) }
    }

    pub fn act(&self, actions: Vec<Action>) {
        self.script.lock().unwrap().push_back(actions);
    }

    pub fn until<T>(&self, what: &str, mut wanted: impl FnMut(Seen) -> Option<T>) -> T {
        let deadline = Instant::now() + LONG;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let Ok(seen) = self.seen.recv_timeout(left) else { panic!("{what}: not seen within {LONG:?}") };
            if let Some(found) = wanted(seen) {
                return found;
            }
        }
    }

    pub fn call(&self, call: Call) -> Answer {
        self.act(vec![Action::Call(call)]);
        self.until("an answer", |seen| if let Seen::Answer(answer) = seen { Some(answer) } else { None })
    }

    /// Takes up the first assignment that is not empty.
    pub fn assigned(&self) -> Vec<Part> {
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

    pub fn start(&self, part: &Part, offset: i64) {
        self.act(vec![Action::Start { part: part.clone(), offset }]);
    }

    /// Offsets of the records up to the end of the partition.
    pub fn to_end(&self, end: i64) -> Vec<i64> {
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

/// Works for so long, as a machine that has much to do with a record.
pub fn busy(time: Duration) {
    let until = Instant::now() + time;
    while Instant::now() < until {
        std::hint::spin_loop();
    }
}

pub fn message(topic: &str, value: &str) -> Message {
    Message {
        topic: topic.into(),
        partition: Some(0),
        key: Some(b"k".to_vec()),
        headers: vec![("h", "v".into())],
        value: Some(value.into()),
        copied: None,
        about: None,
    }
}

pub fn ok<T: std::fmt::Debug>(answer: Answer, pick: impl FnOnce(Answer) -> Option<T>) -> T {
    let text = format!("{answer:?}");
    pick(answer).unwrap_or_else(|| panic!("{text}"))
}

pub fn begin(task: &Task) -> Membership {
    ok(task.call(Call::Begin), |a| if let Answer::Begin(Ok(m)) = a { Some(m) } else { None })
}
