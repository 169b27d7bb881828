//! Bytes as JSON: read as serde_json reads them, or refused for a reason; and what an earlier record left does not show.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mesh_steward_fuzz::engine::decode::fields::Fields;
use mesh_steward_fuzz::engine::decode::json;
use mesh_steward_fuzz::engine::decode::names::Names;
use mesh_steward_fuzz::engine::decode::number::Number;
use mesh_steward_fuzz::engine::decode::path::{FieldPath, Step};
use mesh_steward_fuzz::engine::decode::reason::Reason;
use mesh_steward_fuzz::engine::decode::tree::{Kind, Tree, Value};
use serde_json::Value as Json;
use std::cell::RefCell;
use std::sync::Arc;

thread_local! {
    /// Kept from input to input, as the daemon keeps them from record to record.
    static KEPT: RefCell<(Arc<Fields>, Tree, Names)> = RefCell::new({
        let fields = Arc::new(Fields::of(&["a", "b.a", "b.c", "d.[].a", "d.[].[]", "\"", "é"].map(path)));
        let names = Names::of(&fields);
        (fields, Tree::default(), names)
    });
}

fuzz_target!(|bytes: &[u8]| KEPT.with_borrow_mut(|(fields, tree, names)| {
    let (mut plain, mut fresh) = (Tree::default(), Names::of(&Default::default()));
    let plainly = json::record(&mut plain, &mut fresh, bytes);
    let theirs = serde_json::from_slice::<Json>(bytes);
    match (json::record(tree, names, bytes), plainly) {
        (Ok(ours), Ok(plainly)) => {
            let theirs = theirs.expect("accepted here alone");
            assert!(same(ours, &theirs) && same(plainly, &theirs));
            at_its_place(ours, fields, 0, &theirs);
        }
        (Err(ours), Err(plainly)) => {
            assert_eq!(ours, plainly);
            // Decided otherwise than serde_json does.
            let ours_alone = [
                Reason::NotAnObject,
                Reason::DuplicateKey,
                Reason::NumberOutOfRange,
                Reason::TooDeep,
                Reason::TooLarge,
            ];
            assert!(ours_alone.contains(&ours.reason) || theirs.is_err(), "refused here alone: {ours:?}");
        }
        (ours, plainly) => panic!("{:?} with fields, {:?} without", ours.err(), plainly.err()),
    }
}));

fn path(text: &str) -> FieldPath {
    FieldPath(text.split('.').map(|name| if name == "[]" { Step::Items } else { Step::Name(name.into()) }).collect())
}

fn same(ours: Value<'_>, theirs: &Json) -> bool {
    match (ours.kind(), theirs) {
        (Kind::Null, Json::Null) => true,
        (Kind::Bool(a), Json::Bool(b)) => a == *b,
        (Kind::Number(Number::Int(a)), Json::Number(b)) if b.is_i64() => b.as_i64() == Some(a),
        (Kind::Number(Number::Unsigned(a)), Json::Number(b)) => b.as_u64() == Some(a),
        (Kind::Number(a), Json::Number(b)) => b.as_f64() == Some(a.as_f64()),
        (Kind::Text(a), Json::String(b)) => a == b,
        (Kind::Array(a), Json::Array(b)) => a.len() == b.len() && a.zip(b).all(|(a, b)| same(a, b)),
        (Kind::Object(mut a), Json::Object(b)) => {
            a.len() == b.len() && a.all(|(name, a)| b.get(name).is_some_and(|b| same(a, b)))
        }
        _ => false,
    }
}

/// What stands at a place outside arrays is what has its name.
fn at_its_place(record: Value<'_>, fields: &Fields, place: u32, theirs: &Json) {
    for child in fields.children(place) {
        let named = fields.names().nth(child as usize).and_then(|name| theirs.get(&*name));
        assert_eq!(record.at(child).is_some(), named.is_some());
        if let (Some(ours), Some(theirs)) = (record.at(child), named) {
            assert!(same(ours, theirs));
            at_its_place(record, fields, child, theirs);
        }
    }
}
