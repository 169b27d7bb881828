//! Internal topics: created when missing, verified when present.

use crate::flow::io::{Fault, TopicInfo};
use crate::kafka::catalog;
use crate::kafka::client::{self, Context, Settings};
use crate::kafka::cluster::Cluster;
use crate::kafka::fault;
use crate::kafka::ffi::ask::{self, NewTopic};
use crate::kafka::ffi::queue::{Queue, Said};
use rdkafka::client::Client;
use rdkafka::error::RDKafkaErrorCode as Code;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// One admin call may take this long: a controller that is moving answers within 10 s.
pub(super) const CALL_MS: i32 = 10_000;
/// A created topic is visible on every broker within this.
const VISIBLE: Duration = Duration::from_secs(15);
/// The largest message that our producers send; a topic that takes less would poison a transaction.
const MESSAGE_BYTES: i64 = 1_000_000;

/// Our own topics, as configured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Topics {
    pub governance: String,
    /// Where lineage events go, if not to the governance topic; it is made like that.
    pub lineage: Option<String>,
    pub governance_partitions: i32,
    /// `_steward`.
    pub prefix: String,
    pub internal_partitions: i32,
    /// -1: the broker's default.
    pub replication_factor: i32,
    /// The deltas topic must keep at least this: twice (`window.max.open` + `late.accept`).
    pub deltas_keep_ms: i64,
}

impl Topics {
    pub fn catalog(&self) -> String {
        format!("{}.catalog", self.prefix)
    }

    pub fn deltas(&self) -> String {
        format!("{}.deltas", self.prefix)
    }

    /// A topic that never exists, another one with each number. To subscribe to it as well makes a member join again:
    /// librdkafka must ask for a name that it has not met, and joins behind the answer; what it has met changes nothing.
    /// Below our prefix, so that nobody creates it, no contract can govern it, and rights on the prefix cover it.
    pub fn absent(&self, number: u64) -> String {
        format!("{}.rejoin-{number}", self.prefix)
    }

    pub fn state(&self) -> String {
        format!("{}.state", self.prefix)
    }

    /// Names and partition counts.
    pub fn all(&self) -> Vec<(String, i32)> {
        self.specs().into_iter().map(|spec| (spec.name, spec.partitions)).collect()
    }

    pub fn workers(&self) -> String {
        format!("{}.workers", self.prefix)
    }

    /// Who asked what, for a year.
    pub fn audit(&self) -> String {
        format!("{}.audit", self.prefix)
    }

    /// Where lineage is kept; its events go elsewhere.
    pub fn lineage_log(&self) -> String {
        format!("{}.lineage", self.prefix)
    }

    /// In the order of creation: the catalog first, since it holds the facts of the others.
    pub(super) fn specs(&self) -> Vec<Spec> {
        const DAY_MS: i64 = 24 * 3_600_000;
        let spec = |name, partitions, config| Spec { name, partitions, config };
        let events = |name| {
            let config = vec![("cleanup.policy", "delete".into()), ("retention.ms", (30 * DAY_MS).to_string())];
            spec(name, self.governance_partitions, config)
        };
        // Every worker reads them from their start: small segments, cleaned soon.
        let small = || {
            vec![
                ("cleanup.policy", "compact".into()),
                ("segment.bytes", (16 * 1024 * 1024).to_string()),
                ("max.compaction.lag.ms", 3_600_000.to_string()),
            ]
        };
        let mut specs = vec![
            spec(self.catalog(), 1, vec![("cleanup.policy", "compact".into())]),
            spec(
                self.deltas(),
                self.internal_partitions,
                vec![
                    ("cleanup.policy", "delete".into()),
                    ("retention.ms", (7 * DAY_MS).max(self.deltas_keep_ms).to_string()),
                    // Bytes must not cut short what open windows still need.
                    ("retention.bytes", "-1".into()),
                    // One clock for all workers, in the log.
                    ("message.timestamp.type", "LogAppendTime".into()),
                ],
            ),
            spec(
                self.state(),
                self.internal_partitions,
                vec![
                    ("cleanup.policy", "compact".into()),
                    // The active segment is never cleaned: small segments and a bound on the lag keep restores short.
                    ("segment.bytes", (64 * 1024 * 1024).to_string()),
                    ("max.compaction.lag.ms", 3_600_000.to_string()),
                ],
            ),
            spec(self.workers(), 1, small()),
            spec(self.lineage_log(), 1, small()),
            spec(
                self.audit(),
                1,
                vec![("cleanup.policy", "delete".into()), ("retention.ms", (365 * DAY_MS).to_string())],
            ),
            events(self.governance.clone()),
        ];
        specs.extend(self.lineage.clone().map(events));
        specs
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Spec {
    pub(super) name: String,
    partitions: i32,
    config: Vec<(&'static str, String)>,
}

impl Spec {
    pub(super) fn new_topic(&self, replication_factor: i32) -> NewTopic<'_> {
        NewTopic { name: &self.name, partitions: self.partitions, replication_factor, config: self.config.clone() }
    }
}

/// Our topics as they stand, all of them right.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub cluster: String,
    pub catalog: TopicInfo,
    pub deltas: TopicInfo,
    pub state: TopicInfo,
    pub governance: TopicInfo,
    /// Topics that were created now.
    pub created: Vec<String>,
}

/// Why the daemon must not start.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    #[error("the cluster cannot be asked: {}", .0.message)]
    Unreachable(Fault),
    #[error("{} of steward's topics are not as they must be:\n{}", .0.len(), lines(.0))]
    Mismatch(Vec<Mismatch>),
}

/// One thing that is not as it must be, and what to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    pub topic: String,
    pub problem: String,
    pub remedy: String,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.topic, self.problem, self.remedy)
    }
}

fn lines(mismatches: &[Mismatch]) -> String {
    mismatches.iter().map(|m| format!("  {m}")).collect::<Vec<_>>().join("\n")
}

/// A handle for admin calls, with its queue, where the causes of failures come.
pub struct Admin {
    // Before the client: a queue is dropped first.
    queue: Option<Queue>,
    pub(super) client: Client<Context>,
    pub(super) settings: Settings,
}

impl Admin {
    pub fn open(settings: &Settings) -> Result<Admin, Fault> {
        let client = client::admin(settings).map_err(|e| fault::of_producer("admin client", &e))?;
        Ok(Admin { queue: Queue::main(&client), client, settings: settings.clone() })
    }

    /// Creates what is missing, verifies what is there, and reports every mismatch at once.
    pub fn ensure_topics(&self, topics: &Topics) -> Result<Standing, SetupError> {
        let unreachable = |f| SetupError::Unreachable(self.explained(f));
        let specs = topics.specs();
        let before = self.topics(&names(&specs)).map_err(unreachable)?;
        // All that is there is verified before anything is created: a refused start leaves nothing behind.
        let mismatches = self.verify(&specs, &before, topics).map_err(unreachable)?;
        if !mismatches.is_empty() {
            return Err(SetupError::Mismatch(mismatches));
        }
        let mut created = Vec::new();
        for spec in &specs {
            if before.get(spec.name.as_str()).copied().flatten().is_none() {
                let new = spec.new_topic(topics.replication_factor);
                if ask::create_topic(&self.client, &new, CALL_MS).map_err(unreachable)? {
                    created.push(spec.name.clone());
                }
            }
        }
        let found = self.visible(&specs).map_err(unreachable)?;
        let info = |name: String| found.get(name.as_str()).copied();
        let (Some(catalog), Some(deltas), Some(state), Some(governance)) =
            (info(topics.catalog()), info(topics.deltas()), info(topics.state()), info(topics.governance.clone()))
        else {
            return Err(unreachable(fault::of_question(
                "describe topics",
                Code::UnknownTopic,
                "a topic vanished again",
            )));
        };
        self.hold_partition_count(topics, deltas)?;
        let cluster = self.cluster().map_err(unreachable)?;
        Ok(Standing { cluster, catalog, deltas, state, governance, created })
    }

    /// The deltas topic's partition count decides which ledger owns a product: it is written once and held for ever.
    fn hold_partition_count(&self, topics: &Topics, deltas: TopicInfo) -> Result<(), SetupError> {
        let unreachable = |f| SetupError::Unreachable(self.explained(f));
        let catalog = topics.catalog();
        match catalog::deltas_fact(&self.settings, &catalog).map_err(unreachable)? {
            Some(fact) if fact.partitions != deltas.partitions => Err(SetupError::Mismatch(vec![Mismatch {
                topic: topics.deltas(),
                problem: format!(
                    "has {} partitions, and {} when steward first used it (key {} of {catalog})",
                    deltas.partitions,
                    fact.partitions,
                    catalog::DELTAS_KEY
                ),
                remedy:
                    "products would change their ledger: stop all workers, set another governance.internal.prefix, \
                         and start anew"
                        .into(),
            }])),
            Some(fact) if fact.topic_id == deltas.id.to_string() => Ok(()),
            _ => catalog::write_deltas_fact(&self.settings, &catalog, deltas).map_err(unreachable),
        }
    }

    /// Every topic that this principal may see, with its partitions.
    pub fn all_topics(&self) -> Result<BTreeMap<String, i32>, Fault> {
        let count = |t: &rdkafka::metadata::MetadataTopic| (t.name().to_string(), t.partitions().len() as i32);
        Ok(self.metadata()?.topics().iter().map(count).collect())
    }

    /// Ids and partition counts; `None` for what does not exist.
    pub fn topics(&self, names: &[Arc<str>]) -> Result<BTreeMap<Arc<str>, Option<TopicInfo>>, Fault> {
        self.hear(0);
        self.settings.cluster.topics(&self.client, names, CALL_MS).map_err(|f| self.explained(f))
    }

    pub fn cluster(&self) -> Result<String, Fault> {
        self.client
            .fetch_cluster_id(Duration::from_millis(CALL_MS as u64))
            .ok_or_else(|| fault::of_question("cluster id", Code::OperationTimedOut, "no broker answered"))
    }

    pub(super) fn metadata(&self) -> Result<rdkafka::metadata::Metadata, Fault> {
        let asked = self.client.fetch_metadata(None, Duration::from_millis(CALL_MS as u64));
        asked.map_err(|e| {
            let code = e.rdkafka_error_code().unwrap_or(Code::Fail);
            self.explained(fault::of_question("metadata", code, &e.to_string()))
        })
    }

    /// Created topics, once every one is described.
    fn visible(&self, specs: &[Spec]) -> Result<BTreeMap<Arc<str>, TopicInfo>, Fault> {
        let deadline = Instant::now() + VISIBLE;
        loop {
            let found: BTreeMap<_, _> =
                self.topics(&names(specs))?.into_iter().filter_map(|(name, info)| Some((name, info?))).collect();
            if found.len() == specs.len() || Instant::now() > deadline {
                return Ok(found);
            }
            self.hear(100);
        }
    }

    pub(super) fn verify(
        &self,
        specs: &[Spec],
        found: &BTreeMap<Arc<str>, Option<TopicInfo>>,
        topics: &Topics,
    ) -> Result<Vec<Mismatch>, Fault> {
        if self.settings.cluster == Cluster::Embedded {
            return Ok(Vec::new());
        }
        let partitions = |name: &str| found.get(name).copied().flatten().map(|i| i.partitions);
        let mut mismatches = Vec::new();
        for spec in specs {
            let Some(count) = partitions(&spec.name) else { continue };
            let config = ask::topic_config(&self.client, &spec.name, CALL_MS).map_err(|f| self.explained(f))?;
            let own = spec.name.starts_with(&format!("{}.", topics.prefix));
            mismatches.extend(differing(spec, count, &config, own, topics.deltas_keep_ms));
        }
        Ok(mismatches)
    }

    /// The fault with the causes that only the client's own queue tells, e.g. a refused certificate.
    pub(super) fn explained(&self, mut fault: Fault) -> Fault {
        let causes = self.hear(0);
        if !causes.is_empty() {
            fault.message = format!("{} ({})", fault.message, causes.into_iter().collect::<Vec<_>>().join("; "));
        }
        fault
    }

    /// Hands on what the client has to say, waiting this long for the first word; returns its errors, each once.
    pub(super) fn hear(&self, wait_ms: i32) -> BTreeSet<String> {
        let mut errors = BTreeSet::new();
        let mut event = self.queue.as_ref().and_then(|q| q.poll(wait_ms));
        while let Some(heard) = event {
            match heard.read() {
                Said::Error(error) => {
                    // "All brokers are down" says nothing that the cause does not; how often and when is noise here.
                    if error.code != Code::AllBrokersDown {
                        let cause = error.text.split(" (after ").next().unwrap_or_default();
                        errors.insert(cause.to_string());
                    }
                    self.client.context().tell(Some(error.code), 3, error.text);
                }
                Said::Log { level, text } => self.client.context().tell(None, level, text),
                _ => {}
            }
            event = self.queue.as_ref().and_then(|q| q.poll(0));
        }
        errors
    }
}

pub(super) fn names(specs: &[Spec]) -> Vec<Arc<str>> {
    specs.iter().map(|s| s.name.as_str().into()).collect()
}

/// What of a present topic is not as it must be. `own`: an internal topic, whose partition count matters.
fn differing(
    spec: &Spec,
    partitions: i32,
    config: &BTreeMap<String, String>,
    own: bool,
    deltas_keep_ms: i64,
) -> Vec<Mismatch> {
    let mut found = Vec::new();
    let mut add = |problem: String, remedy: String| found.push(Mismatch { topic: spec.name.clone(), problem, remedy });
    let alter = |key: &str, value: &str| {
        let entity = format!("--entity-type topics --entity-name {}", spec.name);
        format!("kafka-configs --bootstrap-server … --alter {entity} --add-config {key}={value}")
    };
    let value = |key: &str| config.get(key).map_or("", String::as_str);
    let number = |key: &str| value(key).parse::<i64>().ok();
    if own && partitions != spec.partitions {
        add(
            format!("has {partitions} partitions, not {}", spec.partitions),
            match spec.partitions {
                1 => "order holds in one partition only: delete the topic if it is not steward's, or set another \
                      governance.internal.prefix"
                    .into(),
                _ => format!(
                    "set internal.partitions to {partitions}, if state and deltas both have it, \
                              or set another governance.internal.prefix"
                ),
            },
        );
    }
    for (key, wanted) in &spec.config {
        match *key {
            "cleanup.policy" | "message.timestamp.type" if value(key) != wanted => {
                add(format!("{key} is '{}', not '{wanted}'", value(key)), alter(key, wanted));
            }
            "retention.bytes" if number(key) != Some(-1) => {
                add(
                    format!("{key} is {}: bytes must not cut short what open windows need", value(key)),
                    alter(key, "-1"),
                );
            }
            "retention.ms" if own => {
                // -1 keeps everything.
                if let Some(kept) = number(key).filter(|&kept| kept >= 0 && kept < deltas_keep_ms) {
                    add(
                        format!("{key} is {kept}, and window.max.open + window.late.accept need {deltas_keep_ms}"),
                        format!("{}, or shorten them", alter(key, wanted)),
                    );
                }
            }
            // The rest only tunes.
            _ => {}
        }
    }
    if let Some(largest) = number("max.message.bytes").filter(|&largest| largest < MESSAGE_BYTES) {
        let key = "max.message.bytes";
        add(format!("{key} is {largest}, and steward sends up to {MESSAGE_BYTES}"), alter(key, "1048588"));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topics() -> Topics {
        Topics {
            governance: "governance.events".into(),
            lineage: None,
            governance_partitions: 6,
            prefix: "_steward".into(),
            internal_partitions: 12,
            replication_factor: -1,
            deltas_keep_ms: 180_000_000,
        }
    }

    /// A topic as the specification wants it, with some settings changed.
    fn check(topic: &str, partitions: i32, changed: &[(&str, &str)], problems: &[&str]) {
        let topics = topics();
        let specs = topics.specs();
        let Some(spec) = specs.iter().find(|s| s.name == topic) else { panic!("{topic} is none of ours") };
        let mut config: BTreeMap<String, String> =
            spec.config.iter().map(|(k, v)| (k.to_string(), v.clone())).collect();
        config.insert("max.message.bytes".into(), "1048588".into());
        config.extend(changed.iter().map(|(k, v)| (k.to_string(), v.to_string())));
        let own = topic != topics.governance;
        let found = differing(spec, partitions, &config, own, topics.deltas_keep_ms);
        let texts: Vec<String> = found.iter().map(Mismatch::to_string).collect();
        assert_eq!(texts.len(), problems.len(), "{texts:?}");
        for (text, problem) in texts.iter().zip(problems) {
            assert!(text.contains(problem), "{text:?} does not say {problem:?}");
        }
    }

    #[test]
    fn present_topics_are_held_to_what_correctness_needs_and_no_more() {
        check("_steward.deltas", 12, &[], &[]);
        check("_steward.deltas", 6, &[], &["has 6 partitions, not 12"]);
        check(
            "_steward.deltas",
            12,
            &[("message.timestamp.type", "CreateTime")],
            &["--add-config message.timestamp.type=LogAppendTime"],
        );
        check("_steward.deltas", 12, &[("retention.ms", "1000")], &["need 180000000"]);
        check("_steward.deltas", 12, &[("retention.ms", "-1")], &[]);
        check("_steward.deltas", 12, &[("retention.bytes", "5000")], &["retention.bytes is 5000"]);
        check(
            "_steward.deltas",
            12,
            &[("cleanup.policy", "compact"), ("max.message.bytes", "1000")],
            &["cleanup.policy is 'compact', not 'delete'", "max.message.bytes is 1000"],
        );
        check("_steward.state", 12, &[("cleanup.policy", "delete")], &["not 'compact'"]);
        check("_steward.state", 12, &[("segment.bytes", "1073741824")], &[]);
        check("_steward.catalog", 3, &[], &["has 3 partitions, not 1"]);
        check("governance.events", 3, &[("retention.ms", "1000")], &[]);
        check("governance.events", 6, &[("cleanup.policy", "compact")], &["not 'delete'"]);
    }
}
