//! `openapi.json` against the table of routes, and every route against bodies and questions that nobody means well with.

use crate::conform::document;
use crate::operators::prepare;
use crate::served::Served;
use mesh_steward::http::routes;
use serde_json::Value;
use std::collections::BTreeSet;

#[test]
fn every_route_is_described_and_every_schema_that_is_named_is_there() {
    let served = Served::start(|_| {});
    let (status, told) = served.json("/openapi.json");
    assert_eq!((status, &told), (200, document()));
    assert_eq!(told["openapi"], "3.1.0");
    let mut operations = BTreeSet::new();
    for row in routes::table() {
        let operation = &told["paths"][row.path][row.method.as_str().to_lowercase()];
        let what = format!("{} {}", row.method, row.path);
        assert!(!row.tells.is_empty() && !row.gives.is_empty(), "{what}: say what it is for, and what it gives");
        assert_eq!(operation["summary"], row.tells, "{what}");
        assert!(operations.insert(operation["operationId"].to_string()), "{what}: an operationId twice");
        let in_path: Vec<&str> = row.path.split('/').filter(|word| word.starts_with('{')).collect();
        let told: Vec<&Value> =
            operation["parameters"].as_array().unwrap().iter().filter(|p| p["in"] == "path").collect();
        assert_eq!(told.len(), in_path.len(), "{what}");
        assert_eq!(operation["security"].is_array(), ["/live", "/ready"].contains(&row.path), "{what}");
    }
    let methods: usize = told["paths"].as_object().unwrap().values().map(|path| path.as_object().unwrap().len()).sum();
    assert_eq!(methods, operations.len());
    let mut named = BTreeSet::new();
    references(&told, &mut named);
    let schemas: BTreeSet<String> = told["components"]["schemas"].as_object().unwrap().keys().cloned().collect();
    assert_eq!(named, schemas, "named, and there");
    // The schemas themselves are of JSON Schema 2020-12.
    for schema in told["components"]["schemas"].as_object().unwrap().values() {
        assert!(jsonschema::meta::is_valid(schema), "{schema}");
    }
}

fn references(value: &Value, found: &mut BTreeSet<String>) {
    match value {
        Value::Object(members) => members.iter().for_each(|(name, value)| match value.as_str() {
            Some(text) if name == "$ref" => drop(found.insert(text.rsplit('/').next().unwrap().to_owned())),
            _ => references(value, found),
        }),
        Value::Array(items) => items.iter().for_each(|item| references(item, found)),
        _ => {}
    }
}

/// A route that has no broker to write to says 503 where its row says so; nothing says 500. That each answer is one that the document
/// knows, `raw` sees to.
#[test]
fn no_route_fails_for_what_it_is_asked() {
    let served = Served::start(|board| {
        prepare(board);
        board.set_cluster_id(""); // nobody is here to carry a wish out
    });
    let deep = "[".repeat(20_000);
    let long = format!("{{\"level\": \"{}\"}}", "x".repeat(30_000));
    let bodies = [
        "",
        "null",
        "[]",
        "{}",
        "0",
        "\"",
        "{\"level\": 7}",
        "{\"lifecycle\": []}",
        "\u{0}",
        "--- \n--- \n",
        "a: &a [*a]",
        "\u{feff}{}",
        "[{\"eventTime\": 1e400}]",
        "{\"eventType\": \"START\", \"run\": null}",
        "apiVersion: v3.1.0\nkind: DataContract\nid: [x]\n",
        &deep,
        &long,
    ];
    let names = [
        "orders",
        "none",
        "%00",
        "%2e%2e",
        "a%2Fb",
        "%F0%9F%90%A6",
        "%FF",
        "x".repeat(3_000).leak(),
        "<script>",
        "'%22%3B--",
    ];
    let queries = [
        "",
        "?",
        "?limit=-1&offset=99999999999999999999&depth=x",
        "?q=%00&state=%FF",
        "?expand=&expand=%F0%9F%90%A6&&=&",
        "?after=x&since=x&nodeId=::",
    ];
    for row in routes::table() {
        for (n, name) in names.iter().enumerate() {
            let path = row.path.replace("{domain}", if n == 0 { "sales" } else { name });
            let path = ["{name}", "{id}", "{namespace}"].iter().fold(path, |path, word| path.replace(word, name));
            let asks = bodies.iter().map(|body| (*body, "")).chain(queries.iter().map(|query| ("{}", *query)));
            // Each body once, and each name once: not all of both.
            let asks: Vec<(&str, &str)> =
                asks.skip(n % 2).step_by(if row.path.contains('{') { 4 } else { 1 }).collect();
            for (body, query) in asks {
                let answer = served.raw(&format!(
                    "{} {path}{query} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
                    row.method,
                    body.len()
                ));
                let status = answer.split(' ').nth(1).unwrap_or_default();
                let known = status < "500" || row.gives.iter().any(|gives| gives.status.to_string() == status);
                assert!(
                    known && status != "500" || row.path == "/health",
                    "{} {path}{query} {body:.80}: {answer}",
                    row.method
                );
            }
            if !row.path.contains('{') {
                break;
            }
        }
    }
}
