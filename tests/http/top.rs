//! `steward top`: what it shows, what its keys do, and its life on a terminal of its own.

use mesh_steward::catalog::board::TaskState;
use mesh_steward::catalog::offsets::{Offsets, Reach};
use mesh_steward::cli::top::ask::{Told, Worker};
use mesh_steward::cli::top::draw::draw;
use mesh_steward::cli::top::screen::{Screen, Turn};
use mesh_steward::clock::now_ms;
use mesh_steward::flow::io::{Ends, Part};
use mesh_steward::table::{Column, Row};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use serde_json::{Value, json};
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::process::{Child, Command, Output, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::served::*;

/// 2025-11-24T16:01:35Z
const NOW_MS: i64 = 1_764_000_095_000;

#[test]
fn the_table_has_the_worst_first_and_the_chosen_product_below() {
    let mut screen = screen();
    insta::assert_snapshot!("top_table", shown(&mut screen, 130, 14, NOW_MS));
    keys(&mut screen, "↓⏎");
    insta::assert_snapshot!("top_details", shown(&mut screen, 110, 24, NOW_MS));
    insta::assert_snapshot!("top_narrow", shown(&mut screen, 60, 24, NOW_MS));
}

#[test]
fn what_is_not_heard_any_more_is_shown_as_old() {
    let mut screen = screen();
    screen.hear(Err("http://w1:8083 does not answer: connection refused".into()), NOW_MS + 2_000);
    insta::assert_snapshot!("top_no_answer", shown(&mut screen, 130, 14, NOW_MS + 9_000));
    // A worker that is silent, and of which it is not known why.
    let mut silent = self::screen();
    let patient = shown(&mut silent, 130, 14, NOW_MS + 13_000);
    assert!(!patient.contains("NO ANSWER") && patient.contains(" fail "), "{patient}");
    let late = shown(&mut silent, 130, 14, NOW_MS + 15_000);
    assert!(late.contains("NO ANSWER") && late.contains("(fail)") && late.contains("15s old"), "{late}");
    // It answers again.
    screen.hear(Ok(told()), NOW_MS + 20_000);
    assert_eq!(shown(&mut screen, 130, 14, NOW_MS + 20_000), shown(&mut self::screen(), 130, 14, NOW_MS));
}

#[test]
fn nothing_is_shown_before_anything_was_told() {
    let mut screen = Screen::new("http://w1:8083", 14_000, Column::Verdict, "");
    let asking = shown(&mut screen, 100, 12, NOW_MS);
    assert!(asking.contains("asking") && !asking.contains("products"), "{asking}");
    screen.hear(Err("no route to host".into()), NOW_MS);
    let failed = shown(&mut screen, 100, 12, NOW_MS + 65_000);
    assert!(failed.contains("NO ANSWER for 1m, asking again") && failed.contains("no route to host"), "{failed}");
}

#[test]
fn keys_order_filter_choose_and_leave() {
    let check = |typed: &str, order: &str, chosen: Option<&str>| {
        let mut screen = screen();
        assert_eq!(keys(&mut screen, typed), Turn::Stay, "{typed}");
        let rows = screen.rows(NOW_MS);
        let names: Vec<&str> = rows.iter().map(|row| row.product.rsplit('/').next().unwrap()).collect();
        assert_eq!(names.join(" "), order, "{typed}");
        assert_eq!(screen.place(&rows).map(|place| names[place]), chosen, "{typed}");
    };
    check("", "orders returns trades quotes", None);
    check("n", "returns orders quotes trades", None);
    check("nn", "trades quotes orders returns", None);
    check("nnv", "orders returns trades quotes", None);
    check("l", "returns orders quotes trades", None);
    check("s", "orders trades returns quotes", None);
    check("x", "orders trades returns quotes", None);
    check("r", "trades orders quotes returns", None);
    check("f", "quotes orders trades returns", None);
    check("o", "returns orders quotes trades", None);
    check("i", "orders returns quotes trades", None);
    check("/TRAD⏎", "trades quotes", None);
    check("/warn⏎", "trades", None);
    check("/q", "quotes", None);
    check("/zz⌫⌫or⏎", "orders", None);
    check("/or␛", "orders returns trades quotes", None);
    check("/or⏎␛", "orders returns trades quotes", None);
    check("↓", "orders returns trades quotes", Some("orders"));
    check("↓↓↓", "orders returns trades quotes", Some("trades"));
    check("↓↓n", "returns orders quotes trades", Some("returns")); // a choice goes with its product
    check("G↑", "orders returns trades quotes", Some("orders"));
    check("↓G↑", "orders returns trades quotes", Some("trades"));
    check("↓Gg", "orders returns trades quotes", Some("orders"));
    check("⏎", "orders returns trades quotes", Some("orders"));
    let details = |typed: &str| {
        let mut screen = screen();
        keys(&mut screen, typed);
        screen.details
    };
    assert_eq!(["⏎", "⏎⏎", "⏎␛", "/zzz⏎⏎"].map(details), [true, false, false, false]);
    assert_eq!(["q", "↓q", "^", "/^"].map(|typed| keys(&mut screen(), typed)), [Turn::Quit; 4]);
}

#[test]
fn without_a_terminal_it_prints_one_table_or_one_document_and_ends() {
    let served = served();
    let url = format!("http://{}", served.address);
    let said = top(&["--url", &url]);
    assert_eq!(said.status.code(), Some(0), "{said:?}");
    let text = String::from_utf8(said.stdout).unwrap();
    let line = text.lines().find(|line| line.starts_with("sales/orders")).unwrap_or_else(|| panic!("{text}"));
    for word in ["order desk", "fail", "0.50", "amount.required (3 rows)", " 30 "] {
        assert!(line.contains(word), "{word} is not in {line}");
    }
    assert!(text.contains("workers: 1 of 1 ready; tasks: 1 of 1 running"), "{text}");
    assert!(!text.contains('\x1b'), "colours where nobody looks: {text:?}");

    let said = top(&["--url", &format!("{url}/"), "--json", "--filter", "ORDERS"]);
    let document: Value = serde_json::from_slice(&said.stdout).unwrap_or_else(|e| panic!("{e}: {said:?}"));
    let products: Vec<&Value> = document["products"].as_array().unwrap().iter().map(|p| &p["product"]).collect();
    assert_eq!(products, ["sales/orders"]);
    let of = |key: &str| document["products"][0][key].clone();
    assert_eq!([of("verdict"), of("incidents"), of("lag_records")], [json!("fail"), json!(1), json!(30)]);
    assert_eq!(document["workers"][0]["worker_id"], "w1");

    // By way of a worker that sends it on, and without a scheme.
    let via = redirecting(served.address);
    let said = top(&["--url", &via.to_string(), "--once"]);
    assert!(String::from_utf8_lossy(&said.stdout).contains("sales/orders"), "{said:?}");
    served.stop();

    let said = top(&["--url", &url]);
    let why = String::from_utf8_lossy(&said.stderr).into_owned();
    assert_eq!((said.status.code(), said.stdout.len()), (Some(2), 0), "{why}");
    assert!(why.contains("does not answer") && why.contains("--url"), "{why}");
}

/// What comes from a terminal is what people see: entered, drawn, left, whichever way it ends.
#[test]
fn a_terminal_is_given_back_after_a_key_and_after_a_signal() {
    if Command::new("script").arg("--version").output().is_err() {
        return println!("skipped: script(1) is not installed");
    }
    let served = served();
    let url = format!("http://{}", served.address);
    let mut seen = Seen::start(&url);
    seen.wait("sales/returns");
    seen.write(b"/orders\r");
    seen.wait("filter: orders (esc drops it)");
    seen.write(b"\r"); // the first row
    seen.wait("incident (critical) of amount.required");
    served.stop();
    seen.wait("NO ANSWER");
    seen.wait("(fail)");
    seen.write(b"q");
    seen.ends(0);

    let seen = Seen::start(&url);
    seen.wait("NO ANSWER");
    seen.kill();
    seen.ends(0);
}

const ENTER: &str = "\x1b[?1049h";
const LEAVE: &str = "\x1b[?1049l";

/// A `steward top` on a terminal that script(1) makes.
struct Seen {
    script: Child,
    heard: Arc<Mutex<Vec<u8>>>,
    pid_file: tempfile::TempDir,
}

impl Seen {
    fn start(url: &str) -> Seen {
        let pid_file = tempfile::tempdir().unwrap();
        let (steward, pid) = (env!("CARGO_BIN_EXE_steward"), pid_file.path().join("pid"));
        // The settings of the terminal before and after are the last word.
        let command = format!(
            "stty cols 120 rows 30; stty -g; sh -c 'echo $$ >{}; exec {steward} top --interval 100ms --url {url}'; echo ended with $?; stty -g",
            pid.display()
        );
        let mut script = Command::new("script")
            .args(["--quiet", "--return", "--command", &command, "/dev/null"])
            .env("SHELL", "/bin/sh")
            .env("TERM", "xterm-256color")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut from = script.stdout.take().unwrap();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let hears = heard.clone();
        std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(length @ 1..) = from.read(&mut buffer) {
                hears.lock().unwrap().extend_from_slice(&buffer[..length]);
            }
        });
        Seen { script, heard, pid_file }
    }

    fn text(&self) -> String {
        String::from_utf8_lossy(&self.heard.lock().unwrap()).into_owned()
    }

    fn wait(&self, word: &str) {
        let started = Instant::now();
        while !on_screen(&self.text()).contains(word) {
            assert!(started.elapsed() < Duration::from_secs(20), "{word} is not in\n{}", on_screen(&self.text()));
            pause();
        }
    }

    fn write(&mut self, keys: &[u8]) {
        let stdin = self.script.stdin.as_mut().unwrap();
        stdin.write_all(keys).unwrap();
        stdin.flush().unwrap();
    }

    fn kill(&self) {
        let pid = fs::read_to_string(self.pid_file.path().join("pid")).unwrap();
        let sent = Command::new("sh").args(["-c", &format!("kill -TERM {}", pid.trim())]).status().unwrap();
        assert!(sent.success());
    }

    fn ends(mut self, code: i32) {
        let (started, word) = (Instant::now(), format!("ended with {code}"));
        while !self.text().contains(&word) {
            assert!(started.elapsed() < Duration::from_secs(20), "{word} is not in {:?}", self.text());
            pause();
        }
        drop(self.script.stdin.take());
        assert!(self.script.wait().unwrap().success());
        pause(); // the last lines are on their way
        let text = self.text();
        let (before, rest) = text.split_once(ENTER).unwrap_or_else(|| panic!("not entered: {text:?}"));
        let (_, after) = rest.split_once(LEAVE).unwrap_or_else(|| panic!("not left: {text:?}"));
        assert!(after.contains("\x1b[?25h"), "no cursor: {after:?}");
        let settings = |text: &str| text.lines().map(str::trim).rfind(|l| l.contains(':')).map(str::to_owned);
        assert_eq!(settings(before), settings(after), "the terminal's settings differ");
    }
}

/// What a terminal of 120 columns and 30 rows shows after these bytes: of all that a terminal can be told, only places count.
fn on_screen(text: &str) -> String {
    const SIZE: (usize, usize) = (30, 120);
    let mut cells = vec![vec![' '; SIZE.1]; SIZE.0];
    let (mut row, mut column) = (0, 0);
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        match letter {
            '\x1b' if letters.next_if_eq(&'[').is_some() => {
                let mut words = String::new();
                let end = letters.by_ref().find(|letter| {
                    words.push(*letter);
                    letter.is_ascii_alphabetic()
                });
                let place: Vec<usize> = words.split(|c: char| !c.is_ascii_digit()).flat_map(str::parse).collect();
                if let (Some('H'), [to_row, to_column]) = (end, &place[..]) {
                    (row, column) = (to_row - 1, to_column - 1);
                }
            }
            '\r' => column = 0,
            '\n' if row + 1 == SIZE.0 => {
                cells.remove(0);
                cells.push(vec![' '; SIZE.1]);
            }
            '\n' => row += 1,
            letter => {
                if let Some(cell) = cells.get_mut(row).and_then(|cells| cells.get_mut(column)) {
                    *cell = letter;
                }
                column += 1;
            }
        }
    }
    cells.into_iter().map(|cells| cells.into_iter().collect::<String>() + "\n").collect()
}

#[allow(clippy::disallowed_methods, reason = "this thread serves no rebalance")]
fn pause() {
    std::thread::sleep(Duration::from_millis(50));
}

fn top(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_steward")).arg("top").args(arguments).stdin(Stdio::null()).output().unwrap()
}

/// Two products, one of which was judged; 30 records are not read.
fn served() -> Served {
    Served::start(|board| {
        board.set_contracts(&plans(&["orders", "returns"]), vec![]);
        go(board, TaskState::Running);
        board.apply(&publication("orders"), LEDGER, now_ms());
        let reach = Reach { committed: Some(120), ends: Ends { start: 0, stable: 150, high: 150 } };
        let parts = [(Part::new(&"shop.orders".into(), 0), reach)].into();
        board.set_offsets(Offsets { at_ms: now_ms(), parts });
    })
}

/// Sends everybody to another address, as a worker does with what only another one has.
fn redirecting(to: SocketAddr) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let mut lines = BufReader::new(&stream).lines().map_while(Result::ok);
            let path = lines.next().and_then(|line| line.split(' ').nth(1).map(str::to_owned)).unwrap_or_default();
            let _ = lines.find(String::is_empty);
            let answer = format!(
                "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://{to}{path}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
            let _ = (&stream).write_all(answer.as_bytes());
        }
    });
    address
}

fn shown(screen: &mut Screen, wide: u16, high: u16, now_ms: i64) -> String {
    let mut terminal = Terminal::new(TestBackend::new(wide, high)).unwrap();
    terminal.draw(|frame| draw(frame, screen, now_ms, false)).unwrap();
    terminal.backend().to_string().lines().map(|line| line.trim_matches('"').trim_end()).collect::<Vec<_>>().join("\n")
}

/// Types them one by one; the last one's answer.
fn keys(screen: &mut Screen, typed: &str) -> Turn {
    let mut turn = Turn::Stay;
    for letter in typed.chars() {
        let (code, modifiers) = match letter {
            '↓' => (KeyCode::Down, KeyModifiers::NONE),
            '↑' => (KeyCode::Up, KeyModifiers::NONE),
            '⏎' => (KeyCode::Enter, KeyModifiers::NONE),
            '␛' => (KeyCode::Esc, KeyModifiers::NONE),
            '⌫' => (KeyCode::Backspace, KeyModifiers::NONE),
            '^' => (KeyCode::Char('c'), KeyModifiers::CONTROL),
            letter => (KeyCode::Char(letter), KeyModifiers::NONE),
        };
        turn = screen.on(KeyEvent::new(code, modifiers), NOW_MS);
    }
    turn
}

fn screen() -> Screen {
    let mut screen = Screen::new("http://w1:8083", 14_000, Column::Verdict, "");
    screen.hear(Ok(told()), NOW_MS);
    screen
}

/// Four products: violated, by nobody owned, warned, and good; two workers, one of which is silent.
fn told() -> Told {
    let window = |start: &str, status: &str, records: u64, findings: Value| {
        json!({"start": format!("2025-11-24T{start}:00Z"), "end": format!("2025-11-24T{}:00Z", &start.replace("00", "01").replace("59", "00")),
            "revision": 0, "complete": true, "status": status, "records": records, "undecodable": 2, "findings": findings})
    };
    let finding = |rule: &str, status: &str, rows: u64| json!({"rule": rule, "status": status, "mode": "warn", "failed_row_count": rows});
    let status = |owner: &str,
                  state: &str,
                  status: &str,
                  score: f64,
                  newest: &str,
                  lag: u64,
                  records: u64,
                  findings: Value| {
        let windows = [window("15:59", "pass", 10, json!([])), window("16:00", status, records, findings)];
        json!({"owner": owner, "as_of": "2025-11-24T16:01:35Z", "product": {"state": state, "worker_id": "w1"}, "lag": {"records": lag},
            "contracts": [{"id": "c1", "version": "1.2.0"}], "findings": [],
            "quality": {"status": status, "score": score, "newest_record": format!("2025-11-24T{newest}Z"), "closed_through": "2025-11-24T16:01:00Z",
                "totals": {"records": 900}, "incidents": [], "last_window": windows[1], "recent_windows": windows}})
    };
    let mut orders = status(
        "order-desk",
        "RUNNING",
        "fail",
        0.75,
        "16:01:30",
        12,
        1200,
        json!([
            finding("orders.amount.minimum", "fail", 9),
            finding("orders.id.unique", "unknown", 0),
            finding("orders.sku.pattern", "warn", 2)
        ]),
    );
    orders["quality"]["incidents"] = json!([{"contract": "c1", "rule": "orders.amount.minimum", "severity": "critical",
        "first_window": "2025-11-24T15:58:00Z", "last_window": "2025-11-24T16:00:00Z", "failing_windows": 3, "worst_failed_row_count": 11}]);
    let statuses = [
        ("sales/orders", orders),
        (
            "trading/trades",
            status(
                "trading-desk",
                "RUNNING",
                "warn",
                0.99,
                "16:01:34",
                0,
                60_000,
                json!([finding("trades.price.minimum", "warn", 1)]),
            ),
        ),
        ("trading/quotes", status("trading-desk", "RUNNING", "pass", 1.0, "14:01:35", 3, 6, json!([]))),
        ("logistics/returns", Value::Null),
    ];
    let mut statuses: std::collections::BTreeMap<String, Value> =
        statuses.into_iter().map(|(product, status)| (product.to_owned(), status)).collect();
    // Its last owner is gone, who knew that a rule could not be measured.
    let mut returns = status("aftersales", "UNASSIGNED", "unknown", 1.0, "16:01:35", 70, 0, json!([]));
    returns["product"]["worker_id"] = json!("");
    statuses.insert("logistics/returns".into(), returns);
    let rows = statuses.iter().map(|(product, status)| Row::of(product, status)).collect();
    let worker = |id: &str, alive: bool| Worker {
        id: id.into(),
        alive,
        ready: alive,
        reasons: vec![],
        tasks: 4,
        running: if alive { 4 } else { 0 },
    };
    Told { rows, statuses, workers: vec![worker("w1", true), worker("w2", false)] }
}
