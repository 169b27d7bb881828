//! Lines of bytes as records of a topic that nobody has described: a contract is drafted, and it is one, whatever they are called.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mesh_steward_fuzz::engine::contract::odcs;
use mesh_steward_fuzz::engine::contract::standard::lint;
use mesh_steward_fuzz::engine::infer::draft;
use mesh_steward_fuzz::engine::infer::gather::Gathered;

fuzz_target!(|lines: &[u8]| {
    let mut gathered = Gathered::default();
    lines.split(|byte| *byte == b'\n').for_each(|line| gathered.line(line));
    let text = draft::yaml(&gathered, "orders", Some("sales"), "orders", "lines");
    assert!(odcs::parse(&text).contract.is_some(), "{text}");
    let linted = lint::lint(&text, &|_| true);
    assert!(linted.is_valid(), "{text}\n{:?}", linted.problems);
});
