//! Who feeds whom, as OpenLineage's and Marquez' clients tell it: events, batches, runs step by step, and what is none of them.

use crate::lineage::{ENCODED, KAFKA, chain, served};
use crate::served::*;
use mesh_steward::catalog::lineage::Lineage;
use mesh_steward::engine::lineage::graph::Graph;
use mesh_steward::engine::lineage::names::Aliases;
use mesh_steward::engine::lineage::statement;
use serde_json::{Value, json};
use std::io::Write;

fn gzip(text: &str) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    packed.write_all(text.as_bytes()).unwrap();
    packed.finish().unwrap()
}

fn post(served: &Served, path: &str, encoding: &str, body: &[u8]) -> (u16, String) {
    let agent = ureq::Agent::new_with_config(ureq::config::Config::builder().http_status_as_error(false).build());
    let mut request = agent.post(format!("http://{}{path}", served.address)).content_type("application/json");
    if !encoding.is_empty() {
        request = request.header("Content-Encoding", encoding);
    }
    let mut answer = request.send(body).unwrap();
    (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
}

#[test]
fn events_of_clients_are_taken_when_they_are_durable() {
    let served = served(chain());
    // In the stead of the thread that keeps lineage.
    let keep = |times: usize| {
        let mut posts = served.posts.lock().unwrap();
        (0..times).for_each(|_| drop(posts.blocking_recv().unwrap().done.send(Ok(()))));
    };
    let event = r#"{"eventTime": "2026-11-24T10:00:00Z", "job": {"namespace": "dbt", "name": "m"}}"#;
    let batch = format!("[{event}, 7, {event}]");
    std::thread::scope(|scope| {
        scope.spawn(|| keep(3));
        assert_eq!(post(&served, "/api/v1/lineage", "", event.as_bytes()).0, 201);
        assert_eq!(post(&served, "/api/v1/lineage", "gzip", &gzip(event)).0, 201);
        let (status, body) = post(&served, "/api/v1/lineage/batch", "", batch.as_bytes());
        let body: Value = serde_json::from_str(&body).unwrap();
        assert_eq!((status, &body["status"]), (200, &json!("partial_success")));
        assert_eq!(body["summary"], json!({"received": 3, "successful": 2, "failed": 1}));
        let reason = "an OpenLineage event is a JSON object";
        assert_eq!(body["failed_events"], json!([{"index": 1, "reason": reason, "retriable": false}]));
    });
}

/// In the stead of the thread that keeps lineage: takes up so many posts, and shows what they told.
fn keeping(served: &Served, mut graph: Graph, posts: usize) {
    let mut waiting = served.posts.lock().unwrap();
    for _ in 0..posts {
        let post = waiting.blocking_recv().unwrap();
        for statement in &post.statements {
            graph.hear(statement, START_MS);
        }
        served.lineage.set(Lineage { namespace: KAFKA.into(), graph: graph.clone(), leads: true, at_ms: START_MS });
        post.done.send(Ok(())).unwrap();
    }
}

#[test]
fn a_run_is_told_step_by_step_as_marquez_clients_do() {
    let mut graph = chain();
    let job = r#"{"eventTime": "2026-11-24T09:00:00Z", "job": {"namespace": "dbt", "name": "m",
        "facets": {"jobType": {"processingType": "BATCH", "integration": "DBT"}}}}"#;
    graph.hear(&statement::read(serde_json::from_str(job).unwrap(), &Aliases::default()).unwrap(), START_MS);
    let served = served(graph.clone());
    let runs = "/api/v1/namespaces/dbt/jobs/m/runs";
    let id = "0190a5f0-0000-7000-8000-000000000001";
    let step = |path: &str, body: &str| {
        let (status, body) = post(&served, path, "", body.as_bytes());
        (status, serde_json::from_str::<Value>(&body).unwrap_or_default())
    };
    let created =
        format!(r#"{{"id": "{id}", "nominalStartTime": "2026-11-24T10:00:00Z", "args": {{"full": "true"}}}}"#);
    std::thread::scope(|scope| {
        scope.spawn(|| keeping(&served, graph, 5));
        let (status, run) = step(runs, &created);
        assert_eq!((status, &run["state"], &run["startedAt"]), (201, &json!("NEW"), &Value::Null), "{run}");
        assert_eq!(
            (&run["args"], &run["nominalStartTime"]),
            (&json!({"full": "true"}), &json!("2026-11-24T10:00:00Z"))
        );
        assert_eq!(step(runs, &created).0, 409, "it is there");
        let at = format!("/api/v1/jobs/runs/{id}");
        let (_, run) = step(&format!("{at}/start?at=2099-11-24T10:00:00Z"), "");
        assert_eq!((&run["state"], &run["startedAt"]), (&json!("RUNNING"), &json!("2099-11-24T10:00:00Z")));
        let (_, run) = step(&format!("{at}/complete?at=2099-11-24T10:00:05Z"), "");
        assert_eq!((&run["state"], &run["durationMs"]), (&json!("COMPLETED"), &json!(5_000)));
        // Without a body it gets an id of its own.
        let (status, run) = step(runs, "");
        let other = run["id"].as_str().unwrap().to_owned();
        assert_eq!((status, other.len()), (201, 36));
        let (_, run) = step(&format!("/api/v1/jobs/runs/{other}/fail"), "");
        assert_eq!(run["state"], "FAILED");
    });
    let (_, job) = served.json("/api/v1/namespaces/dbt/jobs/m");
    assert_eq!(
        (&job["type"], &job["facets"]["jobType"]["integration"]),
        (&json!("BATCH"), &json!("DBT")),
        "as it was told"
    );
    assert_eq!(served.json("/api/v1/events/lineage").1["totalCount"], 4, "the job, and three steps");
    let found = served.json(&format!("/api/v1/namespaces/{ENCODED}/jobs/app/runs")).1["runs"][0]["id"].clone();
    for (path, body, status) in [
        ("/api/v1/namespaces/dbt/jobs/none/runs".to_owned(), "", 404),
        (runs.to_owned(), "[", 400),
        (runs.to_owned(), r#"{"id": "7"}"#, 400),
        ("/api/v1/jobs/runs/none/start".to_owned(), "", 404),
        (format!("/api/v1/jobs/runs/{id}/abort?at=yesterday"), "", 400),
        (format!("/api/v1/jobs/runs/{}/complete", found.as_str().unwrap()), "", 409),
    ] {
        assert_eq!(step(&path, body).0, status, "{path}");
    }
}

#[test]
fn what_is_no_event_is_refused_with_its_reason_and_what_is_too_large_too() {
    let served = served(chain());
    let check = |path: &str, encoding: &str, body: &[u8], status: u16, words: &str| {
        let (answered, said) = post(&served, path, encoding, body);
        assert_eq!(answered, status, "{words}: {said}");
        assert!(said.contains(words), "{words}: {said}");
    };
    check("/api/v1/lineage", "", b"{}", 400, "this is no OpenLineage event");
    check("/api/v1/lineage", "", b"{", 400, "the body is no JSON");
    check("/api/v1/lineage", "gzip", b"{}", 400, "no gzip");
    check("/api/v1/lineage", "br", b"{}", 415, "send gzip");
    check("/api/v1/lineage/batch", "", b"{}", 400, "a JSON array");
    check("/api/v1/lineage/batch", "", format!("[{}]", "0,".repeat(1_000) + "0").as_bytes(), 413, "more than 1000");
    check("/api/v1/lineage", "gzip", &gzip(&" ".repeat(17 << 20)), 413, "when it is unpacked");
    check("/api/v1/lineage", "", &vec![b' '; (4 << 20) + 1], 413, "");
}
