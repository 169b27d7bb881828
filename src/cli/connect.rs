//! `steward check --connect`: what a start would find at the registry and the cluster, one line a thing: how it is, what,
//! and a remedy.
//! Nothing is changed.

use crate::cli::Exit;
use crate::cli::check::{Governed, counted};
use crate::config::registry::Registry;
use crate::config::usable::{Config, Delivery};
use crate::engine::decode::schema::SchemaRef;
use crate::kafka::admin::{Admin, Topics};
use crate::kafka::client::Settings;
use crate::kafka::configured;
use crate::kafka::ffi::ask::NewTopic;
use crate::kafka::ffi::rights::{Right, Rights};
use crate::kafka::probe::{Granted, Probe, Refusal};
use crate::kafka::remedy;
use crate::registry::client::{Answer, Client, Outcome};
use rdkafka::error::RDKafkaErrorCode as Code;
use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::Arc;

/// How a thing is, in the order of gravity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum How {
    Ok,
    /// Worth knowing; a start succeeds.
    Warn,
    /// A start would fail, or a product would not be governed.
    Fail,
}

/// The lines, and the worst of them.
struct Report<'o, W: Write> {
    out: &'o mut W,
    worst: How,
}

impl<W: Write> Report<'_, W> {
    fn say(&mut self, how: How, what: &str, remedy: &str) -> io::Result<()> {
        self.worst = self.worst.max(how);
        let word = match how {
            How::Ok => "ok  ",
            How::Warn => "warn",
            How::Fail => "fail",
        };
        let dash = if remedy.is_empty() { "" } else { " — " };
        writeln!(self.out, "{word}  {what}{dash}{remedy}")
    }
}

/// 0 where a start would succeed, 1 where not, 2 where nobody answers.
pub fn cluster(config: &Config, governed: &Governed, out: &mut impl Write) -> io::Result<Exit> {
    let mut report = Report { out, worst: How::Ok };
    of_registry(&config.registry, &mut report)?;
    let settings = configured::settings(config, &config.worker.group_id, "check", 0, Arc::new(|_| {}));
    let own = configured::topics(config);
    let asked: Vec<Arc<str>> = governed.topics.keys().cloned().collect();
    let probed = Admin::open(&settings).and_then(|admin| Ok((admin.probe(&asked, &own)?, admin)));
    let (probe, admin) = match probed {
        Ok(probed) => probed,
        Err(fault) => {
            let protocol = settings.admin.get("security.protocol").map(String::as_str);
            let (cause, remedy) = remedy::of_silence(&fault.message, protocol);
            report.say(How::Fail, &format!("the cluster cannot be asked: {cause} ({})", fault.message), &remedy)?;
            return Ok(Exit::NotDone);
        }
    };
    report.say(How::Ok, &format!("cluster {}: {} reached", probe.cluster, counted(probe.brokers, "broker")), "")?;
    of_topics(&probe, governed, &mut report)?;
    let principal = Principal::of(config, &settings);
    of_own_topics(&probe, &own, config, &principal, &mut report)?;
    // One that may not be seen looks as if it did not exist; its rights tell the difference.
    let there = probe.topics.keys().map(|topic| topic.to_string());
    let mine = own.all().into_iter().map(|(topic, _)| topic).filter(|topic| !probe.missing.contains_key(topic));
    let (there, mine): (Vec<String>, Vec<String>) = (there.collect(), mine.collect());
    let groups = [config.worker.group_id.clone(), format!("{}-ledger", config.worker.group_id)];
    let inboxes = config.lineage.as_ref().map_or(&[][..], |lineage| &lineage.inbox);
    let read: Vec<String> = there.into_iter().chain(inboxes.iter().cloned()).collect();
    let all: Vec<String> = read.iter().chain(&mine).chain(&governed.quarantines).cloned().collect();
    match admin.rights(&all, &groups) {
        Ok(mut granted) => {
            let refusal = |name: &str| {
                let replication_factor = own.replication_factor;
                admin.refusal(&NewTopic { name, partitions: 1, replication_factor, config: Vec::new() }).ok().flatten()
            };
            of_quarantines(&mut granted, &governed.quarantines, refusal, &principal, &mut report)?;
            of_rights(&granted, &read, config, &principal, &mut report)?;
        }
        Err(fault) => {
            let what = format!("rights could not be asked: {}", fault.message);
            let remedy = "needed: Read, Describe on governed topics; Read, Write, Describe, DescribeConfigs on its own; \
                          Read, Describe on its two groups";
            report.say(How::Warn, &what, remedy)?;
        }
    }
    Ok(if report.worst == How::Fail { Exit::Bad } else { Exit::Good })
}

/// Each address is asked as the daemon asks, for a schema that hardly is there: to say so is answer enough, and no other
/// page is served by all registries, or to whom may read nothing but schemas.
fn of_registry<W: Write>(registry: &Registry, report: &mut Report<'_, W>) -> io::Result<()> {
    let mut said = Vec::new();
    for url in &registry.urls {
        let alone = Registry { urls: vec![url.clone()], ..registry.clone() };
        match Client::new(&alone) {
            Ok(mut client) => said.push((url, client.ask(SchemaRef::Id(i32::MAX as u32), |_| {}))),
            Err(why) => return report.say(How::Fail, &format!("registry: {why}"), "a start is refused until then"),
        }
    }
    let one_answers = said.iter().any(|(_, answer)| !matches!(answer, Answer::Failed(_)));
    let how = if one_answers { How::Warn } else { How::Fail };
    for (url, answer) in said {
        match answer {
            Answer::Found(_) | Answer::Missing => report.say(How::Ok, &format!("registry {url} answers"), "")?,
            Answer::Failed(failure) => {
                report.say(how, &format!("registry {}", failure.reason), remedy(failure.outcome))?
            }
        }
    }
    Ok(())
}

fn remedy(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Refused => "give the daemon a login that may read schemas",
        Outcome::Unavailable => "start the registry, or correct its address; see also registry.request.timeout",
        Outcome::Unexpected | Outcome::Found | Outcome::Missing => "correct registry.url",
    }
}

fn of_topics<W: Write>(probe: &Probe, governed: &Governed, report: &mut Report<'_, W>) -> io::Result<()> {
    for (topic, info) in &probe.topics {
        let products = governed.topics.get(topic).map_or("", String::as_str);
        match info {
            Some(info) => {
                let partitions = counted(info.partitions as usize, "partition");
                report.say(How::Ok, &format!("topic {topic}: {partitions}, read by {products}"), "")?;
            }
            None => {
                let what = format!("topic {topic} of {products} does not exist, or may not be seen");
                report.say(How::Warn, &what, "create it, or grant Describe on it: until then its contract waits")?;
            }
        }
    }
    // An id of nothing but zeros is what brokers before 2.8 have.
    let ids = probe.topics.values().flatten().all(|info| info.id.0 != 0);
    match ids {
        true => Ok(()),
        false => report.say(How::Fail, "the brokers have no topic ids", "Kafka 2.8 or later is needed"),
    }
}

fn of_own_topics<W: Write>(
    probe: &Probe,
    own: &Topics,
    config: &Config,
    principal: &Principal,
    report: &mut Report<'_, W>,
) -> io::Result<()> {
    for (topic, partitions) in own.all() {
        let wrong: Vec<_> = probe.mismatches.iter().filter(|mismatch| mismatch.topic == topic).collect();
        for mismatch in &wrong {
            report.say(How::Fail, &format!("own topic {topic} {}", mismatch.problem), &mismatch.remedy)?;
        }
        match probe.missing.get(&topic) {
            Some(None) => {
                let partitions = counted(partitions as usize, "partition");
                report.say(How::Ok, &format!("own topic {topic}: created at the first start, {partitions}"), "")?;
            }
            Some(Some(refusal)) => {
                let (why, remedy) = of_refusal(&topic, refusal, needed(&topic, config), principal);
                report.say(How::Fail, &format!("own topic {topic} cannot be created: {why}"), &remedy)?;
            }
            None if wrong.is_empty() => report.say(How::Ok, &format!("own topic {topic} is as it must be"), "")?,
            None => {}
        }
    }
    Ok(())
}

/// Why a topic of its own would not be created, and what to do; `used`: what is needed on it once it is there.
fn of_refusal(topic: &str, refusal: &Refusal, used: &[Right], principal: &Principal) -> (String, String) {
    let mut said = refusal.message.trim_end_matches('.').to_owned();
    if said.is_empty() {
        said = refusal.code.to_string();
    }
    match refusal.code {
        Code::TopicAuthorizationFailed | Code::ClusterAuthorizationFailed => {
            let rights: Vec<Right> = [Right::Create].iter().chain(used).copied().collect();
            ("Create is not granted".to_owned(), principal.acl(&rights, &format!("--topic {topic}")))
        }
        Code::InvalidReplicationFactor => {
            (said, "lower governance.replication.factor, or start as many brokers as it says".to_owned())
        }
        _ => (said, "create it yourself, as docs/operations.md says that it must be".to_owned()),
    }
}

/// What is needed on a topic of its own.
fn needed(topic: &str, config: &Config) -> &'static [Right] {
    use Right::{Describe, DescribeConfigs, Read, Write};
    let events = topic == config.governance.topic;
    // Events that are sent on are read from where they were written, and from nowhere else.
    let (lineage, sent_on) = match &config.lineage {
        Some(lineage) => (topic == lineage.topic, !config.openlineage.peer.urls.is_empty()),
        None => (false, false),
    };
    match (events || lineage) && !(lineage && sent_on) {
        true => &[Write, Describe, DescribeConfigs],
        false => &[Read, Write, Describe, DescribeConfigs],
    }
}

fn of_rights<W: Write>(
    granted: &Granted,
    read: &[String],
    config: &Config,
    principal: &Principal,
    report: &mut Report<'_, W>,
) -> io::Result<()> {
    use Right::{Describe, Read, Write};
    for (topic, rights) in &granted.topics {
        let needed = if read.contains(topic) { &[Read, Describe][..] } else { needed(topic, config) };
        held(("topic", topic), rights, needed, principal, report)?;
    }
    for (group, rights) in &granted.groups {
        held(("group", group), rights, &[Read, Describe], principal, report)?;
    }
    if config.delivery != Delivery::ExactlyOnce {
        return Ok(());
    }
    let prefix = format!("{}.", config.worker.group_id);
    match &granted.transactions {
        Ok(true) => report.say(How::Ok, &format!("rights on transactional ids {prefix}*: [Write, Describe]"), ""),
        Ok(false) => {
            let acl = principal
                .acl(&[Write, Describe], &format!("--transactional-id {prefix} --resource-pattern-type prefixed"));
            report.say(
                How::Fail,
                &format!("rights on transactional ids {prefix}*: [Write, Describe] not granted"),
                &acl,
            )
        }
        Err(fault) => {
            let what = format!("rights on transactional ids {prefix}* are not known: {}", fault.message);
            report.say(How::Warn, &what, "where ACLs are in force, grant Write and Describe on that prefix")
        }
    }
}

/// What bad records need to be copied, taken out of what is granted. A start succeeds without; then they are judged, and
/// counted as lost to quarantine.
fn of_quarantines<W: Write>(
    granted: &mut Granted,
    quarantines: &BTreeSet<String>,
    refusal: impl Fn(&str) -> Option<Refusal>,
    principal: &Principal,
    report: &mut Report<'_, W>,
) -> io::Result<()> {
    use Right::{Describe, Write};
    for name in quarantines {
        let lost = "until then bad records are counted as lost to it";
        match granted.topics.remove(name) {
            None => match refusal(name) {
                None => report.say(How::Ok, &format!("quarantine {name}: created with the first bad record"), "")?,
                Some(refusal) => {
                    let (why, remedy) = of_refusal(name, &refusal, &[Write, Describe], principal);
                    let what = format!("quarantine {name} cannot be created: {why}");
                    report.say(How::Warn, &what, &format!("{remedy} ({lost})"))?;
                }
            },
            Some(None) => {
                let what = format!("rights on quarantine {name} are not told by this broker");
                report.say(How::Warn, &what, "Write and Describe are needed")?;
            }
            Some(Some(rights)) => {
                let lacking: Vec<Right> =
                    [Write, Describe].into_iter().filter(|right| !rights.contains(right)).collect();
                match lacking.is_empty() {
                    true => report.say(How::Ok, &format!("rights on quarantine {name}: [Write, Describe]"), "")?,
                    false => {
                        let what = format!("rights on quarantine {name}: {lacking:?} not granted");
                        let acl = principal.acl(&lacking, &format!("--topic {name}"));
                        report.say(How::Warn, &what, &format!("{acl} ({lost})"))?;
                    }
                }
            }
        }
    }
    Ok(())
}

/// Whom a grant would be for, as far as that is known: a login that is a name, or whom a token is given to.
struct Principal {
    servers: String,
    name: String,
}

impl Principal {
    fn of(config: &Config, settings: &Settings) -> Principal {
        let property = |name: &str| config.kafka.admin.get(name).map_or("…", |text| text.expose()).to_owned();
        let of_token = settings.tokens.as_ref().and_then(|tokens| tokens.token()).map(|token| token.principal);
        let name = of_token.unwrap_or_else(|| property("sasl.username"));
        Principal { servers: property("bootstrap.servers"), name }
    }

    /// The command that grants these rights.
    fn acl(&self, rights: &[Right], on: &str) -> String {
        let Principal { servers, name } = self;
        let operations: Vec<String> = rights.iter().map(|right| format!("--operation {right:?}")).collect();
        let operations = operations.join(" ");
        format!("kafka-acls --bootstrap-server {servers} --add --allow-principal User:{name} {operations} {on}")
    }
}

/// One line for what is there, or for the rights that are not.
fn held<W: Write>(
    (kind, name): (&str, &str),
    rights: &Rights,
    needed: &[Right],
    principal: &Principal,
    report: &mut Report<'_, W>,
) -> io::Result<()> {
    let what = format!("rights on {kind} {name}");
    let Some(rights) = rights else {
        return report.say(
            How::Warn,
            &format!("{what} are not told by this broker"),
            &format!("{needed:?} are needed"),
        );
    };
    let lacking: Vec<Right> = needed.iter().filter(|right| !rights.contains(right)).copied().collect();
    match lacking.is_empty() {
        true => report.say(How::Ok, &format!("{what}: {needed:?}"), ""),
        false => {
            let acl = principal.acl(&lacking, &format!("--{kind} {name}"));
            report.say(How::Fail, &format!("{what}: {lacking:?} not granted"), &acl)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Code, How, Principal, Refusal, Report, of_quarantines, of_registry};
    use crate::config::peer::Login;
    use crate::config::registry::Registry;
    use crate::kafka::ffi::rights::Right;
    use crate::kafka::probe::Granted;
    use std::collections::{BTreeMap, BTreeSet};
    use std::io::{BufRead, BufReader, Write};
    use std::net::TcpListener;

    /// Answers every request so, for as long as the process lives.
    fn serve(status: u16, body: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for mut stream in listener.incoming().flatten() {
                let head = BufReader::new(stream.try_clone().unwrap()).lines().map_while(Result::ok);
                assert!(head.take_while(|line| !line.is_empty()).count() > 0);
                let length = body.len();
                let _ = write!(
                    stream,
                    "HTTP/1.1 {status} x\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n{body}"
                );
            }
        });
        url
    }

    #[test]
    fn each_quarantine_has_a_line_and_none_fails_a_start() {
        let check = |what: &str, refused: Option<Code>, topic: Option<Option<&[Right]>>, expected: &str| {
            let set = |rights: &[Right]| rights.iter().copied().collect::<BTreeSet<_>>();
            let topics = topic.map(|rights| ("t.quarantine".to_owned(), rights.map(set)));
            let mut granted =
                Granted { topics: topics.into_iter().collect(), groups: BTreeMap::new(), transactions: Ok(true) };
            let mut out = Vec::new();
            let mut report = Report { out: &mut out, worst: How::Ok };
            let principal = Principal { servers: "b:9092".into(), name: "steward".into() };
            let quarantines = BTreeSet::from(["t.quarantine".to_owned()]);
            let refusal = |_: &str| refused.map(|code| Refusal { code, message: "3 is larger than 1.".into() });
            of_quarantines(&mut granted, &quarantines, refusal, &principal, &mut report).unwrap();
            let text = String::from_utf8(out).unwrap();
            assert!(text.starts_with(expected), "{what}: {text}");
            assert_eq!(
                text.contains("counted as lost"),
                expected.contains("not granted") || expected.contains("cannot"),
                "{what}: {text}"
            );
            assert!(granted.topics.is_empty(), "{what}: it is no topic to be read");
        };
        use Right::{Describe, Read, Write};
        check("to be made", None, None, "ok    quarantine t.quarantine: created with the first");
        check(
            "not to be made",
            Some(Code::TopicAuthorizationFailed),
            None,
            "warn  quarantine t.quarantine cannot be created: Create is not granted — kafka-acls --bootstrap-server b:9092 \
             --add --allow-principal User:steward --operation Create --operation Write --operation Describe --topic t.q",
        );
        check(
            "more replicas than brokers",
            Some(Code::InvalidReplicationFactor),
            None,
            "warn  quarantine t.quarantine cannot be created: 3 is larger than 1 — lower governance.replication.factor",
        );
        check(
            "there",
            None,
            Some(Some(&[Write, Describe, Read])),
            "ok    rights on quarantine t.quarantine: [Write, Describe]",
        );
        check(
            "read alone",
            None,
            Some(Some(&[Describe, Read])),
            "warn  rights on quarantine t.quarantine: [Write] not granted",
        );
        check(
            "nothing",
            None,
            Some(Some(&[])),
            "warn  rights on quarantine t.quarantine: [Write, Describe] not granted",
        );
        check("not told", None, Some(None), "warn  rights on quarantine t.quarantine are not told");
    }

    #[test]
    fn each_address_of_the_registry_has_a_line_and_a_failure_its_remedy() {
        let check = |what: &str, urls: &[&str], worst: How, lines: &[&str]| {
            let registry = Registry {
                urls: urls.iter().map(|url| (*url).to_owned()).collect(),
                login: Login::Anonymous,
                ca: None,
                certificate: None,
                request_timeout_ms: 2_000,
                missing_grace_ms: 0,
                unavailable_max_ms: 0,
                schemas_max: 1,
            };
            let mut out = Vec::new();
            let mut report = Report { out: &mut out, worst: How::Ok };
            of_registry(&registry, &mut report).unwrap();
            assert_eq!(report.worst, worst, "{what}");
            let text = String::from_utf8(out).unwrap();
            let found: Vec<_> = text.lines().collect();
            assert_eq!(found.len(), lines.len(), "{what}: {text}");
            for (found, expected) in found.iter().zip(lines) {
                let (word, part) = expected.split_once(' ').unwrap();
                assert!(found.starts_with(word) && found.contains(part), "{what}: no `{expected}` in {found}");
                assert!(word == "ok" || found.contains(" — "), "{what}: without remedy: {found}");
            }
        };
        let good = serve(404, r#"{"error_code":40403,"message":"Schema not found"}"#);
        let there = serve(200, r#"{"schema":"\"int\""}"#);
        let closed = serve(401, "");
        let other = serve(404, "<html>no such page</html>");
        let nobody = "http://127.0.0.1:1";
        check("none is configured", &[], How::Ok, &[]);
        check("it says that it has no such schema", &[&good], How::Ok, &["ok answers"]);
        check("it has that schema", &[&there], How::Ok, &["ok answers"]);
        check("it wants a login", &[&closed], How::Fail, &["fail refused with status 401"]);
        check("something else is there", &[&other], How::Fail, &["fail there is no such page"]);
        check("nobody is there", &[nobody], How::Fail, &["fail see registry.url"]);
        check("one of two is there", &[nobody, &good], How::Warn, &["warn see registry.url", "ok answers"]);
    }
}
