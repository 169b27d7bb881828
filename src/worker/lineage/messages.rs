//! Events and records of lineage as messages of one transaction.

use crate::engine::event::envelope::Event;
use crate::engine::lineage::record::Record;
use crate::flow::io::Message;
use std::sync::Arc;

pub fn messages_of(topic: &str, events: Vec<Event>) -> Vec<Message> {
    let topic: Arc<str> = topic.into();
    let message = |event: Event| Message {
        topic: topic.clone(),
        partition: None,
        key: Some(event.key),
        headers: event.headers,
        value: Some(event.value),
        copied: None,
        about: None,
    };
    events.into_iter().map(message).collect()
}

pub fn message(topic: &Arc<str>, (key, value): &Record) -> Message {
    Message {
        topic: topic.clone(),
        partition: Some(0),
        key: Some(key.clone().into_bytes()),
        headers: Vec::new(),
        value: value.clone(),
        copied: None,
        about: None,
    }
}
