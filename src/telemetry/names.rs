//! Every metric the daemon registers: name, type, labels, help. Dashboards and alerts may ask for nothing else, and
//! `docs/metrics.md` is this table.

/// What a series of this name means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Metric {
    pub name: &'static str,
    pub kind: Kind,
    pub labels: &'static [&'static str],
    pub help: &'static str,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Kind {
    Counter,
    Gauge,
    /// With the upper bounds of its buckets, in the unit of the name.
    Histogram(&'static [f64]),
}

impl Kind {
    pub fn word(self) -> &'static str {
        match self {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Histogram(_) => "histogram",
        }
    }
}

/// Each metric as a constant, and all of them as `ALL`, in this order.
macro_rules! metrics {
    ($($constant:ident = $kind:expr, $name:literal, $labels:expr, $help:literal;)*) => {
        $(pub const $constant: Metric = Metric { name: $name, kind: $kind, labels: $labels, help: $help };)*
        pub const ALL: &[Metric] = &[$($constant),*];
    };
}

const OF_PRODUCT: &[&str] = &["product", "domain", "owner"];
const OF_TASK: &[&str] = &["worker", "task"];

/// Seconds. A commit takes 5 to 50 ms on a healthy cluster, may stall 20 s (transaction timeout and the broker's
/// check), and after 30 s a worker is not ready: each of these lies at an edge.
const CALL_S: &[f64] = &[0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0];

/// Seconds. From delta to event, where the watermark waits: grace (10 s), flush (10 s), window (60 s) and
/// `window.max.open` (1 h) lie at an edge.
const LATENCY_S: &[f64] = &[0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 900.0, 3600.0];

metrics! {
    PRODUCT_RECORDS = Kind::Counter, "steward_product_records_total", OF_PRODUCT,
        "Records judged, tombstones and undecodable ones too.";
    PRODUCT_BYTES = Kind::Counter, "steward_product_bytes_total", OF_PRODUCT,
        "Bytes of keys and values of the records judged.";
    PRODUCT_UNDECODABLE = Kind::Counter, "steward_product_undecodable_total", OF_PRODUCT,
        "Records that could not be decoded.";
    PRODUCT_UNMEASURED = Kind::Counter, "steward_product_unmeasured_total", OF_PRODUCT,
        "Records that were counted and not measured, for the registry did not give their schema in time.";
    PRODUCT_TOMBSTONES = Kind::Counter, "steward_product_tombstones_total", OF_PRODUCT,
        "Records without a value.";
    PRODUCT_LATE = Kind::Counter, "steward_product_late_total", OF_PRODUCT,
        "Records that came too late for any window and were not judged.";
    QUARANTINE_RECORDS = Kind::Counter, "steward_quarantine_records_total", OF_PRODUCT,
        "Copies of bad records in quarantine, when the window that counts them is told; those that could not be copied are violations of steward.quarantine.";
    PRODUCT_VIOLATIONS = Kind::Counter, "steward_product_violations_total",
        &["product", "domain", "owner", "rule", "severity", "dimension", "mode"],
        "Rows that broke the rule, by how far it is rolled out; rule=\"other\" sums up the rules of a product beyond the series budget.";
    PRODUCT_STATUS = Kind::Gauge, "steward_product_status", &["product", "domain", "owner", "status"],
        "1 for the status of the last judged window, 0 for the other words.";
    PRODUCT_SCORE = Kind::Gauge, "steward_product_score_ratio", OF_PRODUCT,
        "The score of the last judged window, 0 to 1; absent where no rule could be measured.";
    PRODUCT_FRESHNESS = Kind::Gauge, "steward_product_freshness_seconds", OF_PRODUCT,
        "Since the newest record that was judged, by its event time; absent before the first.";
    PRODUCT_SLA_BUDGET = Kind::Gauge, "steward_product_sla_budget_ratio", &["product", "domain", "owner", "sla"],
        "What is left of the error budget of 30 days: 1 nothing is spent, 0 all, below 0 more than there was; sla=\"product\" is of whole windows.";
    PRODUCT_SLA_WINDOWS = Kind::Gauge, "steward_product_sla_windows", &["product", "domain", "owner", "sla"],
        "Windows of the 30 days that the error budget is a share of; it falls at each midnight (UTC), by those of the day that is over 30 days ago.";
    PRODUCT_LAG_RECORDS = Kind::Gauge, "steward_product_lag_records", OF_PRODUCT,
        "Offsets that can be read (up to the last stable one) and were not committed by stage 1, as of the last look: every 5 s, or 4 ms a partition where they are more than 1,250.";
    PRODUCT_LAG_SECONDS = Kind::Gauge, "steward_product_lag_seconds", OF_PRODUCT,
        "By event time, how long ago the partition that lags most was read up to; 0 without lag.";
    PRODUCT_INCIDENTS = Kind::Gauge, "steward_product_incidents", &["product", "domain", "owner", "severity"],
        "Open incidents.";
    PRODUCT_DRIFT = Kind::Gauge, "steward_product_drift_incidents", &["product", "domain", "owner", "kind"],
        "Of the open incidents those of drift and anomalies: schema, distribution, volume, nulls (docs/drift.md).";
    PRODUCT_GAP_OFFSETS = Kind::Counter, "steward_product_gap_offsets_total", OF_PRODUCT,
        "Offsets that nobody judged and nobody can: deleted before they were read.";
    TASK_RECORDS = Kind::Counter, "steward_task_records_total", OF_TASK,
        "Records that the task inspected and committed.";
    TASK_STATE = Kind::Gauge, "steward_task_state", &["worker", "task", "state"],
        "1 for the state that the task is in, 0 for the other words.";
    FLUSH_DURATION = Kind::Histogram(CALL_S), "steward_flush_duration_seconds", OF_TASK,
        "From the start of a flush to its commit.";
    COMMIT_DURATION = Kind::Histogram(CALL_S), "steward_commit_duration_seconds", OF_TASK,
        "The commit call of a flush's transaction alone.";
    EVENT_LATENCY = Kind::Histogram(LATENCY_S), "steward_event_latency_seconds", OF_TASK,
        "From the append of a product's last delta to the commit of what the ledger made of it.";
    REBALANCES = Kind::Counter, "steward_rebalances_total", OF_TASK,
        "Times the group gave partitions to the task or took some from it.";
    RECOVERIES = Kind::Counter, "steward_recoveries_total", OF_TASK,
        "Times the task dropped what was not committed and began again from the committed offsets.";
    LIVE_PARTITIONS = Kind::Gauge, "steward_live_partitions", OF_TASK,
        "Partitions that are assigned and read: not those that still open, wait for a schema, are paused or failed.";
    PAUSED_PARTITIONS = Kind::Gauge, "steward_paused_partitions", OF_TASK,
        "Partitions that are assigned and not read: paused by operators, or kept back by a failure of their own.";
    QUEUE_FILL = Kind::Gauge, "steward_queue_fill_ratio", OF_TASK,
        "Fetched records that wait in the fullest of the task's queues, of those after which it is fetched no more (queued.min.messages); above 1 by what one fetch brings.";
    CHAIN_OVERLAPS = Kind::Counter, "steward_chain_overlaps_total", OF_TASK,
        "Offsets intervals that came twice. Must stay 0 under delivery: exactly_once.";
    INTERNAL_BYTES = Kind::Counter, "steward_internal_bytes_total", OF_TASK,
        "Bytes committed to deltas, state and events.";
    HORIZON_BYTES = Kind::Gauge, "steward_horizon_bytes", OF_TASK,
        "Memory of keys of closed windows, for uniqueness over a horizon: 72 MiB a rule at most, 36 MB while it is exact.";
    KAFKA_ERRORS = Kind::Counter, "steward_kafka_errors_total", &["code"],
        "Errors that librdkafka reported, by its name for them.";
    REGISTRY_REQUESTS = Kind::Counter, "steward_registry_requests_total", &["outcome"],
        "Requests to the schema registry: found, missing, refused (401, 403), unavailable (no answer, 5xx), unexpected.";
    RELOAD_SUCCESSFUL = Kind::Gauge, "steward_config_last_reload_successful", &[],
        "1 where the configuration was last read again and taken up, 0 where it was refused and the one in force stays; 1 at the start.";
    REGISTRY_SCHEMAS = Kind::Gauge, "steward_registry_schemas", &[],
        "Schemas kept in memory; registry.schemas.max is the most.";
    LINEAGE_EDGES = Kind::Gauge, "steward_lineage_edges", &["evidence"],
        "Edges that hold, by each kind of evidence that supports them; of several kinds an edge counts with each. Told by the worker that collects.";
    LINEAGE_CONTRADICTIONS = Kind::Gauge, "steward_lineage_contradictions", &["kind"],
        "Where what is declared and what is seen disagree now: readers and inputs that nobody declared, declared inputs that nobody reads. Told by the worker that collects.";
    LINEAGE_REFUSED = Kind::Gauge, "steward_lineage_refused", &[],
        "Edges and jobs that found no room in lineage.edges.max since this worker collects; above 0 lineage is not whole.";
    LINEAGE_AGE = Kind::Gauge, "steward_lineage_collector_age_seconds", &["collector"],
        "Since the collector's last round. Told by the worker that collects.";
    LINEAGE_UNRESOLVED = Kind::Counter, "steward_lineage_unresolved_total", &["collector"],
        "Things that a collector could not resolve, each counted once while it stays so; GET /lineage says which, and why.";
    LINEAGE_ERRORS = Kind::Counter, "steward_lineage_collector_errors_total", &["collector"],
        "Rounds of a collector that could ask nothing.";
    LINEAGE_TRACES_DROPPED = Kind::Counter, "steward_lineage_traces_dropped_total", &[],
        "Sightings of traces and dead letters in headers, in the seconds that are looked at, that found no room: their hops are not seen.";
    LINEAGE_FORWARDED = Kind::Counter, "steward_lineage_forwarded_total", &["outcome"],
        "Lineage events on their way to openlineage.url: sent, refused (left out), and attempts after which they wait in the topic.";
    POLICY_VIOLATIONS = Kind::Gauge, "steward_policy_violations", &["policy", "mode"],
        "Contracts and products that break a policy of the mesh, or of which it cannot be told, and whose product this worker owns.";
    UNGOVERNED_TOPICS = Kind::Gauge, "steward_ungoverned_topics", &[],
        "Topics that no contract names and nothing excludes; they are not consumed.";
    WORKERS = Kind::Gauge, "steward_workers", &[],
        "Workers that are heard, this one too, as this one hears them.";
    UNOWNED_PARTITIONS = Kind::Gauge, "steward_unowned_partitions", &[],
        "Partitions, governed or of deltas, that no task of any worker has had for 30 s; /ready names them. Must be 0.";
    CONTRACT_FINDINGS = Kind::Gauge, "steward_contract_findings", &[],
        "Faults of contract files, by which a part of a contract is not in force; /ready and the log say which.";
    METRIC_SERIES = Kind::Gauge, "steward_metric_series", &[],
        "Product series on this page.";
    METRIC_SERIES_FOLDED = Kind::Gauge, "steward_metric_series_folded", &[],
        "Rule series that are summed up under rule=\"other\", because metrics.series.max was reached.";
    HTTP_REFUSED = Kind::Counter, "steward_http_refused_total", &["reason"],
        "Requests that were not let in: no_login and wrong_login (401), forbidden (403: the role does not do), often (429: too many, or too many wrong logins), cross_site and form (403: another site's page, a form without its token).";
    START_TIME = Kind::Gauge, "process_start_time_seconds", &[],
        "When the process started, in seconds since 1970 UTC.";
    CPU_SECONDS = Kind::Counter, "process_cpu_seconds_total", &[],
        "CPU time of the process, its own and the system's for it.";
    RESIDENT_BYTES = Kind::Gauge, "process_resident_memory_bytes", &[],
        "Memory of the process that is in RAM.";
}

/// `docs/metrics.md`.
pub fn markdown() -> String {
    let mut text = String::from(
        "# Metrics\n\n\
         Written from `src/telemetry/names.rs`; `UPDATE_DOCS=1 cargo test --test http metrics_page` rewrites it.\n\n\
         Only the owner of a product's ledger partition exports its `steward_product_…` series, so that sums over\n\
         workers are right; they end when the product is withdrawn or moves to another worker. Counters move when\n\
         what they count is committed.\n\n\
         | name | type | labels | meaning |\n|---|---|---|---|\n",
    );
    for metric in ALL {
        let labels: Vec<String> = metric.labels.iter().map(|label| format!("`{label}`")).collect();
        text += &format!("| `{}` | {} | {} | {} |\n", metric.name, metric.kind.word(), labels.join(", "), metric.help);
    }
    text
}
