//! Batches of messages (`rd_kafka_consume_batch_queue`), read where they lie, out of queues of our own.
//!
//! One call takes a batch, where an event takes a call and an object for each record. Why this is sound:
//!
//! - **A message is ours from the call until `rd_kafka_message_destroy`.** It holds references to its partition, its
//!   topic and the response that its bytes lie in. What other threads do meanwhile (a revoke, a pause, a seek, a broker
//!   that goes) outdates what is *queued*, and frees nothing that was taken. [`Batch`] destroys each of its messages once,
//!   when it is dropped, and all that is read of them borrows the batch.
//! - **Nobody writes to it.** librdkafka's threads have given it away. Headers are parsed into the message when they are
//!   first asked for, by the one thread that has the batch: raw pointers keep it from being sent or shared.
//! - **A batch outlives neither its lane nor its client.** It borrows the lane, and a lane is dropped before its client,
//!   as every [`Queue`] is. A lane that outlived the client would make the client's end wait for ever.
//! - **A lane is never the consumer's own queue**, from which this call would take the rebalances and complete them by
//!   itself. `Lane::new` makes a queue, and there is no other way to a lane.
//! - **What a queue rings lives as long as it rings.** A queue rings under its own lock; `Ringing` holds what is rung, and
//!   takes the callback back, under that lock, before it lets go.

use crate::engine::record::{Headers, RawRecord};
use crate::kafka::client::Context;
use crate::kafka::ffi::queue::{ErrorEvent, Queue, bytes, record_of};
use crate::kafka::ffi::text;
use rdkafka::client::Client;
use rdkafka::error::RDKafkaErrorCode as Code;
use rdkafka_sys as sys;
use std::ffi::{CStr, CString, c_void};
use std::fmt;
use std::ptr::NonNull;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

/// Where Confluent's serialisers name the schema of a value, if not in front of it.
const SCHEMA_HEADER: &CStr = c"__value_schema_id";

/// A queue that partitions are forwarded to. It must be dropped before its client, as any queue.
pub struct Lane(Ringing);

impl Lane {
    /// It rings when something comes while it is empty.
    pub fn new(client: &Client<Context>, bell: &Arc<Bell>) -> Option<Lane> {
        Queue::fresh(client).map(|queue| Lane(Ringing::new(queue, bell)))
    }

    /// Has the partition's records, ends and errors come here; what it has queued moves along. To be said at every
    /// assignment before it takes effect: a partition that stops being fetched goes nowhere from then on. False where
    /// the client knows no such partition.
    pub fn forward(&self, client: &Client<Context>, topic: &str, partition: i32) -> bool {
        let Ok(topic) = CString::new(topic) else { return false };
        // SAFETY: client and lane are alive; the reference to the partition's queue is ours, and the forwarding
        // outlasts it.
        unsafe {
            let queue = sys::rd_kafka_queue_get_partition(client.native_ptr(), topic.as_ptr(), partition);
            if queue.is_null() {
                return false;
            }
            sys::rd_kafka_queue_forward(queue, self.0.queue.ptr());
            sys::rd_kafka_queue_destroy(queue);
        }
        true
    }

    /// Takes what is there, as many as the buffer is for. Messages that a revoke, pause or seek has outdated are never
    /// among them. A lane that has not rung since it was empty costs one look at a flag.
    pub fn take<'l>(&'l self, buffer: &'l mut Buffer) -> Batch<'l> {
        let Buffer { messages, most } = buffer;
        // Cleared before the look, so that what comes after it rings for the next one.
        if !self.0.ringer.rung.swap(false, Ordering::AcqRel) {
            return Batch { messages, _lane: self };
        }
        messages.reserve(*most);
        // SAFETY: the vector is empty and has room for so many pointers; so many as the call says it has written.
        unsafe {
            let taken = sys::rd_kafka_consume_batch_queue(self.0.queue.ptr(), 0, messages.as_mut_ptr(), *most);
            messages.set_len(taken.max(0) as usize);
        }
        // There may be more, which has rung already.
        if messages.len() == *most {
            self.0.ringer.rung.store(true, Ordering::Release);
        }
        Batch { messages, _lane: self }
    }

    /// Messages that wait.
    pub fn waiting(&self) -> usize {
        self.0.queue.waiting()
    }
}

/// Room for the messages of one batch, used again for the next.
pub struct Buffer {
    messages: Vec<*mut sys::rd_kafka_message_t>,
    most: usize,
}

impl Buffer {
    pub fn new(most: usize) -> Buffer {
        Buffer { messages: Vec::with_capacity(most), most }
    }
}

/// Messages taken at once, and kept until this is dropped.
pub struct Batch<'l> {
    messages: &'l mut Vec<*mut sys::rd_kafka_message_t>,
    _lane: &'l Lane,
}

impl Batch<'_> {
    pub fn len(&self) -> usize {
        self.messages.len()
    }

    pub fn is_empty(&self) -> bool {
        self.messages.is_empty()
    }

    /// In the order in which they came: records of one partition that follow each other, or one error.
    pub fn runs(&self) -> impl Iterator<Item = Run<'_>> {
        let of = |message: &*mut sys::rd_kafka_message_t| {
            // SAFETY: a message of this batch, which is borrowed.
            let message = unsafe { &**message };
            (message.rkt, message.partition, message.err)
        };
        let failed = |(_, _, err)| err != sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR;
        self.messages.chunk_by(move |a, b| of(a) == of(b) && !failed(of(a))).map(|messages| Run { messages })
    }
}

impl Drop for Batch<'_> {
    fn drop(&mut self) {
        for message in self.messages.drain(..) {
            // SAFETY: the message is ours, and is destroyed once.
            unsafe { sys::rd_kafka_message_destroy(message) }
        }
    }
}

/// Messages of one partition, ascending; never empty. Either all of them are records, or it is one error.
pub struct Run<'b> {
    messages: &'b [*mut sys::rd_kafka_message_t],
}

impl<'b> Run<'b> {
    fn first(&self) -> &'b sys::rd_kafka_message_t {
        // SAFETY: a message of the batch, which is borrowed for `'b`, and a run is never empty.
        unsafe { &*self.messages[0] }
    }

    pub fn topic(&self) -> String {
        let topic = self.first().rkt;
        if topic.is_null() {
            return String::new();
        }
        // SAFETY: the message references its topic.
        text(unsafe { sys::rd_kafka_topic_name(topic) })
    }

    pub fn partition(&self) -> i32 {
        self.first().partition
    }

    /// What went wrong, or the end of the partition; `None` for records.
    pub fn error(&self) -> Option<ErrorEvent> {
        let message = self.first();
        let code: Code = message.err.into();
        (code != Code::NoError).then(|| ErrorEvent {
            code,
            fatal: false,
            text: bytes(message.payload, message.len)
                .map_or_else(|| code.to_string(), |text| String::from_utf8_lossy(text).into_owned()),
            part: Some((self.topic(), message.partition, message.offset)),
        })
    }

    /// Records, where they lie; with the header that names their schema where that is wanted.
    pub fn records(&self, schema_headers: bool) -> Vec<RawRecord<'b>> {
        let record = |message: &'b *mut sys::rd_kafka_message_t| {
            let headers = Some(Lying::of(message) as &dyn Headers);
            let message = NonNull::new(*message)?;
            // SAFETY: a message of the batch, which is borrowed for `'b`.
            unsafe {
                let record = record_of(message);
                let schema_header = if schema_headers { header(message, SCHEMA_HEADER) } else { None };
                Some(RawRecord { schema_header, headers, ..record })
            }
        };
        self.messages.iter().filter_map(record).collect()
    }
}

/// The headers of a message, where they lie in it.
#[repr(transparent)]
struct Lying(*mut sys::rd_kafka_message_t);

impl Lying {
    fn of(message: &*mut sys::rd_kafka_message_t) -> &Lying {
        // SAFETY: the same pointer under another name, as `repr(transparent)` has it.
        unsafe { &*std::ptr::from_ref(message).cast::<Lying>() }
    }
}

impl fmt::Debug for Lying {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Headers(…)")
    }
}

impl Headers for Lying {
    /// The first call parses them; a record without headers, which most are, costs one look at a length.
    fn at(&self, index: usize) -> Option<(&[u8], Option<&[u8]>)> {
        const FOUND: sys::rd_kafka_resp_err_t = sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR;
        let (mut headers, mut name) = (std::ptr::null_mut(), std::ptr::null());
        let (mut value, mut len) = (std::ptr::null(), 0);
        // SAFETY: a message of the batch that is borrowed, and of this thread alone. Its headers, once parsed, live and lie
        // as long as it does; what is found is a C string and `len` bytes of them.
        unsafe {
            let found = sys::rd_kafka_message_headers(self.0, &mut headers) == FOUND
                && sys::rd_kafka_header_get_all(headers, index, &mut name, &mut value, &mut len) == FOUND;
            found.then(|| (CStr::from_ptr(name).to_bytes(), bytes(value, len)))
        }
    }
}

/// The last header of this name. A record without headers, which most are, costs one look at a length.
///
/// # Safety
/// The message must be alive for `'a`, and no other thread may have it.
unsafe fn header<'a>(message: NonNull<sys::rd_kafka_message_t>, name: &CStr) -> Option<&'a [u8]> {
    const FOUND: sys::rd_kafka_resp_err_t = sys::rd_kafka_resp_err_t::RD_KAFKA_RESP_ERR_NO_ERROR;
    let (mut headers, mut value, mut len) = (std::ptr::null_mut(), std::ptr::null(), 0);
    // SAFETY: by our own condition; the first call parses the headers into the message, which keeps them as long as it
    // lives. The value found lies in them.
    let found = unsafe {
        sys::rd_kafka_message_headers(message.as_ptr(), &mut headers) == FOUND
            && sys::rd_kafka_header_get_last(headers, name.as_ptr(), &mut value, &mut len) == FOUND
    };
    if found { bytes(value, len) } else { None }
}

/// What a thread waits on while all its queues are empty. Once rung it stays so until somebody has waited, so that
/// nothing is missed that comes between a look and the wait.
#[derive(Default)]
pub struct Bell {
    rung: Mutex<bool>,
    heard: Condvar,
}

impl Bell {
    /// Waits until it is rung, and for so long at most.
    pub fn wait(&self, most: Duration) {
        let rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        let waited = self.heard.wait_timeout_while(rung, most, |rung| !*rung);
        *waited.unwrap_or_else(PoisonError::into_inner).0 = false;
    }

    fn ring(&self) {
        let mut rung = self.rung.lock().unwrap_or_else(PoisonError::into_inner);
        if !std::mem::replace(&mut *rung, true) {
            self.heard.notify_one();
        }
    }
}

/// What one queue rings: its own flag, and the bell of all.
struct Ringer {
    rung: AtomicBool,
    bell: Arc<Bell>,
}

/// A queue that rings when something comes while it is empty. To be dropped before its client.
pub struct Ringing {
    queue: Queue,
    /// What the queue's callback points to.
    ringer: Arc<Ringer>,
}

impl Ringing {
    pub fn new(queue: Queue, bell: &Arc<Bell>) -> Ringing {
        let ringing = Ringing { queue, ringer: Arc::new(Ringer { rung: AtomicBool::new(true), bell: bell.clone() }) };
        let ringer = Arc::as_ptr(&ringing.ringer) as *mut c_void;
        // SAFETY: the queue is alive, and what it rings lives until the callback is taken back.
        unsafe { sys::rd_kafka_queue_cb_event_enable(ringing.queue.ptr(), Some(ring), ringer) }
        ringing
    }
}

impl Drop for Ringing {
    fn drop(&mut self) {
        // SAFETY: the queue is alive. The call waits for the queue's lock, under which it rings: it has rung, or never
        // will again.
        unsafe { sys::rd_kafka_queue_cb_event_enable(self.queue.ptr(), None, std::ptr::null_mut()) }
    }
}

/// Called by librdkafka's threads under the queue's lock; calls nothing of librdkafka's, and cannot panic.
unsafe extern "C" fn ring(_: *mut sys::rd_kafka_t, ringer: *mut c_void) {
    // SAFETY: the pointer that `Ringing::new` gave; it is alive, see `Ringing::drop`.
    let ringer = unsafe { &*(ringer as *const Ringer) };
    ringer.rung.store(true, Ordering::Release);
    ringer.bell.ring();
}
