//! Pages: who gets one, what it may do in a browser, and that nothing in it speaks but we.

use crate::access::{COOKIE, signed};
use crate::publish::{contract, decided, prepare, send};
use crate::served::*;
use mesh_steward::catalog::board::{Board, TaskState};
use mesh_steward::catalog::directory::{NO_CONTRACT, TopicFacts};
use mesh_steward::catalog::lineage::Lineage;
use mesh_steward::clock::now_ms;
use mesh_steward::engine::audit::Line;
use mesh_steward::engine::contract::name::ProductName;
use mesh_steward::engine::contract::plan::{Binding, Plan, Plans};
use mesh_steward::engine::event::envelope::rfc3339;
use mesh_steward::engine::lineage::graph::{Graph, Limits};
use mesh_steward::engine::lineage::node::Node;
use mesh_steward::engine::lineage::sighting::{Evidence, JobFacts, Round, Sighting, Unresolved};
use std::sync::Arc;
use std::time::Duration;

const HOSTILE: &str = "<script>alert(1)</script>\"'>&";

/// Pages whose JSON stands at the same URL.
const PAGES: [&str; 8] = [
    "/",
    "/products/sales/orders",
    "/products/sales/orders/lineage",
    "/lineage",
    "/incidents",
    "/policies",
    "/topics",
    "/domains/sales",
];

fn judged(board: &Board) {
    board.set_contracts(&plans(&["orders", "returns"]), vec![]);
    go(board, TaskState::Running);
    board.apply(&publication("orders"), LEDGER, now_ms());
}

/// Head and body of what a browser gets, not compressed.
fn page(served: &Served, path: &str, headers: &str) -> String {
    let accept = "Accept: text/html,application/xhtml+xml,*/*;q=0.8";
    served.raw(&format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{accept}\r\n{headers}\r\n"))
}

fn header<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    answer.lines().take_while(|line| !line.is_empty()).find_map(|line| {
        let (known, value) = line.split_once(": ")?;
        known.eq_ignore_ascii_case(name).then_some(value)
    })
}

#[test]
fn one_url_is_a_page_for_browsers_and_json_for_all_others() {
    let served = Served::start(judged);
    for path in PAGES {
        let answer = page(&served, path, "");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
        assert_eq!(header(&answer, "content-type"), Some("text/html; charset=utf-8"), "{path}");
        let varies = answer.lines().filter(|line| line.to_lowercase().starts_with("vary:") && line.contains("accept"));
        assert!(varies.count() >= 1, "{path}: {answer}");
        let json = served.raw(&format!("GET {path} HTTP/1.1\r\nHost: x\r\nAccept: */*\r\nConnection: close\r\n\r\n"));
        assert_eq!(header(&json, "content-type"), Some("application/json"), "{path}");
        assert!(json.to_lowercase().contains("vary: accept"), "{path}: {json}");
        let forced = page(&served, &format!("{path}?format=json"), "");
        assert_eq!(header(&forced, "content-type"), Some("application/json"), "{path}");
    }
    let other = page(&served, "/workers", "");
    assert_eq!(header(&other, "content-type"), Some("application/json"), "what has no page answers as ever");
    assert!(page(&served, "/products/sales/none", "").starts_with("HTTP/1.1 404 "));
}

#[test]
fn a_page_says_the_state_first_and_names_the_rule_that_fails() {
    let served = Served::start(judged);
    let home = page(&served, "/", "");
    assert!(home.contains("<h1>1 of 2 products breaks its contract</h1>"), "{home}");
    assert!(home.contains("The record is missing or null in 3 of 119 records"), "the rule in words: {home}");
    assert!(home.contains("Nothing was judged yet"), "what was not judged has its reason: {home}");
    let product = page(&served, "/products/sales/orders", "");
    assert!(product.contains("1 of 2 rules fails since") && product.contains("50 % used"), "{product}");
    assert!(product.contains("not measured yet"), "a budget without windows is unknown: {product}");
    assert!(product.contains("the record is always there"), "{product}");
    let incidents = page(&served, "/incidents", "");
    let place = incidents.split("href=\"/incidents/").nth(1).and_then(|rest| rest.split('"').next()).unwrap();
    let incident = page(&served, &format!("/incidents/{place}"), "");
    assert!(incident.contains("<h1>The record is missing or null</h1>"), "{incident}");
    assert!(incident.contains("order desk") && incident.contains("What to do"), "{incident}");
    assert!(page(&served, "/incidents/0", "").starts_with("HTTP/1.1 404 "));
    assert!(incidents.contains("<h1>1 incident is open</h1>") && incidents.contains("order desk"), "{incidents}");
    for (query, number) in
        [("q=ret", 1), ("verdict=fail", 1), ("verdict=pass", 0), ("domain=sales", 2), ("q=order+desk", 2)]
    {
        let found = page(&served, &format!("/?{query}"), "");
        assert_eq!(found.matches("<li data-t=").count(), number, "{query}");
    }
}

#[test]
fn names_and_texts_of_others_are_never_markup() {
    let served = Served::start(|board| {
        let mut plans: Plans = plans(&["orders"]);
        let mut plan = only(&mut plans);
        plan.owner = HOSTILE.into();
        plan.product = ProductName { domain: HOSTILE.into(), name: HOSTILE.into() };
        plan.rules[0].name = Some(HOSTILE.into());
        plan.rules[0].severity = Some(HOSTILE.into());
        plans.by_topic = [(HOSTILE.to_owned(), vec![Binding { plan: Arc::new(plan), object: 0 }])].into();
        board.set_contracts(&plans, vec![]);
        let facts = TopicFacts { partitions: 1, ungoverned: Some(NO_CONTRACT.into()) };
        board.set_topics([(format!("t{HOSTILE}"), facts)].into());
    });
    served.lineage.set(hostile_lineage());
    let place = "%3Cscript%3Ealert%281%29%3C%2Fscript%3E%22%27%3E%26";
    let product = format!("/products/{place}/{place}");
    let of = |path: &str| format!("{path}{place}");
    for path in [
        "/",
        "/?q=%3Cscript%3Ealert(1)%3C/script%3E",
        "/incidents",
        "/lineage",
        &of("/lineage?focus=job:n:"),
        &of("/topics?q="),
        "/topics",
        &of("/domains/"),
        &product,
        &format!("{product}/lineage"),
    ] {
        let answer = page(&served, path, "Cookie: theme=\"><script>alert(1)</script>\r\n");
        assert!(answer.starts_with("HTTP/1.1 200 "), "{path}: {answer}");
        assert!(!answer.contains("<script>alert"), "{path}: {answer}");
        assert!(path == "/incidents" || answer.contains("&lt;script&gt;alert(1)"), "{path} shows it as text");
    }
}

/// A job of that name writes the product's topic, and reads another.
fn hostile_lineage() -> Lineage {
    let (topic, job) = (Node::dataset("n", HOSTILE), Node::job("n", HOSTILE));
    let sighting = |from: &Node, to: &Node| Sighting {
        from: from.clone(),
        to: to.clone(),
        evidence: Evidence::Observed,
        confidence: 1.0,
        detail: [("lag_records".to_owned(), HOSTILE.to_owned())].into(),
    };
    let facts = JobFacts {
        node: job.clone(),
        kind: HOSTILE.into(),
        state: HOSTILE.into(),
        description: None,
        detail: [("owner".to_owned(), HOSTILE.to_owned())].into(),
    };
    let mut graph = Graph::new(Limits::default());
    graph.apply(Round {
        collector: HOSTILE.into(),
        at_ms: now_ms(),
        complete: true,
        sightings: vec![sighting(&topic, &job), sighting(&job, &Node::dataset(HOSTILE, HOSTILE))],
        jobs: vec![facts],
        unresolved: vec![Unresolved { what: HOSTILE.into(), why: HOSTILE.into() }],
    });
    Lineage { namespace: "n".into(), graph, leads: true, at_ms: now_ms() }
}

/// The plan of the only product, taken out of what holds it.
fn only(plans: &mut Plans) -> Plan {
    let (_, bindings) = plans.by_topic.pop_first().unwrap();
    Arc::into_inner(bindings.into_iter().next().unwrap().plan).unwrap()
}

#[test]
fn a_browser_may_load_nothing_but_our_style_and_script() {
    let served = Served::start(judged);
    for path in PAGES.into_iter().chain(["/products/sales/none", "/incidents/none", "/policies/none"]) {
        let answer = page(&served, path, "");
        let policy = header(&answer, "content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; style-src 'self'; script-src 'self'"), "{path}: {policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert!(!answer.contains(" style=") && !answer.contains(" onclick="), "{path}: {answer}");
        let away = answer.split(['"', '\'']).filter(|part| part.starts_with("http") && !part.starts_with("http-equiv"));
        assert_eq!(away.collect::<Vec<_>>(), Vec::<&str>::new(), "{path} asks nobody else");
    }
}

#[test]
fn what_a_browser_has_is_not_sent_again() {
    let served = Served::start(|board| board.set_contracts(&plans(&["orders"]), vec![]));
    let home = page(&served, "/", "");
    let tag = header(&home, "etag").unwrap();
    let again = page(&served, "/", &format!("If-None-Match: {tag}\r\n"));
    assert!(again.starts_with("HTTP/1.1 304 ") && again.ends_with("\r\n\r\n"), "{again}");
    let dark = page(&served, "/", &format!("If-None-Match: {tag}\r\nCookie: a=b; theme=dark\r\n"));
    assert!(dark.starts_with("HTTP/1.1 200 ") && dark.contains("data-theme=\"dark\""), "{dark}");
    let asked = page(&served, "/?theme=dark", "Cookie: theme=light\r\n");
    assert!(asked.contains("data-theme=\"dark\""), "a link shows what its sender saw: {asked}");
    for (kind, marker) in [("css", "href=\"/assets/"), ("js", "src=\"/assets/")] {
        let name = home.split(marker).nth(1).unwrap().split('"').next().unwrap();
        let asset = page(&served, &format!("/assets/{name}"), "");
        assert!(asset.starts_with("HTTP/1.1 200 ") && name.ends_with(kind), "{name}: {asset}");
        assert!(header(&asset, "cache-control").unwrap().contains("immutable"), "{name}");
    }
    assert!(page(&served, "/assets/steward-0.css", "").starts_with("HTTP/1.1 404 "));
}

/// What a browser gets with gzip, in bytes.
fn packed(served: &Served, path: &str) -> usize {
    let ask = format!(
        "GET {path} HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\nAccept-Encoding: br, gzip\r\nConnection: close\r\n\r\n"
    );
    let answer = served.raw(&ask);
    assert_eq!(header(&answer, "content-encoding"), Some("gzip"), "{path}");
    header(&answer, "content-length").unwrap().parse().unwrap()
}

#[test]
fn the_first_page_is_sixty_kilobytes_at_most_with_a_thousand_products() {
    let names: Vec<String> = (0..1_000).map(|number| format!("product_{number}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let served = Served::start(|board| board.set_contracts(&plans(&names), vec![]));
    let home = page(&served, "/", "");
    assert!(home.contains("1,000 products") && home.contains("search or filter for the others"), "{}", home.len());
    let assets: Vec<&str> = home.split("\"/assets/").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert_eq!(assets.len(), 2);
    let sent =
        packed(&served, "/") + assets.iter().map(|name| packed(&served, &format!("/assets/{name}"))).sum::<usize>();
    assert!(sent <= 60_000, "{sent} bytes are sent");
}

/// The audit is read back from its topic, which takes a moment; a browser without script does not ask again by itself.
#[test]
fn the_page_behind_a_withdrawal_has_its_line() {
    let served = Served::start(prepare);
    let head = format!("Accept: text/html\r\nCookie: {COOKIE}\r\nContent-Type: application/x-www-form-urlencoded\r\n");
    decided(&served, || {
        assert_eq!(send(&served, "POST", "/products", "", &contract("1.0.0", "")).status, 201);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                std::thread::park_timeout(Duration::from_millis(300));
                let (product, action) = (Some("shop/carts".to_owned()), "product.withdraw".to_owned());
                let line = Line { at: rfc3339(now_ms()), product, action, outcome: "done".into(), ..Line::default() };
                served.trail.add([(1, line)]);
            });
            let path = "/products/shop/carts/withdraw";
            let gone = send(&served, "POST", path, &head, &format!("{}&name=carts", signed()));
            let next = gone.header("location").unwrap();
            assert!(gone.status == 303 && next.starts_with("/audit?"), "{} {next}", gone.status);
            assert!(page(&served, next, "").contains("withdraws"));
        });
    });
    served.stop();
}
