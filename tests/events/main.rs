//! What leaves the daemon: values keep their published schemas, ids are stable, sizes are bounded.

mod changes; // of the catalog, and what policies say

use crate::changes::{changed, entry};
use mesh_steward::engine::check::tally::{Counts, Sample, Unmeasured};
use mesh_steward::engine::check::verdict::{RuleResult, Status, Verdict};
use mesh_steward::engine::contract::mode::Mode;
use mesh_steward::engine::contract::name::{ContractHash, ProductName};
use mesh_steward::engine::event::envelope::{Event, MAX_VALUE_BYTES, Source};
use mesh_steward::engine::event::gap::{self, Gap};
use mesh_steward::engine::event::incident::{self, Incident, State};
use mesh_steward::engine::event::window::{self, Coverage, Window};
use mesh_steward::engine::lineage::contradiction::Contradiction;
use mesh_steward::engine::lineage::node::Node;
use mesh_steward::engine::record::{Interval, TopicId};
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};

const MINUTE_MS: i64 = 60_000;
const START_MS: i64 = 1_764_000_000_000;

#[test]
fn every_window_keeps_its_schema() {
    let check = |what: &str, coverage: &[Coverage], reasons: &BTreeMap<String, u64>, verdict: &Verdict, edit: Edit| {
        let product = product();
        let mut window = window(&product, coverage, reasons);
        edit(&mut window);
        keeps_its_schema(what, "quality.window.v1.json", &window::event(&source(), &window, verdict));
    };
    type Edit = fn(&mut Window<'_>);
    let unread = BTreeMap::from([("not JSON".to_owned(), 2)]);
    let none = BTreeMap::new();
    check("a failing one", &coverage(2), &unread, &verdict(vec![failing(3), passing("orders.id.unique")]), |_| {});
    let estimated = RuleResult { bounds: Some((1.5, 5.0)), ..failing(0) };
    check("an estimated one", &coverage(1), &none, &verdict(vec![estimated]), |_| {});
    check("one whose schema could not be had", &coverage(2), &none, &verdict(vec![unmeasured()]), |w| {
        let place = (w.coverage[1].id, w.coverage[1].partition);
        let offsets = Interval { from: 3, to: 9 };
        let of = Unmeasured { interval: offsets, reason: "no answer".into() };
        w.unmeasured = Some(Box::leak(Box::new(BTreeMap::from([(place, of)]))));
        w.counts.unmeasured = 4;
    });
    check("one without rules", &coverage(1), &none, &verdict(vec![]), |_| {});
    check("one that nobody could judge", &coverage(1), &none, &verdict(vec![unmeasured()]), |w| w.owner = "");
    check("an idle one", &[], &none, &verdict(vec![]), |w| w.counts = Counts::default());
    check("an incomplete one", &coverage(1), &none, &verdict(vec![failing(0)]), |w| {
        (w.complete, w.incomplete, w.exact) = (false, "the contract changed", false);
    });
    check("a late fragment", &coverage(1), &none, &verdict(vec![]), |w| {
        (w.revision, w.late, w.too_late) = (3, true, 9)
    });
    check("one before 1970", &coverage(1), &none, &verdict(vec![]), |w| {
        (w.start_ms, w.end_ms) = (-MINUTE_MS, 0);
    });
    check("a large one", &coverage(20_000), &unread, &verdict(many(20_000, Status::Fail)), |_| {});
}

#[test]
fn every_incident_keeps_its_schema() {
    let product = product();
    let result = failing(3);
    for state in [State::Opened, State::Updated, State::Resolved] {
        for result in [None, Some(&result)] {
            for severity in [None, Some("critical")] {
                let incident = Incident { state, result, severity, ..incident(&product) };
                let what = format!("{state:?} {severity:?}");
                keeps_its_schema(&what, "incident.v1.json", &incident::event(&source(), &incident));
            }
        }
    }
}

#[test]
fn every_incident_of_lineage_keeps_its_schema_and_has_an_id_of_its_own() {
    let product = product();
    let (orders, returns) =
        (Node::dataset("kafka://b:9092", "shop.orders"), Node::dataset("kafka://b:9092", "returns"));
    let (app, other) = (Node::job("kafka://b:9092", "app"), Node::job("kafka://b:9092", "other"));
    let found = [
        Contradiction::UndeclaredConsumer { dataset: orders.clone(), job: app.clone() },
        Contradiction::UndeclaredConsumer { dataset: orders.clone(), job: other.clone() },
        Contradiction::UndeclaredInput { dataset: orders.clone(), job: app, output: returns },
        Contradiction::DeclaredNeverRead { dataset: orders, reader: other },
    ];
    let mut ids = BTreeSet::new();
    for found in &found {
        for (state, sequence, verdict) in [(State::Opened, 1, "warn"), (State::Resolved, 2, "pass")] {
            let rule = incident::rule_of(found);
            let (severity, lineage) = (Some(incident::LINEAGE_SEVERITY), Some(found));
            let incident = Incident { state, sequence, rule: &rule, severity, lineage, ..incident(&product) };
            let event = incident::event(&source(), &incident);
            keeps_its_schema(&rule, "incident.v1.json", &event);
            assert_eq!(header(&event, "ce_verdict"), verdict);
            ids.insert(header(&event, "ce_id").to_owned());
        }
    }
    assert_eq!(ids.len(), 2 * found.len(), "what disagrees tells them apart");
}

#[test]
fn every_gap_keeps_its_schema() {
    let product = product();
    for reason in [gap::Reason::Deleted, gap::Reason::Recreated, gap::Reason::DeltasLost] {
        for to in [None, Some(70)] {
            let gap = Gap { reason, to, ..gap(&product) };
            keeps_its_schema(&format!("{reason:?}"), "coverage.gap.v1.json", &gap::event(&source(), &gap));
        }
    }
}

/// The schemas are worth something only if they refuse.
#[test]
fn a_schema_refuses_a_value_that_lacks_a_field() {
    let product = product();
    for (schema, event) in [
        (
            "quality.window.v1.json",
            window::event(&source(), &window(&product, &[], &BTreeMap::new()), &verdict(vec![])),
        ),
        ("incident.v1.json", incident::event(&source(), &incident(&product))),
        ("coverage.gap.v1.json", gap::event(&source(), &gap(&product))),
        ("product.v1.json", changed(&product, None, Some(&entry(1, &["1.0.0"]))).remove(0)),
        ("contract.v1.json", changed(&product, None, Some(&entry(1, &["1.0.0"]))).remove(1)),
    ] {
        for field in ["product", "owner"] {
            let mut value = value_of(&event);
            value.as_object_mut().unwrap().remove(field);
            assert!(!validator(schema).is_valid(&value), "{schema} without {field}");
        }
    }
}

/// Golden: these ids are public; a change of one makes every consumer see old events as new ones.
#[test]
fn an_id_is_the_same_today_and_tomorrow() {
    let product = product();
    let nothing = BTreeMap::new();
    for (event, id) in [
        (
            window::event(&source(), &window(&product, &[], &nothing), &verdict(vec![])),
            "2f0eb9ced0a1a6605a9a56710f987d7b",
        ),
        (incident::event(&source(), &incident(&product)), "bbdbddd8f4a79a9bf79d4255a73750b9"),
        (gap::event(&source(), &gap(&product)), "7397996a39857be8aa126735edfd5ffb"),
    ] {
        assert_eq!(header(&event, "ce_id"), id, "{}", header(&event, "ce_type"));
    }
}

#[test]
fn an_id_changes_with_what_it_is_about_and_with_nothing_else() {
    let product = product();
    let other = ProductName { domain: "sales".into(), name: "returns".into() };
    let coverage = coverage(2);
    let reasons = BTreeMap::from([("not JSON".to_owned(), 1)]);
    let nothing = BTreeMap::new();
    let base = window(&product, &[], &nothing);
    let id = |window: &Window<'_>| header(&window::event(&source(), window, &verdict(vec![])), "ce_id");

    let same = [
        Window { coverage: &coverage, undecodable: &reasons, counts: Counts::default(), ..base.clone() },
        Window { complete: false, incomplete: "a gap", exact: false, owner: "others", late: true, ..base.clone() },
    ];
    assert!(same.iter().all(|window| id(window) == id(&base)));

    let distinct = [
        base.clone(),
        Window { product: &other, ..base.clone() },
        Window { hash: ContractHash([8; 16]), ..base.clone() },
        Window { start_ms: START_MS - MINUTE_MS, ..base.clone() },
        Window { end_ms: START_MS + 2 * MINUTE_MS, ..base.clone() },
        Window { revision: 1, ..base.clone() },
    ];
    let mut ids: Vec<String> = distinct.iter().map(id).collect();
    let gaps = [
        gap(&product),
        Gap { product: &other, ..gap(&product) },
        Gap { id: TopicId(8), ..gap(&product) },
        Gap { partition: 1, ..gap(&product) },
        Gap { from: 21, ..gap(&product) },
        Gap { to: None, ..gap(&product) },
    ];
    ids.extend(gaps.iter().map(|gap| header(&gap::event(&source(), gap), "ce_id")));
    let incidents = [
        incident(&product),
        Incident { product: &other, ..incident(&product) },
        Incident { contract_id: "another", ..incident(&product) },
        Incident { rule: "orders.id.unique", ..incident(&product) },
        Incident { first_window_ms: START_MS - MINUTE_MS, ..incident(&product) },
        Incident { sequence: 2, ..incident(&product) },
    ];
    ids.extend(incidents.iter().map(|incident| header(&incident::event(&source(), incident), "ce_id")));
    let count = ids.len();
    ids.sort();
    ids.dedup();
    assert_eq!(ids.len(), count);
}

#[test]
fn an_event_is_never_larger_than_a_broker_takes() {
    let product = product();
    let ugly = "\u{1}".repeat(5_000);
    let ugly_result = |_| RuleResult { id: ugly.clone(), reason: Some(ugly.clone()), ..failing(0) };
    let reasons: BTreeMap<String, u64> = (0..1_000).map(|i| (format!("{i} {ugly}"), 1)).collect();
    let check =
        |what: &str, partitions: i32, reasons: &BTreeMap<String, u64>, results: Vec<RuleResult>, omitted: Value| {
            let coverage = coverage(partitions);
            let window = Window { incomplete: &ugly, ..window(&product, &coverage, reasons) };
            let event = window::event(&source(), &window, &verdict(results));
            assert!(event.value.len() <= MAX_VALUE_BYTES, "{what}: {} bytes", event.value.len());
            let value = value_of(&event);
            assert_eq!(value.get("truncated").is_some(), !omitted.is_null(), "{what}");
            if !omitted.is_null() {
                assert_eq!(value["omitted"], omitted, "{what}");
            }
        };
    let nothing = BTreeMap::new();
    check("a small one", 12, &nothing, vec![failing(3)], Value::Null);
    check("many samples", 12, &nothing, vec![failing(9_000)], json!({"samples": 9000, "coverage": 0, "results": {}}));
    let mut results = many(9_000, Status::Pass);
    results.push(failing(2));
    check(
        "many rules that hold",
        12,
        &nothing,
        results,
        json!({"samples": 2, "coverage": 0, "results": {"pass": 9000}}),
    );
    let mut results = many(9_000, Status::Unknown);
    results.push(failing(0));
    let told = json!({"samples": 0, "coverage": 0, "results": {"unknown": 9000}});
    check("many rules that nobody could judge", 12, &nothing, results, told);
    // A result of two texts of 1 KiB, 6 KiB each as JSON, is about 12.5 KiB: 10 of them fit into 128 KiB.
    let told = json!({"samples": 0, "coverage": 8594, "results": {"fail": 290}});
    check("the worst of all", 10_000, &reasons, (0..300).map(ugly_result).collect(), told);
}

#[test]
fn the_gravest_severity_that_did_not_hold_is_in_the_headers() {
    let product = product();
    let check = |results: &[(&str, Status)], expected: Option<&str>| {
        let results = results
            .iter()
            .map(|(severity, status)| RuleResult { severity: Some((*severity).into()), status: *status, ..failing(0) })
            .collect();
        let event = window::event(&source(), &window(&product, &[], &BTreeMap::new()), &verdict(results));
        let found = event.headers.iter().find(|(name, _)| *name == "ce_severity").map(|(_, value)| value.as_str());
        assert_eq!(found, expected);
    };
    check(&[], None);
    check(&[("critical", Status::Pass), ("critical", Status::Skip)], None);
    check(&[("minor", Status::Fail), ("Critical", Status::Warn), ("info", Status::Fail)], Some("Critical"));
    check(&[("warning", Status::Fail), ("sev-2", Status::Fail)], Some("sev-2"));
}

#[test]
fn one_of_each_reads_as_published() {
    let product = product();
    let reasons = BTreeMap::from([("not JSON: expected value at column 1".to_owned(), 1)]);
    let window = window(&product, &[], &reasons);
    let coverage = coverage(1);
    let window = Window { coverage: &coverage, ..window };
    let failed = failing(1);
    let incident = Incident { result: Some(&failed), ..incident(&product) };
    let results = vec![failed.clone(), passing("orders.id.unique"), unmeasured()];
    insta::assert_snapshot!("window", show(&window::event(&source(), &window, &verdict(results))));
    insta::assert_snapshot!("incident", show(&incident::event(&source(), &incident)));
    insta::assert_snapshot!("gap", show(&gap::event(&source(), &gap(&product))));
}

/// The examples of `docs/events/README.md` are what the daemon would send.
#[test]
fn the_examples_in_the_documentation_keep_their_schemas() {
    let text = std::fs::read_to_string("docs/events/README.md").unwrap();
    let examples: Vec<Value> = text
        .split("```json\n")
        .skip(1)
        .map(|rest| serde_json::from_str(rest.split("```").next().unwrap()).unwrap())
        .collect();
    let schemas =
        ["quality.window", "incident", "coverage.gap", "product", "contract", "policy"].map(|s| format!("{s}.v1.json"));
    assert_eq!(examples.len(), schemas.len());
    for (schema, value) in schemas.iter().zip(&examples) {
        let errors: Vec<String> = validator(schema).iter_errors(value).map(|e| e.to_string()).collect();
        assert!(errors.is_empty(), "{schema}: {errors:?}");
    }
}

fn keeps_its_schema(what: &str, schema: &str, event: &Event) {
    assert!(header(event, "ce_dataschema").ends_with(&format!("/docs/events/{schema}")));
    let value = value_of(event);
    let errors: Vec<String> =
        validator(schema).iter_errors(&value).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{what}: {errors:?}");
    let closed = schema_text(schema).replace("\"additionalProperties\": true", "\"additionalProperties\": false");
    let unknown: Vec<String> = compile(&closed).iter_errors(&value).map(|e| e.to_string()).collect();
    assert!(unknown.is_empty(), "{what}: {schema} does not describe all that is sent: {unknown:?}");
}

fn validator(schema: &str) -> jsonschema::Validator {
    compile(&schema_text(schema))
}

fn compile(text: &str) -> jsonschema::Validator {
    jsonschema::options().should_validate_formats(true).build(&serde_json::from_str(text).unwrap()).unwrap()
}

fn schema_text(schema: &str) -> String {
    std::fs::read_to_string(format!("docs/events/{schema}")).unwrap()
}

fn show(event: &Event) -> String {
    let headers: Vec<String> = event.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    let value = serde_json::to_string_pretty(&value_of(event)).unwrap();
    format!("key: {}\n{}\n\n{value}", String::from_utf8_lossy(&event.key), headers.join("\n"))
}

fn value_of(event: &Event) -> Value {
    serde_json::from_slice(&event.value).unwrap()
}

fn header(event: &Event, name: &str) -> String {
    event.headers.iter().find(|(header, _)| *header == name).map(|(_, value)| value.clone()).unwrap()
}

fn source() -> Source {
    Source { cluster: "5L6g3nShT-eMCtK--X86sw".into(), group: "steward".into() }
}

fn product() -> ProductName {
    ProductName { domain: "sales".into(), name: "orders".into() }
}

fn window<'a>(
    product: &'a ProductName,
    coverage: &'a [Coverage],
    undecodable: &'a BTreeMap<String, u64>,
) -> Window<'a> {
    Window {
        product,
        owner: "order desk",
        contract_id: "orders-contract",
        contract_version: "1.2.0",
        hash: ContractHash([7; 16]),
        start_ms: START_MS,
        end_ms: START_MS + MINUTE_MS,
        revision: 0,
        complete: true,
        incomplete: "",
        late: false,
        exact: true,
        coverage,
        counts: Counts { records: 119, bytes: 24_112, tombstones: 1, undecodable: 1, ..Counts::default() },
        too_late: 0,
        undecodable,
        unmeasured: None,
        budgets: &[],
        drift: None,
        sampled: None,
    }
}

fn coverage(partitions: i32) -> Vec<Coverage> {
    (0..partitions)
        .map(|partition| Coverage {
            topic: "shop.orders".into(),
            id: TopicId(0x0123_4567_89ab_cdef),
            partition,
            interval: Interval { from: 0, to: 120 },
        })
        .collect()
}

fn verdict(results: Vec<RuleResult>) -> Verdict {
    let fails = results.iter().any(|result| result.status == Status::Fail);
    let (status, score) = if fails { (Status::Fail, Some(0.5)) } else { (Status::Unknown, None) };
    Verdict { status, score, results }
}

fn failing(samples: i64) -> RuleResult {
    RuleResult {
        id: "orders.amount.required".into(),
        name: Some("amount is there".into()),
        status: Status::Fail,
        mode: Mode::Warn,
        severity: Some("critical".into()),
        dimension: Some("completeness".into()),
        relates_to: "schema/orders/properties/amount".into(),
        metric: "required".into(),
        value: Some(3.0),
        bounds: None,
        sampled: None,
        unit: "rows",
        threshold: json!({"mustBe": 0}),
        asked: 117,
        failed: 3,
        reason: None,
        samples: (0..samples)
            .map(|offset| Sample {
                rule: Some(0),
                topic: TopicId(0x0123_4567_89ab_cdef),
                partition: 0,
                offset,
                reason: "missing".into(),
                value: String::new(),
            })
            .collect(),
    }
}

fn passing(id: &str) -> RuleResult {
    RuleResult { id: id.into(), status: Status::Pass, value: Some(0.0), failed: 0, ..failing(0) }
}

fn unmeasured() -> RuleResult {
    RuleResult {
        id: "orders.note.invalidValues".into(),
        name: None,
        status: Status::Unknown,
        severity: None,
        value: None,
        unit: "percent",
        threshold: json!({"mustBeBetween": [0, 1.5]}),
        asked: 0,
        failed: 0,
        reason: Some("more than 1000000 keys".into()),
        ..failing(0)
    }
}

fn many(count: usize, status: Status) -> Vec<RuleResult> {
    (0..count).map(|i| RuleResult { id: format!("rule.{i}"), status, ..failing(0) }).collect()
}

fn incident(product: &ProductName) -> Incident<'_> {
    Incident {
        product,
        owner: "order desk",
        contract_id: "orders-contract",
        contract_version: "1.2.0",
        hash: ContractHash([7; 16]),
        state: State::Opened,
        rule: "orders.amount.required",
        severity: Some("critical"),
        first_window_ms: START_MS,
        last_window_ms: START_MS,
        last_window_end_ms: START_MS + MINUTE_MS,
        failing_windows: 1,
        worst_failed: 3,
        sequence: 1,
        result: None,
        lineage: None,
    }
}

fn gap(product: &ProductName) -> Gap<'_> {
    Gap {
        product,
        owner: "order desk",
        topic: "shop.orders",
        id: TopicId(0x0123_4567_89ab_cdef),
        partition: 0,
        from: 20,
        to: Some(70),
        reason: gap::Reason::Deleted,
        time_ms: START_MS + 61_500,
    }
}
