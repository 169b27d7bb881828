//! Text as a rule in CEL or SQL: refused with a reason, or asked of a record within its bound of steps.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mesh_steward_fuzz::engine::check::record::Examiner;
use mesh_steward_fuzz::engine::check::tally::Tally;
use mesh_steward_fuzz::engine::check::verdict::{Facts, judge};
use mesh_steward_fuzz::engine::contract::{compile, odcs};
use mesh_steward_fuzz::engine::record::{Position, RawRecord, TopicId};

const RECORDS: [&str; 3] = [
    r#"{"id":"a","amount":10,"status":"PAID","at":"2026-01-01T00:00:00Z","tags":["x",1,null],"of":{"a":1.5}}"#,
    r#"{"id":"é","amount":-2.5e3,"status":null,"at":"never","tags":[],"of":{}}"#,
    r#"{"amount":9223372036854775807}"#,
];

fuzz_target!(|text: &str| {
    let quoted = serde_json::Value::from(text).to_string();
    let contract = format!(
        "kind: DataContract\napiVersion: v3.1.0\nid: c\nversion: 1.0.0\nstatus: active\nschema:\n- name: orders\n  physicalType: topic\n  properties:\n  - {{name: id}}\n  - {{name: amount}}\n  - {{name: status}}\n  - {{name: at}}\n  - {{name: tags, items: {{}}}}\n  - {{name: of, properties: [{{name: a}}]}}\n  quality:\n  - {{id: cel, type: custom, engine: cel, implementation: {quoted}}}\n  - {{id: sql, type: sql, query: {quoted}, mustBe: 0}}\n"
    );
    let Some(contract) = odcs::parse(&contract).contract else { return };
    let plan = compile::compile(&contract);
    let (mut examiner, mut tally) = (Examiner::new(&[7; 16]), Tally::default());
    for (offset, value) in (0..).zip(RECORDS) {
        let record = RawRecord {
            offset,
            timestamp_ms: 1,
            key: Some(b"k"),
            value: Some(value.as_bytes()),
            schema_header: None,
            headers: None,
        };
        examiner.examine(&plan, &[0], &record);
        examiner.count(&plan, &record, Position { topic: TopicId(0), partition: 0 }, false, &mut tally);
    }
    judge(&plan, &tally, &Facts { complete: true, ..Facts::default() });
});
