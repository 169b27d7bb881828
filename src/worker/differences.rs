//! What differs between two states of the contracts in force.

use crate::catalog::files::{Loaded, Source};
use crate::engine::contract::name::ContractHash;
use crate::engine::contract::plan::{Binding, Plans};
use std::collections::BTreeMap;

/// Contracts that came, changed or went, each with its version.
pub fn contracts_changed(before: &Loaded, after: &Loaded) -> Vec<String> {
    let versions = |loaded: &Loaded| -> BTreeMap<ContractHash, String> {
        let version = |s: &Source| (s.plan.hash, format!("{} {}", s.plan.contract_id, s.plan.contract_version));
        loaded.sources.iter().map(version).collect()
    };
    let (old, new) = (versions(before), versions(after));
    let came = new.iter().filter(|(hash, _)| !old.contains_key(hash)).map(|(_, name)| format!("contract {name}"));
    let went =
        old.iter().filter(|(hash, _)| !new.contains_key(hash)).map(|(_, name)| format!("contract {name} withdrawn"));
    came.chain(went).collect()
}

/// Whether both bind the same contract versions to the same topics.
pub fn same_topics(a: &Plans, b: &Plans) -> bool {
    let bound = |plans: &Plans| -> Vec<(String, Vec<(ContractHash, usize)>)> {
        let of = |bindings: &Vec<_>| bindings.iter().map(|b: &Binding| (b.plan.hash, b.object)).collect();
        plans.by_topic.iter().map(|(topic, bindings)| (topic.clone(), of(bindings))).collect()
    };
    bound(a) == bound(b)
}
