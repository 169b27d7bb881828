//! The configuration, checked once, then trusted.

use crate::config::discovery::{self, Discovery};
use crate::config::error::ConfigErrors;
use crate::config::http::{self, Http};
use crate::config::kafka::{self, Kafka};
use crate::config::keys;
use crate::config::lineage::{self, OpenLineage};
use crate::config::raw::{self, Raw, Setting};
use crate::config::records::{self, Records};
use crate::config::registry::{self, Registry};
use crate::config::secret::Secret;
use crate::config::typed::{Typed, value_text};
use crate::config::window;
use regex::Regex;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// What the rest of the daemon reads. Times are in milliseconds.
#[derive(Clone, Debug)]
pub struct Config {
    pub file: PathBuf,
    pub kafka: Kafka,
    pub worker: Worker,
    pub contracts: Contracts,
    pub governance: Governance,
    /// `None`: catalogs are told nothing.
    pub lineage: Option<Lineage>,
    pub openlineage: OpenLineage,
    pub window: Window,
    pub flush_interval_ms: i64,
    pub delivery: Delivery,
    pub start: Start,
    pub topics: Topics,
    pub privacy: Privacy,
    pub records: Records,
    pub registry: Registry,
    pub discovery: Discovery,
    pub http: Http,
    pub metrics: Metrics,
    pub log: Log,
    /// Every value in force and its place, secrets masked, for the operator.
    pub effective: Vec<Effective>,
    /// What is allowed and yet worth a line.
    pub notes: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct Worker {
    /// Legal in group instance ids and transactional ids.
    pub id: String,
    /// At least 1.
    pub tasks: usize,
    pub group_id: String,
    pub shutdown_deadline_ms: i64,
}

#[derive(Clone, Debug)]
pub struct Contracts {
    /// Files and folders, which need not exist.
    pub paths: Vec<PathBuf>,
    /// The same of the mesh's policies.
    pub policies: Vec<PathBuf>,
}

#[derive(Clone, Debug)]
pub struct Governance {
    pub topic: String,
    pub internal_prefix: String,
    pub partitions: i32,
    /// -1: the broker's default.
    pub replication_factor: i32,
    pub internal_partitions: i32,
}

impl Governance {
    /// One of the daemon's own topics: `_steward.deltas` of `deltas`.
    pub fn internal(&self, name: &str) -> String {
        format!("{}.{name}", self.internal_prefix)
    }
}

#[derive(Clone, Debug)]
pub struct Lineage {
    /// The governance topic, or one of its own.
    pub topic: String,
    /// The cluster by OpenLineage's naming rules: `kafka://host:port`.
    pub namespace: String,
    /// Other names of namespaces, and the canonical one of each.
    pub aliases: BTreeMap<String, String>,
    pub interval_ms: i64,
    pub edge_ttl_ms: i64,
    pub edges_max: usize,
    /// Whether headers of records are looked at.
    pub headers: bool,
    /// Whether their values are.
    pub content: bool,
    /// Topics that others write OpenLineage events to.
    pub inbox: Vec<String>,
}

#[derive(Clone, Debug)]
pub struct Window {
    pub size_ms: i64,
    pub grace_ms: i64,
    pub late_accept_ms: i64,
    pub future_tolerance_ms: i64,
    /// Beyond grace.
    pub max_open_ms: i64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// In transactions.
    ExactlyOnce,
    /// Without: a crash may count again what was not committed, and says so.
    AtLeastOnce,
}

/// Where a topic without committed offset begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Start {
    Earliest,
    Latest,
}

#[derive(Clone, Debug)]
pub struct Topics {
    /// Each matches whole names.
    pub exclude: Vec<Regex>,
}

#[derive(Clone, Debug)]
pub struct Privacy {
    /// `None`: made once and kept in the catalog.
    pub hash_key: Option<Secret>,
}

#[derive(Clone, Debug)]
pub struct Metrics {
    /// Series of products at most.
    pub series_max: usize,
}

#[derive(Clone, Debug)]
pub struct Log {
    /// error, warn, info, debug or trace.
    pub level: String,
    pub json: bool,
}

#[derive(Clone, Debug)]
pub struct Effective {
    pub key: String,
    pub value: String,
    pub place: String,
}

impl Config {
    /// Reads the file and this process's environment.
    pub fn load(file: &Path) -> Result<Config, ConfigErrors> {
        let env = std::env::vars_os().filter_map(|(k, v)| Some((k.into_string().ok()?, v.into_string().ok()?)));
        Config::load_with(file, &env.collect())
    }

    pub fn load_with(file: &Path, env: &BTreeMap<String, String>) -> Result<Config, ConfigErrors> {
        let Raw { settings, errors } = raw::read(file, env);
        let mut typed = Typed { settings: &settings, errors };
        let mut notes = Vec::new();
        let config = Config {
            file: file.to_path_buf(),
            kafka: kafka::check(&settings, &mut typed.errors),
            worker: worker(&mut typed, &mut notes),
            contracts: contracts(&mut typed, file),
            governance: governance(&mut typed),
            lineage: lineage::check(&mut typed),
            openlineage: lineage::openlineage(&mut typed, file, &mut notes),
            window: window::check(&mut typed),
            flush_interval_ms: typed.duration("flush.interval"),
            delivery: delivery(&mut typed, &mut notes),
            start: if typed.word("start") == "latest" { Start::Latest } else { Start::Earliest },
            topics: topics(&mut typed),
            privacy: privacy(&mut typed),
            records: records::check(&mut typed),
            registry: registry::check(&mut typed, file, &mut notes),
            discovery: discovery::check(&mut typed, file, &mut notes),
            http: http::check(&mut typed, file, &mut notes),
            metrics: Metrics { series_max: typed.whole("metrics.series.max") as usize },
            log: Log { level: typed.word("log.level"), json: typed.word("log.format") == "json" },
            effective: Vec::new(),
            notes,
        };
        if typed.errors.is_empty() {
            let effective = effective(&settings, &config.worker);
            Ok(Config { effective, ..config })
        } else {
            Err(ConfigErrors::new(file, typed.errors))
        }
    }

    /// Whether a topic is never governed, whatever a contract says: Kafka's own, ours, quarantines, and what the operator named.
    pub fn excludes(&self, topic: &str) -> bool {
        self.exclusion(topic).is_some()
    }

    /// Why a topic is never governed, where it is not.
    pub fn exclusion(&self, topic: &str) -> Option<&'static str> {
        match () {
            _ if topic.starts_with("__") => Some("it is Kafka's own"),
            _ if self.is_own(topic) => Some("it is the steward's own"),
            _ if topic.ends_with(".quarantine") => Some("it is a quarantine, which has none itself"),
            _ if self.topics.exclude.iter().any(|pattern| pattern.is_match(topic)) => Some("topics.exclude names it"),
            _ => None,
        }
    }

    /// Whether the daemon writes this topic itself.
    pub fn is_own(&self, topic: &str) -> bool {
        topic == self.governance.topic
            || self.lineage.as_ref().is_some_and(|lineage| topic == lineage.topic)
            || topic.strip_prefix(&self.governance.internal_prefix).is_some_and(|rest| rest.starts_with('.'))
    }
}

fn worker(typed: &mut Typed<'_>, notes: &mut Vec<String>) -> Worker {
    let mut id = typed.text("worker.id");
    if id.is_empty() {
        id = gethostname::gethostname().to_string_lossy().into_owned();
        if looks_random(&id) {
            notes.push(format!(
                "worker.id is the host name {id}, which looks like a container's: a restart gets another one, and its \
                 partitions move; set worker.id to a stable name, as ${{env:POD_NAME}} of a StatefulSet"
            ));
        }
    }
    typed.name("worker.id", &id);
    let group_id = typed.text("worker.group.id");
    typed.name("worker.group.id", &group_id);
    let tasks = match typed.whole("worker.tasks") {
        0 => std::thread::available_parallelism().map_or(1, |n| n.get()),
        tasks => tasks as usize,
    };
    Worker { id, tasks, group_id, shutdown_deadline_ms: typed.duration("worker.shutdown.deadline") }
}

fn contracts(typed: &mut Typed<'_>, file: &Path) -> Contracts {
    // Absolute paths stay as they are.
    let folder = file.parent().unwrap_or(Path::new(""));
    let paths = |key| typed.list(key).iter().map(|path| folder.join(path.expose())).collect();
    Contracts { paths: paths("contracts.paths"), policies: paths("policies.paths") }
}

fn governance(typed: &mut Typed<'_>) -> Governance {
    let topic = typed.text("governance.topic");
    typed.name("governance.topic", &topic);
    let internal_prefix = typed.text("governance.internal.prefix");
    typed.name("governance.internal.prefix", &internal_prefix);
    if topic.strip_prefix(&internal_prefix).is_some_and(|rest| rest.starts_with('.')) {
        let problem = "lies below governance.internal.prefix, where the daemon keeps its own topics";
        typed.wrong("governance.topic", problem.into(), "choose a name outside of it");
    }
    let replication_factor = typed.whole("governance.replication.factor") as i32;
    if replication_factor == 0 {
        typed.wrong(
            "governance.replication.factor",
            "means no copy at all".into(),
            "write 1 or more, or -1 for the broker's default",
        );
    }
    Governance {
        topic,
        internal_prefix,
        partitions: typed.whole("governance.partitions") as i32,
        replication_factor,
        internal_partitions: typed.whole("internal.partitions") as i32,
    }
}

fn delivery(typed: &mut Typed<'_>, notes: &mut Vec<String>) -> Delivery {
    if typed.word("delivery") != "at_least_once" {
        return Delivery::ExactlyOnce;
    }
    notes.push(
        "delivery is at_least_once: a worker that dies may count records twice; windows that hold such say exact: false"
            .into(),
    );
    Delivery::AtLeastOnce
}

fn topics(typed: &mut Typed<'_>) -> Topics {
    let mut exclude = Vec::new();
    for text in typed.list("topics.exclude") {
        let pattern = text.expose();
        // Checked by itself first, so that `)|(` cannot slip through the group around it.
        match Regex::new(pattern).and_then(|_| Regex::new(&format!("^(?:{pattern})$"))) {
            Ok(pattern) => exclude.push(pattern),
            Err(e) => {
                let reason = e.to_string().lines().last().unwrap_or_default().trim_start_matches("error: ").to_string();
                typed.wrong(
                    "topics.exclude",
                    format!("{text} is no regular expression: {reason}"),
                    "correct it, or escape it with \\",
                );
            }
        }
    }
    Topics { exclude }
}

fn privacy(typed: &mut Typed<'_>) -> Privacy {
    let key = typed.text("privacy.hash.key");
    if !key.is_empty() && key.chars().count() < 16 {
        let problem = "has fewer than 16 characters, so that hashed values could be guessed".into();
        typed.wrong("privacy.hash.key", problem, "make one with `openssl rand -hex 16`, the same for all workers");
    }
    Privacy { hash_key: (!key.is_empty()).then(|| Secret::new(key)) }
}

fn effective(settings: &BTreeMap<String, Setting>, worker: &Worker) -> Vec<Effective> {
    // In the table's order, librdkafka's properties where `kafka` stands.
    let rank = |path: &str| keys::KEYS.iter().position(|key| key.path == path).unwrap_or(0);
    let mut shown: Vec<(&String, &Setting)> = settings.iter().collect();
    shown.sort_by_key(|(path, _)| (rank(path), keys::find(path).is_none()));
    let line = |(path, setting): (&String, &Setting)| {
        let typed = value_text(path, setting);
        let (value, place) = match (path.as_str(), typed.as_str()) {
            ("worker.id", "\"\"") => (worker.id.clone(), "host name".into()),
            ("worker.tasks", "0") => (worker.tasks.to_string(), "one for each core".into()),
            _ => (typed, setting.place.clone()),
        };
        Effective { key: path.clone(), value, place }
    };
    shown.into_iter().map(line).collect()
}

/// Docker's twelve hexadecimal digits, or a Deployment's `-5d4f8c7b9c-x2x7p`.
fn looks_random(host: &str) -> bool {
    let lower_or_digit = |part: &str| part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit());
    let docker =
        host.len() == 12 && host.bytes().all(|b| b.is_ascii_hexdigit()) && host.bytes().any(|b| b.is_ascii_digit());
    let mut parts = host.rsplit('-');
    let pod = parts.next().is_some_and(|p| p.len() == 5 && lower_or_digit(p))
        && parts
            .next()
            .is_some_and(|p| (8..=10).contains(&p.len()) && lower_or_digit(p) && p.bytes().any(|b| b.is_ascii_digit()));
    docker || pod
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(yaml: &str, env: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("f.yaml");
        std::fs::write(&file, format!("worker.id: w1\n{yaml}")).unwrap();
        Config::load_with(&file, &env.iter().map(|(k, v)| (k.to_string(), v.to_string())).collect())
    }

    #[test]
    fn the_defaults_are_a_good_configuration() {
        let config = load("", &[]).unwrap();
        assert_eq!(config.window.late_accept_ms, 86_400_000);
        assert_eq!((config.flush_interval_ms, config.worker.shutdown_deadline_ms), (10_000, 5_000));
        assert_eq!((config.governance.partitions, config.governance.internal_partitions), (6, 12));
        assert_eq!(config.governance.internal("deltas"), "_steward.deltas");
        assert_eq!(config.http.listen.to_string(), "127.0.0.1:8083");
        assert!(config.worker.tasks > 0 && config.privacy.hash_key.is_none() && config.notes.is_empty());
        assert!(config.contracts.paths[0].ends_with("contracts/") && config.contracts.paths[0].is_absolute());
    }

    #[test]
    fn each_wrong_value_is_told_with_its_problem_and_remedy() {
        for (yaml, key, problem, remedy) in [
            ("window.size: 1 minute", "window.size", "is no duration", "500ms, 10s"),
            ("window.size: 10ms", "window.size", "is out of bounds", "from 1s to 1d"),
            ("window.size: [1m]", "window.size", "is a list", "one value"),
            ("worker.tasks: many", "worker.tasks", "is no whole number", "0 to 256"),
            ("worker.tasks: 257", "worker.tasks", "is out of bounds", "0 to 256"),
            ("worker.group.id: a b", "worker.group.id", "no name that Kafka takes", "letters"),
            ("governance.topic: ''", "governance.topic", "no name that Kafka takes", "letters"),
            ("governance.topic: _steward.x", "governance.topic", "lies below", "outside"),
            ("governance.replication.factor: 0", "governance.replication.factor", "no copy", "-1"),
            ("window.grace: 2h", "window.grace", "not shorter than window.max.open, 1h", "shorten"),
            ("window.late.accept: 3d", "window.late.accept", "", ""),
            ("window.late.accept: 84h", "window.late.accept", "makes 3d13h1m10s: more than 3d12h", "shorten"),
            ("delivery: twice", "delivery", "none of the words", "exactly_once, at_least_once"),
            ("start: now", "start", "none of the words", "earliest, latest"),
            (
                "records.undecodable: drop",
                "records.undecodable",
                "none of the words",
                "mode, ignore, warn, fail, quarantine",
            ),
            ("records.late: quarantine", "records.late", "none of the words", "ignore, warn, fail"),
            ("records.oversized.bytes: 1 MB", "records.oversized.bytes", "no whole number", "0 to 2147483647"),
            ("topics.exclude: ['a(', 'b']", "topics.exclude", "a( is no regular expression: unclosed group", "escape"),
            ("privacy.hash.key: short", "privacy.hash.key", "fewer than 16", "openssl"),
            ("http.listen: 8083", "http.listen", "no address", "127.0.0.1:8083"),
            ("http.listen: 0.0.0.0:8083", "http.listen", "nothing says who may do what", "access.mode: none"),
            ("http.insecure: yes", "http.insecure", "neither true nor false", "true or false"),
        ] {
            match load(yaml, &[]) {
                Ok(_) => assert_eq!(problem, "", "{yaml}"),
                Err(report) => {
                    assert_eq!(report.errors.len(), 1, "{yaml}: {report}");
                    let e = &report.errors[0];
                    assert!(e.key == key && e.line == 2, "{yaml}: {e}");
                    assert!(
                        !problem.is_empty() && e.problem.contains(problem) && e.remedy.contains(remedy),
                        "{yaml}: {e}"
                    );
                }
            }
        }
    }

    #[test]
    fn all_that_is_wrong_is_told_in_the_order_of_the_file() {
        let yaml = "log.level: loud\nwindow: {size: x, sise: 1m}\nkafka.acks: 1\nhttp.listen: '*'";
        let report = load(yaml, &[("STEWARD_START", "now")]).unwrap_err();
        let keys: Vec<_> = report.errors.iter().map(|e| e.key.as_str()).collect();
        assert_eq!(keys, ["log.level", "window.sise", "window.size", "kafka.acks", "http.listen", "start"]);
        assert_eq!(report.errors[5].place, "environment STEWARD_START");
    }

    #[test]
    fn no_secret_is_in_any_report_or_listing() {
        let yaml = "privacy.hash.key: hunter2\nkafka.sasl.password: hunter2\nworker.group.id: ${env:P}\ntopics.exclude: ['${env:P}(']\nkafka.ssl.ca.pem: ${env:P}\nkafka.security.protocol: ${env:P}";
        let report = load(yaml, &[("P", "hunter2 !")]).unwrap_err();
        assert!(report.errors.len() >= 4, "{report}");
        assert!(!format!("{report}{report:?}").contains("hunter2"), "{report}");
        let good = load("privacy.hash.key: hunter2hunter2hunter2\nkafka.sasl.password: hunter2", &[]).unwrap();
        assert!(!format!("{good:?}").contains("hunter2"));
        assert_eq!(good.privacy.hash_key.unwrap().expose(), "hunter2hunter2hunter2");
    }

    #[test]
    fn a_file_that_is_not_there_is_one_error() {
        let report = Config::load_with(Path::new("nowhere.yaml"), &BTreeMap::new()).unwrap_err();
        assert_eq!(report.errors.len(), 1);
        assert!(report.to_string().contains("cannot be read"), "{report}");
    }

    #[test]
    fn our_own_topics_and_those_named_are_never_governed() {
        let config = load("topics.exclude: ['test-.*', raw]", &[]).unwrap();
        for (topic, excluded) in [
            ("__consumer_offsets", true),
            ("governance.events", true),
            ("_steward.deltas", true),
            ("_stewards", false),
            ("orders.quarantine", true),
            ("test-1", true),
            ("a-test-1", false),
            ("raw", true),
            ("rawer", false),
            ("orders", false),
        ] {
            assert_eq!(config.excludes(topic), excluded, "{topic}");
        }
    }

    #[test]
    fn a_host_name_that_a_restart_changes_is_known_by_its_look() {
        for (host, random) in [
            ("3f2a9c01bd77", true),
            ("steward-5d4f8c7b9c-x2x7p", true),
            ("steward-0", false),
            ("kafka-governance-host1", false),
            ("broker", false),
        ] {
            assert_eq!(looks_random(host), random, "{host}");
        }
    }
}
