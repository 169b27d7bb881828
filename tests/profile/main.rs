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

#[test]
fn a_profile_whose_sketches_do_not_fit_is_not_complete() {
    let names: Vec<String> = (0..60).map(|i| format!("{{name: f{i}}}")).collect();
    let (plan, tally) = (plan(&format!("\n- {}", names.join("\n- "))), &mut Tally::default());
    let record = |r: usize| {
        let members: Vec<String> = (0..60).map(|i| format!("\"f{i}\":{}", r * 7_919 + i)).collect();
        format!("{{{}}}", members.join(","))
    };
    count(&plan, &(0..1_000).map(record).collect::<Vec<_>>(), tally);
    let value = value_of(&event(&plan, tally, &summary(&plan, tally)).0);
    let left_out = value["omitted"]["sketches"].as_u64().expect("some");
    assert!(left_out > 0 && left_out < 60, "{}", value["omitted"]);
    assert_eq!((&value["complete"], &value["omitted"]["fields"]), (&json!(false), &json!(0)));
}

#[test]
fn a_sketch_of_record_sizes_that_cannot_be_read_is_told() {
    let (plan, tally) = (plan(ORDERS), &mut Tally::default());
    count(&plan, &orders(10), tally);
    // As a delta holds it: the size k, the second kind of what is held, and why it is broken.
    let broken = postcard::to_stdvec(&(200u16, 1u8, Err::<Vec<u8>, &str>("no sketch"))).expect("plain data");
    tally.profile.topic.sizes = Some(postcard::from_bytes(&broken).expect("a broken one"));
    let event = event(&plan, tally, &summary(&plan, tally)).0;
    let value = value_of(&event);
    assert_eq!(value["complete"], false);
    assert_eq!(value["incomplete"], json!(["sizes of records: no sketch"]));
    assert!(value["topic"].get("recordBytes").is_none());
    keeps_its_schema("one with a broken sketch", &event);
}

#[test]
fn times_are_told_as_times_and_what_has_no_text_in_milliseconds() {
    let (plan, tally) = (plan(ORDERS), &mut Tally::default());
    count(&plan, &orders(1), tally);
    let check = |moments: (i64, i64), times: (i64, i64), expected: Value| {
        let mut summary = summary(&plan, tally);
        (summary.fields[0].moments_ms, summary.fields[0].times_ms) = (Some(moments), Some(times));
        let event = event(&plan, tally, &summary).0;
        let field = &value_of(&event)["fields"][0];
        assert_eq!(json!([field["moments"], field["times"]]), expected);
        keeps_its_schema("one with moments", &event);
    };
    let (last_ms, day_ms) = (253_402_300_799_999, 86_400_000);
    check(
        (-1, last_ms),
        (0, day_ms - 1),
        json!([
            {"min": "1969-12-31T23:59:59.999Z", "max": "9999-12-31T23:59:59.999Z"},
            {"min": "00:00:00.000", "max": "23:59:59.999"}
        ]),
    );
    check(
        (i64::MIN, last_ms + 1),
        (-1, day_ms),
        json!([{"minMs": i64::MIN, "maxMs": last_ms + 1}, {"minMs": -1, "maxMs": day_ms}]),
    );
}

#[test]
fn texts_that_may_be_shown_have_a_first_and_a_last() {
    let (plan, tally) = (plan(ORDERS), &mut Tally::default());
    let long = "z".repeat(70);
    let record = |id: &str| format!(r#"{{"id":"{id}","mail":"{id}","lines":[{{"sku":"{id}"}}]}}"#);
    count(&plan, &["m", "\u{e9}", "a", &long, "m"].map(record), tally);
    let value = value_of(&event(&plan, tally, &summary(&plan, tally)).0);
    let texts: Vec<&Value> =
        value["fields"].as_array().expect("fields").iter().filter_map(|f| f.get("texts")).collect();
    assert_eq!(texts, [&json!({"min": "a", "max": "é"})]);
    count(&plan, &["", &long].map(|id| format!(r#"{{"state":"{id}"}}"#)), tally);
    let value = value_of(&event(&plan, tally, &summary(&plan, tally)).0);
    assert_eq!(value["fields"][2]["texts"], json!({"min": "", "max": long[..64]}));
}

/// The daemon's bytes against Apache's own C++ library, through its Python package.
#[test]
fn published_sketches_read_back_in_python() {
    let Some(python) = python() else {
        println!(
            "skipped: sketches are not read back, for there is no Python with `datasketches` and none could be made"
        );
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
    assert_eq!(answers.len(), fields.len(), "an answer for each field");
    let mut read: BTreeMap<&str, usize> = BTreeMap::new();
    for (field, found) in fields.iter().zip(answers) {
        let path = field["path"].as_str().expect("a path");
        assert_eq!(found["path"], field["path"]);
        for name in field["sketches"].as_object().into_iter().flat_map(|sketches| sketches.keys()) {
            *read.entry(name).or_default() += 1;
        }
        if let Some(distinct) = field.get("distinct") {
            assert!(close(&distinct["estimate"], &found["distinct"]), "{path}: {distinct} {found}");
            // The union estimates without HIP: it may differ by the published error, and by no new value.
            let (ours, merged) =
                (distinct["estimate"].as_f64().expect("ours"), found["merged"].as_f64().expect("merged"));
            assert!((ours - merged).abs() <= 3.0 * 0.0163 * ours + 1e-3, "{path}: {ours} became {merged}");
        }
        let ranked = |at: &str, quantiles: &str, error: &str, count: &str| {
            let Some(ours) = field.pointer(&format!("{at}/quantiles")) else { return };
            let values: Vec<&Value> = ours["values"].as_array().expect("values").iter().map(|q| &q["value"]).collect();
            let theirs = found[quantiles].as_array().expect("quantiles");
            assert_eq!(values.len(), theirs.len(), "{path}{at}");
            assert!(values.iter().zip(theirs).all(|(a, b)| close(a, b)), "{path}{at}: {ours} {found}");
            // While there are few the list is exact, and the sketch is what it is.
            assert!(ours["rankError"] == 0.0 || close(&ours["rankError"], &found[error]), "{path}{at}: {ours}");
            assert_eq!(found[count], field.pointer(at).expect("there")["count"], "{path}{at}");
        };
        ranked("/numbers", "quantiles", "rankError", "n");
        ranked("/lengths", "lengthQuantiles", "lengthRankError", "lengths");
        for often in field.pointer("/frequent/values").and_then(Value::as_array).into_iter().flatten() {
            let name = match often["hash"].as_str() {
                Some(hash) => format!("#{hash}"),
                None => often["value"].as_str().expect("a value").to_owned(),
            };
            assert_eq!(found["frequent"][&name], json!([often["lower"], often["upper"]]), "{path}: {name}");
        }
    }
    // `new` is outside the contract, `mail` is classified: they have distinct values alone, and objects have nothing.
    let expected = [("frequentStrings", 4), ("hll", 6), ("kllDoubles", 1), ("kllDoublesOfLengths", 3)];
    assert_eq!(read.into_iter().collect::<Vec<_>>(), expected);
}

fn close(a: &Value, b: &Value) -> bool {
    let number = |value: &Value| value.as_f64().unwrap_or_else(|| panic!("{value} is no number"));
    (number(a) - number(b)).abs() <= 1e-6 * number(a).abs().max(1.0)
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
            headers: None,
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
        budgets: &[],
        drift: None,
        sampled: None,
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
