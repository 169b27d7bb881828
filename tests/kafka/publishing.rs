//! Products published through any of two workers: both show the same within a second, and of two changes one wins.

use crate::broker::shared;
use crate::mesh::Mesh;
use crate::verdicts::malformed;
use crate::worker::{Worker, pause};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// What the interface promises, and what a machine that runs other tests too may add.
const SHOWN_WITHIN: Duration = Duration::from_secs(1);
const SLACK: Duration = Duration::from_secs(4);
const AUDITED_WITHIN: Duration = Duration::from_secs(20);

const POLICIES: &str =
    "kind: Policies\npolicies:\n- {id: owned, about: product, title: it has an owner, rule: \"product.owner != ''\"}\n";

fn contract(version: &str) -> String {
    format!(
        "apiVersion: v3.1.0\nkind: DataContract\nid: carts\nversion: {version}\nstatus: active\nname: carts\ndomain: shop\n\
         schema:\n  - name: carts\n    physicalName: published.carts\n    physicalType: topic\n    properties:\n\
         \x20     - {{name: id, logicalType: string, required: true}}\n"
    )
}

/// Status, ETag and body.
pub fn send(worker: &Worker, method: &str, path: &str, tag: Option<&str>, body: &str) -> (u16, String, Value) {
    let config =
        ureq::Agent::config_builder().timeout_global(Some(Duration::from_secs(40))).http_status_as_error(false);
    let agent: ureq::Agent = config.allow_non_standard_methods(true).build().into();
    let mut request = ureq::http::Request::builder().method(method).uri(format!("http://{}{path}", worker.address()));
    if let Some(tag) = tag {
        request = request.header("If-Match", tag);
    }
    let mut answer = agent.run(request.body(body.to_owned()).unwrap()).unwrap();
    let tag = answer.headers().get("etag").and_then(|tag| tag.to_str().ok()).unwrap_or_default().to_owned();
    let text = answer.body_mut().read_to_string().unwrap_or_default();
    (answer.status().as_u16(), tag, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

/// How long until a worker answers so.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let started = Instant::now();
    while !holds() {
        assert!(started.elapsed() < SHOWN_WITHIN + SLACK, "{what}: not after {:?}", started.elapsed());
        pause(20);
    }
    println!("{what}: after {:?}", started.elapsed());
}

#[test]
fn two_workers_show_one_catalog_and_of_two_changes_one_wins() {
    let mesh = Mesh::new(shared(), "published", 1, "policies.paths: [policies]\n");
    std::fs::create_dir(mesh.folder().join("policies")).unwrap();
    std::fs::write(mesh.folder().join("policies/mesh.yaml"), POLICIES).unwrap();
    mesh.broker.create_topic("published.carts", 1, &[]);
    let (a, b) = (mesh.worker("a").ready(), mesh.worker("b").ready());
    let (product, text) = ("/products/shop/carts", "/products/shop/carts/contract");

    let (status, _, told) = send(&a, "PUT", "/products/shop/published/contract", None, &contract("1.0.0"));
    assert_eq!(status, 409, "a file holds it: {told:#}");
    let (status, mut tag, told) = send(&a, "POST", "/products?reason=test", None, &contract("1.0.0"));
    assert_eq!((status, &told["revision"]), (201, &1.into()), "{told:#}");
    assert_eq!(a.get(product).0, 200, "who took it shows it at once");
    until("the other worker shows it", || send(&b, "GET", text, None, "").1 == tag);
    let governed = |worker: &Worker| worker.get(&format!("{product}/status")).1.contains("published.carts");
    until("its topic is governed by both", || governed(&a) && governed(&b));

    for round in 1..=3 {
        let next = contract(&format!("1.{round}.0"));
        let ask = |worker| send(worker, "PUT", text, Some(&tag), &next.replace("id: carts", "# mine\nid: carts"));
        let other = |worker| send(worker, "PUT", text, Some(&tag), &next);
        let (one, two) = std::thread::scope(|scope| {
            let (one, two) = (scope.spawn(|| ask(&a)), scope.spawn(|| other(&b)));
            (one.join().unwrap(), two.join().unwrap())
        });
        let mut statuses = [one.0, two.0];
        statuses.sort();
        assert_eq!(statuses, [200, 409], "one of two wins: {one:#?} {two:#?}");
        let won = if one.0 == 200 { one.1 } else { two.1 };
        assert_ne!(won, tag);
        tag = won;
        until("both show who won", || [&a, &b].iter().all(|worker| send(worker, "GET", text, None, "").1 == tag));
    }

    let (status, _, told) = send(&b, "DELETE", product, Some(&tag), "");
    assert_eq!((status, &told["withdrawn"]), (200, &true.into()), "{told:#}");
    until("it is gone everywhere", || a.get(product).0 == 404 && b.get(product).0 == 404);
    let (status, fresh, told) = send(&a, "POST", "/products", None, &contract("1.0.0"));
    assert_eq!((status, &told["revision"]), (201, &1.into()), "{told:#}");
    assert_ne!(fresh, tag);
    let lines = |worker: &Worker| -> Vec<Value> {
        let (_, body) = worker.get("/audit");
        serde_json::from_str(&body).unwrap_or_default()
    };
    // A refused change of the file's product, three rounds of changes with a loser each, a withdrawal, and two publications. What
    // a worker notes by itself waits for its auditor, whose clients wait for the other tests' brokers.
    let (deadline, mut shown) = (Instant::now() + AUDITED_WITHIN, (lines(&a), lines(&b)));
    while (shown.0.len() < 10 || shown.0 != shown.1) && Instant::now() < deadline {
        pause(100);
        shown = (lines(&a), lines(&b));
    }
    let (all, of_b) = shown;
    assert_eq!(all, of_b, "both show the same audit");
    assert_eq!(all.len(), 10, "{all:#?}");
    let times: Vec<(Timestamp, i64)> =
        all.iter().map(|l| (l["at"].as_str().unwrap().parse().unwrap(), l["id"].as_i64().unwrap())).collect();
    assert!(times.is_sorted_by(|a, b| a > b), "the newest first: {times:?}");
    let of = |outcome: &str| all.iter().filter(|line| line["outcome"] == outcome).count();
    assert_eq!((of("done"), of("refused")), (6, 4), "{all:#?}");
    let line = |key: &str, word: &str| all.iter().find(|line| line[key] == word).unwrap_or(&Value::Null);
    let (first, withdrawn) = (line("reason", "test"), line("action", "product.withdraw"));
    assert_eq!((&first["before"], &first["after"]["revision"]), (&Value::Null, &1.into()), "{all:#?}");
    assert_eq!((&withdrawn["before"]["revision"], &withdrawn["after"]), (&4.into(), &Value::Null), "{all:#?}");
    // In the transactions of the changes, and of verdicts once they are known.
    let events = || -> Vec<(String, Value)> {
        let read = shared().read(&mesh.events);
        let of_catalog = read.iter().map(|event| (event.headers["ce_type"].clone(), event.json()));
        of_catalog.filter(|(_, value)| value["product"] == "shop/carts").collect()
    };
    let told = |kind: &str, events: &[(String, Value)]| -> Vec<Value> {
        let of = events.iter().filter(|(name, _)| name.ends_with(kind));
        of.map(|(_, value)| value.clone()).collect()
    };
    let deadline = Instant::now() + AUDITED_WITHIN;
    while told("policy.v1", &events()).len() < 3 && Instant::now() < deadline {
        pause(100);
    }
    let events = events();
    let said = |kind: &str, of: fn(&Value) -> Value| told(kind, &events).iter().map(of).collect::<Vec<_>>();
    let change = |value: &Value| json!([value["change"], value["revision"]]);
    let changes =
        [("published", 1), ("changed", 2), ("changed", 3), ("changed", 4), ("withdrawn", 4), ("published", 1)];
    let changes = changes.map(|(change, revision)| json!([change, revision]));
    assert_eq!(said("product.v1", change), changes);
    assert_eq!(said("contract.v1", change), changes, "of each contract, too");
    assert_eq!(
        said("policy.v1", |value| json!([value["policy"], value["status"], value["revision"]])),
        [json!(["owned", "fail", 1]), json!(["owned", null, 2]), json!(["owned", "fail", 1])],
        "told by one worker, once: {events:#?}"
    );
    // The file's product, by whichever worker leads.
    let of_file = || -> Vec<Value> {
        let read = shared().read(&mesh.events);
        let of = read.iter().filter(|event| event.headers["ce_type"].ends_with("product.v1")).map(|event| event.json());
        of.filter(|value| value["product"] == "shop/published")
            .map(|value| json!([value["change"], value["revision"]]))
            .collect()
    };
    mesh.put_contract("1.1.0");
    let expected = [json!(["published", 1]), json!(["changed", 2])];
    let deadline = Instant::now() + AUDITED_WITHIN;
    while of_file().len() < expected.len() && Instant::now() < deadline {
        pause(200);
    }
    assert_eq!(of_file(), expected, "told by one worker, once");
    assert_eq!(malformed(shared(), &mesh.events), Vec::<String>::new());
    drop(b);
    let again = mesh.worker("b").ready();
    assert_eq!(send(&again, "GET", text, None, "").1, fresh, "a worker that starts has read it before it is ready");
}
