//! A rule set of a schema registry is observed beside the contract: planted violations are found exactly.

use crate::broker::records::Record;
use crate::broker::shared;
use crate::mesh::Mesh;
use crate::verdicts::Verdicts;
use crate::worker::pause;
use mesh_steward::clock::now_ms;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::time::{Duration, Instant};

#[test]
fn rules_that_the_registry_keeps_are_asked_of_every_record() {
    let schema = r#"{"type":"record","name":"Order","fields":[{"name":"id","type":"string"},
        {"name":"quantity","type":"long"},{"name":"sku","type":"string","confluent:tags":["CODE"]}]}"#;
    let rule = |name: &str, kind: &str, expression: &str| json!({"name": name, "kind": "CONDITION", "mode": "WRITE", "type": kind, "tags": ["CODE"], "expr": expression});
    let rules = [rule("few", "CEL", "message.quantity < 5"), rule("known", "CEL_FIELD", "value.startsWith('ABC')")];
    let version =
        json!({"subject": "rules.orders-value", "version": 1, "schema": schema, "ruleSet": {"domainRules": rules}});
    let url = serve(vec![("/subjects/rules.orders-value/versions/latest", version.to_string())]);
    let mesh = Mesh::new(shared(), "rules", 1, &format!("registry: {{url: '{url}'}}"));
    let record = |n: usize| {
        let quantity = if n % 10 == 3 { 9 } else { 1 };
        let sku = if n % 25 == 7 { "XYZ-0001" } else { "ABC-0001" };
        let row = json!({"id": format!("o{n}"), "customer": "ada", "status": "new", "sku": sku, "amount": 1, "quantity": quantity});
        let value = Some(row.to_string().into_bytes());
        Record { partition: 0, timestamp_ms: now_ms(), key: None, value, headers: Vec::new() }
    };
    let worker = mesh.worker("a").ready();
    mesh.broker.writer(&mesh.topic).write(&(0..100).map(record).collect::<Vec<_>>());
    let started = Instant::now();
    let read = || Verdicts::read(mesh.broker, &mesh.events).windows;
    let judged = |windows: &[Value]| windows.iter().filter_map(|w| w["counts"]["records"].as_u64()).sum::<u64>();
    while judged(&read()) < 100 {
        assert!(started.elapsed() < Duration::from_secs(60), "not judged; ready: {:?}", worker.get("/ready"));
        pause(200);
    }
    let windows = read();
    let failed = |name: &str| {
        let results = windows.iter().filter_map(|w| w["results"].as_array()).flatten();
        results
            .filter(|result| result["name"] == name)
            .filter_map(|result| result["measure"]["failedRowCount"].as_u64())
            .sum::<u64>()
    };
    assert_eq!((failed("few"), failed("known")), (10, 4), "{windows:#?}");
}

/// A registry that has these answers, by path, and knows nothing else.
pub fn serve(answers: Vec<(&'static str, String)>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let port = listener.local_addr().expect("its address").port();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let answers = answers.clone();
            std::thread::spawn(move || answer(stream, &answers));
        }
    });
    format!("http://127.0.0.1:{port}")
}

fn answer(stream: TcpStream, answers: &[(&str, String)]) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if reader.read_line(&mut head).unwrap_or(0) == 0 {
                return;
            }
        }
        let found = answers.iter().find(|(path, _)| head.split(' ').nth(1) == Some(path));
        let (status, body) = match found {
            Some((_, body)) => (200, body.as_str()),
            None => (404, r#"{"error_code":40401,"message":"Subject not found"}"#),
        };
        let _ = write!(reader.get_mut(), "HTTP/1.1 {status} x\r\ncontent-length: {}\r\n\r\n{body}", body.len());
    }
}
