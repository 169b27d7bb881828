//! Lineage on a real broker: kept in its log, read by every worker, told by OpenLineage clients over HTTP and Kafka.

use crate::broker::records::{Read, Record};
use crate::broker::shared;
use crate::mesh::Mesh;
use crate::worker::{Worker, pause};
use mesh_steward::clock::now_ms;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::process::Command;
use std::time::{Duration, Instant};

/// A round each 2 s, a turn each second, a survey each 5 s; the rest is for a machine that runs other tests too.
const FOUND_WITHIN: Duration = Duration::from_secs(60);

fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < FOUND_WITHIN, "{what}: not within {FOUND_WITHIN:?}");
        pause(200);
    }
}

fn json_of(worker: &Worker, path: &str) -> Value {
    let (status, body) = worker.get(path);
    if status == 200 { serde_json::from_str(&body).expect("JSON") } else { Value::Null }
}

fn jobs(lineage: &Value) -> BTreeSet<String> {
    let nodes = lineage["nodes"].as_array().into_iter().flatten().filter(|node| node["type"] == "job");
    nodes.filter_map(|node| Some(node["name"].as_str()?.to_owned())).collect()
}

fn post(worker: &Worker, path: &str, event: &Value) -> u16 {
    let agent: ureq::Agent = ureq::Agent::config_builder().http_status_as_error(false).build().into();
    let sent = agent.post(format!("http://{}{path}", worker.address())).send_json(event);
    sent.map_or(0, |answer| answer.status().as_u16())
}

fn event(mesh: &Mesh<'_>, job: &str) -> Value {
    json!({
        "eventTime": "2026-11-24T10:00:00Z",
        "eventType": "COMPLETE",
        "producer": "https://example.com/dbt",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": "0190a5f0-0000-7000-8000-000000000001"},
        "job": {"namespace": "dbt", "name": job},
        "inputs": [{"namespace": "kafka://by-another-name:9092", "name": mesh.topic}],
        "outputs": [{"namespace": "dw", "name": "orders"}],
    })
}

#[test]
fn lineage_is_kept_read_by_every_worker_and_told_by_clients() {
    // Nobody is at the address of Connect.
    let settings = "lineage: {interval: 2s, aliases: ['kafka://by-another-name:9092'], inbox: [traced.inbox]}\n\
                    connect.url: http://127.0.0.1:1";
    let mesh = Mesh::new(shared(), "traced", 2, settings);
    mesh.broker.create_topic("traced.inbox", 2, &[]);
    mesh.broker.create_topic("traced.source", 1, &[]);
    declare(&mesh, "traced.source");
    let (a, b) = (mesh.worker("a").ready(), mesh.worker("b").ready());
    let product = "/products/shop/traced/lineage?direction=downstream&depth=2";
    let own = format!("{}/shop/traced", mesh.group);
    for worker in [&a, &b] {
        until("the steward's own job", || jobs(&json_of(worker, product)).contains(&own).then_some(()));
    }
    let leads = |worker: &Worker| json_of(worker, "/lineage")["collects_here"] == true;
    // While the second one joins, the partition that decides may move.
    let (leader, other) = until("one collects", || match (leads(&a), leads(&b)) {
        (true, false) => Some((&a, &b)),
        (false, true) => Some((&b, &a)),
        _ => None,
    });
    let configured = "steward_lineage_edges{evidence=\"configured\"}";
    until("its metrics", || leader.metric(configured).filter(|edges| *edges == 2.0));

    // Over HTTP to either, and by Kafka.
    assert_eq!(post(leader, "/api/v1/lineage", &event(&mesh, "to-the-leader")), 201);
    assert_eq!(post(other, "/api/v1/lineage", &event(&mesh, "to-another")), 201);
    assert_eq!(post(other, "/api/v1/lineage", &json!({"job": 7})), 400);
    // What the product is made of is declared, and something else flows into it.
    let mut undeclared = event(&mesh, "undeclared");
    undeclared["inputs"][0]["name"] = json!("traced.elsewhere");
    undeclared["outputs"] = json!([{"namespace": "kafka://by-another-name:9092", "name": mesh.topic}]);
    assert_eq!(post(other, "/api/v1/lineage", &undeclared), 201);
    let record = |text: String| Record { timestamp_ms: now_ms(), value: Some(text.into_bytes()), ..Record::default() };
    let records = [event(&mesh, "by-kafka").to_string(), "no event".into()].map(record);
    mesh.broker.writer("traced.inbox").write(&records);
    let told = ["by-kafka", "to-another", "to-the-leader"].map(str::to_owned);
    for worker in [&a, &b] {
        until("what clients told", || {
            told.iter().all(|job| jobs(&json_of(worker, product)).contains(job)).then_some(())
        });
    }
    let edges = json_of(other, product)["edges"].clone();
    let edge = edges.as_array().into_iter().flatten().find(|edge| edge["to"] == "job:dbt:by-kafka").expect("an edge");
    assert_eq!(
        (&edge["evidence"][0]["kind"], &edge["evidence"][0]["source"]),
        (&json!("observed"), &json!("openlineage"))
    );
    let look = json_of(leader, "/lineage")["collectors"]["openlineage"].clone();
    assert!(look["unresolved"][0]["why"].as_str().is_some_and(|why| why.starts_with("no JSON")), "{look}");
    // Of whichever worker collected then: while the second one joined, that may have moved.
    let of = |metric: &str, collector: &str| -> f64 {
        let metric = format!("steward_lineage_{metric}{{collector=\"{collector}\"}}");
        [&a, &b].iter().filter_map(|worker| worker.metric(&metric)).sum()
    };
    until("what could not be resolved is counted", || (of("unresolved_total", "openlineage") == 1.0).then_some(()));
    assert!(of("collector_errors_total", "connect") >= 1.0, "who does not answer is counted");
    assert!((0.1..60.0).contains(&of("collector_age_seconds", "groups")), "{}", of("collector_age_seconds", "groups"));
    let connect = json_of(leader, "/lineage")["collectors"]["connect"]["error"].clone();
    assert!(connect.as_str().is_some_and(|why| why.contains("connect.url")), "{connect}");

    for worker in [&a, &b] {
        until("an incident of it", || contradicted(worker).then_some(()));
    }

    // Who collects is killed: the other one goes on with all that was known.
    let (mut leader, mut other) = if leads(&a) { (a, b) } else { (b, a) };
    leader.signal("KILL");
    leader.wait(Duration::from_secs(10));
    until("the other one collects", || leads(&other).then_some(()));
    let known = jobs(&json_of(&other, product));
    assert!(told.iter().all(|job| known.contains(job)), "{known:?}");

    // All of it again after both have ended.
    other.signal("TERM");
    assert!(other.wait(Duration::from_secs(10)).success());
    let again = mesh.worker("a").ready();
    let kept = until("what was told before", || {
        let found = jobs(&json_of(&again, product));
        told.iter().all(|job| found.contains(job)).then_some(found)
    });
    assert!(kept.contains(&own));
    until("the one that is left collects", || leads(&again).then_some(()));
    let (_, found) = again.get("/api/v1/events/lineage");
    assert_eq!(serde_json::from_str::<Value>(&found).expect("JSON")["totalCount"], 4);
    let warned =
        "steward_product_incidents{product=\"shop/traced\",domain=\"shop\",owner=\"order desk\",severity=\"warning\"}";
    until("the incident that was told before", || again.metric(warned).filter(|open| *open == 1.0));

    // The declaration is withdrawn.
    mesh.put_contract("1.0.1");
    until("it is resolved", || (!contradicted(&again)).then_some(()));
    assert_eq!(moves(&mesh), [("opened".into(), 1), ("resolved".into(), 2)], "each once, through a restart");
}

/// By headers a hop is observed; by contents a copy is inferred, which stands apart: the one's evidence is none of the other's.
#[test]
fn records_of_one_trace_join_their_topics_and_a_copy_looks_like_one() {
    let mesh = Mesh::new(shared(), "hopped", 1, "lineage: {interval: 1s, headers: true, content: true}");
    for (product, topic) in [("hopped-billed", "hopped.billed"), ("hopped-decoy", "hopped.decoy")] {
        mesh.broker.create_topic(topic, 1, &[]);
        mesh.put_contract_of(product, topic);
    }
    let worker = mesh.worker("a").ready();
    let traced = |trace: u64, timestamp_ms: i64| {
        let parent = format!("00-4bf92f3577b34da6{trace:016x}-00f067aa0ba902b7-01");
        let headers = vec![("traceparent", Some(parent.into_bytes()))];
        // Orders of one trace are one; all share their customers.
        let mixed = trace.wrapping_mul(0x9e37_79b9_7f4a_7c15);
        let order = json!({"id": format!("{mixed:016x}"), "customer": format!("c-{}", mixed % 2_000), "status": "paid",
            "sku": "ABC-1234", "amount": (mixed >> 32) as f64 / 100.0, "quantity": trace % 9});
        Record { timestamp_ms, headers, value: Some(order.to_string().into_bytes()), ..Record::default() }
    };
    let writers = [mesh.topic.as_str(), "hopped.billed", "hopped.decoy"].map(|topic| mesh.broker.writer(topic));
    let mut number = 0;
    let found = until("a hop and a copy", || {
        // The decoy has traces of its own, at the same times.
        let now = now_ms();
        for (writer, (of, lag_ms)) in writers.iter().zip([(1, 0), (1, 40), (2, 20)]) {
            let records: Vec<Record> = (number..number + 60).map(|n| traced(2 * n + of, now + lag_ms)).collect();
            writer.write(&records);
        }
        number += 60;
        let lineage = json_of(&worker, "/products/shop/hopped/lineage?direction=downstream&depth=1");
        let edges = lineage["edges"].as_array()?.clone();
        let has = |source: &str| {
            let mut all = edges.iter().flat_map(|edge| edge["evidence"].as_array().into_iter().flatten());
            all.any(|evidence| evidence["source"] == source)
        };
        (has("headers") && has("contents")).then_some(edges)
    });
    let hops: Vec<&Value> =
        found.iter().filter(|edge| edge["to"].as_str().is_some_and(|to| to.starts_with("dataset:"))).collect();
    assert_eq!(hops.len(), 1, "{hops:?}");
    assert!(hops[0]["to"].as_str().is_some_and(|to| to.ends_with(":hopped.billed")), "{}", hops[0]);
    let evidence = |source: &str| {
        let all = hops[0]["evidence"].as_array().expect("evidence");
        all.iter().find(|evidence| evidence["source"] == source).expect(source)
    };
    let by_headers = evidence("headers");
    assert_eq!(
        (&by_headers["kind"], &by_headers["detail"]["latency_ms"]),
        (&json!("observed"), &json!("40")),
        "{by_headers}"
    );
    let by_contents = evidence("contents");
    assert_eq!(
        (&by_contents["kind"], &by_contents["detail"]["how"]),
        (&json!("inferred"), &json!("rows")),
        "{by_contents}"
    );
    let score: f64 = by_contents["detail"]["score"].as_str().and_then(|score| score.parse().ok()).expect("a score");
    assert!((0.9..=1.0).contains(&score), "{by_contents}");
    assert!(by_contents["detail"]["columns"].as_str().is_some_and(|of| of.contains("id > id")), "{by_contents}");
    // A product that nobody feeds has no such edge, and the whole mesh no other.
    let all = json_of(&worker, "/lineage");
    assert_eq!(all["edges"]["inferred"], 1, "{all}");
    let dropped = worker.metric("steward_lineage_traces_dropped_total").unwrap_or_default();
    assert!(dropped > 0.0, "so many traces a second have no room");
    // What was taken up is deleted from the log.
    let log = mesh.broker.read("_hopped.lineage");
    let of_sketches = |record: &&Read| {
        let key: Value = record.key.as_deref().and_then(|key| serde_json::from_slice(key).ok()).unwrap_or_default();
        key["kind"] == "sketch"
    };
    let (deleted, sent): (Vec<_>, Vec<_>) = log.iter().filter(of_sketches).partition(|record| record.value.is_none());
    assert!(!sent.is_empty() && !deleted.is_empty(), "{} sent, {} deleted", sent.len(), deleted.len());
    assert!(sent.iter().all(|record| record.value.as_ref().is_some_and(|value| value.len() < 20_000)));
}

/// The contract says of a field that it is made of this.
fn declare(mesh: &Mesh<'_>, source: &str) {
    let file = mesh.folder().join("contracts/orders.odcs.yaml");
    let text = std::fs::read_to_string(&file).expect("the contract");
    let place = "      - name: customer\n";
    assert!(text.contains(place));
    let declared = text.replace(place, &format!("{place}        transformSourceObjects: [{source}]\n"));
    std::fs::write(file, declared).expect("the contract");
}

const UNDECLARED_INPUT: &str = "steward.lineage.undeclared-input";

fn contradicted(worker: &Worker) -> bool {
    let incidents = json_of(worker, "/incidents?state=open");
    incidents.as_array().into_iter().flatten().any(|incident| incident["rule"] == UNDECLARED_INPUT)
}

/// State and sequence of each event of the incident.
fn moves(mesh: &Mesh<'_>) -> Vec<(String, u64)> {
    let events = mesh.broker.read(&mesh.events);
    let incidents =
        events.iter().filter(|event| event.headers.get("ce_type").is_some_and(|kind| kind.contains("incident")));
    let of_lineage = incidents.map(|event| event.json()).filter(|value| value["rule"] == UNDECLARED_INPUT);
    of_lineage
        .map(|value| (value["state"].as_str().unwrap_or_default().to_owned(), value["sequence"].as_u64().unwrap_or(0)))
        .collect()
}

/// The real client, where Python has it: `OPENLINEAGE_PYTHON` names that Python.
#[test]
fn openlineage_python_is_understood_over_http_and_kafka() {
    let Some(python) = std::env::var_os("OPENLINEAGE_PYTHON") else {
        println!("skipped: OPENLINEAGE_PYTHON is not set");
        return;
    };
    let mesh = Mesh::new(shared(), "pythons", 1, "lineage: {interval: 2s, inbox: [pythons.inbox]}");
    mesh.broker.create_topic("pythons.inbox", 1, &[]);
    let worker = mesh.worker("a").ready();
    until("lineage is kept", || (json_of(&worker, "/lineage")["as_of"] != Value::Null).then_some(()));
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/kafka/openlineage-client.py");
    let told = Command::new(python)
        .arg(script)
        .args([worker.address(), &mesh.broker.bootstrap, "pythons.inbox", &mesh.topic])
        .output()
        .expect("Python starts");
    assert!(told.status.success(), "{}", String::from_utf8_lossy(&told.stderr));
    for job in ["over-http", "over-http-gzip", "over-kafka"] {
        let job = until(job, || {
            Some(json_of(&worker, &format!("/api/v1/namespaces/python/jobs/{job}"))).filter(|j| !j.is_null())
        });
        assert_eq!((&job["latestRun"]["state"], &job["inputs"][0]["name"]), (&json!("COMPLETED"), &json!(mesh.topic)));
        assert_eq!(job["inputs"][0]["namespace"], format!("kafka://{}", mesh.broker.bootstrap).as_str());
    }
    let graph = json_of(&worker, "/api/v1/lineage?nodeId=job:python:over-kafka&depth=1");
    let ids: Vec<_> = graph["graph"].as_array().into_iter().flatten().filter_map(|node| node["id"].as_str()).collect();
    assert!(ids.contains(&format!("dataset:kafka://{}:{}", mesh.broker.bootstrap, mesh.topic).as_str()), "{graph}");
    let (_, events) = worker.get("/api/v1/events/lineage");
    let events: Value = serde_json::from_str(&events).expect("JSON");
    assert_eq!(events["totalCount"], 6, "a START and a COMPLETE of each");
}
