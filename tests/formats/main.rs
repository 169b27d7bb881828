//! Contracts over records of every binary format: what was planted in them is found, and nothing else.

mod avro;
mod hostile; // what was written to do harm
mod protobuf;
mod shapes; // the same rows in each

use mesh_steward::engine::check::record::{Examined, Examiner};
use mesh_steward::engine::check::tally::Tally;
use mesh_steward::engine::contract::plan::{Check, Plan};
use mesh_steward::engine::contract::{compile, odcs};
use mesh_steward::engine::decode::schema::Schemas;
use mesh_steward::engine::record::{Position, RawRecord, TopicId};
use std::sync::Arc;

const AT: Position = Position { topic: TopicId(1), partition: 0 };

/// A contract of one topic `t`; its properties, and further lines of the object.
fn contract(properties: &str, more: &str) -> Plan {
    let text = format!(
        "kind: DataContract\napiVersion: v3.1.0\nid: c\nversion: 1.0.0\nstatus: active\nschema:\n- name: t\n  physicalType: topic\n  properties:\n{properties}{more}"
    );
    let parsed = odcs::parse(&text);
    assert!(parsed.problems.is_empty(), "{text}\n{:#?}", parsed.problems);
    compile::compile(&parsed.contract.expect("a contract"))
}

/// Of a map of books by their places on a shelf.
const SHELF_PROPERTIES: &str = "
  - name: books
    logicalType: map
    map:
      key: {logicalType: string, logicalTypeOptions: {pattern: '^[a-z][0-9]$'}}
      value:
        logicalType: object
        properties:
        - {name: pages, logicalType: integer, logicalTypeOptions: {minimum: 1}}
        - {name: title, logicalType: string, required: true}
";
/// Of the second shelf a key, both books' pages and a title, of the third a title.
const SHELF_FOUND: [&str; 3] =
    ["t.books{key}.pattern: 1 of 3", "t.books{value}.pages.minimum: 1 of 3", "t.books{value}.title.required: 2 of 3"];

/// The value of a record, and its header.
type Sent = (Vec<u8>, Option<Vec<u8>>);

fn framed(id: u32, payload: &[u8]) -> Sent {
    ([&[0][..], &id.to_be_bytes(), payload].concat(), None)
}

fn examined(plan: &Plan, schemas: Option<Schemas>, sent: &[Sent]) -> (Tally, Vec<Option<i64>>) {
    let mut examiner = Examiner::new(&[7; 16]);
    if let Some(schemas) = schemas {
        examiner.replace_schemas(Arc::new(schemas));
    }
    let (mut tally, mut times) = (Tally::default(), Vec::new());
    for (offset, (value, header)) in sent.iter().enumerate() {
        let (value, schema_header) = (Some(value.as_slice()), header.as_deref());
        let record =
            RawRecord { offset: offset as i64, timestamp_ms: 0, key: None, value, schema_header, headers: None };
        match examiner.examine(plan, &[0], &record) {
            Examined::At(time) => times.push(time),
            Examined::Needs(reference) => panic!("{reference} is needed"),
        }
        examiner.count(plan, &record, AT, false, &mut tally);
    }
    (tally, times)
}

/// What is found, a line each: `rule: failed of asked`, then `undecodable reason: count`. Rules that hold are left out.
fn found(plan: &Plan, mut tally: Tally) -> Vec<String> {
    let mut lines = Vec::new();
    for (number, rule) in plan.rules.iter().enumerate() {
        if matches!(rule.check, Check::RowCount | Check::Unmeasured(_)) {
            continue;
        }
        let counts = tally.rule(number);
        let failed = counts.failed_rows().expect("few keys").value as u64;
        if failed > 0 {
            lines.push(format!("{}: {failed} of {}", rule.id, counts.asked));
        }
    }
    lines.extend(tally.undecodable.iter().map(|(reason, count)| format!("{reason}: {count}")));
    lines
}
