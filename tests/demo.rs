//! The demo as a newcomer runs it: everything that is planted is found.

use serde_json::Value;
use std::process::Command;

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
