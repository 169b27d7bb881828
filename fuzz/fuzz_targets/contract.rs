//! Text as a contract, a product, a policy: whatever it says, it is read to its end, told what is wrong with it, and what is left
//! of it compiles, is written in other languages, and is compared with itself without a difference.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mesh_steward_fuzz::engine::contract::exchange::export::{Target, export};
use mesh_steward_fuzz::engine::contract::standard::lint;
use mesh_steward_fuzz::engine::contract::{compile, diff, joined, odcs, subject};
use mesh_steward_fuzz::engine::policy::rule;
use mesh_steward_fuzz::engine::published::contracts;
use mesh_steward_fuzz::shown::survive_panics_of_parsers;

const TARGETS: [Target; 6] =
    [Target::Avro, Target::JsonSchema, Target::Protobuf, Target::Dcs, Target::Html, Target::Markdown];

fuzz_target!(|text: &str| {
    survive_panics_of_parsers();
    lint::lint(text, &|_| true);
    rule::read(text);
    let _ = contracts::read(&contracts::documents(text));
    for parsed in [odcs::parse(text), subject::parse(text), joined::parse(text)] {
        if let Some(contract) = &parsed.contract {
            let plan = compile::compile(contract);
            assert_eq!(plan.hash, compile::compile(contract).hash);
        }
    }
    for target in TARGETS {
        if let Ok(exported) = export(text, target, None) {
            assert!(!matches!(target, Target::Html) || !exported.text.contains("<script"), "{}", exported.text);
        }
    }
    if let Ok(document) = diff::document(text)
        && let Ok(compared) = diff::compare(&document, &document)
    {
        assert!(compared.changes.is_empty(), "{:?}", compared.changes);
    }
});
