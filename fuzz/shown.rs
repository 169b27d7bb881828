//! Decoded values as a text, to be compared; and panics that the daemon survives.

use crate::engine::decode::tree::{Kind, Value};
use std::panic;
use std::sync::Once;

pub fn shown(value: Value<'_>) -> String {
    match value.kind() {
        Kind::Array(items) => items.map(shown).collect::<Vec<_>>().join(","),
        Kind::Object(members) => members.map(|(name, value)| format!("{name}:{} ", shown(value))).collect(),
        other => format!("{other:?}"),
    }
}

/// The fuzzer ends at a panic before anybody can catch it, and the daemon catches those of the parsers of schemas. What nobody
/// catches still ends the fuzzer, and what is ours is told.
pub fn survive_panics_of_parsers() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        panic::set_hook(Box::new(|panic| {
            let ours = panic
                .location()
                .is_some_and(|at| at.file().contains("src/engine") || at.file().contains("fuzz_targets"));
            if ours {
                eprintln!("{panic}");
            }
        }));
    });
}
