//! A consumer's queue as the flow hears it: records, ends, positions out of range, rebalances, failures.
//!
//! rdkafka's own `poll` tells an end of partition without its topic and completes rebalances by itself, so the queue
//! is read here. A task's records come by its lanes (`kafka::lanes`) and never through here; those of our own logs do.

use crate::engine::record::Offset;
use crate::flow::io::{Fault, Part};
use crate::kafka::client::Context;
use crate::kafka::fault;
use crate::kafka::ffi::queue::{ErrorEvent, Fetched, Queue, Said};
use rdkafka::client::Client;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::error::RDKafkaErrorCode as Code;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

/// One batch: enough to spread the cost of a turn over, little enough that a turn takes milliseconds.
const BATCH_RECORDS: usize = 1_000;
const BATCH_BYTES: usize = 1024 * 1024;

/// What came, in the order in which it came.
pub enum Heard {
    /// Records of one partition, ascending.
    Records {
        part: Part,
        records: Vec<Fetched>,
    },
    Eof {
        part: Part,
        offset: Offset,
    },
    OutOfRange {
        part: Part,
    },
    /// The group gives these; it waits until they are taken up.
    Assign(Vec<Part>),
    /// The group wants these back; it waits until they are given. `lost`: others may have them already.
    Revoke {
        parts: Vec<Part>,
        lost: bool,
    },
    Failed(Fault),
}

/// A consumer and the queue that everything of it comes through.
pub struct Ear {
    // Before the consumer: a queue is dropped first.
    queue: Queue,
    consumer: BaseConsumer<Context>,
    /// Topic names, one allocation each.
    names: BTreeSet<Arc<str>>,
}

impl Ear {
    pub fn new(consumer: BaseConsumer<Context>) -> Result<Ear, Fault> {
        let queue = Queue::of_consumer(consumer.client())
            .ok_or_else(|| fault::of_consumer(Code::InvalidGroupId, "a consumer without a group"))?;
        Ok(Ear { queue, consumer, names: BTreeSet::new() })
    }

    pub fn consumer(&self) -> &BaseConsumer<Context> {
        &self.consumer
    }

    pub fn client(&self) -> &Client<Context> {
        self.consumer.client()
    }

    /// Waits up to `wait_ms` for the first event, then takes what is there. A rebalance ends the batch, so that
    /// nothing that came before it is handled after it.
    pub fn listen(&mut self, wait_ms: i32) -> Vec<Heard> {
        let mut heard: Vec<Heard> = Vec::new();
        let (mut wait_ms, mut count, mut bytes) = (wait_ms, 0, 0);
        // Where the last record was read; the next of the same place joins its run.
        let mut place = None;
        while count < BATCH_RECORDS && bytes < BATCH_BYTES {
            let Some(event) = self.queue.poll(wait_ms) else { break };
            wait_ms = 0;
            count += 1;
            match event.read() {
                Said::Record(record) => {
                    bytes += record.bytes();
                    let here = record.place();
                    match heard.last_mut() {
                        Some(Heard::Records { records, .. }) if place == Some(here) => records.push(record),
                        _ => {
                            let part = self.part(&record.topic(), here.1);
                            heard.push(Heard::Records { part, records: vec![record] });
                            place = Some(here);
                        }
                    }
                }
                Said::Error(error) => heard.extend(self.hear_error(error)),
                Said::Assign(parts) => {
                    heard.push(Heard::Assign(self.parts(parts)));
                    break;
                }
                Said::Revoke(parts) => {
                    let lost = self.consumer.assignment_lost();
                    heard.push(Heard::Revoke { parts: self.parts(parts), lost });
                    break;
                }
                Said::Log { level, text } => self.client().context().tell(None, level, text),
                Said::Delivered(_) | Said::Answer(_) | Said::Other => {}
            }
        }
        heard
    }

    /// What an error means to the flow; what it means to operators is told.
    pub fn hear_error(&mut self, error: ErrorEvent) -> Option<Heard> {
        match (error.code, error.part) {
            (Code::PartitionEOF, Some((topic, partition, offset))) => {
                return Some(Heard::Eof { part: self.part(&topic, partition), offset });
            }
            (Code::AutoOffsetReset | Code::OffsetOutOfRange, Some((topic, partition, _))) => {
                self.client().context().tell(Some(error.code), 4, error.text);
                return Some(Heard::OutOfRange { part: self.part(&topic, partition) });
            }
            // A subscribed topic that is missing: the keeper says which governed ones are. What is left was deleted a
            // moment ago, or is the absent one that made this member join again.
            (Code::UnknownTopicOrPartition, None) if !error.fatal => {
                self.client().context().tell(None, 7, error.text);
                return None;
            }
            _ => {}
        }
        // Some fatal errors come as `_FATAL` and hide their cause; some causes are fatal for us alone.
        let fatal = match self.client().fatal_error() {
            Some(cause) if error.fatal || error.code == Code::Fatal => Some(cause),
            _ if matches!(error.code, Code::FencedInstanceId | Code::UnreleasedInstanceId) || error.fatal => {
                Some((error.code, error.text.clone()))
            }
            _ => None,
        };
        match fatal {
            Some((code, text)) => Some(Heard::Failed(fault::of_consumer(code, &text))),
            None => {
                self.client().context().tell(Some(error.code), 3, error.text);
                None
            }
        }
    }

    fn parts(&mut self, parts: Vec<(String, i32)>) -> Vec<Part> {
        parts.into_iter().map(|(topic, partition)| self.part(&topic, partition)).collect()
    }

    pub fn part(&mut self, topic: &str, partition: i32) -> Part {
        match self.names.get(topic) {
            Some(name) => Part::new(name, partition),
            None => {
                let name: Arc<str> = topic.into();
                self.names.insert(name.clone());
                Part::new(&name, partition)
            }
        }
    }
}

/// Drops clients on a thread of their own and waits for it, but not for ever: a broker that is away must not hold the
/// process back. What is left then ends with the process. A dropped consumer leaves its group as its protocol wants: a
/// static member stays until its session ends.
pub fn drop_within<T: Send + 'static>(clients: T, within: Duration) {
    let (done, wait) = mpsc::channel();
    let closing = thread::Builder::new().name("closing".into()).spawn(move || {
        drop(clients);
        let _ = done.send(());
    });
    if closing.is_ok() {
        let _ = wait.recv_timeout(within);
    }
}
