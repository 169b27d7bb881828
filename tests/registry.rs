//! The registry's client and its thread against a registry that answers as a test says.

use mesh_steward::config::registry::{Login, Registry};
use mesh_steward::config::secret::Secret;
use mesh_steward::engine::decode::schema::{Registered, SchemaRef};
use mesh_steward::registry::client::{Answer, Client, Outcome};
use mesh_steward::registry::keeper::{self, News};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
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
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    let count = Arc::new(AtomicUsize::new(0));
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let count = count.clone();
            thread::spawn(move || answer(stream, script, &count));
        }
    });
    url
}

fn answer(mut stream: TcpStream, script: Script, count: &AtomicUsize) {
    let mut reader = BufReader::new(stream.try_clone().expect("a second handle"));
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
        let _ = write!(stream, "HTTP/1.1 {status} x\r\ncontent-length: {}\r\n\r\n{body}", body.len());
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

#[test]
fn what_tasks_are_told_follows_the_registry() {
    let check = |what: &str, script: Script, expected: &[&str]| {
        let (tell, told) = mpsc::channel();
        let news = move |news| {
            if let News::Schemas(schemas) = news {
                let _ = tell.send(match schemas.get(SchemaRef::Id(7)) {
                    Some(Registered::Avro(_)) => "avro",
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
    check("of a type that is not read", |_, _, _| (200, r#"{"schema":"x","schemaType":"PROTOBUF"}"#), &["unsupported"]);
}
