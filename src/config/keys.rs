//! The one table of all keys: it drives parsing, the report of unknown keys, and `config/steward.yaml`.

/// A key of the configuration.
#[derive(Debug)]
pub struct Key {
    /// The dotted path.
    pub path: &'static str,
    /// As one would type it; several only for a list.
    pub default: &'static [&'static str],
    pub kind: Kind,
    /// One or two lines for `config/steward.yaml`.
    pub doc: &'static str,
}

/// What a value must be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Text,
    /// Shown as `***` wherever it came from.
    Secret,
    /// A number and a unit; both bounds are allowed values.
    Duration {
        min_ms: i64,
        max_ms: i64,
    },
    /// Both bounds are allowed values.
    Whole {
        min: i64,
        max: i64,
    },
    Word(&'static [&'static str]),
    Flag,
    List,
}

const SECOND: i64 = 1_000;
const HOUR: i64 = 3_600 * SECOND;
const DAY: i64 = 24 * HOUR;

/// Every key, in the order of `config/steward.yaml`. Under `kafka` any property of librdkafka may stand besides.
pub const KEYS: &[Key] = &[
    Key {
        path: "kafka.bootstrap.servers",
        default: &["127.0.0.1:9092"],
        kind: Kind::Text,
        doc: "Brokers to begin with: host:port, host:port.",
    },
    Key {
        path: "kafka.group.protocol",
        default: &["classic"],
        kind: Kind::Word(&["classic", "consumer"]),
        doc: "classic: cooperative-sticky with static members; a restart within the session moves no partition.\nconsumer: KIP-848, for Kafka 4 and later.",
    },
    Key {
        path: "worker.id",
        default: &[""],
        kind: Kind::Text,
        doc: "Names this worker, and must outlive a restart; empty: the host name.\nWhere host names are random (containers), give a stable one: ${env:POD_NAME}.",
    },
    Key {
        path: "worker.tasks",
        default: &["0"],
        kind: Kind::Whole { min: 0, max: 256 },
        doc: "Threads that inspect records; 0: one for each core.",
    },
    Key {
        path: "worker.group.id",
        default: &["steward"],
        kind: Kind::Text,
        doc: "The consumer group. Workers with one group and one prefix share the work.",
    },
    Key {
        path: "worker.shutdown.deadline",
        default: &["5s"],
        kind: Kind::Duration { min_ms: 0, max_ms: HOUR },
        doc: "How long a stopping worker may take to flush and commit; what is not committed then is read again.",
    },
    Key {
        path: "contracts.paths",
        default: &["contracts/"],
        kind: Kind::List,
        doc: "ODCS contract files, or folders of them; relative to the folder of this file.",
    },
    Key {
        path: "policies.paths",
        default: &[],
        kind: Kind::List,
        doc: "Files of the mesh's policies about contracts and products, or folders of them; relative to the folder of this file.",
    },
    Key {
        path: "governance.topic",
        default: &["governance.events"],
        kind: Kind::Text,
        doc: "Where windows, incidents and gaps are published.",
    },
    Key {
        path: "governance.internal.prefix",
        default: &["_steward"],
        kind: Kind::Text,
        doc: "The daemon's own topics are called prefix.deltas, prefix.state, prefix.catalog.",
    },
    Key {
        path: "governance.partitions",
        default: &["6"],
        kind: Kind::Whole { min: 1, max: 10_000 },
        doc: "Partitions of the governance topic, when it is created.",
    },
    Key {
        path: "governance.replication.factor",
        default: &["-1"],
        kind: Kind::Whole { min: -1, max: 32_767 },
        doc: "Replicas of every topic that is created; -1: the broker's default.",
    },
    Key {
        path: "internal.partitions",
        default: &["12"],
        kind: Kind::Whole { min: 1, max: 10_000 },
        doc: "Partitions of prefix.deltas and prefix.state. Fixed at creation: products are assigned by it.",
    },
    Key {
        path: "lineage.enabled",
        default: &["true"],
        kind: Kind::Flag,
        doc: "Finds out who feeds whom, and tells catalogs of it, of governed topics and of their inspection, as OpenLineage events.",
    },
    Key { path: "lineage.topic", default: &[""], kind: Kind::Text, doc: "Where they go; empty: governance.topic." },
    Key {
        path: "lineage.namespace",
        default: &[""],
        kind: Kind::Text,
        doc: "What catalogs call this cluster, kafka://host:port; empty: the first of kafka.bootstrap.servers.\nGive one where clients know the cluster by several addresses, so that their lineage meets.",
    },
    Key {
        path: "lineage.aliases",
        default: &[],
        kind: Kind::List,
        doc: "Other namespaces that OpenLineage clients give this cluster, read as lineage.namespace; all of kafka.bootstrap.servers\nare. Of other systems: ALIAS=NAMESPACE, as postgres://db:5432=postgres://db.example.com:5432.",
    },
    Key {
        path: "lineage.interval",
        default: &["10s"],
        kind: Kind::Duration { min_ms: SECOND, max_ms: HOUR },
        doc: "How often it is looked who feeds whom. One worker does it for all.",
    },
    Key {
        path: "lineage.edge.ttl",
        default: &["24h"],
        kind: Kind::Duration { min_ms: SECOND, max_ms: 365 * DAY },
        doc: "An edge that was seen and is not seen again for so long has ended.",
    },
    Key {
        path: "lineage.edges.max",
        default: &["10000"],
        kind: Kind::Whole { min: 10, max: 1_000_000 },
        doc: "Edges kept in memory, ended ones too; how many found no room is a metric.",
    },
    off(
        "lineage.headers",
        "Joins records by their headers, too: traceparent, ce_source with ce_id, those of dead letters. Two seconds of twenty\nare looked at.",
    ),
    off(
        "lineage.content",
        "Compares what topics hold, too, by sketches of their columns: edges that contents look like are marked inferred.\nOf classified fields none are made. What it costs: docs/lineage-content.md.",
    ),
    Key {
        path: "lineage.inbox",
        default: &[],
        kind: Kind::List,
        doc: "Topics that OpenLineage clients write events to by their Kafka transport: they are read from their start.",
    },
    text("openlineage.url", OPENLINEAGE),
    Key {
        path: "openlineage.endpoint",
        default: &["api/v1/lineage"],
        kind: Kind::Text,
        doc: "The path behind the address, as Marquez has it. DataHub: openapi/openlineage/api/v1/lineage.\nOpenMetadata: api/v1/openlineage/lineage.",
    },
    secret("openlineage.bearer.auth.token", "The catalog's API key or token."),
    secret("openlineage.basic.auth.user.info", "user:password instead of a token."),
    text("openlineage.ssl.ca.location", "As registry.ssl.ca.location."),
    text("openlineage.ssl.certificate.location", "As registry.ssl.certificate.location."),
    text("openlineage.ssl.key.location", "As registry.ssl.key.location."),
    request_timeout("openlineage.request.timeout"),
    Key {
        path: "topics.exclude",
        default: &[],
        kind: Kind::List,
        doc: "Regular expressions; a topic whose whole name one of them matches is never governed.\nNever governed anyway: __*, the daemon's own topics, *.quarantine.",
    },
    Key {
        path: "start",
        default: &["earliest"],
        kind: Kind::Word(&["earliest", "latest"]),
        doc: "Where a topic without committed offset begins: earliest, latest.",
    },
    Key {
        path: "window.size",
        default: &["1m"],
        kind: Kind::Duration { min_ms: SECOND, max_ms: DAY },
        doc: "Length of a window of event time. Each is judged once.",
    },
    Key {
        path: "window.grace",
        default: &["10s"],
        kind: Kind::Duration { min_ms: 0, max_ms: DAY },
        doc: "How long a window waits for records out of order.",
    },
    Key {
        path: "window.late.accept",
        default: &["24h"],
        kind: Kind::Duration { min_ms: 0, max_ms: 7 * DAY },
        doc: "How late a record may still revise its window; later ones are counted.",
    },
    Key {
        path: "window.future.tolerance",
        default: &["5m"],
        kind: Kind::Duration { min_ms: 0, max_ms: DAY },
        doc: "How far a record may be ahead of the clock; beyond it is a finding.",
    },
    Key {
        path: "window.max.open",
        default: &["1h"],
        kind: Kind::Duration { min_ms: SECOND, max_ms: 7 * DAY },
        doc: "A window that waits longer than this beyond grace, for a silent partition, closes as incomplete.",
    },
    Key {
        path: "records.undecodable",
        default: &["mode"],
        kind: Kind::Word(&["mode", "ignore", "warn", "fail", "quarantine"]),
        doc: "What becomes of records, where a contract's steward.records does not say. They are counted whatever it is.\nThose that cannot be decoded: mode (as steward.mode says: they fail, and are copied where a rule is enforced),\nignore (told, and moves nothing), warn, fail, quarantine (fail, and copied). The same on every worker.",
    },
    Key {
        path: "records.unknown.schema",
        default: &["undecodable"],
        kind: Kind::Word(&["undecodable", "ignore", "warn", "fail", "quarantine"]),
        doc: "Those that name a schema which the registry does not have; undecodable: as the others that cannot be decoded.",
    },
    Key {
        path: "records.late",
        default: &["ignore"],
        kind: Kind::Word(&["ignore", "warn", "fail"]),
        doc: "Those that come after their window has closed: ignore, warn, fail.",
    },
    Key {
        path: "records.oversized.bytes",
        default: &["0"],
        kind: Kind::Whole { min: 0, max: i32::MAX as i64 },
        doc: "Key and value of a record may have so many bytes together; 0: as many as they like.",
    },
    Key {
        path: "records.oversized.then",
        default: &["warn"],
        kind: Kind::Word(&["warn", "ignore", "fail", "quarantine"]),
        doc: "Those that have more.",
    },
    Key {
        path: "flush.interval",
        default: &["10s"],
        kind: Kind::Duration { min_ms: 100, max_ms: HOUR },
        doc: "How often counts and offsets are committed together; later, up to a window's size, where what would be written outweighs a tenth of what was read.",
    },
    Key {
        path: "delivery",
        default: &["exactly_once"],
        kind: Kind::Word(&["exactly_once", "at_least_once"]),
        doc: "exactly_once: transactions. at_least_once: for clusters that forbid them; a worker that dies may count records\ntwice, windows that hold such say exact: false, and an event may be repeated with its ce_id.",
    },
    Key {
        path: "privacy.hash.key",
        default: &[""],
        kind: Kind::Secret,
        doc: "Keys the hashes that stand for values (uniqueness), the same on every worker; at least 16 characters.\nEmpty: made once and kept in prefix.catalog. Best from a provider: ${file:/run/secrets/steward.properties:hash.key}.",
    },
    Key {
        path: "registry.url",
        default: &[""],
        kind: Kind::Text,
        doc: "The schema registry (Confluent's API), or several addresses of one, separated by commas.\nApicurio: http://host:8080/apis/ccompat/v7. Empty: records that name a schema there cannot be decoded.\nRule sets that it keeps for TOPIC-value are observed beside the topic's contract.",
    },
    Key {
        path: "registry.basic.auth.user.info",
        default: &[""],
        kind: Kind::Secret,
        doc: "user:password, as Confluent's clients call it.",
    },
    Key {
        path: "registry.bearer.auth.token",
        default: &[""],
        kind: Kind::Secret,
        doc: "A token instead of user and password.",
    },
    Key {
        path: "registry.ssl.ca.location",
        default: &[""],
        kind: Kind::Text,
        doc: "Certificates to trust, PEM; relative to the folder of this file. Empty: those that browsers trust.",
    },
    Key {
        path: "registry.ssl.certificate.location",
        default: &[""],
        kind: Kind::Text,
        doc: "The client's own certificate and its chain, PEM; with ssl.key.location.",
    },
    Key {
        path: "registry.ssl.key.location",
        default: &[""],
        kind: Kind::Text,
        doc: "The key of the client's certificate, PEM without a password.",
    },
    Key {
        path: "registry.request.timeout",
        default: &["5s"],
        kind: Kind::Duration { min_ms: 100, max_ms: 60 * SECOND },
        doc: "How long one request may take.",
    },
    Key {
        path: "registry.missing.grace",
        default: &["10s"],
        kind: Kind::Duration { min_ms: 0, max_ms: HOUR },
        doc: "How long a schema that the registry does not know is asked for again, while its partition waits;\nthen the records that name it are undecodable, until it is registered.",
    },
    Key {
        path: "registry.unavailable.max",
        default: &["5m"],
        kind: Kind::Duration { min_ms: 0, max_ms: DAY },
        doc: "How long a partition waits for a registry that does not answer;\nthen the records that need it are counted as not measured, and their windows are unknown.",
    },
    Key {
        path: "registry.schemas.max",
        default: &["10000"],
        kind: Kind::Whole { min: 100, max: 1_000_000 },
        doc: "Schemas kept in memory; beyond it the oldest is forgotten and asked for again where it is needed.",
    },
    text("connect.url", CONNECT),
    secret("connect.basic.auth.user.info", "user:password of Connect's REST API."),
    secret("connect.bearer.auth.token", "A token instead of user and password."),
    text("connect.ssl.ca.location", "As registry.ssl.ca.location."),
    text("connect.ssl.certificate.location", "As registry.ssl.certificate.location."),
    text("connect.ssl.key.location", "As registry.ssl.key.location."),
    request_timeout("connect.request.timeout"),
    text("ksqldb.url", KSQLDB),
    secret("ksqldb.basic.auth.user.info", "user:password of ksqlDB's REST API."),
    secret("ksqldb.bearer.auth.token", "A token instead of user and password."),
    text("ksqldb.ssl.ca.location", "As registry.ssl.ca.location."),
    text("ksqldb.ssl.certificate.location", "As registry.ssl.certificate.location."),
    text("ksqldb.ssl.key.location", "As registry.ssl.key.location."),
    request_timeout("ksqldb.request.timeout"),
    text("flink.url", FLINK),
    text("flink.jobmanager.url", "The JobManager's REST API, which knows why a job failed; empty: it is not asked."),
    secret("flink.basic.auth.user.info", "user:password of both."),
    secret("flink.bearer.auth.token", "A token instead of user and password."),
    text("flink.ssl.ca.location", "As registry.ssl.ca.location."),
    text("flink.ssl.certificate.location", "As registry.ssl.certificate.location."),
    text("flink.ssl.key.location", "As registry.ssl.key.location."),
    request_timeout("flink.request.timeout"),
    Key {
        path: "http.listen",
        default: &["127.0.0.1:8083"],
        kind: Kind::Text,
        doc: "Address of REST, health and metrics.",
    },
    off("http.insecure", "true: the older word for access.mode: none."),
    text(
        "http.ssl.certificate.location",
        "HTTPS instead of HTTP: the certificate and its chain, PEM; with http.ssl.key.location.\nRead again when it changes, and on SIGHUP.",
    ),
    text("http.ssl.key.location", "The key of that certificate, PEM without a password."),
    text(
        "http.ssl.client.ca.location",
        "Mutual TLS: every client, probes too, must have a certificate that one of these signed, PEM.",
    ),
    Key {
        path: "http.requests.per.second",
        default: &["100"],
        kind: Kind::Whole { min: 0, max: 1_000_000 },
        doc: "Of one client (address), where it has to say who it is; twice as many at once. More is answered 429. 0: as many as it likes.",
    },
    Key {
        path: "access.mode",
        default: &["auto"],
        kind: Kind::Word(&["auto", "required", "none"]),
        doc: "Who has to say who they are. auto: everybody, where access.file or access.oidc is set; else nobody, and only on loopback.\nnone: nobody, wherever http.listen is; something in front asks. required: everybody.",
    },
    text(
        "access.file",
        "Logins: names, hashes of tokens and passwords, roles; and what groups of an OpenID provider may. docs/security.md\nshows one, `steward token` makes entries. Read again when it changes, and on SIGHUP.",
    ),
    off("access.metrics.open", "true: /metrics is open to whoever reaches it, as /live and /ready are."),
    text("access.oidc.issuer", "Tokens (JWT) of this OpenID provider are taken: their iss."),
    text("access.oidc.audience", "Their aud: what the provider calls this service."),
    text(
        "access.oidc.jwks",
        "Where the provider's public keys are: an address (its jwks_uri) or a file. RS256, ES256 and EdDSA are taken.",
    ),
    text("access.oidc.ssl.ca.location", "As registry.ssl.ca.location."),
    Key {
        path: "access.oidc.claim.groups",
        default: &["groups"],
        kind: Kind::Text,
        doc: "The claim whose words are looked up among the groups of access.file; realm_access.roles goes into objects.",
    },
    Key {
        path: "access.oidc.claim.subject",
        default: &["sub"],
        kind: Kind::Text,
        doc: "The claim that names who it is, for the audit: sub, email, preferred_username.",
    },
    Key {
        path: "metrics.series.max",
        default: &["20000"],
        kind: Kind::Whole { min: 100, max: 1_000_000 },
        doc: "Metric series of products; beyond it the rules of the largest products fold into rule=\"other\".",
    },
    Key {
        path: "log.level",
        default: &["info"],
        kind: Kind::Word(&["error", "warn", "info", "debug", "trace"]),
        doc: "error, warn, info, debug, trace.",
    },
    Key {
        path: "log.format",
        default: &["text"],
        kind: Kind::Word(&["text", "json"]),
        doc: "text, json (one object a line).",
    },
];

const CONNECT: &str = "Kafka Connect's REST API, where connectors, their topics and the systems behind them are looked up for lineage;\nseveral addresses, separated by commas, are several Connect clusters. Empty: none is asked.";
const OPENLINEAGE: &str = "A catalog that is sent lineage events over HTTP too, in the order of their topic, each until it takes it:\nMarquez, DataHub, OpenMetadata. Several addresses are several catalogs. Empty: none.";
const KSQLDB: &str = "ksqlDB's REST API, where queries, streams and tables are looked up for lineage; several addresses are several services.\nThe first of them runs use cases, too: SQL that makes a topic of others.";

const FLINK: &str = "Flink's SQL gateway, which runs use cases: SQL that makes a topic of others.";

const fn text(path: &'static str, doc: &'static str) -> Key {
    Key { path, default: &[""], kind: Kind::Text, doc }
}

const fn off(path: &'static str, doc: &'static str) -> Key {
    Key { path, default: &["false"], kind: Kind::Flag, doc }
}

const fn secret(path: &'static str, doc: &'static str) -> Key {
    Key { path, default: &[""], kind: Kind::Secret, doc }
}

const fn request_timeout(path: &'static str) -> Key {
    let kind = Kind::Duration { min_ms: 100, max_ms: 60 * SECOND };
    Key { path, default: &["5s"], kind, doc: "How long one request may take." }
}

/// The sections of properties that are passed on to librdkafka, most particular first.
pub const KAFKA_SECTIONS: &[&str] = &["kafka.consumer.", "kafka.producer.", "kafka.admin.", "kafka."];

pub fn find(path: &str) -> Option<&'static Key> {
    KEYS.iter().find(|key| key.path == path)
}

/// Whether `path` names a group of keys, not a value: `window`, `window.max`.
pub fn is_section(path: &str) -> bool {
    let inside = |known: &str| known.strip_prefix(path).is_some_and(|rest| rest.starts_with('.'));
    KEYS.iter().any(|key| inside(key.path)) || KAFKA_SECTIONS.iter().any(|section| inside(section))
}

/// `STEWARD_WINDOW_MAX_OPEN` of `window.max.open`.
pub fn variable(path: &str) -> String {
    format!("STEWARD_{}", path.to_uppercase().replace('.', "_"))
}

#[cfg(test)]
mod tests;
