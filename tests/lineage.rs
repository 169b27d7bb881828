//! What catalogs are told: OpenLineage, strictly valid, with ids that a repeat shares, of bounded size.

mod content; // what contents alone say
mod found; // jobs that were found
mod openlineage;

use mesh_steward::engine::check::tally::Counts;
use mesh_steward::engine::check::verdict::{RuleResult, Status};
use mesh_steward::engine::contract::described::{self, Described};
use mesh_steward::engine::contract::mode::Mode;
use mesh_steward::engine::contract::name::{ContractHash, ProductName};
use mesh_steward::engine::contract::odcs;
use mesh_steward::engine::event::envelope::{Event, MAX_VALUE_BYTES, Source};
use mesh_steward::engine::event::lineage::dataset::{self, Change, Governed};
use mesh_steward::engine::event::lineage::quality::Column;
use mesh_steward::engine::event::lineage::run::{self, Inspection};
use mesh_steward::engine::event::lineage::speaker::Speaker;
use mesh_steward::engine::event::window::Coverage;
use mesh_steward::engine::record::{Interval, TopicId};
use openlineage::Standard;
use serde_json::{Value, json};
use std::collections::BTreeMap;

const START_MS: i64 = 1_764_000_000_000;
const EXAMPLE: &str = include_str!("../config/contracts/orders.odcs.yaml");

#[test]
fn every_dataset_event_keeps_the_standard() {
    let Some(standard) = Standard::read() else { return };
    let check = |what: &str, described: &Described, edit: fn(&mut Governed<'_>)| {
        let product = product();
        for dataset in &described.datasets {
            let mut governed = Governed { dataset, ..governed(&product, described) };
            edit(&mut governed);
            let event = value(&with_speaker(|speaker| dataset::event(speaker, &governed)));
            assert_eq!(standard.problems(&event), Vec::<String>::new(), "{what}: {event:#}");
        }
    };
    check("the example", &example(), |_| {});
    check("one that nobody owns", &example(), |g| g.owner = None);
    check("one made anew", &example(), |g| g.change = Some(Change::Create));
    check("one with another schema", &example(), |g| g.change = Some(Change::Alter));
    check("one without fields", &bare(2), |_| {});
    check("a large one", &large(500), |_| {});
    check("one that was judged", &example(), |g| g.quality = quality(g.product, &example(), &results()));
}

#[test]
fn every_run_event_keeps_the_standard() {
    let Some(standard) = Standard::read() else { return };
    let check =
        |what: &str, described: &Described, coverage: &[Coverage], results: &[RuleResult], columns: &Columns| {
            let product = product();
            let inspection = Inspection { coverage, results, columns, ..inspection(&product, described, columns) };
            for event in with_speaker(|speaker| run::events(speaker, &inspection)) {
                let event = value(&event);
                assert_eq!(standard.problems(&event), Vec::<String>::new(), "{what}: {event:#}");
            }
        };
    let none = Columns::new();
    check("the example", &example(), &coverage("orders", 2), &results(), &none);
    check("an idle one", &example(), &[], &[], &none);
    check("one of an unknown contract", &Described::default(), &coverage("orders", 2), &results(), &none);
    check("one of two topics", &bare(2), &coverage("topic-1", 2), &results(), &none);
    check("one with a profile", &example(), &coverage("orders", 1), &results(), &profile());
    check("a large one", &large(500), &coverage("orders", 2_000), &many(1_000), &none);
}

/// The standard's schemas are worth something only if they refuse.
#[test]
fn an_event_that_breaks_the_standard_is_refused() {
    let Some(standard) = Standard::read() else { return };
    let check = |at: &str, put: Value, words: &str| {
        let mut event = complete(&example(), &results(), &Columns::new());
        assert_eq!(standard.problems(&event), Vec::<String>::new());
        *event.pointer_mut(at).expect(at) = put;
        let problems = standard.problems(&event);
        assert!(problems.iter().any(|p| p.contains(words)), "{at}: {problems:?}");
    };
    // An event is one of three kinds; the validator says of one that is none only that.
    check("/run/runId", json!("no uuid"), "oneOf");
    check("/eventTime", json!("2026-11-24T10:00:00"), "oneOf");
    check("/producer", json!("no uri"), "oneOf");
    check("/inputs/0/inputFacets/dataQualityMetrics/rowCount", json!("many"), "integer");
    check("/inputs/0/inputFacets/dataQualityAssertions/assertions/0/success", Value::Null, "boolean");
    check("/inputs/0/inputFacets/dataQualityMetrics", Value::Null, "null");
    check("/job/facets/jobType/_schemaURL", json!("https://openlineage.io/x.json"), "no schema of the standard");
}

#[test]
fn a_dataset_tells_its_schema_owner_and_classified_fields() {
    let (product, described) = (product(), example());
    let event = with_speaker(|speaker| dataset::event(speaker, &governed(&product, &described)));
    assert_eq!(String::from_utf8_lossy(&event.key), "dataset:kafka://broker:9092/orders");
    let event = value(&event);
    let facets = &event["dataset"]["facets"];
    assert_eq!(facets["ownership"]["owners"], json!([{"name": "team:order-desk", "type": "OWNER"}]));
    let fields = facets["schema"]["fields"].as_array().expect("fields");
    assert_eq!(fields[3], json!({"name": "amount", "type": "number", "ordinal_position": 4}));
    let lines = &fields[7]["fields"][0];
    assert_eq!((&lines["name"], &lines["fields"][1]["name"]), (&json!("_element"), &json!("quantity")));
    let tags = facets["tags"]["tags"].as_array().expect("tags");
    assert!(tags.contains(&json!({"key": "classified", "value": "true", "source": "STEWARD", "field": "email"})));
    assert!(facets.get("lifecycleStateChange").is_none());
}

#[test]
fn a_dataset_that_was_judged_tells_what_its_run_tells() {
    let (product, described) = (product(), example());
    let judged = Governed { quality: quality(&product, &described, &results()), ..governed(&product, &described) };
    let event = value(&with_speaker(|speaker| dataset::event(speaker, &judged)));
    let run = complete(&described, &results(), &Columns::new());
    let (facets, input) = (&event["dataset"]["facets"], &run["inputs"][0]["inputFacets"]);
    assert_eq!(facets["dataQualityMetrics"]["rowCount"], json!(120));
    assert_eq!(facets["dataQualityMetrics"]["columnMetrics"], input["dataQualityMetrics"]["columnMetrics"]);
    assert_eq!(facets["dataQualityAssertions"], input["dataQualityAssertions"]);
}

#[test]
fn what_nobody_measured_is_no_success() {
    let event = complete(&example(), &results(), &Columns::new());
    let assertions = event.pointer("/inputs/0/inputFacets/dataQualityAssertions/assertions").expect("assertions");
    let told: Vec<_> = assertions
        .as_array()
        .into_iter()
        .flatten()
        .map(|a| (a["name"].as_str(), a["column"].as_str(), a["success"].as_bool()))
        .collect();
    assert_eq!(
        told,
        [
            (Some("orders.amount.required"), Some("amount"), Some(false)),
            (Some("orders.lines[].sku.required"), Some("lines._element.sku"), Some(false)),
            (Some("orders.order_id.unique"), Some("order_id"), Some(true)),
            (Some("steward.decodable"), None, Some(true)),
        ]
    );
    let skipped: Vec<_> = event["run"]["facets"]["test"]["tests"].as_array().into_iter().flatten().collect();
    assert_eq!((skipped.len(), &skipped[0]["name"]), (1, &json!("orders.status.invalidValues")));
    assert_eq!((&skipped[0]["status"], &skipped[0]["description"]), (&json!("skip"), &json!("too many keys")));
}

#[test]
fn a_run_tells_rows_nulls_and_offsets_of_its_input() {
    let event = complete(&example(), &results(), &Columns::new());
    let input = &event["inputs"][0]["inputFacets"];
    let metrics = &input["dataQualityMetrics"];
    assert_eq!((&metrics["rowCount"], &metrics["bytes"]), (&json!(120), &json!(24_000)));
    // Of the items of an array nobody knows how many rows they are.
    assert_eq!(metrics["columnMetrics"], json!({"amount": {"nullCount": 3, "count": 114}}));
    let read = &input["subset"]["inputCondition"]["partitions"][0]["dimensions"];
    assert_eq!((&read["partition"], &read["from"], &read["to"]), (&json!(0), &json!(0), &json!(120)));
    assert_eq!(event["outputs"][0]["name"], json!("governance.events"));
    let profiled = complete(&example(), &results(), &profile());
    let columns = &profiled["inputs"][0]["inputFacets"]["dataQualityMetrics"]["columnMetrics"];
    assert_eq!(columns["amount"]["quantiles"], json!({"0.5": 12.5}));
    assert_eq!(columns["amount"].get("max"), None, "what is no number is not told");
}

/// Of two topics, a number that is known of both together is told of neither.
#[test]
fn what_cannot_be_told_of_one_topic_is_told_of_the_run() {
    let mut results = results();
    results[0].relates_to = "schema/object-1/properties/amount".into();
    let event = complete(&bare(2), &results, &Columns::new());
    let names: Vec<_> = event["inputs"].as_array().into_iter().flatten().map(|i| i["name"].as_str()).collect();
    assert_eq!(names, [Some("topic-0"), Some("topic-1"), Some("orders")]);
    assert_eq!(event["inputs"][0]["inputFacets"], json!({}));
    let assertions = &event["inputs"][1]["inputFacets"]["dataQualityAssertions"]["assertions"];
    assert_eq!(assertions.as_array().map(Vec::len), Some(1));
    let tests = event["run"]["facets"]["test"]["tests"].as_array().expect("tests");
    assert!(tests.iter().any(|t| t["name"] == "steward.decodable" && t["status"] == "pass"), "{tests:?}");
}

#[test]
fn an_id_changes_with_what_it_is_about_and_with_nothing_else() {
    let (product, described, columns) = (product(), example(), Columns::new());
    let other = ProductName { domain: "sales".into(), name: "returns".into() };
    let base = inspection(&product, &described, &columns);
    let ids = |inspection: &Inspection<'_>| -> Vec<String> {
        let events = with_speaker(|speaker| run::events(speaker, inspection));
        events.iter().map(|event| header(event, "ce_id")).chain([run_id(&events[0]), run_id(&events[1])]).collect()
    };
    let results = results();
    let same = Inspection { results: &results, coverage: &[], counts: Counts::default(), ..base.clone() };
    assert_eq!(ids(&same), ids(&base));
    assert_eq!(ids(&base)[2], ids(&base)[3], "both events are of one run");

    let mut all = Vec::new();
    for inspection in [
        base.clone(),
        Inspection { product: &other, ..base.clone() },
        Inspection { hash: ContractHash([8; 16]), ..base.clone() },
        Inspection { start_ms: START_MS - 60_000, ..base.clone() },
        Inspection { revision: 1, ..base.clone() },
    ] {
        let mut ids = ids(&inspection);
        ids.pop();
        all.extend(ids);
    }
    let told = governed(&product, &described);
    for governed in [
        told.clone(),
        Governed { product: &other, ..told.clone() },
        Governed { hash: ContractHash([8; 16]), ..told.clone() },
        Governed { time_ms: told.time_ms + 1, ..told.clone() },
    ] {
        all.push(header(&with_speaker(|speaker| dataset::event(speaker, &governed)), "ce_id"));
    }
    let count = all.len();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), count);
}

/// Golden: these ids are public; a change of one makes every catalog see old runs as new ones.
#[test]
fn an_id_is_the_same_today_and_tomorrow() {
    let (product, described, columns) = (product(), example(), Columns::new());
    let [_, complete] = with_speaker(|speaker| run::events(speaker, &inspection(&product, &described, &columns)));
    assert_eq!(run_id(&complete), "9c29f476-5ee4-8e7e-8622-d4c97891e023");
    let dataset = with_speaker(|speaker| dataset::event(speaker, &governed(&product, &described)));
    assert_eq!(
        [header(&complete, "ce_id"), header(&dataset, "ce_id")],
        ["90799fbe49b4c4a35c6777cbda4b7175", "48d7299d460cd00eb3c277b171f28305"]
    );
}

/// A catalog shows the latest run: it must not turn green by records that came late, nor hide that a window is not whole.
#[test]
fn a_run_says_what_is_not_whole_and_late_records_assert_nothing() {
    let (product, described, columns) = (product(), example(), profile());
    let (coverage, results) = (coverage("orders", 1), results());
    let whole = Inspection { coverage: &coverage, results: &results, ..inspection(&product, &described, &columns) };
    let check = |what: &str, inspection: &Inspection<'_>, asserts: bool, names: &[&str]| {
        let [_, complete] = with_speaker(|speaker| run::events(speaker, inspection));
        let event = value(&complete);
        let facets = &event["inputs"][0]["inputFacets"];
        assert_eq!(facets.get("dataQualityAssertions").is_some(), asserts, "{what}");
        assert_eq!(facets.get("dataQualityMetrics").is_some(), asserts, "{what}");
        assert!(facets.get("subset").is_some(), "{what}");
        let tests = event["run"]["facets"]["test"]["tests"].as_array().cloned().unwrap_or_default();
        let told = tests.iter().map(|test| (test["name"].as_str().unwrap(), test["status"].as_str()));
        let notes: Vec<_> =
            told.filter(|(name, _)| name.starts_with("steward.") && *name != "steward.decodable").collect();
        assert_eq!(notes, names.iter().map(|name| (*name, Some("skip"))).collect::<Vec<_>>(), "{what}");
        if let Some(standard) = Standard::read() {
            assert_eq!(standard.problems(&event), Vec::<String>::new(), "{what}: {event:#}");
        }
    };
    check("a whole one", &whole, true, &[]);
    check("late records", &Inspection { late: true, revision: 1, ..whole.clone() }, false, &["steward.window"]);
    let incomplete = "offsets of this window were deleted before they were read";
    check("with a gap", &Inspection { incomplete, ..whole.clone() }, true, &["steward.complete"]);
    check("counted twice", &Inspection { exact: false, ..whole.clone() }, true, &["steward.exact"]);
}

#[test]
fn an_event_is_never_larger_than_a_broker_takes() {
    let (product, columns) = (product(), Columns::new());
    for described in [large(2_000), bare(1_000)] {
        let (coverage, results) = (coverage("orders", 5_000), many(2_000));
        let inspection =
            Inspection { coverage: &coverage, results: &results, ..inspection(&product, &described, &columns) };
        let [start, complete] = with_speaker(|speaker| run::events(speaker, &inspection));
        let quality = quality(&product, &described, &results);
        let judged = Governed { quality, ..governed(&product, &described) };
        let dataset = with_speaker(|speaker| dataset::event(speaker, &judged));
        for event in [start, complete, dataset] {
            assert!(event.value.len() <= MAX_VALUE_BYTES, "{}: {}", header(&event, "ce_type"), event.value.len());
        }
    }
    let event = complete(&large(10), &many(2_000), &columns);
    let facet = &event["inputs"][0]["inputFacets"]["dataQualityAssertions"];
    let told = facet["assertions"].as_array().map_or(0, Vec::len) as u64;
    assert_eq!(told + facet["omitted"].as_u64().unwrap_or(0), 2_000);
}

type Columns = BTreeMap<String, Vec<Column>>;

fn with_speaker<T>(tell: impl FnOnce(&Speaker<'_>) -> T) -> T {
    let source = Source { cluster: "5L6g3nShT-eMCtK--X86sw".into(), group: "steward".into() };
    tell(&Speaker { source: &source, namespace: "kafka://broker:9092", governance: "governance.events" })
}

/// Facets of the first topic.
fn quality(product: &ProductName, described: &Described, results: &[RuleResult]) -> Value {
    let (columns, coverage) = (Columns::new(), coverage("orders", 1));
    let inspection = Inspection { coverage: &coverage, results, ..inspection(product, described, &columns) };
    run::quality_of(&inspection, &described.datasets[0])
}

/// The value of the COMPLETE event.
fn complete(described: &Described, results: &[RuleResult], columns: &Columns) -> Value {
    let (product, coverage) = (product(), coverage("orders", 1));
    let inspection = Inspection { coverage: &coverage, results, columns, ..inspection(&product, described, columns) };
    let [_, complete] = with_speaker(|speaker| run::events(speaker, &inspection));
    value(&complete)
}

fn value(event: &Event) -> Value {
    serde_json::from_slice(&event.value).unwrap()
}

fn header(event: &Event, name: &str) -> String {
    event.headers.iter().find(|(header, _)| *header == name).map(|(_, value)| value.clone()).unwrap()
}

fn run_id(event: &Event) -> String {
    value(event)["run"]["runId"].as_str().unwrap().to_owned()
}

fn product() -> ProductName {
    ProductName { domain: "sales".into(), name: "orders".into() }
}

fn example() -> Described {
    described::of(&odcs::parse(EXAMPLE).contract.unwrap())
}

/// Topics without a field.
fn bare(topics: usize) -> Described {
    let dataset = |i| described::Dataset {
        topic: format!("topic-{i}"),
        objects: vec![format!("schema/object-{i}")],
        ..described::Dataset::default()
    };
    Described { owner: None, datasets: (0..topics).map(dataset).collect() }
}

/// One topic with fields whose names JSON must escape.
fn large(fields: usize) -> Described {
    let mut described = example();
    let field = |i: usize| described::Field {
        name: format!("\u{1}{i}"),
        text: Some("\u{1}".repeat(2_000)),
        classified: true,
        fields: described.datasets[0].fields.clone(),
        ..described::Field::default()
    };
    described.datasets[0].fields = (0..fields).map(field).collect();
    described
}

fn governed<'a>(product: &'a ProductName, described: &'a Described) -> Governed<'a> {
    Governed {
        product,
        contract_id: "orders-contract",
        contract_version: "1.0.0",
        hash: ContractHash([7; 16]),
        owner: described.owner.as_deref(),
        dataset: &described.datasets[0],
        change: None,
        quality: Value::Null,
        time_ms: START_MS + 61_500,
    }
}

fn inspection<'a>(product: &'a ProductName, described: &'a Described, columns: &'a Columns) -> Inspection<'a> {
    Inspection {
        product,
        hash: ContractHash([7; 16]),
        start_ms: START_MS,
        end_ms: START_MS + 60_000,
        revision: 0,
        began_ms: START_MS + 10_250,
        ended_ms: START_MS + 70_250,
        described,
        counts: Counts { records: 120, bytes: 24_000, tombstones: 2, undecodable: 1, ..Counts::default() },
        coverage: &[],
        late: false,
        incomplete: "",
        exact: true,
        results: &[],
        columns,
    }
}

fn coverage(topic: &str, partitions: i32) -> Vec<Coverage> {
    let interval = Interval { from: 0, to: 120 };
    (0..partitions).map(|partition| Coverage { topic: topic.into(), id: TopicId(7), partition, interval }).collect()
}

fn results() -> Vec<RuleResult> {
    let of = |path: &str| format!("schema/orders/properties/{path}");
    let unknown = RuleResult {
        id: "orders.status.invalidValues".into(),
        status: Status::Unknown,
        relates_to: of("status/quality/status_known"),
        metric: "invalidValues".into(),
        value: None,
        reason: Some("too many keys".into()),
        ..failing()
    };
    let items = RuleResult {
        id: "orders.lines[].sku.required".into(),
        relates_to: of("lines/items/properties/sku"),
        ..failing()
    };
    let (id, metric) = ("orders.order_id.unique".into(), "unique".into());
    let unique = RuleResult { id, metric, status: Status::Pass, relates_to: of("order_id"), failed: 0, ..failing() };
    let (id, metric) = ("steward.decodable".into(), "undecodable".into());
    let decodable = RuleResult { id, metric, status: Status::Pass, relates_to: String::new(), failed: 0, ..failing() };
    vec![failing(), unknown, items, unique, decodable]
}

fn failing() -> RuleResult {
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
        samples: Vec::new(),
    }
}

fn many(count: usize) -> Vec<RuleResult> {
    (0..count).map(|i| RuleResult { id: format!("rule.{i}"), ..failing() }).collect()
}

fn profile() -> Columns {
    let amount = Column {
        name: "amount".into(),
        nulls: Some(3),
        count: Some(114),
        distinct: Some(90),
        sum: Some(1_425.0),
        min: Some(-1.5),
        max: Some(f64::NAN),
        quantiles: vec![(0.5, 12.5), (0.99, f64::INFINITY)],
    };
    Columns::from([("orders".into(), vec![amount])])
}
