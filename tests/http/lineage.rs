//! Who feeds whom, as curl and Marquez' client ask it.

use crate::served::*;
use mesh_steward::catalog::lineage::Lineage;
use mesh_steward::clock::now_ms;
use mesh_steward::engine::contract::name::{ContractHash, ProductName};
use mesh_steward::engine::event::envelope::rfc3339;
use mesh_steward::engine::lineage::contradiction::Contradiction;
use mesh_steward::engine::lineage::graph::{Graph, Limits, OWN_KIND};
use mesh_steward::engine::lineage::incident::{Incident, Standing};
use mesh_steward::engine::lineage::names::Aliases;
use mesh_steward::engine::lineage::node::Node;
use mesh_steward::engine::lineage::sighting::{Evidence, JobFacts, Round, Sighting, Unresolved};
use mesh_steward::engine::lineage::statement;
use serde_json::{Value, json};

pub const KAFKA: &str = "kafka://b:9092";
pub const ENCODED: &str = "kafka:%2F%2Fb:9092";

/// `postgres -> source -> shop.orders -> app -> shop.returns -> sink -> s3`, and a group that merely may read.
pub fn chain() -> Graph {
    let topic = |name: &str| Node::dataset(KAFKA, name);
    let (connect, groups) = ("http://connect:8083", KAFKA);
    let (source, app, sink) = (Node::job(connect, "source"), Node::job(groups, "app"), Node::job(connect, "sink"));
    let sighting = |from: &Node, to: &Node, evidence, lag: &str| Sighting {
        from: from.clone(),
        to: to.clone(),
        evidence,
        confidence: 0.9,
        detail: [("lag_records".to_owned(), lag.to_owned())].into(),
    };
    let job = |node: &Node, kind: &str| JobFacts {
        node: node.clone(),
        kind: kind.into(),
        state: "RUNNING".into(),
        description: None,
        detail: Default::default(),
    };
    let round = |collector: &str, sightings, jobs| Round {
        collector: collector.into(),
        at_ms: START_MS,
        complete: true,
        sightings,
        jobs,
        unresolved: vec![Unresolved { what: "x".into(), why: "its topics are not tracked".into() }],
    };
    let (postgres, lake) =
        (Node::dataset("postgres://db:5432", "shop.public.orders"), Node::dataset("s3://lake", "returns"));
    let (orders, returns) = (topic("shop.orders"), topic("shop.returns"));
    let mut graph = Graph::new(Limits::default());
    graph.apply(round(
        "connect",
        vec![
            sighting(&postgres, &source, Evidence::Configured, "0"),
            sighting(&source, &orders, Evidence::Observed, "0"),
            sighting(&returns, &sink, Evidence::Observed, "7"),
            sighting(&sink, &lake, Evidence::Configured, "0"),
        ],
        vec![job(&source, "kafka-connect"), job(&sink, "kafka-connect")],
    ));
    graph.apply(round(
        "groups",
        vec![
            sighting(&orders, &app, Evidence::Observed, "12"),
            sighting(&app, &returns, Evidence::Observed, "0"),
            sighting(&orders, &Node::job(groups, "auditor"), Evidence::Permitted, "0"),
        ],
        vec![job(&app, "consumer-group"), job(&Node::job(groups, "auditor"), "principal")],
    ));
    let own = Node::job(KAFKA, "steward/sales/orders");
    graph.apply(round("steward", vec![sighting(&orders, &own, Evidence::Observed, "0")], vec![job(&own, OWN_KIND)]));
    graph
}

pub fn served(graph: Graph) -> Served {
    let served = Served::start(|board| board.set_contracts(&plans(&["orders", "returns"]), vec![]));
    served.lineage.set(Lineage { namespace: KAFKA.into(), graph, leads: true, at_ms: START_MS });
    served
}

fn names(body: &Value, list: &str) -> Vec<String> {
    let items = body[list].as_array().unwrap_or_else(|| panic!("{list} of {body}"));
    items.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn a_product_tells_what_feeds_it_and_what_it_feeds_by_what_evidence() {
    let served = served(chain());
    let check = |query: &str, want: &[&str]| {
        let (status, body) = served.json(&format!("/products/sales/orders/lineage{query}"));
        assert_eq!(
            (status, names(&body, "nodes")),
            (200, want.iter().map(|name| name.to_string()).collect()),
            "{query}"
        );
    };
    let all = [
        "shop.orders",
        "shop.returns",
        "shop.public.orders",
        "returns",
        "sink",
        "source",
        "app",
        "auditor",
        "steward/sales/orders",
    ];
    check("", &all);
    check("?direction=upstream", &["shop.orders", "shop.public.orders", "source"]);
    check("?direction=upstream&depth=1", &["shop.orders", "source"]);
    check("?depth=0", &["shop.orders"]);
    let (_, body) = served.json("/products/sales/orders/lineage?direction=upstream&depth=1");
    assert_eq!(
        body["edges"],
        json!([{
            "from": "job:http://connect:8083:source",
            "to": "dataset:kafka://b:9092:shop.orders",
            "evidence": [{
                "kind": "observed",
                "source": "connect",
                "first_seen": "2025-11-24T16:00:00Z",
                "last_seen": "2025-11-24T16:00:00Z",
                "confidence": 0.9,
                "detail": {"lag_records": "0"},
            }],
        }])
    );
    assert_eq!(body["nodes"][0]["products"], json!([{"name": "sales/orders", "owner": "order desk"}]));
    for path in ["/products/sales/orders/lineage?direction=sideways", "/products/sales/orders/lineage?depth=deep"] {
        assert_eq!(served.json(path).0, 400, "{path}");
    }
    assert_eq!(served.json("/products/sales/nothing/lineage").0, 404);
}

#[test]
fn who_breaks_is_told_with_lag_and_who_merely_may_read_apart() {
    let served = served(chain());
    let (status, body) = served.json("/products/sales/orders/impact");
    assert_eq!(status, 200);
    assert_eq!((names(&body, "groups"), names(&body, "connectors")), (vec!["app".into()], vec!["sink".into()]));
    assert_eq!((&body["groups"][0]["lag_records"], &body["groups"][0]["distance"]), (&json!(12.0), &json!(1)));
    assert_eq!(body["groups"][0]["last_seen"], "2025-11-24T16:00:00Z");
    assert_eq!(body["products"], json!([{"name": "sales/returns", "owner": "order desk", "distance": 2}]));
    assert_eq!(body["owners"], json!(["order desk"]));
    assert_eq!((names(&body, "datasets"), names(&body, "may_read")), (vec!["returns".into()], vec!["auditor".into()]));
    assert_eq!(body["jobs"], json!([]), "the steward itself breaks of nothing");
    let (_, near) = served.json("/products/sales/orders/impact?depth=1");
    assert_eq!(near["connectors"], json!([]));
}

#[test]
fn what_contents_look_like_is_told_with_its_score_and_never_among_what_is_known() {
    let mut graph = chain();
    let copy = Node::dataset(KAFKA, "shop.copy");
    let likeness = Sighting {
        from: Node::dataset(KAFKA, "shop.orders"),
        to: copy,
        evidence: Evidence::Inferred,
        confidence: 0.9,
        detail: [("score".to_owned(), "0.97".to_owned())].into(),
    };
    graph.apply(Round {
        collector: "contents".into(),
        at_ms: START_MS,
        complete: false,
        sightings: vec![likeness],
        jobs: vec![],
        unresolved: vec![],
    });
    let served = served(graph);
    let (_, body) = served.json("/products/sales/orders/lineage?direction=downstream&depth=1");
    let into = |edge: &&Value| edge["to"] == "dataset:kafka://b:9092:shop.copy";
    let edge = body["edges"].as_array().unwrap().iter().find(into).expect("the copy");
    assert_eq!(
        (&edge["evidence"][0]["kind"], &edge["evidence"][0]["detail"]),
        (&json!("inferred"), &json!({"score": "0.97"}))
    );
    let (_, impact) = served.json("/products/sales/orders/impact");
    assert_eq!(names(&impact, "datasets"), ["returns"], "what breaks is known to");
    assert_eq!(impact["inferred"], json!([edge]));
    let (_, graph) = served.json("/api/v1/lineage?nodeId=dataset:kafka://b:9092:shop.orders");
    assert!(graph["graph"].as_array().is_some_and(|nodes| nodes.len() > 1), "{graph}");
    assert!(!graph.to_string().contains("shop.copy"), "Marquez has no word for it: {graph}");
    assert_eq!(served.json("/lineage").1["edges"]["inferred"], 1);
    let page = served.raw("GET /lineage HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAccept: text/html\r\n\r\n");
    assert!(page.contains("I 90 %"), "{page}");
}

#[test]
fn how_collecting_goes_is_told_with_what_was_not_resolved() {
    let (status, body) = served(chain()).json("/lineage");
    assert_eq!((status, &body["edges"]["observed"], &body["edges"]["inferred"]), (200, &json!(5), &json!(0)));
    assert_eq!(body["collectors"]["connect"]["unresolved"][0]["why"], "its topics are not tracked");
}

#[test]
fn a_contradiction_is_an_incident_of_its_product() {
    let mut graph = chain();
    let found = Contradiction::UndeclaredConsumer {
        dataset: Node::dataset(KAFKA, "shop.orders"),
        job: Node::job(KAFKA, "app"),
    };
    let incident = |product: &str| Incident {
        product: ProductName { domain: "sales".into(), name: product.into() },
        owner: "order desk".into(),
        contract: "orders-contract".into(),
        version: "1.0.0".into(),
        hash: ContractHash([7; 16]),
        since_ms: START_MS,
    };
    let standing = Standing { since_ms: START_MS - 1_000, incidents: vec![incident("orders")] };
    graph.restore_contradiction(found, Some(standing));
    let served = served(graph);
    for path in ["/incidents", "/incidents?state=open", "/products/sales/orders/incidents"] {
        let (status, body) = served.json(path);
        assert_eq!((status, body.as_array().map(Vec::len)), (200, Some(1)), "{path}: {body}");
        let one = &body[0];
        assert_eq!(
            (&one["product"], &one["state"], &one["severity"]),
            (&json!("sales/orders"), &json!("open"), &json!("warning"))
        );
        assert_eq!(
            (&one["rule"], &one["first_window"]),
            (&json!("steward.lineage.undeclared-consumer"), &json!("2025-11-24T16:00:00Z"))
        );
        assert_eq!(one["lineage"]["dataset"], "dataset:kafka://b:9092:shop.orders");
    }
    assert_eq!(served.json("/products/sales/returns/incidents").1, json!([]));
    assert_eq!(served.json("/domains/sales").1["incidents"], 1);
    let told = &served.json("/lineage").1["contradictions"][0];
    assert_eq!((&told["kind"], &told["since"]), (&json!("undeclared-consumer"), &json!("2025-11-24T15:59:59Z")));
    let accept = "Accept: text/html";
    let page = served.raw(&format!("GET /incidents HTTP/1.1\r\nHost: x\r\n{accept}\r\nConnection: close\r\n\r\n"));
    assert!(page.contains("1 incident is open") && page.contains("Undeclared reader"), "{page}");
    assert!(page.contains("whose declared consumers do not name it"), "{page}");
}

#[test]
fn marquez_clients_read_the_graph() {
    let served = served(chain());
    let node = "nodeId=dataset:kafka://b:9092:shop.orders";
    let (status, body) = served.json(&format!("/api/v1/lineage?{node}&depth=1"));
    assert_eq!(status, 200);
    let ids: Vec<&str> = body["graph"].as_array().unwrap().iter().map(|node| node["id"].as_str().unwrap()).collect();
    assert!(
        ids.contains(&"job:http://connect:8083:source") && !ids.contains(&"job:http://connect:8083:sink"),
        "{ids:?}"
    );
    let orders = body["graph"].as_array().unwrap().iter().find(|node| node["type"] == "DATASET").unwrap();
    assert_eq!(
        orders["inEdges"],
        json!([{"origin": "job:http://connect:8083:source", "destination": "dataset:kafka://b:9092:shop.orders"}])
    );
    assert_eq!((&orders["data"]["name"], &orders["data"]["type"]), (&json!("shop.orders"), &json!("STREAM")));
    for (path, status) in [
        ("/api/v1/lineage", 400),
        ("/api/v1/lineage?nodeId=orders", 400),
        ("/api/v1/lineage?nodeId=dataset:kafka://b:9092:none", 404),
        ("/api/v1/column-lineage?nodeId=dataset:kafka://b:9092:none", 404),
        ("/api/v1/search", 400),
        ("/api/v1/namespaces/none", 404),
        ("/api/v1/events/lineage?before=yesterday", 400),
        ("/api/v1/namespaces?limit=few", 400),
    ] {
        assert_eq!(served.json(path).0, status, "{path}");
    }
    let (_, body) = served.json("/api/v1/namespaces");
    assert_eq!(names(&body, "namespaces"), ["http://connect:8083", KAFKA, "postgres://db:5432", "s3://lake"]);
    let (_, body) = served.json(&format!("/api/v1/namespaces/{ENCODED}/datasets?limit=1&offset=1"));
    assert_eq!((names(&body, "datasets"), &body["totalCount"]), (vec!["shop.returns".into()], &json!(2)));
    let (_, body) = served.json(&format!("/api/v1/namespaces/{ENCODED}/jobs"));
    assert_eq!(names(&body, "jobs"), ["app", "auditor", "steward/sales/orders"]);
    let (_, app) = served.json(&format!("/api/v1/namespaces/{ENCODED}/jobs/app"));
    assert_eq!(
        (&app["inputs"][0]["name"], &app["outputs"][0]["name"]),
        (&json!("shop.orders"), &json!("shop.returns"))
    );
    assert_eq!((&app["type"], &app["latestRun"]["state"]), (&json!("STREAM"), &json!("RUNNING")));
    let (_, runs) = served.json(&format!("/api/v1/namespaces/{ENCODED}/jobs/app/runs"));
    let id = runs["runs"][0]["id"].as_str().unwrap();
    assert_eq!(served.json(&format!("/api/v1/jobs/runs/{id}")).1["state"], "RUNNING");
    let (_, found) = served.json("/api/v1/search?q=RETURNS&filter=DATASET");
    assert_eq!(
        (names(&found, "results"), &found["totalCount"]),
        (vec!["returns".into(), "shop.returns".into()], &json!(2))
    );
}

/// What a client told comes back in Marquez' shapes, facets and all.
#[test]
fn what_clients_told_is_read_back() {
    let mut graph = Graph::new(Limits::default());
    let event = json!({
        "eventTime": "2026-11-24T10:00:00Z",
        "eventType": "COMPLETE",
        "producer": "https://example.com/airflow",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": "0190a5f0-0000-7000-8000-000000000001", "facets": {}},
        "job": {"namespace": "airflow", "name": "load", "facets": {}},
        "inputs": [{"namespace": KAFKA, "name": "shop.orders", "facets": {"schema": {"fields": [{"name": "id", "type": "long"}]}}}],
        "outputs": [{"namespace": "dw", "name": "orders", "facets": {"columnLineage": {"fields": {"order_id": {"inputFields": [
            {"namespace": KAFKA, "name": "shop.orders", "field": "id", "transformations": [{"type": "DIRECT", "subtype": "IDENTITY"}]},
        ]}}}}}],
    });
    graph.hear(&statement::read(event.clone(), &Aliases::default()).unwrap(), START_MS);
    let served = served(graph);
    let (_, load) = served.json("/api/v1/namespaces/airflow/jobs/load");
    assert_eq!((&load["type"], &load["latestRun"]["state"]), (&json!("BATCH"), &json!("COMPLETED")));
    let (_, orders) = served.json(&format!("/api/v1/namespaces/{ENCODED}/datasets/shop.orders"));
    assert_eq!(orders["fields"], json!([{"name": "id", "type": "long", "tags": [], "description": null}]));
    let (_, events) = served.json("/api/v1/events/lineage?limit=5");
    assert_eq!((&events["events"][0], &events["totalCount"]), (&event, &json!(1)));
    assert_eq!(served.json("/api/v1/events/lineage?before=2026-11-24T10:00:00Z").1["totalCount"], 0);
    let (id, made) = ("datasetField:kafka://b:9092:shop.orders:id", "datasetField:dw:orders:order_id");
    let (_, up) = served.json("/api/v1/column-lineage?nodeId=dataset:dw:orders");
    let fields: Vec<&str> = up["graph"].as_array().unwrap().iter().map(|field| field["id"].as_str().unwrap()).collect();
    assert_eq!(fields, [made, id]);
    assert_eq!(up["graph"][0]["inEdges"], json!([{"origin": id, "destination": made}]));
    assert_eq!(up["graph"][0]["data"]["inputFields"][0]["transformationType"], "IDENTITY");
    let (_, down) = served.json(&format!("/api/v1/column-lineage?nodeId={id}&withDownstream=true"));
    assert_eq!(down["graph"].as_array().unwrap().len(), 2);
    assert_eq!(served.json(&format!("/api/v1/column-lineage?nodeId={id}")).1["graph"].as_array().unwrap().len(), 1);
}

/// What a contract says of columns comes in the same shapes as what clients told.
#[test]
fn columns_that_a_contract_declares_have_a_lineage() {
    let mut graph = chain();
    graph.apply(Round {
        collector: "declared".into(),
        at_ms: START_MS,
        complete: true,
        sightings: vec![Sighting {
            from: Node::dataset(KAFKA, "shop.orders"),
            to: Node::dataset(KAFKA, "shop.returns"),
            evidence: Evidence::Declared,
            confidence: 0.8,
            detail: [("columns".to_owned(), "id > order, amount > total".to_owned())].into(),
        }],
        jobs: vec![],
        unresolved: vec![],
    });
    let served = served(graph);
    let (_, body) = served.json("/api/v1/column-lineage?nodeId=datasetField:kafka://b:9092:shop.returns:total");
    let field = |name: &str| format!("datasetField:kafka://b:9092:{name}");
    let ids: Vec<&str> = body["graph"].as_array().unwrap().iter().map(|field| field["id"].as_str().unwrap()).collect();
    assert_eq!(ids, [field("shop.orders:amount"), field("shop.returns:total")]);
    assert_eq!(body["graph"][1]["data"]["inputFields"][0]["field"], "amount");
}

#[test]
fn how_much_there_was_is_told_by_hours_and_days() {
    let mut graph = chain();
    let now = rfc3339(now_ms());
    for (kind, minute) in [("START", 1), ("COMPLETE", 2), ("FAIL", 3)] {
        let event = json!({
            "eventTime": now, "eventType": kind, "job": {"namespace": "dbt", "name": format!("m{minute}")},
            "run": {"runId": "0190a5f0-0000-7000-8000-000000000001"},
        });
        graph.hear(&statement::read(event, &Aliases::default()).unwrap(), START_MS);
    }
    let served = served(graph);
    for (period, many) in [("DAY", 24), ("WEEK&timezone=UTC", 7)] {
        let (status, body) = served.json(&format!("/api/v1/stats/lineage-events?period={period}"));
        let all = body.as_array().unwrap();
        assert_eq!((status, all.len()), (200, many));
        let sum = |kind: &str| all.iter().map(|one| one[kind].as_u64().unwrap()).sum::<u64>();
        assert_eq!([sum("start"), sum("complete"), sum("fail"), sum("abort")], [1, 1, 1, 0], "{period}");
        assert!(all.windows(2).all(|two| two[0]["endInterval"] == two[1]["startInterval"]), "{body}");
        for (what, count) in [("jobs", 8), ("datasets", 4), ("sources", 3)] {
            let (status, body) = served.json(&format!("/api/v1/stats/{what}?period={period}"));
            assert_eq!((status, &body[many - 1]["count"]), (200, &json!(count)), "{what}: {body}");
        }
    }
    for query in ["", "?period=YEAR", "?period=WEEK", "?period=WEEK&timezone=Nowhere"] {
        assert_eq!(served.json(&format!("/api/v1/stats/lineage-events{query}")).0, 400, "{query}");
    }
}
