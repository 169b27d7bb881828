//! The group through a consumer's handle: membership, committed offsets with metadata, seeks.

use crate::flow::io::{Committed, Fault, Membership, Part};
use crate::kafka::client::Context;
use crate::kafka::fault::{self, Flags};
use crate::kafka::ffi::queue::{Queue, elements};
use crate::kafka::ffi::{Refusal, taken, text};
use rdkafka::client::Client;
use rdkafka::error::{KafkaError, RDKafkaErrorCode as Code};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka_sys as sys;
use std::collections::BTreeMap;
use std::ffi::{CString, NulError};
use std::slice;

/// Generation and member id as they stand now; without a group, generation -1 and no member.
pub fn membership(client: &Client<Context>) -> Membership {
    // SAFETY: the client is a consumer and alive; the metadata is ours, read, then destroyed once.
    unsafe {
        let metadata = sys::rd_kafka_consumer_group_metadata(client.native_ptr());
        if metadata.is_null() {
            return Membership { generation: -1, member: String::new() };
        }
        let generation = sys::rd_kafka_consumer_group_metadata_generation_id(metadata);
        let member = text(sys::rd_kafka_consumer_group_metadata_member_id(metadata));
        sys::rd_kafka_consumer_group_metadata_destroy(metadata);
        Membership { generation, member }
    }
}

/// The group's committed offsets. Under read_committed librdkafka asks for stable ones, and waits while a transaction
/// that holds some is open.
pub fn committed(
    client: &Client<Context>,
    parts: &[Part],
    timeout_ms: i32,
) -> Result<Vec<(Part, Option<Committed>)>, Fault> {
    let mut found = Vec::with_capacity(parts.len());
    for parts in parts.chunks(COMMITTED_AT_ONCE) {
        found.extend(committed_of(client, parts, timeout_ms)?);
    }
    Ok(found)
}

/// librdkafka looks for each partition of the answer in the list of those that were asked for, from its start: of 5,000 that
/// are 12 million comparisons of names, of ten times 500 a tenth.
const COMMITTED_AT_ONCE: usize = 500;

fn committed_of(
    client: &Client<Context>,
    parts: &[Part],
    timeout_ms: i32,
) -> Result<Vec<(Part, Option<Committed>)>, Fault> {
    let wanted = list_of(parts.iter().map(|p| (p, None, None))).map_err(|e| refused("committed", &e))?;
    // SAFETY: client and list are alive; the answer is written into the list.
    let code: Code = unsafe { sys::rd_kafka_committed(client.native_ptr(), wanted.ptr(), timeout_ms) }.into();
    if code != Code::NoError {
        return Err(fault::of_question("committed", code, &code.to_string()));
    }
    let by_name: BTreeMap<(&str, i32), &Part> = parts.iter().map(|p| ((&*p.topic, p.partition), p)).collect();
    let mut found = Vec::with_capacity(parts.len());
    for (topic, partition, offset, metadata, code) in rows(&wanted) {
        let Some(&part) = by_name.get(&(&*topic, partition)) else { continue };
        match code {
            // A topic that is gone has no offsets either.
            Code::NoError | Code::UnknownTopicOrPartition | Code::UnknownPartition | Code::UnknownTopic => {}
            code => return Err(fault::of_question("committed", code, &format!("{part}: {code}"))),
        }
        // Another tool may have written bytes that are no text: not ours, so none.
        let metadata = String::from_utf8(metadata).unwrap_or_default();
        found.push((part.clone(), (offset >= 0).then_some(Committed { offset, metadata })));
    }
    Ok(found)
}

/// Sends offsets to the producer's transaction, fenced by this membership and not by whatever holds when it is sent.
pub fn send_offsets(
    producer: &Client<Context>,
    group: &str,
    instance: Option<&str>,
    membership: &Membership,
    offsets: &[(Part, i64, String)],
    timeout_ms: i32,
) -> Result<(), Refusal> {
    let nul = |e: NulError| Refusal { code: Code::InvalidArgument, flags: Flags::default(), text: e.to_string() };
    let list = list_of(offsets.iter().map(|(p, o, m)| (p, Some(*o), Some(m.as_str())))).map_err(|e| Refusal {
        code: Code::InvalidArgument,
        flags: Flags::default(),
        text: e.to_string(),
    })?;
    let group = CString::new(group).map_err(nul)?;
    let member = CString::new(membership.member.as_str()).map_err(nul)?;
    let instance = instance.map(CString::new).transpose().map_err(nul)?;
    // SAFETY: all strings and the list live until the call returns; the metadata is ours and destroyed once.
    unsafe {
        let metadata = sys::rd_kafka_consumer_group_metadata_new_with_genid(
            group.as_ptr(),
            membership.generation,
            member.as_ptr(),
            instance.as_ref().map_or(std::ptr::null(), |i| i.as_ptr()),
        );
        let error = sys::rd_kafka_send_offsets_to_transaction(producer.native_ptr(), list.ptr(), metadata, timeout_ms);
        sys::rd_kafka_consumer_group_metadata_destroy(metadata);
        taken(error)
    }
}

/// Commits offsets as the consumer that it is, checked by the broker against its membership; waits so long.
pub fn commit(consumer: &Client<Context>, offsets: &[(Part, i64, String)], timeout_ms: i32) -> Result<(), Fault> {
    let list =
        list_of(offsets.iter().map(|(p, o, m)| (p, Some(*o), Some(m.as_str())))).map_err(|e| refused("commit", &e))?;
    let queue = Queue::fresh(consumer).ok_or_else(|| fault::of_commit(Code::Fail, "the client gives no queue"))?;
    // SAFETY: client, list and queue are alive; the list is copied, and the answer comes as an event on the queue.
    let code: Code = unsafe {
        sys::rd_kafka_commit_queue(consumer.native_ptr(), list.ptr(), queue.ptr(), None, std::ptr::null_mut())
    }
    .into();
    if code != Code::NoError {
        return Err(fault::of_commit(code, &code.to_string()));
    }
    let Some(answer) = queue.poll(timeout_ms) else {
        return Err(fault::of_commit(Code::OperationTimedOut, &format!("no answer within {timeout_ms} ms")));
    };
    // SAFETY: the event is alive while it is read.
    unsafe {
        let code: Code = sys::rd_kafka_event_error(answer.ptr()).into();
        if code != Code::NoError {
            return Err(fault::of_commit(code, &text(sys::rd_kafka_event_error_string(answer.ptr()))));
        }
        let list = sys::rd_kafka_event_topic_partition_list(answer.ptr());
        match elements(list).iter().find(|e| Code::from(e.err) != Code::NoError) {
            Some(e) => {
                let code: Code = e.err.into();
                Err(fault::of_commit(code, &format!("{}/{}: {code}", text(e.topic), e.partition)))
            }
            None => Ok(()),
        }
    }
}

/// Seeks partitions, and says of each in their order whether it is sought; the queue's older records are dropped with it.
/// `State`: it is not being fetched (yet).
pub fn seek(client: &Client<Context>, to: &[(Part, i64)], timeout_ms: i32) -> Vec<Result<(), Code>> {
    let Ok(list) = list_of(to.iter().map(|(part, offset)| (part, Some(*offset), None))) else {
        return vec![Err(Code::InvalidArgument); to.len()];
    };
    // SAFETY: client and list are alive; the outcome of each partition is written into the list.
    let error = unsafe { sys::rd_kafka_seek_partitions(client.native_ptr(), list.ptr(), timeout_ms) };
    match taken(error) {
        // Those that are done are done all the same.
        Ok(()) | Err(Refusal { code: Code::OperationTimedOut, .. }) => {}
        Err(refusal) => return vec![Err(refusal.code); to.len()],
    }
    let outcome = |e: &sys::rd_kafka_topic_partition_t| match Code::from(e.err) {
        Code::NoError => Ok(()),
        code => Err(code),
    };
    // SAFETY: the list is alive.
    unsafe { elements(list.ptr()) }.iter().map(outcome).collect()
}

/// A partition list; each partition at most once.
pub fn list_of<'a>(
    parts: impl Iterator<Item = (&'a Part, Option<i64>, Option<&'a str>)>,
) -> Result<TopicPartitionList, KafkaError> {
    let mut list = TopicPartitionList::new();
    for (part, offset, metadata) in parts {
        let mut element = list.add_partition(&part.topic, part.partition);
        if let Some(offset) = offset {
            element.set_offset(Offset::Offset(offset))?;
        }
        // Once only: a second call would not free the first.
        if let Some(metadata) = metadata {
            element.set_metadata(metadata);
        }
    }
    Ok(list)
}

fn refused(call: &str, error: &KafkaError) -> Fault {
    fault::of_question(call, Code::InvalidArgument, &error.to_string())
}

/// A list's rows: topic, partition, offset, metadata, error.
fn rows(list: &TopicPartitionList) -> impl Iterator<Item = (String, i32, i64, Vec<u8>, Code)> + '_ {
    // SAFETY: the list is borrowed for as long as the iterator lives.
    unsafe { elements(list.ptr()) }.iter().map(|e| {
        let metadata = match e.metadata.is_null() {
            true => Vec::new(),
            // SAFETY: librdkafka says how many bytes it stored there.
            false => unsafe { slice::from_raw_parts(e.metadata as *const u8, e.metadata_size) }.to_vec(),
        };
        (text(e.topic), e.partition, e.offset, metadata, e.err.into())
    })
}
