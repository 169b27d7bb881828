//! Products that SQL derives from others, by a real Flink.

use crate::broker::flink;
use serde_json::json;

/// What the other tests take for granted.
#[test]
fn flink_runs_a_statement() {
    let flink = match flink::shared() {
        Ok(flink) => flink,
        Err(why) => return println!("skipped: {why}"),
    };
    let rows = flink.sql(&["SHOW CURRENT CATALOG", "SHOW CURRENT DATABASE"]).unwrap();
    let fields: Vec<_> = rows.iter().map(|row| &row["results"]["data"][0]["fields"][0]).collect();
    assert_eq!(fields, [&json!("default_catalog"), &json!("default_database")]);
    let why = flink.sql(&["SELECT 1 FROM nowhere"]).unwrap_err();
    assert!(why.contains("Object 'nowhere' not found"), "{why}");
    assert!(flink::call("GET", &format!("{}/jobs/overview", flink.jobs), None).unwrap()["jobs"].is_array());
}
