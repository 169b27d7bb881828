//! A task's thread: what happens goes into the machine, what it says is done. It decides nothing.

use crate::engine::decode::schema::SchemaRef;
use crate::flow::io::{Action, Answer, Call, Exit, Fault, Input, Machine, Note, Part, Publication};
use crate::kafka::assignment::Assignment;
use crate::kafka::client::{self, Context, Settings};
use crate::kafka::cluster::Cluster;
use crate::kafka::delivery::{self, Delivery};
use crate::kafka::fault;
use crate::kafka::ffi::batch::{Buffer, Run};
use crate::kafka::ffi::queue::Queue;
use crate::kafka::ffi::{ask, group};
use crate::kafka::lanes::{Lanes, QUANTUM};
use crate::kafka::log::LogReader;
use crate::kafka::poll::{Ear, Heard, drop_within};
use crate::kafka::quarantine;
use rdkafka::client::Client;
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaResult, RDKafkaErrorCode as Code};
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::time::{Duration, Instant};

/// Time passes at least this often for the machine.
const TICK: Duration = Duration::from_millis(100);
/// A turn waits this long for a record where a partition is still to be started.
const STARTING: Duration = Duration::from_millis(5);
/// A question that has no answer by then is asked again.
const ASK_MS: i32 = 3_000;
/// An orderly close of all clients takes 10 to 500 ms; a broker that is away does not hold the process back.
const CLOSE: Duration = Duration::from_secs(3);

/// What the worker tells a task.
pub enum Command<M> {
    /// Flush, commit, give everything back and exit.
    Stop,
    /// Puts the new contracts into the machine's judge; the machine is told afterwards.
    Contracts(Box<dyn FnOnce(&mut M) + Send>),
    /// The same of the registry's schemas.
    Schemas(Box<dyn FnOnce(&mut M) + Send>),
    /// The whole list, each time. A topic that does not exist is heard of by nobody.
    Subscribe(Vec<String>),
    /// Topics to be held for operators: the whole list, each time.
    Pause(BTreeSet<Arc<str>>),
    /// Partitions to be opened again.
    Restart(Vec<Part>),
}

/// Where a task's words go.
pub trait Sink {
    fn publish(&mut self, publication: Publication);
    fn note(&mut self, note: Note);
    /// Fetched records that wait, of all that may wait; told with every tick.
    fn waiting(&mut self, fill: f64);
    /// A partition waits for this schema; it is said more than once.
    fn want(&mut self, schema: SchemaRef);
    /// The last word.
    fn exit(&mut self, exit: Exit);
}

/// Runs a task to its end on this thread.
pub fn run<M: Machine>(machine: M, settings: Settings, commands: Receiver<Command<M>>, mut sink: impl Sink) {
    let queue_max = client::queue_max(&settings);
    let asker = Asker::new(&settings).map_err(|e| fault::of_producer("admin", &e));
    match member(&settings).and_then(|(assignment, ear)| Ok((assignment, ear, asker?))) {
        Ok((assignment, ear, asker)) => {
            let driver = Driver {
                machine,
                commands,
                assignment,
                ear,
                asker,
                delivery: delivery::of(&settings),
                schema_headers: settings.schema_headers,
                replication_factor: settings.replication_factor,
                reader: LogReader::new(settings.clone()),
                settings,
                topics: Vec::new(),
                replaced: false,
                idle: false,
                call: None,
                exit: None,
                ticked: Instant::now(),
                queue_max,
            };
            let exit = driver.turn_until_exit(&mut sink);
            sink.exit(exit);
        }
        Err(fault) => sink.exit(Exit::Configuration(fault.message)),
    }
}

/// A consumer that has not joined yet.
fn member(settings: &Settings) -> Result<(Assignment, Ear), Fault> {
    let ear = client::consumer(settings).map_err(|e| fault::of_producer("consumer", &e)).and_then(Ear::new)?;
    let lanes = Lanes::new(ear.client());
    let lanes = lanes.ok_or_else(|| fault::of_consumer(Code::InvalidGroupId, "a consumer without a group"))?;
    Ok((Assignment::new(lanes), ear))
}

struct Driver<M> {
    machine: M,
    commands: Receiver<Command<M>>,
    // Before the consumer: its lanes are dropped first.
    assignment: Assignment,
    ear: Ear,
    asker: Asker,
    delivery: Box<dyn Delivery>,
    schema_headers: bool,
    replication_factor: i32,
    reader: LogReader,
    settings: Settings,
    /// That the consumer subscribes to.
    topics: Vec<String>,
    /// The consumer is replaced in the next turn, when what is left of this one's batch is dropped.
    replaced: bool,
    /// Nothing came in the last turn, so that the next one may wait.
    idle: bool,
    /// The one outstanding call; it is made in the next turn, so that the consumer is polled between two calls.
    call: Option<Call>,
    exit: Option<Exit>,
    ticked: Instant,
    /// Records that a lane may hold.
    queue_max: f64,
}

/// Asks the cluster. A broker answers one request of a connection after the other, and a fetch waits there half a second
/// for records: on the consumer's own connections the questions of one flush took two seconds.
struct Asker {
    // Before the client: a queue is dropped first.
    queue: Option<Queue>,
    client: Client<Context>,
    cluster: Cluster,
}

impl Asker {
    fn new(settings: &Settings) -> KafkaResult<Asker> {
        let client = client::admin(settings)?;
        Ok(Asker { queue: Queue::main(&client), client, cluster: settings.cluster })
    }

    fn ask<T>(&self, question: impl FnOnce(&Client<Context>) -> T) -> T {
        let answer = question(&self.client);
        // Its errors are the consumer's too, which tells them.
        while self.queue.as_ref().and_then(|queue| queue.poll(0)).is_some() {}
        answer
    }
}

impl<M: Machine> Driver<M> {
    fn turn_until_exit(mut self, sink: &mut impl Sink) -> Exit {
        let mut buffer = Buffer::new(QUANTUM);
        loop {
            self.turn(&mut buffer, sink);
            if let Some(exit) = self.exit.take() {
                drop_within((self.assignment, self.ear, self.asker, self.delivery, self.reader), CLOSE);
                return exit;
            }
        }
    }

    fn turn(&mut self, buffer: &mut Buffer, sink: &mut impl Sink) {
        if std::mem::take(&mut self.replaced) {
            self.replace();
        }
        self.command(sink);
        self.assignment.press_on(self.ear.consumer());
        let until_tick = TICK.saturating_sub(self.ticked.elapsed());
        match () {
            _ if self.call.is_some() || !self.idle => {}
            _ if self.assignment.is_starting() => self.assignment.lanes().wait(until_tick.min(STARTING)),
            _ => self.assignment.lanes().wait(until_tick),
        }
        self.listen(buffer, sink);
        if let Some(call) = self.call.take() {
            let answer = self.make(call);
            self.tell(Input::Answer(answer), sink);
        }
        if self.ticked.elapsed() >= TICK {
            self.ticked = Instant::now();
            sink.waiting(self.assignment.lanes().waiting() as f64 / self.queue_max);
            self.tell(Input::Tick, sink);
        }
    }

    fn command(&mut self, sink: &mut impl Sink) {
        loop {
            match self.commands.try_recv() {
                Ok(Command::Contracts(replace)) => {
                    replace(&mut self.machine);
                    self.tell(Input::Contracts, sink);
                }
                Ok(Command::Schemas(replace)) => {
                    replace(&mut self.machine);
                    self.tell(Input::Schemas, sink);
                }
                Ok(Command::Subscribe(topics)) => {
                    self.topics = topics;
                    self.subscribe();
                }
                Ok(Command::Pause(topics)) => self.tell(Input::Paused(topics), sink),
                Ok(Command::Restart(parts)) => self.tell(Input::Restart(parts), sink),
                Ok(Command::Stop) => self.tell(Input::Stop, sink),
                Err(_) => return,
            }
        }
    }

    fn replace(&mut self) {
        match member(&self.settings) {
            Ok((assignment, ear)) => {
                let old = (std::mem::replace(&mut self.assignment, assignment), std::mem::replace(&mut self.ear, ear));
                drop_within(old, CLOSE);
                self.subscribe();
            }
            Err(fault) => self.exit = Some(Exit::Fatal(fault.message)),
        }
    }

    fn subscribe(&mut self) {
        let names: Vec<&str> = self.topics.iter().map(String::as_str).collect();
        let consumer = self.ear.consumer();
        let done = match names.is_empty() {
            true => {
                consumer.unsubscribe();
                Ok(())
            }
            false => consumer.subscribe(&names),
        };
        if let Err(e) = done {
            consumer.client().context().tell(e.rdkafka_error_code(), 3, format!("subscribe: {e}"));
        }
    }

    /// Hears what has come: rebalances and errors first, then a little of each lane. A rebalance that comes meanwhile is
    /// heard in the next turn, when the batch in hand is done with.
    fn listen(&mut self, buffer: &mut Buffer, sink: &mut impl Sink) {
        let heard = self.ear.listen(0);
        self.idle = heard.is_empty();
        for heard in heard {
            self.hear(heard, sink);
        }
        for lane in self.assignment.lanes().all().iter() {
            let batch = lane.take(buffer);
            self.idle &= batch.is_empty();
            for run in batch.runs() {
                self.read(&run, sink);
            }
        }
    }

    fn read(&mut self, run: &Run<'_>, sink: &mut impl Sink) {
        if let Some(error) = run.error() {
            if let Some(heard) = self.ear.hear_error(error) {
                self.hear(heard, sink);
            }
            return;
        }
        let part = self.ear.part(&run.topic(), run.partition());
        // What was fetched before a start, a hold or a return never comes after it: librdkafka drops it from its queues,
        // and the batch in hand is sieved here.
        if !self.assignment.is_running(&part) || self.replaced {
            return;
        }
        let records = run.records(self.schema_headers);
        let records = self.assignment.fresh(&part, &records);
        if !records.is_empty() {
            self.tell(Input::Records { part, records }, sink);
        }
    }

    fn hear(&mut self, heard: Heard, sink: &mut impl Sink) {
        match heard {
            _ if self.replaced => {}
            // Every partition that is started is forwarded to a lane.
            Heard::Records { .. } => {}
            Heard::Eof { part, offset } => {
                if self.assignment.passed(&part, offset) {
                    self.tell(Input::Eof { part, offset }, sink);
                }
            }
            Heard::OutOfRange { part } => {
                // Before its start a partition's position is a formality, and may well be out of range.
                if self.assignment.out_of_range(&part) {
                    self.tell(Input::OutOfRange { part }, sink);
                }
            }
            Heard::Assign(parts) => {
                self.assignment.offered();
                self.tell(Input::Assigned(parts), sink);
            }
            Heard::Revoke { parts, lost } => {
                self.assignment.reclaimed();
                self.tell(if lost { Input::Lost(parts) } else { Input::Revoking(parts) }, sink);
            }
            Heard::Failed(fault) => self.tell(Input::ConsumerFailed(fault), sink),
        }
    }

    /// Hands one input over and does what comes back, in order.
    fn tell(&mut self, input: Input<'_>, sink: &mut impl Sink) {
        if self.exit.is_some() {
            return;
        }
        for action in self.machine.on(crate::clock::now_ms(), input) {
            let consumer = self.ear.consumer();
            match action {
                Action::Assign(parts) => self.assignment.assign(consumer, &parts),
                Action::Unassign(parts) => self.assignment.unassign(consumer, &parts),
                Action::Start { part, offset } => self.assignment.start(&part, offset),
                Action::Hold(parts) => self.assignment.hold(consumer, &parts),
                Action::Want(schema) => sink.want(schema),
                Action::Call(call) => self.call = Some(call),
                Action::DropProducer => self.delivery.forget(),
                Action::NewConsumer => self.replaced = true,
                Action::Publish(publication) => sink.publish(publication),
                Action::Note(note) => sink.note(note),
                Action::Exit(exit) => self.exit = Some(exit),
            }
        }
    }

    fn make(&mut self, call: Call) -> Answer {
        let client = self.ear.client();
        match call {
            Call::InitProducer => Answer::InitProducer(self.delivery.init()),
            Call::Committed(parts) => Answer::Committed(group::committed(client, &parts, ASK_MS)),
            Call::Topics(names) => Answer::Topics(self.asker.ask(|c| self.asker.cluster.topics(c, &names, ASK_MS))),
            Call::Quarantines(wanted) => Answer::Quarantines(
                self.asker
                    .ask(|c| quarantine::standing(c, self.asker.cluster, self.replication_factor, &wanted, ASK_MS)),
            ),
            Call::Ends(parts) => Answer::Ends(self.asker.ask(|c| ask::ends(c, &parts, ASK_MS))),
            Call::Highs(parts) => Answer::Highs(self.asker.ask(|c| ask::highs(c, &parts, ASK_MS))),
            Call::OffsetAt { part, time_ms } => {
                Answer::OffsetAt(self.asker.ask(|c| ask::offset_at(c, &part, time_ms, ASK_MS)))
            }
            Call::ReadLog { part, from, to } => Answer::ReadLog(self.reader.read(&part, from, to)),
            Call::Begin => Answer::Begin(self.delivery.begin().map(|()| group::membership(client))),
            Call::Send(messages) => Answer::Send(self.delivery.send(&messages)),
            Call::SendOffsets { offsets, membership } => {
                Answer::SendOffsets(self.delivery.send_offsets(&offsets, &membership))
            }
            Call::Commit => Answer::Commit(self.delivery.commit(client)),
            Call::Abort => Answer::Abort(self.delivery.abort()),
        }
    }
}
