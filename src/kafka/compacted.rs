//! One of our compacted logs outside of transactions: followed to its end, again and again, and written to.

use crate::engine::record::Offset;
use crate::flow::io::{Fault, LogRecord, Message, Part};
use crate::kafka::client::{self, Context, Settings};
use crate::kafka::fault;
use crate::kafka::ffi::ask;
use crate::kafka::ffi::queue::Queue;
use crate::kafka::log::LogReader;
use crate::kafka::outbox::Outbox;
use rdkafka::client::Client;
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::producer::Producer as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

const ASK_MS: i32 = 10_000;
/// These logs are small; a read that takes longer waits for something that does not come.
const READ: Duration = Duration::from_secs(60);

/// Reads partition 0 of a topic from its start, and then what came since the last look.
pub struct Follower {
    // Before the client: a queue is dropped first.
    queue: Option<Queue>,
    client: Client<Context>,
    reader: LogReader,
    part: Part,
    next: Offset,
}

impl Follower {
    pub fn new(settings: &Settings, topic: &str) -> Result<Follower, Fault> {
        let client = client::admin(settings).map_err(|e| fault::of_producer("admin client", &e))?;
        let (queue, reader) = (Queue::main(&client), LogReader::new(settings.clone()));
        Ok(Follower { queue, client, reader, part: Part { topic: topic.into(), partition: 0 }, next: 0 })
    }

    /// Begins with the newest records, so many at most. Of a log whose records are of interest one by one.
    pub fn of_newest(settings: &Settings, topic: &str, count: i64) -> Result<Follower, Fault> {
        let mut follower = Follower::new(settings, topic)?;
        let ends = ask::ends(&follower.client, std::slice::from_ref(&follower.part), ASK_MS)?;
        follower.next = ends.get(&follower.part).map_or(0, |ends| (ends.high - count).max(ends.start));
        Ok(follower)
    }

    /// What was written since the last look, up to the log's end at this moment.
    pub fn look(&mut self) -> Result<Vec<LogRecord>, Fault> {
        let ends = ask::ends(&self.client, std::slice::from_ref(&self.part), ASK_MS);
        // Its errors are in the answer, too.
        while self.queue.as_ref().and_then(|queue| queue.poll(0)).is_some() {}
        let ends = ends?;
        let Some(ends) = ends.get(&self.part) else {
            let why = format!("{} does not exist, or its leader cannot be asked now", self.part);
            return Err(fault::of_question("follow", Code::UnknownTopic, &why));
        };
        if ends.high < self.next {
            self.next = ends.start; // created again
        }
        let deadline = Instant::now() + READ;
        // A look that fails on its way has told nothing: the next one reads the same again.
        let (mut found, mut next) = (Vec::new(), self.next);
        while next < ends.high {
            let chunk = self.reader.read(&self.part, next, ends.high)?;
            found.extend(chunk.records);
            next = chunk.next;
            if chunk.done {
                break;
            }
            if Instant::now() > deadline {
                let why = format!("{} stands at {next} of {}; is a transaction open there?", self.part, ends.high);
                return Err(fault::of_question("follow", Code::OperationTimedOut, &why));
            }
        }
        self.next = next;
        Ok(found)
    }

    /// Forgets the reading client; the next look makes another.
    pub fn close(&mut self) {
        self.reader.close();
    }
}

/// A key and its value; `None` deletes the key.
pub type Record = (String, Option<Vec<u8>>);

/// Writes to one topic, idempotently and without transactions: what it writes replaces what stood under the key.
pub struct Writer {
    topic: Arc<str>,
    outbox: Outbox,
}

impl Writer {
    pub fn open(settings: &Settings, topic: &str) -> Result<Writer, Fault> {
        let producer = client::plain_producer(settings).map_err(|e| fault::of_producer("producer", &e))?;
        let no_queue = || fault::of_question("write", Code::Fail, "the client gives no queue");
        // It logs the client in; nothing is asked before.
        let outbox = Outbox::new(producer).ok_or_else(no_queue)?;
        // A topic that was just created is known to the producer before the first message waits for it.
        let _ = outbox.producer.client().fetch_metadata(Some(topic), Duration::from_millis(ASK_MS as u64));
        Ok(Writer { topic: topic.into(), outbox })
    }

    /// Returns when all are durable.
    pub fn write(&mut self, records: Vec<Record>) -> Result<(), Fault> {
        let message = |(key, value): Record| Message {
            topic: self.topic.clone(),
            partition: Some(0),
            key: Some(key.into_bytes()),
            headers: Vec::new(),
            value,
            copied: None,
            about: None,
        };
        let messages: Vec<Message> = records.into_iter().map(message).collect();
        self.outbox.send(&messages).map_err(|failures| {
            let said = failures.into_iter().next().map(|f| f.fault.message).unwrap_or_default();
            fault::of_question("write", Code::Fail, &format!("{}: {said}", self.topic))
        })
    }
}
