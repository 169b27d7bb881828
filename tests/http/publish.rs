//! Products published, changed and withdrawn by REST: what is answered, and to whom it is refused. A stand-in decides as
//! the worker does, and holds one product.

use crate::drafts::found;
use crate::served::{Served, go, plans};
use mesh_steward::catalog::board::{Board, TaskState};
use mesh_steward::catalog::document::Document;
use mesh_steward::catalog::published::{Defined, Edited, NotDone, Petition};
use mesh_steward::clock::now_ms;
use mesh_steward::engine::contract::name::{ContractHash, ProductName};
use mesh_steward::engine::derived::usecase::{self, UseCase};
use mesh_steward::engine::published::change::{Decided, Standing, decide};
use mesh_steward::engine::published::draft::{self, Draft};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

pub fn contract(version: &str, more: &str) -> String {
    format!(
        "apiVersion: v3.1.0\nkind: DataContract\nid: carts\nversion: {version}\nstatus: active\nname: carts\ndomain: shop\n\
         schema:\n  - name: shop.carts\n    physicalType: topic\n    properties:\n      - name: id\n        logicalType: string\n{more}"
    )
}

/// What came back.
pub struct Answer {
    pub status: u16,
    head: String,
    pub body: Value,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<&str> {
        let of = |line: &'_ str| line.split_once(": ").is_some_and(|(key, _)| key.eq_ignore_ascii_case(name));
        self.head.lines().find(|line| of(line)).and_then(|line| line.split_once(": ")).map(|(_, value)| value)
    }
}

pub fn send(served: &Served, method: &str, path: &str, headers: &str, body: &str) -> Answer {
    let mut stream = TcpStream::connect(served.address).unwrap();
    let head = format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}");
    // What is too large is answered before it was read to its end.
    let _ = write!(stream, "{head}Content-Length: {}\r\n\r\n{body}", body.len());
    let mut text = String::new();
    let _ = stream.read_to_string(&mut text);
    let (head, body) = text.split_once("\r\n\r\n").unwrap();
    let status = head.split(' ').nth(1).and_then(|word| word.parse().ok()).unwrap();
    let body = serde_json::from_str(body).unwrap_or_else(|_| Value::String(body.to_owned()));
    Answer { status, head: head.to_owned(), body }
}

pub fn prepare(board: &Board) {
    board.set_contracts(&plans(&["orders"]), vec![]);
    board.set_cluster_id("5L6g3nShT-eMCtK--X86sw");
    board.set_documents(
        vec![Document {
            id: "orders-contract".into(),
            version: "1.2.0".into(),
            hash: ContractHash([7; 16]),
            product: ProductName { domain: "sales".into(), name: "orders".into() },
            owner: "order desk".into(),
            path: "contracts/orders.yaml".into(),
            text: "# ours\n".into(),
            topics: vec!["shop.orders".into()],
            fields: vec![],
            described: Default::default(),
            rules: 2,
            lifecycle: None,
        }],
        Default::default(),
    );
    go(board, TaskState::Running);
}

/// Decides whatever is asked while `act` asks; a file holds what is of the domain `sales`.
pub fn decided(served: &Served, act: impl FnOnce()) {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let (mut entries, mut drafts) = (BTreeMap::new(), BTreeMap::<String, Draft>::new());
            let (mut changes, mut tries) = (served.changes.lock().unwrap(), served.tries.lock().unwrap());
            while !over.load(Ordering::Relaxed) {
                if let Ok(experiment) = tries.try_recv() {
                    found(experiment);
                }
                let (asked, done) = match changes.try_recv() {
                    Ok(Petition::Product { asked, done }) => (asked, done),
                    Ok(Petition::Draft { wanted, done }) => {
                        let before = drafts.get(&wanted.id);
                        let decided = draft::decide(&wanted, before, drafts.len(), now_ms()).map(|draft| {
                            let changes = draft.as_ref() != before;
                            Edited { draft, changes }
                        });
                        match &decided {
                            Ok(Edited { draft: Some(draft), .. }) => drop(drafts.insert(wanted.id, draft.clone())),
                            Ok(Edited { draft: None, .. }) => drop(drafts.remove(&wanted.id)),
                            Err(_) => {}
                        }
                        served.board.edit(|directory| directory.drafts = drafts.clone());
                        done.send(decided.map_err(NotDone::Refused)).unwrap();
                        continue;
                    }
                    Ok(Petition::UseCase { wanted, done }) => {
                        let mut cases = served.board.directory().use_cases.clone();
                        let before = cases.get(&wanted.name).cloned();
                        let known = usecase::Known { number: cases.len(), excluded: &|topic| topic == "secret" };
                        let decided = usecase::decide(&wanted, before.as_ref(), &known, now_ms());
                        match &decided {
                            Ok(Some(case)) => drop(cases.insert(wanted.name, case.clone())),
                            Ok(None) => drop(cases.remove(&wanted.name)),
                            Err(_) => {}
                        }
                        served.board.edit(|directory| directory.use_cases = cases);
                        let changes = |case: Option<UseCase>| Defined { changes: case != before, case };
                        done.send(decided.map(changes).map_err(NotDone::Refused)).unwrap();
                        continue;
                    }
                    Err(_) => {
                        std::thread::park_timeout(Duration::from_millis(5));
                        continue;
                    }
                };
                let standing = Standing {
                    entry: entries.get(&asked.product),
                    file: (asked.product.domain == "sales").then(|| "contracts/orders.yaml".to_owned()),
                    elsewhere: &|_| None,
                    is_known: &|_| false,
                    excluded: &|_| false,
                    bytes_max: 100_000,
                };
                let decided = decide(&asked, &standing, now_ms());
                match &decided {
                    _ if asked.dry_run => {}
                    Ok(Decided { after: Some(entry), .. }) => {
                        asked.draft.iter().for_each(|id| drop(drafts.remove(id)));
                        drop(entries.insert(asked.product.clone(), entry.clone()))
                    }
                    Ok(Decided { after: None, .. }) => drop(entries.remove(&asked.product)),
                    Err(_) => {}
                }
                served.board.set_published(entries.clone());
                served.board.edit(|directory| directory.drafts = drafts.clone());
                served.board.set_contracts(&plans(&["orders"]), vec![]);
                done.send(decided.map_err(NotDone::Refused)).unwrap();
            }
        });
        let acted = std::panic::catch_unwind(std::panic::AssertUnwindSafe(act));
        over.store(true, Ordering::Relaxed);
        if let Err(why) = acted {
            std::panic::resume_unwind(why);
        }
    });
}

#[test]
fn a_product_is_published_changed_and_withdrawn_by_rest() {
    let served = Served::start(prepare);
    let product = "/products/shop/carts";
    let text = format!("{product}/contract");
    decided(&served, || {
        let made = send(&served, "POST", "/products?reason=a+first+try", "", &contract("1.0.0", ""));
        assert_eq!((made.status, made.header("location")), (201, Some(product)), "{:#}", made.body);
        assert_eq!(made.body["revision"], 1);
        let tag = made.header("etag").unwrap().to_owned();
        assert_eq!(tag, format!("\"{}\"", made.body["etag"].as_str().unwrap()));
        assert_eq!(send(&served, "POST", "/products", "", &contract("1.0.0", "")).status, 409, "it is there");

        let read = send(&served, "GET", &text, "", "");
        assert_eq!((read.status, read.header("etag")), (200, Some(tag.as_str())));
        assert_eq!(read.body, json!(contract("1.0.0", "")));
        assert_eq!(send(&served, "GET", &text, &format!("If-None-Match: {tag}\r\n"), "").status, 304);

        let held = format!("If-Match: {tag}\r\n");
        let would = send(
            &served,
            "PUT",
            &format!("{text}?dry_run=true"),
            &held,
            &contract("1.1.0", "        required: true\n"),
        );
        assert_eq!((would.status, &would.body["dry_run"], &would.body["revision"]), (200, &json!(true), &json!(2)));
        let changes = would.body["contracts"][0]["changes"].as_array().unwrap();
        assert!(changes.iter().any(|change| change["direction"] == "tightens"), "{:#}", would.body);
        assert_eq!(would.body["consumers"], json!([]));
        let would = send(&served, "DELETE", &format!("{product}?dry_run=true"), &held, "");
        assert_eq!((would.status, &would.body["withdrawn"]), (200, &json!(false)), "{:#}", would.body);
        assert_eq!(send(&served, "GET", &text, "", "").header("etag"), Some(tag.as_str()), "nothing was changed");
        let put = send(&served, "PUT", &text, &held, &contract("1.1.0", "        required: true\n"));
        assert_eq!((put.status, &put.body["revision"]), (200, &json!(2)), "{:#}", put.body);
        let changes = put.body.pointer("/contracts/0/changes").and_then(Value::as_array).unwrap();
        let tightens = |change: &&Value| change["direction"] == "tightens";
        assert_eq!(changes.iter().filter(tightens).count(), 1, "{changes:#?}");
        assert_eq!(put.body.pointer("/contracts/0/breaking"), Some(&json!(false)));
        let late = send(&served, "PUT", &text, &held, &contract("1.2.0", ""));
        assert_eq!((late.status, &late.body["error_code"]), (409, &json!(409)), "the loser: {:#}", late.body);
        assert!(late.body["detail"].as_str().unwrap().contains("changed meanwhile"), "{:#}", late.body);

        let life = |body: &str| send(&served, "PUT", &format!("{product}/lifecycle"), "", body);
        assert_eq!(life(r#"{"lifecycle": "asleep"}"#).status, 400);
        assert_eq!(life(r#"{"lifecycle": "retired"}"#).status, 409);
        let ends = life(r#"{"lifecycle": "deprecated", "end_of_life": "2100-01-31"}"#);
        assert_eq!((ends.status, &ends.body["end_of_life"]), (200, &json!("2100-01-31")), "{:#}", ends.body);
        let (_, shown) = served.json(product);
        assert_eq!((&shown["lifecycle"], &shown["source"]["revision"]), (&json!("deprecated"), &json!(3)));

        let gone = send(&served, "DELETE", product, "If-Match: *\r\n", "");
        assert_eq!((gone.status, &gone.body["consumers"]), (200, &json!([])), "{:#}", gone.body);
        assert_eq!(send(&served, "DELETE", product, "", "").status, 404);
        assert_eq!(send(&served, "GET", product, "", "").status, 404);
    });
    served.stop();
}

#[test]
fn what_is_refused_says_where_and_what_to_do() {
    let served = Served::start(prepare);
    decided(&served, || {
        let check = |method: &str, path: &str, headers: &str, body: &str, status: u16, words: &str| {
            let answer = send(&served, method, path, headers, body);
            assert_eq!(answer.status, status, "{method} {path}: {:#}", answer.body);
            assert_eq!(answer.header("content-type"), Some("application/problem+json"));
            assert!(answer.body["message"].as_str().unwrap().contains(words), "{words}: {:#}", answer.body);
            answer.body
        };
        let bad = contract("1.0.0", "        logicalTypo: string\n");
        let told = check("POST", "/products", "", &bad, 422, "1 errors, see problems");
        let problem = &told["problems"][0];
        assert_eq!((&problem["severity"], &problem["line"]), (&json!("error"), &json!(14)), "{told:#}");
        assert!(problem["remedy"].as_str().is_some_and(|remedy| !remedy.is_empty()), "{told:#}");
        check("POST", "/products", "", "", 422, "holds no contract");
        check(
            "PUT",
            "/products/shop/other/contract",
            "",
            &contract("1.0.0", ""),
            422,
            "PUT it to /products/shop/carts",
        );
        check(
            "PUT",
            "/products/sales/orders/contract",
            "",
            &contract("1.0.0", ""),
            409,
            "lives in the file contracts/orders.yaml",
        );
        check("DELETE", "/products/sales/orders", "", "", 409, "lives in the file");
        check("DELETE", "/products/shop/none", "If-Match: *\r\n", "", 404, "POST /products");
        check("DELETE", "/products/shop/none", "If-Match: 3\r\n", "", 400, "in quotes");
        check("POST", "/products", "", &"# …\n".repeat(300_000), 413, "larger");
        let mut lines = served.lines.lock().unwrap();
        let mut noted = Vec::new();
        while let Ok(line) = lines.try_recv() {
            assert_eq!((line.actor.as_str(), line.outcome.as_str()), ("anonymous", "refused"), "{line:?}");
            assert!(line.detail.as_ref().is_some_and(|detail| !detail.is_empty()), "{line:?}");
            noted.push(line);
        }
        assert_eq!(noted.len(), 8, "each of them stands in the audit: {noted:#?}");
        let of_file = &noted[3];
        assert_eq!((of_file.status, of_file.product.as_deref()), (409, Some("sales/orders")));
        assert_eq!((&*of_file.method, &*of_file.path), ("PUT", "/products/sales/orders/contract"));
        assert_eq!(noted[2].product.as_deref(), Some("shop/other"), "{:#?}", noted[2]);
        served.trail.add((0..).zip(noted));
        for (asked, found) in [
            ("", 8),
            ("?limit=2&after=5", 2),
            ("?after=0", 0),
            ("?product=sales/orders", 2),
            ("?since=2020-01-01", 8),
            ("?until=2020-01-01T08:00:00Z", 0),
            ("?contains=LIVES%20IN", 2),
            ("?action=product.withdraw", 3),
            ("?outcome=done", 0),
        ] {
            let (status, body) = served.json(&format!("/audit{asked}"));
            assert_eq!((status, body.as_array().unwrap().len()), (200, found), "{asked}: {body:#}");
        }
        let first = send(&served, "GET", "/audit?limit=3&outcome=refused", "", "");
        assert_eq!(first.header("link"), Some("</audit?limit=3&outcome=refused&after=5>; rel=\"next\""));
        assert_eq!((&first.body[0]["id"], &first.body[0]["status"]), (&json!(7), &json!(413)));
        assert_eq!(send(&served, "GET", "/audit?limit=8", "", "").header("link"), None, "there is no other page");
        for (query, words) in [
            ("outcome=good", "done, refused, failed"),
            ("limit=0", "no number above 0"),
            ("after=99", "begin anew"),
            ("since=noon", "no time"),
        ] {
            check("GET", &format!("/audit?{query}"), "", "", 400, words);
        }
        check("PATCH", "/products/shop/carts", "", "", 405, "does not take PATCH");
    });
    served.stop();
}
