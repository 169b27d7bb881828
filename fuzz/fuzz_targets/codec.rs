//! Bytes as records of the internal topics: refused, or read, and then written and read again as the same; what a delta holds is
//! merged, split, judged and summed up like any other.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mesh_steward_fuzz::engine::check::tally::Tally;
use mesh_steward_fuzz::engine::check::verdict::{Facts, judge};
use mesh_steward_fuzz::engine::contract::plan::Plan;
use mesh_steward_fuzz::engine::contract::{compile, odcs};
use mesh_steward_fuzz::engine::lineage::graph::{Graph, Limits};
use mesh_steward_fuzz::engine::profile::summary::summary;
use mesh_steward_fuzz::engine::trend::level::Closing;
use mesh_steward_fuzz::flow::delta::{Delta, VERSION, decode, encode};
use mesh_steward_fuzz::flow::history::ProductHistory;
use mesh_steward_fuzz::flow::state::{PartitionState, ProductState};
use serde::Serialize;
use serde::de::DeserializeOwned;

const CONTRACT: &str = include_str!("../contract.yaml");

thread_local! {
    static PLAN: Plan = compile::compile(&odcs::parse(CONTRACT).contract.expect("a contract"));
}

fuzz_target!(|bytes: &[u8]| PLAN.with(|plan| {
    let Some((choice, body)) = bytes.split_first() else { return };
    let bytes = [&[VERSION], body].concat();
    match choice % 5 {
        0 => {
            let Some(Delta::Product(delta)) = again::<Delta<Tally>>(&bytes) else { return };
            let mut whole = Tally::default();
            for (_, tally) in delta.windows {
                judged(plan, &tally);
                whole.merge(tally);
            }
            judged(plan, &whole);
            for piece in whole.split(1_000) {
                judged(plan, &piece);
            }
        }
        1 => drop(again::<ProductState>(&bytes)),
        2 => drop(again::<PartitionState>(&bytes)),
        3 => {
            let Some(history) = again::<ProductHistory>(&bytes) else { return };
            let closing = Closing { start_ms: 60_000, end_ms: 120_000, windows: 1, complete: true };
            for mut history in history.contracts.into_values() {
                let tally = Tally::default();
                history.close(plan, &tally, &Facts { complete: true, ..Facts::default() }, &closing);
                history.drift(plan, &tally, &closing);
                history.budgets(plan, 120_000);
                history.retain(plan);
            }
        }
        _ => {
            let (key, value) = body.split_at(body.iter().position(|byte| *byte == b'\n').unwrap_or(body.len()));
            let mut graph = Graph::new(Limits::default());
            graph.restore(key, value.get(1..));
            graph.age(1_000);
        }
    }
}));

fn judged(plan: &Plan, tally: &Tally) {
    judge(plan, tally, &Facts { complete: true, ..Facts::default() });
    summary(plan, tally);
    tally.weight_bytes();
}

fn again<V: Serialize + DeserializeOwned>(bytes: &[u8]) -> Option<V> {
    let value = decode::<V>("a record", bytes).ok()?;
    let written = encode(&value);
    let read = decode::<V>("a record", &written).expect("what was written here is read");
    assert_eq!(encode(&read), written);
    Some(value)
}
