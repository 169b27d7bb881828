//! A schema registry that fails while workers run, each time in another way: what it gave before is judged on, what it owes is waited for.

use crate::broker::records::Record;
use crate::faults::brokers::{shared, three};
use crate::faults::face::face;
use crate::mesh::Mesh;
use crate::worker::pause;
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// How it answers while it is ill.
#[derive(Clone, Copy, Debug)]
pub enum Ill {
    /// With an error of its own.
    Broken,
    /// Never.
    Silent,
    /// Later than a request may take, and whole.
    Slow,
    /// With a page of something else that stands in its place.
    Page,
}

/// Shorter than `registry.unavailable.max`, which gives records up; longer than an operator may be left without a word.
const LASTS_MS: u64 = 35_000;
const REQUEST_TIMEOUT_MS: u64 = 2_000;

/// Under load, of records that each name a schema. While the registry is ill they name one that nobody has asked for yet.
pub fn ill(name: &'static str, how: Ill) {
    let registry = Registry::start();
    let settings = format!("registry: {{url: '{}', request.timeout: {REQUEST_TIMEOUT_MS}ms}}", registry.url);
    let mesh = Mesh::new(&shared().broker, name, 6, &settings);
    mesh.orders().duplicates = false; // the rows of a pair may be judged apart
    let [a, b, c] = three(&mesh);
    let schema = AtomicU32::new(1);
    let framed = |record: &Record| {
        let frame = [&[0], &schema.load(Ordering::Relaxed).to_be_bytes()[..]].concat();
        let value = record.value.as_ref().map(|value| [&frame, &value[..]].concat());
        Record { value, ..record.clone() }
    };
    let seen = mesh.under_load_of(500, framed, || {
        pause(5_000);
        face(&mesh, &[&a, &b, &c], || {
            registry.be(Some(how));
            schema.store(2, Ordering::Relaxed);
            pause(LASTS_MS);
            registry.be(None);
        })
    });
    seen.names(&["registry"]);
    let verdicts = mesh.judged(&[&a, &b, &c]);
    mesh.unbroken(&verdicts);
    let unmeasured = verdicts.windows.iter().filter(|window| !window["unmeasured"].is_null()).count();
    assert_eq!(unmeasured, 0, "windows whose records were given up");
}

/// It knows every id, as a schema that any object fits, and no subject.
struct Registry {
    url: String,
    how: Arc<Mutex<Option<Ill>>>,
}

impl Registry {
    fn start() -> Registry {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let how = Arc::new(Mutex::new(None));
        let ill = how.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let ill = ill.clone();
                thread::spawn(move || answer(stream, &ill));
            }
        });
        Registry { url, how }
    }

    fn be(&self, how: Option<Ill>) {
        *self.how.lock().unwrap_or_else(PoisonError::into_inner) = how;
    }
}

const ANY_OBJECT: &str = r#"{"schemaType":"JSON","schema":"{\"type\":\"object\"}"}"#;
const NO_SUBJECT: &str = r#"{"error_code":40401,"message":"Subject not found"}"#;

fn answer(stream: TcpStream, how: &Mutex<Option<Ill>>) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let well = match head.starts_with("GET /schemas/ids/") {
            true => (200, ANY_OBJECT),
            false => (404, NO_SUBJECT),
        };
        let ill = *how.lock().unwrap_or_else(PoisonError::into_inner);
        let (status, body) = match ill {
            None => well,
            Some(Ill::Broken) => (500, r#"{"error_code":50001,"message":"Error in the backend data store"}"#),
            Some(Ill::Page) => (200, "<html><body>Welcome</body></html>"),
            Some(Ill::Silent) => return drop(reader.read_line(&mut head)), // until the client gives up
            Some(Ill::Slow) => {
                pause(REQUEST_TIMEOUT_MS + 1_000);
                well
            }
        };
        let _ = write!(reader.get_mut(), "HTTP/1.1 {status} x\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    }
}
