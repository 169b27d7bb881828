//! Policies of the mesh, as people and Prometheus ask for them.

use crate::operators::prepare;
use crate::served::*;
use mesh_steward::catalog::files::Watcher;
use mesh_steward::catalog::policies::PolicyFiles;
use serde_json::json;
use std::path::Path;
use std::sync::Arc;

/// The example beside the configuration, asked of its contract.
fn mesh() -> Arc<mesh_steward::catalog::policies::Standing> {
    let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("config");
    let mut files = PolicyFiles::new(vec![config.join("policies")]);
    assert!(files.look(true));
    assert_eq!(files.findings(), [], "the example is right");
    let sources = Watcher::new(vec![config.join("contracts")]).look_now().sources;
    let mut standing = files.judge(&sources, Vec::new);
    // The product that is served here.
    standing.judgements.iter_mut().for_each(|judgement| judgement.product = product("orders"));
    Arc::new(standing)
}

#[test]
fn policies_are_listed_with_what_they_say_and_the_broken_ones_are_metered() {
    let served = Served::start(|board| {
        prepare(board);
        board.edit(|directory| directory.policies = mesh());
    });
    let (status, all) = served.json("/policies");
    assert_eq!(status, 200);
    let counts: Vec<_> = all.as_array().unwrap().iter().map(|policy| (&policy["id"], &policy["counts"])).collect();
    let count = |pass: u8, fail: u8, skip: u8| json!({"pass": pass, "fail": fail, "skip": skip, "unknown": 0});
    for (id, expected) in [
        ("active-has-owner", count(1, 0, 0)),
        ("pii-is-classified", count(1, 0, 0)),
        ("tier-1-promises", count(0, 0, 1)),
        ("changes-are-compatible", count(1, 0, 0)),
        ("described", count(0, 1, 0)),
    ] {
        assert!(counts.contains(&(&json!(id), &expected)), "{id}: {counts:?}");
    }
    let (_, one) = served.json("/policies/described");
    assert_eq!(one["verdicts"][0]["status"], "fail", "{one:#}");
    assert_eq!((&one["mode"], &one["about"]), (&json!("observe"), &json!("contract")));
    assert!(one["rule"].as_str().unwrap().contains("description.purpose"));
    let (status, unknown) = served.json("/policies/nobodys");
    assert_eq!((status, &unknown["error_code"]), (404, &json!(404)), "{unknown}");

    let (_, product) = served.json("/products/sales/orders");
    let said: Vec<_> = product["policies"].as_array().unwrap().iter().map(|said| &said["policy"]).collect();
    assert_eq!(said[0], "described", "what is broken comes first: {product:#}");
    assert!(!said.contains(&&json!("tier-1-promises")), "it was not asked");

    let page = served.get("/metrics").body;
    for line in [
        r#"steward_policy_violations{policy="described",mode="observe"} 1"#,
        r#"steward_policy_violations{policy="active-has-owner",mode="enforce"} 0"#,
    ] {
        assert!(page.contains(line), "{line}");
    }
}
