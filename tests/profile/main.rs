//! Profiles as they leave the daemon: events keep their schema and their size, and Apache's own library reads the sketches.

use mesh_steward::engine::check::record::Examiner;
use mesh_steward::engine::check::tally::Tally;
use mesh_steward::engine::contract::plan::Plan;
use mesh_steward::engine::contract::{compile, odcs};
use mesh_steward::engine::event::envelope::{Event, MAX_VALUE_BYTES, Source};
use mesh_steward::engine::event::profile;
use mesh_steward::engine::event::window::Window;
use mesh_steward::engine::profile::summary::{Summary, summary};
use mesh_steward::engine::record::{Position, RawRecord, TopicId};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

const START_MS: i64 = 1_764_000_000_000;

const ORDERS: &str = "
- {name: id, customProperties: [{property: steward.showValues, value: true}]}
- {name: amount, logicalType: number}
- {name: state, customProperties: [{property: steward.showValues, value: true}]}
- {name: mail, classification: restricted}
- {name: lines, items: {properties: [{name: sku}]}}";

#[test]
fn every_profile_keeps_its_schema() {
    let check = |what: &str, properties: &str, records: &[String]| {
        let (plan, tally) = (plan(properties), &mut Tally::default());
        count(&plan, records, tally);
        let summary = summary(&plan, tally);
        keeps_its_schema(what, &event(&plan, tally, &summary).0);
    };
    check("an ordinary one", ORDERS, &orders(2_000));
    check("one of a single record", ORDERS, &orders(1));
    check("one of records that cannot be read", ORDERS, &["{".into()]);
    let odd = ["1.5", "true", "null", "[{\"sku\":7},{}]", "\"\"", "{}", "1e300", "-1e300"];
    let odd: Vec<String> = odd.iter().map(|v| format!("{{\"amount\":{v},\"lines\":{v},\"new\":{v}}}")).collect();
    check("one of all types", ORDERS, &odd);
}

#[test]
fn a_late_fragment_has_the_id_of_its_revision() {
    let (plan, tally) = (plan(ORDERS), &mut Tally::default());
    count(&plan, &orders(10), tally);
    let summary = summary(&plan, tally);
    let id = |revision| {
        let nothing = BTreeMap::new();
        let window = Window { revision, ..window(&plan, tally, &nothing) };
        let (event, _) = profile::event(&source(), &window, &summary);
        event.headers.iter().find(|(name, _)| *name == "ce_id").map(|(_, id)| id.clone())
    };
    assert_eq!(id(0), id(0));
    assert_ne!(id(0), id(1));
}

/// 500 columns, all different values: what a profile cannot say it says, and it stays small.
#[test]
fn a_wide_product_degrades_in_sight_and_stays_within_bounds() {
    let names: Vec<String> = (0..500).map(|i| format!("{{name: f{i}}}")).collect();
    let (plan, tally) = (plan(&names.join("\n- ").replacen('{', "\n- {", 1)), &mut Tally::default());
    let record = |r: usize| {
        let members: Vec<String> = (0..500).map(|i| format!("\"f{i}\":{}", r * 7_919 + i)).collect();
        format!("{{{}}}", members.join(","))
    };
    count(&plan, &(0..400).map(record).collect::<Vec<_>>(), tally);
    let (event, shown) = event(&plan, tally, &summary(&plan, tally));
    let value = value_of(&event);
    assert_eq!(value["complete"], false);
    assert!(value["incomplete"][0].as_str().is_some_and(|why| why.contains("500 fields")), "{}", value["incomplete"]);
    assert_eq!(value["fields"].as_array().map(Vec::len), Some(500));
    assert!(event.value.len() <= MAX_VALUE_BYTES && shown.len() <= event.value.len());
    keeps_its_schema("a wide one", &event);
}

/// The daemon's bytes against Apache's own C++ library, through its Python package.
#[test]
fn published_sketches_read_back_in_python() {
    let Some(python) = python() else {
        println!("skipped: 1 case, for there is no Python with `datasketches` and none could be made");
        return;
    };
    let (plan, tally) = (plan(ORDERS), &mut Tally::default());
    count(&plan, &orders(50_000), tally);
    let (event, _) = event(&plan, tally, &summary(&plan, tally));
    let mut fields = value_of(&event)["fields"].as_array().expect("fields").clone();
    for field in &mut fields {
        // Values that are in the sketch already, hashed by Python: of fields whose values may be shown.
        field["own"] = match field["path"].as_str() {
            Some("id") => (0..1_000).map(|i| json!(format!("order-{i}"))).collect(),
            Some("state") => json!(["new", "paid", "sent"]),
            _ => json!([]),
        };
    }
    let answers = read_back(&python, &fields);
    for (field, found) in fields.iter().zip(answers) {
        let path = field["path"].as_str().expect("a path");
        assert_eq!(found["path"], field["path"]);
        let close = |a: &Value, b: &Value| {
            (a.as_f64().expect("a") - b.as_f64().expect("b")).abs() <= 1e-6 * a.as_f64().expect("a").abs().max(1.0)
        };
        if let Some(distinct) = field.get("distinct") {
            assert!(close(&distinct["estimate"], &found["distinct"]), "{path}: {distinct} {found}");
            // The union estimates without HIP: it may differ by the published error, and by no new value.
            let (ours, merged) =
                (distinct["estimate"].as_f64().expect("ours"), found["merged"].as_f64().expect("merged"));
            assert!((ours - merged).abs() <= 3.0 * 0.0163 * ours + 1e-3, "{path}: {ours} became {merged}");
        }
        if let Some(quantiles) = field.pointer("/numbers/quantiles/values") {
            let ours: Vec<&Value> = quantiles.as_array().expect("values").iter().map(|q| &q["value"]).collect();
            let theirs = found["quantiles"].as_array().expect("quantiles");
            assert!(ours.iter().zip(theirs).all(|(a, b)| close(a, b)), "{path}: {quantiles} {found}");
            assert!(close(&field["numbers"]["quantiles"]["rankError"], &found["rankError"]), "{path}");
            assert_eq!(found["n"], field["numbers"]["count"], "{path}");
        }
        for often in field.pointer("/frequent/values").and_then(Value::as_array).into_iter().flatten() {
            let name = match often["hash"].as_str() {
                Some(hash) => format!("#{hash}"),
                None => often["value"].as_str().expect("a value").to_owned(),
            };
            assert_eq!(found["frequent"][&name], json!([often["lower"], often["upper"]]), "{path}: {name}");
        }
    }
}

fn orders(count: u64) -> Vec<String> {
    let order = |i: u64| {
        let state = ["new", "new", "paid", "sent"][(i % 4) as usize];
        let amount = i.wrapping_mul(2_862_933_555_777_941_757) % 1_000_003;
        format!(
            r#"{{"id":"order-{i}","amount":{amount}.25,"state":"{state}","mail":"m{}@x.y","lines":[{{"sku":"s{}"}}],"new":{i}}}"#,
            i % 300,
            i % 20
        )
    };
    (0..count).map(order).collect()
}

fn plan(properties: &str) -> Plan {
    let indented = properties.replace('\n', "\n    ");
    let text = format!(
        "kind: DataContract\napiVersion: v3.1.0\nid: c\nversion: 1.0.0\nstatus: active\nschema:\n- name: orders\n  physicalType: topic\n  properties:{indented}\n"
    );
    let parsed = odcs::parse(&text);
    compile::compile(&parsed.contract.unwrap_or_else(|| panic!("{:?}", parsed.problems)))
}

fn count(plan: &Plan, records: &[String], tally: &mut Tally) {
    let mut examiner = Examiner::new(&[7; 16]);
    for (offset, record) in records.iter().enumerate() {
        let record = RawRecord {
            offset: offset as i64,
            timestamp_ms: START_MS + offset as i64,
            key: None,
            value: Some(record.as_bytes()),
            schema_header: None,
        };
        examiner.examine(plan, &[0], &record);
        examiner.count(plan, &record, Position { topic: TopicId(1), partition: 0 }, false, tally);
    }
}

fn event(plan: &Plan, tally: &Tally, summary: &Summary) -> (Event, Vec<u8>) {
    profile::event(&source(), &window(plan, tally, &BTreeMap::new()), summary)
}

fn window<'a>(plan: &'a Plan, tally: &Tally, undecodable: &'a BTreeMap<String, u64>) -> Window<'a> {
    Window {
        product: &plan.product,
        owner: "order desk",
        contract_id: &plan.contract_id,
        contract_version: &plan.contract_version,
        hash: plan.hash,
        start_ms: START_MS,
        end_ms: START_MS + 60_000,
        revision: 0,
        complete: true,
        incomplete: "",
        late: false,
        exact: true,
        coverage: &[],
        counts: tally.counts,
        too_late: 0,
        undecodable,
        unmeasured: None,
    }
}

fn source() -> Source {
    Source { cluster: "c".into(), group: "steward".into() }
}

fn keeps_its_schema(what: &str, event: &Event) {
    let text = std::fs::read_to_string("docs/events/quality.profile.v1.json").expect("the schema");
    // What is sent is described, all of it.
    let closed = text.replace("\"additionalProperties\": true", "\"additionalProperties\": false");
    let schema = serde_json::from_str(&closed).expect("JSON");
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).expect("a schema");
    let value = value_of(event);
    let errors: Vec<String> = validator.iter_errors(&value).map(|e| format!("{}: {e}", e.instance_path())).collect();
    assert!(errors.is_empty(), "{what}: {errors:?}");
    for field in ["product", "fields", "topic"] {
        let mut lacking = value.clone();
        lacking.as_object_mut().expect("an object").remove(field);
        assert!(!validator.is_valid(&lacking), "{what} without {field}");
    }
}

fn value_of(event: &Event) -> Value {
    serde_json::from_slice(&event.value).expect("JSON")
}

/// Python with the library, from an environment of its own below `target`; made where it is not there yet.
fn python() -> Option<String> {
    let home = format!("{}/python-datasketches", env!("CARGO_TARGET_TMPDIR"));
    let python = format!("{home}/bin/python");
    let works = |python: &str| {
        Command::new(python).args(["-c", "import datasketches"]).output().is_ok_and(|o| o.status.success())
    };
    if works(&python) {
        return Some(python);
    }
    let ran = |command: &mut Command| command.output().is_ok_and(|output| output.status.success());
    let made = Path::new(&python).exists() || ran(Command::new("python3").args(["-m", "venv", &home]));
    let made = made && ran(Command::new(&python).args(["-m", "pip", "install", "--quiet", "datasketches==5.2.0"]));
    (made && works(&python)).then_some(python)
}

fn read_back(python: &str, fields: &[Value]) -> Vec<Value> {
    let mut child = Command::new(python)
        .arg("tests/profile/read_back.py")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("Python starts");
    let lines: String = fields.iter().map(|field| format!("{field}\n")).collect();
    child.stdin.take().expect("its input").write_all(lines.as_bytes()).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success());
    let lines = String::from_utf8(output.stdout).expect("UTF-8");
    lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect()
}
