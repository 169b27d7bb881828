//! What others write to a few topics of theirs, read on from where it was left, outside of any group.

use crate::engine::record::Offset;
use crate::flow::io::{Fault, LogRecord, Part};
use crate::kafka::client::{self, Context, Settings};
use crate::kafka::fault;
use crate::kafka::ffi::ask;
use crate::kafka::ffi::queue::Queue;
use crate::kafka::log::LogReader;
use rdkafka::client::Client;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

const ASK_MS: i32 = 10_000;
/// Of one look, so that other work is not kept waiting: what is left comes with the next.
const RECORDS_MAX: usize = 1_000;

pub struct Inbox {
    // Before the client: a queue is dropped first.
    queue: Option<Queue>,
    client: Client<Context>,
    reader: LogReader,
    topics: Vec<Arc<str>>,
}

/// What one look found in a partition.
pub struct Found {
    pub part: Part,
    pub records: Vec<LogRecord>,
    /// Where to go on.
    pub next: Offset,
}

impl Inbox {
    pub fn new(settings: &Settings, topics: &[String]) -> Result<Inbox, Fault> {
        let client = client::admin(settings).map_err(|e| fault::of_producer("admin client", &e))?;
        let topics = topics.iter().map(|topic| topic.as_str().into()).collect();
        Ok(Inbox { queue: Queue::main(&client), client, reader: LogReader::new(settings.clone()), topics })
    }

    /// What stands behind these offsets, of a partition that has none behind its start. A topic that is not there has nothing.
    pub fn look(&mut self, read_to: &BTreeMap<Part, Offset>) -> Result<Vec<Found>, Fault> {
        let mut parts = Vec::new();
        for topic in &self.topics {
            let wait = Duration::from_millis(ASK_MS as u64);
            let asked =
                self.client.fetch_metadata(Some(topic), wait).map_err(|e| fault::of_producer("metadata", &e))?;
            let partitions = asked.topics().iter().flat_map(|topic| topic.partitions());
            parts.extend(partitions.map(|partition| Part::new(topic, partition.id())));
        }
        let ends = ask::ends(&self.client, &parts, ASK_MS);
        // Its errors are in the answer, too.
        while self.queue.as_ref().and_then(|queue| queue.poll(0)).is_some() {}
        let (mut found, mut count) = (Vec::new(), 0);
        for (part, ends) in ends? {
            // Behind the end: the topic was created again.
            let from = read_to.get(&part).copied().filter(|next| *next <= ends.high).unwrap_or(0).max(ends.start);
            if from >= ends.stable || count >= RECORDS_MAX {
                continue;
            }
            let chunk = self.reader.read(&part, from, ends.stable)?;
            count += chunk.records.len();
            found.push(Found { part, records: chunk.records, next: chunk.next });
        }
        Ok(found)
    }

    pub fn close(&mut self) {
        self.reader.close();
    }
}
