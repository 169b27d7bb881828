//! The registry's client and its thread against a registry that answers as a test says.

use clap::{FromArgMatches, Subcommand};
use mesh_steward::cli::contract::{Contract, contract};
use mesh_steward::config::peer::Login;
use mesh_steward::config::registry::Registry;
use mesh_steward::config::secret::Secret;
use mesh_steward::engine::decode::schema::{Registered, SchemaRef};
use mesh_steward::registry::client::{Answer, Client, Outcome};
use mesh_steward::registry::keeper::{self, News};
use mesh_steward::registry::subjects;
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::{Duration, Instant};

const RECORD: &str = r#"{"schema":"{\"type\":\"record\",\"name\":\"R\",\"fields\":[]}"}"#;
const NOT_FOUND: (u16, &str) = (404, r#"{"error_code":40403,"message":"Schema not found"}"#);
/// A status of its own: the connection stays silent.
const HANG: (u16, &str) = (0, "");

type Script = fn(count: usize, path: &str, head: &str) -> (u16, &'static str);

/// Serves on a free port for as long as the process lives.
fn serve(script: Script) -> String {
    let (port, count) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
    listen(&port, move |stream| answer(stream, script, &count));
    format!("http://127.0.0.1:{}", port.into_inner())
}

/// The same over TLS, for clients that show a certificate.
fn serve_tls(script: Script, tls: Arc<ServerConfig>) -> String {
    let (port, count) = (AtomicUsize::new(0), Arc::new(AtomicUsize::new(0)));
    listen(&port, move |stream| {
        let connection = ServerConnection::new(tls.clone()).expect("a configuration that serves");
        answer(StreamOwned::new(connection, stream), script, &count);
    });
    format!("https://localhost:{}", port.into_inner())
}

fn listen(port: &AtomicUsize, serve: impl Fn(TcpStream) + Clone + Send + 'static) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    port.store(listener.local_addr().expect("its address").port().into(), Ordering::Relaxed);
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let serve = serve.clone();
            thread::spawn(move || serve(stream));
        }
    });
}

fn answer(stream: impl Read + Write, script: Script, count: &AtomicUsize) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let path = head.split(' ').nth(1).unwrap_or_default().to_owned();
        let (status, body) = script(count.fetch_add(1, Ordering::Relaxed), &path, &head);
        if status == 0 {
            return drop(reader.read_line(&mut head)); // until the client gives up
        }
        let _ = write!(reader.get_mut(), "HTTP/1.1 {status} x\r\ncontent-length: {}\r\n\r\n{body}", body.len());
        let _ = reader.get_mut().flush();
    }
}

fn registry(urls: &[&str]) -> Registry {
    Registry {
        urls: urls.iter().map(|url| (*url).to_owned()).collect(),
        login: Login::Anonymous,
        ca: None,
        certificate: None,
        request_timeout_ms: 300,
        missing_grace_ms: 600,
        unavailable_max_ms: 1_000,
        schemas_max: 100,
    }
}

fn ask(registry: &Registry, schema: SchemaRef) -> (Answer, Vec<Outcome>) {
    let mut outcomes = Vec::new();
    let answer = Client::new(registry).expect("a client").ask(schema, |outcome| outcomes.push(outcome));
    (answer, outcomes)
}

#[test]
fn each_answer_of_a_registry_has_its_meaning() {
    let check = |what: &str, script: Script, expected: Outcome, words: &str| {
        let (answer, outcomes) = ask(&registry(&[&serve(script)]), SchemaRef::Id(7));
        assert_eq!(outcomes.last(), Some(&expected), "{what}: {answer:?}");
        match answer {
            Answer::Failed(failure) => assert!(failure.reason.contains(words), "{what}: {}", failure.reason),
            Answer::Found(found) => assert!(expected == Outcome::Found && found.text.contains(words), "{what}"),
            Answer::Missing => assert_eq!(expected, Outcome::Missing, "{what}"),
        }
    };
    check("there", |_, _, _| (200, RECORD), Outcome::Found, "record");
    check("unknown", |_, _, _| NOT_FOUND, Outcome::Missing, "");
    check("a path that nobody serves", |_, _, _| (404, "{}"), Outcome::Unexpected, "registry.url must be");
    check("its own error", |_, _, _| (500, "{}"), Outcome::Unavailable, "status 500");
    check("silent", |_, _, _| HANG, Outcome::Unavailable, "timeout");
    check("no JSON", |_, _, _| (200, "<html>"), Outcome::Unexpected, "none of a schema registry");
    check("no login", |_, _, _| (401, ""), Outcome::Refused, "basic.auth.user.info");
    let (answer, outcomes) = ask(&registry(&["http://127.0.0.1:1"]), SchemaRef::Id(7));
    assert_eq!(outcomes, [Outcome::Unavailable], "{answer:?}");
    let (answer, outcomes) = ask(&registry(&[]), SchemaRef::Id(u32::MAX));
    assert_eq!((answer, outcomes.len()), (Answer::Missing, 0), "an id that no registry gives is not asked for");
}

#[test]
fn references_are_fetched_through_those_that_they_name() {
    let script: Script = |_, path, _| match path {
        "/schemas/ids/7" => (200, r#"{"schema":"S","references":[{"name":"a.A","subject":"a/b c","version":2}]}"#),
        "/subjects/a%2Fb%20c/versions/2" => {
            (200, r#"{"schema":"A","references":[{"name":"a.B","subject":"b","version":1}]}"#)
        }
        // A circle: it ends where everything was seen.
        "/subjects/b/versions/1" => {
            (200, r#"{"schema":"B","references":[{"name":"a.A","subject":"a/b c","version":2}]}"#)
        }
        _ => NOT_FOUND,
    };
    let (Answer::Found(found), _) = ask(&registry(&[&serve(script)]), SchemaRef::Id(7)) else { panic!("not found") };
    let names: Vec<_> = found.references.iter().map(|(name, text)| format!("{name}={text}")).collect();
    assert_eq!((found.kind.as_str(), names), ("AVRO", vec!["a.A=A".to_owned(), "a.B=B".to_owned()]));
    let lacks: Script = |_, path, _| match path {
        "/schemas/ids/7" => (200, r#"{"schema":"S","references":[{"name":"a.A","subject":"a","version":2}]}"#),
        _ => NOT_FOUND,
    };
    let (answer, _) = ask(&registry(&[&serve(lacks)]), SchemaRef::Id(7));
    let Answer::Failed(failure) = answer else { panic!("{answer:?}") };
    assert!(failure.reason.contains("version 2 of subject a"), "{}", failure.reason);
}

/// A subject of each language that refers to another, which refers to a third.
const SUBJECTS: Script = |_, path, _| match path {
    "/subjects/list/versions/latest" => (200, r#"["{}",null,[{"name":"buyer","subject":"buyer","version":1}]]"#),
    "/subjects/orders-value/versions/latest" => (
        200,
        r#"{"subject":"orders-value","version":3,"id":9,"schema":"{\"type\":\"record\",\"name\":\"Order\",\"namespace\":\"shop\",\"fields\":[{\"name\":\"buyer\",\"type\":\"shop.Buyer\"}]}",
            "references":[{"name":"shop.Buyer","subject":"buyer","version":1}]}"#,
    ),
    "/subjects/orders-value/versions/2" => (
        200,
        r#"{"subject":"orders-value","version":2,"schema":"{\"type\":\"record\",\"name\":\"Order\",\"fields\":[{\"name\":\"old\",\"type\":\"int\"}]}"}"#,
    ),
    "/subjects/buyer/versions/1" => (
        200,
        r#"{"schema":"{\"type\":\"record\",\"name\":\"Buyer\",\"namespace\":\"shop\",\"fields\":[{\"name\":\"town\",\"type\":\"shop.Town\"}]}",
            "references":[{"name":"shop.Town","subject":"town","version":4}]}"#,
    ),
    "/subjects/town/versions/4" => {
        (200, r#"{"schema":"{\"type\":\"enum\",\"name\":\"Town\",\"namespace\":\"shop\",\"symbols\":[\"BERN\"]}"}"#)
    }
    "/subjects/json-value/versions/latest" => (
        200,
        r#"{"subject":"json-value","version":1,"schemaType":"JSON","schema":"{\"type\":\"object\",\"properties\":{\"buyer\":{\"$ref\":\"buyer.json\"}}}",
            "references":[{"name":"buyer.json","subject":"buyer-json","version":1}]}"#,
    ),
    "/subjects/buyer-json/versions/1" => (
        200,
        r#"{"schemaType":"JSON","schema":"{\"type\":\"object\",\"properties\":{\"town\":{\"$ref\":\"town.json\"}}}",
            "references":[{"name":"town.json","subject":"town-json","version":1}]}"#,
    ),
    "/subjects/town-json/versions/1" => {
        (200, r#"{"schemaType":"JSON","schema":"{\"type\":\"string\",\"minLength\":4}"}"#)
    }
    "/subjects/proto-value/versions/latest" => (
        200,
        r#"{"subject":"proto-value","version":1,"schemaType":"PROTOBUF","schema":"syntax = \"proto3\"; import \"buyer.proto\"; message Order { shop.Buyer buyer = 1; }",
            "references":[{"name":"buyer.proto","subject":"buyer-proto","version":1}]}"#,
    ),
    "/subjects/buyer-proto/versions/1" => (
        200,
        r#"{"schemaType":"PROTOBUF","schema":"syntax = \"proto3\"; package shop; import \"town.proto\"; message Buyer { Town town = 1; }",
            "references":[{"name":"town.proto","subject":"town-proto","version":1}]}"#,
    ),
    "/subjects/town-proto/versions/1" => {
        (200, r#"{"schemaType":"PROTOBUF","schema":"syntax = \"proto3\"; package shop; enum Town { BERN = 0; }"}"#)
    }
    _ => NOT_FOUND,
};

/// What `steward contract` answers, or why it does not.
fn steward_contract(arguments: &[&str]) -> Result<String, String> {
    let command = Contract::augment_subcommands(clap::Command::new("contract"));
    let words = ["contract"].iter().chain(arguments);
    let matches = command.try_get_matches_from(words).map_err(|e| e.to_string())?;
    let command = Contract::from_arg_matches(&matches).map_err(|e| e.to_string())?;
    let mut out = Vec::new();
    contract(&command, &mut out).map_err(|e| format!("{e:#}"))?;
    Ok(String::from_utf8(out).expect("UTF-8"))
}

#[test]
fn a_contract_is_drafted_from_a_subject_of_the_registry_with_all_that_it_refers_to() {
    let url = serve(SUBJECTS);
    let folder = tempfile::tempdir().expect("a folder");
    let config = folder.path().join("steward.yaml");
    fs::write(&config, format!("registry: {{url: '{url}'}}\n")).expect("a configuration");
    let config = config.to_str().expect("UTF-8");
    let check = |subject: &str, found: &[&str]| {
        for way in [["--registry.url", url.as_str()], ["--config", config]] {
            let inferred = steward_contract(&[&["infer", "--subject", subject], &way[..]].concat()).expect("a draft");
            for words in found {
                assert!(inferred.contains(words), "{subject}: {words} is not in\n{inferred}");
            }
            let imported = steward_contract(&[&["import", "--subject", subject], &way[..]].concat());
            assert_eq!(imported.as_ref(), Ok(&inferred), "{subject}");
        }
    };
    check("orders-value", &["physicalName: orders", "version: \"3\"", "name: town", "validValues: [BERN]"]);
    check("json-value", &["physicalName: json", "name: town", "minLength: 4"]);
    check("proto-value", &["physicalName: proto", "name: town", "validValues: [BERN]"]);
    let older = ["infer", "--subject", "orders-value", "--subject-version", "2", "--registry.url", &url];
    assert!(steward_contract(&older).is_ok_and(|draft| draft.contains("name: old")));
}

#[test]
fn a_subject_that_cannot_be_had_is_told_with_what_to_do() {
    let url = serve(SUBJECTS);
    let check = |arguments: &[&str], words: &str| {
        let told = steward_contract(arguments).expect_err("no draft");
        assert!(told.contains(words), "{arguments:?}: {told}");
    };
    check(&["infer", "--subject", "none", "--registry.url", &url], "no subject none; GET /subjects lists");
    let other = ["infer", "--subject", "orders-value", "--subject-version", "9", "--registry.url", &url];
    check(&other, "no version 9 of a subject orders-value");
    // A list is read like the members of an object, in their order.
    check(&["infer", "--subject", "list", "--registry.url", &url], "is none of a schema registry");
    check(&["infer", "--subject", "x", "--registry.url", "http://127.0.0.1:1"], "see registry.url");
    check(&["infer", "--subject", "x", "--registry.url", "nowhere"], "is no address");
    check(&["infer", "--subject", "x", "--topic", "t", "--registry.url", &url], "cannot be used with");
    check(&["infer", "--subject", "x.json", "--subject-version", "2"], "a file holds one version");
    check(&["import", "--subject", "x"], "--registry.url");
    check(&["infer", "--records", "x", "--config", "steward.yaml"], "--topic <TOPIC>|--subject");
}

#[test]
fn a_login_is_sent_and_the_next_address_is_tried() {
    let script: Script = |_, path, head| match head.contains("uthorization: Basic dXNlcjpwYXNz") {
        true if path == "/schemas/guids/00000000-0000-0000-0000-000000000007" => (200, RECORD),
        _ => (401, ""),
    };
    let url = serve(script);
    let login = Login::Basic(Secret::new("user:pass".into()));
    let registry = Registry { login, ..registry(&["http://127.0.0.1:1", &url]) };
    let (answer, outcomes) = ask(&registry, SchemaRef::Guid(7));
    assert_eq!(outcomes, [Outcome::Unavailable, Outcome::Found], "{answer:?}");
}

const PROTOBUF: &str = r#"{"schema":"syntax = \"proto3\"; message M {}","schemaType":"PROTOBUF"}"#;

#[test]
fn what_tasks_are_told_follows_the_registry() {
    let check = |what: &str, script: Script, expected: &[&str]| {
        let (tell, told) = mpsc::channel();
        let news = move |news| {
            if let News::Schemas(schemas) = news {
                let _ = tell.send(match schemas.get(SchemaRef::Id(7)) {
                    Some(Registered::Avro(_)) => "avro",
                    Some(Registered::Protobuf(_)) => "protobuf",
                    Some(Registered::Absent) => "absent",
                    Some(Registered::Unavailable(_)) => "unavailable",
                    Some(Registered::Unsupported(_)) => "unsupported",
                    _ => "nothing",
                });
            }
        };
        let wishes = keeper::start(&registry(&[&serve(script)]), news).expect("a thread");
        (0..3).for_each(|_| wishes.want(SchemaRef::Id(7)));
        let began = Instant::now();
        for word in expected {
            let left = Duration::from_secs(20).saturating_sub(began.elapsed());
            assert_eq!(told.recv_timeout(left).as_ref(), Ok(word), "{what}");
        }
        assert!(told.recv_timeout(Duration::from_millis(300)).is_err(), "{what}: told once more");
    };
    check("there", |_, _, _| (200, RECORD), &["avro"]);
    check("registered a moment later", |n, _, _| if n < 3 { NOT_FOUND } else { (200, RECORD) }, &["avro"]);
    check("never registered", |_, _, _| NOT_FOUND, &["absent"]);
    check("back after an error", |n, _, _| if n < 1 { (503, "") } else { (200, RECORD) }, &["avro"]);
    check("silent, then back", |n, _, _| if n < 3 { HANG } else { (200, RECORD) }, &["unavailable", "avro"]);
    check("no schema", |_, _, _| (200, r#"{"schema":"nonsense"}"#), &["unsupported"]);
    check("Protobuf", |_, _, _| (200, PROTOBUF), &["protobuf"]);
    check("no Protobuf", |_, _, _| (200, r#"{"schema":"x","schemaType":"PROTOBUF"}"#), &["unsupported"]);
    check("of a type that is not read", |_, _, _| (200, r#"{"schema":"x","schemaType":"XML"}"#), &["unsupported"]);
}

#[test]
fn rule_sets_are_asked_for_again_and_what_is_known_outlasts_a_failure() {
    let script: Script = |n, path, _| match (path, n) {
        ("/subjects/orders-value/versions/latest", 0..2) => {
            (200, r#"{"subject":"orders-value","version":1,"id":7,"schema":"{}","ruleSet":{"domainRules":[]}}"#)
        }
        ("/subjects/orders-value/versions/latest", 2..4) => (503, ""),
        ("/subjects/orders-value/versions/latest", 4..7) => {
            (200, r#"{"subject":"orders-value","version":2,"schema":"{}"}"#)
        }
        _ => (404, r#"{"error_code":40401,"message":"Subject not found"}"#),
    };
    let topics = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let registry = registry(&[&serve(script)]);
    let subjects = subjects::start(&registry, topics(&["orders"]), Duration::from_secs(5), 300).expect("a thread");
    let version = || {
        let said = subjects.said();
        assert!(!said.keeps_none);
        said.versions.get("orders").map(|text| serde_json::from_str::<serde_json::Value>(text).expect("JSON"))
    };
    let first = version().expect("the first is known before the start returns");
    assert_eq!(
        first,
        serde_json::json!({"subject": "orders-value", "version": 1, "schema": "{}", "ruleSet": {"domainRules": []}})
    );
    let mut seen = vec![Some(1)];
    let started = Instant::now();
    while seen.last() != Some(&None) {
        assert!(started.elapsed() < Duration::from_secs(20), "{seen:?}");
        thread::park_timeout(Duration::from_millis(20));
        let found = version().and_then(|version| version["version"].as_u64());
        if seen.last() != Some(&found) {
            seen.push(found);
        }
    }
    assert_eq!(seen, [Some(1), Some(2), None], "503 forgets nothing, 404 does");
    let behind = Registry { urls: vec!["http://127.0.0.1:1/apis/ccompat/v7".into()], ..registry };
    let subjects = subjects::start(&behind, topics(&[]), Duration::ZERO, 300).expect("a thread");
    assert!(subjects.said().keeps_none, "Apicurio's path");
}

/// Its references are asked for with the first answer and with the third, which is of another version.
#[test]
fn what_a_version_refers_to_is_asked_for_once() {
    let script: Script = |n, path, _| match (path, n) {
        ("/subjects/orders-value/versions/latest", 0..4) => (
            200,
            r#"{"subject":"orders-value","version":1,"schema":"{}","references":[{"name":"b","subject":"buyer","version":1}]}"#,
        ),
        ("/subjects/orders-value/versions/latest", _) => (
            200,
            r#"{"subject":"orders-value","version":2,"schema":"{}","references":[{"name":"b","subject":"buyer","version":2}]}"#,
        ),
        // The second answer of all, and the one behind the first of the second version.
        ("/subjects/buyer/versions/1", 1) => (200, r#"{"schema":"one"}"#),
        ("/subjects/buyer/versions/2", 5) => (200, r#"{"schema":"two"}"#),
        _ => (200, r#"{"schema":"asked again"}"#),
    };
    let registry = registry(&[&serve(script)]);
    let subjects =
        subjects::start(&registry, ["orders".to_owned()].into(), Duration::from_secs(5), 100).expect("a thread");
    let mut seen: Vec<String> = Vec::new();
    let started = Instant::now();
    // A second of further rounds shows nothing else.
    while started.elapsed() < Duration::from_millis(if seen.len() < 2 { 20_000 } else { 1_500 }) {
        let version = subjects.said().versions.remove("orders").expect("known before the start returns");
        let version: serde_json::Value = serde_json::from_str(&version).expect("JSON");
        let found = version["references"][0]["schema"].as_str().expect("beside its name").to_owned();
        if seen.last() != Some(&found) {
            seen.push(found);
        }
        thread::park_timeout(Duration::from_millis(20));
    }
    assert_eq!(seen, ["one", "two"]);
}

#[test]
fn a_registry_behind_tls_is_believed_by_its_certificate_and_believes_ours() {
    let folder = tempfile::tempdir().expect("a folder");
    let certify = |name: &str| rcgen::generate_simple_self_signed(vec![name.to_owned()]).expect("a certificate");
    let (server, own, stranger) = (certify("localhost"), certify("steward"), certify("stranger"));
    let file = |name: &str, text: String| {
        let path = folder.path().join(name);
        fs::write(&path, text).expect("a file");
        path
    };
    let [ca, wrong] = [("ca.pem", &server), ("wrong.pem", &stranger)].map(|(name, of)| file(name, of.cert.pem()));
    let [ours, theirs] = [("own", &own), ("stranger", &stranger)].map(|(name, of)| {
        (file(&format!("{name}.pem"), of.cert.pem()), file(&format!("{name}.key"), of.signing_key.serialize_pem()))
    });

    let mut clients = RootCertStore::empty();
    clients.add(own.cert.der().clone()).expect("a root");
    let ring = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(clients), ring.clone()).build();
    let key = PrivateKeyDer::try_from(server.signing_key.serialize_der()).expect("a key");
    let tls = ServerConfig::builder_with_provider(ring)
        .with_safe_default_protocol_versions()
        .expect("versions of TLS")
        .with_client_cert_verifier(verifier.expect("a verifier"))
        .with_single_cert(vec![server.cert.der().clone()], key);
    let url = serve_tls(|_, _, _| (200, RECORD), Arc::new(tls.expect("a server")));

    let check = |what: &str, ca: Option<&PathBuf>, certificate: Option<&(PathBuf, PathBuf)>, believed: bool| {
        let registry = Registry {
            ca: ca.cloned(),
            certificate: certificate.cloned(),
            request_timeout_ms: 5_000,
            ..registry(&[&url])
        };
        let (answer, _) = ask(&registry, SchemaRef::Id(1));
        match believed {
            true => assert!(matches!(answer, Answer::Found(_)), "{what}: {answer:?}"),
            false => assert!(matches!(answer, Answer::Failed(_)), "{what}: {answer:?}"),
        }
    };
    check("both know each other", Some(&ca), Some(&ours), true);
    check("a registry that nobody vouches for", None, Some(&ours), false);
    check("another's certificate as authority", Some(&wrong), Some(&ours), false);
    check("a client without a certificate", Some(&ca), None, false);
    check("a client with another's", Some(&ca), Some(&theirs), false);

    // A running thread takes up certificates that are read again: what it asked for in vain is found.
    let of = |ca: &PathBuf| Registry { ca: Some(ca.clone()), certificate: Some(ours.clone()), ..registry(&[&url]) };
    let (tell, told) = mpsc::channel();
    let news = move |news| {
        let _ = tell.send(match news {
            News::Schemas(schemas) => matches!(schemas.get(SchemaRef::Id(1)), Some(Registered::Avro(_))),
            News::Trouble(trouble) => trouble.is_none(),
        });
    };
    let wishes = keeper::start(&of(&wrong), news).expect("a thread");
    wishes.want(SchemaRef::Id(1));
    assert_eq!(told.recv_timeout(Duration::from_secs(20)), Ok(false), "nobody vouches for it");
    wishes.renew(Client::new(&of(&ca)).expect("a client"));
    let heard = std::iter::from_fn(|| told.recv_timeout(Duration::from_secs(10)).ok());
    let found = heard.take(20).filter(|good| *good).take(2).count();
    assert_eq!(found, 2, "it answers again, and its schema is known");
}
