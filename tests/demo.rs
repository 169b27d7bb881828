//! The demo as a newcomer runs it: everything that is planted is found.

use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::net::TcpListener;
use std::process::{Command, Stdio};

#[test]
fn what_the_demo_plants_its_daemon_finds() {
    let demo =
        Command::new(env!("CARGO_BIN_EXE_steward")).args(["demo", "--for", "15s", "--json", "--port", "0"]).output();
    let demo = demo.expect("steward starts");
    let said = String::from_utf8_lossy(&demo.stderr);
    let report: Value = serde_json::from_slice(&demo.stdout).unwrap_or_else(|e| panic!("no report: {e}\n{said}"));
    assert_eq!(report["planted"], report["found"], "{report:#}\n{said}");
    assert!(demo.status.success(), "{report:#}\n{said}");
    assert_eq!(report["exact"], true, "{report:#}");
    assert!(report["records"].as_u64() > Some(10_000) && report["windows"].as_u64() > Some(10), "{report:#}");
    let planted: Vec<&str> = report["planted"].as_object().expect("an object").keys().map(String::as_str).collect();
    assert_eq!(planted, KINDS);
}

#[test]
fn a_taken_port_is_told_and_ctrl_c_ends_a_demo_with_its_report() {
    let taken = TcpListener::bind(("127.0.0.1", 0)).expect("a port");
    let port = taken.local_addr().expect("bound").port();
    let mut demo = Command::new(env!("CARGO_BIN_EXE_steward"))
        .args(["demo", "--port", &port.to_string()])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("steward starts");
    let folder = std::env::temp_dir().join(format!("steward-demo-{}", demo.id()));
    let mut lines = BufReader::new(demo.stdout.take().expect("piped")).lines().map_while(Result::ok);
    // The places come when it is up, a line for each window after that.
    let places = lines.find(|line| line.contains("up after")).expect("it comes up");
    assert!(!places.contains(&format!(":{port}/")), "{places}");
    assert!(lines.any(|line| line.contains("sales/orders")), "no window was told");
    let pid = demo.id().to_string();
    assert!(Command::new("sh").args(["-c", &format!("kill -INT {pid}")]).status().expect("sh").success());
    let last: Vec<String> = lines.collect();
    let mut said = String::new();
    demo.stderr.take().expect("piped").read_to_string(&mut said).expect("text");
    let status = demo.wait().expect("it ends");
    assert!(status.success(), "{status}: {}\n{said}", last.join("\n"));
    assert!(said.contains(&format!("port {port} is taken")), "{said}");
    assert!(last.iter().any(|line| line.contains("planted")), "{}", last.join("\n"));
    assert!(!folder.exists(), "{} is left behind", folder.display());
}

/// Null, duplicate, enum drift, out of range, undecodable, another form, late, and a product without records.
const KINDS: [&str; 12] = [
    "logistics/returns#returns_arrive",
    "logistics/shipments#carrier_is_known",
    "logistics/shipments#shipments.weight_kg.maximum",
    "sales/orders#orders.amount.minimum",
    "sales/orders#orders.customer_id.required",
    "sales/orders#orders.order_id.primaryKey",
    "sales/payments#method_is_known",
    "sales/payments#steward.decodable",
    "trading/quotes#late",
    "trading/quotes#quotes.symbol.pattern",
    "trading/trades#trades.price.required",
    "trading/trades#trades.quantity.minimum",
];
