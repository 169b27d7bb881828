//! A server on a port of its own, its board, and one product that is governed.

use crate::conform;
use mesh_steward::catalog::board::{Board, TaskState};
use mesh_steward::catalog::experiment::Experiment;
use mesh_steward::catalog::files::Finding;
use mesh_steward::catalog::lineage::{LineageBoard, Post};
use mesh_steward::catalog::published::Petition;
use mesh_steward::catalog::trail::Trail;
use mesh_steward::catalog::wish::Order;
use mesh_steward::clock::now_ms;
use mesh_steward::engine::audit::Line;
use mesh_steward::engine::check::verdict::Status;
use mesh_steward::engine::contract::mode::Mode;
use mesh_steward::engine::contract::name::{ContractHash, ProductName};
use mesh_steward::engine::contract::plan::{
    Binding, Check, IncidentPolicy, ObjectPlan, Plan, Plans, Rule, Threshold, Unit,
};
use mesh_steward::engine::record::TopicId;
use mesh_steward::engine::trend::budget::Budget;
use mesh_steward::flow::delta::WindowKey;
use mesh_steward::flow::io::{ProductUpdate, Publication, Violation};
use mesh_steward::flow::state::{Chain, Incident, ProductState, Summary, Totals};
use mesh_steward::http::access::{Gate, Rules};
use mesh_steward::http::server::{Site, serve};
use mesh_steward::telemetry::{self};
use serde_json::Value;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use tokio::sync::mpsc::Receiver;
use tokio::sync::oneshot;

pub const START_MS: i64 = 1_764_000_000_000;
pub const LEDGER: &str = "ledger-0";

/// A server on a port of its own.
pub struct Served {
    pub address: SocketAddr,
    pub board: Arc<Board>,
    /// What operators asked for; a test answers in the worker's stead.
    pub wishes: Mutex<Receiver<Order>>,
    /// Changes of products; likewise.
    pub changes: Mutex<Receiver<Petition>>,
    /// Lines of the audit that were written, and those that are shown.
    pub lines: Mutex<Receiver<Line>>,
    pub trail: Arc<Trail>,
    /// Samples and trials; a test answers in the worker's stead.
    pub tries: Mutex<Receiver<Experiment>>,
    pub lineage: Arc<LineageBoard>,
    /// OpenLineage events that were sent; a test answers in the worker's stead.
    pub posts: Mutex<Receiver<Post>>,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<()>,
}

pub struct Idle {
    pub series_max: usize,
    pub gate: Arc<Gate>,
}

pub struct Answer {
    pub status: u16,
    pub content_type: String,
    pub body: String,
}

impl Served {
    pub fn idle() -> Idle {
        Idle { series_max: 20_000, gate: Arc::new(Gate::new(Rules::default())) }
    }

    pub fn start(prepare: impl FnOnce(&Board)) -> Served {
        Served::idle().run(prepare)
    }

    pub fn json(&self, path: &str) -> (u16, Value) {
        let answer = self.get(path);
        (answer.status, serde_json::from_str(&answer.body).unwrap())
    }

    pub fn get(&self, path: &str) -> Answer {
        let agent = ureq::Agent::new_with_config(ureq::config::Config::builder().http_status_as_error(false).build());
        let mut response = agent.get(format!("http://{}{path}", self.address)).call().unwrap();
        let answer = Answer {
            status: response.status().as_u16(),
            content_type: response.headers()["content-type"].to_str().unwrap().to_owned(),
            body: response.body_mut().read_to_string().unwrap(),
        };
        conform::holds("GET", path, answer.status, &answer.content_type, &answer.body);
        answer
    }

    /// Status, head and body of a request without body.
    pub fn ask(&self, method: &str, path: &str) -> (u16, String) {
        let answer = self.raw(&format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
        let status = answer.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap_or_default();
        (status, answer)
    }

    /// What comes back to whoever asks for this media type.
    pub fn ask_for(&self, path: impl AsRef<str>, accept: &str) -> String {
        let path = path.as_ref();
        self.raw(&format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAccept: {accept}\r\n\r\n"))
    }

    /// What comes back for these bytes.
    pub fn raw(&self, request: &str) -> String {
        let mut stream = TcpStream::connect(self.address).unwrap();
        let _ = stream.write_all(request.as_bytes());
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8_lossy(&answer).into_owned();
        documented(request, &answer);
        answer
    }

    pub fn stop(self) {
        self.stop.send(()).unwrap();
        self.thread.join().unwrap();
    }
}

/// Holds one answer of one request against the document; several, or half of one, are the server's own affair.
fn documented(request: &str, answer: &str) {
    let mut words = request.split(' ');
    let (Some(method), Some(target)) = (words.next(), words.next()) else { return };
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((answer, ""));
    let header = |name: &str| {
        let of =
            |line: &str| line.split_once(": ").filter(|(n, _)| n.eq_ignore_ascii_case(name)).map(|(_, v)| v.to_owned());
        head.lines().find_map(of).unwrap_or_default()
    };
    let whole = header("content-length").parse() == Ok(body.len()) || body.is_empty();
    let is_text = header("content-encoding").is_empty();
    if let Some(Ok(status)) = head.split(' ').nth(1).map(str::parse)
        && request.matches(" HTTP/1.1\r\n").count() == 1
        && whole
        && is_text
    {
        conform::holds(method, target, status, &header("content-type"), body);
    }
}

impl Idle {
    pub fn run(self, prepare: impl FnOnce(&Board)) -> Served {
        let board = Arc::new(Board::default());
        prepare(&board);
        let telemetry = telemetry::install(START_MS).unwrap();
        let (orders, wishes) = tokio::sync::mpsc::channel(8);
        let (changes, asked) = tokio::sync::mpsc::channel(8);
        let (experiments, tries) = tokio::sync::mpsc::channel(8);
        let (audit, lines) = tokio::sync::mpsc::channel(64);
        let trail: Arc<Trail> = Arc::default();
        let (posts, posted) = tokio::sync::mpsc::channel(8);
        let lineage: Arc<LineageBoard> = Arc::default();
        let site = Site {
            board: board.clone(),
            telemetry,
            worker_id: "w1".into(),
            address: "127.0.0.1:8083".into(),
            started_ms: START_MS,
            series_max: self.series_max,
            events: "governance.events".into(),
            lineage: lineage.clone(),
            aliases: Arc::default(),
            posts,
            orders,
            changes,
            trail: trail.clone(),
            audit,
            gate: self.gate,
            experiments,
        };
        let service = mesh_steward::page::routes::routes(site.clone());
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            runtime.block_on(async {
                listener.set_nonblocking(true).unwrap();
                serve(tokio::net::TcpListener::from_std(listener).unwrap(), site, service, stopped).await;
            });
        });
        let (wishes, changes, posts) = (Mutex::new(wishes), Mutex::new(asked), Mutex::new(posted));
        let (lines, tries) = (Mutex::new(lines), Mutex::new(tries));
        Served { address, board, wishes, changes, lines, trail, tries, lineage, posts, stop, thread }
    }
}

pub fn go(board: &Board, state: TaskState) {
    board.broker_answered(now_ms());
    board.task_state(LEDGER, state, now_ms());
}

pub fn product(name: &str) -> ProductName {
    ProductName { domain: "sales".into(), name: name.into() }
}

pub fn finding(product: Option<ProductName>) -> Finding {
    Finding { path: "contracts/orders.yaml".into(), problem: "line 3: schema is missing".into(), error: true, product }
}

pub fn violation(rule: &str, failed: u64) -> Violation {
    Violation { rule: rule.into(), severity: "critical".into(), dimension: String::new(), mode: Mode::Warn, failed }
}

/// One contract a product, each with one topic and two rules.
pub fn plans(names: &[&str]) -> Plans {
    let rule = |id: &str, severity: Option<&str>| Rule {
        id: id.into(),
        own_id: true,
        name: None,
        object: 0,
        property: None,
        field: None,
        metric: "required",
        dimension: None,
        severity: severity.map(str::to_owned),
        mode: Mode::Warn,
        relates_to: String::new(),
        classified: false,
        check: Check::Present,
        horizon_ms: None,
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
            objects: vec![ObjectPlan {
                name: (*name).into(),
                topic: topic.clone(),
                event_time: None,
                declared_delay_ms: 0,
                encoding: mesh_steward::engine::decode::framing::Encoding::Unsaid,
                rules: vec![0, 1],
                keys_only: false,
            }],
            rules: vec![rule("amount.required", Some("critical")), rule("id.unique", None)],
            asked: Vec::new(),
            described: Default::default(),
            profile: Default::default(),
            horizons: Vec::new(),
            records: Default::default(),
            sample: None,
            incident: IncidentPolicy { failing: 1, of: 1 },
            objective: 0.99,
            mode: Mode::Warn,
        });
        plans.by_topic.insert(topic, vec![Binding { plan, object: 0 }]);
    }
    plans
}

pub fn publication(name: &str) -> Publication {
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
        newest_ms: Some(START_MS + 80_000),
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
        totals: Totals {
            records: 119,
            undecodable: 1,
            unmeasured: 2,
            late: 2,
            gap_offsets: 50,
            windows: 3,
            overlaps: 0,
        },
        ..ProductState::new(product(name))
    };
    let update = ProductUpdate {
        product: product(name),
        state,
        records: 119,
        bytes: 24_112,
        undecodable: 1,
        unmeasured: 2,
        tombstones: 1,
        late: 2,
        quarantined: 3,
        gap_offsets: 50,
        overlaps: 0,
        violations: vec![violation("amount.required", 3)],
        profile: None,
        told: Vec::new(),
        budgets: vec![
            Budget { sla: "product".into(), objective: 0.99, good: 199, windows: 200 },
            Budget { sla: "fresh".into(), objective: 0.99, good: 0, windows: 0 },
        ],
        latency_ms: 700,
    };
    Publication { records: 119, written_bytes: 900, flush_ms: 40, products: vec![update], ..Publication::default() }
}
