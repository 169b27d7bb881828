//! The daemon's HTTP, asked as curl would: probes, metrics, products, errors, and its end.

use mesh_steward::catalog::board::{Board, TaskState};
use mesh_steward::catalog::files::Finding;
use mesh_steward::clock::now_ms;
use mesh_steward::engine::check::verdict::Status;
use mesh_steward::engine::contract::name::{ContractHash, ProductName};
use mesh_steward::engine::contract::plan::{
    Binding, Check, IncidentPolicy, ObjectPlan, Plan, Plans, Rule, Threshold, Unit,
};
use mesh_steward::engine::record::TopicId;
use mesh_steward::flow::delta::WindowKey;
use mesh_steward::flow::io::{Part, ProductUpdate, Publication, Violation};
use mesh_steward::flow::state::{Chain, Incident, ProductState, Summary, Totals};
use mesh_steward::http::server::{Site, serve};
use mesh_steward::telemetry::{self, names, task::TaskMetrics};
use serde_json::{Value, json};
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

const START_MS: i64 = 1_764_000_000_000;
const LEDGER: &str = "ledger-0";

#[test]
fn the_root_says_who_this_is() {
    let served = Served::start(|board| board.set_cluster_id("5L6g3nShT-eMCtK--X86sw"));
    let (status, body) = served.json("/");
    assert_eq!(status, 200);
    assert_eq!(body["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(body["kafka_cluster_id"], "5L6g3nShT-eMCtK--X86sw");
    assert!(body["commit"].is_string());
}

#[test]
fn probes_follow_a_worker_through_its_life() {
    let check = |what: &str, change: fn(&Board), ready: u16, health: (u16, &str), reason: &str| {
        let served = Served::start(|_| {});
        change(&served.board);
        assert_eq!(served.json("/live").0, 200, "{what}");
        let (status, body) = served.json("/ready");
        assert_eq!((status, &body["ready"]), (ready, &json!(ready == 200)), "{what}: {body}");
        assert!(body["reasons"].to_string().contains(reason), "{what}: {body}");
        let (status, body) = served.json("/health");
        assert_eq!((status, body["status"].as_str().unwrap()), health, "{what}: {body}");
        assert!(body["message"].is_string());
    };
    check("nothing yet", |_| {}, 503, (503, "starting"), "no task has started");
    check(
        "no broker",
        |board| board.task_state(LEDGER, TaskState::Running, now_ms()),
        503,
        (500, "unhealthy"),
        "no broker",
    );
    check("joining", |b| go(b, TaskState::Starting), 503, (503, "starting"), "first assignment");
    check("at work", |b| go(b, TaskState::Running), 200, (200, "healthy"), "[]");
    check("recovering", |b| go(b, TaskState::Recovering), 200, (200, "healthy"), "[]");
    check("broken", |b| go(b, TaskState::Failed("fenced".into())), 503, (500, "unhealthy"), "fenced");
}

#[test]
fn a_worker_that_begins_turns_ready_when_its_tasks_do() {
    let served = Served::start(|board| go(board, TaskState::Starting));
    assert_eq!(served.json("/ready").0, 503);
    served.board.task_state(LEDGER, TaskState::Running, now_ms());
    assert_eq!(served.json("/ready").0, 200);
    served.board.stopping();
    assert_eq!(served.json("/ready").0, 503);
}

#[test]
fn a_bad_contract_file_is_a_finding_and_no_reason() {
    let served = Served::start(|board| {
        go(board, TaskState::Running);
        board.set_contracts(&Plans::default(), vec![finding(None)]);
    });
    let (status, body) = served.json("/ready");
    assert_eq!(status, 200);
    assert_eq!(
        body["findings"],
        json!([{"path": "contracts/orders.yaml", "problem": "line 3: schema is missing", "error": true}])
    );
}

#[test]
fn products_are_listed_as_connect_lists_connectors() {
    let served = Served::start(|board| board.set_contracts(&plans(&["orders", "returns"]), vec![]));
    assert_eq!(served.json("/products"), (200, json!(["sales/orders", "sales/returns"])));
    let (_, body) = served.json("/products?expand=status");
    assert_eq!(body["sales/orders"]["status"]["product"], json!({"state": "UNASSIGNED", "worker_id": ""}));
    assert!(body["sales/orders"].get("info").is_none());
    let (_, body) = served.json("/products?expand=status&expand=info");
    assert!(body["sales/returns"]["status"].is_object());
    assert_eq!(body["sales/returns"]["info"]["topics"], json!(["shop.returns"]));
    assert_eq!(body["sales/returns"]["info"]["owner"], "order desk");
    assert_eq!(served.json("/products?expand=nothing").1["sales/orders"], json!({}));
}

#[test]
fn a_products_status_says_how_it_stands() {
    let served = Served::start(|board| {
        board.set_contracts(&plans(&["orders"]), vec![finding(Some(product("orders")))]);
        go(board, TaskState::Running);
        board.task_state("inspector-0", TaskState::Failed("no rights".into()), now_ms());
        board.task_state("inspector-1", TaskState::Running, now_ms());
        board.assigned("inspector-0", vec![Part::new(&"shop.orders".into(), 0)]);
        board.assigned("inspector-1", vec![Part::new(&"shop.returns".into(), 0)]);
        board.apply(&publication("orders"), LEDGER, now_ms());
    });
    let (status, body) = served.json("/products/sales/orders/status");
    assert_eq!(status, 200);
    insta::assert_snapshot!("product_status", serde_json::to_string_pretty(&body).unwrap());
}

#[test]
fn what_is_not_there_is_a_problem_that_connects_clients_read_too() {
    let served = Served::start(|_| {});
    for (path, detail) in [
        ("/products/sales/none/status", "product sales/none is unknown"),
        ("/connectors", "there is nothing at /connectors"),
    ] {
        let answer = served.get(path);
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(answer.content_type, "application/problem+json", "{path}");
        let body: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!((&body["status"], &body["error_code"]), (&json!(404), &json!(404)), "{path}");
        assert!(body["message"].as_str().unwrap().starts_with(detail), "{path}: {body}");
        assert_eq!(body["message"], body["detail"], "{path}");
    }
    let answer = served.raw("DELETE /products HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
    assert!(answer.starts_with("HTTP/1.1 405 ") && answer.contains("\"error_code\":405"), "{answer}");
}

#[test]
fn topics_without_a_contract_are_told() {
    let served = Served::start(|board| {
        board.set_contracts(&plans(&["orders"]), vec![]);
        board.set_ungoverned(vec!["shop.carts".into()]);
    });
    let expected =
        json!({"governed": [{"topic": "shop.orders", "products": ["sales/orders"]}], "ungoverned": ["shop.carts"]});
    assert_eq!(served.json("/topics"), (200, expected));
}

#[test]
fn every_metric_of_the_table_is_on_the_page_with_help_and_type() {
    let served = Served::start(|board| {
        board.set_contracts(&plans(&["orders"]), vec![]);
        go(board, TaskState::Running);
        board.apply(&publication("orders"), LEDGER, now_ms());
    });
    TaskMetrics::new("w1", LEDGER).published(&publication("orders"));
    telemetry::kafka_error("_TRANSPORT");
    let answer = served.get("/metrics");
    assert_eq!(answer.content_type, "text/plain; version=0.0.4; charset=utf-8");
    for metric in names::ALL {
        let lines = |prefix: String| answer.body.lines().filter(|line| line.starts_with(&prefix)).count();
        assert_eq!(lines(format!("# HELP {} {}", metric.name, metric.help)), 1, "{}", metric.name);
        assert_eq!(lines(format!("# TYPE {} {}", metric.name, metric.kind.word())), 1, "{}", metric.name);
    }
    let mut families: Vec<&str> =
        answer.body.lines().filter_map(|l| l.strip_prefix("# TYPE ")?.split(' ').next()).collect();
    families.retain(|name| !names::ALL.iter().any(|metric| metric.name == *name));
    assert_eq!(families, [""; 0], "not in the table");
    let of_orders = "product=\"sales/orders\",domain=\"sales\",owner=\"order desk\"";
    for line in [
        &format!("steward_product_records_total{{{of_orders}}} 119"),
        &format!("steward_product_status{{{of_orders},status=\"fail\"}} 1"),
        &format!("steward_product_status{{{of_orders},status=\"pass\"}} 0"),
        &format!("steward_product_score_ratio{{{of_orders}}} 0.5"),
        &format!("steward_product_incidents{{{of_orders},severity=\"critical\"}} 1"),
        &format!(
            "steward_product_violations_total{{{of_orders},rule=\"amount.required\",severity=\"critical\",dimension=\"\"}} 3"
        ),
        &format!("steward_product_violations_total{{{of_orders},rule=\"id.unique\",severity=\"\",dimension=\"\"}} 0"),
        "steward_task_state{worker=\"w1\",task=\"ledger-0\",state=\"RUNNING\"} 1",
        "steward_task_state{worker=\"w1\",task=\"ledger-0\",state=\"FAILED\"} 0",
        "steward_flush_duration_seconds_bucket{worker=\"w1\",task=\"ledger-0\",le=\"0.05\"} 1",
        "steward_event_latency_seconds_count{worker=\"w1\",task=\"ledger-0\"} 1",
        "steward_chain_overlaps_total{worker=\"w1\",task=\"ledger-0\"} 0",
    ] {
        assert!(answer.body.lines().any(|found| found == line), "{line}\n{}", answer.body);
    }
}

#[test]
fn a_products_series_vanish_when_it_ends() {
    let check = |what: &str, end: fn(&Board)| {
        let served = Served::start(|board| {
            board.set_contracts(&plans(&["orders", "returns"]), vec![]);
            go(board, TaskState::Running);
            board.apply(&publication("orders"), LEDGER, now_ms());
        });
        assert!(served.get("/metrics").body.contains("sales/orders"), "{what}");
        end(&served.board);
        assert!(!served.get("/metrics").body.contains("sales/orders"), "{what}");
    };
    fn retired() -> Publication {
        Publication { retired: vec![product("orders")], ..Publication::default() }
    }
    check("its ledger partition left", |board| board.apply(&retired(), LEDGER, now_ms()));
    check("no contract names it", |board| board.set_contracts(&plans(&["returns"]), vec![]));
    check("its task failed", |board| board.task_state(LEDGER, TaskState::Failed("fenced".into()), now_ms()));

    // The ledger partition moved between two tasks of one worker, and the old owner says so last.
    let board = Board::default();
    board.apply(&publication("orders"), "ledger-1", now_ms());
    board.apply(&retired(), LEDGER, now_ms());
    assert!(board.judged(&product("orders")).is_some());
}

#[test]
fn counters_of_a_product_grow_with_each_publication() {
    let board = Board::default();
    board.apply(&publication("orders"), LEDGER, now_ms());
    board.apply(&publication("orders"), LEDGER, now_ms());
    let judged = board.judged(&product("orders")).unwrap();
    assert_eq!((judged.counters.records, judged.counters.gap_offsets), (238, 100));
    assert_eq!(judged.violations.values().sum::<u64>(), 6);
}

#[test]
fn beyond_the_series_budget_rules_fold_into_other() {
    let mut served = Served::idle();
    served.series_max = 20;
    let served = served.run(|board| {
        board.set_contracts(&plans(&["orders"]), vec![]);
        let mut publication = publication("orders");
        publication.products[0].violations = (0..50).map(|i| violation(&format!("rule.{i}"), 2)).collect();
        board.apply(&publication, LEDGER, now_ms());
    });
    let page = served.get("/metrics").body;
    let rules: Vec<&str> = page.lines().filter(|line| line.starts_with("steward_product_violations_total{")).collect();
    assert!(rules.len() == 1 && rules[0].contains("rule=\"other\"") && rules[0].ends_with(" 100"), "{rules:?}");
    assert!(page.contains("\nsteward_metric_series_folded 52\n"), "{page}");
}

#[test]
fn a_label_with_quotes_and_line_ends_is_escaped() {
    let served = Served::start(|board| {
        board.set_contracts(&plans(&["a\"b\\c\nd"]), vec![]);
        board.apply(&publication("a\"b\\c\nd"), LEDGER, now_ms());
    });
    assert!(served.get("/metrics").body.contains(r#"{product="sales/a\"b\\c\nd",domain="sales""#));
}

#[test]
fn the_metrics_page_is_written_from_the_table() {
    let expected = names::markdown();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write("docs/metrics.md", &expected).unwrap();
    }
    let found = std::fs::read_to_string("docs/metrics.md").unwrap_or_default();
    assert!(found == expected, "docs/metrics.md is stale: UPDATE_DOCS=1 cargo test --test http metrics_page");
}

#[test]
fn a_stop_waits_for_no_client_that_asks_nothing() {
    let served = Served::start(|_| {});
    let mut idle = TcpStream::connect(served.address).unwrap();
    idle.write_all(b"GET /live HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    let mut buffer = [0; 512];
    assert!(idle.read(&mut buffer).unwrap() > 0);
    let before = Instant::now();
    served.stop();
    assert!(before.elapsed() < Duration::from_millis(1_000), "{:?}", before.elapsed());
    assert_eq!(idle.read(&mut buffer).unwrap(), 0, "closed in order");
}

#[test]
fn a_stop_leaves_two_seconds_to_a_client_that_does_not_read() {
    let served = Served::start(|_| {});
    let mut deaf = TcpStream::connect(served.address).unwrap();
    deaf.set_write_timeout(Some(Duration::from_millis(200))).unwrap();
    // Each request asks for some 6 kB; when no more can be written, both sockets' buffers are full of answers.
    let request = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n".repeat(1_000);
    while deaf.write_all(&request).is_ok() {}
    let before = Instant::now();
    served.stop();
    let took = before.elapsed();
    assert!(took > Duration::from_millis(1_900) && took < Duration::from_millis(3_000), "{took:?}");
}

#[test]
fn a_head_beyond_the_bounds_is_refused() {
    let served = Served::start(|_| {});
    let ask = |head: &str| served.raw(&format!("GET /live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{head}\r\n\r\n"));
    for (what, head, expected) in [
        ("a long header", "X-Long: ".to_owned() + &"x".repeat(10_000), "200"),
        ("a header too long", "X-Long: ".to_owned() + &"x".repeat(20_000), "431"),
        ("many headers", ["X: y"; 90].join("\r\n"), "200"),
        ("too many headers", ["X: y"; 200].join("\r\n"), "431"),
    ] {
        let answer = ask(&head);
        assert!(answer.starts_with(&format!("HTTP/1.1 {expected} ")), "{what}: {answer}");
    }
    assert_eq!(served.json("/live").0, 200);
}

/// A server on a port of its own.
struct Served {
    address: SocketAddr,
    board: Arc<Board>,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

struct Idle {
    series_max: usize,
}

struct Answer {
    status: u16,
    content_type: String,
    body: String,
}

impl Served {
    fn idle() -> Idle {
        Idle { series_max: 20_000 }
    }

    fn start(prepare: impl FnOnce(&Board)) -> Served {
        Served::idle().run(prepare)
    }

    fn json(&self, path: &str) -> (u16, Value) {
        let answer = self.get(path);
        (answer.status, serde_json::from_str(&answer.body).unwrap())
    }

    fn get(&self, path: &str) -> Answer {
        let agent = ureq::Agent::new_with_config(ureq::config::Config::builder().http_status_as_error(false).build());
        let mut response = agent.get(format!("http://{}{path}", self.address)).call().unwrap();
        Answer {
            status: response.status().as_u16(),
            content_type: response.headers()["content-type"].to_str().unwrap().to_owned(),
            body: response.body_mut().read_to_string().unwrap(),
        }
    }

    /// What comes back for these bytes.
    fn raw(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let _ = stream.write_all(request.as_bytes());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        String::from_utf8_lossy(&answer).into_owned()
    }

    fn stop(self) {
        self.stop.send(()).unwrap();
        self.thread.join().unwrap();
    }
}

impl Idle {
    fn run(self, prepare: impl FnOnce(&Board)) -> Served {
        let board = Arc::new(Board::default());
        prepare(&board);
        let telemetry = telemetry::install(START_MS).unwrap();
        let site = Site { board: board.clone(), telemetry, worker_id: "w1".into(), series_max: self.series_max };
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                listener.set_nonblocking(true).unwrap();
                serve(tokio::net::TcpListener::from_std(listener).unwrap(), site, stopped).await;
            });
        });
        Served { address, board, stop, thread }
    }
}

fn go(board: &Board, state: TaskState) {
    board.broker_answered(now_ms());
    board.task_state(LEDGER, state, now_ms());
}

fn product(name: &str) -> ProductName {
    ProductName { domain: "sales".into(), name: name.into() }
}

fn finding(product: Option<ProductName>) -> Finding {
    Finding { path: "contracts/orders.yaml".into(), problem: "line 3: schema is missing".into(), error: true, product }
}

fn violation(rule: &str, failed: u64) -> Violation {
    Violation { rule: rule.into(), severity: "critical".into(), dimension: String::new(), failed }
}

/// One contract a product, each with one topic and two rules.
fn plans(names: &[&str]) -> Plans {
    let rule = |id: &str, severity: Option<&str>| Rule {
        id: id.into(),
        name: None,
        object: 0,
        field: None,
        metric: "required",
        dimension: None,
        severity: severity.map(str::to_owned),
        relates_to: String::new(),
        classified: false,
        check: Check::Present,
        threshold: Threshold::MustBe(0.0),
        unit: Unit::Rows,
    };
    let mut plans = Plans::default();
    for name in names {
        let topic = format!("shop.{name}");
        let plan = Arc::new(Plan {
            hash: ContractHash([7; 16]),
            product: product(name),
            contract_id: format!("{name}-contract"),
            contract_version: "1.2.0".into(),
            owner: "order desk".into(),
            described: Default::default(),
            objects: vec![ObjectPlan {
                name: (*name).into(),
                topic: topic.clone(),
                event_time: None,
                declared_delay_ms: 0,
                encoding: mesh_steward::engine::decode::framing::Encoding::Unsaid,
                rules: vec![0, 1],
            }],
            rules: vec![rule("amount.required", Some("critical")), rule("id.unique", None)],
            profile: Default::default(),
            incident: IncidentPolicy { failing: 1, of: 1 },
        });
        plans.by_topic.insert(topic, vec![Binding { plan, object: 0 }]);
    }
    plans
}

fn publication(name: &str) -> Publication {
    let window = |start: i64, hash: u8, status: Status, score: Option<f64>| Summary {
        window: WindowKey { start, hash: ContractHash([hash; 16]) },
        end_ms: start + 60_000,
        revision: 0,
        complete: true,
        status,
        score,
        records: 119,
        undecodable: 1,
        findings: vec![("amount.required".into(), status, 3)],
    };
    let state = ProductState {
        chains: vec![Chain {
            topic: "shop.orders".into(),
            id: TopicId(7),
            partition: 0,
            from: 0,
            to: 120,
            watermark_ms: Some(START_MS + 90_000),
            caught_up: true,
        }],
        current: vec![ContractHash([7; 16])],
        closed_through: Some(START_MS + 60_000),
        watermark_ms: Some(START_MS + 90_000),
        incidents: vec![Incident {
            contract: format!("{name}-contract"),
            rule: "amount.required".into(),
            severity: Some("critical".into()),
            first_window: START_MS,
            last_window: START_MS,
            failing: 1,
            sequence: 1,
            worst: 3,
        }],
        // The last one was judged by an old contract version, and says nothing of the product as it is now.
        recent: vec![
            window(START_MS - 60_000, 7, Status::Pass, Some(1.0)),
            window(START_MS, 7, Status::Fail, Some(0.5)),
            window(START_MS + 60_000, 6, Status::Pass, Some(1.0)),
        ],
        totals: Totals { records: 119, undecodable: 1, late: 2, gap_offsets: 50, windows: 3, overlaps: 0 },
        ..ProductState::new(product(name))
    };
    let update = ProductUpdate {
        product: product(name),
        state,
        records: 119,
        bytes: 24_112,
        undecodable: 1,
        tombstones: 1,
        late: 2,
        gap_offsets: 50,
        overlaps: 0,
        violations: vec![violation("amount.required", 3)],
        latency_ms: 700,
    };
    Publication { records: 119, written_bytes: 900, flush_ms: 40, products: vec![update], ..Publication::default() }
}
