//! Two products on two topics of the real broker, of which one refers to the other: orphans planted are found, and nothing of the other
//! topic counts.

use crate::broker::records::Record;
use crate::broker::shared;
use crate::mesh::Mesh;
use crate::verdicts::Verdicts;
use crate::worker::pause;
use mesh_steward::clock::now_ms;
use serde_json::Value;
use std::time::{Duration, Instant};

const RULE: &str = "customer-is-known";
const ORDERS: u64 = 3_000;
const CUSTOMERS: u64 = 500;

#[test]
fn orphans_among_the_keys_of_another_product_are_found() {
    let mesh = Mesh::new(shared(), "refers", 3, "");
    let customers = "refers.customers";
    mesh.broker.create_topic(customers, 2, &[]);
    let contract = |id: &str, topic: &str, properties: &str| {
        let text = format!(
            "apiVersion: v3.1.0\nkind: DataContract\nid: {id}\nname: {id}\nversion: 1.0.0\nstatus: active\ndomain: shop\n\
             schema:\n- name: rows\n  physicalName: {topic}\n  physicalType: topic\n  properties:\n{properties}\n"
        );
        std::fs::write(mesh.folder().join(format!("contracts/{id}.odcs.yaml")), text).expect("the contract");
    };
    contract("refers-customers", customers, "  - {name: id, logicalType: string, required: true}");
    contract(
        "orders",
        &mesh.topic,
        &format!(
            "  - name: customer\n    relationships:\n    - id: {RULE}\n      to: refers-customers.odcs.yaml#/schema/rows/properties/id\n\
             \x20     customProperties: [{{property: steward.referenceHorizon, value: 1h}}]"
        ),
    );
    let worker = mesh.worker("a").ready();
    let begin_ms = now_ms() - 45_000;
    let at = |n: u64, of: u64| begin_ms + 30_000 * n as i64 / of as i64;
    let record = |partition: u64, timestamp_ms: i64, value: String| Record {
        partition: partition as i32,
        timestamp_ms,
        value: Some(value.into_bytes()),
        ..Record::default()
    };
    // All customers come in the first of six windows; every 50th order has one that is nobody, each another.
    let known = |n: u64| record(n % 2, begin_ms, format!(r#"{{"id":"c{n}"}}"#));
    mesh.broker.writer(customers).write(&(0..CUSTOMERS).map(known).collect::<Vec<_>>());
    let order = |n: u64| {
        let customer = if n.is_multiple_of(50) { format!("nobody-{n}") } else { format!("c{}", n % CUSTOMERS) };
        record(n % 3, at(n, ORDERS), format!(r#"{{"customer":"{customer}"}}"#))
    };
    mesh.broker.writer(&mesh.topic).write(&(0..ORDERS).map(order).collect::<Vec<_>>());

    let began = Instant::now();
    loop {
        let verdicts = Verdicts::read(mesh.broker, &mesh.events);
        let result = |window: &Value| window["results"].as_array()?.iter().find(|result| result["id"] == RULE).cloned();
        let windows: Vec<(&Value, Value)> =
            verdicts.windows.iter().filter_map(|window| Some((window, result(window)?))).collect();
        let judged: u64 = windows.iter().filter_map(|(window, _)| window["counts"]["records"].as_u64()).sum();
        if judged < ORDERS {
            assert!(began.elapsed() < Duration::from_secs(60), "{judged} of {ORDERS} judged: {}", worker.log());
            pause(300);
            continue;
        }
        assert_eq!(judged, ORDERS, "no customer counts among the orders");
        assert_eq!(verdicts.records, ORDERS + CUSTOMERS, "each record is one of its own product");
        assert_eq!(verdicts.failed.get(RULE).copied(), Some(ORDERS / 50), "orphans found, and planted");
        for (window, result) in &windows {
            // What comes when its window is closed is judged, and is not the whole of one.
            assert_eq!(result["status"] == "unknown", window["window"]["late"] == true, "{window}");
            let covered = window["coverage"].as_array().map_or(&[][..], Vec::as_slice);
            assert!(covered.iter().all(|of| of["topic"] == mesh.topic.as_str()), "{window}");
        }
        break;
    }
}
