//! Text as a contract: whatever it says, it is read to its end, told what is wrong with it, and what is left of it compiles.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mesh_steward_fuzz::engine::contract::standard::lint;
use mesh_steward_fuzz::engine::contract::{compile, odcs, subject};

fuzz_target!(|text: &str| {
    lint::lint(text, &|_| true);
    for parsed in [odcs::parse(text), subject::parse(text)] {
        if let Some(contract) = &parsed.contract {
            let plan = compile::compile(contract);
            assert_eq!(plan.hash, compile::compile(contract).hash);
        }
    }
});
