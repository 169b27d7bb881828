//! Changes of a published product, one after the other, as different people ask for them.

use super::*;

const NOW_MS: i64 = 1_764_000_000_000; // 2025-11-24

fn contract(version: &str, status: &str, more: &str) -> String {
    format!(
        "apiVersion: v3.1.0\nkind: DataContract\nid: orders\nversion: {version}\nstatus: {status}\nname: orders\ndomain: shop\n\
         schema:\n  - name: orders\n    physicalType: topic\n    properties:\n      - name: id\n        logicalType: string\n{more}"
    )
}

const REQUIRED: &str = "        required: true\n";

fn product() -> ProductName {
    ProductName { domain: "shop".into(), name: "orders".into() }
}

fn publish(text: String) -> Change {
    Change::Publish { contracts: vec![text], product: None }
}

fn become_(lifecycle: Lifecycle, successor: Option<&str>, end_of_life: Option<&str>) -> Change {
    let owned = |text: Option<&str>| text.map(str::to_owned);
    Change::Live { lifecycle, successor: owned(successor), end_of_life: owned(end_of_life) }
}

fn ask(entry: Option<&Entry>, expected: Expected, change: Change) -> Result<Decided, Refusal> {
    let by = By { actor: "jane".into(), ..By::default() };
    let asked = Asked { product: product(), change, expected, draft: None, dry_run: false, by };
    let standing = Standing {
        entry,
        file: None,
        elsewhere: &|id| (id == "taken").then(|| "contracts/taken.yaml".to_owned()),
        is_known: &|name| name == "shop/orders-v2",
        excluded: &|topic| topic.starts_with('_'),
        bytes_max: 10_000,
    };
    decide(&asked, &standing, NOW_MS + entry.map_or(0, |entry| entry.revision as i64))
}

fn first() -> Entry {
    ask(None, Expected::Absent, publish(contract("1.0.0", "active", ""))).unwrap().after.unwrap()
}

/// Refused, as one of the three kinds, with these words.
fn refused(outcome: Result<Decided, Refusal>, kind: &str, words: &str) {
    let refusal = outcome.expect_err(words);
    let found = match &refusal {
        Refusal::Unknown(_) => "unknown",
        Refusal::Conflict(_) => "conflict",
        Refusal::Invalid { .. } => "invalid",
    };
    assert!(found == kind && refusal.detail().contains(words), "{kind}, {words}: {refusal:?}");
}

#[test]
fn a_product_is_published_changed_and_withdrawn_revision_by_revision() {
    let one = first();
    assert_eq!((one.revision, one.lifecycle, one.changed_by.as_str()), (1, Lifecycle::Active, "jane"));
    let tag = || Expected::Tag(one.tag());
    let same = ask(Some(&one), tag(), publish(contract("1.0.0", "active", ""))).unwrap();
    assert!(!same.changes && same.after.as_ref() == Some(&one), "what changes nothing is no revision");

    let two = ask(Some(&one), tag(), publish(contract("1.1.0", "active", REQUIRED))).unwrap();
    assert_eq!(two.differences["orders"].iter().filter(|change| change.direction.is_some()).count(), 1);
    let two = two.after.unwrap();
    assert_eq!(two.revision, 2);
    refused(ask(Some(&two), tag(), Change::Withdraw), "conflict", "changed meanwhile");
    assert_eq!(ask(Some(&two), Expected::Tag(two.tag()), Change::Withdraw).unwrap().after, None);
}

#[test]
fn whoever_saw_another_state_is_refused() {
    let one = first();
    refused(
        ask(Some(&one), Expected::Absent, publish(contract("1.0.0", "active", ""))),
        "conflict",
        "revision 1 by jane",
    );
    refused(ask(None, Expected::Tag("1-0".into()), Change::Withdraw), "unknown", "not published");
    refused(ask(None, Expected::Present, Change::Withdraw), "unknown", "POST /products");
    let again = Entry { changed_ms: one.changed_ms + 1, ..one.clone() };
    assert_ne!(one.tag(), again.tag(), "withdrawn and published again is another state");
}

#[test]
fn what_may_not_be_published_is_refused_with_its_reason() {
    let one = first();
    let tag = || Expected::Tag(one.tag());
    let fresh = |text: String| ask(None, Expected::Absent, publish(text));
    refused(fresh("id: [".into()), "invalid", "nothing was published: 1 errors");
    refused(
        fresh("kind: DataProduct\napiVersion: v1.0.0\nid: p\nstatus: active\n".into()),
        "invalid",
        "no ODCS contract",
    );
    refused(fresh(contract("1.0.0", "active", "        nonsense: 1\n")), "invalid", "see problems");
    refused(fresh(contract("1.0.0", "retired", "")), "invalid", "retired");
    refused(
        fresh(contract("1.0.0", "active", "").replace("domain: shop", "domain: other")),
        "invalid",
        "/products/other/orders/contract",
    );
    refused(
        fresh(contract("1.0.0", "active", "").replace("id: orders", "id: taken")),
        "conflict",
        "contracts/taken.yaml",
    );
    refused(
        fresh(contract("1.0.0", "active", "").replace("- name: orders", "- name: _own")),
        "invalid",
        "never governed",
    );
    refused(fresh(contract("1.0.0", "active", &"# …\n".repeat(2_000))), "invalid", "10000 at most");
    refused(ask(Some(&one), tag(), publish(contract("0.9.0", "active", ""))), "conflict", "give it a higher version");
    refused(ask(Some(&one), tag(), publish(contract("1.0.0", "active", REQUIRED))), "conflict", "raise its version");
    let standing = Standing {
        entry: None,
        file: Some("contracts/orders.yaml".into()),
        elsewhere: &|_| None,
        is_known: &|_| false,
        excluded: &|_| false,
        bytes_max: 1,
    };
    let (change, expected) = (Change::Withdraw, Expected::Present);
    let asked = Asked { product: product(), change, expected, draft: None, dry_run: false, by: By::default() };
    refused(decide(&asked, &standing, NOW_MS), "conflict", "lives in the file contracts/orders.yaml");
}

#[test]
fn a_product_is_deprecated_and_retired_no_sooner_than_its_consumers_were_told() {
    let one = first();
    let change = |entry: &Entry, change: Change| ask(Some(entry), Expected::Tag(entry.tag()), change);
    refused(change(&one, become_(Lifecycle::Retired, None, None)), "conflict", "deprecate it first");
    let deprecate = |successor, day| change(&one, become_(Lifecycle::Deprecated, Some(successor), Some(day)));
    refused(deprecate("shop/orders", "2026-01-31"), "invalid", "does not succeed itself");
    refused(deprecate("shop/none", "2026-01-31"), "invalid", "is no product");
    refused(deprecate("shop/orders-v2", "in May"), "invalid", "is no day");
    let two = deprecate("shop/orders-v2", "2026-01-31").unwrap().after.unwrap();
    assert_eq!((two.successor.as_deref(), two.end_of_life.as_deref()), (Some("shop/orders-v2"), Some("2026-01-31")));

    let text = contract("1.0.1", "active", "");
    let three = change(&two, publish(text)).unwrap().after.unwrap();
    assert_eq!(three.lifecycle, Lifecycle::Deprecated, "a contract that says what it said takes nothing back");
    refused(change(&three, become_(Lifecycle::Retired, None, None)), "conflict", "lives until 2026-01-31");
    let four = change(&three, become_(Lifecycle::Retired, None, Some("2025-11-01"))).unwrap().after.unwrap();
    assert!(!four.lifecycle.is_judged());
    let back = change(&two, become_(Lifecycle::Active, None, None)).unwrap().after.unwrap();
    assert_eq!((back.successor, back.end_of_life), (None, None));
}

#[test]
fn documents_stand_between_lines_of_dashes() {
    use crate::engine::published::contracts::documents;
    assert_eq!(documents("a: 1\n---\nb: 2"), ["a: 1\n", "b: 2\n"]);
    assert_eq!(documents("---\n# only a comment\n---\n{\"a\": 1}\n---\n"), ["{\"a\": 1}\n"]);
    assert!(documents("\n---\n").is_empty());
}
