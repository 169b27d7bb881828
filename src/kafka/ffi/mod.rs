//! What rdkafka hides: topic ids, both ends of many logs, the group's generation, events with their partition.
//!
//! All unsafe code that speaks to librdkafka stands in this folder, and nothing here decides.

pub mod queue; // event queues: poll, read records, errors, logs, delivery reports
pub mod bearer; // a client's token
pub mod batch; // batches of messages, read where they lie; a bell that queues ring
pub mod ask; // admin calls: topics, ends, creation, configuration
pub mod rights; // what this principal may do
pub mod group; // membership, committed offsets, sending offsets, committing, seeking
pub mod others; // what others do: their groups, and what ACLs let them
pub mod mock; // librdkafka's own broker in memory

use crate::kafka::fault::Flags;
use rdkafka::error::RDKafkaErrorCode;
use rdkafka_sys as sys;
use std::ffi::{CStr, c_char};

/// C text as ours; empty for null.
fn text(ptr: *const c_char) -> String {
    if ptr.is_null() {
        return String::new();
    }
    // SAFETY: librdkafka hands out NUL-terminated strings that live at least as long as the object they were asked
    // of, and every caller holds that object.
    unsafe { CStr::from_ptr(ptr) }.to_string_lossy().into_owned()
}

/// What an error object of librdkafka says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    pub code: RDKafkaErrorCode,
    pub flags: Flags,
    pub text: String,
}

/// Reads and destroys an error object that librdkafka gave away; null is no error.
fn taken(error: *mut sys::rd_kafka_error_t) -> Result<(), Refusal> {
    if error.is_null() {
        return Ok(());
    }
    // SAFETY: the object is ours and not null, and is destroyed exactly once, after it was read.
    unsafe {
        let flags = Flags {
            fatal: sys::rd_kafka_error_is_fatal(error) != 0,
            abortable: sys::rd_kafka_error_txn_requires_abort(error) != 0,
            retriable: sys::rd_kafka_error_is_retriable(error) != 0,
        };
        let code = sys::rd_kafka_error_code(error).into();
        let text = text(sys::rd_kafka_error_string(error));
        sys::rd_kafka_error_destroy(error);
        Err(Refusal { code, flags, text })
    }
}
