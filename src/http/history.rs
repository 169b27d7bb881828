//! What can be read of a product or topic: the earliest record, what is retained, how many records there are.

use crate::catalog::offsets::{Kept, Retention};
use crate::engine::event::envelope::rfc3339;
use crate::http::server::Site;
use serde_json::{Value, json};
use std::collections::BTreeSet;

/// Of each topic, in their order.
pub fn of_topics(site: &Site, topics: &BTreeSet<String>) -> Value {
    topics.iter().map(|topic| of_topic(site, topic)).collect()
}

/// `null` where no broker has told it yet: of a topic that nobody governs nobody asks.
pub fn of_topic(site: &Site, topic: &str) -> Value {
    let (offsets, kept) = (site.board.offsets(), site.board.kept());
    let topics = [topic.to_owned()].into();
    let mut reaches = offsets.of(&topics).map(|(_, reach)| reach.ends.stable - reach.ends.start).peekable();
    if reaches.peek().is_none() {
        return Value::Null;
    }
    let kept = kept.get(topic);
    json!({
        "topic": topic,
        // Markers of transactions have offsets, too, and what was compacted away leaves its own.
        "records_at_most": reaches.sum::<i64>().max(0),
        "earliest": kept.and_then(|kept| kept.earliest_ms).map(rfc3339),
        "retention": kept.and_then(|Kept { retention, .. }| *retention).map(retained),
        "as_of": rfc3339(kept.map_or(offsets.at_ms, |kept| kept.at_ms.max(offsets.at_ms))),
    })
}

/// In Kafka's words; `null` is for ever, or without bound.
fn retained(Retention { ms, bytes, compacts, deletes }: Retention) -> Value {
    let bound = |value: i64| (deletes && value >= 0).then_some(value);
    json!({"ms": bound(ms), "bytes_per_partition": bound(bytes), "compacted": compacts})
}
