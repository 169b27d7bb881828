//! librdkafka's properties: handed on as typed, except those that the daemon's guarantees stand on.

use crate::config::error::ConfigError;
use crate::config::keys::KAFKA_SECTIONS;
use crate::config::nearest;
use crate::config::oauth::{self, Oauth};
use crate::config::raw::{DEFAULT, Setting};
use crate::config::secret::Text;
use rdkafka::error::KafkaError;
use rdkafka::types::RDKafkaConfRes;
use std::collections::BTreeMap;

/// Properties by librdkafka's names.
pub type Properties = BTreeMap<String, Text>;

/// What each kind of client is given by the operator: the common properties, overridden by its own. The settings that
/// are ours come on top of them, in `kafka::client`.
#[derive(Clone, Debug)]
pub struct Kafka {
    pub consumer: Properties,
    pub producer: Properties,
    pub admin: Properties,
    pub protocol: GroupProtocol,
    /// Who gives tokens to log in with.
    pub oauth: Option<Oauth>,
    /// The brokers are librdkafka's mock cluster in this process: no key, the demo says so of its own.
    pub embedded: bool,
}

/// How the members of a group divide the partitions among them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GroupProtocol {
    /// Cooperative-sticky, with `group.instance.id`.
    Classic,
    /// KIP-848: sessions are the broker's, and there is no `group.instance.id`.
    Consumer,
}

/// Properties that are ours, and why.
const OWNED: &[(&str, &str)] = &[
    (
        "isolation.level",
        "every input is read read_committed: with read_uncommitted a late commit of a dead task is counted twice",
    ),
    ("enable.auto.commit", "offsets are committed only together with what they produced"),
    ("auto.commit.interval.ms", "offsets are committed only together with what they produced"),
    ("enable.auto.offset.store", "offsets are committed only together with what they produced"),
    (
        "transactional.id",
        "it is made from worker.group.id and worker.id, so that a restart settles what its predecessor left open",
    ),
    (
        "transaction.timeout.ms",
        "a transaction lasts one flush; a longer time-out would stall every reader of the results after a crash",
    ),
    ("enable.idempotence", "transactions need it"),
    ("acks", "transactions need the acknowledgement of all replicas"),
    ("request.required.acks", "transactions need the acknowledgement of all replicas"),
    ("enable.partition.eof", "by the end of a partition the tasks know that they have caught up"),
    ("group.instance.id", "it is made from worker.id for each task, so that a restart moves no partition"),
    ("group.id", "the tasks' groups are made from worker.group.id"),
    ("auto.offset.reset", "a position that left the log is a gap to be told, never a silent jump"),
    (
        "partition.assignment.strategy",
        "static members need cooperative-sticky: every other strategy stops all tasks at each change",
    ),
    ("topic.blacklist", "topics.exclude says what is not governed"),
];

/// What to do about a property that is ours.
fn owned_remedy(property: &str) -> &'static str {
    match property {
        "group.id" => "set worker.group.id",
        "group.instance.id" | "transactional.id" => "remove it, and set worker.id",
        "auto.offset.reset" => "remove it; `start` says where a topic without committed offset begins",
        "topic.blacklist" => "remove it, and set topics.exclude",
        _ => "remove it",
    }
}

/// Properties that the broker decides under KIP-848.
const CLASSIC_ONLY: &[&str] = &["session.timeout.ms", "heartbeat.interval.ms", "group.protocol.type"];

/// A property whose name holds one of these is never shown, wherever it came from; Java's names too, which people bring.
const SECRET_WORDS: &[&str] =
    &["password", "passphrase", "secret", "key.pem", "keystore.key", "jaas", "sasl.oauthbearer.config"];

/// The properties as a client takes them, secrets in the clear.
pub fn exposed(properties: &Properties) -> BTreeMap<String, String> {
    properties.iter().map(|(name, text)| (name.clone(), text.expose().to_string())).collect()
}

/// Takes the properties out of the settings; what is wrong with one is told, and the property left out.
pub fn check(settings: &BTreeMap<String, Setting>, errors: &mut Vec<ConfigError>) -> Kafka {
    let mut sections = BTreeMap::from(["consumer", "producer", "admin", ""].map(|name| (name, Properties::new())));
    // The protocol may stand in the common section or in the consumer's, which wins.
    let protocol_of = |path: &str| settings.get(path).and_then(|s| s.texts.first()).map(|t| t.expose().to_string());
    let protocol = protocol_of("kafka.consumer.group.protocol").or_else(|| protocol_of("kafka.group.protocol"));
    let protocol =
        if protocol.as_deref() == Some("consumer") { GroupProtocol::Consumer } else { GroupProtocol::Classic };

    for (path, setting) in settings.range("kafka.".to_string()..).take_while(|(path, _)| path.starts_with("kafka.")) {
        let Some(section) = KAFKA_SECTIONS.iter().find(|section| path.starts_with(**section)) else { continue };
        let property = &path[section.len()..];
        if oauth::is_ours(property) {
            continue;
        }
        let text = shown(property, setting);
        match refusal(property, setting, &text, protocol) {
            Some(Refusal { problem, remedy, known }) => errors.push(ConfigError {
                key: path.clone(),
                place: setting.place.clone(),
                line: setting.line,
                // A mistyped name may be a password's.
                value: known.then(|| text.to_string()),
                problem,
                remedy,
            }),
            // It is `Kafka::protocol`, and the consumer's alone.
            None if property == "group.protocol" => {}
            None => {
                let name = section.trim_start_matches("kafka.").trim_end_matches('.');
                sections.entry(name).or_default().insert(property.into(), text);
            }
        }
    }
    let oauth = oauth::read(settings, errors);
    let merged = |name: &str| {
        let mut all = sections[""].clone();
        all.extend(sections[name].clone());
        all
    };
    Kafka {
        consumer: merged("consumer"),
        producer: merged("producer"),
        admin: merged("admin"),
        protocol,
        oauth,
        embedded: false,
    }
}

/// The property's text, hidden where its name says that it is a secret.
pub fn shown(property: &str, setting: &Setting) -> Text {
    let text = match setting.texts.as_slice() {
        [text] => text.clone(),
        // A list is what librdkafka separates by commas.
        texts => {
            let joined = Text::Plain(texts.iter().map(Text::expose).collect::<Vec<_>>().join(","));
            if texts.iter().any(Text::is_secret) { joined.hidden() } else { joined }
        }
    };
    if SECRET_WORDS.iter().any(|word| property.contains(word)) { text.hidden() } else { text }
}

struct Refusal {
    problem: String,
    remedy: String,
    /// Whether there is such a property at all.
    known: bool,
}

fn refusal(property: &str, setting: &Setting, text: &Text, protocol: GroupProtocol) -> Option<Refusal> {
    let refused = |problem: String, remedy: &str| Some(Refusal { problem, remedy: remedy.into(), known: true });
    if let Some((_, reason)) = OWNED.iter().find(|(owned, _)| *owned == property) {
        return refused(format!("is the daemon's own: {reason}"), owned_remedy(property));
    }
    if protocol == GroupProtocol::Consumer && CLASSIC_ONLY.contains(&property) {
        let remedy = "remove it; the broker's group.consumer.session.timeout.ms and its like decide";
        return refused("is the broker's to decide under group.protocol consumer".into(), remedy);
    }
    if property == "bootstrap.servers" && text.expose().trim().is_empty() {
        return refused("names no broker".into(), "name at least one: host:port");
    }
    if property == "group.protocol" && !["classic", "consumer"].contains(&text.expose()) {
        return refused("is no group protocol".into(), "write one of: classic, consumer");
    }
    // A default was checked when it was written; librdkafka itself knows the rest best.
    if setting.place == DEFAULT { None } else { refused_by_librdkafka(property, text) }
}

fn refused_by_librdkafka(property: &str, text: &Text) -> Option<Refusal> {
    const MANUAL: &str = "librdkafka's CONFIGURATION.md lists the properties and their values";
    let mut client = rdkafka::ClientConfig::new();
    client.set(property, text.expose());
    let (words, known) = match client.create_native_config().err()? {
        KafkaError::ClientConfig(kind, words, _, _) => (words, kind != RDKafkaConfRes::RD_KAFKA_CONF_UNKNOWN),
        e => (e.to_string(), true),
    };
    // Its words may repeat the value.
    let words = if text.is_secret() && words.contains(text.expose()) {
        String::new()
    } else {
        format!(": {}", words.trim_end_matches('.'))
    };
    let suggestion = nearest::nearest(&format!("kafka.{property}")).filter(|_| !known);
    let remedy = suggestion.map_or(MANUAL.into(), |nearest| format!("did you mean {nearest}?"));
    Some(Refusal { problem: format!("is refused by librdkafka{words}"), remedy, known })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(yaml: &str) -> (Kafka, Vec<ConfigError>) {
        let (entries, errors) = crate::config::yaml::read("f.yaml", yaml);
        assert_eq!(errors, []);
        let settings = entries.into_iter().map(|(path, e)| {
            let texts = e.texts.into_iter().map(Text::Plain).collect();
            (path, Setting { texts, list: e.list, place: e.place, line: e.line })
        });
        let mut errors = Vec::new();
        let kafka = check(&settings.collect(), &mut errors);
        (kafka, errors)
    }

    #[test]
    fn a_clients_own_section_overrides_the_common_one() {
        let (kafka, errors) =
            checked("kafka: {client.id: a, consumer: {client.id: b, fetch.min.bytes: 7}, admin.client.id: c}");
        assert_eq!(errors, []);
        let of = |p: &Properties| p.iter().map(|(k, v)| format!("{k}={v}")).collect::<Vec<_>>().join(" ");
        assert_eq!(of(&kafka.consumer), "client.id=b fetch.min.bytes=7");
        assert_eq!(of(&kafka.producer), "client.id=a");
        assert_eq!(of(&kafka.admin), "client.id=c");
    }

    #[test]
    fn what_is_ours_or_unknown_is_refused_with_its_reason() {
        for (yaml, problem, remedy) in [
            ("isolation.level: read_uncommitted", "read_committed", "remove it"),
            ("consumer: {group.id: mine}", "worker.group.id", "set worker.group.id"),
            ("producer.transactional.id: x", "a restart settles", "set worker.id"),
            ("bootstrap.server: x", "No such configuration property", "did you mean kafka.bootstrap.servers?"),
            ("session.timeout.ms: soon", "Invalid value", "CONFIGURATION.md"),
            ("bootstrap.servers: ''", "names no broker", "host:port"),
            ("group.protocol: modern", "no group protocol", "classic, consumer"),
            ("{group.protocol: consumer, session.timeout.ms: 9000}", "under group.protocol consumer", "broker's"),
            ("security.protocol: SSLY", "Invalid value", "CONFIGURATION.md"),
            ("sasl.jaas.config: hunter2", "JAAS", "CONFIGURATION.md"),
            ("sasl.oauthbearer.method: oidc", "without kafka.sasl.mechanism: OAUTHBEARER", "SASL_SSL"),
            ("sasl.mechanism: OAUTHBEARER", "no token", "enable.sasl.oauthbearer.unsecure.jwt: true"),
            ("{sasl.mechanism: OAUTHBEARER, sasl.oauthbearer.client.id: a}", "client.secret is not set", "provider"),
        ] {
            let yaml = if yaml.starts_with('{') { format!("kafka: {yaml}") } else { format!("kafka:\n  {yaml}") };
            let (_, errors) = checked(&yaml);
            assert_eq!(errors.len(), 1, "{yaml}: {errors:?}");
            assert!(errors[0].problem.contains(problem), "{yaml}: {}", errors[0]);
            assert!(errors[0].remedy.contains(remedy), "{yaml}: {}", errors[0]);
        }
    }

    #[test]
    fn a_password_is_hidden_wherever_it_stands() {
        for yaml in [
            "kafka.sasl.password: hunter2",
            "kafka: {consumer: {sasl.password: hunter2}}",
            "kafka.ssl.key.pem: hunter2",
            "kafka.sasl.pasword: hunter2",
            "kafka.sasl.jaas.config: password=hunter2",
        ] {
            let (kafka, errors) = checked(yaml);
            assert!(!format!("{kafka:?}{errors:?}").contains("hunter2"), "{kafka:?}{errors:?}");
        }
    }

    #[test]
    fn the_group_protocol_is_the_consumers_and_no_property() {
        let (kafka, errors) = checked("kafka: {group.protocol: consumer, bootstrap.servers: [a, b]}");
        assert_eq!((errors.len(), kafka.protocol), (0, GroupProtocol::Consumer));
        assert_eq!(kafka.producer.keys().collect::<Vec<_>>(), ["bootstrap.servers"]);
        assert_eq!(kafka.producer["bootstrap.servers"].expose(), "a,b");
    }
}
