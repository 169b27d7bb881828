//! Admin calls, each a question to the cluster and one answer on a queue of its own.

use crate::engine::record::TopicId;
use crate::flow::io::{Ends, Fault, Part, TopicInfo};
use crate::kafka::client::Context;
use crate::kafka::fault;
use crate::kafka::ffi::queue::{Event, Queue, Said};
use crate::kafka::ffi::{taken, text};
use rdkafka::client::Client;
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use rdkafka_sys as sys;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{CString, c_char};
use std::ptr;
use std::slice;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// Ids and partition counts. A topic that does not exist, or that we may not see, is `None`; the latter is also told.
pub fn topics(
    client: &Client<Context>,
    names: &[Arc<str>],
    timeout_ms: i32,
) -> Result<BTreeMap<Arc<str>, Option<TopicInfo>>, Fault> {
    let mut found: BTreeMap<Arc<str>, Option<TopicInfo>> = names.iter().map(|n| (n.clone(), None)).collect();
    let texts: Vec<CString> = found.keys().filter_map(|n| CString::new(n.as_bytes()).ok()).collect();
    if texts.is_empty() {
        return Ok(found);
    }
    let answer = ask(
        client,
        "describe topics",
        sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBETOPICS,
        timeout_ms,
        |options, queue| {
            let mut pointers: Vec<*const c_char> = texts.iter().map(|t| t.as_ptr()).collect();
            // SAFETY: the names live until the call returns, which copies them; the collection is destroyed once.
            unsafe {
                let collection = sys::rd_kafka_TopicCollection_of_topic_names(pointers.as_mut_ptr(), pointers.len());
                sys::rd_kafka_DescribeTopics(client.native_ptr(), collection, options, queue);
                sys::rd_kafka_TopicCollection_destroy(collection);
            }
        },
    )?;
    // SAFETY: everything is read while `answer` is alive, through the accessors of its own type.
    unsafe {
        let mut count = 0;
        let result = sys::rd_kafka_event_DescribeTopics_result(answer.ptr());
        let descriptions = sys::rd_kafka_DescribeTopics_result_topics(result, &mut count);
        for &description in list(descriptions, count) {
            let name = text(sys::rd_kafka_TopicDescription_name(description));
            let code: Code = sys::rd_kafka_error_code(sys::rd_kafka_TopicDescription_error(description)).into();
            match code {
                Code::NoError => {
                    let id = sys::rd_kafka_TopicDescription_topic_id(description);
                    let high = sys::rd_kafka_Uuid_most_significant_bits(id) as u64;
                    let low = sys::rd_kafka_Uuid_least_significant_bits(id) as u64;
                    let mut partitions = 0;
                    sys::rd_kafka_TopicDescription_partitions(description, &mut partitions);
                    let id = TopicId((u128::from(high) << 64) | u128::from(low));
                    if let Some(slot) = found.get_mut(name.as_str()) {
                        *slot = Some(TopicInfo { id, partitions: partitions as i32 });
                    }
                }
                Code::UnknownTopicOrPartition | Code::UnknownTopic | Code::UnknownTopicId | Code::InvalidTopic => {}
                Code::TopicAuthorizationFailed => client.context().tell(
                    Some(code),
                    3,
                    format!("topic {name} may not be described: grant this principal Describe on it"),
                ),
                other => return Err(fault::of_question("describe topics", other, &format!("{name}: {other}"))),
            }
        }
    }
    Ok(found)
}

/// Start, last stable offset and high watermark of each partition. A partition that does not exist, or whose leader
/// cannot be asked now, is absent, as is one for which no time is left: one dead partition hides no other. The error says why
/// none is known. It takes 2 s longer than it is given at most; less than 2 s are taken for 2.
pub fn ends(client: &Client<Context>, parts: &[Part], timeout_ms: i32) -> Result<BTreeMap<Part, Ends>, Fault> {
    some_at_once(parts, timeout_ms, |parts, left_ms| {
        let start = list_offsets(client, parts, Offset::Beginning, false, left_ms()?)?;
        let stable = list_offsets(client, parts, Offset::End, true, left_ms()?)?;
        let high = list_offsets(client, parts, Offset::End, false, left_ms()?)?;
        let of = |part: &Part| {
            Some(Ends {
                start: start.get(part)?.offset,
                stable: stable.get(part)?.offset,
                high: high.get(part)?.offset,
            })
        };
        Ok(parts.iter().filter_map(|part| Some((part.clone(), of(part)?))).collect())
    })
}

/// The high watermarks alone, which is a third of the questions; else as `ends`.
pub fn highs(client: &Client<Context>, parts: &[Part], timeout_ms: i32) -> Result<BTreeMap<Part, i64>, Fault> {
    some_at_once(parts, timeout_ms, |parts, left_ms| {
        let found = list_offsets(client, parts, Offset::End, false, left_ms()?)?;
        Ok(found.into_iter().map(|(part, listed)| (part, listed.offset)).collect())
    })
}

/// The time of each partition's first record that has one, in milliseconds since 1970; an empty partition is absent, as is one of which
/// `ends` says nothing.
pub fn first_times(client: &Client<Context>, parts: &[Part], timeout_ms: i32) -> Result<BTreeMap<Part, i64>, Fault> {
    some_at_once(parts, timeout_ms, |parts, left_ms| {
        let found = list_offsets(client, parts, FIRST_TIME, true, left_ms()?)?;
        let timed = found.into_iter().filter(|(_, listed)| listed.time_ms >= 0);
        Ok(timed.map(|(part, listed)| (part, listed.time_ms)).collect())
    })
}

/// An offset that is none of the named ones is taken for a time (KIP-79): 1970, which is before every record.
const FIRST_TIME: Offset = Offset::Offset(0);

/// Asks of `ENDS_AT_ONCE` partitions after the other, and each question for the time that is left.
fn some_at_once<T>(
    parts: &[Part],
    timeout_ms: i32,
    ask: impl Fn(&[Part], &dyn Fn() -> Result<i32, Fault>) -> Result<BTreeMap<Part, T>, Fault>,
) -> Result<BTreeMap<Part, T>, Fault> {
    let until = Instant::now() + Duration::from_millis(timeout_ms.max(ENDS_MS_MIN) as u64);
    let left_ms = || match until.saturating_duration_since(Instant::now()).as_millis() as i32 {
        0 => Err(fault::of_question("list offsets", Code::OperationTimedOut, "no time is left")),
        left_ms => Ok(left_ms.max(ENDS_MS_MIN)),
    };
    let (mut all, mut failed) = (BTreeMap::new(), None);
    for parts in parts.chunks(ENDS_AT_ONCE) {
        match ask(parts, &left_ms) {
            Ok(told) => all.extend(told),
            Err(fault) => failed = failed.or(Some(fault)),
        }
    }
    match failed {
        Some(fault) if all.is_empty() => Err(fault),
        _ => Ok(all),
    }
}

/// The first offset whose record has this time, in milliseconds since 1970, or a later one; `None` where there is none.
pub fn offset_at(client: &Client<Context>, part: &Part, time_ms: i64, timeout_ms: i32) -> Result<Option<i64>, Fault> {
    // An offset that is none of the named ones is taken for a time (KIP-79).
    let wanted = Offset::Offset(time_ms.max(0));
    let found = list_offsets(client, std::slice::from_ref(part), wanted, true, timeout_ms.max(ENDS_MS_MIN))?;
    Ok(found.get(part).map(|listed| listed.offset))
}

/// librdkafka looks for the leaders of partitions on the thread that asks, comparing each name with all others, and frees the
/// question under its hands where its time runs out meanwhile (seen in 2.12.1: of 5,000 partitions 25 million comparisons
/// took longer than 10 s on a machine that was busy, and the daemon died of it). 100 partitions are 10,000 comparisons, some
/// 0.2 ms, which the time of a question must be far beyond.
const ENDS_AT_ONCE: usize = 100;
const ENDS_MS_MIN: i32 = 2_000;

/// What a broker answers for one partition.
#[derive(Clone, Copy)]
struct Listed {
    offset: i64,
    /// Of the record there, where a time was asked for; else -1.
    time_ms: i64,
}

fn list_offsets(
    client: &Client<Context>,
    parts: &[Part],
    which: Offset,
    committed: bool,
    timeout_ms: i32,
) -> Result<BTreeMap<Part, Listed>, Fault> {
    let mut wanted = TopicPartitionList::with_capacity(parts.len());
    for part in parts {
        let added = wanted.add_partition_offset(&part.topic, part.partition, which);
        added.map_err(|e| fault::of_question("list offsets", Code::InvalidArgument, &e.to_string()))?;
    }
    let answer = ask(
        client,
        "list offsets",
        sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_LISTOFFSETS,
        timeout_ms,
        |options, queue| {
            let level = match committed {
                true => sys::rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_COMMITTED,
                false => sys::rd_kafka_IsolationLevel_t::RD_KAFKA_ISOLATION_LEVEL_READ_UNCOMMITTED,
            };
            // SAFETY: options, list and queue are alive; the call copies the list.
            unsafe {
                // Its only error is an operation without isolation level.
                let _ = taken(sys::rd_kafka_AdminOptions_set_isolation_level(options, level));
                sys::rd_kafka_ListOffsets(client.native_ptr(), wanted.ptr(), options, queue);
            }
        },
    )?;
    let by_name: BTreeMap<(&str, i32), &Part> = parts.iter().map(|p| ((&*p.topic, p.partition), p)).collect();
    let (mut found, mut moved) = (BTreeMap::new(), BTreeSet::new());
    // SAFETY: everything is read while `answer` is alive, through the accessors of its own type.
    unsafe {
        let mut count = 0;
        let result = sys::rd_kafka_event_ListOffsets_result(answer.ptr());
        let infos = sys::rd_kafka_ListOffsets_result_infos(result, &mut count);
        for &info in list(infos, count) {
            let Some(element) = sys::rd_kafka_ListOffsetsResultInfo_topic_partition(info).as_ref() else { continue };
            let code: Code = element.err.into();
            let name = text(element.topic);
            match by_name.get(&(name.as_str(), element.partition)) {
                Some(&part) if code == Code::NoError && element.offset >= 0 => {
                    let time_ms = sys::rd_kafka_ListOffsetsResultInfo_timestamp(info);
                    found.insert(part.clone(), Listed { offset: element.offset, time_ms });
                }
                Some(part)
                    if code != Code::NoError
                        && !matches!(
                            code,
                            Code::UnknownTopicOrPartition | Code::UnknownPartition | Code::UnknownTopic
                        ) =>
                {
                    client.context().tell(Some(code), 4, format!("the ends of {part} are not known: {code}"));
                    moved.insert(part.topic.clone());
                }
                _ => {}
            }
        }
    }
    // librdkafka asks whom it takes for the leader, by the epoch it knows, and learns of another only for topics that it reads: for up to
    // 15 minutes (`metadata.max.age.ms`) each question would be refused.
    let limit = Duration::from_millis(timeout_ms.max(0) as u64);
    for topic in moved {
        // One that does not answer answers for no other either.
        if client.fetch_metadata(Some(&topic), limit).is_err() {
            break;
        }
    }
    Ok(found)
}

/// A topic to be created.
#[derive(Clone, Debug, PartialEq)]
pub struct NewTopic<'a> {
    pub name: &'a str,
    pub partitions: i32,
    /// -1: the broker's default.
    pub replication_factor: i32,
    pub config: Vec<(&'static str, String)>,
}

/// Creates one topic and waits until the controller has it; `Ok(false)` where it was there already.
pub fn create_topic(client: &Client<Context>, topic: &NewTopic<'_>, timeout_ms: i32) -> Result<bool, Fault> {
    try_create(client, topic, timeout_ms)?
        .map_err(|(code, why)| fault::of_question("create topic", code, &format!("{}: {why}", topic.name)))
}

/// The same; what the broker says against this topic is no fault of the question.
pub fn try_create(
    client: &Client<Context>,
    topic: &NewTopic<'_>,
    timeout_ms: i32,
) -> Result<Result<bool, (Code, String)>, Fault> {
    of_creation(client, topic, false, timeout_ms)
}

/// What the broker would say to it, rights and policies included; nothing is created (KIP-4's `validate_only`).
pub fn would_create(
    client: &Client<Context>,
    topic: &NewTopic<'_>,
    timeout_ms: i32,
) -> Result<Result<bool, (Code, String)>, Fault> {
    of_creation(client, topic, true, timeout_ms)
}

fn of_creation(
    client: &Client<Context>,
    topic: &NewTopic<'_>,
    validate_only: bool,
    timeout_ms: i32,
) -> Result<Result<bool, (Code, String)>, Fault> {
    let broken =
        |what: &str| fault::of_question("create topic", Code::InvalidArgument, &format!("{}: {what}", topic.name));
    let name = CString::new(topic.name).map_err(|_| broken("a name holds no NUL"))?;
    let mut pairs = Vec::new();
    for (key, value) in &topic.config {
        let pair = (CString::new(*key), CString::new(value.as_str()));
        let (Ok(key), Ok(value)) = pair else { return Err(broken("a setting holds no NUL")) };
        pairs.push((key, value));
    }
    let mut reason = [0 as c_char; 256];
    // SAFETY: the name is alive and the buffer as long as said; null is checked below.
    let mut new = unsafe {
        sys::rd_kafka_NewTopic_new(
            name.as_ptr(),
            topic.partitions,
            topic.replication_factor,
            reason.as_mut_ptr(),
            reason.len(),
        )
    };
    if new.is_null() {
        return Err(broken(&text(reason.as_ptr())));
    }
    let asked = ask(
        client,
        "create topic",
        sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_CREATETOPICS,
        timeout_ms,
        |options, queue| {
            // SAFETY: options, the new topic and the settings are alive; the call copies them.
            unsafe {
                // Its only error is an operation without this option.
                sys::rd_kafka_AdminOptions_set_validate_only(options, i32::from(validate_only), ptr::null_mut(), 0);
                for (key, value) in &pairs {
                    sys::rd_kafka_NewTopic_set_config(new, key.as_ptr(), value.as_ptr());
                }
                sys::rd_kafka_CreateTopics(client.native_ptr(), &mut new, 1, options, queue);
            }
        },
    );
    // SAFETY: ours, and destroyed once, after the call has copied it.
    unsafe { sys::rd_kafka_NewTopic_destroy(new) };
    let answer = asked?;
    // SAFETY: everything is read while `answer` is alive, through the accessors of its own type.
    unsafe {
        let mut count = 0;
        let result = sys::rd_kafka_event_CreateTopics_result(answer.ptr());
        let topics = sys::rd_kafka_CreateTopics_result_topics(result, &mut count);
        for &created in list(topics, count) {
            match sys::rd_kafka_topic_result_error(created).into() {
                Code::NoError => {}
                Code::TopicAlreadyExists => return Ok(Ok(false)),
                code => return Ok(Err((code, text(sys::rd_kafka_topic_result_error_string(created))))),
            }
        }
    }
    Ok(Ok(true))
}

/// A topic's settings as the broker applies them, defaults included.
pub fn topic_config(client: &Client<Context>, topic: &str, timeout_ms: i32) -> Result<BTreeMap<String, String>, Fault> {
    let mut found = topic_configs(client, &[topic], timeout_ms)?;
    match found.remove(topic) {
        Some(Ok(config)) => Ok(config),
        Some(Err(code)) => Err(fault::of_question("describe configuration", code, &format!("{topic}: {code}"))),
        None => Err(fault::of_question("describe configuration", Code::Fail, &format!("{topic}: nothing was told"))),
    }
}

/// A topic's settings, or why they are not told.
pub type Configs = BTreeMap<String, Result<BTreeMap<String, String>, Code>>;

/// The same of several topics, by name, in one question.
pub fn topic_configs(client: &Client<Context>, topics: &[&str], timeout_ms: i32) -> Result<Configs, Fault> {
    let names: Vec<CString> = topics.iter().filter_map(|topic| CString::new(*topic).ok()).collect();
    let kind = sys::rd_kafka_ResourceType_t::RD_KAFKA_RESOURCE_TOPIC;
    // SAFETY: the names are alive; what is null is left out.
    let made = names.iter().map(|name| unsafe { sys::rd_kafka_ConfigResource_new(kind, name.as_ptr()) });
    let mut resources: Vec<*mut sys::rd_kafka_ConfigResource_t> = made.filter(|resource| !resource.is_null()).collect();
    if resources.is_empty() {
        return Ok(Configs::new());
    }
    let op = sys::rd_kafka_admin_op_t::RD_KAFKA_ADMIN_OP_DESCRIBECONFIGS;
    let asked = ask(client, "describe configuration", op, timeout_ms, |options, queue| {
        // SAFETY: the resources are alive; the call copies them.
        unsafe {
            sys::rd_kafka_DescribeConfigs(client.native_ptr(), resources.as_mut_ptr(), resources.len(), options, queue);
        }
    });
    // SAFETY: ours, and each destroyed once, after the call has copied it.
    resources.into_iter().for_each(|resource| unsafe { sys::rd_kafka_ConfigResource_destroy(resource) });
    let answer = asked?;
    let mut found = Configs::new();
    // SAFETY: everything is read while `answer` is alive, through the accessors of its own type.
    unsafe {
        let mut count = 0;
        let result = sys::rd_kafka_event_DescribeConfigs_result(answer.ptr());
        let resources = sys::rd_kafka_DescribeConfigs_result_resources(result, &mut count);
        for &resource in list(resources, count) {
            let topic = text(sys::rd_kafka_ConfigResource_name(resource));
            let code: Code = sys::rd_kafka_ConfigResource_error(resource).into();
            if code != Code::NoError {
                found.insert(topic, Err(code));
                continue;
            }
            let mut entries = 0;
            let configs = sys::rd_kafka_ConfigResource_configs(resource, &mut entries);
            let pair = |&entry: &*const sys::rd_kafka_ConfigEntry_t| {
                (text(sys::rd_kafka_ConfigEntry_name(entry)), text(sys::rd_kafka_ConfigEntry_value(entry)))
            };
            found.insert(topic, Ok(list(configs, entries).iter().map(pair).collect()));
        }
    }
    Ok(found)
}

/// Sends one admin request and waits for its answer, a little longer than the request itself may take.
pub(super) fn ask(
    client: &Client<Context>,
    what: &str,
    op: sys::rd_kafka_admin_op_t,
    timeout_ms: i32,
    send: impl FnOnce(*mut sys::rd_kafka_AdminOptions_t, *mut sys::rd_kafka_queue_t),
) -> Result<Event, Fault> {
    try_ask(client, op, timeout_ms, send).map_err(|(code, why)| fault::of_question(what, code, &why))
}

/// The same; the error is what the broker says, or that it says nothing.
pub(super) fn try_ask(
    client: &Client<Context>,
    op: sys::rd_kafka_admin_op_t,
    timeout_ms: i32,
    send: impl FnOnce(*mut sys::rd_kafka_AdminOptions_t, *mut sys::rd_kafka_queue_t),
) -> Result<Event, (Code, String)> {
    let queue = Queue::fresh(client).ok_or((Code::Fail, "the client gives no queue".to_owned()))?;
    let mut reason = [0 as c_char; 256];
    // SAFETY: the client is alive; the options are destroyed once, after the request has copied them.
    unsafe {
        let options = sys::rd_kafka_AdminOptions_new(client.native_ptr(), op);
        sys::rd_kafka_AdminOptions_set_request_timeout(options, timeout_ms, reason.as_mut_ptr(), reason.len());
        send(options, queue.ptr());
        sys::rd_kafka_AdminOptions_destroy(options);
    }
    let Some(event) = queue.poll(timeout_ms + 500) else {
        return Err((Code::OperationTimedOut, format!("no answer within {timeout_ms} ms")));
    };
    // SAFETY: the event is alive.
    let (code, why): (Code, String) =
        unsafe { (sys::rd_kafka_event_error(event.ptr()).into(), text(sys::rd_kafka_event_error_string(event.ptr()))) };
    match event.read() {
        _ if code != Code::NoError => Err((code, why)),
        Said::Answer(event) => Ok(event),
        _ => Err((Code::Fail, "an answer to something else".to_owned())),
    }
}

/// An array of pointers as a slice; empty for null.
///
/// # Safety
/// `first` must be null or point to `count` elements that live for `'a`.
pub(super) unsafe fn list<'a, T>(first: *mut *const T, count: usize) -> &'a [*const T] {
    // SAFETY: by our own condition.
    if first.is_null() { &[] } else { unsafe { slice::from_raw_parts(first, count) } }
}
