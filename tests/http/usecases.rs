//! Use cases by REST and by form: registered, run, stopped, made products. A stand-in answers as the worker does.

use crate::access::{COOKIE, signed};
use crate::publish::{decided, prepare, send};
use crate::served::Served;
use mesh_steward::catalog::board::Board;
use mesh_steward::catalog::directory::{NO_CONTRACT, TopicFacts};
use mesh_steward::engine::derived::usecase::Engine;
use serde_json::{Value, json};

fn with_engine(board: &Board) {
    prepare(board);
    board.edit(|directory| directory.engines = [Engine::Flink].into());
    let carts = TopicFacts { partitions: 3, ungoverned: Some(NO_CONTRACT.to_owned()) };
    board.set_topics([("shop.carts".to_owned(), carts)].into());
}

fn defined(change: impl FnOnce(&mut Value)) -> String {
    let mut body = json!({"engine": "flink", "title": "Carts", "inputs": ["shop.orders"], "output": "shop.carts",
        "statement": "INSERT INTO carts SELECT * FROM orders"});
    change(&mut body);
    body.to_string()
}

const PLACE: &str = "/use-cases/shop/carts";

#[test]
fn a_use_case_is_registered_run_stopped_and_made_a_product() {
    let served = Served::start(with_engine);
    decided(&served, || {
        let made = send(&served, "PUT", PLACE, "", &defined(|_| {}));
        assert_eq!((made.status, made.header("location")), (201, Some(PLACE)), "{:#}", made.body);
        let again = send(&served, "PUT", PLACE, "", &defined(|_| {}));
        assert_eq!((again.status, &again.body["revision"]), (200, &json!(1)), "the same is no change");
        let run = send(&served, "POST", &format!("{PLACE}/execute"), "", "");
        assert_eq!((run.status, &run.body["run"]["state"]), (202, &json!("asked")), "{:#}", run.body);
        assert_eq!(run.header("etag"), made.header("etag"), "a run is no change of what is registered");
        assert_eq!(send(&served, "POST", &format!("{PLACE}/execute"), "", "").status, 409);
        assert_eq!(send(&served, "DELETE", PLACE, "", "").status, 409);
        let stopped = send(&served, "POST", &format!("{PLACE}/stop"), "", "");
        assert_eq!((stopped.status, &stopped.body["run"]["state"]), (202, &json!("cancelled")), "nobody had taken it");
        let draft = send(&served, "POST", "/drafts", "", "{\"use_case\": \"shop/carts\", \"records\": 50}");
        let of = (&draft.body["product"], &draft.body["topic"]);
        assert_eq!((draft.status, of), (201, (&json!("shop/carts"), &json!("shop.carts"))), "{:#}", draft.body);
        let stale = send(&served, "PUT", PLACE, "If-Match: \"0-0\"\r\n", &defined(|body| body["title"] = json!("x")));
        assert_eq!(stale.status, 409, "{:#}", stale.body);
        let of_tea = defined(|body| body["output"] = json!("shop.tea"));
        assert_eq!(send(&served, "PUT", "/use-cases/shop/tea", "", &of_tea).status, 201);
        let page = |query: &str| {
            let page = send(&served, "GET", &format!("/use-cases{query}"), "", "");
            let names: Vec<Value> = page.body.as_array().unwrap().iter().map(|case| case["name"].clone()).collect();
            (json!(names), page.header("link").map(str::to_owned))
        };
        let (next, both) = ("</use-cases?limit=1&after=shop/carts>; rel=\"next\"", json!(["shop/carts", "shop/tea"]));
        assert_eq!(page(""), (both, None));
        assert_eq!(page("?limit=1"), (json!(["shop/carts"]), Some(next.to_owned())));
        assert_eq!(page("?limit=1&after=shop/carts"), (json!(["shop/tea"]), None));
        assert_eq!(send(&served, "DELETE", PLACE, "", "").status, 204);
        assert_eq!(send(&served, "GET", PLACE, "", "").status, 404);
    });
    served.stop();
}

#[test]
fn what_no_engine_is_given_is_refused_with_what_to_do() {
    let served = Served::start(with_engine);
    decided(&served, || {
        let put = |body: String| ("PUT", PLACE, body);
        let of_ksqldb = |body: &mut Value| {
            body["engine"] = json!("ksqldb");
            body["statement"] = json!("CREATE STREAM a AS SELECT * FROM b");
        };
        for ((method, path, body), status, words) in [
            (put("{}".into()), 400, "\"engine\": \"flink\""),
            (put(defined(|body| body["engine"] = json!("spark"))), 400, "spark"),
            (put(defined(|body| body["more"] = json!(1))), 400, "unknown field"),
            (put(defined(|body| body["output"] = json!("secret"))), 422, "never governed"),
            (put(defined(|body| body["statement"] = json!("DROP TABLE a"))), 422, "must be the job"),
            (
                put(defined(|body| {
                    body["statement"] = json!("INSERT INTO a /*+ OPTIONS('x.password'='p') */ SELECT 1")
                })),
                422,
                "credentials",
            ),
            (put(defined(of_ksqldb)), 201, ""),
            (("POST", "/use-cases/shop/carts/execute", String::new()), 409, "set ksqldb.url"),
            (("POST", "/use-cases/shop/carts/stop", String::new()), 409, "does not run"),
            (("POST", "/use-cases/shop/none/execute", String::new()), 404, "PUT /use-cases/shop/none"),
            (("POST", "/drafts", "{\"use_case\": \"shop/none\"}".into()), 404, "GET /use-cases"),
        ] {
            let answer = send(&served, method, path, "", &body);
            let said = answer.body["message"].as_str().unwrap_or_default().to_owned();
            assert_eq!(
                (answer.status, said.contains(words)),
                (status, true),
                "{method} {path} {body}: {:#}",
                answer.body
            );
        }
    });
    served.stop();
}

#[test]
fn a_form_does_what_rest_does() {
    let served = Served::start(with_engine);
    let head = format!("Accept: text/html\r\nCookie: {COOKIE}\r\nContent-Type: application/x-www-form-urlencoded\r\n");
    let post = |path: &str, fields: &str| send(&served, "POST", path, &head, &format!("{}&{fields}", signed()));
    decided(&served, || {
        let form = "domain=shop&name=carts&engine=flink&title=Carts&inputs=shop.orders%2C+shop.more&output=shop.carts&statement=";
        let bad = post("/use-cases", &format!("{form}DROP+TABLE+a"));
        let text = bad.body.as_str().unwrap();
        assert!(
            bad.status == 200 && text.contains("must be the job") && text.contains("DROP TABLE a"),
            "what was typed stands there again"
        );
        let made = post("/use-cases", &format!("{form}INSERT+INTO+a+SELECT+1"));
        assert_eq!((made.status, made.header("location")), (303, Some(PLACE)));
        assert_eq!(served.json(PLACE).1["inputs"], json!(["shop.more", "shop.orders"]));
        let act = |wish: &str| post(PLACE, &format!("do={wish}"));
        assert_eq!(act("execute").header("location"), Some(PLACE));
        assert!(act("execute").body.as_str().unwrap().contains("runs already"));
        assert_eq!(act("stop").status, 303);
        assert_eq!(served.json(PLACE).1["run"]["state"], "cancelled");
        let page = send(&served, "GET", PLACE, "Accept: text/html\r\n", "");
        assert!(page.body.as_str().unwrap().contains("It was stopped"));
        assert_eq!(act("delete").header("location"), Some("/use-cases"));
    });
    served.stop();
}
