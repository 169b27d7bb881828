//! How stage 1 is set.

use crate::engine::lineage::record::trail_key;
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
}

impl InspectorConfig {
    /// What was sampled of headers, for the log of lineage, which holds the last word of each task.
    pub fn trail(&self, trail: &Trail) -> Option<Message> {
        let topic = self.trails.clone().filter(|_| !trail.is_empty())?;
        // The same for each start of the task.
        let task = self.task.split('@').next().unwrap_or_default();
        Some(Message {
            topic,
            partition: Some(0),
            key: Some(trail_key(task).into_bytes()),
            headers: Vec::new(),
            // Text keys and plain values: writing them has no failure of its own.
            value: Some(serde_json::to_vec(trail).unwrap_or_default()),
            copied: None,
            about: None,
        })
    }
}
