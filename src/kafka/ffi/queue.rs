//! Event queues: what a client has to say, with the partition it speaks of, which rdkafka's own `poll` loses.

use crate::engine::record::RawRecord;
use crate::kafka::client::Context;
use crate::kafka::ffi::{bearer, text};
use crate::kafka::tokens::Told;
use rdkafka::client::Client;
use rdkafka::config::NativeClientConfig;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka_sys as sys;
use std::ptr::NonNull;
use std::slice;

/// One reference to a queue. It must be dropped before its client: keep it in a field that stands before the client's.
pub struct Queue {
    queue: NonNull<sys::rd_kafka_queue_t>,
    /// Where the client logs in by tokens: it has the newest for as long as this lives.
    _token: Option<Told>,
}

// SAFETY: librdkafka's queues and clients are thread-safe: each call takes their own locks.
unsafe impl Send for Queue {}
// SAFETY: as above.
unsafe impl Sync for Queue {}

impl Queue {
    /// Where a consumer's records, errors and rebalances come, and its logs: rdkafka forwards the main queue there.
    pub fn of_consumer(client: &Client<Context>) -> Option<Queue> {
        // SAFETY: the client is alive; the call returns a new reference, or null without a group.
        Queue::of(client, unsafe { sys::rd_kafka_queue_get_consumer(client.native_ptr()) })
    }

    /// Where a producer's delivery reports, errors and logs come.
    pub fn main(client: &Client<Context>) -> Option<Queue> {
        // SAFETY: as above.
        Queue::of(client, unsafe { sys::rd_kafka_queue_get_main(client.native_ptr()) })
    }

    /// A queue for one answer.
    pub fn fresh(client: &Client<Context>) -> Option<Queue> {
        // SAFETY: as above.
        let queue = NonNull::new(unsafe { sys::rd_kafka_queue_new(client.native_ptr()) })?;
        Some(Queue { queue, _token: None })
    }

    /// The one queue of a client that lives as long as it.
    fn of(client: &Client<Context>, queue: *mut sys::rd_kafka_queue_t) -> Option<Queue> {
        let queue = NonNull::new(queue)?;
        // SAFETY: who keeps a queue drops it before its client, and what stands in it with it.
        let _token = unsafe { bearer::log_in(client) };
        Some(Queue { queue, _token })
    }

    /// Waits up to `timeout_ms` for an event. Records that a seek, pause or revoke has outdated are never returned.
    pub fn poll(&self, timeout_ms: i32) -> Option<Event> {
        // SAFETY: the reference is ours; the event returned is ours to destroy.
        NonNull::new(unsafe { sys::rd_kafka_queue_poll(self.queue.as_ptr(), timeout_ms) }).map(Event)
    }

    /// Events that wait.
    pub fn waiting(&self) -> usize {
        // SAFETY: the reference is ours.
        unsafe { sys::rd_kafka_queue_length(self.queue.as_ptr()) }
    }

    pub(super) fn ptr(&self) -> *mut sys::rd_kafka_queue_t {
        self.queue.as_ptr()
    }
}

impl Drop for Queue {
    fn drop(&mut self) {
        // SAFETY: drops our one reference.
        unsafe { sys::rd_kafka_queue_destroy(self.queue.as_ptr()) }
    }
}

/// Errors of this client come as events, not as log lines.
pub fn want_errors(config: &NativeClientConfig) {
    // SAFETY: the configuration is alive and not yet given to a client.
    unsafe { sys::rd_kafka_conf_set_events(config.ptr(), sys::RD_KAFKA_EVENT_ERROR) }
}

/// One event, ours.
pub struct Event(NonNull<sys::rd_kafka_event_t>);

impl Drop for Event {
    fn drop(&mut self) {
        // SAFETY: the event is ours and destroyed once.
        unsafe { sys::rd_kafka_event_destroy(self.0.as_ptr()) }
    }
}

/// What an event says, its text copied; a record stays where it is.
pub enum Said {
    Record(Fetched),
    Error(ErrorEvent),
    Assign(Vec<(String, i32)>),
    Revoke(Vec<(String, i32)>),
    Log {
        level: i32,
        text: String,
    },
    /// Delivery reports: the opaque number of each message and its fate.
    Delivered(Vec<(usize, Option<RDKafkaErrorCode>)>),
    /// The answer to an admin call.
    Answer(Event),
    /// Nothing we asked for.
    Other,
}

#[derive(Debug)]
pub struct ErrorEvent {
    pub code: RDKafkaErrorCode,
    pub fatal: bool,
    pub text: String,
    /// Topic, partition, offset, where the error is of a partition.
    pub part: Option<(String, i32, i64)>,
}

impl Event {
    pub fn read(self) -> Said {
        let ptr = self.ptr();
        // SAFETY: the event is alive in each of these calls, and everything kept is copied, or keeps the event.
        unsafe {
            match sys::rd_kafka_event_type(ptr) {
                sys::RD_KAFKA_EVENT_FETCH => match NonNull::new(sys::rd_kafka_event_message_next(ptr) as *mut _) {
                    Some(message) => Said::Record(Fetched { message, _event: self }),
                    None => Said::Other,
                },
                sys::RD_KAFKA_EVENT_ERROR => Said::Error(ErrorEvent {
                    code: sys::rd_kafka_event_error(ptr).into(),
                    fatal: sys::rd_kafka_event_error_is_fatal(ptr) != 0,
                    text: text(sys::rd_kafka_event_error_string(ptr)),
                    part: part_of(ptr),
                }),
                sys::RD_KAFKA_EVENT_REBALANCE => {
                    let parts = parts_of(sys::rd_kafka_event_topic_partition_list(ptr));
                    match sys::rd_kafka_event_error(ptr) {
                        sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS => Said::Assign(parts),
                        _ => Said::Revoke(parts),
                    }
                }
                sys::RD_KAFKA_EVENT_LOG => {
                    let (mut facility, mut line, mut level) = (std::ptr::null(), std::ptr::null(), 0);
                    match sys::rd_kafka_event_log(ptr, &mut facility, &mut line, &mut level) {
                        0 => Said::Log { level, text: format!("{}: {}", text(facility), text(line).trim()) },
                        _ => Said::Other,
                    }
                }
                sys::RD_KAFKA_EVENT_DR => {
                    let mut fates = Vec::with_capacity(sys::rd_kafka_event_message_count(ptr));
                    while let Some(message) = sys::rd_kafka_event_message_next(ptr).as_ref() {
                        let code: RDKafkaErrorCode = message.err.into();
                        fates.push((message._private as usize, (code != RDKafkaErrorCode::NoError).then_some(code)));
                    }
                    Said::Delivered(fates)
                }
                sys::RD_KAFKA_EVENT_DESCRIBETOPICS_RESULT
                | sys::RD_KAFKA_EVENT_LISTOFFSETS_RESULT
                | sys::RD_KAFKA_EVENT_CREATETOPICS_RESULT
                | sys::RD_KAFKA_EVENT_DESCRIBECLUSTER_RESULT
                | sys::RD_KAFKA_EVENT_DESCRIBECONSUMERGROUPS_RESULT
                | sys::RD_KAFKA_EVENT_LISTCONSUMERGROUPS_RESULT
                | sys::RD_KAFKA_EVENT_LISTCONSUMERGROUPOFFSETS_RESULT
                | sys::RD_KAFKA_EVENT_DESCRIBEACLS_RESULT
                | sys::RD_KAFKA_EVENT_DESCRIBECONFIGS_RESULT
                | sys::RD_KAFKA_EVENT_OFFSET_COMMIT => Said::Answer(self),
                _ => Said::Other,
            }
        }
    }

    pub(super) fn ptr(&self) -> *mut sys::rd_kafka_event_t {
        self.0.as_ptr()
    }
}

/// A record and the event that holds its bytes.
pub struct Fetched {
    message: NonNull<sys::rd_kafka_message_t>,
    _event: Event,
}

impl Fetched {
    /// Borrowed from librdkafka's memory; without the header that names a schema.
    pub fn record(&self) -> RawRecord<'_> {
        // SAFETY: the message belongs to the event, which lives as long as `self`.
        unsafe { record_of(self.message) }
    }

    /// Equal for records of one partition of one topic, as long as the topic is assigned.
    pub fn place(&self) -> (usize, i32) {
        // SAFETY: as in `record`.
        let message = unsafe { self.message.as_ref() };
        (message.rkt as usize, message.partition)
    }

    pub fn topic(&self) -> String {
        // SAFETY: as in `record`; the topic handle is referenced by the message.
        text(unsafe { sys::rd_kafka_topic_name(self.message.as_ref().rkt) })
    }

    /// Key and value, for the batch's bound.
    pub fn bytes(&self) -> usize {
        // SAFETY: as in `record`.
        let message = unsafe { self.message.as_ref() };
        message.len + message.key_len
    }
}

/// A message as a record, where it lies.
///
/// # Safety
/// The message must be alive for `'a`, and nobody may write to it.
pub(super) unsafe fn record_of<'a>(message: NonNull<sys::rd_kafka_message_t>) -> RawRecord<'a> {
    let mut kind = sys::rd_kafka_timestamp_type_t::RD_KAFKA_TIMESTAMP_NOT_AVAILABLE;
    // SAFETY: by our own condition.
    let (timestamp_ms, message) =
        unsafe { (sys::rd_kafka_message_timestamp(message.as_ptr(), &mut kind), message.as_ref()) };
    RawRecord {
        offset: message.offset,
        timestamp_ms,
        key: bytes(message.key, message.key_len),
        value: bytes(message.payload, message.len),
        schema_header: None,
        headers: None,
    }
}

/// `None` for null: a tombstone, or a record without key.
pub(super) fn bytes<'a>(ptr: *const std::ffi::c_void, len: usize) -> Option<&'a [u8]> {
    // SAFETY: librdkafka gives either null, or `len` readable bytes that live as long as the message; the caller
    // binds the result to it.
    (!ptr.is_null()).then(|| unsafe { slice::from_raw_parts(ptr as *const u8, len) })
}

/// The partition an error event speaks of.
///
/// # Safety
/// The event must be alive.
unsafe fn part_of(event: *mut sys::rd_kafka_event_t) -> Option<(String, i32, i64)> {
    // SAFETY: the event is alive by our own condition; the returned object is ours and destroyed once.
    unsafe {
        let part = NonNull::new(sys::rd_kafka_event_topic_partition(event))?;
        let copied = (text(part.as_ref().topic), part.as_ref().partition, part.as_ref().offset);
        sys::rd_kafka_topic_partition_destroy(part.as_ptr());
        Some(copied)
    }
}

/// Copies a list's partitions.
///
/// # Safety
/// The list must be null or alive.
pub(super) unsafe fn parts_of(list: *const sys::rd_kafka_topic_partition_list_t) -> Vec<(String, i32)> {
    // SAFETY: by our own condition.
    unsafe { elements(list) }.iter().map(|e| (text(e.topic), e.partition)).collect()
}

/// A list's elements as a slice; empty for null.
///
/// # Safety
/// The list must be null, or alive and unchanged for `'a`.
pub(super) unsafe fn elements<'a>(
    list: *const sys::rd_kafka_topic_partition_list_t,
) -> &'a [sys::rd_kafka_topic_partition_t] {
    // SAFETY: by our own condition; a list without elements may have a null array.
    unsafe {
        match list.as_ref() {
            Some(l) if l.cnt > 0 => slice::from_raw_parts(l.elems, l.cnt as usize),
            _ => &[],
        }
    }
}
