//! Reads one of our own logs to an end under read_committed, in chunks, and waits where an open transaction hides the rest.

use crate::engine::record::Offset;
use crate::flow::io::{Chunk, Fault, LogRecord, Part};
use crate::kafka::client::{self, Settings};
use crate::kafka::fault;
use crate::kafka::ffi::{ask, group};
use crate::kafka::poll::{Ear, Heard, drop_within};
use rdkafka::consumer::Consumer;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use std::time::{Duration, Instant};

/// One call: the thread has a group to serve, and the flow's memory a bound.
const CHUNK: Duration = Duration::from_millis(500);
const CHUNK_RECORDS: usize = 2_000;
const CHUNK_BYTES: usize = 4 * 1024 * 1024;
/// Log starts and topic metadata are answered in milliseconds, or the cluster is in trouble.
const ASK_MS: i32 = 3_000;
const CLOSE: Duration = Duration::from_secs(2);

/// A consumer that is member of no group, kept between reads.
pub struct LogReader {
    settings: Settings,
    ear: Option<Ear>,
    /// The partition being read and its next offset.
    at: Option<(Part, Offset)>,
}

impl LogReader {
    pub fn new(settings: Settings) -> LogReader {
        LogReader { settings, ear: None, at: None }
    }

    /// Records of `[from, to)`, from the log's start where that is later. `done` when the position reached `to`: a
    /// record or an end at or after it. An end before it is the last stable offset, behind which more may stand.
    /// `next` is never behind `to`: what a fetch brought beyond it is dropped here, and is there to be read from `to` on.
    pub fn read(&mut self, part: &Part, from: Offset, to: Offset) -> Result<Chunk, Fault> {
        if from >= to {
            return Ok(Chunk { records: Vec::new(), next: from, done: true });
        }
        let mut next = match &self.at {
            Some((here, next)) if here == part && *next == from => from,
            _ => self.go_to(part, from)?,
        };
        let Some(ear) = &mut self.ear else { return Err(gone()) };
        let deadline = Instant::now() + CHUNK;
        let (mut records, mut bytes, mut moved) = (Vec::new(), 0, false);
        while next < to && records.len() < CHUNK_RECORDS && bytes < CHUNK_BYTES {
            let Some(left) = deadline.checked_duration_since(Instant::now()) else { break };
            for heard in ear.listen(left.as_millis().clamp(1, 500) as i32) {
                match heard {
                    Heard::Records { part: at, records: fetched } if at == *part => {
                        for fetched in &fetched {
                            let record = fetched.record();
                            next = next.max(record.offset + 1);
                            if record.offset < to {
                                bytes += fetched.bytes();
                                records.push(LogRecord {
                                    offset: record.offset,
                                    timestamp_ms: record.timestamp_ms,
                                    key: record.key.map(<[u8]>::to_vec),
                                    value: record.value.map(<[u8]>::to_vec),
                                });
                            }
                        }
                    }
                    Heard::Eof { part: at, offset } if at == *part => next = next.max(offset),
                    Heard::OutOfRange { .. } => moved = true,
                    Heard::Failed(fault) => {
                        self.close();
                        return Err(fault);
                    }
                    _ => {}
                }
            }
            if moved {
                break;
            }
        }
        let done = next >= to;
        if done {
            // Else it goes on fetching, a hundred times a second, and the next question waits behind a fetch.
            ear.consumer().unassign().map_err(|e| failed(part, &e))?;
        }
        // The log's start overtook us: the next call looks where it begins now.
        self.at = (!done && !moved).then(|| (part.clone(), next));
        Ok(Chunk { records, next: next.min(to), done })
    }

    /// Forgets the consumer.
    pub fn close(&mut self) {
        self.at = None;
        if let Some(ear) = self.ear.take() {
            drop_within(ear, CLOSE);
        }
    }

    /// Assigns the partition at `from` or the log's start, and returns which.
    fn go_to(&mut self, part: &Part, from: Offset) -> Result<Offset, Fault> {
        self.at = None;
        if self.ear.is_none() {
            let consumer = client::reader(&self.settings).map_err(|e| fault::of_producer("reader", &e))?;
            self.ear = Some(Ear::new(consumer)?);
        }
        let Some(ear) = &mut self.ear else { return Err(gone()) };
        // Without known metadata the first record takes 500 ms instead of 11.
        let told = ear.consumer().fetch_metadata(Some(&part.topic), Duration::from_millis(ASK_MS as u64));
        told.map_err(|e| failed(part, &e))?;
        let ends = ask::ends(ear.client(), std::slice::from_ref(part), ASK_MS)?;
        let Some(ends) = ends.get(part) else {
            return Err(fault::of_question("read log", Code::UnknownPartition, &format!("{part} does not exist")));
        };
        let from = from.max(ends.start);
        let list = group::list_of([(part, Some(from), None)].into_iter()).map_err(|e| failed(part, &e))?;
        // Whatever was fetched for the read before is dropped with its assignment.
        ear.consumer().unassign().and_then(|()| ear.consumer().assign(&list)).map_err(|e| failed(part, &e))?;
        Ok(from)
    }
}

fn failed(part: &Part, error: &KafkaError) -> Fault {
    fault::of_question("read log", error.rdkafka_error_code().unwrap_or(Code::Fail), &format!("{part}: {error}"))
}

fn gone() -> Fault {
    fault::of_question("read log", Code::Fail, "the reader is closed")
}
