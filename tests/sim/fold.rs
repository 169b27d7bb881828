//! A naive ledger: what the committed deltas say, folded without windows that close or state that is kept.

use crate::sim::invariants::{Failure, broken};
use crate::sim::judge::{Names, RecordId};
use mesh_steward::engine::contract::name::{ContractHash, ProductName};
use mesh_steward::engine::record::{Offset, TopicId, WindowStart};
use mesh_steward::flow::delta::{Delta, Extent, Report, Reports};
use mesh_steward::flow::io::Ms;
use mesh_steward::flow::state::{PartitionState, ProductState};
use std::collections::BTreeMap;

/// One delta partition.
#[derive(Default)]
pub struct Fold {
    /// Offset, append time, delta; below `read`.
    pub deltas: Vec<(Offset, Ms, Delta<Names>)>,
    pub read: Offset,
    taken: usize,
    pub products: BTreeMap<ProductName, Naive>,
}

#[derive(Default)]
pub struct Naive {
    chains: BTreeMap<(String, i32), (TopicId, Offset, Option<Ms>)>,
    extents: BTreeMap<String, Extent>,
    /// The deltas that speak of a window.
    windows: BTreeMap<WindowStart, Vec<Offset>>,
    /// How far time had come at the best: a partition that is added later does not turn it back.
    pub reached: Option<Ms>,
    /// Each record as a delta told it: by which contract version, and how far time had come before its flush.
    pub told: BTreeMap<RecordId, (ContractHash, Option<Ms>)>,
    /// The last delta's flush and place, and how far time had come before it: adjacent parts are one.
    flush: Option<((String, u64), Offset, Option<Ms>)>,
}

impl Fold {
    /// Takes every delta before `applied`.
    pub fn advance(&mut self, applied: Offset) {
        while let Some((offset, append_ms, delta)) = self.deltas.get(self.taken).filter(|(o, _, _)| *o < applied) {
            match delta {
                Delta::Product(d) => {
                    let naive = self.products.entry(d.product.clone()).or_default();
                    let before = match &naive.flush {
                        Some((flush, at, before)) if *flush == d.flush && *at + 1 == *offset => *before,
                        _ => naive.reached,
                    };
                    naive.flush = Some((d.flush.clone(), *offset, before));
                    for (key, names) in &d.windows {
                        naive.windows.entry(key.start).or_default().push(*offset);
                        naive.told.extend(names.times.keys().map(|id| (*id, (key.hash, before))));
                    }
                    d.reports.iter().for_each(|r| naive.take(r, *append_ms));
                }
                Delta::Idle(all) => {
                    for (product, reports) in all {
                        self.products.entry(product.clone()).or_default().take(reports, *append_ms);
                    }
                }
            }
            self.taken += 1;
        }
    }

    pub fn matches(
        &self,
        state: &PartitionState,
        start: Offset,
        products: &BTreeMap<ProductName, ProductState>,
        holes: bool,
    ) -> Result<(), Failure> {
        const I3: &str = "I3: the state is the fold of its deltas";
        if self.taken > 0 && self.deltas[self.taken - 1].0 >= state.applied || self.read < state.applied {
            return broken(I3, format!("applied {} fell, or is beyond the log at {}", state.applied, self.read));
        }
        for (name, naive) in &self.products {
            let Some(product) = products.get(name) else {
                return broken(I3, format!("{name} has deltas before {} and no state", state.applied));
            };
            let chains: BTreeMap<_, _> =
                product.chains.iter().map(|c| ((c.topic.clone(), c.partition), (c.id, c.to, c.watermark_ms))).collect();
            let lives = |(_, (id, _, _)): &(&(String, i32), &(TopicId, Offset, Option<Ms>))| {
                naive.extents.values().all(|e| e.id != Some(*id)) || chains.values().any(|c| c.0 == *id)
            };
            let kept: BTreeMap<_, _> = naive.chains.iter().filter(lives).map(|(k, v)| (k.clone(), *v)).collect();
            if !holes && kept != chains {
                return broken(I3, format!("{name}: chains {chains:?}, deltas before {} say {kept:?}", state.applied));
            }
            let open = |(start, _): &(&WindowStart, &Vec<Offset>)| product.closed_through.is_none_or(|c| **start >= c);
            let needed =
                naive.windows.iter().filter(open).flat_map(|(_, firsts)| firsts).filter(|o| **o >= start).min();
            if let Some(first) = needed.filter(|first| **first < state.low) {
                return broken(I3, format!("{name}: an open window needs delta {first}, low is {}", state.low));
            }
        }
        Ok(())
    }
}

impl Naive {
    fn take(&mut self, reports: &Reports, append_ms: Ms) {
        // Wholly behind the chains: counted before.
        let mut read = reports.partitions.iter().filter(|r| !r.interval.is_empty()).peekable();
        let behind = |r: &Report| {
            let chain = self.chains.get(&(r.topic.clone(), r.partition));
            chain.is_some_and(|(id, to, _)| *id == r.id && r.interval.to <= *to)
        };
        if read.peek().is_some() && read.all(behind) {
            return;
        }
        for r in &reports.partitions {
            let time = r.watermark_ms.max(r.caught_up_ms.map(|at| at.min(append_ms)));
            let chain = self.chains.entry((r.topic.clone(), r.partition)).or_insert((r.id, 0, None));
            if chain.0 != r.id {
                *chain = (r.id, 0, None);
            }
            // One wholly behind was counted before; an idle one still tells the time.
            if r.interval.to >= chain.1 {
                *chain = (r.id, r.interval.to, chain.2.max(time));
            }
        }
        for e in &reports.topics {
            let known = self.extents.entry(e.topic.clone()).or_insert_with(|| e.clone());
            let partitions = if known.id == e.id { known.partitions.max(e.partitions) } else { e.partitions };
            *known = Extent { partitions, ..e.clone() };
        }
        self.reached = self.reached.max(self.watermark());
    }

    /// The lowest partition's time; `None` while one is missing.
    fn watermark(&self) -> Option<Ms> {
        let mut times = Vec::new();
        for extent in self.extents.values() {
            for partition in 0..extent.partitions {
                let (id, _, time) = self.chains.get(&(extent.topic.clone(), partition))?;
                times.push(Some(*id).filter(|id| Some(*id) == extent.id).and(*time)?);
            }
            extent.id?;
        }
        times.into_iter().min()
    }
}
