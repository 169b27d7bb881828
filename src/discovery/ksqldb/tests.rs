//! A server that answers as ksqlDB documents, and one that is older.

use super::*;
use crate::catalog::board::Board;
use crate::config::usable::Config;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};

/// Answers each statement by what `answers` holds for it, else refuses it as a server does that does not know it.
fn serve(answers: Vec<(&'static str, Value)>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    // It ends with the process.
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let statement = asked(&stream);
            let found = answers.iter().find(|(known, _)| format!("{known};") == statement);
            let (status, body) = match found {
                Some((_, answer)) => ("200 OK", answer.clone()),
                None => ("400 Bad Request", json!({"@type": "statement_error", "error_code": 40001, "message": "no"})),
            };
            let body = body.to_string();
            let head = format!("HTTP/1.1 {status}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = (&stream).write_all((head + &body).as_bytes());
        }
    });
    url
}

/// The statement of one request; its line, headers and body are as they must be.
fn asked(stream: &TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let (mut line, mut length, mut kind) = (String::new(), 0, String::new());
    reader.read_line(&mut line).unwrap();
    assert!(line.starts_with("POST /ksql "), "{line}");
    loop {
        line.clear();
        reader.read_line(&mut line).unwrap();
        match line.trim().to_lowercase().split_once(": ") {
            Some(("content-length", value)) => length = value.parse().unwrap(),
            Some(("content-type", value)) => kind = value.to_owned(),
            _ if line.trim().is_empty() => break,
            _ => {}
        }
    }
    assert_eq!(kind, KSQL_JSON);
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    body["ksql"].as_str().unwrap().to_owned()
}

fn collector(url: &str, known: &Arc<Known>) -> Ksqldb {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("f.yaml");
    std::fs::write(&file, format!("worker.id: w1\nlineage.namespace: kafka://k\nksqldb.url: '{url}'")).unwrap();
    let config = Config::load_with(&file, &BTreeMap::new()).unwrap();
    let cluster = Cluster::new(&config, "kafka://k", Arc::new(Board::default()));
    Ksqldb::new(&config.discovery.ksqldb, cluster, known.clone()).unwrap()
}

fn edges(round: &Round) -> Vec<String> {
    let edges = round.sightings.iter().map(|s| format!("{} -> {} {}", s.from.name(), s.to.name(), s.evidence.word()));
    edges.collect()
}

#[test]
fn a_query_reads_and_writes_the_topics_behind_its_streams() {
    let queries = json!([{"@type": "queryDescriptions", "queryDescriptions": [
        {"id": "CSAS_BIG_0", "statementText": "CREATE STREAM BIG AS SELECT * FROM ORDERS JOIN USERS …", "queryType": "PERSISTENT",
         "sources": ["ORDERS", "USERS", "GONE"], "sinks": ["BIG"], "state": "RUNNING"}]}]);
    let source = |name: &str, topic: &str| {
        json!({"name": name, "topic": topic, "readQueries": [{"id": "CSAS_BIG_0"}],
        "queryOffsetSummaries": [{"groupId": "_confluent-ksql-default_query_CSAS_BIG_0"}]})
    };
    let streams = json!([{"@type": "source_descriptions", "sourceDescriptions":
        [source("ORDERS", "shop.orders"), source("BIG", "shop.big")]}]);
    let tables = json!([{"@type": "source_descriptions", "sourceDescriptions": [source("USERS", "shop.users")]}]);
    let url = serve(vec![
        ("SHOW QUERIES EXTENDED", queries),
        ("LIST STREAMS EXTENDED", streams),
        ("LIST TABLES EXTENDED", tables),
    ]);
    let known = Arc::new(Known::default());
    let round = collector(&url, &known).collect(7).unwrap();
    assert_eq!(
        edges(&round),
        [
            "shop.orders -> CSAS_BIG_0 configured",
            "shop.users -> CSAS_BIG_0 configured",
            "CSAS_BIG_0 -> shop.big configured"
        ]
    );
    assert!(round.complete && round.at_ms == 7);
    assert_eq!(round.unresolved.len(), 1);
    assert!(round.unresolved[0].why.contains("GONE"), "{:?}", round.unresolved);
    let job = &round.jobs[0];
    assert_eq!((job.kind.as_str(), job.state.as_str()), ("ksqldb-query", "RUNNING"));
    assert!(job.description.as_ref().is_some_and(|sql| sql.starts_with("CREATE STREAM")));
    assert_eq!(known.job_of("_confluent-ksql-default_query_CSAS_BIG_0").as_ref(), Some(&job.node));
}

#[test]
fn a_server_that_does_not_extend_tells_what_queries_write() {
    let queries = json!([{"@type": "queries", "queries": [{"id": "Q_0", "queryString": "INSERT INTO BIG …",
        "sinks": ["BIG"], "sinkKafkaTopics": ["big"], "queryType": "PERSISTENT", "state": "RUNNING"}]}]);
    let url = serve(vec![("SHOW QUERIES", queries), ("LIST STREAMS", json!([])), ("LIST TABLES", json!("odd"))]);
    let round = collector(&url, &Arc::new(Known::default())).collect(0).unwrap();
    assert_eq!(edges(&round), ["Q_0 -> big configured"]);
    assert!(round.unresolved[0].why.contains("what the query reads"), "{:?}", round.unresolved);
}

#[test]
fn who_does_not_answer_ends_nothing() {
    let known = Arc::new(Known::default());
    let none = collector("http://127.0.0.1:1", &known).collect(0);
    assert!(none.as_ref().is_err_and(|why| why.contains("ksqldb.url")), "{none:?}");
    let url = serve(vec![("SHOW QUERIES EXTENDED", json!([]))]);
    let half = collector(&format!("{url},http://127.0.0.1:1"), &known).collect(0).unwrap();
    assert!(!half.complete);
}
