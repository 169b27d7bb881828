//! Events of the catalog: products and contracts that are published, changed and withdrawn, and what policies say of them.

use crate::{START_MS, header, keeps_its_schema, product, source, value_of};
use mesh_steward::engine::contract::name::ProductName;
use mesh_steward::engine::event::catalog::{self, Changed};
use mesh_steward::engine::event::envelope::{Event, MAX_VALUE_BYTES};
use mesh_steward::engine::event::policy::{self, Place, Said, Told};
use mesh_steward::engine::published::change::By;
use mesh_steward::engine::published::contracts;
use mesh_steward::engine::published::entry::Entry;
use mesh_steward::engine::published::lifecycle::Lifecycle;
use serde_json::json;
use std::ops::Add;

#[test]
fn every_change_of_the_catalog_keeps_its_schema() {
    let product = product();
    let check = |what: &str, before: Option<&Entry>, after: Option<&Entry>, kinds: &[&str]| {
        let events = changed(&product, before, after);
        let found: Vec<String> = events.iter().map(|event| header(event, "ce_type")).collect();
        let kinds: Vec<String> = kinds.iter().map(|kind| format!("io.meshsteward.{kind}")).collect();
        assert_eq!(found, kinds, "{what}");
        for event in &events {
            keeps_its_schema(what, &header(event, "ce_type").replace("io.meshsteward.", "").add(".json"), event);
        }
        assert_eq!(events, changed(&product, before, after), "{what}: told twice it is the same");
    };
    let (one, two) = (entry(1, &["1.0.0"]), entry(2, &["2.0.0"]));
    let deprecated = Entry {
        lifecycle: Lifecycle::Deprecated,
        successor: Some("sales/orders-v2".into()),
        end_of_life: Some("2027-01-31".into()),
        ..entry(2, &["1.0.0"])
    };
    let (both, many) = (["product.v1", "contract.v1"], entry(1, &["1.0.0"; 600]));
    check("a new one", None, Some(&one), &both);
    check("a changed one", Some(&one), Some(&two), &both);
    check("a deprecated one", Some(&one), Some(&deprecated), &["product.v1"]);
    check("one that is gone", Some(&deprecated), None, &both);
    check(
        "one that cannot be read",
        None,
        Some(&Entry { contracts: vec!["{".into()], ..one.clone() }),
        &["product.v1"],
    );
    let large = changed(&product, None, Some(&many));
    assert!(large.iter().all(|event| event.value.len() <= MAX_VALUE_BYTES));
    assert_eq!(value_of(&large[0])["omitted"], 1_000, "500 contracts and their topics are not listed");
    let ids = |before, after| changed(&product, before, after).iter().map(|e| header(e, "ce_id")).collect::<Vec<_>>();
    assert_ne!(ids(None, Some(&one)), ids(Some(&one), None));
    assert_ne!(ids(None, Some(&one)), ids(None, Some(&Entry { changed_ms: 9, ..one.clone() })), "published again");
    let value = value_of(&changed(&product, Some(&one), Some(&two))[1]);
    assert_eq!((&value["breaking"], &value["previous"]), (&json!(true), &json!("1.0.0")), "{value:#}");
}

#[test]
fn every_verdict_of_a_policy_keeps_its_schema() {
    let told =
        |status: &str, revision| Told { revision, status: status.into(), reason: "no team".into(), since_ms: START_MS };
    let (fail, pass) = (told("fail", 1), told("pass", 2));
    let mut ids = std::collections::BTreeSet::new();
    for contract in [None, Some("orders-contract".to_owned())] {
        let place = Place { policy: "owned".into(), product: product(), contract };
        for (is, was, verdict) in
            [(Some(&fail), None, "fail"), (Some(&pass), Some(&fail), "pass"), (None, Some(&pass), "skip")]
        {
            let mode = is.map(|_| "enforce");
            let said = Said {
                place: &place,
                title: "it has an owner",
                remedy: "name a team",
                mode,
                owner: "",
                is,
                was,
                time_ms: START_MS,
            };
            let event = policy::event(&source(), &said);
            keeps_its_schema(verdict, "policy.v1.json", &event);
            assert_eq!(header(&event, "ce_verdict"), verdict);
            assert!(ids.insert(header(&event, "ce_id")), "{said:?}");
        }
    }
}

/// One contract of each version.
pub fn entry(revision: u64, versions: &[&str]) -> Entry {
    let contract = |(number, version): (usize, &&str)| {
        let field = if *version == "1.0.0" { "id" } else { "sku" };
        format!(
            "apiVersion: v3.1.0\nkind: DataContract\nid: orders-{number}\nversion: {version}\nstatus: active\nname: orders\ndomain: sales\n\
             team: {{name: order desk}}\nschema:\n- name: orders\n  physicalName: shop.orders\n  physicalType: topic\n  properties:\n  \
             - {{name: {field}, logicalType: string, required: true}}\n"
        )
    };
    Entry {
        revision,
        lifecycle: Lifecycle::Active,
        successor: None,
        end_of_life: None,
        contracts: versions.iter().enumerate().map(contract).collect(),
        product: None,
        changed_ms: START_MS,
        changed_by: "jane".into(),
    }
}

/// The events of a change; what changed of a contract is compared as publishing does.
pub fn changed(product: &ProductName, before: Option<&Entry>, after: Option<&Entry>) -> Vec<Event> {
    let read =
        |entry: Option<&Entry>| entry.and_then(|entry| contracts::read(&entry.contracts).ok()).unwrap_or_default();
    let differences = contracts::compared(&read(before), &read(after)).unwrap_or_default();
    let reason = Some("the desk asked for it".to_owned());
    let by = By { actor: "jane".into(), reason, correlation: "order-7".into(), ..By::default() };
    let changed = Changed { product, before, after, differences: &differences, by: &by, time_ms: START_MS };
    catalog::events(&source(), &changed)
}
