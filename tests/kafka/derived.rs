//! Products that SQL derives from others, by a real Flink and by what ksqlDB documents that it answers.

use crate::broker::flink;
use crate::broker::records::Record;
use crate::broker::shared;
use crate::mesh::Mesh;
use crate::publishing::send;
use crate::worker::{Worker, pause};
use mesh_steward::clock::now_ms;
use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const WITHIN: Duration = Duration::from_secs(90);
const INPUT: &str = "derived.amounts";

/// What a use case says once it says so.
fn until(worker: &Worker, path: &str, holds: impl Fn(&Value) -> bool) -> Value {
    let started = Instant::now();
    loop {
        let (_, body) = worker.get(path);
        let said: Value = serde_json::from_str(&body).unwrap_or_default();
        if holds(&said) {
            return said;
        }
        assert!(started.elapsed() < WITHIN, "{path}: {said:#}");
        pause(200);
    }
}

/// Tables on the shared broker, and a job.
fn statement(job: &str) -> String {
    let table = |name: &str, topic: &str| {
        format!(
            "CREATE TABLE {name} (id BIGINT, amount INT) WITH ('connector' = 'kafka', 'topic' = '{topic}',\n  \
             'properties.bootstrap.servers' = '{}', 'properties.group.id' = 'flink-{topic}',\n  \
             'scan.startup.mode' = 'earliest-offset', 'format' = 'json'); -- {topic}\n",
            shared().bootstrap
        )
    };
    table("amounts", INPUT) + &table("big", "derived.big") + job
}

/// Answers as ksqlDB documents; what it is told to end is gone then. What is asked of it is kept.
fn ksqldb(told: Arc<Mutex<Vec<String>>>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("its address"));
    let answer = move |path: &str, ksql: &str| {
        let of_it = |ksql: &&String| ksql.starts_with("TERMINATE") || ksql.starts_with("CREATE STREAM TOTALS");
        let ended = told.lock().unwrap().iter().rfind(of_it).is_some_and(|ksql| ksql.starts_with("TERMINATE"));
        told.lock().unwrap().push(ksql.to_owned());
        let error = |why: &str| (400, json!({"@type": "statement_error", "error_code": 40001, "message": why}));
        match ksql {
            _ if path == "/status/stream/%60TOTALS%60/create" => {
                (200, json!({"status": "SUCCESS", "message": "Created query with ID CSAS_TOTALS_0"}))
            }
            ksql if ksql.starts_with("CREATE STREAM NONE") => error("Source NOWHERE does not exist."),
            ksql if ksql.starts_with("CREATE STREAM") => {
                let status = json!({"status": "EXECUTING", "message": "Executing statement"});
                let command = "stream/`TOTALS`/create";
                (
                    200,
                    json!([{"@type": "currentStatus", "statementText": ksql, "commandId": command,
                    "commandStatus": status, "commandSequenceNumber": 2, "warnings": []}]),
                )
            }
            "EXPLAIN CSAS_TOTALS_0;" if ended => error("Query with id:CSAS_TOTALS_0 does not exist, use SHOW QUERIES"),
            "EXPLAIN CSAS_TOTALS_0;" => {
                let query = json!({"id": "CSAS_TOTALS_0", "state": "RUNNING", "queryErrors": []});
                (200, json!([{"@type": "queryDescription", "queryDescription": query}]))
            }
            "TERMINATE CSAS_TOTALS_0;" => {
                let status = json!({"status": "SUCCESS", "message": "Query terminated."});
                (
                    200,
                    json!([{"@type": "currentStatus", "commandId": "terminate/CSAS_TOTALS_0/execute", "commandStatus": status}]),
                )
            }
            _ => (200, json!([])),
        }
    };
    // It ends with the process.
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut reader = BufReader::new(&stream);
            let (mut line, mut length) = (String::new(), 0);
            let _ = reader.read_line(&mut line);
            let path = line.split(' ').nth(1).unwrap_or_default().to_owned();
            while !line.trim().is_empty() {
                line.clear();
                let _ = reader.read_line(&mut line);
                let named = line.trim().to_lowercase();
                length = named.strip_prefix("content-length: ").map_or(length, |l| l.parse().unwrap());
            }
            let mut body = vec![0; length];
            let _ = reader.read_exact(&mut body);
            let body: Value = serde_json::from_slice(&body).unwrap_or_default();
            let (status, body) = answer(&path, body["ksql"].as_str().unwrap_or_default());
            let body = body.to_string();
            let head = format!("HTTP/1.1 {status} X\r\nContent-Length: {}\r\nConnection: close\r\n\r\n", body.len());
            let _ = (&stream).write_all((head + &body).as_bytes());
        }
    });
    url
}

#[test]
fn a_use_case_runs_is_followed_stopped_and_becomes_a_product_with_its_lineage() {
    let flink = match flink::shared() {
        Ok(flink) => flink,
        Err(why) => return println!("skipped: {why}"),
    };
    let told = Arc::default();
    let settings = format!(
        "flink.url: {}\nflink.jobmanager.url: {}\nksqldb.url: {}\nlineage.interval: 1s\n",
        flink.gateway,
        flink.jobs,
        ksqldb(Arc::clone(&told))
    );
    let mesh = Mesh::new(shared(), "derived", 1, &settings);
    [INPUT, "derived.big"].iter().for_each(|topic| mesh.broker.create_topic(topic, 1, &[]));
    let record = |n: i64| Record {
        timestamp_ms: now_ms(),
        value: Some(json!({"id": n, "amount": n * 10}).to_string().into_bytes()),
        ..Record::default()
    };
    let records: Vec<Record> = (0..10).map(record).collect();
    mesh.broker.writer(INPUT).write(&records);
    let (a, b) = (mesh.worker("a").ready(), mesh.worker("b").ready());
    let define = |engine: &str, output: &str, statement: &str| {
        json!({"engine": engine, "title": "Big amounts", "inputs": [INPUT], "output": output, "statement": statement})
            .to_string()
    };
    let register = |name: &str, body: &str| send(&a, "PUT", &format!("/use-cases/shop/{name}"), None, body);
    let state = |word: &'static str| move |case: &Value| case["run"]["state"] == word;
    let execute = |worker: &Worker, name: &str| {
        let (status, _, said) = send(worker, "POST", &format!("/use-cases/shop/{name}/execute?reason=test"), None, "");
        assert_eq!(status, 202, "{said:#}");
    };

    // What runs, is seen by any worker, and is no change of what is registered.
    let job = "SET 'execution.checkpointing.interval' = '500 ms'; INSERT INTO big SELECT id, amount FROM amounts WHERE amount > 40";
    let sql = statement(job);
    let (status, tag, said) = register("big", &define("flink", "derived.big", &sql));
    assert_eq!((status, &said["run"]), (201, &Value::Null), "{said:#}");
    until(&b, "/use-cases/shop/big", |case| case["title"] == "Big amounts");
    execute(&b, "big");
    let running = until(&a, "/use-cases/shop/big", state("running"));
    assert_eq!(running["etag"], tag.trim_matches('"'));
    let started = Instant::now();
    while mesh.broker.read("derived.big").len() < 5 {
        assert!(started.elapsed() < WITHIN, "{:#}", until(&a, "/use-cases/shop/big", |_| true));
        pause(200);
    }
    assert_eq!(send(&a, "POST", "/use-cases/shop/big/execute", None, "").0, 409, "it runs already");
    assert_eq!(send(&a, "DELETE", "/use-cases/shop/big", None, "").0, 409, "it runs");

    // What it writes becomes a product, by a draft of its records.
    let (status, _, draft) = send(&a, "POST", "/drafts", None, "{\"use_case\": \"shop/big\", \"records\": 5}");
    assert_eq!(
        (status, &draft["product"], &draft["topic"]),
        (201, &json!("shop/big"), &json!("derived.big")),
        "{draft:#}"
    );
    let (status, _, said) = send(&a, "POST", &format!("/drafts/{}/publish", draft["id"].as_str().unwrap()), None, "");
    assert_eq!(status, 201, "{said:#}");
    let lineage = until(&a, "/products/shop/big/lineage?direction=upstream", |lineage| {
        lineage["edges"].to_string().contains("\"use_case\":\"shop/big\"")
    });
    let fed = lineage["edges"].as_array().unwrap().iter().find(|edge| edge["from"].to_string().contains(INPUT));
    assert!(fed.is_some_and(|edge| edge["to"].to_string().contains("derived.big")), "{lineage:#}");

    let (status, _, said) = send(&b, "POST", "/use-cases/shop/big/stop", None, "");
    assert_eq!((status, &said["run"]["state"]), (202, &json!("stopping")), "{said:#}");
    until(&a, "/use-cases/shop/big", state("cancelled"));
    let id = running["run"]["jobs"][0].as_str().unwrap();
    let jobs = flink.sql(&["SHOW JOBS"]).unwrap().remove(0);
    let row =
        jobs["results"]["data"].as_array().unwrap().iter().map(|row| &row["fields"]).find(|fields| fields[0] == id);
    let named = row.map(|row| (&row[1], &row[2]));
    assert_eq!(named, Some((&json!("shop/big"), &json!("CANCELED"))), "{jobs:#}");

    // What Flink refuses, what fails in it, and what ends.
    for (name, job, end, words) in [
        ("wrong", "INSERT INTO big SELECT nothing FROM amounts", "failed", "Column 'nothing' not found"),
        ("broken", "INSERT INTO big SELECT id, 10 / (amount - amount) FROM amounts", "failed", "/ by zero"),
        ("short", "INSERT INTO big SELECT * FROM (VALUES (CAST(1 AS BIGINT), 2))", "finished", ""),
    ] {
        let (status, _, said) = register(name, &define("flink", "derived.big", &statement(job)));
        assert_eq!(status, 201, "{said:#}");
        execute(&a, name);
        let ended = until(&b, &format!("/use-cases/shop/{name}"), state(end));
        let message = ended["run"]["message"].as_str().unwrap_or_default();
        assert!(message.contains(words), "{name}: {ended:#}");
    }

    // By ksqlDB, whose command takes its time.
    register("totals", &define("ksqldb", "derived.totals", "CREATE STREAM TOTALS AS SELECT * FROM AMOUNTS;"));
    register("none", &define("ksqldb", "derived.none", "CREATE STREAM NONE AS SELECT * FROM NOWHERE"));
    execute(&a, "totals");
    until(&b, "/use-cases/shop/totals", |case| case["run"]["jobs"] == json!(["CSAS_TOTALS_0"]));
    assert_eq!(send(&a, "POST", "/use-cases/shop/totals/stop", None, "").0, 202);
    until(&b, "/use-cases/shop/totals", state("cancelled"));
    execute(&a, "none");
    let none = until(&a, "/use-cases/shop/none", state("failed"));
    assert_eq!(none["run"]["message"], "Source NOWHERE does not exist.", "{none:#}");
    let told: Vec<String> = told.lock().unwrap().clone();
    assert!(told.contains(&"CREATE STREAM TOTALS AS SELECT * FROM AMOUNTS;".to_owned()), "{told:#?}");

    // The statement and what came of it, in the audit.
    let lines = until(&b, "/audit?product=shop/wrong", |lines| lines.as_array().is_some_and(|lines| lines.len() >= 3));
    let lines = lines.as_array().unwrap();
    let told: Vec<_> =
        lines.iter().map(|line| format!("{} {}", line["action"].as_str().unwrap(), line["status"])).collect();
    assert_eq!(told, ["use-case.execute 502", "use-case.execute 202", "use-case.register 201"], "{lines:#?}");
    assert_eq!((&lines[0]["outcome"], &lines[0]["after"]["state"]), (&json!("failed"), &json!("failed")));
    assert!(lines[0]["detail"].to_string().contains("not found"), "{lines:#?}");
    assert!(lines[0]["after"]["statement"].to_string().contains("SELECT nothing FROM amounts"), "{lines:#?}");
    let lines = until(&b, "/audit?product=shop/big&action=use-case.execute&outcome=done", |lines| {
        lines.as_array().is_some_and(|l| l.len() >= 3)
    });
    let states: Vec<_> = lines.as_array().unwrap().iter().map(|line| &line["after"]["state"]).collect();
    assert_eq!(states, ["cancelled", "running", "asked"], "{lines:#}");

    // The worker that has it is gone: another follows it, and ends it where that is asked.
    execute(&a, "totals");
    let running = until(&b, "/use-cases/shop/totals", |case| case["run"]["jobs"] == json!(["CSAS_TOTALS_0"]));
    let of_a = running["run"]["worker_id"] == "derived-a";
    assert!(of_a || running["run"]["worker_id"] == "derived-b", "{running:#}");
    let (mut gone, left) = if of_a { (a, b) } else { (b, a) };
    gone.kill_9();
    assert_eq!(send(&left, "POST", "/use-cases/shop/totals/stop", None, "").0, 202);
    until(&left, "/use-cases/shop/totals", state("cancelled"));
}
