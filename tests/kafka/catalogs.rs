//! Lineage events sent on to catalogs over HTTP: what is on the topic, packed, in order, through refusals and a restart.

use crate::broker::shared;
use crate::mesh::Mesh;
use crate::worker::{Worker, pause};
use flate2::read::GzDecoder;
use mesh_steward::clock::now_ms;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Windows of 5 s close and are told; the rest is for a machine that runs other tests too.
const SENT_WITHIN: Duration = Duration::from_secs(60);

/// One `POST` as it came, and what it was answered.
#[derive(Clone, Debug)]
struct Posted {
    path: String,
    headers: BTreeMap<String, String>,
    event: String,
    status: u16,
    at: Instant,
}

/// Of a busy catalog, longer than it would be left alone otherwise.
const BUSY_S: u64 = 6;
/// What a catalog answers that hangs.
const NOTHING: u16 = 0;

/// A catalog that answers as it is told: `answer` sees what came before, and what comes.
struct Catalog {
    url: String,
    posted: Arc<Mutex<Vec<Posted>>>,
}

impl Catalog {
    fn start(answer: impl Fn(&[Posted], &Posted) -> u16 + Send + 'static) -> Catalog {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("bound"));
        let posted: Arc<Mutex<Vec<Posted>>> = Arc::default();
        let kept = posted.clone();
        std::thread::spawn(move || {
            let mut hangs = Vec::new();
            for stream in listener.incoming().flatten() {
                let Some(mut came) = read(&stream) else { continue };
                let mut all = kept.lock().expect("no reader panics");
                came.status = answer(&all, &came);
                let status = came.status;
                all.push(came);
                let wait = match status {
                    NOTHING => {
                        hangs.push(stream);
                        continue;
                    }
                    429 => format!("Retry-After: {BUSY_S}\r\n"),
                    503 => "Retry-After: 1\r\n".to_owned(),
                    _ => String::new(),
                };
                let _ = write!(&stream, "HTTP/1.1 {status} X\r\n{wait}Content-Length: 0\r\nConnection: close\r\n\r\n");
            }
        });
        Catalog { url, posted }
    }

    fn posted(&self) -> Vec<Posted> {
        self.posted.lock().expect("no server panics").clone()
    }

    fn taken(&self) -> BTreeSet<String> {
        self.posted().into_iter().filter(|posted| posted.status == 201).map(|posted| posted.event).collect()
    }
}

fn read(stream: &TcpStream) -> Option<Posted> {
    let mut lines = BufReader::new(stream);
    let mut first = String::new();
    lines.read_line(&mut first).ok()?;
    let mut headers = BTreeMap::new();
    loop {
        let mut line = String::new();
        lines.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim().split_once(": ") else { break };
        headers.insert(name.to_lowercase(), value.to_owned());
    }
    let mut body = vec![0; headers.get("content-length")?.parse().ok()?];
    lines.read_exact(&mut body).ok()?;
    let mut event = String::new();
    match headers.get("content-encoding") {
        Some(_) => GzDecoder::new(body.as_slice()).read_to_string(&mut event).ok()?,
        None => body.as_slice().read_to_string(&mut event).ok()?,
    };
    Some(Posted { path: first.split(' ').nth(1)?.to_owned(), headers, event, status: 0, at: Instant::now() })
}

/// What stands on the topic, by partition.
fn told(mesh: &Mesh<'_>) -> BTreeMap<i32, Vec<String>> {
    let mut told: BTreeMap<i32, Vec<String>> = BTreeMap::new();
    for record in mesh.broker.read(&mesh.events) {
        if record.headers.get("ce_type").is_some_and(|kind| kind.starts_with("io.meshsteward.lineage.")) {
            let value = record.value.expect("an event has a value");
            told.entry(record.partition).or_default().push(String::from_utf8(value).expect("UTF-8"));
        }
    }
    told
}

/// What is on the topic and was not taken, in short.
fn missing(mesh: &Mesh<'_>, marquez: &Catalog, plain: &Catalog) -> String {
    let (told, marquez, plain) = (told(mesh), marquez.taken(), plain.taken());
    let short =
        |event: &String| event.chars().take(60).chain("…".chars()).chain(event.chars().rev().take(60)).collect();
    let lacks = |taken: &BTreeSet<String>| -> Vec<String> {
        told.values().flatten().filter(|event| !taken.contains(*event)).map(short).collect()
    };
    let all: Vec<usize> = told.values().map(Vec::len).collect();
    format!(
        "on the topic: {all:?}; taken: {} and {}; not: {:#?} and {:#?}",
        marquez.len(),
        plain.len(),
        lacks(&marquez),
        lacks(&plain)
    )
}

fn outcome(worker: &Worker, outcome: &str) -> f64 {
    worker.metric(&format!("steward_lineage_forwarded_total{{outcome=\"{outcome}\"}}")).unwrap_or_default()
}

#[test]
fn catalogs_are_sent_what_is_on_the_topic_through_refusals_and_a_restart() {
    // Away at first, and the second event that it sees is wrong to it.
    let marquez = Catalog::start(|before, _| match before.len() {
        0 => 503,
        2 => 400,
        _ => 201,
    });
    let plain = Catalog::start(|_, came| if came.headers.contains_key("content-encoding") { 415 } else { 201 });
    // Busy, broken (which may be the packing's fault: it is asked again without), silent; then one event is wrong.
    let troubled = Catalog::start(|before, _| match before.len() {
        0 => 429,
        1 | 2 => 500,
        3 => NOTHING,
        5 => 422,
        _ => 201,
    });
    let settings = format!(
        "lineage: {{interval: 2s}}\nopenlineage: {{url: '{},{},{}', bearer.auth.token: the-key, request.timeout: 3s}}",
        marquez.url, plain.url, troubled.url
    );
    let mesh = Mesh::new(shared(), "catalogs", 1, &settings);
    let mut worker = mesh.worker("a").ready();
    mesh.write(500, now_ms() - 30_000, now_ms() - 10_000);

    let started = Instant::now();
    // Other tests share the cluster, whose groups are told here too: there may be more of them at any time.
    let all_sent = |refused: usize| {
        let all: BTreeSet<String> = told(&mesh).into_values().flatten().collect();
        let missed = |catalog: &Catalog| all.difference(&catalog.taken()).count();
        all.len() >= 4 + refused && [&marquez, &troubled].iter().all(|c| missed(c) == refused) && missed(&plain) == 0
    };
    while !all_sent(1) {
        assert!(started.elapsed() < SENT_WITHIN, "{}\n{}", missing(&mesh, &marquez, &plain), worker.log());
        pause(500);
    }
    let seen = troubled.posted();
    let statuses: Vec<u16> = seen.iter().take(7).map(|posted| posted.status).collect();
    assert_eq!(statuses, [429, 500, 500, NOTHING, 201, 422, 201]);
    assert!(seen[1].at - seen[0].at >= Duration::from_secs(BUSY_S), "it is asked again when it says");
    assert!(seen[4].at - seen[3].at >= Duration::from_secs(3), "one that says nothing is given its time");
    assert!(!troubled.taken().contains(&seen[5].event), "one event that it refuses is left out, and only that");
    for cause in ["status 429", "status 500", "status 422", "timeout"] {
        assert!(worker.log().contains(cause), "{cause}: {}", worker.log());
    }
    let posted = marquez.posted();
    let again = posted.iter().skip(1).any(|later| later.event == posted[0].event);
    assert!(again, "what it was away for is sent again, when its partition comes to its turn");
    assert!(!marquez.taken().contains(&posted[2].event), "what it refuses is left out");
    for posted in &posted {
        assert_eq!(posted.path, "/api/v1/lineage");
        assert_eq!(posted.headers.get("authorization").map(String::as_str), Some("Bearer the-key"));
        assert_eq!(posted.headers.get("content-encoding").map(String::as_str), Some("gzip"));
    }
    for events in told(&mesh).values() {
        let order: Vec<&String> =
            posted.iter().skip(1).map(|posted| &posted.event).filter(|event| events.contains(event)).collect();
        let first: Vec<&String> = events.iter().take(order.len()).collect();
        assert_eq!(order, first, "in the order of the partition");
    }
    let packed = plain.posted().iter().filter(|posted| posted.headers.contains_key("content-encoding")).count();
    assert_eq!(packed, 1, "who takes no gzip is asked once");
    assert_eq!(outcome(&worker, "refused"), 2.0);
    assert!(outcome(&worker, "waits") >= 4.0, "a busy machine's catalog may keep it waiting once more");
    assert!(worker.log().contains("status 400"), "{}", worker.log());
    assert!(!worker.log().contains("the-key"), "a key is no matter for a log");

    pause(7_000); // how far it was sent is durable within 5 s and a turn
    let before = marquez.posted().len();
    worker.signal("TERM");
    assert!(worker.wait(Duration::from_secs(10)).success());
    let sent: BTreeSet<String> = marquez.posted().iter().map(|posted| posted.event.clone()).collect();
    let again = mesh.worker("a").ready();
    mesh.write(500, now_ms() - 10_000, now_ms());
    let started = Instant::now();
    while marquez.posted().len() <= before || !all_sent(1) {
        assert!(started.elapsed() < SENT_WITHIN, "{}\n{}", missing(&mesh, &marquez, &plain), again.log());
        pause(500);
    }
    let twice = marquez.posted().into_iter().skip(before).filter(|posted| sent.contains(&posted.event)).count();
    assert!(twice < sent.len() / 2, "{twice} of {} events were sent again", sent.len());
}
