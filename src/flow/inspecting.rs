//! How stage 1 is set.

use crate::engine::lineage::content::gather::Gathered;
use crate::engine::lineage::record::{sketch_key, sketched, trail_key};
use crate::engine::lineage::trail::Trail;
use crate::flow::io::{Message, Ms};
use std::sync::Arc;

#[derive(Clone, Debug)]
pub struct InspectorConfig {
    pub window_size_ms: Ms,
    pub window_grace_ms: Ms,
    pub future_tolerance_ms: Ms,
    pub flush_interval_ms: Ms,
    /// Flush early when so much waits; far below what a transaction can carry within its timeout.
    pub flush_bytes: usize,
    /// A delta beyond this goes as several messages.
    pub message_bytes: usize,
    /// The largest message that the producer takes, for copies of records.
    pub copy_bytes_max: usize,
    /// Topics without a committed offset and without a chain: from the log's start, or from its end.
    pub start_earliest: bool,
    pub deltas: Arc<str>,
    pub state: Arc<str>,
    pub delta_partitions: i32,
    /// Names the flushes of this task since this start of it.
    pub task: String,
    /// Where trails of records' headers go, for lineage; `None`: nobody looks at them.
    pub trails: Option<Arc<str>>,
    /// Where sketches of columns go, for lineage by contents; `None`: none are made.
    pub contents: Option<Contents>,
}

#[derive(Clone, Debug)]
pub struct Contents {
    pub topic: Arc<str>,
    /// Sent so often, with the next flush.
    pub every_ms: Ms,
}

impl InspectorConfig {
    /// What was sampled for the log of lineage, which holds the last word of each task: of headers, and of columns, a message each so that
    /// every one fits.
    pub fn samples(&self, trail: &Trail, gathered: &[Gathered]) -> Vec<Message> {
        // The same for each start of the task.
        let task = self.task.split('@').next().unwrap_or_default();
        let trails = self.trails.iter().filter(|_| !trail.is_empty());
        // Text keys and plain values: writing them has no failure of its own.
        let trails = trails.map(|topic| word(topic, trail_key(task), serde_json::to_vec(trail).unwrap_or_default()));
        let contents = self.contents.iter().flat_map(|contents| gathered.iter().map(move |of| (&contents.topic, of)));
        let sketches = contents.map(|(topic, Gathered { topic: of, name, column })| {
            word(topic, sketch_key(task, of, name), sketched(column))
        });
        trails.chain(sketches).collect()
    }
}

fn word(topic: &Arc<str>, key: String, value: Vec<u8>) -> Message {
    Message {
        topic: topic.clone(),
        partition: Some(0),
        key: Some(key.into_bytes()),
        headers: Vec::new(),
        value: Some(value),
        copied: None,
        about: None,
    }
}
