//! What operators do to a running daemon: pause, resume, ask any worker; and topics that appear and grow.

use crate::broker::shared;
use crate::mesh::Mesh;
use crate::worker::{Worker, pause};
use serde_json::Value;
use std::collections::BTreeMap;
use std::time::{Duration, Instant};

/// Wishes are looked for every 2 s, and a pause waits for a flush; the rest is for a machine that runs other tests too.
const OBEYED_WITHIN: Duration = Duration::from_secs(20);
/// What a worker owned is another's: its session ends after 6 s, and a hole that the group leaves is healed after 30 s more.
const TAKEN_OVER_WITHIN: Duration = Duration::from_secs(45);
/// A new topic or partition is read within this, as the documentation says.
const SEEN_WITHIN: Duration = Duration::from_secs(10);
/// What a machine that runs other tests too may add.
const SLACK: Duration = Duration::from_secs(5);

#[test]
fn a_product_paused_under_load_goes_on_where_it_stood_whoever_owns_it_then() {
    let mesh = Mesh::new(shared(), "paused", 4, "");
    let (a, mut b) = (mesh.worker("a").ready(), mesh.worker("b").ready());
    let product = "/products/shop/paused";
    let b = mesh.under_load(500, || {
        pause(6_000); // both own partitions, and have flushed
        assert_eq!(b.ask("PUT", &format!("{product}/pause")).0, 202);
        until(OBEYED_WITHIN, "all is paused", || {
            let words = partitions(&a, product);
            (words.len() == 4 && words.values().all(|word| word == "PAUSED")).then_some(())
        });
        assert_eq!(state(&a, product), "PAUSED");
        let committed = mesh.broker.committed(&mesh.group, &mesh.topic);

        // Its partitions move while they are paused, and stay so.
        b.signal("TERM");
        assert!(b.wait(Duration::from_secs(10)).success());
        pause(7_000); // its session ends
        until(OBEYED_WITHIN, "one worker holds all, paused", || {
            let words = partitions(&a, product);
            (words.len() == 4 && words.values().all(|word| word == "PAUSED")).then_some(())
        });
        assert_eq!(a.metric("steward_paused_partitions"), Some(4.0));
        let b = mesh.worker("b").ready();
        assert_eq!(mesh.broker.committed(&mesh.group, &mesh.topic), committed, "a paused topic was read");

        assert_eq!(a.ask("PUT", &format!("{product}/resume")).0, 202);
        until(OBEYED_WITHIN, "all is read again", || {
            let words = partitions(&b, product);
            (words.len() == 4 && words.values().all(|word| word == "RUNNING")).then_some(())
        });
        assert_eq!(a.ask("POST", &format!("{product}/restart")).0, 204);
        pause(3_000);
        b
    });
    let verdicts = mesh.judged(&[&a, &b]);
    mesh.unbroken(&verdicts);
}

#[test]
fn new_topics_and_partitions_are_read_within_ten_seconds() {
    let mesh = Mesh::new(shared(), "appears", 1, "");
    let worker = mesh.worker("a").ready();
    let topic = "appears.later";
    mesh.put_contract_of("later", topic);
    until(OBEYED_WITHIN, "the contract is in force", || (worker.get("/products/shop/later").0 == 200).then_some(()));
    let live = |count: usize| {
        until(SEEN_WITHIN + SLACK, "its partitions are read", || {
            let words = partitions(&worker, "/products/shop/later");
            (words.len() == count && words.values().all(|word| word == "RUNNING")).then_some(())
        })
    };
    mesh.broker.create_topic(topic, 2, &[]);
    println!("a new topic was read after {:?}", live(2));
    mesh.broker.add_partitions(topic, 5);
    println!("new partitions were read after {:?}", live(5));
}

#[test]
fn any_worker_answers_for_all_until_one_is_gone() {
    let mesh = Mesh::new(shared(), "asked", 4, "");
    let (a, mut b) = (mesh.worker("a").ready(), mesh.worker("b").ready());
    let product = "/products/shop/asked";
    let workers = |worker: &Worker| -> BTreeMap<String, String> {
        let (_, body) = worker.get("/workers");
        let body: Vec<Value> = serde_json::from_str(&body).unwrap_or_default();
        body.iter().map(|w| (word(&w["worker_id"]), word(&w["state"]))).collect()
    };
    mesh.under_load(200, || {
        until(Duration::from_secs(30), "both say that one owner judged it, and read it together", || {
            let (of_a, of_b) = (status(&a, product), status(&b, product));
            let owner = word(&of_a["product"]["worker_id"]);
            let judged = [&of_a, &of_b].iter().all(|s| s["quality"]["last_window"].is_object());
            let same = owner == word(&of_b["product"]["worker_id"]) && !owner.is_empty();
            (judged && same && partitions(&a, product) == partitions(&b, product) && workers(&a).len() == 2)
                .then_some(())
        });
    });
    until(OBEYED_WITHIN, "both show one profile, and what can be read of it", || {
        let told = |worker: &Worker| {
            let info: Value = serde_json::from_str(&worker.get(product).1).unwrap_or_default();
            let history = &info["history"][0];
            let is_told = history["earliest"].is_string() && history["retention"].is_object();
            (worker.get(&format!("{product}/profile")), is_told.then(|| history["records_at_most"].clone()))
        };
        let (of_a, of_b) = (told(&a), told(&b));
        (of_a.0.0 == 200 && of_a.1.is_some() && of_a == of_b).then_some(()).ok_or_else(|| format!("{of_a:?} {of_b:?}"))
    });
    b.kill_9();
    until(Duration::from_secs(25), "the other one is missed", || {
        (workers(&a).get("asked-b").is_some_and(|state| state == "UNASSIGNED")).then_some(())
    });
    let b = mesh.worker("b").ready();
    until(OBEYED_WITHIN, "it is back", || workers(&a).values().all(|state| state == "RUNNING").then_some(()));
    let mut a = a;
    a.signal("TERM");
    assert!(a.wait(Duration::from_secs(10)).success());
    let forgotten = until(OBEYED_WITHIN, "one that says farewell is forgotten", || {
        let known = workers(&b);
        (known.len() == 1).then_some(()).ok_or_else(|| format!("{known:?}"))
    });
    until(TAKEN_OVER_WITHIN, "what it owned is the other one's", || {
        let status = status(&b, product);
        let owner = word(&status["product"]["worker_id"]);
        (owner == "asked-b").then_some(()).ok_or_else(|| format!("forgotten after {forgotten:?}, then {status:#}"))
    });
}

fn status(worker: &Worker, product: &str) -> Value {
    serde_json::from_str(&worker.get(&format!("{product}/status")).1).unwrap_or_default()
}

fn state(worker: &Worker, product: &str) -> String {
    word(&status(worker, product)["product"]["state"])
}

/// The partitions of a product's topics and how each stands, over all workers.
fn partitions(worker: &Worker, product: &str) -> BTreeMap<i64, String> {
    let status = status(worker, product);
    let tasks = status["tasks"].as_array().cloned().unwrap_or_default();
    let of_task = |task: Value| task["partitions"].as_array().cloned().unwrap_or_default();
    tasks.into_iter().flat_map(of_task).map(|p| (p["partition"].as_i64().unwrap_or(-1), word(&p["state"]))).collect()
}

fn word(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

/// Asks until it holds; how long that took.
fn until<T: Holds>(limit: Duration, what: &str, mut holds: impl FnMut() -> T) -> Duration {
    let started = Instant::now();
    while let Some(seen) = holds().lacks() {
        assert!(started.elapsed() < limit, "not within {limit:?}: {what} {seen}");
        pause(200);
    }
    started.elapsed()
}

/// Whether it holds; else what is seen instead, where that says more.
trait Holds {
    fn lacks(self) -> Option<String>;
}

impl<T> Holds for Option<T> {
    fn lacks(self) -> Option<String> {
        self.is_none().then(String::new)
    }
}

impl<T> Holds for Result<T, String> {
    fn lacks(self) -> Option<String> {
        self.err()
    }
}
