//! What a task counts. (Its state is the board's.) All its series stand from its first moment, at 0: a rate needs a point to start from.

use crate::flow::io::{Ms, Publication};
use crate::telemetry::names;
use metrics::{Counter, Gauge, Histogram};

/// A task's series; they last as long as the process, as the set of tasks does.
pub struct TaskMetrics {
    records: Counter,
    flush_duration: Histogram,
    commit_duration: Histogram,
    event_latency: Histogram,
    rebalances: Counter,
    recoveries: Counter,
    chain_overlaps: Counter,
    internal_bytes: Counter,
    horizon_bytes: Gauge,
}

impl TaskMetrics {
    pub fn new(worker: &str, task: &str) -> TaskMetrics {
        let labels = [("worker", worker.to_owned()), ("task", task.to_owned())];
        let counter = |metric: names::Metric| {
            let counter = metrics::counter!(metric.name, &labels);
            counter.increment(0);
            counter
        };
        TaskMetrics {
            records: counter(names::TASK_RECORDS),
            flush_duration: metrics::histogram!(names::FLUSH_DURATION.name, &labels),
            commit_duration: metrics::histogram!(names::COMMIT_DURATION.name, &labels),
            event_latency: metrics::histogram!(names::EVENT_LATENCY.name, &labels),
            rebalances: counter(names::REBALANCES),
            recoveries: counter(names::RECOVERIES),
            chain_overlaps: counter(names::CHAIN_OVERLAPS),
            internal_bytes: counter(names::INTERNAL_BYTES),
            horizon_bytes: metrics::gauge!(names::HORIZON_BYTES.name, &labels),
        }
    }

    /// A committed flush.
    pub fn published(&self, publication: &Publication) {
        self.records.increment(publication.records);
        self.internal_bytes.increment(publication.written_bytes);
        self.horizon_bytes.set(publication.horizon_bytes as f64);
        self.flush_duration.record(seconds(publication.flush_ms));
        for update in &publication.products {
            self.chain_overlaps.increment(update.overlaps);
            self.event_latency.record(seconds(update.latency_ms));
        }
    }

    /// How long the commit call alone took.
    pub fn committed(&self, took_ms: Ms) {
        self.commit_duration.record(seconds(took_ms));
    }

    /// The group gave partitions, or took some.
    pub fn rebalanced(&self) {
        self.rebalances.increment(1);
    }

    /// What was not committed is dropped; the task begins again from what is.
    pub fn recovered(&self) {
        self.recoveries.increment(1);
    }
}

fn seconds(ms: Ms) -> f64 {
    ms.max(0) as f64 / 1000.0
}
