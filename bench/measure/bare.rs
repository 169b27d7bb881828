//! The floor: reads every record in batches and looks at none.

use rdkafka::config::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka_sys as sys;
use std::ffi::CString;
use std::ptr;
use std::time::{Duration, Instant};

/// As many as spread the cost of a call.
const BATCH_RECORDS: usize = 1_024;
const BATCH_MS: i32 = 100;
const PATIENCE: Duration = Duration::from_secs(600);

/// Reads `records` of a topic from its beginning, with the settings that the daemon's consumers have. Errors come in
/// the batch too; any fails the run.
pub fn read(bootstrap: &str, topic: &str, partitions: i32, records: u64) -> u64 {
    let consumer: BaseConsumer = ClientConfig::new()
        .set("bootstrap.servers", bootstrap)
        .set("group.id", "bench-bare")
        .set("isolation.level", "read_committed")
        .set("enable.auto.commit", "false")
        .set("fetch.queue.backoff.ms", "10")
        .set("queued.min.messages", "20000")
        .set("queued.max.messages.kbytes", "16384")
        .create()
        .expect("a consumer");
    let client = consumer.client().native_ptr();
    let name = CString::new(topic).expect("a topic's name");
    let mut read = 0;
    let started = Instant::now();
    // SAFETY: the client outlives all that is made of it here, each of which is destroyed once, and every message of
    // a batch is destroyed before the next one is taken.
    unsafe {
        let handle = sys::rd_kafka_topic_new(client, name.as_ptr(), ptr::null_mut());
        let queue = sys::rd_kafka_queue_new(client);
        for partition in 0..partitions {
            let beginning = i64::from(sys::RD_KAFKA_OFFSET_BEGINNING);
            assert_eq!(
                sys::rd_kafka_consume_start_queue(handle, partition, beginning, queue),
                0,
                "partition {partition}"
            );
        }
        let mut batch = [ptr::null_mut(); BATCH_RECORDS];
        while read < records {
            assert!(started.elapsed() < PATIENCE, "{read} of {records} read");
            let count = sys::rd_kafka_consume_batch_queue(queue, BATCH_MS, batch.as_mut_ptr(), batch.len());
            for message in &batch[..usize::try_from(count).expect("a batch")] {
                assert_eq!((**message).err as i32, 0, "an error instead of a record");
                sys::rd_kafka_message_destroy(*message);
                read += 1;
            }
        }
        for partition in 0..partitions {
            sys::rd_kafka_consume_stop(handle, partition);
        }
        sys::rd_kafka_queue_destroy(queue);
        sys::rd_kafka_topic_destroy(handle);
    }
    read
}
