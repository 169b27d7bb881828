//! Products, as curl would ask for them.

use mesh_steward::catalog::board::TaskState;
use mesh_steward::clock::now_ms;
use mesh_steward::flow::io::Part;
use mesh_steward::flow::opening::Stands;
use serde_json::{Value, json};

use crate::served::*;

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
        board.assigned("inspector-0", [(Part::new(&"shop.orders".into(), 0), Stands::Opening)].into());
        board.assigned("inspector-1", [(Part::new(&"shop.returns".into(), 0), Stands::Live)].into());
        board.apply(&publication("orders"), LEDGER, now_ms());
    });
    let (status, mut body) = served.json("/products/sales/orders/status");
    assert_eq!(status, 200);
    assert!(body["as_of"].take().is_string());
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
