//! Products as ODPS documents, and contracts as ODCS ones: taken and given in YAML and in JSON.

use crate::publish::{contract, decided, prepare, send};
use crate::served::Served;
use mesh_steward::engine::contract::standard::lint;
use mesh_steward::engine::published::odps;
use serde_json::{Value, json};
use std::path::PathBuf;

pub const PRODUCT: &str = "# ours\napiVersion: v1.0.0\nkind: DataProduct\nid: 7c2\nstatus: active\nname: carts\ndomain: shop\n\
    outputPorts:\n  - {name: carts, version: 1.0.0, contractId: carts}\n";

/// The body alone.
fn told(served: &Served, path: &str, accept: &str) -> String {
    let answer = served.ask_for(path, accept);
    assert!(answer.starts_with("HTTP/1.1 200"), "{path}: {answer}");
    answer.split_once("\r\n\r\n").unwrap().1.to_owned()
}

fn json_of(served: &Served, path: &str) -> Value {
    serde_json::from_str(&told(served, path, "application/json")).unwrap()
}

#[test]
fn a_product_goes_in_and_comes_out_as_odps_with_its_contracts() {
    let served = Served::start(prepare);
    let (place, odps) = ("/products/shop/carts", "/products/shop/carts/odps");
    let with = format!("{odps}?contracts=true");
    decided(&served, || {
        let both = format!("{PRODUCT}---\n{}", contract("1.0.0", ""));
        let made = send(&served, "PUT", place, "", &both);
        assert_eq!((made.status, &made.body["revision"]), (201, &json!(1)), "{:#}", made.body);
        assert_eq!(told(&served, odps, "application/yaml"), PRODUCT, "word by word");
        assert_eq!(told(&served, odps, "*/*"), PRODUCT, "YAML where nothing is asked for");
        assert_eq!(json_of(&served, odps)["outputPorts"][0]["contractId"], "carts");
        assert_eq!(told(&served, &with, "text/yaml"), format!("{PRODUCT}---\n{}\n", contract("1.0.0", "").trim_end()));
        let list = json_of(&served, &with);
        assert_eq!((&list[0]["kind"], &list[1]["kind"]), (&json!("DataProduct"), &json!("DataContract")));
        assert_eq!(json_of(&served, &format!("{place}/contract")), list[1], "a contract as JSON");

        // What was given is taken, in JSON as well.
        let mut changed = list.clone();
        changed[0]["description"] = json!({"purpose": "what customers mean to buy"});
        let tag = made.header("etag").unwrap();
        let media = format!("If-Match: {tag}\r\nContent-Type: application/json\r\n");
        let put = send(&served, "PUT", place, &media, &changed.to_string());
        assert_eq!((put.status, &put.body["revision"]), (200, &json!(2)), "{:#}", put.body);
        assert_eq!(json_of(&served, &with), changed);
        assert_eq!(send(&served, "PUT", place, &media, &changed.to_string()).status, 409, "changed meanwhile");

        // What is not sent stays.
        let put = send(&served, "PUT", place, "", &PRODUCT.replace("status: active", "status: deprecated"));
        assert_eq!((put.status, &put.body["lifecycle"]), (200, &json!("deprecated")), "{:#}", put.body);
        let put = send(&served, "PUT", &format!("{place}/contract"), "", &contract("1.1.0", ""));
        assert_eq!(put.status, 200, "{:#}", put.body);
        assert_eq!(json_of(&served, odps)["status"], "deprecated");

        let refused = |method: &str, path: &str, body: &str, status: u16, words: &str| {
            let answer = send(&served, method, path, "", body);
            let message = answer.body["message"].as_str().unwrap_or_default();
            assert!(answer.status == status && message.contains(words), "{words}: {} {:#}", answer.status, answer.body);
        };
        let other = PRODUCT.replace("name: carts\n", "name: baskets\n");
        refused("PUT", place, &other, 422, "the data product is shop/baskets");
        refused(
            "PUT",
            place,
            &PRODUCT.replace("contractId: carts", "contractId: none"),
            422,
            "names the contract none",
        );
        refused("PUT", place, &PRODUCT.replace("id: 7c2\n", ""), 422, "1 errors in the data product");
        refused("PUT", place, &format!("{PRODUCT}---\n{PRODUCT}"), 422, "2 data products");
        refused("PUT", place, "# nothing\n", 422, "the body is empty");
        refused("PUT", "/products/shop/baskets", &other, 422, "holds no contract");
        refused("PUT", &format!("{place}/contract"), PRODUCT, 400, "PUT it to /products/shop/carts");
        refused("PUT", "/products/sales/orders", PRODUCT, 409, "lives in the file");
        assert_eq!(send(&served, "DELETE", place, "", "").status, 200);
    });
    served.stop();
}

fn specs(folder: &str) -> Vec<PathBuf> {
    let Some(specs) = std::env::var_os("STEWARD_SPECS").map(PathBuf::from) else {
        println!("skipped: STEWARD_SPECS is not set");
        return Vec::new();
    };
    let mut found: Vec<PathBuf> =
        std::fs::read_dir(specs.join(folder)).unwrap().map(|entry| entry.unwrap().path()).collect();
    found.sort();
    found
}

#[test]
fn every_example_of_the_standard_is_published_and_given_back_and_what_is_wrong_with_it_is_told() {
    for path in specs("odps/examples") {
        let (served, text) = (Served::start(prepare), std::fs::read_to_string(&path).unwrap());
        let root = odps::json(&text);
        let product = odps::product(&root).unwrap();
        let (place, what) = (format!("/products/{product}"), path.display());
        let mut body = text.clone();
        for (n, port) in root["outputPorts"].as_array().into_iter().flatten().enumerate() {
            let id = port["contractId"].as_str().unwrap_or("none");
            let contract = contract("1.0.0", "").replace("id: carts", &format!("id: {id}"));
            let contract = contract.replace("shop.carts", &format!("topic-{n}"));
            let named = contract.replace("name: carts", &format!("name: {}", product.name));
            body += &format!("\n---\n{}", named.replace("domain: shop", &format!("domain: {}", product.domain)));
        }
        decided(&served, || {
            let made = send(&served, "PUT", &place, "", &body);
            assert_eq!(made.status, 201, "{what}: {:#}", made.body);
            assert_eq!(json_of(&served, &format!("{place}/odps")), root, "{what}");
        });
        served.stop();
    }
    let served = Served::start(prepare);
    decided(&served, || {
        for path in specs("odps/invalid") {
            let body = std::fs::read_to_string(&path).unwrap() + "\n---\n" + &contract("1.0.0", "");
            let answer = send(&served, "PUT", "/products/shop/carts", "", &body);
            assert_eq!(answer.status, 422, "{}: {:#}", path.display(), answer.body);
        }
    });
    served.stop();
}

/// Of a product that nobody described; the schema is the standard's own, where it is there.
#[test]
fn a_product_of_contracts_alone_is_made_into_a_document_that_validates() {
    let served = Served::start(prepare);
    served.board.edit(|directory| directory.documents[0].text = contract("1.0.0", ""));
    let made = json_of(&served, "/products/sales/orders/odps");
    assert_eq!((&made["id"], &made["team"]), (&json!("sales/orders"), &Value::Null));
    assert_eq!(
        made["outputPorts"],
        json!([{"name": "shop.carts", "version": "1.0.0", "type": "topic", "contractId": "carts"}])
    );
    assert_eq!(made["managementPorts"][0]["url"], "http://127.0.0.1:8083/products/sales/orders");
    assert_eq!(made["managementPorts"][1]["channel"], "governance.events");
    let text = told(&served, "/products/sales/orders/odps", "application/yaml");
    assert_eq!(odps::json(&text), made);
    assert!(lint::lint(&text, &|_| false).problems.is_empty(), "{text}");
    for path in specs("odps/schema") {
        let schema: Value = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
        if path.to_string_lossy().contains("v1.0.0") {
            let validator = jsonschema::validator_for(&schema).unwrap();
            let wrong: Vec<String> =
                validator.iter_errors(&made).map(|e| format!("{}: {e}", e.instance_path())).collect();
            assert_eq!(wrong, [""; 0]);
        }
    }
    served.stop();
}
