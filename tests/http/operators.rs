//! What operators ask (topics, domains, contracts, offsets, workers …) and want (pause, resume, restart, reload, levels).

use crate::served::{LEDGER, START_MS, Served, go, plans, product, publication};
use mesh_steward::catalog::board::{Board, TaskState};
use mesh_steward::catalog::directory::{NO_CONTRACT, TopicFacts};
use mesh_steward::catalog::document::{Document, Field};
use mesh_steward::catalog::fleet::{self, FORGOTTEN_MS, GONE_MS, Peer};
use mesh_steward::catalog::lent;
use mesh_steward::catalog::offsets::{Offsets, Reach};
use mesh_steward::catalog::wish::Wish;
use mesh_steward::clock::now_ms;
use mesh_steward::engine::contract::name::ContractHash;
use mesh_steward::flow::io::{Ends, LogRecord, Part};
use mesh_steward::flow::opening::Stands;
use mesh_steward::telemetry::log::init_logs;
use serde_json::{Value, json};
use std::time::Duration;

/// One governed product with a document, a second that reads the same topic, and topics of all kinds.
pub fn prepare(board: &Board) {
    let mut plans = plans(&["orders", "returns"]);
    let returns = plans.by_topic["shop.returns"].clone();
    plans.by_topic.entry("shop.orders".into()).or_default().extend(returns);
    board.set_contracts(&plans, vec![]);
    board.set_cluster_id("5L6g3nShT-eMCtK--X86sw");
    let topic = |partitions, reason: Option<&str>| TopicFacts { partitions, ungoverned: reason.map(str::to_owned) };
    board.set_topics(
        [
            ("shop.orders", topic(2, None)),
            ("shop.returns", topic(0, None)),
            ("shop.carts", topic(1, Some(NO_CONTRACT))),
            ("__consumer_offsets", topic(50, Some("it is Kafka's own"))),
        ]
        .map(|(name, facts)| (name.to_owned(), facts))
        .into(),
    );
    board.set_documents(
        vec![Document {
            id: "orders-contract".into(),
            version: "1.2.0".into(),
            hash: ContractHash([7; 16]),
            product: product("orders"),
            owner: "order desk".into(),
            path: "contracts/orders.yaml".into(),
            text: "# ours\nid: orders-contract\n".into(),
            topics: vec!["shop.orders".into()],
            fields: ["id", "lines[].Sku"].map(|path| Field { topic: "shop.orders".into(), path: path.into() }).into(),
            described: Default::default(),
            rules: 2,
            lifecycle: None,
        }],
        Default::default(),
    );
    let reach = |committed, stable| Reach { committed, ends: Ends { start: 10, stable, high: stable + 1 } };
    let part = |partition| Part::new(&"shop.orders".into(), partition);
    let parts = [(part(0), reach(Some(90), 100)), (part(1), reach(None, 30))].into();
    board.set_offsets(Offsets { at_ms: START_MS, parts });
    go(board, TaskState::Running);
    board.apply(&publication("orders"), LEDGER, now_ms());
}

#[test]
fn each_resource_answers_and_a_bad_question_is_told() {
    let served = Served::start(prepare);
    let check = |path: &str, status: u16, pointer: &str, expected: Value| {
        let (found, body) = served.json(path);
        assert_eq!((found, body.pointer(pointer).unwrap_or(&Value::Null)), (status, &expected), "{path}: {body:#}");
    };
    check("/products/sales/orders", 200, "/owner", json!("order desk"));
    check("/products/sales/orders", 200, "/status/product/worker_id", json!("w1"));
    check("/products/sales/none", 404, "/error_code", json!(404));
    check("/products/%FF/none", 400, "/error_code", json!(400));
    check(
        "/products/sales/orders/offsets",
        200,
        "/offsets/0/partition",
        json!({"kafka_topic": "shop.orders", "kafka_partition": 0}),
    );
    check("/products/sales/orders/offsets", 200, "/offsets/0/offset", json!({"kafka_offset": 90}));
    check("/products/sales/orders/offsets", 200, "/offsets/0/lag", json!(10));
    check("/products/sales/orders/offsets", 200, "/offsets/1/offset", Value::Null);
    check("/products/sales/orders/offsets", 200, "/offsets/1/lag", json!(20));
    check("/products/sales/orders/incidents", 200, "/0/rule", json!("amount.required"));
    check("/products/sales/orders/incidents", 200, "/0/state", json!("open"));
    check("/incidents?state=resolved", 200, "", json!([]));
    check(
        "/incidents?state=closed",
        400,
        "/message",
        json!("state=closed means nothing here; write one of: open, resolved"),
    );
    check("/incidents", 200, "/0/product", json!("sales/orders"));
    check("/contracts", 200, "/0/product", json!("sales/orders"));
    check("/contracts/orders-contract", 200, "/odcs", json!("# ours\nid: orders-contract\n"));
    check("/contracts/none", 404, "/status", json!(404));
    check(
        "/topics",
        200,
        "/governed/0",
        json!({"topic": "shop.orders", "products": ["sales/orders", "sales/returns"], "exists": true, "partitions": 2}),
    );
    check("/topics", 200, "/governed/1/exists", json!(false));
    check("/topics?governed=false", 200, "/governed", Value::Null);
    check("/topics?governed=false", 200, "/ungoverned/0/reason", json!("it is Kafka's own"));
    check(
        "/topics?governed=false",
        200,
        "/ungoverned/1",
        json!({"topic": "shop.carts", "reason": NO_CONTRACT, "remedy": "write a contract whose physicalName it is"}),
    );
    check("/topics?governed=perhaps", 400, "/error_code", json!(400));
    check("/domains", 200, "", json!(["sales"]));
    check("/domains/sales", 200, "/products/0/status", json!("fail"));
    check("/domains/sales", 200, "/incidents", json!(1));
    check("/domains/none", 404, "/status", json!(404));
    check(
        "/search?q=sKU",
        200,
        "/fields",
        json!([{"product": "sales/orders", "topic": "shop.orders", "field": "lines[].Sku"}]),
    );
    check("/search?q=shop.", 200, "/topics/0", json!({"topic": "shop.carts", "governed": false}));
    check("/search?q=returns", 200, "/products/0/product", json!("sales/returns"));
    check("/search?q=%20", 400, "/message", json!("nothing to search for; write /search?q=TEXT"));
    check("/workers", 200, "/0/tasks/0/id", json!(LEDGER));
    check("/policy", 404, "/error_code", json!(404));
    check("/topics/shop.orders", 200, "/products", json!(["sales/orders", "sales/returns"]));
    check("/topics/shop.orders", 200, "/contracts", json!(["orders-contract"]));
    check("/topics/shop.carts", 200, "/reason", json!(NO_CONTRACT));
    check("/topics/shop.carts", 200, "/history", Value::Null);
    check("/topics/shop.returns", 200, "/exists", json!(false));
    check("/topics/none", 404, "/error_code", json!(404));
    check("/incidents/none", 404, "/error_code", json!(404));
    let text = served.get("/products/sales/orders/contract");
    assert_eq!((text.content_type.as_str(), text.body.as_str()), ("application/yaml", "# ours\nid: orders-contract\n"));
}

#[test]
fn a_method_that_a_resource_does_not_take_is_refused_and_head_is_taken() {
    let served = Served::start(prepare);
    for (method, path, expected) in [
        ("GET", "/products/sales/orders/pause", 405),
        ("POST", "/products/sales/orders/pause", 405),
        ("GET", "/admin/reload", 405),
        ("DELETE", "/topics", 405),
        ("HEAD", "/products/sales/orders/status", 200),
        ("HEAD", "/metrics", 200),
        ("HEAD", "/products/sales/none", 404),
    ] {
        let (status, answer) = served.ask(method, path);
        assert_eq!(status, expected, "{method} {path}: {answer}");
        assert_eq!(answer.contains("allow: "), expected == 405, "{method} {path}: {answer}");
    }
}

/// Asks, answers in the worker's stead, and returns the wish with what came back.
fn wished(served: &Served, method: &str, path: &str, outcome: Result<(), String>) -> (Option<Wish>, u16, String) {
    std::thread::scope(|scope| {
        let asked = scope.spawn(|| served.ask(method, path));
        let order = loop {
            if let Ok(order) = served.wishes.lock().unwrap().try_recv() {
                break Some(order);
            }
            if asked.is_finished() {
                break None;
            }
            std::thread::yield_now();
        };
        let wish = order.map(|order| {
            order.done.send(outcome).unwrap();
            order.wish
        });
        let (status, answer) = asked.join().unwrap();
        (wish, status, answer)
    })
}

#[test]
fn a_wish_is_answered_as_connect_does_once_it_is_durable() {
    let served = Served::start(prepare);
    let orders = || product("orders");
    for (method, path, wish, expected) in [
        ("PUT", "/products/sales/returns/pause", Wish::Pause(product("returns")), 202),
        ("PUT", "/products/sales/orders/resume", Wish::Resume(orders()), 202),
        ("POST", "/products/sales/orders/restart", Wish::Restart(orders()), 204),
        ("POST", "/admin/reload", Wish::Reload, 200),
    ] {
        let (found, status, answer) = wished(&served, method, path, Ok(()));
        assert_eq!((found.as_ref(), status), (Some(&wish), expected), "{answer}");
        let (_, status, answer) = wished(&served, method, path, Err("the log is full".into()));
        assert!(status == 503 && answer.contains("the log is full"), "{answer}");
    }
    let (found, status, _) = wished(&served, "PUT", "/products/sales/none/pause", Ok(()));
    assert_eq!((found, status), (None, 404));
    let away = Served::start(|board| board.set_contracts(&plans(&["orders"]), vec![]));
    let (found, status, answer) = wished(&away, "PUT", "/products/sales/orders/pause", Ok(()));
    assert!(found.is_none() && status == 503 && answer.contains("no broker"), "{answer}");
}

#[test]
fn pausing_what_others_read_too_is_refused_until_they_are_paused() {
    let served = Served::start(prepare);
    let (found, status, answer) = wished(&served, "PUT", "/products/sales/orders/pause", Ok(()));
    assert!(found.is_none() && status == 409 && answer.contains("sales/returns"), "{answer}");
    served.board.set_paused([product("returns")].into());
    assert_eq!(wished(&served, "PUT", "/products/sales/orders/pause", Ok(())).1, 202);
}

#[test]
fn the_status_of_a_paused_product_and_of_its_partitions_says_so() {
    let served = Served::start(prepare);
    served.board.task_state("inspect-0", TaskState::Running, now_ms());
    let check = |stands: [Stands; 2], paused: bool, product_state: &str, task: &str, words: [&str; 2]| {
        let parts = [0, 1].map(|p| (Part::new(&"shop.orders".into(), p), stands[p as usize]));
        served.board.assigned("inspect-0", parts.into());
        served.board.set_paused(if paused { [product("orders")].into() } else { Default::default() });
        let (_, body) = served.json("/products/sales/orders/status");
        let (inspector, held) = (&body["tasks"][0], served.get("/metrics").body);
        assert_eq!((&body["product"]["state"], &inspector["state"]), (&json!(product_state), &json!(task)), "{body:#}");
        assert_eq!([0, 1].map(|p| inspector["partitions"][p]["state"].clone()), words.map(|word| json!(word)));
        let count = stands.iter().filter(|s| matches!(s, Stands::Paused | Stands::Failed)).count();
        let line = format!("steward_paused_partitions{{worker=\"w1\",task=\"inspect-0\"}} {count}");
        assert!(held.contains(&line), "{line}");
        let count = stands.iter().filter(|s| matches!(s, Stands::Live)).count();
        let line = format!("steward_live_partitions{{worker=\"w1\",task=\"inspect-0\"}} {count}");
        assert!(held.contains(&line), "{line}");
    };
    use Stands::{Failed, Live, Opening, Paused};
    check([Live, Live], false, "RUNNING", "RUNNING", ["RUNNING", "RUNNING"]);
    check([Paused, Paused], true, "PAUSED", "PAUSED", ["PAUSED", "PAUSED"]);
    check([Live, Paused], true, "PAUSED", "RUNNING", ["RUNNING", "PAUSED"]);
    check([Failed, Live], false, "RUNNING", "FAILED", ["FAILED", "RUNNING"]);
    check([Opening, Live], false, "RUNNING", "RESTARTING", ["RESTARTING", "RUNNING"]);
}

/// Everything that a worker says, as another one reads it.
fn overheard(from: &Board, worker: &str, to: &Board, at_ms: i64, at_once: bool) {
    let beat = fleet::beat(from, worker, "10.0.0.2:8083", START_MS, at_ms);
    let orders =
        from.judged(&product("orders")).map(|judged| fleet::product_record(&product("orders"), worker, at_ms, &judged));
    for (key, value) in orders.into_iter().chain([fleet::beat_record(&beat)]) {
        let record = LogRecord { offset: 0, timestamp_ms: at_ms, key: Some(key.into_bytes()), value };
        fleet::hear(to, record, at_once, now_ms());
    }
}

#[test]
fn a_worker_answers_for_a_product_that_another_owns_until_that_one_is_gone() {
    let other = Board::default();
    prepare(&other);
    let served = Served::start(|board| {
        board.set_contracts(&plans(&["orders", "returns"]), vec![]);
        go(board, TaskState::Running);
    });
    let state = || {
        let (_, body) = served.json("/products/sales/orders/status");
        (body["product"].clone(), body["quality"]["score"].clone())
    };
    assert_eq!(state(), (json!({"state": "UNASSIGNED", "worker_id": ""}), Value::Null));
    overheard(&other, "w2", &served.board, now_ms(), true);
    assert_eq!(state(), (json!({"state": "RUNNING", "worker_id": "w2"}), json!(0.5)));
    // What is too large for heartbeats is asked of the owner, where it has not lent it.
    let (status, answer) = served.ask("GET", "/products/sales/orders/profile");
    let there = "\r\nlocation: http://10.0.0.2:8083/products/sales/orders/profile\r\n";
    assert!(status == 307 && answer.contains(there), "{answer}");
    let (_, workers) = served.json("/workers");
    assert_eq!((&workers[1]["worker_id"], &workers[1]["address"]), (&json!("w2"), &json!("10.0.0.2:8083")));
    assert!(served.get("/metrics").body.contains("\nsteward_workers 2\n"));
    // The owner's numbers are the owner's to export.
    assert!(!served.get("/metrics").body.contains("product=\"sales/orders\""));

    // A beat that lay in the log is as old as it says.
    overheard(&other, "w2", &served.board, now_ms() - GONE_MS, false);
    assert_eq!(state(), (json!({"state": "UNASSIGNED", "worker_id": ""}), json!(0.5)), "the last word that is known");
    assert_eq!(served.ask("GET", "/products/sales/orders/profile").0, 404);
    assert_eq!(served.json("/workers").1[1]["state"], "UNASSIGNED");

    overheard(&other, "w2", &served.board, now_ms(), true);
    assert_eq!(state().0["state"], "RUNNING");
    let farewell = LogRecord { offset: 9, timestamp_ms: now_ms(), key: Some(b"w2".into()), value: None };
    fleet::hear(&served.board, farewell, true, now_ms());
    assert_eq!(state().0["state"], "UNASSIGNED");
    assert_eq!(served.json("/workers").1.as_array().unwrap().len(), 1);

    // What stands there under our own name was said in a former life.
    overheard(&other, "w1", &served.board, now_ms(), true);
    assert_eq!(state().0["state"], "UNASSIGNED");

    // What the owner lends is shown here as it is there.
    overheard(&other, "w2", &served.board, now_ms(), true);
    let page = || served.ask_for("/products/sales/orders", "text/html");
    assert!(page().contains("Another worker judges this product"), "nothing is lent");
    let mut judged = other.judged(&product("orders")).unwrap();
    judged.profile = Some(br#"{"fields": [{"path": "amount", "count": 9}]}"#.as_slice().into());
    let (key, value) = lent::record(&product("orders"), "w2", now_ms(), &judged).unwrap();
    let record = LogRecord { offset: 10, timestamp_ms: now_ms(), key: Some(key.into_bytes()), value };
    fleet::hear(&served.board, record, true, now_ms());
    let (status, answer) = served.ask("GET", "/products/sales/orders/profile");
    assert!(status == 200 && answer.contains("\"amount\""), "{answer}");
    assert!(!page().contains("Another worker judges this product") && page().contains("amount"));
}

#[test]
fn lag_and_freshness_are_there_as_soon_as_they_are_known() {
    let check = |what: &str, offsets: Offsets, expected: &[(&str, Option<f64>)]| {
        let served = Served::start(|board| {
            prepare(board);
            board.set_offsets(offsets);
        });
        let page = served.get("/metrics").body;
        for (name, value) in expected {
            let line = page.lines().find(|l| l.starts_with(&format!("{name}{{product=\"sales/orders\"")));
            let found = line.and_then(|l| l.rsplit(' ').next()?.parse::<f64>().ok());
            let near = match (found, value) {
                (Some(found), Some(value)) => (found - value).abs() < 30.0,
                (found, value) => found.is_none() && value.is_none(),
            };
            assert!(near, "{what}: {name} is {found:?}, not {value:?}");
        }
    };
    let part = |partition| Part::new(&"shop.orders".into(), partition);
    let reach = |committed, stable| Reach { committed: Some(committed), ends: Ends { start: 0, stable, high: stable } };
    let since = |ms| Some((now_ms() - START_MS - ms) as f64 / 1000.0);
    let (lag, age, fresh) =
        ("steward_product_lag_records", "steward_product_lag_seconds", "steward_product_freshness_seconds");
    let looked_at = |at_ms, parts: Vec<(Part, Reach)>| Offsets { at_ms, parts: parts.into_iter().collect() };
    let looked = |parts| looked_at(now_ms(), parts);
    check("not looked yet", Offsets::default(), &[(lag, None), (age, None), (fresh, since(80_000))]);
    check("all read", looked(vec![(part(0), reach(120, 120))]), &[(lag, Some(0.0)), (age, Some(0.0))]);
    check("some unread", looked(vec![(part(0), reach(120, 10_120))]), &[(lag, Some(10_000.0)), (age, since(90_000))]);
    let never = looked(vec![(part(0), reach(120, 120)), (part(1), reach(0, 500))]);
    check("a partition that was never read", never, &[(lag, Some(500.0)), (age, None)]);
    let old = looked_at(now_ms() - 31_000, vec![(part(0), reach(120, 120))]);
    check("nobody could look for half a minute", old, &[(lag, None), (age, None), (fresh, since(80_000))]);
}

#[test]
fn levels_of_the_log_change_while_it_runs() {
    init_logs("info,mesh_steward::kafka=warn", "text").unwrap();
    let served = Served::start(|_| {});
    let put = |path: &str, body: &str| {
        let head =
            format!("PUT {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
        served.raw(&(head + body))
    };
    let (_, body) = served.json("/admin/loggers");
    assert_eq!(body["root"], json!({"level": "INFO", "last_modified": null}));
    assert_eq!(served.json("/admin/loggers/mesh_steward::kafka").1["level"], "WARN");
    assert_eq!(served.json("/admin/loggers/nobody").0, 404);
    assert!(!tracing::enabled!(target: "mesh_steward::worker", tracing::Level::DEBUG));

    let answer = put("/admin/loggers/root", &"x".repeat(100_000));
    assert!(answer.starts_with("HTTP/1.1 413") && answer.contains("application/problem+json"), "{answer}");
    let answer = put("/admin/loggers/mesh_steward::worker", r#"{"level":"DEBUG"}"#);
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with(r#"["mesh_steward::worker"]"#), "{answer}");
    assert!(tracing::enabled!(target: "mesh_steward::worker", tracing::Level::DEBUG));
    let (_, body) = served.json("/admin/loggers/mesh_steward::worker");
    assert!(body["level"] == "DEBUG" && body["last_modified"].is_i64(), "{body}");
    for (path, body, status) in [
        ("/admin/loggers/root?scope=worker", r#"{"level":"warn"}"#, 200),
        ("/admin/loggers/root?scope=cluster", r#"{"level":"warn"}"#, 501),
        ("/admin/loggers/root?scope=planet", r#"{"level":"warn"}"#, 400),
        ("/admin/loggers/root", r#"{"level":"loud"}"#, 400),
        ("/admin/loggers/root", "loud", 400),
        ("/admin/loggers/a=b,c", r#"{"level":"warn"}"#, 400),
    ] {
        let answer = put(path, body);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{path} {body}: {answer}");
    }
    assert!(!tracing::enabled!(target: "elsewhere", tracing::Level::INFO));
}

#[test]
fn a_wish_that_nobody_carries_out_does_not_hold_the_stop() {
    let served = Served::start(prepare);
    let address = served.address;
    let asking = std::thread::spawn(move || {
        ureq::post(format!("http://{address}/admin/reload"))
            .config()
            .http_status_as_error(false)
            .build()
            .send_empty()
            .is_ok()
    });
    while served.wishes.lock().unwrap().is_empty() {
        std::thread::yield_now();
    }
    let before = std::time::Instant::now();
    served.stop();
    assert!(before.elapsed() < Duration::from_secs(3));
    drop(asking.join());
}

#[test]
fn a_web_page_of_another_origin_changes_nothing() {
    let served = Served::start(prepare);
    let port = served.address.port();
    let ask = |method: &str, path: &str, host: &str, origin: &str| {
        let head = format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\nOrigin: {origin}\r\nConnection: close\r\n");
        served.raw(&format!("{head}Content-Length: 0\r\n\r\n"))
    };
    let check = |what: &str, host: &str, origin: &str, refused: bool| {
        // A level without a body is a bad question (400), which tells that it was let in.
        let answer = ask("PUT", "/admin/loggers/elsewhere", host, origin);
        let status = if refused { 403 } else { 400 };
        assert!(answer.starts_with(&format!("HTTP/1.1 {status} ")), "{what}: {answer}");
        assert!(answer.contains("application/problem+json"), "{what}: {answer}");
    };
    let own = format!("127.0.0.1:{port}");
    check("another page", &own, "https://evil.example", true);
    check("a page on another port", &own, "http://127.0.0.1:1", true);
    check("a page without an origin of its own", &own, "null", true);
    check("a name that was made to lead here", "evil.example:8083", "http://evil.example:8083", true);
    check("a page of the daemon, by number", &own, &format!("http://{own}"), false);
    check("a page of the daemon, by IPv6", "[::1]:8083", "http://[::1]:8083", false);
    check("a page of the daemon, on localhost", "localhost:8083", "http://localhost:8083", false);
    check("a page of the daemon, at its own address", "proxy", "http://127.0.0.1:8083", false);
    for (method, path) in [
        ("POST", "/products/sales/orders/restart"),
        ("PUT", "/products/sales/orders/pause"),
        ("POST", "/admin/reload"),
        ("DELETE", "/nothing"),
    ] {
        let answer = ask(method, path, &own, "https://evil.example");
        assert!(answer.starts_with("HTTP/1.1 403 "), "{method} {path}: {answer}");
    }
    assert!(served.wishes.lock().unwrap().is_empty(), "nothing came through");
    assert!(ask("GET", "/topics", &own, "https://evil.example").starts_with("HTTP/1.1 200 "), "reading is free");
}

#[test]
fn a_worker_that_is_silent_for_a_day_is_forgotten_by_the_first_who_lives() {
    let board = Board::default();
    let now = START_MS + 10 * FORGOTTEN_MS;
    let peers =
        [("a-gone", FORGOTTEN_MS), ("b-asleep", FORGOTTEN_MS - 1), ("c-lives", 0), ("e-gone", 2 * FORGOTTEN_MS)];
    for (worker, silent_ms) in peers {
        board.set_peer(worker, Some(Peer { beat: fleet::Heartbeat::default(), heard_ms: now - silent_ms }));
    }
    let check = |worker: &str, expected: &[&str]| {
        let ended = fleet::forgotten(&board, worker, now);
        assert!(ended.iter().all(|(_, value)| value.is_none()));
        assert_eq!(ended.iter().map(|(key, _)| key.as_str()).collect::<Vec<_>>(), expected, "{worker}");
    };
    check("b", &["a-gone", "e-gone"]);
    check("d", &[]);
    // Its own record of a former life is the next beat's to replace.
    check("a-gone", &["e-gone"]);
}
