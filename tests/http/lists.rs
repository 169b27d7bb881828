//! Lists in pages, and what stands behind one item of them: an incident with its records, what of a product can be read.

use crate::operators::prepare;
use crate::served::{START_MS, Served, product};
use mesh_steward::catalog::offsets::{Kept, Retention};
use mesh_steward::catalog::portrait::{Portrait, Source};
use mesh_steward::engine::published::lifecycle::Lifecycle;
use serde_json::{Value, json};

#[test]
fn what_can_be_read_of_a_product_is_told_as_far_as_brokers_tell_it() {
    let served = Served::start(prepare);
    let told = || served.json("/products/sales/orders").1["history"].clone();
    let known = json!([{
        "topic": "shop.orders", "records_at_most": 110, "earliest": null, "retention": null, "as_of": "2025-11-24T16:00:00Z",
    }]);
    assert_eq!(told(), known, "offsets are looked at first");
    let check = |retention: Option<(i64, i64, bool, bool)>, expected: Value| {
        let of = |(ms, bytes, compacts, deletes)| Retention { ms, bytes, compacts, deletes };
        let kept = Kept { at_ms: START_MS + 1_000, earliest_ms: Some(START_MS - 60_000), retention: retention.map(of) };
        served.board.set_kept([("shop.orders".to_owned(), kept)].into());
        assert_eq!(told()[0]["retention"], expected);
        assert_eq!(told()[0]["earliest"], "2025-11-24T15:59:00Z");
        assert_eq!(told(), json!([served.json("/topics/shop.orders").1["history"]]));
    };
    check(None, Value::Null);
    let bounds = |ms: Option<i64>, bytes: Option<i64>, compacted: bool| json!({"ms": ms, "bytes_per_partition": bytes, "compacted": compacted});
    check(Some((604_800_000, -1, false, true)), bounds(Some(604_800_000), None, false));
    check(Some((-1, 1_000, true, true)), bounds(None, Some(1_000), true));
    // What is only compacted keeps the newest record of each key, however old.
    check(Some((604_800_000, 1_000, true, false)), bounds(None, None, true));
}

#[test]
fn an_incident_is_found_by_its_id_with_the_records_that_broke_its_rule() {
    let served = Served::start(prepare);
    let listed = served.json("/incidents").1;
    let id = listed[0]["id"].as_str().unwrap();
    let (status, incident) = served.json(&format!("/incidents/{id}"));
    assert_eq!(
        (status, &incident["rule"], &incident["product"]),
        (200, &json!("amount.required"), &json!("sales/orders"))
    );
    assert_eq!(incident["records"], json!([]), "no window has told a record");
    let page = served.ask_for("/incidents/".to_owned() + id, "text/html");
    assert!(page.starts_with("HTTP/1.1 200") && page.contains("<html"), "the page has the same address");
}

/// Follows `Link` to the end; what each page held.
fn pages(served: &Served, path: &str) -> Vec<Value> {
    let (mut found, mut next) = (Vec::new(), Some(path.to_owned()));
    while let Some(path) = next {
        let (status, answer) = served.ask("GET", &path);
        assert_eq!(status, 200, "{path}: {answer}");
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        found.push(serde_json::from_str(body).unwrap());
        let link = head.lines().find_map(|line| line.strip_prefix("link: <"));
        next = link.map(|link| link.strip_suffix(">; rel=\"next\"").unwrap().to_owned());
        assert!(found.len() < 20, "{path} has no end");
    }
    found
}

#[test]
fn every_list_comes_in_pages_that_hold_together_what_it_holds() {
    let served = Served::start(prepare);
    let items = |page: &Value| match page {
        Value::Array(items) => items.clone(),
        Value::Object(of) if of.contains_key("offsets") => of["offsets"].as_array().unwrap().clone(),
        Value::Object(of) => {
            let lists = of.values().filter_map(Value::as_array);
            let all: Vec<Value> = lists.flatten().cloned().collect();
            if all.is_empty() { of.keys().map(|key| json!(key)).collect() } else { all }
        }
        _ => panic!("no list: {page}"),
    };
    for (path, at_least) in [
        ("/products", 2),
        ("/products?expand=status&expand=info", 2),
        ("/contracts", 1),
        ("/topics", 4),
        ("/topics?governed=true", 2),
        ("/topics?governed=false", 2),
        ("/domains", 1),
        ("/policies", 0),
        ("/incidents", 1),
        ("/incidents?state=open", 1),
        ("/products/sales/orders/incidents", 1),
        ("/products/sales/orders/offsets", 2),
        ("/workers", 1),
        ("/drafts", 0),
        ("/use-cases", 0),
        ("/audit", 0),
    ] {
        let whole: Vec<Value> = pages(&served, path).iter().flat_map(items).collect();
        assert!(whole.len() >= at_least, "{path}: {whole:?}");
        let sign = if path.contains('?') { '&' } else { '?' };
        let parts = pages(&served, &format!("{path}{sign}limit=1"));
        let strip = |items: Vec<Value>| {
            items
                .into_iter()
                .map(|mut item| {
                    // Heard at the moment of asking.
                    item.as_object_mut().map(|of| of.remove("last_heartbeat"));
                    item.to_string()
                })
                .collect::<std::collections::BTreeSet<_>>()
        };
        assert_eq!(strip(parts.iter().flat_map(items).collect()), strip(whole.clone()), "{path}");
        assert!(
            parts.iter().all(|page| items(page).len() <= 1) && parts.len() == whole.len().max(1),
            "{path}: {parts:?}"
        );
        let (status, answer) = served.ask("GET", &format!("{path}{sign}limit=0"));
        assert!(status == 400 && answer.contains("limit=0 is no number above 0"), "{path}: {answer}");
    }
}

#[test]
fn products_are_chosen_by_facets_and_found_by_what_is_said_of_them() {
    let served = Served::start(prepare);
    served.board.edit(|directory| {
        let of = |tier: &str, tags: &[&str], lifecycle| Portrait {
            text: Some(format!("What tier {tier} is for")),
            tier: Some(tier.into()),
            tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
            lifecycle: Some(lifecycle),
            sources: [("tier", Source::Registry)].into(),
            ..Portrait::default()
        };
        directory.portraits = [
            (product("orders"), of("1", &["retail", "pii"], Lifecycle::Active)),
            (product("returns"), of("2", &["retail"], Lifecycle::Deprecated)),
        ]
        .into();
    });
    let (orders, returns) = ("sales/orders", "sales/returns");
    let check = |query: &str, expected: &[&str]| {
        assert_eq!(served.json(&format!("/products?{query}")).1, json!(expected), "{query}");
        let found = served.json(&format!("/search?q=sales/&{query}")).1;
        let names: Vec<&Value> = found["products"].as_array().unwrap().iter().map(|of| &of["product"]).collect();
        assert_eq!(json!(names), json!(expected), "search {query}");
    };
    check("", &[orders, returns]);
    check("tier=1", &[orders]);
    check("tier=1&tier=2", &[orders, returns]);
    check("tier=3", &[]);
    check("lifecycle=deprecated", &[returns]);
    check("tag=retail&tag=none", &[orders, returns]);
    check("tag=pii&tier=2", &[]);
    check("domain=sales&owner=order%20desk", &[orders, returns]);
    check("domain=hr", &[]);
    check("verdict=fail", &[orders]);
    check("verdict=unknown&verdict=pass", &[returns]);
    for wrong in ["lifecycle=old", "verdict=good", "lifecycle=active&lifecycle=x"] {
        let (status, answer) = served.json(&format!("/products?{wrong}"));
        assert!(
            status == 400 && answer["message"].as_str().unwrap().contains("means nothing here"),
            "{wrong}: {answer}"
        );
    }
    let found = |q: &str| served.json(&format!("/search?q={q}")).1["products"].clone();
    assert_eq!(found("PII")[0]["product"], orders, "by a tag");
    assert_eq!(found("tier%202%20is")[0]["product"], returns, "by what it is for");
    let info = served.json("/products/sales/orders").1;
    assert_eq!(
        (&info["tier"], &info["said_by"]["tier"], &info["lifecycle"]),
        (&json!("1"), &json!("registry"), &json!("active"))
    );
    let page = served.ask_for("/?tier=2", "text/html");
    assert!(
        page.contains("name=\"lifecycle\" value=\"deprecated\"") && page.contains("name=\"tier\" value=\"2\" checked"),
        "{page}"
    );
    // Above the list it is told what is broken, whatever is chosen.
    let rows = page.split("data-list").nth(1).unwrap();
    assert!(rows.contains("/products/sales/returns") && !rows.contains("/products/sales/orders"), "{page}");
}
