//! What the daemon tells of itself: metrics and logs.
//!
//! What tasks and the process count goes through the `metrics` facade and lasts as long as the process. What is
//! counted of products comes from the board at each scrape, as `Sample`s: a recorder forgets a series only by an
//! idle time-out, and a product that is withdrawn must leave at once.

pub mod names; // every metric: name, type, labels, help
pub mod task; // what a task counts
pub mod process; // what the kernel counts of this process
pub mod levels; // levels, changed at run time
pub mod log; // format and level; repeats limited

use crate::telemetry::names::{ALL, Kind, Metric};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};
use std::fmt::Write;
use std::sync::OnceLock;

/// Renders what was recorded.
#[derive(Clone)]
pub struct Handle(PrometheusHandle);

/// One series at the moment of a scrape; `labels` are the values of `metric.labels`, in their order.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    pub metric: &'static Metric,
    pub labels: Vec<String>,
    pub value: f64,
}

#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    #[error("the metrics cannot be set up: {0}; report it, no setting causes this")]
    Metrics(String),
    #[error("log.level `{level}` cannot be read: {reason}; write error, warn, info, debug or trace")]
    Level { level: String, reason: String },
    #[error("log.format `{0}` is unknown; write text or json")]
    Format(String),
    #[error("the log is set up already")]
    Twice,
}

/// The process's metrics. A second call answers with the first one's handle: a process has one recorder.
pub fn install(now_ms: i64) -> Result<Handle, TelemetryError> {
    static INSTALLED: OnceLock<Result<Handle, String>> = OnceLock::new();
    INSTALLED.get_or_init(|| recorder(now_ms)).clone().map_err(TelemetryError::Metrics)
}

fn recorder(now_ms: i64) -> Result<Handle, String> {
    let mut builder = PrometheusBuilder::new();
    for metric in ALL {
        if let Kind::Histogram(buckets) = metric.kind {
            let matcher = Matcher::Full(metric.name.to_owned());
            builder = builder.set_buckets_for_metric(matcher, buckets).map_err(|e| e.to_string())?;
        }
    }
    let recorder = builder.build_recorder();
    let handle = Handle(recorder.handle());
    metrics::set_global_recorder(recorder).map_err(|e| e.to_string())?;
    for metric in ALL {
        match metric.kind {
            Kind::Counter => metrics::describe_counter!(metric.name, metric.help),
            Kind::Gauge => metrics::describe_gauge!(metric.name, metric.help),
            Kind::Histogram(_) => metrics::describe_histogram!(metric.name, metric.help),
        }
    }
    metrics::gauge!(names::START_TIME.name).set(now_ms as f64 / 1000.0);
    reloaded(true);
    Ok(handle)
}

/// Counts an error of librdkafka by its name for it, e.g. `_TRANSPORT`; its names are some 200, so labels are bounded.
pub fn kafka_error(code: &str) {
    metrics::counter!(names::KAFKA_ERRORS.name, "code" => code.to_owned()).increment(1);
}

/// Counts a request to the schema registry by its outcome: one of `registry::client::Outcome`'s words.
pub fn registry_request(outcome: &'static str) {
    metrics::counter!(names::REGISTRY_REQUESTS.name, "outcome" => outcome).increment(1);
}

/// Counts what a lineage collector could not resolve, each thing once while it stays so.
pub fn lineage_unresolved(collector: &str, count: u64) {
    metrics::counter!(names::LINEAGE_UNRESOLVED.name, "collector" => collector.to_owned()).increment(count);
}

/// Counts a round of a lineage collector that could ask nothing.
pub fn lineage_error(collector: &str) {
    metrics::counter!(names::LINEAGE_ERRORS.name, "collector" => collector.to_owned()).increment(1);
}

/// Counts traces and dead letters that were seen in headers and found no room, for lineage.
pub fn lineage_traces_dropped(count: u64) {
    metrics::counter!(names::LINEAGE_TRACES_DROPPED.name).increment(count);
}

/// Counts a lineage event on its way to a catalog: `sent`, `refused`; or a turn that ended since it `waits`.
pub fn lineage_forwarded(outcome: &'static str) {
    metrics::counter!(names::LINEAGE_FORWARDED.name, "outcome" => outcome).increment(1);
}

/// Counts a request that was not let in, by the reason: a word of the metric's help.
pub fn http_refused(reason: &'static str) {
    metrics::counter!(names::HTTP_REFUSED.name, "reason" => reason).increment(1);
}

/// Whether the configuration was taken up when it was last read.
pub fn reloaded(good: bool) {
    metrics::gauge!(names::RELOAD_SUCCESSFUL.name).set(f64::from(u8::from(good)));
}

/// How many schemas are kept.
pub fn registry_schemas(count: usize) {
    metrics::gauge!(names::REGISTRY_SCHEMAS.name).set(count as f64);
}

impl Handle {
    /// The text format 0.0.4: what was recorded, then the samples, then the families that have no series yet, so that
    /// every name of the table is on every page.
    pub fn render(&self, samples: &[Sample]) -> String {
        let mut text = self.0.render();
        for metric in ALL {
            let mut series = samples.iter().filter(|sample| sample.metric.name == metric.name).peekable();
            if series.peek().is_none() && text.contains(&format!("# TYPE {} ", metric.name)) {
                continue;
            }
            let help = metric.help.replace('\\', "\\\\");
            let _ = writeln!(text, "# HELP {0} {help}\n# TYPE {0} {1}", metric.name, metric.kind.word());
            for sample in series {
                write_series(&mut text, sample);
            }
        }
        text
    }

    /// Folds histogram observations into their buckets. Without a scrape they would pile up: call it every few seconds.
    pub fn upkeep(&self) {
        self.0.run_upkeep();
    }
}

fn write_series(text: &mut String, sample: &Sample) {
    text.push_str(sample.metric.name);
    for (i, (name, value)) in sample.metric.labels.iter().zip(&sample.labels).enumerate() {
        let value = value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n");
        let _ = write!(text, "{}{name}=\"{value}\"", if i == 0 { '{' } else { ',' });
    }
    let close = if sample.metric.labels.is_empty() { "" } else { "}" };
    let _ = writeln!(text, "{close} {}", sample.value);
}
